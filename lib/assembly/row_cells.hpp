#pragma once

#include <algorithm>

#include "ritz/kernels/dense_rows.hpp"
#include "ritz/kernels/tensor_rows.hpp"
#include "tile_output.hpp"

namespace ritz::assembly {

/// Device-side view of a TensorTable and of the element's order of nodes.
struct TensorView {
  int n_points, n_points_padded;
  const double* weights;
  const double* values_1d;
  const double* slopes_1d;
  const double* geometry_gradients;
  const double* geometry_values;
  const int* place;  ///< element's node of each tensor position
  const int* index;  ///< [node][3] 1-D numbers of each node
};

/// Quads and hexes of higher degree, one cell after the other: geometry and coefficients with the
/// points in lanes, then rows in lanes by sum factorisation (kernels/tensor_rows.hpp). Only the
/// rows of the tile are computed.
template <int dim, int n, int m, class Slot>
struct RowCells {
  using Pack = kernels::Pack;
  using Rows = kernels::TensorRows<dim, n, m, Pack>;
  static constexpr int width = kernels::pack_width;
  static constexpr int n_terms = dim * dim + dim + 1;

  TileData data;
  TensorView table;

  struct Layout {
    std::size_t nodes, terms, load, factors, work, row, variables, coefficients, registers, total;
  };
  KOKKOS_INLINE_FUNCTION Layout layout() const {
    const auto n_points = static_cast<std::size_t>(table.n_points_padded);
    const bool varying = data.coefficients.any_varying;
    Layout at{};
    at.nodes = 0;
    at.terms = at.nodes + static_cast<std::size_t>(kernels::padded(data.n_geometry_nodes * dim));
    at.load = at.terms + n_terms * n_points;
    at.factors = at.load + n_points;
    at.work = at.factors + 2 * dim * m * width;
    at.row = at.work + static_cast<std::size_t>(Rows::scratch) * width;
    at.variables = at.row + static_cast<std::size_t>(Rows::n_rows) * width;
    at.coefficients = at.variables + (varying ? 4 * n_points : 0);
    at.registers = at.coefficients + kernels::n_coefficients * n_points;
    at.total = at.registers + data.coefficients.register_doubles();
    return at;
  }

  KOKKOS_FUNCTION void tile(int t, double* scratch) const {
    const Layout at = layout();
    const TileOutput<Slot> output(data, t);
    output.clear(data.is_fixed.data());
    TileRecord record;
    if (data.coefficients.any_varying) {
      double* variables = scratch + at.variables;
      for (int q = 0; q < table.n_points_padded; ++q) {
        variables[2 * table.n_points_padded + q] = 0.0;
        variables[3 * table.n_points_padded + q] = data.time;
      }
    }
    int region = -1;
    std::uint32_t entry = 0;
    const std::size_t end = data.map.cell_offsets(static_cast<std::size_t>(t) + 1);
    for (std::size_t k = data.map.cell_offsets(static_cast<std::size_t>(t)); k < end; ++k) {
      const LocalId cell = data.map.cells(k);
      const std::uint32_t last = data.map.entry_ends(k);
      gather(cell, scratch + at.nodes);
      if (evaluate_coefficients(cell, region, at, scratch, record)) {
        compute_terms(at, scratch);
        for (; entry < last; entry += width) add_rows(output, cell, entry, last, at, scratch);
      }
      entry = last;
    }
    data.records(static_cast<std::size_t>(t)) = record;
  }

 private:
  KOKKOS_INLINE_FUNCTION void gather(LocalId cell, double* nodes) const {
    const LocalId* cell_nodes =
        data.cell_nodes.data() +
        static_cast<std::size_t>(cell) * static_cast<std::size_t>(data.n_geometry_nodes);
    for (int a = 0; a < data.n_geometry_nodes; ++a) {
      for (int d = 0; d < dim; ++d) {
        nodes[a * dim + d] = data.coordinates(static_cast<std::size_t>(cell_nodes[a]) * dim +
                                              static_cast<std::size_t>(d));
      }
    }
  }

  /// coefficients[slot][n_points_padded]; constants are written again only when the region changes.
  KOKKOS_INLINE_FUNCTION bool evaluate_coefficients(LocalId cell, int& region, const Layout& at,
                                                    double* scratch, TileRecord& record) const {
    const CoefficientSet& set = data.coefficients;
    const int n_points = table.n_points_padded;
    const int before = region;
    region = data.cell_region(static_cast<std::size_t>(cell));
    if (!set.any_varying && region == before) return true;
    if (set.any_varying) place_points(scratch + at.nodes, scratch + at.variables);
    bool good = true;
    bool diffusion_varies = false;
    for (int slot = 0; slot < kernels::n_coefficients; ++slot) {
      double* out = scratch + at.coefficients +
                    static_cast<std::size_t>(slot) * static_cast<std::size_t>(n_points);
      const auto place = static_cast<std::size_t>(region * set.n_slots + slot);
      const int program = set.programs(place);
      if (program < 0) {
        if (region != before) {
          for (int q = 0; q < n_points; ++q) out[q] = set.constants(place);
        }
        continue;
      }
      diffusion_varies = diffusion_varies || slot < dim * dim;
      evaluate_program(set, program, scratch + at.variables, n_points, scratch + at.registers, out);
      for (int q = 0; q < n_points; ++q) {
        if (!is_bad(out[q])) continue;
        good = false;
        if (record.bad_cell >= 0) continue;
        record.bad_cell = cell;
        record.bad_point = q;
        record.bad_slot = slot;
      }
    }
    if (good && diffusion_varies) {
      for (int q = 0; q < table.n_points; ++q) {
        double k[9];
        for (int slot = 0; slot < dim * dim; ++slot)
          k[slot] = scratch[at.coefficients + static_cast<std::size_t>(slot * n_points + q)];
        note_diffusion<dim>(set.terms.diffusion, k, record);
      }
    }
    return good;
  }

