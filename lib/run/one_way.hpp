#pragma once

// Linear systems of equations that need one another in one direction only; private to room run.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ritz/comm/exchange_plan.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/physics/system_form.hpp"
#include "ritz/solve/solve.hpp"

namespace ritz::run {

/// Unknowns that need each other, as groups in an order in which each needs only itself and those
/// before it: the strongly connected parts of "whose equation contains whom". Local.
[[nodiscard]] std::vector<std::vector<int>> one_way_groups(const physics::SystemForm& form);

/// Whether the Jacobian's block of a group is symmetric, as far as that is plain. Local.
[[nodiscard]] bool is_group_symmetric(const physics::SystemForm& form,
                                      const std::vector<int>& group);

/// Solves a block triangular system J d = r group by group: exact if every group is, each with a
/// preconditioner that fits it, which it keeps from one solve to the next.
class OneWaySolver {
 public:
  /// @param layout, rows of the whole Jacobian, component i of node n in row n * m + i; its values
  ///   are read at each solve
  /// @param plan the space's, of nodes
  /// @param context of the whole; `near_null_space` belongs to the group of that many components
  ///   as its vectors have
  /// Collective.
  OneWaySolver(const physics::SystemForm& form, std::vector<std::vector<int>> groups,
               const la::Layout& layout, const la::CsrMatrix& rows, const comm::ExchangePlan& plan,
               const solve::Context& context, const std::vector<la::Vector>& near_null_space,
               int null_space_group);
  ~OneWaySolver();

  /// What the groups' own blocks map to zero: of the whole, each vector with entries in one group's
  /// unknowns alone. Collective.
  void set_kernel(const la::Kernel& kernel);
  /// To be called when the values have changed. Local.
  void values_changed();

  struct Outcome {
    bool converged = true;
    int iterations = 0;
    double residual = 0;  ///< of the whole, relative to r
    solve::Status status = solve::Status::converged;
    std::string message;
    std::vector<std::string> notes;
    std::string solver;  ///< "T: cg+amg, ux uy: cg+amg"
  };
  /// d = J^-1 r; from what is in d if `has_guess`: that of a solve that was stopped. The context's
  /// `look` sees the whole d. Collective.
  Outcome solve(const la::Vector& r, const la::Vector& d, const deck::SolverOptions& options,
                bool has_guess = false);

  [[nodiscard]] int n_groups() const { return static_cast<int>(groups_.size()); }
  [[nodiscard]] int n_built() const;  ///< preconditioners made, of all groups
  [[nodiscard]] const solve::Reuse& reuse(int group) const;
  [[nodiscard]] bool is_symmetric(int group) const;

  /// What another run had: the preconditioner of a group, made from the values of now; then all
  /// groups' matrices, if they are those of now. Collective. Throw as solve::rebuild().
  void rebuild(int group, const deck::SolverOptions& options, const solve::Reuse::Age& age);
  void set_symmetric(int group, bool is_symmetric);
  void restore_values();

 private:
  struct Group;
  void copy_values(Group& group) const;
  void watch(Group& group, const la::Vector& d) const;

  int m_;
  la::Layout layout_;
  la::CsrMatrix rows_;
  const comm::ExchangePlan& plan_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<int> group_of_;  ///< [m]
  bool has_values_ = false;
  std::function<bool(const solve::Context::Moment&)> look_;
};

}  // namespace ritz::run
