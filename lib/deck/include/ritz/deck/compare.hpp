#pragma once

#include <string>
#include <vector>

#include "ritz/base/error.hpp"

namespace ritz::deck {

/// A key with two values.
struct Change {
  std::string key;          ///< "boundary[0].value"
  std::string was;          ///< as TOML; empty: not set
  std::string is;           ///< as TOML; empty: not set
  bool may_change = false;  ///< when a run is resumed
};

/// What differs between two effective decks (Problem::effective_toml), in the order of the second;
/// the places where values come from do not count. Elements of arrays of tables are compared by
/// their number. Local. Throws Error(io) if the first is no TOML.
[[nodiscard]] std::vector<Change> changes(const std::string& before, const std::string& after);

}  // namespace ritz::deck
