#include "boundary_terms.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "facet_tables.hpp"
#include "ritz/mesh/geometry.hpp"

namespace ritz::assembly {

namespace {

/// Sorted global ids of a facet's vertices; -1 in front.
std::array<GlobalId, 4> facet_key(const mesh::Mesh& mesh, LocalId cell, int facet) {
  const auto& vertices = mesh::table(mesh.cell_type).facets[static_cast<std::size_t>(facet)];
  const auto n = static_cast<std::size_t>(mesh.nodes_per_cell());
  std::array<GlobalId, 4> key{-1, -1, -1, -1};
  for (std::size_t v = 0; v < 4; ++v) {
    if (vertices[v] < 0) continue;
    const LocalId node =
        mesh.cell_nodes[static_cast<std::size_t>(cell) * n + static_cast<std::size_t>(vertices[v])];
    key[v] = mesh.node_gid[static_cast<std::size_t>(node)];
  }
  std::sort(key.begin(), key.end());
  return key;
}

/// One facet a step, plain loops: boundary facets are few beside the cells.
template <int dim, class Slot>
struct FacetTerms {
  TileData data;
  FacetView table;
  CoefficientSet coefficients;  // "region" = boundary; slots value, coefficient, ambient
  device::View<BoundaryFacet*> facets;
  device::View<std::size_t*> tile_offsets;

  KOKKOS_INLINE_FUNCTION std::size_t scratch_doubles() const {
    const auto n = static_cast<std::size_t>(table.n_points);
    return n * (dim + 3 + 4 + 2) + static_cast<std::size_t>(table.n_nodes_cell) +
           coefficients.register_doubles();
  }

  KOKKOS_FUNCTION void tile(int t, double* scratch) const {
    const TileOutput<Slot> output(data, t);
    const auto n_points = static_cast<std::size_t>(table.n_points);
    double* variables = scratch;                // [4][n_points]
    double* values = variables + 4 * n_points;  // [3][n_points]: value, coefficient, ambient
    double* measure = values + 3 * n_points;    // [n_points]
    double* row = measure + n_points;           // [n_nodes_cell]
    double* registers = row + table.n_nodes_cell;
    TileRecord record;
    for (std::size_t f = tile_offsets(static_cast<std::size_t>(t));
         f < tile_offsets(static_cast<std::size_t>(t) + 1); ++f) {
      const BoundaryFacet facet = facets(f);
      table.measures<dim>(data, facet.cell, facet.facet, measure);
      if (!evaluate(facet, f, variables, values, registers, record)) continue;
      add(output, facet, values, measure, row);
    }
    data.records(static_cast<std::size_t>(t)) = record;
  }

 private:
  KOKKOS_INLINE_FUNCTION bool evaluate(const BoundaryFacet& facet, std::size_t number,
                                       double* variables, double* values, double* registers,
                                       TileRecord& record) const {
    const int n_points = table.n_points;
    if (coefficients.any_varying) table.place_points<dim>(data, facet.cell, facet.facet, variables);
    for (int slot = 0; slot < 3; ++slot) {
      const auto place = static_cast<std::size_t>(facet.boundary * 3 + slot);
      const int program = coefficients.programs(place);
      double* out = values + slot * n_points;
      if (program >= 0) {
        evaluate_program(coefficients, program, variables, n_points, registers, out);
      } else {
        for (int q = 0; q < n_points; ++q) out[q] = coefficients.constants(place);
      }
      for (int q = 0; q < n_points; ++q) {
        if (!is_bad(out[q])) continue;
        if (record.bad_cell < 0) {
          record.bad_cell = static_cast<LocalId>(number);
          record.bad_point = q;
          record.bad_slot = slot;
        }
        return false;
      }
    }
    return true;
  }

