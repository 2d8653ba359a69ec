#include "natural_facets.hpp"

#include <algorithm>

#include "boundary_terms.hpp"
#include "facet_tables.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/mesh/geometry.hpp"

namespace ritz::assembly {

void throw_bad(const std::string& name, const std::array<double, 3>& at, int dimension) {
  std::string place;
  for (int d = 0; d < dimension; ++d) {
    place += (d > 0 ? ", " : "") + fmt::format("{:.6g}", at[static_cast<std::size_t>(d)]);
  }
  throw base::Error(base::ExitCode::not_finite,
                    name + " is not a finite number at (" + place +
                        "); look at it with 'ritz eval' (division by zero, log or sqrt of a "
                        "negative number?)");
}

namespace {

template <int dim>
void measure_facets(const FacetView& view, const TileData& data, const CoefficientSet& set,
                    const std::vector<BoundaryFacet>& list, NaturalFacets& result,
                    std::vector<double>& registers, const mesh::Mesh& mesh, const FacetTable& table,
                    const physics::Form& form) {
  const auto n = static_cast<std::size_t>(view.n_points);
  std::vector<double> measure(n), variables(4 * n), values(3 * n);
  for (const BoundaryFacet& facet : list) {
    view.measures<dim>(data, facet.cell, facet.facet, measure.data());
    if (set.any_varying) view.place_points<dim>(data, facet.cell, facet.facet, variables.data());
    for (int slot = 0; slot < 3; ++slot) {
      const auto place = static_cast<std::size_t>(facet.boundary * 3 + slot);
      const int program = set.programs(place);
      double* out = values.data() + static_cast<std::size_t>(slot) * n;
      if (program >= 0) {
        evaluate_program(set, program, variables.data(), view.n_points, registers.data(), out);
      } else {
        std::fill_n(out, n, set.constants(place));
      }
      for (std::size_t q = 0; q < n; ++q) {
        if (!is_bad(out[q])) continue;
        constexpr std::array<const char*, 3> names{"flux", "robin.coefficient", "robin.ambient"};
        std::string sets;
        for (const std::int16_t s :
             form.boundaries[static_cast<std::size_t>(facet.boundary)].sets) {
          sets += (sets.empty() ? "" : ", ") + mesh.set_names[static_cast<std::size_t>(s)];
        }
        throw_bad(
            std::string(names[static_cast<std::size_t>(slot)]) + " on " + sets,
            mesh::map_to_physical(mesh, facet.cell,
                                  table.cell_points[static_cast<std::size_t>(facet.facet) * n + q]),
            dim);
      }
    }
    result.facets.push_back({facet.cell, facet.facet});
    for (std::size_t q = 0; q < n; ++q) {
      result.mass.push_back(measure[q] * values[n + q]);
      result.load.push_back(measure[q] * (values[q] + values[n + q] * values[2 * n + q]));
    }
  }
}

}  // namespace

NaturalFacets natural_facets(const mesh::Mesh& mesh, const fem::Space& space,
                             const physics::Form& form, double time, bool only_robin) {
  using Kind = physics::BoundaryForm::Kind;
  std::vector<BoundaryFacet> list;
  for (std::size_t b = 0; b < form.boundaries.size(); ++b) {
    const Kind kind = form.boundaries[b].kind;
    if (kind == Kind::value || (only_robin && kind != Kind::robin)) continue;
    for (const mesh::FacetInSet& f : facets_in_sets(mesh, form.boundaries[b].sets)) {
      if (f.cell < mesh.n_cells_owned) {
        list.push_back({f.cell, f.facet, static_cast<std::int32_t>(b)});
      }
    }
  }
  NaturalFacets result;
  if (list.empty()) return result;
  const Coefficients coefficients(form.boundaries, time);
  // The degree of boundary_terms.cpp.
  const FacetTable table(mesh, space.element,
                         2 * space.element.degree() + 1 + 2 * (mesh.geometry_order - 1));
  const FacetView view(table);
  result.n_points = table.n_points;
  result.n_nodes = table.n_nodes_facet;
  for (int f = 0; f < table.n_facets; ++f) {
    for (int q = 0; q < table.n_points; ++q) {
      for (int a = 0; a < table.n_nodes_facet; ++a) result.shapes.push_back(view.shape(f, q, a));
    }
    for (int a = 0; a < table.n_nodes_facet; ++a) result.nodes.push_back(view.node(f, a));
  }
  TileData data{};
  data.dimension = mesh.dimension();
  data.n_geometry_nodes = mesh.nodes_per_cell();
  data.time = time;
  data.cell_nodes = as_device("ritz::assembly::cell_nodes", mesh.cell_nodes);
  data.coordinates = as_device("ritz::assembly::coordinates", mesh.node_coordinates);
  std::vector<double> registers(coefficients.set().register_doubles());
  switch (mesh.dimension()) {
    case 1:
      measure_facets<1>(view, data, coefficients.set(), list, result, registers, mesh, table, form);
      break;
    case 2:
      measure_facets<2>(view, data, coefficients.set(), list, result, registers, mesh, table, form);
      break;
    default:
      measure_facets<3>(view, data, coefficients.set(), list, result, registers, mesh, table, form);
      break;
  }
  return result;
}

}  // namespace ritz::assembly
