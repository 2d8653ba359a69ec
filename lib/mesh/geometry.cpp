#include "ritz/mesh/geometry.hpp"

#include <cmath>
#include <string>

namespace ritz::mesh {

namespace {

constexpr int max_nodes = 27;  // hex of order 2

/// Multi-indices (0..2 in each direction) of the nodes of order 2 in entity order: each sits in the
/// middle of its vertex, edge, face or cell.
struct Nodes {
  int n = 0;
  std::array<std::array<std::int8_t, 3>, max_nodes> index{};
  /// Simplices: the one or two vertices whose barycentric coordinates make the shape function.
  std::array<std::array<std::int8_t, 2>, max_nodes> vertices{};
};

Nodes quadratic_nodes(CellType type) {
  const CellTable& t = table(type);
  Nodes nodes;
  const auto add = [&](auto&& vertices, int n_vertices) {
    std::array<double, 3> sum{};
    for (int i = 0; i < n_vertices; ++i) {
      const auto v = static_cast<std::size_t>(vertices[static_cast<std::size_t>(i)]);
      for (std::size_t d = 0; d < 3; ++d) sum[d] += t.vertices[v][d];
    }
    const auto at = static_cast<std::size_t>(nodes.n++);
    for (std::size_t d = 0; d < 3; ++d) {
      nodes.index[at][d] = static_cast<std::int8_t>(std::lround(2.0 * sum[d] / n_vertices));
    }
    nodes.vertices[at] = {static_cast<std::int8_t>(vertices[0]),
                          static_cast<std::int8_t>(vertices[n_vertices > 1 ? 1 : 0])};
  };
  std::array<int, 8> all{0, 1, 2, 3, 4, 5, 6, 7};
  for (int v = 0; v < t.n_vertices; ++v) add(std::array{v}, 1);
  for (int e = 0; e < t.n_edges; ++e) add(t.edges[static_cast<std::size_t>(e)], 2);
  if (type == CellType::quad || type == CellType::hex) {
    for (int f = 0; f < t.n_faces; ++f) add(t.faces[static_cast<std::size_t>(f)], 4);
    if (type == CellType::hex) add(all, 8);
  }
  return nodes;
}

const Nodes& nodes_of_order_2(CellType type) {
  static const std::array<Nodes, 6> all{
      quadratic_nodes(CellType::point), quadratic_nodes(CellType::line),
      quadratic_nodes(CellType::tri),   quadratic_nodes(CellType::quad),
      quadratic_nodes(CellType::tet),   quadratic_nodes(CellType::hex)};
  return all[static_cast<std::size_t>(type)];
}

/// Lagrange polynomials of degree 1 or 2 on the equispaced points of [0,1]: value and derivative.
void basis_1d(int order, double x, std::array<double, 3>& value, std::array<double, 3>& slope) {
  if (order == 1) {
    value = {1.0 - x, x, 0.0};
    slope = {-1.0, 1.0, 0.0};
  } else {
    value = {(1.0 - x) * (1.0 - 2.0 * x), 4.0 * x * (1.0 - x), x * (2.0 * x - 1.0)};
    slope = {4.0 * x - 3.0, 4.0 - 8.0 * x, 4.0 * x - 1.0};
  }
}

/// Barycentric coordinates of a simplex; vertex 0 is the origin.
std::array<double, 4> barycentric(int dimension, const std::array<double, 3>& point) {
  std::array<double, 4> l{1.0, 0.0, 0.0, 0.0};
  for (std::size_t d = 0; d < static_cast<std::size_t>(dimension); ++d) {
    l[d + 1] = point[d];
    l[0] -= point[d];
  }
  return l;
}

/// Derivative of barycentric coordinate v in direction d.
double barycentric_slope(int v, int d) {
  return v == 0 ? -1.0 : (v == d + 1 ? 1.0 : 0.0);
}

void check_order(int order) {
  if (order != 1 && order != 2) {
    throw base::Error(base::ExitCode::internal,
                      "geometry of order " + std::to_string(order) + " (1 and 2 exist)");
  }
}

}  // namespace

void shape_values(CellType type, int order, const std::array<double, 3>& point,
                  std::span<double> out) {
  check_order(order);
  const CellTable& t = table(type);
  if (type == CellType::point) {
    out[0] = 1.0;
  } else if (is_simplex(type)) {
    const std::array<double, 4> l = barycentric(t.dimension, point);
    if (order == 1) {
      for (std::size_t v = 0; v < static_cast<std::size_t>(t.n_vertices); ++v) out[v] = l[v];
      return;
    }
    const Nodes& nodes = nodes_of_order_2(type);
    for (std::size_t i = 0; i < static_cast<std::size_t>(nodes.n); ++i) {
      const auto [a, b] = nodes.vertices[i];
      const double la = l[static_cast<std::size_t>(a)], lb = l[static_cast<std::size_t>(b)];
      out[i] = a == b ? la * (2.0 * la - 1.0) : 4.0 * la * lb;
    }
  } else {
    const auto dimension = static_cast<std::size_t>(t.dimension);
    std::array<std::array<double, 3>, 3> value{}, slope{};
    for (std::size_t d = 0; d < dimension; ++d) basis_1d(order, point[d], value[d], slope[d]);
    const Nodes& nodes = nodes_of_order_2(type);
    const int n = order == 1 ? t.n_vertices : nodes.n;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      double product = 1.0;
      for (std::size_t d = 0; d < dimension; ++d) {
        const int index = nodes.index[i][d];
        product *= value[d][static_cast<std::size_t>(order == 1 ? index / 2 : index)];
      }
      out[i] = product;
    }
  }
}

