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

Interruptions::Interruptions(const EvolutionParts& parts) : parts_(parts) {
  if (writes() || parts_.from != nullptr) {
    checkpoints_.emplace(Checkpoints::Parts{parts_.communicator, parts_.problem, parts_.mesh,
                                            parts_.space, parts_.form.n_unknowns()},
                         parts_.from);
  }
  if (writes()) signals_.emplace();
  if (parts.problem.time)
    control_.emplace(parts.communicator, parts.problem.output.directory, writes());
}

solve::SavedState Interruptions::load() {
  base::fault_point("checkpoint_read");
  solve::SavedState state = checkpoints_->load(*parts_.from);
  if (parts_.from->is_own) checkpoints_->give_up_later();
  return state;
}

void Interruptions::begin(double time, std::int64_t n_steps) {
  n_steps_before_ = n_steps_saved_ = n_steps_now_ = n_steps;
  n_multiples_ = multiples_reached(time);
  last_checkpoint_at_ = parts_.recorder.elapsed();
  // Before the first one is measured: a few vectors at a disk's 200 MB/s.
  pace_.checkpoint(3 * 8.0 * static_cast<double>(parts_.space.n_global) * parts_.form.n_unknowns() /
                   2e8);
}

double Interruptions::seconds_left() const {
  const auto limit = time_limit(parts_.problem.limits.walltime_seconds, parts_.recorder.elapsed());
  double left = limit ? limit->seconds_left : std::numeric_limits<double>::infinity();
  if (writes()) {
    left -= 1.5 * pace_.last_checkpoint();
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
  const auto& every = parts_.problem.checkpoint.every;
  return every ? multiples(time, parts_.problem.time->start, *every) : 0;
}

Interruptions::Wish Interruptions::after_step(double time, std::int64_t n_steps,
                                              double step_seconds) {
  pace_.step(step_seconds);
  n_steps_now_ = n_steps;
  bool by_deck = false;
  if (writes()) {
    const auto& every_steps = parts_.problem.checkpoint.every_steps;
    const std::int64_t reached = multiples_reached(time);
    by_deck = (every_steps && n_steps % *every_steps == 0) || reached > n_multiples_;
    n_multiples_ = reached;
  }
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
  std::array<std::int32_t, 3> flags{by_deck ? 1 : 0, 0, 0};  // checkpoint, stop, pause
  if (parts_.communicator.is_root()) {
    const double elapsed = parts_.recorder.elapsed();
    const auto limit = time_limit(parts_.problem.limits.walltime_seconds, elapsed);
    if (limit && limit->seconds_left <= (writes() ? pace_.reserve() : 0.0)) {
      flags[1] = 1;
      why_stopped_ =
          fmt::format("{} leaves {:.3g} s", limit->from, std::max(0.0, limit->seconds_left));
    }
    // Not again and again of one state, which a run that is paused has.
    if (writes() && n_steps_now_ > n_steps_saved_ &&
        elapsed - last_checkpoint_at_ >= parts_.problem.checkpoint.every_walltime)
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
  parts_.communicator.all_reduce(std::span<std::int32_t>(flags), comm::Op::max);
  return {flags[0] != 0, flags[1] != 0, flags[2] != 0};
}

bool Interruptions::asked_to_stop() const {
  return parts_.communicator.any(!Signals::stop().empty() || (control_ && control_->wants_stop()));
}

std::string Interruptions::why_not_resumable(double time, std::int64_t n_steps) const {
  const bool asked = asked_to_stop();
  if (!writes() && asked) {
    return fmt::format(
        "stopped by ritz ctl at t = {:.6g}, without a checkpoint "
        "(checkpoint.write = false)",
        time);
  }
  if (!writes()) return fmt::format("{} is over at t = {:.6g}", limit_name(), time);
  if (asked || n_steps > n_steps_before_) return "";
  // To come back would be to stop here again.
  return fmt::format(
      "no step was done before the time was over ({}); nothing was gained by this "
      "run: ask for more time",
      limit_name());
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
  const perf::Stage stage(parts_.recorder, "checkpoint");
  store::Provenance origin = provenance(parts_.communicator, parts_.problem.effective_toml,
                                        parts_.remarks, parts_.initial_from);
  origin.emplace_back("time", base::number_text(time));
  if (!checkpoints_->id().empty()) origin.emplace_back("parent", checkpoints_->id());
  const store::CheckpointReport report = checkpoints_->write(state, origin);
  const double seconds = report.write_seconds + report.verify_seconds;
  pace_.checkpoint(seconds);
  last_checkpoint_at_ = parts_.recorder.elapsed();
  n_steps_saved_ = n_steps;
  ++n_checkpoints_;
  checkpoint_seconds_ += seconds;
  checkpoint_bytes_ += report.file_bytes;
  base::log::detail(fmt::format(
      "checkpoint {} at t = {:.6g}: {}, written in {:.3f} s, verified in {:.3f} s", path(), time,
      base::bytes_text(report.file_bytes), report.write_seconds, report.verify_seconds));
  parts_.progress.events().event("checkpoint", {{"file", path()},
                                                {"t", time},
                                                {"bytes", report.file_bytes},
                                                {"write_seconds", report.write_seconds},
                                                {"verify_seconds", report.verify_seconds}});
}

void Interruptions::tell() const {
  if (n_checkpoints_ == 0) return;
  const auto n = static_cast<double>(n_checkpoints_);
  parts_.recorder.count("checkpoints", n);
  parts_.recorder.count("checkpoint_bytes", checkpoint_bytes_);
  parts_.progress.line(
      "checkpoints",
      fmt::format("{} written ({} each, {:.2g} s each), the last: {}",
                  base::count_text(n_checkpoints_), base::bytes_text(checkpoint_bytes_ / n),
                  checkpoint_seconds_ / n, path()));
}

std::string Interruptions::limit_name() const {
  const auto limit = time_limit(parts_.problem.limits.walltime_seconds, parts_.recorder.elapsed());
  return limit ? limit->from : std::string("limits.walltime");
}

}  // namespace ritz::run
