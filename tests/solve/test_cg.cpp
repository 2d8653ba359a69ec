// Our own conjugate gradients: against Belos' on the same systems, and where they must give up.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numbers>

#include "count_allocations.hpp"
#include "models.hpp"
#include "ritz/base/error.hpp"
#include "ritz/la/hooked_operator.hpp"

namespace {

using namespace ritz;
using namespace ritz::test;

/// The smallest eigenvalue of the five- or seven-point matrix with n nodes a side, its outer ones
/// fixed (their rows are 1): 4 sin^2(pi / 2 (n - 1)) a direction.
double smallest_eigenvalue(int n, int dimension) {
  const double s = std::sin(std::numbers::pi / (2.0 * (n - 1)));
  return std::min(1.0, 4 * dimension * s * s);
}

double distance(const Vector& a, const Vector& b) {
  const Vector d = la::make_vector("d", static_cast<LocalId>(a.extent(0)));
  la::copy(a, d);
  la::axpby(-1.0, b, 1.0, d);
  return la::norm2(world(), d);
}

TEST(Cg, TakesTheStepsOfBelosCg) {
  for (const auto& [n, dimension] : {std::pair{40, 2}, std::pair{12, 3}}) {
    for (const char* preconditioner : {"none", "jacobi", "chebyshev", "amg"}) {
      SCOPED_TRACE(std::string(preconditioner) + " in " + std::to_string(dimension));
      const auto model = poisson(n, dimension);
      auto asked = options("cg", preconditioner);
      asked.tolerance = 1e-10;
      asked.engine = "belos";
      const auto belos = solve::solve(model->system, model->x, asked);
      expect_solved(*model, belos, 1e-10);
      EXPECT_EQ(belos.last().engine, "belos");
      const Vector reference = la::make_vector("reference", model->matrix.layout().n_owned);
      la::copy(model->x, reference);
      for (const char* method : {"cg", "pipelined-cg"}) {
        SCOPED_TRACE(method);
        la::fill(model->x, 0.0);
        asked.method = method;
        asked.engine = "auto";
        const auto native = solve::solve(model->system, model->x, asked);
        expect_solved(*model, native, 1e-10);
        EXPECT_EQ(native.last().engine, "native");
        EXPECT_EQ(native.last().method, method);
        EXPECT_NEAR(native.last().iterations, belos.last().iterations, 1);
        // |x - y| <= |A^-1| |A x - A y| and each residual is at most 1e-10 |b|.
        EXPECT_LE(distance(model->x, reference),
                  2e-10 * native.rhs_norm / smallest_eigenvalue(n, dimension));
        // Residuals of the same iteration are those of the same polynomial: equal up to round-off,
        // which grows with the iterations by far less than this. Chebyshev's eigenvalue estimate
        // starts from random numbers, another time other ones.
        const bool is_same = preconditioner[0] == 'n' || preconditioner[0] == 'j';
        ASSERT_GE(native.last().history.size(), 6u);
        for (std::size_t i = 0; i < 6 && is_same; ++i)
          EXPECT_NEAR(native.last().history[i], belos.last().history[i],
                      1e-6 * belos.last().history[i])
              << i;
      }
    }
  }
}

// What the history says is the residual of x, although it is computed before x is.
TEST(Cg, HistoryIsTheTrueResidual) {
  const auto model = poisson(30);
  auto asked = options("cg", "amg");
  for (int n = 1; n <= 6; ++n) {
    la::fill(model->x, 0.0);
    asked.max_iterations = n;
    const auto report = solve::solve(model->system, model->x, asked);
    if (report.converged()) break;
    ASSERT_EQ(report.last().history.size(), static_cast<std::size_t>(n) + 1);
    // Seven digits by construction; fewer only near 1e-16 |b|, far below what is reached here.
    EXPECT_NEAR(report.last().history.back(), report.last().true_residual,
                1e-6 * report.last().true_residual);
  }
}

/// A preconditioner with the errors of float and of an inner iteration that never is the same.
class Perturbed final : public la::Preconditioner {
 public:
  Perturbed(std::unique_ptr<la::Preconditioner> inner, double error, GlobalId first)
      : inner_(std::move(inner)), error_(error), first_(first) {}
  void apply(const Vector& r, const Vector& z) const override {
    inner_->apply(r, z);
    ++count_;
    for (std::size_t i = 0; i < z.extent(0); ++i) {
      const double phase = static_cast<double>(first_) + static_cast<double>(i) + 100.0 * count_;
      z(i) = static_cast<float>(z(i) * (1 + error_ * std::sin(phase * phase)));
    }
  }
  [[nodiscard]] bool is_variable() const override { return error_ > 0; }

