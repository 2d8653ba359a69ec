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

/// Basis and geometry tabulated at the points of a rule.
struct Tables {
  std::size_t n_points, n_dofs, n_geometry, dimension;
  std::vector<double> weights;              // [q]
  std::vector<double> basis, slopes;        // [q][dof], [q][dof][dimension]
  std::vector<double> shape, shape_slopes;  // [q][node], [q][node][dimension]

  Tables(const mesh::Mesh& mesh, const Element& element, const Quadrature& rule)
      : n_points(rule.points.size()),
        n_dofs(static_cast<std::size_t>(element.n_nodes())),
        n_geometry(static_cast<std::size_t>(mesh.nodes_per_cell())),
        dimension(static_cast<std::size_t>(mesh.dimension())),
        weights(rule.weights),
        basis(n_points * n_dofs),
        slopes(n_points * n_dofs * dimension),
        shape(n_points * n_geometry),
        shape_slopes(n_points * n_geometry * dimension) {
    const auto row = [](std::vector<double>& all, std::size_t q, std::size_t width) {
      return std::span<double>(all).subspan(q * width, width);
    };
    for (std::size_t q = 0; q < n_points; ++q) {
      element.values(rule.points[q], row(basis, q, n_dofs));
      element.gradients(rule.points[q], row(slopes, q, n_dofs * dimension));
      mesh::shape_values(mesh.cell_type, mesh.geometry_order, rule.points[q],
                         row(shape, q, n_geometry));
      mesh::shape_gradients(mesh.cell_type, mesh.geometry_order, rule.points[q],
                            row(shape_slopes, q, n_geometry * dimension));
    }
  }
};

/// What one batch of cells has at its quadrature points.
struct Batch {
  std::vector<double> x;               // [point][3]
  std::vector<double> weight;          // [point], with the Jacobian
  std::vector<double> value;           // [point], of u_h
  std::vector<double> gradient;        // [point][dimension], of u_h
  std::vector<double> exact;           // [point]
  std::vector<double> exact_gradient;  // [dimension][point]
};

void fill(const mesh::Mesh& mesh, const Space& space, std::span<const double> values,
          const Tables& t, std::size_t first_cell, std::size_t last_cell, Batch& batch) {
  const std::size_t n = (last_cell - first_cell) * t.n_points, dim = t.dimension;
  batch.x.assign(n * 3, 0.0);
  batch.weight.resize(n);
  batch.value.assign(n, 0.0);
  batch.gradient.assign(n * dim, 0.0);
  for (std::size_t cell = first_cell; cell < last_cell; ++cell) {
    const LocalId* nodes = mesh.cell_nodes.data() + cell * t.n_geometry;
    const std::span<const LocalId> dofs = space.dofs(static_cast<LocalId>(cell));
    for (std::size_t q = 0; q < t.n_points; ++q) {
      const std::size_t at = (cell - first_cell) * t.n_points + q;
      std::array<double, 9> jacobian{}, inverse{};
      for (std::size_t g = 0; g < t.n_geometry; ++g) {
        const double* node =
            mesh.node_coordinates.data() + static_cast<std::size_t>(nodes[g]) * dim;
        const double* slope = t.shape_slopes.data() + (q * t.n_geometry + g) * dim;
        for (std::size_t i = 0; i < dim; ++i) {
          batch.x[at * 3 + i] += t.shape[q * t.n_geometry + g] * node[i];
          for (std::size_t j = 0; j < dim; ++j) jacobian[i * dim + j] += node[i] * slope[j];
        }
      }
      const double det = detail::invert(jacobian, static_cast<int>(dim), inverse);
      batch.weight[at] = t.weights[q] * std::abs(det);
      std::array<double, 3> slope{};
      for (std::size_t d = 0; d < t.n_dofs; ++d) {
        const double u = values[static_cast<std::size_t>(dofs[d])];
        batch.value[at] += t.basis[q * t.n_dofs + d] * u;
        for (std::size_t j = 0; j < dim; ++j)
          slope[j] += t.slopes[(q * t.n_dofs + d) * dim + j] * u;
      }
      for (std::size_t i = 0; i < dim; ++i) {
        for (std::size_t j = 0; j < dim; ++j) {
          batch.gradient[at * dim + i] += inverse[j * dim + i] * slope[j];
        }
      }
    }
  }
}

void accumulate(const Batch& batch, std::size_t dimension, bool with_gradient, Sums& sums) {
  const std::size_t n = batch.weight.size();
  for (std::size_t p = 0; p < n; ++p) {
    const double error = batch.value[p] - batch.exact[p];
    sums.l2.add(batch.weight[p] * error * error);
    sums.exact_l2.add(batch.weight[p] * batch.exact[p] * batch.exact[p]);
    if (!with_gradient) continue;
    for (std::size_t c = 0; c < dimension; ++c) {
      const double exact = batch.exact_gradient[c * n + p];
      const double difference = batch.gradient[p * dimension + c] - exact;
      sums.h1.add(batch.weight[p] * difference * difference);
      sums.exact_h1.add(batch.weight[p] * exact * exact);
    }
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
      fill(mesh, space, values, tables, cell, std::min(n_cells, cell + cells_at_once), batch);
      const std::size_t n = batch.weight.size();
      batch.exact.resize(n);
      exact(batch.x, batch.exact);
      if (with_gradient) {
        batch.exact_gradient.resize(n * dimension);
        for (std::size_t c = 0; c < dimension; ++c) {
          gradient[c](batch.x, {batch.exact_gradient.data() + c * n, n});
        }
      }
      accumulate(batch, dimension, with_gradient, mine);
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
