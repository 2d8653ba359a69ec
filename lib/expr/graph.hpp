#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ritz/expr/detail/op.hpp"
#include "ritz/expr/expression.hpp"

namespace ritz::expr::detail {

/// One value of the formula. Operands are indices of nodes that stand before it.
struct Node {
  Op op = Op::constant;
  Type type = Type::real;
  int a = -1;  ///< variable: index of the variable
  int b = -1;  ///< integer_power: the exponent
  int c = -1;
  double value = 0.0;  ///< constant
};

/// Number of operands that are nodes.
[[nodiscard]] int n_operands(Op op);

/// Nodes in an order in which operands come first, none twice, the last one is the root, each one
/// needed by it.
struct Graph {
  std::vector<Node> nodes;
  std::vector<std::string> variables;

  [[nodiscard]] int root() const { return static_cast<int>(nodes.size()) - 1; }
};

/// The value of an operation at given operand values.
[[nodiscard]] double apply(Op op, int exponent, double a, double b, double c);

/// Adds nodes, each at most once, folding and simplifying (rules: Expression). No function here
/// recurses along the graph, so depth costs nothing.
class Builder {
 public:
  int constant(double value);
  int boolean(bool value);
  int variable(int index);
  /// Any operation but constant, variable and integer_power.
  int make(Op op, int a, int b = -1, int c = -1);
  /// u^exponent for any whole exponent with |exponent| <= max_integer_power.
  int integer_power(int base, int exponent);

  /// Adds `node` as it is (operands already in this builder); for copying graphs.
  int intern(const Node& node);

  [[nodiscard]] const Node& node(int index) const {
    return nodes_[static_cast<std::size_t>(index)];
  }
  [[nodiscard]] int size() const { return static_cast<int>(nodes_.size()); }
  [[nodiscard]] bool is_constant(int index) const { return node(index).op == Op::constant; }
  [[nodiscard]] bool is_constant(int index, double value) const {
    return is_constant(index) && node(index).value == value;
  }
  [[nodiscard]] Type type(int index) const { return node(index).type; }

  /// The part that `root` needs.
  [[nodiscard]] std::shared_ptr<const Graph> extract(int root,
                                                     std::vector<std::string> variables) const;
  /// Which nodes `roots` need.
  [[nodiscard]] std::vector<char> needed_by(const std::vector<int>& roots) const;

 private:
  void grow();

  int fold_or_intern(Op op, int a, int b, int c);
  int simplify_arithmetic(Op op, int a, int b);
  int simplify_logic(Op op, int a, int b, int c);

  std::vector<Node> nodes_;
  /// Hash table with open addressing: index of a node or -1; a power of two, at most half full.
  std::vector<std::int32_t> known_;
};

}  // namespace ritz::expr::detail
