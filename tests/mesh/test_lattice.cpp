// Shared lattice points: one global id for one place in space, whatever the cells' numbering.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "mesh_tools.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::Spread;

namespace {

struct PointRecord {
  GlobalId gid;
  Point x;
};

/// Every lattice point of every local cell (owned and ghost), at its place on the cell's own map.
std::vector<PointRecord> records(const mesh::Mesh& mesh, const mesh::Lattice& lattice) {
  const auto indices = mesh::lattice_indices(mesh.cell_type, lattice.order);
  std::vector<PointRecord> result;
  for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
    for (std::size_t i = 0; i < indices.size(); ++i) {
      Point reference{};
      for (std::size_t c = 0; c < 3; ++c) {
        reference[c] = static_cast<double>(indices[i][c]) / lattice.order;
      }
      const LocalId point =
          lattice.cell_points[static_cast<std::size_t>(cell) * indices.size() + i];
      result.push_back({lattice.point_gid[static_cast<std::size_t>(point)],
                        mesh::map_to_physical(mesh, cell, reference)});
    }
  }
  return result;
}

/// On the root: one place for each id, one id for each place, all ids used.
void expect_ids_are_places(const comm::Communicator& communicator,
                           const std::vector<PointRecord>& mine, GlobalId n_global) {
  std::vector<PointRecord> all = communicator.gather(std::span<const PointRecord>(mine), 0);
  if (!communicator.is_root()) return;
  std::sort(all.begin(), all.end(),
            [](const PointRecord& a, const PointRecord& b) { return a.gid < b.gid; });
  std::vector<PointRecord> distinct;
  for (const PointRecord& one : all) {
    if (distinct.empty() || distinct.back().gid != one.gid) {
      distinct.push_back(one);
      continue;
    }
    // The unit box: coordinates are O(1), their sums over at most 27 nodes round at 1e-15.
    for (std::size_t c = 0; c < 3; ++c) {
      ASSERT_NEAR(distinct.back().x[c], one.x[c], 1e-13) << "point " << one.gid;
    }
  }
  ASSERT_EQ(static_cast<GlobalId>(distinct.size()), n_global);
  EXPECT_EQ(distinct.front().gid, 0);
  EXPECT_EQ(distinct.back().gid, n_global - 1);
  std::sort(distinct.begin(), distinct.end(),
            [](const PointRecord& a, const PointRecord& b) { return a.x < b.x; });
  for (std::size_t i = 0; i < distinct.size(); ++i) {
    for (std::size_t j = i + 1; j < distinct.size(); ++j) {
      if (distinct[j].x[0] - distinct[i].x[0] > 1e-9) break;
      const bool same = std::abs(distinct[j].x[1] - distinct[i].x[1]) < 1e-9 &&
                        std::abs(distinct[j].x[2] - distinct[i].x[2]) < 1e-9;
      ASSERT_FALSE(same) << "points " << distinct[i].gid << " and " << distinct[j].gid;
    }
  }
}

/// Point ids of every cell, by cell id.
std::map<GlobalId, std::vector<GlobalId>> ids_of_cells(const mesh::Mesh& mesh,
                                                       const mesh::Lattice& lattice) {
  const std::size_t n = lattice.cell_points.size() / std::max<std::size_t>(1, mesh.cell_gid.size());
  std::map<GlobalId, std::vector<GlobalId>> result;
  for (std::size_t cell = 0; cell < mesh.cell_gid.size(); ++cell) {
    for (std::size_t i = 0; i < n; ++i) {
      result[mesh.cell_gid[cell]].push_back(
          lattice.point_gid[static_cast<std::size_t>(lattice.cell_points[cell * n + i])]);
    }
  }
  return result;
}

}  // namespace

class LatticeOn : public ::testing::TestWithParam<CellType> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  int highest = mesh::is_simplex(GetParam()) ? 4 : 8;
};

TEST_P(LatticeOn, SamePlaceSameId) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    test::Setup setup;
    setup.type = GetParam();
    setup.seed = seed;
    setup.how = seed == 3 ? Spread::scattered : Spread::blocks;
    const mesh::Mesh mesh = test::make_mesh(world, setup);
    for (int order = 1; order <= highest; ++order) {
      const mesh::Lattice lattice = mesh::make_lattice(mesh, order);
      // The points of a box of n bricks a direction lie on a grid of order * n + 1, of simplices
      // too.
      GlobalId expected = 1;
      for (std::size_t c = 0; c < static_cast<std::size_t>(mesh.dimension()); ++c) {
        expected *= order * setup.cells[c] + 1;
      }
      EXPECT_EQ(lattice.n_points_global, expected);
      expect_ids_are_places(world, records(mesh, lattice), lattice.n_points_global);
    }
  }
}

