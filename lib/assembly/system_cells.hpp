#pragma once

#include "system_data.hpp"

namespace ritz::assembly {

/// Terms in cells of any kind, eight cells at a time:
///   r_(n,i) = sum_q w |J| (f0_i phi_n + f1_i . grad phi_n),
///   A_(n,i)(k,j) = sum_q w |J| (phi_n, grad phi_n) C_ij (phi_k, grad phi_k)^T,
/// with C_ij = d(f0_i, f1_i)/d(u_j, grad u_j) pulled back to the reference cell. Second derivatives
/// D^2 phi_k are further columns of C_ij: by the chain rule
///   D^2_x phi = J^-T (D^2_xi phi - sum_d (d phi / d x_d) D^2_xi x_d) J^-1,
/// so that they become reference second derivatives and a part of the columns of the gradient.
///
/// The formulas are evaluated at all points of several packs of cells together (interpreting a
/// program costs as much for eight points as for sixty-four); what follows is computed with a cell
/// in each lane, and added cell by cell, so that sums are in the order of the cells however these
/// fall into batches. Where eight element matrices do not fit the second-level cache, matrices are
/// computed cell by cell with rows in the lanes (`rows_in_lanes`).
template <int dim, class Slot>
struct SystemCells {
  using Pack = kernels::Pack;
  static constexpr int width = kernels::pack_width;
  static constexpr int n_slots = dim + 1;  ///< derivatives, value
  static constexpr int n_terms = n_slots * n_slots;
  static constexpr int n_pairs = dim * (dim + 1) / 2;  ///< of directions: upper triangle, by rows
  static constexpr int max_packs = 8;

  SystemData data;
  TermsView terms;
  kernels::ShapeTable shapes;
  const double* weights;
  const double* geometry_gradients;
  const double* geometry_values;
  const double* seconds;
  const double* geometry_seconds;
  const double* wide;
  int n_wide;
  bool simplex;        ///< a tri or a tet
  bool straight;       ///< straight simplices: one Jacobian a cell
  bool linear;         ///< and degree 1: the gradients of shape functions are constant in the cell
  bool rows_in_lanes;  ///< how matrices are computed
  int n_packs;         ///< of a batch, at most max_packs

  SystemCells(const SystemData& data_in, const TermsView& terms_in, const SystemTable& table,
              bool simplex_in, bool straight_in, bool linear_in, bool rows_in_lanes_in)
      : data(data_in),
        terms(terms_in),
        shapes(table.shapes),
        weights(table.weights),
        geometry_gradients(table.geometry_gradients),
        geometry_values(table.geometry_values),
        seconds(table.seconds),
        geometry_seconds(table.geometry_seconds),
        wide(table.wide.data()),
        n_wide(table.n_wide),
        simplex(simplex_in),
        straight(straight_in),
        linear(linear_in),
        rows_in_lanes(rows_in_lanes_in) {
    constexpr int wanted = 64;
    n_packs =
        terms.any_program ? (wanted + width * shapes.n_points - 1) / (width * shapes.n_points) : 1;
    n_packs = n_packs > max_packs ? max_packs : n_packs;
  }

  /// Places in the scratch memory, in doubles.
  struct Layout {
    std::size_t nodes, geometry, dofs, variables, outputs, registers, residual, varying, constant,
        pulled, flux, bent, bent_flux, loads, matrix, total;
  };
  KOKKOS_INLINE_FUNCTION Layout layout() const {
    const auto size = [](int n) { return static_cast<std::size_t>(n); };
    const std::size_t w = size(width), packs = size(n_packs), q = size(shapes.n_points),
                      m = size(terms.n_unknowns), n = size(shapes.n_nodes),
                      padded = size(shapes.n_padded), points = packs * q * w;
    Layout at{};
    at.nodes = 0;  // of each pack
    at.geometry = at.nodes + packs * size(data.n_geometry_nodes * dim) * w;
    at.dofs = at.geometry + packs * q * (dim * dim + 1) * w;
    at.variables = at.dofs + (terms.any_program ? n * w : 0);
    at.outputs = at.variables + (terms.any_program ? size(terms.n_rows) * points : 0);
    at.registers = at.outputs + size(terms.n_outputs) * points;
    at.residual = at.registers + (size(terms.n_registers) * size(terms.block) + w - 1) / w * w;
    at.varying = at.residual + (data.want_residual ? m * n_slots * points : 0);
    at.constant = at.varying + size(terms.n_varying_slots) * points;
    at.pulled = at.constant + size(terms.n_slots - terms.n_varying_slots) * packs * w;
    at.flux = at.pulled + (data.want_jacobian ? q * n_terms * w : 0);
    const bool bends = data.want_jacobian && terms.has_curvature_slots;
    at.bent = at.flux + q * n_slots * w;
    at.bent_flux = at.bent + (bends ? q * n_slots * n_pairs * w : 0);
    at.loads = at.bent_flux + (bends ? q * n_pairs * w : 0);
    at.matrix = at.loads + padded * w;
    at.total = at.matrix;
    if (data.want_jacobian) at.total += (rows_in_lanes ? padded : m * n * padded) * w;
    return at;
  }

  KOKKOS_FUNCTION void tile(int t, double* scratch) const {
    [[maybe_unused]] const QuietFormulas quiet;
    const Layout at = layout();
    const SystemOutput<Slot> output(data, t);
    output.clear(data);
    SystemRecord record;
    if (terms.any_program) {
      // Rows nobody fills: directions that are not there, rates that are 0.
      double* variables = scratch + at.variables;
      const std::size_t n = static_cast<std::size_t>(terms.n_rows) *
                            static_cast<std::size_t>(n_packs * width) *
                            static_cast<std::size_t>(shapes.n_points);
      for (std::size_t i = 0; i < n; ++i) variables[i] = 0.0;
    }
    const std::size_t begin = data.map.cell_offsets(static_cast<std::size_t>(t));
    const std::size_t end = data.map.cell_offsets(static_cast<std::size_t>(t) + 1);
    SystemBatch batches[max_packs];
    const std::size_t step = static_cast<std::size_t>(width) * static_cast<std::size_t>(n_packs);
    for (std::size_t k = begin; k < end; k += step) {
      int n_filled = 0;
      for (std::size_t first = k; first < end && n_filled < n_packs; first += width) {
        double* nodes = scratch + at.nodes +
                        static_cast<std::size_t>(n_filled * data.n_geometry_nodes * dim * width);
        batches[n_filled].template fill<dim>(data, begin, first, end, nodes);
        compute_geometry(nodes, geometry(scratch, at, n_filled));
        if (terms.any_program) interpolate(batches[n_filled], at, n_filled, scratch);
        ++n_filled;
      }
      const unsigned good = evaluate(batches, n_filled, at, scratch, record);
      for (int g = 0; g < n_filled; ++g) {
        if ((good >> static_cast<unsigned>(g) & 1U) == 0) continue;
        if (data.want_residual) add_residual(batches[g], output, at, g, scratch);
        if (!data.want_jacobian) continue;
        if (rows_in_lanes) {
          add_jacobian_by_rows(batches[g], output, at, g, scratch);
        } else {
          add_jacobian(batches[g], output, at, g, scratch);
        }
      }
    }
    data.records(static_cast<std::size_t>(t)) = record;
  }

