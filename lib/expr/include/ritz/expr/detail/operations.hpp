#pragma once

#include <cmath>

#include "ritz/device/kokkos.hpp"
#include "ritz/expr/detail/op.hpp"

/// What each operation means for one point, once, for folding, the reference walk, host and device
/// programs. Plain std functions: each backend's compiler provides them in device code.
namespace ritz::expr::detail {

KOKKOS_INLINE_FUNCTION double sign_of(double u) {
  return u > 0.0 ? 1.0 : (u < 0.0 ? -1.0 : u);
}

/// A NaN on either side is the result: a missing value must show.
KOKKOS_INLINE_FUNCTION double minimum(double u, double v) {
  return (u < v || u != u) ? u : v;
}
KOKKOS_INLINE_FUNCTION double maximum(double u, double v) {
  return (u > v || u != u) ? u : v;
}

/// Remainder with the sign of v, in [0, v) for v > 0: periodic also across 0. fmod is exact.
KOKKOS_INLINE_FUNCTION double modulo(double u, double v) {
  const double remainder = std::fmod(u, v);
  return (remainder != 0.0 && (remainder < 0.0) != (v < 0.0)) ? remainder + v : remainder;
}

template <int n>
KOKKOS_INLINE_FUNCTION double power_by_products(double u) {
  if constexpr (n == 1) {
    return u;
  } else {
    const double half = power_by_products<n / 2>(u);
    if constexpr (n % 2 == 0) return half * half;
    return half * half * u;
  }
}

#define RITZ_EXPR_UNARY(name, formula)                                             \
  struct name {                                                                    \
    KOKKOS_INLINE_FUNCTION double operator()(double u) const { return (formula); } \
  }
#define RITZ_EXPR_BINARY(name, formula)                                                      \
  struct name {                                                                              \
    KOKKOS_INLINE_FUNCTION double operator()(double u, double v) const { return (formula); } \
  }
#define RITZ_EXPR_TERNARY(name, formula)                                           \
  struct name {                                                                    \
    KOKKOS_INLINE_FUNCTION double operator()(double u, double v, double w) const { \
      return (formula);                                                            \
    }                                                                              \
  }

RITZ_EXPR_UNARY(Copy, u);
RITZ_EXPR_UNARY(Negate, -u);
RITZ_EXPR_UNARY(Sin, std::sin(u));
RITZ_EXPR_UNARY(Cos, std::cos(u));
RITZ_EXPR_UNARY(Tan, std::tan(u));
RITZ_EXPR_UNARY(Asin, std::asin(u));
RITZ_EXPR_UNARY(Acos, std::acos(u));
RITZ_EXPR_UNARY(Atan, std::atan(u));
RITZ_EXPR_UNARY(Sinh, std::sinh(u));
RITZ_EXPR_UNARY(Cosh, std::cosh(u));
RITZ_EXPR_UNARY(Tanh, std::tanh(u));
RITZ_EXPR_UNARY(Exp, std::exp(u));
RITZ_EXPR_UNARY(Log, std::log(u));
RITZ_EXPR_UNARY(Log10, std::log10(u));
RITZ_EXPR_UNARY(Sqrt, std::sqrt(u));
RITZ_EXPR_UNARY(Abs, std::fabs(u));
RITZ_EXPR_UNARY(Erf, std::erf(u));
RITZ_EXPR_UNARY(Sign, sign_of(u));
RITZ_EXPR_UNARY(Floor, std::floor(u));
RITZ_EXPR_UNARY(Ceil, std::ceil(u));
RITZ_EXPR_UNARY(LogicalNot, 1.0 - u);
RITZ_EXPR_BINARY(Add, u + v);
RITZ_EXPR_BINARY(Subtract, u - v);
RITZ_EXPR_BINARY(Multiply, u* v);
RITZ_EXPR_BINARY(Divide, u / v);
RITZ_EXPR_BINARY(Power, std::pow(u, v));
RITZ_EXPR_BINARY(Atan2, std::atan2(u, v));
RITZ_EXPR_BINARY(Min, minimum(u, v));
RITZ_EXPR_BINARY(Max, maximum(u, v));
RITZ_EXPR_BINARY(Mod, modulo(u, v));
RITZ_EXPR_BINARY(Hypot, std::hypot(u, v));
RITZ_EXPR_BINARY(Less, u < v ? 1.0 : 0.0);
RITZ_EXPR_BINARY(LessEqual, u <= v ? 1.0 : 0.0);
RITZ_EXPR_BINARY(Equal, u == v ? 1.0 : 0.0);
RITZ_EXPR_BINARY(NotEqual, u != v ? 1.0 : 0.0);
RITZ_EXPR_BINARY(LogicalAnd, u* v);
RITZ_EXPR_BINARY(LogicalOr, u > v ? u : v);
RITZ_EXPR_TERNARY(Select, u != 0.0 ? v : w);

#undef RITZ_EXPR_UNARY
#undef RITZ_EXPR_BINARY
#undef RITZ_EXPR_TERNARY

template <class First, Second second>
struct Pair {
  KOKKOS_INLINE_FUNCTION double operator()(double u, double v, double w) const {
    const double r = First{}(u, v);
    if constexpr (second == Second::add) return r + w;
    if constexpr (second == Second::subtract) return r - w;
    if constexpr (second == Second::subtract_from) return w - r;
    if constexpr (second == Second::multiply) return r * w;
    if constexpr (second == Second::divide) return r / w;
    return w / r;
  }
};

template <class First, class Visitor>
KOKKOS_INLINE_FUNCTION void visit_second(int second, const Visitor& visitor) {
  switch (static_cast<Second>(second)) {
    case Second::add:
      visitor.ternary(Pair<First, Second::add>{});
      break;
    case Second::subtract:
      visitor.ternary(Pair<First, Second::subtract>{});
      break;
    case Second::subtract_from:
      visitor.ternary(Pair<First, Second::subtract_from>{});
      break;
    case Second::multiply:
      visitor.ternary(Pair<First, Second::multiply>{});
      break;
    case Second::divide:
      visitor.ternary(Pair<First, Second::divide>{});
      break;
    case Second::divide_into:
      visitor.ternary(Pair<First, Second::divide_into>{});
      break;
  }
}

template <class Visitor>
KOKKOS_INLINE_FUNCTION void visit_pair(Op op, const Visitor& visitor) {
  const int index = static_cast<int>(op) - static_cast<int>(Op::first_pair);
  switch (index / n_seconds) {
    case 0:
      visit_second<Add>(index % n_seconds, visitor);
      break;
    case 1:
      visit_second<Subtract>(index % n_seconds, visitor);
      break;
    case 2:
      visit_second<Multiply>(index % n_seconds, visitor);
      break;
    default:
      visit_second<Divide>(index % n_seconds, visitor);
      break;
  }
}

template <int n>
struct IntegerPower {
  KOKKOS_INLINE_FUNCTION double operator()(double u) const { return power_by_products<n>(u); }
};

/// One loop an exponent, so that each is unrolled and vectorised.
template <class Visitor>
KOKKOS_INLINE_FUNCTION void visit_power(int exponent, const Visitor& visitor) {
  static_assert(max_integer_power == 16);
  switch (exponent) {
    case 2:
      visitor.unary(IntegerPower<2>{});
      break;
    case 3:
      visitor.unary(IntegerPower<3>{});
      break;
    case 4:
      visitor.unary(IntegerPower<4>{});
      break;
    case 5:
      visitor.unary(IntegerPower<5>{});
      break;
    case 6:
      visitor.unary(IntegerPower<6>{});
      break;
    case 7:
      visitor.unary(IntegerPower<7>{});
      break;
    case 8:
      visitor.unary(IntegerPower<8>{});
      break;
    case 9:
      visitor.unary(IntegerPower<9>{});
      break;
    case 10:
      visitor.unary(IntegerPower<10>{});
      break;
    case 11:
      visitor.unary(IntegerPower<11>{});
      break;
    case 12:
      visitor.unary(IntegerPower<12>{});
      break;
    case 13:
      visitor.unary(IntegerPower<13>{});
      break;
    case 14:
      visitor.unary(IntegerPower<14>{});
      break;
    case 15:
      visitor.unary(IntegerPower<15>{});
      break;
    case 16:
      visitor.unary(IntegerPower<16>{});
      break;
    default:
      break;
  }
}

/// Calls visitor.unary(F{}), .binary(F{}) or .ternary(F{}) with what `op` means.
/// `exponent` is looked at for integer_power only. Nothing is called for constant and variable.
template <class Visitor>
KOKKOS_INLINE_FUNCTION void visit(Op op, int exponent, const Visitor& visitor) {
  switch (op) {
    case Op::constant:
    case Op::variable:
      break;
    case Op::negate:
      visitor.unary(Negate{});
      break;
    case Op::sin:
      visitor.unary(Sin{});
      break;
    case Op::cos:
      visitor.unary(Cos{});
      break;
    case Op::tan:
      visitor.unary(Tan{});
      break;
    case Op::asin:
      visitor.unary(Asin{});
      break;
    case Op::acos:
      visitor.unary(Acos{});
      break;
    case Op::atan:
      visitor.unary(Atan{});
      break;
    case Op::sinh:
      visitor.unary(Sinh{});
      break;
    case Op::cosh:
      visitor.unary(Cosh{});
      break;
    case Op::tanh:
      visitor.unary(Tanh{});
      break;
    case Op::exp:
      visitor.unary(Exp{});
      break;
    case Op::log:
      visitor.unary(Log{});
      break;
    case Op::log10:
      visitor.unary(Log10{});
      break;
    case Op::sqrt:
      visitor.unary(Sqrt{});
      break;
    case Op::abs:
      visitor.unary(Abs{});
      break;
    case Op::erf:
      visitor.unary(Erf{});
      break;
    case Op::sign:
      visitor.unary(Sign{});
      break;
    case Op::floor:
      visitor.unary(Floor{});
      break;
    case Op::ceil:
      visitor.unary(Ceil{});
      break;
    case Op::logical_not:
      visitor.unary(LogicalNot{});
      break;
    case Op::copy:
      visitor.unary(Copy{});
      break;
    case Op::integer_power:
      visit_power(exponent, visitor);
      break;
    case Op::add:
      visitor.binary(Add{});
      break;
    case Op::subtract:
      visitor.binary(Subtract{});
      break;
    case Op::multiply:
      visitor.binary(Multiply{});
      break;
    case Op::divide:
      visitor.binary(Divide{});
      break;
    case Op::power:
      visitor.binary(Power{});
      break;
    case Op::atan2:
      visitor.binary(Atan2{});
      break;
    case Op::min:
      visitor.binary(Min{});
      break;
    case Op::max:
      visitor.binary(Max{});
      break;
    case Op::mod:
      visitor.binary(Mod{});
      break;
    case Op::hypot:
      visitor.binary(Hypot{});
      break;
    case Op::less:
      visitor.binary(Less{});
      break;
    case Op::less_equal:
      visitor.binary(LessEqual{});
      break;
    case Op::equal:
      visitor.binary(Equal{});
      break;
    case Op::not_equal:
      visitor.binary(NotEqual{});
      break;
    case Op::logical_and:
      visitor.binary(LogicalAnd{});
      break;
    case Op::logical_or:
      visitor.binary(LogicalOr{});
      break;
    case Op::select:
      visitor.ternary(Select{});
      break;
    default:
      visit_pair(op, visitor);
      break;
  }
}

}  // namespace ritz::expr::detail
