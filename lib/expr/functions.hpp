#pragma once

#include <span>
#include <string_view>

#include "ritz/expr/detail/op.hpp"

namespace ritz::expr::detail {

/// A function of the language as deck authors call it.
struct Function {
  std::string_view name;
  Op op;
  int min_arguments;
  int max_arguments;           ///< -1: any number
  std::string_view signature;  ///< "atan2(y, x)"
};

[[nodiscard]] std::span<const Function> functions();
[[nodiscard]] const Function* find_function(std::string_view name);
/// frozen(u), which decks do not know: see frozen.hpp.
[[nodiscard]] const Function& frozen_function();
/// What to write instead of a name that other languages have ("ln" is "log(u)"), or nothing.
[[nodiscard]] std::string_view foreign_name_advice(std::string_view name);

struct Constant {
  std::string_view name;
  double value;
};
[[nodiscard]] std::span<const Constant> constants();

/// Words that take an unknown and give one of its derivatives: grad, dx, dy, dz, dt, dtt.
[[nodiscard]] bool is_derivative_word(std::string_view name);

[[nodiscard]] bool is_keyword(std::string_view name);
[[nodiscard]] bool is_letter(char c);
[[nodiscard]] bool is_digit(char c);

}  // namespace ritz::expr::detail
