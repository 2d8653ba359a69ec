#include "cell_loop_impl.hpp"
#include "cell_loops.hpp"

namespace ritz::assembly {

template <class T>
std::unique_ptr<CellLoop<T>> cell_loop_line(const TensorBasis& basis) {
  return find_cell_loop<T, 1, 2, 9>(basis);
}

template std::unique_ptr<CellLoop<double>> cell_loop_line(const TensorBasis&);
template std::unique_ptr<CellLoop<float>> cell_loop_line(const TensorBasis&);

}  // namespace ritz::assembly
