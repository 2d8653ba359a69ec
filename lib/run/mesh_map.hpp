#pragma once

// mesh.map of a deck: boxes that are bent into other domains; private to room run.

#include <array>
#include <string>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/expr/expression.hpp"
#include "ritz/mesh/hierarchy.hpp"

namespace ritz::run {

/// The map of a deck's box. A box is generated, dealt out and refined before it is mapped, node by
/// node, so that the nodes of all its levels lie on the true surface.
class MeshMap {
 public:
  /// Compiles the formulas; what is wrong with them goes to `diagnostics`, and then there is no map
  /// either. Local.
  MeshMap(const deck::Problem& problem, base::Diagnostics& diagnostics);

  [[nodiscard]] bool is_identity() const { return components_.empty(); }

  /// Raises the order of the mesh to the deck's and moves its nodes. The mesh has its ghosts;
  /// a node has the same bits on all ranks. Collective. Throws Error(deck) with the place where a
  /// formula is no number.
  void apply(mesh::Mesh& mesh) const;

  /// check_geometry() of the finest mesh; its error names the map. Coarser meshes whose large cells
  /// cannot follow the map are removed with all below. Collective.
  void check(mesh::Hierarchy& meshes) const;

  /// The diffusion (diagonal, along the axes of space) as the box's own coordinates see it: the
  /// diagonal of J^-1 K J^-T, its geometric mean over points inside of the box. What says which
  /// directions of the box are coupled strongly. Unchanged if the map cannot be inverted there.
  [[nodiscard]] std::array<double, 3> pulled_back(const std::array<double, 3>& diffusion) const;

 private:
  const deck::BoxMesh& box_;
  std::vector<expr::Expression> components_;  ///< of x, y, z, as many as the box has dimensions
};

}  // namespace ritz::run
