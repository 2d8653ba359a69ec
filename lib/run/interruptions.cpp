#include "interruptions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "provenance.hpp"
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
}

solve::SavedState Interruptions::load() {
  solve::SavedState state = checkpoints_->load(*parts_.from);
  if (parts_.from->is_own) checkpoints_->give_up_later();
  return state;
}

void Interruptions::begin(double time, std::int64_t n_steps) {
  n_steps_before_ = n_steps_saved_ = n_steps;
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
  const deck::CheckpointOptions& options = parts_.problem.checkpoint;
  std::array<std::int32_t, 2> flags{0, 0};  // checkpoint, stop
  if (parts_.communicator.is_root()) {
    const double elapsed = parts_.recorder.elapsed();
    const auto limit = time_limit(parts_.problem.limits.walltime_seconds, elapsed);
    if (limit && limit->seconds_left <= (writes() ? pace_.reserve() : 0.0)) {
      flags[1] = 1;
      why_stopped_ =
          fmt::format("{} leaves {:.3g} s", limit->from, std::max(0.0, limit->seconds_left));
    }
    if (writes() && elapsed - last_checkpoint_at_ >= options.every_walltime) flags[0] = 1;
  }
  if (writes()) {
    if (!Signals::stop().empty()) {
      flags[1] = 1;
      why_stopped_ = Signals::stop();
    }
    if (Signals::take_checkpoint()) flags[0] = 1;
    if (options.every_steps && n_steps % *options.every_steps == 0) flags[0] = 1;
    const std::int64_t reached = multiples_reached(time);
    if (reached > n_multiples_) flags[0] = 1;
    n_multiples_ = reached;
  }
  parts_.communicator.all_reduce(std::span<std::int32_t>(flags), comm::Op::max);
  return {flags[0] != 0, flags[1] != 0};
}

std::string Interruptions::why_not_resumable(double time, std::int64_t n_steps) const {
  if (!writes()) return fmt::format("{} is over at t = {:.6g}", limit_name(), time);
  if (parts_.communicator.any(!Signals::stop().empty()) || n_steps > n_steps_before_) return "";
  // To come back would be to stop here again.
  return fmt::format(
      "no step was done before the time was over ({}); nothing was gained by this "
      "run: ask for more time",
      limit_name());
}

std::string Interruptions::reason() const {
  const bool by_signal = parts_.communicator.any(!Signals::stop().empty());
  if (!why_stopped_.empty()) return why_stopped_;
  if (!by_signal) return limit_name();
  return Signals::stop().empty() ? std::string("a signal to another rank") : Signals::stop();
}

void Interruptions::write(const solve::SavedState& state, double time, std::int64_t n_steps) {
  const perf::Stage stage(parts_.recorder, "checkpoint");
  store::Provenance origin =
      provenance(parts_.communicator, parts_.problem.effective_toml, parts_.remarks);
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
