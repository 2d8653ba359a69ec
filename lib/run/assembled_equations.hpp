#pragma once

// A deck's equations between the assembler and the time integrators; private to room run.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "free_levels.hpp"
#include "matrix_free_jacobian.hpp"
#include "one_way.hpp"
#include "ritz/assembly/system_assembler.hpp"
#include "ritz/assembly/system_residual.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/physics/system_form.hpp"
#include "ritz/solve/newton.hpp"
#include "ritz/solve/semi_discrete.hpp"
#include "ritz/solve/solve.hpp"
#include "unknown_places.hpp"

namespace ritz::run {

/// A SystemForm on a space: residuals and Jacobians assembled, Newton's method for what is
/// implicit, matrices and preconditioners kept as long as they are good.
///
/// Unknowns: component i of node n is number n * m + i.
class AssembledEquations final : public solve::SemiDiscrete, public solve::NonlinearProblem {
 public:
  /// Asked on every rank between the linear solver's iterations (its moment, whose iterate is the
  /// correction so far) and after a correction (null); false stops. Collective.
  using Look = std::function<bool(const solve::Context::Moment* moment)>;
  /// What it works on; all must outlive it.
  struct Parts {
    const mesh::Mesh& mesh;
    const fem::Space& space;
    const physics::SystemForm& form;
    const deck::Problem& problem;
    /// Terms that are treated explicitly, not in `form`; null: there are none.
    const physics::SystemForm* explicit_form;
    perf::Recorder& recorder;
    /// Called with warnings that belong into the provenance of every file.
    std::function<void(const std::string&)> remark;
    /// Seconds until limits.walltime; empty: no limit.
    std::function<double()> seconds_left;
    /// Progress of a linear solve: iteration and residual, on rank 0.
    std::function<void(int, double)> progress;
    /// The Jacobian without a matrix: all meshes, the finest is `mesh`. Null: assembled.
    const mesh::Hierarchy* meshes = nullptr;
    /// Whether the matrix may take over where that fails.
    bool may_assemble = false;
    /// Of solve_steady(), instead of seconds_left.
    Look look = {};
  };
  /// Collective.
  explicit AssembledEquations(const Parts& parts);

  // SemiDiscrete and NonlinearProblem.
  [[nodiscard]] const comm::Communicator& communicator() const override;
  [[nodiscard]] LocalId n_owned() const override { return layout_.n_owned; }
  [[nodiscard]] int n_components() const override { return n_components_; }
  [[nodiscard]] int order() const override;
  [[nodiscard]] bool is_differential(int component) const override {
    return is_differential_[static_cast<std::size_t>(component)];
  }
  void prescribe(double time, int derivative, const la::Vector& u) override;
  solve::StageReport settle(double time, const la::Vector& u) override;
  solve::StageReport solve(const Stage& stage, const la::Vector& u) override;
  solve::StageReport highest_derivative(double time, const la::Vector& u, const la::Vector& rate,
                                        bool lumped, const la::Vector& result) override;
  void save(solve::SavedState& state) const override;
  void restore(const solve::SavedState& state) override;
  std::string explicit_part(double time, const la::Vector& u, const la::Vector& result) override;
  std::string implicit_part(double time, const la::Vector& u, const la::Vector& result) override;
  std::string residual(const la::Vector& u, const la::Vector& r) override;
  Correction correct(const la::Vector& u, const la::Vector& r, double tolerance,
                     const la::Vector& d) override;
  [[nodiscard]] std::string worst_text(const la::Vector& r) const override;

  /// What a steady solve had when it was stopped, beside u and save().
  struct SteadyStart {
    solve::NewtonProgress newton;
    la::Vector correction;  ///< [n_owned] so far; empty: none was being looked for
    solve::Context::Continued linear;
  };
  /// Solves F(time, u, 0, 0) = 0 from the guess in u, or from where another run was. Collective.
  solve::NewtonReport solve_steady(double time, const la::Vector& u,
                                   const SteadyStart* from = nullptr);
  /// Of the solve under way.
  [[nodiscard]] const solve::NewtonProgress& newton_progress() const { return newton_.progress(); }

  /// u as the components' values at all local nodes, ghosts included: [m][n_local]. Collective.
  [[nodiscard]] std::vector<std::vector<double>> components(const la::Vector& u) const;

  [[nodiscard]] const assembly::SystemAssembler& assembler() const { return assembler_; }
  [[nodiscard]] const assembly::SystemAssembler::Fixed& fixed() const { return fixed_; }
  /// "81 matrix entries", or what the operator is: of all ranks. Collective.
  [[nodiscard]] std::string jacobian_text() const;

  /// What was done, for the log.
  struct Counts {
    int residuals = 0, explicit_parts = 0, jacobians = 0, linear_solves = 0;
    long long linear_iterations = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const solve::Reuse& reuse() const { return *reuse_; }
  /// Preconditioners made.
  [[nodiscard]] int n_built() const { return one_way_ ? one_way_->n_built() : reuse_->n_built(); }
  [[nodiscard]] const std::string& solver_text() const { return solver_text_; }

