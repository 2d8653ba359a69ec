#pragma once

#include "document.hpp"
#include "report.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::deck {

/// What no single key shows: keys that must agree with one another.
/// @param root the checked tree with its defaults
/// @param problem filled from it
void check_rules(const Node& root, const Problem& problem, Report& report);

}  // namespace ritz::deck
