#pragma once

#include "ritz/kernels/coefficient_form.hpp"

/// Linear elements on straight lines, triangles and tets with coefficients that are constant in a
/// cell: gradients are constant, so
///   A_ij = s (K C_i) . C_j + (b . C_j) / (d! (d+1)) + r |J| (1 + delta_ij) / (d! (d+1)(d+2)),
///   b_i  = f |J| / (d! (d+1)),    grad phi_i = C_i / |J|,   s = 1 / (d! |J|),
/// with one division a cell. Row sums of the diffusion part vanish by construction up to round-off.
namespace ritz::kernels {

template <int dim>
inline constexpr double factorial = dim == 3 ? 6.0 : (dim == 2 ? 2.0 : 1.0);

/// `x`: vertex coordinates [dim + 1][dim]. `coefficient`: [n_coefficients].
/// `matrix`: [dim + 1][dim + 1], row = test function; `load`: [1], the same for every test
/// function.
template <int dim, class T>
KOKKOS_FORCEINLINE_FUNCTION void simplex_p1(const Terms& form, const T* x, const T* coefficient,
                                            T* matrix, T& load) {
  constexpr int n = dim + 1;
  T jacobian[dim * dim], cofactor[n * dim];
  for (int i = 0; i < dim; ++i) {
    for (int j = 0; j < dim; ++j) jacobian[i * dim + j] = x[(j + 1) * dim + i] - x[i];
  }
  // Rows of the adjugate are det * grad of barycentric coordinates 1..dim.
  const T det = adjugate<dim>(jacobian, cofactor + dim);
  for (int i = 0; i < dim; ++i) {
    T sum = cofactor[dim + i];
    for (int v = 2; v < n; ++v) sum += cofactor[v * dim + i];
    cofactor[i] = -sum;
  }
  constexpr double inverse_factorial = 1.0 / factorial<dim>;

  if (form.diffusion == Diffusion::scalar) {
    const T scale = coefficient[0] * T(inverse_factorial) / det;
    for (int i = 0; i < n; ++i) {
      for (int j = i; j < n; ++j) {
        T sum = cofactor[i * dim] * cofactor[j * dim];
        for (int c = 1; c < dim; ++c) sum += cofactor[i * dim + c] * cofactor[j * dim + c];
        matrix[i * n + j] = matrix[j * n + i] = scale * sum;
      }
    }
  } else if (form.diffusion == Diffusion::diagonal) {
    const T scale = T(inverse_factorial) / det;
    for (int i = 0; i < n; ++i) {
      T weighted[dim];
      for (int c = 0; c < dim; ++c) weighted[c] = scale * coefficient[c] * cofactor[i * dim + c];
      for (int j = i; j < n; ++j) {
        T sum = weighted[0] * cofactor[j * dim];
        for (int c = 1; c < dim; ++c) sum += weighted[c] * cofactor[j * dim + c];
        matrix[i * n + j] = matrix[j * n + i] = sum;
      }
    }
  } else if (form.diffusion == Diffusion::tensor) {
    const T scale = T(inverse_factorial) / det;
    for (int j = 0; j < n; ++j) {
      T weighted[dim];
      for (int l = 0; l < dim; ++l) {
        T sum = coefficient[l * dim] * cofactor[j * dim];
        for (int m = 1; m < dim; ++m) sum += coefficient[l * dim + m] * cofactor[j * dim + m];
        weighted[l] = scale * sum;
      }
      for (int i = 0; i < n; ++i) {
        T sum = weighted[0] * cofactor[i * dim];
        for (int c = 1; c < dim; ++c) sum += weighted[c] * cofactor[i * dim + c];
        matrix[i * n + j] = sum;
      }
    }
  } else {
    for (int i = 0; i < n * n; ++i) matrix[i] = T(0.0);
  }
  if (form.advection) {
    constexpr double share = inverse_factorial / n;
    for (int j = 0; j < n; ++j) {
      T sum = coefficient[coefficient_advection] * cofactor[j * dim];
      for (int c = 1; c < dim; ++c)
        sum += coefficient[coefficient_advection + c] * cofactor[j * dim + c];
      sum *= T(share);
      for (int i = 0; i < n; ++i) matrix[i * n + j] += sum;
    }
  }
  if (form.reaction) {
    constexpr double share = inverse_factorial / (n * (n + 1));
    const T mass = coefficient[coefficient_reaction] * det * T(share);
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) matrix[i * n + j] += i == j ? mass + mass : mass;
    }
  }
  constexpr double load_share = inverse_factorial / n;
  load = form.source ? coefficient[coefficient_source] * det * T(load_share) : T(0.0);
}

}  // namespace ritz::kernels
