#include <algorithm>

#include "facet_tables.hpp"
#include "plan.hpp"
#include "ritz/kernels/dense_rows.hpp"
#include "ritz/mesh/geometry.hpp"

namespace ritz::assembly {

namespace {

device::View<double*> upload(const char* label, const std::vector<double>& values) {
  return device::to_device(label, values.data(), values.size());
}

/// Geometry shape functions and their gradients at a point.
struct GeometryShapes {
  GeometryShapes(const mesh::Mesh& mesh, const std::array<double, 3>& point)
      : values(static_cast<std::size_t>(mesh.nodes_per_cell())),
        gradients(values.size() * static_cast<std::size_t>(mesh.dimension())) {
    mesh::shape_values(mesh.cell_type, mesh.geometry_order, point, values);
    mesh::shape_gradients(mesh.cell_type, mesh.geometry_order, point, gradients);
  }
  std::vector<double> values, gradients;
};

std::shared_ptr<const TensorTable> make_tensor_table(const Assembler::Plan& plan, int degree) {
  const mesh::Mesh& mesh = plan.mesh;
  const fem::Element& element = plan.space.element;
  const auto dim = static_cast<std::size_t>(mesh.dimension());
  auto table = std::make_shared<TensorTable>();
  const int n_1d = (degree + 2) / 2;
  std::vector<double> points_1d, weights_1d;
  fem::gauss_legendre(n_1d, points_1d, weights_1d);

  // The line element of the same degree has the 1-D basis, vertices first: in ascending order of
  // the nodes it is the factor of the tensor-product functions.
  const fem::Element line(mesh::CellType::line, element.degree());
  const auto n = static_cast<std::size_t>(line.n_nodes());
  std::vector<std::size_t> ascending(n);
  for (std::size_t i = 0; i < n; ++i) ascending[i] = i;
  std::sort(ascending.begin(), ascending.end(),
            [&](std::size_t a, std::size_t b) { return line.nodes()[a][0] < line.nodes()[b][0]; });
  std::vector<double> values(n), slopes(n), values_1d, slopes_1d;
  for (const double x : points_1d) {
    line.values({x, 0, 0}, values);
    line.gradients({x, 0, 0}, slopes);
    for (const std::size_t i : ascending) {
      values_1d.push_back(values[i]);
      slopes_1d.push_back(slopes[i]);
    }
  }

  const auto m = static_cast<std::size_t>(n_1d);
  std::vector<double> weights;
  for (std::size_t z = 0; z < (dim > 2 ? m : 1); ++z) {
    for (std::size_t y = 0; y < (dim > 1 ? m : 1); ++y) {
      for (std::size_t x = 0; x < m; ++x) {
        table->points.push_back(
            {points_1d[x], dim > 1 ? points_1d[y] : 0.0, dim > 2 ? points_1d[z] : 0.0});
        weights.push_back(weights_1d[x] * (dim > 1 ? weights_1d[y] : 1.0) *
                          (dim > 2 ? weights_1d[z] : 1.0));
      }
    }
  }
  table->n_points = static_cast<int>(weights.size());
  const auto n_padded = static_cast<std::size_t>(kernels::padded(table->n_points));
  table->points.resize(n_padded, table->points.back());
  weights.resize(n_padded, 0.0);
  const auto n_geometry = static_cast<std::size_t>(mesh.nodes_per_cell());
  std::vector<double> geometry_values(n_geometry * n_padded),
      geometry_gradients(n_geometry * dim * n_padded);
  for (std::size_t q = 0; q < n_padded; ++q) {
    const GeometryShapes geometry(mesh, table->points[q]);
    for (std::size_t a = 0; a < n_geometry; ++a) {
      geometry_values[a * n_padded + q] = geometry.values[a];
      for (std::size_t d = 0; d < dim; ++d) {
        geometry_gradients[(a * dim + d) * n_padded + q] = geometry.gradients[a * dim + d];
      }
    }
  }
  table->n_points_1d = n_1d;
  table->n_points_padded = static_cast<int>(n_padded);
  table->n_geometry_nodes = static_cast<int>(n_geometry);
  table->weights = upload("ritz::assembly::weights", weights);
  table->values_1d = upload("ritz::assembly::values_1d", values_1d);
  table->slopes_1d = upload("ritz::assembly::slopes_1d", slopes_1d);
  table->geometry_values = upload("ritz::assembly::geometry_values", geometry_values);
  table->geometry_gradients = upload("ritz::assembly::geometry_gradients", geometry_gradients);
  return table;
}

template <class Tables, class Make>
auto& find_or_make(Tables& tables, int degree, const Make& make) {
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [degree](const auto& entry) { return entry.first == degree; });
  if (found != tables.end()) return *found->second;
  tables.emplace_back(degree, make());
  return *tables.back().second;
}

/// Quadrature of a facet; a line's facets are points.
fem::Quadrature facet_quadrature(mesh::CellType facet_type, int degree) {
  if (facet_type == mesh::CellType::point) return {{{0.0, 0.0, 0.0}}, {1.0}};
  return fem::quadrature(facet_type, degree);
}

}  // namespace

