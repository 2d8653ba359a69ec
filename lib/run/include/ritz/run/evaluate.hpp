#pragma once

#include <string>
#include <vector>

namespace ritz::run {

struct EvaluateRequest {
  std::string expression;
  std::string at;    ///< "x,y,z"
  std::string line;  ///< "a:b:n"
  double time = 0;
  std::vector<std::string> parameters;  ///< "name=value"
};

/// `ritz eval`: prints one value, or a table x,y,z,value. Serial, without MPI and Kokkos. Throws
/// base::Error (deck) with a caret under the place.
int evaluate(const EvaluateRequest& request);

}  // namespace ritz::run
