#include "ritz/mesh/lattice.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "ritz/base/error.hpp"

namespace ritz::mesh {

namespace {

/// Integer coordinates of a cell's vertex on the order-1 lattice.
std::array<int, 3> corner(const CellTable& cell, std::int8_t vertex) {
  std::array<int, 3> result{};
  for (std::size_t c = 0; c < 3; ++c) {
    result[c] = static_cast<int>(cell.vertices[static_cast<std::size_t>(vertex)][c]);
  }
  return result;
}

/// Appends the lattice points strictly inside the entity with these vertices (2, 3, 4 or 8 of them;
/// `axes` independent directions), first coordinate fastest.
void append_inside(const CellTable& cell, std::span<const std::int8_t> vertices, int axes,
                   bool simplex, int order, std::vector<std::array<int, 3>>& out) {
  const std::array<int, 3> origin = corner(cell, vertices[0]);
  std::array<std::array<int, 3>, 3> axis{};
  for (int a = 0; a < axes; ++a) {
    // Tensor entities have their axes at vertices 1, 2, 4; simplices at 1, 2, 3.
    const std::size_t at = simplex ? static_cast<std::size_t>(a + 1) : std::size_t{1} << a;
    const std::array<int, 3> end = corner(cell, vertices[at]);
    for (std::size_t c = 0; c < 3; ++c) {
      axis[static_cast<std::size_t>(a)][c] = end[c] - origin[c];
    }
  }
  const int l_end = axes > 2 ? order : 2, j_end = axes > 1 ? order : 2;
  for (int l = 1; l < l_end; ++l) {
    for (int j = 1; j < j_end; ++j) {
      for (int i = 1; i < order; ++i) {
        const std::array<int, 3> step{i, axes > 1 ? j : 0, axes > 2 ? l : 0};
        if (simplex && step[0] + step[1] + step[2] >= order) continue;
        std::array<int, 3> point{};
        for (std::size_t c = 0; c < 3; ++c) {
          point[c] = order * origin[c];
          for (std::size_t a = 0; a < 3; ++a) point[c] += step[a] * axis[a][c];
        }
        out.push_back(point);
      }
    }
  }
}

constexpr std::array<std::int8_t, 8> all_vertices{0, 1, 2, 3, 4, 5, 6, 7};

/// Entities of one dimension (edges or faces) of the local cells, each once.
template <std::size_t N>
struct Entities {
  std::vector<LocalId> of_cell;                   ///< [n_cells][entities per cell]
  std::vector<std::array<GlobalId, N>> vertices;  ///< [n], sorted global ids, -1 pads at the end
};

/// Finds the distinct entities among `lists` (vertex numbers of the reference cell, [count]).
///
/// No hashing: every occurrence goes into the bucket of its lowest vertex by a counting sort, and
/// each bucket (some dozens of entries) is sorted by the remaining ids.
template <std::size_t N, class Lists>
Entities<N> find_entities(const Mesh& mesh, const Lists& lists, int count) {
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells());
  const auto per_cell = static_cast<std::size_t>(count);
  const auto stride = static_cast<std::size_t>(mesh.nodes_per_cell());
  struct Occurrence {
    std::array<GlobalId, N - 1> rest;  // the other global ids, ascending, -1 pads
    std::size_t place;                 // in of_cell
    bool operator<(const Occurrence& other) const { return rest < other.rest; }
  };
  const auto visit = [&](auto&& body) {
    for (std::size_t cell = 0; cell < n_cells; ++cell) {
      const LocalId* nodes = mesh.cell_nodes.data() + cell * stride;
      for (std::size_t e = 0; e < per_cell; ++e) {
        std::array<GlobalId, N> ids;
        std::size_t used = 0;
        LocalId lowest = -1;
        for (; used < N && lists[e][used] >= 0; ++used) {
          const LocalId node = nodes[lists[e][used]];
          ids[used] = mesh.node_gid[static_cast<std::size_t>(node)];
          if (lowest < 0 || ids[used] < mesh.node_gid[static_cast<std::size_t>(lowest)]) {
            lowest = node;
          }
        }
        body(cell * per_cell + e, lowest, ids, used);
      }
    }
  };

