#pragma once

#include <algorithm>

#include "system_loop.hpp"

namespace ritz::assembly {

#ifndef RITZ_HOST_LANES
#error "the matrix-free operator has host kernels only"
#endif

template <class T, int dim, int n, int m>
class SystemLoopOf final : public SystemLoop<T> {
 public:
  using V = kernels::Lanes<T>;
  using Action = kernels::SystemAction<dim, n, m, T>;
  using Plane = kernels::SystemPlane<dim, T>;
  static constexpr int width = kernels::n_lanes<T>;
  static constexpr int n_nodes = kernels::power(n, dim);
  static constexpr int n_points = kernels::power(m, dim);

  explicit SystemLoopOf(const TensorBasis& basis) {
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
      for (int i = 0; i < n; ++i) {
        const double value = basis.values[static_cast<std::size_t>(q * n + i)];
        const double slope = basis.slopes[static_cast<std::size_t>(q * n + i)];
        squares_[0][q * n + i] = static_cast<T>(weight * value * value);
        squares_[1][q * n + i] = static_cast<T>(weight * value * slope);
        squares_[2][q * n + i] = static_cast<T>(weight * slope * slope);
      }
    }
    interpolate_.set(basis.values.data());
    interpolate_back_.set(back.data());
    derive_.set(basis.collocation.data());
    derive_back_.set(derive_back.data());
  }

  [[nodiscard]] std::size_t scratch(int components) const override {
    const int for_action = Action::scratch(components);
    const int for_diagonal = 2 * m * m * m + components * (dim + 2) * n_points;
    return static_cast<std::size_t>(components * n_nodes +
                                    kernels::entries_scratch<dim, m>(components) +
                                    std::max(for_action, for_diagonal));
  }

  void apply(const SystemLoopData<T>& data, int begin, int end, const T* x, const T* x_extra, T* y,
             T* y_extra, V* scratch) const override {
    const CellBatches& batches = *data.batches;
    V* u = scratch;
    V* for_flux = u + data.components * n_nodes;
    V* work = for_flux + kernels::entries_scratch<dim, m>(data.components);
    for (int b = begin; b < end; ++b) {
      const CellBatches::Batch& batch = batches.batches[static_cast<std::size_t>(b)];
      gather(batches, batch, batch.source, x, x_extra, u);
      act(data, data.data[b], u, for_flux, work);
      scatter(batches, batch, batch.target, u, y, y_extra);
    }
  }

  void diagonal(const SystemLoopData<T>& data, int begin, int end, T* d, T* d_extra,
                V* scratch) const override {
    const CellBatches& batches = *data.batches;
    V* u = scratch;
    V* for_flux = u + data.components * n_nodes;
    V* work = for_flux + kernels::entries_scratch<dim, m>(data.components);
    for (int b = begin; b < end; ++b) {
      const CellBatches::Batch& batch = batches.batches[static_cast<std::size_t>(b)];
      for (int c = 0; c < data.components; ++c) {
        component_diagonal(data, data.data[b], c, u + c * n_nodes, for_flux, work);
      }
      scatter(batches, batch, batch.target, u, d, d_extra);
    }
  }

 private:
  static constexpr int n_vertices = 1 << dim;
  static constexpr int n_edges = dim == 1 ? 1 : (dim == 2 ? 4 : 12);
  static constexpr int n_faces = dim == 1 ? 0 : (dim == 2 ? 1 : 6);
  static constexpr int inside = n - 2;
  // Multilinear cells always have n points a direction.
  static constexpr bool has_multilinear = dim > 1 && m == n;

  [[nodiscard]] bool has_plain(const SystemLoopData<T>& data) const {
    return data.entries.has_plain;
  }

  [[gnu::noinline]] void act(const SystemLoopData<T>& data, const SystemBatchData<T>& batch, V* u,
                             V* for_flux, V* work) const {
    const Action action{{interpolate_, interpolate_back_, derive_, derive_back_}};
    action([&](const Plane& at) { flux(data, batch, at, for_flux); }, data.components,
           data.entries.has_plain, u, work);
  }

  /// What happens at the points. Each kind is compiled once and for itself.
  void flux(const SystemLoopData<T>& data, const SystemBatchData<T>& batch, const Plane& at,
            V* for_flux) const {
    if constexpr (has_multilinear) {
      if (batch.map == MapKind::multilinear) {
        // The next batch's numbers mostly follow.
        if (at.number == 0) {
          for (int i = 0; i < kernels::MultilinearMap<dim, m, T>::n_numbers; ++i) {
            __builtin_prefetch(batch.geometry + kernels::MultilinearMap<dim, m, T>::n_numbers + i,
                               0, 2);
          }
        }
        kernels::MultilinearMap<dim, m, T> map;
        map.numbers = batch.geometry;
        map.middle = middle_;
        return flux_with(map, data, batch, at, for_flux);
      }
    }
    if (batch.map == MapKind::constant) {
      kernels::ConstantMap<dim, m, T> map{batch.geometry};
      return flux_with(map, data, batch, at, for_flux);
    }
    kernels::StoredMap<dim, m, T> map{batch.geometry};
    flux_with(map, data, batch, at, for_flux);
  }

