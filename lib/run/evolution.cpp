#include "evolution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "checkpoints.hpp"
#include "evolution_results.hpp"
#include "evolved_equations.hpp"
#include "history.hpp"
#include "initial_values.hpp"
#include "interruptions.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/form.hpp"
#include "ritz/solve/time_scheme.hpp"
#include "steady.hpp"

namespace ritz::run {

namespace {

using base::count_text;

class Evolution {
 public:
  explicit Evolution(const EvolutionParts& parts)
      : parts_(parts),
        problem_(parts.problem),
        interruptions_({parts.communicator, parts.problem, parts.mesh, parts.space,
                        parts.form.n_unknowns(), parts.recorder, parts.progress, parts.remarks,
                        parts.from, parts.initial_from}),
        equations_(parts, clock(), look()),
        results_(parts),
        u_(la::make_vector("ritz::run::u", equations_.semi_discrete().n_owned())) {}

  EvolutionOutcome run() {
    if (parts_.from == nullptr) {
      if (parts_.start_file != nullptr) {
        start_values_ =
            read_start_values(parts_.communicator, *parts_.start_file, problem_, parts_.mesh,
                              parts_.space, parts_.recorder, parts_.remark);
        take(parts_, start_values_, false, u_);
      }
      interpolate(parts_, problem_.initial.values, u_);
    }
    const bool good =
        problem_.time ? advance() : steady_->solve(equations_.assembled(), u_, outcome_);
    // Of a solution that is not finite nobody could use anything: the results before stay the last.
    if (is_finite_ && outcome_.code != static_cast<int>(base::ExitCode::run_again)) {
      results_.finish(reached_, n_steps_, equations_.fields_of(u_), rates_, good, outcome_);
    }
    return outcome_;
  }

 private:
  [[nodiscard]] int m() const { return parts_.form.n_unknowns(); }

  /// Seconds until the run has to stop; empty: never, or steady, where it is looked for.
  [[nodiscard]] std::function<double()> clock() {
    if (!problem_.time) return {};
    if (!problem_.limits.walltime_seconds && !interruptions_.writes()) return {};
    return [this] { return interruptions_.seconds_left(); };
  }
  /// What a steady solve asks between its iterations; empty: a run in time.
  [[nodiscard]] AssembledEquations::Look look() {
    if (problem_.time) return {};
    steady_.emplace(parts_, interruptions_);
    return [this](const solve::Context::Moment* moment) { return steady_->may_go_on(moment); };
  }

  /// The files that are due now.
  void write_results(const solve::TimeScheme& scheme) {
    if (!results_.files().is_due(scheme.time(), n_steps_)) return;
    // The rows that belong to a file are there even if that cannot be written.
    history_->flush();
    results_.write(scheme.time(), n_steps_, equations_.fields_of(scheme.u()), rates_of(scheme));
  }

  /// Rates at the nodes, as the values, where they are written.
  [[nodiscard]] std::vector<std::vector<double>> rates_of(const solve::TimeScheme& scheme) const {
    if (!results_.wants_rates() || scheme.method().equation_order < 2) return {};
    solve::SavedState state;
    scheme.save(state);
    return equations_.fields_of(state.vector("scheme.rate"));
  }

  bool advance() {
    const deck::TimeOptions& time = *problem_.time;
    solve::TimeScheme::Options options;
    options.method = method_name(time.method);
    options.tolerance = time.tolerance;
    options.spectral_radius = time.spectral_radius;
    solve::TimeScheme scheme(equations_.semi_discrete(), options);
    la::Vector rate;
    if (scheme.method().equation_order == 2 && parts_.from == nullptr) {
      rate = la::make_vector("ritz::run::rate", equations_.semi_discrete().n_owned());
      take(parts_, start_values_, true, rate);
      interpolate(parts_, problem_.initial.rates, rate);
    }
    start_values_ = {};
    compile_stop();
    std::string header = "step,time,dt,newton_iterations,linear_iterations,error";
    for (const std::string& name : parts_.form.unknowns) {
      header += fmt::format(",min_{0},max_{0}", name);
    }
    const solve::SavedState state = resume();
    history_.emplace(parts_.communicator, parts_.path("history.csv"), header, n_steps_);
    parts_.progress.phase("time");
    bool good = true;
    {
      const perf::Stage stage(parts_.recorder, "time");
      solve::StageReport started;
      if (parts_.from != nullptr) {
        scheme.restore(state);
      } else {
        started = scheme.start(time.start, u_, rate);
      }
      if (!started.solved()) {
        fail(started, time.start);
        good = false;
      } else {
        good = march(scheme);
      }
    }
    if (!good && is_finite_ && interruptions_.writes() &&
        n_steps_ > interruptions_.n_steps_saved() &&
        outcome_.code != static_cast<int>(base::ExitCode::run_again)) {
      // state_ is that before the step that failed.
      write_checkpoint(state_.number("scheme.time"));
      interruptions_.finish();
      parts_.remark("the last good state is in " + interruptions_.path() +
                    ": what may change on a restart (ritz explain KEY) can be changed and the run "
                    "resumed with --resume");
    }
    interruptions_.finish();
    la::copy(scheme.u(), u_);
    rates_ = rates_of(scheme);
    reached_ = scheme.time();
    history_->flush();
    tell_steps(scheme.method().name);
    return good;
  }

