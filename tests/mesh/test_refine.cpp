// Uniform refinement: the same domain, the same sets, the same mesh for every number of ranks.
#include <gtest/gtest.h>

#include <map>
#include <numbers>
#include <string>

#include "mesh_tools.hpp"
#include "ritz/base/error.hpp"
#include "ritz/fem/element.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::Spread;

namespace {

double determinant(const std::array<double, 9>& j, int n) {
  if (n == 1) return j[0];
  if (n == 2) return j[0] * j[3] - j[1] * j[2];
  return j[0] * (j[4] * j[8] - j[5] * j[7]) - j[1] * (j[3] * j[8] - j[5] * j[6]) +
         j[2] * (j[3] * j[7] - j[4] * j[6]);
}

/// Volume of all owned cells. Jacobians have degree at most 3 * order in each variable.
double volume(const mesh::Mesh& mesh) {
  const fem::Quadrature rule = fem::quadrature(mesh.cell_type, 3 * mesh.geometry_order);
  const auto d = static_cast<std::size_t>(mesh.dimension());
  double sum = 0.0;
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    for (std::size_t q = 0; q < rule.weights.size(); ++q) {
      std::array<double, 9> jacobian{};
      mesh::map_to_physical(mesh, cell, rule.points[q], {jacobian.data(), d * d});
      const double det = determinant(jacobian, mesh.dimension());
      EXPECT_GT(det, 0.0);
      sum += rule.weights[q] * det;
    }
  }
  return mesh.communicator.sum(sum);
}

/// Length or area of a set's facets on owned cells (points count 1), by cross products.
double measure(const mesh::Mesh& mesh, int set) {
  const mesh::CellTable& table = mesh::table(mesh.cell_type);
  const fem::Quadrature rule = fem::quadrature(table.facet_type, 8);
  const auto d = static_cast<std::size_t>(mesh.dimension());
  double sum = 0.0;
  for (const mesh::FacetInSet& one : mesh.facet_sets) {
    if (one.set != set || one.cell >= mesh.n_cells_owned) continue;
    for (std::size_t q = 0; q < rule.weights.size(); ++q) {
      const Point reference = fem::facet_to_cell(mesh.cell_type, one.facet, rule.points[q]);
      std::array<double, 9> jacobian{};
      mesh::map_to_physical(mesh, one.cell, reference, {jacobian.data(), d * d});
      // Tangents: the Jacobian times the facet's own axes.
      std::array<Point, 2> tangent{};
      for (std::size_t a = 0; a + 1 < d; ++a) {
        const Point end = fem::facet_to_cell(mesh.cell_type, one.facet,
                                             {a == 0 ? 1.0 : 0.0, a == 1 ? 1.0 : 0.0, 0.0});
        const Point origin = fem::facet_to_cell(mesh.cell_type, one.facet, {0, 0, 0});
        for (std::size_t i = 0; i < d; ++i) {
          for (std::size_t c = 0; c < d; ++c) {
            tangent[a][i] += jacobian[i * d + c] * (end[c] - origin[c]);
          }
        }
      }
      const Point& s = tangent[0];
      const Point& t = tangent[1];
      double size = 1.0;
      if (d == 2) size = std::hypot(s[0], s[1]);
      if (d == 3) {
        size = std::hypot(s[1] * t[2] - s[2] * t[1], s[2] * t[0] - s[0] * t[2],
                          s[0] * t[1] - s[1] * t[0]);
      }
      sum += rule.weights[q] * size;
    }
  }
  return mesh.communicator.sum(sum);
}

/// Everything about a cell that must not depend on the number of ranks.
struct CellRecord {
  std::vector<GlobalId> nodes;
  std::vector<double> coordinates;
  int region;
  int exterior;
  std::vector<std::pair<int, int>> sets;
  bool operator==(const CellRecord&) const = default;
};

