#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "ritz/mesh/box.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// A set of directions of the reference cell: bit d for direction d.
using Directions = std::uint8_t;

/// All of them.
[[nodiscard]] constexpr Directions all_directions(int dimension) {
  return static_cast<Directions>((1 << dimension) - 1);
}

/// Where the local cells (owned and ghost) of a mesh lie in the next coarser one.
struct Parents {
  Directions halved = 7;             ///< in which directions the parents are cut in two
  std::vector<LocalId> cell;         ///< [n_cells of the finer mesh] local cell of the coarser mesh
  std::vector<std::uint8_t> corner;  ///< [n_cells of the finer mesh] at which vertex of the parent;
                                     ///< bits of directions that are not halved are 0
};

/// Meshes of one domain from coarse to fine, each with the cells of the one before cut in two in
/// all directions or some.
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

/// Which directions of the box's cells are halved from each mesh to the next coarser one, from fine
/// to coarse, for a hierarchy on `n_ranks` ranks. Empty for triangles and tets.
///
/// First, as long as the couplings diffusion[d] / (mean spacing in d)^2 differ by more than a
/// factor of `most_unlike`, the strongest ones alone (and those half as strong, together), so far
/// as their numbers of cells are even. Then all directions while all numbers are even and the
/// coarse mesh, on which the cells are dealt out, keeps enough cells for equal shares (16 a rank if
/// the number divides, else 64) and 8 in all; steps of the first kind, which convergence needs, go
/// on as long as no share is more than a quarter above the mean. Couplings that are not positive
/// and finite count as equal.
inline constexpr double most_unlike = 2.5;
[[nodiscard]] std::vector<Directions> box_steps(const Box& box, int n_ranks,
                                                const std::array<double, 3>& diffusion = {1, 1, 1});

/// The box's mesh and coarser ones by `steps` (from fine to coarse, as box_steps() gives them),
/// each the same as make_box() makes it (ids, vertices, sets) however it is dealt out: coarser ones
/// take every second vertex. `partition` says where the cells of the coarsest mesh go
/// ([n_cells_owned]; collective). Collective.
[[nodiscard]] Hierarchy make_box_hierarchy(
    const comm::Communicator& communicator, const Box& box, const std::vector<Directions>& steps,
    const std::function<std::vector<int>(const Mesh&)>& partition);

/// Gives the coarser meshes the facet sets of the finest: a facet is in a set if one of its parts
/// is, so that no set vanishes. Collective.
void inherit_sets(Hierarchy& hierarchy);

}  // namespace ritz::mesh