  bool march(solve::TimeScheme& scheme) {
    const deck::TimeOptions& time = *problem_.time;
    write_results(scheme);
    if (parts_.from == nullptr) wanted_ = time.step;
    if (parts_.from != nullptr) {
      // Ended by its own condition already, unless that is another one now.
      if (ended_by_ == 1 && !parts_.from->changed("time.stop_when")) {
        outcome_.status = "stop_when";
        return true;
      }
      if (ended_by_ == 2 && !parts_.from->changed("time.steady_tolerance")) {
        outcome_.status = "steady";
        return true;
      }
    }
    interruptions_.begin(scheme.time(), n_steps_);
    while (true) {
      const double now = scheme.time();
      if (now >= time.end) {
        outcome_.status = "end of time";
        return true;
      }
      base::fault_point("time_step");
      note_state(scheme);
      const double step_began = parts_.recorder.elapsed();
      double target = time.end;
      // A time that misses the end by round-off is the end, not a step of 1e-16.
      if (const double next = results_.files().next_time(now);
          next < time.end - 1e-9 * (time.end - time.start))
        target = next;
      const double left = target - now;
      // Equal steps that end at the target, so that lengths change little from one to the next.
      const double n_steps = std::max(1.0, std::ceil(left / wanted_ * (1 - 1e-10)));
      const bool hits = n_steps == 1.0;
      const double dt = left / n_steps;
      const double end = hits ? target : now + dt;
      solve::TimeScheme::Step step;
      try {
        step = scheme.step(dt, end);
      } catch (const base::Error& error) {
        // Coefficients and prescribed values tell it on every rank; what is there is written.
        if (error.code() != base::ExitCode::not_finite) throw;
        fail({solve::StageReport::Outcome::not_finite, 0, 0, error.what()}, end);
        return false;
      }
      newton_iterations_ += step.stages.newton_iterations;
      linear_iterations_ += step.stages.linear_iterations;
      if (!step.accepted) {
        ++n_rejected_;
        const bool by_error = step.stages.solved();
        if (step.stages.outcome == solve::StageReport::Outcome::stopped) {
          stop(now, "in the middle of a step");
          return false;
        }
        wanted_ = std::min(step.suggestion, dt / 2);
        last_wanted_ = wanted_;
        const double least = time.min_step.value_or(1e-6 * time.step);
        if (!by_error && ++n_failures_ == 1) {
          parts_.remark(
              fmt::format("the step from t = {:.6g} of length {:.3g} could not be solved ({}): "
                          "tried again with a shorter one, as all that follow",
                          now, dt, step.stages.message));
        }
        if (wanted_ < least) {
          if (by_error) {
            failed(
                fmt::format("the step at t = {:.6g} would have to be shorter than {:.3g} for "
                            "time.tolerance = {:g}; a jump in the data? Try a larger tolerance "
                            "or time.min_step",
                            now, least, *time.tolerance));
          } else {
            fail(step.stages, end);
          }
          return false;
        }
        continue;
      }
      ++n_steps_;
      if (time.tolerance) {
        wanted_ = step.suggestion > 0 ? step.suggestion : std::max(wanted_, dt);
        // A step that was cut to hit a target says little about the length that is right.
        if (dt < 0.99 * last_wanted_ && wanted_ > dt) wanted_ = std::max(wanted_, last_wanted_);
        if (time.max_step) wanted_ = std::min(wanted_, *time.max_step);
        if (time.min_step) wanted_ = std::max(wanted_, *time.min_step);
      } else {
        wanted_ = std::min(time.step, 2 * wanted_);
      }
      last_wanted_ = wanted_;
      const std::vector<Range> ranges = note_step(scheme, step, dt);
      if (!is_finite_) {
        fail({solve::StageReport::Outcome::not_finite, 0, 0,
              scheme.method().is_explicit
                  ? fmt::format("the solution is not finite after {} steps; explicit methods are "
                                "unstable where time.step is too long for the smallest cells: try "
                                "--set time.step={:.2g}",
                                n_steps_, dt / 2)
                  : "the solution is not finite"},
             scheme.time());
        return false;
      }
      const bool ends = scheme.time() >= time.end;
      if (!ends) write_results(scheme);
      const bool condition_holds = !ends && stop_ && stops(scheme.time(), ranges);
      const bool is_steady =
          !ends && time.steady_tolerance && scheme.last_change() / dt <= *time.steady_tolerance;
      Interruptions::Wish wish = interruptions_.after_step(scheme.time(), n_steps_,
                                                           parts_.recorder.elapsed() - step_began);
      const bool is_last = ends || condition_holds || is_steady;
      if (interruptions_.writes() && (is_last || wish.checkpoint || wish.stop)) {
        ended_by_ = condition_holds ? 1 : is_steady ? 2 : 0;
        note_state(scheme);
        if (!wish.stop || is_last) write_checkpoint(scheme.time());
      }
      if (wish.pause && !wish.stop && !is_last) wish = pause(scheme);
      if (ends) continue;
      if (condition_holds) {
        outcome_.status = "stop_when";
        parts_.progress.line("time", fmt::format("t = {:.6g}: {} holds", scheme.time(),
                                                 problem_.time->stop_when->text));
        return true;
      }
      if (is_steady) {
        outcome_.status = "steady";
        parts_.progress.line("time", fmt::format("t = {:.6g}: steady, changes by {:.2e} of its "
                                                 "size per unit of time",
                                                 scheme.time(), scheme.last_change() / dt));
        return true;
      }
      if (wish.stop) {
        stop(scheme.time(), "after a step");
        return false;
      }
    }
  }

