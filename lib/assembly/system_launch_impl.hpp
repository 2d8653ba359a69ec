#pragma once

#include "system_cells.hpp"
#include "system_facets.hpp"
#include "system_plan.hpp"
#include "system_simplex.hpp"

/// The kernels of block systems; included by one file a dimension.
namespace ritz::assembly {

// Made once: a launch then allocates nothing.
inline const std::string system_cells_label = "ritz::assembly::system_cells";
inline const std::string system_simplices_label = "ritz::assembly::system_simplex_cells";
inline const std::string system_facets_label = "ritz::assembly::system_facets";

template <int dim, class Slot>
void launch_system_simplices_of(const SystemAssembler::Plan& plan, const SystemData& data,
                                const TermsView& terms) {
  const auto launch = [&](const auto& cells) {
    plan.run(system_simplices_label, cells, cells.scratch_doubles());
  };
  switch (terms.n_unknowns) {
    case 1:
      return launch(SystemSimplexCells<dim, 1, Slot>{data, terms});
    case 2:
      return launch(SystemSimplexCells<dim, 2, Slot>{data, terms});
    case 3:
      return launch(SystemSimplexCells<dim, 3, Slot>{data, terms});
    default:
      return launch(SystemSimplexCells<dim, 0, Slot>{data, terms});
  }
}

template <int dim>
void launch_system_simplices(const SystemAssembler::Plan& plan, const SystemData& data,
                             const TermsView& terms) {
  if (plan.scalar.map.slots16.extent(0) > 0) {
    launch_system_simplices_of<dim, std::uint16_t>(plan, data, terms);
  } else {
    launch_system_simplices_of<dim, std::uint8_t>(plan, data, terms);
  }
}

template <int dim, class Slot>
void launch_system_cells_of(const SystemAssembler::Plan& plan, const SystemData& data,
                            const TermsView& terms, const SystemTable& table, bool rows_in_lanes) {
  const mesh::Mesh& mesh = plan.scalar.mesh;
  const bool straight = mesh.geometry_order == 1 && (dim == 1 || !mesh::is_tensor(mesh.cell_type));
  const bool linear = straight && table.shapes.n_nodes == dim + 1 && !rows_in_lanes &&
                      plan.options.kernel == SystemAssembler::Options::Kernel::automatic;
  const bool simplex = dim > 1 && !mesh::is_tensor(mesh.cell_type);
  const SystemCells<dim, Slot> cells(data, terms, table, simplex, straight, linear, rows_in_lanes);
  plan.run(system_cells_label, cells, cells.layout().total);
}

template <int dim>
void launch_system_cells(const SystemAssembler::Plan& plan, const SystemData& data,
                         const TermsView& terms, const SystemTable& table, bool rows_in_lanes) {
  if (plan.scalar.map.slots16.extent(0) > 0) {
    launch_system_cells_of<dim, std::uint16_t>(plan, data, terms, table, rows_in_lanes);
  } else {
    launch_system_cells_of<dim, std::uint8_t>(plan, data, terms, table, rows_in_lanes);
  }
}

template <int dim>
void launch_system_facets(const SystemAssembler::Plan& plan, const SystemData& data,
                          const TermsView& terms) {
  const SystemFacets<dim> facets{data,
                                 terms,
                                 FacetView(*plan.facet_table),
                                 plan.facets.normals.data(),
                                 plan.facets.unknowns.data(),
                                 plan.facets.facets,
                                 plan.facets.tile_offsets};
  plan.run(system_facets_label, facets, facets.scratch_doubles());
}

}  // namespace ritz::assembly
