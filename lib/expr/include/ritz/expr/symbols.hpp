#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ritz::expr {

/// The names an expression may use besides the functions and the constants pi and e.
///
/// A variable may look like a call of one name: "dx(u)", "dt(u)", "max(u)". The text dx(u), blanks
/// allowed, is then this variable, also where a function has the name; and grad(u).x, grad(u).y,
/// grad(u).z are dx(u), dy(u), dz(u).
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