  KOKKOS_INLINE_FUNCTION void place_points(const double* nodes, double* variables) const {
    const int n_points = table.n_points_padded;
    for (int d = 0; d < dim; ++d) {
      for (int q = 0; q < n_points; q += width) {
        Pack sum(0.0);
        for (int a = 0; a < data.n_geometry_nodes; ++a) {
          sum += kernels::load(table.geometry_values + a * n_points + q) * Pack(nodes[a * dim + d]);
        }
        kernels::store(variables + d * n_points + q, sum);
      }
    }
  }

  /// terms[n_terms][n_points_padded], load[n_points_padded].
  KOKKOS_INLINE_FUNCTION void compute_terms(const Layout& at, double* scratch) const {
    using kernels::load;
    const CoefficientSet& set = data.coefficients;
    const int n_points = table.n_points_padded;
    const double* nodes = scratch + at.nodes;
    for (int q = 0; q < n_points; q += width) {
      Pack j[dim * dim], adj[dim * dim];
      for (Pack& entry : j) entry = Pack(0.0);
      for (int a = 0; a < data.n_geometry_nodes; ++a) {
        for (int e = 0; e < dim; ++e) {
          const Pack gradient = load(table.geometry_gradients + (a * dim + e) * n_points + q);
          for (int d = 0; d < dim; ++d) j[d * dim + e] += gradient * Pack(nodes[a * dim + d]);
        }
      }
      const Pack det = kernels::adjugate<dim>(j, adj);
      const Pack weight = load(table.weights + q);
      const auto coefficient = [&](int slot) {
        return load(scratch + at.coefficients + static_cast<std::size_t>(slot * n_points + q));
      };
      Pack terms[n_terms];
      for (Pack& term : terms) term = Pack(0.0);
      if (set.terms.diffusion != kernels::Diffusion::none) {
        Pack k[dim * dim];
        for (int i = 0; i < dim * dim; ++i) k[i] = coefficient(i);
        kernels::pull_back_diffusion<dim>(set.terms.diffusion, adj, det, weight, k, terms);
      }
      if (set.terms.advection) {
        Pack b[dim];
        for (int i = 0; i < dim; ++i) b[i] = coefficient(kernels::coefficient_advection + i);
        kernels::pull_back_advection<dim>(adj, weight, b, terms + dim * dim);
      }
      if (set.terms.reaction)
        terms[dim * dim + dim] = weight * det * coefficient(kernels::coefficient_reaction);
      for (int i = 0; i < n_terms; ++i)
        kernels::store(scratch + at.terms + static_cast<std::size_t>(i * n_points + q), terms[i]);
      Pack source(0.0);
      if (set.terms.source) source = weight * det * coefficient(kernels::coefficient_source);
      kernels::store(scratch + at.load + static_cast<std::size_t>(q), source);
    }
  }

  /// Up to a pack of rows, entries [entry, last).
  KOKKOS_INLINE_FUNCTION void add_rows(const TileOutput<Slot>& output, LocalId cell,
                                       std::uint32_t entry, std::uint32_t last, const Layout& at,
                                       double* scratch) const {
    const int* index[width];
    for (int l = 0; l < width; ++l) {
      const std::uint32_t e = entry + static_cast<std::uint32_t>(l) < last
                                  ? entry + static_cast<std::uint32_t>(l)
                                  : last - 1;
      index[l] = table.index + 3 * entry_node(output.entries[e]);
    }
    const Rows rows{table.values_1d, table.slopes_1d};
    auto* factors = reinterpret_cast<Pack*>(scratch + at.factors);
    auto* row = reinterpret_cast<Pack*>(scratch + at.row);
    rows.factors(index, factors);
    rows.rows(data.coefficients.terms, scratch + at.terms,
              static_cast<std::size_t>(table.n_points_padded), factors,
              reinterpret_cast<Pack*>(scratch + at.work), row);
    const Pack load =
        data.coefficients.terms.source ? loads(factors, scratch + at.load) : Pack(0.0);
    const double* columns = scratch + at.row;
    const auto* lane_loads = reinterpret_cast<const double*>(&load);
    for (int l = 0; l < width && entry + static_cast<std::uint32_t>(l) < last; ++l) {
      output.add(entry + static_cast<std::uint32_t>(l), cell, columns + l, width, lane_loads[l],
                 table.place);
    }
  }

  KOKKOS_INLINE_FUNCTION Pack loads(const Pack* factors, const double* load) const {
    Pack sum(0.0);
    for (int z = 0; z < Rows::n_planes; ++z) {
      Pack plane(0.0);
      for (int y = 0; y < m; ++y) {
        Pack line(0.0);
        for (int x = 0; x < m; ++x) line += factors[x] * Pack(load[(z * m + y) * m + x]);
        plane += line * factors[2 * m + y];
      }
      if constexpr (dim == 3) {
        sum += plane * factors[4 * m + z];
      } else {
        sum += plane;
      }
    }
    return sum;
  }
};

}  // namespace ritz::assembly
