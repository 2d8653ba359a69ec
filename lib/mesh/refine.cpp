#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "ritz/base/error.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/mesh/order.hpp"

namespace ritz::mesh {

namespace {

using Index = std::array<int, 3>;

/// How a cell is split: everything in numbers of its own entities.
struct Pattern {
  std::vector<std::vector<int>>
      nodes;  ///< [child][node]: point of the parent's lattice, entity order
  std::vector<std::vector<int>> parent_facet;  ///< [child][facet]: facet it lies in, or -1
};

/// Vertices of the children on the parent's order-2 lattice, positively oriented. `variant`: which
/// of the three diagonals cuts a tet's inner octahedron (edges 0-5, 1-4, 2-3).
std::vector<std::vector<Index>> child_vertices(CellType type, int variant) {
  const CellTable& cell = table(type);
  std::vector<Index> corner;
  for (int v = 0; v < cell.n_vertices; ++v) {
    const auto& x = cell.vertices[static_cast<std::size_t>(v)];
    corner.push_back({static_cast<int>(x[0]), static_cast<int>(x[1]), static_cast<int>(x[2])});
  }
  const auto sum = [](const Index& a, const Index& b) {
    return Index{a[0] + b[0], a[1] + b[1], a[2] + b[2]};
  };
  // At each corner the cell at half its size: vertex v of child w in the middle of v and w.
  std::vector<std::vector<Index>> children;
  for (const Index& w : corner) {
    std::vector<Index>& child = children.emplace_back();
    for (const Index& v : corner) child.push_back(sum(v, w));
  }
  if (type == CellType::tri) {
    children.push_back(
        {sum(corner[1], corner[2]), sum(corner[0], corner[2]), sum(corner[0], corner[1])});
  } else if (type == CellType::tet) {
    const auto middle = [&](int edge) {
      const auto& ends = cell.edges[static_cast<std::size_t>(edge)];
      return sum(corner[static_cast<std::size_t>(ends[0])],
                 corner[static_cast<std::size_t>(ends[1])]);
    };
    // The other four edges in a ring: neighbours share a vertex of the tet.
    static constexpr std::array<std::array<int, 4>, 3> rings{
        {{1, 3, 4, 2}, {0, 3, 5, 2}, {0, 4, 5, 1}}};
    const auto& ring = rings[static_cast<std::size_t>(variant)];
    for (std::size_t i = 0; i < 4; ++i) {
      std::vector<Index> child{middle(variant), middle(5 - variant), middle(ring[i]),
                               middle(ring[(i + 1) % 4])};
      const auto edge = [&](std::size_t v, std::size_t c) { return child[v][c] - child[0][c]; };
      const int volume = edge(1, 0) * (edge(2, 1) * edge(3, 2) - edge(2, 2) * edge(3, 1)) -
                         edge(1, 1) * (edge(2, 0) * edge(3, 2) - edge(2, 2) * edge(3, 0)) +
                         edge(1, 2) * (edge(2, 0) * edge(3, 1) - edge(2, 1) * edge(3, 0));
      if (volume < 0) std::swap(child[2], child[3]);
      children.push_back(child);
    }
  }
  return children;
}

/// Whether a point of the order-2 lattice lies on a facet.
bool on_facet(CellType type, int facet, const Index& p) {
  if (is_simplex(type)) {  // opposite vertex `facet`
    return facet == 0 ? p[0] + p[1] + p[2] == 2 : p[static_cast<std::size_t>(facet - 1)] == 0;
  }
  return p[static_cast<std::size_t>(facet / 2)] == 2 * (facet % 2);
}

Pattern make_pattern(CellType type, int geometry_order, int variant) {
  const CellTable& cell = table(type);
  const std::vector<Index> own = lattice_indices(type, geometry_order);
  const std::vector<Index> parent = lattice_indices(type, 2 * geometry_order);
  Pattern pattern;
  for (const std::vector<Index>& vertices : child_vertices(type, variant)) {
    std::vector<int>& nodes = pattern.nodes.emplace_back();
    for (const Index& index : own) {
      Index point{};
      for (std::size_t c = 0; c < 3; ++c) {
        point[c] = geometry_order * vertices[0][c];
        for (std::size_t a = 0; a < static_cast<std::size_t>(cell.dimension); ++a) {
          const std::size_t end = is_simplex(type) ? a + 1 : std::size_t{1} << a;
          point[c] += index[a] * (vertices[end][c] - vertices[0][c]);
        }
      }
      const auto found = std::find(parent.begin(), parent.end(), point);
      RITZ_EXPECT(found != parent.end(), "a child's node is no lattice point of its parent");
      nodes.push_back(static_cast<int>(found - parent.begin()));
    }
    std::vector<int>& facets = pattern.parent_facet.emplace_back();
    for (std::size_t f = 0; f < static_cast<std::size_t>(cell.n_facets); ++f) {
      int in = -1;
      for (int candidate = 0; candidate < cell.n_facets; ++candidate) {
        bool all = true;
        for (const std::int8_t v : cell.facets[f]) {
          if (v >= 0) {
            all = all && on_facet(type, candidate, vertices[static_cast<std::size_t>(v)]);
          }
        }
        if (all) in = candidate;
      }
      facets.push_back(in);
    }
  }
  return pattern;
}

/// New persistent ids of the lattice points of order 2 * geometry order: the order-2 points among
/// them are the new vertices and come first, as `make_lattice(mesh, 2)` would number them.
class NodeIds {
 public:
  NodeIds(const Mesh& mesh, const Lattice& lattice) : n_old_(mesh.n_vertices_global) {
    const int order = lattice.order, d = mesh.dimension();
    if (order == 2) {  // every point is a vertex and keeps its id
      n_vertices_ = lattice.n_points_global;
      return;
    }
    n_vertices_ = n_old_;
    const auto add = [&](GlobalId count, int inside, bool has_middle) {
      ranges_[static_cast<std::size_t>(n_ranges_++)] = {count, inside,
                                                        has_middle ? inside / 2 : -1};
      n_vertices_ += has_middle ? count : 0;
    };
    const bool tensor = is_tensor(mesh.cell_type);
    if (d >= 2) add(lattice.n_edges_global, order - 1, true);
    if (d == 3) {
      add(lattice.n_faces_global, n_interior_points(tensor ? CellType::quad : CellType::tri, order),
          tensor);
    }
    add(mesh.n_cells_global, n_interior_points(mesh.cell_type, order), tensor);
  }

