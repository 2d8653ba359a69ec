// Numbering of degrees of freedom: ownership, persistence, halo, continuity, reproduction.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "mesh_tools.hpp"
#include "ritz/base/error.hpp"
#include "ritz/fem/space.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::Spread;

namespace {

/// A polynomial of total degree k with fixed odd coefficients.
double polynomial(const Point& x, int k, int dimension) {
  double sum = 0.0;
  for (int a = 0; a <= k; ++a) {
    for (int b = 0; b <= (dimension > 1 ? k - a : 0); ++b) {
      for (int c = 0; c <= (dimension > 2 ? k - a - b : 0); ++c) {
        const double factor = test::unit(static_cast<std::uint64_t>(a + 10 * b + 100 * c)) - 0.5;
        sum += factor * std::pow(x[0], a) * std::pow(x[1], b) * std::pow(x[2], c);
      }
    }
  }
  return sum;
}

Point random_reference(CellType type, std::uint64_t seed) {
  Point p{};
  const auto d = static_cast<std::size_t>(mesh::table(type).dimension);
  for (std::size_t c = 0; c < d; ++c) p[c] = test::unit(seed * 3 + c);
  if (mesh::is_simplex(type)) {
    const double sum = p[0] + p[1] + p[2];
    if (sum > 1.0) {
      for (double& x : p) x /= 1.05 * sum;
    }
  }
  return p;
}

struct Case {
  CellType type;
  Spread how;
};

}  // namespace

class SpaceOn : public ::testing::TestWithParam<Case> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  CellType type = GetParam().type;
  int highest = mesh::is_simplex(GetParam().type) ? 3 : 8;

  mesh::Mesh make(double distortion = 0.3, bool curved = false) {
    test::Setup setup;
    setup.type = type;
    setup.how = GetParam().how;
    setup.distortion = distortion;
    setup.curved = curved;
    return test::make_mesh(world, setup);
  }
};

TEST_P(SpaceOn, NumbersAreConsistent) {
  const mesh::Mesh mesh = make();
  for (int degree = 1; degree <= highest; ++degree) {
    const fem::Space space(mesh, degree);
    const mesh::Lattice lattice = mesh::make_lattice(mesh, degree);
    EXPECT_EQ(space.n_global, lattice.n_points_global);
    EXPECT_EQ(world.sum<GlobalId>(space.n_owned), space.n_global);
    EXPECT_EQ(space.first, world.exclusive_sum<GlobalId>(space.n_owned));
    const auto n_local = static_cast<std::size_t>(space.n_local());
    ASSERT_EQ(space.dof_gid.size(), n_local);
    ASSERT_EQ(space.ghost_owner.size(), static_cast<std::size_t>(space.n_ghosts));

    // Owned dofs in the order of first touch, by owned cells; every dof touched by a local cell.
    LocalId next = 0;
    std::vector<char> touched(n_local, 0);
    for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
      const auto dofs = space.dofs(cell);
      for (std::size_t i = 0; i < dofs.size(); ++i) {
        ASSERT_GE(dofs[i], 0);
        ASSERT_LT(dofs[i], space.n_local());
        touched[static_cast<std::size_t>(dofs[i])] = 1;
        if (cell < mesh.n_cells_owned && dofs[i] < space.n_owned) {
          ASSERT_LE(dofs[i], next);
          if (dofs[i] == next) ++next;
        }
        // The same persistent id as the lattice's point.
        const LocalId point = lattice.cell_points[static_cast<std::size_t>(cell) * dofs.size() + i];
        ASSERT_EQ(space.dof_gid[static_cast<std::size_t>(dofs[i])],
                  lattice.point_gid[static_cast<std::size_t>(point)]);
      }
    }
    EXPECT_EQ(next, space.n_owned);
    EXPECT_EQ(std::count(touched.begin(), touched.end(), 1), space.n_local());

    // Ghosts by owner and solver id; what the owner sends is the same dof.
    std::vector<GlobalId> solver(n_local, -1), gid(n_local, -1);
    for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_owned); ++i) {
      solver[i] = space.first + static_cast<GlobalId>(i);
      gid[i] = space.dof_gid[i];
    }
    space.plan.to_ghosts(std::span<GlobalId>(solver));
    space.plan.to_ghosts(std::span<GlobalId>(gid));
    for (std::size_t g = 0; g < static_cast<std::size_t>(space.n_ghosts); ++g) {
      const std::size_t i = static_cast<std::size_t>(space.n_owned) + g;
      EXPECT_EQ(solver[i], space.ghost_solver_id[g]);
      EXPECT_EQ(gid[i], space.dof_gid[i]);
      EXPECT_NE(space.ghost_owner[g], world.rank());
      if (g > 0) {
        EXPECT_LE(space.ghost_owner[g - 1], space.ghost_owner[g]);
        EXPECT_LT(space.ghost_solver_id[g - 1], space.ghost_solver_id[g]);
      }
    }
  }
}

