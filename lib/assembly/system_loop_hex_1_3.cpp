#include "system_loop_impl.hpp"

namespace ritz::assembly {

template <class T>
std::unique_ptr<SystemLoop<T>> system_loop_hex_1_3(const TensorBasis& basis) {
  return find_system_loop<T, 3, 2, 4>(basis);
}

template std::unique_ptr<SystemLoop<double>> system_loop_hex_1_3(const TensorBasis&);
template std::unique_ptr<SystemLoop<float>> system_loop_hex_1_3(const TensorBasis&);

}  // namespace ritz::assembly
