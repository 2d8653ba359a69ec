// Joined facets: which unknowns are one, on every kind of cell and any number of ranks.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>
#include <string>

#include "mesh_tools.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/periodic.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::Spread;

namespace {

struct Case {
  CellType type;
  std::array<GlobalId, 3> cells;
  unsigned directions;  ///< bit d: joined along axis d
  Spread how = Spread::blocks;
  bool curved = false;
};

std::int16_t set_of(const mesh::Mesh& mesh, const std::string& name) {
  const auto place = std::find(mesh.set_names.begin(), mesh.set_names.end(), name);
  EXPECT_NE(place, mesh.set_names.end()) << name;
  return static_cast<std::int16_t>(place - mesh.set_names.begin());
}

std::vector<mesh::PeriodicSets> pairs_of(const mesh::Mesh& mesh, unsigned directions) {
  const bool solid = mesh.dimension() == 3;
  const std::array<std::array<const char*, 2>, 3> names{
      {{"left", "right"}, {solid ? "front" : "bottom", solid ? "back" : "top"}, {"bottom", "top"}}};
  std::vector<mesh::PeriodicSets> pairs;
  for (std::size_t d = 0; d < static_cast<std::size_t>(mesh.dimension()); ++d) {
    if ((directions >> d & 1U) == 0) continue;
    mesh::PeriodicSets one;
    one.from = set_of(mesh, names[d][0]);
    one.to = set_of(mesh, names[d][1]);
    pairs.push_back(one);
  }
  return pairs;
}

/// A map of the unit box that keeps opposite sides moved copies of each other, bent.
Point wavy(const Point& x) {
  const double two_pi = 2 * std::numbers::pi;
  return {x[0] + 0.05 * std::sin(two_pi * x[1]), x[1] + 0.04 * std::sin(two_pi * x[0]),
          x[2] + 0.03 * std::sin(two_pi * (x[0] + x[1]))};
}

mesh::Mesh make(const comm::Communicator& world, const Case& of,
                std::vector<mesh::JoinedSets>* results = nullptr) {
  mesh::Box box;
  box.cell_type = of.type;
  box.cells = of.cells;
  box.distortion = mesh::Box::Distortion::random;
  box.distortion_amount = mesh::table(of.type).dimension > 1 ? 0.3 : 0;
  mesh::Mesh raw = mesh::make_box(world, box);
  test::scramble(raw, 11);
  if (of.curved) test::bend(raw, wavy);
  mesh::Hierarchy meshes = mesh::single(test::spread(raw, of.how));
  const auto joined = mesh::join_facets(meshes, pairs_of(meshes.finest(), of.directions));
  for (const auto& one : joined) EXPECT_EQ(one.problem, "");
  if (results != nullptr) *results = joined;
  return std::move(meshes.finest());
}

std::string name_of(const Case& one) {
  std::string text(mesh::table(one.type).name);
  for (const GlobalId n : one.cells) text += "_" + std::to_string(n);
  return text + "_along" + std::to_string(one.directions) +
         (one.how == Spread::scattered ? "_scattered" : "") + (one.curved ? "_curved" : "");
}

/// Points of a box of bricks with this many cells and joined directions.
GlobalId expected(const Case& of, int degree) {
  GlobalId n = 1;
  for (std::size_t d = 0; d < static_cast<std::size_t>(mesh::table(of.type).dimension); ++d)
    n *= of.cells[d] * degree + ((of.directions >> d & 1U) != 0 ? 0 : 1);
  return n;
}

}  // namespace

class PeriodicSpace : public ::testing::TestWithParam<Case> {
 protected:
  comm::Communicator world = comm::Communicator::world();
};

