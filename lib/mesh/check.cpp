#include "ritz/base/format.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ritz/base/text.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

namespace {

constexpr std::size_t max_nodes = 27;

/// Degree of the Jacobian determinant: in each variable on tensor cells, in total on simplices.
int determinant_degree(CellType type, int order) {
  const int dimension = table(type).dimension;
  return is_simplex(type) ? dimension * (order - 1) : dimension * order - 1;
}

/// Points of the equispaced lattice of order k on the closed cell.
std::vector<std::array<int, 3>> lattice(CellType type, int k) {
  const int dimension = table(type).dimension;
  std::vector<std::array<int, 3>> points;
  for (int l = 0; l <= (dimension > 2 ? k : 0); ++l) {
    for (int j = 0; j <= (dimension > 1 ? k : 0); ++j) {
      for (int i = 0; i <= k; ++i) {
        if (!is_simplex(type) || i + j + l <= k) points.push_back({i, j, l});
      }
    }
  }
  return points;
}

/// Reference gradients of the geometry map at those points: [point][node][dimension].
struct Samples {
  std::size_t n_points = 0;
  std::vector<double> gradients;
};

Samples sample(CellType type, int order, int k) {
  const auto row = static_cast<std::size_t>(n_lattice_points(type, order)) *
                   static_cast<std::size_t>(table(type).dimension);
  const auto points = lattice(type, k);
  Samples samples{points.size(), std::vector<double>(points.size() * row)};
  for (std::size_t p = 0; p < points.size(); ++p) {
    const auto [i, j, l] = points[p];
    const double h = 1.0 / k;
    shape_gradients(type, order, {i * h, j * h, l * h},
                    std::span(samples.gradients).subspan(p * row, row));
  }
  return samples;
}

/// Bernstein polynomial of degree k with this index at a point; products of one-dimensional ones on
/// tensor cells.
double bernstein(CellType type, int k, const std::array<int, 3>& index,
                 const std::array<double, 3>& x) {
  const auto dimension = static_cast<std::size_t>(table(type).dimension);
  const auto power_over_factorial = [](double base, int n) {
    double value = 1.0;
    for (int i = 1; i <= n; ++i) value *= base / i;
    return value;
  };
  double factorial = 1.0;
  for (int i = 2; i <= k; ++i) factorial *= i;
  double value = 1.0;
  if (is_simplex(type)) {
    int last = k;
    double rest = 1.0;
    for (std::size_t d = 0; d < dimension; ++d) {
      value *= power_over_factorial(x[d], index[d]);
      last -= index[d];
      rest -= x[d];
    }
    return factorial * value * power_over_factorial(rest, last);
  }
  for (std::size_t d = 0; d < dimension; ++d) {
    value *= factorial * power_over_factorial(x[d], index[d]) *
             power_over_factorial(1.0 - x[d], k - index[d]);
  }
  return value;
}

/// Matrix that turns a polynomial's values on the lattice of order k, its degree, into its
/// Bernstein coefficients, row-major. The polynomial lies above its least coefficient: a proof that
/// it is positive which no number of samples can give (Johnen, Remacle, Geuzaine, "Geometrical
/// validity of curvilinear finite elements", J. Comput. Phys. 233, 2013).
std::vector<double> bernstein_matrix(CellType type, int k) {
  const auto points = lattice(type, k);
  const std::size_t n = points.size();
  std::vector<double> a(n * n), inverse(n * n, 0.0);
  for (std::size_t p = 0; p < n; ++p) {
    std::array<double, 3> x{};
    for (std::size_t d = 0; d < 3; ++d) x[d] = static_cast<double>(points[p][d]) / k;
    for (std::size_t j = 0; j < n; ++j) a[p * n + j] = bernstein(type, k, points[j], x);
    inverse[p * n + p] = 1.0;
  }
  // Gauss-Jordan with pivots from the column.
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < n; ++r) {
      if (std::abs(a[r * n + c]) > std::abs(a[pivot * n + c])) pivot = r;
    }
    for (std::size_t j = 0; j < n; ++j) {
      std::swap(a[c * n + j], a[pivot * n + j]);
      std::swap(inverse[c * n + j], inverse[pivot * n + j]);
    }
    const double scale = 1.0 / a[c * n + c];
    for (std::size_t j = 0; j < n; ++j) {
      a[c * n + j] *= scale;
      inverse[c * n + j] *= scale;
    }
    for (std::size_t r = 0; r < n; ++r) {
      const double factor = a[r * n + c];
      if (r == c || factor == 0.0) continue;
      for (std::size_t j = 0; j < n; ++j) {
        a[r * n + j] -= factor * a[c * n + j];
        inverse[r * n + j] -= factor * inverse[c * n + j];
      }
    }
  }
  return inverse;
}

