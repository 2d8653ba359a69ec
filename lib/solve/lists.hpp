#pragma once

#include <string>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::solve {

/// Pass-through parameters of one list ("belos", "amg", "ilu", "chebyshev", "direct").
using Passed = std::vector<deck::SolverOptions::Passed>;

[[nodiscard]] Passed passed(const deck::SolverOptions& options, const std::string& list);

/// One name a list knows.
struct Known {
  std::string name;  ///< "sublist/name" for names in sublists
  deck::SolverOptions::Passed::Type type;
  std::string instead;  ///< not empty: refused, use this deck key instead
};

/// "aggregation: drop tol", "smoother: params/chebyshev: degree"
[[nodiscard]] std::string path_text(const deck::SolverOptions::Passed& passed);

/// Reports names that `known` does not have (with the nearest) and values of another type. Integers
/// pass for reals.
void check_names(const Passed& passed, const std::string& list, const std::vector<Known>& known,
                 base::Diagnostics& diagnostics);

/// The names each list knows, by method or preconditioner; MueLu's own come from amg.cpp.
[[nodiscard]] std::vector<Known> known_belos(const std::string& method);
[[nodiscard]] std::vector<Known> known_ilu();
[[nodiscard]] std::vector<Known> known_chebyshev();
[[nodiscard]] std::vector<Known> known_direct();

}  // namespace ritz::solve
