#pragma once

// What a person or a batch log sees while a run goes on; private to room run.

#include <chrono>
#include <cstdint>
#include <string>

#include "ritz/perf/events.hpp"

namespace ritz::run {

/// Lines on the terminal and in the log, events in the diary. Only the root rank shows anything.
class Progress {
 public:
  explicit Progress(bool is_root);

  /// From now on events go to this directory too (root only). Throws Error(io).
  void open(const std::string& directory);

  /// One line about a finished step: "mesh        6,000,000 tets, 1,030,301 vertices".
  void line(const std::string& topic, const std::string& text);
  void phase(const std::string& name);
  /// A step of an iteration; shown at most ten times a second on a terminal, every ten seconds in a
  /// batch log, once a second in the diary. `goal`: the residual that ends it, for the estimate of
  /// the time left (from the average reduction so far).
  void iteration(int number, double residual, double goal);
  /// A step in time; shown and noted as often as a step of an iteration.
  void time_step(std::int64_t number, double time, double length, double start, double end);
  /// Removes the live line, if there is one.
  void finish_line();
  [[nodiscard]] perf::EventLog& events() { return events_; }

 private:
  using Clock = std::chrono::steady_clock;
  /// Whether enough time has passed since the last line.
  [[nodiscard]] bool is_due(Clock::time_point now);
  void show(const std::string& text);

  bool is_root_;
  bool on_terminal_;
  bool live_ = false;
  std::string phase_;
  perf::EventLog events_;
  Clock::time_point started_, shown_, recorded_;
  double first_residual_ = 0;
};

}  // namespace ritz::run
