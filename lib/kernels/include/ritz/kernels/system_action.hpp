#pragma once

#include "ritz/kernels/cell_action.hpp"

/// Element matrices of systems of several unknowns on tensor-product cells, applied to vectors, a
/// cell in each lane: the products of cell_action.hpp for one component after the other, and at the
/// points all components together.
///
/// With the Jacobian J of the map and A = f adj(J) (f a factor of the map's kind, see PointMaps)
///   y = S^T [ G^T A r C A^T G S u ],   C = d(f0, f1)/d(u, grad u): (m (dim + 1))^2 numbers,
/// of which only those that are not zero are kept; values have s instead of A.
namespace ritz::kernels {

#ifdef RITZ_HOST_LANES

/// Points of a plane across the last direction (in fewer than three dimensions: all), of all
/// components: gradients become fluxes in place.
template <int dim, class T>
struct SystemPlane {
  int number = 0;           ///< of the plane
  int components = 1;       ///< m
  int value_stride = 0;     ///< between the components of value and plain
  const Lanes<T>* value;    ///< u
  Lanes<T>* plain;          ///< what multiplies test functions, not their gradients
  Lanes<T>* gradient[dim];  ///< d u / d xi
  int stride[dim];          ///< between the components of gradient[d]
};

// ---- the map at points: a [direction of the reference cell][direction], s for values, and r,
// which multiplies C where `has_scale`.

/// One set of numbers for all points: parallelepipeds. A = adj(J) / sqrt|J|, s = sqrt|J|.
template <int dim, int m, class T>
struct ConstantMap {
  using V = Lanes<T>;
  static constexpr int n_numbers = dim * dim + 1;
  static constexpr bool has_scale = false;
  const V* numbers;

  KOKKOS_FORCEINLINE_FUNCTION void plane(int) {}
  KOKKOS_FORCEINLINE_FUNCTION void line(int) {}
  KOKKOS_FORCEINLINE_FUNCTION void get(int, V* a, V& s, V&) const {
    for (int i = 0; i < dim * dim; ++i) a[i] = numbers[i];
    s = numbers[dim * dim];
  }
};

/// The same numbers stored for each point: any cell. Bytes of a point: dim^2 + 1 numbers.
template <int dim, int m, class T>
struct StoredMap {
  using V = Lanes<T>;
  static constexpr int in_plane = dim == 3 ? m * m : power(m, dim);
  static constexpr int n_numbers = (dim * dim + 1) * power(m, dim);
  static constexpr bool has_scale = false;
  const V* numbers;
  const V* here = nullptr;

  KOKKOS_FORCEINLINE_FUNCTION void plane(int number) {
    here = numbers + number * in_plane * (dim * dim + 1);
  }
  KOKKOS_FORCEINLINE_FUNCTION void line(int) {}
  KOKKOS_FORCEINLINE_FUNCTION void get(int q, V* a, V& s, V&) const {
    const V* from = here + q * (dim * dim + 1);
    for (int i = 0; i < dim * dim; ++i) {
      a[i] = from[i];
      // The next cells' numbers mostly follow.
      __builtin_prefetch(from + n_numbers + i, 0, 2);
    }
    s = from[dim * dim];
    __builtin_prefetch(from + n_numbers + dim * dim, 0, 2);
  }
};

/// Quads and hexes of first order: J is computed at each point from the edges about the middle of
/// the cell, in units of its size h: with J' = J / h, A = adj(J'), s = h |J'| and
/// r = h^(dim-2) / |J'|. In 3-D a point takes 27 multiply-adds and a division.
/// Bytes of a cell: dim (2^dim - 1) + 2 numbers.
template <int dim, int m, class T>
struct MultilinearMap;

template <int m, class T>
struct MultilinearMap<3, m, T> {
  using V = Lanes<T>;
  static constexpr int n_numbers = 23;
  static constexpr bool has_scale = true;
  const V* numbers;  ///< e_x, e_y, e_z, e_xy, e_xz, e_yz, e_xyz, three components each; h, h
  const T* middle;   ///< [m] points - 1/2
  V first[3], second[3], mixed[3];  ///< d_x = first + mixed y, d_y = second + mixed x
  V third[3], by_x[3];              ///< of the line: d_z = third + by_x x
  V tangent[3];                     ///< of the line: d_x

