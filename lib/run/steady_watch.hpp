#pragma once

// Stopping, pausing and saving a steady solve between its iterations; private to room run.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "interruptions.hpp"

namespace ritz::run {

class SteadyWatch {
 public:
  /// Both must outlive it.
  SteadyWatch(Interruptions& interruptions, std::function<void(const std::string&)> remark)
      : interruptions_(interruptions), remark_(std::move(remark)) {}

  /// What the run goes on from; nothing: it starts. To be called once, before the solve.
  /// `is_counted_by_newton`: checkpoint.every_steps counts corrections of Newton's method.
  /// Collective. Throws Error(mesh) and Error(io) on every rank.
  [[nodiscard]] std::optional<solve::SavedState> begin(bool is_counted_by_newton);

  /// Adds what the solver needs to go on.
  using Save = std::function<void(solve::SavedState&)>;
  /// Between iterations: so many corrections of Newton's method and iterations of linear solvers
  /// are done, also in the runs before (a fallback may begin to count anew). Writes checkpoints,
  /// waits while the run is paused. False: it has to stop, and has its checkpoint. Collective.
  /// Throws Error(io) on every rank.
  [[nodiscard]] bool may_go_on(std::int64_t n_newton, std::int64_t n_linear, const Save& save);

  /// After the solve, unless is_stopped(): a last checkpoint of a run that had one before, so that
  /// it is known to have ended, or of one that failed and left something finite. Collective. Throws
  /// Error(io) on every rank.
  void end(std::int64_t n_newton, std::int64_t n_linear, bool is_good, bool is_finite,
           const Save& save);

  [[nodiscard]] bool is_stopped() const { return code_ != 0; }
  [[nodiscard]] int code() const { return code_; }  ///< 75, or why there is nothing to go on from

 private:
  void count(std::int64_t n_newton, std::int64_t n_linear);
  void write(const Save& save, bool has_ended);
  void stop(const Save& save);
  [[nodiscard]] Interruptions::Wish pause(const Save& save);
  [[nodiscard]] std::string where() const;

  Interruptions& interruptions_;
  std::function<void(const std::string&)> remark_;
  bool is_counted_by_newton_ = false;
  std::int64_t n_newton_ = 0, n_linear_ = 0;  ///< never smaller than before
  std::int64_t last_linear_ = 0;              ///< as told
  std::optional<double> last_look_;           ///< seconds since the start of the program
  int code_ = 0;
};

}  // namespace ritz::run
