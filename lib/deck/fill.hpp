#pragma once

#include "document.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::deck {

/// The typed structs of a checked tree with its defaults; what is invalid in the tree keeps the
/// struct's own default or is left out.
/// @param deck_file relative mesh files are found beside it
[[nodiscard]] Problem fill(const Node& root, const std::string& deck_file);

/// The absolute path of a mesh file named in the deck.
[[nodiscard]] std::string mesh_path(const std::string& deck_file, const std::string& name);

}  // namespace ritz::deck
