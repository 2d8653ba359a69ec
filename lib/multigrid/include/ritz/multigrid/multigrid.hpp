#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ritz/assembly/system_assembler.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/system.hpp"
#include "ritz/mesh/hierarchy.hpp"
#include "ritz/physics/form.hpp"
#include "ritz/physics/system_form.hpp"

namespace ritz::multigrid {

/// The same names as the deck's [solver.multigrid].
struct Options {
  enum class Smoother : std::uint8_t { chebyshev_4, chebyshev_1 };
  enum class Coarse : std::uint8_t { automatic, amg, direct };
  enum class Precision : std::uint8_t { single_precision, double_precision };

  Smoother smoother = Smoother::chebyshev_4;
  int smoother_degree = 3;        ///< steps before and after the coarse correction, >= 1
  double smoothing_range = 15.0;  ///< first kind: largest over smallest smoothed eigenvalue
  Coarse coarse = Coarse::automatic;
  Precision precision = Precision::single_precision;
  bool full_multigrid_start = false;  ///< for the caller: whether to start from initial_guess()

  /// Coarsest problems up to this size are solved by a dense inverse on every rank (`automatic`).
  GlobalId dense_size = 1500;
  /// Steps of the eigenvalue estimate, and what its result is multiplied by; where all cells are
  /// Cartesian and of a few shapes there is a bound, and no estimate.
  int eigenvalue_steps = 12;
  double eigenvalue_safety = 1.1;
};

/// Makes a solver for the coarsest level from its assembled matrix (prescribed unknowns have
/// identity rows), which lives as long as the multigrid. `constant_null_space`: A 1 = 0; right-hand
/// sides then have mean zero. Must be symmetric positive (semi-)definite. Collective.
using CoarseFactory =
    std::function<std::unique_ptr<la::Preconditioner>(const la::Matrix&, bool constant_null_space)>;

/// A level as it is told in the log; numbers of all ranks.
struct LevelInfo {
  GlobalId n_cells = 0;
  GlobalId n_dofs = 0;
  int degree = 1;
  GlobalId n_cartesian = 0;  ///< cells with the Cartesian kernel
  std::string cells;         ///< of a system's operator, in words; else empty
  double eigenvalue = 0;     ///< largest of D^-1 A; 0 on the coarsest level
  bool is_bound = false;     ///< the eigenvalue is a bound by the cells, not an estimate
};

/// A V-cycle (symmetric, positive definite, the same in every application) in the numbers of
/// Options::precision: degree k, k/2, .. 1 on the finest mesh, then degree 1 on the coarser ones.
class Multigrid : public la::Preconditioner {
 public:
  /// Full multigrid: x [n_owned] from b [n_owned] by one V-cycle on each level, from the coarsest
  /// up (Brandt, Math. Comput. 31, 1977, 333). Prescribed unknowns get b's value. Collective.
  virtual void initial_guess(const la::Vector& b, const la::Vector& x) const = 0;
  /// From fine to coarse.
  [[nodiscard]] virtual const std::vector<LevelInfo>& levels() const = 0;
  /// Some lines for the log, the last without a newline.
  [[nodiscard]] virtual std::string text() const = 0;
};

/// The multigrid of a form on lines, quads or hexes. `space` is one on the hierarchy's finest mesh;
/// nothing of `hierarchy`, `space` and `form` is needed afterwards. Collective.
///
/// `coarse_factory` is called if the coarsest problem is larger than Options::dense_size, or for
/// Coarse::amg; may be empty otherwise. Throws Error(internal) without one where it is needed, for
/// other cells, and where the memory of the device is not the host's; Error(not_finite) where a
/// coefficient is not finite.
[[nodiscard]] std::unique_ptr<Multigrid> make(const mesh::Hierarchy& hierarchy,
                                              const fem::Space& space, const physics::Form& form,
                                              double time, const Options& options,
                                              const CoarseFactory& coarse_factory);

/// The Jacobian of a system at a state: dF/du + rate_shift dF/du' + second_shift dF/du''.
struct SystemState {
  assembly::SystemAssembler::State state;  ///< [n_local * m] arrays of the finest space
  double rate_shift = 0, second_shift = 0;
  /// Orthonormal vectors that the Jacobian on a space of the coarsest level maps to zero; empty:
  /// there are none. Collective.
  std::function<std::vector<la::Vector>(const mesh::Mesh& mesh, const fem::Space& space)> kernel =
      {};
};

/// As CoarseFactory for systems; unknowns of `space`'s nodes, m each. Collective.
using SystemCoarseFactory = std::function<std::unique_ptr<la::Preconditioner>(
    const la::Matrix&, const mesh::Mesh& mesh, const fem::Space& space)>;

/// The multigrid of a system's Jacobian, which must be symmetric and positive definite for cg (an
/// Error(not_converged) tells a level that is seen not to be). Coarse levels have the Jacobian at
/// the state's values at their nodes. `hierarchy` and `space` must outlive it; the rest as above.
[[nodiscard]] std::unique_ptr<Multigrid> make(const mesh::Hierarchy& hierarchy,
                                              const fem::Space& space,
                                              const physics::SystemForm& form,
                                              const SystemState& at, const Options& options,
                                              const SystemCoarseFactory& coarse_factory);

/// What the set-up of a multigrid was computed from. Generations are counters of the owner of the
/// mesh and of the coefficients.
struct Inputs {
  std::uint64_t mesh_generation = 0;
  std::uint64_t coefficient_generation = 0;
  int degree = 1;
  double time = 0;  ///< give 0 if no coefficient depends on it
  friend bool operator==(const Inputs&, const Inputs&) = default;
};

/// Keeps a multigrid as long as its inputs stay the same.
class Cache {
 public:
  /// The multigrid of these inputs: the one at hand, or a new one from `build` (collective).
  const Multigrid& get(const Inputs& inputs,
                       const std::function<std::unique_ptr<Multigrid>()>& build);
  [[nodiscard]] int n_reused() const { return n_reused_; }
  [[nodiscard]] int n_built() const { return n_built_; }
  /// What changed at the last rebuild, for the log: "mesh", "degree, time", "" if nothing was.
  [[nodiscard]] const std::string& changed() const { return changed_; }

 private:
  Inputs inputs_;
  std::unique_ptr<Multigrid> multigrid_;
  int n_reused_ = 0, n_built_ = 0;
  std::string changed_;
};

}  // namespace ritz::multigrid
