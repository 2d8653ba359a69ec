#include <fenv.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ritz/la/matrix.hpp"
#include "ritz/la/vector.hpp"
#include "stencil.hpp"

namespace {

using namespace ritz;
using la::Vector;

comm::Communicator world() {
  return comm::Communicator::world();
}

Vector from_ids(const la::Layout& layout, const std::function<double(GlobalId)>& f) {
  std::vector<double> values;
  for (LocalId i = 0; i < layout.n_owned; ++i) values.push_back(f(layout.first + i));
  return device::to_device("x", values.data(), values.size());
}

// A sine is an eigenvector of the second difference with fixed ends: A x = (2 - 2 cos(pi h)) x.
TEST(Matrix, AppliesTheSecondDifferenceToItsEigenvector) {
  const int n = 41;
  const test::Lattice lattice{{n, 1, 1}};
  const auto matrix = test::make_matrix(world(), lattice, {{0, 0, 0}, {1, 0, 0}, {-1, 0, 0}},
                                        test::laplacian(lattice),
                                        [&](const auto& at) { return lattice.on_boundary(at); });
  const double h = 1.0 / (n - 1);
  const Vector x =
      from_ids(matrix.layout(), [&](GlobalId i) { return std::sin(M_PI * h * double(i)); });
  const Vector y = la::make_vector("y", matrix.layout().n_owned);
  matrix.apply(x, y);
  const double lambda = 2 - 2 * std::cos(M_PI * h);
  for (std::size_t i = 0; i < y.extent(0); ++i) {
    const GlobalId id = matrix.layout().first + static_cast<GlobalId>(i);
    const double expected = id == 0 || id == n - 1 ? x(i) : lambda * x(i);
    // Three products of size at most 2 are added: a few units of round-off of those.
    EXPECT_NEAR(y(i), expected, 8 * std::numeric_limits<double>::epsilon()) << "row " << id;
  }
}

TEST(Matrix, ConstantsAreInTheKernelWithoutFixedNodesOnAnyPartition) {
  for (const test::Lattice& lattice :
       {test::Lattice{{5, 4, 3}}, test::Lattice{{2, 1, 1}}, test::Lattice{{3, 3, 1}}}) {
    const auto matrix =
        test::make_matrix(world(), lattice, test::offsets(true), test::laplacian(lattice),
                          [](const auto&) { return false; });
    const Vector x = la::make_vector("x", matrix.layout().n_owned);
    la::fill(x, 3.0);
    const Vector y = la::make_vector("y", matrix.layout().n_owned);
    la::fill(y, 1e300);  // apply() must overwrite
    matrix.apply(x, y);
    EXPECT_EQ(la::norm_max(world(), y), 0.0);  // sums of small integers times 3 are exact
  }
}

TEST(Matrix, SharesTheValuesAndSeesThemChange) {
  const test::Lattice lattice{{7, 2, 2}};
  auto matrix = test::make_matrix(world(), lattice, test::offsets(false), test::laplacian(lattice),
                                  [](const auto&) { return false; });
  const Vector x = from_ids(matrix.layout(), [](GlobalId i) { return double(i % 5); });
  const Vector y = la::make_vector("y", matrix.layout().n_owned);
  matrix.apply(x, y);
  const auto values = matrix.rows().values;
  for (std::size_t k = 0; k < values.extent(0); ++k) values(k) *= 2;
  EXPECT_EQ(matrix.generation(), 0u);
  matrix.values_changed();
  EXPECT_EQ(matrix.generation(), 1u);
  const Vector z = la::make_vector("z", matrix.layout().n_owned);
  matrix.apply(x, z);
  for (std::size_t i = 0; i < y.extent(0); ++i) EXPECT_EQ(z(i), 2 * y(i));
}

TEST(Matrix, KnowsItsDiagonalAndItsSize) {
  const test::Lattice lattice{{6, 5, 1}};
  const auto matrix =
      test::make_matrix(world(), lattice, test::offsets(false), test::laplacian(lattice),
                        [&](const auto& at) { return lattice.on_boundary(at); });
  const Vector d = la::make_vector("d", matrix.layout().n_owned);
  matrix.diagonal(d);
  for (std::size_t i = 0; i < d.extent(0); ++i) {
    const auto at = lattice.point(matrix.layout().first + static_cast<GlobalId>(i));
    EXPECT_EQ(d(i), lattice.on_boundary(at) ? 1.0 : 4.0);
  }
  // 18 boundary nodes with one entry; 12 inner ones with the diagonal and the 34 pairs (17 edges
  // between inner nodes of the 4 x 3 block, both ways).
  EXPECT_EQ(matrix.n_entries(), 18 + 12 + 34);
}

TEST(Matrix, FindsTheRowOfAValueThatIsNotFinite) {
  const test::Lattice lattice{{9, 1, 1}};
  const auto matrix = test::make_matrix(
      world(), lattice, {{0, 0, 0}, {1, 0, 0}, {-1, 0, 0}},
      [&](const auto& at, const auto& o) {
        return at[0] == 6 && o[0] == 1 ? std::numeric_limits<double>::infinity() : 1.0;
      },
      [](const auto&) { return false; });
  const LocalId row = matrix.first_not_finite_row();
  const GlobalId found = world().max(row < 0 ? GlobalId{-1} : matrix.layout().first + row);
  EXPECT_EQ(found, 6);
  EXPECT_EQ(world().sum(row < 0 ? 0 : 1), 1);
}

TEST(Vector, SumsDoNotDependOnRanksBeyondRoundOff) {
  const GlobalId n = 5000;
  const comm::BlockRange blocks(n, world().size());
  const la::Layout layout = la::Layout::from_owned(
      world(), static_cast<LocalId>(blocks.end(world().rank()) - blocks.begin(world().rank())), {});
  const Vector x = from_ids(layout, [](GlobalId i) { return double(i + 1); });
  const Vector one = from_ids(layout, [](GlobalId) { return 1.0; });
  EXPECT_EQ(la::sum(world(), x), 0.5 * double(n) * double(n + 1));  // exact below 2^53
  EXPECT_EQ(la::dot(world(), x, one), 0.5 * double(n) * double(n + 1));
  EXPECT_EQ(la::norm_max(world(), x), double(n));
  EXPECT_EQ(la::norm2(world(), one), std::sqrt(double(n)));
}

TEST(Vector, EmptyRanksAndNan) {
  const bool last = world().rank() == world().size() - 1;
  const la::Layout layout = la::Layout::from_owned(world(), last ? 1 : 0, {});
  EXPECT_EQ(layout.n_global, 1);
  const Vector x = from_ids(layout, [](GlobalId) { return -2.0; });
  EXPECT_EQ(la::norm_max(world(), x), 2.0);
  EXPECT_EQ(la::norm2(world(), x), 2.0);
  EXPECT_EQ(la::first_not_finite(x), -1);
  // Without traps, since comparing with NaN is what is tested here.
  const int traps = fedisableexcept(FE_ALL_EXCEPT);
  if (last) x(0) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(la::first_not_finite(x), last ? 0 : -1);
  EXPECT_TRUE(std::isnan(la::norm_max(world(), x)));
  feclearexcept(FE_ALL_EXCEPT);
  feenableexcept(traps);
}

TEST(Layout, SortsGhostsAndFindsTheirOwners) {
  // Rank q owns q unknowns (rank 0 none); everybody wants all of them.
  const int size = world().size();
  std::vector<GlobalId> all;
  for (GlobalId id = GlobalId{size} * (size - 1) / 2 - 1; id >= 0; --id) {
    all.push_back(id);
    all.push_back(id);
  }
  const la::Layout layout = la::Layout::from_owned(world(), world().rank(), all);
  EXPECT_EQ(layout.n_global, GlobalId{size} * (size - 1) / 2);
  EXPECT_EQ(layout.n_local(), layout.n_global);
  for (LocalId g = 0; g < layout.n_ghosts(); ++g) {
    const int owner = layout.ghost_owners[static_cast<std::size_t>(g)];
    const GlobalId id = layout.ghost_ids[static_cast<std::size_t>(g)];
    EXPECT_NE(owner, world().rank());
    EXPECT_GE(id, GlobalId{owner} * (owner - 1) / 2);
    EXPECT_LT(id, GlobalId{owner} * (owner + 1) / 2);
    if (g > 0) {
      EXPECT_LT(layout.ghost_ids[static_cast<std::size_t>(g - 1)], id);
    }
  }
}

}  // namespace
