#include "ritz/assembly/integrate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "boundary_terms.hpp"
#include "coefficients.hpp"
#include "facet_tables.hpp"
#include "ritz/kernels/coefficient_form.hpp"
#include "ritz/mesh/geometry.hpp"

namespace ritz::assembly {

namespace {

/// Points of many cells that are evaluated in one go.
constexpr std::size_t batch_points = 4096;

/// Rows x, y, z, t, u and the quadrature weights of a batch of cells or facets.
class PointBatch {
 public:
  explicit PointBatch(double time) : time_(time) {}

  void add(const std::array<double, 3>& x, double u, double weight) {
    points_.push_back({x[0], x[1], x[2], u});
    weights_.push_back(weight);
  }
  [[nodiscard]] std::size_t size() const { return points_.size(); }

  /// Appends weight * value of every point to `terms` and empties the batch.
  void flush(const Integrand& integrand, std::vector<double>& terms) {
    const std::size_t n = points_.size();
    if (n == 0) return;
    rows_.resize(5 * n);
    values_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t d = 0; d < 3; ++d) rows_[d * n + i] = points_[i][d];
      rows_[3 * n + i] = time_;
      rows_[4 * n + i] = points_[i][3];
    }
    evaluate_on_host(integrand, time_, rows_, values_);
    for (std::size_t i = 0; i < n; ++i) terms.push_back(weights_[i] * values_[i]);
    points_.clear();
    weights_.clear();
  }

 private:
  double time_;
  std::vector<std::array<double, 4>> points_;
  std::vector<double> weights_, rows_, values_;
};

/// The element's shape functions at the points of a rule.
std::vector<double> tabulate(const fem::Element& element,
                             const std::vector<std::array<double, 3>>& points) {
  const auto n = static_cast<std::size_t>(element.n_nodes());
  std::vector<double> table(points.size() * n);
  for (std::size_t q = 0; q < points.size(); ++q) {
    element.values(points[q], std::span<double>(table).subspan(q * n, n));
  }
  return table;
}

double value_at(const fem::Space& space, std::span<const double> u, LocalId cell,
                const double* shapes) {
  double sum = 0;
  const auto dofs = space.dofs(cell);
  for (std::size_t j = 0; j < dofs.size(); ++j)
    sum += shapes[j] * u[static_cast<std::size_t>(dofs[j])];
  return sum;
}

double determinant(int dimension, const double* jacobian, double* adjugate) {
  switch (dimension) {
    case 1:
      return kernels::adjugate<1>(jacobian, adjugate);
    case 2:
      return kernels::adjugate<2>(jacobian, adjugate);
    default:
      return kernels::adjugate<3>(jacobian, adjugate);
  }
}

double measure(int dimension, const double* jacobian, const double* tangents) {
  switch (dimension) {
    case 1:
      return facet_measure<1>(jacobian, tangents);
    case 2:
      return facet_measure<2>(jacobian, tangents);
    default:
      return facet_measure<3>(jacobian, tangents);
  }
}

/// Facets that this rank counts: those whose cell it owns. Which of an inner facet's two cells has
/// it was decided by global ids, with both cells in sight.
template <class Work>
void for_each_owned_facet(const mesh::Mesh& mesh, const std::vector<std::int16_t>& sets,
                          const Work& work) {
  for (const mesh::FacetInSet& f : facets_in_sets(mesh, sets)) {
    if (f.cell < mesh.n_cells_owned) work(f);
  }
}

int facet_degree(const fem::Space& space) {
  return 2 * space.element.degree() + 4;
}

/// K of a region at a point, as a full tensor.
class Diffusion {
 public:
  Diffusion(const physics::Form& form, double time) : form_(form), time_(time) {}

