#include "steady.hpp"

#include "directory.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"

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

bool solve_steady(const EvolutionParts& parts, AssembledEquations& equations, const la::Vector& u,
                  EvolutionOutcome& outcome) {
  parts.progress.phase("solve");
  solve::NewtonReport report;
  {
    const perf::Stage stage(parts.recorder, "solve");
    report = equations.solve_steady(0.0, u);
  }
  const bool linear = equations.assembler().traits().is_linear;
  std::string table = "iteration,residual,length\n";
  for (std::size_t i = 0; i < report.history.size(); ++i) {
    const double length = i > 0 ? report.lengths[i - 1] : 0.0;
    table += fmt::format("{},{:.6e},{:.3g}\n", i, report.history[i], length);
    if (!linear) {
      parts.progress.line(is_picard(parts.problem) ? "picard" : "newton",
                          fmt::format("{:2}  residual {:.3e}{}", i, report.history[i],
                                      i > 0 && length < 1 ? fmt::format("  length {:.2g}", length)
                                                          : std::string()));
    }
  }
  write_text(parts.communicator, parts.path("newton.csv"), table);
  outcome.status = solve::name(report.outcome);
  outcome.iterations = report.linear_iterations;
  if (!report.history.empty() && report.history.front() > 0)
    outcome.residual = report.history.back() / report.history.front();
  parts.recorder.count("newton_iterations", report.iterations);
  parts.recorder.count("iterations", report.linear_iterations);
  parts.progress.line("solve",
                      fmt::format("{}: {} {}, {} linear iterations ({})", outcome.status,
                                  report.iterations, is_picard(parts.problem) ? "Picard" : "Newton",
                                  report.linear_iterations, equations.solver_text()));
  if (report.converged()) return true;
  outcome.code = static_cast<int>(report.outcome == solve::NewtonReport::Outcome::not_finite
                                      ? base::ExitCode::not_finite
                                      : base::ExitCode::not_converged);
  if (parts.communicator.is_root()) {
    base::log::error(fmt::format("{}'s method ended: {} ({})\n  try:   {}",
                                 is_picard(parts.problem) ? "Picard" : "Newton", outcome.status,
                                 report.message, suggestion(report, parts.problem)));
  }
  return false;
}

}  // namespace ritz::run
