// What the mesh tests share: volumes and areas, quadratic meshes, and a check of a distributed mesh
// against the whole mesh that every rank holds (small ones only).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ritz/mesh/box.hpp"
#include "ritz/mesh/geometry.hpp"

namespace ritz::mesh::test {

inline constexpr std::array all_types{CellType::line, CellType::tri, CellType::quad, CellType::tet,
                                      CellType::hex};

inline std::size_t width(const Mesh& mesh) {
  return static_cast<std::size_t>(mesh.nodes_per_cell());
}

inline double determinant(const std::array<double, 9>& a, int dimension) {
  if (dimension == 1) return a[0];
  if (dimension == 2) return a[0] * a[3] - a[1] * a[2];
  return a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6]) +
         a[2] * (a[3] * a[7] - a[4] * a[6]);
}

/// Volume of a cell of order 1: exact, two Gauss points a direction integrate the determinant of
/// the multilinear map (degree 2 in each variable), one point that of a straight simplex.
inline double volume(const Mesh& mesh, LocalId cell) {
  const int dimension = mesh.dimension();
  std::array<double, 9> jacobian{};
  if (is_simplex(mesh.cell_type)) {
    map_to_physical(mesh, cell, {0.2, 0.3, 0.1}, jacobian);
    return determinant(jacobian, dimension) / (dimension == 2 ? 2.0 : 6.0);
  }
  const std::array<double, 2> gauss{0.5 - std::sqrt(1.0 / 12.0), 0.5 + std::sqrt(1.0 / 12.0)};
  double sum = 0.0;
  for (unsigned p = 0; p < 1U << dimension; ++p) {
    map_to_physical(mesh, cell, {gauss[p & 1], gauss[p >> 1 & 1], gauss[p >> 2]}, jacobian);
    sum += determinant(jacobian, dimension) / (1 << dimension);
  }
  return sum;
}

inline std::array<double, 3> node(const Mesh& mesh, LocalId cell, int i) {
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  const LocalId at =
      mesh.cell_nodes[static_cast<std::size_t>(cell) * width(mesh) + static_cast<std::size_t>(i)];
  std::array<double, 3> x{};
  for (std::size_t d = 0; d < dimension; ++d) {
    x[d] = mesh.node_coordinates[static_cast<std::size_t>(at) * dimension + d];
  }
  return x;
}

/// Area (length, 1 for a point) of a plane facet of a cell of order 1, from its vertices.
inline double area(const Mesh& mesh, LocalId cell, int facet) {
  const CellTable& t = table(mesh.cell_type);
  const auto& corners = t.facets[static_cast<std::size_t>(facet)];
  if (t.facet_type == CellType::point) return 1.0;
  const auto a = node(mesh, cell, corners[0]), b = node(mesh, cell, corners[1]);
  if (t.facet_type == CellType::line) return std::hypot(b[0] - a[0], b[1] - a[1]);
  const auto triangle = [&](int i, int j, int k) {
    const auto p = node(mesh, cell, i), q = node(mesh, cell, j), r = node(mesh, cell, k);
    std::array<double, 3> u{}, v{};
    for (std::size_t d = 0; d < 3; ++d) {
      u[d] = q[d] - p[d];
      v[d] = r[d] - p[d];
    }
    return 0.5 * std::hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2],
                            u[0] * v[1] - u[1] * v[0]);
  };
  double sum = triangle(corners[0], corners[1], corners[2]);
  if (t.facet_type == CellType::quad) sum += triangle(corners[3], corners[1], corners[2]);
  return sum;
}

inline std::vector<GlobalId> cell_node_gids(const Mesh& mesh, LocalId cell) {
  std::vector<GlobalId> gids;
  for (std::size_t i = 0; i < width(mesh); ++i) {
    gids.push_back(mesh.node_gid[static_cast<std::size_t>(
        mesh.cell_nodes[static_cast<std::size_t>(cell) * width(mesh) + i])]);
  }
  return gids;
}

inline std::vector<std::pair<int, int>> cell_sets(const Mesh& mesh, LocalId cell) {
  std::vector<std::pair<int, int>> sets;
  for (const FacetInSet& one : mesh.facet_sets) {
    if (one.cell == cell) sets.emplace_back(one.facet, one.set);
  }
  return sets;
}

