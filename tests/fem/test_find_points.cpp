// The cell and reference point of a point in space.
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>

#include "mesh_tools.hpp"
#include "ritz/fem/space.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::Spread;

namespace {

struct Target {
  Point x;
  GlobalId cell;  // one that contains it
};

/// A random inner point of every owned cell, all ranks' together on every rank, by cell id.
std::vector<Target> inner_points(const mesh::Mesh& mesh) {
  std::vector<Target> mine;
  const auto d = static_cast<std::size_t>(mesh.dimension());
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const GlobalId gid = mesh.cell_gid[static_cast<std::size_t>(cell)];
    Point reference{};
    for (std::size_t c = 0; c < d; ++c) {
      reference[c] = 0.01 + 0.98 * test::unit(static_cast<std::uint64_t>(gid) * 3 + c);
    }
    if (mesh::is_simplex(mesh.cell_type)) {
      const double sum = reference[0] + reference[1] + reference[2];
      if (sum > 0.99) {
        for (double& r : reference) r *= 0.97 / sum;
      }
    }
    mine.push_back({mesh::map_to_physical(mesh, cell, reference), gid});
  }
  std::vector<Target> all = mesh.communicator.gather(std::span<const Target>(mine), 0);
  mesh.communicator.broadcast(all);
  std::sort(all.begin(), all.end(),
            [](const Target& a, const Target& b) { return a.cell < b.cell; });
  return all;
}

std::vector<Point> places(const std::vector<Target>& targets) {
  std::vector<Point> result;
  for (const Target& one : targets) result.push_back(one.x);
  return result;
}

/// Id of the cell in which each point was found, on every rank; -1 where nobody has it. Exactly one
/// rank may claim a point.
std::vector<GlobalId> found_cells(const mesh::Mesh& mesh,
                                  const std::vector<fem::FoundPoint>& found) {
  std::vector<GlobalId> cell(found.size(), -1), claims(found.size(), 0);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].cell < 0) continue;
    EXPECT_LT(found[i].cell, mesh.n_cells_owned);
    cell[i] = mesh.cell_gid[static_cast<std::size_t>(found[i].cell)];
    claims[i] = 1;
  }
  mesh.communicator.all_reduce(std::span<GlobalId>(cell), comm::Op::max);
  mesh.communicator.all_reduce(std::span<GlobalId>(claims), comm::Op::sum);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(claims[i], cell[i] < 0 ? 0 : 1);
  return cell;
}

}  // namespace

class FindOn : public ::testing::TestWithParam<std::tuple<CellType, bool>> {
 protected:
  comm::Communicator world = comm::Communicator::world();

  test::Setup setup(Spread how) {
    test::Setup result;
    result.type = std::get<0>(GetParam());
    result.curved = std::get<1>(GetParam());
    result.distortion = result.curved ? 0.15 : 0.6;
    result.cells = {5, 4, 3};
    result.how = how;
    return result;
  }
};

TEST_P(FindOn, InnerPoints) {
  for (const Spread how : {Spread::blocks, Spread::scattered, Spread::one_rank}) {
    const mesh::Mesh mesh = test::make_mesh(world, setup(how));
    const auto targets = inner_points(mesh);
    const auto found = fem::find_points(mesh, places(targets));
    const auto cells = found_cells(mesh, found);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      EXPECT_EQ(cells[i], targets[i].cell);
      if (found[i].cell < 0) continue;
      const Point back = mesh::map_to_physical(mesh, found[i].cell, found[i].reference);
      for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(back[c], targets[i].x[c], 1e-13);
    }
  }
}

