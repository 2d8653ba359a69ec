#include "interruptions.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <span>
#include <thread>

#include "provenance.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"

namespace ritz::run {

std::int64_t multiples(double time, double start, double every) {
  return static_cast<std::int64_t>(std::floor((time - start) / every + 1e-9));
}

Interruptions::Interruptions(const InterruptedRun& run) : run_(run) {
  if (writes() || run_.from != nullptr) {
    checkpoints_.emplace(Checkpoints::Parts{run_.communicator, run_.problem, run_.mesh, run_.space,
                                            run_.n_components},
                         run_.from);
  }
  if (writes()) signals_.emplace();
  control_.emplace(run.communicator, run.problem.output.directory, writes());
}

solve::SavedState Interruptions::load() {
  base::fault_point("checkpoint_read");
  solve::SavedState state = checkpoints_->load(*run_.from);
  if (run_.from->is_own) checkpoints_->give_up_later();
  return state;
}

void Interruptions::begin(double time, std::int64_t n_steps, std::int64_t n_counted) {
  n_steps_before_ = n_steps_saved_ = n_steps_now_ = n_steps;
  n_multiples_ = run_.problem.time ? multiples_reached(time) : counts_reached(n_counted);
  last_checkpoint_at_ = run_.recorder.elapsed();
  // Before the first one is measured: a few vectors at a disk's 200 MB/s.
  pace_.checkpoint(3 * 8.0 * static_cast<double>(run_.space.n_global) * run_.n_components / 2e8);
}

std::size_t Interruptions::n_before_end() const {
  return 1 + checkpoints_->writer().n_under_way();
}

double Interruptions::seconds_left() {
  const auto limit = time_limit(run_.problem.limits.walltime_seconds, run_.recorder.elapsed());
  double left = limit ? limit->seconds_left : std::numeric_limits<double>::infinity();
  if (writes()) {
    checkpoints_->writer().advance();
    left -= 1.5 * static_cast<double>(n_before_end()) * pace_.last_checkpoint();
    if (!Signals::stop().empty()) left = 0;
  }
  if (control_) {
    control_->poll();
    if (control_->wants_stop()) left = 0;
  }
  return left;
}

std::int64_t Interruptions::multiples_reached(double time) const {
  // From the start, never sums.
  const auto& every = run_.problem.checkpoint.every;
  return every ? multiples(time, run_.problem.time->start, *every) : 0;
}

std::int64_t Interruptions::counts_reached(std::int64_t n_counted) const {
  const auto& every_steps = run_.problem.checkpoint.every_steps;
  return every_steps ? n_counted / *every_steps : 0;
}

Interruptions::Wish Interruptions::after_step(double time, std::int64_t n_steps,
                                              double step_seconds) {
  pace_.step(step_seconds);
  n_steps_now_ = n_steps;
  bool by_deck = false;
  if (writes()) {
    const auto& every_steps = run_.problem.checkpoint.every_steps;
    const std::int64_t reached = multiples_reached(time);
    by_deck = (every_steps && n_steps % *every_steps == 0) || reached > n_multiples_;
    n_multiples_ = reached;
  }
  return agreed(by_deck);
}

Interruptions::Wish Interruptions::between_iterations(std::int64_t n_done, std::int64_t n_counted,
                                                      double seconds) {
  // The next set-up or factorisation may be as long as any before: the last few do not tell.
  slowest_ = std::max(slowest_, seconds);
  pace_.step(slowest_);
  n_steps_now_ = n_done;
  const std::int64_t reached = counts_reached(n_counted);
  const bool by_deck = writes() && reached > n_multiples_;
  n_multiples_ = reached;
  return agreed(by_deck);
}

Interruptions::Wish Interruptions::while_paused() {
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  return agreed(false);
}

void Interruptions::tell_paused(bool is_paused) {
  if (control_) control_->tell(is_paused ? "paused" : "running");
}

Interruptions::Wish Interruptions::agreed(bool by_deck) {
  std::array<std::int32_t, 4> flags{by_deck ? 1 : 0, 0, 0, 0};  // checkpoint, stop, pause, failed
  if (writes()) {
    checkpoints_->writer().advance();
    note_finished();
    // Known to this rank now and perhaps to others later: all have to hear of it at one moment.
    if (checkpoints_->writer().has_failed()) flags[3] = 1;
  }
  if (run_.communicator.is_root()) {
    const double elapsed = run_.recorder.elapsed();
    const auto limit = time_limit(run_.problem.limits.walltime_seconds, elapsed);
    if (limit && limit->seconds_left <= (writes() ? pace_.reserve(n_before_end()) : 0.0)) {
      flags[1] = 1;
      why_stopped_ =
          fmt::format("{} leaves {:.3g} s", limit->from, std::max(0.0, limit->seconds_left));
    }
    // Not again and again of one state, which a run that is paused has.
    if (writes() && n_steps_now_ > n_steps_saved_ &&
        elapsed - last_checkpoint_at_ >= run_.problem.checkpoint.every_walltime)
      flags[0] = 1;
    if (control_) {
      control_->poll();
      if (control_->take_checkpoint()) flags[0] = 1;
      if (control_->wants_pause()) flags[2] = 1;
      if (control_->wants_stop()) {
        flags[1] = 1;
        why_stopped_ = "ritz ctl";
      }
    }
  }
  if (writes()) {
    if (!Signals::stop().empty()) {
      flags[1] = 1;
      why_stopped_ = Signals::stop();
    }
    if (Signals::take_checkpoint()) flags[0] = 1;
  }
  run_.communicator.all_reduce(std::span<std::int32_t>(flags), comm::Op::max);
  if (flags[3] != 0) finish();
  return {flags[0] != 0, flags[1] != 0, flags[2] != 0};
}

bool Interruptions::asked_to_stop() const {
  return run_.communicator.any(!Signals::stop().empty() || (control_ && control_->wants_stop()));
}

std::string Interruptions::why_not_resumable(const std::string& where, std::int64_t n_steps,
                                             const char* unit) const {
  const bool asked = asked_to_stop();
  if (!writes() && asked) {
    return fmt::format("stopped by ritz ctl {}, without a checkpoint (checkpoint.write = false)",
                       where);
  }
  if (!writes()) {
    return fmt::format(
        "{} is over {}; try more time, or checkpoint.write = true to go on with "
        "--resume",
        limit_name(), where);
  }
  if (asked || n_steps > n_steps_before_) return "";
  // To come back would be to stop here again.
  return fmt::format(
      "no {} was done before the time was over ({}); nothing was gained by this "
      "run: ask for more time",
      unit, limit_name());
}

std::string Interruptions::reason() const {
  const bool asked = asked_to_stop();
  if (!why_stopped_.empty()) return why_stopped_;
  if (!asked) return limit_name();
  if (control_ && control_->wants_stop()) return "ritz ctl";
  return Signals::stop().empty() ? std::string("a signal to another rank") : Signals::stop();
}

void Interruptions::write(const solve::SavedState& state, double time, std::int64_t n_steps) {
  base::fault_point("checkpoint_write");
  const perf::Stage stage(run_.recorder, "checkpoint");
  store::Provenance origin =
      provenance(run_.communicator, run_.problem.effective_toml, run_.remarks, run_.initial_from);
  origin.emplace_back("time", base::number_text(time));
  if (!checkpoints_->id().empty()) origin.emplace_back("parent", checkpoints_->id());
  checkpoints_->start(state, origin);
  times_[path()] = time;
  last_checkpoint_at_ = run_.recorder.elapsed();
  n_steps_saved_ = n_steps;
  if (!run_.problem.checkpoint.asynchronous) checkpoints_->writer().finish();
  note_finished();
}

void Interruptions::finish() {
  if (!checkpoints_) return;
  const perf::Stage stage(run_.recorder, "checkpoint");
  checkpoints_->writer().finish();
  note_finished();
}

void Interruptions::note_finished() {
  if (const std::string problem = checkpoints_->take_not_removed(); !problem.empty())
    base::log::warning(problem);
  for (const store::CheckpointReport& report : checkpoints_->writer().take_reports()) {
    const double waited = report.copy_seconds + report.wait_seconds;
    pace_.checkpoint(report.work_seconds());
    ++n_checkpoints_;
    work_seconds_ += report.work_seconds();
    waited_seconds_ += waited;
    checkpoint_bytes_ += report.file_bytes;
    const double time = times_[report.path];
    times_.erase(report.path);
    base::log::detail(fmt::format(
        "checkpoint {}{}: {}, copied in {:.3f} s, compressed in {:.3f} s, written in "
        "{:.3f} s, verified in {:.3f} s; complete after {:.3f} s, of which the run waited {:.3f} s",
        report.path, run_.problem.time ? fmt::format(" at t = {:.6g}", time) : std::string(),
        base::bytes_text(report.file_bytes), report.copy_seconds, report.encode_seconds,
        report.write_seconds, report.verify_seconds, report.whole_seconds, waited));
    run_.progress.events().event("checkpoint", {{"file", report.path},
                                                {"t", time},
                                                {"bytes", report.file_bytes},
                                                {"copy_seconds", report.copy_seconds},
                                                {"encode_seconds", report.encode_seconds},
                                                {"write_seconds", report.write_seconds},
                                                {"verify_seconds", report.verify_seconds},
                                                {"whole_seconds", report.whole_seconds},
                                                {"waited_seconds", waited}});
  }
}

void Interruptions::tell() const {
  if (n_checkpoints_ == 0) return;
  const auto n = static_cast<double>(n_checkpoints_);
  const double hidden = std::max(0.0, work_seconds_ - waited_seconds_);
  run_.recorder.count("checkpoints", n);
  run_.recorder.count("checkpoint_bytes", checkpoint_bytes_);
  run_.recorder.count("checkpoint_hidden_seconds", hidden);
  run_.recorder.count("checkpoint_waited_seconds", waited_seconds_);
  run_.progress.line(
      "checkpoints",
      fmt::format("{} written ({} each; the run waited {:.2g} s for them, {:.2g} s were hidden "
                  "behind it), the last: {}",
                  base::count_text(n_checkpoints_), base::bytes_text(checkpoint_bytes_ / n),
                  waited_seconds_, hidden, path()));
}

std::string Interruptions::limit_name() const {
  const auto limit = time_limit(run_.problem.limits.walltime_seconds, run_.recorder.elapsed());
  return limit ? limit->from : std::string("limits.walltime");
}

}  // namespace ritz::run
