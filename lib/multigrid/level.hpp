#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ritz/device/kokkos.hpp"
#include "ritz/fem/space.hpp"
#include "smoother.hpp"
#include "transfer.hpp"

namespace ritz::multigrid {

/// A level's matrix, applied without being stored.
template <class T>
class LevelOperator {
 public:
  using Hook = std::function<void(LocalId begin, LocalId end)>;
  virtual ~LevelOperator() = default;
  /// y = A x with hooks, as assembly::CellOperator::apply(). Collective.
  virtual void apply(const device::View<const T*>& x, const device::View<T*>& y, const Hook& before,
                     const Hook& after) const = 0;
  /// The diagonal. Collective.
  virtual void diagonal(const device::View<T*>& d) const = 0;
  /// A bound on the spectrum of D^-1 A from this rank's cells, if there is a sharp one. Local.
  [[nodiscard]] virtual std::optional<double> spectrum_bound() const { return std::nullopt; }
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

/// Equation A x = b on one level, its smoother, and the way to the next coarser level.
///
/// Prescribed unknowns have identity rows; here they have D^-1 = 0, so that x and b stay 0 there
/// and the smoother never touches them.
template <class T>
class Level {
 public:
  /// `is_fixed`: [n_local * components]. Without an operator: the coarsest level, which has no
  /// smoother; with one the bound on the spectrum of D^-1 A is estimated here. Fills what it knows
  /// of `about` into `info`. Collective. Throws Error(not_converged) if A is not positive on the
  /// vectors met.
  Level(const fem::Space& space, int components, const std::vector<std::uint8_t>& is_fixed,
        std::unique_ptr<LevelOperator<T>> matrix, LevelInfo about, const Options& options);

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

  // Vectors: x and b [n_local] (ghosts for the transfers), y [n_owned], of unknowns.
  device::View<T*> x, b, y;
  std::unique_ptr<LevelOperator<T>> op;
  std::unique_ptr<Transfer<T>> transfer;  ///< to the next coarser level
  LevelInfo info;

  [[nodiscard]] std::size_t n_owned() const { return n_owned_; }

 private:
  struct Work;
  using Hook = typename LevelOperator<T>::Hook;
  void estimate(const fem::Space& space, int components, const Options& options);
  void apply(const Hook& before, const Hook& after) const { op->apply(x_in_, y, before, after); }

  std::size_t n_owned_;
  device::View<T*> inverse_diagonal_;
  std::vector<LocalId> fixed_;  // owned
  std::vector<double> factors_;
  device::View<const T*> x_in_;
};

extern template class Level<float>;
extern template class Level<double>;

}  // namespace ritz::multigrid
