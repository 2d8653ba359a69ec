#pragma once

// Steady problems; private to room run.

#include "assembled_equations.hpp"
#include "evolution.hpp"

namespace ritz::run {

[[nodiscard]] inline bool is_picard(const deck::Problem& problem) {
  return problem.nonlinear.method == deck::NonlinearOptions::Method::picard;
}

/// Solves from the guess in u by Newton's or Picard's method, shows the iterations and writes
/// newton.csv; fills `outcome`. Whether it converged. Collective.
[[nodiscard]] bool solve_steady(const EvolutionParts& parts, AssembledEquations& equations,
                                const la::Vector& u, EvolutionOutcome& outcome);

}  // namespace ritz::run