TEST_P(SpaceOn, LowestRankWithATouchingCellOwns) {
  const mesh::Mesh mesh = make();
  const fem::Space space(mesh, 3);
  struct Claim {
    GlobalId gid;
    int rank;
    bool owned;
  };
  std::set<std::pair<GlobalId, bool>> mine;
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    for (const LocalId dof : space.dofs(cell)) {
      mine.insert({space.dof_gid[static_cast<std::size_t>(dof)], dof < space.n_owned});
    }
  }
  std::vector<Claim> claims;
  for (const auto& [gid, owned] : mine) claims.push_back({gid, world.rank(), owned});
  const std::vector<Claim> all = world.gather(std::span<const Claim>(claims), 0);
  if (!world.is_root()) return;
  std::map<GlobalId, int> lowest;
  for (const Claim& one : all) {
    const auto [at, fresh] = lowest.emplace(one.gid, one.rank);
    if (!fresh) at->second = std::min(at->second, one.rank);
  }
  for (const Claim& one : all) EXPECT_EQ(one.owned, lowest[one.gid] == one.rank);
  EXPECT_EQ(static_cast<GlobalId>(lowest.size()), space.n_global);
}

TEST_P(SpaceOn, CoordinatesAgreeWithTheOwners) {
  for (const bool curved : {false, true}) {
    const mesh::Mesh mesh = make(0.15, curved);
    for (int degree = 1; degree <= std::min(highest, 5); ++degree) {
      const fem::Space space(mesh, degree);
      const std::vector<double> x = fem::node_coordinates(mesh, space);
      std::vector<double> from_owner = x;
      const auto n_owned = static_cast<std::size_t>(space.n_owned);
      std::fill(from_owner.begin() + static_cast<std::ptrdiff_t>(3 * n_owned), from_owner.end(),
                -7.0);
      space.plan.to_ghosts(std::span<double>(from_owner), 3);
      for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], from_owner[i], 1e-13);
    }
  }
}

TEST_P(SpaceOn, ReproducesPolynomials) {
  // On the map of order 1 the space contains all polynomials of total degree k in x, distorted or
  // not: each coordinate is linear in every reference coordinate. On the map of order 2, k/2.
  for (const bool curved : {false, true}) {
    const mesh::Mesh mesh = make(curved ? 0.1 : 0.3, curved);
    const int d = mesh.dimension();
    for (int degree = 1; degree <= highest; ++degree) {
      const int k = curved ? degree / 2 : degree;
      const fem::Space space(mesh, degree);
      const std::vector<double> x = fem::node_coordinates(mesh, space);
      std::vector<double> values(static_cast<std::size_t>(space.n_local()));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = polynomial({x[3 * i], x[3 * i + 1], x[3 * i + 2]}, k, d);
      }
      std::array<double, 3> gradient{};
      for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
        const Point reference = random_reference(type, static_cast<std::uint64_t>(cell + 1));
        const Point at = mesh::map_to_physical(mesh, cell, reference);
        const double value = fem::evaluate(mesh, space, values, cell, reference,
                                           {gradient.data(), static_cast<std::size_t>(d)});
        // Values up to some ten times O(1), through Lebesgue constants below 20.
        EXPECT_NEAR(value, polynomial(at, k, d), 1e-12) << "degree " << degree;
        for (std::size_t c = 0; c < static_cast<std::size_t>(d); ++c) {
          Point high = at, low = at;
          high[c] += 1e-5;
          low[c] -= 1e-5;
          const double slope = (polynomial(high, k, d) - polynomial(low, k, d)) / 2e-5;
          // Difference quotient: h^2 f'''/6 with f''' up to some 10^3.
          EXPECT_NEAR(gradient[c], slope, 3e-7);
        }
      }
    }
  }
}

