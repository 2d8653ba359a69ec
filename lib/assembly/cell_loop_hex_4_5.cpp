#include "cell_loop_impl.hpp"
#include "cell_loops.hpp"

namespace ritz::assembly {

template <class T>
std::unique_ptr<CellLoop<T>> cell_loop_hex_4_5(const TensorBasis& basis) {
  return find_cell_loop<T, 3, 5, 6>(basis);
}

template std::unique_ptr<CellLoop<double>> cell_loop_hex_4_5(const TensorBasis&);
template std::unique_ptr<CellLoop<float>> cell_loop_hex_4_5(const TensorBasis&);

}  // namespace ritz::assembly
