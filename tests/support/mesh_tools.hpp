#pragma once

// Meshes for tests: boxes made unfriendly (vertices renumbered at random, cells turned), bent to
// order 2, and scattered over the ranks. Everything is decided by global ids, so that every number
// of ranks builds the same mesh.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "ritz/mesh/box.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::test {

using Point = std::array<double, 3>;

/// A well-mixed number from an id (splitmix64 finaliser).
inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}
/// In [0, 1).
inline double unit(std::uint64_t x) {
  return static_cast<double>(mix(x) >> 11) * 0x1p-53;
}

/// Vertex orders (new vertex v = old vertex order[v]) under which a cell keeps its orientation.
inline std::vector<std::array<int, 8>> rotations(mesh::CellType type) {
  const mesh::CellTable& table = mesh::table(type);
  std::vector<std::array<int, 8>> result;
  std::vector<int> p(
      static_cast<std::size_t>(mesh::is_simplex(type) ? table.n_vertices : table.dimension));
  std::iota(p.begin(), p.end(), 0);
  do {
    int inversions = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      for (std::size_t j = i + 1; j < p.size(); ++j) inversions += p[i] > p[j] ? 1 : 0;
    }
    if (mesh::is_simplex(type)) {
      if (inversions % 2 != 0) continue;
      std::array<int, 8> order{};
      std::copy(p.begin(), p.end(), order.begin());
      result.push_back(order);
      continue;
    }
    for (unsigned flips = 0; flips < 1U << p.size(); ++flips) {
      if ((inversions + __builtin_popcount(flips)) % 2 != 0) continue;
      std::array<int, 8> order{};
      for (unsigned v = 0; v < static_cast<unsigned>(table.n_vertices); ++v) {
        for (std::size_t a = 0; a < p.size(); ++a) {
          order[v] |= static_cast<int>(((v ^ flips) >> a) & 1U) << p[a];
        }
      }
      result.push_back(order);
    }
  } while (std::next_permutation(p.begin(), p.end()));
  return result;
}

/// Gives the vertices of an order-1 mesh without ghosts random global ids and turns every cell.
inline void scramble(mesh::Mesh& mesh, std::uint64_t seed) {
  const mesh::CellTable& table = mesh::table(mesh.cell_type);
  std::vector<GlobalId> new_id(static_cast<std::size_t>(mesh.n_vertices_global));
  std::iota(new_id.begin(), new_id.end(), 0);
  std::shuffle(new_id.begin(), new_id.end(), std::mt19937_64(seed));
  for (GlobalId& id : mesh.node_gid) id = new_id[static_cast<std::size_t>(id)];

  const auto turns = rotations(mesh.cell_type);
  const auto n = static_cast<std::size_t>(table.n_vertices);
  const auto turn_of = [&](LocalId cell) -> const std::array<int, 8>& {
    const auto gid = static_cast<std::uint64_t>(mesh.cell_gid[static_cast<std::size_t>(cell)]);
    return turns[mix(seed * 1000003 + gid) % turns.size()];
  };
  for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
    LocalId* nodes = mesh.cell_nodes.data() + static_cast<std::size_t>(cell) * n;
    const std::vector<LocalId> old(nodes, nodes + n);
    for (std::size_t v = 0; v < n; ++v) {
      nodes[v] = old[static_cast<std::size_t>(turn_of(cell)[v])];
    }
  }
  const auto n_facet = static_cast<std::size_t>(mesh::table(table.facet_type).n_vertices);
  const auto old_facet = [&](const std::array<int, 8>& turn, std::size_t f) {
    std::vector<int> wanted;
    for (std::size_t i = 0; i < n_facet; ++i) {
      wanted.push_back(turn[static_cast<std::size_t>(table.facets[f][i])]);
    }
    std::sort(wanted.begin(), wanted.end());
    for (std::size_t g = 0;; ++g) {
      std::vector<int> other(table.facets[g].begin(),
                             table.facets[g].begin() + static_cast<std::ptrdiff_t>(n_facet));
      std::sort(other.begin(), other.end());
      if (other == wanted) return g;
    }
  };
  for (mesh::FacetInSet& one : mesh.facet_sets) {
    const auto& turn = turn_of(one.cell);
    for (std::size_t f = 0; f < static_cast<std::size_t>(table.n_facets); ++f) {
      if (old_facet(turn, f) == static_cast<std::size_t>(one.facet)) {
        one.facet = static_cast<std::int16_t>(f);
        break;
      }
    }
  }
  std::sort(mesh.facet_sets.begin(), mesh.facet_sets.end());
  mesh.exterior.clear();
}

