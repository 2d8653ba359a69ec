#include "cell_loops.hpp"

#include "ritz/base/error.hpp"

namespace ritz::assembly {

template <class T>
std::unique_ptr<CellLoop<T>> make_cell_loop(int dimension, const TensorBasis& basis) {
  std::unique_ptr<CellLoop<T>> loop;
  if (dimension == 1) {
    loop = cell_loop_line<T>(basis);
  } else if (dimension == 2) {
    loop = cell_loop_quad<T>(basis);
  } else {
    for (const auto make :
         {cell_loop_hex_1_3<T>, cell_loop_hex_4_5<T>, cell_loop_hex_6_7<T>, cell_loop_hex_8<T>}) {
      if (!loop) loop = make(basis);
    }
  }
  if (!loop) {
    throw base::Error(base::ExitCode::internal,
                      "no matrix-free loop for this degree and quadrature; please report this");
  }
  return loop;
}

template std::unique_ptr<CellLoop<double>> make_cell_loop(int, const TensorBasis&);
template std::unique_ptr<CellLoop<float>> make_cell_loop(int, const TensorBasis&);

}  // namespace ritz::assembly
