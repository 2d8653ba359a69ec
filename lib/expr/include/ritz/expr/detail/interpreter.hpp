#pragma once

#include <cstddef>
#include <cstdint>

#include "ritz/expr/detail/operations.hpp"
#include "ritz/expr/program.hpp"

/// Runs a program over a block of points: an outer loop over instructions, an inner one over
/// points, so that reading an instruction is paid once a block and the inner loops vectorise. On a
/// GPU a block is one point of each thread.
namespace ritz::expr::detail {

/// Where the rows of each Storage are: row i starts at data + i * stride.
struct Rows {
  const double* constants;
  const double* variables;
  std::ptrdiff_t variable_stride;
  double* registers;
  std::ptrdiff_t register_stride;
  double* out;
  std::ptrdiff_t out_stride;

  KOKKOS_INLINE_FUNCTION static bool is_constant(std::int32_t operand) {
    return static_cast<Storage>(operand & 3) == Storage::constant;
  }
  KOKKOS_INLINE_FUNCTION double constant(std::int32_t operand) const {
    return constants[operand >> 2];
  }
  KOKKOS_INLINE_FUNCTION const double* row(std::int32_t operand) const {
    const std::ptrdiff_t index = operand >> 2;
    switch (static_cast<Storage>(operand & 3)) {
      case Storage::register_row:
        return registers + index * register_stride;
      case Storage::variable_row:
        return variables + index * variable_stride;
      default:
        return out + index * out_stride;
    }
  }
  KOKKOS_INLINE_FUNCTION double* target(std::int32_t operand) const {
    const std::ptrdiff_t index = operand >> 2;
    return static_cast<Storage>(operand & 3) == Storage::register_row
               ? registers + index * register_stride
               : out + index * out_stride;
  }
};

/// The target may be the row of an operand (same point read, then written), which is why the loops
/// carry `omp simd` and not __restrict.
struct Block {
  const Rows& rows;
  const Instruction& instruction;
  int n;

  KOKKOS_INLINE_FUNCTION void fill(double value) const {
    double* target = rows.target(instruction.target);
    for (int i = 0; i < n; ++i) target[i] = value;
  }

  template <class F>
  KOKKOS_INLINE_FUNCTION void unary(F f) const {
    if (Rows::is_constant(instruction.a)) {
      fill(f(rows.constant(instruction.a)));
      return;
    }
    double* target = rows.target(instruction.target);
    const double* a = rows.row(instruction.a);
#pragma omp simd
    for (int i = 0; i < n; ++i) target[i] = f(a[i]);
  }

  template <class F>
  KOKKOS_INLINE_FUNCTION void binary(F f) const {
    double* target = rows.target(instruction.target);
    const bool constant_a = Rows::is_constant(instruction.a);
    const bool constant_b = Rows::is_constant(instruction.b);
    if (constant_a && constant_b) {
      fill(f(rows.constant(instruction.a), rows.constant(instruction.b)));
    } else if (constant_a) {
      const double a = rows.constant(instruction.a);
      const double* b = rows.row(instruction.b);
#pragma omp simd
      for (int i = 0; i < n; ++i) target[i] = f(a, b[i]);
    } else if (constant_b) {
      const double* a = rows.row(instruction.a);
      const double b = rows.constant(instruction.b);
#pragma omp simd
      for (int i = 0; i < n; ++i) target[i] = f(a[i], b);
    } else {
      const double* a = rows.row(instruction.a);
      const double* b = rows.row(instruction.b);
#pragma omp simd
      for (int i = 0; i < n; ++i) target[i] = f(a[i], b[i]);
    }
  }