TEST_P(PeriodicSpace, JoinsWhatFallsOnEachOther) {
  const Case& of = GetParam();
  const mesh::Mesh mesh = make(world, of);
  for (int degree = 1; degree <= (mesh::is_simplex(of.type) ? 3 : 4); ++degree) {
    const fem::Space space(mesh, degree);
    ASSERT_EQ(space.n_global, expected(of, degree)) << "degree " << degree;
    EXPECT_EQ(world.sum<GlobalId>(space.n_owned), space.n_global);

    // Ids: each of 0..n-1 once.
    std::vector<std::int32_t> seen(static_cast<std::size_t>(space.n_global), 0);
    for (LocalId dof = 0; dof < space.n_owned; ++dof)
      ++seen.at(static_cast<std::size_t>(space.dof_gid[static_cast<std::size_t>(dof)]));
    world.all_reduce(std::span(seen), comm::Op::sum);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), space.n_global);

    // Every ghost has the owner's id and place.
    std::vector<GlobalId> gid = space.dof_gid;
    std::fill(gid.begin() + space.n_owned, gid.end(), -1);
    space.plan.to_ghosts(std::span(gid));
    EXPECT_EQ(gid, space.dof_gid);
    EXPECT_EQ(std::set<GlobalId>(gid.begin(), gid.end()).size(), gid.size());

    // The nodes of an unknown differ by whole periods in the joined directions and by nothing in
    // the others: a function of that period has one value. It is one to one within a period.
    const auto n_nodes = static_cast<std::size_t>(space.element.n_nodes());
    const std::vector<double> at = fem::node_coordinates(mesh, space);
    for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
      for (std::size_t i = 0; i < n_nodes; ++i) {
        const Point x = mesh::map_to_physical(mesh, cell, space.element.nodes()[i]);
        const auto dof = static_cast<std::size_t>(space.dofs(cell)[i]);
        for (std::size_t d = 0; d < static_cast<std::size_t>(mesh.dimension()); ++d) {
          double apart = x[d] - at[3 * dof + d];
          if ((of.directions >> d & 1U) != 0) apart -= std::nearbyint(apart);
          ASSERT_NEAR(apart, 0, 1e-12) << "cell " << cell << " node " << i << " axis " << d;
        }
      }
    }
  }
}

TEST_P(PeriodicSpace, IsTheSameOnEveryNumberOfRanks) {
  const Case& of = GetParam();
  const auto fingerprint = [&](const comm::Communicator& communicator) {
    const mesh::Mesh mesh = make(communicator, of);
    const fem::Space space(mesh, 2);
    const std::vector<double> at = fem::node_coordinates(mesh, space);
    std::vector<double> places(3 * static_cast<std::size_t>(space.n_global), 0.0);
    for (std::size_t dof = 0; dof < static_cast<std::size_t>(space.n_owned); ++dof) {
      for (std::size_t d = 0; d < 3; ++d)
        places[3 * static_cast<std::size_t>(space.dof_gid[dof]) + d] = at[3 * dof + d];
    }
    communicator.all_reduce(std::span(places), comm::Op::sum);
    return places;
  };
  const std::vector<double> all = fingerprint(world);
  const std::vector<double> alone = fingerprint(comm::Communicator::self());
  ASSERT_EQ(all.size(), alone.size());
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_NEAR(all[i], alone[i], 1e-13);
}

TEST_P(PeriodicSpace, KeepsPointsApartForFiles) {
  const Case& of = GetParam();
  const mesh::Mesh mesh = make(world, of);
  const fem::Space apart(mesh, 2, fem::Pairs::apart);
  EXPECT_EQ(apart.n_global, expected({of.type, of.cells, 0}, 2));
  EXPECT_EQ(world.sum<GlobalId>(apart.n_owned), apart.n_global);
}

INSTANTIATE_TEST_SUITE_P(
    Meshes, PeriodicSpace,
    ::testing::Values(
        Case{CellType::line, {1, 1, 1}, 1}, Case{CellType::line, {2, 1, 1}, 1},
        Case{CellType::line, {7, 1, 1}, 1, Spread::scattered}, Case{CellType::quad, {3, 4, 1}, 1},
        Case{CellType::quad, {1, 3, 1}, 1}, Case{CellType::quad, {2, 2, 1}, 3},
        Case{CellType::quad, {1, 1, 1}, 3}, Case{CellType::quad, {5, 4, 1}, 3, Spread::scattered},
        Case{CellType::quad, {4, 3, 1}, 3, Spread::blocks, true}, Case{CellType::tri, {3, 3, 1}, 3},
        Case{CellType::tri, {1, 2, 1}, 3}, Case{CellType::tri, {4, 3, 1}, 2, Spread::scattered},
        Case{CellType::tri, {3, 3, 1}, 3, Spread::blocks, true}, Case{CellType::tet, {2, 3, 2}, 7},
        Case{CellType::tet, {1, 2, 1}, 7}, Case{CellType::tet, {3, 2, 2}, 5, Spread::scattered},
        Case{CellType::hex, {3, 2, 2}, 7}, Case{CellType::hex, {1, 1, 1}, 7},
        Case{CellType::hex, {2, 1, 3}, 3, Spread::scattered},
        Case{CellType::hex, {3, 3, 2}, 7, Spread::scattered},
        Case{CellType::hex, {2, 3, 2}, 7, Spread::blocks, true}),
    [](const auto& one) { return name_of(one.param); });

