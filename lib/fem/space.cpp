#include "ritz/fem/space.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "ritz/base/error.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "ritz/mesh/periodic.hpp"
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
  GlobalId n_global = 0;
  std::vector<LocalId> joined;  ///< [n]: the point that stands for each; empty: each for itself

  /// The point that stands for all that fall on it.
  [[nodiscard]] LocalId one_of(LocalId point) const {
    return joined.empty() ? point : joined[static_cast<std::size_t>(point)];
  }
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
        message.push_back(solver_id[static_cast<std::size_t>(points.one_of(list[i]))]);
      }
    }
  }
  const std::vector<GlobalId> arrived = mesh.communicator.exchange(messages);
  std::size_t at = 0;
  for (const auto& neighbour : neighbours) {  // by rank, as what arrived
    for (const LocalId cell : neighbour.receive) {
      const LocalId* list = points.of(static_cast<std::size_t>(cell));
      for (std::size_t i = 0; i < points.per_cell; ++i, ++at) {
        if (arrived[at] < 0) continue;
        solver_id[static_cast<std::size_t>(points.one_of(list[i]))] = arrived[at];
      }
    }
  }
}

/// Joins the points that fall on each other across pairs of facets: each group is stood for by its
/// lowest id. Groups that touch an owned cell are whole; of others that only ghosts have, parts may
/// be known. Local.
void join_points(const mesh::Mesh& mesh, int degree, Points& points) {
  std::vector<LocalId>& leader = points.joined;
  leader.resize(points.n);
  std::iota(leader.begin(), leader.end(), LocalId{0});
  const auto find = [&](LocalId point) {
    while (leader[static_cast<std::size_t>(point)] != point) {
      LocalId& up = leader[static_cast<std::size_t>(point)];
      up = leader[static_cast<std::size_t>(up)];
      point = up;
    }
    return point;
  };
  mesh::FacetMatcher matcher(mesh.cell_type, degree);
  for (const mesh::FacetPair& pair : mesh.facet_pairs) {
    const LocalId* first = points.of(static_cast<std::size_t>(pair.cell[0]));
    const LocalId* second = points.of(static_cast<std::size_t>(pair.cell[1]));
    for (const auto& [mine, other] : matcher.points(pair)) {
      LocalId a = find(first[mine]), b = find(second[other]);
      if (points.gid[a] > points.gid[b]) std::swap(a, b);
      leader[static_cast<std::size_t>(b)] = a;
    }
  }
  for (std::size_t point = 0; point < points.n; ++point)
    leader[point] = find(static_cast<LocalId>(point));
}

/// Numbers that are some of 0..n-1, each on one rank, become 0, 1, 2, ... in the same order.
/// Collective.
void close_gaps(const comm::Communicator& communicator, GlobalId n, std::span<GlobalId> ids) {
  const comm::BlockRange homes(n, communicator.size());
  std::vector<std::vector<GlobalId>> messages(static_cast<std::size_t>(communicator.size()));
  std::vector<std::pair<int, std::size_t>> sent;  // where to, place in the message
  for (const GlobalId id : ids) {
    const int home = homes.block_of(id);
    auto& message = messages[static_cast<std::size_t>(home)];
    sent.emplace_back(home, message.size());
    message.push_back(id);
  }
  std::vector<std::size_t> counts;
  std::vector<GlobalId> here = communicator.exchange(messages, &counts);
  const GlobalId first = homes.begin(communicator.rank());
  std::vector<GlobalId> before(static_cast<std::size_t>(homes.end(communicator.rank()) - first) + 1,
                               0);
  for (const GlobalId id : here) before[static_cast<std::size_t>(id - first) + 1] = 1;
  std::partial_sum(before.begin(), before.end(), before.begin());
  const GlobalId offset = communicator.exclusive_sum(before.back());
  for (GlobalId& id : here) id = offset + before[static_cast<std::size_t>(id - first)];
  std::vector<std::size_t> from;
  const std::vector<GlobalId> replies = communicator.exchange(
      std::span<const GlobalId>(here), std::span<const std::size_t>(counts), &from);
  std::vector<std::size_t> begin(from.size() + 1, 0);
  std::partial_sum(from.begin(), from.end(), begin.begin() + 1);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = replies[begin[static_cast<std::size_t>(sent[i].first)] + sent[i].second];
  }
}