 private:
  std::unique_ptr<la::Preconditioner> inner_;
  double error_;
  GlobalId first_;
  mutable int count_ = 0;
};

/// cg with `cycle` as preconditioner: what solve() calls multigrid is whatever the caller makes.
solve::Report solve_with(Model& model, std::shared_ptr<const la::Preconditioner> cycle,
                         const std::string& method, double tolerance) {
  solve::Context context;
  context.multigrid = [cycle] { return solve::Context::Multigrid{cycle, {}, "test"}; };
  auto asked = options(method, "multigrid");
  asked.multigrid.precision = "double";  // or pipelined-cg would not be run
  asked.tolerance = tolerance;
  la::fill(model.x, 0.0);
  return solve::solve(model.system, model.x, asked, context);
}

TEST(Cg, ConvergesWithPreconditionersOfLowPrecision) {
  const auto model = poisson(60);
  const auto factory = solve::coarse_factory(options("cg", "amg"), {});
  const GlobalId first = model->matrix.layout().first;
  const auto make = [&](double error) {
    return std::make_shared<const Perturbed>(factory(model->matrix, false), error, first);
  };
  const auto exact =
      solve_with(*model, std::shared_ptr<const la::Preconditioner>(factory(model->matrix, false)),
                 "cg", 1e-10);
  expect_solved(*model, exact, 1e-10);
  // Rounding to float leaves 24 bits of each step: not one iteration more.
  const auto rounded = solve_with(*model, make(0.0), "cg", 1e-10);
  expect_solved(*model, rounded, 1e-10);
  EXPECT_NEAR(rounded.last().iterations, exact.last().iterations, 1);
  // Five per cent, different each time. A step still takes off its best part: two more at most
  // (Notay 2000, theorem 3.2: the perturbation enters the rate of convergence linearly).
  const auto varying = solve_with(*model, make(0.05), "cg", 1e-10);
  expect_solved(*model, varying, 1e-10);
  EXPECT_LE(varying.last().iterations, exact.last().iterations + 2);
  // pipelined-cg would rely on M being linear: told, and cg instead.
  const auto other = solve_with(*model, make(0.05), "pipelined-cg", 1e-10);
  expect_solved(*model, other, 1e-10);
  EXPECT_EQ(other.last().method, "cg");
  ASSERT_FALSE(other.notes.empty());
  EXPECT_NE(other.notes.front().find("pipelined-cg"), std::string::npos);
}

TEST(Cg, FallsBackToAnExactProductWhenSumsCancel) {
  // The exact inverse as preconditioner: one step solves, and all sums of the second are round-off.
  const auto model = poisson(20);
  auto asked = options("cg", "direct");
  asked.tolerance = 1e-13;
  const auto report = solve::solve(model->system, model->x, asked);
  expect_solved(*model, report, 1e-13);
  EXPECT_LE(report.last().iterations, 3);
  // From sums of the step before it would be the root of their round-off, 1e-8 or NaN.
  for (const double residual : report.last().history) EXPECT_TRUE(std::isfinite(residual));
  EXPECT_LE(report.last().history.back(), 1e-13);
}

TEST(Cg, RecognisesIndefiniteMatrices) {
  for (const char* method : {"cg", "pipelined-cg"}) {
    const auto model = helmholtz(24, 0.5);
    const auto report = solve::solve(model->system, model->x, options(method, "none"));
    EXPECT_EQ(report.status, Status::indefinite) << method << solve::name(report.status);
    EXPECT_NE(report.last().message.find("p.Ap"), std::string::npos) << report.last().message;
  }
}

class Scaled final : public la::Preconditioner {
 public:
  explicit Scaled(double factor) : factor_(factor) {}
  void apply(const Vector& r, const Vector& z) const override { la::axpby(factor_, r, 0.0, z); }