  /// value + coefficient * ambient to the load, coefficient to the matrix (0 for a flux).
  KOKKOS_INLINE_FUNCTION void add(const TileOutput<Slot>& output, const BoundaryFacet& facet,
                                  const double* values, const double* measure, double* row) const {
    const int n_points = table.n_points, n = table.n_nodes_cell;
    const double* coefficient = values + n_points;
    const double* ambient = values + 2 * n_points;
    const LocalId* dofs =
        data.cell_dofs.data() + static_cast<std::size_t>(facet.cell) * static_cast<std::size_t>(n);
    for (int a = 0; a < table.n_nodes_facet; ++a) {
      const int i = table.node(facet.facet, a);
      const LocalId to = dofs[i];
      if (to < output.first_row || to >= output.last_row ||
          data.is_fixed(static_cast<std::size_t>(to)) != 0)
        continue;
      double load = 0;
      for (int q = 0; q < n_points; ++q) {
        load +=
            measure[q] * (values[q] + coefficient[q] * ambient[q]) * table.shape(facet.facet, q, a);
      }
      for (int b = 0; b < table.n_nodes_facet; ++b) row[b] = 0;
      for (int q = 0; q < n_points; ++q) {
        const double factor = measure[q] * coefficient[q] * table.shape(facet.facet, q, a);
        if (factor == 0.0) continue;
        for (int b = 0; b < table.n_nodes_facet; ++b)
          row[b] += factor * table.shape(facet.facet, q, b);
      }
      const std::size_t begin = output.row_offsets[to], end = output.row_offsets[to + 1];
      for (int b = 0; b < table.n_nodes_facet; ++b) {
        if (row[b] == 0.0) continue;
        const LocalId column = dofs[table.node(facet.facet, b)];
        const std::size_t at = find_column(begin, end, column);
        if (at < end) {
          output.values[at] += row[b];
        } else {
          load -= row[b] * output.fixed_values[column];
        }
      }
      output.rhs[to] += load;
    }
  }

