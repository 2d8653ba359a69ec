// Kernels of singular matrices: projections and the unknowns that are held for factorisations.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ritz/base/error.hpp"
#include "ritz/la/kernel.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/vector.hpp"
#include "stencil.hpp"

namespace {

using namespace ritz;
using la::Vector;

constexpr double round_off = std::numeric_limits<double>::epsilon();

/// `n` unknowns in blocks, the first ranks with one more: with few of them ranks have none.
la::Layout blocks(GlobalId n) {
  const comm::Communicator world = comm::Communicator::world();
  const comm::BlockRange range(n, world.size());
  return la::Layout::from_owned(
      world, static_cast<LocalId>(range.end(world.rank()) - range.begin(world.rank())), {});
}

template <class Of>
Vector vector_of(const la::Layout& layout, const Of& of) {
  const Vector v = la::make_vector("v", layout.n_owned);
  for (LocalId i = 0; i < layout.n_owned; ++i)
    v(static_cast<std::size_t>(i)) = of(layout.first + i);
  return v;
}

TEST(Kernel, OrthonormalLeavesOutWhatDependsOnOthers) {
  for (const GlobalId n : {2, 3, 100}) {
    const la::Layout layout = blocks(n);
    const Vector even = vector_of(layout, [](GlobalId i) { return i % 2 == 0 ? 1.0 : 0.0; });
    const Vector both = vector_of(layout, [](GlobalId i) { return i % 2 == 0 ? 3.0 : 2.0; });
    const Vector odd = vector_of(layout, [](GlobalId i) { return i % 2 == 0 ? 0.0 : 1e-3; });
    const std::vector<Vector> given{even, both, odd,
                                    vector_of(layout, [](GlobalId) { return 0.0; })};
    const std::vector<Vector> basis = la::orthonormal(layout.communicator, given);
    ASSERT_EQ(basis.size(), 2U) << n;
    for (std::size_t i = 0; i < 2; ++i) {
      for (std::size_t j = 0; j < 2; ++j) {
        // A sum of n products of size at most 1 / n.
        EXPECT_NEAR(la::dot(layout.communicator, basis[i], basis[j]), i == j ? 1.0 : 0.0,
                    16 * round_off);
      }
    }
  }
}

TEST(Kernel, RemoveBringsTheWeightedMeansToZero) {
  const la::Layout layout = blocks(60);
  const Vector ones = vector_of(layout, [](GlobalId) { return 1.0; });
  const Vector weights = vector_of(layout, [](GlobalId i) { return double(i + 1) / 1830; });
  const std::vector<Vector> basis{ones}, duals{weights};  // w . z = 1: 1 + ... + 60 = 1830
  const Vector v = vector_of(layout, [](GlobalId i) { return double(i * i); });
  la::remove(layout.communicator, basis, duals, v);
  // sum (i + 1) i^2 / 1830 over i < 60, in closed form: (1770^2 + 59 60 119 / 6) / 1830.
  const double mean = (1770.0 * 1770.0 + 70210.0) / 1830.0;
  for (LocalId i = 0; i < layout.n_owned; ++i) {
    const auto id = static_cast<double>(layout.first + i);
    EXPECT_NEAR(v(static_cast<std::size_t>(i)), id * id - mean, 60 * 3600 * round_off);
  }
  EXPECT_NEAR(la::dot(layout.communicator, weights, v), 0.0, 60 * 3600 * round_off);
}

TEST(Kernel, PivotsAreTheFirstThatTellTheVectorsApart) {
  for (const GlobalId n : {3, 50}) {
    const la::Layout layout = blocks(n);
    const Vector ones = vector_of(layout, [](GlobalId) { return 1.0; });
    const Vector even = vector_of(layout, [](GlobalId i) { return i % 2 == 0 ? 1.0 : 0.0; });
    const std::vector<Vector> basis =
        la::orthonormal(layout.communicator, std::vector<Vector>{ones, even});
    std::vector<GlobalId> found = la::pivots(layout, basis, basis);
    ASSERT_EQ(found.size(), 2U);
    // One of each kind: two of one kind have the same values in both vectors.
    EXPECT_NE(found[0] % 2, found[1] % 2) << found[0] << " " << found[1];
  }
}

TEST(Kernel, PivotsOfKernelsWithoutACommonUnknownAreRefused) {
  const la::Layout layout = blocks(10);
  const std::vector<Vector> even{
      vector_of(layout, [](GlobalId i) { return i % 2 == 0 ? 1.0 : 0.0; })};
  const std::vector<Vector> odd{
      vector_of(layout, [](GlobalId i) { return i % 2 == 0 ? 0.0 : 1.0; })};
  try {
    static_cast<void>(la::pivots(layout, even, odd));
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::not_converged);
  }
}

// A x of the kernel's vector is left in the held unknowns' rows alone, a_pp x_p there: so y . (A x)
// = y_p a_pp x_p is zero only with x_p = 0.
TEST(Kernel, PinnedHoldsWhatTheSingularMatrixLeavesFree) {
  const test::Lattice lattice{{9, 7, 1}};
  const auto matrix =
      test::make_matrix(comm::Communicator::world(), lattice, test::offsets(true),
                        test::laplacian(lattice), [](const auto&) { return false; });
  const la::Layout& layout = matrix.layout();
  const Vector ones = vector_of(layout, [](GlobalId) { return 1.0; });
  const std::vector<Vector> basis = la::orthonormal(layout.communicator, std::vector<Vector>{ones});
  const std::vector<GlobalId> held = la::pivots(layout, basis, basis);
  ASSERT_EQ(held, std::vector<GlobalId>{0});
  const la::Matrix pinned(layout, la::pinned(matrix, held));
  const Vector diagonal = la::make_vector("d", layout.n_owned),
               image = la::make_vector("y", layout.n_owned);
  matrix.diagonal(diagonal);
  pinned.apply(ones, image);
  for (LocalId i = 0; i < layout.n_owned; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(image(at), layout.first + i == 0 ? diagonal(at) : 0.0);  // small integers
  }
  matrix.apply(ones, image);
  EXPECT_EQ(la::norm_max(layout.communicator, image), 0.0);  // the given one is as it was
}

}  // namespace
