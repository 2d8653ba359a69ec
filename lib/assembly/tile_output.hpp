#pragma once

#include "coefficients.hpp"
#include "plan.hpp"

namespace ritz::assembly {

/// What a tile met on its way; combined on the host afterwards.
struct TileRecord {
  double min_diffusion = 0;
  double max_diffusion = 0;
  double max_asymmetry = 0;
  LocalId has_range = 0;  ///< min and max are set
  LocalId bad_cell = -1;  ///< a coefficient was NaN or infinite: cell (or facet), point, slot
  LocalId bad_point = 0;
  LocalId bad_slot = 0;
};

/// Everything a tile needs but the element tables; plain Views and numbers.
struct TileData {
  TileMap map;
  int dimension = 0;
  int n_geometry_nodes = 0;
  double time = 0;
  la::CsrPattern pattern;
  device::View<double*> values;
  device::View<double*> rhs;
  device::View<const std::uint8_t*> is_fixed;
  device::View<const double*> fixed_values;
  device::View<const LocalId*> cell_dofs;
  device::View<const LocalId*> cell_nodes;
  device::View<const std::int16_t*> cell_region;
  device::View<const double*> coordinates;
  CoefficientSet coefficients;
  device::View<TileRecord*> records;
};

template <class Slot>
KOKKOS_FORCEINLINE_FUNCTION const Slot* slots_of(const TileMap& map) {
  if constexpr (sizeof(Slot) == 1) {
    return map.slots8.data();
  } else {
    return map.slots16.data();
  }
}

/// A tile's rows of matrix and right-hand side, and the only way to write to them.
template <class Slot>
struct TileOutput {
  const Entry* entries;
  const Slot* slots;
  int n_nodes;
  LocalId first_row;
  LocalId last_row;
  const std::size_t* row_offsets;
  double* values;
  double* rhs;
  const double* fixed_values;
  const LocalId* cell_dofs;

  KOKKOS_FORCEINLINE_FUNCTION TileOutput(const TileData& data, int tile)
      : entries(data.map.entries.data() + data.map.entry_offsets(static_cast<std::size_t>(tile))),
        slots(slots_of<Slot>(data.map) + data.map.entry_offsets(static_cast<std::size_t>(tile)) *
                                             static_cast<std::size_t>(data.map.n_nodes)),
        n_nodes(data.map.n_nodes),
        first_row(tile << data.map.shift),
        last_row(first_row + (1 << data.map.shift) < data.map.n_rows
                     ? first_row + (1 << data.map.shift)
                     : data.map.n_rows),
        row_offsets(data.pattern.row_offsets.data()),
        values(data.values.data()),
        rhs(data.rhs.data()),
        fixed_values(data.fixed_values.data()),
        cell_dofs(data.cell_dofs.data()) {}

  /// Zeros, and the identity with the prescribed value on the right where that is the equation.
  KOKKOS_INLINE_FUNCTION void clear(const std::uint8_t* is_fixed) const {
    for (std::size_t v = row_offsets[first_row]; v < row_offsets[last_row]; ++v) values[v] = 0.0;
    for (LocalId row = first_row; row < last_row; ++row) {
      rhs[row] = 0.0;
      if (is_fixed[row] == 0) continue;
      values[row_offsets[row]] = 1.0;
      rhs[row] = fixed_values[row];
    }
  }

  /// Adds one row of a cell's matrix, column j at row[j * stride]; prescribed columns go to the
  /// right-hand side. `place` (optional): column of the cell at each position of `row`.
  KOKKOS_FORCEINLINE_FUNCTION void add(std::uint32_t e, LocalId cell, const double* row, int stride,
                                       double load, const int* place = nullptr) const {
    const Entry entry = entries[e];
    const LocalId to = first_row + entry_row(entry);
    double* out = values + row_offsets[to];
    const Slot* slot = slots + static_cast<std::size_t>(e) * static_cast<std::size_t>(n_nodes);
    if (!entry_touches_fixed(entry)) {
      if (place == nullptr) {
        for (int j = 0; j < n_nodes; ++j) out[slot[j]] += row[j * stride];
      } else {
        for (int p = 0; p < n_nodes; ++p) out[slot[place[p]]] += row[p * stride];
      }
    } else {
      const LocalId* dofs =
          cell_dofs + static_cast<std::size_t>(cell) * static_cast<std::size_t>(n_nodes);
      for (int p = 0; p < n_nodes; ++p) {
        const int j = place == nullptr ? p : place[p];
        if (slot[j] == no_slot<Slot>) {
          load -= row[p * stride] * fixed_values[dofs[j]];
        } else {
          out[slot[j]] += row[p * stride];
        }
      }
    }
    rhs[to] += load;
  }
};

/// Smallest and largest eigenvalue and asymmetry of the diffusion at one point.
template <int dim>
KOKKOS_INLINE_FUNCTION void note_diffusion(kernels::Diffusion kind, const double* k,
                                           TileRecord& record) {
  double low = k[0], high = k[0];
  if (kind == kernels::Diffusion::diagonal) {
    for (int d = 1; d < dim; ++d) {
      low = k[d] < low ? k[d] : low;
      high = k[d] > high ? k[d] : high;
    }
  } else if (kind == kernels::Diffusion::tensor) {
    double largest = 0, difference = 0;
    for (int i = 0; i < dim; ++i) {
      for (int j = 0; j < dim; ++j) {
        const double size = std::fabs(k[i * dim + j]);
        const double gap = std::fabs(k[i * dim + j] - k[j * dim + i]);
        largest = size > largest ? size : largest;
        difference = gap > difference ? gap : difference;
      }
    }
    if (difference > record.max_asymmetry * largest) record.max_asymmetry = difference / largest;
    kernels::symmetric_eigenvalue_range<dim>(k, low, high);
  }
  if (record.has_range == 0 || low < record.min_diffusion) record.min_diffusion = low;
  if (record.has_range == 0 || high > record.max_diffusion) record.max_diffusion = high;
  record.has_range = 1;
}

/// Runs functor.tile(t, scratch) for every tile, `scratch_doubles` doubles (aligned to a pack)
/// each.
template <class Functor>
void run_tiles(const char* label, const Functor& functor, int n_tiles, std::size_t scratch_doubles,
               bool serial) {
  if (n_tiles == 0) return;
  constexpr std::size_t alignment = sizeof(kernels::Pack);
  const std::size_t bytes = scratch_doubles * sizeof(double) + alignment;
  constexpr bool on_host =
      Kokkos::SpaceAccessibility<device::ExecutionSpace, Kokkos::HostSpace>::accessible;
  const auto aligned = KOKKOS_LAMBDA(void* p) {
    const auto address = reinterpret_cast<std::uintptr_t>(p);
    return reinterpret_cast<double*>((address + alignment - 1) / alignment * alignment);
  };
  if constexpr (on_host) {
    if (serial) {
      std::vector<std::byte> scratch(bytes);
      for (int t = n_tiles - 1; t >= 0; --t) functor.tile(t, aligned(scratch.data()));
      return;
    }
  }
  using Policy = Kokkos::TeamPolicy<device::ExecutionSpace, Kokkos::Schedule<Kokkos::Dynamic>>;
  Policy policy(n_tiles, 1);
  policy.set_scratch_size(1, Kokkos::PerTeam(bytes));
  Kokkos::parallel_for(
      label, policy, KOKKOS_LAMBDA(const typename Policy::member_type& team) {
        functor.tile(team.league_rank(), aligned(team.team_scratch(1).get_shmem(bytes)));
      });
}

}  // namespace ritz::assembly
