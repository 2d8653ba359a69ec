// Error norms of interpolants: known values, orders under refinement, independence of the ranks.
#include <gtest/gtest.h>

#include <fenv.h>

#include <limits>
#include <numbers>
#include <string>

#include "mesh_tools.hpp"
#include "ritz/base/error.hpp"
#include "ritz/fem/space.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::Spread;

namespace {

/// sin(2x + 1) cos(y) exp(z / 2): smooth, with no symmetry of the box.
double smooth(const double* x) {
  return std::sin(2 * x[0] + 1) * std::cos(x[1]) * std::exp(0.5 * x[2]);
}
double smooth_slope(const double* x, std::size_t c) {
  if (c == 0) return 2 * std::cos(2 * x[0] + 1) * std::cos(x[1]) * std::exp(0.5 * x[2]);
  if (c == 1) return -std::sin(2 * x[0] + 1) * std::sin(x[1]) * std::exp(0.5 * x[2]);
  return 0.5 * smooth(x);
}

fem::PointFunction function(double (*f)(const double*)) {
  return [f](std::span<const double> x, std::span<double> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = f(x.data() + 3 * i);
  };
}

std::vector<fem::PointFunction> slopes(int dimension) {
  std::vector<fem::PointFunction> result;
  for (std::size_t c = 0; c < static_cast<std::size_t>(dimension); ++c) {
    result.push_back([c](std::span<const double> x, std::span<double> out) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = smooth_slope(x.data() + 3 * i, c);
    });
  }
  return result;
}

