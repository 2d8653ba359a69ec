#pragma once

#include <cstdint>
#include <vector>

#include "ritz/mesh/cell_type.hpp"

namespace ritz::store {

/// VTK's number for a cell of this type and order (vtkCellType.h; Lagrange cells from order 2 on).
[[nodiscard]] std::uint8_t vtk_type(mesh::CellType type, int order);

/// result[v] = entity-order position of VTK's v-th point of the cell. The order of VTK 9.1 and
/// later (vtkHigherOrderHexahedron and relatives, documentation of PointIndexFromIJK).
[[nodiscard]] std::vector<int> vtk_order(mesh::CellType type, int order);

}  // namespace ritz::store
