#pragma once

// A linear equation in time without a matrix; private to room run.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ritz/assembly/cell_operator.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/la/hooked_operator.hpp"
#include "ritz/mesh/hierarchy.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/physics/form.hpp"
#include "ritz/physics/system_form.hpp"
#include "ritz/run/form.hpp"
#include "ritz/solve/guess.hpp"
#include "ritz/solve/semi_discrete.hpp"
#include "ritz/solve/solve.hpp"

namespace ritz::run {

/// inertia u'' + capacity u' + L u = f for one unknown, L linear and symmetric, on tensor cells:
/// operators applied cell by cell, steps solved by cg with multigrid. Operator and multigrid live
/// as long as the step's shifts and, where coefficients depend on t, the time stay the same.
class MatrixFreeEquations final : public solve::SemiDiscrete, public solve::TakesDirections {
 public:
  /// What it works on; all must outlive it.
  struct Parts {
    const mesh::Hierarchy& meshes;
    const fem::Space& space;
    const physics::Form& form;          ///< without the terms in time
    const physics::SystemForm& system;  ///< the whole
    const deck::Problem& problem;
    int order;  ///< highest derivative in time
    perf::Recorder& recorder;
    std::function<void(const std::string&)> remark;
    std::function<double()> seconds_left;  ///< empty: no limit
  };
  /// Collective.
  explicit MatrixFreeEquations(const Parts& parts);

  [[nodiscard]] const comm::Communicator& communicator() const override;
  [[nodiscard]] LocalId n_owned() const override { return parts_.space.n_owned; }
  [[nodiscard]] int order() const override { return parts_.order; }
  void prescribe(double time, int derivative, const la::Vector& u) override;
  solve::StageReport solve(const Stage& stage, const la::Vector& u) override;
  solve::StageReport highest_derivative(double time, const la::Vector& u, const la::Vector& rate,
                                        bool lumped, const la::Vector& result) override;
  [[nodiscard]] bool has_sweep() override;
  void sweep(double time, const la::Vector& u, const Hook& before,
             const la::Vector& result) override;
  void take_directions(const solve::Directions& directions) override;
  void save(solve::SavedState& state) const override;
  void restore(const solve::SavedState& state) override;

  /// Whether the mass matrix may be lumped by its row sums: those are nodal quadrature where cells
  /// are parallelepipeds and capacity or inertia constant in each. Collective.
  [[nodiscard]] bool can_lump();

  [[nodiscard]] std::string text() const { return text_; }  ///< of the operator. Local.
  struct Counts {
    int operators = 0, loads = 0, linear_solves = 0;
    long long linear_iterations = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const solve::Reuse& reuse() const { return *reuse_; }
  [[nodiscard]] const std::string& solver_text() const { return solver_text_; }

 private:
  /// One operator with what it was made for.
  struct Made {
    std::shared_ptr<la::HookedOperator> op;
    physics::Form form;
    double time = 0, rate_shift = 0, second_shift = 0;
  };
  [[nodiscard]] bool fits(const Made& made, double time, double rate_shift,
                          double second_shift) const;
  void make(Made& made, double time, double rate_shift, double second_shift,
            const fem::Constraints& fixed);
  void make_stage(double time, double rate_shift, double second_shift);
  [[nodiscard]] const la::HookedOperator& mass(int order, double time);
  [[nodiscard]] const fem::Constraints& prescribed(double time, int derivative);
  void load(const Made& made, double time);
  void make_stiffness(double time);
  [[nodiscard]] const la::Vector& lumped_mass(double time);

  Parts parts_;
  TimeDependence depends_;
  std::shared_ptr<solve::Reuse> reuse_;
  solve::Context context_;
  std::string text_, solver_text_;
  Made stage_, stiffness_;  ///< of the steps; without time terms
  Made mass_[2];
  bool mass_is_plain_[2] = {false, false};
  bool has_damping_ = false;
  la::Vector lumped_, inverse_lumped_;
  bool lumped_is_known_ = false, inverse_is_known_ = false;  ///< the same on all ranks
  la::Vector rhs_, work_;
  solve::Directions directions_;  ///< for the next solve
  la::Vector load_;               ///< right-hand side of load_of_ at load_time_
  bool load_is_zero_ = false;     ///< on all ranks
  double load_time_ = 0;
  const la::HookedOperator* load_of_ = nullptr;
  bool fixed_changes_ = false;
  fem::Constraints fixed_[3];
  std::vector<LocalId> fixed_dofs_;  ///< owned, prescribed
  fem::Constraints free_;            ///< nothing prescribed: mass matrices act on all
  double fixed_time_[3] = {0, 0, 0};
  bool fixed_known_[3] = {false, false, false};
  Counts counts_;
};

}  // namespace ritz::run