TEST_P(FindOn, SharedPointsGoToTheLowestCell) {
  // All vertices: each belongs to the lowest of the cells at it, wherever that cell lives.
  for (const Spread how : {Spread::blocks, Spread::scattered}) {
    const mesh::Mesh mesh = test::make_mesh(world, setup(how));
    const auto d = static_cast<std::size_t>(mesh.dimension());
    const auto stride = static_cast<std::size_t>(mesh.nodes_per_cell());
    const auto n_vertices = static_cast<std::size_t>(mesh::table(mesh.cell_type).n_vertices);
    struct Touch {
      GlobalId vertex, cell;
      Point x;
    };
    std::vector<Touch> mine;
    for (std::size_t cell = 0; cell < static_cast<std::size_t>(mesh.n_cells_owned); ++cell) {
      for (std::size_t v = 0; v < n_vertices; ++v) {
        const auto node = static_cast<std::size_t>(mesh.cell_nodes[cell * stride + v]);
        Touch one{mesh.node_gid[node], mesh.cell_gid[cell], {}};
        for (std::size_t c = 0; c < d; ++c) one.x[c] = mesh.node_coordinates[node * d + c];
        mine.push_back(one);
      }
    }
    std::vector<Touch> all = world.gather(std::span<const Touch>(mine), 0);
    world.broadcast(all);
    std::map<GlobalId, Target> vertices;
    for (const Touch& one : all) {
      const auto [at, fresh] = vertices.emplace(one.vertex, Target{one.x, one.cell});
      if (!fresh) at->second.cell = std::min(at->second.cell, one.cell);
    }
    std::vector<Target> targets;
    for (const auto& [id, target] : vertices) targets.push_back(target);
    const auto cells = found_cells(mesh, fem::find_points(mesh, places(targets)));
    for (std::size_t i = 0; i < targets.size(); ++i) EXPECT_EQ(cells[i], targets[i].cell);
  }
}

TEST_P(FindOn, OutsideIsNowhere) {
  const mesh::Mesh mesh = test::make_mesh(world, setup(Spread::blocks));
  constexpr double inf = std::numeric_limits<double>::infinity();
  const std::vector<Point> points{{-0.5, 0.2, 0.2},
                                  {7.0, 0.0, 0.0},
                                  {1e300, 0, 0},
                                  {inf, 0.5, 0.5},
                                  {0.5, 0.5, std::numeric_limits<double>::quiet_NaN()}};
  for (const GlobalId cell : found_cells(mesh, fem::find_points(mesh, points))) EXPECT_EQ(cell, -1);
  EXPECT_TRUE(fem::find_points(mesh, {}).empty());
}

TEST_P(FindOn, FarFromTheOriginRoundOffIsTolerated) {
  // Coordinates near 1e6, cells of size 0.25: vertices stay found though their reference
  // coordinates are uncertain by 1e-9.
  mesh::Mesh mesh = test::make_mesh(world, setup(Spread::blocks));
  test::move_nodes(mesh, [](const Point& x) { return Point{x[0] + 1e6, x[1] - 3e6, x[2] + 2e6}; });
  const auto targets = inner_points(mesh);
  const auto cells = found_cells(mesh, fem::find_points(mesh, places(targets)));
  for (std::size_t i = 0; i < targets.size(); ++i) EXPECT_EQ(cells[i], targets[i].cell);
}

INSTANTIATE_TEST_SUITE_P(Cells, FindOn,
                         ::testing::Combine(::testing::ValuesIn(test::all_cell_types()),
                                            ::testing::Bool()),
                         [](const auto& one) {
                           return std::string(mesh::table(std::get<0>(one.param)).name) +
                                  (std::get<1>(one.param) ? "Curved" : "");
                         });

TEST(FindPoints, ALineOfProbesThroughGradedCells) {
  mesh::Box box;
  box.cell_type = CellType::hex;
  box.cells = {8, 2, 2};
  box.grading = {1000, 1, 1};
  const mesh::Mesh mesh =
      test::spread(mesh::make_box(comm::Communicator::world(), box), Spread::blocks);
  std::vector<Point> points;
  for (int i = 0; i <= 1000; ++i) points.push_back({i / 1000.0, 0.3, 0.7});
  const auto cells = found_cells(mesh, fem::find_points(mesh, points));
  for (std::size_t i = 0; i < points.size(); ++i) EXPECT_GE(cells[i], 0) << i;
  EXPECT_TRUE(std::is_sorted(cells.begin(), cells.end())) << "cells are numbered along x first";
}

TEST(FindPoints, NarrowHexesOnAVeryDistortedMesh) {
  // Random points of the box, each in some cell; checked against every cell by brute force.
  test::Setup setup;
  setup.distortion = 0.9;
  setup.cells = {3, 3, 3};
  const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
  std::vector<Point> points;
  for (std::uint64_t i = 0; i < 500; ++i) {
    points.push_back({test::unit(3 * i), test::unit(3 * i + 1), test::unit(3 * i + 2)});
  }
  const auto found = fem::find_points(mesh, points);
  const auto cells = found_cells(mesh, found);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_GE(cells[i], 0) << points[i][0] << ' ' << points[i][1] << ' ' << points[i][2];
    if (found[i].cell < 0) continue;
    const Point back = mesh::map_to_physical(mesh, found[i].cell, found[i].reference);
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(back[c], points[i][c], 1e-12);
  }
}
