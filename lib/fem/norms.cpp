#include <algorithm>
#include <cmath>
#include <limits>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/geometry.hpp"
#include "small_matrix.hpp"

namespace ritz::fem {

namespace {

/// A sum that keeps what rounding cuts off (Knuth's two-sum), so that the order of the summands,
/// and with it the partition, hardly shows in the result.
struct LongSum {
  double high = 0.0, low = 0.0;

  void add(double x) {
    const double sum = high + x;
    const double part = sum - high;
    low += (high - (sum - part)) + (x - part);
    high = sum;
  }
  [[nodiscard]] double value() const { return high + low; }
};

/// Squares of the four norms.
struct Sums {
  LongSum l2, h1, exact_l2, exact_h1;
};

/// Sum over all ranks, in rank order. Collective.
Sums reduce(const comm::Communicator& communicator, const Sums& mine) {
  Sums total;
  for (const Sums& one : communicator.all_gather(mine)) {
    const auto add = [](LongSum& into, const LongSum& from) {
      into.add(from.high);
      into.add(from.low);
    };
    add(total.l2, one.l2);
    add(total.h1, one.h1);
    add(total.exact_l2, one.exact_l2);
    add(total.exact_h1, one.exact_h1);
  }
  return total;
}

/// Basis and geometry tabulated at the points of a rule, points last so that the loops over them
/// are the inner ones and run in vector registers.
struct Tables {
  std::size_t n_points, n_dofs, n_geometry, dimension;
  bool is_affine;                    ///< one Jacobian a cell
  std::vector<double> weights;       // [q]
  std::vector<double> basis;         // [dof][q]
  std::vector<double> slopes;        // [dimension][dof][q]
  std::vector<double> shape;         // [node][q]
  std::vector<double> shape_slopes;  // [dimension][node][q]