  KOKKOS_FORCEINLINE_FUNCTION void plane(int number) {
    const T z = middle[number];
    for (int i = 0; i < 3; ++i) {
      first[i] = numbers[i] + numbers[12 + i] * z;
      second[i] = numbers[3 + i] + numbers[15 + i] * z;
      mixed[i] = numbers[9 + i] + numbers[18 + i] * z;
    }
  }
  KOKKOS_FORCEINLINE_FUNCTION void line(int number) {
    const T y = middle[number];
    for (int i = 0; i < 3; ++i) {
      tangent[i] = first[i] + mixed[i] * y;
      third[i] = numbers[6 + i] + numbers[15 + i] * y;
      by_x[i] = numbers[12 + i] + numbers[18 + i] * y;
    }
  }
  KOKKOS_FORCEINLINE_FUNCTION void get(int q, V* a, V& s, V& r) const {
    const T x = middle[q % m];
    V dy[3], dz[3];
    for (int i = 0; i < 3; ++i) {
      dy[i] = second[i] + mixed[i] * x;
      dz[i] = third[i] + by_x[i] * x;
    }
    cross(dy, dz, a);
    cross(dz, tangent, a + 3);
    cross(tangent, dy, a + 6);
    const V det = tangent[0] * a[0] + tangent[1] * a[1] + tangent[2] * a[2];
    s = numbers[21] * det;
    r = numbers[22] / det;
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION static void cross(const V* p, const V* q, V* to) {
    to[0] = p[1] * q[2] - p[2] * q[1];
    to[1] = p[2] * q[0] - p[0] * q[2];
    to[2] = p[0] * q[1] - p[1] * q[0];
  }
};

template <int m, class T>
struct MultilinearMap<2, m, T> {
  using V = Lanes<T>;
  static constexpr int n_numbers = 8;
  static constexpr bool has_scale = true;
  const V* numbers;  ///< e_x, e_y, e_xy, two components each; h, 1
  const T* middle;
  V tangent[2];  ///< of the line: d_x

