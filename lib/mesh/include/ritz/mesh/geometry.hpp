#pragma once

#include <array>
#include <span>

#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// Shape functions of the geometry map (Lagrange of order 1 or 2 on the equispaced lattice, nodes
/// in entity order) at a reference point: out[n_lattice_points(type, order)]. Local.
void shape_values(CellType type, int order, const std::array<double, 3>& point,
                  std::span<double> out);
/// Reference gradients: out[n][dimension].
void shape_gradients(CellType type, int order, const std::array<double, 3>& point,
                     std::span<double> out);

/// Maps a reference point of a local cell to space; unused components are 0. Local.
/// `jacobian` (optional): [dimension][dimension], d x_i / d xi_j.
std::array<double, 3> map_to_physical(const Mesh& mesh, LocalId cell,
                                      const std::array<double, 3>& reference,
                                      std::span<double> jacobian = {});

}  // namespace ritz::mesh
