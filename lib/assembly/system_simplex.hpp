#pragma once

#include "ritz/kernels/simplex_p1.hpp"
#include "system_data.hpp"

namespace ritz::assembly {

/// Jacobians of straight P1 simplices whose entries are numbers: with grad phi_a = C_a / |J|,
///   A_(a,i)(b,j) = s C_a . K_ij C_b + (v_ij . C_b + w_ij . C_a) / (d! (d+1))
///                  + r_ij |J| (1 + delta_ab) / (d! (d+1)(d+2)),   s = 1 / (d! |J|).
/// No point is visited and no formula evaluated.
///
/// Elasticity on tets (m = 3): 9 pairs of unknowns take 4 (9 + 3) + 16 * 3 multiply-adds each, 864
/// a cell. A cell reads its list entry and nodes, 32 bytes of entries and slots, and the
/// coordinates of its nodes, of which there is one for five to six cells; it adds 144 numbers to
/// rows that stay in the second-level cache, 2.3 kB read and written there. From and to memory go
/// 45 numbers of each of a node's three rows: 190 bytes a cell. So the adds are the bound, not
/// flops or memory.
///
/// n_unknowns: m, or 0: known at run time only.
template <int dim, int n_unknowns, class Slot>
struct SystemSimplexCells {
  using Pack = kernels::Pack;
  static constexpr int width = kernels::pack_width;
  static constexpr int n = dim + 1;
  static constexpr std::size_t look_ahead = 6 * width;

  SystemData data;
  TermsView terms;

  KOKKOS_FORCEINLINE_FUNCTION int m() const {
    return n_unknowns > 0 ? n_unknowns : terms.n_unknowns;
  }

  /// Coordinates, numbers of the slots [m*m][n][n] (rows: test), matrix.
  [[nodiscard]] std::size_t scratch_doubles() const {
    const auto mm = static_cast<std::size_t>(terms.n_unknowns * terms.n_unknowns);
    return (static_cast<std::size_t>(n * dim) + 2 * mm * n * n) * width;
  }

  KOKKOS_FUNCTION void tile(int t, double* scratch) const {
    const SystemOutput<Slot> output(data, t);
    output.clear(data);
    double* x = scratch;
    double* numbers = x + n * dim * width;
    double* matrix = numbers + m() * m() * n * n * width;
    for (int i = 0; i < m() * m() * n * n * width; ++i) numbers[i] = matrix[i] = 0.0;
    const std::size_t begin = data.map.cell_offsets(static_cast<std::size_t>(t));
    const std::size_t end = data.map.cell_offsets(static_cast<std::size_t>(t) + 1);
    int regions[width];
    for (int& region : regions) region = -1;
    SystemBatch batch;
    for (std::size_t k = begin; k < end; k += width) {
      for (std::size_t ahead = k + look_ahead; ahead < k + look_ahead + width && ahead < end;
           ++ahead) {
        kernels::prefetch(data.cell_nodes.data() + static_cast<std::size_t>(data.map.cells(ahead)) *
                                                       static_cast<std::size_t>(n));
      }
      batch.template fill<dim>(data, begin, k, end, x);
      for (int l = 0; l < width; ++l) {
        if (batch.region[l] == regions[l]) continue;
        regions[l] = batch.region[l];
        read_numbers(regions[l], numbers + l);
      }
      compute(x, numbers, matrix);
      add(batch, output, matrix);
    }
    data.records(static_cast<std::size_t>(t)) = SystemRecord{};
  }

