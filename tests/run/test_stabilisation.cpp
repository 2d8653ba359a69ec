// The parameter of SUPG: its limits, and the constants of the inverse estimates in it.
#include "ritz/run/stabilisation.hpp"

#include <gtest/gtest.h>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "ritz/expr/expression.hpp"
#include "ritz/physics/system_form.hpp"

namespace {

using ritz::mesh::CellType;
using Square = std::vector<std::vector<double>>;
using Powers = std::array<int, 3>;

double factorial(int n) {
  return n < 2 ? 1.0 : n * factorial(n - 1);
}

/// int x^a y^b z^c over the simplex with corners 0 and the d unit vectors.
double integral(int d, const Powers& e) {
  return factorial(e[0]) * factorial(e[1]) * factorial(e[2]) / factorial(e[0] + e[1] + e[2] + d);
}

/// M = L L^T.
Square cholesky(const Square& m) {
  Square l(m.size(), std::vector<double>(m.size(), 0.0));
  for (std::size_t i = 0; i < m.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = m[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= l[i][k] * l[j][k];
      l[i][j] = i == j ? std::sqrt(sum) : sum / l[j][j];
    }
  }
  return l;
}

/// The largest of x . A x / x . M x, by power steps with M^-1 A.
double largest_ratio(const Square& a, const Square& m) {
  const std::size_t n = m.size();
  const Square l = cholesky(m);
  std::vector<double> x(n), y(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = 1.0 / static_cast<double>(i + 1);
  double ratio = 0;
  for (int step = 0; step < 400; ++step) {
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = 0;
      for (std::size_t j = 0; j < n; ++j) y[i] += a[i][j] * x[j];
    }
    double above = 0, below = 0;
    for (std::size_t i = 0; i < n; ++i) {
      above += x[i] * y[i];
      for (std::size_t j = 0; j < n; ++j) below += x[i] * m[i][j] * x[j];
    }
    ratio = above / below;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < i; ++k) y[i] -= l[i][k] * y[k];
      y[i] /= l[i][i];
    }
    for (std::size_t i = n; i-- > 0;) {
      for (std::size_t k = i + 1; k < n; ++k) y[i] -= l[k][i] * y[k];
      y[i] /= l[i][i];
    }
    double size = 0;
    for (const double one : y) size = std::max(size, std::abs(one));
    for (std::size_t i = 0; i < n; ++i) x[i] = y[i] / size;
  }
  return ratio;
}

/// Largest |d p / d e|^2 / (4 |p|^2) of polynomials p of degree k - 1 on the simplex whose edges
/// are 1, over directions e. `inverse`: of the map from the simplex of unit vectors.
double largest_slope(int d, int k, const std::array<std::array<double, 3>, 3>& inverse) {
  std::vector<Powers> powers;
  for (int a = 0; a < k; ++a) {
    for (int b = 0; b < (d > 1 ? k - a : 1); ++b) {
      for (int c = 0; c < (d > 2 ? k - a - b : 1); ++c) powers.push_back({a, b, c});
    }
  }
  const std::size_t n = powers.size();
  Square m(n, std::vector<double>(n));
  const auto sum = [](const Powers& p, const Powers& q) {
    return Powers{p[0] + q[0], p[1] + q[1], p[2] + q[2]};
  };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) m[i][j] = integral(d, sum(powers[i], powers[j]));
  }
  double largest = 0;
  const int n_turns = d > 1 ? 24 : 1, n_heights = d > 2 ? 13 : 1;
  for (int turn = 0; turn < n_turns; ++turn) {
    for (int height = 0; height < n_heights; ++height) {
      const double phi = std::numbers::pi * turn / n_turns;
      const double z = d > 2 ? -1.0 + 2.0 * height / (n_heights - 1) : 0.0,
                   r = std::sqrt(1 - z * z);
      const std::array<double, 3> e{r * std::cos(phi), r * std::sin(phi), z};
      std::array<double, 3> g{};
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) g[i] += inverse[i][j] * e[j];
      }
      Square a(n, std::vector<double>(n, 0.0));
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          for (std::size_t s = 0; s < static_cast<std::size_t>(d); ++s) {
            for (std::size_t t = 0; t < static_cast<std::size_t>(d); ++t) {
              if (powers[i][s] == 0 || powers[j][t] == 0) continue;
              Powers both = sum(powers[i], powers[j]);
              --both[s];
              --both[t];
              a[i][j] += g[s] * g[t] * powers[i][s] * powers[j][t] * integral(d, both);
            }
          }
        }
      }
      if (n > 1) largest = std::max(largest, largest_ratio(a, m));
    }
  }
  return largest / 4;
}

// The estimate has to hold, and a constant far above would take the stabilisation away.
TEST(Stabilisation, ConstantsOfInverseEstimates) {
  const double s3 = std::sqrt(3.0), s6 = std::sqrt(6.0);
  const std::array<std::array<double, 3>, 3> line{{{1, 0, 0}, {}, {}}},
      tri{{{1, -1 / s3, 0}, {0, 2 / s3, 0}, {}}},
      tet{{{1, -1 / s3, -1 / s6}, {0, 2 / s3, -1 / s6}, {0, 0, s6 / 2}}};
  const auto check = [](CellType type, int d, int k, const auto& inverse) {
    const double exact = largest_slope(d, k, inverse), ours = ritz::run::inverse_constant(type, k);
    EXPECT_GE(ours, exact * (1 - 1e-9)) << d << " dimensions, degree " << k;
    EXPECT_LE(ours, exact * 1.05) << d << " dimensions, degree " << k;
  };
  for (int k = 2; k <= 8; ++k) check(CellType::quad, 1, k, line);
  for (int k = 2; k <= 4; ++k) check(CellType::tri, 2, k, tri);
  for (int k = 2; k <= 4; ++k) check(CellType::tet, 3, k, tet);
}

// On a square of side h the metric is 4 / h^2 times the identity.
TEST(Stabilisation, LimitsOfTheParameter) {
  constexpr double h = 0.1, speed = 3;
  for (int k = 2; k <= 4; ++k) {
    const double c = ritz::run::inverse_constant(CellType::quad, k);
    const auto tau = [&](const std::string& diffusion) {
      ritz::run::TransportTexts texts;
      texts.b = {"3", "0"};
      texts.k = {{diffusion, "0"}, {"0", diffusion}};
      texts.degree = k;
      texts.inverse_constant = c;
      ritz::expr::Symbols names;
      names.variables = ritz::physics::metric_variables(2);
      std::vector<double> values;
      for (const std::string& name : names.variables)
        values.push_back(name == "metric(xx)" || name == "metric(yy)" ? 4 / (h * h) : 0.0);
      return ritz::expr::Expression::parse(ritz::run::tau_text(texts), names).evaluate(values);
    };
    EXPECT_NEAR(tau("0"), h / (2 * speed * k), 1e-12);
    // The next term of coth is P^2 / 15 times the first one.
    const double large = 1e5, limit = 1 / (c * 2 * large * 4 / (h * h));
    EXPECT_NEAR(tau("100000"), limit, 1e-6 * limit);
    for (const char* diffusion : {"0.001", "0.1", "1"}) {
      EXPECT_LE(tau(diffusion), h / (2 * speed * k));
      EXPECT_LE(tau(diffusion), 1 / (c * 2 * std::stod(diffusion) * 4 / (h * h)));
    }
  }
}

}  // namespace
