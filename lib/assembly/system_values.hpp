#pragma once

#include <span>
#include <string>
#include <vector>

#include "ritz/assembly/system_assembler.hpp"

namespace ritz::assembly {

/// The prescribed values of a system: which unknowns, and their values at a time. Lists of dofs and
/// their places are made once.
class SystemValues {
 public:
  /// Collective.
  SystemValues(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form);

  [[nodiscard]] const std::vector<std::uint8_t>& is_fixed() const { return is_fixed_; }
  /// See SystemAssembler::fixed_values(). Collective.
  SystemAssembler::Fixed write(double time, std::span<double> u) const;

 private:
  /// One boundary condition's dofs.
  struct Condition {
    int unknown = 0;
    std::string name;  ///< "u on left, right"
    std::vector<LocalId> dofs;
    std::vector<double> places;  ///< [3][dofs]
    bool is_constant = false;
    double constant = 0;
    expr::Program program;
  };
  struct Clash {
    std::size_t index;
    double difference;
    std::array<double, 3> at;
  };

  void evaluate(Condition& condition, double time) const;
  void set(const Condition& condition, double& largest) const;
  [[nodiscard]] SystemAssembler::Fixed gather_clashes(double largest) const;

  const fem::Space& space_;
  int m_;
  std::vector<std::uint8_t> is_fixed_;  ///< [n_local * m]
  GlobalId n_fixed_ = 0;
  // Uniforms and buffers are filled again by every write().
  mutable std::vector<Condition> conditions_;
  mutable std::vector<double> values_;         ///< [n_local * m]
  mutable std::vector<std::uint8_t> written_;  ///< [n_local * m]
  mutable std::vector<double> buffer_;
  mutable std::vector<Clash> clashes_;
};

}  // namespace ritz::assembly
