#pragma once

#include "plan.hpp"
#include "tile_output.hpp"

namespace ritz::assembly {

/// Smallest degree with sum-factorised rows.
inline constexpr int min_row_cells_degree = 2;

/// Runs RowCells for the plan's element: quads or hexes, degree >= min_row_cells_degree.
/// One file a dimension, for compile time.
void launch_row_cells_2d(const Assembler::Plan& plan, const TileData& data, int quadrature_degree);
void launch_row_cells_3d(const Assembler::Plan& plan, const TileData& data, int quadrature_degree);

}  // namespace ritz::assembly
