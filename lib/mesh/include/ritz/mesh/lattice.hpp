#pragma once

#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// Shared points of the order-k lattice on every cell: the places of Lagrange nodes of degree k, of
/// the new nodes of a refinement, of the points of a high-order output file.
///
/// Order of the points in a cell ("entity order"): vertices; then the inside of each edge, in edge
/// order, from its first to its second vertex; then the inside of each face; then of the cell.
/// Inside of quads and hexes in tensor order of the entity's own coordinates (first vertex to
/// second is the first coordinate, first to third the second, ...), of triangles and tets likewise
/// with the first coordinate fastest. So for a whole tensor cell of order k the position of the
/// point (i, j, l) is given by `entity_order()`.
///
/// A point on a shared edge or face is the same point for every cell that has it, whatever the
/// cells' orientations. Global ids do not depend on the number of ranks: vertices keep theirs, then
/// come edges in lexicographic order of their sorted vertex ids, then faces, then cells by cell id.
struct Lattice {
  int order = 1;
  LocalId n_points = 0;
  GlobalId n_points_global = 0;
  GlobalId n_edges_global =
      0;  ///< edges with points inside (order >= 2 and dimension >= 2), else 0
  GlobalId n_faces_global = 0;       ///< faces of 3-D cells with points inside, else 0
  std::vector<LocalId> cell_points;  ///< [n_cells (owned and ghost)][points per cell]
  std::vector<GlobalId> point_gid;   ///< [n_points]; vertices first, as in the mesh
};

/// Collective (order 1 does not communicate). `order` >= 1. Covers the ghosts that the mesh has; a
/// mesh without them is fine too. Throws Error(memory) when the points of one rank pass 2^31 - 1.
[[nodiscard]] Lattice make_lattice(const Mesh& mesh, int order);

/// Entity-order position of the tensor-order point i + (k+1) j + (k+1)^2 l of a line, quad or hex;
/// for tri and tet of the point (i, j, l), i fastest, i + j + l <= k, counted in that order.
[[nodiscard]] std::vector<int> entity_order(CellType type, int order);

/// Lattice multi-indices (i, j, l) of the points in entity order; 0..order each.
[[nodiscard]] std::vector<std::array<int, 3>> lattice_indices(CellType type, int order);

}  // namespace ritz::mesh
