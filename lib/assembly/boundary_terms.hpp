#pragma once

#include <vector>

#include "plan.hpp"
#include "tile_output.hpp"

namespace ritz::assembly {

/// A facet of a local cell with a natural boundary condition.
struct BoundaryFacet {
  LocalId cell;
  std::int32_t facet;
  std::int32_t boundary;  ///< index into Form::boundaries
};

/// First value that is not finite.
struct BadBoundaryValue {
  LocalId cell = -1;
  std::array<double, 3> point{};
  std::string name;
};

/// Facets in `sets` of owned and ghost cells, each once: of the two cells that may list a facet
/// inside of the domain the one with the lower global id has it. Sorted by (cell gid, facet).
/// Local.
[[nodiscard]] std::vector<mesh::FacetInSet> facets_in_sets(const mesh::Mesh& mesh,
                                                           const std::vector<std::int16_t>& sets);

/// Adds the flux and Robin terms of all boundaries after the cells' terms, in deck order and by
/// global cell id, each tile on its own:
///   b_i += int (g + h u_ambient) phi_i ds,   A_ij += int h phi_i phi_j ds.
[[nodiscard]] BadBoundaryValue add_boundary_terms(const Assembler::Plan& plan,
                                                  const physics::Form& form, const TileData& data);

}  // namespace ritz::assembly
