#pragma once

#include <algorithm>

#include "residual_loop.hpp"
#include "ritz/kernels/system_residual.hpp"
#include "system_data.hpp"
#include "system_frame.hpp"

namespace ritz::assembly {

static_assert(reads_value == kernels::reads_value && reads_gradient == kernels::reads_gradient &&
              reads_rate == kernels::reads_rate && reads_second_rate == kernels::reads_second_rate);

template <int dim, int n, int m>
class ResidualLoopOf final : public ResidualLoop {
 public:
  using Frame = SystemFrame<double, dim, n, m>;
  using Action = typename Frame::Action;
  using Plane = typename Frame::Plane;
  static constexpr int width = Frame::width;
  static constexpr int n_nodes = Frame::n_nodes;
  static constexpr int n_points = Frame::n_points;
  static constexpr int in_plane = Action::in_plane;

  explicit ResidualLoopOf(const TensorBasis& basis) : frame_(basis) {}

  [[nodiscard]] std::size_t scratch(const TermsView& terms) const override {
    return static_cast<std::size_t>(places(terms).total);
  }

  bool run(const ResidualData& data, int begin, int end, double* y, double* y_extra,
           V* scratch) const override {
    const QuietFormulas quiet;
    const TermsView& terms = *data.terms;
    const CellBatches& batches = *data.batches;
    const Places at = places(terms);
    // Rows nobody fills: directions that are not there, rates that are 0.
    std::fill_n(scratch + at.variables, terms.n_rows * in_plane, V{});
    bool finite = true;
    V* const u = scratch + at.u;
    for (int b = begin; b < end; ++b) {
      const CellBatches::Batch& batch = batches.batches[static_cast<std::size_t>(b)];
      interpolate_rates(data, batch, at, scratch);
      Frame::gather(batches, batch, batch.source, data.state[0].own, data.state[0].extra, u);
      act(data, b, at, scratch);
      finite = is_finite(batches, b, u) && finite;
      Frame::scatter(batches, batch, batch.target, u, y, y_extra);
    }
    return finite;
  }

 private:
  /// In the scratch memory, in lanes.
  struct Places {
    int u, rates[2], maps, variables, outputs, filled, slots, registers, work, total;
  };
  static Places places(const TermsView& terms) {
    const int mm = terms.n_unknowns, n_slots = mm * (dim + 1);
    constexpr int pointers = static_cast<int>(sizeof(V) / sizeof(V*));
    int all = 0;
    for (int c = 0; c < mm; ++c) all |= terms.unknown_reads(static_cast<std::size_t>(c));
    Places at{};
    const auto take = [&](int& place, int count) {
      place = at.total;
      at.total += count;
    };
    take(at.u, mm * n_nodes);
    take(at.rates[0], (all & reads_rate) != 0 ? mm * n_points : 0);
    take(at.rates[1], (all & reads_second_rate) != 0 ? mm * n_points : 0);
    take(at.maps, kernels::residual_scratch<dim, m>());
    take(at.variables, terms.n_rows * in_plane);
    take(at.outputs, terms.n_outputs * in_plane);
    take(at.filled, n_slots * in_plane);
    take(at.slots, (n_slots + pointers - 1) / pointers);
    take(at.registers, (terms.n_registers * terms.block + width - 1) / width);
    take(at.work, Action::scratch(mm));
    return at;
  }

  /// The formulas of a batch's regions at the points of a plane.
  struct Formulas {
    const TermsView& terms;
    int region;                   ///< of all lanes, or -1
    const std::int16_t* regions;  ///< [lanes]
    V *outputs, *filled;
    const V** slots;
    double* registers;

    [[nodiscard]] KOKKOS_FORCEINLINE_FUNCTION const V* slot(int i) const { return slots[i]; }

    [[gnu::noinline]] void operator()(const V* variables) const {
      const int n_slots = terms.n_unknowns * (dim + 1);
      if (region >= 0) {
        run_program(region, variables);
        for (int s = 0; s < n_slots; ++s) {
          const ResidualSlot from = slot_of(region, s, n_slots);
          slots[s] = filled + s * in_plane;
          if (from.row >= 0) {
            slots[s] = outputs + from.row * in_plane;
          } else {
            std::fill_n(filled + s * in_plane, in_plane, V{} + from.constant);
          }
        }
        return;
      }
      for (int l = 0; l < width; ++l) {
        if (std::find(regions, regions + l, regions[l]) != regions + l) continue;
        run_program(regions[l], variables);
        for (int s = 0; s < n_slots; ++s) {
          const ResidualSlot from = slot_of(regions[l], s, n_slots);
          V* const to = filled + s * in_plane;
          slots[s] = to;
          for (int k = l; k < width; ++k) {
            if (regions[k] != regions[l]) continue;
            for (int q = 0; q < in_plane; ++q)
              to[q][k] = from.row >= 0 ? outputs[from.row * in_plane + q][k] : from.constant;
          }
        }
      }
    }