  /// Waits until somebody lets the run go on, or stops it; checkpoints are written when they are
  /// asked for. Collective.
  [[nodiscard]] Interruptions::Wish pause(const solve::TimeScheme& scheme) {
    parts_.progress.finish_line();
    parts_.progress.line("paused", fmt::format("at t = {:.6g}; ritz ctl {} resume", scheme.time(),
                                               problem_.output.directory));
    parts_.progress.phase("paused");
    interruptions_.tell_paused(true);
    history_->flush();
    note_state(scheme);
    Interruptions::Wish wish;
    do {
      wish = interruptions_.while_paused();
      if (!wish.checkpoint || wish.stop || !interruptions_.writes()) continue;
      // Files of one unchanged state would push out the older ones.
      if (n_steps_ > interruptions_.n_steps_saved())
        write_checkpoint(scheme.time());
      else
        parts_.progress.line("checkpoint", fmt::format("of t = {:.6g} is there already: {}",
                                                       scheme.time(), interruptions_.path()));
    } while (wish.pause && !wish.stop);
    if (!wish.stop) {
      interruptions_.tell_paused(false);
      parts_.progress.line("resumed", fmt::format("at t = {:.6g}", scheme.time()));
      parts_.progress.phase("time");
    }
    return wish;
  }

  /// What the next checkpoint would hold: everything after the last step. Taken before each step,
  /// because a step that is given up in its middle may have made a new preconditioner.
  void note_state(const solve::TimeScheme& scheme) {
    if (!interruptions_.writes()) return;
    state_ = {};
    scheme.save(state_);
    const auto add = [&](const char* name, auto value) {
      state_.add(name, static_cast<double>(value));
    };
    add("run.steps", n_steps_);
    add("run.rejected_steps", n_rejected_);
    add("run.newton_iterations", newton_iterations_);
    add("run.linear_iterations", linear_iterations_);
    add("run.failures", n_failures_);
    add("run.wanted", wanted_);
    add("run.last_wanted", last_wanted_);
    add("run.ended_by", ended_by_);
    results_.files().save(state_);
    if (!parts_.initial_from.empty()) state_.add("run.initial_from", parts_.initial_from);
  }