/// The whole mesh with nodes in the middle of edges, quadrangles and hexes, numbered in the order
/// in which the cells meet them and moved a little off the middle. `mesh`: order 1, all cells
/// local.
inline Mesh make_quadratic(const Mesh& mesh) {
  const CellTable& t = table(mesh.cell_type);
  Mesh result = mesh;
  result.geometry_order = 2;
  result.cell_nodes.clear();
  std::map<std::vector<GlobalId>, LocalId> found;
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const std::vector<GlobalId> gids = cell_node_gids(mesh, cell);
    const auto vertex = [&](int v) {
      return mesh
          .cell_nodes[static_cast<std::size_t>(cell) * width(mesh) + static_cast<std::size_t>(v)];
    };
    for (int v = 0; v < t.n_vertices; ++v) result.cell_nodes.push_back(vertex(v));
    const auto add = [&](const auto& corners, int n) {
      std::vector<GlobalId> key;
      std::array<double, 3> x{};
      for (int i = 0; i < n; ++i) {
        const int v = corners[static_cast<std::size_t>(i)];
        key.push_back(gids[static_cast<std::size_t>(v)]);
        for (std::size_t d = 0; d < 3; ++d) x[d] += node(mesh, cell, v)[d] / n;
      }
      std::sort(key.begin(), key.end());
      const auto [at, is_new] = found.try_emplace(key, result.n_nodes());
      if (is_new) {
        const GlobalId gid = result.n_nodes_global++;
        result.node_gid.push_back(gid);
        for (std::size_t d = 0; d < dimension; ++d) {
          result.node_coordinates.push_back(x[d] + 1e-3 * static_cast<double>(gid % 7));
        }
      }
      result.cell_nodes.push_back(at->second);
    };
    for (int e = 0; e < t.n_edges; ++e) add(t.edges[static_cast<std::size_t>(e)], 2);
    if (mesh.cell_type == CellType::quad || mesh.cell_type == CellType::hex) {
      for (int f = 0; f < t.n_faces; ++f) add(t.faces[static_cast<std::size_t>(f)], 4);
    }
    if (mesh.cell_type == CellType::hex) add(std::array{0, 1, 2, 3, 4, 5, 6, 7}, 8);
  }
  return result;
}

/// This rank's block of the cells of `whole` (all cells local, cell c has global id c); nodes that
/// no cell of the block has stay in, as in a mesh file's first distribution.
inline Mesh block_of(const comm::Communicator& communicator, const Mesh& whole) {
  Mesh mesh(communicator);
  const comm::BlockRange range(whole.n_cells_global, communicator.size());
  const auto first = range.begin(communicator.rank()), last = range.end(communicator.rank());
  mesh.cell_type = whole.cell_type;
  mesh.geometry_order = whole.geometry_order;
  mesh.n_cells_global = whole.n_cells_global;
  mesh.n_vertices_global = whole.n_vertices_global;
  mesh.n_nodes_global = whole.n_nodes_global;
  mesh.n_vertices = whole.n_vertices;
  mesh.node_gid = whole.node_gid;
  mesh.node_coordinates = whole.node_coordinates;
  mesh.region_names = whole.region_names;
  mesh.set_names = whole.set_names;
  mesh.n_cells_owned = static_cast<LocalId>(last - first);
  const auto slice = [&](const auto& values, std::size_t n) {
    return std::vector(values.begin() + first * static_cast<std::ptrdiff_t>(n),
                       values.begin() + last * static_cast<std::ptrdiff_t>(n));
  };
  mesh.cell_gid = slice(whole.cell_gid, 1);
  mesh.cell_nodes = slice(whole.cell_nodes, width(whole));
  mesh.cell_region = slice(whole.cell_region, 1);
  mesh.exterior = slice(whole.exterior, 1);
  for (FacetInSet one : whole.facet_sets) {
    if (one.cell < first || one.cell >= last) continue;
    one.cell -= static_cast<LocalId>(first);
    mesh.facet_sets.push_back(one);
  }
  return mesh;
}