  [[nodiscard]] GlobalId n_vertices() const { return n_vertices_; }

  [[nodiscard]] GlobalId operator()(GlobalId point) const {
    if (n_ranges_ == 0 || point < n_old_) return point;
    GlobalId at = point - n_old_, vertex = n_old_, other = n_vertices_;
    for (int r = 0;; ++r) {
      const auto& [count, inside, middle] = ranges_[static_cast<std::size_t>(r)];
      if (at >= count * inside) {  // beyond this kind of entity
        at -= count * inside;
        vertex += middle >= 0 ? count : 0;
        other += count * (middle >= 0 ? inside - 1 : inside);
        continue;
      }
      const GlobalId entity = at / inside;
      const auto place = static_cast<int>(at % inside);
      if (middle < 0) return other + entity * inside + place;
      if (place == middle) return vertex + entity;
      return other + entity * (inside - 1) + (place < middle ? place : place - 1);
    }
  }

 private:
  struct Range {
    GlobalId count;
    int inside, middle;
  };
  GlobalId n_old_;
  GlobalId n_vertices_ = 0;
  std::array<Range, 3> ranges_{};
  int n_ranges_ = 0;
};

/// Coordinates of the lattice points of the first `n_cells` cells on the cells' maps:
/// [n_points][dimension].
///
/// A shared point gets the same bits from every cell and on every rank: its weights are dyadic, so
/// exact, zero for nodes off the entity, and the sum runs over the nodes by ascending global id.
std::vector<double> lattice_coordinates(const Mesh& mesh, const Lattice& lattice, LocalId n_cells) {
  const auto d = static_cast<std::size_t>(mesh.dimension());
  const auto n_nodes = static_cast<std::size_t>(mesh.nodes_per_cell());
  const std::vector<Index> indices = lattice_indices(mesh.cell_type, lattice.order);
  std::vector<double> weights(indices.size() * n_nodes);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    std::array<double, 3> reference{};
    for (std::size_t c = 0; c < 3; ++c) {
      reference[c] = static_cast<double>(indices[i][c]) / lattice.order;
    }
    shape_values(mesh.cell_type, mesh.geometry_order, reference,
                 {weights.data() + i * n_nodes, n_nodes});
  }
  std::vector<double> result(static_cast<std::size_t>(lattice.n_points) * d, 0.0);
  std::vector<char> done(static_cast<std::size_t>(lattice.n_points), 0);
  std::vector<std::size_t> by_id(n_nodes);
  for (std::size_t cell = 0; cell < static_cast<std::size_t>(n_cells); ++cell) {
    const LocalId* nodes = mesh.cell_nodes.data() + cell * n_nodes;
    const LocalId* points = lattice.cell_points.data() + cell * indices.size();
    for (std::size_t g = 0; g < n_nodes; ++g) by_id[g] = g;
    const auto id = [&](std::size_t g) {
      return mesh.node_gid[static_cast<std::size_t>(nodes[g])];
    };
    std::sort(by_id.begin(), by_id.end(),
              [&](std::size_t a, std::size_t b) { return id(a) < id(b); });
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const auto point = static_cast<std::size_t>(points[i]);
      if (done[point] != 0) continue;
      done[point] = 1;
      for (const std::size_t g : by_id) {
        const double weight = weights[i * n_nodes + g];
        if (weight == 0.0) continue;
        const double* x = mesh.node_coordinates.data() + static_cast<std::size_t>(nodes[g]) * d;
        for (std::size_t c = 0; c < d; ++c) result[point * d + c] += weight * x[c];
      }
    }
  }
  return result;
}

