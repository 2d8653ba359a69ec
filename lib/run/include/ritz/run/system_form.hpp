#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/mesh/cell_type.hpp"
#include "ritz/physics/form.hpp"
#include "ritz/physics/system_form.hpp"

namespace ritz::run {

/// Name of the set that "rest" stands for in the [[boundary]] tables of one unknown: with several
/// unknowns each has its own.
[[nodiscard]] std::string rest_set_name(const deck::Problem& problem, int unknown);

/// The axis across which the facets of a set lie: 0, 1 or 2; -1 if they lie in no plane along the
/// other axes. For boundary.symmetry.
using AxisOfSet = std::function<int(std::int16_t set)>;

/// The deck's equations as a semi-discrete system on a mesh with these names: whatever the deck may
/// say, linear or not, steady or in time, one unknown or several, elasticity. Everything wrong goes
/// to `diagnostics`, at its place in the deck; the form is usable only if there are no errors.
/// `supg`: with the terms of choose_stabilisation().on, for cells of this type. Local and the same
/// on every rank.
[[nodiscard]] physics::SystemForm make_system(const deck::Problem& problem, int dimension,
                                              const std::vector<std::string>& region_names,
                                              const std::vector<std::string>& set_names,
                                              const AxisOfSet& axis_of_set,
                                              base::Diagnostics& diagnostics,
                                              std::optional<mesh::CellType> supg = {});

/// The two halves of make_system()'s form for imex methods, for a deck that it found right: the
/// explicit one has the terms of time.explicit of the equations with a time derivative, and the
/// values that boundaries prescribe; the implicit one all others. Local.
struct SplitSystem {
  physics::SystemForm implicit_form, explicit_form;
};
[[nodiscard]] SplitSystem split_system(const deck::Problem& problem, int dimension,
                                       const std::vector<std::string>& region_names,
                                       const std::vector<std::string>& set_names,
                                       const AxisOfSet& axis_of_set,
                                       std::optional<mesh::CellType> supg = {});

/// Whether time.method is one of the imex methods.
[[nodiscard]] bool is_imex(const deck::Problem& problem);

/// What boundaries prescribe for one unknown, or its first or second derivative in time, and
/// nothing else: for assembly::fixed_values(). Local.
[[nodiscard]] physics::Form prescribing_form(const physics::SystemForm& form, int unknown,
                                             int derivative);

/// Whether make_form() describes the equation but for its terms in time: one unknown, and no
/// formula depends on it. Local.
[[nodiscard]] bool has_linear_form(const deck::Problem& problem, const physics::SystemForm& form);

/// Whether the equation is more than the steady linear one of a single unknown that
/// physics::Form describes.
[[nodiscard]] bool needs_system(const deck::Problem& problem, const physics::SystemForm& form);

}  // namespace ritz::run
