#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// What a mesh file says of itself, found without keeping nodes or elements.
struct MeshHeader {
  std::string version;  ///< "2.2" or "4.1"
  bool binary = false;
  int dimension = 0;  ///< of the cells: the highest that has elements
  CellType cell_type = CellType::point;
  int geometry_order = 1;
  GlobalId n_cells = 0;
  GlobalId n_nodes = 0;  ///< in the file, used or not
  /// Every element type in the file with its number, by Gmsh's type number: {"tri3", 120}.
  std::vector<std::pair<std::string, GlobalId>> element_counts;
  std::vector<std::string> region_names;  ///< the same lists as in the Mesh
  std::vector<std::string> set_names;
  std::vector<std::string> other_names;  ///< physical names of lower dimensions, which nothing uses
};

/// Scans a Gmsh file (see read_gmsh) for its names and counts: passes over nodes and elements as
/// quickly as the format allows. For checks before a job starts. Local; throws Error(mesh), also
/// when read_gmsh would refuse the kinds of cells or the names.
[[nodiscard]] MeshHeader read_gmsh_header(const std::string& path);

/// Reads a Gmsh mesh: MSH 2.2 or 4.1, text or binary (of either byte order), line, tri, quad, tet
/// or hex cells of order 1 or complete order 2. Collective.
///
/// Cells are the elements of the highest dimension, numbered in the order of the file; this rank
/// gets a block of them, without ghosts and with `exterior` unknown (zero): pass the result through
/// distribute(). Vertices are numbered by ascending tag among the corner nodes that cells use, the
/// other nodes after them likewise: the ids do not depend on the number of ranks.
///
/// Physical groups of the cells' dimension are regions, of one dimension less sets of facets, both
/// ordered by tag and kept when empty. A group without a name is "region_<tag>" or "set_<tag>";
/// groups of one name are one. Cells in no group have the region "default". A file whose cells are
/// all numbered against the orientation (a surface with a reversed normal) has them turned, with a
/// warning.
///
/// Rank 0 reads the file once, in blocks of 131072 items that go to all ranks in turn, so its
/// memory is its share of the mesh, a few blocks (at most about 100 MB) and the geometric entities'
/// names.
///
/// `dimension_hint`: 1, 2 or 3 refuses cells of another dimension, 0 takes what there is.
/// Throws Error(mesh), the same on every rank, with the line or the byte offset, the reason and
/// what to do, for everything else: docs in the room's README.
[[nodiscard]] Mesh read_gmsh(const comm::Communicator& communicator, const std::string& path,
                             int dimension_hint = 0);

}  // namespace ritz::mesh
