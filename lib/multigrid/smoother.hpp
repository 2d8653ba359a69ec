#pragma once

#include <vector>

#include "ritz/multigrid/multigrid.hpp"

namespace ritz::multigrid {

/// Factors of the steps x = x + factor D^-1 (b - A x) that together make a Chebyshev smoother for a
/// spectrum of D^-1 A in (0, bound]: the inverse roots of its error polynomial.
///
/// First kind, on [bound / range, bound]: Saad, Iterative Methods for Sparse Linear Systems, 2003,
/// sec. 12.3. Fourth kind: Lottes, Numer. Linear Algebra Appl. 30, 2023, e2518, sec. 3. Written as
/// simple steps they need no vector for a direction. The order of the factors (Leja's, from the
/// largest root down) keeps intermediate errors small (Reichel, BIT 30, 1990, 332).
[[nodiscard]] std::vector<double> chebyshev_factors(const Options& options, double bound);

}  // namespace ritz::multigrid
