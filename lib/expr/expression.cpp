#include "ritz/expr/expression.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "graph.hpp"
#include "ritz/expr/detail/quiet_arithmetic.hpp"
#include "ritz/expr/frozen.hpp"

namespace ritz::expr {

namespace {

[[noreturn]] void misuse(const std::string& message) {
  throw base::Error(base::ExitCode::internal, "expr: " + message + "; please report this");
}

}  // namespace

Expression Expression::constant(double value, std::vector<std::string> variables) {
  if (!std::isfinite(value)) {
    throw base::Error(base::ExitCode::not_finite,
                      "an expression cannot be the constant infinity or NaN");
  }
  detail::Builder builder;
  return Expression(builder.extract(builder.constant(value), std::move(variables)));
}

Type Expression::type() const {
  return graph_->nodes.back().type;
}

const std::vector<std::string>& Expression::variables() const {
  return graph_->variables;
}

std::size_t Expression::n_nodes() const {
  return graph_->nodes.size();
}

bool Expression::is_constant() const {
  return graph_->nodes.back().op == detail::Op::constant;
}

double Expression::constant_value() const {
  if (!is_constant()) misuse("constant_value() of an expression that is not constant");
  return graph_->nodes.back().value;
}

bool Expression::depends_on(std::string_view variable) const {
  // Every node of the graph is needed by the root.
  return std::any_of(graph_->nodes.begin(), graph_->nodes.end(), [&](const detail::Node& node) {
    return node.op == detail::Op::variable &&
           graph_->variables[static_cast<std::size_t>(node.a)] == variable;
  });
}

bool freezes(const Expression& expression, std::string_view variable) {
  const detail::Graph& graph = expression.graph();
  // Of each node: whether the variable is in it.
  std::vector<bool> depends(graph.nodes.size(), false);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const detail::Node& node = graph.nodes[i];
    const auto in = [&](int operand) { return depends[static_cast<std::size_t>(operand)]; };
    const int n = detail::n_operands(node.op);
    depends[i] = node.op == detail::Op::variable
                     ? graph.variables[static_cast<std::size_t>(node.a)] == variable
                     : (n > 0 && in(node.a)) || (n > 1 && in(node.b)) || (n > 2 && in(node.c));
    if (depends[i] && node.op == detail::Op::copy) return true;
  }
  return false;
}

double Expression::evaluate(std::span<const double> point) const {
  if (point.size() != graph_->variables.size()) {
    misuse("evaluate() got " + std::to_string(point.size()) + " values for " +
           std::to_string(graph_->variables.size()) + " variables");
  }
  const detail::QuietArithmetic quiet;
  std::vector<double> values(graph_->nodes.size());
  const auto at = [&](int index) { return values[static_cast<std::size_t>(index)]; };
  for (std::size_t i = 0; i < values.size(); ++i) {
    const detail::Node& node = graph_->nodes[i];
    const int n = detail::n_operands(node.op);
    if (node.op == detail::Op::constant) {
      values[i] = node.value;
    } else if (node.op == detail::Op::variable) {
      values[i] = point[static_cast<std::size_t>(node.a)];
    } else {
      values[i] = detail::apply(node.op, node.b, at(node.a), n > 1 ? at(node.b) : 0.0,
                                n > 2 ? at(node.c) : 0.0);
    }
  }
  return values.back();
}

Program Expression::compile(const std::vector<std::string>& uniforms) const {
  return expr::compile(std::span<const Expression>(this, 1), uniforms);
}

}  // namespace ritz::expr
