#include "ritz/solve/newton.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "models.hpp"

namespace {

using namespace ritz;
using namespace ritz::test;
using solve::Newton;
using solve::NewtonOptions;
using solve::NewtonReport;
using solve::NonlinearProblem;

/// A u + c exp(u) - f = 0 with the 5-point Laplacian A, f made for a known u; prescribed unknowns
/// have rows u = value.
class Exponential final : public NonlinearProblem {
 public:
  Exponential(int n, double c) : model_(poisson(n)), c_(c) {
    size_ = model_->matrix.layout().n_owned;
    f_ = la::make_vector("f", size_);
    diagonal_ = la::make_vector("diagonal", size_);
    model_->matrix.diagonal(diagonal_);
    values_ =
        la::make_vector("values", static_cast<LocalId>(model_->matrix.rows().values.extent(0)));
    Kokkos::deep_copy(values_, model_->matrix.rows().values);
    la::fill(f_, 0.0);
    const Vector r = la::make_vector("r", size_);
    static_cast<void>(residual(model_->exact, r));
    la::copy(r, f_);
    Kokkos::deep_copy(model_->matrix.rows().values, values_);
  }
  [[nodiscard]] const comm::Communicator& communicator() const override { return world_; }
  [[nodiscard]] LocalId n_owned() const override { return size_; }
  [[nodiscard]] const Vector& exact() const { return model_->exact; }

  std::string residual(const Vector& u, const Vector& r) override {
    Kokkos::deep_copy(model_->matrix.rows().values, values_);
    model_->matrix.apply(u, r);
    int bad = 0;
    for (std::size_t i = 0; i < r.extent(0); ++i) {
      if (is_inner(i)) r(i) += c_ * std::exp(u(i));
      r(i) -= f_(i);
      if (u(i) > limit) bad = 1;
    }
    return world_.any(bad != 0) ? "too large" : "";
  }
  Correction correct(const Vector& u, const Vector& r, double tolerance, const Vector& d) override {
    ++n_corrections;
    tightest = std::min(tightest, tolerance);
    const la::CsrMatrix& rows = model_->matrix.rows();
    for (std::size_t i = 0; i < r.extent(0); ++i) {
      if (!is_inner(i)) continue;
      for (std::size_t k = rows.pattern.row_offsets(i); k < rows.pattern.row_offsets(i + 1); ++k) {
        if (rows.pattern.columns(k) == static_cast<LocalId>(i)) {
          rows.values(k) = values_(k) + c_ * std::exp(u(i));
        }
      }
    }
    model_->matrix.values_changed();
    la::System system = model_->system;
    system.rhs = r;
    system.symmetric = true;
    deck::SolverOptions options;
    options.method = "cg";
    options.preconditioner = "jacobi";
    options.tolerance = tolerance;
    la::fill(d, 0.0);
    const solve::Report report = solve::solve(system, d, options);
    return {report.converged() || report.true_residual <= 0.1, report.last().iterations,
            report.true_residual, report.failure_text(), false};
  }
  [[nodiscard]] std::string worst_text(const Vector&) const override { return "somewhere"; }

  int n_corrections = 0;
  double tightest = 1;
  double limit = 1e300;

 private:
  [[nodiscard]] bool is_inner(std::size_t i) const { return diagonal_(i) != 1.0; }

