#include "ritz/expr/symbols.hpp"

#include <algorithm>
#include <array>
#include <numbers>

#include "functions.hpp"

namespace ritz::expr {

namespace detail {

std::span<const Function> functions() {
  static constexpr std::array table{
      Function{"abs", Op::abs, 1, 1, "abs(u)"},
      Function{"acos", Op::acos, 1, 1, "acos(u)"},
      Function{"asin", Op::asin, 1, 1, "asin(u)"},
      Function{"atan", Op::atan, 1, 1, "atan(u)"},
      Function{"atan2", Op::atan2, 2, 2, "atan2(y, x)"},
      Function{"ceil", Op::ceil, 1, 1, "ceil(u)"},
      Function{"cos", Op::cos, 1, 1, "cos(u)"},
      Function{"cosh", Op::cosh, 1, 1, "cosh(u)"},
      Function{"erf", Op::erf, 1, 1, "erf(u)"},
      Function{"exp", Op::exp, 1, 1, "exp(u)"},
      Function{"floor", Op::floor, 1, 1, "floor(u)"},
      Function{"hypot", Op::hypot, 2, 2, "hypot(u, v)"},
      Function{"if", Op::select, 3, 3, "if(condition, value, other value)"},
      Function{"log", Op::log, 1, 1, "log(u)"},
      Function{"log10", Op::log10, 1, 1, "log10(u)"},
      Function{"max", Op::max, 2, -1, "max(u, v, ...)"},
      Function{"min", Op::min, 2, -1, "min(u, v, ...)"},
      Function{"mod", Op::mod, 2, 2, "mod(u, v)"},
      Function{"pow", Op::power, 2, 2, "pow(u, v)"},
      Function{"sign", Op::sign, 1, 1, "sign(u)"},
      Function{"sin", Op::sin, 1, 1, "sin(u)"},
      Function{"sinh", Op::sinh, 1, 1, "sinh(u)"},
      Function{"sqrt", Op::sqrt, 1, 1, "sqrt(u)"},
      Function{"tan", Op::tan, 1, 1, "tan(u)"},
      Function{"tanh", Op::tanh, 1, 1, "tanh(u)"},
  };
  return table;
}

const Function* find_function(std::string_view name) {
  const auto table = functions();
  const auto place = std::lower_bound(
      table.begin(), table.end(), name,
      [](const Function& function, std::string_view wanted) { return function.name < wanted; });
  return place != table.end() && place->name == name ? &*place : nullptr;
}

const Function& frozen_function() {
  static constexpr Function frozen{"frozen", Op::copy, 1, 1, "frozen(u)"};
  return frozen;
}

std::string_view foreign_name_advice(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> table{{
      {"arccos", "acos(u)"},
      {"arcsin", "asin(u)"},
      {"arctan", "atan(u)"},
      {"arctan2", "atan2(y, x)"},
      {"cbrt", "sign(u)*abs(u)^(1/3)"},
      {"cot", "1/tan(u)"},
      {"fabs", "abs(u)"},
      {"fmod", "mod(u, v)"},
      {"heaviside", "if(u >= 0, 1, 0)"},
      {"ln", "log(u)"},
      {"log2", "log(u)/log(2)"},
      {"power", "pow(u, v) or u^v"},
      {"round", "floor(u + 0.5)"},
      {"select", "if(condition, value, other value)"},
      {"sgn", "sign(u)"},
      {"step", "if(u >= 0, 1, 0)"},
      {"sqr", "u^2"},
      {"where", "if(condition, value, other value)"},
  }};
  for (const auto& [foreign, ours] : table) {
    if (foreign == name) return ours;
  }
  return {};
}

std::span<const Constant> constants() {
  static constexpr std::array table{Constant{"e", std::numbers::e},
                                    Constant{"pi", std::numbers::pi}};
  return table;
}

bool is_derivative_word(std::string_view name) {
  return name == "grad" || name == "dx" || name == "dy" || name == "dz" || name == "dt" ||
         name == "dtt";
}

bool is_keyword(std::string_view name) {
  return name == "and" || name == "or" || name == "not" || name == "true" || name == "false";
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace detail

const std::vector<std::string>& function_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const detail::Function& function : detail::functions()) list.emplace_back(function.name);
    return list;
  }();
  return names;
}

std::string name_refusal(std::string_view name) {
  const auto may_follow = [](char c) { return detail::is_letter(c) || detail::is_digit(c); };
  if (name.empty() || !detail::is_letter(name.front()) ||
      !std::all_of(name.begin(), name.end(), may_follow)) {
    return "a name is made of the letters a-z and A-Z, digits and '_', and starts with no digit";
  }
  const std::string quoted = std::string(1, '\'').append(name).append("' is ");
  if (detail::is_keyword(name)) return quoted + "a word of the expression language";
  if (detail::find_function(name) != nullptr)
    return quoted + "a function of the expression language";
  if (detail::is_derivative_word(name))
    return quoted + "the derivative of an unknown in the expression language";
  for (const detail::Constant& constant : detail::constants()) {
    if (constant.name == name) return quoted + "a constant of the expression language";
  }
  return {};
}

}  // namespace ritz::expr
