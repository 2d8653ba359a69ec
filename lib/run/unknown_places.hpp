#pragma once

// Where an unknown lies, for messages after a failure; private to room run.

#include <vector>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/solve/solve.hpp"

namespace ritz::run {

/// Looks places up by searching the cells: made for a few questions, so it keeps no map. `mesh` and
/// `space` must outlive it.
class UnknownPlaces {
 public:
  UnknownPlaces(const mesh::Mesh& mesh, const fem::Space& space) : mesh_(&mesh), space_(&space) {}

  /// Coordinates of an owned unknown, the region of one of its cells and the boundary set it lies
  /// on, if any. Local. The first call builds a table of coordinates.
  [[nodiscard]] solve::Place operator()(LocalId unknown);

 private:
  const mesh::Mesh* mesh_;
  const fem::Space* space_;
  std::vector<double> nodes_;  ///< [n_local, 3]
};

}  // namespace ritz::run