   private:
    [[nodiscard]] ResidualSlot slot_of(int r, int s, int n_slots) const {
      return terms.residual(static_cast<std::size_t>(r * n_slots + s));
    }
    void run_program(int r, const V* variables) const {
      const expr::ProgramView program = terms.programs(static_cast<std::size_t>(r));
      if (program.n_outputs == 0) return;
      constexpr int count = in_plane * width;
      const auto* from = reinterpret_cast<const double*>(variables);
      auto* to = reinterpret_cast<double*>(outputs);
      for (int begin = 0; begin < count; begin += program.block) {
        program.evaluate_block(from + begin, count, std::min(program.block, count - begin),
                               registers, program.block, to + begin, count);
      }
    }
  };

  /// u' and u'' at the points, of the components whose rates are read.
  void interpolate_rates(const ResidualData& data, const CellBatches::Batch& batch,
                         const Places& at, V* scratch) const {
    for (int k = 0; k < 2; ++k) {
      const ResidualData::Source& from = data.state[k + 1];
      const int bit = k == 0 ? reads_rate : reads_second_rate;
      if (from.own == nullptr) continue;
      const int mm = data.terms->n_unknowns;
      bool any = false;
      for (int c = 0; c < mm; ++c) any = any || (data.reads[c] & bit) != 0;
      if (!any) continue;
      V* const nodal = scratch + at.u;
      Frame::gather(*data.batches, batch, batch.source, from.own, from.extra, nodal);
      const Action action = frame_.action();
      for (int c = 0; c < mm; ++c) {
        if ((data.reads[c] & bit) == 0) continue;
        to_points(action, nodal + c * n_nodes, scratch + at.rates[k] + c * n_points,
                  scratch + at.work);
      }
    }
  }
  [[gnu::noinline]] static void to_points(const Action& action, const V* nodal, V* value, V* more) {
    action.one.to_points(nodal, value, more);
  }

  [[gnu::noinline]] void act(const ResidualData& data, int b, const Places& at, V* scratch) const {
    const TermsView& terms = *data.terms;
    const ResidualBatch& batch = data.data[b];
    Formulas formulas{terms,
                      batch.region,
                      data.regions + b * width,
                      scratch + at.outputs,
                      scratch + at.filled,
                      reinterpret_cast<const V**>(scratch + at.slots),
                      reinterpret_cast<double*>(scratch + at.registers)};
    kernels::ResidualInput<double> in;
    in.reads = data.reads;
    for (int k = 0; k < 2; ++k)
      in.rate[k] = data.state[k + 1].own != nullptr ? scratch + at.rates[k] : nullptr;
    in.stride = n_points;
    in.nodes = batch.nodes;
    in.shapes = data.shapes;
    in.n_geometry = data.n_geometry;
    in.reads_metric = terms.reads_metric;
    in.kinds = terms.equation_kinds.data();
    for (int c = 0; c < terms.n_unknowns; ++c)
      in.has_plain = in.has_plain || (in.kinds[c] & 1) != 0;
    const Action action = frame_.action();
    action(
        [&](const Plane& plane) {
          frame_.with_map(batch, plane.number, [&](auto& map) {
            flux(map, in, plane, scratch + at.variables, scratch + at.maps, formulas);
          });
        },
        terms.n_unknowns, in.has_plain, scratch + at.u, scratch + at.work);
  }
  template <class Map>
  [[gnu::noinline]] static void flux(Map& map, const kernels::ResidualInput<double>& in,
                                     const Plane& plane, V* variables, V* scratch,
                                     Formulas& formulas) {
    kernels::residual_flux<dim, m, double>(map, in, plane, variables, scratch, formulas);
  }

  /// A value that is not finite at a point makes all numbers of its cell's lines so.
  static bool is_finite(const CellBatches& batches, int b, const V* u) {
    V sum{};
    for (int i = 0; i < batches.n_nodes; ++i) sum += u[i] * 0.0;
    bool finite = true;
    for (int l = 0; l < width; ++l) {
      const bool is_there = batches.cells[static_cast<std::size_t>(b * width + l)] >= 0;
      finite = finite && (!is_there || sum[l] == 0.0);
    }
    return finite;
  }

  Frame frame_;
};

/// A loop of this element for n = `first`..`last` nodes a direction, or nullptr.
template <int dim, int first, int last>
std::unique_ptr<ResidualLoop> find_residual_loop(const TensorBasis& basis) {
  if constexpr (first > last) {
    return nullptr;
  } else {
    if (basis.n != first) return find_residual_loop<dim, first + 1, last>(basis);
    if (basis.m == first) return std::make_unique<ResidualLoopOf<dim, first, first>>(basis);
    if (basis.m == first + 1) return std::make_unique<ResidualLoopOf<dim, first, first + 1>>(basis);
    return nullptr;
  }
}

}  // namespace ritz::assembly
