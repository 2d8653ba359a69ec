#pragma once

#include <cstdint>
#include <vector>

#include "ritz/comm/split_exchange.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/hierarchy.hpp"

namespace ritz::multigrid {

/// Between the spaces of degree 1 on a mesh of lines, quads or hexes and on its refinement: a new
/// vertex has the mean of the 1, 2, 4 or 8 coarse vertices around it. The restriction is the
/// transpose. Stored row by row in both directions, so that each number is written once.
template <class T>
class RefinementTransfer {
 public:
  /// Both spaces of degree 1; `parents` of the fine mesh's cells. The arguments may go. Local.
  RefinementTransfer(const fem::Space& fine, LocalId n_fine_cells, const fem::Space& coarse,
                     const mesh::Parents& parents);

  /// fine += P coarse. `coarse` [n_local]: the ghosts are overwritten; `fine` [n_owned].
  /// Collective.
  void prolongate(T* coarse, T* fine) const;
  /// coarse = P^T fine. `coarse` [n_local]: the ghosts hold nothing afterwards. Collective.
  void restrict_residual(const T* fine, T* coarse) const;

  [[nodiscard]] std::size_t bytes() const;

 private:
  std::vector<std::int64_t> row_begin_;     // [fine owned + 1]
  std::vector<LocalId> row_;                // coarse unknowns; the weight is 1 / their number
  std::vector<std::int64_t> column_begin_;  // [coarse local + 1]
  std::vector<LocalId> column_;             // fine unknowns
  std::vector<T> column_weight_;
  std::size_t n_coarse_owned_;
  mutable comm::SplitExchange<T> halo_;  // of the coarse space
};

extern template class RefinementTransfer<float>;
extern template class RefinementTransfer<double>;

}  // namespace ritz::multigrid
