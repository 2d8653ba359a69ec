#include "steady.hpp"

#include "directory.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::run {

namespace {

std::string suggestion(const solve::NewtonReport& report, const deck::Problem& problem) {
  using Outcome = solve::NewtonReport::Outcome;
  switch (report.outcome) {
    case Outcome::max_iterations:
      if (is_picard(problem)) {
        return report.rate() < 1
                   ? "--set nonlinear.max_iterations=" +
                         std::to_string(10 * problem.nonlinear.max_iterations) +
                         " (Picard's method converges linearly), or --set "
                         "nonlinear.method=newton"
                   : "--set nonlinear.method=newton: Picard's method converges only where the "
                     "coefficients change less than the solution, and a source that depends on "
                     "the unknown is taken as it is";
      }
      return "--set nonlinear.max_iterations=100, or a first guess nearer to the solution "
             "([initial])";
    case Outcome::line_search:
      return "a first guess nearer to the solution ([initial]), smaller steps in a parameter; a "
             "problem may have no solution beyond some value of a parameter";
    case Outcome::linear_solver:
      return "--set solver.preconditioner=direct; a singular Jacobian means that the solution is "
             "not unique near here (a fold, a missing [[boundary]] value)";
    case Outcome::not_finite:
      return "look at the formula at that place with 'ritz eval'; a first guess in its domain "
             "([initial])";
    case Outcome::walltime:
    case Outcome::converged:
      break;
  }
  return "more time (limits.walltime)";
}

}  // namespace

bool SteadyNewton::may_go_on(const solve::Context::Moment* moment) {
  const solve::NewtonReport& so_far = equations_->newton_progress().report;
  return watch_.may_go_on(so_far.iterations,
                          so_far.linear_iterations + (moment ? moment->iterations : 0),
                          [&](solve::SavedState& state) { save(moment, state); });
}

void SteadyNewton::save(const solve::Context::Moment* moment, solve::SavedState& state) const {
  const solve::NewtonProgress& progress = equations_->newton_progress();
  state.add("scheme.u", u_);
  state.add("newton.iterations", progress.report.iterations);
  state.add("newton.linear_iterations", progress.report.linear_iterations);
  state.add("newton.forcing", progress.forcing);
  const auto add = [&](const char* name, const std::vector<double>& values) {
    state.add(fmt::format("newton.{}", name), static_cast<double>(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i)
      state.add(fmt::format("newton.{}.{}", name, i), values[i]);
  };
  add("residuals", progress.report.history);
  add("lengths", progress.report.lengths);
  equations_->save(state);
  state.add("newton.has_correction", moment ? 1.0 : 0.0);
  if (!moment) return;
  state.add("newton.correction", moment->iterate());
  state.add("newton.attempt", moment->attempt);
  state.add("newton.attempt_iterations", moment->iterations);
}

/// What the run goes on from; u_ becomes its iterate.
AssembledEquations::SteadyStart SteadyNewton::restore(const solve::SavedState& state) {
  const auto count = [&](const char* name) { return static_cast<int>(state.number(name)); };
  const auto take = [&](const char* name, std::vector<double>& values) {
    values.resize(static_cast<std::size_t>(state.number(fmt::format("newton.{}", name))));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = state.number(fmt::format("newton.{}.{}", name, i));
  };
  AssembledEquations::SteadyStart start;
  start.newton.report.iterations = count("newton.iterations");
  start.newton.report.linear_iterations = count("newton.linear_iterations");
  start.newton.forcing = state.number("newton.forcing");
  take("residuals", start.newton.report.history);
  take("lengths", start.newton.report.lengths);
  la::copy(state.vector("scheme.u"), u_);
  equations_->restore(state);
  if (state.number("newton.has_correction") != 0) {
    start.correction = state.vector("newton.correction");
    if (!state.has_number(solve::SavedState::solver_changed))
      start.linear = {count("newton.attempt"), count("newton.attempt_iterations")};
  }
  return start;
}

bool SteadyNewton::solve(AssembledEquations& equations, const la::Vector& u,
                         EvolutionOutcome& outcome) {
  equations_ = &equations;
  u_ = u;
  const bool linear = equations.assembler().traits().is_linear;
  std::optional<AssembledEquations::SteadyStart> start;
  if (const std::optional<solve::SavedState> state = watch_.begin(!linear)) start = restore(*state);
  parts_.progress.phase("solve");
  solve::NewtonReport report;
  {
    const perf::Stage stage(parts_.recorder, "solve");
    report = equations.solve_steady(0.0, u, start ? &*start : nullptr);
  }
  tell(report);
  outcome.status = solve::name(report.outcome);
  outcome.iterations = report.linear_iterations;
  if (!report.history.empty() && report.history.front() > 0)
    outcome.residual = report.history.back() / report.history.front();
  if (watch_.is_stopped()) {
    outcome.code = watch_.code();
    if (outcome.code == static_cast<int>(base::ExitCode::run_again)) outcome.status = "stopped";
    return false;
  }
  parts_.progress.line(
      "solve", fmt::format("{}: {} {}, {} linear iterations ({})", outcome.status,
                           report.iterations, is_picard(parts_.problem) ? "Picard" : "Newton",
                           report.linear_iterations, equations.solver_text()));
  const bool is_finite = report.outcome != solve::NewtonReport::Outcome::not_finite;
  watch_.end(report.iterations, report.linear_iterations, report.converged(), is_finite,
             [&](solve::SavedState& state) { save(nullptr, state); });
  if (!report.converged()) fail(report, outcome);
  return report.converged();
}

void SteadyNewton::tell(const solve::NewtonReport& report) const {
  const bool linear = equations_->assembler().traits().is_linear;
  std::string table = "iteration,residual,length\n";
  for (std::size_t i = 0; i < report.history.size(); ++i) {
    const double length = i > 0 ? report.lengths[i - 1] : 0.0;
    table += fmt::format("{},{:.6e},{:.3g}\n", i, report.history[i], length);
    if (!linear) {
      parts_.progress.line(is_picard(parts_.problem) ? "picard" : "newton",
                           fmt::format("{:2}  residual {:.3e}{}", i, report.history[i],
                                       i > 0 && length < 1 ? fmt::format("  length {:.2g}", length)
                                                           : std::string()));
    }
  }
  write_text(parts_.communicator, parts_.path("newton.csv"), table);
  parts_.recorder.count("newton_iterations", report.iterations);
  parts_.recorder.count("iterations", report.linear_iterations);
}

void SteadyNewton::fail(const solve::NewtonReport& report, EvolutionOutcome& outcome) const {
  outcome.code = static_cast<int>(report.outcome == solve::NewtonReport::Outcome::not_finite
                                      ? base::ExitCode::not_finite
                                      : base::ExitCode::not_converged);
  if (parts_.communicator.is_root()) {
    base::log::error(fmt::format("{}'s method ended: {} ({})\n  try:   {}",
                                 is_picard(parts_.problem) ? "Picard" : "Newton", outcome.status,
                                 report.message, suggestion(report, parts_.problem)));
  }
}

}  // namespace ritz::run
