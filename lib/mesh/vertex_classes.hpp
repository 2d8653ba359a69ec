#pragma once

// Ghosts across joined facets; private to room mesh.

#include <functional>
#include <span>
#include <vector>

#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// For each of this rank's vertices (global ids, increasing) the lowest id of the vertices that it
/// falls on. Collective.
using VertexClasses = std::function<std::vector<GlobalId>(std::span<const GlobalId>)>;

/// distribute(), with one layer of ghosts around classes of vertices instead of vertices. Cells
/// that stay on their rank keep their order.
[[nodiscard]] Mesh distribute_classes(const Mesh& mesh, const std::vector<int>& part,
                                      bool exterior_known, const VertexClasses& classes);

}  // namespace ritz::mesh