 private:
  double factor_;
};

TEST(Cg, RecognisesNegativePreconditioners) {
  for (const char* method : {"cg", "pipelined-cg"}) {
    const auto model = poisson(20);
    const auto report = solve_with(*model, std::make_shared<Scaled>(-1.0), method, 1e-8);
    EXPECT_EQ(report.status, Status::indefinite);
    EXPECT_NE(report.last().message.find("r.Mr"), std::string::npos) << report.last().message;
  }
}

/// Another operator's product, spoilt after some applications.
class Spoilt final : public la::Operator {
 public:
  Spoilt(const la::Operator& op, int after) : op_(op), after_(after) {}
  [[nodiscard]] const la::Layout& layout() const override { return op_.layout(); }
  void apply(const Vector& x, const Vector& y) const override {
    op_.apply(x, y);
    if (++n_applied_ == after_ && layout().first == 0 && y.extent(0) > 0)
      y(0) = std::numeric_limits<double>::quiet_NaN();
  }

 private:
  const la::Operator& op_;
  int after_;
  mutable int n_applied_ = 0;
};

TEST(Cg, NanOnTheWayIsFoundOnAllRanksAndTheLastGoodSolutionKept) {
  const WithoutTraps without_traps;
  for (const char* method : {"cg", "pipelined-cg"}) {
    const auto model = poisson(30);
    const Spoilt op(model->matrix, 8);
    model->system.op = &op;
    const auto report = solve::solve(model->system, model->x, options(method, "none"));
    EXPECT_EQ(report.status, Status::nan) << method;
    EXPECT_NE(report.last().message.find("at iteration"), std::string::npos);
    // From zero the first residual takes no product: the spoilt one is that of iteration 8.
    EXPECT_LE(report.last().iterations, 8);
    EXPECT_EQ(world().sum(static_cast<int>(la::first_not_finite(model->x) >= 0)), 0);
  }
}

TEST(Cg, GrowthIsABreakdown) {
  // p.Ap = 1e-11 p.p > 0, but A is far from symmetric: the first step is 1e11 times too long.
  const Lattice lattice{{64, 1, 1}};
  Model model(
      lattice, offsets(false),
      [](const auto&, const Offset& o) { return o[0] == 0 ? 1e-11 : static_cast<double>(o[0]); },
      [](const auto&) { return false; }, false);
  const auto report = solve::solve(model.system, model.x, options("cg", "none"));
  EXPECT_EQ(report.status, Status::breakdown) << solve::name(report.status);
  EXPECT_NE(report.last().message.find("grew"), std::string::npos) << report.last().message;
}

TEST(Cg, PureNeumann) {
  for (const char* method : {"cg", "pipelined-cg"}) {
    for (const char* preconditioner : {"none", "jacobi", "chebyshev", "amg"}) {
      SCOPED_TRACE(std::string(method) + "+" + preconditioner);
      const auto model = neumann(24);
      const auto report = solve::solve(model->system, model->x, options(method, preconditioner));
      ASSERT_TRUE(report.converged()) << report.failure_text();
      const double n = static_cast<double>(model->matrix.layout().n_global);
      EXPECT_NEAR(la::sum(world(), model->x) / n, 0.0, 1e-12);
      // The solution is the exact one less its mean; the smallest eigenvalue but zero is
      // 4 sin^2(pi / 2n).
      la::shift(model->exact, -la::sum(world(), model->exact) / n);
      const double s = std::sin(std::numbers::pi / 48.0);
      EXPECT_LE(distance(model->x, model->exact), 1e-8 * report.rhs_norm / (4 * s * s));
    }
  }
}

TEST(Cg, StopsWhenToldAndSaysSo) {
  const auto model = poisson(60);
  solve::Context context;
  context.seconds_left = [] { return 0.0; };
  const auto report = solve::solve(model->system, model->x, options("cg", "none"), context);
  EXPECT_EQ(report.status, Status::walltime);
  EXPECT_NE(report.last().message.find("walltime"), std::string::npos);

  la::fill(model->x, 0.0);
  auto asked = options("cg", "none");
  asked.max_iterations = 7;
  const auto short_one = solve::solve(model->system, model->x, asked);
  EXPECT_EQ(short_one.status, Status::max_iterations);
  EXPECT_EQ(short_one.last().iterations, 7);
  EXPECT_EQ(short_one.last().history.size(), 8u);
}

TEST(Cg, EngineIsChosenAndTold) {
  using Type = deck::SolverOptions::Passed::Type;
  const auto model = poisson(24);
  auto asked = options("cg", "none");
  asked.trilinos = {{"belos", {"Use Single Reduction"}, "true", Type::boolean, {}}};
  auto report = solve::solve(model->system, model->x, asked);
  EXPECT_EQ(report.last().engine, "belos");
  ASSERT_FALSE(report.notes.empty());
  EXPECT_NE(report.notes.front().find("belos"), std::string::npos);
  asked.engine = "native";
  EXPECT_THROW(solve::check(asked), base::Error);
  asked.trilinos.clear();
  EXPECT_NO_THROW(solve::check(asked));
  asked.method = "pipelined-cg";
  asked.engine = "belos";
  EXPECT_THROW(solve::check(asked), base::Error);
}

/// 1 / 60 to 1 in steps: cg takes 60 iterations, and applying it allocates nothing.
class Diagonal final : public la::Operator {
 public:
  explicit Diagonal(const la::Layout& layout) : layout_(layout) {}
  [[nodiscard]] const la::Layout& layout() const override { return layout_; }
  void apply(const Vector& x, const Vector& y) const override {
    for (std::size_t i = 0; i < x.extent(0); ++i) y(i) = x(i) * entry(i);
  }
  [[nodiscard]] bool diagonal_into(const Vector&) const override { return false; }
  [[nodiscard]] double entry(std::size_t i) const {
    return static_cast<double>((layout_.first + static_cast<GlobalId>(i)) % 60 + 1) / 60;
  }

