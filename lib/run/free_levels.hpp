#pragma once

// Shifts of the unknowns that leave steady equations as they are; private to room run.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/la/kernel.hpp"
#include "ritz/la/system.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/system_form.hpp"

namespace ritz::run {

/// The kernels of a Jacobian and of its transpose among the shifts: a constant for each unknown
/// and, for elastic bodies, the rotations.
struct FreeLevels {
  using Combination = std::vector<double>;  ///< factors of the shifts
  std::vector<Combination> right, left;
  /// [shifts] "u", of rotations "turn 1".
  std::vector<std::string> names;

  [[nodiscard]] bool empty() const { return right.empty() && left.empty(); }
  /// "u", "u + v", "u - 0.5 v".
  [[nodiscard]] std::string text(const Combination& of) const;
};

/// What find_free_levels() looks at; everything must outlive the call alone.
struct LevelQuestion {
  const mesh::Mesh& mesh;
  const fem::Space& space;
  const physics::SystemForm& form;
  const deck::Problem& problem;
  std::span<const std::uint8_t> is_fixed;  ///< [n_local * m]
  /// Unknowns that are solved for together, in an order in which each group needs only itself and
  /// those before: what a group's shifts do to its own equations counts.
  std::vector<std::vector<int>> groups;
  bool is_symmetric = false;
  /// Each brings about the Jacobian of a state and hands it out, or null where that is not finite;
  /// a shift has to be free in all of them. Asked for only if the formulas leave it open.
  std::vector<std::function<const la::Operator*()>> jacobians;
};

/// From the formulas where they tell, else from what the Jacobian does to the shifts. Collective.
///
/// A level that only one equation's own term (a reaction, Robin's coefficient) fixes is never taken
/// for a free one, however small the term; one that is fixed by an exchange between unknowns is, if
/// that is below 1e-11 of the diagonal.
[[nodiscard]] FreeLevels find_free_levels(const LevelQuestion& question);

/// The shifts themselves at the owned nodes of a space, [n_owned * m] each. Local.
[[nodiscard]] std::vector<la::Vector> level_shifts(const mesh::Mesh& mesh, const fem::Space& space,
                                                   const physics::SystemForm& form,
                                                   const deck::Problem& problem);

/// Sums of shifts. Local.
[[nodiscard]] std::vector<la::Vector> combined(const std::vector<FreeLevels::Combination>& factors,
                                               const std::vector<la::Vector>& shifts);

/// The kernels on a space, with means over the domain as duals. Collective.
[[nodiscard]] la::Kernel kernel_of(const FreeLevels& levels, const mesh::Mesh& mesh,
                                   const fem::Space& space, const physics::SystemForm& form,
                                   const deck::Problem& problem);

}  // namespace ritz::run
