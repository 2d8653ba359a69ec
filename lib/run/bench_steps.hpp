#pragma once

// Time steps as `ritz bench` measures them; private to room run.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::run {

/// What time steps of a linear equation without a matrix took.
struct StepTimes {
  GlobalId n_dofs = 0, n_cells = 0;
  std::vector<double> seconds;          ///< of a step, each a mean
  double iterations = 0;                ///< of the linear solver, a step; 0: explicit
  double later_iterations = 0;          ///< without the first step, which has three stages
  std::map<std::string, double> setup;  ///< seconds of mesh, space and what comes before the steps
  std::string operator_text;
};

/// M13: leapfrog from the shape of a low note, `repeat` times as many steps as take a while, and
/// two before. Collective.
[[nodiscard]] StepTimes explicit_steps(const comm::Communicator& communicator,
                                       const deck::Problem& problem, int repeat);

/// M12: `repeat` times the steps of the deck from its start to its end, starting steps and their
/// set-up included. Collective. Throws Error(not_converged).
[[nodiscard]] StepTimes implicit_steps(const comm::Communicator& communicator,
                                       const deck::Problem& problem, int repeat);

}  // namespace ritz::run
