#pragma once

#include "ritz/kernels/coefficient_form.hpp"

/// Element matrix rows on quads and hexes by sum factorisation, a row (test function) in each lane.
/// With phi_i = l_a(x) l_b(y) l_c(z) its values and derivatives at the points are products of 1-D
/// numbers, and the contraction of dense_rows.hpp,
///   A_ij = sum_q sum_d g_d(q) dphi_j/dxi_d(q) + h(q) phi_j(q),
/// goes direction by direction: O(n^(d+1)) instead of O(n^2d) operations a row, O(n^(2d+1)) a cell
/// (Melenk, Gerdes and Schwab, Comput. Methods Appl. Mech. Engrg. 190 (2001) 4339, sec. 3).
namespace ritz::kernels {

/// n: nodes in a direction; m: quadrature points in a direction.
template <int dim, int n, int m, class T>
struct TensorRows {
  static_assert(dim == 2 || dim == 3);
  static constexpr int n_plane = n * n;
  static constexpr int n_rows = dim == 2 ? n * n : n * n * n;
  static constexpr int m_plane = m * m;
  static constexpr int n_terms = dim * dim + dim + 1;
  static constexpr int n_planes = dim == 2 ? 1 : m;
  /// Scratch in T: test function factors, fluxes of a plane, x-sums, and y-sums of all planes.
  static constexpr int scratch =
      2 * dim * m + (dim + 1) * m_plane + 3 * m * n + 2 * n_planes * n_plane;

  const double* values_1d;  ///< [m][n]
  const double* slopes_1d;  ///< [m][n]

  /// `index`: 1-D node numbers [dim] of each lane's test function; factors[2 * dim][m]: values,
  /// then slopes, of each direction.
  template <class Index>
  KOKKOS_FORCEINLINE_FUNCTION void factors(const Index& index, T* factors) const {
    for (int d = 0; d < dim; ++d) {
      for (int q = 0; q < m; ++q) {
        double value[pack_width], slope[pack_width];
        for (int l = 0; l < pack_width; ++l) {
          value[l] = values_1d[q * n + index[l][d]];
          slope[l] = slopes_1d[q * n + index[l][d]];
        }
        factors[(2 * d) * m + q] = gather(value);
        factors[(2 * d + 1) * m + q] = gather(slope);
      }
    }
  }

  /// Fluxes g_0..g_{dim-1}, h of the lanes' test functions in plane z, [(dim + 1)][m_plane].
  /// `terms`: [n_terms][stride]: D, c, rho at all points, the same for all lanes.
  KOKKOS_FORCEINLINE_FUNCTION void fluxes(const Terms& form, const double* terms,
                                          std::size_t stride, const T* factor, int z,
                                          T* flux) const {
    const T* vx = factor;
    const T* sx = factor + m;
    const T* vy = factor + 2 * m;
    const T* sy = factor + 3 * m;
    for (int y = 0; y < m; ++y) {
      T value_yz = vy[y], slope_y = sy[y], slope_z(0.0);
      if constexpr (dim == 3) {
        const T vz = factor[4 * m + z];
        slope_z = vy[y] * factor[5 * m + z];
        value_yz = vy[y] * vz;
        slope_y = sy[y] * vz;
      }
      for (int x = 0; x < m; ++x) {
        const int at = y * m + x;
        const double* here = terms + z * m_plane + at;
        T gradient[dim];
        gradient[0] = sx[x] * value_yz;
        gradient[1] = vx[x] * slope_y;
        if constexpr (dim == 3) gradient[2] = vx[x] * slope_z;
        const T value = vx[x] * value_yz;
        for (int c = 0; c < dim; ++c) {
          T sum(0.0);
          if (form.diffusion != Diffusion::none) {
            for (int e = 0; e < dim; ++e)
              sum += gradient[e] * T(here[static_cast<std::size_t>(e * dim + c) * stride]);
          }
          if (form.advection)
            sum += value * T(here[static_cast<std::size_t>(dim * dim + c) * stride]);
          flux[c * m_plane + at] = sum;
        }
        flux[dim * m_plane + at] =
            form.reaction ? value * T(here[static_cast<std::size_t>(dim * dim + dim) * stride])
                          : T(0.0);
      }
    }
  }