  Tables(const mesh::Mesh& mesh, const Element& element, const Quadrature& rule)
      : n_points(rule.points.size()),
        n_dofs(static_cast<std::size_t>(element.n_nodes())),
        n_geometry(static_cast<std::size_t>(mesh.nodes_per_cell())),
        dimension(static_cast<std::size_t>(mesh.dimension())),
        is_affine(mesh.geometry_order == 1 &&
                  (mesh::is_simplex(mesh.cell_type) || mesh.cell_type == mesh::CellType::line)),
        weights(rule.weights),
        basis(n_points * n_dofs),
        slopes(n_points * n_dofs * dimension),
        shape(n_points * n_geometry),
        shape_slopes(n_points * n_geometry * dimension) {
    std::vector<double> values(std::max(n_dofs, n_geometry)), gradients(values.size() * dimension);
    const auto spread = [&](std::size_t q, std::size_t n, std::vector<double>& of_values,
                            std::vector<double>& of_gradients) {
      for (std::size_t i = 0; i < n; ++i) {
        of_values[i * n_points + q] = values[i];
        for (std::size_t c = 0; c < dimension; ++c) {
          of_gradients[(c * n + i) * n_points + q] = gradients[i * dimension + c];
        }
      }
    };
    for (std::size_t q = 0; q < n_points; ++q) {
      element.values(rule.points[q], values);
      element.gradients(rule.points[q], gradients);
      spread(q, n_dofs, basis, slopes);
      mesh::shape_values(mesh.cell_type, mesh.geometry_order, rule.points[q], values);
      mesh::shape_gradients(mesh.cell_type, mesh.geometry_order, rule.points[q], gradients);
      spread(q, n_geometry, shape, shape_slopes);
    }
  }
};

/// What one batch of cells has at its quadrature points.
struct Batch {
  std::vector<double> x;               // [point][3]
  std::vector<double> weight;          // [point], with the Jacobian
  std::vector<double> value;           // [point], of u_h
  std::vector<double> gradient;        // [dimension][point], of u_h
  std::vector<double> exact;           // [point]
  std::vector<double> exact_gradient;  // [dimension][point]
};

/// out[q] = sum over i of table[i][q] * factors[i], for the first n_out points.
void combine(const double* table, std::span<const double> factors, std::size_t n_points,
             std::size_t n_out, double* out) {
  std::fill_n(out, n_out, 0.0);
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const double factor = factors[i];
    const double* row = table + i * n_points;
    for (std::size_t q = 0; q < n_out; ++q) out[q] += row[q] * factor;
  }
}

void fill(const mesh::Mesh& mesh, const Space& space, std::span<const double> values,
          const Tables& t, std::size_t first_cell, std::size_t last_cell, bool with_gradient,
          Batch& batch) {
  const std::size_t n_q = t.n_points, n = (last_cell - first_cell) * n_q, dim = t.dimension;
  batch.x.assign(n * 3, 0.0);
  batch.weight.resize(n);
  batch.value.resize(n);
  if (with_gradient) batch.gradient.resize(n * dim);
  std::vector<double> nodes(t.n_geometry * dim);  // [dimension][node]
  std::vector<double> u(t.n_dofs);
  std::vector<double> column(n_q);
  std::vector<double> jacobians(dim * dim * n_q);  // [i][j][q]
  std::vector<double> reference_slopes(dim * n_q);
  const std::size_t n_jacobians = t.is_affine ? 1 : n_q;
  for (std::size_t cell = first_cell; cell < last_cell; ++cell) {
    const std::size_t at = (cell - first_cell) * n_q;
    const LocalId* cell_nodes = mesh.cell_nodes.data() + cell * t.n_geometry;
    const std::span<const LocalId> dofs = space.dofs(static_cast<LocalId>(cell));
    for (std::size_t d = 0; d < t.n_dofs; ++d) u[d] = values[static_cast<std::size_t>(dofs[d])];
    for (std::size_t i = 0; i < dim; ++i) {
      const std::span<double> component(nodes.data() + i * t.n_geometry, t.n_geometry);
      for (std::size_t g = 0; g < t.n_geometry; ++g) {
        component[g] = mesh.node_coordinates[static_cast<std::size_t>(cell_nodes[g]) * dim + i];
      }
      combine(t.shape.data(), component, n_q, n_q, column.data());
      for (std::size_t q = 0; q < n_q; ++q) batch.x[(at + q) * 3 + i] = column[q];
      for (std::size_t j = 0; j < dim; ++j) {
        combine(t.shape_slopes.data() + j * t.n_geometry * n_q, component, n_q, n_jacobians,
                jacobians.data() + (i * dim + j) * n_q);
      }
    }
    combine(t.basis.data(), u, n_q, n_q, batch.value.data() + at);
    for (std::size_t j = 0; with_gradient && j < dim; ++j) {
      combine(t.slopes.data() + j * t.n_dofs * n_q, u, n_q, n_q, reference_slopes.data() + j * n_q);
    }
    std::array<double, 9> jacobian{}, inverse{};
    double det = 0.0;
    for (std::size_t q = 0; q < n_q; ++q) {
      if (q < n_jacobians) {
        for (std::size_t k = 0; k < dim * dim; ++k) jacobian[k] = jacobians[k * n_q + q];
        det = detail::invert(jacobian, static_cast<int>(dim), inverse);
      }
      batch.weight[at + q] = t.weights[q] * std::abs(det);
      for (std::size_t i = 0; with_gradient && i < dim; ++i) {
        double sum = 0.0;
        for (std::size_t j = 0; j < dim; ++j) {
          sum += inverse[j * dim + i] * reference_slopes[j * n_q + q];
        }
        batch.gradient[i * n + at + q] = sum;
      }
    }
  }
}

/// Adds weight * values^2, summed plainly over each cell and with care over the cells.
template <class Value>
void add_squares(const Batch& batch, std::size_t n_q, LongSum& sum, Value&& value) {
  for (std::size_t first = 0; first < batch.weight.size(); first += n_q) {
    double cell_sum = 0.0;
    for (std::size_t p = first; p < first + n_q; ++p) {
      const double one = value(p);
      cell_sum += batch.weight[p] * one * one;
    }
    sum.add(cell_sum);
  }
}

void accumulate(const Batch& batch, const Tables& t, bool with_gradient, Sums& sums) {
  const std::size_t n = batch.weight.size();
  add_squares(batch, t.n_points, sums.l2,
              [&](std::size_t p) { return batch.value[p] - batch.exact[p]; });
  add_squares(batch, t.n_points, sums.exact_l2, [&](std::size_t p) { return batch.exact[p]; });
  for (std::size_t c = 0; with_gradient && c < t.dimension; ++c) {
    const double* own = batch.gradient.data() + c * n;
    const double* exact = batch.exact_gradient.data() + c * n;
    add_squares(batch, t.n_points, sums.h1, [&](std::size_t p) { return own[p] - exact[p]; });
    add_squares(batch, t.n_points, sums.exact_h1, [&](std::size_t p) { return exact[p]; });
  }
}

}  // namespace

