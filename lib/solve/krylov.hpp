#pragma once

#include <functional>
#include <string>

#include "lists.hpp"
#include "ritz/la/system.hpp"
#include "ritz/solve/solve.hpp"

namespace ritz::solve {

struct KrylovOptions {
  std::string method;  ///< cg pipelined-cg gmres fgmres bicgstab minres tfqmr gcrodr
  int restart = 50;
  int max_iterations = 500;
  double target = 0;  ///< stop when the method's 2-norm of the residual is at most this
  Passed passed;      ///< [solver.trilinos.belos]
  /// Asked now and then by gcrodr, which cannot be watched from outside while it runs, with the end
  /// of its last whole cycle: false stops it. Collective, the same answer on every rank. Empty:
  /// always go on.
  std::function<bool(const Iterate&)> may_go_on;
};

struct KrylovResult {
  enum class Stop {
    converged,
    max_iterations,
    stalled,
    breakdown,
    indefinite,
    not_finite,
    interrupted
  };
  Stop stop = Stop::converged;
  int iterations = 0;
  std::string message;
};

/// Called after each iteration on every rank with the same numbers; false stops the method on all
/// ranks, so the answer must be the same everywhere. The iterate is that of this iteration, or of
/// the one before where the last step is taken later; empty: told after the end.
using Monitor = std::function<bool(int iteration, double residual, const Iterate& iterate)>;

/// Iterates on x from its present value with one of Belos' methods. Preconditioned from the right
/// except cg and minres, so that the residual is that of the original system; minres' is in the
/// norm of the preconditioner and scaled to start at the true one. Collective.
KrylovResult krylov(const la::Operator& op, const la::Preconditioner* preconditioner,
                    const la::Vector& rhs, const la::Vector& x, const KrylovOptions& options,
                    const Monitor& monitor);

}  // namespace ritz::solve
