#include "ritz/fem/element.hpp"

#include <algorithm>
#include <string>

#include "ritz/base/error.hpp"
#include "ritz/mesh/lattice.hpp"

namespace ritz::fem {

namespace {

using mesh::CellType;

constexpr int max_tensor_degree = 8;
constexpr int max_simplex_degree = 4;
constexpr std::size_t max_nodes_1d = max_tensor_degree + 1;

/// One-dimensional Lagrange polynomials of `nodes` at x by the product formula, and their
/// derivatives by the product rule (no division by x - node, so nodes need no special case).
/// `seconds` may be null.
void lagrange_1d(const std::vector<double>& nodes, double x, double* values, double* derivatives,
                 double* seconds = nullptr) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    double value = 1.0, derivative = 0.0, second = 0.0;
    for (std::size_t j = 0; j < nodes.size(); ++j) {
      if (j == i) continue;
      const double scale = 1.0 / (nodes[i] - nodes[j]);
      second = (second * (x - nodes[j]) + 2.0 * derivative) * scale;
      derivative = (derivative * (x - nodes[j]) + value) * scale;
      value *= (x - nodes[j]) * scale;
    }
    values[i] = value;
    derivatives[i] = derivative;
    if (seconds != nullptr) seconds[i] = second;
  }
}

/// Silvester's polynomial prod_{m < index} (k lambda - m) / (m + 1) and its derivative: the factor
/// of one barycentric coordinate in an equispaced Lagrange function of degree k (Silvester, Proc.
/// IEE 115 (1968) 41). `second` may be null.
void silvester(int degree, int index, double lambda, double& value, double& derivative,
               double* second = nullptr) {
  value = 1.0;
  derivative = 0.0;
  if (second != nullptr) *second = 0.0;
  for (int m = 0; m < index; ++m) {
    const double factor = (degree * lambda - m) / (m + 1.0);
    if (second != nullptr) *second = *second * factor + 2.0 * derivative * degree / (m + 1.0);
    derivative = derivative * factor + value * degree / (m + 1.0);
    value *= factor;
  }
}

}  // namespace

Element::Element(CellType type, int degree, bool equispaced)
    : type_(type), degree_(degree), equispaced_(equispaced || mesh::is_simplex(type)) {
  const mesh::CellTable& table = mesh::table(type);
  const int highest = mesh::is_simplex(type) ? max_simplex_degree : max_tensor_degree;
  if (degree < 1 || degree > highest) {
    throw base::Error(base::ExitCode::deck, "degree " + std::to_string(degree) + " on " +
                                                std::string(table.name) + " cells (must be 1 to " +
                                                std::to_string(highest) + ")");
  }
  const auto k = static_cast<std::size_t>(degree);
  if (equispaced_) {
    nodes_1d_.resize(k + 1);
    for (std::size_t i = 0; i <= k; ++i) {
      nodes_1d_[i] = static_cast<double>(i) / static_cast<double>(degree);
    }
  } else {
    nodes_1d_ = gauss_lobatto(degree + 1);
  }
  lattice_ = mesh::lattice_indices(type, degree);
  nodes_.resize(lattice_.size());
  for (std::size_t n = 0; n < lattice_.size(); ++n) {
    for (std::size_t c = 0; c < 3; ++c) {
      const bool used = static_cast<int>(c) < table.dimension;
      nodes_[n][c] = used ? nodes_1d_[static_cast<std::size_t>(lattice_[n][c])] : 0.0;
    }
  }

  // The facet's own lattice point (i, j), carried over by the facet's vertices, is a lattice point
  // of the cell; look its number up.
  if (table.dimension == 0) return;
  const mesh::CellTable& facet_table = mesh::table(table.facet_type);
  const std::vector<std::array<int, 3>> facet_lattice =
      mesh::lattice_indices(table.facet_type, degree);
  facet_nodes_.resize(static_cast<std::size_t>(table.n_facets));
  for (std::size_t f = 0; f < facet_nodes_.size(); ++f) {
    const auto corner = [&](std::size_t v, std::size_t c) {
      return static_cast<int>(table.vertices[static_cast<std::size_t>(table.facets[f][v])][c]);
    };
    for (const std::array<int, 3>& index : facet_lattice) {
      std::array<int, 3> wanted{};
      for (std::size_t c = 0; c < 3; ++c) {
        wanted[c] = degree * corner(0, c);
        for (std::size_t a = 0; static_cast<int>(a) < facet_table.dimension; ++a) {
          wanted[c] += index[a] * (corner(a + 1, c) - corner(0, c));
        }
      }
      const auto found = std::find(lattice_.begin(), lattice_.end(), wanted);
      RITZ_EXPECT(found != lattice_.end(), "a facet's node is no node of the cell");
      facet_nodes_[f].push_back(static_cast<int>(found - lattice_.begin()));
    }
  }
}

Element Element::facet_element() const {
  return {mesh::table(type_).facet_type, degree_, equispaced_};
}

