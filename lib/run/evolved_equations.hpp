#pragma once

// The equations of a run, with or without a matrix; private to room run.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "assembled_equations.hpp"
#include "evolution.hpp"
#include "matrix_free_equations.hpp"

namespace ritz::run {

/// Its name in the deck.
[[nodiscard]] std::string method_name(deck::TimeMethod method);

/// Chooses what the form is solved with and makes it: MatrixFreeEquations for a linear equation of
/// one unknown in time where that wins, AssembledEquations (its Jacobian stored or not) otherwise.
class EvolvedEquations {
 public:
  /// `seconds_left`: until the run has to stop; empty: no limit. `look`: as
  /// AssembledEquations::Parts'. `parts` must outlive it.
  /// Collective. Throws Error(deck) on every rank where the deck asks for an operator that does not
  /// go with its equations.
  EvolvedEquations(const EvolutionParts& parts, std::function<double()> seconds_left,
                   AssembledEquations::Look look = {});

  [[nodiscard]] solve::SemiDiscrete& semi_discrete();
  [[nodiscard]] AssembledEquations& assembled() { return *assembled_; }  ///< steady: always there
  /// Values of each unknown at all local nodes: [m][n_local]. Collective.
  [[nodiscard]] std::vector<std::vector<double>> fields_of(const la::Vector& u) const;
  /// Linear systems, operators and preconditioners so far, into log and performance record.
  void tell_reuse() const;

 private:
  /// Linear equations in time go without a matrix where steady ones would.
  [[nodiscard]] bool goes_without_matrix() const;
  /// Whether AssembledEquations go without a matrix.
  [[nodiscard]] bool has_operator() const;
  void tell() const;
  [[nodiscard]] std::string implicit_text(const physics::SystemTraits& traits) const;

  const EvolutionParts& parts_;
  std::optional<AssembledEquations> assembled_;  ///< one of the two
  std::optional<MatrixFreeEquations> without_matrix_;
};

}  // namespace ritz::run
