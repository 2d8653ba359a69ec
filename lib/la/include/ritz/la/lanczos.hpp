#pragma once

#include <vector>

namespace ritz::la {

/// Largest eigenvalue of the symmetric tridiagonal matrix, by bisection on the number of negative
/// pivots (Barth, Martin and Wilkinson, Numer. Math. 9, 1967, 386). `off` has one entry less.
[[nodiscard]] double largest_eigenvalue(const std::vector<double>& diagonal,
                                        const std::vector<double>& off);

/// The tridiagonal matrix of the Lanczos process that conjugate gradients are (Saad, Iterative
/// Methods for Sparse Linear Systems, 2003, sec. 6.7.3): its eigenvalues approximate those of the
/// preconditioned matrix, the largest from below.
class LanczosMatrix {
 public:
  /// A step x += alpha p; `beta`: the factor that made p of the direction before, not used by the
  /// first step.
  void add(double alpha, double beta);
  [[nodiscard]] bool is_empty() const { return diagonal_.empty(); }
  /// At least one step.
  [[nodiscard]] double largest() const { return largest_eigenvalue(diagonal_, off_); }

 private:
  std::vector<double> diagonal_, off_;
  double last_alpha_ = 0;
};

}  // namespace ritz::la
