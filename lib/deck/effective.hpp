#pragma once

#include <string>

#include "document.hpp"

namespace ritz::deck {

/// The checked tree with its defaults as a deck again: one key a line, with its origin.
[[nodiscard]] std::string effective_toml(const Node& root, const std::string& mesh_file);

}  // namespace ritz::deck