  void at(std::size_t region, const std::array<double, 3>& x, double* k) const {
    const physics::RegionForm& r = form_.regions[region];
    const auto d = static_cast<std::size_t>(form_.dimension);
    std::fill(k, k + d * d, 0.0);
    const std::array<double, 4> rows{x[0], x[1], x[2], time_};
    const auto value = [&](std::size_t i) {
      double out = 0;
      evaluate_on_host(r.diffusion[i], time_, rows, std::span<double>(&out, 1));
      return out;
    };
    switch (r.diffusion_kind) {
      case physics::DiffusionKind::none:
        break;
      case physics::DiffusionKind::scalar:
        k[0] = value(0);
        for (std::size_t i = 1; i < d; ++i) k[i * d + i] = k[0];
        break;
      case physics::DiffusionKind::diagonal:
        for (std::size_t i = 0; i < d; ++i) k[i * d + i] = value(i);
        break;
      case physics::DiffusionKind::tensor:
        for (std::size_t i = 0; i < d * d; ++i) k[i] = value(i);
        break;
    }
  }

 private:
  const physics::Form& form_;
  double time_;
};

}  // namespace

double reproducible_sum(const comm::Communicator& communicator, std::span<const double> values) {
  double largest = 0;
  std::int32_t bad = 0;
  for (const double v : values) {
    if (is_bad(v)) {
      bad = 1;
    } else {
      largest = std::max(largest, std::abs(v));
    }
  }
  const GlobalId n = communicator.sum(static_cast<GlobalId>(values.size()));
  largest = communicator.max(largest);
  if (communicator.max(bad) != 0) return std::numeric_limits<double>::quiet_NaN();
  if (largest == 0.0) return 0.0;
  // Numbers up to `largest`, rounded to a multiple of 2^(exponent - 53 + bits), sum exactly if
  // there are at most 2^(bits-1) of them: adding and subtracting `big` does the rounding.
  const int bits = std::ilogb(static_cast<double>(n)) + 2;
  std::vector<double> rest(values.begin(), values.end());
  double total = 0;
  double bound = largest;
  for (int fold = 0; fold < 3; ++fold) {
    const double big = std::ldexp(1.5, std::ilogb(bound) + 1 + bits);
    if (!std::isfinite(big) || std::ilogb(bound) < -900) break;
    double sum = 0;
    for (double& v : rest) {
      volatile double shifted = big + v;
      const double piece = shifted - big;
      sum += piece;
      v -= piece;
    }
    total += communicator.sum(sum);
    bound = std::ldexp(big, -53);
  }
  return total;
}

double integrate_regions(const mesh::Mesh& mesh, const fem::Space& space, std::span<const double> u,
                         const std::vector<std::int16_t>& regions, const Integrand& integrand,
                         double time) {
  std::vector<double> terms;
  space.communicator.together([&] {
    const fem::Quadrature rule = fem::quadrature(mesh.cell_type, 2 * space.element.degree() + 4);
    const std::vector<double> shapes = tabulate(space.element, rule.points);
    const auto n = static_cast<std::size_t>(space.element.n_nodes());
    const int dim = mesh.dimension();
    PointBatch batch(time);
    std::vector<double> jacobian(static_cast<std::size_t>(dim * dim));
    double adjugate[9];
    for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
      const std::int16_t region = mesh.cell_region[static_cast<std::size_t>(cell)];
      if (!regions.empty() && std::find(regions.begin(), regions.end(), region) == regions.end())
        continue;
      for (std::size_t q = 0; q < rule.points.size(); ++q) {
        const auto x = mesh::map_to_physical(mesh, cell, rule.points[q], jacobian);
        batch.add(x, value_at(space, u, cell, shapes.data() + q * n),
                  rule.weights[q] * determinant(dim, jacobian.data(), adjugate));
      }
      if (batch.size() >= batch_points) batch.flush(integrand, terms);
    }
    batch.flush(integrand, terms);
  });
  return reproducible_sum(space.communicator, terms);
}

