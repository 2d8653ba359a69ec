// Every rule integrates every monomial up to its degree: exact values are products of 1/(i+1) on
// [0,1]^d and i! j! l! / (i + j + l + d)! on the unit simplex.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "ritz/base/error.hpp"
#include "ritz/fem/element.hpp"

using ritz::fem::Quadrature;
using ritz::mesh::CellType;

namespace {

double power(double x, int n) {
  double result = 1.0;
  for (int i = 0; i < n; ++i) result *= x;
  return result;
}

double exact_monomial(CellType type, const std::array<int, 3>& e) {
  const int dimension = ritz::mesh::table(type).dimension;
  if (ritz::mesh::is_simplex(type)) {
    // Beta integrals by logarithms of factorials: good to 1e-14 relative for these sizes.
    double sum = 0.0;
    int total = dimension;
    for (int c = 0; c < dimension; ++c) {
      sum += std::lgamma(e[static_cast<std::size_t>(c)] + 1.0);
      total += e[static_cast<std::size_t>(c)];
    }
    return std::exp(sum - std::lgamma(total + 1.0));
  }
  double product = 1.0;
  for (int c = 0; c < dimension; ++c) product /= e[static_cast<std::size_t>(c)] + 1.0;
  return product;
}

/// Largest relative error over all monomials of total degree (simplices) or degree a variable.
double worst_error(CellType type, int degree, const Quadrature& rule) {
  const int dimension = ritz::mesh::table(type).dimension;
  const bool simplex = ritz::mesh::is_simplex(type);
  double worst = 0.0;
  for (int l = 0; l <= (dimension > 2 ? degree : 0); ++l) {
    for (int j = 0; j <= (dimension > 1 ? degree : 0); ++j) {
      for (int i = 0; i <= (dimension > 0 ? degree : 0); ++i) {
        if (simplex && i + j + l > degree) continue;
        double sum = 0.0;
        for (std::size_t q = 0; q < rule.weights.size(); ++q) {
          const auto& p = rule.points[q];
          sum += rule.weights[q] * power(p[0], i) * power(p[1], j) * power(p[2], l);
        }
        const double exact = exact_monomial(type, {i, j, l});
        worst = std::max(worst, std::abs(sum - exact) / exact);
      }
    }
  }
  return worst;
}

// Relative to the integral of a positive function summed with positive weights: some hundred
// roundings at most, and as many in the powers.
constexpr double tolerance = 5e-13;

}  // namespace

class QuadratureOn : public ::testing::TestWithParam<CellType> {};

TEST_P(QuadratureOn, IntegratesMonomials) {
  const CellType type = GetParam();
  const bool simplex = ritz::mesh::is_simplex(type);
  const int highest = simplex ? 20 : (type == CellType::hex ? 22 : 40);
  for (int degree = 0; degree <= highest; ++degree) {
    const Quadrature rule = ritz::fem::quadrature(type, degree);
    EXPECT_LT(worst_error(type, degree, rule), tolerance) << "degree " << degree;
    double volume = 0.0;
    for (const double w : rule.weights) {
      EXPECT_GT(w, 0.0);
      volume += w;
    }
    EXPECT_NEAR(volume, exact_monomial(type, {0, 0, 0}), 1e-14);
    // Strictly inside: coefficients may be singular on the boundary.
    for (const auto& p : rule.points) {
      double sum = 0.0;
      for (int c = 0; c < ritz::mesh::table(type).dimension; ++c) {
        EXPECT_GT(p[static_cast<std::size_t>(c)], 0.0);
        EXPECT_LT(p[static_cast<std::size_t>(c)], 1.0);
        sum += p[static_cast<std::size_t>(c)];
      }
      EXPECT_TRUE(!simplex || sum < 1.0);
    }
  }
}

TEST_P(QuadratureOn, DoesNotIntegrateMore) {
  // A test of the test: the next degree is wrong for rules with no slack (odd Gauss degrees, and
  // the compact ones of degrees 1 and 2).
  const CellType type = GetParam();
  if (ritz::mesh::is_simplex(type)) {
    for (const int degree : {1, 2, 5, 6}) {
      EXPECT_GT(worst_error(type, degree + 1, ritz::fem::quadrature(type, degree)), 1e-4);
    }
  } else {
    for (const int degree : {1, 3, 5}) {
      EXPECT_GT(worst_error(type, degree + 1, ritz::fem::quadrature(type, degree)), 1e-6);
    }
  }
}