namespace {

/// What is said of two sides of a square that do not fit.
std::string problem_of(const std::function<Point(const Point&)>& map, bool curved = false,
                       std::optional<std::array<double, 3>> translation = {},
                       const char* to = "right") {
  mesh::Box box;
  box.cell_type = CellType::quad;
  box.cells = {3, 4, 1};
  mesh::Mesh raw = mesh::make_box(comm::Communicator::world(), box);
  raw.exterior.clear();
  if (curved)
    test::bend(raw, map);
  else
    test::move_nodes(raw, map);
  mesh::Hierarchy meshes = mesh::single(test::spread(raw, Spread::blocks));
  mesh::PeriodicSets pair;
  pair.from = set_of(meshes.finest(), "left");
  pair.to = set_of(meshes.finest(), to);
  pair.translation = translation;
  return mesh::join_facets(meshes, std::span(&pair, 1)).front().problem;
}

const auto as_it_is = [](const Point& x) { return x; };

}  // namespace

TEST(Join, NamesTheWorstNode) {
  // The node (1, 0.5) is moved up by 0.02 and (1, 0.25) by 0.01.
  const std::string told = problem_of([](const Point& x) {
    Point y = x;
    if (x[0] > 0.99 && std::abs(x[1] - 0.5) < 0.01) y[1] += 0.02;
    if (x[0] > 0.99 && std::abs(x[1] - 0.25) < 0.01) y[1] += 0.01;
    return y;
  });
  EXPECT_NE(told.find("3 of 4 facets of 'left', moved by (1, 0)"), std::string::npos) << told;
  EXPECT_NE(told.find("On 'left' the node at (0, 0.5) is 0.02 away"), std::string::npos) << told;
  EXPECT_NE(told.find("on 'right' the node at (1, 0.52) is 0.02 away"), std::string::npos) << told;
}

TEST(Join, RefusesWhatIsNoTranslation) {
  EXPECT_NE(problem_of(as_it_is, false, {}, "left").find("lie in the same place"),
            std::string::npos);
  const std::string counts = problem_of(as_it_is, false, {}, "bottom");
  EXPECT_NE(counts.find("'left' has 4 facets and 'bottom' has 3"), std::string::npos) << counts;
  const std::string longer = problem_of([](const Point& x) {
    return Point{x[0], x[1] * (1 + 0.5 * x[0]), 0};
  });
  EXPECT_NE(longer.find("do not differ by a translation: in y they reach over 1 and 1.5"),
            std::string::npos)
      << longer;
  const std::string wrong = problem_of(as_it_is, false, std::array<double, 3>{0.9, 0, 0});
  EXPECT_NE(wrong.find("4 of 4 facets of 'left', moved by (0.9, 0)"), std::string::npos) << wrong;
  EXPECT_EQ(problem_of(as_it_is, false, std::array<double, 3>{1, 0, 0}), "");
}

TEST(Join, ComparesCurvedSides) {
  // Corners stay, the middle of one side of one cell on the right bulges out by 0.03.
  const std::string told = problem_of(
      [](const Point& x) {
        return x[0] > 0.99 && std::abs(x[1] - 0.625) < 0.01 ? Point{x[0] + 0.03, x[1], 0} : x;
      },
      true);
  EXPECT_NE(told.find("curved sides do not: the node at (0, 0.625) is 0.03 away"),
            std::string::npos)
      << told;
}
