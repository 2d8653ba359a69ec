#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ritz/la/csr.hpp"
#include "ritz/la/layout.hpp"

namespace ritz::solve {

/// F(u) = 0 with what Newton's method needs of it. Vectors are [n_owned].
class NonlinearProblem {
 public:
  virtual ~NonlinearProblem() = default;
  [[nodiscard]] virtual const comm::Communicator& communicator() const = 0;
  [[nodiscard]] virtual LocalId n_owned() const = 0;

  /// F(u) into r. An empty text, or what is not finite and where: the same on every rank.
  /// Collective.
  virtual std::string residual(const la::Vector& u, const la::Vector& r) = 0;

  struct Correction {
    bool useful = true;  ///< false: the linear solver brought nothing
    int iterations = 0;
    double residual = 0;  ///< ||r - J d|| / ||r||
    std::string message;  ///< if not useful
    bool out_of_time = false;
  };
  /// d with J(u) d = r up to `tolerance` relative to r, where r = F(u) is at hand. Collective.
  virtual Correction correct(const la::Vector& u, const la::Vector& r, double tolerance,
                             const la::Vector& d) = 0;

  /// Where the largest entry of r is and which equation it belongs to, for messages. Collective.
  [[nodiscard]] virtual std::string worst_text(const la::Vector& r) const = 0;
};

struct NewtonProgress;

struct NewtonOptions {
  double tolerance = 1e-8;        ///< ||F|| relative to the larger of ||F(first u)|| and `scale`
  double absolute_tolerance = 0;  ///< ||F|| below this is enough as well
  int max_iterations = 25;
  bool line_search = true;
  bool inexact = true;     ///< forcing terms of Eisenstat and Walker; else tolerance / 10
  bool is_linear = false;  ///< one correction is enough: solved to the tolerance at once
  /// The matrix is not the derivative of F (Picard's method): convergence is linear, and the
  /// residual may grow on the way.
  bool is_picard = false;
  double scale = 0;  ///< size of the terms of F, where the first guess is a good one
  /// Where a solve was that this one goes on from: u is its iterate.
  const NewtonProgress* from = nullptr;
  /// Called after each correction that leaves something to do; false stops (outcome walltime).
  /// Collective.
  std::function<bool()> may_go_on;
};

struct NewtonReport {
  enum class Outcome {
    converged,
    max_iterations,
    line_search,
    linear_solver,
    not_finite,
    walltime
  };
  Outcome outcome = Outcome::converged;
  int iterations = 0;           ///< corrections
  int linear_iterations = 0;    ///< of all of them
  std::vector<double> history;  ///< ||F||: first guess, then after each correction
  std::vector<double> lengths;  ///< of each correction, 1 without line search
  std::string message;  ///< why not; if converged: empty, or that the goal lies below round-off

  [[nodiscard]] bool converged() const { return outcome == Outcome::converged; }
  /// By what ||F|| was multiplied an iteration, lately (a geometric mean); 0 before the first one.
  [[nodiscard]] double rate() const;
};
[[nodiscard]] std::string name(NewtonReport::Outcome outcome);

/// What decides beside u how Newton's method goes on: with it another run does the same, to the bit
/// where F and the corrections are the same.
struct NewtonProgress {
  NewtonReport report;  ///< so far
  double forcing = 0;   ///< relative tolerance of the last linear system
};

/// Newton's method on u, which holds the first guess; after a failure u is the best found (smallest
/// ||F||). The linear systems are solved as exactly as is worth it (Eisenstat and Walker, SIAM J.
/// Sci. Comput. 17, 1996, 16, choice 2 with its safeguards), corrections are shortened until ||F||
/// falls enough (Dennis and Schnabel, Numerical Methods for Unconstrained Optimization, 1983,
/// A6.3.1, on ||F||^2). Picard's method is the same with another matrix and whole corrections.
/// Collective.
class Newton {
 public:
  explicit Newton(NonlinearProblem& problem);
  NewtonReport solve(const la::Vector& u, const NewtonOptions& options);
  /// Of the solve under way, as it was before the correction that is being looked for.
  [[nodiscard]] const NewtonProgress& progress() const { return progress_; }

 private:
  NonlinearProblem& problem_;
  NewtonProgress progress_;
  la::Vector r_, d_, trial_;
};

}  // namespace ritz::solve
