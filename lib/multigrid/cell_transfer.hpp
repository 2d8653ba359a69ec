#pragma once

#include <cstdint>
#include <vector>

#include "ritz/comm/split_exchange.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/kernels/lanes.hpp"
#include "ritz/mesh/hierarchy.hpp"

namespace ritz::multigrid {

/// Between degrees k and floor(k/2) on the same mesh (lines, quads, hexes), or between a mesh of
/// degree k and one of the same degree whose cells are its cells' parents: the coarse function at
/// the fine nodes, by 1-D interpolation in one direction after the other (none in directions that
/// are not halved), kernels::n_lanes<T> coarse cells at once. The restriction is the transpose.
///
/// A fine unknown belongs to the cell that touches it first: fem::Space numbers unknowns in this
/// order, so those of a cell are consecutive, entity by entity; a start and a mask of entities a
/// cell say all. Nothing is written twice, whatever the number of threads.
///
/// The way down adds in chunks of cells, whose size does not depend on the threads: a coarse
/// unknown takes the sum of the first chunk that touches it, then those of others, which are kept
/// aside, in the order of the chunks.
///
/// Bytes moved a fine unknown (degree 4, 3-D, float): 8 prolongation (read and write) and 4
/// restriction, plus 4 (index) for each of the 27 coarse nodes of 64 fine unknowns, or the 125 of
/// 64 times the number of children.
template <class T>
class CellTransfer {
 public:
  /// `coarse` has half the degree of `fine`, rounded down. The arguments may go. Local.
  CellTransfer(const mesh::Mesh& mesh, const fem::Space& fine, const fem::Space& coarse);
  /// Both spaces of the same degree, 2 to 8; `parents` of the fine mesh's cells. The arguments may
  /// go. Local.
  CellTransfer(const mesh::Mesh& fine_mesh, const fem::Space& fine, const mesh::Mesh& coarse_mesh,
               const fem::Space& coarse, const mesh::Parents& parents);

  /// fine += P coarse. `coarse` [n_local]: the ghosts are overwritten; `fine` [n_owned].
  /// Collective.
  void prolongate(T* coarse, T* fine) const;
  /// coarse = P^T fine. `coarse` [n_local]: the ghosts hold nothing afterwards. Collective.
  void restrict_residual(const T* fine, T* coarse) const;

  [[nodiscard]] std::size_t bytes() const;

 private:
  static constexpr int width = kernels::n_lanes<T>;

  /// `parents`: null for a cell that is its own only child.
  CellTransfer(const mesh::Mesh& fine_mesh, const fem::Space& fine, const mesh::Mesh& coarse_mesh,
               const fem::Space& coarse, const mesh::Parents* parents);
  void find_fine_unknowns(const fem::Space& fine, const std::vector<LocalId>& children);
  void find_coarse_unknowns(const fem::Space& coarse,
                            const std::vector<std::int16_t>& coarse_tensor);

  template <int dim, int n_coarse, int n_fine>
  void prolongate_cells(const T* coarse, T* fine) const;
  template <int dim, int n_coarse, int n_fine>
  void restrict_cells(const T* fine, T* coarse) const;
  template <class Call>
  void dispatch(const Call& call) const;

  int dimension_, coarse_degree_, fine_degree_;
  mesh::Directions halved_;            // 0 between degrees
  std::vector<std::uint8_t> corners_;  // [children of a cell] where they are, in `halved_`
  std::size_t n_cells_, n_batches_;    // coarse cells
  std::size_t n_coarse_local_;
  std::vector<T> interpolation_;        // [half if halved_][n_fine][n_coarse], 1-D
  std::vector<std::int16_t> tensor_;    // [fine nodes, entity order] tensor place
  std::vector<int> entity_begin_;       // [entities + 1] in entity order
  std::vector<LocalId> coarse_dofs_;    // [batch][coarse node, tensor order][lane]
  std::vector<LocalId> first_;          // [batch][child][lane]
  std::vector<std::uint32_t> mask_;     // [batch][child][lane]; 0: no cell
  std::vector<LocalId> targets_;        // as coarse_dofs_, or n_coarse_local_ + place in aside_
  std::size_t chunk_;                   // batches
  std::vector<std::size_t> own_begin_;  // [chunks + 1] owned coarse unknowns first touched by each
  std::vector<std::size_t> aside_begin_;  // [chunks + 1]
  std::vector<LocalId> aside_dof_;        // whose sum is kept aside
  mutable std::vector<T> aside_;
  std::size_t n_coarse_owned_;
  mutable comm::SplitExchange<T> halo_;  // of the coarse space
};

extern template class CellTransfer<float>;
extern template class CellTransfer<double>;

}  // namespace ritz::multigrid
