#pragma once

#include <functional>
#include <string>

#include "lists.hpp"
#include "ritz/la/system.hpp"

namespace ritz::solve {

struct KrylovOptions {
  std::string method;  ///< cg pipelined-cg gmres fgmres bicgstab minres tfqmr gcrodr
  int restart = 50;
  int max_iterations = 500;
  double target = 0;  ///< stop when the method's 2-norm of the residual is at most this
  Passed passed;      ///< [solver.trilinos.belos]
  /// Asked now and then by gcrodr, which cannot be watched from outside while it runs: false stops
  /// it. Collective, the same answer on every rank. Empty: always go on.
  std::function<bool()> may_go_on;
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
/// ranks, so the answer must be the same everywhere.
using Monitor = std::function<bool(int iteration, double residual)>;

/// Iterates on x from its present value with one of Belos' methods. Preconditioned from the right
/// except cg and minres, so that the residual is that of the original system; minres' is in the
/// norm of the preconditioner and scaled to start at the true one. Collective.
KrylovResult krylov(const la::Operator& op, const la::Preconditioner* preconditioner,
                    const la::Vector& rhs, const la::Vector& x, const KrylovOptions& options,
                    const Monitor& monitor);

}  // namespace ritz::solve
