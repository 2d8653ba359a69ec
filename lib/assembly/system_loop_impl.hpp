#pragma once

#include <algorithm>

#include "system_frame.hpp"
#include "system_loop.hpp"

namespace ritz::assembly {

template <class T, int dim, int n, int m>
class SystemLoopOf final : public SystemLoop<T> {
 public:
  using V = kernels::Lanes<T>;
  using Frame = SystemFrame<T, dim, n, m>;
  using Action = typename Frame::Action;
  using Plane = typename Frame::Plane;
  static constexpr int n_nodes = Frame::n_nodes;
  static constexpr int n_points = Frame::n_points;

  explicit SystemLoopOf(const TensorBasis& basis) : frame_(basis) {
    for (int q = 0; q < m; ++q) {
      const double weight = basis.weights[static_cast<std::size_t>(q)];
      for (int i = 0; i < n; ++i) {
        const double value = basis.values[static_cast<std::size_t>(q * n + i)];
        const double slope = basis.slopes[static_cast<std::size_t>(q * n + i)];
        squares_[0][q * n + i] = static_cast<T>(weight * value * value);
        squares_[1][q * n + i] = static_cast<T>(weight * value * slope);
        squares_[2][q * n + i] = static_cast<T>(weight * slope * slope);
      }
    }
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
      Frame::gather(batches, batch, batch.source, x, x_extra, u);
      act(data, data.data[b], u, for_flux, work);
      Frame::scatter(batches, batch, batch.target, u, y, y_extra);
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
      Frame::scatter(batches, batch, batch.target, u, d, d_extra);
    }
  }

 private:
  [[gnu::noinline]] void act(const SystemLoopData<T>& data, const SystemBatchData<T>& batch, V* u,
                             V* for_flux, V* work) const {
    const Action action = frame_.action();
    action([&](const Plane& at) { flux(data, batch, at, for_flux); }, data.components,
           data.entries.has_plain, u, work);
  }

  /// What happens at the points. Each kind is compiled once and for itself.
  void flux(const SystemLoopData<T>& data, const SystemBatchData<T>& batch, const Plane& at,
            V* for_flux) const {
    frame_.with_map(batch, at.number,
                    [&](auto& map) { flux_with(map, data, batch, at, for_flux); });
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

  Frame frame_;
  T squares_[3][m * n];
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
