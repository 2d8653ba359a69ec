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
  // instructions only
  copy,                   ///< a
  multiply_add,           ///< a*b + c, rounded twice
  multiply_subtract,      ///< a*b - c, rounded twice
  subtract_product        ///< c - a*b, rounded twice
};

inline constexpr int max_integer_power = 16;

}  // namespace ritz::expr::detail