  std::vector<std::size_t> start(static_cast<std::size_t>(mesh.n_vertices) + 1, 0);
  visit([&](std::size_t, LocalId lowest, const std::array<GlobalId, N>&, std::size_t) {
    ++start[static_cast<std::size_t>(lowest) + 1];
  });
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<Occurrence> sorted(n_cells * per_cell);
  std::vector<std::size_t> next(start.begin(), start.end() - 1);
  visit([&](std::size_t place, LocalId lowest, std::array<GlobalId, N>& ids, std::size_t used) {
    // At most four: insertion sort in place.
    for (std::size_t i = 1; i < used; ++i) {
      for (std::size_t j = i; j > 0 && ids[j] < ids[j - 1]; --j) std::swap(ids[j], ids[j - 1]);
    }
    Occurrence& one = sorted[next[static_cast<std::size_t>(lowest)]++];
    for (std::size_t i = 1; i < N; ++i) one.rest[i - 1] = i < used ? ids[i] : -1;
    one.place = place;
  });

  Entities<N> result;
  result.of_cell.resize(n_cells * per_cell);
  for (std::size_t v = 0; v + 1 < start.size(); ++v) {
    const auto first = sorted.begin() + static_cast<std::ptrdiff_t>(start[v]);
    const auto last = sorted.begin() + static_cast<std::ptrdiff_t>(start[v + 1]);
    std::sort(first, last);
    for (auto one = first; one != last; ++one) {
      if (one == first || (one - 1)->rest != one->rest) {
        std::array<GlobalId, N> ids;
        ids[0] = mesh.node_gid[v];
        std::copy(one->rest.begin(), one->rest.end(), ids.begin() + 1);
        result.vertices.push_back(ids);
      }
      result.of_cell[one->place] = static_cast<LocalId>(result.vertices.size() - 1);
    }
  }
  return result;
}

/// Global numbers of entities: the position of their sorted vertex ids in lexicographic order among
/// all entities of the whole mesh, so that they do not depend on the number of ranks. The rank
/// whose block of vertex ids holds the lowest id counts. Collective.
template <std::size_t N>
std::vector<GlobalId> number_entities(const comm::Communicator& communicator,
                                      GlobalId n_vertices_global,
                                      const std::vector<std::array<GlobalId, N>>& entities,
                                      GlobalId& n_global) {
  using Key = std::array<GlobalId, N>;
  const comm::BlockRange homes(n_vertices_global, communicator.size());
  const auto n_ranks = static_cast<std::size_t>(communicator.size());

  std::vector<std::size_t> counts(n_ranks, 0);
  std::vector<int> home(entities.size());
  for (std::size_t i = 0; i < entities.size(); ++i) {
    home[i] = homes.block_of(entities[i][0]);
    ++counts[static_cast<std::size_t>(home[i])];
  }
  std::vector<std::size_t> next(n_ranks, 0);
  std::exclusive_scan(counts.begin(), counts.end(), next.begin(), std::size_t{0});
  std::vector<std::size_t> place(entities.size());
  std::vector<Key> sent(entities.size());
  for (std::size_t i = 0; i < entities.size(); ++i) {
    place[i] = next[static_cast<std::size_t>(home[i])]++;
    sent[place[i]] = entities[i];
  }
  std::vector<std::size_t> arrived_counts;
  const std::vector<Key> arrived =
      communicator.exchange(std::span<const Key>(sent), counts, &arrived_counts);

  // Buckets by the lowest id, each sorted by the others.
  const GlobalId first_id = homes.begin(communicator.rank());
  const auto n_buckets = static_cast<std::size_t>(homes.end(communicator.rank()) - first_id);
  std::vector<std::size_t> start(n_buckets + 1, 0);
  for (const Key& key : arrived) ++start[static_cast<std::size_t>(key[0] - first_id) + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<std::size_t> order(arrived.size());
  next.assign(start.begin(), start.end() - 1);
  for (std::size_t i = 0; i < arrived.size(); ++i) {
    order[next[static_cast<std::size_t>(arrived[i][0] - first_id)]++] = i;
  }
  std::vector<GlobalId> answer(arrived.size());
  GlobalId n_here = 0;
  for (std::size_t b = 0; b < n_buckets; ++b) {
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(start[b]);
    const auto last = order.begin() + static_cast<std::ptrdiff_t>(start[b + 1]);
    std::sort(first, last, [&](std::size_t x, std::size_t y) { return arrived[x] < arrived[y]; });
    for (auto one = first; one != last; ++one) {
      if (one == first || arrived[*(one - 1)] != arrived[*one]) ++n_here;
      answer[*one] = n_here - 1;
    }
  }
  const GlobalId before = communicator.exclusive_sum(n_here);
  for (GlobalId& number : answer) number += before;
  n_global = communicator.sum(n_here);

  const std::vector<GlobalId> replies =
      communicator.exchange(std::span<const GlobalId>(answer), arrived_counts);
  std::vector<GlobalId> numbers(entities.size());
  for (std::size_t i = 0; i < entities.size(); ++i) numbers[i] = replies[place[i]];
  return numbers;
}

/// For each of the 8 ways in which a quad face's own axes can lie relative to the canonical frame
/// (origin at the lowest id, first axis toward the lower of its two neighbours): canonical index of
/// each inner point in the face's own order. Way = 2 * corner + (first axis is the second one).
std::array<std::vector<int>, 8> quad_orders(int order) {
  std::array<std::vector<int>, 8> result;
  for (int way = 0; way < 8; ++way) {
    const int origin = way / 2;
    for (int b = 1; b < order; ++b) {
      for (int a = 1; a < order; ++a) {
        int s = (origin & 1) != 0 ? order - a : a;
        int t = (origin & 2) != 0 ? order - b : b;
        if ((way & 1) != 0) std::swap(s, t);
        result[static_cast<std::size_t>(way)].push_back((s - 1) + (t - 1) * (order - 1));
      }
    }
  }
  return result;
}

int quad_way(const std::array<GlobalId, 4>& ids) {
  const auto lowest =
      static_cast<std::size_t>(std::min_element(ids.begin(), ids.end()) - ids.begin());
  return static_cast<int>(2 * lowest) + (ids[lowest ^ 2U] < ids[lowest ^ 1U] ? 1 : 0);
}

/// The six orders of a triangle's corners, as rank of corner 0, 1, 2 among the three ids.
constexpr std::array<std::array<int, 3>, 6> triangle_ranks{
    {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}}};

/// Canonical index (barycentric coordinates sorted by vertex id) of each inner point of a triangle
/// face in the face's own order.
std::array<std::vector<int>, 6> triangle_orders(int order) {
  // Position of (i, j) among the inner points, i fastest.
  const auto position = [&](int i, int j) {
    int before = 0;
    for (int row = 1; row < j; ++row) before += order - 1 - row;
    return before + i - 1;
  };
  std::array<std::vector<int>, 6> result;
  for (std::size_t way = 0; way < 6; ++way) {
    for (int b = 1; b < order; ++b) {
      for (int a = 1; a + b < order; ++a) {
        const std::array<int, 3> own{order - a - b, a, b};
        std::array<int, 3> canonical{};
        for (std::size_t v = 0; v < 3; ++v) {
          canonical[static_cast<std::size_t>(triangle_ranks[way][v])] = own[v];
        }
        result[way].push_back(position(canonical[1], canonical[2]));
      }
    }
  }
  return result;
}

std::size_t triangle_way(const std::array<GlobalId, 4>& ids) {
  std::array<int, 3> rank{};
  for (std::size_t v = 0; v < 3; ++v) {
    for (std::size_t w = 0; w < 3; ++w) rank[v] += ids[w] < ids[v] ? 1 : 0;
  }
  return static_cast<std::size_t>(std::find(triangle_ranks.begin(), triangle_ranks.end(), rank) -
                                  triangle_ranks.begin());
}

}  // namespace

