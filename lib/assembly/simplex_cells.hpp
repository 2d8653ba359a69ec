#pragma once

#include "ritz/kernels/simplex_p1.hpp"
#include "tile_output.hpp"

namespace ritz::assembly {

/// Straight P1 lines, triangles and tets with constant coefficients, a cell in each lane: see
/// kernels/simplex_p1.hpp. Moving the numbers is the cost here, so everything about a cell is read
/// once, in the order of the tile.
template <int dim, class Slot>
struct SimplexCells {
  using Pack = kernels::Pack;
  static constexpr int width = kernels::pack_width;
  static constexpr int n = dim + 1;

  /// Cells whose nodes are fetched in advance.
  static constexpr std::size_t look_ahead = 6 * width;

  TileData data;

  /// Coordinates, coefficients, matrices, loads.
  static constexpr std::size_t scratch_doubles =
      static_cast<std::size_t>(n * dim + kernels::n_coefficients + n * n + 1) * width;

  KOKKOS_FUNCTION void tile(int t, double* scratch) const {
    const TileOutput<Slot> output(data, t);
    output.clear(data.is_fixed.data());
    double* x = scratch;
    double* coefficients = x + n * dim * width;
    double* matrix = coefficients + kernels::n_coefficients * width;
    double* loads = matrix + n * n * width;
    const std::size_t begin = data.map.cell_offsets(static_cast<std::size_t>(t));
    const std::size_t end = data.map.cell_offsets(static_cast<std::size_t>(t) + 1);
    const LocalId* cells = data.map.cells.data();
    const std::uint32_t* entry_ends = data.map.entry_ends.data();
    std::uint32_t entry = 0;
    int regions[width];
    for (int l = 0; l < width; ++l) regions[l] = -1;
    for (std::size_t k = begin; k < end; k += width) {
      // The list is in global order, the mesh in its own: its reads jump.
      for (std::size_t ahead = k + look_ahead; ahead < k + look_ahead + width && ahead < end;
           ++ahead) {
        kernels::prefetch(data.cell_nodes.data() + static_cast<std::size_t>(cells[ahead]) * n);
      }
      const int n_filled = end - k < width ? static_cast<int>(end - k) : width;
      for (int l = 0; l < width; ++l) {
        const LocalId cell = cells[k + static_cast<std::size_t>(l < n_filled ? l : n_filled - 1)];
        gather(cell, l, x);
        const int region = data.cell_region(static_cast<std::size_t>(cell));
        if (region != regions[l]) {
          regions[l] = region;
          for (int c = 0; c < kernels::n_coefficients; ++c) {
            coefficients[c * width + l] = data.coefficients.constants(
                static_cast<std::size_t>(region * kernels::n_coefficients + c));
          }
        }
      }
      compute(x, coefficients, matrix, loads);
      for (int l = 0; l < n_filled; ++l) {
        const LocalId cell = cells[k + static_cast<std::size_t>(l)];
        const std::uint32_t last = entry_ends[k + static_cast<std::size_t>(l)];
        for (; entry < last; ++entry) add(output, entry, cell, matrix + l, loads[l]);
      }
    }
    data.records(static_cast<std::size_t>(t)) = TileRecord{};
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION void gather(LocalId cell, int lane, double* x) const {
    const LocalId* nodes = data.cell_nodes.data() + static_cast<std::size_t>(cell) * n;
    const double* coordinates = data.coordinates.data();
    for (int v = 0; v < n; ++v) {
      const double* from = coordinates + static_cast<std::size_t>(nodes[v]) * dim;
      for (int d = 0; d < dim; ++d) x[(v * dim + d) * width + lane] = from[d];
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION void compute(const double* x, const double* coefficients,
                                           double* matrix, double* loads) const {
    Pack px[n * dim], pc[kernels::n_coefficients], pm[n * n], load;
    for (int i = 0; i < n * dim; ++i) px[i] = kernels::load(x + i * width);
    for (int i = 0; i < kernels::n_coefficients; ++i)
      pc[i] = kernels::load(coefficients + i * width);
    kernels::simplex_p1<dim>(data.coefficients.terms, px, pc, pm, load);
    for (int i = 0; i < n * n; ++i) kernels::store(matrix + i * width, pm[i]);
    kernels::store(loads, load);
  }

  /// TileOutput::add() with the number of columns known.
  KOKKOS_FORCEINLINE_FUNCTION void add(const TileOutput<Slot>& output, std::uint32_t e,
                                       LocalId cell, const double* matrix, double load) const {
    const Entry entry = output.entries[e];
    const double* row = matrix + entry_node(entry) * n * width;
    if (entry_touches_fixed(entry)) {
      output.add(e, cell, row, width, load);
      return;
    }
    const LocalId to = output.first_row + entry_row(entry);
    double* out = output.values + output.row_offsets[to];
    const Slot* slot = output.slots + static_cast<std::size_t>(e) * n;
    for (int j = 0; j < n; ++j) out[slot[j]] += row[j * width];
    output.rhs[to] += load;
  }
};

}  // namespace ritz::assembly
