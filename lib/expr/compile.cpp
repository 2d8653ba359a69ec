#include <algorithm>
#include <bit>
#include <unordered_map>

#include "graph.hpp"

namespace ritz::expr {

namespace {

using detail::Node;
using detail::Op;

[[noreturn]] void misuse(const std::string& message) {
  throw base::Error(base::ExitCode::internal, "expr: " + message + "; please report this");
}

std::int32_t packed(Storage storage, std::size_t index) {
  return static_cast<std::int32_t>(index << 2) | static_cast<std::int32_t>(storage);
}

}  // namespace

/// Graph to straight-line code: two operations of arithmetic in one where possible, operands that
/// need many registers are computed first (Sethi and Ullman 1970, doi:10.1145/321607.321620, taken
/// as a heuristic since parts are shared), a register is free again after its last reading.
class Compiler {
 public:
  Compiler(std::span<const Expression> expressions, const std::vector<std::string>& uniforms) {
    if (expressions.empty()) misuse("compile() without an expression");
    variables_ = expressions.front().variables();
    for (const Expression& expression : expressions) {
      if (expression.variables() != variables_)
        misuse("compile() of expressions of different variables");
      roots_.push_back(merge(expression.graph()));
    }
    place_leaves(uniforms);
  }

  Program run() {
    plan_fusion();
    emit_all();
    program_.n_registers_ = n_registers_;
    program_.n_outputs_ = static_cast<int>(roots_.size());
    // 16 KiB of registers leave half of a first-level cache to the input and output rows.
    constexpr int cached = 16384 / static_cast<int>(sizeof(double));
    const int block = n_registers_ > 0 ? cached / n_registers_ / 8 * 8 : max_block;
    program_.block_ = std::clamp(block, 8, max_block);
    return std::move(program_);
  }

 private:
  /// An instruction to be: its operands are nodes, -1 for none.
  struct Step {
    Op op = Op::constant;
    int operand[3] = {-1, -1, -1};
  };

  int merge(const detail::Graph& graph) {
    std::vector<int> moved_to(graph.nodes.size());
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      Node node = graph.nodes[i];
      if (node.op == Op::copy) {  // frozen: a matter of derivatives
        moved_to[i] = moved_to[static_cast<std::size_t>(node.a)];
        continue;
      }
      const int n = detail::n_operands(node.op);
      if (n > 0) node.a = moved_to[static_cast<std::size_t>(node.a)];
      if (n > 1) node.b = moved_to[static_cast<std::size_t>(node.b)];
      if (n > 2) node.c = moved_to[static_cast<std::size_t>(node.c)];
      moved_to[i] = builder_.intern(node);
    }
    return moved_to.back();
  }

  /// Uniforms become constants that can be changed; the other variables are rows of the input.
  void place_leaves(const std::vector<std::string>& uniforms) {
    for (const std::string& name : uniforms) {
      if (std::find(variables_.begin(), variables_.end(), name) == variables_.end()) {
        misuse("uniform '" + name + "' is no variable");
      }
    }
    std::vector<std::int32_t> variable_places;
    for (const std::string& name : variables_) {
      if (std::find(uniforms.begin(), uniforms.end(), name) != uniforms.end()) {
        variable_places.push_back(packed(Storage::constant, program_.uniforms_.size()));
        program_.uniforms_.push_back(name);
      } else {
        variable_places.push_back(packed(Storage::variable_row, program_.row_variables_.size()));
        program_.row_variables_.push_back(name);
      }
    }
    program_.constants_.assign(program_.uniforms_.size(), 0.0);
    place_.assign(static_cast<std::size_t>(builder_.size()), -1);
    for (int i = 0; i < builder_.size(); ++i) {
      const Node& node = builder_.node(i);
      if (node.op == Op::variable)
        at(place_, i) = variable_places[static_cast<std::size_t>(node.a)];
    }
  }

  template <class T>
  static T& at(std::vector<T>& list, int index) {
    return list[static_cast<std::size_t>(index)];
  }

  [[nodiscard]] bool is_leaf(int index) const {
    return builder_.node(index).op == Op::constant || builder_.node(index).op == Op::variable;
  }

  [[nodiscard]] bool is_scalar(int index) const {
    return builder_.is_constant(index) ||
           (builder_.node(index).op == Op::variable &&
            (place_[static_cast<std::size_t>(index)] & 3) == static_cast<int>(Storage::constant));
  }