  KOKKOS_FORCEINLINE_FUNCTION void plane(int) {}
  KOKKOS_FORCEINLINE_FUNCTION void line(int number) {
    for (int i = 0; i < 2; ++i) tangent[i] = numbers[i] + numbers[4 + i] * middle[number];
  }
  KOKKOS_FORCEINLINE_FUNCTION void get(int q, V* a, V& s, V& r) const {
    const T x = middle[q % m];
    V dy[2];
    for (int i = 0; i < 2; ++i) dy[i] = numbers[2 + i] + numbers[4 + i] * x;
    a[0] = dy[1];
    a[1] = -dy[0];
    a[2] = -tangent[1];
    a[3] = tangent[0];
    const V det = tangent[0] * dy[1] - tangent[1] * dy[0];
    s = numbers[6] * det;
    r = numbers[7] / det;
  }
};

// ---- what happens at the points

/// Isotropic elasticity, and a multiple of u where `plain`: with h = A^T g, C h = lambda tr(h) +
/// mu (h + h^T), rho u. Multiply-adds of a point, 3-D: 54 for A, 15 for C.
template <int dim, int m, bool plain, class T, class Map>
KOKKOS_FORCEINLINE_FUNCTION void isotropic_flux(Map& map, const Lanes<T>* numbers,
                                                const SystemPlane<dim, T>& at) {
  using V = Lanes<T>;
  constexpr int lines = dim == 1 ? 1 : m;
  const V lambda = numbers[0], mu = numbers[1];
  map.plane(at.number);
  for (int j = 0; j < lines; ++j) {
    map.line(j);
    for (int i = 0; i < m; ++i) {
      const int q = j * m + i;
      V a[dim * dim], s, r;
      map.get(q, a, s, r);
      V h[dim * dim];  // [component][direction]
      for (int c = 0; c < dim; ++c) {
        V g[dim];
        for (int e = 0; e < dim; ++e) g[e] = at.gradient[e][c * at.stride[e] + q];
        for (int d = 0; d < dim; ++d) {
          V sum = a[d] * g[0];
          for (int e = 1; e < dim; ++e) sum += a[e * dim + d] * g[e];
          h[c * dim + d] = sum;
        }
      }
      V l = lambda, shear = mu;
      if constexpr (Map::has_scale) {
        l *= r;
        shear *= r;
      }
      V trace = h[0];
      for (int d = 1; d < dim; ++d) trace += h[d * dim + d];
      trace *= l;
      for (int c = 0; c < dim; ++c) {
        h[c * dim + c] = trace + T(2) * (shear * h[c * dim + c]);
        for (int d = 0; d < c; ++d) {
          const V both = shear * (h[c * dim + d] + h[d * dim + c]);
          h[c * dim + d] = both;
          h[d * dim + c] = both;
        }
      }
      for (int c = 0; c < dim; ++c) {
        for (int e = 0; e < dim; ++e) {
          V sum = a[e * dim] * h[c * dim];
          for (int d = 1; d < dim; ++d) sum += a[e * dim + d] * h[c * dim + d];
          at.gradient[e][c * at.stride[e] + q] = sum;
        }
      }
      if constexpr (plain) {
        V rho = numbers[2] * s * s;
        if constexpr (Map::has_scale) rho *= r;
        for (int c = 0; c < dim; ++c) {
          at.plain[c * at.value_stride + q] = rho * at.value[c * at.value_stride + q];
        }
      }
    }
  }
}

/// An entry of C that is not zero. Numbers of test and trial: component * (dim + 1) + slot, slots
/// as in the shape tables: derivatives, then the value.
struct SystemEntry {
  std::int16_t test = 0, trial = 0;
  std::int16_t number = 0;  ///< among those of the cell or those of the points
  bool varies = false;      ///< one at each point
};

/// Which entries there are, sorted by test.
struct SystemEntries {
  const SystemEntry* list = nullptr;
  int count = 0;
  bool reads_values = false;  ///< a trial slot is a value
  bool has_plain = false;     ///< a test slot is a value
};

/// Lanes of scratch that entries_flux() needs.
template <int dim, int m>
KOKKOS_INLINE_FUNCTION constexpr int entries_scratch(int components) {
  constexpr int in_plane = dim == 3 ? m * m : power(m, dim);
  return in_plane * (dim * dim + 2 + components * (dim + 2));
}

/// Any C: `numbers` those of the cell, `values` those of this plane's points [number][q].
/// Multiply-adds of a point: 2 m dim^2 for A, and one for each entry.
template <int dim, int m, class T, class Map>
KOKKOS_FORCEINLINE_FUNCTION void entries_flux(Map& map, const SystemEntries& entries,
                                              const Lanes<T>* numbers, const Lanes<T>* values,
                                              const SystemPlane<dim, T>& at, Lanes<T>* scratch) {
  using V = Lanes<T>;
  constexpr int in_plane = dim == 3 ? m * m : power(m, dim);
  constexpr int lines = dim == 1 ? 1 : m;
  V* const maps = scratch;  // [q][a, s, r]
  V* const u = maps + in_plane * (dim * dim + 2);
  V* const flux = u + at.components * in_plane;  // [test][q]
  map.plane(at.number);
  for (int j = 0; j < lines; ++j) {
    map.line(j);
    for (int i = 0; i < m; ++i) {
      const int q = j * m + i;
      V* const a = maps + q * (dim * dim + 2);
      map.get(q, a, a[dim * dim], a[dim * dim + 1]);
      for (int c = 0; c < at.components; ++c) {
        V g[dim];
        for (int e = 0; e < dim; ++e) g[e] = at.gradient[e][c * at.stride[e] + q];
        for (int d = 0; d < dim; ++d) {
          V sum = a[d] * g[0];
          for (int e = 1; e < dim; ++e) sum += a[e * dim + d] * g[e];
          at.gradient[d][c * at.stride[d] + q] = sum;
        }
        if (entries.reads_values) {
          u[c * in_plane + q] = a[dim * dim] * at.value[c * at.value_stride + q];
        }
      }
    }
  }
  const SystemEntry* e = entries.list;
  const SystemEntry* const end = e + entries.count;
  for (int test = 0; test < at.components * (dim + 1); ++test) {
    V* const to = flux + test * in_plane;
    bool first = true;
    for (; e != end && e->test == test; ++e) {
      const int component = e->trial / (dim + 1), slot = e->trial % (dim + 1);
      const V* const from =
          slot == dim ? u + component * in_plane : at.gradient[slot] + component * at.stride[slot];
      if (e->varies) {
        const V* const c = values + e->number * in_plane;
        if (first) {
          for (int q = 0; q < in_plane; ++q) to[q] = c[q] * from[q];
        } else {
          for (int q = 0; q < in_plane; ++q) to[q] += c[q] * from[q];
        }
      } else {
        const V c = numbers[e->number];
        if (first) {
          for (int q = 0; q < in_plane; ++q) to[q] = c * from[q];
        } else {
          for (int q = 0; q < in_plane; ++q) to[q] += c * from[q];
        }
      }
      first = false;
    }
    if (first) {
      for (int q = 0; q < in_plane; ++q) to[q] = V{};
    }
  }
  for (int q = 0; q < in_plane; ++q) {
    const V* const a = maps + q * (dim * dim + 2);
    for (int c = 0; c < at.components; ++c) {
      V f[dim];
      for (int d = 0; d < dim; ++d) {
        f[d] = flux[(c * (dim + 1) + d) * in_plane + q];
        if constexpr (Map::has_scale) f[d] *= a[dim * dim + 1];
      }
      for (int k = 0; k < dim; ++k) {
        V sum = a[k * dim] * f[0];
        for (int d = 1; d < dim; ++d) sum += a[k * dim + d] * f[d];
        at.gradient[k][c * at.stride[k] + q] = sum;
      }
      if (entries.has_plain) {
        V value = a[dim * dim] * flux[(c * (dim + 1) + dim) * in_plane + q];
        if constexpr (Map::has_scale) value *= a[dim * dim + 1];
        at.plain[c * at.value_stride + q] = value;
      }
    }
  }
}

/// The products around the points, as in QuadratureAction.
template <int dim, int n, int m, class T>
struct SystemAction {
  using V = Lanes<T>;
  using One = QuadratureAction<dim, n, m, T>;
  static constexpr int n_nodes = One::n_nodes;
  static constexpr int n_points = One::n_points;
  static constexpr int n_planes = One::n_planes;
  static constexpr int in_plane = One::in_plane;
  static constexpr int in_directions = dim > 1 ? dim - 1 : 1;  ///< derivatives of a plane
  static constexpr int more_scratch = dim == 3 ? 2 * m * n * n : m * n;