  template <class Map>
  static void flux_with(Map& map, const SystemLoopData<T>& data, const SystemBatchData<T>& batch,
                        const Plane& at, V* for_flux) {
    if (data.isotropic) {
      if (data.entries.has_plain) {
        isotropic<true>(map, batch, at);
      } else {
        isotropic<false>(map, batch, at);
      }
      return;
    }
    entries(map, data, batch, at, for_flux);
  }
  template <bool plain, class Map>
  [[gnu::noinline]] static void isotropic(Map& map, const SystemBatchData<T>& batch,
                                          const Plane& at) {
    kernels::isotropic_flux<dim, m, plain, T>(map, batch.numbers, at);
  }
  template <class Map>
  [[gnu::noinline]] static void entries(Map& map, const SystemLoopData<T>& data,
                                        const SystemBatchData<T>& batch, const Plane& at,
                                        V* for_flux) {
    const V* values = batch.values + at.number * data.n_varying * Action::in_plane;
    for (int i = 0; i < data.n_varying * Action::in_plane; ++i) {
      __builtin_prefetch(values + data.n_varying * n_points + i, 0, 2);
    }
    kernels::entries_flux<dim, m, T>(map, data.entries, batch.numbers, values, at, for_flux);
  }

  template <class P>
  KOKKOS_FORCEINLINE_FUNCTION static P* at(P* own, P* extra, LocalId n_owned, std::int32_t i) {
    return i < n_owned ? own + i : extra + (i - n_owned);
  }

  /// Runs of any length: whole registers in a loop, the rest compiled for its length.
  template <int count, class P, class Move>
  KOKKOS_FORCEINLINE_FUNCTION static void in_chunks(P** lanes, const std::int16_t* place,
                                                    const Move& move) {
    for (int i = 0; i < count / width; ++i) {
      move.template operator()<width>(lanes, place);
      for (int l = 0; l < width; ++l) lanes[l] += width;
      place += width;
    }
    if constexpr (count % width != 0) move.template operator()<count % width>(lanes, place);
  }

  /// All entities of a batch kept by entities: vertices, edges, faces, inside.
  template <int components, bool is_own, class P, class Move>
  KOKKOS_FORCEINLINE_FUNCTION static void each_run(const std::int32_t* index,
                                                   const std::int16_t* place, P* own, P* extra,
                                                   LocalId n_owned, const Move& move) {
    P* lanes[width];
    const auto runs = [&]<int size>(int count) {
      for (int e = 0; e < count; ++e) {
        for (int l = 0; l < width; ++l) {
          lanes[l] = is_own ? own + index[l] : at(own, extra, n_owned, index[l]);
        }
        in_chunks<size * components>(lanes, place, move);
        index += width;
        place += size * components;
      }
    };
    runs.template operator()<1>(n_vertices);
    if constexpr (inside > 0) {
      runs.template operator()<inside>(n_edges);
      if constexpr (dim > 1) runs.template operator()<inside * inside>(n_faces);
      if constexpr (dim > 2) runs.template operator()<inside * inside * inside>(1);
    }
  }

  template <class P, class Move>
  static void all_runs(const CellBatches& batches, const CellBatches::Batch& batch,
                       std::size_t first, P* own, P* extra, const Move& move) {
    const std::int32_t* index = batches.index.data() + first;
    const std::int16_t* place = batches.place.data();
    const auto with = [&]<int components>() {
      if (batch.is_own) {
        each_run<components, true>(index, place, own, extra, batches.n_owned, move);
      } else {
        each_run<components, false>(index, place, own, extra, batches.n_owned, move);
      }
    };
    static_assert(CellBatches::max_in_runs == 3);
    if (batches.n_components == 1) return with.template operator()<1>();
    if (batches.n_components == 2) return with.template operator()<2>();
    with.template operator()<3>();
  }

  static void gather(const CellBatches& batches, const CellBatches::Batch& batch, std::size_t first,
                     const T* x, const T* extra, V* u) {
    if (batch.by_entity) {
      all_runs(batches, batch, first, x, extra,
               [u]<int size>(const T* const* from, const std::int16_t* to) {
                 kernels::gather_run<size>(from, to, u);
               });
      return;
    }
    const std::int32_t* index = batches.index.data() + first;
    for (int i = 0; i < batches.n_nodes; ++i) {
      V value;
      for (int l = 0; l < width; ++l) {
        value[l] = *at(x, extra, batches.n_owned, index[i * width + l]);
      }
      u[i] = value;
    }
  }