  /// Takes over what a checkpoint holds beside the integrator's state, which it gives back.
  [[nodiscard]] solve::SavedState resume() {
    if (parts_.from == nullptr) return {};
    const perf::Stage stage(parts_.recorder, "restart");
    solve::SavedState state = interruptions_.load();
    if (parts_.from->changed("solver.") || parts_.from->changed("nonlinear.")) {
      state.add(solve::SavedState::solver_changed, 1.0);
      parts_.remark("solver keys have changed: matrices and preconditioners are made anew");
    }
    const auto take = [&](auto& to, const char* name) {
      to = static_cast<std::remove_reference_t<decltype(to)>>(state.number(name));
    };
    take(n_steps_, "run.steps");
    take(n_rejected_, "run.rejected_steps");
    take(newton_iterations_, "run.newton_iterations");
    take(linear_iterations_, "run.linear_iterations");
    take(n_failures_, "run.failures");
    take(wanted_, "run.wanted");
    take(last_wanted_, "run.last_wanted");
    take(ended_by_, "run.ended_by");
    // Keys that may change are looked at as they are now.
    const deck::TimeOptions& options = *problem_.time;
    if (parts_.from->changed("time.")) {
      if (!options.tolerance) wanted_ = std::min(wanted_, options.step);
      if (options.max_step) wanted_ = std::min(wanted_, *options.max_step);
      if (options.min_step) wanted_ = std::max(wanted_, *options.min_step);
    }
    if (parts_.from->is_own) results_.files().resume(parts_.communicator, state);
    parts_.progress.line("resumed", fmt::format("{} at t = {:.6g}, step {}", parts_.from->path,
                                                state.number("scheme.time"), count_text(n_steps_)));
    return state;
  }

  /// Of state_, at this time. Collective.
  void write_checkpoint(double time) {
    // The rows that belong to it are there even if it cannot be written.
    history_->flush();
    interruptions_.write(state_, time, n_steps_);
  }

  /// The run ends here, before its end: with a checkpoint of state_ to go on from, where there are
  /// checkpoints. Collective.
  void stop(double time, const char* where) {
    const std::string why_not =
        interruptions_.why_not_resumable(fmt::format("at t = {:.6g}", time), n_steps_, "step");
    if (!why_not.empty()) {
      failed(why_not);
      return;
    }
    write_checkpoint(time);
    interruptions_.finish();
    outcome_.code = static_cast<int>(base::ExitCode::run_again);
    outcome_.status = "stopped";
    const std::string reason = interruptions_.reason();
    parts_.progress.finish_line();
    parts_.progress.line("stopped", fmt::format("{} at t = {:.6g} ({}); go on with: ritz run ... "
                                                "--resume",
                                                where, time, reason));
  }

  void fail(const solve::StageReport& report, double time) {
    failed(
        fmt::format("the equations at t = {:.6g} could not be solved: {}", time, report.message));
    if (report.outcome == solve::StageReport::Outcome::not_finite)
      outcome_.code = static_cast<int>(base::ExitCode::not_finite);
  }
  void failed(const std::string& text) {
    outcome_.code = static_cast<int>(base::ExitCode::not_converged);
    outcome_.status = "failed";
    parts_.progress.finish_line();
    if (parts_.communicator.is_root()) base::log::error(text);
  }

  struct Range {
    double min = std::numeric_limits<double>::infinity(), max = -min;
  };

  /// Nodal extremes of each component; sets is_finite_. Collective.
  [[nodiscard]] std::vector<Range> ranges_of(const la::Vector& u) {
    const auto n = static_cast<std::size_t>(m());
    // min and -max, so that one reduction does.
    std::vector<double> least(2 * n + 1, std::numeric_limits<double>::infinity());
    const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), u);
    for (std::size_t i = 0; i < host.extent(0); ++i) {
      // NaN is neither below nor above anything.
      if (!std::isfinite(host(i))) least[2 * n] = 0.0;
      double& low = least[2 * (i % n)];
      double& high = least[2 * (i % n) + 1];
      low = std::min(low, host(i));
      high = std::min(high, -host(i));
    }
    parts_.communicator.all_reduce(std::span<double>(least), comm::Op::min);
    is_finite_ = least[2 * n] > 0;
    std::vector<Range> ranges(n);
    for (std::size_t c = 0; c < n; ++c) ranges[c] = {least[2 * c], -least[2 * c + 1]};
    return ranges;
  }