/// Where the lattice points of the cells lie, on the geometry map: calls
/// visit(cell, node, coordinates) for those that `wanted(cell, node)` asks for. Local.
template <class Wanted, class Visit>
void place_nodes(const mesh::Mesh& mesh, const Element& element, const Wanted& wanted,
                 const Visit& visit) {
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  const auto n_nodes = static_cast<std::size_t>(element.n_nodes());
  const auto n_geometry = static_cast<std::size_t>(mesh.nodes_per_cell());
  std::vector<double> shape(n_nodes * n_geometry);
  for (std::size_t i = 0; i < n_nodes; ++i) {
    mesh::shape_values(mesh.cell_type, mesh.geometry_order, element.nodes()[i],
                       {shape.data() + i * n_geometry, n_geometry});
  }
  for (std::size_t cell = 0; cell < static_cast<std::size_t>(mesh.n_cells()); ++cell) {
    const LocalId* nodes = mesh.cell_nodes.data() + cell * n_geometry;
    for (std::size_t i = 0; i < n_nodes; ++i) {
      if (!wanted(cell, i)) continue;
      std::array<double, 3> at{};
      for (std::size_t g = 0; g < n_geometry; ++g) {
        const double weight = shape[i * n_geometry + g];
        const double* x =
            mesh.node_coordinates.data() + static_cast<std::size_t>(nodes[g]) * dimension;
        for (std::size_t c = 0; c < dimension; ++c) at[c] += weight * x[c];
      }
      visit(cell, i, at);
    }
  }
}

}  // namespace

