#include "residual_loop_impl.hpp"

namespace ritz::assembly {

std::unique_ptr<ResidualLoop> residual_loop_hex_4_5(const TensorBasis& basis) {
  return find_residual_loop<3, 5, 6>(basis);
}

}  // namespace ritz::assembly
