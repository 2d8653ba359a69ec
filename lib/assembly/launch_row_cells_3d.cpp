#include "launch_row_cells_impl.hpp"

namespace ritz::assembly {

void launch_row_cells_3d(const Assembler::Plan& plan, const TileData& data, int quadrature_degree) {
  launch_row_cells<3>(plan, data, quadrature_degree);
}

}  // namespace ritz::assembly