 private:
  /// Of pack g: adjugate and determinant at each point (the first only where `straight`).
  KOKKOS_FORCEINLINE_FUNCTION double* geometry(double* scratch, const Layout& at, int g) const {
    return scratch + at.geometry +
           static_cast<std::size_t>(g * shapes.n_points) * (dim * dim + 1) * width;
  }
  KOKKOS_FORCEINLINE_FUNCTION const Pack* geometry_at(const double* geometry, int q) const {
    return reinterpret_cast<const Pack*>(geometry) + (straight ? 0 : q * (dim * dim + 1));
  }
  /// Where the values at point q of pack g stand in a row.
  KOKKOS_FORCEINLINE_FUNCTION std::size_t place(int g, int q) const {
    return static_cast<std::size_t>((g * shapes.n_points + q) * width);
  }
  /// Length of a row of values at points.
  KOKKOS_FORCEINLINE_FUNCTION std::size_t stride() const {
    return static_cast<std::size_t>(n_packs * shapes.n_points * width);
  }

  KOKKOS_INLINE_FUNCTION void compute_geometry(const double* nodes, double* out) const {
    const int n_points = straight ? 1 : shapes.n_points;
    for (int q = 0; q < n_points; ++q) {
      const double* gradient = geometry_gradients + q * data.n_geometry_nodes * dim;
      Pack j[dim * dim], adj[dim * dim];
      for (Pack& one : j) one = Pack(0.0);
      for (int a = 0; a < data.n_geometry_nodes; ++a) {
        for (int d = 0; d < dim; ++d) {
          const Pack x = kernels::load(nodes + (a * dim + d) * width);
          for (int e = 0; e < dim; ++e) j[d * dim + e] += x * Pack(gradient[a * dim + e]);
        }
      }
      auto* to = reinterpret_cast<Pack*>(out) + q * (dim * dim + 1);
      to[dim * dim] = kernels::adjugate<dim>(j, adj);
      for (int i = 0; i < dim * dim; ++i) to[i] = adj[i];
    }
  }

  /// Place, unknowns, gradients and rates at the points of pack g, as far as a program reads them.
  KOKKOS_INLINE_FUNCTION void interpolate(const SystemBatch& batch, const Layout& at, int g,
                                          double* scratch) const {
    double* variables = scratch + at.variables;
    const int n_points = shapes.n_points;
    if (terms.reads_place) {
      const double* nodes =
          scratch + at.nodes + static_cast<std::size_t>(g * data.n_geometry_nodes * dim * width);
      for (int q = 0; q < n_points; ++q) {
        const double* shape = geometry_values + q * data.n_geometry_nodes;
        for (int d = 0; d < dim; ++d) {
          Pack sum(0.0);
          for (int a = 0; a < data.n_geometry_nodes; ++a)
            sum += kernels::load(nodes + (a * dim + d) * width) * Pack(shape[a]);
          kernels::store(variables + static_cast<std::size_t>(d) * stride() + place(g, q), sum);
        }
      }
    }
    if (terms.reads_metric) {
      metric(geometry(scratch, at, g), g,
             variables + static_cast<std::size_t>(terms.metric_row) * stride());
    }
    auto* dofs = reinterpret_cast<Pack*>(scratch + at.dofs);
    for (int j = 0; j < terms.n_unknowns; ++j) {
      const int reads = terms.unknown_reads(static_cast<std::size_t>(j));
      double* rows = variables + static_cast<std::size_t>(3 + j * (dim + 3)) * stride();
      if ((reads & (reads_value | reads_gradient)) != 0) {
        gather(batch, data.state[0], j, scratch + at.dofs);
        if (linear) {
          if ((reads & reads_value) != 0) values(dofs, g, rows);
          if ((reads & reads_gradient) != 0)
            constant_gradients(geometry(scratch, at, g), dofs, g, rows + stride());
        } else if ((reads & reads_gradient) != 0) {
          values_and_gradients(geometry(scratch, at, g), dofs, g, rows);
        } else {
          values(dofs, g, rows);
        }
      }
      if ((reads & reads_curvature) != 0) {
        gather(batch, data.state[0], j, scratch + at.dofs);
        curvatures(
            geometry(scratch, at, g), nodes_of(scratch, at, g), dofs, g,
            variables + static_cast<std::size_t>(terms.curvature_row + j * n_pairs) * stride());
      }
      for (int k = 1; k < 3; ++k) {
        if ((reads & (k == 1 ? reads_rate : reads_second_rate)) == 0 || data.state[k] == nullptr)
          continue;
        gather(batch, data.state[k], j, scratch + at.dofs);
        values(dofs, g, rows + static_cast<std::size_t>(dim + k) * stride());
      }
    }
  }

  /// Rows of physics::metric_variables(): 4 J^-T S J^-1.
  KOKKOS_INLINE_FUNCTION void metric(const double* geometry, int g, double* rows) const {
    const Pack off(simplex ? 0.5 : 0.0);
    for (int q = 0; q < shapes.n_points; ++q) {
      const Pack* adj = geometry_at(geometry, q);  // adj[e * dim + d] = |J| d xi_e / d x_d
      const Pack scale = Pack(4.0) / (adj[dim * dim] * adj[dim * dim]);
      int row = 0;
      for (int d = 0; d < dim; ++d) {
        for (int k = d; k < dim; ++k) {
          Pack sum(0.0);
          for (int e = 0; e < dim; ++e) {
            for (int f = 0; f < dim; ++f) {
              const Pack product = adj[e * dim + d] * adj[f * dim + k];
              sum += e == f ? product : off * product;
            }
          }
          kernels::store(rows + static_cast<std::size_t>(row) * stride() + place(g, q),
                         scale * sum);
          ++row;
        }
      }
    }
  }

