#pragma once

#include "ritz/kernels/pack.hpp"

/// The weak form of -div(K grad u) + b . grad u + r u = f at one quadrature point,
///   a(phi_j, phi_i) = int K grad phi_j . grad phi_i + (b . grad phi_j) phi_i + r phi_j phi_i,
/// pulled back to the reference cell: with J = dx/dxi and grad = J^{-T} d/dxi,
///   D = w |J| J^{-1} K J^{-T},   c = w |J| J^{-1} b,   rho = w |J| r,   s = w |J| f.
/// Textbook (e.g. Ern and Guermond, Theory and Practice of Finite Elements, 2004, sec. 8.1).
/// T is double or Pack; lanes do not mix.
namespace ritz::kernels {

enum class Diffusion : int { none, scalar, diagonal, tensor };

/// Numbers of the coefficients in the arrays below.
inline constexpr int coefficient_diffusion = 0;  ///< 9: scalar uses 0; diagonal 0..d-1; tensor d*d
inline constexpr int coefficient_advection = 9;  ///< 3
inline constexpr int coefficient_reaction = 12;
inline constexpr int coefficient_source = 13;
inline constexpr int n_coefficients = 14;

/// Which terms a form has anywhere; the same for all cells of a launch.
struct Terms {
  Diffusion diffusion = Diffusion::none;
  bool advection = false;
  bool reaction = false;
  bool source = false;
};

/// Adjugate (adj(J) J = det(J) I) and determinant; matrices are row-major, J[i][j] = dx_i/dxi_j.
template <int dim, class T>
KOKKOS_FORCEINLINE_FUNCTION T adjugate(const T* j, T* a) {
  if constexpr (dim == 1) {
    a[0] = T(1.0);
    return j[0];
  } else if constexpr (dim == 2) {
    a[0] = j[3];
    a[1] = -j[1];
    a[2] = -j[2];
    a[3] = j[0];
    return j[0] * j[3] - j[1] * j[2];
  } else {
    a[0] = j[4] * j[8] - j[5] * j[7];
    a[1] = j[2] * j[7] - j[1] * j[8];
    a[2] = j[1] * j[5] - j[2] * j[4];
    a[3] = j[5] * j[6] - j[3] * j[8];
    a[4] = j[0] * j[8] - j[2] * j[6];
    a[5] = j[2] * j[3] - j[0] * j[5];
    a[6] = j[3] * j[7] - j[4] * j[6];
    a[7] = j[1] * j[6] - j[0] * j[7];
    a[8] = j[0] * j[4] - j[1] * j[3];
    return j[0] * a[0] + j[1] * a[3] + j[2] * a[6];
  }
}

/// D[dim*dim] (row: test, column: trial) from the adjugate, the determinant, the quadrature weight
/// and the coefficient K (laid out as `kind` says). D is symmetric to the bit unless K is a tensor.
template <int dim, class T>
KOKKOS_FORCEINLINE_FUNCTION void pull_back_diffusion(Diffusion kind, const T* adj, const T& det,
                                                     const T& weight, const T* k, T* d) {
  const T scale = weight / det;  // w |J| / |J|^2
  if (kind == Diffusion::tensor) {
    for (int i = 0; i < dim; ++i) {
      T row[dim];
      for (int m = 0; m < dim; ++m) {
        row[m] = adj[i * dim] * k[m];
        for (int l = 1; l < dim; ++l) row[m] += adj[i * dim + l] * k[l * dim + m];
      }
      for (int j = 0; j < dim; ++j) {
        T sum = row[0] * adj[j * dim];
        for (int m = 1; m < dim; ++m) sum += row[m] * adj[j * dim + m];
        d[i * dim + j] = scale * sum;
      }
    }
    return;
  }
  T factor[dim];
  for (int l = 0; l < dim; ++l) factor[l] = scale * (kind == Diffusion::scalar ? k[0] : k[l]);
  for (int i = 0; i < dim; ++i) {
    for (int j = i; j < dim; ++j) {
      T sum = factor[0] * adj[i * dim] * adj[j * dim];
      for (int l = 1; l < dim; ++l) sum += factor[l] * adj[i * dim + l] * adj[j * dim + l];
      d[i * dim + j] = sum;
      d[j * dim + i] = sum;
    }
  }
}

/// c[dim] = w adj(J) b.
template <int dim, class T>
KOKKOS_FORCEINLINE_FUNCTION void pull_back_advection(const T* adj, const T& weight, const T* b,
                                                     T* c) {
  for (int i = 0; i < dim; ++i) {
    T sum = adj[i * dim] * b[0];
    for (int l = 1; l < dim; ++l) sum += adj[i * dim + l] * b[l];
    c[i] = weight * sum;
  }
}

/// Smallest and largest eigenvalue of the symmetric part of the row-major tensor k[dim*dim]; the
/// trigonometric solution of the cubic for dim = 3 (Smith, Comm. ACM 4(4), 1961, 168).
template <int dim>
KOKKOS_INLINE_FUNCTION void symmetric_eigenvalue_range(const double* k, double& low, double& high) {
  if constexpr (dim == 1) {
    low = high = k[0];
  } else if constexpr (dim == 2) {
    const double middle = 0.5 * (k[0] + k[3]), half = 0.5 * (k[0] - k[3]),
                 off = 0.5 * (k[1] + k[2]);
    const double radius = std::sqrt(half * half + off * off);
    low = middle - radius;
    high = middle + radius;
  } else {
    const double xy = 0.5 * (k[1] + k[3]), xz = 0.5 * (k[2] + k[6]), yz = 0.5 * (k[5] + k[7]);
    const double mean = (k[0] + k[4] + k[8]) / 3.0;
    const double x = k[0] - mean, y = k[4] - mean, z = k[8] - mean;
    const double p = std::sqrt((x * x + y * y + z * z + 2.0 * (xy * xy + xz * xz + yz * yz)) / 6.0);
    if (p == 0.0) {
      low = high = mean;
      return;
    }
    const double determinant =
        x * (y * z - yz * yz) - xy * (xy * z - yz * xz) + xz * (xy * yz - y * xz);
    double r = determinant / (2.0 * p * p * p);
    r = r < -1.0 ? -1.0 : (r > 1.0 ? 1.0 : r);
    const double angle = std::acos(r) / 3.0;
    constexpr double third = 2.0943951023931953;  // 2 pi / 3
    high = mean + 2.0 * p * std::cos(angle);
    low = mean + 2.0 * p * std::cos(angle + third);
  }
}

}  // namespace ritz::kernels
