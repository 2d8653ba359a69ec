#include "ritz/fem/space.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "ritz/base/error.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "small_matrix.hpp"

namespace ritz::fem {

namespace {

/// Points of the space's lattice: a view of the mesh's vertices for degree 1, a Lattice otherwise.
struct Points {
  std::size_t n = 0;
  std::size_t per_cell = 0;
  std::size_t stride = 0;  // from one cell's list to the next
  const LocalId* of_cells = nullptr;
  const GlobalId* gid = nullptr;

  [[nodiscard]] const LocalId* of(std::size_t cell) const { return of_cells + cell * stride; }
};

constexpr LocalId untouched = -1;
constexpr LocalId elsewhere = -2;  // touched by an owned cell, owned by a lower rank

/// Cell by cell, the owners of ghost cells tell what they know of the solver ids of their points
/// (-1: nothing yet). Collective.
void exchange_solver_ids(const mesh::Mesh& mesh, const Points& points,
                         std::vector<GlobalId>& solver_id) {
  const auto& neighbours = mesh.cell_plan.neighbours();
  std::vector<std::vector<GlobalId>> messages(static_cast<std::size_t>(mesh.communicator.size()));
  for (const auto& neighbour : neighbours) {
    std::vector<GlobalId>& message = messages[static_cast<std::size_t>(neighbour.rank)];
    message.reserve(neighbour.send.size() * points.per_cell);
    for (const LocalId cell : neighbour.send) {
      const LocalId* list = points.of(static_cast<std::size_t>(cell));
      for (std::size_t i = 0; i < points.per_cell; ++i) {
        message.push_back(solver_id[static_cast<std::size_t>(list[i])]);
      }
    }
  }
  const std::vector<GlobalId> arrived = mesh.communicator.exchange(messages);
  std::size_t at = 0;
  for (const auto& neighbour : neighbours) {  // by rank, as what arrived
    for (const LocalId cell : neighbour.receive) {
      const LocalId* list = points.of(static_cast<std::size_t>(cell));
      for (std::size_t i = 0; i < points.per_cell; ++i, ++at) {
        if (arrived[at] >= 0) solver_id[static_cast<std::size_t>(list[i])] = arrived[at];
      }
    }
  }
}

}  // namespace

Space::Space(const mesh::Mesh& mesh, int degree)
    : element(mesh.cell_type, degree),
      communicator(mesh.communicator),
      plan(mesh.communicator, {}) {
  if (!mesh.has_ghosts) {
    throw base::Error(base::ExitCode::internal,
                      "a space needs a mesh with its ghost cells; please report this");
  }
  base::fault_point("numbering");
  mesh::Lattice lattice;
  Points points;
  points.per_cell = static_cast<std::size_t>(element.n_nodes());
  if (degree == 1) {
    points.n = static_cast<std::size_t>(mesh.n_vertices);
    points.stride = static_cast<std::size_t>(mesh.nodes_per_cell());
    points.of_cells = mesh.cell_nodes.data();
    points.gid = mesh.node_gid.data();
  } else {
    lattice = mesh::make_lattice(mesh, degree);
    points.n = static_cast<std::size_t>(lattice.n_points);
    points.stride = points.per_cell;
    points.of_cells = lattice.cell_points.data();
    points.gid = lattice.point_gid.data();
  }
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells());
  const auto n_cells_owned = static_cast<std::size_t>(mesh.n_cells_owned);

  // The lowest rank that owns a ghost cell at the point. Every cell that shares a point with an
  // owned cell is here, so an owned cell's points need no more to know their owner.
  std::vector<int> lowest(points.n, std::numeric_limits<int>::max());
  for (std::size_t cell = n_cells_owned; cell < n_cells; ++cell) {
    const LocalId* list = points.of(cell);
    const int owner = mesh.ghost_owner[cell - n_cells_owned];
    for (std::size_t i = 0; i < points.per_cell; ++i) {
      int& low = lowest[static_cast<std::size_t>(list[i])];
      low = std::min(low, owner);
    }
  }
  std::vector<LocalId> local(points.n, untouched);
  const int rank = communicator.rank();
  for (std::size_t cell = 0; cell < n_cells_owned; ++cell) {
    const LocalId* list = points.of(cell);
    for (std::size_t i = 0; i < points.per_cell; ++i) {
      const auto point = static_cast<std::size_t>(list[i]);
      if (local[point] == untouched) local[point] = lowest[point] < rank ? elsewhere : n_owned++;
    }
  }
  const std::vector<GlobalId> owned_counts = communicator.all_gather<GlobalId>(n_owned);
  std::vector<GlobalId> firsts(owned_counts.size() + 1, 0);
  std::partial_sum(owned_counts.begin(), owned_counts.end(), firsts.begin() + 1);
  first = firsts[static_cast<std::size_t>(rank)];
  n_global = firsts.back();

  // First exchange: every dof of an owned cell, because the dof's owner owns a ghost cell at it.
  // Second: every dof of a ghost cell, because its owner has passed the first.
  std::vector<GlobalId> solver_id(points.n, -1);
  for (std::size_t point = 0; point < points.n; ++point) {
    if (local[point] >= 0) solver_id[point] = first + local[point];
  }
  exchange_solver_ids(mesh, points, solver_id);
  exchange_solver_ids(mesh, points, solver_id);

