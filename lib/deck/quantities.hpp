#pragma once

#include <string>

#include "document.hpp"
#include "report.hpp"

/// Values with units in a deck. Private to room deck.
namespace ritz::deck {

/// Turns every value with a unit ("210 GPa") where the registry has a number or a formula into a
/// plain number in the units of [units], remembering what was written, and reports units that do
/// not fit. Returns the deck's units, "mm, t, s, K", or "" if it states none.
std::string convert_quantities(Node& root, Report& report);

/// What `ritz explain` says of the dimension of the key at `path` of the registry: "Pa" or, by kind
/// of equation, "K m/s (heat without capacity)"; "" if values of it take no unit.
[[nodiscard]] std::string dimension_help(const std::string& path);

}  // namespace ritz::deck
