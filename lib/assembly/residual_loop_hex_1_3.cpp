#include "residual_loop_impl.hpp"

namespace ritz::assembly {

std::unique_ptr<ResidualLoop> residual_loop_hex_1_3(const TensorBasis& basis) {
  return find_residual_loop<3, 2, 4>(basis);
}

}  // namespace ritz::assembly
