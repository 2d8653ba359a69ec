#pragma once

#include <cstdint>

#include "ritz/kernels/system_action.hpp"

/// Residuals of systems of several unknowns on tensor-product cells, a cell in each lane: the
/// products of SystemAction, and at the points formulas instead of a matrix.
///
/// For int f0_i v + f1_i . grad v dx with the maps of system_action.hpp (A, s, r; |J| = s^2 r and
/// adj(J) = s r A)
///   grad u = A^T (d u / d xi) / s,   r_i = S^T [ s^2 r f0_i + G^T (s r A f1_i) ].
namespace ritz::kernels {

#ifdef RITZ_HOST_LANES

/// What of an unknown the formulas read.
inline constexpr int reads_value = 1;
inline constexpr int reads_gradient = 2;
inline constexpr int reads_rate = 4;
inline constexpr int reads_second_rate = 8;

/// What the formulas read besides the unknowns and their gradients.
template <class T>
struct ResidualInput {
  const std::uint8_t* reads = nullptr;  ///< [components], reads_... bits
  const Lanes<T>* rate[2] = {};  ///< u', u'' at the points, a component every `stride`; null: 0
  int stride = 0;
  const Lanes<T>* nodes = nullptr;  ///< [geometry nodes][dim]; null: no formula reads the place
  const T* shapes = nullptr;        ///< [points][geometry nodes]
  int n_geometry = 0;
  bool reads_metric = false;
  const std::uint8_t* kinds = nullptr;  ///< [components]: 1: has f0, 2: has f1
  bool has_plain = false;               ///< some component has f0
};

/// Rows of variables: x, y, z; of each component u, its gradient, u', u''; the metric.
template <int dim>
KOKKOS_INLINE_FUNCTION constexpr int residual_row(int component) {
  return 3 + component * (dim + 3);
}

/// Lanes of scratch that residual_flux() needs besides the variables.
template <int dim, int m>
KOKKOS_INLINE_FUNCTION constexpr int residual_scratch() {
  return (dim == 3 ? m * m : power(m, dim)) * (dim * dim + 3);
}

/// Place of the points of a plane: rows 0..dim-1.
template <int dim, int in_plane, class T>
KOKKOS_FORCEINLINE_FUNCTION void place_rows(const ResidualInput<T>& in, int plane,
                                            Lanes<T>* variables) {
  for (int q = 0; q < in_plane; ++q) {
    const T* const shape = in.shapes + (plane * in_plane + q) * in.n_geometry;
    Lanes<T> place[dim] = {};
    for (int a = 0; a < in.n_geometry; ++a) {
      for (int d = 0; d < dim; ++d) place[d] += shape[a] * in.nodes[a * dim + d];
    }
    for (int d = 0; d < dim; ++d) variables[d * in_plane + q] = place[d];
  }
}

/// A plane's points: `variables` [rows][points of a plane] are filled as far as they are read,
/// `formulas(variables)` is called, and formulas.slot(component * (dim + 1) + direction), direction
/// dim for f0, are its values at the points. Multiply-adds of a point and component: 2 dim^2 for A.
template <int dim, int m, class T, class Map, class Formulas>
KOKKOS_FORCEINLINE_FUNCTION void residual_flux(Map& map, const ResidualInput<T>& in,
                                               const SystemPlane<dim, T>& at, Lanes<T>* variables,
                                               Lanes<T>* scratch, Formulas& formulas) {
  using V = Lanes<T>;
  constexpr int in_plane = dim == 3 ? m * m : power(m, dim);
  constexpr int lines = dim == 1 ? 1 : m;
  constexpr int n_map = dim * dim + 3;  // a, s, r, 1/s
  V* const maps = scratch;              // [q]
  map.plane(at.number);
  for (int j = 0; j < lines; ++j) {
    map.line(j);
    for (int i = 0; i < m; ++i) {
      const int q = j * m + i;
      V* const a = maps + q * n_map;
      map.get(q, a, a[dim * dim], a[dim * dim + 1]);
      a[dim * dim + 2] = T(1) / a[dim * dim];
    }
  }
  if (in.nodes != nullptr) place_rows<dim, in_plane, T>(in, at.number, variables);
  for (int c = 0; c < at.components; ++c) {
    V* const rows = variables + residual_row<dim>(c) * in_plane;
    const int reads = in.reads[c];
    if ((reads & reads_value) != 0) {
      const V* const from = at.value + c * at.value_stride;
      for (int q = 0; q < in_plane; ++q) rows[q] = from[q];
    }
    if ((reads & reads_gradient) != 0) {
      for (int q = 0; q < in_plane; ++q) {
        const V* const a = maps + q * n_map;
        V g[dim];
        for (int e = 0; e < dim; ++e) g[e] = at.gradient[e][c * at.stride[e] + q];
        for (int d = 0; d < dim; ++d) {
          V sum = a[d] * g[0];
          for (int e = 1; e < dim; ++e) sum += a[e * dim + d] * g[e];
          rows[(1 + d) * in_plane + q] = sum * a[dim * dim + 2];
        }
      }
    }
    for (int k = 0; k < 2; ++k) {
      if ((reads & (k == 0 ? reads_rate : reads_second_rate)) == 0 || in.rate[k] == nullptr)
        continue;
      const V* const from = in.rate[k] + c * in.stride + at.number * in_plane;
      for (int q = 0; q < in_plane; ++q) rows[(dim + 1 + k) * in_plane + q] = from[q];
    }
  }
  if (in.reads_metric) {
    // 4 J^-T J^-1, J^-1 = A / s; the upper triangle.
    V* row = variables + residual_row<dim>(at.components) * in_plane;
    for (int d = 0; d < dim; ++d) {
      for (int k = d; k < dim; ++k, row += in_plane) {
        for (int q = 0; q < in_plane; ++q) {
          const V* const a = maps + q * n_map;
          V sum = a[d] * a[k];
          for (int e = 1; e < dim; ++e) sum += a[e * dim + d] * a[e * dim + k];
          row[q] = T(4) * sum * a[dim * dim + 2] * a[dim * dim + 2];
        }
      }
    }
  }
  formulas(variables);
  for (int c = 0; c < at.components; ++c) {
    const int kinds = in.kinds[c];
    for (int q = 0; q < in_plane; ++q) {
      const V* const a = maps + q * n_map;
      V factor = a[dim * dim];
      if constexpr (Map::has_scale) factor *= a[dim * dim + 1];
      if ((kinds & 2) != 0) {
        V f[dim];
        for (int d = 0; d < dim; ++d) f[d] = factor * formulas.slot(c * (dim + 1) + d)[q];
        for (int e = 0; e < dim; ++e) {
          V sum = a[e * dim] * f[0];
          for (int d = 1; d < dim; ++d) sum += a[e * dim + d] * f[d];
          at.gradient[e][c * at.stride[e] + q] = sum;
        }
      } else {
        for (int e = 0; e < dim; ++e) at.gradient[e][c * at.stride[e] + q] = V{};
      }
      if (!in.has_plain) continue;
      at.plain[c * at.value_stride + q] =
          (kinds & 1) != 0 ? factor * a[dim * dim] * formulas.slot(c * (dim + 1) + dim)[q] : V{};
    }
  }
}

#endif

}  // namespace ritz::kernels
