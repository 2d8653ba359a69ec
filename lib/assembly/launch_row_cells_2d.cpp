#include "launch_row_cells_impl.hpp"

namespace ritz::assembly {

void launch_row_cells_2d(const Assembler::Plan& plan, const TileData& data, int quadrature_degree) {
  launch_row_cells<2>(plan, data, quadrature_degree);
}

}  // namespace ritz::assembly