TEST_P(SpaceOn, FunctionsAreContinuous) {
  // Random values at the dofs, told by persistent id, seen from both sides of every shared facet.
  for (const bool curved : {false, true}) {
    const mesh::Mesh mesh = make(0.1, curved);
    const mesh::CellTable& table = mesh::table(type);
    const auto n_facet = static_cast<std::size_t>(mesh::table(table.facet_type).n_vertices);
    const auto stride = static_cast<std::size_t>(mesh.nodes_per_cell());
    for (int degree = 1; degree <= highest; ++degree) {
      const fem::Space space(mesh, degree);
      std::vector<double> values(static_cast<std::size_t>(space.n_local()));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = test::unit(static_cast<std::uint64_t>(space.dof_gid[i])) - 0.5;
      }
      struct Side {
        double value;
        Point x;
      };
      std::map<std::vector<GlobalId>, Side> first;
      int n_shared = 0;
      for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
        for (std::size_t f = 0; f < static_cast<std::size_t>(table.n_facets); ++f) {
          // (weight, vertex): the same weights at the same vertices from both sides. For quads they
          // are those of a bilinear patch in the frame of the lowest vertex.
          std::vector<GlobalId> key;
          for (std::size_t i = 0; i < n_facet; ++i) {
            key.push_back(mesh.node_gid[static_cast<std::size_t>(
                mesh.cell_nodes[static_cast<std::size_t>(cell) * stride +
                                static_cast<std::size_t>(table.facets[f][i])])]);
          }
          std::vector<double> weights(n_facet, 1.0);
          const auto low =
              static_cast<std::size_t>(std::min_element(key.begin(), key.end()) - key.begin());
          if (n_facet == 4) {
            const bool swap = key[low ^ 2U] < key[low ^ 1U];
            const double s = 0.3, t = 0.2;
            for (std::size_t i = 0; i < 4; ++i) {
              const bool along_1 = ((i ^ low) & 1U) != 0, along_2 = ((i ^ low) & 2U) != 0;
              const double a = swap ? t : s, b = swap ? s : t;
              weights[i] = (along_1 ? a : 1 - a) * (along_2 ? b : 1 - b);
            }
          } else {
            double total = 0.0;
            for (std::size_t i = 0; i < n_facet; ++i) {
              weights[i] = 0.1 + test::unit(static_cast<std::uint64_t>(key[i]));
              total += weights[i];
            }
            for (double& w : weights) w /= total;
          }
          Point reference{};
          for (std::size_t i = 0; i < n_facet; ++i) {
            for (std::size_t c = 0; c < 3; ++c) {
              reference[c] +=
                  weights[i] * table.vertices[static_cast<std::size_t>(table.facets[f][i])][c];
            }
          }
          const Side side{fem::evaluate(mesh, space, values, cell, reference),
                          mesh::map_to_physical(mesh, cell, reference)};
          std::sort(key.begin(), key.end());
          const auto [other, fresh] = first.emplace(key, side);
          if (fresh) continue;
          ++n_shared;
          EXPECT_NEAR(other->second.value, side.value, 1e-12) << "degree " << degree;
          for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(other->second.x[c], side.x[c], 1e-13);
        }
      }
      EXPECT_TRUE(n_shared > 0 || mesh.n_cells_owned == 0);
    }
  }
}

TEST_P(SpaceOn, PersistentIdsDoNotDependOnTheRanks) {
  test::Setup setup;
  setup.type = type;
  setup.how = GetParam().how;
  const mesh::Mesh alone = test::make_mesh(comm::Communicator::self(), setup);
  const mesh::Mesh mesh = make();
  for (int degree = 1; degree <= std::min(highest, 4); ++degree) {
    const fem::Space all(alone, degree), mine(mesh, degree);
    std::map<GlobalId, LocalId> cell_of;
    for (LocalId c = 0; c < alone.n_cells(); ++c) {
      cell_of[alone.cell_gid[static_cast<std::size_t>(c)]] = c;
    }
    for (LocalId c = 0; c < mesh.n_cells(); ++c) {
      const auto a = mine.dofs(c);
      const auto b = all.dofs(cell_of.at(mesh.cell_gid[static_cast<std::size_t>(c)]));
      for (std::size_t i = 0; i < a.size(); ++i) {
        ASSERT_EQ(mine.dof_gid[static_cast<std::size_t>(a[i])],
                  all.dof_gid[static_cast<std::size_t>(b[i])]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cells, SpaceOn, ::testing::ValuesIn([] {
      std::vector<Case> all;
      for (const CellType type : test::all_cell_types()) {
        for (const Spread how : {Spread::blocks, Spread::scattered, Spread::one_rank}) {
          all.push_back({type, how});
        }
      }
      return all;
    }()),
    [](const auto& one) {
      const char* how = one.param.how == Spread::blocks      ? "Blocks"
                        : one.param.how == Spread::scattered ? "Scattered"
                                                             : "OneRank";
      return std::string(mesh::table(one.param.type).name) + how;
    });

TEST(Space, RefusesAMeshWithoutGhosts) {
  mesh::Box box;
  box.cell_type = CellType::quad;
  const mesh::Mesh mesh = mesh::make_box(comm::Communicator::world(), box);
  EXPECT_THROW(fem::Space(mesh, 1), base::Error);
}

TEST(Space, RefusesDegreesThatTheCellsDoNotHave) {
  test::Setup setup;
  setup.type = CellType::tri;
  const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
  EXPECT_THROW(fem::Space(mesh, 5), base::Error);
}
