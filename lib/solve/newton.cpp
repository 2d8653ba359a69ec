#include "ritz/solve/newton.hpp"

#include <algorithm>
#include <cmath>

#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::solve {

namespace {

/// A correction this small beside the solution, which no longer makes the residual smaller, is what
/// rounding makes of zero.
constexpr double round_off = 1e-12;

/// Least length of a correction, as a part of the whole.
constexpr double shortest = 1e-4;

/// Relative tolerance of the next linear system.
double forcing(const NewtonReport& report, const NewtonOptions& options, double last, double goal) {
  const double norm = report.history.back();
  // Below half of what is left to do there is nothing to gain.
  const double enough = 0.5 * goal / norm;
  if (options.is_linear) return std::min(0.1, enough);
  if (!options.inexact) return std::max(options.tolerance / 10, 1e-14);
  constexpr double gamma = 0.9, most = 0.1;
  double eta = most;
  if (report.history.size() > 1) {
    const double ratio = norm / report.history[report.history.size() - 2];
    eta = gamma * ratio * ratio;
    const double safe = gamma * last * last;
    if (safe > 0.1) eta = std::max(eta, safe);
  }
  return std::max(std::min(eta, most), std::min(enough, most));
}

std::string round_off_text(double norm, double goal, double change) {
  return fmt::format(
      "the residual {:.2e} is above the goal {:.2e}, but corrections are down to {:.1e} of the "
      "solution: round-off",
      norm, goal, change);
}

/// Picard's method: how fast it goes and how long that would take.
std::string rate_text(const NewtonReport& report, double goal) {
  const double rate = report.rate();
  if (!(rate < 1)) return "; the residual does not fall";
  const double needed = std::log(goal / report.history.back()) / std::log(rate);
  return fmt::format("; the residual falls to {:.3g} of itself an iteration: about {:.0f} more",
                     rate, std::ceil(needed));
}

}  // namespace

double NewtonReport::rate() const {
  const std::size_t n = history.size();
  const std::size_t back = std::min<std::size_t>(n - 1, 5);
  if (n < 2 || !(history[n - 1 - back] > 0)) return 0.0;
  return std::pow(history.back() / history[n - 1 - back], 1.0 / static_cast<double>(back));
}

std::string name(NewtonReport::Outcome outcome) {
  using Outcome = NewtonReport::Outcome;
  switch (outcome) {
    case Outcome::converged:
      return "converged";
    case Outcome::max_iterations:
      return "max_iterations";
    case Outcome::line_search:
      return "line search failed";
    case Outcome::linear_solver:
      return "linear solver failed";
    case Outcome::not_finite:
      return "not finite";
    case Outcome::walltime:
      return "walltime";
  }
  return "unknown";
}

Newton::Newton(NonlinearProblem& problem) : problem_(problem) {
  r_ = la::make_vector("ritz::solve::newton_residual", problem.n_owned());
  d_ = la::make_vector("ritz::solve::newton_correction", problem.n_owned());
  trial_ = la::make_vector("ritz::solve::newton_trial", problem.n_owned());
}

NewtonReport Newton::solve(const la::Vector& u, const NewtonOptions& options) {
  using Outcome = NewtonReport::Outcome;
  const comm::Communicator& communicator = problem_.communicator();
  progress_ = options.from ? *options.from : NewtonProgress{};
  NewtonReport& report = progress_.report;
  report.outcome = Outcome::converged;
  report.message.clear();
  const auto failed = [&](Outcome outcome, std::string message) {
    report.outcome = outcome;
    report.message = std::move(message);
    return report;
  };

  base::fault_point("newton");
  std::string bad = problem_.residual(u, r_);
  if (!bad.empty()) return failed(Outcome::not_finite, "at the first guess: " + bad);
  double norm = la::norm2(communicator, r_);
  if (report.history.empty()) report.history.push_back(norm);
  const double goal = std::max(options.tolerance * std::max(report.history.front(), options.scale),
                               options.absolute_tolerance);
  const int n_before = report.iterations;
  while (norm > goal) {
    if (report.iterations >= options.max_iterations) {
      return failed(
          Outcome::max_iterations,
          fmt::format("{} iterations, residual {:.2e} of {:.2e} (goal {:.2e}){}; largest {}",
                      report.iterations, norm, report.history.front(), goal,
                      options.is_picard ? rate_text(report, goal) : std::string(),
                      problem_.worst_text(r_)));
    }
    if (report.iterations > n_before && options.may_go_on && !options.may_go_on())
      return failed(Outcome::walltime, "stopped");
    const double eta = forcing(report, options, progress_.forcing, goal);
    const auto correction = problem_.correct(u, r_, eta, d_);
    report.linear_iterations += correction.iterations;
    if (correction.out_of_time) return failed(Outcome::walltime, correction.message);
    if (!correction.useful) return failed(Outcome::linear_solver, correction.message);

    double length = 1.0, trial_norm = 0.0;
    while (true) {
      la::copy(u, trial_);
      la::axpby(-length, d_, 1.0, trial_);
      bad = problem_.residual(trial_, r_);
      trial_norm = bad.empty() ? la::norm2(communicator, r_) : 0.0;
      // The linear model promises a fall by length (1 - eta).
      const bool enough = bad.empty() && trial_norm <= (1 - 1e-4 * length * (1 - eta)) * norm;
      if (enough || trial_norm <= goal || !options.line_search) {
        if (bad.empty()) break;
      }
      if (!options.line_search) return failed(Outcome::not_finite, bad);
      if (length <= shortest) {
        static_cast<void>(problem_.residual(u, r_));
        const double size = la::norm2(communicator, u), change = la::norm2(communicator, d_);
        if (bad.empty() && change <= round_off * size) {
          report.message = round_off_text(norm, goal, change / size);
          return report;
        }
        return failed(
            bad.empty() ? Outcome::line_search : Outcome::not_finite,
            bad.empty()
                ? fmt::format("no step along the correction makes the residual {:.2e} (goal "
                              "{:.2e}) smaller; largest {}",
                              norm, goal, problem_.worst_text(r_))
                : bad);
      }
      // The least of the parabola through ||F||^2 at 0 with its slope, and at `length`.
      double factor = 0.5;
      if (bad.empty()) {
        const double at_0 = norm * norm, at_1 = trial_norm * trial_norm;
        const double slope = -2 * at_0 * length;
        const double bend = at_1 - at_0 - slope;
        factor = bend > 0 ? std::clamp(-slope / (2 * bend), 0.1, 0.5) : 0.5;
      }
      length *= factor;
    }
    // Without a line search nothing else would notice that there is only round-off left.
    if (!options.line_search && trial_norm > goal && trial_norm > 0.5 * norm) {
      const double size = la::norm2(communicator, u), change = la::norm2(communicator, d_);
      if (change <= round_off * size) {
        report.message = round_off_text(norm, goal, change / size);
        return report;
      }
    }
    la::copy(trial_, u);
    norm = trial_norm;
    progress_.forcing = eta;
    report.iterations += 1;
    report.history.push_back(norm);
    report.lengths.push_back(length);
  }
  return report;
}

}  // namespace ritz::solve
