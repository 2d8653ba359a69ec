#include <cmath>
#include <numbers>
#include <string>

#include "ritz/base/error.hpp"
#include "ritz/fem/element.hpp"

namespace ritz::fem {

namespace {

using Point = std::array<double, 3>;

/// P_n^{(alpha, 0)}(x) and its derivative by the three-term recurrence (NIST DLMF 18.9.1, 18.9.15).
struct JacobiValue {
  double value, derivative;
};

double jacobi(int n, double alpha, double beta, double x) {
  double before = 1.0;
  if (n == 0) return before;
  double now = 0.5 * (alpha - beta) + 0.5 * (alpha + beta + 2.0) * x;
  for (int m = 2; m <= n; ++m) {
    const double s = 2.0 * m + alpha + beta;
    const double a = 2.0 * m * (m + alpha + beta) * (s - 2.0);
    const double b = (s - 1.0) * (s * (s - 2.0) * x + alpha * alpha - beta * beta);
    const double c = 2.0 * (m + alpha - 1.0) * (m + beta - 1.0) * s;
    const double next = (b * now - c * before) / a;
    before = now;
    now = next;
  }
  return now;
}

JacobiValue jacobi_both(int n, double alpha, double beta, double x) {
  const double derivative =
      n == 0 ? 0.0 : 0.5 * (n + alpha + beta + 1.0) * jacobi(n - 1, alpha + 1.0, beta + 1.0, x);
  return {jacobi(n, alpha, beta, x), derivative};
}

/// Zeros of P_n^{(alpha, beta)} on [-1, 1], ascending: Newton with the found zeros divided out
/// (Karniadakis and Sherwin, Spectral/hp Element Methods, app. B.2), then polished without.
std::vector<double> jacobi_zeros(int n, double alpha, double beta) {
  std::vector<double> zeros(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    double x = -std::cos((2.0 * i + 1.0) / (2.0 * n) * std::numbers::pi);
    if (i > 0) x = 0.5 * (x + zeros[static_cast<std::size_t>(i - 1)]);
    for (int pass = 0; pass < 100; ++pass) {
      double others = 0.0;
      for (int j = 0; j < i; ++j) others += 1.0 / (x - zeros[static_cast<std::size_t>(j)]);
      const JacobiValue p = jacobi_both(n, alpha, beta, x);
      const double step = p.value / (p.derivative - others * p.value);
      x -= step;
      if (std::abs(step) < 1e-14) break;
    }
    for (int pass = 0; pass < 2; ++pass) {
      const JacobiValue p = jacobi_both(n, alpha, beta, x);
      x -= p.value / p.derivative;
    }
    zeros[static_cast<std::size_t>(i)] = x;
  }
  return zeros;
}

/// Gauss rule on [0,1] for the weight (1-x)^alpha.
void gauss_jacobi(int n, int alpha, std::vector<double>& points, std::vector<double>& weights) {
  const std::vector<double> zeros = jacobi_zeros(n, alpha, 0.0);
  points.resize(zeros.size());
  weights.resize(zeros.size());
  for (std::size_t i = 0; i < zeros.size(); ++i) {
    const double x = zeros[i], slope = jacobi_both(n, alpha, 0.0, x).derivative;
    points[i] = 0.5 * (1.0 + x);
    // The classical 2^{alpha+1} / ((1-x^2) P'^2); moving to [0,1] divides by 2^{alpha+1}.
    weights[i] = 1.0 / ((1.0 - x) * (1.0 + x) * slope * slope);
  }
}

void add(Quadrature& rule, const Point& point, double weight) {
  rule.points.push_back(point);
  rule.weights.push_back(weight);
}

Quadrature tensor_rule(int dimension, int degree) {
  const int n = degree / 2 + 1;  // 2n - 1 >= degree
  std::vector<double> x, w;
  gauss_legendre(n, x, w);
  Quadrature rule;
  const auto count = x.size();
  const std::size_t n_y = dimension > 1 ? count : 1, n_z = dimension > 2 ? count : 1;
  for (std::size_t l = 0; l < n_z; ++l) {
    for (std::size_t j = 0; j < n_y; ++j) {
      for (std::size_t i = 0; i < count; ++i) {
        const double weight = w[i] * (dimension > 1 ? w[j] : 1.0) * (dimension > 2 ? w[l] : 1.0);
        add(rule, {x[i], dimension > 1 ? x[j] : 0.0, dimension > 2 ? x[l] : 0.0}, weight);
      }
    }
  }
  return rule;
}

// ---- symmetric rules: orbits of barycentric coordinates; weights relative to the cell's volume
// ----

void add_triangle_orbit(Quadrature& rule, double a, double weight) {  // (a, a, 1 - 2a)
  const double b = 1.0 - 2.0 * a;
  for (const Point& p : {Point{a, a, 0}, Point{b, a, 0}, Point{a, b, 0}})
    add(rule, p, 0.5 * weight);
}

void add_triangle_orbit(Quadrature& rule, double a, double b, double weight) {  // a, b, the rest
  const double c = 1.0 - a - b;
  for (const Point& p : {Point{a, b, 0}, Point{b, a, 0}, Point{a, c, 0}, Point{c, a, 0},
                         Point{b, c, 0}, Point{c, b, 0}}) {
    add(rule, p, 0.5 * weight);
  }
}

void add_tet_orbit_31(Quadrature& rule, double a, double weight) {  // (a, a, a, 1 - 3a)
  const double b = 1.0 - 3.0 * a;
  for (const Point& p : {Point{a, a, a}, Point{b, a, a}, Point{a, b, a}, Point{a, a, b}}) {
    add(rule, p, weight / 6.0);
  }
}

void add_tet_orbit_22(Quadrature& rule, double a, double weight) {  // (a, a, b, b), a + b = 1/2
  const double b = 0.5 - a;
  for (const Point& p : {Point{a, a, b}, Point{a, b, a}, Point{a, b, b}, Point{b, a, a},
                         Point{b, a, b}, Point{b, b, a}}) {
    add(rule, p, weight / 6.0);
  }
}

void add_tet_orbit_211(Quadrature& rule, double a, double b, double weight) {  // (a, a, b, rest)
  const double c = 1.0 - 2.0 * a - b;
  for (std::size_t i = 0; i < 4; ++i) {  // where b and c stand
    for (std::size_t j = 0; j < 4; ++j) {
      if (i == j) continue;
      std::array<double, 4> all{a, a, a, a};
      all[i] = b;
      all[j] = c;
      add(rule, {all[1], all[2], all[3]}, weight / 6.0);
    }
  }
}

/// 1, 3, 6, 6, 7 and 12 points. Degree 4 is the closed form of Dunavant's rule (IJNME 21 (1985)
/// 1129), degree 5 Radon's (Monatsh. Math. 52 (1948) 286), degree 6 Dunavant's again, its moment
/// equations solved to 40 digits and rounded.
Quadrature small_triangle_rule(int degree) {
  Quadrature rule;
  if (degree <= 1) {
    add(rule, {1.0 / 3.0, 1.0 / 3.0, 0}, 0.5);
  } else if (degree == 2) {
    add_triangle_orbit(rule, 1.0 / 6.0, 1.0 / 3.0);
  } else if (degree <= 4) {
    const double root_10 = std::sqrt(10.0);
    const double shift = std::sqrt(38.0 - 44.0 * std::sqrt(0.4));
    const double spread = std::sqrt(213125.0 - 53320.0 * root_10);
    add_triangle_orbit(rule, (8.0 - root_10 + shift) / 18.0, (620.0 + spread) / 3720.0);
    add_triangle_orbit(rule, (8.0 - root_10 - shift) / 18.0, (620.0 - spread) / 3720.0);
  } else if (degree == 5) {
    const double root_15 = std::sqrt(15.0);
    add(rule, {1.0 / 3.0, 1.0 / 3.0, 0}, 0.5 * 9.0 / 40.0);
    add_triangle_orbit(rule, (6.0 - root_15) / 21.0, (155.0 - root_15) / 1200.0);
    add_triangle_orbit(rule, (6.0 + root_15) / 21.0, (155.0 + root_15) / 1200.0);
  } else {
    add_triangle_orbit(rule, 0.06308901449150222834033, 0.05084490637020681692094);
    add_triangle_orbit(rule, 0.2492867451709104212916, 0.1167862757263793660253);
    add_triangle_orbit(rule, 0.05314504984481694735325, 0.3103524510337844054166,
                       0.08285107561837357519355);
  }
  return rule;
}

/// 1, 4, 8, 14, 14 and 24 points. The parameters of degree 3 (equal weights), 5 (the orbits of
/// Walkington's rule) and 6 (those of Keast's, Comp. Meth. Appl. Mech. Eng. 55 (1986) 339) solve
/// the moment equations of the symmetric polynomials; 40 digits, rounded.
Quadrature small_tet_rule(int degree) {
  Quadrature rule;
  if (degree <= 1) {
    add(rule, {0.25, 0.25, 0.25}, 1.0 / 6.0);
  } else if (degree == 2) {
    add_tet_orbit_31(rule, (5.0 - std::sqrt(5.0)) / 20.0, 0.25);
  } else if (degree == 3) {
    add_tet_orbit_31(rule, 0.3288616499302029104003, 0.125);
    add_tet_orbit_31(rule, 0.1129567945125110286951, 0.125);
  } else if (degree <= 5) {
    add_tet_orbit_31(rule, 0.3108859192633006097973, 0.1126879257180158507992);
    add_tet_orbit_31(rule, 0.09273525031089122640232, 0.07349304311636194954371);
    add_tet_orbit_22(rule, 0.04550370412564964949188, 0.04254602077708146643807);
  } else {
    add_tet_orbit_31(rule, 0.2146028712591520292888, 0.03992275025816749209969);
    add_tet_orbit_31(rule, 0.04067395853461135311558, 0.01007721105532064294801);
    add_tet_orbit_31(rule, 0.322337890142275510344, 0.05535718154365472209515);
    add_tet_orbit_211(rule, 0.06366100187501752529924, 0.2696723314583158080341, 27.0 / 560.0);
  }
  return rule;
}

/// Conical product: the square or cube collapsed onto the simplex, whose Jacobian (1-u)^{d-1} is
/// the weight of the Gauss-Jacobi rule of that direction (Stroud, Approximate Calculation of
/// Multiple Integrals, 2.5).
Quadrature conical_rule(int dimension, int degree) {
  const int n = degree / 2 + 1;
  std::vector<double> x, wx, y, wy, z, wz;
  gauss_jacobi(n, dimension - 1, x, wx);
  gauss_jacobi(n, dimension - 2, y, wy);
  if (dimension == 3) gauss_jacobi(n, 0, z, wz);
  Quadrature rule;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < y.size(); ++j) {
      const double second = (1.0 - x[i]) * y[j];
      if (dimension == 2) {
        add(rule, {x[i], second, 0}, wx[i] * wy[j]);
        continue;
      }
      for (std::size_t l = 0; l < z.size(); ++l) {
        add(rule, {x[i], second, (1.0 - x[i]) * (1.0 - y[j]) * z[l]}, wx[i] * wy[j] * wz[l]);
      }
    }
  }
  return rule;
}

}  // namespace