  /// Whether the step that `index` stands for can be the first of a pair: one operation of
  /// arithmetic that only one other step needs. A square counts as a product.
  [[nodiscard]] bool can_be_absorbed(int index) {
    const Step& step = at(steps_, index);
    const bool square = step.op == Op::integer_power && builder_.node(index).b == 2;
    const bool arithmetic = step.op >= Op::add && step.op <= Op::divide;
    if ((!square && !arithmetic) || at(n_uses_, index) != 1) return false;
    // The interpreter wants a row first, and sides can be exchanged in sums and products only.
    const bool exchangeable = step.op == Op::add || step.op == Op::multiply;
    return !is_scalar(step.operand[0]) || (exchangeable && !is_scalar(step.operand[1]));
  }

  void plan_fusion() {
    const auto size = static_cast<std::size_t>(builder_.size());
    n_uses_.assign(size, 0);
    steps_.resize(size);
    for (const int root : roots_) ++at(n_uses_, root);
    for (int i = 0; i < builder_.size(); ++i) {
      const Node& node = builder_.node(i);
      const int n = detail::n_operands(node.op);
      const int operands[3] = {node.a, node.b, node.c};
      Step& step = at(steps_, i);
      step.op = node.op;
      for (int k = 0; k < n; ++k) {
        step.operand[k] = operands[k];
        ++at(n_uses_, operands[k]);
      }
    }
    for (const int root : roots_) ++at(n_uses_, root);  // an output is never absorbed
    for (int i = 0; i < builder_.size(); ++i) {
      const Step step = at(steps_, i);
      if (step.op < Op::add || step.op > Op::divide) continue;
      const int left = step.operand[0];
      const int right = step.operand[1];
      const int row = static_cast<int>(step.op) - static_cast<int>(Op::add);
      static constexpr detail::Second of_left[] = {detail::Second::add, detail::Second::subtract,
                                                   detail::Second::multiply,
                                                   detail::Second::divide};
      static constexpr detail::Second of_right[] = {
          detail::Second::add, detail::Second::subtract_from, detail::Second::multiply,
          detail::Second::divide_into};
      if (can_be_absorbed(right)) {
        fuse(i, right, left, of_right[row]);
      } else if (can_be_absorbed(left)) {
        fuse(i, left, right, of_left[row]);
      }
    }
  }

  void fuse(int index, int inner, int other, detail::Second second) {
    const Step& absorbed = at(steps_, inner);
    const bool square = absorbed.op == Op::integer_power;
    int first = absorbed.operand[0];
    int then = square ? first : absorbed.operand[1];
    if (is_scalar(first)) std::swap(first, then);
    at(steps_, index) = {detail::pair_op(square ? Op::multiply : absorbed.op, second),
                         {first, then, other}};
  }

  /// Registers that computing each node takes if nothing is shared.
  [[nodiscard]] std::vector<int> registers_needed() {
    std::vector<int> need(static_cast<std::size_t>(builder_.size()), 0);
    for (int i = 0; i < builder_.size(); ++i) {
      int needs[3] = {0, 0, 0};
      for (int k = 0; k < 3; ++k) {
        if (at(steps_, i).operand[k] >= 0) needs[k] = at(need, at(steps_, i).operand[k]);
      }
      std::sort(std::begin(needs), std::end(needs), std::greater<>());
      // The k-th operand waits while the later ones are computed.
      const int most =
          std::max({needs[0], needs[1] > 0 ? needs[1] + 1 : 0, needs[2] > 0 ? needs[2] + 2 : 0});
      at(need, i) = is_leaf(i) ? 0 : std::max(most, 1);
    }
    return need;
  }

