// Whether two expressions are one function, by their normal forms: a product of powers of atoms
// with a number in front, a sum of such products with a number each. Atoms are variables and
// functions of normal forms. Nothing is multiplied out.

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "graph.hpp"
#include "ritz/expr/detail/quiet_arithmetic.hpp"

namespace ritz::expr {

namespace {

using detail::Node;
using detail::Op;

/// factor * form `id`. Form 0 is the number 1.
struct Scaled {
  double factor = 1.0;
  int id = 0;
};

class Normaliser {
 public:
  /// The normal form of a graph's root.
  Scaled run(const detail::Graph& graph) {
    std::vector<Scaled> forms;
    forms.reserve(graph.nodes.size());
    for (const Node& node : graph.nodes) {
      const int n = detail::n_operands(node.op);
      const auto form = [&](int index) { return forms[static_cast<std::size_t>(index)]; };
      forms.push_back(of(node, n > 0 ? form(node.a) : Scaled{}, n > 1 ? form(node.b) : Scaled{},
                         n > 2 ? form(node.c) : Scaled{}));
    }
    return forms.back();
  }

 private:
  /// Base form -> whole exponent, and form -> number in front.
  using Powers = std::map<int, int>;
  using Terms = std::map<int, double>;
  /// What a form is; numbers are rounded so that their last bits do not tell formulas apart.
  using Key = std::vector<std::int64_t>;
  enum Kind : std::int64_t { atom, product, sum };

  struct Form {
    Powers powers;  ///< product; otherwise the form itself to the power 1
    Terms terms;    ///< sum; otherwise the form itself times 1
  };

  static std::int64_t rounded(double value) {
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);
    return std::bit_cast<std::int64_t>(
        std::ldexp(std::nearbyint(std::ldexp(fraction, 44)), exponent));
  }

  int intern(const Key& key, Form form) {
    const auto [place, is_new] = ids_.try_emplace(key, static_cast<int>(forms_.size()));
    if (is_new) {
      if (form.powers.empty()) form.powers[place->second] = 1;
      if (form.terms.empty()) form.terms[place->second] = 1.0;
      forms_.push_back(std::move(form));
    }
    return place->second;
  }

  Scaled of(const Node& node, Scaled a, Scaled b, Scaled c) {
    switch (node.op) {
      case Op::constant:
        // A condition's constant is no number: 'true' is not 1.
        if (node.type == Type::boolean) return of_atom(node, {}, {}, {});
        return {node.value, 0};
      case Op::variable:
        return {1.0, intern({atom, static_cast<std::int64_t>(node.op), node.a}, {})};
      case Op::negate:
        return {-a.factor, a.id};
      case Op::multiply:
        return of_product(a.factor * b.factor, powers(a.id, 1), powers(b.id, 1));
      case Op::divide:
        if (b.factor == 0.0) break;
        return of_product(a.factor / b.factor, powers(a.id, 1), powers(b.id, -1));
      case Op::integer_power:
        return of_product(std::pow(a.factor, node.b), powers(a.id, node.b), {});
      case Op::add:
        return of_sum(a, b, 1.0);
      case Op::subtract:
        return of_sum(a, b, -1.0);
      default:
        break;
    }
    return of_atom(node, a, b, c);
  }

  Powers powers(int id, int exponent) {
    Powers result;
    if (id == 0) return result;
    for (const auto& [base, power] : forms_[static_cast<std::size_t>(id)].powers)
      result[base] = power * exponent;
    return result;
  }

  Scaled of_product(double factor, Powers a, const Powers& b) {
    for (const auto& [base, power] : b) a[base] += power;
    std::erase_if(a, [](const auto& one) { return one.second == 0; });
    if (a.empty()) return {factor, 0};
    if (a.size() == 1 && a.begin()->second == 1) return {factor, a.begin()->first};
    Key key{product};
    for (const auto& [base, power] : a) key.insert(key.end(), {base, power});
    return {factor, intern(key, {std::move(a), {}})};
  }

  Scaled of_sum(Scaled a, Scaled b, double sign) {
    Terms all;
    const auto add = [&](Scaled one) {
      if (one.id == 0) {
        all[0] += one.factor;
        return;
      }
      for (const auto& [id, number] : forms_[static_cast<std::size_t>(one.id)].terms)
        all[id] += one.factor * number;
    };
    add(a);
    add({sign * b.factor, b.id});
    std::erase_if(all, [](const auto& one) { return one.second == 0.0; });
    if (all.empty()) return {0.0, 0};
    const double factor = all.begin()->second;
    if (all.size() == 1) return {factor, all.begin()->first};
    // Equal up to a number: the first one is taken out.
    Key key{sum};
    for (auto& [id, number] : all) {
      number /= factor;
      key.insert(key.end(), {id, rounded(number)});
    }
    return {factor, intern(key, {{}, std::move(all)})};
  }

  Scaled of_atom(const Node& node, Scaled a, Scaled b, Scaled c) {
    Key key{atom, static_cast<std::int64_t>(node.op), static_cast<std::int64_t>(node.type)};
    if (node.op == Op::constant) key.push_back(rounded(node.value));
    using Operand = std::pair<std::int64_t, std::int64_t>;
    std::vector<Operand> operands;
    const int n = detail::n_operands(node.op);
    for (const Scaled& one : {a, b, c}) {
      if (static_cast<int>(operands.size()) < n) operands.emplace_back(one.id, rounded(one.factor));
    }
    const bool commutes = node.op == Op::min || node.op == Op::max || node.op == Op::hypot ||
                          node.op == Op::equal || node.op == Op::not_equal ||
                          node.op == Op::logical_and || node.op == Op::logical_or;
    if (commutes) std::sort(operands.begin(), operands.end());
    for (const Operand& one : operands) key.insert(key.end(), {one.first, one.second});
    return {1.0, intern(key, {})};
  }

  std::map<Key, int> ids_{{Key{}, 0}};
  std::vector<Form> forms_{Form{{}, {{0, 1.0}}}};
};

}  // namespace

bool Expression::same_formula(const Expression& other) const {
  if (variables() != other.variables() || type() != other.type()) return false;
  // Flattened sums of very long formulas take memory of the square of their length.
  constexpr std::size_t longest = 20'000;
  if (n_nodes() > longest || other.n_nodes() > longest) return false;
  const detail::QuietArithmetic quiet;
  Normaliser normaliser;
  const Scaled a = normaliser.run(*graph_), b = normaliser.run(*other.graph_);
  return a.id == b.id &&
         std::abs(a.factor - b.factor) <= 1e-13 * std::max(std::abs(a.factor), std::abs(b.factor));
}

}  // namespace ritz::expr
