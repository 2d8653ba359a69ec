#pragma once

#include "ritz/kernels/coefficient_form.hpp"

/// Element matrix rows of any element by plain contraction with tabulated shape functions, a cell
/// or a row in each lane:
///   A_ij = sum_q sum_d g_d(q) B[q][d][j] + h(q) B[q][dim][j],
///   g_d = sum_e dphi_i/dxi_e D_ed + c_d phi_i,   h = rho phi_i.
/// This is the plain version the faster kernels are tested against.
namespace ritz::kernels {

/// Shape functions at the quadrature points: `shapes`[q][dim + 1][n_padded], the derivatives and
/// then the value, node fastest; padding is 0.
struct ShapeTable {
  const double* shapes;
  int n_points;
  int n_nodes;
  int n_padded;  ///< multiple of dense_block
};

/// Columns that are summed together in registers.
inline constexpr int dense_block = 4;

/// Fluxes of test function `node` at every point: flux[q][dim + 1]. `terms`: [q][dim*dim + dim +
/// 1]: D, c, rho (absent ones are not read).
template <int dim, class T>
KOKKOS_FORCEINLINE_FUNCTION void test_fluxes(const ShapeTable& table, const Terms& form,
                                             const T* terms, int node, T* flux) {
  constexpr int n_terms = dim * dim + dim + 1;
  for (int q = 0; q < table.n_points; ++q) {
    const double* shape =
        table.shapes + static_cast<std::size_t>(q) * (dim + 1) * table.n_padded + node;
    const T* d = terms + static_cast<std::size_t>(q) * n_terms;
    T* out = flux + static_cast<std::size_t>(q) * (dim + 1);
    const double value = shape[dim * table.n_padded];
    for (int c = 0; c < dim; ++c) {
      T sum(0.0);
      if (form.diffusion != Diffusion::none) {
        sum = d[c] * T(shape[0]);
        for (int e = 1; e < dim; ++e) sum += d[e * dim + c] * T(shape[e * table.n_padded]);
      }
      if (form.advection) sum += d[dim * dim + c] * T(value);
      out[c] = sum;
    }
    if (form.reaction) out[dim] = d[dim * dim + dim] * T(value);
  }
}

/// Columns first_column.. (a multiple of dense_block) of a row of the element matrix:
/// row[n_padded]. `flux`: from test_fluxes() or, a row in each lane, TensorRows::fluxes().
template <int dim, class T>
KOKKOS_FORCEINLINE_FUNCTION void dense_row(const ShapeTable& table, const Terms& form,
                                           const T* flux, int first_column, T* row) {
  const bool gradients = form.diffusion != Diffusion::none || form.advection;
  const int first = gradients ? 0 : dim;
  const int last = form.reaction ? dim + 1 : dim;
  for (int j = first_column; j < table.n_padded; j += dense_block) {
    T sum[dense_block];
    for (int c = 0; c < dense_block; ++c) sum[c] = T(0.0);
    for (int q = 0; q < table.n_points; ++q) {
      const T* here = flux + static_cast<std::size_t>(q) * (dim + 1);
      const double* shapes =
          table.shapes + static_cast<std::size_t>(q) * (dim + 1) * table.n_padded + j;
      for (int d = first; d < last; ++d) {
        for (int c = 0; c < dense_block; ++c) sum[c] += here[d] * T(shapes[d * table.n_padded + c]);
      }
    }
    for (int c = 0; c < dense_block; ++c) row[j + c] = sum[c];
  }
}

}  // namespace ritz::kernels
