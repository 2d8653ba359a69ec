#include "tensor_basis.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "ritz/fem/element.hpp"

namespace ritz::assembly {

namespace {

using Long = long double;

/// Eigenvalues and vectors of K s = l M s, both symmetric and small, M definite: Cholesky of M,
/// then cyclic Jacobi rotations (Golub and Van Loan, Matrix Computations, sec. 8.5). Vectors are
/// M-orthonormal, [vector][i].
void small_eigenproblem(int n, std::vector<Long> k, std::vector<Long> m, std::vector<Long>& values,
                        std::vector<Long>& vectors) {
  const auto at = [n](int i, int j) { return static_cast<std::size_t>(i * n + j); };
  for (int j = 0; j < n; ++j) {  // M = L L^T in the lower triangle
    for (int i = j; i < n; ++i) {
      Long sum = m[at(i, j)];
      for (int p = 0; p < j; ++p) sum -= m[at(i, p)] * m[at(j, p)];
      m[at(i, j)] = i == j ? std::sqrt(sum) : sum / m[at(j, j)];
    }
  }
  // B = L^-1 K L^-T
  for (int side = 0; side < 2; ++side) {
    for (int c = 0; c < n; ++c) {
      for (int i = 0; i < n; ++i) {
        Long sum = k[at(i, c)];
        for (int p = 0; p < i; ++p) sum -= m[at(i, p)] * k[at(p, c)];
        k[at(i, c)] = sum / m[at(i, i)];
      }
    }
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < i; ++j) std::swap(k[at(i, j)], k[at(j, i)]);
    }
  }
  std::vector<Long> q(static_cast<std::size_t>(n * n), 0);
  for (int i = 0; i < n; ++i) q[at(i, i)] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    Long off = 0;
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < i; ++j) off += std::abs(k[at(i, j)]);
    }
    if (off == 0) break;
    for (int a = 0; a < n; ++a) {
      for (int b = a + 1; b < n; ++b) {
        if (k[at(a, b)] == 0) continue;
        const Long theta = (k[at(b, b)] - k[at(a, a)]) / (2 * k[at(a, b)]);
        const Long t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const Long c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (int p = 0; p < n; ++p) {
          const Long x = k[at(p, a)], y = k[at(p, b)];
          k[at(p, a)] = c * x - s * y;
          k[at(p, b)] = s * x + c * y;
        }
        for (int p = 0; p < n; ++p) {
          const Long x = k[at(a, p)], y = k[at(b, p)];
          k[at(a, p)] = c * x - s * y;
          k[at(b, p)] = s * x + c * y;
        }
        k[at(a, b)] = k[at(b, a)] = 0;
        for (int p = 0; p < n; ++p) {
          const Long x = q[at(p, a)], y = q[at(p, b)];
          q[at(p, a)] = c * x - s * y;
          q[at(p, b)] = s * x + c * y;
        }
      }
    }
  }
  values.resize(static_cast<std::size_t>(n));
  vectors.resize(static_cast<std::size_t>(n * n));
  for (int v = 0; v < n; ++v) {  // s = L^-T q
    values[static_cast<std::size_t>(v)] = k[at(v, v)];
    for (int i = n - 1; i >= 0; --i) {
      Long sum = q[at(i, v)];
      for (int p = i + 1; p < n; ++p) sum -= m[at(p, i)] * vectors[at(v, p)];
      vectors[at(v, i)] = sum / m[at(i, i)];
    }
  }
}

