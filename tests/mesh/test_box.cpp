#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numbers>

#include "reference_mesh.hpp"

namespace ritz::mesh {
namespace {

using test::all_types;
using test::node;

const comm::Communicator& world() {
  static const auto communicator = comm::Communicator::world();  // not before MPI_Init
  return communicator;
}

int children(CellType type) {
  return type == CellType::tri ? 2 : type == CellType::tet ? 6 : 1;
}

Box some_box(CellType type) {
  Box box;
  box.cell_type = type;
  box.cells = {5, 3, 4};
  box.lower = {-1, 0, 2};
  box.upper = {1, 0.5, 5};
  return box;
}

std::vector<Box> variants(CellType type) {
  std::vector<Box> boxes(4, some_box(type));
  boxes[1].grading = {8, 0.25, 1};
  boxes[2].distortion = Box::Distortion::smooth;
  boxes[2].distortion_amount = 0.1;
  boxes[3].distortion = Box::Distortion::random;
  boxes[3].distortion_amount = 0.5;
  boxes[3].grading = {1, 3, 1};
  return boxes;
}

TEST(MakeBox, FillsTheBoxOnce) {
  for (const CellType type : all_types) {
    for (const Box& box : variants(type)) {
      const Mesh mesh = make_box(world(), box);
      check_geometry(mesh);
      const auto dimension = static_cast<std::size_t>(mesh.dimension());
      GlobalId n_cells = children(type), n_vertices = 1;
      double size = 1.0;
      for (std::size_t d = 0; d < dimension; ++d) {
        n_cells *= box.cells[d];
        n_vertices *= box.cells[d] + 1;
        size *= box.upper[d] - box.lower[d];
      }
      EXPECT_EQ(mesh.n_cells_global, n_cells);
      EXPECT_EQ(mesh.n_vertices_global, n_vertices);
      EXPECT_EQ(mesh.n_nodes_global, n_vertices);
      EXPECT_EQ(world().sum<GlobalId>(mesh.n_cells_owned), n_cells);
      EXPECT_FALSE(mesh.has_ghosts);
      double sum = 0.0;
      for (LocalId c = 0; c < mesh.n_cells_owned; ++c) {
        const double one = test::volume(mesh, c);
        EXPECT_GT(one, 0.0);
        sum += one;
      }
      // A few hundred terms, relative rounding of each below 1e-15.
      EXPECT_NEAR(world().sum(sum), size, 1e-13 * size) << table(type).name;
    }
  }
}

TEST(MakeBox, IsTheSameForAnyNumberOfRanks) {
  for (const CellType type : all_types) {
    for (const Box& box : variants(type)) {
      const Mesh mesh = make_box(world(), box);
      const Mesh whole = make_box(comm::Communicator::self(), box);
      ASSERT_EQ(whole.n_cells_owned, whole.n_cells_global);
      const comm::BlockRange range(mesh.n_cells_global, world().size());
      ASSERT_EQ(mesh.n_cells_owned, range.end(world().rank()) - range.begin(world().rank()));
      for (LocalId c = 0; c < mesh.n_cells_owned; ++c) {
        const auto i = static_cast<std::size_t>(c);
        const GlobalId gid = mesh.cell_gid[i];
        ASSERT_EQ(gid, range.begin(world().rank()) + c);
        const auto same = static_cast<LocalId>(gid);
        ASSERT_EQ(test::cell_node_gids(mesh, c), test::cell_node_gids(whole, same));
        for (int v = 0; v < mesh.nodes_per_cell(); ++v) {
          ASSERT_EQ(node(mesh, c, v), node(whole, same, v));
        }
        ASSERT_EQ(mesh.exterior[i], whole.exterior[static_cast<std::size_t>(gid)]);
        ASSERT_EQ(test::cell_sets(mesh, c), test::cell_sets(whole, same));
        ASSERT_EQ(mesh.cell_region[i], 0);
      }
      EXPECT_TRUE(std::is_sorted(mesh.facet_sets.begin(), mesh.facet_sets.end()));
      EXPECT_TRUE(std::is_sorted(mesh.node_gid.begin(), mesh.node_gid.end(), std::less_equal<>()))
          << "a vertex is there twice";
    }
  }
}

TEST(MakeBox, BlocksOfAnyShapeHaveEachVertexOnce) {
  // Small boxes whose blocks begin and end in the middle of lines and of bricks.
  for (const CellType type : all_types) {
    for (GlobalId code = 0; code < 5 * 4 * 3; ++code) {
      Box box;
      box.cell_type = type;
      box.cells = {1 + code % 5, 1 + code / 5 % 4, 1 + code / 20};
      const Mesh mesh = make_box(world(), box);
      const Mesh whole = make_box(comm::Communicator::self(), box);
      EXPECT_TRUE(std::is_sorted(mesh.node_gid.begin(), mesh.node_gid.end(), std::less_equal<>()));
      for (LocalId c = 0; c < mesh.n_cells_owned; ++c) {
        const auto gid = static_cast<LocalId>(mesh.cell_gid[static_cast<std::size_t>(c)]);
        ASSERT_EQ(test::cell_node_gids(mesh, c), test::cell_node_gids(whole, gid));
      }
    }
  }
}

TEST(MakeBox, VertexIdsFollowTheGrid) {
  const Box box = some_box(CellType::hex);
  const Mesh mesh = make_box(world(), box);
  for (std::size_t v = 0; v < mesh.node_gid.size(); ++v) {
    const GlobalId gid = mesh.node_gid[v];
    const std::array<GlobalId, 3> index{gid % 6, gid / 6 % 4, gid / 24};
    for (std::size_t d = 0; d < 3; ++d) {
      const double fraction = static_cast<double>(index[d]) / static_cast<double>(box.cells[d]);
      const double x = box.lower[d] + (box.upper[d] - box.lower[d]) * fraction;
      // Coordinates up to 5: one rounding.
      EXPECT_NEAR(mesh.node_coordinates[3 * v + d], x, 1e-15);
    }
  }
}

TEST(MakeBox, SetsCoverTheSidesTheyName) {
  // Axis and side of each name; in three dimensions z points up.
  using Side = std::pair<std::size_t, bool>;
  const std::array<std::map<std::string, Side>, 4> sides{{
      {},
      {{"left", {0, false}}, {"right", {0, true}}},
      {{"left", {0, false}}, {"right", {0, true}}, {"bottom", {1, false}}, {"top", {1, true}}},
      {{"left", {0, false}},
       {"right", {0, true}},
       {"front", {1, false}},
       {"back", {1, true}},
       {"bottom", {2, false}},
       {"top", {2, true}}},
  }};
  for (const CellType type : all_types) {
    for (const Box& box : variants(type)) {
      const Mesh mesh = make_box(world(), box);
      const auto dimension = static_cast<std::size_t>(mesh.dimension());
      EXPECT_EQ(mesh.region_names, std::vector<std::string>{"domain"});
      ASSERT_EQ(mesh.set_names.size(), 2 * dimension);
      std::vector<double> areas(mesh.set_names.size(), 0.0);
      std::vector<std::uint8_t> flags(static_cast<std::size_t>(mesh.n_cells_owned), 0);
      for (const FacetInSet& one : mesh.facet_sets) {
        const std::string& name = mesh.set_names.at(static_cast<std::size_t>(one.set));
        const auto [axis, high] = sides[dimension].at(name);
        const double plane = high ? box.upper[axis] : box.lower[axis];
        for (const std::int8_t v : table(type).facets[static_cast<std::size_t>(one.facet)]) {
          if (v >= 0) {
            EXPECT_EQ(node(mesh, one.cell, v)[axis], plane) << name;
          }
        }
        areas[static_cast<std::size_t>(one.set)] += test::area(mesh, one.cell, one.facet);
        flags[static_cast<std::size_t>(one.cell)] |= static_cast<std::uint8_t>(1U << one.facet);
      }
      // Every side is in a set, so the flags are the sets' facets.
      EXPECT_EQ(flags, mesh.exterior);
      world().all_reduce(std::span(areas), comm::Op::sum);
      for (std::size_t s = 0; s < areas.size(); ++s) {
        const std::size_t axis = sides[dimension].at(mesh.set_names[s]).first;
        double area = 1.0;
        for (std::size_t d = 0; d < dimension; ++d) {
          if (d != axis) area *= box.upper[d] - box.lower[d];
        }
        EXPECT_NEAR(areas[s], area, 1e-13 * area) << table(type).name << " " << mesh.set_names[s];
      }
    }
  }
}

TEST(MakeBox, GradingIsTheRatioOfLastToFirst) {
  Box box;
  box.cell_type = CellType::line;
  box.cells = {9, 1, 1};
  box.upper = {3, 1, 1};
  for (const double grading : {1.0, 1.0 + 1e-15, 20.0, 0.05, 1e6}) {
    box.grading = {grading, 1, 1};
    const Mesh mesh = make_box(comm::Communicator::self(), box);
    const std::vector<double>& x = mesh.node_coordinates;
    ASSERT_EQ(x.size(), 10U);
    EXPECT_EQ(x.front(), 0.0);
    EXPECT_EQ(x.back(), 3.0);
    // Differences of coordinates up to 3 have an absolute error of 1e-15; the first brick of the
    // strongest grading is 3e-6 long.
    EXPECT_NEAR((x[9] - x[8]) / (x[1] - x[0]) / grading, 1.0, 1e-8) << grading;
    for (std::size_t i = 1; i + 1 < x.size(); ++i) {
      EXPECT_NEAR((x[i + 1] - x[i]) / (x[i] - x[i - 1]), std::pow(grading, 1.0 / 8.0), 1e-8);
    }
  }
}

TEST(MakeBox, SmoothDistortionIsTheDocumentedMap) {
  Box box = some_box(CellType::quad);
  const Mesh plain = make_box(world(), box);
  box.distortion = Box::Distortion::smooth;
  box.distortion_amount = 0.12;
  const Mesh mesh = make_box(world(), box);
  ASSERT_EQ(mesh.node_gid, plain.node_gid);
  for (std::size_t v = 0; v < mesh.node_gid.size(); ++v) {
    const double* x = plain.node_coordinates.data() + 2 * v;
    const double bump = 0.12 * std::sin(std::numbers::pi * (x[0] + 1) / 2) *
                        std::sin(std::numbers::pi * x[1] / 0.5);
    // sin(pi) is 1e-16, not 0, on the boundary, where the vertices do not move at all.
    EXPECT_NEAR(mesh.node_coordinates[2 * v], x[0] + 2 * bump, 2e-16);
    EXPECT_NEAR(mesh.node_coordinates[2 * v + 1], x[1] + 0.5 * bump, 2e-16);
  }
}

TEST(MakeBox, KershawDistortionIsTheDocumentedMap) {
  // epsilon = 0.3; by hand from the halves' sizes 0.3 and 1.7, in a box of 2 x 1 (x 1).
  for (const CellType type : {CellType::quad, CellType::hex}) {
    Box box;
    box.cell_type = type;
    box.cells = {12, 4, 4};
    box.lower = {0, 1, 0};
    box.upper = {2, 2, 1};
    box.distortion = Box::Distortion::kershaw;
    box.distortion_amount = 0.7;
    const Mesh mesh = make_box(comm::Communicator::self(), box);
    const auto dim = static_cast<std::size_t>(mesh.dimension());
    const std::array<double, 5> small_first{0, 0.075, 0.15, 0.575, 1};
    const std::array<double, 5> small_last{0, 0.425, 0.85, 0.925, 1};
    for (std::size_t v = 0; v < mesh.node_gid.size(); ++v) {
      const double* x = mesh.node_coordinates.data() + v * dim;
      const auto i = static_cast<std::size_t>(mesh.node_gid[v] % 13);
      const std::array<GlobalId, 2> row{mesh.node_gid[v] / 13 % 5, mesh.node_gid[v] / 65};
      EXPECT_NEAR(x[0], static_cast<double>(i) / 6, 1e-15);
      // Layers begin at i = 0, 2, 4, 6, 8, 10; halfway between two places the mean of them.
      const std::array<double, 13> weight{0, 0, 0, 0.5, 1, -1, 0.5, -1, 0, 0.5, 1, 1, 1};
      if (weight[i] < 0) continue;
      for (std::size_t d = 1; d < dim; ++d) {
        const auto j = static_cast<std::size_t>(row[d - 1]);
        const double expected =
            box.lower[d] + (1 - weight[i]) * small_first[j] + weight[i] * small_last[j];
        EXPECT_NEAR(x[d], expected, 4e-16) << i << ", " << j;
      }
    }
  }
}

TEST(MakeBox, RandomDistortionMovesInnerVerticesWithinBounds) {
  Box box = some_box(CellType::hex);
  box.cells = {6, 6, 6};
  const Mesh plain = make_box(comm::Communicator::self(), box);
  box.distortion = Box::Distortion::random;
  box.distortion_amount = 0.4;
  const Mesh mesh = make_box(comm::Communicator::self(), box);
  box.seed = 2;
  const Mesh other = make_box(comm::Communicator::self(), box);
  double sum = 0.0, largest = 0.0;
  int n_moved = 0, n_same = 0;
  for (std::size_t i = 0; i < mesh.node_coordinates.size(); ++i) {
    const std::size_t d = i % 3;
    const GlobalId gid = mesh.node_gid[i / 3];
    const double h = (box.upper[d] - box.lower[d]) / 6;
    const double moved = (mesh.node_coordinates[i] - plain.node_coordinates[i]) / (0.2 * h);
    const std::array<GlobalId, 3> index{gid % 7, gid / 7 % 7, gid / 49};
    const bool inner =
        std::all_of(index.begin(), index.end(), [](GlobalId k) { return k > 0 && k < 6; });
    if (!inner) {
      EXPECT_EQ(mesh.node_coordinates[i], plain.node_coordinates[i]);
      continue;
    }
    ++n_moved;
    n_same += mesh.node_coordinates[i] == other.node_coordinates[i];
    sum += moved;
    largest = std::max(largest, std::abs(moved));
    EXPECT_LE(std::abs(moved), 1.0 + 1e-12);
  }
  EXPECT_EQ(n_moved, 3 * 125);
  EXPECT_EQ(n_same, 0);
  // 375 values uniform in [-1, 1]: the mean has deviation sqrt(1/3/375) = 0.03; five of them. The
  // largest stays below 0.95 with probability 0.95^375 < 1e-8.
  EXPECT_LT(std::abs(sum / n_moved), 0.15);
  EXPECT_GT(largest, 0.95);
}

TEST(MakeBox, WorksWithMoreRanksThanCells) {
  for (const CellType type : all_types) {
    Box box;
    box.cell_type = type;
    const Mesh mesh = make_box(world(), box);
    EXPECT_EQ(mesh.n_cells_global, children(type));
    EXPECT_EQ(world().sum<GlobalId>(mesh.n_cells_owned), children(type));
    double sum = 0.0;
    for (LocalId c = 0; c < mesh.n_cells_owned; ++c) sum += test::volume(mesh, c);
    EXPECT_NEAR(world().sum(sum), 1.0, 1e-15);
    EXPECT_EQ(mesh.set_names.size(), 2U * static_cast<unsigned>(mesh.dimension()));
  }
}

TEST(MakeBox, RefusesNonsense) {
  const auto refused = [](auto&& change) {
    Box box = some_box(CellType::hex);
    change(box);
    try {
      (void)make_box(world(), box);
    } catch (const base::Error& error) {
      return std::pair{error.code(), std::string(error.what())};
    }
    return std::pair{base::ExitCode::done, std::string()};
  };
  using base::ExitCode;
  using ::testing::HasSubstr;
  using ::testing::Pair;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(refused([](Box& b) { b.cells[1] = 0; }), Pair(ExitCode::deck, HasSubstr("in y")));
  EXPECT_THAT(refused([](Box& b) { b.cells[2] = -3; }), Pair(ExitCode::deck, HasSubstr("-3")));
  EXPECT_THAT(refused([](Box& b) { b.upper[0] = -1; }), Pair(ExitCode::deck, HasSubstr("in x")));
  EXPECT_THAT(refused([](Box& b) { b.upper[0] = infinity; }),
              Pair(ExitCode::deck, HasSubstr("inf")));
  EXPECT_THAT(refused([](Box& b) { b.grading[2] = 0; }),
              Pair(ExitCode::deck, HasSubstr("grading 0")));
  EXPECT_THAT(refused([](Box& b) { b.distortion_amount = -0.1; }),
              Pair(ExitCode::deck, HasSubstr("-0.1")));
  EXPECT_THAT(refused([](Box& b) {
                b.cells = {3000000000, 3000000000, 1};
              }),
              Pair(ExitCode::deck, HasSubstr("2^62")));
  EXPECT_THAT(refused([](Box& b) {
                b.cells = {GlobalId{1} << 61, 1, 1};
              }),
              Pair(ExitCode::deck, HasSubstr("2^62")));  // 2^63 vertices
  EXPECT_THAT(refused([](Box& b) {
                b.cells = {GlobalId{1} << 40, 1, 1};
              }),
              Pair(ExitCode::memory, HasSubstr("use more ranks")));
  EXPECT_THAT(refused([](Box& b) { b.cell_type = CellType::point; }),
              Pair(ExitCode::deck, HasSubstr("point")));
  // Directions that a line does not have do not matter.
  Box line = some_box(CellType::line);
  line.cells = {2, 0, -1};
  line.upper = {1, -7, -7};
  EXPECT_EQ(make_box(world(), line).n_cells_global, 2);
}

}  // namespace
}  // namespace ritz::mesh
