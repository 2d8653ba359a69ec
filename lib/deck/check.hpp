#pragma once

#include "document.hpp"
#include "report.hpp"

namespace ritz::deck {

/// Holds the tree against the registry: unknown and reserved keys, types, ranges, choices, what is
/// required and what does not go together with a sibling. Nodes with an error are marked invalid.
void check_tree(Node& root, Report& report);

/// Adds the defaults that are not given (with an empty place), those that depend on the dimension
/// of a box included.
void add_defaults(Node& root);

/// The value of `name` in `table` if it is there and right, else nullptr.
[[nodiscard]] const Node* valid(const Node* table, std::string_view name);

/// Number of dimensions of a box from mesh.cells; 0 if unknown or no box.
[[nodiscard]] int box_dimension(const Node& root);

}  // namespace ritz::deck