 private:
  const la::Layout& layout_;
};

TEST(Cg, AllocatesNothingInIterations) {
  for (const char* method : {"cg", "pipelined-cg"}) {
    const auto model = poisson(70);
    const Diagonal op(model->matrix.layout());
    model->system.op = &op;
    long after_two = -1, at_the_end = -1;
    solve::Context context;
    context.progress = [&](int iteration, double) {
      if (iteration == 2) after_two = n_allocations;
      at_the_end = n_allocations;
    };
    auto asked = options(method, "none");
    asked.tolerance = 1e-10;
    const auto report = solve::solve(model->system, model->x, asked, context);
    ASSERT_TRUE(report.converged()) << report.failure_text();
    EXPECT_GT(report.last().iterations, 20);
    EXPECT_EQ(at_the_end, after_two) << method;
  }
}

/// A matrix that calls hooks in pieces, out of order, some of them before and after all else.
class Hooked final : public la::HookedOperator {
 public:
  explicit Hooked(const la::Matrix& matrix, int spoil = -1) : matrix_(matrix), spoil_(spoil) {}
  [[nodiscard]] const la::Layout& layout() const override { return matrix_.layout(); }
  void apply(const Vector& x, const Vector& y) const override { matrix_.apply(x, y); }
  void apply_with(const Vector& x, const Vector& y, const Hook& before,
                  const Hook& after) const override {
    const LocalId n = layout().n_owned, step = 3 * hook_block;
    for (LocalId at = (n - 1) / step * step; n > 0 && at >= 0; at -= step)
      before(at, std::min(at + step, n));
    matrix_.apply(x, y);
    ++n_merged_;
    if (n_merged_ == spoil_ && layout().first == 0 && n > 0)
      y(0) = std::numeric_limits<double>::quiet_NaN();
    for (LocalId at = 0; at < n; at += hook_block) after(at, std::min(at + hook_block, n));
  }
  [[nodiscard]] bool diagonal_into(const Vector& d) const override {
    return matrix_.diagonal_into(d);
  }
  [[nodiscard]] int n_merged() const { return n_merged_; }

