#pragma once

#include <vector>

#include "ritz/comm/all_gather.hpp"
#include "ritz/la/matrix.hpp"

namespace ritz::multigrid {

/// The inverse of a small symmetric positive definite matrix, on each rank the rows of its own
/// unknowns: the coarsest level. One gathering of the right-hand side an application.
///
/// Of a semi-definite matrix with a known kernel it is the pseudo-inverse: x has no part in the
/// kernel, and that of the right-hand side is passed over.
template <class T>
class DenseSolver {
 public:
  /// `order` [n_owned]: distinct numbers of the unknowns in an order in which the matrix has a
  /// narrow envelope (persistent ids of a box). `kernel` [n_owned] each: orthonormal, what the
  /// matrix maps to zero. Collective. Throws Error(not_converged) if the matrix is not positive
  /// definite beside that.
  DenseSolver(const la::Matrix& matrix, const std::vector<GlobalId>& order,
              const std::vector<la::Vector>& kernel);

  /// x = A^-1 b; [n_owned], distinct. Collective.
  void apply(const T* b, T* x) const;
  [[nodiscard]] std::size_t bytes() const { return (rows_.size() + all_.size()) * sizeof(T); }

 private:
  void leave_out(const comm::Communicator& communicator, const std::vector<la::Vector>& kernel,
                 const std::vector<double>& inverse);

  comm::AllGather<T> gather_;
  std::size_t n_mine_, n_all_;
  std::vector<T> rows_;  // [n_owned][n_all]
  mutable std::vector<T> all_;
};

extern template class DenseSolver<float>;
extern template class DenseSolver<double>;

}  // namespace ritz::multigrid
