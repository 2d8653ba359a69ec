#pragma once

#include "ritz/kernels/even_odd.hpp"
#include "ritz/kernels/point_flux.hpp"

/// Element matrices of tensor-product cells applied to vectors, a cell in each lane.
/// Arrays of a cell are in tensor order, x fastest.
namespace ritz::kernels {

constexpr int power(int base, int exponent) {
  return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

#ifdef RITZ_HOST_LANES

/// Boxes along the axes of the reference cell with a constant coefficient, without quadrature:
///   A = sum_d c_d (M x .. K .. x M) + r (M x M x M),
/// M, K the 1-D mass and stiffness matrices on [0,1]. With K S = M S L, S^T M S = 1 and F = S^-1:
/// A = F^T (sum_d c_d L_d + r) F, two 1-D products a direction instead of the seven of the sum
/// (the eigenvectors of Lynch, Rice and Thomas, Numer. Math. 6, 1964, 185, used for the product
/// instead of the inverse). Eigenvectors are even or odd, which EvenOddModes uses.
///
/// Bytes of a cell: dim + 1 numbers. Multiplications a point, n = k+1: 2 dim (n/2) + dim + 1.
template <int dim, int n, class T>
struct CartesianAction {
  static constexpr int n_nodes = power(n, dim);

  const EvenOddModes<T, n>& modes;

  /// In place. `c`: [dim] diffusion, `c[dim]` reaction.
  KOKKOS_FORCEINLINE_FUNCTION void operator()(const Lanes<T>* c, Lanes<T>* u) const {
    if constexpr (dim == 1) {
      last_direction<1>(c, c[1], u);
    } else if constexpr (dim == 2) {
      for (int y = 0; y < n; ++y) modes.template forward<1>(u + y * n, u + y * n);
      for (int x = 0; x < n; ++x) {
        last_direction<n>(c + 1, c[2] + c[0] * modes.eigenvalues[x], u + x);
      }
      for (int y = 0; y < n; ++y) modes.template backward<1>(u + y * n, u + y * n);
    } else {
      for (int z = 0; z < n; ++z) {
        Lanes<T>* plane = u + z * n * n;
        for (int y = 0; y < n; ++y) modes.template forward<1>(plane + y * n, plane + y * n);
        for (int x = 0; x < n; ++x) modes.template forward<n>(plane + x, plane + x);
      }
      for (int y = 0; y < n; ++y) {
        const Lanes<T> cy = c[3] + c[1] * modes.eigenvalues[y];
        for (int x = 0; x < n; ++x) {
          last_direction<n * n>(c + 2, cy + c[0] * modes.eigenvalues[x], u + y * n + x);
        }
      }
      for (int z = 0; z < n; ++z) {
        Lanes<T>* plane = u + z * n * n;
        for (int x = 0; x < n; ++x) modes.template backward<n>(plane + x, plane + x);
        for (int y = 0; y < n; ++y) modes.template backward<1>(plane + y * n, plane + y * n);
      }
    }
  }

 private:
  template <int stride>
  KOKKOS_FORCEINLINE_FUNCTION void last_direction(const Lanes<T>* c, const Lanes<T>& others,
                                                  Lanes<T>* line) const {
    modes.template forward<stride>(line, line);
#pragma GCC unroll 16
    for (int a = 0; a < n; ++a) {
      line[a * stride] = line[a * stride] * (others + c[0] * modes.eigenvalues[a]);
    }
    modes.template backward<stride>(line, line);
  }
};

/// Any cell and coefficients, by quadrature at m Gauss points a direction with the pulled-back
/// terms of coefficient_form.hpp at each:
///   y = S^T [ sum_d G_d^T (sum_e D_de G_e S u) + c . G S u + rho S u ],
/// S from nodes to points and G the derivative in the points' own basis (collocation), so that
/// each is one 1-D product a direction (Deville, Fischer and Mund, High-Order Methods for
/// Incompressible Fluid Flow, 2002, sec. 4.4). Even-odd products throughout. The quadrature's
/// weights W are in the matrices on the way back, W^-1 G^T W and S^T W, so that points have none.
template <int dim, int n, int m, class T>
struct QuadratureAction {
  static constexpr int n_nodes = power(n, dim);
  static constexpr int n_points = power(m, dim);
  static constexpr int n_planes = dim == 3 ? m : 1;
  static constexpr int in_plane = n_points / n_planes;
  /// Scratch in lanes: values at the points, the last direction's derivative, the result.
  static constexpr int scratch = 3 * n_points + (dim == 3 ? 2 * m * n * n : m * n);

  const EvenOdd<T, n, m>& interpolate;       ///< S
  const EvenOdd<T, m, n>& interpolate_back;  ///< S^T W
  const EvenOdd<T, m, m>& derive;            ///< G
  const EvenOdd<T, m, m>& derive_back;       ///< W^-1 G^T W

  /// `u` [n_nodes] in, result out. `flux(plane)`: PointPlane of `in_plane` points; `has_plain`:
  /// whether it writes `plain`.
  template <class Flux>
  KOKKOS_FORCEINLINE_FUNCTION void operator()(const Flux& flux, bool has_plain, Lanes<T>* u,
                                              Lanes<T>* work) const {
    Lanes<T>* value = work;
    Lanes<T>* last = value + n_points;
    Lanes<T>* result = last + n_points;
    Lanes<T>* more = result + n_points;
    to_points(u, value, more);
    constexpr int layer = n_points / m;  // points across the last direction
    if constexpr (dim > 1) {
      for (int i = 0; i < layer; ++i)
        even_odd<-1, false, layer, layer>(derive, value + i, last + i);
    }
    for (int z = 0; z < n_planes; ++z) {
      Lanes<T>* here = value + z * in_plane;
      Lanes<T>* to = result + z * in_plane;
      Lanes<T> g[dim > 1 ? dim - 1 : 1][in_plane];
      for (int y = 0; y < in_plane / m; ++y) {
        even_odd<-1, false, 1, 1>(derive, here + y * m, g[0] + y * m);
      }
      PointPlane<dim, T> plane;
      plane.number = z;
      plane.first = z * in_plane;
      plane.value = here;
      plane.plain = to;
      plane.gradient[0] = g[0];
      if constexpr (dim == 3) {
        for (int x = 0; x < m; ++x) even_odd<-1, false, m, m>(derive, here + x, g[1] + x);
        plane.gradient[1] = g[1];
      }
      if constexpr (dim > 1) plane.gradient[dim - 1] = last + z * in_plane;
      flux(plane);
      if (has_plain) {
        for (int y = 0; y < in_plane / m; ++y) {
          even_odd<-1, true, 1, 1>(derive_back, g[0] + y * m, to + y * m);
        }
      } else {
        for (int y = 0; y < in_plane / m; ++y) {
          even_odd<-1, false, 1, 1>(derive_back, g[0] + y * m, to + y * m);
        }
      }
      if constexpr (dim == 3) {
        for (int x = 0; x < m; ++x) even_odd<-1, true, m, m>(derive_back, g[1] + x, to + x);
      }
    }
    if constexpr (dim > 1) {
      for (int i = 0; i < layer; ++i) {
        even_odd<-1, true, layer, layer>(derive_back, last + i, result + i);
      }
    }
    from_points(result, u, more);
  }

  /// Values at the points from values at the nodes.
  KOKKOS_FORCEINLINE_FUNCTION void to_points(const Lanes<T>* u, Lanes<T>* value,
                                             Lanes<T>* more) const {
    if constexpr (dim == 1) {
      even_odd<1, false, 1, 1>(interpolate, u, value);
    } else if constexpr (dim == 2) {
      for (int y = 0; y < n; ++y) even_odd<1, false, 1, 1>(interpolate, u + y * n, more + y * m);
      for (int x = 0; x < m; ++x) even_odd<1, false, m, m>(interpolate, more + x, value + x);
    } else {
      Lanes<T>* half = value;  // [n][m][m], then in place along z
      for (int z = 0; z < n; ++z) {
        for (int y = 0; y < n; ++y) {
          even_odd<1, false, 1, 1>(interpolate, u + (z * n + y) * n, more + y * m);
        }
        for (int x = 0; x < m; ++x) {
          even_odd<1, false, m, m>(interpolate, more + x, half + z * m * m + x);
        }
      }
      for (int i = 0; i < m * m; ++i) in_place(interpolate, half + i);
    }
  }

  /// The transpose. Destroys `value`.
  KOKKOS_FORCEINLINE_FUNCTION void from_points(Lanes<T>* value, Lanes<T>* u, Lanes<T>* more) const {
    if constexpr (dim == 1) {
      even_odd<1, false, 1, 1>(interpolate_back, value, u);
    } else if constexpr (dim == 2) {
      for (int x = 0; x < m; ++x) even_odd<1, false, m, m>(interpolate_back, value + x, more + x);
      for (int y = 0; y < n; ++y) {
        even_odd<1, false, 1, 1>(interpolate_back, more + y * m, u + y * n);
      }
    } else {
      for (int i = 0; i < m * m; ++i) in_place(interpolate_back, value + i);
      for (int z = 0; z < n; ++z) {
        for (int x = 0; x < m; ++x) {
          even_odd<1, false, m, m>(interpolate_back, value + z * m * m + x, more + x);
        }
        for (int y = 0; y < n; ++y) {
          even_odd<1, false, 1, 1>(interpolate_back, more + y * m, u + (z * n + y) * n);
        }
      }
    }
  }

 private:
  template <int n_in, int n_out>
  KOKKOS_FORCEINLINE_FUNCTION static void in_place(const EvenOdd<T, n_in, n_out>& a,
                                                   Lanes<T>* line) {
    constexpr int stride = m * m;
    Lanes<T> copy[n_in];
#pragma GCC unroll 16
    for (int i = 0; i < n_in; ++i) copy[i] = line[i * stride];
    even_odd<1, false, 1, stride>(a, copy, line);
  }
};

#endif

}  // namespace ritz::kernels