  KOKKOS_INLINE_FUNCTION void gather(const SystemBatch& batch, const double* from, int j,
                                     double* to) const {
    const int n = shapes.n_nodes;
    for (int l = 0; l < width; ++l) {
      const LocalId* dofs = data.cell_dofs.data() +
                            static_cast<std::size_t>(batch.cell[l]) * static_cast<std::size_t>(n);
      for (int i = 0; i < n; ++i) {
        to[i * width + l] =
            from[static_cast<std::size_t>(dofs[i]) * static_cast<std::size_t>(terms.n_unknowns) +
                 static_cast<std::size_t>(j)];
      }
    }
  }

  KOKKOS_INLINE_FUNCTION void values(const Pack* dofs, int g, double* row) const {
    for (int q = 0; q < shapes.n_points; ++q) {
      const double* shape = shapes.shapes + (static_cast<std::size_t>(q) * n_slots + dim) *
                                                static_cast<std::size_t>(shapes.n_padded);
      Pack sum(0.0);
      for (int i = 0; i < shapes.n_nodes; ++i) sum += dofs[i] * Pack(shape[i]);
      kernels::store(row + place(g, q), sum);
    }
  }

  /// Degree 1 on straight simplices: |J| times the gradients of the shape functions, [dim +
  /// 1][dim].
  KOKKOS_FORCEINLINE_FUNCTION static void cofactors(const Pack* adj, Pack* c) {
    for (int d = 0; d < dim; ++d) {
      Pack sum = adj[d];
      for (int e = 1; e < dim; ++e) sum += adj[e * dim + d];
      c[d] = -sum;
      for (int e = 0; e < dim; ++e) c[(e + 1) * dim + d] = adj[e * dim + d];
    }
  }

  /// Rows dx, dy, dz, with one value a cell.
  KOKKOS_INLINE_FUNCTION void constant_gradients(const double* geometry, const Pack* dofs, int g,
                                                 double* rows) const {
    const Pack* adj = geometry_at(geometry, 0);
    Pack c[(dim + 1) * dim];
    cofactors(adj, c);
    const Pack inverse = Pack(1.0) / adj[dim * dim];
    for (int d = 0; d < dim; ++d) {
      Pack sum = c[d] * dofs[0];
      for (int a = 1; a <= dim; ++a) sum += c[a * dim + d] * dofs[a];
      sum *= inverse;
      double* row = rows + static_cast<std::size_t>(d) * stride() + place(g, 0);
      for (int q = 0; q < shapes.n_points; ++q) kernels::store(row + q * width, sum);
    }
  }