 private:
  const la::Matrix& matrix_;
  int spoil_;
  mutable int n_merged_ = 0;
};

TEST(Cg, DoesItsVectorWorkInsideTheOperator) {
  for (const char* preconditioner : {"none", "jacobi"}) {
    SCOPED_TRACE(preconditioner);
    const auto model = poisson(40);
    auto asked = options("cg", preconditioner);
    asked.tolerance = 1e-10;
    const auto plain = solve::solve(model->system, model->x, asked);
    expect_solved(*model, plain, 1e-10);
    const Hooked op(model->matrix);
    model->system.op = &op;
    la::fill(model->x, 0.0);
    const auto merged = solve::solve(model->system, model->x, asked);
    expect_solved(*model, merged, 1e-10);
    EXPECT_NEAR(merged.last().iterations, plain.last().iterations, 1);
    EXPECT_EQ(op.n_merged(), merged.last().iterations);
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_NEAR(merged.last().history[i], plain.last().history[i],
                  1e-6 * plain.last().history[i]);
  }
}

TEST(Cg, FailsInsideTheOperatorAsOutside) {
  const WithoutTraps without_traps;
  const auto indefinite = helmholtz(24, 0.5);
  const Hooked shifted(indefinite->matrix);
  indefinite->system.op = &shifted;
  auto report = solve::solve(indefinite->system, indefinite->x, options("cg", "none"));
  EXPECT_EQ(report.status, Status::indefinite) << solve::name(report.status);

  const auto model = poisson(30);
  const Hooked spoilt(model->matrix, 6);
  model->system.op = &spoilt;
  report = solve::solve(model->system, model->x, options("cg", "jacobi"));
  EXPECT_EQ(report.status, Status::nan) << solve::name(report.status);
  EXPECT_EQ(world().sum(static_cast<int>(la::first_not_finite(model->x) >= 0)), 0);

  // One step solves: what is left after it is round-off, and is summed from the vector itself.
  const auto identity = poisson(20);
  for (LocalId i = 0; i < identity->matrix.layout().n_owned; ++i)
    identity->rhs(static_cast<std::size_t>(i)) = 0.0;
  if (identity->matrix.layout().first == 0) identity->rhs(0) = 1.0;  // a fixed corner's row
  const Hooked op(identity->matrix);
  identity->system.op = &op;
  report = solve::solve(identity->system, identity->x, options("cg", "jacobi"));
  expect_solved(*identity, report, 1e-8);
  EXPECT_EQ(report.last().iterations, 1);
}

TEST(Cg, ChebyshevAndJacobiNeedOnlyTheDiagonal) {
  const auto model = poisson(40);
  class WithDiagonal final : public la::Operator {
   public:
    explicit WithDiagonal(const la::Matrix& matrix) : matrix_(matrix) {}
    [[nodiscard]] const la::Layout& layout() const override { return matrix_.layout(); }
    void apply(const Vector& x, const Vector& y) const override { matrix_.apply(x, y); }
    [[nodiscard]] bool diagonal_into(const Vector& d) const override {
      return matrix_.diagonal_into(d);
    }

   private:
    const la::Matrix& matrix_;
  } op(model->matrix);
  model->system.op = &op;
  int iterations[2];
  for (const bool chebyshev : {false, true}) {
    la::fill(model->x, 0.0);
    const auto report =
        solve::solve(model->system, model->x, options("cg", chebyshev ? "chebyshev" : "jacobi"));
    expect_solved(*model, report, 1e-8);
    iterations[chebyshev] = report.last().iterations;
  }
  // Degree 4 on [l/30, l]: the condition number falls from about 1600 / 2.5 by a factor near 16.
  EXPECT_LT(3 * iterations[1], iterations[0]);
  const auto chosen = solve::solve(model->system, model->x, options("auto", "auto"));
  EXPECT_EQ(chosen.last().preconditioner, "jacobi");
}

}  // namespace
