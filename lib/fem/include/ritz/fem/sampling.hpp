#pragma once

#include <array>
#include <limits>
#include <span>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/fem/element.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::fem {

/// Cells with functions on them, each with everything it needs and without neighbours: what is
/// left of a mesh and its fields when only values at places are asked for. A rank has some of the
/// cells, each cell is on one rank.
struct CellFunctions {
  mesh::CellType cell_type = mesh::CellType::hex;
  int geometry_order = 1;  ///< of the map; nodes equispaced, in entity order (mesh/lattice.hpp)
  Element element{mesh::CellType::hex, 1};  ///< of the functions
  int n_functions = 0;
  std::vector<GlobalId> ids;        ///< [cells], by which a point on a shared face finds one cell
  std::vector<double> coordinates;  ///< [cells][geometry nodes][dimension]
  std::vector<double> values;       ///< [cells][n_functions][element nodes]

  [[nodiscard]] std::size_t n_cells() const { return ids.size(); }
  [[nodiscard]] int dimension() const { return mesh::table(cell_type).dimension; }
};

/// Those of a space: `fields` [functions][space.n_local()] with the ghosts up to date. Local.
[[nodiscard]] CellFunctions cell_functions(const mesh::Mesh& mesh, const Space& space,
                                           std::span<const std::vector<double>> fields);

/// Lowers the order of the map to 1 or 2 where that is the same map up to round-off on every cell:
/// files hold cells of straight edges by as many points as their functions have. Collective.
void lower_geometry_order(const comm::Communicator& communicator, CellFunctions& cells);

/// Values at points, and how far outside of all cells they lie.
struct Samples {
  std::vector<double> values;    ///< [points][n_functions]
  std::vector<double> distance;  ///< [points]: 0 in a cell, else to the nearest place of one
  double extent = 0;             ///< longest edge of the box around all cells
};

/// The functions at points of this rank's own, wherever the cells are that they lie in: the cell
/// with the lowest id of those that contain a point (as find_points()), or, of a point outside, the
/// nearest place of any cell (damped Gauss-Newton on the faces, edges and vertices of the cells
/// near it; among places equally near the one of the lowest id).
///
/// The cells are first brought into the order of a Morton curve through their centres, an equal
/// number on each rank (samples decide where to cut), so that a rank's cells lie together however
/// they came; each rank has a tree of boxes, whose upper levels all ranks know: a point goes to the
/// ranks that may have it, and never does a rank have all cells. Collective; works with ranks
/// without cells or points. Throws Error(mesh) on every rank if there is no cell at all.
[[nodiscard]] Samples sample(const comm::Communicator& communicator, CellFunctions cells,
                             std::span<const std::array<double, 3>> points);

}  // namespace ritz::fem
