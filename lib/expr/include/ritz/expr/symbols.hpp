#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ritz::expr {

/// The names an expression may use besides the functions and the constants pi and e.
struct Symbols {
  std::vector<std::string> variables;                      ///< values given at each evaluation
  std::vector<std::pair<std::string, double>> parameters;  ///< folded in as constants; finite
};

/// Names of all functions, sorted.
[[nodiscard]] const std::vector<std::string>& function_names();

/// Why `name` cannot name a parameter or variable ("'sin' is a function of the language"), or an
/// empty text when it can. For checking a deck's [parameters].
[[nodiscard]] std::string name_refusal(std::string_view name);

}  // namespace ritz::expr
