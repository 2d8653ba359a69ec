#pragma once

#include <string>
#include <vector>

#include "document.hpp"
#include "report.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::deck {

/// Holds the tree against the registry: unknown and reserved keys, types, ranges, choices, what is
/// required and what does not go together with a sibling. Nodes with an error are marked invalid.
void check_tree(Node& root, Report& report);

/// Adds the defaults that are not given (with an empty place), those that depend on the dimension
/// of a box, on the kind of equation and on the unknowns included.
void add_defaults(Node& root);

/// Adds the defaults that depend on the orders of the equations in time, which `problem`, filled
/// from `root` after add_defaults(), tells: time.method and initial.rate.
void add_time_defaults(Node& root, const Problem& problem);

/// [checkpoint], which every run has. Local.
void add_checkpoint_defaults(Node& root);

/// The value of `name` in `table` if it is there and right, else nullptr.
[[nodiscard]] const Node* valid(const Node* table, std::string_view name);

/// Number of dimensions of a box from mesh.cells; 0 if unknown or no box.
[[nodiscard]] int box_dimension(const Node& root);

/// The word that the decider of `key` (Key::when) has in this deck, or its default; nullptr if that
/// is not known. `storage` may hold the word.
[[nodiscard]] const std::string* deciding_word(const Node& root, const Node& table, const Key& key,
                                               std::string& storage);

/// Whether `key` of `table` applies; not if its decider says otherwise or is not known.
[[nodiscard]] bool applies(const Node& root, const Node& table, const Key& key);

/// The unknowns as the deck names them, right or wrong.
struct UnknownNames {
  std::vector<std::string> names;
  bool known = true;     ///< false: equation.unknowns cannot be read
  bool elastic = false;  ///< components of the displacement
  bool thermal = false;  ///< behind the temperature T
  [[nodiscard]] bool several() const { return known && !elastic && names.size() > 1; }
};
[[nodiscard]] UnknownNames unknown_names(const Node& root);

}  // namespace ritz::deck
