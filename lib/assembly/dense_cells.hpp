#pragma once

#include "ritz/kernels/dense_rows.hpp"
#include "tile_output.hpp"

namespace ritz::assembly {

/// Device-side view of a ReferenceTable.
struct ReferenceView {
  explicit ReferenceView(const ReferenceTable& table)
      : shapes{table.shapes.data(), table.n_points, table.n_nodes, table.n_nodes_padded},
        weights(table.weights.data()),
        geometry_gradients(table.geometry_gradients.data()),
        geometry_values(table.geometry_values.data()) {}
  kernels::ShapeTable shapes;
  const double* weights;
  const double* geometry_gradients;
  const double* geometry_values;
};

/// Cells of any kind, one in each lane, matrices by plain contraction: see kernels/dense_rows.hpp.
/// For elements whose eight matrices fit the second-level cache.
template <int dim, class Slot>
struct DenseCells {
  using Pack = kernels::Pack;
  static constexpr int width = kernels::pack_width;
  static constexpr int n_terms = dim * dim + dim + 1;

  TileData data;
  ReferenceView table;
  bool straight;  ///< straight simplices: one Jacobian a cell

  /// Places in the scratch memory, in doubles.
  struct Layout {
    std::size_t nodes, terms, load, flux, matrix, loads, variables, coefficients, values, registers,
        total;
  };
  KOKKOS_INLINE_FUNCTION Layout layout() const {
    const auto n_points = static_cast<std::size_t>(table.shapes.n_points);
    const auto w = static_cast<std::size_t>(width);
    const bool varying = data.coefficients.any_varying;
    Layout at{};
    at.nodes = 0;
    at.terms = at.nodes + static_cast<std::size_t>(data.n_geometry_nodes * dim) * w;
    at.load = at.terms + n_points * n_terms * w;
    at.flux = at.load + n_points * w;
    at.matrix = at.flux + n_points * (dim + 1) * w;
    const auto n = static_cast<std::size_t>(table.shapes.n_nodes);
    at.loads = at.matrix + n * static_cast<std::size_t>(table.shapes.n_padded) * w;
    at.variables = at.loads + n * w;
    at.coefficients = at.variables + (varying ? 4 * n_points * w : 0);
    at.values = at.coefficients + kernels::n_coefficients * (varying ? n_points : 1) * w;
    at.registers = at.values + (varying ? n_points * w : 0);
    at.total = at.registers + data.coefficients.register_doubles();
    return at;
  }

  /// The cells in the lanes; the last ones of a short batch repeat the last cell and add nothing.
  struct Batch {
    LocalId cell[width];
    int region[width];
    std::uint32_t entry[width];
    std::uint32_t entry_end[width];
    bool one_region;
  };

  KOKKOS_FUNCTION void tile(int t, double* scratch) const {
    const Layout at = layout();
    const TileOutput<Slot> output(data, t);
    output.clear(data.is_fixed.data());
    TileRecord record;
    const std::size_t n_values = static_cast<std::size_t>(table.shapes.n_points) * width;
    if (data.coefficients.any_varying) {
      double* variables = scratch + at.variables;
      for (std::size_t i = 0; i < n_values; ++i) {
        variables[n_values + i] = variables[2 * n_values + i] = 0.0;
        variables[3 * n_values + i] = data.time;
      }
    }
    const std::size_t begin = data.map.cell_offsets(static_cast<std::size_t>(t));
    const std::size_t end = data.map.cell_offsets(static_cast<std::size_t>(t) + 1);
    for (std::size_t k = begin; k < end; k += width) {
      Batch batch;
      fill(batch, begin, k, end, scratch + at.nodes);
      const bool good = evaluate_coefficients(batch, at, scratch, record);
      if (!good) continue;
      compute_terms(at, scratch);
      compute_matrices(at, scratch);
      add_rows(batch, output, at, scratch);
    }
    data.records(static_cast<std::size_t>(t)) = record;
  }

 private:
  KOKKOS_INLINE_FUNCTION void fill(Batch& batch, std::size_t begin, std::size_t k, std::size_t end,
                                   double* nodes) const {
    batch.one_region = true;
    for (int l = 0; l < width; ++l) {
      const bool filled = k + static_cast<std::size_t>(l) < end;
      const std::size_t c = filled ? k + static_cast<std::size_t>(l) : end - 1;
      const LocalId cell = data.map.cells(c);
      batch.cell[l] = cell;
      batch.region[l] = data.cell_region(static_cast<std::size_t>(cell));
      batch.one_region = batch.one_region && batch.region[l] == batch.region[0];
      batch.entry_end[l] = data.map.entry_ends(c);
      batch.entry[l] = !filled ? batch.entry_end[l] : (c == begin ? 0 : data.map.entry_ends(c - 1));
      const LocalId* cell_nodes =
          data.cell_nodes.data() +
          static_cast<std::size_t>(cell) * static_cast<std::size_t>(data.n_geometry_nodes);
      for (int a = 0; a < data.n_geometry_nodes; ++a) {
        const double* x = data.coordinates.data() + static_cast<std::size_t>(cell_nodes[a]) * dim;
        for (int d = 0; d < dim; ++d) nodes[(a * dim + d) * width + l] = x[d];
      }
    }
  }