/// Which diagonal (0, 1, 2: middles of the edges 0-5, 1-4, 2-3) cuts the octahedron inside a tet.
///
/// The four inner children have the same volume, so the best diagonal is the one whose worst child
/// has the least sum of squared edges. With squared lengths e, e' of the opposite edges that the
/// diagonal joins and T the sum over all six, its own square is (T - 2 (e + e')) / 4, and that sum
/// is (2 T - 2 (e + e') - min(e, e')) / 4. Like the shortest diagonal (Zhang, Houston J. Math. 21
/// (1995) 541) this keeps the shapes of the first level in all that follow, and it tells apart the
/// two equal diagonals of Kuhn's tets, of which only one gives Kuhn's tets again. Among equals: the
/// diagonal that ends at the lowest id.
int best_diagonal(const Mesh& mesh, const Lattice& lattice, const LocalId* nodes,
                  const LocalId* points) {
  const CellTable& cell = table(CellType::tet);
  const auto squared = [&](int edge) {
    const auto& ends = cell.edges[static_cast<std::size_t>(edge)];
    const double* a = mesh.node_coordinates.data() + 3 * static_cast<std::size_t>(nodes[ends[0]]);
    const double* b = mesh.node_coordinates.data() + 3 * static_cast<std::size_t>(nodes[ends[1]]);
    double sum = 0.0;
    for (int c = 0; c < 3; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
    return sum;
  };
  // Middles of the edges: first inner point of order 2, second of the three of order 4.
  const int inside = lattice.order - 1;
  const auto middle_id = [&](int edge) {
    return lattice.point_gid[static_cast<std::size_t>(points[4 + edge * inside + inside / 2])];
  };
  int best = -1;
  double best_score = 0.0;
  GlobalId best_id = 0;
  for (int i = 0; i < 3; ++i) {
    const double e = squared(i), opposite = squared(5 - i);
    const double score = 2.0 * (e + opposite) + std::min(e, opposite);
    const GlobalId id = std::min(middle_id(i), middle_id(5 - i));
    // Scores that differ by round-off only are equal.
    const bool equal = best >= 0 && std::abs(score - best_score) <= 1e-10 * best_score;
    if (best < 0 || (equal ? id < best_id : score > best_score)) {
      best = i;
      best_score = score;
      best_id = id;
    }
  }
  return best;
}

void check_sizes(const Mesh& mesh, int n_children) {
  mesh.communicator.together([&] {
    if (mesh.n_cells_global > std::numeric_limits<GlobalId>::max() / 64 / n_children) {
      throw base::Error(base::ExitCode::deck,
                        "refining a mesh of " + std::to_string(mesh.n_cells_global) +
                            " cells once more leaves the range of 64-bit numbers");
    }
    if (mesh.n_cells_owned > std::numeric_limits<LocalId>::max() / n_children) {
      throw base::Error(base::ExitCode::memory,
                        "refining splits " + std::to_string(mesh.n_cells_owned) +
                            " cells of one rank into more than 2^31 - 1: run on more ranks");
    }
  });
}

/// The children of the owned cells, without ghosts. Collective.
Mesh refine_once(const Mesh& mesh) {
  const CellTable& cell = table(mesh.cell_type);
  const auto n_children = std::size_t{1} << cell.dimension;
  check_sizes(mesh, static_cast<int>(n_children));
  const auto d = static_cast<std::size_t>(mesh.dimension());
  const auto n_owned = static_cast<std::size_t>(mesh.n_cells_owned);
  const auto n_nodes = static_cast<std::size_t>(mesh.nodes_per_cell());
  const Lattice lattice = make_lattice(mesh, 2 * mesh.geometry_order);
  const std::vector<double> x = lattice_coordinates(mesh, lattice, mesh.n_cells_owned);
  const NodeIds new_id(mesh, lattice);
  const auto per_cell = static_cast<std::size_t>(n_lattice_points(mesh.cell_type, lattice.order));

  std::vector<Pattern> patterns;
  for (int variant = 0; variant < (mesh.cell_type == CellType::tet ? 3 : 1); ++variant) {
    patterns.push_back(make_pattern(mesh.cell_type, mesh.geometry_order, variant));
  }

  Mesh fine(mesh.communicator);
  fine.cell_type = mesh.cell_type;
  fine.geometry_order = mesh.geometry_order;
  fine.n_cells_owned = static_cast<LocalId>(n_owned * n_children);
  fine.n_cells_global = mesh.n_cells_global * static_cast<GlobalId>(n_children);
  fine.n_vertices_global = new_id.n_vertices();
  fine.n_nodes_global = lattice.n_points_global;
  fine.region_names = mesh.region_names;
  fine.set_names = mesh.set_names;
  fine.cell_gid.resize(n_owned * n_children);
  fine.cell_region.resize(n_owned * n_children);
  fine.exterior.assign(n_owned * n_children, 0);
  fine.cell_nodes.resize(n_owned * n_children * n_nodes);

  std::vector<char> used(static_cast<std::size_t>(lattice.n_points), 0);
  auto set = mesh.facet_sets.begin();  // sorted by cell
  for (std::size_t parent = 0; parent < n_owned; ++parent) {
    const LocalId* nodes = mesh.cell_nodes.data() + parent * n_nodes;
    const LocalId* points = lattice.cell_points.data() + parent * per_cell;
    const Pattern& pattern =
        patterns.size() == 1
            ? patterns[0]
            : patterns[static_cast<std::size_t>(best_diagonal(mesh, lattice, nodes, points))];
    auto set_end = set;
    while (set_end != mesh.facet_sets.end() && set_end->cell == static_cast<LocalId>(parent)) {
      ++set_end;
    }
    for (std::size_t child = 0; child < n_children; ++child) {
      const std::size_t at = parent * n_children + child;
      fine.cell_gid[at] =
          mesh.cell_gid[parent] * static_cast<GlobalId>(n_children) + static_cast<GlobalId>(child);
      fine.cell_region[at] = mesh.cell_region[parent];
      for (std::size_t i = 0; i < n_nodes; ++i) {
        const LocalId point = points[pattern.nodes[child][i]];
        fine.cell_nodes[at * n_nodes + i] = point;
        used[static_cast<std::size_t>(point)] = 1;
      }
      for (std::size_t f = 0; f < static_cast<std::size_t>(cell.n_facets); ++f) {
        const int in = pattern.parent_facet[child][f];
        if (in < 0) continue;
        if (((mesh.exterior[parent] >> in) & 1) != 0) {
          fine.exterior[at] = static_cast<std::uint8_t>(fine.exterior[at] | (1U << f));
        }
        for (auto one = set; one != set_end; ++one) {
          if (one->facet != in) continue;
          fine.facet_sets.push_back(
              {static_cast<LocalId>(at), static_cast<std::int16_t>(f), one->set});
        }
      }
    }
    set = set_end;
  }
  std::sort(fine.facet_sets.begin(), fine.facet_sets.end());

  // Nodes: those that children use (points of ghost cells drop out), vertices first.
  std::vector<LocalId> local(used.size(), -1);
  const auto keep = [&](bool vertices) {
    for (std::size_t point = 0; point < used.size(); ++point) {
      if (used[point] == 0) continue;
      const GlobalId id = new_id(lattice.point_gid[point]);
      if ((id < fine.n_vertices_global) != vertices) continue;
      local[point] = static_cast<LocalId>(fine.node_gid.size());
      fine.node_gid.push_back(id);
      fine.node_coordinates.insert(fine.node_coordinates.end(), x.data() + point * d,
                                   x.data() + (point + 1) * d);
    }
  };
  keep(true);
  fine.n_vertices = static_cast<LocalId>(fine.node_gid.size());
  if (mesh.geometry_order > 1) keep(false);
  for (LocalId& node : fine.cell_nodes) node = local[static_cast<std::size_t>(node)];
  return fine;
}

}  // namespace

