#include "residual_loop_impl.hpp"

namespace ritz::assembly {

std::unique_ptr<ResidualLoop> residual_loop_line(const TensorBasis& basis) {
  return find_residual_loop<1, 2, 9>(basis);
}

}  // namespace ritz::assembly
