// Functions of cells at points that lie anywhere, on any rank.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "mesh_tools.hpp"
#include "ritz/base/error.hpp"
#include "ritz/fem/sampling.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::Spread;

namespace {

/// A polynomial of total degree k in d variables with no symmetry.
double polynomial(int k, int d, const Point& x) {
  double sum = 0.5, power = 1.0;
  for (int p = 1; p <= k; ++p) {
    power = 1.0;
    for (int i = 0; i < p; ++i) {
      const double z = d == 1 ? 0.0 : d == 2 ? 0.0 : x[2];
      power *= 0.7 * x[0] - 0.4 * (d > 1 ? x[1] : 0.0) + 0.9 * z + 0.1 * (i + 1);
    }
    sum += power;
  }
  return sum;
}

fem::CellFunctions functions(const mesh::Mesh& mesh, int degree,
                             const std::vector<std::function<double(const Point&)>>& of) {
  const fem::Space space(mesh, degree);
  const std::vector<double> nodes = fem::node_coordinates(mesh, space);
  std::vector<std::vector<double>> fields;
  for (const auto& function : of) {
    std::vector<double>& field = fields.emplace_back();
    for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_local()); ++i)
      field.push_back(function({nodes[3 * i], nodes[3 * i + 1], nodes[3 * i + 2]}));
  }
  return fem::cell_functions(mesh, space, fields);
}

std::vector<Point> owned_nodes(const mesh::Mesh& mesh, int degree) {
  const fem::Space space(mesh, degree);
  const std::vector<double> nodes = fem::node_coordinates(mesh, space);
  std::vector<Point> points;
  for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_owned); ++i)
    points.push_back({nodes[3 * i], nodes[3 * i + 1], nodes[3 * i + 2]});
  return points;
}

}  // namespace

class Sampling : public ::testing::TestWithParam<CellType> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  [[nodiscard]] int d() const { return mesh::table(GetParam()).dimension; }
  [[nodiscard]] int highest() const { return mesh::is_simplex(GetParam()) ? 3 : 4; }
  [[nodiscard]] test::Setup setup(Spread how, bool curved, std::array<GlobalId, 3> cells) const {
    test::Setup result;
    result.type = GetParam();
    result.curved = curved;
    result.distortion = curved ? 0.15 : 0.6;
    result.cells = cells;
    result.how = how;
    return result;
  }
};

TEST_P(Sampling, PolynomialsOfTheDegreeAreExactOnAnotherMesh) {
  // p(F(x)) with F linear in each variable and p of total degree k lies in the element of degree k.
  for (const Spread how : {Spread::scattered, Spread::one_rank}) {
    const mesh::Mesh from = test::make_mesh(world, setup(how, false, {4, 3, 3}));
    const mesh::Mesh to = test::make_mesh(world, setup(Spread::scattered, false, {3, 4, 2}));
    for (int k = 1; k <= highest(); ++k) {
      const std::vector<Point> points = owned_nodes(to, std::min(k + 1, highest()));
      const auto p = [&](const Point& x) { return polynomial(k, d(), x); };
      const fem::Samples got = fem::sample(
          world, functions(from, k, {p, [&](const Point& x) { return -2 * p(x); }}), points);
      ASSERT_EQ(got.values.size(), 2 * points.size());
      for (std::size_t i = 0; i < points.size(); ++i) {
        // A few hundred roundings of numbers of size up to about 30.
        EXPECT_NEAR(got.values[2 * i], p(points[i]), 2e-12) << "degree " << k;
        EXPECT_NEAR(got.values[2 * i + 1], -2 * p(points[i]), 4e-12);
        EXPECT_EQ(got.distance[i], 0.0);
      }
      EXPECT_DOUBLE_EQ(got.extent, 1.0);
    }
  }
}

