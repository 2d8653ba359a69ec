#pragma once

#include <algorithm>
#include <type_traits>

#include "cell_loop.hpp"
#include "ritz/base/error.hpp"

namespace ritz::assembly {

#ifndef RITZ_HOST_LANES
#error "the matrix-free operator has host kernels only"
#endif

template <class T, int dim, int n, int m>
class CellLoopOf final : public CellLoop<T> {
 public:
  using V = kernels::Lanes<T>;
  static constexpr int width = kernels::n_lanes<T>;
  using Quadrature = kernels::QuadratureAction<dim, n, m, T>;
  using Cartesian = kernels::CartesianAction<dim, n, T>;
  static constexpr int n_nodes = kernels::power(n, dim);
  static constexpr int n_points = kernels::power(m, dim);

  explicit CellLoopOf(const TensorBasis& basis) {
    const std::vector<double>& w = basis.weights;
    std::vector<double> back = transposed(basis.values, m, n);
    std::vector<double> derive_back = transposed(basis.collocation, m, m);
    for (int q = 0; q < m; ++q) {
      const double weight = w[static_cast<std::size_t>(q)];
      for (int i = 0; i < n; ++i) back[static_cast<std::size_t>(i * m + q)] *= weight;
      for (int r = 0; r < m; ++r) {
        derive_back[static_cast<std::size_t>(r * m + q)] *= weight / w[static_cast<std::size_t>(r)];
      }
      middle_[q] = static_cast<T>(basis.points[static_cast<std::size_t>(q)] - 0.5);
    }
    interpolate_.set(basis.values.data());
    interpolate_back_.set(back.data());
    derive_.set(basis.collocation.data());
    derive_back_.set(derive_back.data());
    constexpr int half = n / 2, up = (n + 1) / 2;
    for (int a = 0; a < up; ++a) {
      for (int i = 0; i < up; ++i) modes_.even[a * up + i] = entry(basis.modes, a, i);
    }
    for (int a = 0; a < half; ++a) {
      for (int i = 0; i < half; ++i) modes_.odd[a * half + i] = entry(basis.modes, up + a, i);
    }
    for (int a = 0; a < n; ++a) {
      modes_.eigenvalues[a] = static_cast<T>(basis.eigenvalues[static_cast<std::size_t>(a)]);
      mass_[a] = entry(basis.mass, a, a);
      stiffness_[a] = entry(basis.stiffness, a, a);
    }
    for (int q = 0; q < m; ++q) {
      for (int i = 0; i < n; ++i) {
        const double value = basis.values[static_cast<std::size_t>(q * n + i)];
        const double slope = basis.slopes[static_cast<std::size_t>(q * n + i)];
        const double weight = w[static_cast<std::size_t>(q)];
        squares_[0][q * n + i] = static_cast<T>(weight * value * value);
        squares_[1][q * n + i] = static_cast<T>(weight * value * slope);
        squares_[2][q * n + i] = static_cast<T>(weight * slope * slope);
      }
    }
  }

  [[nodiscard]] std::size_t scratch() const override {
    constexpr int for_diagonal = (dim + 2) * n_points + 2 * m * m * m;
    return static_cast<std::size_t>(n_nodes + std::max(Quadrature::scratch, for_diagonal));
  }

  void apply(const CellData<T>& data, int begin, int end, const T* x, const T* x_extra, T* y,
             T* y_extra, V* scratch) const override {
    const CellBatches& batches = *data.batches;
    const LocalId n_owned = batches.n_owned;
    V* u = scratch;
    V* work = scratch + n_nodes;
    for (int b = begin; b < end; ++b) {
      const CellBatches::Batch& batch = batches.batches[static_cast<std::size_t>(b)];
      gather(batch, batches.index.data() + batch.source, batches.place.data(), n_owned, x, x_extra,
             u);
      const BatchGeometry<T>& geometry = data.geometry[b];
      if (geometry.kind == CellKind::cartesian) {
        Cartesian{modes_}(geometry.terms, u);
      } else {
        act(data.kind, geometry, u, work);
      }
      scatter(batch, batches.index.data() + batch.target, batches.place.data(), n_owned, u, y,
              y_extra);
    }
  }