  /// Rows value, dx, dy, dz: grad u = J^{-T} (reference gradient).
  KOKKOS_INLINE_FUNCTION void values_and_gradients(const double* geometry, const Pack* dofs, int g,
                                                   double* rows) const {
    for (int q = 0; q < shapes.n_points; ++q) {
      const double* shape = shapes.shapes + static_cast<std::size_t>(q) * n_slots *
                                                static_cast<std::size_t>(shapes.n_padded);
      Pack sum[n_slots];
      for (Pack& one : sum) one = Pack(0.0);
      for (int i = 0; i < shapes.n_nodes; ++i) {
        for (int s = 0; s < n_slots; ++s) sum[s] += dofs[i] * Pack(shape[s * shapes.n_padded + i]);
      }
      const Pack* adj = geometry_at(geometry, q);
      const Pack inverse = Pack(1.0) / adj[dim * dim];
      kernels::store(rows + place(g, q), sum[dim]);
      for (int d = 0; d < dim; ++d) {
        Pack derivative = adj[d] * sum[0];
        for (int e = 1; e < dim; ++e) derivative += adj[e * dim + d] * sum[e];
        kernels::store(rows + static_cast<std::size_t>(1 + d) * stride() + place(g, q),
                       derivative * inverse);
      }
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION double* nodes_of(double* scratch, const Layout& at, int g) const {
    return scratch + at.nodes + static_cast<std::size_t>(g * data.n_geometry_nodes * dim * width);
  }

  /// Number of a pair of directions.
  KOKKOS_FORCEINLINE_FUNCTION static int pair_of(int e, int f) {
    return e <= f ? e * dim - e * (e - 1) / 2 + f - e : pair_of(f, e);
  }

  /// The map's second derivatives at point q: out[dim][n_pairs].
  KOKKOS_INLINE_FUNCTION void bending(const double* nodes, int q, Pack* out) const {
    for (int i = 0; i < dim * n_pairs; ++i) out[i] = Pack(0.0);
    if (straight) return;
    const double* second = geometry_seconds + q * data.n_geometry_nodes * n_pairs;
    for (int a = 0; a < data.n_geometry_nodes; ++a) {
      for (int d = 0; d < dim; ++d) {
        const Pack x = kernels::load(nodes + (a * dim + d) * width);
        for (int p = 0; p < n_pairs; ++p) out[d * n_pairs + p] += x * Pack(second[a * n_pairs + p]);
      }
    }
  }

  /// Rows dxx, dxy, ... of an unknown.
  KOKKOS_INLINE_FUNCTION void curvatures(const double* geometry, const double* nodes,
                                         const Pack* dofs, int g, double* rows) const {
    for (int q = 0; q < shapes.n_points; ++q) {
      const auto padded = static_cast<std::size_t>(shapes.n_padded);
      const double* shape = shapes.shapes + static_cast<std::size_t>(q) * n_slots * padded;
      const double* second = seconds + static_cast<std::size_t>(q) * n_pairs * padded;
      Pack slope[dim], curve[n_pairs];
      for (Pack& one : slope) one = Pack(0.0);
      for (Pack& one : curve) one = Pack(0.0);
      for (int i = 0; i < shapes.n_nodes; ++i) {
        for (int d = 0; d < dim; ++d) slope[d] += dofs[i] * Pack(shape[d * shapes.n_padded + i]);
        for (int p = 0; p < n_pairs; ++p)
          curve[p] += dofs[i] * Pack(second[p * shapes.n_padded + i]);
      }
      const Pack* adj = geometry_at(geometry, q);
      const Pack inverse = Pack(1.0) / adj[dim * dim];
      Pack bend[dim * n_pairs];
      bending(nodes, q, bend);
      for (int d = 0; d < dim; ++d) {
        Pack derivative = adj[d] * slope[0];
        for (int e = 1; e < dim; ++e) derivative += adj[e * dim + d] * slope[e];
        derivative *= inverse;
        for (int p = 0; p < n_pairs; ++p) curve[p] -= derivative * bend[d * n_pairs + p];
      }
      int row = 0;
      for (int a = 0; a < dim; ++a) {
        for (int b = a; b < dim; ++b, ++row) {
          Pack sum(0.0);
          for (int e = 0; e < dim; ++e) {
            for (int f = 0; f < dim; ++f)
              sum += adj[e * dim + a] * adj[f * dim + b] * curve[pair_of(e, f)];
          }
          kernels::store(rows + static_cast<std::size_t>(row) * stride() + place(g, q),
                         sum * inverse * inverse);
        }
      }
    }
  }

  /// The columns `h`[n_slots][n_pairs] of second derivatives at point q: to[n_slots][n_pairs] by
  /// reference second derivatives, and the rest to the columns of the gradient,
  /// c[n_slots][n_slots].
  KOKKOS_INLINE_FUNCTION void pull_back_curvature(const Pack* adj, const Pack& weight,
                                                  const double* nodes, int q, const Pack* h,
                                                  Pack* c, Pack* to) const {
    const Pack inverse = Pack(1.0) / adj[dim * dim];
    Pack bend[dim * n_pairs], pulled[n_slots * n_pairs];
    bending(nodes, q, bend);
    for (int s = 0; s < n_slots; ++s) {
      for (int e = 0; e < dim; ++e) {
        for (int f = e; f < dim; ++f) {
          // A mixed derivative is one variable, of which each order has half.
          Pack sum(0.0);
          for (int a = 0; a < dim; ++a) {
            for (int b = 0; b < dim; ++b) {
              const Pack entry = Pack(a == b ? 1.0 : 0.5) * h[s * n_pairs + pair_of(a, b)];
              sum += adj[e * dim + a] * adj[f * dim + b] * entry;
            }
          }
          pulled[s * n_pairs + pair_of(e, f)] = Pack(e == f ? 1.0 : 2.0) * sum * inverse * inverse;
        }
      }
      for (int d = 0; d < dim; ++d) {
        for (int p = 0; p < n_pairs; ++p)
          c[s * n_slots + d] -= pulled[s * n_pairs + p] * bend[d * n_pairs + p];
      }
    }
    for (int p = 0; p < n_pairs; ++p) {
      for (int e = 0; e < dim; ++e) {
        Pack sum = adj[e * dim] * pulled[p];
        for (int d = 1; d < dim; ++d) sum += adj[e * dim + d] * pulled[d * n_pairs + p];
        to[e * n_pairs + p] = weight * sum;
      }
      to[dim * n_pairs + p] = weight * adj[dim * dim] * pulled[dim * n_pairs + p];
    }
  }

  /// Adds what `flux`[q][n_pairs] makes of the trial functions' second derivatives to a row.
  KOKKOS_INLINE_FUNCTION void add_curved_row(const Pack* flux, Pack* row) const {
    constexpr int block = kernels::dense_block;
    for (int j = 0; j < shapes.n_padded; j += block) {
      Pack sum[block];
      for (int k = 0; k < block; ++k) sum[k] = row[j + k];
      for (int q = 0; q < shapes.n_points * n_pairs; ++q) {
        const double* second =
            seconds + static_cast<std::size_t>(q) * static_cast<std::size_t>(shapes.n_padded) + j;
        for (int k = 0; k < block; ++k) sum[k] += flux[q] * Pack(second[k]);
      }
      for (int k = 0; k < block; ++k) row[j + k] = sum[k];
    }
  }

  /// Values of all slots at the points of the packs. Bit g of the result: pack g has finite values
  /// only.
  KOKKOS_INLINE_FUNCTION unsigned evaluate(const SystemBatch* batches, int n_filled,
                                           const Layout& at, double* scratch,
                                           SystemRecord& record) const {
    unsigned good = ~0U;
    BadLane bad;
    const int first = batches[0].region[0];
    bool one_region = true;
    for (int g = 0; g < n_filled; ++g) {
      for (int l = 0; l < width; ++l) one_region = one_region && batches[g].region[l] == first;
    }
    for (int g = 0; g < n_filled; ++g) {
      for (int l = 0; l < width; ++l) {
        const int region = batches[g].region[l];
        if (is_known(batches, g, l)) continue;
        good &= run_program(batches, n_filled, region, at, scratch, bad);
        distribute(batches, n_filled, region, one_region, at, scratch);
        if (one_region) break;
      }
      if (one_region) break;
    }
    // Cells come in the order of their global ids, regions do not: the first cell is told.
    if (record.bad_cell < 0) record = bad.record;
    return good;
  }

  /// The first lane of a batch with a value that is not finite.
  struct BadLane {
    int lane = max_packs * width;
    SystemRecord record;
  };

  /// Whether an earlier lane has the region of this one.
  KOKKOS_INLINE_FUNCTION static bool is_known(const SystemBatch* batches, int g, int l) {
    const int region = batches[g].region[l];
    for (int h = 0; h <= g; ++h) {
      for (int k = 0; k < (h == g ? l : width); ++k) {
        if (batches[h].region[k] == region) return true;
      }
    }
    return false;
  }

  KOKKOS_INLINE_FUNCTION unsigned run_program(const SystemBatch* batches, int n_filled, int region,
                                              const Layout& at, double* scratch,
                                              BadLane& bad) const {
    const expr::ProgramView program = terms.programs(static_cast<std::size_t>(region));
    if (program.n_outputs == 0) return ~0U;
    const int n = n_filled * shapes.n_points * width;
    const auto row = static_cast<std::ptrdiff_t>(stride());
    double* out = scratch + at.outputs;
    for (int begin = 0; begin < n; begin += program.block) {
      const int count = n - begin < program.block ? n - begin : program.block;
      program.evaluate_block(scratch + at.variables + begin, row, count, scratch + at.registers,
                             program.block, out + begin, row);
    }
    unsigned good = ~0U;
    for (int g = 0; g < n_filled; ++g) {
      Pack sum(0.0);  // 0 times infinity is NaN, which stays
      for (int r = 0; r < program.n_outputs; ++r) {
        const double* values = out + static_cast<std::size_t>(r) * stride() + place(g, 0);
        for (int q = 0; q < shapes.n_points; ++q)
          sum += kernels::load(values + q * width) * Pack(0.0);
      }
      double lanes[width];
      for (int l = 0; l < width; ++l) lanes[l] = reinterpret_cast<const double*>(&sum)[l];
      for (int l = 0; l < width; ++l) {
        if (!is_bad(lanes[l]) || batches[g].region[l] != region) continue;
        good &= ~(1U << static_cast<unsigned>(g));
        if (g * width + l >= bad.lane) continue;
        bad.lane = g * width + l;
        note_bad(batches[g], g, l, program.n_outputs, out, bad.record);
      }
    }
    return good;
  }

  KOKKOS_INLINE_FUNCTION void note_bad(const SystemBatch& batch, int g, int l, int n_outputs,
                                       const double* out, SystemRecord& record) const {
    for (int q = 0; q < shapes.n_points; ++q) {
      for (int r = 0; r < n_outputs; ++r) {
        const double value =
            out[static_cast<std::size_t>(r) * stride() + place(g, q) + static_cast<std::size_t>(l)];
        if (!is_bad(value)) continue;
        record.bad_cell = batch.cell[l];
        record.bad_point = q;
        record.bad_row = r;
        record.value = value;
        return;
      }
    }
  }

  /// From outputs and numbers to the slots, in the lanes of one region.
  KOKKOS_INLINE_FUNCTION void distribute(const SystemBatch* batches, int n_filled, int region,
                                         bool all_lanes, const Layout& at, double* scratch) const {
    const double* out = scratch + at.outputs;
    const int n_points = shapes.n_points;
    if (data.want_residual) {
      for (int s = 0; s < terms.n_unknowns * n_slots; ++s) {
        const int kinds = terms.equation_kinds(static_cast<std::size_t>(s / n_slots));
        if ((kinds & (s % n_slots == dim ? 1 : 2)) == 0) continue;
        const ResidualSlot slot =
            terms.residual(static_cast<std::size_t>(region * terms.n_unknowns * n_slots + s));
        double* to = scratch + at.residual + static_cast<std::size_t>(s) * stride();
        const double* from =
            slot.row < 0 ? nullptr : out + static_cast<std::size_t>(slot.row) * stride();
        for (int g = 0; g < n_filled; ++g) {
          for (int q = 0; q < n_points; ++q) {
            const std::size_t p = place(g, q);
            put(batches[g], region, all_lanes,
                from == nullptr ? Pack(slot.constant) : kernels::load(from + p), to + p);
          }
        }
      }
    }
    if (!data.want_jacobian) return;
    for (int s = 0; s < terms.n_slots; ++s) {
      const SlotPlace where = terms.places(static_cast<std::size_t>(s));
      const JacobianSlot slot =
          terms.jacobian(static_cast<std::size_t>(region * terms.n_slots + s));
      double constant = slot.constant[0];
      for (int k = 1; k < 3; ++k) {
        if (data.shift[k] != 0.0) constant += data.shift[k] * slot.constant[k];
      }
      if (where.varies == 0) {
        double* to =
            scratch + at.constant + static_cast<std::size_t>(where.number * n_packs * width);
        for (int g = 0; g < n_filled; ++g)
          put(batches[g], region, all_lanes, Pack(constant), to + g * width);
        continue;
      }
      double* to = scratch + at.varying + static_cast<std::size_t>(where.number) * stride();
      for (int g = 0; g < n_filled; ++g) {
        for (int q = 0; q < n_points; ++q) {
          const std::size_t p = place(g, q);
          Pack value(constant);
          for (int k = 0; k < 3; ++k) {
            if (slot.row[k] < 0 || data.shift[k] == 0.0) continue;
            value += Pack(data.shift[k]) *
                     kernels::load(out + static_cast<std::size_t>(slot.row[k]) * stride() + p);
          }
          put(batches[g], region, all_lanes, value, to + p);
        }
      }
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION static void put(const SystemBatch& batch, int region, bool all_lanes,
                                              const Pack& value, double* to) {
    if (all_lanes) {
      kernels::store(to, value);
      return;
    }
    double lanes[width];
    for (int l = 0; l < width; ++l) lanes[l] = reinterpret_cast<const double*>(&value)[l];
    for (int l = 0; l < width; ++l) {
      if (batch.region[l] == region) to[l] = lanes[l];
    }
  }

  KOKKOS_INLINE_FUNCTION void add_residual(const SystemBatch& batch,
                                           const SystemOutput<Slot>& output, const Layout& at,
                                           int g, double* scratch) const {
    const double* geometry = this->geometry(scratch, at, g);
    auto* flux = reinterpret_cast<Pack*>(scratch + at.flux);
    auto* loads = reinterpret_cast<Pack*>(scratch + at.loads);
    for (int i = 0; i < terms.n_unknowns; ++i) {
      const int kinds = terms.equation_kinds(static_cast<std::size_t>(i));
      if (kinds == 0) continue;
      const double* values =
          scratch + at.residual + static_cast<std::size_t>(i * n_slots) * stride();
      if (linear) {
        linear_loads(kinds, geometry_at(geometry, 0), values + place(g, 0), loads);
        add_loads(batch, output, i, scratch + at.loads);
        continue;
      }
      for (int q = 0; q < shapes.n_points; ++q) {
        const Pack* adj = geometry_at(geometry, q);
        const Pack weight(weights[q]);
        Pack* to = flux + q * n_slots;
        if ((kinds & 2) != 0) {
          for (int e = 0; e < dim; ++e) {
            Pack sum = adj[e * dim] * kernels::load(values + place(g, q));
            for (int d = 1; d < dim; ++d) {
              sum += adj[e * dim + d] *
                     kernels::load(values + static_cast<std::size_t>(d) * stride() + place(g, q));
            }
            to[e] = weight * sum;
          }
        }
        if ((kinds & 1) != 0) {
          to[dim] = weight * adj[dim * dim] *
                    kernels::load(values + static_cast<std::size_t>(dim) * stride() + place(g, q));
        }
      }
      // A row of the matrix with these fluxes is what the test functions make of them.
      kernels::dense_row<dim>(shapes, row_terms((kinds & 2) != 0, (kinds & 1) != 0), flux, 0,
                              loads);
      add_loads(batch, output, i, scratch + at.loads);
    }
  }

  KOKKOS_INLINE_FUNCTION void add_loads(const SystemBatch& batch, const SystemOutput<Slot>& output,
                                        int i, const double* loads) const {
    for (int l = 0; l < width; ++l) {
      for (std::uint32_t e = batch.entry[l]; e < batch.entry_end[l]; ++e) {
        const Entry entry = output.entries[e];
        const auto to = static_cast<std::size_t>(output.first_row + entry_row(entry)) *
                            static_cast<std::size_t>(terms.n_unknowns) +
                        static_cast<std::size_t>(i);
        if (!data.keep_fixed && data.is_fixed[to] != 0) continue;
        data.residual[to] += loads[entry_node(entry) * width + l];
      }
    }
  }

  /// Degree 1 on straight simplices: fluxes are summed over the points first.
  KOKKOS_INLINE_FUNCTION void linear_loads(int kinds, const Pack* adj, const double* values,
                                           Pack* loads) const {
    Pack c[(dim + 1) * dim];
    cofactors(adj, c);
    for (int a = 0; a <= dim; ++a) loads[a] = Pack(0.0);
    if ((kinds & 1) != 0) {
      const double* source = values + static_cast<std::size_t>(dim) * stride();
      for (int q = 0; q < shapes.n_points; ++q) {
        const Pack weighted = Pack(weights[q]) * kernels::load(source + q * width);
        const double* shape = shape_values(q);
        for (int a = 0; a <= dim; ++a) loads[a] += weighted * Pack(shape[a]);
      }
      for (int a = 0; a <= dim; ++a) loads[a] *= adj[dim * dim];
    }
    if ((kinds & 2) != 0) {
      for (int d = 0; d < dim; ++d) {
        const Pack flux = integral(values + static_cast<std::size_t>(d) * stride(), 1);
        for (int a = 0; a <= dim; ++a) loads[a] += flux * c[a * dim + d];
      }
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION const double* shape_values(int q) const {
    return shapes.shapes + (static_cast<std::size_t>(q) * n_slots + dim) *
                               static_cast<std::size_t>(shapes.n_padded);
  }

  /// Sum over the points of weight times value; `step` 0: one value for all.
  KOKKOS_FORCEINLINE_FUNCTION Pack integral(const double* values, int step) const {
    Pack sum(0.0);
    for (int q = 0; q < shapes.n_points; ++q)
      sum += Pack(weights[q]) * kernels::load(values + q * step * width);
    return sum;
  }

  KOKKOS_FORCEINLINE_FUNCTION static kernels::Terms row_terms(bool gradients, bool values) {
    kernels::Terms row;
    row.diffusion = gradients ? kernels::Diffusion::tensor : kernels::Diffusion::none;
    row.reaction = values;
    return row;
  }

  /// C_ij of one pair at the points of pack g, pulled back: [q][n_slots][n_slots], rows: test.
  KOKKOS_INLINE_FUNCTION void pull_back(int pair, const Layout& at, int g, double* scratch) const {
    const double* geometry = this->geometry(scratch, at, g);
    const int kinds = terms.pair_kinds(static_cast<std::size_t>(pair));
    const int first = terms.pair_begin(static_cast<std::size_t>(pair));
    const int last = terms.pair_begin(static_cast<std::size_t>(pair) + 1);
    auto* pulled = reinterpret_cast<Pack*>(scratch + at.pulled);
    auto* bent = reinterpret_cast<Pack*>(scratch + at.bent);
    for (int q = 0; q < shapes.n_points; ++q) {
      Pack c[n_terms], h[n_slots * n_pairs];
      for (Pack& one : c) one = Pack(0.0);
      for (Pack& one : h) one = Pack(0.0);
      for (int s = first; s < last; ++s) {
        const SlotPlace where = terms.places(static_cast<std::size_t>(s));
        const double* from =
            where.varies != 0 ? scratch + at.varying +
                                    static_cast<std::size_t>(where.number) * stride() + place(g, q)
                              : scratch + at.constant +
                                    static_cast<std::size_t>((where.number * n_packs + g) * width);
        if (where.trial_slot > dim) {
          h[where.test_slot * n_pairs + where.trial_slot - n_slots] = kernels::load(from);
        } else {
          c[where.test_slot * n_slots + where.trial_slot] = kernels::load(from);
        }
      }
      const Pack* adj = geometry_at(geometry, q);
      const Pack weight(weights[q]);
      if ((kinds & pair_curvature) != 0) {
        pull_back_curvature(adj, weight, nodes_of(scratch, at, g), q, h, c,
                            bent + q * n_slots * n_pairs);
      }
      Pack* to = pulled + q * n_terms;
      if ((kinds & pair_gradient_gradient) != 0) {
        const Pack scale = weight / adj[dim * dim];
        for (int e = 0; e < dim; ++e) {
          Pack row[dim];
          for (int d = 0; d < dim; ++d) {
            row[d] = adj[e * dim] * c[d];
            for (int k = 1; k < dim; ++k) row[d] += adj[e * dim + k] * c[k * n_slots + d];
          }
          for (int f = 0; f < dim; ++f) {
            Pack sum = row[0] * adj[f * dim];
            for (int d = 1; d < dim; ++d) sum += row[d] * adj[f * dim + d];
            to[e * n_slots + f] = scale * sum;
          }
        }
      }
      for (int e = 0; e < dim; ++e) {
        if ((kinds & pair_value_gradient) != 0) {
          Pack sum = adj[e * dim] * c[dim * n_slots];
          for (int d = 1; d < dim; ++d) sum += adj[e * dim + d] * c[dim * n_slots + d];
          to[dim * n_slots + e] = weight * sum;
        }
        if ((kinds & pair_gradient_value) != 0) {
          Pack sum = adj[e * dim] * c[dim];
          for (int d = 1; d < dim; ++d) sum += adj[e * dim + d] * c[d * n_slots + dim];
          to[e * n_slots + dim] = weight * sum;
        }
      }
      if ((kinds & pair_value_value) != 0)
        to[n_terms - 1] = weight * adj[dim * dim] * c[n_terms - 1];
    }
  }

  /// What a test function with these reference derivatives and value makes of C: flux[n_slots].
  template <class Shape, class Term>
  KOKKOS_FORCEINLINE_FUNCTION static void test_flux(int kinds, const Shape& shape, const Term& term,
                                                    Pack* flux) {
    if ((kinds & (pair_gradient_gradient | pair_value_gradient)) != 0) {
      for (int f = 0; f < dim; ++f) {
        Pack sum(0.0);
        if ((kinds & pair_gradient_gradient) != 0) {
          for (int e = 0; e < dim; ++e) sum += shape(e) * term(e * n_slots + f);
        }
        if ((kinds & pair_value_gradient) != 0) sum += shape(dim) * term(dim * n_slots + f);
        flux[f] = sum;
      }
    }
    if ((kinds & (pair_gradient_value | pair_value_value)) != 0) {
      Pack sum(0.0);
      if ((kinds & pair_gradient_value) != 0) {
        for (int e = 0; e < dim; ++e) sum += shape(e) * term(e * n_slots + dim);
      }
      if ((kinds & pair_value_value) != 0) sum += shape(dim) * term(n_terms - 1);
      flux[dim] = sum;
    }
  }

  /// And of its second derivatives' columns: flux[n_pairs].
  template <class Shape, class Term>
  KOKKOS_FORCEINLINE_FUNCTION static void test_curvature(const Shape& shape, const Term& term,
                                                         Pack* flux) {
    for (int p = 0; p < n_pairs; ++p) {
      Pack sum(0.0);
      for (int s = 0; s < n_slots; ++s) sum += shape(s) * term(s * n_pairs + p);
      flux[p] = sum;
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION static kernels::Terms pair_terms(int kinds) {
    return row_terms((kinds & (pair_gradient_gradient | pair_value_gradient)) != 0,
                     (kinds & (pair_gradient_value | pair_value_value)) != 0);
  }

  /// A cell in each lane: the rows of one test unknown after the other.
  KOKKOS_INLINE_FUNCTION void add_jacobian(const SystemBatch& batch,
                                           const SystemOutput<Slot>& output, const Layout& at,
                                           int g, double* scratch) const {
    const int m = terms.n_unknowns, n = shapes.n_nodes;
    const auto* pulled = reinterpret_cast<const Pack*>(scratch + at.pulled);
    auto* flux = reinterpret_cast<Pack*>(scratch + at.flux);
    auto* matrix = reinterpret_cast<Pack*>(scratch + at.matrix);
    const auto* bent = reinterpret_cast<const Pack*>(scratch + at.bent);
    auto* bent_flux = reinterpret_cast<Pack*>(scratch + at.bent_flux);
    const std::size_t block =
        static_cast<std::size_t>(n) * static_cast<std::size_t>(shapes.n_padded);
    for (int i = 0; i < m; ++i) {
      for (int j = 0; j < m; ++j) {
        const int kinds = terms.pair_kinds(static_cast<std::size_t>(i * m + j));
        if (kinds == 0) continue;
        if (linear) {
          linear_matrix(i * m + j, at, g, scratch, matrix + static_cast<std::size_t>(j) * block);
          continue;
        }
        pull_back(i * m + j, at, g, scratch);
        for (int node = 0; node < n; ++node) {
          for (int q = 0; q < shapes.n_points; ++q) {
            const double* shape =
                shapes.shapes +
                static_cast<std::size_t>(q) * n_slots * static_cast<std::size_t>(shapes.n_padded) +
                node;
            const Pack* term = pulled + q * n_terms;
            test_flux(
                kinds, [&](int s) { return Pack(shape[s * shapes.n_padded]); },
                [&](int c) { return term[c]; }, flux + q * n_slots);
            if ((kinds & pair_curvature) == 0) continue;
            test_curvature([&](int s) { return Pack(shape[s * shapes.n_padded]); },
                           [&](int c) { return bent[q * n_slots * n_pairs + c]; },
                           bent_flux + q * n_pairs);
          }
          Pack* row = matrix + static_cast<std::size_t>(j) * block +
                      static_cast<std::size_t>(node * shapes.n_padded);
          kernels::dense_row<dim>(shapes, pair_terms(kinds), flux, 0, row);
          if ((kinds & pair_curvature) != 0) add_curved_row(bent_flux, row);
        }
      }
      add_rows(batch, output, i, scratch + at.matrix, block * width);
    }
  }

  /// Degree 1 on straight simplices: entries are summed over the points before they meet the
  /// constant gradients. matrix[dim + 1][n_padded].
  KOKKOS_INLINE_FUNCTION void linear_matrix(int pair, const Layout& at, int g, double* scratch,
                                            Pack* matrix) const {
    constexpr int n = dim + 1;
    const Pack* adj = geometry_at(geometry(scratch, at, g), 0);
    Pack c[n * dim], tensor[dim * dim], sums[n * n];
    cofactors(adj, c);
    for (Pack& one : tensor) one = Pack(0.0);
    for (Pack& one : sums) one = Pack(0.0);
    const int last = terms.pair_begin(static_cast<std::size_t>(pair) + 1);
    for (int s = terms.pair_begin(static_cast<std::size_t>(pair)); s < last; ++s) {
      const SlotPlace where = terms.places(static_cast<std::size_t>(s));
      const double* values =
          where.varies != 0 ? scratch + at.varying +
                                  static_cast<std::size_t>(where.number) * stride() + place(g, 0)
                            : scratch + at.constant +
                                  static_cast<std::size_t>((where.number * n_packs + g) * width);
      const int step = where.varies;
      const int d = where.test_slot, e = where.trial_slot;
      if (d < dim && e < dim) {
        tensor[d * dim + e] = integral(values, step);
        continue;
      }
      if (d == dim && e == dim) {
        for (int q = 0; q < shapes.n_points; ++q) {
          const Pack weighted = Pack(weights[q]) * kernels::load(values + q * step * width);
          const double* shape = shape_values(q);
          for (int a = 0; a < n; ++a) {
            const Pack row = weighted * Pack(shape[a]) * adj[dim * dim];
            for (int b = 0; b < n; ++b) sums[a * n + b] += row * Pack(shape[b]);
          }
        }
        continue;
      }
      // A value and a gradient: the integrals against the n shape functions.
      Pack loads[n];
      for (Pack& one : loads) one = Pack(0.0);
      for (int q = 0; q < shapes.n_points; ++q) {
        const Pack weighted = Pack(weights[q]) * kernels::load(values + q * step * width);
        const double* shape = shape_values(q);
        for (int a = 0; a < n; ++a) loads[a] += weighted * Pack(shape[a]);
      }
      for (int a = 0; a < n; ++a) {
        for (int b = 0; b < n; ++b)
          sums[a * n + b] += d == dim ? loads[a] * c[b * dim + e] : loads[b] * c[a * dim + d];
      }
    }
    if ((terms.pair_kinds(static_cast<std::size_t>(pair)) & pair_gradient_gradient) != 0) {
      const Pack scale = Pack(1.0) / adj[dim * dim];
      for (int b = 0; b < n; ++b) {
        Pack weighted[dim];
        for (int d = 0; d < dim; ++d) {
          Pack sum = tensor[d * dim] * c[b * dim];
          for (int e = 1; e < dim; ++e) sum += tensor[d * dim + e] * c[b * dim + e];
          weighted[d] = scale * sum;
        }
        for (int a = 0; a < n; ++a) {
          for (int d = 0; d < dim; ++d) sums[a * n + b] += weighted[d] * c[a * dim + d];
        }
      }
    }
    for (int a = 0; a < n; ++a) {
      for (int b = 0; b < n; ++b) matrix[a * shapes.n_padded + b] = sums[a * n + b];
    }
  }

  /// Cell by cell, the rows of test unknown i; `matrix`: [m][n_nodes][n_padded] packs.
  KOKKOS_INLINE_FUNCTION void add_rows(const SystemBatch& batch, const SystemOutput<Slot>& output,
                                       int i, const double* matrix, std::size_t block) const {
    const int m = terms.n_unknowns, n = shapes.n_nodes;
    for (int l = 0; l < width; ++l) {
      const bool touches = data.touches_fixed[batch.cell[l]] != 0;
      for (std::uint32_t e = batch.entry[l]; e < batch.entry_end[l]; ++e) {
        const Entry entry = output.entries[e];
        const LocalId to = output.first_row + entry_row(entry);
        if (touches && is_fixed(to, i)) continue;
        double* out = output.row(to, i);
        const Slot* slot = output.slots + static_cast<std::size_t>(e) * static_cast<std::size_t>(n);
        const double* row =
            matrix + static_cast<std::size_t>(entry_node(entry) * shapes.n_padded * width + l);
        for (int j = 0; j < m; ++j) {
          if (terms.pair_kinds(static_cast<std::size_t>(i * m + j)) == 0) continue;
          const double* numbers = row + static_cast<std::size_t>(j) * block;
          add_row(output, batch.cell[l], touches, j, slot, numbers, width, out + j);
        }
      }
    }
  }

  /// Adds the entries of one row and one trial unknown, that of node k at numbers[k * step].
  KOKKOS_FORCEINLINE_FUNCTION void add_row(const SystemOutput<Slot>& output, LocalId cell,
                                           bool touches, int j, const Slot* slot,
                                           const double* numbers, int step, double* out) const {
    const int m = output.m, n = output.n_nodes;
    if (!touches) {
      for (int k = 0; k < n; ++k) out[static_cast<int>(slot[k]) * m] += numbers[k * step];
      return;
    }
    const LocalId* dofs =
        data.cell_dofs.data() + static_cast<std::size_t>(cell) * static_cast<std::size_t>(n);
    for (int k = 0; k < n; ++k) {
      if (!is_fixed(dofs[k], j)) out[static_cast<int>(slot[k]) * m] += numbers[k * step];
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION bool is_fixed(LocalId node, int component) const {
    return data.is_fixed[static_cast<std::size_t>(node) *
                             static_cast<std::size_t>(terms.n_unknowns) +
                         static_cast<std::size_t>(component)] != 0;
  }

  /// One cell after the other, eight rows of a pair of unknowns in the lanes: nothing larger than a
  /// row is kept.
  KOKKOS_INLINE_FUNCTION void add_jacobian_by_rows(const SystemBatch& batch,
                                                   const SystemOutput<Slot>& output,
                                                   const Layout& at, int g, double* scratch) const {
    const int m = terms.n_unknowns, n = shapes.n_nodes;
    const double* pulled = scratch + at.pulled;
    auto* flux = reinterpret_cast<Pack*>(scratch + at.flux);
    auto* row = reinterpret_cast<Pack*>(scratch + at.matrix);
    const double* bent = scratch + at.bent;
    auto* bent_flux = reinterpret_cast<Pack*>(scratch + at.bent_flux);
    for (int pair = 0; pair < m * m; ++pair) {
      const int kinds = terms.pair_kinds(static_cast<std::size_t>(pair));
      if (kinds == 0) continue;
      const int i = pair / m, j = pair % m;
      pull_back(pair, at, g, scratch);
      for (int l = 0; l < width; ++l) {
        const bool touches = data.touches_fixed[batch.cell[l]] != 0;
        std::uint32_t e = batch.entry[l];
        while (e < batch.entry_end[l]) {
          // Entries are in the order of the nodes.
          const int first = entry_node(output.entries[e]) / width * width;
          for (int q = 0; q < shapes.n_points; ++q) {
            const double* shape =
                wide + static_cast<std::size_t>(q) * n_slots * static_cast<std::size_t>(n_wide) +
                first;
            const double* term = pulled + q * n_terms * width + l;
            test_flux(
                kinds, [&](int s) { return kernels::load(shape + s * n_wide); },
                [&](int c) { return Pack(term[c * width]); }, flux + q * n_slots);
            if ((kinds & pair_curvature) == 0) continue;
            const double* bent_term = bent + q * n_slots * n_pairs * width + l;
            test_curvature([&](int s) { return kernels::load(shape + s * n_wide); },
                           [&](int c) { return Pack(bent_term[c * width]); },
                           bent_flux + q * n_pairs);
          }
          kernels::dense_row<dim>(shapes, pair_terms(kinds), flux, 0, row);
          if ((kinds & pair_curvature) != 0) add_curved_row(bent_flux, row);
          for (; e < batch.entry_end[l]; ++e) {
            const Entry entry = output.entries[e];
            const int lane = entry_node(entry) - first;
            if (lane >= width) break;
            const LocalId to = output.first_row + entry_row(entry);
            if (touches && is_fixed(to, i)) continue;
            add_row(output, batch.cell[l], touches, j,
                    output.slots + static_cast<std::size_t>(e) * static_cast<std::size_t>(n),
                    scratch + at.matrix + lane, width, output.row(to, i) + j);
          }
        }
      }
    }
  }
};

}  // namespace ritz::assembly
