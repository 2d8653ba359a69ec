#include "ritz/expr/program.hpp"

#include <algorithm>
#include <array>

#include "ritz/base/error.hpp"
#include "ritz/base/text.hpp"
#include "ritz/expr/detail/interpreter.hpp"
#include "ritz/expr/detail/quiet_arithmetic.hpp"

namespace ritz::expr {

namespace {

[[noreturn]] void misuse(const std::string& message) {
  throw base::Error(base::ExitCode::internal, "expr: " + message + "; please report this");
}

}  // namespace

void Program::evaluate(std::span<const double> variables, std::span<double> out) const {
  const auto n_outputs = static_cast<std::size_t>(n_outputs_);
  const std::size_t n_points = out.size() / n_outputs;
  if (out.size() % n_outputs != 0 || variables.size() != n_points * row_variables_.size()) {
    misuse("evaluate() got " + std::to_string(variables.size()) + " values of " +
           std::to_string(row_variables_.size()) + " variables and room for " +
           std::to_string(out.size()) + " results of " + std::to_string(n_outputs) + " outputs");
  }
  const detail::QuietArithmetic quiet;
  const auto block = static_cast<std::size_t>(block_);
  const std::size_t n_scratch = static_cast<std::size_t>(n_registers_) * block;
  alignas(64) std::array<double, 2048> small;  // block() keeps all but huge programs within it
  std::vector<double> large;
  if (n_scratch > small.size()) large.resize(n_scratch);
  const auto stride = static_cast<std::ptrdiff_t>(n_points);
  detail::interpret_blocks(
      code_.data(), static_cast<int>(code_.size()),
      {constants_.data(), variables.data(), stride, large.empty() ? small.data() : large.data(),
       block_, out.data(), stride},
      n_outputs_, rows_read_, block_, stride);
}

void Program::set_uniform(std::string_view name, double value) {
  const auto place = std::find(uniforms_.begin(), uniforms_.end(), name);
  if (place == uniforms_.end()) misuse("no uniform of this program: " + std::string(name));
  constants_[static_cast<std::size_t>(place - uniforms_.begin())] = value;
}

std::string Program::listing() const {
  static constexpr const char* names[] = {
      "constant",  "variable", "negate",   "sin",   "cos",    "tan",        "asin",
      "acos",      "atan",     "sinh",     "cosh",  "tanh",   "exp",        "log",
      "log10",     "sqrt",     "abs",      "erf",   "sign",   "floor",      "ceil",
      "ipow",      "add",      "subtract", "mul",   "divide", "pow",        "atan2",
      "min",       "max",      "mod",      "hypot", "less",   "less_equal", "equal",
      "not_equal", "and",      "or",       "not",   "select", "copy"};
  static_assert(std::size(names) == static_cast<std::size_t>(detail::Op::first_pair));
  const auto operand = [&](std::int32_t packed) -> std::string {
    const auto index = static_cast<std::size_t>(packed >> 2);
    switch (static_cast<Storage>(packed & 3)) {
      case Storage::register_row:
        return std::string("r").append(std::to_string(index));
      case Storage::variable_row:
        return row_variables_[index];
      case Storage::constant:
        return index < uniforms_.size() ? uniforms_[index] : base::number_text(constants_[index]);
      default:
        return std::string("out").append(std::to_string(index));
    }
  };
  std::string text;
  for (const Instruction& instruction : code_) {
    text += operand(instruction.target) + " = ";
    if (detail::is_pair(instruction.op)) {
      const int pair = static_cast<int>(instruction.op) - static_cast<int>(detail::Op::first_pair);
      static constexpr const char* seconds[] = {"add", "subtract", "subtract_from",
                                                "mul", "divide",   "divide_into"};
      text += names[pair / detail::n_seconds + static_cast<int>(detail::Op::add)];
      text.append("_").append(seconds[pair % detail::n_seconds]);
    } else {
      text += names[static_cast<std::size_t>(instruction.op)];
    }
    text.append("(").append(operand(instruction.a));
    if (instruction.op == detail::Op::integer_power) {
      text += ", " + std::to_string(instruction.b);
    } else {
      const bool three = instruction.op == detail::Op::select || detail::is_pair(instruction.op);
      const bool two =
          three || (instruction.op >= detail::Op::add && instruction.op <= detail::Op::logical_or);
      if (two) text += ", " + operand(instruction.b);
      if (three) text += ", " + operand(instruction.c);
    }
    text += ")\n";
  }
  return text;
}

}  // namespace ritz::expr
