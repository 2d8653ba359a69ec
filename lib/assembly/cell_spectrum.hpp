#pragma once

#include "tensor_basis.hpp"

namespace ritz::assembly {

/// Largest eigenvalue of D^-1 A for the matrix A of one Cartesian cell and its diagonal D, to 1e-3
/// from above: A = sum_d c[d] K in direction d and M in the others, plus c[dim] M in all.
///
/// The largest of all cells bounds the spectrum of the assembled D^-1 A, because x^T A x and
/// x^T D x are sums over cells (Wathen, IMA J. Numer. Anal. 7, 1987, 449). Where all cells are
/// alike the bound is reached, but for prescribed unknowns: a cell's eigenvector, even or odd in
/// each direction, is continued into its neighbours by reflection.
[[nodiscard]] double cell_spectrum(const TensorBasis& basis, int dim, const double* c);

}  // namespace ritz::assembly