std::vector<double> interpolate(const mesh::Mesh& mesh, const fem::Space& space,
                                double (*f)(const double*)) {
  const std::vector<double> x = fem::node_coordinates(mesh, space);
  std::vector<double> values(static_cast<std::size_t>(space.n_local()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = f(x.data() + 3 * i);
  return values;
}

struct Case {
  CellType type;
  int degree;
  GlobalId cells;
};

}  // namespace

class OrderOf : public ::testing::TestWithParam<Case> {};

TEST_P(OrderOf, InterpolationOnADistortedMesh) {
  // Refined in place, so the cells become affine as h^2 and the classical orders hold: k + 1 in L2,
  // k in the H1 seminorm.
  const auto world = comm::Communicator::world();
  const auto [type, degree, cells] = GetParam();
  test::Setup setup;
  setup.type = type;
  setup.cells = {cells, cells, cells};
  setup.distortion = 0.25;
  const mesh::Mesh start = test::make_mesh(world, setup);
  std::array<fem::Norms, 2> norms;
  for (int level = 0; level < 2; ++level) {
    const mesh::Mesh mesh = mesh::refine(start, level);
    const fem::Space space(mesh, degree);
    norms[static_cast<std::size_t>(level)] = fem::error_norms(
        mesh, space, interpolate(mesh, space, smooth), function(smooth), slopes(mesh.dimension()));
  }
  EXPECT_NEAR(std::log2(norms[0].l2 / norms[1].l2), degree + 1, 0.1);
  EXPECT_NEAR(std::log2(norms[0].h1_semi / norms[1].h1_semi), degree, 0.1);
  EXPECT_LT(norms[1].max_nodal, 1e-15) << "the interpolant is exact at the nodes";
}

INSTANTIATE_TEST_SUITE_P(All, OrderOf,
                         ::testing::Values(Case{CellType::line, 1, 8}, Case{CellType::line, 2, 8},
                                           Case{CellType::line, 3, 8}, Case{CellType::line, 4, 8},
                                           Case{CellType::line, 6, 4}, Case{CellType::tri, 1, 8},
                                           Case{CellType::tri, 2, 6}, Case{CellType::tri, 3, 6},
                                           Case{CellType::quad, 1, 8}, Case{CellType::quad, 2, 6},
                                           Case{CellType::quad, 3, 6}, Case{CellType::quad, 4, 4},
                                           Case{CellType::quad, 5, 4}, Case{CellType::tet, 1, 5},
                                           Case{CellType::tet, 2, 4}, Case{CellType::tet, 3, 3},
                                           Case{CellType::hex, 1, 6}, Case{CellType::hex, 2, 4},
                                           Case{CellType::hex, 3, 4}, Case{CellType::hex, 4, 3}),
                         [](const auto& one) {
                           return std::string(mesh::table(one.param.type).name) +
                                  std::to_string(one.param.degree);
                         });

TEST(Norms, KnownValuesOnTheUnitBox) {
  // u = x, u_h = 0: ||u|| = 1/sqrt(3), |u| = 1; u_h = 0 has exactly that error.
  for (const CellType type : test::all_cell_types()) {
    test::Setup setup;
    setup.type = type;
    const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
    const fem::Space space(mesh, 2);
    const std::vector<double> zero(static_cast<std::size_t>(space.n_local()), 0.0);
    std::vector<fem::PointFunction> gradient;
    for (int c = 0; c < mesh.dimension(); ++c) {
      gradient.push_back([c](std::span<const double>, std::span<double> out) {
        std::fill(out.begin(), out.end(), c == 0 ? 1.0 : 0.0);
      });
    }
    const auto exact = function([](const double* x) { return x[0]; });
    const fem::Norms norms = fem::error_norms(mesh, space, zero, exact, gradient);
    EXPECT_NEAR(norms.l2, 1.0 / std::numbers::sqrt3, 1e-13);
    EXPECT_NEAR(norms.exact_l2, 1.0 / std::numbers::sqrt3, 1e-13);
    EXPECT_NEAR(norms.h1_semi, 1.0, 1e-13);
    EXPECT_NEAR(norms.exact_h1_semi, 1.0, 1e-13);
    EXPECT_NEAR(norms.max_nodal, 1.0, 1e-15);
    // And the interpolant of x has none.
    const fem::Norms none = fem::error_norms(
        mesh, space, interpolate(mesh, space, [](const double* x) { return x[0]; }), exact,
        gradient);
    EXPECT_LT(none.l2, 1e-14);
    EXPECT_LT(none.h1_semi, 1e-13);
  }
}

TEST(Norms, DoNotDependOnThePartition) {
  for (const CellType type : {CellType::tri, CellType::hex}) {
    test::Setup setup;
    setup.type = type;
    const mesh::Mesh alone = test::make_mesh(comm::Communicator::self(), setup);
    const fem::Space space(alone, 3);
    const fem::Norms expected = fem::error_norms(alone, space, interpolate(alone, space, smooth),
                                                 function(smooth), slopes(alone.dimension()));
    for (const Spread how : {Spread::blocks, Spread::scattered, Spread::one_rank}) {
      setup.how = how;
      const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
      const fem::Space mine(mesh, 3);
      const fem::Norms norms = fem::error_norms(mesh, mine, interpolate(mesh, mine, smooth),
                                                function(smooth), slopes(mesh.dimension()));
      // The nodes' coordinates round differently from cell to cell: 1e-16 against errors of 1e-5.
      EXPECT_NEAR(norms.l2 / expected.l2, 1.0, 1e-10);
      EXPECT_NEAR(norms.h1_semi / expected.h1_semi, 1.0, 1e-10);
      EXPECT_NEAR(norms.exact_l2 / expected.exact_l2, 1.0, 1e-15);
      EXPECT_NEAR(norms.exact_h1_semi / expected.exact_h1_semi, 1.0, 1e-15);
    }
  }
}

TEST(Norms, WithoutGradientSaySo) {
  test::Setup setup;
  setup.type = CellType::quad;
  const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
  const fem::Space space(mesh, 1);
  const fem::Norms norms =
      fem::error_norms(mesh, space, interpolate(mesh, space, smooth), function(smooth));
  EXPECT_TRUE(std::isnan(norms.h1_semi));
  EXPECT_TRUE(std::isnan(norms.exact_h1_semi));
  EXPECT_GT(norms.l2, 0.0);
}

TEST(Norms, ANaNIsNotLost) {
  const int traps = fegetexcept();
  fedisableexcept(FE_INVALID);
  test::Setup setup;
  setup.type = CellType::quad;
  const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
  const fem::Space space(mesh, 1);
  std::vector<double> values = interpolate(mesh, space, smooth);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (space.dof_gid[i] == 7) values[i] = std::numeric_limits<double>::quiet_NaN();
  }
  const fem::Norms norms = fem::error_norms(mesh, space, values, function(smooth));
  EXPECT_TRUE(std::isnan(norms.l2));
  EXPECT_TRUE(std::isnan(norms.max_nodal));
  feclearexcept(FE_ALL_EXCEPT);
  feenableexcept(traps);
}

TEST(Norms, AnErrorOfOneRankReachesAll) {
  const auto world = comm::Communicator::world();
  test::Setup setup;
  setup.type = CellType::quad;
  setup.cells = {6, 6, 1};
  const mesh::Mesh mesh = test::make_mesh(world, setup);
  const fem::Space space(mesh, 1);
  const std::vector<double> values(static_cast<std::size_t>(space.n_local()), 0.0);
  const bool thrower = world.rank() == world.size() - 1;
  const fem::PointFunction exact = [&](std::span<const double>, std::span<double> out) {
    if (thrower) throw base::Error(base::ExitCode::deck, "verify.exact has a pole");
    std::fill(out.begin(), out.end(), 0.0);
  };
  EXPECT_THROW((void)fem::error_norms(mesh, space, values, exact), base::Error);
}
