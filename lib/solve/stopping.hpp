#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "krylov.hpp"
#include "ritz/base/log.hpp"

namespace ritz::solve {

/// When an iteration ends, the same for every method and engine: tells the monitor, then compares
/// the residual with the target, the iterations with their limit, and watches for NaN, growth and
/// standstill. Local; all ranks give the same numbers and so get the same answer.
class StoppingRule {
 public:
  StoppingRule(const KrylovOptions& options, const Monitor& monitor, double first_residual,
               Iterate iterate)
      : options_(options),
        monitor_(monitor),
        iterate_(std::move(iterate)),
        first_residual_(first_residual) {
    // A restarted method needs a whole cycle to show progress.
    stall_window_ = std::max(100, 2 * options.restart);
  }

  /// True when the iteration has to end after `number` iterations with the residual `norm`.
  bool look(int number, double norm) {
    if (number > last_) {
      last_ = number;
      if (!monitor_(number, norm, iterate_)) {
        stop_ = KrylovResult::Stop::interrupted;
        return true;
      }
    }
    using Stop = KrylovResult::Stop;
    if (!std::isfinite(norm)) {
      stop_ = Stop::not_finite;
      message_ = fmt::format("the residual is not a number at iteration {}", number);
    } else if (norm <= options_.target) {
      stop_ = Stop::converged;
    } else if (number >= options_.max_iterations) {
      stop_ = Stop::max_iterations;
    } else if (norm > 1e10 * first_residual_) {
      stop_ = Stop::breakdown;
      message_ = fmt::format("the residual grew by a factor of {:.0e}", norm / first_residual_);
    } else {
      if (norm < 0.999 * best_) {
        best_ = norm;
        best_at_ = number;
      }
      if (number - best_at_ < stall_window_) return false;
      stop_ = Stop::stalled;
      message_ = fmt::format("the residual has not fallen for {} iterations", number - best_at_);
    }
    return true;
  }

  [[nodiscard]] KrylovResult result() const { return {stop_, iterations(), message_}; }
  [[nodiscard]] int iterations() const { return std::max(0, last_); }
  /// Another way to the iterate from here on.
  void set_iterate(Iterate iterate) { iterate_ = std::move(iterate); }

 private:
  const KrylovOptions& options_;
  const Monitor& monitor_;
  Iterate iterate_;
  double first_residual_;
  int stall_window_;
  int last_ = -1;
  double best_ = std::numeric_limits<double>::infinity();
  int best_at_ = 0;
  KrylovResult::Stop stop_ = KrylovResult::Stop::breakdown;
  std::string message_;
};

}  // namespace ritz::solve
