#pragma once

#include <map>
#include <string>

#include "document.hpp"

namespace ritz::deck {

/// The checked tree with its defaults as a deck again: one key a line, with its origin. `files`:
/// what stands for the values of keys that name files, so that the deck can be read from anywhere.
[[nodiscard]] std::string effective_toml(const Node& root,
                                         const std::map<std::string, std::string>& files);

}  // namespace ritz::deck
