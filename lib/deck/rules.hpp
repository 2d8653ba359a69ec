#pragma once

#include "document.hpp"
#include "report.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::deck {

/// What no single key shows: keys that must agree with one another.
/// @param root the checked tree with its defaults
/// @param problem filled from it
void check_rules(const Node& root, const Problem& problem, Report& report);

/// Its parts: of the equation, its materials, time and initial values; of the conditions at the
/// boundary; of a box against its `dimension`.
void check_equation(const Node& root, const Problem& problem, Report& report);
void check_boundaries(const Node& root, const Problem& problem, Report& report);
void check_box(const Node& root, const Problem& problem, int dimension, Report& report);

}  // namespace ritz::deck