  void diagonal(const CellData<T>& data, int begin, int end, T* d, T* d_extra,
                V* scratch) const override {
    const CellBatches& batches = *data.batches;
    for (int b = begin; b < end; ++b) {
      const CellBatches::Batch& batch = batches.batches[static_cast<std::size_t>(b)];
      const BatchGeometry<T>& geometry = data.geometry[b];
      if (geometry.kind == CellKind::cartesian) {
        cartesian_diagonal(geometry.terms, scratch);
      } else {
        quadrature_diagonal(data.kind, geometry, scratch, scratch + n_nodes);
      }
      scatter(batch, batches.index.data() + batch.target, batches.place.data(), batches.n_owned,
              scratch, d, d_extra);
    }
  }

 private:
  static constexpr int n_vertices = 1 << dim;
  static constexpr int n_edges = dim == 1 ? 1 : (dim == 2 ? 4 : 12);
  static constexpr int n_faces = dim == 1 ? 0 : (dim == 2 ? 1 : 6);
  static constexpr int inside = n - 2;

  static T entry(const std::vector<double>& a, int i, int j) {
    return static_cast<T>(a[static_cast<std::size_t>(i * n + j)]);
  }

  // Multilinear cells always have n points a direction.
  static constexpr bool has_multilinear = dim > 1 && m == n;
  using Multilinear =
      std::conditional_t<has_multilinear, kernels::MultilinearFlux<dim == 2 ? 2 : 3, m, T>, int>;
  using Plane = kernels::PointPlane<dim, T>;

  /// What happens at the points of a batch. Each kind is compiled once and for itself, and the
  /// one-dimensional products around it are shared.
  struct Flux {
    Flux(const CellLoopOf& loop, const kernels::StoredTerms& terms, const BatchGeometry<T>& batch)
        : kind(terms), geometry(batch) {
      if constexpr (has_multilinear) {
        if (batch.kind == CellKind::multilinear || batch.kind == CellKind::scaled) {
          prepare(loop.middle_);
        }
      }
    }

    KOKKOS_FORCEINLINE_FUNCTION void operator()(const Plane& at) const {
      if constexpr (has_multilinear) {
        if (geometry.kind == CellKind::multilinear) {
          kind.reaction ? computed<false, true>(at) : computed<false, false>(at);
          return;
        }
        if (geometry.kind == CellKind::scaled) {
          kind.reaction ? computed<true, true>(at) : computed<true, false>(at);
          return;
        }
      }
      const bool usual = kind.symmetric && !kind.has_plain();
      if (geometry.kind == CellKind::scaled_affine) {
        scaled(at);
      } else if (geometry.kind == CellKind::affine) {
        usual ? read<true, true>(at) : read<true, false>(at);
      } else {
        usual ? read<false, true>(at) : read<false, false>(at);
      }
    }

    [[gnu::noinline]] void prepare(const T* middle) {
      multilinear.set(geometry.terms, middle, geometry.terms + Multilinear::n_numbers);
      // The next batch's numbers mostly follow.
      const int count = Multilinear::n_numbers + (geometry.kind == CellKind::scaled ? n_points : 0);
      for (int i = 0; i < count; ++i) __builtin_prefetch(geometry.terms + count + i, 0, 2);
    }
    template <bool has_factor, bool reaction>
    [[gnu::noinline]] void computed(const Plane& at) const {
      multilinear.template plane<has_factor, reaction>(at);
    }
    template <bool one_for_all, bool usual>
    [[gnu::noinline]] void read(const Plane& at) const {
      kernels::stored_flux<dim, T, one_for_all>(usual ? kernels::StoredTerms{} : kind,
                                                geometry.terms, Quadrature::in_plane, n_points, at);
    }

    [[gnu::noinline]] void scaled(const Plane& at) const {
      const V* factor = geometry.terms + kind.count(dim);
      for (int i = 0; i < Quadrature::in_plane; ++i) {
        __builtin_prefetch(factor + n_points + kind.count(dim) + at.first + i, 0, 2);
      }
      kernels::stored_flux<dim, T, true, true>(kind, geometry.terms, Quadrature::in_plane, n_points,
                                               at, factor);
    }

