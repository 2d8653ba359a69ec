#pragma once

#include <vector>

#include "ritz/multigrid/multigrid.hpp"

namespace ritz::multigrid {

/// One step of a Chebyshev iteration around the diagonal:
///   d = alpha d + beta D^-1 (b - A x),  x = x + d.
struct ChebyshevStep {
  double alpha = 0;
  double beta = 0;
};

/// The steps for a spectrum of D^-1 A in (0, bound].
///
/// First kind, on [bound / range, bound]: Saad, Iterative Methods for Sparse Linear Systems, 2003,
/// algorithm 12.1. Fourth kind: Lottes, Numer. Linear Algebra Appl. 30, 2023, e2518, sec. 3.
[[nodiscard]] std::vector<ChebyshevStep> chebyshev_steps(const Options& options, double bound);

/// Largest eigenvalue of the symmetric tridiagonal matrix, by bisection on the number of negative
/// pivots (Barth, Martin and Wilkinson, Numer. Math. 9, 1967, 386). `off` has one entry less.
[[nodiscard]] double largest_eigenvalue(const std::vector<double>& diagonal,
                                        const std::vector<double>& off);

}  // namespace ritz::multigrid
