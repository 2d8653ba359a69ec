#pragma once

#include "ritz/kernels/lanes.hpp"

/// Fluxes at quadrature points of a cell from reference gradients, for cells told apart by how
/// their pulled-back tensor D = |J| J^-1 K J^-T is had: read, the same at all points, or computed.
/// Without quadrature weights: those are in the 1-D matrices of QuadratureAction.
namespace ritz::kernels {

/// The terms of a form at a point, as they are stored.
struct StoredTerms {
  bool symmetric = true;  ///< D as its upper triangle, else whole
  bool advection = false;
  bool reaction = false;

  [[nodiscard]] constexpr int diffusion_count(int dim) const {
    return symmetric ? dim * (dim + 1) / 2 : dim * dim;
  }
  [[nodiscard]] constexpr int count(int dim) const {
    return diffusion_count(dim) + (advection ? dim : 0) + (reaction ? 1 : 0);
  }
  /// Terms that are not fluxes.
  [[nodiscard]] constexpr bool has_plain() const { return advection || reaction; }
};

#ifdef RITZ_HOST_LANES

/// Points of a plane across the last direction (in fewer than three dimensions: all).
/// Gradients become fluxes in place.
template <int dim, class T>
struct PointPlane {
  int number = 0;           ///< of the plane
  int first = 0;            ///< number of its first point in the cell
  const Lanes<T>* value;    ///< u
  Lanes<T>* gradient[dim];  ///< d u / d xi
  Lanes<T>* plain;          ///< for c . grad u + rho u, unless has_plain is false
};

/// `terms`: [points][count], or [count] for all points; then `factor`, if not null, has a number
/// for D at each of them.
template <int dim, class T, bool one_for_all, bool has_factor = false>
KOKKOS_FORCEINLINE_FUNCTION void stored_flux(const StoredTerms& kind, const Lanes<T>* terms,
                                             int n_in_plane, int n_in_cell,
                                             const PointPlane<dim, T>& at,
                                             const Lanes<T>* factor = nullptr) {
  const int n_terms = kind.count(dim);
  const int n_diffusion = kind.diffusion_count(dim);
  const Lanes<T>* t = one_for_all ? terms : terms + at.first * n_terms;
  for (int i = 0; i < n_in_plane; ++i, t += one_for_all ? 0 : n_terms) {
    if constexpr (!one_for_all) {
      // The next cells' terms mostly follow: to the second-level cache during the products.
      for (int k = 0; k < n_terms; ++k) __builtin_prefetch(t + n_in_cell * n_terms + k, 0, 2);
    }
    Lanes<T> g[dim], flux[dim];
    for (int d = 0; d < dim; ++d) g[d] = at.gradient[d][i];
    if (!kind.symmetric) {
      for (int d = 0; d < dim; ++d) {
        flux[d] = t[d * dim] * g[0];
        for (int e = 1; e < dim; ++e) flux[d] += t[d * dim + e] * g[e];
      }
    } else if constexpr (dim == 1) {
      flux[0] = t[0] * g[0];
    } else if constexpr (dim == 2) {
      flux[0] = t[0] * g[0] + t[1] * g[1];
      flux[1] = t[1] * g[0] + t[2] * g[1];
    } else {
      flux[0] = t[0] * g[0] + t[1] * g[1] + t[2] * g[2];
      flux[1] = t[1] * g[0] + t[3] * g[1] + t[4] * g[2];
      flux[2] = t[2] * g[0] + t[4] * g[1] + t[5] * g[2];
    }
    for (int d = 0; d < dim; ++d) {
      if constexpr (has_factor) flux[d] *= factor[at.first + i];
      at.gradient[d][i] = flux[d];
    }
    if (!kind.has_plain()) continue;
    Lanes<T> plain{};
    if (kind.advection) {
      for (int d = 0; d < dim; ++d) plain += t[n_diffusion + d] * g[d];
    }
    if (kind.reaction) plain += t[n_terms - 1] * at.value[i];
    at.plain[i] = plain;
  }
}

/// Cells whose map is linear in each direction (bilinear, trilinear), with
///   D = f |J| J^-1 J^-T,  f a number of the cell, times one k of the point if there is one,
/// and a reaction rho |J|: the Jacobian is computed at each point.
///
/// About the middle of the reference cell, t_d in [-1/2, 1/2],
///   d_x = e_x + e_xy y + e_xz z + e_xyz y z,  and so on, are the columns of J.
/// With the metric G = J^T J, D = f |J| G^-1, which is applied by elimination instead of being
/// formed. Along a line of points in x, G_xx is constant and the others and |J| are polynomials of
/// degree 1 or 2, so that in 3-D a point takes 23 operations and a division, a line 18 and a
/// division, a plane 126. Elimination keeps D positive in spite of round-off. Derived here.
template <int dim, int m, class T>
struct MultilinearFlux;

/// Numbers of a cell in MultilinearFlux, f and rho last.
constexpr int multilinear_count(int dim) {
  return dim * ((1 << dim) - 1) + 2;
}

template <int m, class T>
struct MultilinearFlux<3, m, T> {
  using V = Lanes<T>;
  static constexpr int n_numbers = multilinear_count(3);

