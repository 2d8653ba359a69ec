#pragma once

#include "coefficients.hpp"
#include "plan.hpp"
#include "ritz/kernels/dense_rows.hpp"
#include "system_terms.hpp"
#include "tile_output.hpp"
#if !defined(KOKKOS_ENABLE_CUDA) && !defined(KOKKOS_ENABLE_HIP) && !defined(KOKKOS_ENABLE_SYCL)
#include "ritz/expr/detail/quiet_arithmetic.hpp"
#endif

namespace ritz::assembly {

#if defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP) || defined(KOKKOS_ENABLE_SYCL)
/// GPUs do not trap.
struct QuietFormulas {
  KOKKOS_INLINE_FUNCTION QuietFormulas() {}
};
#else
/// Formulas compute both branches of an `if`, and their values are checked afterwards.
using QuietFormulas = expr::detail::QuietArithmetic;
#endif

/// The first value of a tile that was not finite.
struct SystemRecord {
  LocalId bad_cell = -1;  ///< cell, or facet's number
  LocalId bad_point = 0;
  LocalId bad_row = 0;  ///< output of the region's program
  double value = 0;
};

/// Everything a tile of a block system needs but the element tables; plain Views and numbers.
struct SystemData {
  TileMap map;
  int n_unknowns = 0;
  int n_geometry_nodes = 0;
  la::CsrPattern scalar;  ///< of the space, nothing prescribed
  double* values = nullptr;
  double* residual = nullptr;
  bool want_residual = false;
  bool want_jacobian = false;
  bool keep_fixed = false;  ///< prescribed unknowns get their terms too (lumped mass)
  double shift[3] = {1, 0, 0};
  const double* state[3] = {nullptr, nullptr, nullptr};  ///< u, u', u''; null: 0
  const std::uint8_t* is_fixed = nullptr;                ///< [n_local * m]
  const std::uint8_t* touches_fixed = nullptr;           ///< [n_cells]
  device::View<const LocalId*> cell_dofs;
  device::View<const LocalId*> cell_nodes;
  device::View<const std::int16_t*> cell_region;
  device::View<const double*> coordinates;
  device::View<SystemRecord*> records;
};

/// Shape functions as a kernel sees them, and once more with rows of whole packs.
struct SystemTable {
  explicit SystemTable(const ReferenceTable& table);
  ReferenceTable held;                        ///< owns what the pointers below show
  std::vector<std::array<double, 3>> points;  ///< host
  kernels::ShapeTable shapes;
  const double* weights;
  const double* geometry_gradients;
  const double* geometry_values;
  const double* seconds;           ///< see ReferenceTable; null if not asked for
  const double* geometry_seconds;  ///< the same
  int n_wide = 0;                  ///< nodes, in whole packs
  device::View<double*> wide;      ///< [n_points][dim + 1][n_wide]
};

/// A tile's rows of the block system.
struct SystemRows {
  int m;
  LocalId first_row;
  LocalId last_row;
  const std::size_t* row_offsets;
  double* values;
  double* residual;

  KOKKOS_FORCEINLINE_FUNCTION SystemRows(const SystemData& data, int tile)
      : m(data.n_unknowns),
        first_row(tile << data.map.shift),
        last_row(first_row + (1 << data.map.shift) < data.map.n_rows
                     ? first_row + (1 << data.map.shift)
                     : data.map.n_rows),
        row_offsets(data.scalar.row_offsets.data()),
        values(data.values),
        residual(data.residual) {}

  /// Node's row of component i: node rows are m consecutive rows of m blocks each.
  KOKKOS_FORCEINLINE_FUNCTION double* row(LocalId node, int i) const {
    const auto mm = static_cast<std::size_t>(m);
    const std::size_t length = row_offsets[node + 1] - row_offsets[node];
    return values + (row_offsets[node] * mm + static_cast<std::size_t>(i) * length) * mm;
  }

