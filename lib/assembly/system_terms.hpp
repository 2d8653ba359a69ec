#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ritz/expr/device_program.hpp"
#include "ritz/physics/system_form.hpp"

namespace ritz::assembly {

/// What a pass over the cells computes.
enum class Pass : std::uint8_t { residual, jacobian, both, mass_1, mass_2 };
inline constexpr int n_passes = 5;

/// f0 or f1 in one region: a number, or an output of the region's program.
struct ResidualSlot {
  double constant = 0;
  int row = -1;
};

/// An entry of the Jacobian in one region: sum over the state's derivatives k = 0, 1, 2 of
/// shift[k] * (constant[k] + output row[k]), where row -1 is none.
struct JacobianSlot {
  double constant[3] = {0, 0, 0};
  int row[3] = {-1, -1, -1};
};

/// Which entry of the Jacobian; slots are numbered as the shape tables' rows: derivatives 0..dim-1,
/// value dim; of the trial function second derivatives dim + 1 and on.
struct SlotPlace {
  int test;
  int test_slot;
  int trial;
  int trial_slot;
  int varies;  ///< in some region: a value at each point; else one a cell
  int number;  ///< among those that vary, or among those that do not
};

/// Kinds of entries that a pair of test and trial unknown has.
inline constexpr int pair_value_value = 1;
inline constexpr int pair_value_gradient = 2;  ///< test function's value, trial function's gradient
inline constexpr int pair_gradient_value = 4;
inline constexpr int pair_gradient_gradient = 8;
inline constexpr int pair_curvature = 16;  ///< trial function's second derivatives, with 8 or 2

/// What of an unknown the programs read.
inline constexpr int reads_value = 1;
inline constexpr int reads_gradient = 2;
inline constexpr int reads_rate = 4;
inline constexpr int reads_second_rate = 8;
inline constexpr int reads_curvature = 16;

/// The formulas of all regions (or of all natural boundaries) as kernels see them.
struct TermsView {
  int n_unknowns = 0;
  int n_slots = 0;          ///< entries of the Jacobian, in (test, trial) order
  int n_varying_slots = 0;  ///< those that vary
  int n_rows = 0;           ///< variables of the programs: without t, which is a uniform
  int n_outputs = 0;        ///< the most any program has
  int n_registers = 0;
  int block = 0;  ///< most points of a call
  bool any_program = false;
  bool reads_place = false;
  bool reads_metric = false;  ///< the last rows: physics::metric_variables()
  int curvature_row = 0;      ///< first row of physics::curvature_variables(), if there are any
  int metric_row = 0;
  bool has_curvature_slots = false;  ///< in the Jacobian
  bool has_residual = false;
  device::View<expr::ProgramView*> programs;   ///< [region]; no outputs: nothing to evaluate
  device::View<ResidualSlot*> residual;        ///< [region][m][dim + 1]
  device::View<JacobianSlot*> jacobian;        ///< [region][n_slots]
  device::View<SlotPlace*> places;             ///< [n_slots]
  device::View<int*> pair_begin;               ///< [m * m + 1], into places
  device::View<std::uint8_t*> pair_kinds;      ///< [m * m]
  device::View<std::uint8_t*> equation_kinds;  ///< [m]: 1: has f0, 2: has f1, in some region
  device::View<std::uint8_t*> unknown_reads;   ///< [m]
};

/// Compiled formulas of one pass: of the cells' terms, or of the natural boundaries'.
class SystemTerms {
 public:
  SystemTerms() = default;
  /// Terms in cells.
  SystemTerms(const physics::SystemForm& form, Pass pass);
  /// Natural boundaries: "region" b is number b of form.boundaries; values have no terms. `pass`:
  /// residual, jacobian or both.
  [[nodiscard]] static SystemTerms of_boundaries(const physics::SystemForm& form, Pass pass);

  [[nodiscard]] const TermsView& view() const { return view_; }
  void set_time(double time);
  /// What output `row` of a region's program is, in words.
  [[nodiscard]] const std::string& output_name(int region, int row) const;
  /// Whether entries with these kinds exist (pair_... bits, of all pairs).
  [[nodiscard]] int all_kinds() const { return all_kinds_; }

 private:
  struct Builder;
  TermsView view_;
  int all_kinds_ = 0;
  std::vector<expr::DeviceProgram> programs_;
  std::vector<std::vector<std::string>> names_;
};

}  // namespace ritz::assembly
