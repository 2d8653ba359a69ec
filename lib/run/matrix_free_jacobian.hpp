#pragma once

// The Jacobian of systems without a matrix; private to room run.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ritz/assembly/system_operator.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/la/hooked_operator.hpp"
#include "ritz/la/layout.hpp"
#include "ritz/mesh/hierarchy.hpp"
#include "ritz/physics/system_form.hpp"
#include "ritz/solve/solve.hpp"

namespace ritz::run {

/// Whether a body with these joined sides can turn in the plane of the axes a and b: it cannot if a
/// side is joined to one that lies elsewhere in the plane.
[[nodiscard]] bool may_turn(const mesh::Mesh& mesh, int a, int b);

/// Translations and rotations at the nodes of a space with as many unknowns as dimensions: the
/// kernel of the strain. Prescribed unknowns are not zeroed: MueLu stops on an aggregate where a
/// column is zero, on that rank alone. Local.
[[nodiscard]] std::vector<la::Vector> rigid_body_motions(const mesh::Mesh& mesh,
                                                         const fem::Space& space);

/// Whether the Jacobian of these equations is only assembled: Helmholtz's, which is not definite,
/// that of one-way thermo-elasticity, and in time where an unknown lacks the highest derivative
/// (algebraic equations). Local.
[[nodiscard]] bool needs_matrix(const deck::Problem& problem, const physics::SystemForm& form);

/// A SystemOperator as the solvers see it, and its multigrid.
class MatrixFreeJacobian {
 public:
  /// All must outlive the object. `is_fixed`: [n_local * m]. Collective.
  MatrixFreeJacobian(const mesh::Hierarchy& meshes, const fem::Space& space,
                     const physics::SystemForm& form, const std::vector<std::uint8_t>& is_fixed,
                     const la::Layout& layout);

  /// As SystemOperator::update(); the state's arrays are read again when a multigrid is made.
  /// Local.
  assembly::SystemAssembler::Result update(const assembly::SystemAssembler::State& state,
                                           double rate_shift, double second_shift);
  [[nodiscard]] const la::HookedOperator& op() const;
  /// The derivative of the terms with u' (order 1) or u'' (order 2), a new operator at this state.
  /// Collective.
  [[nodiscard]] std::shared_ptr<la::HookedOperator> mass(
      const assembly::SystemAssembler::State& state, int order,
      const std::vector<std::uint8_t>& is_fixed) const;

  /// Lets solve() make the multigrid, of the last update(), anew each time it is asked for.
  /// `rigid`: elasticity, for the coarsest level's algebraic multigrid. Local.
  void offer_multigrid(solve::Context& context, const deck::SolverOptions& options, bool rigid);

  /// Orthonormal vectors that the operator maps to zero, on any of the meshes: for multigrids made
  /// from now on. Local.
  using KernelOf =
      std::function<std::vector<la::Vector>(const mesh::Mesh& mesh, const fem::Space& space)>;
  void set_kernel(KernelOf kernel) { kernel_ = std::move(kernel); }

  /// "4,096 multilinear cells, isotropic elasticity, 12 MiB": of all ranks. Collective.
  [[nodiscard]] std::string text() const;

  class Free;  ///< of the source file

 private:
  const mesh::Hierarchy& meshes_;
  const fem::Space& space_;
  const physics::SystemForm& form_;
  la::Layout layout_;
  std::shared_ptr<Free> free_;
  assembly::SystemAssembler::State state_;
  double rate_shift_ = 0, second_shift_ = 0;
  KernelOf kernel_;
};

}  // namespace ritz::run
