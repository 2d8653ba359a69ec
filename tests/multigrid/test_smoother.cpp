#include "smoother.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "dense_solver.hpp"
#include "multigrid_tools.hpp"

namespace ritz::multigrid {
namespace {

/// What the steps make of an error 1 in an eigenvector of D^-1 A with this eigenvalue.
double error_after(const std::vector<double>& factors, double eigenvalue) {
  double error = 1;
  for (const double factor : factors) error -= factor * eigenvalue * error;
  return error;
}

TEST(ChebyshevFactors, FourthKindIsThePolynomialOfTheFourthKind) {
  // W_m(cos t) = sin((m + 1/2) t) / sin(t / 2) at 1 - 2 lambda / bound, divided by W_m(1) = 2m + 1.
  const double bound = 1.7;
  for (int m = 1; m <= 8; ++m) {
    Options options;
    options.smoother_degree = m;
    const auto factors = chebyshev_factors(options, bound);
    ASSERT_EQ(factors.size(), static_cast<std::size_t>(m));
    for (int i = 1; i <= 20; ++i) {
      const double t = std::numbers::pi * i / 20.0;
      const double lambda = 0.5 * bound * (1 - std::cos(t));
      const double expected = std::sin((m + 0.5) * t) / std::sin(0.5 * t) / (2 * m + 1);
      EXPECT_NEAR(error_after(factors, lambda), expected, 1e-13);
    }
  }
}

TEST(ChebyshevFactors, FirstKindIsTheScaledPolynomialOfTheFirstKind) {
  const double bound = 2.3;
  for (int m = 1; m <= 8; ++m) {
    Options options;
    options.smoother = Options::Smoother::chebyshev_1;
    options.smoother_degree = m;
    options.smoothing_range = 10;
    const auto factors = chebyshev_factors(options, bound);
    ASSERT_EQ(factors.size(), static_cast<std::size_t>(m));
    const double centre = 0.55 * bound, half = 0.45 * bound;
    const double at_zero = std::cosh(m * std::acosh(centre / half));
    for (int i = 0; i <= 20; ++i) {
      const double t = std::numbers::pi * i / 20.0;
      const double lambda = centre - half * std::cos(t);
      EXPECT_NEAR(error_after(factors, lambda), std::cos(m * t) / at_zero, 1e-13);
    }
  }
}

/// Q1 matrix on a scrambled mesh; with `boundary` some dofs are prescribed.
template <class T>
void check_dense(bool boundary) {
  const mesh::Mesh mesh =
      test::make_mesh(test::world(), {.cells = {4, 3, 3}, .how = test::Spread::scattered});
  const fem::Space space(mesh, 1);
  physics::Form form = test::poisson(3, test::formula("1 + x"));
  if (boundary) {
    test::add_boundary(form, mesh, physics::BoundaryForm::Kind::value, {"left", "top"});
  }
  const auto fixed = assembly::fixed_values(mesh, space, form).constraints;
  const assembly::Assembler assembler(mesh, space, fixed);
  const la::Vector values("values", assembler.pattern().columns.extent(0));
  const la::Vector rhs = la::make_vector("rhs", space.n_owned);
  assembler.assemble(form, fixed, 0.0, values, rhs);
  const la::Matrix matrix(la::Layout::of(space), {assembler.pattern(), values});
  std::vector<la::Vector> kernel;
  if (!boundary) {
    kernel.push_back(la::make_vector("constant", space.n_owned));
    la::fill(kernel[0], 1 / std::sqrt(static_cast<double>(space.n_global)));
  }
  const DenseSolver<T> dense(matrix, {space.dof_gid.begin(), space.dof_gid.begin() + space.n_owned},
                             kernel);

  const la::Vector b = test::noise(space, 4);
  std::vector<T> from(b.data(), b.data() + b.extent(0)), to(from.size());
  dense.apply(from.data(), to.data());
  const la::Vector x = la::make_vector("x", space.n_owned), r = la::make_vector("r", space.n_owned);
  for (std::size_t i = 0; i < to.size(); ++i) x(i) = static_cast<double>(to[i]);
  matrix.apply(x, r);
  if (!boundary) {
    // Least squares: mean of x zero, and b is reached but for its mean. The sum is one of 80 sums
    // of 80 products of numbers up to 1.
    EXPECT_NEAR(la::sum(test::world(), x), 0, 6400 * std::numeric_limits<T>::epsilon());
    la::shift(b, -la::sum(test::world(), b) / static_cast<double>(space.n_global));
  }
  la::axpby(-1.0, b, 1.0, r);
  // Condition number about 100 (60 unknowns, distorted cells), sums of 80 terms.
  EXPECT_LT(la::norm_max(test::world(), r), 1e3 * std::numeric_limits<T>::epsilon());
}

TEST(DenseSolver, SolvesWithPrescribedUnknowns) {
  check_dense<double>(true);
  check_dense<float>(true);
}

TEST(DenseSolver, SolvesUpToAConstant) {
  check_dense<double>(false);
  check_dense<float>(false);
}

}  // namespace
}  // namespace ritz::multigrid