    const kernels::StoredTerms& kind;
    const BatchGeometry<T>& geometry;
    Multilinear multilinear;
  };

  [[gnu::noinline]] void act(const kernels::StoredTerms& kind, const BatchGeometry<T>& geometry,
                             V* u, V* work) const {
    const Flux flux(*this, kind, geometry);
    Quadrature{interpolate_, interpolate_back_, derive_, derive_back_}(flux, kind.has_plain(), u,
                                                                       work);
  }

  template <class P>
  KOKKOS_FORCEINLINE_FUNCTION static P* at(P* own, P* extra, LocalId n_owned, std::int32_t i) {
    return i < n_owned ? own + i : extra + (i - n_owned);
  }

  /// Calls run<size>(addresses of the lanes, place) for every entity of a batch kept by entities:
  /// vertices, edges, faces, inside.
  template <class P, class Run>
  KOKKOS_FORCEINLINE_FUNCTION static void each_run(const std::int32_t* index,
                                                   const std::int16_t* place, P* own, P* extra,
                                                   LocalId n_owned, const Run& run) {
    P* lanes[width];
    const auto runs = [&]<int size>(int count) {
      for (int e = 0; e < count; ++e) {
        for (int l = 0; l < width; ++l) lanes[l] = at(own, extra, n_owned, index[l]);
        run.template operator()<size>(lanes, place);
        index += width;
        place += size;
      }
    };
    runs.template operator()<1>(n_vertices);
    if constexpr (inside > 0) {
      runs.template operator()<inside>(n_edges);
      if constexpr (dim > 1) runs.template operator()<inside * inside>(n_faces);
      if constexpr (dim > 2) runs.template operator()<inside * inside * inside>(1);
    }
  }

  /// Up to degree 2 an entity has one dof: no runs, and most of the time is in the addresses.
  static constexpr bool one_each = inside <= 1;

  static void gather(const CellBatches::Batch& batch, const std::int32_t* index,
                     const std::int16_t* place, LocalId n_owned, const T* x, const T* extra, V* u) {
    if constexpr (one_each) {
      if (batch.is_own && batch.by_entity) {
        for (int i = 0; i < n_nodes; ++i, index += width) {
          V value;
          for (int l = 0; l < width; ++l) value[l] = x[index[l]];
          u[place[i]] = value;
        }
        return;
      }
    }
    if (batch.by_entity) {
      each_run(index, place, x, extra, n_owned,
               [u]<int size>(const T* const* from, const std::int16_t* to) {
                 kernels::gather_run<size>(from, to, u);
               });
      return;
    }
    for (int i = 0; i < n_nodes; ++i) {
      V value;
      for (int l = 0; l < width; ++l) value[l] = *at(x, extra, n_owned, index[i * width + l]);
      u[i] = value;
    }
  }

  static void scatter(const CellBatches::Batch& batch, const std::int32_t* index,
                      const std::int16_t* place, LocalId n_owned, const V* u, T* y, T* extra) {
    if constexpr (one_each) {
      if (batch.is_own && batch.by_entity) {
        for (int i = 0; i < n_nodes; ++i, index += width) {
          const V value = u[place[i]];
          for (int l = 0; l < width; ++l) y[index[l]] += value[l];
        }
        return;
      }
    }
    if (batch.by_entity) {
      each_run(index, place, y, extra, n_owned,
               [u]<int size>(T* const* to, const std::int16_t* from) {
                 kernels::scatter_add_run<size>(u, from, to);
               });
      return;
    }
    for (int i = 0; i < n_nodes; ++i) {
      for (int l = 0; l < width; ++l) *at(y, extra, n_owned, index[i * width + l]) += u[i][l];
    }
  }

  void cartesian_diagonal(const V* c, V* u) const {
    for (int i = 0; i < n_nodes; ++i) {
      const int at[3] = {i % n, i / n % n, i / (n * n)};
      V sum = c[dim];
      for (int e = 0; e < dim; ++e) sum *= mass_[at[e]];
      for (int d = 0; d < dim; ++d) {
        V product = c[d];
        for (int e = 0; e < dim; ++e) product *= e == d ? stiffness_[at[e]] : mass_[at[e]];
        sum += product;
      }
      u[i] = sum;
    }
  }

