#pragma once

#include <memory>
#include <vector>

#include "cell_transfer.hpp"
#include "refinement_transfer.hpp"

namespace ritz::multigrid {

/// From a level to the next coarser one and back, for any number of components: several are taken
/// one after the other, through vectors of one component.
///
/// Bytes beside the transfer's own, for each component and unknown: on the fine level 8 (way down:
/// read and written) and 16 (way up: zeros written, read and added) in single precision, and 8 on
/// the coarse one.
template <class T>
class Transfer {
 public:
  Transfer(std::unique_ptr<CellTransfer<T>> cells,
           std::unique_ptr<RefinementTransfer<T>> refinement, int components,
           const fem::Space& fine, const fem::Space& coarse);

  /// fine += P coarse. `coarse` [n_local * m]: the ghosts are overwritten; `fine` [n_owned * m].
  /// Collective.
  void prolongate(T* coarse, T* fine) const;
  /// coarse = P^T fine. `coarse` [n_local * m]: the ghosts hold nothing afterwards. Collective.
  void restrict_residual(const T* fine, T* coarse) const;

  [[nodiscard]] std::size_t bytes() const;

 private:
  void prolongate_one(T* coarse, T* fine) const;
  void restrict_one(const T* fine, T* coarse) const;

  std::unique_ptr<CellTransfer<T>> cells_;  // one of the two
  std::unique_ptr<RefinementTransfer<T>> refinement_;
  std::size_t components_, n_fine_, n_coarse_;
  mutable std::vector<T> fine_, coarse_;  // of one component: [n_owned], [n_local]
};

extern template class Transfer<float>;
extern template class Transfer<double>;

}  // namespace ritz::multigrid