  /// Coefficient `slot` at point q: packs at coefficients + (slot * n_points + q) * width where
  /// anything varies, else one pack a slot. False (and a record) if a value is not finite.
  KOKKOS_INLINE_FUNCTION bool evaluate_coefficients(const Batch& batch, const Layout& at,
                                                    double* scratch, TileRecord& record) const {
    const CoefficientSet& set = data.coefficients;
    const int n_points = table.shapes.n_points;
    if (set.any_varying) place_points(scratch + at.nodes, scratch + at.variables);
    const std::size_t stride = static_cast<std::size_t>(set.any_varying ? n_points : 1) * width;
    bool good = true;
    for (int slot = 0; slot < kernels::n_coefficients; ++slot) {
      double* out = scratch + at.coefficients + static_cast<std::size_t>(slot) * stride;
      if (!set.varying[slot]) {
        for (int l = 0; l < width; ++l) {
          out[l] = set.constants(static_cast<std::size_t>(batch.region[l] * set.n_slots + slot));
        }
        for (std::size_t i = width; i < stride; ++i) out[i] = out[i - width];
        continue;
      }
      for (int l = 0; l < width; ++l) {
        const int region = batch.region[l];
        bool seen = false;
        for (int m = 0; m < l; ++m) seen = seen || batch.region[m] == region;
        if (seen) continue;
        const auto place = static_cast<std::size_t>(region * set.n_slots + slot);
        const int program = set.programs(place);
        double* values = batch.one_region ? out : scratch + at.values;
        if (program >= 0) {
          evaluate_program(set, program, scratch + at.variables, n_points * width,
                           scratch + at.registers, values);
        } else {
          for (std::size_t i = 0; i < stride; ++i) values[i] = set.constants(place);
        }
        if (batch.one_region) break;
        for (int m = l; m < width; ++m) {
          if (batch.region[m] != region) continue;
          for (int q = 0; q < n_points; ++q) out[q * width + m] = values[q * width + m];
        }
      }
      good = check(batch, slot, out, record) && good;
    }
    if (good && varies(set)) note_range(scratch + at.coefficients, stride, record);
    return good;
  }

  KOKKOS_INLINE_FUNCTION static bool varies(const CoefficientSet& set) {
    for (int slot = 0; slot < dim * dim; ++slot) {
      if (set.varying[slot]) return true;
    }
    return false;
  }

  KOKKOS_INLINE_FUNCTION bool check(const Batch& batch, int slot, const double* out,
                                    TileRecord& record) const {
    bool good = true;
    for (int i = 0; i < table.shapes.n_points * width; ++i) good = good && !is_bad(out[i]);
    if (good) return true;
    for (int i = 0; i < table.shapes.n_points * width && record.bad_cell < 0; ++i) {
      if (!is_bad(out[i])) continue;
      record.bad_cell = batch.cell[i % width];
      record.bad_point = i / width;
      record.bad_slot = slot;
    }
    return false;
  }

  KOKKOS_INLINE_FUNCTION void note_range(const double* coefficients, std::size_t stride,
                                         TileRecord& record) const {
    for (int i = 0; i < table.shapes.n_points * width; ++i) {
      double k[9];
      for (int slot = 0; slot < dim * dim; ++slot) {
        k[slot] =
            coefficients[static_cast<std::size_t>(slot) * stride + static_cast<std::size_t>(i)];
      }
      note_diffusion<dim>(data.coefficients.terms.diffusion, k, record);
    }
  }

  /// x, y, z of the points: rows [4][n_points * width].
  KOKKOS_INLINE_FUNCTION void place_points(const double* nodes, double* variables) const {
    const int n_points = table.shapes.n_points;
    for (int q = 0; q < n_points; ++q) {
      const double* shape = table.geometry_values + q * data.n_geometry_nodes;
      for (int d = 0; d < dim; ++d) {
        Pack sum(0.0);
        for (int a = 0; a < data.n_geometry_nodes; ++a) {
          sum += kernels::load(nodes + (a * dim + d) * width) * Pack(shape[a]);
        }
        kernels::store(variables + (d * n_points + q) * width, sum);
      }
    }
  }