  /// `cell_numbers`: e_x, e_y, e_z, e_xy, e_xz, e_yz, e_xyz, three components each; f, rho.
  /// `points`: [m] quadrature points - 1/2. `k`: [m^3] of the points.
  KOKKOS_FORCEINLINE_FUNCTION void set(const V* cell_numbers, const T* points, const V* k) {
    cell = cell_numbers;
    middle = points;
    factor = k;
    const V *z = cell + 6, *xz = cell + 12, *yz = cell + 15, *xyz = cell + 18;
    for (int j = 0; j < m; ++j) {
      V p[3], q[3];
      for (int c = 0; c < 3; ++c) {
        p[c] = z[c] + yz[c] * middle[j];
        q[c] = xz[c] + xyz[c] * middle[j];
      }
      const V pp = dot(p, p), pq = dot(p, q) * T(2), qq = dot(q, q);
#pragma GCC unroll 16
      for (int i = 0; i < m; ++i) {
        square_z[j * m + i] = pp + middle[i] * (pq + middle[i] * qq);
      }
    }
  }

  template <bool has_factor, bool reaction>
  KOKKOS_FORCEINLINE_FUNCTION void plane(const PointPlane<3, T>& at) const {
    const V *z = cell + 6, *xz = cell + 12, *yz = cell + 15, *xyz = cell + 18;
    const T t = middle[at.number];
    // In this plane: d_x = a + c y, d_y = b + c x, d_z = z + xz x + yz y + xyz x y.
    V a[3], b[3], c[3];
    for (int i = 0; i < 3; ++i) {
      a[i] = cell[i] + cell[12 + i] * t;
      b[i] = cell[3 + i] + cell[15 + i] * t;
      c[i] = cell[9 + i] + cell[18 + i] * t;
    }
    const V aa = dot(a, a), ac = dot(a, c), cc = dot(c, c), ab = dot(a, b), bc = dot(b, c);
    V square_y[m];
    {
      const V bb = dot(b, b), bc2 = bc * T(2);
#pragma GCC unroll 16
      for (int i = 0; i < m; ++i) square_y[i] = bb + middle[i] * (bc2 + middle[i] * cc);
    }
    // d_x . d_z, d_y . d_z: [power of x][power of y].
    const V xz00 = dot(a, z), xz01 = dot(a, yz) + dot(c, z), xz02 = dot(c, yz);
    const V yz20 = dot(c, xz), yz21 = dot(c, xyz);
    const V xz10 = dot(a, xz), xz11 = dot(a, xyz) + yz20, xz12 = yz21;
    const V yz00 = dot(b, z), yz01 = dot(b, yz);
    const V yz10 = dot(b, xz) + dot(c, z), yz11 = dot(b, xyz) + dot(c, yz);
    // |J| = (d_x x d_y) . d_z, d_x x d_y = n0 + n1 x + n2 y.
    V n0[3], n1[3], n2[3];
    cross(a, b, n0);
    cross(a, c, n1);
    cross(c, b, n2);
    const V j00 = dot(n0, z), j01 = dot(n0, yz) + dot(n2, z), j02 = dot(n2, yz);
    const V j10 = dot(n0, xz) + dot(n1, z), j12 = dot(n2, xyz);
    const V j11 = dot(n0, xyz) + dot(n2, xz) + dot(n1, yz);
    const V j20 = dot(n1, xz), j21 = dot(n1, xyz);
    const V f_cell = cell[n_numbers - 2];
    for (int j = 0; j < m; ++j) {
      const T y = middle[j];
      const V square_x = aa + y * (T(2) * ac + y * cc);
      const V inverse = T(1) / square_x;
      const V f_inverse = f_cell * inverse, f_square = f_cell * square_x;
      const V xy0 = ab + y * bc, xy1 = ac + y * cc;
      const V xz0 = xz00 + y * (xz01 + y * xz02), xz1 = xz10 + y * (xz11 + y * xz12);
      const V yz0 = yz00 + y * yz01, yz1 = yz10 + y * yz11, yz2 = yz20 + y * yz21;
      const V j0 = j00 + y * (j01 + y * j02), j1 = j10 + y * (j11 + y * j12), j2 = j20 + y * j21;
#pragma GCC unroll 16
      for (int i = 0; i < m; ++i) {
        const int q = j * m + i;
        const T x = middle[i];
        const V xy = xy0 + x * xy1, xzq = xz0 + x * xz1;
        const V det = j0 + x * (j1 + x * j2);
        const V e = xy * inverse, f = xzq * inverse;
        const V s11 = square_y[i] - xy * e;
        const V s12 = yz0 + x * (yz1 + x * yz2) - xy * f;
        const V s22 = square_z[q] - xzq * f;
        V first = det * f_inverse;
        V rest = f_square / det;
        if constexpr (has_factor) {
          const V k = factor[at.first + q];
          first *= k;
          rest *= k;
        }
        const V g = at.gradient[0][q];
        const V t1 = rest * (at.gradient[1][q] - e * g), t2 = rest * (at.gradient[2][q] - f * g);
        const V f1 = s22 * t1 - s12 * t2, f2 = s11 * t2 - s12 * t1;
        at.gradient[0][q] = first * g - e * f1 - f * f2;
        at.gradient[1][q] = f1;
        at.gradient[2][q] = f2;
        if constexpr (reaction) at.plain[q] = cell[n_numbers - 1] * det * at.value[q];
      }
    }
  }