  /// diag_i = sum_q sum_de D_de d_d phi_i d_e phi_i + ...: products of 1-D numbers, direction by
  /// direction. The columns of D are the fluxes of unit gradients.
  void quadrature_diagonal(const kernels::StoredTerms& kind, const BatchGeometry<T>& geometry, V* u,
                           V* work) const {
    const Flux flux(*this, kind, geometry);
    V* value = work + 2 * m * m * m;
    V* plain = value + n_points;
    V* gradient = plain + n_points;
    const auto fluxes_of = [&](int direction, T u_value) {
      std::fill_n(value, n_points, V{} + u_value);
      for (int d = 0; d < dim; ++d) {
        std::fill_n(gradient + d * n_points, n_points, V{} + T(d == direction ? 1 : 0));
      }
      for (int z = 0; z < Quadrature::n_planes; ++z) {
        Plane at;
        at.number = z;
        at.first = z * Quadrature::in_plane;
        at.value = value + at.first;
        at.plain = plain + at.first;
        for (int d = 0; d < dim; ++d) at.gradient[d] = gradient + d * n_points + at.first;
        flux(at);
      }
    };
    for (int i = 0; i < n_nodes; ++i) u[i] = V{};
    const auto add = [&](const V* terms, T factor, const int(&square)[3]) {
      V* from = work;
      for (int q = 0; q < n_points; ++q) from[q] = factor * terms[q];
      V* to = work + m * m * m;
      // Points [z][y][x] become nodes, x first; then the axes turn so that y and z come first.
      int rest = n_points / m;
      for (int d = 0; d < dim; ++d) {
        const T* table = squares_[square[d]];
        for (int r = 0; r < rest; ++r) {
          for (int i = 0; i < n; ++i) {
            V sum{};
            for (int q = 0; q < m; ++q) sum += from[r * m + q] * table[q * n + i];
            if (d == dim - 1) {
              to[r * n + i] = sum;
            } else {
              to[i * rest + r] = sum;
            }
          }
        }
        std::swap(from, to);
        rest = rest / m * n;
        if (dim == 1) break;
      }
      // One direction: [x]. More: the last contraction left [..][last]; earlier axes in front.
      for (int i = 0; i < n_nodes; ++i) {
        const int x = i % n, y = i / n % n, z = i / (n * n);
        int at = x;
        if constexpr (dim == 2) at = x * n + y;
        if constexpr (dim == 3) at = (y * n + x) * n + z;
        u[i] += from[at];
      }
    };
    for (int e = 0; e < dim; ++e) {
      fluxes_of(e, T(0));
      for (int d = kind.symmetric ? e : 0; d < dim; ++d) {
        int square[3] = {0, 0, 0};
        square[d] += 1;
        square[e] += 1;
        add(gradient + d * n_points, static_cast<T>(kind.symmetric && e != d ? 2 : 1), square);
      }
      if (kind.advection) {
        int square[3] = {0, 0, 0};
        square[e] = 1;
        add(plain, T(1), square);
      }
    }
    if (kind.reaction) {
      fluxes_of(-1, T(1));
      add(plain, T(1), {0, 0, 0});
    }
  }

  kernels::EvenOdd<T, n, m> interpolate_;
  kernels::EvenOdd<T, m, n> interpolate_back_;
  kernels::EvenOdd<T, m, m> derive_, derive_back_;
  kernels::EvenOddModes<T, n> modes_;
  T mass_[n], stiffness_[n];
  T squares_[3][m * n];
  T middle_[m];  // points - 1/2
};

/// A loop of this element for n = `first`..`last` nodes a direction, or nullptr.
template <class T, int dim, int first, int last>
std::unique_ptr<CellLoop<T>> find_cell_loop(const TensorBasis& basis) {
  if constexpr (first > last) {
    return nullptr;
  } else {
    if (basis.n != first) return find_cell_loop<T, dim, first + 1, last>(basis);
    if (basis.m == first) return std::make_unique<CellLoopOf<T, dim, first, first>>(basis);
    if (basis.m == first + 1) return std::make_unique<CellLoopOf<T, dim, first, first + 1>>(basis);
    return nullptr;
  }
}

}  // namespace ritz::assembly