std::vector<std::array<int, 3>> lattice_indices(CellType type, int order) {
  const CellTable& cell = table(type);
  const bool simplex = is_simplex(type);
  std::vector<std::array<int, 3>> result;
  for (int v = 0; v < cell.n_vertices; ++v) {
    std::array<int, 3> point = corner(cell, static_cast<std::int8_t>(v));
    for (int& coordinate : point) coordinate *= order;
    result.push_back(point);
  }
  if (cell.dimension >= 2) {
    for (int e = 0; e < cell.n_edges; ++e) {
      append_inside(cell, cell.edges[static_cast<std::size_t>(e)], 1, simplex, order, result);
    }
  }
  if (cell.dimension == 3) {
    for (int f = 0; f < cell.n_faces; ++f) {
      append_inside(cell, cell.faces[static_cast<std::size_t>(f)], 2, simplex, order, result);
    }
  }
  if (cell.dimension >= 1) {
    append_inside(cell, all_vertices, cell.dimension, simplex, order, result);
  }
  return result;
}

std::vector<int> entity_order(CellType type, int order) {
  const std::vector<std::array<int, 3>> points = lattice_indices(type, order);
  std::vector<int> number(points.size());  // entity numbers by tensor position
  std::iota(number.begin(), number.end(), 0);
  // Simplices count their points in the same order, with gaps left out.
  std::sort(number.begin(), number.end(), [&](int a, int b) {
    const auto& p = points[static_cast<std::size_t>(a)];
    const auto& q = points[static_cast<std::size_t>(b)];
    return std::array{p[2], p[1], p[0]} < std::array{q[2], q[1], q[0]};
  });
  return number;
}

