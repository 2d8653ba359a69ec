#include "graph.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "ritz/expr/detail/operations.hpp"

namespace ritz::expr::detail {

int n_operands(Op op) {
  switch (op) {
    case Op::constant:
    case Op::variable:
      return 0;
    case Op::select:
      return 3;
    default:
      if (is_pair(op)) return 3;
      return op >= Op::add && op <= Op::logical_or ? 2 : 1;
  }
}

namespace {

Type result_type(Op op, Type branch) {
  if (op == Op::select) return branch;
  return op >= Op::less && op <= Op::logical_not ? Type::boolean : Type::real;
}

bool is_commutative(Op op) {
  switch (op) {
    case Op::add:
    case Op::multiply:
    case Op::min:
    case Op::max:
    case Op::hypot:
    case Op::equal:
    case Op::not_equal:
    case Op::logical_and:
    case Op::logical_or:
      return true;
    default:
      return false;
  }
}

/// Evaluates one operation at one point.
struct Apply {
  double a, b, c;
  double* result;
  template <class F>
  void unary(F f) const {
    *result = f(a);
  }
  template <class F>
  void binary(F f) const {
    *result = f(a, b);
  }
  template <class F>
  void ternary(F f) const {
    *result = f(a, b, c);
  }
};

/// 2^k whose reciprocal is exact: dividing by it is multiplying by the reciprocal, bit for bit.
bool is_power_of_two(double value) {
  int exponent = 0;
  return std::abs(std::frexp(value, &exponent)) == 0.5 && std::abs(exponent) < 1000;
}

}  // namespace

double apply(Op op, int exponent, double a, double b, double c) {
  double result = 0.0;
  visit(op, exponent, Apply{a, b, c, &result});
  return result;
}

namespace {

/// Equal nodes have equal keys, also with the sides of a commutative operation exchanged.
struct Key {
  Op op;
  int a, b, c;
  std::uint64_t bits;
  bool operator==(const Key&) const = default;
};

Key key_of(const Node& node) {
  Key key{node.op, node.a, node.b, node.c, std::bit_cast<std::uint64_t>(node.value)};
  if (node.op == Op::constant) key.a = static_cast<int>(node.type);
  if (is_commutative(node.op) && key.a > key.b) std::swap(key.a, key.b);
  return key;
}

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195), over three
/// words.
std::size_t hash_of(const Key& key) {
  const auto word = [](int high, int low) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(high)) << 32 |
           static_cast<std::uint32_t>(low);
  };
  std::uint64_t hash = 0;
  for (const std::uint64_t next :
       {key.bits, word(static_cast<int>(key.op), key.a), word(key.b, key.c)}) {
    hash = (hash ^ next) + 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9ULL;
    hash = (hash ^ hash >> 27) * 0x94d049bb133111ebULL;
    hash ^= hash >> 31;
  }
  return static_cast<std::size_t>(hash);
}

}  // namespace

void Builder::grow() {
  known_.assign(std::max<std::size_t>(64, 2 * known_.size()), -1);
  const std::size_t mask = known_.size() - 1;
  for (int i = 0; i < size(); ++i) {
    std::size_t place = hash_of(key_of(node(i))) & mask;
    while (known_[place] >= 0) place = (place + 1) & mask;
    known_[place] = i;
  }
}

int Builder::intern(const Node& node) {
  if (2 * (nodes_.size() + 1) > known_.size()) grow();
  const Key key = key_of(node);
  const std::size_t mask = known_.size() - 1;
  std::size_t place = hash_of(key) & mask;
  for (; known_[place] >= 0; place = (place + 1) & mask) {
    if (key_of(nodes_[static_cast<std::size_t>(known_[place])]) == key) return known_[place];
  }
  known_[place] = size();
  nodes_.push_back(node);
  return known_[place];
}

int Builder::constant(double value) {
  return intern({Op::constant, Type::real, -1, -1, -1, value});
}

int Builder::boolean(bool value) {
  return intern({Op::constant, Type::boolean, -1, -1, -1, value ? 1.0 : 0.0});
}

int Builder::variable(int index) {
  return intern({Op::variable, Type::real, index, -1, -1, 0.0});
}

int Builder::fold_or_intern(Op op, int a, int b, int c) {
  const bool has_b = n_operands(op) > 1;
  const bool has_c = n_operands(op) > 2;
  const Type type = result_type(op, has_b ? node(b).type : Type::real);
  if (is_constant(a) && (!has_b || is_constant(b)) && (!has_c || is_constant(c))) {
    const double value =
        apply(op, b, node(a).value, has_b ? node(b).value : 0.0, has_c ? node(c).value : 0.0);
    if (type == Type::boolean) return boolean(value != 0.0);
    // Not finite: left to be seen in the result, or refused by the parser if it is still needed
    // after the branches not taken have gone.
    if (std::isfinite(value)) return constant(value);
  }
  return intern({op, type, a, b, c, 0.0});
}

int Builder::integer_power(int base, int exponent) {
  if (exponent == 0) return constant(1.0);
  if (exponent == 1) return base;
  if (exponent < 0) return make(Op::divide, constant(1.0), integer_power(base, -exponent));
  return fold_or_intern(Op::integer_power, base, exponent, -1);
}