  std::unique_ptr<Model> model_;
  double c_;
  LocalId size_ = 0;
  Vector f_, diagonal_, values_;
  comm::Communicator world_ = world();
};

double distance(const Vector& u, const Vector& v) {
  const Vector d = la::make_vector("d", static_cast<LocalId>(u.extent(0)));
  for (std::size_t i = 0; i < d.extent(0); ++i) d(i) = u(i) - v(i);
  return la::norm_max(world(), d);
}

TEST(Newton, ConvergesQuadraticallyWithExactSystems) {
  Exponential problem(12, 0.7);
  Newton newton(problem);
  const Vector u = la::make_vector("u", problem.n_owned());
  NewtonOptions options;
  options.inexact = false;
  options.tolerance = 1e-11;
  const NewtonReport report = newton.solve(u, options);
  ASSERT_TRUE(report.converged()) << report.message;
  EXPECT_LT(distance(u, problem.exact()), 1e-9);
  const auto& h = report.history;
  ASSERT_GE(h.size(), 4U);
  // ||F_k+1|| <= C ||F_k||^2 with about the same C.
  const double before = h[h.size() - 2] / (h[h.size() - 3] * h[h.size() - 3]);
  EXPECT_LT(h[h.size() - 1], 10 * before * h[h.size() - 2] * h[h.size() - 2] + 1e-12 * h[0]);
}

TEST(Newton, InexactSystemsGiveTheSameSolutionWithLessWork) {
  Exponential exact(16, 0.7), inexact(16, 0.7);
  NewtonOptions options;
  options.inexact = false;
  const Vector u = la::make_vector("u", exact.n_owned());
  const NewtonReport with_exact = Newton(exact).solve(u, options);
  options.inexact = true;
  la::fill(u, 0.0);
  const NewtonReport with_inexact = Newton(inexact).solve(u, options);
  ASSERT_TRUE(with_inexact.converged());
  EXPECT_LT(distance(u, inexact.exact()), 1e-6);
  EXPECT_LT(with_inexact.linear_iterations, with_exact.linear_iterations);
  EXPECT_GT(inexact.tightest, 1e-8);
}

TEST(Newton, ALinearProblemTakesOneCorrection) {
  Exponential problem(12, 0.0);
  NewtonOptions options;
  options.is_linear = true;
  const Vector u = la::make_vector("u", problem.n_owned());
  const NewtonReport report = Newton(problem).solve(u, options);
  EXPECT_TRUE(report.converged());
  EXPECT_EQ(report.iterations, 1);
  la::copy(problem.exact(), u);
  options.scale = 1.0;
  EXPECT_EQ(Newton(problem).solve(u, options).iterations, 0);  // already there
}

TEST(Newton, ShortensCorrectionsThatAreTooLong) {
  // From u = -20 the exponential is flat: the whole correction overshoots to exp(large).
  Exponential problem(8, 5.0);
  const Vector u = la::make_vector("u", problem.n_owned());
  NewtonOptions options;
  options.max_iterations = 60;
  options.tolerance = 1e-12;
  la::fill(u, -20.0);
  const NewtonReport report = Newton(problem).solve(u, options);
  ASSERT_TRUE(report.converged()) << report.message;
  EXPECT_LT(*std::min_element(report.lengths.begin(), report.lengths.end()), 1.0);
  EXPECT_EQ(report.lengths.back(), 1.0);
  EXPECT_LT(distance(u, problem.exact()), 1e-5);
  for (std::size_t i = 1; i < report.history.size(); ++i) {
    EXPECT_LT(report.history[i], report.history[i - 1]);
  }
}

TEST(Newton, StepsBackFromValuesThatAreNotFinite) {
  Exponential problem(8, 5.0);
  const Vector u = la::make_vector("u", problem.n_owned());
  la::fill(u, -20.0);
  problem.limit = 3.0;  // the solution stays below 2, the first correction does not
  const NewtonReport report = Newton(problem).solve(u, {});
  EXPECT_TRUE(report.converged()) << report.message;
  EXPECT_LT(report.lengths.front(), 1.0);
}

TEST(Newton, AGoalBelowRoundOffIsToldAndNotAFailure) {
  Exponential problem(12, 0.7);
  const Vector u = la::make_vector("u", problem.n_owned());
  NewtonOptions options;
  options.tolerance = 1e-18;
  const NewtonReport report = Newton(problem).solve(u, options);
  EXPECT_TRUE(report.converged()) << report.message;
  EXPECT_NE(report.message.find("round-off"), std::string::npos);
  EXPECT_LT(distance(u, problem.exact()), 1e-12);
}

TEST(Newton, TellsWhyItEnded) {
  Exponential problem(8, 5.0);
  const Vector u = la::make_vector("u", problem.n_owned());
  la::fill(u, 12.0);
  NewtonOptions options;
  options.max_iterations = 2;
  const NewtonReport report = Newton(problem).solve(u, options);
  EXPECT_EQ(report.outcome, NewtonReport::Outcome::max_iterations);
  EXPECT_NE(report.message.find("largest somewhere"), std::string::npos);
  EXPECT_EQ(report.history.size(), 3U);
  problem.limit = 10;
  la::fill(u, 12.0);
  EXPECT_EQ(Newton(problem).solve(u, options).outcome, NewtonReport::Outcome::not_finite);
}

TEST(Reuse, KeepsThePreconditionerUntilItCostsTooMuch) {
  const auto model = poisson(30);
  deck::SolverOptions options;
  options.method = "cg";
  options.preconditioner = "ilu";
  solve::Context context;
  context.reuse = std::make_shared<solve::Reuse>();
  const auto run = [&] {
    la::fill(model->x, 0.0);
    const solve::Report report = solve::solve(model->system, model->x, options, context);
    EXPECT_TRUE(report.converged());
    EXPECT_LT(model->residual(), 1e-8);
    return report.last().iterations;
  };
  const int fresh = run();
  EXPECT_EQ(run(), fresh);
  EXPECT_EQ(context.reuse->n_built(), 1);
  EXPECT_EQ(context.reuse->n_used(), 1);

  // S A S with a diagonal S of 1 and 30 in turn: the old factors are bad for it.
  const la::CsrMatrix& rows = model->matrix.rows();
  const la::Layout& layout = model->matrix.layout();
  const auto factor = [&](LocalId i) {
    const GlobalId id = i < layout.n_owned
                            ? layout.first + i
                            : layout.ghost_ids[static_cast<std::size_t>(i - layout.n_owned)];
    return id % 2 ? 30.0 : 1.0;
  };
  for (LocalId i = 0; i < layout.n_owned; ++i) {
    const auto row = static_cast<std::size_t>(i);
    for (std::size_t k = rows.pattern.row_offsets(row); k < rows.pattern.row_offsets(row + 1);
         ++k) {
      rows.values(k) *= factor(i) * factor(rows.pattern.columns(k));
    }
  }
  model->matrix.values_changed();
  context.reuse->operator_changed();
  const int old = run();
  EXPECT_GT(old, fresh);
  EXPECT_EQ(context.reuse->n_built(), 1);
  const int anew = run();
  EXPECT_EQ(context.reuse->n_built(), 2);
  EXPECT_LT(anew, old);
  EXPECT_NE(context.reuse->reason().find("with the old one"), std::string::npos);
}

/// u - map(u) = 0 with the matrix 1: Picard's iteration u <- map(u).
class FixedPoint final : public NonlinearProblem {
 public:
  explicit FixedPoint(std::function<double(double)> map) : map_(std::move(map)) {}
  [[nodiscard]] const comm::Communicator& communicator() const override { return world_; }
  [[nodiscard]] LocalId n_owned() const override { return 2; }
  std::string residual(const Vector& u, const Vector& r) override {
    for (std::size_t i = 0; i < 2; ++i) r(i) = u(i) - map_(u(i));
    return {};
  }
  Correction correct(const Vector&, const Vector& r, double, const Vector& d) override {
    la::copy(r, d);
    return {};
  }
  [[nodiscard]] std::string worst_text(const Vector&) const override { return "somewhere"; }

