#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/expr/expression.hpp"
#include "ritz/physics/form.hpp"

namespace ritz::run {

/// Names that expressions of a deck may use: x, y, z, t (and more where given) and the parameters.
[[nodiscard]] expr::Symbols symbols(const deck::Problem& problem,
                                    const std::vector<std::string>& further_variables = {});

/// Names that time.stop_when may use: t, then max(u) and min(u) of each unknown, and the
/// parameters.
[[nodiscard]] expr::Symbols stop_symbols(const deck::Problem& problem);

/// Compiles a formula; an error goes to `diagnostics` at the formula's place in the deck (with the
/// caret) and gives nothing. `key` names the formula in messages. Local.
[[nodiscard]] std::optional<expr::Expression> compile(const deck::Formula& formula,
                                                      const std::string& key, expr::Type type,
                                                      const expr::Symbols& symbols,
                                                      base::Diagnostics& diagnostics);

/// The deck's equation on a mesh with these names. Everything wrong goes to `diagnostics`; the form
/// is usable only if there are no errors. Local and the same on every rank.
/// `dimension`: of the mesh. Boundaries keep the deck's order; "rest" refers to the set of that
/// name.
[[nodiscard]] physics::Form make_form(const deck::Problem& problem, int dimension,
                                      const std::vector<std::string>& region_names,
                                      const std::vector<std::string>& set_names,
                                      base::Diagnostics& diagnostics);

/// The deck's own form with the reaction raised by rate_shift times the capacity and second_shift
/// times the inertia: what an implicit step of a linear equation of one unknown solves. Formulas
/// are those that make_form() and make_system() found good. Local.
[[nodiscard]] physics::Form shifted_form(const deck::Problem& problem, const physics::Form& form,
                                         const std::vector<std::string>& region_names,
                                         double rate_shift, double second_shift);

/// Capacity (order 1) or inertia (order 2) as the only term, a reaction: the mass matrix. Local.
[[nodiscard]] physics::Form mass_form(const deck::Problem& problem, const physics::Form& form,
                                      const std::vector<std::string>& region_names, int order);

/// Whether a coefficient of the operator (not of the right-hand side), or one of the right-hand
/// side, depends on t. Local.
struct TimeDependence {
  bool matrix = false, load = false;
};
[[nodiscard]] TimeDependence time_dependence(const physics::Form& form);

/// The source 1 and nothing else, in as many regions: its load is the integrals of the basis
/// functions, the weights of the mean that is fixed when no value is prescribed. Local.
[[nodiscard]] physics::Form mean_form(const physics::Form& form);

/// Every other formula of the deck (sets, integrals, verify): compiled only to report what is
/// wrong.
void check_formulas(const deck::Problem& problem, base::Diagnostics& diagnostics);

}  // namespace ritz::run