double determinant(const std::array<double, 9>& a, std::size_t dimension) {
  if (dimension == 1) return a[0];
  if (dimension == 2) return a[0] * a[3] - a[1] * a[2];
  return a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6]) +
         a[2] * (a[3] * a[7] - a[4] * a[6]);
}

/// Determinants at the samples; `x`: [node][dimension].
void determinants(const Samples& samples, const double* x, std::size_t n_nodes,
                  std::size_t dimension, std::vector<double>& values) {
  values.resize(samples.n_points);
  const double* gradient = samples.gradients.data();
  for (double& value : values) {
    std::array<double, 9> jacobian{};
    for (std::size_t i = 0; i < n_nodes; ++i, gradient += dimension) {
      for (std::size_t r = 0; r < dimension; ++r) {
        for (std::size_t c = 0; c < dimension; ++c) {
          jacobian[r * dimension + c] += x[i * dimension + r] * gradient[c];
        }
      }
    }
    value = determinant(jacobian, dimension);
  }
}

/// Whether a straight line, quad or hex is so near a parallelepiped that its determinant is
/// positive everywhere. Column d of the Jacobian lies among the edges along direction d, all within
/// delta_d of the first one e_d; a determinant is linear in each column, so by Hadamard's
/// inequality it differs from that of the e_d by at most prod(|e_d| + delta_d) - prod |e_d|.
bool is_near_parallelepiped(const double* x, std::size_t dimension) {
  std::array<double, 9> edges{};
  double product = 1, largest = 1;
  for (std::size_t d = 0; d < dimension; ++d) {
    const std::size_t bit = std::size_t{1} << d;
    double* const first = edges.data() + d * dimension;
    double size = 0, gap = 0;
    for (std::size_t r = 0; r < dimension; ++r) {
      first[r] = x[bit * dimension + r] - x[r];
      size += first[r] * first[r];
    }
    for (std::size_t v = 1; v < std::size_t{1} << dimension; ++v) {
      if ((v & bit) != 0) continue;
      double difference = 0;
      for (std::size_t r = 0; r < dimension; ++r) {
        const double one = x[(v | bit) * dimension + r] - x[v * dimension + r] - first[r];
        difference += one * one;
      }
      gap = std::max(gap, difference);
    }
    product *= std::sqrt(size);
    largest *= std::sqrt(size) + std::sqrt(gap);
  }
  // Round-off of the products is far below a millionth.
  return determinant(edges, dimension) > largest - product + 1e-6 * product;
}

/// Least value; -infinity if one is not a number.
double least_of(const std::vector<double>& values) {
  double least = std::numeric_limits<double>::infinity();
  for (const double value : values) {
    if (std::isnan(value)) return -std::numeric_limits<double>::infinity();
    least = std::min(least, value);
  }
  return least;
}

struct Worst {
  double determinant = std::numeric_limits<double>::infinity();
  GlobalId gid = std::numeric_limits<GlobalId>::max();
  std::array<double, 3> centroid{};
};

}  // namespace