TEST_P(LatticeOn, IdsDoNotDependOnTheRanks) {
  for (const Spread how : {Spread::blocks, Spread::scattered, Spread::one_rank}) {
    test::Setup setup;
    setup.type = GetParam();
    setup.how = how;
    setup.seed = 11;
    const mesh::Mesh mesh = test::make_mesh(world, setup);
    const mesh::Mesh alone = test::make_mesh(comm::Communicator::self(), setup);
    for (int order = 1; order <= 5 && order <= highest; ++order) {
      const auto mine = ids_of_cells(mesh, mesh::make_lattice(mesh, order));
      const auto all = ids_of_cells(alone, mesh::make_lattice(alone, order));
      for (const auto& [cell, ids] : mine) ASSERT_EQ(ids, all.at(cell)) << "cell " << cell;
    }
  }
}

TEST_P(LatticeOn, VerticesComeFirstAndKeepTheirIds) {
  test::Setup setup;
  setup.type = GetParam();
  const mesh::Mesh mesh = test::make_mesh(world, setup);
  const auto n_vertices = static_cast<std::size_t>(mesh::table(GetParam()).n_vertices);
  for (int order = 1; order <= 3; ++order) {
    const mesh::Lattice lattice = mesh::make_lattice(mesh, order);
    ASSERT_EQ(lattice.point_gid.size(), static_cast<std::size_t>(lattice.n_points));
    for (std::size_t v = 0; v < static_cast<std::size_t>(mesh.n_vertices); ++v) {
      EXPECT_EQ(lattice.point_gid[v], mesh.node_gid[v]);
    }
    const auto per_cell = static_cast<std::size_t>(mesh::n_lattice_points(GetParam(), order));
    for (std::size_t cell = 0; cell < static_cast<std::size_t>(mesh.n_cells()); ++cell) {
      for (std::size_t v = 0; v < n_vertices; ++v) {
        EXPECT_EQ(lattice.cell_points[cell * per_cell + v], mesh.cell_nodes[cell * n_vertices + v]);
      }
    }
    // Local points are distinct.
    std::vector<GlobalId> sorted = lattice.point_gid;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end());
  }
}

TEST_P(LatticeOn, EdgesAreNumberedByTheirSortedVertices) {
  const mesh::CellTable& table = mesh::table(GetParam());
  test::Setup setup;
  setup.type = GetParam();
  const mesh::Mesh mesh = test::make_mesh(world, setup);
  const mesh::Lattice lattice = mesh::make_lattice(mesh, 2);
  if (table.dimension == 1) {  // a line's inside is its cell's: nothing to order
    EXPECT_EQ(lattice.n_edges_global, 0);
    return;
  }
  struct Edge {
    GlobalId low, high, middle;
  };
  std::vector<Edge> mine;
  const auto n_vertices = static_cast<std::size_t>(table.n_vertices);
  const auto per_cell = static_cast<std::size_t>(mesh::n_lattice_points(GetParam(), 2));
  for (std::size_t cell = 0; cell < static_cast<std::size_t>(mesh.n_cells()); ++cell) {
    const auto gid = [&](std::size_t i) {
      return lattice.point_gid[static_cast<std::size_t>(lattice.cell_points[cell * per_cell + i])];
    };
    for (std::size_t e = 0; e < static_cast<std::size_t>(table.n_edges); ++e) {
      const GlobalId a = gid(static_cast<std::size_t>(table.edges[e][0]));
      const GlobalId b = gid(static_cast<std::size_t>(table.edges[e][1]));
      mine.push_back({std::min(a, b), std::max(a, b), gid(n_vertices + e)});
    }
  }
  std::vector<Edge> all = world.gather(std::span<const Edge>(mine), 0);
  if (!world.is_root()) return;
  std::sort(all.begin(), all.end(), [](const Edge& a, const Edge& b) {
    return std::pair(a.low, a.high) < std::pair(b.low, b.high);
  });
  GlobalId expected = mesh.n_vertices_global - 1;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == 0 || all[i].low != all[i - 1].low || all[i].high != all[i - 1].high) ++expected;
    ASSERT_EQ(all[i].middle, expected);
  }
  EXPECT_EQ(lattice.n_edges_global, expected - mesh.n_vertices_global + 1);
}

TEST_P(LatticeOn, FollowsACurvedMesh) {
  test::Setup setup;
  setup.type = GetParam();
  setup.curved = true;
  setup.distortion = 0.1;
  const mesh::Mesh mesh = test::make_mesh(world, setup);
  for (const int order : {2, 3, 4}) {
    const mesh::Lattice lattice = mesh::make_lattice(mesh, order);
    expect_ids_are_places(world, records(mesh, lattice), lattice.n_points_global);
  }
}

TEST_P(LatticeOn, FewerCellsThanRanks) {
  test::Setup setup;
  setup.type = GetParam();
  setup.cells = {1, 1, 1};
  const mesh::Mesh mesh = test::make_mesh(world, setup);
  for (const int order : {1, 3, 4}) {
    const mesh::Lattice lattice = mesh::make_lattice(mesh, order);
    expect_ids_are_places(world, records(mesh, lattice), lattice.n_points_global);
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, LatticeOn, ::testing::ValuesIn(test::all_cell_types()),
                         [](const auto& one) { return std::string(mesh::table(one.param).name); });