void raise_order(Mesh& mesh) {
  if (mesh.geometry_order != 1 || mesh.is_periodic()) {
    throw base::Error(base::ExitCode::internal,
                      "the order of the geometry is raised from 1, before facets are joined; "
                      "please report this");
  }
  Lattice lattice = make_lattice(mesh, 2);
  mesh.node_coordinates = lattice_coordinates(mesh, lattice, mesh.n_cells());
  mesh.geometry_order = 2;
  mesh.cell_nodes = std::move(lattice.cell_points);
  mesh.node_gid = std::move(lattice.point_gid);
  mesh.n_nodes_global = lattice.n_points_global;
}

Mesh refine(const Mesh& mesh, int levels) {
  if (!mesh.has_ghosts || levels < 0) {
    throw base::Error(
        base::ExitCode::internal,
        "refine needs a mesh with its ghost cells and levels >= 0; please report this");
  }
  if (mesh.is_periodic()) {
    throw base::Error(base::ExitCode::internal,
                      "a periodic mesh is not refined: join its facets last; please report this");
  }
  if (levels == 0) return mesh;
  base::fault_point("refine");
  Mesh fine = refine_once(mesh);
  for (int level = 1; level < levels; ++level) fine = refine_once(fine);
  const std::vector<int> part(static_cast<std::size_t>(fine.n_cells_owned),
                              fine.communicator.rank());
  return distribute(fine, part, true);
}

}  // namespace ritz::mesh