 private:
  void update_state(const la::Vector& u);
  void write_prescribed(const std::vector<double>& values, const la::Vector& u) const;
  std::string not_finite_text(const assembly::SystemAssembler::Result& result) const;
  std::string evaluate(const assembly::SystemAssembler& dense,
                       std::optional<assembly::SystemResidual>& cells, const la::Vector& r);
  std::string assemble_jacobian(const la::Vector& u);
  Correction correct_one_way(const la::Vector& r, const la::Vector& d, bool has_guess);
  void make_matrix();
  void make_operator(const mesh::Hierarchy& meshes);
  void drop_operator();
  std::string give_up_operator(const solve::Report& report, const la::Vector& u);
  solve::StageReport solve_mass(const la::System& system, const la::Vector& result,
                                deck::SolverOptions options);
  [[nodiscard]] solve::NewtonOptions newton_options() const;
  void tell_round_off(const solve::NewtonReport& report);
  [[nodiscard]] double mass_scale(const la::Vector& u);
  solve::StageReport consistent_derivative(const la::Vector& r, const la::Vector& result);
  [[nodiscard]] bool is_fixed(LocalId unknown) const {
    return assembler_.is_fixed()[static_cast<std::size_t>(unknown)] != 0;
  }
  [[nodiscard]] const std::vector<double>& prescribed(double time, int derivative);
  [[nodiscard]] bool is_settled(LocalId unknown) const;
  void keep_differential_rows();

  Parts parts_;
  assembly::SystemAssembler assembler_;
  std::optional<assembly::SystemAssembler> explicit_;
  /// Residuals by sum factorisation where cells allow it; the assemblers find bad values' places.
  std::optional<assembly::SystemResidual> cells_, explicit_cells_;
  int n_components_;
  std::vector<bool> is_differential_;  ///< [m]
  la::Layout layout_;
  la::CsrMatrix rows_;
  std::optional<la::Matrix> matrix_;
  std::unique_ptr<OneWaySolver> one_way_;   ///< takes its place where equations are one way
  std::optional<MatrixFreeJacobian> free_;  ///< instead of the matrix
  solve::Newton newton_;
  std::shared_ptr<solve::Reuse> reuse_;
  solve::Context context_;
  deck::SolverOptions linear_;
  bool symmetric_;
  std::string solver_text_;
  mutable UnknownPlaces places_;

  // The stage being solved.
  Stage stage_;
  std::vector<double> u_, rate_, second_;  ///< [n_local * m], ghosts up to date
  la::Vector mass_[2];                     ///< lumped, of u' and u''; made when needed
  bool mass_is_known_[2] = {false, false};
  bool mass_changes_ = false;  ///< a diagonal entry of the mass depends on time or unknowns

  // What the matrix was made for.
  bool has_matrix_ = false;
  double matrix_time_ = 0, matrix_rate_shift_ = 0, matrix_second_shift_ = 0;

  /// What a preconditioner at hand was made from; vectors only if the Jacobian depends on u.
  struct MadeFrom {
    double time = 0, rate_shift = 0, second_shift = 0;
    la::Vector u, rate, second;  ///< [n_owned]
  };
  std::vector<MadeFrom> made_from_;  ///< of the system, or of each group that is solved by itself
  [[nodiscard]] bool has_constant_kernel() const;
  void find_levels(const la::Vector& u);
  void take_levels(const FreeLevels& levels);
  double check_balance(const FreeLevels& levels, const la::Vector& u);
  const la::Operator* jacobian_at(const la::Vector& u);
  la::System linear_system(const la::Vector& rhs);
  void save_levels(solve::SavedState& state) const;
  void restore_levels(const solve::SavedState& state);
  void note_preconditioner(std::size_t group);
  void save_preconditioner(solve::SavedState& state, std::size_t group) const;
  void restore_preconditioner(const solve::SavedState& state, std::size_t group);
  void assemble_at(const MadeFrom& from);

  assembly::SystemAssembler::Fixed fixed_;
  bool fixed_changes_ = false;  ///< a prescribed value depends on t
  double fixed_time_[3] = {0, 0, 0};
  bool fixed_known_[3] = {false, false, false};  ///< the same on every rank, also without unknowns
  std::vector<double> fixed_values_[3];  ///< [n_local * m] of the value and its derivatives in time
  Counts counts_;
  bool round_off_is_told_ = false;
  bool settling_ = false;  ///< only the equations without derivatives in time are solved
  const SteadyStart* start_ = nullptr;  ///< of a run that goes on, until its first correction
  bool in_linear_solve_ = false;
  FreeLevels levels_;               ///< of a steady solve
  la::Kernel kernel_;               ///< made of them
  std::optional<la::Matrix> held_;  ///< of linear_system()
};

}  // namespace ritz::run