  const V* cell = nullptr;
  const T* middle = nullptr;
  const V* factor = nullptr;
  V square_z[m * m];  ///< |d_z|^2, the same in all planes

 private:
  KOKKOS_FORCEINLINE_FUNCTION static V dot(const V* p, const V* q) {
    return p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  }
  KOKKOS_FORCEINLINE_FUNCTION static void cross(const V* p, const V* q, V* r) {
    r[0] = p[1] * q[2] - p[2] * q[1];
    r[1] = p[2] * q[0] - p[0] * q[2];
    r[2] = p[0] * q[1] - p[1] * q[0];
  }
};

template <int m, class T>
struct MultilinearFlux<2, m, T> {
  using V = Lanes<T>;
  static constexpr int n_numbers = multilinear_count(2);

  /// `cell_numbers`: e_x, e_y, e_xy, two components each; f, rho. The rest as in 3-D.
  KOKKOS_FORCEINLINE_FUNCTION void set(const V* cell_numbers, const T* points, const V* k) {
    cell = cell_numbers;
    middle = points;
    factor = k;
  }

  template <bool has_factor, bool reaction>
  KOKKOS_FORCEINLINE_FUNCTION void plane(const PointPlane<2, T>& at) const {
    const V *a = cell, *b = cell + 2, *c = cell + 4;
    V square_y[m];
    {
      const V bb = dot(b, b), bc = dot(b, c) * T(2), cc = dot(c, c);
#pragma GCC unroll 16
      for (int i = 0; i < m; ++i) square_y[i] = bb + middle[i] * (bc + middle[i] * cc);
    }
    for (int j = 0; j < m; ++j) {
      const V d[2] = {a[0] + middle[j] * c[0], a[1] + middle[j] * c[1]};
      const V square_x = dot(d, d), xy0 = dot(d, b), xy1 = dot(d, c);
      const V j0 = d[0] * b[1] - d[1] * b[0], j1 = d[0] * c[1] - d[1] * c[0];
#pragma GCC unroll 16
      for (int i = 0; i < m; ++i) {
        const int q = j * m + i;
        const T x = middle[i];
        const V xy = xy0 + x * xy1, det = j0 + x * j1;
        V scale = cell[n_numbers - 2] / det;
        if constexpr (has_factor) scale *= factor[q];
        const V g0 = scale * at.gradient[0][q], g1 = scale * at.gradient[1][q];
        at.gradient[0][q] = square_y[i] * g0 - xy * g1;
        at.gradient[1][q] = square_x * g1 - xy * g0;
        if constexpr (reaction) at.plain[q] = cell[n_numbers - 1] * det * at.value[q];
      }
    }
  }

  const V* cell = nullptr;
  const T* middle = nullptr;
  const V* factor = nullptr;

 private:
  KOKKOS_FORCEINLINE_FUNCTION static V dot(const V* p, const V* q) {
    return p[0] * q[0] + p[1] * q[1];
  }
};

#endif  // RITZ_HOST_LANES

}  // namespace ritz::kernels