void check_geometry(const Mesh& mesh) {
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  const auto n_nodes = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n_vertices = static_cast<std::size_t>(table(mesh.cell_type).n_vertices);
  const int degree = determinant_degree(mesh.cell_type, mesh.geometry_order);
  // A polynomial of this degree is known by its values on the coarse lattice. If they are positive
  // it may still dip below zero in between, unless its Bernstein coefficients are positive as well;
  // cells without that proof are looked at on the fine lattice.
  const Samples coarse = sample(mesh.cell_type, mesh.geometry_order, std::max(1, degree));
  Samples fine;
  std::vector<double> to_bernstein;
  std::vector<double> values;
  const bool is_constant = degree == 0;
  const bool is_straight_tensor = is_tensor(mesh.cell_type) && mesh.geometry_order == 1;
  const auto proven_positive = [&](double least) {
    // Values that hardly differ need no matrix: an interpolant leaves the range of its values by at
    // most (L - 1) / 2 of their spread, and the Lebesgue constant L is 30 at most (hex of order 2).
    if (least > 0.96 * *std::max_element(values.begin(), values.end())) return true;
    if (to_bernstein.empty()) to_bernstein = bernstein_matrix(mesh.cell_type, degree);
    const double* row = to_bernstein.data();
    for (std::size_t i = 0; i < values.size(); ++i) {
      double coefficient = 0.0;
      for (const double value : values) coefficient += *row++ * value;
      if (!(coefficient > 0.0)) return false;
    }
    return true;
  };

  GlobalId n_bad = 0;
  Worst worst;
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const auto c = static_cast<std::size_t>(cell);
    std::array<double, 3 * max_nodes> x;
    for (std::size_t i = 0; i < n_nodes; ++i) {
      const auto node = static_cast<std::size_t>(mesh.cell_nodes[c * n_nodes + i]);
      for (std::size_t d = 0; d < dimension; ++d) {
        x[i * dimension + d] = mesh.node_coordinates[node * dimension + d];
      }
    }
    if (is_straight_tensor && is_near_parallelepiped(x.data(), dimension)) continue;
    double least;
    if (is_constant) {
      // Straight simplices, the bulk of large meshes: edge vectors from vertex 0.
      std::array<double, 9> jacobian{};
      for (std::size_t v = 1; v <= dimension; ++v) {
        for (std::size_t d = 0; d < dimension; ++d) {
          jacobian[(v - 1) * dimension + d] = x[v * dimension + d] - x[d];
        }
      }
      least = determinant(jacobian, dimension);
      if (std::isnan(least)) least = -std::numeric_limits<double>::infinity();
    } else {
      determinants(coarse, x.data(), n_nodes, dimension, values);
      least = least_of(values);
      if (degree > 1 && least > 0.0 && !proven_positive(least)) {
        if (fine.n_points == 0) fine = sample(mesh.cell_type, mesh.geometry_order, 4 * degree);
        determinants(fine, x.data(), n_nodes, dimension, values);
        least = least_of(values);
      }
    }
    if (least > 0.0) continue;
    ++n_bad;
    const GlobalId gid = mesh.cell_gid[c];
    if (least < worst.determinant || (least == worst.determinant && gid < worst.gid)) {
      worst = {least, gid, {}};
      for (std::size_t v = 0; v < n_vertices; ++v) {
        for (std::size_t d = 0; d < dimension; ++d) {
          worst.centroid[d] += x[v * dimension + d] / static_cast<double>(n_vertices);
        }
      }
    }
  }
  const GlobalId n_bad_global = mesh.communicator.sum(n_bad);
  if (n_bad_global == 0) return;
  for (const Worst& one : mesh.communicator.all_gather(worst)) {
    if (one.determinant < worst.determinant ||
        (one.determinant == worst.determinant && one.gid < worst.gid)) {
      worst = one;
    }
  }
  std::string centroid;
  for (std::size_t d = 0; d < dimension; ++d) {
    if (d > 0) centroid += ", ";
    centroid += base::number_text(worst.centroid[d]);
  }
  throw base::Error(
      base::ExitCode::mesh,
      fmt::format(
          "{} of {} cells are inverted or flat (the determinant of the map from the {} "
          "reference cell must be positive everywhere); the worst is cell {} (from 0) around "
          "({}), determinant {:.3g}: correct its nodes' positions or their order",
          n_bad_global, mesh.n_cells_global, table(mesh.cell_type).name, worst.gid, centroid,
          worst.determinant));
}

}  // namespace ritz::mesh