/// Rows of F = S^T M with S the eigenvectors of stiffness and mass. The problem splits into even
/// and odd functions, so the rows are even or odd to the last bit.
void make_modes(TensorBasis& basis) {
  const int n = basis.n;
  const auto at = [n](int i, int j) { return static_cast<std::size_t>(i * n + j); };
  basis.modes.assign(static_cast<std::size_t>(n * n), 0.0);
  basis.eigenvalues.assign(static_cast<std::size_t>(n), 0.0);
  for (int parity = 0; parity < 2; ++parity) {
    const int size = parity == 0 ? (n + 1) / 2 : n / 2;
    if (size == 0) continue;
    const Long sign = parity == 0 ? 1 : -1;
    // Half function i stands for node i and, with the sign, its mirror image.
    const auto reduce = [&](const std::vector<double>& full) {
      std::vector<Long> half(static_cast<std::size_t>(size * size));
      for (int i = 0; i < size; ++i) {
        for (int j = 0; j < size; ++j) {
          const bool mid_i = 2 * i == n - 1, mid_j = 2 * j == n - 1;
          Long sum = full[at(i, j)];
          if (!mid_j) sum += sign * full[at(i, n - 1 - j)];
          if (!mid_i) sum += sign * full[at(n - 1 - i, j)];
          if (!mid_i && !mid_j) sum += full[at(n - 1 - i, n - 1 - j)];
          half[static_cast<std::size_t>(i * size + j)] = sum;
        }
      }
      for (int i = 0; i < size; ++i) {
        for (int j = 0; j < i; ++j) {
          Long& a = half[static_cast<std::size_t>(i * size + j)];
          Long& b = half[static_cast<std::size_t>(j * size + i)];
          a = b = (a + b) / 2;
        }
      }
      return half;
    };
    std::vector<Long> values, vectors;
    small_eigenproblem(size, reduce(basis.stiffness), reduce(basis.mass), values, vectors);
    const int first = parity == 0 ? 0 : (n + 1) / 2;
    for (int v = 0; v < size; ++v) {
      std::vector<Long> s(static_cast<std::size_t>(n), 0);
      for (int i = 0; i < size; ++i) {
        const Long value = vectors[static_cast<std::size_t>(v * size + i)];
        s[static_cast<std::size_t>(i)] = value;
        if (2 * i != n - 1) s[static_cast<std::size_t>(n - 1 - i)] = sign * value;
      }
      basis.eigenvalues[static_cast<std::size_t>(first + v)] =
          static_cast<double>(values[static_cast<std::size_t>(v)]);
      for (int i = 0; i < n; ++i) {
        Long sum = 0;
        for (int j = 0; j < n; ++j) sum += s[static_cast<std::size_t>(j)] * basis.mass[at(j, i)];
        basis.modes[at(first + v, i)] = static_cast<double>(sum);
      }
    }
  }
}

}  // namespace

std::vector<double> transposed(const std::vector<double>& a, int rows, int columns) {
  std::vector<double> result(a.size());
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      result[static_cast<std::size_t>(j * rows + i)] = a[static_cast<std::size_t>(i * columns + j)];
    }
  }
  return result;
}

TensorBasis::TensorBasis(int degree, int n_points_1d) : n(degree + 1), m(n_points_1d) {
  fem::gauss_legendre(m, points, weights);
  // The line element has the 1-D basis, vertices first: in ascending order of the nodes it is the
  // factor of the tensor-product functions.
  const fem::Element line(mesh::CellType::line, degree);
  std::vector<std::size_t> ascending(static_cast<std::size_t>(n));
  std::iota(ascending.begin(), ascending.end(), 0);
  std::sort(ascending.begin(), ascending.end(),
            [&](std::size_t a, std::size_t b) { return line.nodes()[a][0] < line.nodes()[b][0]; });
  std::vector<double> value(static_cast<std::size_t>(n)), slope(static_cast<std::size_t>(n));
  for (const double x : points) {
    line.values({x, 0, 0}, value);
    line.gradients({x, 0, 0}, slope);
    for (const std::size_t i : ascending) {
      values.push_back(value[i]);
      slopes.push_back(slope[i]);
    }
  }
  // Barycentric weights (Berrut and Trefethen, SIAM Rev. 46, 2004, 501, sec. 9.3).
  std::vector<double> barycentric(static_cast<std::size_t>(m), 1.0);
  const auto p = [this](int i) { return points[static_cast<std::size_t>(i)]; };
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < m; ++j) {
      if (i != j) barycentric[static_cast<std::size_t>(i)] /= p(i) - p(j);
    }
  }
  collocation.assign(static_cast<std::size_t>(m * m), 0.0);
  for (int i = 0; i < m; ++i) {
    double sum = 0;
    for (int j = 0; j < m; ++j) {
      if (i == j) continue;
      const double entry = barycentric[static_cast<std::size_t>(j)] /
                           barycentric[static_cast<std::size_t>(i)] / (p(i) - p(j));
      collocation[static_cast<std::size_t>(i * m + j)] = entry;
      sum += entry;
    }
    collocation[static_cast<std::size_t>(i * m + i)] = -sum;
  }
  mass.assign(static_cast<std::size_t>(n * n), 0.0);
  stiffness = mass;
  for (int q = 0; q < m; ++q) {
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        const auto a = static_cast<std::size_t>(q * n + i), b = static_cast<std::size_t>(q * n + j);
        const auto to = static_cast<std::size_t>(i * n + j);
        mass[to] += weights[static_cast<std::size_t>(q)] * values[a] * values[b];
        stiffness[to] += weights[static_cast<std::size_t>(q)] * slopes[a] * slopes[b];
      }
    }
  }
  make_modes(*this);
}

}  // namespace ritz::assembly
