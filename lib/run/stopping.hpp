#pragma once

// When a run has to stop or to write a checkpoint: signals and the time of the job; private to room
// run.

#include <array>
#include <optional>
#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

/// While it lives SIGTERM and SIGUSR2 ask for a checkpoint and the end of the run, SIGUSR1 for a
/// checkpoint; a second SIGTERM, two
/// seconds later or more (launchers send it twice), ends the process at once. One object at a time.
/// Local.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// "SIGTERM" or "SIGUSR2" once one has come to this rank, else "".
  [[nodiscard]] static std::string stop();
  /// Whether SIGUSR1 has come since the last call.
  [[nodiscard]] static bool take_checkpoint();

 private:
  std::array<void (*)(int), 3> before_{};
};

/// A limit on the time of this process and who set it.
struct TimeLimit {
  double seconds_left = 0;  ///< at the moment of asking
  std::string from;         ///< "limits.walltime", "SLURM_JOB_END_TIME"
};
/// The tightest of limits.walltime (counted from the start of the run, `elapsed` seconds ago) and
/// what the batch system says in the environment: SLURM_JOB_END_TIME (seconds since 1970) or
/// PBS_WALLTIME (seconds, counted from the start of this process). Local.
[[nodiscard]] std::optional<TimeLimit> time_limit(std::optional<double> walltime, double elapsed);

/// How long the last few steps and checkpoints took: what must be left to do one more of each.
class Pace {
 public:
  void step(double seconds);
  void checkpoint(double seconds) { checkpoint_ = seconds; }
  [[nodiscard]] double last_checkpoint() const { return checkpoint_; }
  /// 1.5 times (the slowest of the last 20 steps + so many checkpoints like the last one).
  [[nodiscard]] double reserve(std::size_t n_checkpoints = 1) const;

 private:
  std::array<double, 20> steps_{};
  std::size_t next_ = 0;
  double checkpoint_ = 0;
};

}  // namespace ritz::run
