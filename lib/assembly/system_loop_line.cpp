#include "system_loop_impl.hpp"

namespace ritz::assembly {

template <class T>
std::unique_ptr<SystemLoop<T>> system_loop_line(const TensorBasis& basis) {
  return find_system_loop<T, 1, 2, 9>(basis);
}

template std::unique_ptr<SystemLoop<double>> system_loop_line(const TensorBasis&);
template std::unique_ptr<SystemLoop<float>> system_loop_line(const TensorBasis&);

}  // namespace ritz::assembly