  /// Zeros, and the identity at prescribed unknowns.
  KOKKOS_INLINE_FUNCTION void clear(const SystemData& data) const {
    if (data.want_residual) {
      for (std::size_t r = static_cast<std::size_t>(first_row) * static_cast<std::size_t>(m);
           r < static_cast<std::size_t>(last_row) * static_cast<std::size_t>(m); ++r)
        residual[r] = 0.0;
    }
    if (!data.want_jacobian) return;
    const auto mm = static_cast<std::size_t>(m) * static_cast<std::size_t>(m);
    for (std::size_t v = row_offsets[first_row] * mm; v < row_offsets[last_row] * mm; ++v)
      values[v] = 0.0;
    for (LocalId node = first_row; node < last_row; ++node) {
      for (int i = 0; i < m; ++i) {
        if (data.is_fixed[static_cast<std::size_t>(node) * static_cast<std::size_t>(m) +
                          static_cast<std::size_t>(i)] == 0)
          continue;
        const std::size_t at = find_column(data, node, node);
        row(node, i)[at * static_cast<std::size_t>(m) + static_cast<std::size_t>(i)] = 1.0;
      }
    }
  }

  /// Place of a node's column in a node's row; it must be there.
  KOKKOS_INLINE_FUNCTION std::size_t find_column(const SystemData& data, LocalId node,
                                                 LocalId column) const {
    std::size_t low = row_offsets[node], high = row_offsets[node + 1];
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (data.scalar.columns(middle) < column) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - row_offsets[node];
  }
};

/// And how its cells add to them.
template <class Slot>
struct SystemOutput : SystemRows {
  const Entry* entries;
  const Slot* slots;
  int n_nodes;

  KOKKOS_FORCEINLINE_FUNCTION SystemOutput(const SystemData& data, int tile)
      : SystemRows(data, tile),
        entries(data.map.entries.data() + data.map.entry_offsets(static_cast<std::size_t>(tile))),
        slots(slots_of<Slot>(data.map) + data.map.entry_offsets(static_cast<std::size_t>(tile)) *
                                             static_cast<std::size_t>(data.map.n_nodes)),
        n_nodes(data.map.n_nodes) {}
};

/// Eight cells of a tile, one in each lane; the last ones of a short batch repeat the last cell and
/// add nothing.
struct SystemBatch {
  static constexpr int width = kernels::pack_width;
  LocalId cell[width];
  int region[width];
  std::uint32_t entry[width];
  std::uint32_t entry_end[width];

  /// Cells k.. of the list [begin, end) of a tile, with their geometry nodes to `nodes`
  /// [n_geometry_nodes][dim] packs.
  template <int dim>
  KOKKOS_FORCEINLINE_FUNCTION void fill(const SystemData& data, std::size_t begin, std::size_t k,
                                        std::size_t end, double* nodes) {
    for (int l = 0; l < width; ++l) {
      const bool filled = k + static_cast<std::size_t>(l) < end;
      const std::size_t c = filled ? k + static_cast<std::size_t>(l) : end - 1;
      const LocalId which = data.map.cells(c);
      cell[l] = which;
      region[l] = data.cell_region(static_cast<std::size_t>(which));
      entry_end[l] = data.map.entry_ends(c);
      entry[l] = !filled ? entry_end[l] : (c == begin ? 0 : data.map.entry_ends(c - 1));
      const LocalId* cell_nodes =
          data.cell_nodes.data() +
          static_cast<std::size_t>(which) * static_cast<std::size_t>(data.n_geometry_nodes);
      for (int a = 0; a < data.n_geometry_nodes; ++a) {
        const double* x = data.coordinates.data() + static_cast<std::size_t>(cell_nodes[a]) * dim;
        for (int d = 0; d < dim; ++d) nodes[(a * dim + d) * width + l] = x[d];
      }
    }
  }
};

}  // namespace ritz::assembly