void gauss_legendre(int n, std::vector<double>& points, std::vector<double>& weights) {
  gauss_jacobi(n, 0, points, weights);
}

std::vector<double> gauss_lobatto(int n) {
  std::vector<double> points(static_cast<std::size_t>(n));
  points.front() = 0.0;
  points.back() = 1.0;
  // The inner ones are the extrema of P_{n-1}: zeros of P_{n-2}^{(1,1)}.
  const std::vector<double> inner = jacobi_zeros(n - 2, 1.0, 1.0);
  for (std::size_t i = 0; i < inner.size(); ++i) {
    // Mirrored pairs add up to 1 exactly, so that both cells of a shared edge place a node alike.
    const double low = 0.5 * (inner[inner.size() - 1 - i] - inner[i]);
    points[i + 1] = 0.5 - 0.5 * low;
    if (2 * i + 1 == inner.size()) points[i + 1] = 0.5;
  }
  for (std::size_t i = 0; 2 * i + 1 < points.size(); ++i) {
    points[points.size() - 1 - i] = 1.0 - points[i];
  }
  return points;
}

Quadrature quadrature(mesh::CellType type, int degree) {
  const bool simplex = mesh::is_simplex(type);
  if (degree < 0 || degree > (simplex ? 20 : 40)) {
    throw base::Error(base::ExitCode::internal,
                      "no quadrature of degree " + std::to_string(degree) + " on a " +
                          std::string(mesh::table(type).name) + " (0 to " +
                          (simplex ? "20" : "40") + "); please report this");
  }
  switch (type) {
    case mesh::CellType::point: {
      Quadrature rule;
      add(rule, {0, 0, 0}, 1.0);
      return rule;
    }
    case mesh::CellType::tri:
      return degree <= 6 ? small_triangle_rule(degree) : conical_rule(2, degree);
    case mesh::CellType::tet:
      return degree <= 6 ? small_tet_rule(degree) : conical_rule(3, degree);
    default:
      return tensor_rule(mesh::table(type).dimension, degree);
  }
}

}  // namespace ritz::fem