  One one;

  /// Lanes of scratch, without the flux's.
  static constexpr int scratch(int components) {
    return components * (3 * n_points + in_directions * in_plane) + more_scratch;
  }

  /// `u` [components][n_nodes] in, result out. `flux(plane)`: a SystemPlane; `has_plain`: whether
  /// it writes `plain`.
  template <class Flux>
  KOKKOS_FORCEINLINE_FUNCTION void operator()(const Flux& flux, int components, bool has_plain,
                                              V* u, V* work) const {
    V* const value = work;
    V* const last = value + components * n_points;
    V* const result = last + components * n_points;
    V* const across = result + components * n_points;
    V* const more = across + components * in_directions * in_plane;
    for (int c = 0; c < components; ++c) {
      forward(u + c * n_nodes, value + c * n_points, last + c * n_points, more);
    }
    SystemPlane<dim, T> plane;
    plane.components = components;
    plane.value_stride = n_points;
    for (int z = 0; z < n_planes; ++z) {
      const int first = z * in_plane;
      plane.number = z;
      plane.value = value + first;
      plane.plain = result + first;
      for (int d = 0; d < in_directions; ++d) {
        plane.gradient[d] = across + d * in_plane;
        plane.stride[d] = in_directions * in_plane;
      }
      if constexpr (dim > 1) {
        plane.gradient[dim - 1] = last + first;
        plane.stride[dim - 1] = n_points;
      }
      for (int c = 0; c < components; ++c) {
        derive_plane(value + c * n_points + first, across + c * in_directions * in_plane);
      }
      flux(plane);
      for (int c = 0; c < components; ++c) {
        V* const from = across + c * in_directions * in_plane;
        V* const to = result + c * n_points + first;
        if (has_plain) {
          collect_plane<true>(from, to);
        } else {
          collect_plane<false>(from, to);
        }
      }
    }
    for (int c = 0; c < components; ++c) {
      backward(last + c * n_points, result + c * n_points, u + c * n_nodes, more);
    }
  }

 private:
  static constexpr int layer = n_points / m;  // points across the last direction

  [[gnu::noinline]] void forward(const V* u, V* value, V* last, V* more) const {
    one.to_points(u, value, more);
    if constexpr (dim > 1) {
      for (int i = 0; i < layer; ++i) {
        even_odd<-1, false, layer, layer>(one.derive, value + i, last + i);
      }
    }
  }

  [[gnu::noinline]] void derive_plane(const V* value, V* g) const {
    for (int y = 0; y < in_plane / m; ++y) {
      even_odd<-1, false, 1, 1>(one.derive, value + y * m, g + y * m);
    }
    if constexpr (dim == 3) {
      for (int x = 0; x < m; ++x) {
        even_odd<-1, false, m, m>(one.derive, value + x, g + in_plane + x);
      }
    }
  }

  template <bool add>
  [[gnu::noinline]] void collect_plane(const V* g, V* to) const {
    for (int y = 0; y < in_plane / m; ++y) {
      even_odd<-1, add, 1, 1>(one.derive_back, g + y * m, to + y * m);
    }
    if constexpr (dim == 3) {
      for (int x = 0; x < m; ++x) {
        even_odd<-1, true, m, m>(one.derive_back, g + in_plane + x, to + x);
      }
    }
  }

  [[gnu::noinline]] void backward(const V* last, V* result, V* u, V* more) const {
    if constexpr (dim > 1) {
      for (int i = 0; i < layer; ++i) {
        even_odd<-1, true, layer, layer>(one.derive_back, last + i, result + i);
      }
    }
    one.from_points(result, u, more);
  }
};

#endif

}  // namespace ritz::kernels
