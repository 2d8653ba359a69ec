#pragma once

#include <string>
#include <utility>

#include "launch_row_cells.hpp"
#include "ritz/base/error.hpp"
#include "ritz/mesh/lattice.hpp"
#include "row_cells.hpp"

namespace ritz::assembly {

template <int dim, int n, int m, class Slot>
void launch_row_cells(const Assembler::Plan& plan, const TileData& data, const TensorView& view) {
  const RowCells<dim, n, m, Slot> cells{data, view};
  run_tiles("ritz::assembly::row_cells", cells, plan.map.n_tiles, cells.layout().total,
            plan.options.serial_tiles);
}

/// The instance for the element's degree and the table's number of points (n or n + 1).
template <int dim, class Slot>
void launch_row_cells(const Assembler::Plan& plan, const TileData& data, const TensorTable& table,
                      const TensorView& view) {
  const int n = plan.space.element.degree() + 1, m = table.n_points_1d;
  bool found = false;
  const auto attempt = [&]<int nodes>(std::integral_constant<int, nodes>) {
    if (n != nodes) return;
    found = m == nodes || m == nodes + 1;
    if (m == nodes) launch_row_cells<dim, nodes, nodes, Slot>(plan, data, view);
    if (m == nodes + 1) launch_row_cells<dim, nodes, nodes + 1, Slot>(plan, data, view);
  };
  [&]<int... i>(std::integer_sequence<int, i...>) {
    (attempt(std::integral_constant<int, min_row_cells_degree + 1 + i>()), ...);
  }
  (std::make_integer_sequence<int, 9 - min_row_cells_degree>());
  if (!found) {
    throw base::Error(base::ExitCode::internal,
                      "assembly: no sum factorisation for " + std::to_string(n) + " nodes and " +
                          std::to_string(m) + " points a direction; please report this");
  }
}

template <int dim>
void launch_row_cells(const Assembler::Plan& plan, const TileData& data, int quadrature_degree) {
  const TensorTable& table = tensor_table(plan, quadrature_degree);
  const int degree = plan.space.element.degree();
  const std::vector<int> place = mesh::entity_order(plan.mesh.cell_type, degree);
  std::vector<int> index;
  for (const auto& i : mesh::lattice_indices(plan.mesh.cell_type, degree))
    index.insert(index.end(), i.begin(), i.end());
  const auto device_place = device::to_device("ritz::assembly::place", place.data(), place.size());
  const auto device_index = device::to_device("ritz::assembly::index", index.data(), index.size());
  const TensorView view{table.n_points,
                        table.n_points_padded,
                        table.weights.data(),
                        table.values_1d.data(),
                        table.slopes_1d.data(),
                        table.geometry_gradients.data(),
                        table.geometry_values.data(),
                        device_place.data(),
                        device_index.data()};
  if (plan.map.slots16.extent(0) > 0) {
    launch_row_cells<dim, std::uint16_t>(plan, data, table, view);
  } else {
    launch_row_cells<dim, std::uint8_t>(plan, data, table, view);
  }
  Kokkos::fence();  // the small tables go
}

}  // namespace ritz::assembly
