#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ritz/mesh/box.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// Where the local cells (owned and ghost) of a mesh lie in the next coarser one.
struct Parents {
  std::vector<LocalId> cell;         ///< [n_cells of the finer mesh] local cell of the coarser mesh
  std::vector<std::uint8_t> corner;  ///< [n_cells of the finer mesh] at which vertex of the parent
};

/// Meshes of one domain from coarse to fine, each with the cells of the one before cut into 2^d.
///
/// An owned cell's parent is owned, so that all meshes are distributed alike and what goes from one
/// to the next needs no more communication than the ghosts of the coarser one. Child v of a tensor
/// cell lies at the parent's vertex v and has its orientation.
struct Hierarchy {
  std::vector<Mesh> meshes;      ///< at least one
  std::vector<Parents> parents;  ///< [l]: of the cells of meshes[l+1] in meshes[l]

  [[nodiscard]] const Mesh& finest() const { return meshes.back(); }
  [[nodiscard]] Mesh& finest() { return meshes.back(); }
};

/// A hierarchy of one mesh.
[[nodiscard]] Hierarchy single(Mesh mesh);

/// The finest mesh refined `levels` times, the meshes in between kept. Lines, quads and hexes; of
/// other cells only the last mesh is kept. Collective; the mesh has its ghosts.
void refine(Hierarchy& hierarchy, int levels);

/// How often the box's cells can be halved in every direction for a hierarchy on `n_ranks` ranks:
/// while all numbers are even and the coarse mesh, on which the cells are dealt out, keeps enough
/// cells for equal shares (16 a rank if the number divides, else 64) and 8 in all. 0 for triangles
/// and tets.
[[nodiscard]] int box_levels(const Box& box, int n_ranks);

/// The box's mesh and `levels` coarser ones, each the same as make_box() makes it (ids, vertices,
/// sets) however it is dealt out: coarser ones take every second vertex. `partition` says where the
/// cells of the coarsest mesh go ([n_cells_owned]; collective). Collective.
[[nodiscard]] Hierarchy make_box_hierarchy(
    const comm::Communicator& communicator, const Box& box, int levels,
    const std::function<std::vector<int>(const Mesh&)>& partition);

/// Gives the coarser meshes the facet sets of the finest: a facet is in a set if one of its parts
/// is, so that no set vanishes. Collective.
void inherit_sets(Hierarchy& hierarchy);

}  // namespace ritz::mesh