TEST_P(QuadratureOn, RefusesWhatIsBeyondTheTables) {
  const CellType type = GetParam();
  const int highest = ritz::mesh::is_simplex(type) ? 20 : 40;
  EXPECT_NO_THROW((void)ritz::fem::quadrature(type, highest));
  EXPECT_THROW((void)ritz::fem::quadrature(type, highest + 1), ritz::base::Error);
  EXPECT_THROW((void)ritz::fem::quadrature(type, -1), ritz::base::Error);
}

INSTANTIATE_TEST_SUITE_P(Cells, QuadratureOn,
                         ::testing::Values(CellType::line, CellType::tri, CellType::quad,
                                           CellType::tet, CellType::hex),
                         [](const auto& one) {
                           return std::string(ritz::mesh::table(one.param).name);
                         });

TEST(Quadrature, LowDegreesAreCompact) {
  const auto size = [](CellType type, int degree) {
    return ritz::fem::quadrature(type, degree).weights.size();
  };
  EXPECT_EQ(size(CellType::point, 3), 1U);
  EXPECT_EQ(size(CellType::tri, 1), 1U);
  EXPECT_EQ(size(CellType::tri, 2), 3U);
  EXPECT_EQ(size(CellType::tri, 4), 6U);
  EXPECT_EQ(size(CellType::tri, 5), 7U);
  EXPECT_EQ(size(CellType::tet, 1), 1U);
  EXPECT_EQ(size(CellType::tet, 2), 4U);
  EXPECT_EQ(size(CellType::tet, 3), 8U);
  EXPECT_EQ(size(CellType::tet, 5), 14U);
  EXPECT_EQ(size(CellType::tri, 6), 12U);
  EXPECT_EQ(size(CellType::tet, 6), 24U);
  EXPECT_EQ(size(CellType::hex, 2), 8U);
  EXPECT_EQ(size(CellType::hex, 3), 8U);
  EXPECT_EQ(size(CellType::quad, 4), 9U);
}

TEST(Quadrature, GaussLegendreOfThreePoints) {
  std::vector<double> x, w;
  ritz::fem::gauss_legendre(3, x, w);
  const double shift = 0.5 * std::sqrt(0.6);
  EXPECT_NEAR(x[0], 0.5 - shift, 1e-16);
  EXPECT_NEAR(x[1], 0.5, 1e-16);
  EXPECT_NEAR(x[2], 0.5 + shift, 2e-16);
  EXPECT_NEAR(w[0], 5.0 / 18.0, 1e-15);
  EXPECT_NEAR(w[1], 8.0 / 18.0, 1e-15);
}

TEST(Quadrature, GaussLobattoPoints) {
  // Closed forms of 4 and 5 points on [-1,1]: 1/sqrt(5) and sqrt(3/7) (DLMF 3.5(v)).
  const std::vector<double> four = ritz::fem::gauss_lobatto(4);
  EXPECT_EQ(four[0], 0.0);
  EXPECT_NEAR(four[1], 0.5 - 0.5 / std::sqrt(5.0), 1e-16);
  const std::vector<double> five = ritz::fem::gauss_lobatto(5);
  EXPECT_NEAR(five[1], 0.5 - 0.5 * std::sqrt(3.0 / 7.0), 1e-16);
  EXPECT_EQ(five[2], 0.5);
  for (int n = 2; n <= 9; ++n) {
    const std::vector<double> x = ritz::fem::gauss_lobatto(n);
    ASSERT_EQ(x.size(), static_cast<std::size_t>(n));
    EXPECT_EQ(x.back(), 1.0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(x[i] + x[x.size() - 1 - i], 1.0) << "mirrored pairs must agree exactly";
      EXPECT_TRUE(i == 0 || x[i] > x[i - 1]);
    }
  }
}
