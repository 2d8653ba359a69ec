#pragma once

#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"

namespace ritz::fem {
struct Space;
}

namespace ritz::la {

/// Distribution of the unknowns: who owns which, and which copies of others' this rank needs.
///
/// Local numbers: owned unknowns 0..n_owned-1, then ghosts (sorted by owner rank, then by solver
/// id). Solver ids are contiguous on each rank: owned unknown i has the id `first + i`.
struct Layout {
  comm::Communicator communicator;
  LocalId n_owned = 0;
  GlobalId first = 0;
  GlobalId n_global = 0;
  std::vector<GlobalId> ghost_ids;  ///< solver ids of the ghosts
  std::vector<int> ghost_owners;    ///< the ranks that own them

  /// The layout of a space's unknowns. Local.
  [[nodiscard]] static Layout of(const fem::Space& space);

  /// A layout from each rank's number of owned unknowns and its ghosts' solver ids, in any order:
  /// they are sorted, duplicates and owned ids removed. Collective.
  [[nodiscard]] static Layout from_owned(const comm::Communicator& communicator, LocalId n_owned,
                                         std::vector<GlobalId> ghost_ids);

  [[nodiscard]] LocalId n_ghosts() const { return static_cast<LocalId>(ghost_ids.size()); }
  [[nodiscard]] LocalId n_local() const { return n_owned + n_ghosts(); }
};

}  // namespace ritz::la