Space::Space(const mesh::Mesh& mesh, int degree, Pairs pairs)
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
    points.n_global = mesh.n_vertices_global;
  } else {
    lattice = mesh::make_lattice(mesh, degree);
    points.n = static_cast<std::size_t>(lattice.n_points);
    points.stride = points.per_cell;
    points.of_cells = lattice.cell_points.data();
    points.gid = lattice.point_gid.data();
    points.n_global = lattice.n_points_global;
  }
  const bool joins = mesh.is_periodic() && pairs == Pairs::joined;
  if (joins) join_points(mesh, degree, points);
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells());
  const auto n_cells_owned = static_cast<std::size_t>(mesh.n_cells_owned);

  // The lowest rank that owns a ghost cell at the point. Every cell that shares a point with an
  // owned cell is here, so an owned cell's points need no more to know their owner.
  std::vector<int> lowest(points.n, std::numeric_limits<int>::max());
  for (std::size_t cell = n_cells_owned; cell < n_cells; ++cell) {
    const LocalId* list = points.of(cell);
    const int owner = mesh.ghost_owner[cell - n_cells_owned];
    for (std::size_t i = 0; i < points.per_cell; ++i) {
      int& low = lowest[static_cast<std::size_t>(points.one_of(list[i]))];
      low = std::min(low, owner);
    }
  }
  std::vector<LocalId> local(points.n, untouched);
  const int rank = communicator.rank();
  for (std::size_t cell = 0; cell < n_cells_owned; ++cell) {
    const LocalId* list = points.of(cell);
    for (std::size_t i = 0; i < points.per_cell; ++i) {
      const auto point = static_cast<std::size_t>(points.one_of(list[i]));
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
      const LocalId one = points.one_of(list[i]);
      const auto point = static_cast<std::size_t>(one);
      if (local[point] >= 0 || local[point] == listed) continue;
      unknown = unknown || solver_id[point] < 0;
      local[point] = listed;
      ghosts.emplace_back(solver_id[point], one);
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
  std::vector<LocalId> ghost_local;
  int owner = 0;
  for (const auto& [id, point] : ghosts) {
    // Points of ghost cells may fall on each other by pairs that this rank does not have.
    if (ghost_solver_id.empty() || ghost_solver_id.back() != id) {
      while (firsts[static_cast<std::size_t>(owner) + 1] <= id) ++owner;
      ghost_solver_id.push_back(id);
      ghost_owner.push_back(owner);
      ghost_local.push_back(n_owned + static_cast<LocalId>(ghost_local.size()));
    }
    local[static_cast<std::size_t>(point)] = ghost_local.back();
  }
  n_ghosts = static_cast<LocalId>(ghost_local.size());

  cell_dofs.resize(n_cells * points.per_cell);
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    const LocalId* list = points.of(cell);
    LocalId* out = cell_dofs.data() + cell * points.per_cell;
    for (std::size_t i = 0; i < points.per_cell; ++i) {
      out[i] = local[static_cast<std::size_t>(points.one_of(list[i]))];
    }
  }
  dof_gid.resize(static_cast<std::size_t>(n_local()));
  for (std::size_t point = 0; point < points.n; ++point) {
    // Of joined points only the one that stands for them has a number.
    if (local[point] >= 0) dof_gid[static_cast<std::size_t>(local[point])] = points.gid[point];
  }
  plan = comm::ExchangePlan::from_ghosts(
      communicator, ghost_local, ghost_owner, ghost_solver_id, [&](GlobalId id) {
        return id >= first && id < first + n_owned ? static_cast<LocalId>(id - first) : LocalId{-1};
      });
  if (!joins) return;

  // Owners know all points that fall on theirs; ghosts are told.
  places.assign(3 * static_cast<std::size_t>(n_local()), 0.0);
  std::vector<char> done(static_cast<std::size_t>(n_owned), 0);
  const auto point_of = [&](std::size_t cell, std::size_t node) { return points.of(cell)[node]; };
  place_nodes(
      mesh, element,
      [&](std::size_t cell, std::size_t node) {
        const LocalId point = point_of(cell, node);
        if (points.one_of(point) != point) return false;
        const LocalId dof = local[static_cast<std::size_t>(point)];
        return dof < n_owned && std::exchange(done[static_cast<std::size_t>(dof)], char{1}) == 0;
      },
      [&](std::size_t cell, std::size_t node, const std::array<double, 3>& at) {
        const LocalId dof = local[static_cast<std::size_t>(point_of(cell, node))];
        std::copy(at.begin(), at.end(), places.begin() + 3 * static_cast<std::ptrdiff_t>(dof));
      });
  plan.to_ghosts(std::span(places), 3);
  close_gaps(communicator, points.n_global,
             std::span(dof_gid).first(static_cast<std::size_t>(n_owned)));
  plan.to_ghosts(std::span(dof_gid));
}

std::vector<double> node_coordinates(const mesh::Mesh& mesh, const Space& space) {
  if (!space.places.empty()) return space.places;
  std::vector<double> result(static_cast<std::size_t>(space.n_local()) * 3, 0.0);
  std::vector<char> done(static_cast<std::size_t>(space.n_local()), 0);
  const auto dof = [&](std::size_t cell, std::size_t node) {
    return static_cast<std::size_t>(space.dofs(static_cast<LocalId>(cell))[node]);
  };
  place_nodes(
      mesh, space.element,
      [&](std::size_t cell, std::size_t node) {
        return std::exchange(done[dof(cell, node)], char{1}) == 0;
      },
      [&](std::size_t cell, std::size_t node, const std::array<double, 3>& at) {
        std::copy(at.begin(), at.end(),
                  result.begin() + static_cast<std::ptrdiff_t>(3 * dof(cell, node)));
      });
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