Norms error_norms(const mesh::Mesh& mesh, const Space& space, std::span<const double> values,
                  const PointFunction& exact, std::span<const PointFunction> gradient) {
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  const bool with_gradient = !gradient.empty();
  Sums mine;
  double max_nodal = 0.0;
  bool not_a_number = false;
  // The functions are the caller's and may throw.
  mesh.communicator.together([&] {
    const Quadrature rule = quadrature(
        mesh.cell_type,
        std::min(2 * space.element.degree() + 4, mesh::is_simplex(mesh.cell_type) ? 20 : 40));
    const Tables tables(mesh, space.element, rule);
    const auto n_cells = static_cast<std::size_t>(mesh.n_cells_owned);
    const std::size_t cells_at_once = std::max<std::size_t>(1, 4096 / tables.n_points);
    Batch batch;
    for (std::size_t cell = 0; cell < n_cells; cell += cells_at_once) {
      fill(mesh, space, values, tables, cell, std::min(n_cells, cell + cells_at_once),
           with_gradient, batch);
      const std::size_t n = batch.weight.size();
      batch.exact.resize(n);
      exact(batch.x, batch.exact);
      if (with_gradient) {
        batch.exact_gradient.resize(n * dimension);
        for (std::size_t c = 0; c < dimension; ++c) {
          gradient[c](batch.x, {batch.exact_gradient.data() + c * n, n});
        }
      }
      accumulate(batch, tables, with_gradient, mine);
    }

    const std::vector<double> x = node_coordinates(mesh, space);
    const auto n_owned = static_cast<std::size_t>(space.n_owned);
    std::vector<double> at_nodes(n_owned);
    if (n_owned > 0) exact(std::span<const double>(x).first(3 * n_owned), at_nodes);
    for (std::size_t i = 0; i < n_owned; ++i) {
      const double error = std::abs(values[i] - at_nodes[i]);
      not_a_number = not_a_number || std::isnan(error);
      if (!std::isnan(error)) max_nodal = std::max(max_nodal, error);
    }
  });
  const Sums total = reduce(mesh.communicator, mine);
  Norms norms;
  norms.l2 = std::sqrt(total.l2.value());
  norms.exact_l2 = std::sqrt(total.exact_l2.value());
  norms.max_nodal = mesh.communicator.max(max_nodal);
  // MPI's maximum does not promise to keep a NaN.
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (mesh.communicator.any(not_a_number)) norms.max_nodal = nan;
  norms.h1_semi = with_gradient ? std::sqrt(total.h1.value()) : nan;
  norms.exact_h1_semi = with_gradient ? std::sqrt(total.exact_h1.value()) : nan;
  return norms;
}

}  // namespace ritz::fem