  /// Rows in tensor order of the columns, x fastest: row[n_rows].
  KOKKOS_FORCEINLINE_FUNCTION void rows(const Terms& form, const double* terms, std::size_t stride,
                                        const T* factor, T* work, T* row) const {
    T* flux = work;
    T* sum_x = flux + (dim + 1) * m_plane;  // [3][m][n]
    T* sum_y = sum_x + 3 * m * n;           // [2][n_planes][n_plane]
    T* sum_yz = sum_y + n_planes * n_plane;
    for (int z = 0; z < n_planes; ++z) {
      fluxes(form, terms, stride, factor, z, flux);
      contract_x(flux, sum_x);
      contract_y(sum_x, sum_y + z * n_plane, sum_yz + z * n_plane);
    }
    if constexpr (dim == 2) {
      for (int j = 0; j < n_plane; ++j) row[j] = sum_y[j];
    } else {
      contract_z(sum_y, sum_yz, row);
    }
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION static T gather(const double* lanes) {
    T result;
    auto* out = reinterpret_cast<double*>(&result);
    for (int l = 0; l < pack_width; ++l) out[l] = lanes[l];
    return result;
  }

  /// Sums over x: [0] g_0 with slopes plus h with values, [1] g_1, [2] g_2 with values.
  KOKKOS_FORCEINLINE_FUNCTION void contract_x(const T* flux, T* sum_x) const {
    for (int y = 0; y < m; ++y) {
      const T* line = flux + y * m;
      T first[n], second[n], third[dim == 3 ? n : 1];
      for (int j = 0; j < n; ++j) {
        first[j] = second[j] = T(0.0);
        if constexpr (dim == 3) third[j] = T(0.0);
      }
      for (int x = 0; x < m; ++x) {
        const T g0 = line[x], g1 = line[m_plane + x], h = line[dim * m_plane + x];
        for (int j = 0; j < n; ++j) {
          first[j] += g0 * T(slopes_1d[x * n + j]) + h * T(values_1d[x * n + j]);
          second[j] += g1 * T(values_1d[x * n + j]);
        }
        if constexpr (dim == 3) {
          const T g2 = line[2 * m_plane + x];
          for (int j = 0; j < n; ++j) third[j] += g2 * T(values_1d[x * n + j]);
        }
      }
      for (int j = 0; j < n; ++j) {
        sum_x[y * n + j] = first[j];
        sum_x[(m + y) * n + j] = second[j];
        if constexpr (dim == 3) sum_x[(2 * m + y) * n + j] = third[j];
      }
    }
  }

  /// Sums over y of a plane: values of [0] plus slopes of [1]; values of [2] apart.
  KOKKOS_FORCEINLINE_FUNCTION void contract_y(const T* sum_x, T* sum_y, T* sum_yz) const {
    for (int i = 0; i < n; ++i) {
      T first[n], second[n];
      for (int j = 0; j < n; ++j) first[j] = second[j] = T(0.0);
      for (int y = 0; y < m; ++y) {
        const T a = sum_x[y * n + i], b = sum_x[(m + y) * n + i];
        for (int j = 0; j < n; ++j) {
          first[j] += a * T(values_1d[y * n + j]) + b * T(slopes_1d[y * n + j]);
        }
        if constexpr (dim == 3) {
          const T c = sum_x[(2 * m + y) * n + i];
          for (int j = 0; j < n; ++j) second[j] += c * T(values_1d[y * n + j]);
        }
      }
      for (int j = 0; j < n; ++j) {
        sum_y[j * n + i] = first[j];
        if constexpr (dim == 3) sum_yz[j * n + i] = second[j];
      }
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION void contract_z(const T* sum_y, const T* sum_yz, T* row) const {
    for (int i = 0; i < n_plane; ++i) {
      T sum[n];
      for (int j = 0; j < n; ++j) sum[j] = T(0.0);
      for (int z = 0; z < m; ++z) {
        const T a = sum_y[z * n_plane + i], b = sum_yz[z * n_plane + i];
        for (int j = 0; j < n; ++j) {
          sum[j] += a * T(values_1d[z * n + j]) + b * T(slopes_1d[z * n + j]);
        }
      }
      for (int j = 0; j < n; ++j) row[j * n_plane + i] = sum[j];
    }
  }
};

}  // namespace ritz::kernels