std::map<GlobalId, CellRecord> cell_records(const mesh::Mesh& mesh) {
  std::map<GlobalId, CellRecord> result;
  const auto d = static_cast<std::size_t>(mesh.dimension());
  const auto n = static_cast<std::size_t>(mesh.nodes_per_cell());
  for (std::size_t cell = 0; cell < mesh.cell_gid.size(); ++cell) {
    CellRecord& one = result[mesh.cell_gid[cell]];
    for (std::size_t i = 0; i < n; ++i) {
      const auto node = static_cast<std::size_t>(mesh.cell_nodes[cell * n + i]);
      one.nodes.push_back(mesh.node_gid[node]);
      for (std::size_t c = 0; c < d; ++c) {
        one.coordinates.push_back(mesh.node_coordinates[node * d + c]);
      }
    }
    one.region = mesh.cell_region[cell];
    one.exterior = mesh.exterior[cell];
  }
  for (const mesh::FacetInSet& one : mesh.facet_sets) {
    result[mesh.cell_gid[static_cast<std::size_t>(one.cell)]].sets.emplace_back(one.facet, one.set);
  }
  return result;
}

}  // namespace

class RefineOn : public ::testing::TestWithParam<std::tuple<CellType, bool>> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  CellType type = std::get<0>(GetParam());
  bool curved = std::get<1>(GetParam());

  test::Setup setup(Spread how = Spread::blocks) {
    test::Setup result;
    result.type = type;
    result.curved = curved;
    result.how = how;
    result.distortion = curved ? 0.1 : 0.3;
    return result;
  }
};

TEST_P(RefineOn, KeepsVolumeBoundaryAndCounts) {
  const mesh::Mesh coarse = test::make_mesh(world, setup());
  const double whole = volume(coarse);
  GlobalId n_cells = coarse.n_cells_global;
  for (int levels = 1; levels <= 2; ++levels) {
    const mesh::Mesh fine = mesh::refine(coarse, levels);
    n_cells <<= coarse.dimension();
    EXPECT_EQ(fine.n_cells_global, n_cells);
    EXPECT_EQ(world.sum<GlobalId>(fine.n_cells_owned), n_cells);
    // The children's maps are the parents': nothing is approximated.
    EXPECT_NEAR(volume(fine), whole, 1e-13 * static_cast<double>(n_cells));
    ASSERT_EQ(fine.set_names, coarse.set_names);
    for (int set = 0; set < static_cast<int>(coarse.set_names.size()); ++set) {
      // The square root in curved areas is integrated by a rule of degree 8, not exactly.
      EXPECT_NEAR(measure(fine, set), measure(coarse, set), curved ? 1e-6 : 1e-12);
    }
    EXPECT_NO_THROW(mesh::check_geometry(fine));
    // A grid of 2^levels * cells + 1 vertices a direction, and twice that for the order-2 nodes.
    GlobalId n_vertices = 1, n_nodes = 1;
    for (std::size_t c = 0; c < static_cast<std::size_t>(fine.dimension()); ++c) {
      n_vertices *= (setup().cells[c] << levels) + 1;
      n_nodes *= (setup().cells[c] << (levels + (curved ? 1 : 0))) + 1;
    }
    EXPECT_EQ(fine.n_vertices_global, n_vertices);
    EXPECT_EQ(fine.n_nodes_global, n_nodes);
  }
}

TEST_P(RefineOn, IsTheSameForEveryNumberOfRanks) {
  const mesh::Mesh alone = mesh::refine(test::make_mesh(comm::Communicator::self(), setup()), 2);
  const auto expected = cell_records(alone);
  for (const Spread how : {Spread::blocks, Spread::scattered, Spread::one_rank}) {
    const mesh::Mesh mine = mesh::refine(test::make_mesh(world, setup(how)), 2);
    EXPECT_TRUE(mine.has_ghosts);
    for (const auto& [gid, record] : cell_records(mine)) {
      const CellRecord& other = expected.at(gid);
      ASSERT_EQ(record.nodes, other.nodes);
      ASSERT_EQ(record.coordinates, other.coordinates) << "bit for bit";
      ASSERT_TRUE(record == other);
    }
  }
}

TEST_P(RefineOn, CellsStayOnTheirRank) {
  const mesh::Mesh coarse = test::make_mesh(world, setup(Spread::scattered));
  const mesh::Mesh fine = mesh::refine(coarse, 1);
  std::vector<GlobalId> parents;
  for (LocalId cell = 0; cell < fine.n_cells_owned; ++cell) {
    parents.push_back(fine.cell_gid[static_cast<std::size_t>(cell)] >> fine.dimension());
  }
  std::sort(parents.begin(), parents.end());
  parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
  std::vector<GlobalId> own(coarse.cell_gid.begin(),
                            coarse.cell_gid.begin() + coarse.n_cells_owned);
  std::sort(own.begin(), own.end());
  EXPECT_EQ(parents, own);
}

