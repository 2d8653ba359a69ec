#include <algorithm>
#include <array>

#include "cell_loop.hpp"
#include "cell_terms.hpp"
#include "natural_facets.hpp"
#include "points_1d.hpp"
#include "ritz/assembly/cell_operator.hpp"
#include "ritz/comm/split_exchange.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "some_cells.hpp"

namespace ritz::assembly {

namespace {

/// A right-hand side while it is summed up.
struct Load {
  double* owned;
  std::vector<double> ghosts;
  LocalId n_owned;
  [[nodiscard]] double& at(LocalId dof) {
    return dof < n_owned ? owned[dof] : ghosts[static_cast<std::size_t>(dof - n_owned)];
  }
};

/// Adds the owned cells' source terms. Local; throws Error(not_finite).
void add_sources(const mesh::Mesh& mesh, const fem::Space& space, const physics::Form& form,
                 double time, const TensorBasis& basis, Load& load) {
  const Coefficients coefficients(form, time);
  if (!coefficients.set().terms.source) return;
  constexpr int width = CellTerms::width;
  const int dim = mesh.dimension();
  CellTerms terms(mesh, basis, coefficients.set(), kernels::StoredTerms{}, time);
  const std::vector<int> order =
      mesh::entity_order(mesh.cell_type, space.element.degree());  // of tensor positions
  const int n_nodes = space.element.n_nodes();
  // Integrals of the basis functions over the reference cell.
  std::vector<double> integrals(static_cast<std::size_t>(n_nodes), 1.0);
  for (int t = 0; t < n_nodes; ++t) {
    for (int d = 0, rest = t; d < dim; ++d, rest /= basis.n) {
      double sum = 0;
      for (int q = 0; q < basis.m; ++q) {
        sum += basis.weights[static_cast<std::size_t>(q)] *
               basis.values[static_cast<std::size_t>(q * basis.n + rest % basis.n)];
      }
      integrals[static_cast<std::size_t>(t)] *= sum;
    }
  }
  std::vector<double> in(static_cast<std::size_t>(terms.n_points()) * width), out(in.size());
  for (LocalId first = 0; first < mesh.n_cells_owned; first += width) {
    std::array<LocalId, width> cells{};
    for (int l = 0; l < width; ++l) {
      cells[static_cast<std::size_t>(l)] = first + l < mesh.n_cells_owned ? first + l : -1;
    }
    terms.compute_load(cells.data());
    if (terms.is_constant()) {
      for (int t = 0; t < n_nodes; ++t) {
        for (int l = 0; l < width; ++l) {
          in[static_cast<std::size_t>(t * width + l)] =
              integrals[static_cast<std::size_t>(t)] * terms.load(0)[l];
        }
      }
    } else {
      std::copy_n(terms.load(0), in.size(), in.begin());
      // S^T direction by direction: the last point direction is contracted first and its nodes go
      // to the front, so after dim turns the axes are back in order.
      int rest = terms.n_points() / basis.m;
      for (int d = 0; d < dim; ++d) {
        for (int r = 0; r < rest; ++r) {
          for (int i = 0; i < basis.n; ++i) {
            double* to = out.data() + static_cast<std::size_t>(i * rest + r) * width;
            std::fill_n(to, width, 0.0);
            for (int q = 0; q < basis.m; ++q) {
              const double value = basis.values[static_cast<std::size_t>(q * basis.n + i)];
              const double* from = in.data() + static_cast<std::size_t>(r * basis.m + q) * width;
              for (int l = 0; l < width; ++l) to[l] += value * from[l];
            }
          }
        }
        std::swap(in, out);
        rest = rest / basis.m * basis.n;
      }
    }
    for (int l = 0; l < width && cells[static_cast<std::size_t>(l)] >= 0; ++l) {
      const auto dofs = space.dofs(cells[static_cast<std::size_t>(l)]);
      for (int t = 0; t < n_nodes; ++t) {
        const int node = order[static_cast<std::size_t>(t)];
        load.at(dofs[static_cast<std::size_t>(node)]) +=
            in[static_cast<std::size_t>(t * width + l)];
      }
    }
  }
  if (terms.bad().cell >= 0) {
    throw_bad("source", mesh::map_to_physical(mesh, terms.bad().cell, terms.bad().point), dim);
  }
}

}  // namespace

void cell_load(const mesh::Mesh& mesh, const fem::Space& space, const fem::Constraints& fixed,
               const physics::Form& form, double time, const la::Vector& b) {
  const auto n_owned = static_cast<std::size_t>(space.n_owned);
  const auto n_local = static_cast<std::size_t>(space.n_local());
  const TensorBasis basis(space.element.degree(), n_points_1d(mesh, space.element.degree()));
  double* const out = b.data();
  std::fill_n(out, n_owned, 0.0);
  Load load{out, std::vector<double>(n_local - n_owned, 0.0), space.n_owned};
  space.communicator.together([&] {
    add_sources(mesh, space, form, time, basis, load);
    const NaturalFacets facets = natural_facets(mesh, space, form, time, false);
    const auto n = static_cast<std::size_t>(facets.n_nodes);
    const auto n_points = static_cast<std::size_t>(facets.n_points);
    for (std::size_t f = 0; f < facets.facets.size(); ++f) {
      const auto number = static_cast<std::size_t>(facets.facets[f].number);
      const auto dofs = space.dofs(facets.facets[f].cell);
      for (std::size_t a = 0; a < n; ++a) {
        double sum = 0;
        for (std::size_t q = 0; q < n_points; ++q) {
          sum += facets.shapes[(number * n_points + q) * n + a] * facets.load[f * n_points + q];
        }
        load.at(dofs[static_cast<std::size_t>(facets.nodes[number * n + a])]) += sum;
      }
    }
  });
  comm::SplitExchange<double> exchange(space.plan, space.n_owned);
  exchange.start_back(load.ghosts.data());
  exchange.finish_back(out);

  // Columns of prescribed values: A applied to them in the cells that have any.
  std::vector<LocalId> touching;
  const bool any_value =
      std::any_of(fixed.value.begin(), fixed.value.end(), [](double value) { return value != 0; });
  for (LocalId cell = 0; any_value && cell < mesh.n_cells_owned; ++cell) {
    const auto dofs = space.dofs(cell);
    if (std::any_of(dofs.begin(), dofs.end(), [&](LocalId dof) {
          const auto d = static_cast<std::size_t>(dof);
          return fixed.is_fixed[d] != 0 && fixed.value[d] != 0.0;
        })) {
      touching.push_back(cell);
    }
  }
  if (space.communicator.any(!touching.empty())) {
    std::vector<double> given(n_owned, 0.0), moved(n_owned, 0.0);
    for (std::size_t i = 0; i < n_owned; ++i) {
      if (fixed.is_fixed[i] != 0) given[i] = fixed.value[i];
    }
    apply_some_cells(mesh, space, form, time, touching, given.data(), moved.data());
    for (std::size_t i = 0; i < n_owned; ++i) out[i] -= moved[i];
  }
  for (std::size_t i = 0; i < n_owned; ++i) {
    if (fixed.is_fixed[i] != 0) out[i] = fixed.value[i];
  }
}

}  // namespace ritz::assembly