void shape_gradients(CellType type, int order, const std::array<double, 3>& point,
                     std::span<double> out) {
  check_order(order);
  const CellTable& t = table(type);
  const int dimension = t.dimension;
  std::size_t at = 0;
  if (type == CellType::point) return;
  const Nodes& nodes = nodes_of_order_2(type);
  const auto n = static_cast<std::size_t>(order == 1 ? t.n_vertices : nodes.n);
  if (is_simplex(type)) {
    const std::array<double, 4> l = barycentric(dimension, point);
    for (std::size_t i = 0; i < n; ++i) {
      const auto [a, b] = nodes.vertices[i];
      const double la = l[static_cast<std::size_t>(a)], lb = l[static_cast<std::size_t>(b)];
      for (int d = 0; d < dimension; ++d) {
        const double sa = barycentric_slope(a, d), sb = barycentric_slope(b, d);
        if (order == 1)
          out[at++] = sa;
        else if (a == b)
          out[at++] = (4.0 * la - 1.0) * sa;
        else
          out[at++] = 4.0 * (sa * lb + la * sb);
      }
    }
    return;
  }
  std::array<std::array<double, 3>, 3> value{}, slope{};
  for (std::size_t d = 0; d < static_cast<std::size_t>(dimension); ++d) {
    basis_1d(order, point[d], value[d], slope[d]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (int direction = 0; direction < dimension; ++direction) {
      double product = 1.0;
      for (int d = 0; d < dimension; ++d) {
        const auto axis = static_cast<std::size_t>(d);
        const int index = nodes.index[i][axis];
        const auto k = static_cast<std::size_t>(order == 1 ? index / 2 : index);
        product *= d == direction ? slope[axis][k] : value[axis][k];
      }
      out[at++] = product;
    }
  }
}

std::array<double, 3> map_to_physical(const Mesh& mesh, LocalId cell,
                                      const std::array<double, 3>& reference,
                                      std::span<double> jacobian) {
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  const auto n = static_cast<std::size_t>(mesh.nodes_per_cell());
  const LocalId* nodes = mesh.cell_nodes.data() + static_cast<std::size_t>(cell) * n;
  std::array<double, max_nodes> values;
  shape_values(mesh.cell_type, mesh.geometry_order, reference, values);
  std::array<double, 3> x{};
  for (std::size_t i = 0; i < n; ++i) {
    const double* node =
        mesh.node_coordinates.data() + static_cast<std::size_t>(nodes[i]) * dimension;
    for (std::size_t d = 0; d < dimension; ++d) x[d] += values[i] * node[d];
  }
  if (!jacobian.empty()) {
    std::array<double, 3 * max_nodes> gradients;
    shape_gradients(mesh.cell_type, mesh.geometry_order, reference, gradients);
    for (std::size_t k = 0; k < dimension * dimension; ++k) jacobian[k] = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      const double* node =
          mesh.node_coordinates.data() + static_cast<std::size_t>(nodes[i]) * dimension;
      for (std::size_t r = 0; r < dimension; ++r) {
        for (std::size_t c = 0; c < dimension; ++c) {
          jacobian[r * dimension + c] += node[r] * gradients[i * dimension + c];
        }
      }
    }
  }
  return x;
}

std::vector<double> centroids(const Mesh& mesh) {
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  const auto n_vertices = static_cast<std::size_t>(table(mesh.cell_type).n_vertices);
  const auto n = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells_owned);
  std::vector<double> result(n_cells * dimension);
  const double weight = 1.0 / static_cast<double>(n_vertices);
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    std::array<double, 3> sum{};
    for (std::size_t v = 0; v < n_vertices; ++v) {
      const double* node = mesh.node_coordinates.data() +
                           static_cast<std::size_t>(mesh.cell_nodes[cell * n + v]) * dimension;
      for (std::size_t d = 0; d < dimension; ++d) sum[d] += node[d];
    }
    for (std::size_t d = 0; d < dimension; ++d) result[cell * dimension + d] = sum[d] * weight;
  }
  return result;
}

}  // namespace ritz::mesh