/// Every promise of mesh.hpp about a mesh with ghosts, against the same mesh in one piece (order of
/// cells: by global id, so that cell c has id c). Collective.
inline void expect_distributed(const Mesh& mesh, const Mesh& whole) {
  const auto n_owned = mesh.n_cells_owned;
  const auto at = [](GlobalId i) { return static_cast<std::size_t>(i); };
  EXPECT_EQ(mesh.n_cells_global, whole.n_cells_global);
  EXPECT_EQ(mesh.n_vertices_global, whole.n_vertices_global);
  EXPECT_EQ(mesh.n_nodes_global, whole.n_nodes_global);
  EXPECT_EQ(mesh.region_names, whole.region_names);
  EXPECT_EQ(mesh.set_names, whole.set_names);
  const auto n_cells = mesh.n_cells();
  const bool complete = mesh.has_ghosts && mesh.ghost_owner.size() == at(n_cells - n_owned) &&
                        mesh.cell_nodes.size() == at(n_cells) * width(mesh) &&
                        mesh.cell_region.size() == at(n_cells) &&
                        mesh.exterior.size() == at(n_cells) &&
                        mesh.node_coordinates.size() == at(mesh.n_nodes()) * at(mesh.dimension());
  // All ranks leave together: no rank may wait for another in the collective calls below.
  ASSERT_TRUE(mesh.communicator.all(complete)) << "an array has a wrong size on some rank";

  // Every cell has one owner.
  std::vector<std::int32_t> n_owners(at(whole.n_cells_global), 0);
  std::vector<int> owner(at(whole.n_cells_global), -1);
  for (LocalId c = 0; c < n_owned; ++c) {
    ++n_owners[at(mesh.cell_gid[at(c)])];
    owner[at(mesh.cell_gid[at(c)])] = mesh.communicator.rank();
  }
  mesh.communicator.all_reduce(std::span(n_owners), comm::Op::sum);
  mesh.communicator.all_reduce(std::span(owner), comm::Op::max);
  EXPECT_EQ(n_owners, std::vector<std::int32_t>(n_owners.size(), 1));

  // The ghosts are all cells of others at vertices of owned cells, by owner and id.
  const auto n_corners = table(mesh.cell_type).n_vertices;
  std::set<GlobalId> own_vertices;
  for (LocalId c = 0; c < n_owned; ++c) {
    const auto gids = cell_node_gids(mesh, c);
    own_vertices.insert(gids.begin(), gids.begin() + n_corners);
  }
  std::vector<std::pair<int, GlobalId>> wanted, ghosts;
  for (LocalId c = 0; c < whole.n_cells_owned; ++c) {
    if (owner[at(c)] == mesh.communicator.rank()) continue;
    const auto gids = cell_node_gids(whole, c);
    if (std::any_of(gids.begin(), gids.begin() + n_corners,
                    [&](GlobalId v) { return own_vertices.count(v) > 0; })) {
      wanted.emplace_back(owner[at(c)], c);
    }
  }
  std::sort(wanted.begin(), wanted.end());
  for (LocalId c = n_owned; c < n_cells; ++c) {
    ghosts.emplace_back(mesh.ghost_owner[at(c - n_owned)], mesh.cell_gid[at(c)]);
  }
  EXPECT_EQ(ghosts, wanted);

  // Cells are what they were.
  const auto compare_cell = [&](LocalId c) {
    const auto gid = static_cast<LocalId>(mesh.cell_gid[at(c)]);
    ASSERT_EQ(cell_node_gids(mesh, c), cell_node_gids(whole, gid)) << "cell " << gid;
    ASSERT_EQ(mesh.cell_region[at(c)], whole.cell_region[at(gid)]) << "cell " << gid;
    ASSERT_EQ(mesh.exterior[at(c)], whole.exterior[at(gid)]) << "cell " << gid;
    ASSERT_EQ(cell_sets(mesh, c), cell_sets(whole, gid)) << "cell " << gid;
    for (std::size_t i = 0; i < width(mesh); ++i) {
      ASSERT_EQ(node(mesh, c, static_cast<int>(i)), node(whole, gid, static_cast<int>(i)));
    }
  };
  for (LocalId c = 0; c < n_cells; ++c) compare_cell(c);
  EXPECT_TRUE(std::is_sorted(mesh.facet_sets.begin(), mesh.facet_sets.end()));

  // Nodes: no doubles, none too many, vertices first, in the order of first touch.
  std::vector<LocalId> touched;
  std::vector<char> seen(at(mesh.n_nodes()), 0);
  for (const bool corners : {true, false}) {
    for (LocalId c = 0; c < n_cells; ++c) {
      for (std::size_t i = corners ? 0 : at(n_corners); i < (corners ? at(n_corners) : width(mesh));
           ++i) {
        const LocalId n = mesh.cell_nodes[at(c) * width(mesh) + i];
        if (seen[at(n)]) continue;
        seen[at(n)] = 1;
        touched.push_back(n);
      }
    }
    if (corners) {
      EXPECT_EQ(mesh.n_vertices, static_cast<LocalId>(touched.size()));
    }
  }
  EXPECT_EQ(touched.size(), mesh.node_gid.size());
  EXPECT_TRUE(std::is_sorted(touched.begin(), touched.end()));
  EXPECT_EQ(std::set(mesh.node_gid.begin(), mesh.node_gid.end()).size(), mesh.node_gid.size());

  // The plan brings the owners' values.
  std::vector<GlobalId> values(at(n_cells), -1);
  for (LocalId c = 0; c < n_owned; ++c) values[at(c)] = mesh.cell_gid[at(c)];
  mesh.cell_plan.to_ghosts(std::span(values));
  EXPECT_EQ(values, mesh.cell_gid);
}

}  // namespace ritz::mesh::test