  // Solver ids ascend with the owner's rank.
  std::vector<std::pair<GlobalId, LocalId>> ghosts;
  bool unknown = false;
  constexpr LocalId listed = -3;
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    const LocalId* list = points.of(cell);
    for (std::size_t i = 0; i < points.per_cell; ++i) {
      const auto point = static_cast<std::size_t>(list[i]);
      if (local[point] >= 0 || local[point] == listed) continue;
      unknown = unknown || solver_id[point] < 0;
      local[point] = listed;
      ghosts.emplace_back(solver_id[point], list[i]);
    }
  }
  communicator.together([&] {
    if (unknown) {
      throw base::Error(base::ExitCode::internal,
                        "the owner of a degree of freedom of a ghost cell is unknown: the ghost "
                        "layer is incomplete; please report this");
    }
  });
  std::sort(ghosts.begin(), ghosts.end());
  n_ghosts = static_cast<LocalId>(ghosts.size());
  ghost_solver_id.resize(ghosts.size());
  ghost_owner.resize(ghosts.size());
  std::vector<LocalId> ghost_local(ghosts.size());
  int owner = 0;
  for (std::size_t g = 0; g < ghosts.size(); ++g) {
    while (firsts[static_cast<std::size_t>(owner) + 1] <= ghosts[g].first) ++owner;
    ghost_solver_id[g] = ghosts[g].first;
    ghost_owner[g] = owner;
    ghost_local[g] = n_owned + static_cast<LocalId>(g);
    local[static_cast<std::size_t>(ghosts[g].second)] = ghost_local[g];
  }

  cell_dofs.resize(n_cells * points.per_cell);
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    const LocalId* list = points.of(cell);
    LocalId* out = cell_dofs.data() + cell * points.per_cell;
    for (std::size_t i = 0; i < points.per_cell; ++i) {
      out[i] = local[static_cast<std::size_t>(list[i])];
    }
  }
  dof_gid.resize(static_cast<std::size_t>(n_local()));
  for (std::size_t point = 0; point < points.n; ++point) {
    if (local[point] >= 0) dof_gid[static_cast<std::size_t>(local[point])] = points.gid[point];
  }
  plan = comm::ExchangePlan::from_ghosts(
      communicator, ghost_local, ghost_owner, ghost_solver_id, [&](GlobalId id) {
        return id >= first && id < first + n_owned ? static_cast<LocalId>(id - first) : LocalId{-1};
      });
}

std::vector<double> node_coordinates(const mesh::Mesh& mesh, const Space& space) {
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  const auto n_nodes = static_cast<std::size_t>(space.element.n_nodes());
  const auto n_geometry = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells());
  std::vector<double> shape(n_nodes * n_geometry);
  for (std::size_t i = 0; i < n_nodes; ++i) {
    mesh::shape_values(mesh.cell_type, mesh.geometry_order, space.element.nodes()[i],
                       {shape.data() + i * n_geometry, n_geometry});
  }
  std::vector<double> result(static_cast<std::size_t>(space.n_local()) * 3, 0.0);
  std::vector<char> done(static_cast<std::size_t>(space.n_local()), 0);
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    const LocalId* nodes = mesh.cell_nodes.data() + cell * n_geometry;
    const LocalId* dofs = space.cell_dofs.data() + cell * n_nodes;
    for (std::size_t i = 0; i < n_nodes; ++i) {
      const auto dof = static_cast<std::size_t>(dofs[i]);
      if (done[dof] != 0) continue;
      done[dof] = 1;
      for (std::size_t g = 0; g < n_geometry; ++g) {
        const double weight = shape[i * n_geometry + g];
        const double* x =
            mesh.node_coordinates.data() + static_cast<std::size_t>(nodes[g]) * dimension;
        for (std::size_t c = 0; c < dimension; ++c) result[dof * 3 + c] += weight * x[c];
      }
    }
  }
  return result;
}

double evaluate(const mesh::Mesh& mesh, const Space& space, std::span<const double> values,
                LocalId cell, const std::array<double, 3>& reference, std::span<double> gradient) {
  const std::span<const LocalId> dofs = space.dofs(cell);
  const std::size_t n = dofs.size();
  std::vector<double> basis(n);
  space.element.values(reference, basis);
  double value = 0.0;
  for (std::size_t i = 0; i < n; ++i) value += basis[i] * values[static_cast<std::size_t>(dofs[i])];
  if (gradient.empty()) return value;

  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  std::vector<double> slopes(n * dimension);
  space.element.gradients(reference, slopes);
  std::array<double, 3> slope{};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < dimension; ++c) {
      slope[c] += slopes[i * dimension + c] * values[static_cast<std::size_t>(dofs[i])];
    }
  }
  std::array<double, 9> jacobian{}, inverse{};
  mesh::map_to_physical(mesh, cell, reference, {jacobian.data(), dimension * dimension});
  detail::invert(jacobian, static_cast<int>(dimension), inverse);
  for (std::size_t i = 0; i < dimension; ++i) {
    gradient[i] = 0.0;
    for (std::size_t j = 0; j < dimension; ++j) {
      gradient[i] += inverse[j * dimension + i] * slope[j];
    }
  }
  return value;
}

}  // namespace ritz::fem
