#pragma once

#include "boundary_terms.hpp"
#include "facet_tables.hpp"
#include "system_data.hpp"

namespace ritz::assembly {

/// Natural boundary terms, int g_i phi_n ds and int dg_i/du_j phi_k phi_n ds: one facet a step,
/// plain loops, as there are few beside the cells. n ds = adj(J)^T N, where N is the product of the
/// reference facet's tangents, turned outwards.
template <int dim>
struct SystemFacets {
  SystemData data;
  TermsView terms;  ///< "region" = boundary
  FacetView table;
  const double* normals;  ///< [n_facets][3]: N
  const int* unknowns;    ///< whose equation each boundary is part of
  device::View<BoundaryFacet*> facets;
  device::View<std::size_t*> tile_offsets;

  [[nodiscard]] std::size_t scratch_doubles() const {
    const auto q = static_cast<std::size_t>(table.n_points);
    return q * static_cast<std::size_t>(terms.n_rows + terms.n_outputs + 2) +
           static_cast<std::size_t>(table.n_nodes_facet) +
           static_cast<std::size_t>(terms.n_registers) * static_cast<std::size_t>(terms.block);
  }

  KOKKOS_FUNCTION void tile(int t, double* scratch) const {
    [[maybe_unused]] const QuietFormulas quiet;
    const SystemRows output(data, t);
    const int n_points = table.n_points;
    double* variables = scratch;
    double* outputs = variables + terms.n_rows * n_points;
    double* measure = outputs + terms.n_outputs * n_points;
    double* factors = measure + n_points;
    double* row = factors + n_points;
    double* registers = row + table.n_nodes_facet;
    SystemRecord record;
    for (int i = 0; i < terms.n_rows * n_points; ++i) variables[i] = 0.0;
    for (std::size_t f = tile_offsets(static_cast<std::size_t>(t));
         f < tile_offsets(static_cast<std::size_t>(t) + 1); ++f) {
      const BoundaryFacet facet = facets(f);
      place_points(facet, variables, measure);
      if (terms.any_program) interpolate(facet, variables);
      if (evaluate(facet, f, variables, outputs, registers, record))
        add(output, facet, outputs, measure, factors, row);
    }
    data.records(static_cast<std::size_t>(t)) = record;
  }

 private:
  /// Rows x, y, z, nx, ny, nz, and weight * ds.
  KOKKOS_INLINE_FUNCTION void place_points(const BoundaryFacet& facet, double* variables,
                                           double* measure) const {
    const int n = data.n_geometry_nodes, n_points = table.n_points;
    const LocalId* nodes =
        data.cell_nodes.data() + static_cast<std::size_t>(facet.cell) * static_cast<std::size_t>(n);
    for (int q = 0; q < n_points; ++q) {
      const double* gradient = table.geometry_gradients + (facet.facet * n_points + q) * n * dim;
      const double* value = table.geometry_values + (facet.facet * n_points + q) * n;
      double j[dim * dim] = {}, place[dim] = {}, adj[dim * dim], normal[dim];
      for (int a = 0; a < n; ++a) {
        const double* x = data.coordinates.data() + static_cast<std::size_t>(nodes[a]) * dim;
        for (int d = 0; d < dim; ++d) {
          place[d] += value[a] * x[d];
          for (int e = 0; e < dim; ++e) j[d * dim + e] += x[d] * gradient[a * dim + e];
        }
      }
      (void)kernels::adjugate<dim>(j, adj);
      double square = 0;
      for (int d = 0; d < dim; ++d) {
        normal[d] = 0;
        for (int e = 0; e < dim; ++e) normal[d] += adj[e * dim + d] * normals[facet.facet * 3 + e];
        square += normal[d] * normal[d];
      }
      const double length = std::sqrt(square);
      measure[q] = table.weights[q] * length;
      for (int d = 0; d < dim; ++d) {
        variables[d * n_points + q] = place[d];
        variables[(3 + d) * n_points + q] = normal[d] / length;
      }
    }
  }

  KOKKOS_INLINE_FUNCTION void interpolate(const BoundaryFacet& facet, double* variables) const {
    const LocalId* dofs = data.cell_dofs.data() + static_cast<std::size_t>(facet.cell) *
                                                      static_cast<std::size_t>(table.n_nodes_cell);
    const auto m = static_cast<std::size_t>(terms.n_unknowns);
    for (int j = 0; j < terms.n_unknowns; ++j) {
      if (terms.unknown_reads(static_cast<std::size_t>(j)) == 0) continue;
      for (int q = 0; q < table.n_points; ++q) {
        double sum = 0;
        for (int a = 0; a < table.n_nodes_facet; ++a) {
          const auto dof = static_cast<std::size_t>(dofs[table.node(facet.facet, a)]);
          sum +=
              data.state[0][dof * m + static_cast<std::size_t>(j)] * table.shape(facet.facet, q, a);
        }
        variables[(6 + j) * table.n_points + q] = sum;
      }
    }
  }