  std::vector<Range> note_step(const solve::TimeScheme& scheme, const solve::TimeScheme::Step& step,
                               double dt) {
    const std::vector<Range> ranges = ranges_of(scheme.u());
    std::string row = fmt::format(
        "{},{},{},{},{},{:.3e}", n_steps_, base::number_text(scheme.time()), base::number_text(dt),
        step.stages.newton_iterations, step.stages.linear_iterations, step.error);
    for (const Range& one : ranges) {
      row += "," + base::number_text(one.min) + "," + base::number_text(one.max);
    }
    history_->add(row);
    if (n_steps_ % 64 == 0) history_->flush();
    parts_.progress.time_step(n_steps_, scheme.time(), dt, problem_.time->start,
                              problem_.time->end);
    return ranges;
  }

  void tell_steps(const std::string& method) {
    parts_.recorder.count("steps", static_cast<double>(n_steps_));
    parts_.recorder.count("rejected_steps", static_cast<double>(n_rejected_));
    parts_.recorder.count("newton_iterations", static_cast<double>(newton_iterations_));
    parts_.recorder.count("iterations", static_cast<double>(linear_iterations_));
    outcome_.iterations = static_cast<int>(linear_iterations_);
    const double n = std::max<double>(1.0, static_cast<double>(n_steps_));
    parts_.progress.line(
        "time",
        fmt::format("{}: {} steps{}, {:.2f} {} and {:.2f} linear iterations a step", method,
                    count_text(n_steps_),
                    n_rejected_ > 0 ? fmt::format(" ({} rejected)", n_rejected_) : std::string(),
                    static_cast<double>(newton_iterations_) / n,
                    is_picard(problem_) ? "Picard" : "Newton",
                    static_cast<double>(linear_iterations_) / n));
    interruptions_.tell();
    equations_.tell_reuse();
  }

  // stop_when

  void compile_stop() {
    const auto& formula = problem_.time->stop_when;
    if (!formula) return;
    base::Diagnostics diagnostics;
    const auto expression = compile(*formula, "time.stop_when", expr::Type::boolean,
                                    stop_symbols(problem_), diagnostics);
    diagnostics.throw_errors(base::ExitCode::deck);
    stop_ = *expression;
  }
  [[nodiscard]] bool stops(double time, const std::vector<Range>& ranges) const {
    std::vector<double> point{time};
    for (const Range& one : ranges) {
      point.push_back(one.max);
      point.push_back(one.min);
    }
    point.resize(stop_->variables().size(), 0.0);  // displacements that a plane mesh does not have
    return stop_->evaluate(point) != 0.0;
  }

  const EvolutionParts& parts_;
  const deck::Problem& problem_;
  Interruptions interruptions_;
  std::optional<SteadyNewton> steady_;
  EvolvedEquations equations_;
  EvolutionResults results_;
  la::Vector u_;
  std::vector<StartValues> start_values_;   ///< from a file, until the first step
  std::vector<std::vector<double>> rates_;  ///< at the end, where they are written
  double reached_ = 0;
  EvolutionOutcome outcome_;
  std::optional<History> history_;
  std::optional<expr::Expression> stop_;
  solve::SavedState state_;  ///< what the next checkpoint would hold
  double wanted_ = 0;        ///< length of the next step, before it is fitted to a time asked for
  double last_wanted_ = 0;
  int n_failures_ = 0;
  int ended_by_ = 0;       ///< 1: stop_when, 2: steady_tolerance
  bool is_finite_ = true;  ///< u of the last step, on all ranks
  std::int64_t n_steps_ = 0, n_rejected_ = 0, newton_iterations_ = 0, linear_iterations_ = 0;
};

}  // namespace

EvolutionOutcome evolve(const EvolutionParts& parts) {
  return Evolution(parts).run();
}

}  // namespace ritz::run
