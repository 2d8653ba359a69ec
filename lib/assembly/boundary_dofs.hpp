#pragma once

#include <cstdint>
#include <vector>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::assembly {

/// A dof on a boundary and the cell from which its place is computed. Several cells see the same
/// node, each with its own round-off: the one with the lowest global id decides, on every number of
/// ranks, because a dof's owner has all cells that touch it.
struct BoundaryDof {
  LocalId dof;
  GlobalId gid;
  LocalId cell;
  int node;
};

/// Local dofs on facets of the sets, each once, ascending. Local.
[[nodiscard]] std::vector<BoundaryDof> boundary_dofs(const mesh::Mesh& mesh,
                                                     const fem::Space& space,
                                                     const std::vector<std::int16_t>& sets);

}  // namespace ritz::assembly
