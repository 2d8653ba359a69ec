// Forward differentiation of the graph, node by node in order: each node adds a bounded number of
// nodes, and those that are equal are shared, so the result is linear in the size of the graph.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "graph.hpp"
#include "ritz/expr/detail/quiet_arithmetic.hpp"

namespace ritz::expr {

namespace {

using detail::Builder;
using detail::Node;
using detail::Op;

class Differentiator {
 public:
  explicit Differentiator(const detail::Graph& graph) {
    for (const Node& node : graph.nodes) builder_.intern(node);
    zero_ = builder_.constant(0.0);
  }

  /// Node of the derivative of the last of `nodes`, the ones the constructor got.
  int run(const std::vector<Node>& nodes, int variable) {
    derivative_.assign(nodes.size(), zero_);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const Node& node = nodes[i];
      if (node.op == Op::variable) {
        if (node.a == variable) derivative_[i] = builder_.constant(1.0);
      } else if (node.type == Type::real && depends(node)) {
        derivative_[i] = of(node, static_cast<int>(i));
      }
    }
    return derivative_.back();
  }

  Builder& builder() { return builder_; }

 private:
  [[nodiscard]] int d(int node) const { return derivative_[static_cast<std::size_t>(node)]; }

  /// Whether a derivative of an operand is not identically 0. Only then is anything multiplied:
  /// 0*f would be NaN where f is infinite, and the derivative of a constant is 0 there too.
  [[nodiscard]] bool depends(const Node& node) const {
    const int n = detail::n_operands(node.op);
    if (node.op == Op::select) return d(node.b) != zero_ || d(node.c) != zero_;
    return (n > 0 && d(node.a) != zero_) || (n > 1 && d(node.b) != zero_);
  }

  int number(double value) { return builder_.constant(value); }
  int make(Op op, int a, int b = -1, int c = -1) { return builder_.make(op, a, b, c); }
  int square(int u) { return builder_.integer_power(u, 2); }

  /// factor * du, and 0 when du is identically 0.
  int times(int factor, int du) { return du == zero_ ? zero_ : make(Op::multiply, factor, du); }
  int over(int du, int divisor) { return du == zero_ ? zero_ : make(Op::divide, du, divisor); }

  int of(const Node& node, int self) {
    const int a = node.a;
    const int da = d(a);
    switch (node.op) {
      case Op::integer_power:
        return times(make(Op::multiply, number(node.b), builder_.integer_power(a, node.b - 1)), da);
      case Op::select:
        return make(Op::select, a, d(node.b), d(node.c));
      case Op::sign:
      case Op::floor:
      case Op::ceil:
      case Op::copy:  // frozen
        return zero_;
      case Op::negate:
        return make(Op::negate, da);
      case Op::abs:
        return times(make(Op::sign, a), da);
      default:
        return node.op < Op::integer_power ? of_function(node.op, a, da, self)
                                           : of_pair(node, self);
    }
  }

  int of_function(Op op, int u, int du, int self) {
    switch (op) {
      case Op::sin:
        return times(make(Op::cos, u), du);
      case Op::cos:
        return make(Op::negate, times(make(Op::sin, u), du));
      case Op::tan:
        return times(make(Op::add, number(1.0), square(self)), du);
      case Op::asin:
        return over(du, make(Op::sqrt, one_minus_square(u)));
      case Op::acos:
        return make(Op::negate, over(du, make(Op::sqrt, one_minus_square(u))));
      case Op::atan:
        return over(du, make(Op::add, number(1.0), square(u)));
      case Op::sinh:
        return times(make(Op::cosh, u), du);
      case Op::cosh:
        return times(make(Op::sinh, u), du);
      case Op::tanh:
        return times(one_minus_square(self), du);
      case Op::exp:
        return times(self, du);
      case Op::log:
        return over(du, u);
      case Op::log10:
        return over(du, make(Op::multiply, u, number(std::numbers::ln10)));
      case Op::sqrt:
        return over(du, make(Op::multiply, number(2.0), self));
      default:  // erf
        return times(make(Op::multiply, number(2.0 * std::numbers::inv_sqrtpi),
                          make(Op::exp, make(Op::negate, square(u)))),
                     du);
    }
  }

  int one_minus_square(int u) { return make(Op::subtract, number(1.0), square(u)); }

  int of_pair(const Node& node, int self) {
    const int u = node.a;
    const int v = node.b;
    const int du = d(u);
    const int dv = d(v);
    switch (node.op) {
      case Op::add:
        return make(Op::add, du, dv);
      case Op::subtract:
        return make(Op::subtract, du, dv);
      case Op::multiply:
        return make(Op::add, times(v, du), times(u, dv));
      case Op::divide:  // (du - (u/v) dv) / v
        return over(make(Op::subtract, du, times(self, dv)), v);
      case Op::power:
        return of_power(u, v, du, dv, self);
      case Op::atan2:
        return over(make(Op::subtract, times(v, du), times(u, dv)),
                    make(Op::add, square(u), square(v)));
      case Op::hypot:
        return over(make(Op::add, times(u, du), times(v, dv)), self);
      case Op::min:
        return make(Op::select, make(Op::less, u, v), du, dv);
      case Op::max:
        return make(Op::select, make(Op::less, v, u), du, dv);
      default:  // mod: u - floor(u/v) v
        return make(Op::subtract, du, times(make(Op::floor, make(Op::divide, u, v)), dv));
    }
  }

  /// v u^(v-1) du + u^v log(u) dv
  int of_power(int u, int v, int du, int dv, int self) {
    const int base_part =
        du == zero_
            ? zero_
            : times(make(Op::multiply, v, make(Op::power, u, make(Op::subtract, v, number(1.0)))),
                    du);
    const int exponent_part =
        dv == zero_ ? zero_ : times(make(Op::multiply, self, make(Op::log, u)), dv);
    return make(Op::add, base_part, exponent_part);
  }

  Builder builder_;
  int zero_ = -1;
  std::vector<int> derivative_;
};

}  // namespace

Expression Expression::derivative(std::string_view variable) const {
  const auto& names = graph_->variables;
  const auto place = std::find(names.begin(), names.end(), variable);
  if (place == names.end()) {
    throw base::Error(base::ExitCode::internal, "expr: derivative with respect to '" +
                                                    std::string(variable) +
                                                    "', which is no variable; please report this");
  }
  if (type() != Type::real) {
    throw base::Error(base::ExitCode::internal,
                      "expr: a condition has no derivative; please report this");
  }
  const detail::QuietArithmetic quiet;
  Differentiator differentiator(*graph_);
  const int root = differentiator.run(graph_->nodes, static_cast<int>(place - names.begin()));
  return Expression(differentiator.builder().extract(root, names));
}

}  // namespace ritz::expr
