#include <algorithm>
#include <charconv>
#include <cmath>

#include "functions.hpp"
#include "graph.hpp"

namespace ritz::expr {

namespace {

using detail::Node;
using detail::Op;

/// Binding strength of what stands on the page.
enum Strength : int {
  weakest,
  of_or,
  of_and,
  of_not,
  of_comparison,
  of_sum,
  of_product,
  of_sign,
  of_power,
  of_atom
};

std::string number_text(double value) {
  char digits[32];
  const char* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, static_cast<std::size_t>(end - digits)};
}

/// An infix or prefix sign with the strength its sides must have to stand without parentheses.
struct Shape {
  Strength own = of_atom;
  std::string_view sign;
  Strength left = weakest;
  Strength right = weakest;
};

Shape shape(Op op) {
  switch (op) {
    case Op::add:
      return {of_sum, " + ", of_sum, of_product};
    case Op::subtract:
      return {of_sum, " - ", of_sum, of_product};
    case Op::multiply:
      return {of_product, "*", of_product, of_sign};
    case Op::divide:
      return {of_product, "/", of_product, of_sign};
    case Op::negate:
      return {of_sign, "-", of_sign, weakest};
    case Op::integer_power:
    case Op::power:
      return {of_power, "^", of_atom, of_sign};
    case Op::less:
      return {of_comparison, " < ", of_sum, of_sum};
    case Op::less_equal:
      return {of_comparison, " <= ", of_sum, of_sum};
    case Op::equal:
      return {of_comparison, " == ", of_sum, of_sum};
    case Op::not_equal:
      return {of_comparison, " != ", of_sum, of_sum};
    case Op::logical_not:
      return {of_not, "not ", of_not, weakest};
    case Op::logical_and:
      return {of_and, " and ", of_and, of_not};
    case Op::logical_or:
      return {of_or, " or ", of_or, of_and};
    default:
      return {};
  }
}

Strength strength(const Node& node) {
  if (node.op == Op::constant) return std::signbit(node.value) ? of_sign : of_atom;
  return shape(node.op).own;
}

std::string_view function_name(Op op) {
  if (op == Op::copy) return detail::frozen_function().name;
  const auto table = detail::functions();
  const auto place =
      std::find_if(table.begin(), table.end(),
                   [op](const detail::Function& function) { return function.op == op; });
  return place->name;
}

class Printer {
 public:
  explicit Printer(const detail::Graph& graph) : graph_(graph) {}

  std::string run() {
    constexpr std::size_t longest = 1'000'000;
    std::string text;
    show(graph_.root(), weakest);
    // What is still to be written, last first: no recursion along the graph.
    while (!waiting_.empty()) {
      const Item item = waiting_.back();
      waiting_.pop_back();
      if (item.node < 0) {
        text += item.text;
      } else {
        expand(item, text);
      }
      if (text.size() > longest) {
        throw base::Error(base::ExitCode::deck,
                          "this expression is longer than 1,000,000 characters when written out");
      }
    }
    return text;
  }

 private:
  struct Item {
    std::string_view text;
    int node = -1;
    Strength least = weakest;
  };

  void show(int node, Strength least) { waiting_.push_back({{}, node, least}); }
  void show(std::string_view text) { waiting_.push_back({text}); }

  void expand(const Item& item, std::string& text) {
    const Node& node = graph_.nodes[static_cast<std::size_t>(item.node)];
    if (strength(node) < item.least) {
      text += '(';
      show(")");
    }
    if (node.op == Op::constant) {
      if (node.type == Type::boolean) {
        text += node.value != 0.0 ? "true" : "false";
      } else {
        text += number_text(node.value);
      }
      return;
    }
    if (node.op == Op::variable) {
      text += graph_.variables[static_cast<std::size_t>(node.a)];
      return;
    }
    const Shape infix = shape(node.op);
    if (infix.sign.empty()) {
      expand_call(node, text);
    } else if (node.op == Op::integer_power) {
      show(exponent_text(node.b));
      show(node.a, infix.left);
    } else if (detail::n_operands(node.op) == 1) {
      text += infix.sign;
      show(node.a, infix.left);
    } else {
      show(node.b, infix.right);
      show(infix.sign);
      show(node.a, infix.left);
    }
  }

  void expand_call(const Node& node, std::string& text) {
    text += function_name(node.op);
    text += '(';
    const int n = detail::n_operands(node.op);
    show(")");
    if (n > 2) {
      show(node.c, weakest);
      show(", ");
    }
    if (n > 1) {
      show(node.b, weakest);
      show(", ");
    }
    show(node.a, weakest);
  }

  static std::string_view exponent_text(int exponent) {
    static constexpr std::string_view texts[] = {"",    "",    "^2",  "^3",  "^4",  "^5",
                                                 "^6",  "^7",  "^8",  "^9",  "^10", "^11",
                                                 "^12", "^13", "^14", "^15", "^16"};
    static_assert(std::size(texts) == detail::max_integer_power + 1);
    return texts[exponent];
  }

  const detail::Graph& graph_;
  std::vector<Item> waiting_;
};

}  // namespace

std::string Expression::text() const {
  return Printer(*graph_).run();
}

}  // namespace ritz::expr
