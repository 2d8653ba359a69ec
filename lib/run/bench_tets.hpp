#pragma once

// Assembled elasticity as `ritz bench` measures it; private to room run.

#include <map>
#include <string>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::run {

/// What one elastic problem took, assembled and solved by cg with algebraic multigrid.
struct ElasticTimes {
  GlobalId n_dofs = 0, n_cells = 0;
  std::vector<double> assembly;         ///< seconds of the numeric phase, matrix and load
  std::vector<double> seconds;          ///< set-up of the preconditioner and solve
  std::map<std::string, double> setup;  ///< mesh, space, pattern; amg: of the last set-up
  int iterations = 0;
  double true_residual = 0;
  std::string amg;
};

/// M9. `problem`: elasticity with a body force. Collective. Throws Error(not_converged).
[[nodiscard]] ElasticTimes elastic_tets(const comm::Communicator& communicator,
                                        const deck::Problem& problem, int repeat);

}  // namespace ritz::run