Lattice make_lattice(const Mesh& mesh, int order) {
  const CellTable& cell = table(mesh.cell_type);
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells());
  const auto stride = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n_vertices = static_cast<std::size_t>(cell.n_vertices);
  const auto per_cell = static_cast<std::size_t>(n_lattice_points(mesh.cell_type, order));

  Lattice lattice;
  lattice.order = order;
  lattice.cell_points.resize(n_cells * per_cell);
  lattice.point_gid.assign(mesh.node_gid.begin(), mesh.node_gid.begin() + mesh.n_vertices);
  lattice.n_points_global = mesh.n_vertices_global;
  for (std::size_t c = 0; c < n_cells; ++c) {
    std::copy_n(mesh.cell_nodes.data() + c * stride, n_vertices,
                lattice.cell_points.data() + c * per_cell);
  }
  std::size_t at = n_vertices;  // where the next entities' points go in a cell's list
  // Local numbers are 32 bits wide: told to all ranks before they wrap.
  const auto check_size = [&](std::size_t n_entities, int inside) {
    const std::size_t total =
        lattice.point_gid.size() + n_entities * static_cast<std::size_t>(inside);
    mesh.communicator.together([&] {
      if (total > static_cast<std::size_t>(std::numeric_limits<LocalId>::max())) {
        throw base::Error(base::ExitCode::memory,
                          std::to_string(total) + " points of order " + std::to_string(order) +
                              " on one rank (2^31 - 1 at most): run on more ranks");
      }
    });
  };
  const auto append_ids = [&](const std::vector<GlobalId>& numbers, int inside) {
    lattice.point_gid.reserve(lattice.point_gid.size() +
                              numbers.size() * static_cast<std::size_t>(inside));
    for (const GlobalId number : numbers) {
      for (int p = 0; p < inside; ++p) {
        lattice.point_gid.push_back(lattice.n_points_global + number * inside + p);
      }
    }
  };

  if (order > 1 && cell.dimension >= 2) {
    const int inside = order - 1;
    const auto n_edges = static_cast<std::size_t>(cell.n_edges);
    const Entities<2> edges = find_entities<2>(mesh, cell.edges, cell.n_edges);
    check_size(edges.vertices.size(), inside);
    const auto base = static_cast<LocalId>(lattice.point_gid.size());
    for (std::size_t c = 0; c < n_cells; ++c) {
      const LocalId* nodes = mesh.cell_nodes.data() + c * stride;
      for (std::size_t e = 0; e < n_edges; ++e) {
        const auto id = [&](std::size_t v) {
          return mesh.node_gid[static_cast<std::size_t>(nodes[cell.edges[e][v]])];
        };
        const LocalId first = base + edges.of_cell[c * n_edges + e] * inside;
        LocalId* out =
            lattice.cell_points.data() + c * per_cell + at + e * static_cast<std::size_t>(inside);
        const bool forward = id(0) < id(1);
        for (int p = 0; p < inside; ++p) out[p] = first + (forward ? p : inside - 1 - p);
      }
    }
    append_ids(number_entities(mesh.communicator, mesh.n_vertices_global, edges.vertices,
                               lattice.n_edges_global),
               inside);
    lattice.n_points_global += lattice.n_edges_global * inside;
    at += n_edges * static_cast<std::size_t>(inside);
  }

  const bool triangles = mesh.cell_type == CellType::tet;
  const int in_face = n_interior_points(triangles ? CellType::tri : CellType::quad, order);
  if (cell.dimension == 3 && in_face > 0) {
    const auto n_faces = static_cast<std::size_t>(cell.n_faces);
    const Entities<4> faces = find_entities<4>(mesh, cell.faces, cell.n_faces);
    check_size(faces.vertices.size(), in_face);
    const auto quad_table = quad_orders(order);
    const auto triangle_table = triangle_orders(order);
    const auto base = static_cast<LocalId>(lattice.point_gid.size());
    for (std::size_t c = 0; c < n_cells; ++c) {
      const LocalId* nodes = mesh.cell_nodes.data() + c * stride;
      for (std::size_t f = 0; f < n_faces; ++f) {
        std::array<GlobalId, 4> ids{};
        for (std::size_t v = 0; v < (triangles ? 3U : 4U); ++v) {
          ids[v] = mesh.node_gid[static_cast<std::size_t>(nodes[cell.faces[f][v]])];
        }
        const std::vector<int>& canonical =
            triangles ? triangle_table[triangle_way(ids)]
                      : quad_table[static_cast<std::size_t>(quad_way(ids))];
        const LocalId first = base + faces.of_cell[c * n_faces + f] * in_face;
        LocalId* out =
            lattice.cell_points.data() + c * per_cell + at + f * static_cast<std::size_t>(in_face);
        for (std::size_t p = 0; p < canonical.size(); ++p) out[p] = first + canonical[p];
      }
    }
    append_ids(number_entities(mesh.communicator, mesh.n_vertices_global, faces.vertices,
                               lattice.n_faces_global),
               in_face);
    lattice.n_points_global += lattice.n_faces_global * in_face;
    at += n_faces * static_cast<std::size_t>(in_face);
  }

  const int in_cell = n_interior_points(mesh.cell_type, order);
  if (in_cell > 0) {
    check_size(n_cells, in_cell);
    const auto base = static_cast<LocalId>(lattice.point_gid.size());
    for (std::size_t c = 0; c < n_cells; ++c) {
      LocalId* out = lattice.cell_points.data() + c * per_cell + at;
      for (int p = 0; p < in_cell; ++p) out[p] = base + static_cast<LocalId>(c) * in_cell + p;
    }
    append_ids(mesh.cell_gid, in_cell);
    lattice.n_points_global += mesh.n_cells_global * in_cell;
  }
  lattice.n_points = static_cast<LocalId>(lattice.point_gid.size());
  return lattice;
}

}  // namespace ritz::mesh
