#pragma once

#include <cstdint>

namespace ritz::expr::detail {

/// Operations of graph nodes and, the last group aside, of instructions.
enum class Op : std::int32_t {
  constant,
  variable,
  // one number to a number
  negate,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  exp,
  log,
  log10,
  sqrt,
  abs,
  erf,
  sign,
  floor,
  ceil,
  // a number and a whole exponent 2..16
  integer_power,
  // two numbers to a number
  add,
  subtract,
  multiply,
  divide,
  power,
  atan2,
  min,
  max,
  mod,
  hypot,
  // two numbers to a condition; > and >= are < and <= with the sides exchanged
  less,
  less_equal,
  equal,
  not_equal,
  // conditions
  logical_and,
  logical_or,
  logical_not,
  // condition, value, value
  select,
  // nodes: a with derivative 0, gone when compiled; instructions: a
  copy,
  /// First of the n_pairs pairs of arithmetic in one instruction, see pair_op().
  first_pair
};

/// The second step of a pair, with r = the result of the first and c the third operand.
enum class Second : std::int32_t {
  add,            ///< r + c
  subtract,       ///< r - c
  subtract_from,  ///< c - r
  multiply,       ///< r * c
  divide,         ///< r / c
  divide_into     ///< c / r
};

inline constexpr int n_seconds = 6;
inline constexpr int n_pairs = 4 * n_seconds;

/// The instruction that does `first` (add, subtract, multiply or divide) on a and b and `second` on
/// that and c, each rounded: one pass over the rows instead of two.
[[nodiscard]] constexpr Op pair_op(Op first, Second second) {
  const auto row = static_cast<std::int32_t>(first) - static_cast<std::int32_t>(Op::add);
  return static_cast<Op>(static_cast<std::int32_t>(Op::first_pair) + row * n_seconds +
                         static_cast<std::int32_t>(second));
}

[[nodiscard]] constexpr bool is_pair(Op op) {
  return op >= Op::first_pair;
}

inline constexpr int max_integer_power = 16;

}  // namespace ritz::expr::detail
