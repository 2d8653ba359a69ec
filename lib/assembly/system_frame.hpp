#pragma once

#include "cell_batches.hpp"
#include "ritz/kernels/system_action.hpp"
#include "system_loop.hpp"
#include "tensor_basis.hpp"

namespace ritz::assembly {

#ifndef RITZ_HOST_LANES
#error "the matrix-free operator has host kernels only"
#endif

/// What loops over the cells of a system have in common for one element: the 1-D products, the way
/// between vectors and lanes, and the map at the points.
template <class T, int dim, int n, int m>
class SystemFrame {
 public:
  using V = kernels::Lanes<T>;
  using Action = kernels::SystemAction<dim, n, m, T>;
  using Plane = kernels::SystemPlane<dim, T>;
  static constexpr int width = kernels::n_lanes<T>;
  static constexpr int n_nodes = kernels::power(n, dim);
  static constexpr int n_points = kernels::power(m, dim);

  explicit SystemFrame(const TensorBasis& basis) {
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
  }

  [[nodiscard]] Action action() const {
    return {{interpolate_, interpolate_back_, derive_, derive_back_}};
  }

  /// work(map) with the batch's kind of map, from the plane `number` on.
  template <class Work>
  void with_map(const SystemBatchMap<T>& batch, int number, const Work& work) const {
    if constexpr (has_multilinear) {
      if (batch.map == MapKind::multilinear) {
        using Map = kernels::MultilinearMap<dim, m, T>;
        // The next batch's numbers mostly follow.
        if (number == 0) {
          for (int i = 0; i < Map::n_numbers; ++i)
            __builtin_prefetch(batch.geometry + Map::n_numbers + i, 0, 2);
        }
        Map map;
        map.numbers = batch.geometry;
        map.middle = middle_;
        return work(map);
      }
    }
    if (batch.map == MapKind::constant) {
      kernels::ConstantMap<dim, m, T> map{batch.geometry};
      return work(map);
    }
    kernels::StoredMap<dim, m, T> map{batch.geometry};
    work(map);
  }

  /// All components of a batch's cells to lanes [component][n_nodes].
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

  /// Adds lanes to a vector.
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

 private:
  static constexpr int n_vertices = 1 << dim;
  static constexpr int n_edges = dim == 1 ? 1 : (dim == 2 ? 4 : 12);
  static constexpr int n_faces = dim == 1 ? 0 : (dim == 2 ? 1 : 6);
  static constexpr int inside = n - 2;
  // Multilinear cells always have n points a direction.
  static constexpr bool has_multilinear = dim > 1 && m == n;

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

  kernels::EvenOdd<T, n, m> interpolate_;
  kernels::EvenOdd<T, m, n> interpolate_back_;
  kernels::EvenOdd<T, m, m> derive_, derive_back_;
  T middle_[m];  // points - 1/2
};

}  // namespace ritz::assembly