  /// Place of a column in a sorted row; `end` when it is not there (prescribed).
  KOKKOS_INLINE_FUNCTION std::size_t find_column(std::size_t begin, std::size_t end,
                                                 LocalId column) const {
    std::size_t low = begin, high = end;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (data.pattern.columns(middle) < column) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < end && data.pattern.columns(low) == column ? low : end;
  }
};

/// Facets of all natural boundaries, by tile: those whose facet dofs have rows there.
struct FacetLists {
  std::vector<BoundaryFacet> facets;
  std::vector<std::size_t> tile_offsets;
};

FacetLists list_facets(const Assembler::Plan& plan, const physics::Form& form) {
  struct OfTile {
    int tile;
    BoundaryFacet facet;
  };
  std::vector<OfTile> all;
  std::vector<int> tiles;
  for (std::size_t b = 0; b < form.boundaries.size(); ++b) {
    if (form.boundaries[b].kind == physics::BoundaryForm::Kind::value) continue;
    for (const mesh::FacetInSet& f : facets_in_sets(plan.mesh, form.boundaries[b].sets)) {
      tiles.clear();
      const auto dofs = plan.space.dofs(f.cell);
      for (const int node : plan.space.element.facet_nodes(f.facet)) {
        const LocalId dof = dofs[static_cast<std::size_t>(node)];
        if (dof < plan.space.n_owned) tiles.push_back(dof >> plan.map.shift);
      }
      std::sort(tiles.begin(), tiles.end());
      tiles.erase(std::unique(tiles.begin(), tiles.end()), tiles.end());
      for (const int tile : tiles)
        all.push_back({tile, {f.cell, f.facet, static_cast<std::int32_t>(b)}});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const OfTile& a, const OfTile& b) { return a.tile < b.tile; });
  FacetLists lists;
  lists.tile_offsets.assign(static_cast<std::size_t>(plan.map.n_tiles) + 1, 0);
  for (const OfTile& one : all) {
    lists.facets.push_back(one.facet);
    ++lists.tile_offsets[static_cast<std::size_t>(one.tile) + 1];
  }
  for (std::size_t t = 1; t < lists.tile_offsets.size(); ++t)
    lists.tile_offsets[t] += lists.tile_offsets[t - 1];
  return lists;
}

std::string set_names(const mesh::Mesh& mesh, const physics::BoundaryForm& boundary) {
  std::string text;
  for (const std::int16_t set : boundary.sets) {
    text += (text.empty() ? "" : ", ") + mesh.set_names[static_cast<std::size_t>(set)];
  }
  return text;
}

template <int dim, class Slot>
void launch(const Assembler::Plan& plan, const TileData& data, const FacetTable& table,
            const CoefficientSet& coefficients, const FacetLists& lists) {
  const FacetTerms<dim, Slot> terms{
      data, FacetView(table), coefficients,
      device::to_device("ritz::assembly::facets", lists.facets.data(), lists.facets.size()),
      device::to_device("ritz::assembly::facet_offsets", lists.tile_offsets.data(),
                        lists.tile_offsets.size())};
  run_tiles("ritz::assembly::boundary_terms", terms, plan.map.n_tiles, terms.scratch_doubles(),
            plan.options.serial_tiles);
}

template <class Slot>
void launch(const Assembler::Plan& plan, const TileData& data, const FacetTable& table,
            const CoefficientSet& coefficients, const FacetLists& lists) {
  switch (data.dimension) {
    case 1:
      return launch<1, Slot>(plan, data, table, coefficients, lists);
    case 2:
      return launch<2, Slot>(plan, data, table, coefficients, lists);
    default:
      return launch<3, Slot>(plan, data, table, coefficients, lists);
  }
}

}  // namespace

std::vector<mesh::FacetInSet> facets_in_sets(const mesh::Mesh& mesh,
                                             const std::vector<std::int16_t>& sets) {
  std::vector<mesh::FacetInSet> facets;
  for (const mesh::FacetInSet& f : mesh.facet_sets) {
    if (std::find(sets.begin(), sets.end(), f.set) != sets.end()) facets.push_back(f);
  }
  const auto gid = [&mesh](LocalId cell) { return mesh.cell_gid[static_cast<std::size_t>(cell)]; };
  std::sort(facets.begin(), facets.end(), [&](const auto& a, const auto& b) {
    return std::make_tuple(gid(a.cell), a.facet, a.set) <
           std::make_tuple(gid(b.cell), b.facet, b.set);
  });
  facets.erase(std::unique(facets.begin(), facets.end(),
                           [](const auto& a, const auto& b) {
                             return a.cell == b.cell && a.facet == b.facet;
                           }),
               facets.end());
  // Facets inside of the domain may be listed by both cells.
  std::map<std::array<GlobalId, 4>, LocalId> inner;
  std::erase_if(facets, [&](const mesh::FacetInSet& f) {
    if ((mesh.exterior[static_cast<std::size_t>(f.cell)] >> f.facet & 1) != 0) return false;
    return !inner.emplace(facet_key(mesh, f.cell, f.facet), f.cell).second;
  });
  return facets;
}

BadBoundaryValue add_boundary_terms(const Assembler::Plan& plan, const physics::Form& form,
                                    const TileData& data) {
  const FacetLists lists = list_facets(plan, form);
  if (lists.facets.empty()) return {};
  const Coefficients coefficients(form.boundaries, data.time);
  const FacetTable table(plan.mesh, plan.space.element,
                         2 * plan.space.element.degree() + 1 + 2 * (plan.mesh.geometry_order - 1));
  TileData facet_data = data;
  facet_data.records = device::View<TileRecord*>(
      Kokkos::view_alloc("ritz::assembly::records", Kokkos::WithoutInitializing),
      static_cast<std::size_t>(plan.map.n_tiles));
  if (plan.map.slots16.extent(0) > 0) {
    launch<std::uint16_t>(plan, facet_data, table, coefficients.set(), lists);
  } else {
    launch<std::uint8_t>(plan, facet_data, table, coefficients.set(), lists);
  }
  const auto records = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), facet_data.records);
  BadBoundaryValue bad;
  for (std::size_t t = 0; t < records.extent(0) && bad.cell < 0; ++t) {
    if (records(t).bad_cell < 0) continue;
    const BoundaryFacet& facet = lists.facets[static_cast<std::size_t>(records(t).bad_cell)];
    const physics::BoundaryForm& boundary =
        form.boundaries[static_cast<std::size_t>(facet.boundary)];
    bad.cell = facet.cell;
    bad.point = mesh::map_to_physical(plan.mesh, facet.cell,
                                      table.cell_points[static_cast<std::size_t>(
                                          facet.facet * table.n_points + records(t).bad_point)]);
    constexpr std::array<const char*, 3> names{"flux", "robin.coefficient", "robin.ambient"};
    bad.name = std::string(names[static_cast<std::size_t>(records(t).bad_slot)]) + " on " +
               set_names(plan.mesh, boundary);
  }
  return bad;
}

}  // namespace ritz::assembly