void Element::values(const std::array<double, 3>& point, std::span<double> out) const {
  if (mesh::is_simplex(type_)) {
    const std::size_t dimension = type_ == CellType::tri ? 2 : 3;
    double sum = 0.0;
    for (std::size_t c = 0; c < dimension; ++c) sum += point[c];
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      int rest = degree_;
      double value = 1.0, derivative = 0.0, product = 1.0;
      for (std::size_t c = 0; c < dimension; ++c) {
        silvester(degree_, lattice_[n][c], point[c], value, derivative);
        product *= value;
        rest -= lattice_[n][c];
      }
      silvester(degree_, rest, 1.0 - sum, value, derivative);
      out[n] = product * value;
    }
    return;
  }
  const auto dimension = static_cast<std::size_t>(mesh::table(type_).dimension);
  double values[3][max_nodes_1d], derivatives[3][max_nodes_1d];
  for (std::size_t c = 0; c < dimension; ++c) {
    lagrange_1d(nodes_1d_, point[c], values[c], derivatives[c]);
  }
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    out[n] = 1.0;
    for (std::size_t c = 0; c < dimension; ++c) out[n] *= values[c][lattice_[n][c]];
  }
}

void Element::gradients(const std::array<double, 3>& point, std::span<double> out) const {
  if (mesh::is_simplex(type_)) {
    const std::size_t dimension = type_ == CellType::tri ? 2 : 3;
    double sum = 0.0;
    for (std::size_t c = 0; c < dimension; ++c) sum += point[c];
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      std::array<double, 4> value{}, derivative{};
      int rest = degree_;
      for (std::size_t c = 0; c < dimension; ++c) {
        silvester(degree_, lattice_[n][c], point[c], value[c], derivative[c]);
        rest -= lattice_[n][c];
      }
      silvester(degree_, rest, 1.0 - sum, value[dimension], derivative[dimension]);
      // With b running over the barycentric coordinates, the last of which falls along every axis.
      const auto part = [&](std::size_t b) {
        double product = derivative[b];
        for (std::size_t c = 0; c <= dimension; ++c) product *= c == b ? 1.0 : value[c];
        return product;
      };
      for (std::size_t c = 0; c < dimension; ++c) {
        out[n * dimension + c] = part(c) - part(dimension);
      }
    }
    return;
  }
  const auto dimension = static_cast<std::size_t>(mesh::table(type_).dimension);
  double values[3][max_nodes_1d], derivatives[3][max_nodes_1d];
  for (std::size_t c = 0; c < dimension; ++c) {
    lagrange_1d(nodes_1d_, point[c], values[c], derivatives[c]);
  }
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    for (std::size_t a = 0; a < dimension; ++a) {
      double product = derivatives[a][lattice_[n][a]];
      for (std::size_t c = 0; c < dimension; ++c) {
        if (c != a) product *= values[c][lattice_[n][c]];
      }
      out[n * dimension + a] = product;
    }
  }
}

void Element::second_derivatives(const std::array<double, 3>& point, std::span<double> out) const {
  const auto dimension = static_cast<std::size_t>(mesh::table(type_).dimension);
  std::size_t at = 0;
  if (mesh::is_simplex(type_)) {
    double sum = 0.0;
    for (std::size_t c = 0; c < dimension; ++c) sum += point[c];
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      std::array<double, 4> value{}, derivative{}, second{};
      int rest = degree_;
      for (std::size_t c = 0; c < dimension; ++c) {
        silvester(degree_, lattice_[n][c], point[c], value[c], derivative[c], &second[c]);
        rest -= lattice_[n][c];
      }
      silvester(degree_, rest, 1.0 - sum, value[dimension], derivative[dimension],
                &second[dimension]);
      // By the barycentric coordinates a and b, the last of which falls along every axis.
      const auto part = [&](std::size_t a, std::size_t b) {
        double product = 1.0;
        for (std::size_t c = 0; c <= dimension; ++c)
          product *= c != a && c != b ? value[c] : (a == b ? second[c] : derivative[c]);
        return product;
      };
      for (std::size_t c = 0; c < dimension; ++c) {
        for (std::size_t d = c; d < dimension; ++d) {
          out[at++] =
              part(c, d) - part(c, dimension) - part(d, dimension) + part(dimension, dimension);
        }
      }
    }
    return;
  }
  double values[3][max_nodes_1d], derivatives[3][max_nodes_1d], seconds[3][max_nodes_1d];
  for (std::size_t c = 0; c < dimension; ++c)
    lagrange_1d(nodes_1d_, point[c], values[c], derivatives[c], seconds[c]);
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    for (std::size_t a = 0; a < dimension; ++a) {
      for (std::size_t b = a; b < dimension; ++b) {
        double product = 1.0;
        for (std::size_t c = 0; c < dimension; ++c) {
          const auto i = static_cast<std::size_t>(lattice_[n][c]);
          product *= c != a && c != b ? values[c][i] : (a == b ? seconds[c][i] : derivatives[c][i]);
        }
        out[at++] = product;
      }
    }
  }
}

std::array<double, 3> facet_to_cell(CellType type, int facet, const std::array<double, 3>& point) {
  const mesh::CellTable& table = mesh::table(type);
  const auto& vertices = table.facets[static_cast<std::size_t>(facet)];
  const auto corner = [&](std::size_t v) {
    return table.vertices[static_cast<std::size_t>(vertices[v])];
  };
  const std::array<double, 3> origin = corner(0);
  std::array<double, 3> result = origin;
  for (std::size_t a = 0; static_cast<int>(a) < mesh::table(table.facet_type).dimension; ++a) {
    const std::array<double, 3> end = corner(a + 1);
    for (std::size_t c = 0; c < 3; ++c) result[c] += point[a] * (end[c] - origin[c]);
  }
  return result;
}

}  // namespace ritz::fem
