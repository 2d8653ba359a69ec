#include "transfer.hpp"

#include <string>
#include <utility>

#include "ritz/device/kokkos.hpp"

namespace ritz::multigrid {

namespace {

// A string, because a launch would make one of a literal and allocate.
const std::string component_label = "ritz::multigrid::component";

template <class Work>
void each(std::size_t n, const Work& work) {
  Kokkos::parallel_for(component_label,
                       Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, n), work);
}

}  // namespace

template <class T>
Transfer<T>::Transfer(std::unique_ptr<CellTransfer<T>> cells,
                      std::unique_ptr<RefinementTransfer<T>> refinement, int components,
                      const fem::Space& fine, const fem::Space& coarse)
    : cells_(std::move(cells)),
      refinement_(std::move(refinement)),
      components_(static_cast<std::size_t>(components)),
      n_fine_(static_cast<std::size_t>(fine.n_owned)),
      n_coarse_(static_cast<std::size_t>(coarse.n_local())) {
  if (components == 1) return;
  fine_.resize(n_fine_);
  coarse_.resize(n_coarse_);
}

template <class T>
void Transfer<T>::prolongate_one(T* coarse, T* fine) const {
  cells_ ? cells_->prolongate(coarse, fine) : refinement_->prolongate(coarse, fine);
}

template <class T>
void Transfer<T>::restrict_one(const T* fine, T* coarse) const {
  cells_ ? cells_->restrict_residual(fine, coarse) : refinement_->restrict_residual(fine, coarse);
}

template <class T>
void Transfer<T>::prolongate(T* coarse, T* fine) const {
  if (components_ == 1) return prolongate_one(coarse, fine);
  const std::size_t m = components_;
  T* const below = coarse_.data();
  T* const here = fine_.data();
  for (std::size_t c = 0; c < m; ++c) {
    each(n_coarse_, [=](const std::size_t i) { below[i] = coarse[i * m + c]; });
    each(n_fine_, [=](const std::size_t i) { here[i] = T(0); });
    prolongate_one(below, here);
    each(n_fine_, [=](const std::size_t i) { fine[i * m + c] += here[i]; });
  }
}

template <class T>
void Transfer<T>::restrict_residual(const T* fine, T* coarse) const {
  if (components_ == 1) return restrict_one(fine, coarse);
  const std::size_t m = components_;
  T* const below = coarse_.data();
  T* const here = fine_.data();
  for (std::size_t c = 0; c < m; ++c) {
    each(n_fine_, [=](const std::size_t i) { here[i] = fine[i * m + c]; });
    restrict_one(here, below);
    each(n_coarse_, [=](const std::size_t i) { coarse[i * m + c] = below[i]; });
  }
}

template <class T>
std::size_t Transfer<T>::bytes() const {
  return (cells_ ? cells_->bytes() : refinement_->bytes()) +
         (fine_.size() + coarse_.size()) * sizeof(T);
}

template class Transfer<float>;
template class Transfer<double>;

}  // namespace ritz::multigrid