  /// Steps in the order of computing.
  [[nodiscard]] std::vector<int> schedule() {
    const std::vector<int> need = registers_needed();
    std::vector<char> entered(static_cast<std::size_t>(builder_.size()), 0);
    std::vector<int> order;
    std::vector<std::pair<int, bool>> stack;  // node, operands done
    for (auto root = roots_.rbegin(); root != roots_.rend(); ++root)
      stack.emplace_back(*root, false);
    while (!stack.empty()) {
      const auto [index, operands_done] = stack.back();
      stack.pop_back();
      if (operands_done) {
        order.push_back(index);
        continue;
      }
      if (is_leaf(index) || at(entered, index)) continue;
      at(entered, index) = 1;
      stack.emplace_back(index, true);
      int operands[3];
      std::copy(std::begin(at(steps_, index).operand), std::end(at(steps_, index).operand),
                operands);
      const auto cost = [&](int operand) {
        return operand < 0 ? -1 : need[static_cast<std::size_t>(operand)];
      };
      std::stable_sort(std::begin(operands), std::end(operands),
                       [&](int a, int b) { return cost(a) < cost(b); });
      for (const int operand : operands) {
        if (operand >= 0) stack.emplace_back(operand, false);  // the dearest ends on top
      }
    }
    return order;
  }

  void emit_all() {
    const std::vector<int> order = schedule();
    readings_.assign(static_cast<std::size_t>(builder_.size()), 0);
    for (const int index : order) {
      for (const int operand : at(steps_, index).operand) {
        if (operand >= 0) ++at(readings_, operand);
      }
    }
    std::vector<int> output_of(static_cast<std::size_t>(builder_.size()), -1);
    for (std::size_t i = roots_.size(); i-- > 0;) at(output_of, roots_[i]) = static_cast<int>(i);

    for (const int index : order) emit(index, at(output_of, index));
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      const int root = roots_[i];
      if (!is_leaf(root) && at(output_of, root) == static_cast<int>(i)) continue;
      program_.code_.push_back({Op::copy, packed(Storage::output_row, i), read(root), 0, 0});
    }
  }

  void emit(int index, int output) {
    const Step& step = at(steps_, index);
    Instruction instruction{step.op, 0, 0, 0, 0};
    std::int32_t* const fields[3] = {&instruction.a, &instruction.b, &instruction.c};
    for (int k = 0; k < 3; ++k) {
      if (step.operand[k] >= 0) *fields[k] = read(step.operand[k]);
    }
    if (step.op == Op::integer_power) instruction.b = builder_.node(index).b;
    // `if` wants its condition as a row; a uniform one has been computed into one: conditions are
    // never leaves here, since constant ones have been folded away.
    for (const int operand : step.operand) {
      if (operand >= 0 && --at(readings_, operand) == 0) release(at(place_, operand));
    }
    instruction.target = output >= 0 ? packed(Storage::output_row, static_cast<std::size_t>(output))
                                     : packed(Storage::register_row, take_register());
    at(place_, index) = instruction.target;
    program_.code_.push_back(instruction);
  }

  std::int32_t read(int index) {
    const std::int32_t place = place_of(index);
    if (static_cast<Storage>(place & 3) == Storage::variable_row && (place >> 2) < 64) {
      program_.rows_read_ |= std::uint64_t{1} << (place >> 2);
    }
    return place;
  }

  std::int32_t place_of(int index) {
    if (at(place_, index) < 0) {  // a constant not met before
      const double value = builder_.node(index).value;
      const auto [place, is_new] = constant_places_.try_emplace(std::bit_cast<std::uint64_t>(value),
                                                                program_.constants_.size());
      if (is_new) program_.constants_.push_back(value);
      at(place_, index) = packed(Storage::constant, place->second);
    }
    return at(place_, index);
  }

  std::size_t take_register() {
    if (free_.empty()) return static_cast<std::size_t>(n_registers_++);
    const std::size_t index = free_.back();
    free_.pop_back();
    return index;
  }

  void release(std::int32_t place) {
    if (static_cast<Storage>(place & 3) == Storage::register_row) {
      free_.push_back(static_cast<std::size_t>(place >> 2));
    }
  }

  std::vector<std::string> variables_;
  detail::Builder builder_;
  std::vector<int> roots_;
  std::vector<Step> steps_;
  std::vector<int> n_uses_;
  std::vector<int> readings_;        ///< still to come, of each node
  std::vector<std::int32_t> place_;  ///< packed operand of each node, -1: none yet
  std::vector<std::size_t> free_;    ///< registers, the one used last on top
  std::unordered_map<std::uint64_t, std::size_t> constant_places_;
  int n_registers_ = 0;
  Program program_;
};

Program compile(std::span<const Expression> expressions, const std::vector<std::string>& uniforms) {
  return Compiler(expressions, uniforms).run();
}

}  // namespace ritz::expr
