#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ritz/device/kokkos.hpp"
#include "ritz/expr/program.hpp"
#if defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP) || defined(KOKKOS_ENABLE_SYCL)
#include "ritz/expr/detail/interpreter.hpp"
#define RITZ_EXPR_IN_DEVICE_CODE
#endif

namespace ritz::expr {

/// A program as a kernel sees it: pointers into device memory and sizes, nothing owned. Valid while
/// the DeviceProgram it came from lives.
struct ProgramView {
  const Instruction* code = nullptr;
  const double* constants = nullptr;
  int n_instructions = 0;
  int n_registers = 0;
  int n_outputs = 0;
  int block = max_block;  ///< points a call should handle on a CPU

  /// Values of all outputs at n points (n <= register_stride), inside a kernel: neither allocates
  /// nor synchronises nor calls virtually.
  /// @param variables variable i of point p is variables[i * variable_stride + p]
  /// @param registers scratch of n_registers * register_stride doubles, for this caller alone
  /// @param out output i of point p goes to out[i * out_stride + p]; must not overlap `variables`
  KOKKOS_FUNCTION void evaluate_block(const double* variables, std::ptrdiff_t variable_stride,
                                      int n, double* registers, std::ptrdiff_t register_stride,
                                      double* out, std::ptrdiff_t out_stride) const;
};

#ifdef RITZ_EXPR_IN_DEVICE_CODE
KOKKOS_INLINE_FUNCTION void ProgramView::evaluate_block(const double* variables,
                                                        std::ptrdiff_t variable_stride, int n,
                                                        double* registers,
                                                        std::ptrdiff_t register_stride, double* out,
                                                        std::ptrdiff_t out_stride) const {
  detail::interpret(
      code, n_instructions,
      {constants, variables, variable_stride, registers, register_stride, out, out_stride}, n);
}
#endif

/// A program with its code and constants in device memory, and the kernel that runs it over a
/// batch. Kokkos must be up while one exists. Copies share the memory, and so uniforms.
class DeviceProgram {
 public:
  using Variables = Kokkos::View<const double**, Kokkos::LayoutRight, device::MemorySpace>;
  using Values = Kokkos::View<double*, Kokkos::LayoutRight, device::MemorySpace>;
  using ManyValues = Kokkos::View<double**, Kokkos::LayoutRight, device::MemorySpace>;

  explicit DeviceProgram(const Program& program);

  [[nodiscard]] ProgramView view() const;
  [[nodiscard]] const Program& host() const { return program_; }

  /// See Program::set_uniform(); orders itself after kernels already launched.
  void set_uniform(std::string_view name, double value);

  /// Values of all outputs at all points, one kernel "ritz::expr::evaluate" on `space`; returns
  /// without waiting for it. Local to the rank.
  /// @param variables [row_variables().size()][n_points], contiguous
  /// @param out [n_outputs()][n_points], contiguous; must not overlap `variables`
  /// @throws base::Error (internal) if the extents do not fit together.
  void evaluate(const device::ExecutionSpace& space, const Variables& variables,
                const ManyValues& out) const;
  /// The same for a program with one output: out[n_points].
  void evaluate(const device::ExecutionSpace& space, const Variables& variables,
                const Values& out) const;

 private:
  Program program_;
  device::View<Instruction*> code_;
  device::View<double*> constants_;
};

}  // namespace ritz::expr
