#include "steady_watch.hpp"

#include <algorithm>

#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"

namespace ritz::run {

using base::count_text;

namespace {

/// Text of the state; the checkpoints of runs in time have none.
constexpr const char* problem_fact = "run.problem";

}  // namespace

std::optional<solve::SavedState> SteadyWatch::begin(bool is_counted_by_newton) {
  is_counted_by_newton_ = is_counted_by_newton;
  const InterruptedRun& run = interruptions_.run();
  // Each correction has a set-up, the first one too; a linear solve's does not come again.
  if (is_counted_by_newton_) last_look_ = run.recorder.elapsed();
  if (run.from == nullptr) {
    interruptions_.begin(0.0, 0);
    return std::nullopt;
  }
  const perf::Stage stage(run.recorder, "restart");
  solve::SavedState state = interruptions_.load();
  if (run.from->changed("solver.") || run.from->changed("nonlinear.")) {
    state.add(solve::SavedState::solver_changed, 1.0);
    remark_("solver keys have changed: preconditioners are made anew");
  }
  n_newton_ = static_cast<std::int64_t>(state.number("run.steps"));
  n_linear_ = static_cast<std::int64_t>(state.number("run.linear_iterations"));
  last_linear_ = n_linear_;
  interruptions_.begin(0.0, n_newton_ + n_linear_, is_counted_by_newton_ ? n_newton_ : n_linear_);
  run.progress.line("resumed",
                    fmt::format("{} {}{}", run.from->path, where(),
                                state.number("steady.has_ended") != 0
                                    ? "; the run had come to its end, which is looked at again"
                                    : ""));
  return state;
}

void SteadyWatch::count(std::int64_t n_newton, std::int64_t n_linear) {
  n_newton_ = std::max(n_newton_, n_newton);
  n_linear_ += n_linear >= last_linear_ ? n_linear - last_linear_ : n_linear;
  last_linear_ = n_linear;
}

std::string SteadyWatch::where() const {
  if (!is_counted_by_newton_)
    return fmt::format("after {} iteration{}", count_text(n_linear_), n_linear_ == 1 ? "" : "s");
  return fmt::format("after {} correction{} and {} linear iterations", count_text(n_newton_),
                     n_newton_ == 1 ? "" : "s", count_text(n_linear_));
}

bool SteadyWatch::may_go_on(std::int64_t n_newton, std::int64_t n_linear, const Save& save) {
  count(n_newton, n_linear);
  const perf::Recorder& recorder = interruptions_.run().recorder;
  const double seconds = last_look_ ? recorder.elapsed() - *last_look_ : 0.0;
  Interruptions::Wish wish = interruptions_.between_iterations(
      n_newton_ + n_linear_, is_counted_by_newton_ ? n_newton_ : n_linear_, seconds);
  if (wish.checkpoint && !wish.stop && interruptions_.writes()) write(save, false);
  if (wish.pause && !wish.stop) wish = pause(save);
  last_look_ = recorder.elapsed();
  if (wish.stop) stop(save);
  return !wish.stop;
}

void SteadyWatch::write(const Save& save, bool has_ended) {
  solve::SavedState state;
  state.add(problem_fact, std::string("steady"));
  state.add("scheme.time", 0.0);
  state.add("run.steps", static_cast<double>(n_newton_));
  state.add("run.linear_iterations", static_cast<double>(n_linear_));
  state.add("steady.has_ended", has_ended ? 1.0 : 0.0);
  const InterruptedRun& run = interruptions_.run();
  if (!run.initial_from.empty()) state.add("run.initial_from", run.initial_from);
  save(state);
  interruptions_.write(state, 0.0, n_newton_ + n_linear_);
}

Interruptions::Wish SteadyWatch::pause(const Save& save) {
  const InterruptedRun& run = interruptions_.run();
  run.progress.finish_line();
  run.progress.line("paused",
                    fmt::format("{}; ritz ctl {} resume", where(), run.problem.output.directory));
  run.progress.phase("paused");
  interruptions_.tell_paused(true);
  Interruptions::Wish wish;
  do {
    wish = interruptions_.while_paused();
    if (!wish.checkpoint || wish.stop || !interruptions_.writes()) continue;
    // Files of one unchanged state would push out the older ones.
    if (n_newton_ + n_linear_ > interruptions_.n_steps_saved())
      write(save, false);
    else
      run.progress.line("checkpoint",
                        fmt::format("{} is there already: {}", where(), interruptions_.path()));
  } while (wish.pause && !wish.stop);
  if (!wish.stop) {
    interruptions_.tell_paused(false);
    run.progress.line("resumed", where());
    run.progress.phase("solve");
  }
  return wish;
}

void SteadyWatch::stop(const Save& save) {
  const InterruptedRun& run = interruptions_.run();
  const std::string why_not =
      interruptions_.why_not_resumable(where(), n_newton_ + n_linear_, "iteration");
  run.progress.finish_line();
  if (!why_not.empty()) {
    code_ = static_cast<int>(base::ExitCode::not_converged);
    if (run.communicator.is_root()) base::log::error(why_not);
    return;
  }
  write(save, false);
  interruptions_.finish();
  code_ = static_cast<int>(base::ExitCode::run_again);
  run.progress.line("stopped", fmt::format("{} ({}); go on with: ritz run ... --resume", where(),
                                           interruptions_.reason()));
  interruptions_.tell();
}

void SteadyWatch::end(std::int64_t n_newton, std::int64_t n_linear, bool is_good, bool is_finite,
                      const Save& save) {
  count(n_newton, n_linear);
  const bool is_new = n_newton_ + n_linear_ > interruptions_.n_steps_saved();
  const bool is_worth_it = is_good ? interruptions_.has_any() : is_finite;
  if (interruptions_.writes() && is_new && is_worth_it) {
    write(save, is_good);
    interruptions_.finish();
    if (!is_good) {
      remark_(
          "the last good state is in " + interruptions_.path() +
          ": what may change on a restart (ritz explain KEY) can be changed and the run resumed "
          "with --resume");
    }
  }
  interruptions_.finish();
  interruptions_.tell();
}

}  // namespace ritz::run
