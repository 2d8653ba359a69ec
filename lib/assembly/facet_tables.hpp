#pragma once

#include <array>
#include <vector>

#include "plan.hpp"
#include "tile_output.hpp"

namespace ritz::assembly {

/// Shape functions at quadrature points of each of the reference cell's facets.
struct FacetTable {
  FacetTable(const mesh::Mesh& mesh, const fem::Element& element, int degree);

  int n_facets = 0;
  int n_points = 0;
  int n_nodes_cell = 0;
  int n_nodes_facet = 0;
  std::vector<std::array<double, 3>> cell_points;  ///< host, [n_facets][n_points]
  std::vector<double> host_weights;                ///< [n_points]
  std::vector<double> host_tangents;               ///< as `tangents`
  device::View<double*> weights;                   ///< [n_points]
  device::View<double*> shapes;                    ///< [n_facets][n_points][n_nodes_facet]
  device::View<int*> nodes;                        ///< [n_facets][n_nodes_facet]
  device::View<double*> tangents;            ///< [n_facets][2][3]: d xi / d (facet coordinate)
  device::View<double*> geometry_gradients;  ///< [n_facets][n_points][n_geometry_nodes][dim]
  device::View<double*> geometry_values;     ///< [n_facets][n_points][n_geometry_nodes]
};

/// ds / (facet reference measure) from the cell's Jacobian and the facet's reference tangents
/// [2][3].
template <int dim>
KOKKOS_INLINE_FUNCTION double facet_measure(const double* jacobian, const double* tangents) {
  if constexpr (dim == 1) {
    return 1.0;
  } else {
    double t[2][3] = {};
    for (int s = 0; s < dim - 1; ++s) {
      for (int i = 0; i < dim; ++i) {
        for (int j = 0; j < dim; ++j) t[s][i] += jacobian[i * dim + j] * tangents[s * 3 + j];
      }
    }
    if constexpr (dim == 2) return std::sqrt(t[0][0] * t[0][0] + t[0][1] * t[0][1]);
    const double x = t[0][1] * t[1][2] - t[0][2] * t[1][1];
    const double y = t[0][2] * t[1][0] - t[0][0] * t[1][2];
    const double z = t[0][0] * t[1][1] - t[0][1] * t[1][0];
    return std::sqrt(x * x + y * y + z * z);
  }
}

/// A FacetTable inside kernels.
struct FacetView {
  explicit FacetView(const FacetTable& table)
      : n_points(table.n_points),
        n_nodes_cell(table.n_nodes_cell),
        n_nodes_facet(table.n_nodes_facet),
        weights(table.weights.data()),
        shapes(table.shapes.data()),
        nodes(table.nodes.data()),
        tangents(table.tangents.data()),
        geometry_gradients(table.geometry_gradients.data()),
        geometry_values(table.geometry_values.data()) {}

  int n_points, n_nodes_cell, n_nodes_facet;
  const double* weights;
  const double* shapes;
  const int* nodes;
  const double* tangents;
  const double* geometry_gradients;
  const double* geometry_values;

  KOKKOS_INLINE_FUNCTION int node(int facet, int a) const {
    return nodes[facet * n_nodes_facet + a];
  }
  KOKKOS_INLINE_FUNCTION double shape(int facet, int q, int a) const {
    return shapes[(facet * n_points + q) * n_nodes_facet + a];
  }

  /// weight * ds at the points: measure[n_points].
  template <int dim>
  KOKKOS_INLINE_FUNCTION void measures(const TileData& data, LocalId cell, int facet,
                                       double* measure) const {
    const int n = data.n_geometry_nodes;
    const LocalId* cell_nodes =
        data.cell_nodes.data() + static_cast<std::size_t>(cell) * static_cast<std::size_t>(n);
    for (int q = 0; q < n_points; ++q) {
      const double* gradient = geometry_gradients + (facet * n_points + q) * n * dim;
      double j[dim * dim] = {};
      for (int a = 0; a < n; ++a) {
        const double* x = data.coordinates.data() + static_cast<std::size_t>(cell_nodes[a]) * dim;
        for (int d = 0; d < dim; ++d) {
          for (int e = 0; e < dim; ++e) j[d * dim + e] += x[d] * gradient[a * dim + e];
        }
      }
      measure[q] = weights[q] * facet_measure<dim>(j, tangents + facet * 6);
    }
  }

  /// Rows x, y, z, t of the points: variables[4][n_points].
  template <int dim>
  KOKKOS_INLINE_FUNCTION void place_points(const TileData& data, LocalId cell, int facet,
                                           double* variables) const {
    const int n = data.n_geometry_nodes;
    const LocalId* cell_nodes =
        data.cell_nodes.data() + static_cast<std::size_t>(cell) * static_cast<std::size_t>(n);
    for (int q = 0; q < n_points; ++q) {
      const double* value = geometry_values + (facet * n_points + q) * n;
      for (int d = 0; d < 3; ++d) {
        double sum = 0;
        for (int a = 0; a < n && d < dim; ++a) {
          sum += value[a] * data.coordinates(static_cast<std::size_t>(cell_nodes[a]) * dim +
                                             static_cast<std::size_t>(d));
        }
        variables[d * n_points + q] = sum;
      }
      variables[3 * n_points + q] = data.time;
    }
  }
};

}  // namespace ritz::assembly
