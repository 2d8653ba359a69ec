#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "ritz/comm/exchange_plan.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::assembly {

/// Which cells share the lanes of a batch, where their dofs are, and in which order a worker (a
/// thread) goes through them.
///
/// Indices: below n_owned an owned dof of the vector itself; from n_owned on a place in the
/// worker's extra entries: copies of other ranks' dofs, then `n_zero` entries that prescribed dofs
/// and empty lanes read as 0 and write for nobody, then (only when writing) dofs that belong to an
/// earlier worker.
struct CellBatches {
  /// `width`: lanes. `is_fixed`: [n_local * n_components]. `some`: the owned cells to take,
  /// ascending, with one worker only; without it all. With several components a node's unknowns
  /// follow each other, node n's component c is dof n * n_components + c here, and so on: dofs are
  /// the unknowns. Collective (the plan).
  CellBatches(const mesh::Mesh& mesh, const fem::Space& space,
              const std::vector<std::uint8_t>& is_fixed, int width, int n_workers,
              const std::vector<LocalId>* some = nullptr, int n_components = 1);

  struct Batch {
    std::size_t source = 0;  ///< into `index`: where to read
    std::size_t target = 0;  ///< where to add; the same unless dofs belong to another worker
    /// index[entity][lane]: first dof of each vertex, edge, face and the inside, the others follow
    /// it (with at most `max_in_runs` components); or index[place][lane].
    bool by_entity = true;
    bool is_own = false;  ///< all are dofs of the vector itself, for reading and writing
  };
  using Range = std::pair<LocalId, LocalId>;  ///< owned dofs [first, second)
  struct Group {
    int begin = 0, end = 0;                                        ///< batches
    std::size_t first = 0, first_end = 0, last = 0, last_end = 0;  ///< into `ranges`
  };
  struct Worker {
    std::vector<Group> inner, outer;  ///< without and with copies of other ranks' dofs
    /// Ranges that others need before, or add to after, this worker's own pass.
    std::vector<Range> early, late;
    std::vector<LocalId> foreign;  ///< dofs of earlier workers, in the order of the extra entries
  };

  static constexpr int max_in_runs = 3;

  int width = 1;
  int n_components = 1;
  int n_nodes = 0;  ///< of a cell, times n_components
  LocalId n_owned = 0;
  LocalId n_copies = 0;
  LocalId n_zero = 0;
  std::vector<LocalId> cells;  ///< [n_batches][width], -1 in empty lanes
  std::vector<std::int32_t> index;
  std::vector<Batch> batches;
  std::vector<Range> ranges;  ///< of the groups, multiples of `block` except at the ends
  std::vector<Worker> workers;
  /// [n_nodes] tensor position of the entity-order node; component c behind all of c - 1.
  std::vector<std::int16_t> place;
  std::vector<LocalId> fixed;    ///< owned prescribed dofs, ascending
  std::vector<LocalId> copy_of;  ///< [ghosts of the space]: which copy, -1 if unused
  comm::ExchangePlan plan;       ///< owned dofs to copies n_owned + i

  [[nodiscard]] int n_batches() const { return static_cast<int>(batches.size()); }
  /// Extra entries of a worker.
  [[nodiscard]] std::size_t n_extra(const Worker& worker) const {
    return static_cast<std::size_t>(n_copies) + static_cast<std::size_t>(n_zero) +
           worker.foreign.size();
  }
  [[nodiscard]] std::size_t bytes() const;
  /// Marks the blocks of these dofs as late: something is added to them after the cells.
  void add_late(const std::vector<LocalId>& dofs);

 private:
  static constexpr LocalId block = 64;
  void make_ranges(const fem::Space& space);
};

}  // namespace ritz::assembly