int Builder::simplify_arithmetic(Op op, int a, int b) {
  switch (op) {
    case Op::negate:
      if (node(a).op == Op::negate) return node(a).a;
      break;
    case Op::add:
      if (is_constant(a, 0.0)) return b;
      if (is_constant(b, 0.0)) return a;
      if (node(b).op == Op::negate) return make(Op::subtract, a, node(b).a);
      if (node(a).op == Op::negate) return make(Op::subtract, b, node(a).a);
      break;
    case Op::subtract:
      if (is_constant(b, 0.0)) return a;
      if (is_constant(a, 0.0)) return make(Op::negate, b);
      if (node(b).op == Op::negate) return make(Op::add, a, node(b).a);
      break;
    case Op::multiply:
      if (is_constant(a, 1.0)) return b;
      if (is_constant(b, 1.0)) return a;
      if (is_constant(a, -1.0)) return make(Op::negate, b);
      if (is_constant(b, -1.0)) return make(Op::negate, a);
      if (a == b) return integer_power(a, 2);
      break;
    case Op::divide:
      if (is_constant(b, 1.0)) return a;
      if (is_constant(b, -1.0)) return make(Op::negate, a);
      if (is_constant(b) && is_power_of_two(node(b).value)) {
        return make(Op::multiply, a, constant(1.0 / node(b).value));
      }
      break;
    case Op::power:
      if (is_constant(a, 1.0)) return a;
      if (is_constant(b, 0.5)) return make(Op::sqrt, a);
      if (is_constant(b) && std::abs(node(b).value) <= max_integer_power &&
          std::floor(node(b).value) == node(b).value) {
        return integer_power(a, static_cast<int>(node(b).value));
      }
      break;
    case Op::min:
    case Op::max:
      if (a == b) return a;
      break;
    case Op::abs:
      if (node(a).op == Op::abs || node(a).op == Op::sqrt) return a;
      if (node(a).op == Op::negate) return make(Op::abs, node(a).a);
      break;
    default:
      break;
  }
  return -1;
}

int Builder::simplify_logic(Op op, int a, int b, int c) {
  switch (op) {
    case Op::logical_not:
      if (node(a).op == Op::logical_not) return node(a).a;
      break;
    case Op::logical_and:
      if (a == b || is_constant(b, 1.0)) return a;
      if (is_constant(a, 1.0)) return b;
      if (is_constant(a, 0.0) || is_constant(b, 0.0)) return boolean(false);
      break;
    case Op::logical_or:
      if (a == b || is_constant(b, 0.0)) return a;
      if (is_constant(a, 0.0)) return b;
      if (is_constant(a, 1.0) || is_constant(b, 1.0)) return boolean(true);
      break;
    case Op::select:
      if (is_constant(a)) return node(a).value != 0.0 ? b : c;
      if (b == c) return b;
      if (node(a).op == Op::logical_not) return make(Op::select, node(a).a, c, b);
      break;
    default:
      break;
  }
  return -1;
}

int Builder::make(Op op, int a, int b, int c) {
  // Constants first: 1e308*10*0 must not look at the algebra before the arithmetic.
  int simpler = op == Op::select || op >= Op::logical_and ? simplify_logic(op, a, b, c) : -1;
  if (simpler >= 0) return simpler;
  const int n = n_operands(op);
  const bool all_constant =
      is_constant(a) && (n < 2 || is_constant(b)) && (n < 3 || is_constant(c));
  if (!all_constant) simpler = simplify_arithmetic(op, a, b);
  // A whole power of a constant is still a product of constants: the same rule as for variables.
  if (op == Op::power && all_constant) simpler = simplify_arithmetic(op, a, b);
  return simpler >= 0 ? simpler : fold_or_intern(op, a, b, c);
}

std::vector<char> Builder::needed_by(const std::vector<int>& roots) const {
  std::vector<char> needed(nodes_.size(), 0);
  for (const int root : roots) needed[static_cast<std::size_t>(root)] = 1;
  for (int i = size() - 1; i >= 0; --i) {
    if (!needed[static_cast<std::size_t>(i)]) continue;
    const Node& from = node(i);
    const int n = n_operands(from.op);
    if (n > 0) needed[static_cast<std::size_t>(from.a)] = 1;
    if (n > 1) needed[static_cast<std::size_t>(from.b)] = 1;
    if (n > 2) needed[static_cast<std::size_t>(from.c)] = 1;
  }
  return needed;
}

std::shared_ptr<const Graph> Builder::extract(int root, std::vector<std::string> variables) const {
  const std::vector<char> needed = needed_by({root});
  auto graph = std::make_shared<Graph>();
  graph->variables = std::move(variables);
  std::vector<int> moved_to(nodes_.size(), -1);
  for (int i = 0; i <= root; ++i) {
    if (!needed[static_cast<std::size_t>(i)]) continue;
    Node copy = node(i);
    const int n = n_operands(copy.op);
    if (n > 0) copy.a = moved_to[static_cast<std::size_t>(copy.a)];
    if (n > 1) copy.b = moved_to[static_cast<std::size_t>(copy.b)];
    if (n > 2) copy.c = moved_to[static_cast<std::size_t>(copy.c)];
    moved_to[static_cast<std::size_t>(i)] = static_cast<int>(graph->nodes.size());
    graph->nodes.push_back(copy);
  }
  return graph;
}

}  // namespace ritz::expr::detail