  KOKKOS_INLINE_FUNCTION bool evaluate(const BoundaryFacet& facet, std::size_t number,
                                       const double* variables, double* outputs, double* registers,
                                       SystemRecord& record) const {
    const expr::ProgramView program = terms.programs(static_cast<std::size_t>(facet.boundary));
    const int n = table.n_points;
    if (program.n_outputs == 0) return true;
    for (int begin = 0; begin < n; begin += program.block) {
      const int count = n - begin < program.block ? n - begin : program.block;
      program.evaluate_block(variables + begin, n, count, registers, program.block, outputs + begin,
                             n);
    }
    for (int r = 0; r < program.n_outputs; ++r) {
      for (int q = 0; q < n; ++q) {
        if (!is_bad(outputs[r * n + q])) continue;
        if (record.bad_cell < 0) record = {static_cast<LocalId>(number), q, r, outputs[r * n + q]};
        return false;
      }
    }
    return true;
  }

  KOKKOS_INLINE_FUNCTION void add(const SystemRows& output, const BoundaryFacet& facet,
                                  const double* outputs, const double* measure, double* factors,
                                  double* row) const {
    const int i = unknowns[facet.boundary], n_points = table.n_points, m = terms.n_unknowns;
    const LocalId* dofs = data.cell_dofs.data() + static_cast<std::size_t>(facet.cell) *
                                                      static_cast<std::size_t>(table.n_nodes_cell);
    if (data.want_residual) {
      const ResidualSlot slot =
          terms.residual(static_cast<std::size_t>((facet.boundary * m + i) * (dim + 1) + dim));
      for (int q = 0; q < n_points; ++q) {
        factors[q] = measure[q] * (slot.row < 0 ? slot.constant : outputs[slot.row * n_points + q]);
      }
      for (int a = 0; a < table.n_nodes_facet; ++a) {
        const LocalId to = dofs[table.node(facet.facet, a)];
        if (!is_mine(output, to) || is_fixed(to, i)) continue;
        double sum = 0;
        for (int q = 0; q < n_points; ++q) sum += factors[q] * table.shape(facet.facet, q, a);
        output.residual[static_cast<std::size_t>(to) * static_cast<std::size_t>(m) +
                        static_cast<std::size_t>(i)] += sum;
      }
    }
    if (!data.want_jacobian) return;
    for (int s = 0; s < terms.n_slots; ++s) {
      const SlotPlace where = terms.places(static_cast<std::size_t>(s));
      const JacobianSlot slot =
          terms.jacobian(static_cast<std::size_t>(facet.boundary * terms.n_slots + s));
      if (where.test != i || (slot.row[0] < 0 && slot.constant[0] == 0.0)) continue;
      for (int q = 0; q < n_points; ++q) {
        factors[q] =
            measure[q] * (slot.row[0] < 0 ? slot.constant[0] : outputs[slot.row[0] * n_points + q]);
      }
      add_block(output, facet, dofs, i, where.trial, factors, row);
    }
  }

  KOKKOS_INLINE_FUNCTION void add_block(const SystemRows& output, const BoundaryFacet& facet,
                                        const LocalId* dofs, int i, int j, const double* factors,
                                        double* row) const {
    const int n = table.n_nodes_facet;
    for (int a = 0; a < n; ++a) {
      const LocalId to = dofs[table.node(facet.facet, a)];
      if (!is_mine(output, to) || is_fixed(to, i)) continue;
      for (int b = 0; b < n; ++b) row[b] = 0.0;
      for (int q = 0; q < table.n_points; ++q) {
        const double factor = factors[q] * table.shape(facet.facet, q, a);
        for (int b = 0; b < n; ++b) row[b] += factor * table.shape(facet.facet, q, b);
      }
      double* out = output.row(to, i);
      for (int b = 0; b < n; ++b) {
        const LocalId column = dofs[table.node(facet.facet, b)];
        if (is_fixed(column, j)) continue;
        const std::size_t at = output.find_column(data, to, column);
        out[at * static_cast<std::size_t>(terms.n_unknowns) + static_cast<std::size_t>(j)] +=
            row[b];
      }
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION static bool is_mine(const SystemRows& output, LocalId node) {
    return node >= output.first_row && node < output.last_row;
  }
  KOKKOS_FORCEINLINE_FUNCTION bool is_fixed(LocalId node, int component) const {
    return data.is_fixed[static_cast<std::size_t>(node) *
                             static_cast<std::size_t>(terms.n_unknowns) +
                         static_cast<std::size_t>(component)] != 0;
  }
};

}  // namespace ritz::assembly
