#pragma once

// Steady problems; private to room run.

#include "assembled_equations.hpp"
#include "evolution.hpp"
#include "steady_watch.hpp"

namespace ritz::run {

[[nodiscard]] inline bool is_picard(const deck::Problem& problem) {
  return problem.nonlinear.method == deck::NonlinearOptions::Method::picard;
}

/// Newton's or Picard's method on a steady problem, which may be stopped, saved and gone on with.
class SteadyNewton {
 public:
  /// Both must outlive it.
  SteadyNewton(const EvolutionParts& parts, Interruptions& interruptions)
      : parts_(parts), watch_(interruptions, parts.remark) {}

  /// Solves from the guess in u, or from the run's checkpoint, shows the iterations and writes
  /// newton.csv; fills `outcome`. Whether it converged. Collective. Throws Error(io) on every rank.
  [[nodiscard]] bool solve(AssembledEquations& equations, const la::Vector& u,
                           EvolutionOutcome& outcome);
  /// What the equations ask during solve().
  [[nodiscard]] bool may_go_on(const solve::Context::Moment* moment);

 private:
  void save(const solve::Context::Moment* moment, solve::SavedState& state) const;
  [[nodiscard]] AssembledEquations::SteadyStart restore(const solve::SavedState& state);
  void tell(const solve::NewtonReport& report) const;
  void fail(const solve::NewtonReport& report, EvolutionOutcome& outcome) const;

  const EvolutionParts& parts_;
  SteadyWatch watch_;
  AssembledEquations* equations_ = nullptr;  ///< during solve()
  la::Vector u_;
};

}  // namespace ritz::run