TEST_P(Sampling, CurvedCells) {
  // Where the map is quadratic, linear functions lie in elements of degree 2.
  const mesh::Mesh from = test::make_mesh(world, setup(Spread::scattered, true, {5, 4, 3}));
  test::Setup finer = setup(Spread::blocks, true, {5, 4, 3});
  const mesh::Mesh to = mesh::refine(test::make_mesh(world, finer), 1);  // the same domain
  const auto p = [&](const Point& x) { return polynomial(1, d(), x); };
  const std::vector<Point> points = owned_nodes(to, 2);
  const fem::Samples got = fem::sample(world, functions(from, 2, {p}), points);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(got.distance[i], 0.0);
    EXPECT_NEAR(got.values[i], p(points[i]), 1e-13);
  }
}

TEST_P(Sampling, TheSameNodesHaveTheirValues) {
  for (const bool curved : {false, true}) {
    const mesh::Mesh from = test::make_mesh(world, setup(Spread::scattered, curved, {4, 3, 3}));
    const mesh::Mesh to = test::make_mesh(world, setup(Spread::one_rank, curved, {4, 3, 3}));
    // Any function: only the nodes are asked for.
    const auto f = [](const Point& x) { return std::sin(7 * x[0]) + std::exp(x[1] - x[2]); };
    for (int k = 1; k <= highest(); ++k) {
      const std::vector<Point> points = owned_nodes(to, k);
      const fem::Samples got = fem::sample(world, functions(from, k, {f}), points);
      for (std::size_t i = 0; i < points.size(); ++i)
        EXPECT_NEAR(got.values[i], f(points[i]), 1e-11) << "degree " << k;
    }
  }
}

TEST_P(Sampling, NearestPlaceOfABox) {
  const mesh::Mesh from = test::make_mesh(world, setup(Spread::scattered, false, {5, 4, 3}));
  const auto p = [&](const Point& x) { return polynomial(1, d(), x); };
  std::vector<Point> points;
  for (std::uint64_t i = 0; i < 50; ++i) {
    Point x{};
    for (std::size_t c = 0; c < static_cast<std::size_t>(d()); ++c)
      x[c] = 3 * test::unit(1000 * static_cast<std::uint64_t>(world.rank()) + 3 * i + c) - 1;
    points.push_back(x);
  }
  if (world.rank() == 1) points.clear();
  const fem::Samples got = fem::sample(world, functions(from, 1, {p}), points);
  for (std::size_t i = 0; i < points.size(); ++i) {
    Point nearest = points[i];
    double squared = 0;
    for (std::size_t c = 0; c < static_cast<std::size_t>(d()); ++c) {
      nearest[c] = std::min(1.0, std::max(0.0, points[i][c]));
      squared += (nearest[c] - points[i][c]) * (nearest[c] - points[i][c]);
    }
    EXPECT_NEAR(got.distance[i], std::sqrt(squared), 1e-12);
    EXPECT_NEAR(got.values[i], p(nearest), 1e-11);
  }
}