/// Moves every node of the mesh.
inline void move_nodes(mesh::Mesh& mesh, const std::function<Point(const Point&)>& map) {
  const auto d = static_cast<std::size_t>(mesh.dimension());
  for (std::size_t i = 0; i < static_cast<std::size_t>(mesh.n_nodes()); ++i) {
    Point x{};
    for (std::size_t c = 0; c < d; ++c) x[c] = mesh.node_coordinates[i * d + c];
    x = map(x);
    for (std::size_t c = 0; c < d; ++c) mesh.node_coordinates[i * d + c] = x[c];
  }
}

/// An order-2 mesh whose nodes are those of the order-1 mesh's order-2 lattice, moved by `map`.
inline void bend(mesh::Mesh& mesh, const std::function<Point(const Point&)>& map) {
  const auto d = static_cast<std::size_t>(mesh.dimension());
  const mesh::Lattice lattice = mesh::make_lattice(mesh, 2);
  const auto indices = mesh::lattice_indices(mesh.cell_type, 2);
  std::vector<double> coordinates(static_cast<std::size_t>(lattice.n_points) * d);
  for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const Point reference{0.5 * indices[i][0], 0.5 * indices[i][1], 0.5 * indices[i][2]};
      Point at = mesh::map_to_physical(mesh, cell, reference);
      // To multiples of 2^-40, so that every cell and rank puts a shared node at the same bits.
      for (double& one : at) one = std::nearbyint(one * 0x1p40) * 0x1p-40;
      const Point x = map(at);
      const auto node = static_cast<std::size_t>(
          lattice.cell_points[static_cast<std::size_t>(cell) * indices.size() + i]);
      for (std::size_t c = 0; c < d; ++c) coordinates[node * d + c] = x[c];
    }
  }
  mesh.geometry_order = 2;
  mesh.cell_nodes = lattice.cell_points;
  mesh.node_gid = lattice.point_gid;
  mesh.node_coordinates = coordinates;
  mesh.n_nodes_global = lattice.n_points_global;
}

enum class Spread { blocks, scattered, one_rank };

/// The distributed mesh: blocks as they are, every cell on a random rank, or all on the last rank.
inline mesh::Mesh spread(const mesh::Mesh& mesh, Spread how) {
  std::vector<int> part(static_cast<std::size_t>(mesh.n_cells_owned));
  const int size = mesh.communicator.size();
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto gid = static_cast<std::uint64_t>(mesh.cell_gid[i]);
    part[i] = how == Spread::blocks ? mesh.communicator.rank()
              : how == Spread::scattered
                  ? static_cast<int>(mix(gid + 77) % static_cast<unsigned>(size))
                  : size - 1;
  }
  return mesh::distribute(mesh, part, false);
}

struct Setup {
  mesh::CellType type = mesh::CellType::hex;
  std::array<GlobalId, 3> cells{3, 2, 2};
  double distortion = 0.3;  ///< random
  std::uint64_t seed = 5;   ///< 0: leave numbers and cells as the generator made them
  Spread how = Spread::blocks;
  bool curved = false;
};

/// Bends the unit box by a quadratic map that keeps Jacobians positive.
inline Point gently_bent(const Point& x) {
  return {x[0] + 0.15 * x[1] * x[1] - 0.05 * x[2], x[1] + 0.1 * x[0] * x[2] - 0.1 * x[0] * x[0],
          x[2] + 0.12 * x[0] * x[1]};
}

inline mesh::Mesh make_mesh(const comm::Communicator& communicator, const Setup& setup) {
  mesh::Box box;
  box.cell_type = setup.type;
  box.cells = setup.cells;
  const int d = mesh::table(setup.type).dimension;
  for (std::size_t c = static_cast<std::size_t>(d); c < 3; ++c) box.cells[c] = 1;
  if (setup.distortion > 0) {
    box.distortion = mesh::Box::Distortion::random;
    box.distortion_amount = setup.distortion;
  }
  mesh::Mesh mesh = mesh::make_box(communicator, box);
  if (setup.seed != 0) scramble(mesh, setup.seed);
  if (setup.curved) bend(mesh, gently_bent);
  return spread(mesh, setup.how);
}

inline const std::vector<mesh::CellType>& all_cell_types() {
  static const std::vector<mesh::CellType> all{mesh::CellType::line, mesh::CellType::tri,
                                               mesh::CellType::quad, mesh::CellType::tet,
                                               mesh::CellType::hex};
  return all;
}

}  // namespace ritz::test