  /// The compiler of programs sees to it that the first operand is a row.
  template <class F>
  KOKKOS_INLINE_FUNCTION void ternary(F f) const {
    double* target = rows.target(instruction.target);
    const double* a = rows.row(instruction.a);
    const bool constant_b = Rows::is_constant(instruction.b);
    const bool constant_c = Rows::is_constant(instruction.c);
    if (constant_b && constant_c) {
      const double b = rows.constant(instruction.b);
      const double c = rows.constant(instruction.c);
#pragma omp simd
      for (int i = 0; i < n; ++i) target[i] = f(a[i], b, c);
    } else if (constant_b) {
      const double b = rows.constant(instruction.b);
      const double* c = rows.row(instruction.c);
#pragma omp simd
      for (int i = 0; i < n; ++i) target[i] = f(a[i], b, c[i]);
    } else if (constant_c) {
      const double* b = rows.row(instruction.b);
      const double c = rows.constant(instruction.c);
#pragma omp simd
      for (int i = 0; i < n; ++i) target[i] = f(a[i], b[i], c);
    } else {
      const double* b = rows.row(instruction.b);
      const double* c = rows.row(instruction.c);
#pragma omp simd
      for (int i = 0; i < n; ++i) target[i] = f(a[i], b[i], c[i]);
    }
  }
};

/// @param n points of this block
KOKKOS_INLINE_FUNCTION void interpret(const Instruction* code, int n_instructions, const Rows& rows,
                                      int n) {
  for (int k = 0; k < n_instructions; ++k) {
    visit(code[k].op, static_cast<int>(code[k].b), Block{rows, code[k], n});
  }
}

/// Asks for the rows of the next block while this one is computed, a few lines with each
/// instruction: all at once they would fill the processor's queue and make it wait. Host only.
class Prefetch {
 public:
  /// @param next rows of the next block, of n points (0: there is none)
  Prefetch(const Rows& next, std::uint64_t rows_read, int n_outputs, int n, int n_instructions)
      : next_(next), rows_read_(rows_read), n_outputs_(n_outputs), n_(n) {
    int n_rows = n_outputs;
    for (std::uint64_t bits = rows_read; bits != 0; bits &= bits - 1) ++n_rows;
    const int n_lines = n_rows * ((n + line - 1) / line);
    at_once_ = (n_lines + n_instructions - 1) / n_instructions;
    point_ = n;  // start with step()'s change of row
  }

  /// One instruction's share.
  void step() {
#if defined(__GNUC__)
    for (int i = 0; i < at_once_; ++i) {
      if (point_ >= n_ && !next_row()) return;
      __builtin_prefetch(row_ + point_, 0);
      point_ += line;
    }
#endif
  }

 private:
  static constexpr int line = 64 / static_cast<int>(sizeof(double));

  bool next_row() {
    if (n_ <= 0) return false;
    if (rows_read_ != 0) {
      int index = 0;
      while ((rows_read_ >> index & 1) == 0) ++index;
      rows_read_ &= rows_read_ - 1;
      row_ = next_.variables + index * next_.variable_stride;
    } else if (output_ < n_outputs_) {
      row_ = next_.out + output_ * next_.out_stride;
      ++output_;
    } else {
      n_ = 0;
      return false;
    }
    point_ = 0;
    return true;
  }

  const Rows& next_;
  std::uint64_t rows_read_;
  const double* row_ = nullptr;
  int n_outputs_;
  int n_;
  int at_once_ = 0;
  int output_ = 0;
  int point_ = 0;
};

/// Host: all points, block by block.
/// @param rows of the first point
inline void interpret_blocks(const Instruction* code, int n_instructions, Rows rows, int n_outputs,
                             std::uint64_t rows_read, int block, std::ptrdiff_t n_points) {
  for (std::ptrdiff_t left = n_points; left > 0; left -= block) {
    const int n = left < block ? static_cast<int>(left) : block;
    const std::ptrdiff_t after = left - n;
    Rows next = rows;
    next.variables += n;
    next.out += n;
    Prefetch prefetch(next, rows_read, n_outputs, after < block ? static_cast<int>(after) : block,
                      n_instructions);
    for (int k = 0; k < n_instructions; ++k) {
      prefetch.step();
      visit(code[k].op, static_cast<int>(code[k].b), Block{rows, code[k], n});
    }
    rows = next;
  }
}

}  // namespace ritz::expr::detail
