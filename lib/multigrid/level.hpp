#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "cell_transfer.hpp"
#include "refinement_transfer.hpp"
#include "ritz/assembly/cell_operator.hpp"
#include "smoother.hpp"

namespace ritz::multigrid {

/// Equation A x = b on one level, its smoother, and the way to the next coarser level.
///
/// Prescribed unknowns have identity rows; here they have D^-1 = 0, so that x and b stay 0 there
/// and the smoother never touches them.
template <class T>
class Level {
 public:
  /// `eigenvalue`: bound on the spectrum of D^-1 A, estimated here (`with_smoother`). Collective.
  /// Throws Error(not_converged) if A is not positive on the vectors met.
  Level(const mesh::Mesh& mesh, const fem::Space& space, const physics::Form& form, double time,
        const Options& options, bool with_smoother);

  /// What comes from outside of the cycle and goes back, or null: on the finest level the cycle
  /// reads the right-hand side in double and writes the result in double on the way.
  struct Outside {
    const double* rhs = nullptr;
    double* result = nullptr;
  };

  /// x after the pre-smoother, from zero, and the residual into `y`.
  void smooth_from_zero(const Outside& outside);
  /// x improved by the smoother.
  void smooth(const Outside& outside);
  /// y = b - A x.
  void residual();
  /// x in double; prescribed unknowns from `fixed` [n_owned].
  void put(const double* fixed, double* to) const;
  /// Zeroes the prescribed unknowns.
  void clear_fixed(T* values) const;

  [[nodiscard]] std::size_t bytes() const;

  // Vectors: x and b [n_local] (ghosts for the transfers), y [n_owned].
  device::View<T*> x, b, y;
  std::unique_ptr<assembly::CellOperator<T>> op;
  std::unique_ptr<CellTransfer<T>> cell_transfer;
  std::unique_ptr<RefinementTransfer<T>> refinement_transfer;
  LevelInfo info;
  fem::Constraints constraints;  // emptied once the level is complete

  [[nodiscard]] std::size_t n_owned() const { return n_owned_; }

 private:
  struct Work;
  void estimate(const fem::Space& space, const Options& options);
  void apply(const typename assembly::CellOperator<T>::Hook& before,
             const typename assembly::CellOperator<T>::Hook& after) const;

  std::size_t n_owned_;
  device::View<T*> inverse_diagonal_;
  std::vector<LocalId> fixed_;  // owned
  std::vector<double> factors_;
  typename assembly::CellOperator<T>::In x_in_;
  typename assembly::CellOperator<T>::Out y_out_;
};

extern template class Level<float>;
extern template class Level<double>;

}  // namespace ritz::multigrid
