#pragma once

#include <array>

namespace ritz::fem::detail {

/// Inverse of the row-major n x n matrix a, n = 1, 2, 3, by cofactors. Returns the determinant; the
/// inverse is left untouched when that is 0.
inline double invert(const std::array<double, 9>& a, int n, std::array<double, 9>& inverse) {
  if (n == 1) {
    if (a[0] != 0.0) inverse[0] = 1.0 / a[0];
    return a[0];
  }
  if (n == 2) {
    const double det = a[0] * a[3] - a[1] * a[2];
    if (det != 0.0) {
      const double s = 1.0 / det;
      inverse = {s * a[3], -s * a[1], -s * a[2], s * a[0]};
    }
    return det;
  }
  const double c0 = a[4] * a[8] - a[5] * a[7];
  const double c1 = a[5] * a[6] - a[3] * a[8];
  const double c2 = a[3] * a[7] - a[4] * a[6];
  const double det = a[0] * c0 + a[1] * c1 + a[2] * c2;
  if (det != 0.0) {
    const double s = 1.0 / det;
    inverse = {s * c0, s * (a[2] * a[7] - a[1] * a[8]), s * (a[1] * a[5] - a[2] * a[4]),
               s * c1, s * (a[0] * a[8] - a[2] * a[6]), s * (a[2] * a[3] - a[0] * a[5]),
               s * c2, s * (a[1] * a[6] - a[0] * a[7]), s * (a[0] * a[4] - a[1] * a[3])};
  }
  return det;
}

}  // namespace ritz::fem::detail