  KOKKOS_INLINE_FUNCTION void jacobian(const double* nodes, int q, Pack* j) const {
    const double* gradient = table.geometry_gradients + q * data.n_geometry_nodes * dim;
    for (int i = 0; i < dim * dim; ++i) j[i] = Pack(0.0);
    for (int a = 0; a < data.n_geometry_nodes; ++a) {
      for (int d = 0; d < dim; ++d) {
        const Pack x = kernels::load(nodes + (a * dim + d) * width);
        for (int e = 0; e < dim; ++e) j[d * dim + e] += x * Pack(gradient[a * dim + e]);
      }
    }
  }

  KOKKOS_INLINE_FUNCTION void compute_terms(const Layout& at, double* scratch) const {
    using kernels::load;
    const CoefficientSet& set = data.coefficients;
    const int n_points = table.shapes.n_points;
    const std::size_t stride = static_cast<std::size_t>(set.any_varying ? n_points : 1) * width;
    Pack adj[dim * dim], det;
    for (int q = 0; q < n_points; ++q) {
      if (q == 0 || !straight) {
        Pack j[dim * dim];
        jacobian(scratch + at.nodes, q, j);
        det = kernels::adjugate<dim>(j, adj);
      }
      const double* here = scratch + at.coefficients + (set.any_varying ? q * width : 0);
      const auto coefficient = [&](int slot) {
        return load(here + static_cast<std::size_t>(slot) * stride);
      };
      const Pack weight(table.weights[q]);
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
      double* out = scratch + at.terms + static_cast<std::size_t>(q) * n_terms * width;
      for (int i = 0; i < n_terms; ++i) kernels::store(out + i * width, terms[i]);
      Pack load_here(0.0);
      if (set.terms.source) load_here = weight * det * coefficient(kernels::coefficient_source);
      kernels::store(scratch + at.load + static_cast<std::size_t>(q) * width, load_here);
    }
  }

  KOKKOS_INLINE_FUNCTION void compute_matrices(const Layout& at, double* scratch) const {
    const kernels::Terms& form = data.coefficients.terms;
    const kernels::ShapeTable& shapes = table.shapes;
    const auto* terms = reinterpret_cast<const Pack*>(scratch + at.terms);
    const auto* load = reinterpret_cast<const Pack*>(scratch + at.load);
    auto* flux = reinterpret_cast<Pack*>(scratch + at.flux);
    auto* matrix = reinterpret_cast<Pack*>(scratch + at.matrix);
    auto* loads = reinterpret_cast<Pack*>(scratch + at.loads);
    const bool symmetric = !form.advection && form.diffusion != kernels::Diffusion::tensor;
    for (int i = 0; i < shapes.n_nodes; ++i) {
      Pack* row = matrix + static_cast<std::size_t>(i) * shapes.n_padded;
      kernels::test_fluxes<dim>(shapes, form, terms, i, flux);
      if (symmetric) {
        // The upper triangle, mirrored: symmetric to the bit. The block of the diagonal also brings
        // columns before it, which are there already and kept.
        const int first = i / kernels::dense_block * kernels::dense_block;
        Pack kept[kernels::dense_block];
        for (int c = 0; c < i - first; ++c) kept[c] = row[first + c];
        kernels::dense_row<dim>(shapes, form, flux, first, row);
        for (int c = 0; c < i - first; ++c) row[first + c] = kept[c];
        for (int j = i + 1; j < shapes.n_nodes; ++j)
          matrix[static_cast<std::size_t>(j) * shapes.n_padded + i] = row[j];
      } else {
        kernels::dense_row<dim>(shapes, form, flux, 0, row);
      }
      Pack sum(0.0);
      if (form.source) {
        for (int q = 0; q < shapes.n_points; ++q) {
          sum +=
              load[q] *
              Pack(shapes.shapes[(static_cast<std::size_t>(q) * (dim + 1) + dim) * shapes.n_padded +
                                 i]);
        }
      }
      loads[i] = sum;
    }
  }

  /// Cell by cell: so the sums are in the order of the cells, however these fall into batches.
  KOKKOS_INLINE_FUNCTION void add_rows(const Batch& batch, const TileOutput<Slot>& output,
                                       const Layout& at, const double* scratch) const {
    const std::size_t row_doubles = static_cast<std::size_t>(table.shapes.n_padded) * width;
    for (int l = 0; l < width; ++l) {
      for (std::uint32_t e = batch.entry[l]; e < batch.entry_end[l]; ++e) {
        const auto i = static_cast<std::size_t>(entry_node(output.entries[e]));
        output.add(e, batch.cell[l], scratch + at.matrix + i * row_doubles + l, width,
                   scratch[at.loads + i * width + static_cast<std::size_t>(l)]);
      }
    }
  }
};

}  // namespace ritz::assembly
