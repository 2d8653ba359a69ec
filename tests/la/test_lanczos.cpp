#include "ritz/la/lanczos.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

using namespace ritz;

TEST(LargestEigenvalue, OfTheSecondDifference) {
  for (const std::size_t n : {1U, 2U, 5U, 40U}) {
    const std::vector<double> diagonal(n, 2.0), off(n - 1, 1.0);
    const double expected = 2 + 2 * std::cos(std::numbers::pi / static_cast<double>(n + 1));
    EXPECT_NEAR(la::largest_eigenvalue(diagonal, off), expected, 1e-12);
  }
  EXPECT_NEAR(la::largest_eigenvalue({3, -1, 2}, {0, 0}), 3, 1e-12);  // three blocks
  EXPECT_NEAR(la::largest_eigenvalue({-3, -1, -2}, {0, 0}), -1, 1e-12);
}

TEST(LanczosMatrix, FindsTheLargestEigenvalueOfADiagonalMatrix) {
  // Five distinct eigenvalues: five steps of conjugate gradients know them all.
  const std::vector<double> a{1, 2, 5, 7, 11};
  std::vector<double> r(5, 1.0), p(5, 0.0);
  la::LanczosMatrix lanczos;
  EXPECT_TRUE(lanczos.is_empty());
  double rr = 5, beta = 0;
  for (int step = 0; step < 5; ++step) {
    double p_ap = 0, next = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      p[i] = r[i] + beta * p[i];
      p_ap += p[i] * a[i] * p[i];
    }
    lanczos.add(rr / p_ap, beta);
    for (std::size_t i = 0; i < 5; ++i) {
      r[i] -= rr / p_ap * a[i] * p[i];
      next += r[i] * r[i];
    }
    beta = next / rr;
    rr = next;
  }
  EXPECT_NEAR(lanczos.largest(), 11, 1e-10);
}
