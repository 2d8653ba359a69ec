#pragma once

#include "cell_loop.hpp"

namespace ritz::assembly {

// The loops by element, one file each for compile time; nullptr for another number of nodes.
template <class T>
std::unique_ptr<CellLoop<T>> cell_loop_line(const TensorBasis& basis);
template <class T>
std::unique_ptr<CellLoop<T>> cell_loop_quad(const TensorBasis& basis);
template <class T>
std::unique_ptr<CellLoop<T>> cell_loop_hex_1_3(const TensorBasis& basis);
template <class T>
std::unique_ptr<CellLoop<T>> cell_loop_hex_4_5(const TensorBasis& basis);
template <class T>
std::unique_ptr<CellLoop<T>> cell_loop_hex_6_7(const TensorBasis& basis);
template <class T>
std::unique_ptr<CellLoop<T>> cell_loop_hex_8(const TensorBasis& basis);

}  // namespace ritz::assembly
