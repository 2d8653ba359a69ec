#pragma once

#include <memory>
#include <string>

#include "ritz/assembly/assembler.hpp"
#include "ritz/assembly/cell_operator.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/la/hooked_operator.hpp"
#include "ritz/la/system.hpp"
#include "ritz/mesh/hierarchy.hpp"
#include "ritz/multigrid/multigrid.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/physics/form.hpp"
#include "ritz/solve/solve.hpp"

namespace ritz::run {

/// Whether a system is applied without a matrix, and why, for the log.
struct OperatorChoice {
  bool matrix_free = false;
  std::string reason;  ///< empty when the deck says it
};

/// What the choice looks at.
struct OperatorFacts {
  std::string cell_type;  ///< "hex", ...
  int degree = 1;
  GlobalId n_unknowns = 0;
  bool symmetric = true;     ///< the form's matrix
  bool has_coarser = false;  ///< the mesh has coarser ones: box or refined
};

/// Replaces solver.operator = "auto": matrix-free on lines, quads and hexes where the solver needs
/// no matrix, the problem is symmetric, and degree or coarser meshes give multigrid something to
/// do. The same on every rank; local.
[[nodiscard]] OperatorChoice choose_operator(const deck::SolverOptions& options,
                                             const OperatorFacts& facts);

/// Lets solve() make the multigrid of a symmetric form, with the options of the deck. It is made
/// once, with the coefficients at `time`, and kept as long as a copy of `context.multigrid` lives;
/// `meshes`, `space` and `form` must live as long. Local.
void offer_multigrid(solve::Context& context, const mesh::Hierarchy& meshes,
                     const fem::Space& space, const physics::Form& form,
                     const deck::SolverOptions& options, double time = 0.0);

/// The deck's keys for room multigrid. Local.
[[nodiscard]] multigrid::Options multigrid_options(const deck::SolverOptions::Multigrid& from);

/// A CellOperator as the solvers see it; holds it.
[[nodiscard]] std::shared_ptr<la::HookedOperator> make_operator(
    const fem::Space& space, assembly::CellOperator<double> cells);

/// Whether the deck names multigrid. Local.
[[nodiscard]] bool wants_multigrid(const deck::SolverOptions& options);

/// Whether the coarser meshes of a hierarchy may be of use: multigrid is possible. Local.
[[nodiscard]] bool wants_hierarchy(const deck::Problem& problem, const std::string& cell_type);

/// A x = b of a form without a matrix.
class MatrixFreeSystem {
 public:
  /// `space` must outlive the object; the right-hand side includes the prescribed values `fixed`.
  /// Collective. Throws Error(not_finite) if a coefficient is not.
  MatrixFreeSystem(const mesh::Mesh& mesh, const fem::Space& space, const physics::Form& form,
                   const fem::Constraints& fixed, perf::Recorder& recorder);

  [[nodiscard]] const la::System& system() const { return system_; }
  [[nodiscard]] const la::Operator& op() const { return *system_.op; }
  /// "1,000 Cartesian cells, 12 MiB": of all ranks. Collective.
  [[nodiscard]] std::string text() const;

  /// Smallest eigenvalue of K at this rank's quadrature points.
  [[nodiscard]] double min_diffusion() const;
  /// Bytes of operator and right-hand side on this rank.
  [[nodiscard]] std::size_t bytes() const;

  class Free;  ///< of the source file

 private:
  const fem::Space& space_;
  std::shared_ptr<Free> free_;
  la::System system_;
};

}  // namespace ritz::run
