#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <tuple>
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

/// Reference gradients of the geometry map at the points of the equispaced lattice of order k,
/// which has the vertices among its points: [point][node][dimension].
struct Samples {
  std::size_t n_points = 0;
  std::vector<double> gradients;
};

Samples sample(CellType type, int order, int k) {
  const auto dimension = static_cast<std::size_t>(table(type).dimension);
  const auto n_nodes = static_cast<std::size_t>(n_lattice_points(type, order));
  Samples samples;
  const auto last = [&](std::size_t d) { return d < dimension ? k : 0; };
  for (int l = 0; l <= last(2); ++l) {
    for (int j = 0; j <= last(1); ++j) {
      for (int i = 0; i <= last(0); ++i) {
        if (is_simplex(type) && i + j + l > k) continue;
        const double h = 1.0 / k;
        const std::size_t at = samples.gradients.size();
        samples.gradients.resize(at + n_nodes * dimension);
        shape_gradients(type, order, {i * h, j * h, l * h},
                        std::span(samples.gradients).subspan(at));
        ++samples.n_points;
      }
    }
  }
  return samples;
}

double determinant(const std::array<double, 9>& a, std::size_t dimension) {
  if (dimension == 1) return a[0];
  if (dimension == 2) return a[0] * a[3] - a[1] * a[2];
  return a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6]) +
         a[2] * (a[3] * a[7] - a[4] * a[6]);
}

/// Least and largest determinant over the samples. `x`: [node][dimension].
std::pair<double, double> extremes(const Samples& samples, const double* x, std::size_t n_nodes,
                                   std::size_t dimension) {
  double least = std::numeric_limits<double>::infinity(), largest = -least;
  const double* gradient = samples.gradients.data();
  for (std::size_t p = 0; p < samples.n_points; ++p) {
    std::array<double, 9> jacobian{};
    for (std::size_t i = 0; i < n_nodes; ++i, gradient += dimension) {
      for (std::size_t r = 0; r < dimension; ++r) {
        for (std::size_t c = 0; c < dimension; ++c) {
          jacobian[r * dimension + c] += x[i * dimension + r] * gradient[c];
        }
      }
    }
    const double value = determinant(jacobian, dimension);
    if (std::isnan(value)) return {-std::numeric_limits<double>::infinity(), largest};
    least = std::min(least, value);
    largest = std::max(largest, value);
  }
  return {least, largest};
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
  // A polynomial of this degree is known by its values on the coarse lattice. Where these differ
  // much it may dip below zero in between: such cells get the fine lattice too.
  const Samples coarse = sample(mesh.cell_type, mesh.geometry_order, std::max(1, degree));
  const Samples fine =
      degree > 1 ? sample(mesh.cell_type, mesh.geometry_order, 4 * degree) : Samples{};
  const bool is_constant = degree == 0;

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
      double largest;
      std::tie(least, largest) = extremes(coarse, x.data(), n_nodes, dimension);
      if (degree > 1 && least > 0.0 && least < 0.25 * largest) {
        least = std::min(least, extremes(fine, x.data(), n_nodes, dimension).first);
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
