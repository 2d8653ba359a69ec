#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plan.hpp"
#include "ritz/expr/device_program.hpp"
#include "ritz/kernels/coefficient_form.hpp"

namespace ritz::assembly {

/// Points one call of a program handles.
inline constexpr int program_block = expr::max_block;

/// The coefficients of all regions, as kernels see them. Entry [region * n_slots + slot] is a
/// number, or a program when its number is not negative.
struct CoefficientSet {
  kernels::Terms terms;
  int n_slots = 0;
  device::View<double*> constants;
  device::View<int*> programs;
  device::View<expr::ProgramView*> views;
  bool varying[kernels::n_coefficients] = {};  ///< a program in some region
  bool any_varying = false;
  int n_registers = 0;  ///< the most that any program needs

  /// Scratch (doubles) for evaluating: registers.
  [[nodiscard]] std::size_t register_doubles() const {
    return static_cast<std::size_t>(n_registers) * program_block;
  }
};

/// Owns what a CoefficientSet points to, for one assembly.
class Coefficients {
 public:
  /// Volume terms; slots are those of kernels::n_coefficients.
  Coefficients(const physics::Form& form, double time);
  /// Boundary terms, "region" = boundary; slots: value, coefficient, ambient.
  Coefficients(const std::vector<physics::BoundaryForm>& boundaries, double time);

  [[nodiscard]] const CoefficientSet& set() const { return set_; }
  /// The number of (region, slot); NaN for a program.
  [[nodiscard]] double constant(int region, int slot) const;
  [[nodiscard]] bool is_varying(int region, int slot) const;

 private:
  void put(int region, int slot, const physics::Coefficient& coefficient, double time);
  void upload();

  CoefficientSet set_;
  std::vector<double> constants_;
  std::vector<int> programs_;
  std::vector<expr::DeviceProgram> held_;
};

/// "diffusion", "diffusion[0][1]", "advection[2]", ... as the region's deck entry has it.
[[nodiscard]] std::string coefficient_name(const kernels::Terms& terms,
                                           const physics::RegionForm& region, int dimension,
                                           int slot);

/// Values at n points on this thread of the host: `rows` is x, y, z, t and whatever follows, each
/// of out.size() values; a program reads as many of them as it has variables.
void evaluate_on_host(const physics::Coefficient& coefficient, double time,
                      std::span<const double> rows, std::span<double> out);

/// Values of program `number` at `n` points, a block at a time, inside a kernel. Rows of
/// `variables` are `n` apart (x, y, z, t).
KOKKOS_INLINE_FUNCTION void evaluate_program(const CoefficientSet& set, int number,
                                             const double* variables, int n, double* registers,
                                             double* out) {
  const expr::ProgramView program = set.views(static_cast<std::size_t>(number));
  for (int first = 0; first < n; first += program_block) {
    const int count = n - first < program_block ? n - first : program_block;
    program.evaluate_block(variables + first, n, count, registers, program_block, out + first, n);
  }
}

/// Whether the bits are those of an infinity or a NaN. Bits, because a comparison with NaN raises
/// the invalid flag.
KOKKOS_FORCEINLINE_FUNCTION bool is_bad(double value) {
  union {
    double number;
    std::uint64_t bits;
  } u{value};
  return (u.bits & 0x7ff0000000000000ULL) == 0x7ff0000000000000ULL;
}

}  // namespace ritz::assembly