 private:
  std::function<double(double)> map_;
  comm::Communicator world_ = world();
};

TEST(Picard, ConvergesByTheDerivativeOfTheFixedPointMap) {
  // cos(u) = u at 0.739085133215161, where the map has the slope -sin(u) = -0.673612029183215.
  FixedPoint problem([](double u) { return std::cos(u); });
  const Vector u = la::make_vector("u", 2);
  NewtonOptions options;
  options.is_picard = true;
  options.line_search = false;
  options.max_iterations = 100;
  const NewtonReport report = Newton(problem).solve(u, options);
  ASSERT_TRUE(report.converged()) << report.message;
  EXPECT_NEAR(report.rate(), 0.673612029183215, 1e-5);
  // From 1 to 1e-8: log(1e-8) / log(0.6736) = 46.6.
  EXPECT_NEAR(report.iterations, 47, 3);
  EXPECT_NEAR(u(0), 0.739085133215161, 1e-8);
}

TEST(Picard, SaysHowFarItIsWhenIterationsRunOut) {
  FixedPoint problem([](double u) { return std::cos(u); });
  const Vector u = la::make_vector("u", 2);
  NewtonOptions options;
  options.is_picard = true;
  options.line_search = false;
  options.max_iterations = 20;
  NewtonReport report = Newton(problem).solve(u, options);
  EXPECT_EQ(report.outcome, NewtonReport::Outcome::max_iterations);
  EXPECT_NE(report.message.find("falls to 0.674 of itself an iteration: about 26 more"),
            std::string::npos)
      << report.message;
  FixedPoint wild([](double value) { return 1 - 1.5 * value; });
  la::fill(u, 1.0);
  report = Newton(wild).solve(u, options);
  EXPECT_EQ(report.outcome, NewtonReport::Outcome::max_iterations);
  EXPECT_NE(report.message.find("the residual does not fall"), std::string::npos) << report.message;
}

TEST(Picard, AGoalBelowRoundOffIsTold) {
  FixedPoint problem([](double u) { return std::cos(u); });
  const Vector u = la::make_vector("u", 2);
  NewtonOptions options;
  options.is_picard = true;
  options.line_search = false;
  options.max_iterations = 300;
  options.tolerance = 1e-20;
  const NewtonReport report = Newton(problem).solve(u, options);
  // Either the last bits agree and the residual is 0, or round-off is told.
  ASSERT_TRUE(report.converged()) << report.message;
  EXPECT_TRUE(report.history.back() == 0.0 || report.message.find("round-off") != std::string::npos)
      << report.message;
  EXPECT_LT(report.iterations, 120);
}

}  // namespace