FacetTable::FacetTable(const mesh::Mesh& mesh, const fem::Element& element, int degree) {
  const mesh::CellTable& cell = mesh::table(mesh.cell_type);
  const fem::Quadrature rule = facet_quadrature(cell.facet_type, degree);
  n_facets = cell.n_facets;
  n_points = static_cast<int>(rule.points.size());
  n_nodes_cell = element.n_nodes();
  n_nodes_facet = static_cast<int>(element.facet_nodes(0).size());
  host_weights = rule.weights;
  std::vector<double> all_shapes, gradients, values,
      cell_values(static_cast<std::size_t>(n_nodes_cell));
  std::vector<int> all_nodes;
  for (int f = 0; f < n_facets; ++f) {
    const auto& facet_nodes = element.facet_nodes(f);
    all_nodes.insert(all_nodes.end(), facet_nodes.begin(), facet_nodes.end());
    // Facet coordinates run from the first vertex to the second, and to the third.
    const auto& vertices = cell.facets[static_cast<std::size_t>(f)];
    for (std::size_t s = 1; s <= 2; ++s) {
      for (std::size_t d = 0; d < 3; ++d) {
        const bool there = vertices[s] >= 0 && static_cast<int>(s) < cell.dimension;
        host_tangents.push_back(there ? cell.vertices[static_cast<std::size_t>(vertices[s])][d] -
                                            cell.vertices[static_cast<std::size_t>(vertices[0])][d]
                                      : 0.0);
      }
    }
    for (const auto& point : rule.points) {
      const auto inside = fem::facet_to_cell(mesh.cell_type, f, point);
      cell_points.push_back(inside);
      element.values(inside, cell_values);
      for (const int node : facet_nodes)
        all_shapes.push_back(cell_values[static_cast<std::size_t>(node)]);
      const GeometryShapes geometry(mesh, inside);
      values.insert(values.end(), geometry.values.begin(), geometry.values.end());
      gradients.insert(gradients.end(), geometry.gradients.begin(), geometry.gradients.end());
    }
  }
  weights = upload("ritz::assembly::facet_weights", rule.weights);
  shapes = upload("ritz::assembly::facet_shapes", all_shapes);
  nodes = device::to_device("ritz::assembly::facet_nodes", all_nodes.data(), all_nodes.size());
  tangents = upload("ritz::assembly::facet_tangents", host_tangents);
  geometry_gradients = upload("ritz::assembly::facet_geometry_gradients", gradients);
  geometry_values = upload("ritz::assembly::facet_geometry_values", values);
}

namespace {

void add_second_derivatives(const mesh::Mesh& mesh, const fem::Element& element,
                            const fem::Quadrature& rule, ReferenceTable& table) {
  const auto dim = static_cast<std::size_t>(mesh.dimension());
  const std::size_t pairs = dim * (dim + 1) / 2, n = static_cast<std::size_t>(table.n_nodes),
                    n_padded = static_cast<std::size_t>(table.n_nodes_padded);
  const fem::Element map(mesh.cell_type, mesh.geometry_order, true);
  std::vector<double> seconds(rule.points.size() * pairs * n_padded, 0.0), geometry;
  std::vector<double> of_nodes(n * pairs),
      of_map(static_cast<std::size_t>(table.n_geometry_nodes) * pairs);
  for (std::size_t q = 0; q < rule.points.size(); ++q) {
    element.second_derivatives(rule.points[q], of_nodes);
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t p = 0; p < pairs; ++p)
        seconds[(q * pairs + p) * n_padded + j] = of_nodes[j * pairs + p];
    }
    map.second_derivatives(rule.points[q], of_map);
    geometry.insert(geometry.end(), of_map.begin(), of_map.end());
  }
  table.seconds = upload("ritz::assembly::second_derivatives", seconds);
  table.geometry_seconds = upload("ritz::assembly::geometry_second_derivatives", geometry);
}

}  // namespace

ReferenceTable tabulate(const mesh::Mesh& mesh, const fem::Element& element,
                        const fem::Quadrature& rule, bool second_derivatives) {
  ReferenceTable table;
  const auto dim = static_cast<std::size_t>(mesh.dimension());
  const std::size_t n = static_cast<std::size_t>(element.n_nodes()), n_points = rule.points.size();
  const std::size_t n_padded =
      (n + kernels::dense_block - 1) / kernels::dense_block * kernels::dense_block;
  std::vector<double> shapes(n_points * (dim + 1) * n_padded, 0.0);
  std::vector<double> values(n), gradients(n * dim), geometry_values, geometry_gradients;
  for (std::size_t q = 0; q < n_points; ++q) {
    element.values(rule.points[q], values);
    element.gradients(rule.points[q], gradients);
    double* at = shapes.data() + q * (dim + 1) * n_padded;
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t d = 0; d < dim; ++d) at[d * n_padded + j] = gradients[j * dim + d];
      at[dim * n_padded + j] = values[j];
    }
    const GeometryShapes geometry(mesh, rule.points[q]);
    geometry_values.insert(geometry_values.end(), geometry.values.begin(), geometry.values.end());
    geometry_gradients.insert(geometry_gradients.end(), geometry.gradients.begin(),
                              geometry.gradients.end());
  }
  table.n_points = static_cast<int>(n_points);
  table.n_nodes = static_cast<int>(n);
  table.n_nodes_padded = static_cast<int>(n_padded);
  table.n_geometry_nodes = mesh.nodes_per_cell();
  table.points = rule.points;
  table.weights = upload("ritz::assembly::weights", rule.weights);
  table.shapes = upload("ritz::assembly::shapes", shapes);
  table.geometry_values = upload("ritz::assembly::geometry_values", geometry_values);
  table.geometry_gradients = upload("ritz::assembly::geometry_gradients", geometry_gradients);
  if (second_derivatives) add_second_derivatives(mesh, element, rule, table);
  return table;
}

const ReferenceTable& reference_table(const Assembler::Plan& plan, int degree) {
  return find_or_make(plan.reference_tables, degree, [&] {
    return std::make_shared<const ReferenceTable>(
        tabulate(plan.mesh, plan.space.element, fem::quadrature(plan.mesh.cell_type, degree)));
  });
}

const TensorTable& tensor_table(const Assembler::Plan& plan, int degree) {
  return find_or_make(plan.tensor_tables, degree, [&] { return make_tensor_table(plan, degree); });
}

}  // namespace ritz::assembly