  static void scatter(const CellBatches& batches, const CellBatches::Batch& batch,
                      std::size_t first, const V* u, T* y, T* extra) {
    if (batch.by_entity) {
      all_runs(batches, batch, first, y, extra,
               [u]<int size>(T* const* to, const std::int16_t* from) {
                 kernels::scatter_add_run<size>(u, from, to);
               });
      return;
    }
    const std::int32_t* index = batches.index.data() + first;
    for (int i = 0; i < batches.n_nodes; ++i) {
      for (int l = 0; l < width; ++l) {
        *at(y, extra, batches.n_owned, index[i * width + l]) += u[i][l];
      }
    }
  }

  /// diag_i = sum_q sum_de D_de d_d phi_i d_e phi_i + ...: products of 1-D numbers, direction by
  /// direction. The columns of D are the fluxes of unit gradients of this component.
  void component_diagonal(const SystemLoopData<T>& data, const SystemBatchData<T>& batch, int c,
                          V* u, V* for_flux, V* work) const {
    const int mm = data.components;
    V* value = work + 2 * m * m * m;
    V* plain = value + mm * n_points;
    V* gradient = plain + mm * n_points;  // [direction][component][point]
    for (int i = 0; i < n_nodes; ++i) u[i] = V{};
    for (int unit = 0; unit <= dim; ++unit) {
      if (unit == dim && !data.entries.reads_values && !data.isotropic) break;
      if (unit == dim && !data.entries.has_plain && data.isotropic) break;
      std::fill_n(value, (2 + dim) * mm * n_points, V{});
      std::fill_n((unit == dim ? value : gradient + unit * mm * n_points) + c * n_points, n_points,
                  V{} + T(1));
      for (int z = 0; z < Action::n_planes; ++z) {
        const int first = z * Action::in_plane;
        Plane at;
        at.number = z;
        at.components = mm;
        at.value_stride = n_points;
        at.value = value + first;
        at.plain = plain + first;
        for (int d = 0; d < dim; ++d) {
          at.gradient[d] = gradient + d * mm * n_points + first;
          at.stride[d] = n_points;
        }
        flux(data, batch, at, for_flux);
      }
      for (int d = 0; d <= dim; ++d) {
        if (d == dim && !data.entries.has_plain) break;
        int square[3] = {0, 0, 0};
        if (d < dim) square[d] += 1;
        if (unit < dim) square[unit] += 1;
        add_squares((d == dim ? plain : gradient + d * mm * n_points) + c * n_points, square, u,
                    work);
      }
    }
  }

  /// u_i += sum_q term_q prod_d squares[square[d]](q_d, i_d).
  void add_squares(const V* term, const int (&square)[3], V* u, V* work) const {
    V* from = work;
    V* to = work + m * m * m;
    std::copy_n(term, n_points, from);
    // Points [z][y][x]: the last axis is contracted and its nodes go to the front.
    int rest = n_points / m;
    for (int d = 0; d < dim; ++d) {
      const T* table = squares_[square[d]];
      for (int r = 0; r < rest; ++r) {
        for (int i = 0; i < n; ++i) {
          V sum{};
          for (int q = 0; q < m; ++q) sum += from[r * m + q] * table[q * n + i];
          to[i * rest + r] = sum;
        }
      }
      std::swap(from, to);
      rest = rest / m * n;
    }
    // After all of them the nodes are [z][y][x] again: the last axis to go came first.
    for (int i = 0; i < n_nodes; ++i) u[i] += from[i];
  }

  kernels::EvenOdd<T, n, m> interpolate_;
  kernels::EvenOdd<T, m, n> interpolate_back_;
  kernels::EvenOdd<T, m, m> derive_, derive_back_;
  T squares_[3][m * n];
  T middle_[m];  // points - 1/2
};

/// A loop of this element for n = `first`..`last` nodes a direction, or nullptr.
template <class T, int dim, int first, int last>
std::unique_ptr<SystemLoop<T>> find_system_loop(const TensorBasis& basis) {
  if constexpr (first > last) {
    return nullptr;
  } else {
    if (basis.n != first) return find_system_loop<T, dim, first + 1, last>(basis);
    if (basis.m == first) return std::make_unique<SystemLoopOf<T, dim, first, first>>(basis);
    if (basis.m == first + 1)
      return std::make_unique<SystemLoopOf<T, dim, first, first + 1>>(basis);
    return nullptr;
  }
}

}  // namespace ritz::assembly
