#include "stopping.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>

namespace ritz::run {

namespace {

constexpr std::array watched{SIGTERM, SIGUSR1, SIGUSR2};

// Lock-free atomics of this size are safe in handlers.
std::atomic<int> stopped_by{0};
std::atomic<bool> wants_checkpoint{false};
std::atomic<std::time_t> stopped_at{0};

/// Batch systems send one SIGTERM to the job and one to its processes, within moments.
constexpr std::time_t echo_seconds = 2;

/// Before a batch system's limit, for what comes after the last checkpoint: reports, MPI's and the
/// launcher's end, and the script that puts the job back into the queue. A run that stopped 0.1 s
/// before Slurm killed the job had its checkpoint and did not come back.
constexpr double ending_seconds = 5;

extern "C" void on_signal(int number) {
  if (number == SIGUSR1) {
    wants_checkpoint = true;
    return;
  }
  if (number == SIGTERM && stopped_by == SIGTERM) {
    if (std::time(nullptr) - stopped_at < echo_seconds) return;
    // The second one: as if nobody had caught it, so that the launcher sees what it is.
    std::signal(SIGTERM, SIG_DFL);
    std::raise(SIGTERM);
    return;
  }
  if (stopped_by == 0) stopped_at = std::time(nullptr);
  stopped_by = number;
}

std::optional<double> environment_seconds(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  if (*end != '\0' || !(value > 0)) return std::nullopt;
  return value;
}

}  // namespace

Signals::Signals() {
  stopped_by = 0;
  stopped_at = 0;
  wants_checkpoint = false;
  for (std::size_t i = 0; i < watched.size(); ++i) before_[i] = std::signal(watched[i], on_signal);
}

Signals::~Signals() {
  for (std::size_t i = 0; i < watched.size(); ++i) {
    std::signal(watched[i], before_[i] == SIG_ERR ? SIG_DFL : before_[i]);
  }
}

std::string Signals::stop() {
  const int number = stopped_by;
  return number == 0 ? "" : number == SIGTERM ? "SIGTERM" : "SIGUSR2";
}

bool Signals::take_checkpoint() {
  return wants_checkpoint.exchange(false);
}

std::optional<TimeLimit> time_limit(std::optional<double> walltime, double elapsed) {
  std::optional<TimeLimit> tightest;
  const auto offer = [&](double left, const char* from) {
    if (!tightest || left < tightest->seconds_left) tightest = TimeLimit{left, from};
  };
  if (walltime) offer(*walltime - elapsed, "limits.walltime");
  if (const auto end = environment_seconds("SLURM_JOB_END_TIME"))
    offer(*end - static_cast<double>(std::time(nullptr)) - ending_seconds, "SLURM_JOB_END_TIME");
  if (const auto whole = environment_seconds("PBS_WALLTIME"))
    offer(*whole - elapsed - ending_seconds, "PBS_WALLTIME");
  return tightest;
}

void Pace::step(double seconds) {
  steps_[next_] = seconds;
  next_ = (next_ + 1) % steps_.size();
}

double Pace::reserve(std::size_t n_checkpoints) const {
  return 1.5 * (*std::max_element(steps_.begin(), steps_.end()) +
                static_cast<double>(n_checkpoints) * checkpoint_);
}

}  // namespace ritz::run
