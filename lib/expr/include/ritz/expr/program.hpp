#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ritz/expr/detail/op.hpp"

namespace ritz::expr {

/// Where an instruction reads or writes: the two low bits say which table, the rest the row.
enum class Storage : std::int32_t {
  register_row = 0,
  variable_row = 1,
  constant = 2,
  output_row = 3
};

/// One step for a whole block of points. Operands are packed (Storage, index).
struct Instruction {
  detail::Op op;
  std::int32_t target;  ///< register_row or output_row
  std::int32_t a;       ///< operands; unused ones are 0
  std::int32_t b;       ///< integer_power: the exponent
  std::int32_t c;
};

/// Most points one pass over the code handles; Program::block() is what suits a program's
/// registers.
inline constexpr int max_block = 256;

/// Straight-line code for one or several expressions: registers are reused, conditions are 0.0 and
/// 1.0, `if` computes both branches and takes one (a NaN or infinity in the other does not leak).
/// Evaluating neither allocates (beyond one scratch buffer a call when there are very many
/// registers) nor calls through pointers. Immutable but for set_uniform().
///
/// Uniforms are variables with one value for all points of a batch, such as t, or z in the plane.
/// They are no rows of the input: set_uniform() gives them.
class Program {
 public:
  /// An empty program: no code, no outputs.
  Program() = default;

  /// Values of all outputs at `n_points` points on this thread of the host.
  /// @param variables row_variables().size() rows of n_points = out.size() / n_outputs() values,
  ///   variable-major: variables[i * n_points + point]
  /// @param out n_outputs() rows of n_points values; must not overlap `variables`
  /// @throws base::Error (internal) if the sizes do not fit together.
  void evaluate(std::span<const double> variables, std::span<double> out) const;

  /// Gives uniform `name` its value (0 before).
  /// @throws base::Error (internal) if it is none.
  void set_uniform(std::string_view name, double value);

  [[nodiscard]] int n_outputs() const { return n_outputs_; }
  [[nodiscard]] int n_registers() const { return n_registers_; }
  /// Points a pass should handle so that the registers stay in the first-level cache.
  [[nodiscard]] int block() const { return block_; }
  /// Bit i is set if row i of the input is read (i < 64).
  [[nodiscard]] std::uint64_t rows_read() const { return rows_read_; }
  /// Variables that are rows of the input, in order: the expression's without the uniforms.
  [[nodiscard]] const std::vector<std::string>& row_variables() const { return row_variables_; }
  [[nodiscard]] const std::vector<std::string>& uniforms() const { return uniforms_; }
  [[nodiscard]] std::span<const Instruction> code() const { return code_; }
  /// The uniforms' values, then the constants.
  [[nodiscard]] std::span<const double> constants() const { return constants_; }

  /// One line an instruction, for people: "r0 = sin(x)".
  [[nodiscard]] std::string listing() const;

 private:
  friend class Compiler;

  std::vector<Instruction> code_;
  std::vector<double> constants_;
  std::vector<std::string> row_variables_;
  std::vector<std::string> uniforms_;
  std::uint64_t rows_read_ = 0;
  int n_registers_ = 0;
  int n_outputs_ = 0;
  int block_ = max_block;
};

}  // namespace ritz::expr