 private:
  /// A region's numbers into one lane.
  KOKKOS_INLINE_FUNCTION void read_numbers(int region, double* lane) const {
    for (int s = 0; s < terms.n_slots; ++s) {
      const SlotPlace at = terms.places(static_cast<std::size_t>(s));
      const JacobianSlot slot =
          terms.jacobian(static_cast<std::size_t>(region * terms.n_slots + s));
      double value = slot.constant[0];
      for (int k = 1; k < 3; ++k) {
        if (data.shift[k] != 0.0) value += data.shift[k] * slot.constant[k];
      }
      lane[(((at.test * m() + at.trial) * n + at.test_slot) * n + at.trial_slot) * width] = value;
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION void compute(const double* x, const double* numbers,
                                           double* matrix) const {
    using kernels::load;
    Pack jacobian[dim * dim], c[n * dim];
    for (int i = 0; i < dim; ++i) {
      const Pack origin = load(x + i * width);
      for (int j = 0; j < dim; ++j)
        jacobian[i * dim + j] = load(x + ((j + 1) * dim + i) * width) - origin;
    }
    // Rows of the adjugate are |J| times the gradients of the barycentric coordinates 1..dim.
    const Pack det = kernels::adjugate<dim>(jacobian, c + dim);
    for (int i = 0; i < dim; ++i) {
      Pack sum = c[dim + i];
      for (int v = 2; v < n; ++v) sum += c[v * dim + i];
      c[i] = -sum;
    }
    constexpr double inverse = 1.0 / kernels::factorial<dim>;
    const Pack scale = Pack(inverse) / det;
    const Pack share(inverse / n);
    const Pack mass = det * Pack(inverse / (n * (n + 1)));
    for (int pair = 0; pair < m() * m(); ++pair) {
      const int kinds = terms.pair_kinds(static_cast<std::size_t>(pair));
      if (kinds == 0) continue;
      const double* k = numbers + pair * n * n * width;
      double* to = matrix + ((pair / m()) * n * m() + pair % m()) * width;
      const int row = n * m() * m() * width, column = m() * width;
      if ((kinds & pair_gradient_gradient) != 0) {
        Pack tensor[dim * dim];
        for (int d = 0; d < dim; ++d) {
          for (int e = 0; e < dim; ++e) tensor[d * dim + e] = load(k + (d * n + e) * width);
        }
        for (int b = 0; b < n; ++b) {
          Pack weighted[dim];
          for (int d = 0; d < dim; ++d) {
            Pack sum = tensor[d * dim] * c[b * dim];
            for (int e = 1; e < dim; ++e) sum += tensor[d * dim + e] * c[b * dim + e];
            weighted[d] = scale * sum;
          }
          for (int a = 0; a < n; ++a) {
            Pack sum = weighted[0] * c[a * dim];
            for (int d = 1; d < dim; ++d) sum += weighted[d] * c[a * dim + d];
            kernels::store(to + a * row + b * column, sum);
          }
        }
        if (kinds == pair_gradient_gradient) continue;
      }
      add_lower_terms(kinds, k, c, share, mass, to);
    }
  }

  /// Everything but gradient-gradient, onto what that wrote, or zeros.
  KOKKOS_INLINE_FUNCTION void add_lower_terms(int kinds, const double* k, const Pack* c,
                                              const Pack& share, const Pack& mass,
                                              double* to) const {
    using kernels::load;
    const int row = n * m() * m() * width, column = m() * width;
    const Pack reaction = mass * load(k + (dim * n + dim) * width);
    for (int a = 0; a < n; ++a) {
      for (int b = 0; b < n; ++b) {
        Pack sum = reaction;
        if (a == b) sum += reaction;
        if ((kinds & (pair_value_gradient | pair_gradient_value)) != 0) {
          Pack slopes(0.0);
          for (int d = 0; d < dim; ++d) {
            slopes += load(k + (dim * n + d) * width) * c[b * dim + d];
            slopes += load(k + (d * n + dim) * width) * c[a * dim + d];
          }
          sum += share * slopes;
        }
        double* at = to + a * row + b * column;
        kernels::store(at, (kinds & pair_gradient_gradient) != 0 ? load(at) + sum : sum);
      }
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION void add(const SystemBatch& batch, const SystemOutput<Slot>& output,
                                       const double* matrix) const {
    const int columns = n * m();
    for (int l = 0; l < width; ++l) {
      const bool touches = data.touches_fixed[batch.cell[l]] != 0;
      for (std::uint32_t e = batch.entry[l]; e < batch.entry_end[l]; ++e) {
        const Entry entry = output.entries[e];
        const LocalId to = output.first_row + entry_row(entry);
        const Slot* slot = output.slots + static_cast<std::size_t>(e) * n;
        const double* block = matrix + entry_node(entry) * m() * columns * width + l;
        if (touches) {
          add_some(batch.cell[l], output, to, slot, block);
          continue;
        }
        const std::size_t length =
            (output.row_offsets[to + 1] - output.row_offsets[to]) * static_cast<std::size_t>(m());
        double* out = output.row(to, 0);
        for (int b = 0; b < n; ++b) {
          double* at = out + static_cast<int>(slot[b]) * m();
          for (int i = 0; i < m(); ++i) {
            for (int j = 0; j < m(); ++j) {
              at[static_cast<std::size_t>(i) * length + static_cast<std::size_t>(j)] +=
                  block[(i * columns + b * m() + j) * width];
            }
          }
        }
      }
    }
  }

  /// The same where some of the cell's unknowns are prescribed.
  KOKKOS_INLINE_FUNCTION void add_some(LocalId cell, const SystemOutput<Slot>& output, LocalId to,
                                       const Slot* slot, const double* block) const {
    const auto fixed = [&](LocalId node, int i) {
      return data.is_fixed[static_cast<std::size_t>(node) * static_cast<std::size_t>(m()) +
                           static_cast<std::size_t>(i)] != 0;
    };
    const LocalId* dofs = data.cell_dofs.data() + static_cast<std::size_t>(cell) * n;
    for (int i = 0; i < m(); ++i) {
      if (fixed(to, i)) continue;
      double* out = output.row(to, i);
      for (int b = 0; b < n; ++b) {
        for (int j = 0; j < m(); ++j) {
          if (fixed(dofs[b], j)) continue;
          out[static_cast<int>(slot[b]) * m() + j] += block[((i * n + b) * m() + j) * width];
        }
      }
    }
  }
};

}  // namespace ritz::assembly