TEST_P(RefineOn, ExteriorFlagsAreThoseOfMatching) {
  const mesh::Mesh fine = mesh::refine(test::make_mesh(world, setup()), 1);
  const std::vector<int> part(static_cast<std::size_t>(fine.n_cells_owned), world.rank());
  const mesh::Mesh matched = mesh::distribute(fine, part, false);
  ASSERT_EQ(matched.cell_gid, fine.cell_gid);
  EXPECT_EQ(matched.exterior, fine.exterior);
}

TEST_P(RefineOn, TwoLevelsAreOneAndOne) {
  const mesh::Mesh coarse = test::make_mesh(world, setup());
  EXPECT_TRUE(cell_records(mesh::refine(coarse, 2)) ==
              cell_records(mesh::refine(mesh::refine(coarse, 1), 1)));
  EXPECT_TRUE(cell_records(mesh::refine(coarse, 0)) == cell_records(coarse));
}

TEST_P(RefineOn, NodesLieOnTheParentsMapAndOldOnesStay) {
  const mesh::Mesh coarse = test::make_mesh(world, setup());
  const mesh::Mesh fine = mesh::refine(coarse, 1);
  const auto d = static_cast<std::size_t>(coarse.dimension());
  const int order = 2 * coarse.geometry_order;
  const auto indices = mesh::lattice_indices(type, order);
  std::map<GlobalId, std::vector<Point>> places;  // of the parents' lattices
  for (LocalId cell = 0; cell < coarse.n_cells(); ++cell) {
    for (const auto& index : indices) {
      const Point reference{1.0 * index[0] / order, 1.0 * index[1] / order, 1.0 * index[2] / order};
      places[coarse.cell_gid[static_cast<std::size_t>(cell)]].push_back(
          mesh::map_to_physical(coarse, cell, reference));
    }
  }
  std::map<GlobalId, Point> old_vertices;
  for (std::size_t v = 0; v < static_cast<std::size_t>(coarse.n_vertices); ++v) {
    Point& x = old_vertices[coarse.node_gid[v]];
    for (std::size_t c = 0; c < d; ++c) x[c] = coarse.node_coordinates[v * d + c];
  }
  int n_old = 0;
  for (const auto& [gid, record] : cell_records(fine)) {
    const auto parent = places.find(gid >> fine.dimension());
    if (parent == places.end()) continue;  // a ghost whose parent was none
    for (std::size_t i = 0; i < record.nodes.size(); ++i) {
      Point x{};
      for (std::size_t c = 0; c < d; ++c) x[c] = record.coordinates[i * d + c];
      double nearest = 1.0;
      for (const Point& p : parent->second) {
        nearest = std::min(nearest, std::hypot(p[0] - x[0], p[1] - x[1], p[2] - x[2]));
      }
      EXPECT_LT(nearest, 1e-14);
      const auto vertex = old_vertices.find(record.nodes[i]);
      if (record.nodes[i] >= coarse.n_vertices_global || vertex == old_vertices.end()) continue;
      EXPECT_EQ(x, vertex->second);
      ++n_old;
    }
  }
  EXPECT_TRUE(n_old > 0 || coarse.n_cells() == 0);
}

INSTANTIATE_TEST_SUITE_P(Cells, RefineOn,
                         ::testing::Combine(::testing::ValuesIn(test::all_cell_types()),
                                            ::testing::Bool()),
                         [](const auto& one) {
                           return std::string(mesh::table(std::get<0>(one.param)).name) +
                                  (std::get<1>(one.param) ? "Curved" : "");
                         });

