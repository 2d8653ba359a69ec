#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "cell_maps.hpp"
#include "ritz/assembly/system_assembler.hpp"
#include "ritz/expr/device_program.hpp"
#include "ritz/kernels/system_action.hpp"
#include "system_terms.hpp"

namespace ritz::assembly {

/// The entries of a system's Jacobian in cells: which are not zero, which of them are equal (a
/// symmetric pair, the shear moduli of an isotropic material: kept once), and their formulas.
class SystemJacobian {
 public:
  explicit SystemJacobian(const physics::SystemForm& form);

  /// Isotropic elasticity with constant moduli, for every shift, and a multiple of u.
  [[nodiscard]] bool is_isotropic() const { return isotropic_; }
  /// The list lives as long as this object.
  [[nodiscard]] kernels::SystemEntries entries() const;
  [[nodiscard]] int n_numbers() const { return isotropic_ ? 3 : static_cast<int>(numbers_.size()); }
  [[nodiscard]] int n_varying() const { return static_cast<int>(varying_.size()); }
  void set_time(double time);

  /// [n_numbers] of a region; isotropic: lambda, mu, rho.
  [[nodiscard]] std::vector<double> numbers(int region, const double (&shift)[3]) const;

  /// An entry in one region: sum over k of shift[k] (constant[k] + output row[k]); row -1: none.
  struct Value {
    std::array<double, 3> constant{};
    std::array<int, 3> row{-1, -1, -1};
    friend bool operator==(const Value&, const Value&) = default;
  };
  /// [regions] of a varying number.
  [[nodiscard]] const std::vector<Value>& varying(int number) const {
    return varying_[static_cast<std::size_t>(number)];
  }
  [[nodiscard]] expr::ProgramView program(int region) const;
  /// Most outputs and registers of a program, and its longest block.
  [[nodiscard]] int n_outputs() const { return n_outputs_; }
  [[nodiscard]] std::size_t n_register_doubles() const { return n_register_doubles_; }
  /// What of each unknown the programs read (reads_... bits), and whether x, y or z.
  [[nodiscard]] int reads(int unknown) const { return reads_[static_cast<std::size_t>(unknown)]; }
  [[nodiscard]] bool reads_place() const { return reads_place_; }
  [[nodiscard]] const std::string& output_name(int region, int row) const {
    return names_[static_cast<std::size_t>(region)][static_cast<std::size_t>(row)];
  }

 private:
  using Key = std::array<int, 4>;  ///< test, test slot, trial, trial slot; slots as in SlotPlace
  void note_reads(const expr::Expression& e);
  void find_isotropy();

  int m_, dim_, n_regions_;
  std::vector<kernels::SystemEntry> entries_;
  std::vector<std::vector<Value>> numbers_, varying_;         // [number][region]
  std::vector<std::array<std::array<double, 3>, 3>> moduli_;  // [region][lambda, mu, rho][k]
  bool isotropic_ = false;
  std::vector<std::optional<expr::DeviceProgram>> programs_;  // [region]
  std::vector<std::vector<std::string>> names_;
  std::vector<int> reads_;
  bool reads_place_ = false;
  int n_outputs_ = 0;
  std::size_t n_register_doubles_ = 0;
};

/// Numbers of a SystemOperator of up to pack_width tensor cells at a time, for one thread.
class SystemPoints : private CellMaps {
 public:
  using CellMaps::width;

  /// All must outlive the object.
  SystemPoints(const mesh::Mesh& mesh, const fem::Space& space, const TensorBasis& basis,
               const SystemJacobian& jacobian, int n_unknowns);

  /// The entries that vary, at this state. `cells` as in CellMaps::look().
  void compute_values(const LocalId* cells, const SystemAssembler::State& state,
                      const double (&shift)[3]);
  /// [width] lanes of varying number `number` at point q.
  [[nodiscard]] const double* value(int number, int q) const {
    return values_.data() + (static_cast<std::size_t>(number * n_points_ + q)) * width;
  }
  /// The first value that was not finite.
  [[nodiscard]] const SystemAssembler::Result& bad() const { return bad_; }

 private:
  void interpolate(const LocalId* cells, const SystemAssembler::State& state);
  void to_points(const LocalId* cells, std::span<const double> from, int unknown);
  void run_program(const LocalId* cells, int region, const double (&shift)[3]);
  void note_bad(LocalId cell, int lane, int region, int n_outputs);
  [[nodiscard]] double* row(int r) {
    return variables_.data() + static_cast<std::size_t>(r * n_points_) * width;
  }

  const fem::Space& space_;
  const SystemJacobian& jacobian_;
  int m_;
  std::vector<int> order_;                // tensor position to entity order
  std::vector<double> variables_;         // [rows][n_points][width]
  std::vector<double> outputs_, values_;  // [output or number][n_points][width]
  std::vector<double> registers_;
  std::vector<Pack> work_[2], gradients_;
  double time_ = 0;
  SystemAssembler::Result bad_;
};

}  // namespace ritz::assembly