TEST_P(Sampling, NearestPlaceOfABentBody) {
  // No place of the boundary, of a fine grid of them, is nearer than what was found.
  const mesh::Mesh from = test::make_mesh(world, setup(Spread::blocks, true, {4, 3, 2}));
  std::vector<Point> border;
  for (LocalId cell = 0; cell < from.n_cells_owned; ++cell) {
    for (int f = 0; f < mesh::table(GetParam()).n_facets; ++f) {
      for (int i = 0; i <= 8; ++i) {
        for (int j = 0; j <= 8; ++j) {
          if (d() < 3 && j > 0) break;
          if (d() < 2 && i > 0) break;
          if (GetParam() == CellType::tet && i + j > 8) continue;
          const auto at = fem::facet_to_cell(GetParam(), f, {i / 8.0, j / 8.0, 0});
          border.push_back(mesh::map_to_physical(from, cell, at));
        }
      }
    }
  }
  std::vector<Point> all = world.gather(std::span<const Point>(border));
  world.broadcast(all);
  const auto x_of = [](const Point& x) { return x[0]; };
  const std::vector<Point> points{{-0.7, 0.3, 0.4}, {1.9, 1.4, 0.2}, {0.4, -1.0, 1.7}, {3, 3, 3}};
  const fem::Samples got = fem::sample(world, functions(from, 2, {x_of}), points);
  for (std::size_t i = 0; i < points.size(); ++i) {
    Point x = points[i];
    for (std::size_t c = static_cast<std::size_t>(d()); c < 3; ++c) x[c] = 0;
    double least = std::numeric_limits<double>::infinity();
    for (const Point& one : all) {
      double squared = 0;
      for (std::size_t c = 0; c < static_cast<std::size_t>(d()); ++c)
        squared += (one[c] - x[c]) * (one[c] - x[c]);
      least = std::min(least, std::sqrt(squared));
    }
    if (least == 0 || got.distance[i] == 0) continue;  // inside
    EXPECT_LE(got.distance[i], least + 1e-12);
    EXPECT_GE(got.distance[i], least - 0.02);  // the grid is that fine
  }
}

TEST_P(Sampling, StraightCellsGivenByManyPoints) {
  const mesh::Mesh mesh = test::make_mesh(world, setup(Spread::blocks, false, {3, 2, 2}));
  const auto p = [&](const Point& x) { return polynomial(2, d(), x); };
  for (int order = 2; order <= highest(); ++order) {
    fem::CellFunctions cells = functions(mesh, 2, {p});
    const fem::Element points(GetParam(), order, true);
    cells.geometry_order = order;
    cells.coordinates.clear();
    for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
      for (const Point& node : points.nodes()) {
        const Point x = mesh::map_to_physical(mesh, cell, node);
        cells.coordinates.insert(cells.coordinates.end(), x.begin(), x.begin() + d());
      }
    }
    fem::CellFunctions lowered = cells;
    fem::lower_geometry_order(world, lowered);
    EXPECT_EQ(lowered.geometry_order, 1);
    // And without that: the same values.
    const std::vector<Point> at = owned_nodes(mesh, 2);
    for (const fem::CellFunctions& one : {cells, lowered}) {
      const fem::Samples got = fem::sample(world, one, at);
      for (std::size_t i = 0; i < at.size(); ++i) EXPECT_NEAR(got.values[i], p(at[i]), 1e-11);
    }
    // One node out of its place on one rank: no longer the same map.
    if (world.is_root() && !cells.coordinates.empty()) cells.coordinates.back() += 1e-6;
    const bool moved = world.any(world.is_root() && !cells.coordinates.empty());
    fem::lower_geometry_order(world, cells);
    EXPECT_EQ(cells.geometry_order, moved ? order : 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, Sampling, ::testing::ValuesIn(test::all_cell_types()),
                         [](const auto& of) { return std::string(mesh::table(of.param).name); });

TEST(SamplingErrors, FewerCellsThanRanksAndNone) {
  const comm::Communicator world = comm::Communicator::world();
  test::Setup one;
  one.cells = {1, 1, 1};
  one.distortion = 0;
  const mesh::Mesh mesh = test::make_mesh(world, one);
  fem::CellFunctions cells = functions(mesh, 1, {[](const Point& x) { return x[0] + x[2]; }});
  const std::vector<Point> points{{0.25, 0.5, 0.75}, {2, 0.5, 0.5}};
  const fem::Samples got = fem::sample(world, cells, points);
  EXPECT_NEAR(got.values[0], 1.0, 1e-14);
  EXPECT_NEAR(got.values[1], 1.5, 1e-14);
  EXPECT_NEAR(got.distance[1], 1.0, 1e-14);
  cells.ids.clear();
  cells.coordinates.clear();
  cells.values.clear();
  EXPECT_THROW(static_cast<void>(fem::sample(world, cells, points)), base::Error);
}