TEST(Refine, TetsKeepTheirShape) {
  // Radius-free quality: volume over the cube of the root mean square edge, 1 for the regular tet.
  const auto worst = [](const mesh::Mesh& mesh) {
    double result = 1.0;
    for (std::size_t cell = 0; cell < static_cast<std::size_t>(mesh.n_cells_owned); ++cell) {
      std::array<Point, 4> x{};
      for (std::size_t v = 0; v < 4; ++v) {
        for (std::size_t c = 0; c < 3; ++c) {
          x[v][c] =
              mesh.node_coordinates[static_cast<std::size_t>(mesh.cell_nodes[cell * 4 + v]) * 3 +
                                    c];
        }
      }
      std::array<double, 9> jacobian{};
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t v = 1; v < 4; ++v) jacobian[i * 3 + v - 1] = x[v][i] - x[0][i];
      }
      double squares = 0.0;
      for (std::size_t a = 0; a < 4; ++a) {
        for (std::size_t b = a + 1; b < 4; ++b) {
          for (std::size_t c = 0; c < 3; ++c) squares += (x[a][c] - x[b][c]) * (x[a][c] - x[b][c]);
        }
      }
      const double regular = std::numbers::sqrt2 / 12.0;
      const double quality =
          determinant(jacobian, 3) / 6.0 / std::pow(squares / 6.0, 1.5) / regular;
      result = std::min(result, quality);
    }
    return mesh.communicator.min(result);
  };
  const auto world = comm::Communicator::world();
  for (const double distortion : {0.0, 0.3}) {
    test::Setup setup;
    setup.type = CellType::tet;
    setup.cells = {1, 1, 1};
    if (distortion > 0) setup.cells = {2, 2, 2};
    setup.distortion = distortion;
    const mesh::Mesh coarse = test::make_mesh(world, setup);
    const double first = worst(mesh::refine(coarse, 1));
    // Kuhn's tets split into Kuhn's tets; others keep about the shapes of level 1.
    EXPECT_TRUE(distortion > 0.0 || std::abs(first - worst(coarse)) < 1e-12);
    EXPECT_GT(first, 0.7 * worst(coarse));
    for (int levels = 2; levels <= 3; ++levels) {
      EXPECT_GT(worst(mesh::refine(coarse, levels)), 0.9 * first);
    }
  }
}

TEST(Refine, CurvedDiskHasTheAreaOfItsQuadraticMap) {
  // The square [-1,1]^2 mapped onto the disk: x sqrt(1 - y^2/2), y sqrt(1 - x^2/2). Its order-2
  // interpolant misses the area pi by O(h^4) (Simpson); refinement keeps that interpolant.
  for (const CellType type : {CellType::quad, CellType::tri}) {
    mesh::Box box;
    box.cell_type = type;
    box.cells = {4, 4, 1};
    box.lower = {-1, -1, 0};
    mesh::Mesh disk = mesh::make_box(comm::Communicator::world(), box);
    test::scramble(disk, 3);
    test::bend(disk, [](const Point& p) {
      return Point{p[0] * std::sqrt(1 - 0.5 * p[1] * p[1]), p[1] * std::sqrt(1 - 0.5 * p[0] * p[0]),
                   0};
    });
    disk = test::spread(disk, Spread::blocks);
    const double area = volume(disk);
    EXPECT_NEAR(area, std::numbers::pi, 2e-3);
    EXPECT_GT(std::abs(area - std::numbers::pi), 1e-6);
    EXPECT_NEAR(volume(mesh::refine(disk, 2)), area, 1e-12);
  }
}

TEST(Refine, CurvedShellKeepsItsVolume) {
  // A sector of the shell 1 < r < 2 in spherical coordinates: volume (8 - 1)/3 * sqrt(2) * pi/2.
  const double exact = 7.0 / 3.0 * std::numbers::sqrt2 * std::numbers::pi / 2.0;
  for (const CellType type : {CellType::hex, CellType::tet}) {
    mesh::Box box;
    box.cell_type = type;
    box.cells = {2, 3, 3};
    box.lower = {1.0, 0.25 * std::numbers::pi, 0.0};
    box.upper = {2.0, 0.75 * std::numbers::pi, 0.5 * std::numbers::pi};
    mesh::Mesh shell = mesh::make_box(comm::Communicator::world(), box);
    test::scramble(shell, 4);
    test::bend(shell, [](const Point& p) {
      return Point{p[0] * std::sin(p[1]) * std::cos(p[2]), p[0] * std::sin(p[1]) * std::sin(p[2]),
                   p[0] * std::cos(p[1])};
    });
    shell = test::spread(shell, Spread::blocks);
    const double before = volume(shell);
    EXPECT_NEAR(before, exact, 0.01);
    EXPECT_GT(std::abs(before - exact), 1e-7);
    EXPECT_NEAR(volume(mesh::refine(shell, 1)), before, 1e-12);
  }
}

TEST(Refine, RefusesAMeshWithoutGhosts) {
  const mesh::Mesh mesh = mesh::make_box(comm::Communicator::world(), mesh::Box{});
  EXPECT_THROW((void)mesh::refine(mesh, 1), base::Error);
}