double integrate_sets(const mesh::Mesh& mesh, const fem::Space& space, std::span<const double> u,
                      const std::vector<std::int16_t>& sets, const Integrand& integrand,
                      double time) {
  std::vector<double> terms;
  space.communicator.together([&] {
    const FacetTable table(mesh, space.element, facet_degree(space));
    const std::vector<double> shapes = tabulate(space.element, table.cell_points);
    const auto n = static_cast<std::size_t>(space.element.n_nodes());
    const int dim = mesh.dimension();
    PointBatch batch(time);
    std::vector<double> jacobian(static_cast<std::size_t>(dim * dim));
    for_each_owned_facet(mesh, sets, [&](const mesh::FacetInSet& f) {
      for (int q = 0; q < table.n_points; ++q) {
        const auto at = static_cast<std::size_t>(f.facet * table.n_points + q);
        const auto x = mesh::map_to_physical(mesh, f.cell, table.cell_points[at], jacobian);
        batch.add(x, value_at(space, u, f.cell, shapes.data() + at * n),
                  table.host_weights[static_cast<std::size_t>(q)] *
                      measure(dim, jacobian.data(), table.host_tangents.data() + 6 * f.facet));
      }
      if (batch.size() >= batch_points) batch.flush(integrand, terms);
    });
    batch.flush(integrand, terms);
  });
  return reproducible_sum(space.communicator, terms);
}

double integrate_flux(const mesh::Mesh& mesh, const fem::Space& space, std::span<const double> u,
                      const std::vector<std::int16_t>& sets, const physics::Form& form,
                      double time) {
  std::vector<double> terms;
  space.communicator.together([&] {
    const FacetTable table(mesh, space.element, facet_degree(space));
    const Diffusion diffusion(form, time);
    const int dim = mesh.dimension();
    const auto d = static_cast<std::size_t>(dim);
    const mesh::CellTable& cell_table = mesh::table(mesh.cell_type);
    std::vector<double> jacobian(d * d), gradient(d);
    double adjugate[9], k[9];
    for_each_owned_facet(mesh, sets, [&](const mesh::FacetInSet& f) {
      // The outward normal of the reference facet: away from the middle of the cell, orthogonal to
      // the facet; adj(J)^T n has the direction of the real one.
      const double* tangents = table.host_tangents.data() + 6 * f.facet;
      const double* s = tangents;
      const double* t = tangents + 3;
      std::array<double, 3> normal{};
      if (dim == 1) normal = {1.0, 0.0, 0.0};
      if (dim == 2) normal = {s[1], -s[0], 0.0};
      if (dim == 3)
        normal = {s[1] * t[2] - s[2] * t[1], s[2] * t[0] - s[0] * t[2], s[0] * t[1] - s[1] * t[0]};
      const auto& on_facet = cell_table.vertices[static_cast<std::size_t>(
          cell_table.facets[static_cast<std::size_t>(f.facet)][0])];
      double side = 0;
      for (std::size_t c = 0; c < d; ++c) {
        double middle = 0;
        for (std::size_t v = 0; v < static_cast<std::size_t>(cell_table.n_vertices); ++v)
          middle += cell_table.vertices[v][c];
        side += normal[c] * (on_facet[c] - middle / cell_table.n_vertices);
      }
      for (double& c : normal) c = side > 0 ? c : -c;
      for (int q = 0; q < table.n_points; ++q) {
        const auto& point =
            table.cell_points[static_cast<std::size_t>(f.facet * table.n_points + q)];
        const auto x = mesh::map_to_physical(mesh, f.cell, point, jacobian);
        determinant(dim, jacobian.data(), adjugate);
        (void)fem::evaluate(mesh, space, u, f.cell, point, gradient);
        diffusion.at(static_cast<std::size_t>(mesh.cell_region[static_cast<std::size_t>(f.cell)]),
                     x, k);
        // n ds = adj(J)^T n_reference, up to the sign of |J|, which is positive.
        double flux = 0;
        for (std::size_t i = 0; i < d; ++i) {
          double real_normal = 0, k_gradient = 0;
          for (std::size_t j = 0; j < d; ++j) {
            real_normal += adjugate[j * d + i] * normal[j];
            k_gradient += k[i * d + j] * gradient[j];
          }
          flux += k_gradient * real_normal;
        }
        terms.push_back(table.host_weights[static_cast<std::size_t>(q)] * flux);
      }
    });
  });
  return reproducible_sum(space.communicator, terms);
}

}  // namespace ritz::assembly
