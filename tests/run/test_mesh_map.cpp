// Boxes bent by mesh.map: where nodes lie, on all levels, ranks and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "ritz/base/format.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "run_tools.hpp"

namespace {

using ritz::GlobalId;
using ritz::LocalId;
using ritz::base::Error;
using ritz::base::ExitCode;
using ritz::comm::Communicator;
using ritz::test::problem_of;

const std::string rest =
    "[equation]\nkind = \"poisson\"\n[[boundary]]\non = [\"rest\"]\nvalue = 0\n";

/// Half a ring 1 < r < 2 of n times 2 n cells.
std::string ring(int n, const std::string& more) {
  return fmt::format(
             "[mesh]\nkind = \"box\"\ncells = [{}, {}]\nlower = [1, 0]\nupper = [2, {:.17g}]\n"
             "map = [\"x*cos(y)\", \"x*sin(y)\"]\n",
             n, 2 * n, std::numbers::pi) +
         more + rest;
}

ritz::mesh::Hierarchy meshes_of(const std::string& deck, bool with_coarser = true) {
  ritz::perf::Recorder recorder;
  ritz::partition::Quality quality;
  return ritz::run::make_meshes(Communicator::world(), problem_of(deck), with_coarser, recorder,
                                quality);
}

std::string error_of(const std::string& deck, ExitCode code) {
  try {
    static_cast<void>(meshes_of(deck));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    std::string of_root = error.what();
    Communicator::world().broadcast(of_root);
    EXPECT_EQ(std::string(error.what()), of_root);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

double radius(const ritz::mesh::Mesh& mesh, LocalId node) {
  const auto d = static_cast<std::size_t>(mesh.dimension());
  double sum = 0;
  for (std::size_t c = 0; c < d; ++c) {
    const double x = mesh.node_coordinates[static_cast<std::size_t>(node) * d + c];
    sum += x * x;
  }
  return std::sqrt(sum);
}

/// The largest distance of a node of the set's facets, of order 2, from the sphere.
double distance_from(const ritz::mesh::Mesh& mesh, const std::string& name, double r) {
  const auto found = std::find(mesh.set_names.begin(), mesh.set_names.end(), name);
  const auto set = static_cast<std::int16_t>(found - mesh.set_names.begin());
  const auto indices = ritz::mesh::lattice_indices(mesh.cell_type, mesh.geometry_order);
  double worst = 0;
  for (const auto& entry : mesh.facet_sets) {
    if (entry.set != set) continue;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const auto axis = static_cast<std::size_t>(entry.facet / 2);
      if (indices[i][axis] != mesh.geometry_order * (entry.facet % 2)) continue;
      const LocalId node =
          mesh.cell_nodes[static_cast<std::size_t>(entry.cell) * indices.size() + i];
      worst = std::max(worst, std::abs(radius(mesh, node) - r));
    }
  }
  return mesh.communicator.max(worst);
}

TEST(MeshMap, NodesOfAllLevelsLieOnTheTrueSurface) {
  // From boxes that divide, and from refinement; 2 and 3 dimensions.
  const std::string shell =
      "[mesh]\nkind = \"box\"\ncells = [4, 4, 4]\nlower = [1, -0.7, -0.7]\nupper = [2, 0.7, 0.7]\n"
      "map = [\"x/sqrt(1 + tan(y)^2 + tan(z)^2)\", \"x*tan(y)/sqrt(1 + tan(y)^2 + tan(z)^2)\", "
      "\"x*tan(z)/sqrt(1 + tan(y)^2 + tan(z)^2)\"]\nrefine = 1\n" +
      rest;
  for (const std::string& deck : {ring(8, ""), ring(2, "refine = 2\n"), shell}) {
    const auto meshes = meshes_of(deck);
    EXPECT_GE(meshes.meshes.size(), 2u);
    for (const auto& mesh : meshes.meshes) {
      EXPECT_EQ(mesh.geometry_order, 2);
      // A few roundings of numbers below 2.
      EXPECT_LT(distance_from(mesh, "left", 1.0), 2e-15);
      EXPECT_LT(distance_from(mesh, "right", 2.0), 4e-15);
    }
  }
  EXPECT_EQ(meshes_of(ring(8, "order = 1\n")).finest().geometry_order, 1);
}

TEST(MeshMap, SharedNodesAreTheSameOnAllRanks) {
  // Each node's id, and the bits of its place, from every rank that has it; numbers of nodes after
  // Euler's formula. More ranks than cells for the smallest.
  struct Node {
    GlobalId id;
    std::array<double, 2> x;
  };
  for (const auto& [type, n, refine, n_nodes] : {std::tuple{"quad", 1, 0, 3 * 5},
                                                 {"quad", 3, 1, 25 * 13},
                                                 {"tri", 1, 0, 3 * 5},
                                                 {"tri", 2, 1, 17 * 9}}) {
    const auto meshes =
        meshes_of(ring(n, fmt::format("cell_type = \"{}\"\nrefine = {}\n", type, refine)), false);
    const auto& mesh = meshes.finest();
    EXPECT_EQ(mesh.n_nodes_global, n_nodes) << type;
    std::vector<Node> own;
    for (std::size_t i = 0; i < mesh.node_gid.size(); ++i) {
      own.push_back(
          {mesh.node_gid[i], {mesh.node_coordinates[2 * i], mesh.node_coordinates[2 * i + 1]}});
    }
    const auto n_ranks = static_cast<std::size_t>(mesh.communicator.size());
    std::map<GlobalId, std::array<double, 2>> places;
    for (const Node& one :
         mesh.communicator.exchange(std::vector<std::vector<Node>>(n_ranks, own))) {
      const auto [place, is_new] = places.try_emplace(one.id, one.x);
      EXPECT_EQ(place->second, one.x);
    }
    EXPECT_EQ(places.size(), static_cast<std::size_t>(n_nodes));
    EXPECT_EQ(places.rbegin()->first, n_nodes - 1);
    for (LocalId v = 0; v < mesh.n_vertices; ++v) {
      EXPECT_LT(mesh.node_gid[static_cast<std::size_t>(v)], mesh.n_vertices_global);
    }
  }
}

TEST(MeshMap, MiddlesComeFromTheMiddleOfTheBoxsCells) {
  // Random distortion moves vertices before the map does: straight edges in the box, whose middles
  // are mapped. x^2 makes (a + b)^2 / 4 of the middle, not (a^2 + b^2) / 2.
  const auto meshes = meshes_of(
      "[mesh]\nkind = \"box\"\ncells = [5]\nlower = [1]\nupper = [2]\ndistortion = "
      "\"random\"\ndistortion_amount = 0.5\nmap = \"x^2\"\n" +
          rest,
      false);
  const auto& mesh = meshes.finest();
  ASSERT_EQ(mesh.nodes_per_cell(), 3);
  for (std::size_t cell = 0; cell < static_cast<std::size_t>(mesh.n_cells()); ++cell) {
    std::array<double, 3> x{};
    for (std::size_t i = 0; i < 3; ++i) {
      x[i] =
          std::sqrt(mesh.node_coordinates[static_cast<std::size_t>(mesh.cell_nodes[3 * cell + i])]);
    }
    EXPECT_NEAR(x[2], 0.5 * (x[0] + x[1]), 1e-15);
  }
}

TEST(MeshMap, DecidesWhatIsHalvedFirst) {
  // A cube that the map stretches is coarsened as the stretched box is: the strong directions of
  // 100 x 10 x 1 first, z alone, which brings z's couplings to y's.
  const auto halved = [](const std::string& shape) {
    const auto meshes = meshes_of("[mesh]\nkind = \"box\"\ncells = [16, 16, 16]\n" + shape + rest);
    std::vector<int> steps;
    for (const auto& parents : meshes.parents) steps.push_back(parents.halved);
    return steps;
  };
  const auto box = halved("upper = [100, 10, 1]\n");
  EXPECT_NE(box, halved(""));
  EXPECT_EQ(box, halved("map = [\"100*x\", \"10*y\", \"z\"]\norder = 1\n"));
  // The same turned by a quarter about z, and sheared, which does not change z's couplings much.
  EXPECT_EQ(box, halved("map = [\"-10*y\", \"100*x\", \"z\"]\n"));
  EXPECT_EQ(halved(""), halved("map = [\"x + 0.1*y\", \"y\", \"z + 0.1*x\"]\n"));
}

TEST(MeshMap, CoarseMeshesThatCannotFollowAreLeftOut) {
  // Waves of the length of eight cells: with four cells a wave parabolas through the nodes at 0,
  // 1/8 and 1/4 of it still rise, with two those at 0, 1/4 and 1/2 turn back before their end (12 x
  // = 0, 0.39, 0.5). Cells enough for three ranks to halve evenly twice.
  const auto meshes = meshes_of(
      "[mesh]\nkind = \"box\"\ncells = [96, 96]\nmap = [\"x + 0.011*sin(24*pi*x)\", \"y\"]\n" +
      rest);
  const auto plain = meshes_of("[mesh]\nkind = \"box\"\ncells = [96, 96]\n" + rest);
  EXPECT_EQ(meshes.finest().n_cells_global, 96 * 96);
  EXPECT_EQ(meshes.meshes.size(), 2u);
  EXPECT_GT(plain.meshes.size(), 2u);
  EXPECT_EQ(meshes.parents.size() + 1, meshes.meshes.size());
  for (const auto& mesh : meshes.meshes) EXPECT_NO_THROW(ritz::mesh::check_geometry(mesh));
}

TEST(MeshMap, MistakesAreToldWithTheirPlace) {
  const auto deck = [](const std::string& map) {
    return "[mesh]\nkind = \"box\"\ncells = [4, 4]\nmap = " + map + "\n" + rest;
  };
  EXPECT_THAT(error_of(deck("[\"x\", \"1/(y - 0.125)\"]"), ExitCode::deck),
              testing::AllOf(testing::HasSubstr("deck.toml:4:14: mesh.map[1]"),
                             testing::HasSubstr("0.125) of the box")));
  EXPECT_THAT(error_of(deck("[\"y\", \"x\"]"), ExitCode::deck),
              testing::AllOf(testing::HasSubstr("deck.toml:4:9: mesh.map folds or mirrors"),
                             testing::HasSubstr("16 of 16 cells")));
  EXPECT_THAT(error_of(deck("[\"x\", \"z\"]"), ExitCode::deck),
              testing::HasSubstr("mesh.map[1]: unknown name 'z'"));
  EXPECT_THAT(error_of(deck("[\"x + t\", \"y\"]"), ExitCode::deck),
              testing::HasSubstr("unknown name 't'"));
}

}  // namespace
