#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

/// The one declaration of every key a deck may hold. Parsing, checks, explain, the JSON Schema,
/// configs/reference.toml, docs/deck.md and the effective deck are all made from it.
namespace ritz::deck {

/// What a key holds, in TOML's terms.
enum class Type {
  table,         ///< [table]
  table_array,   ///< [[table]]
  boolean,       ///< true or false
  integer,       ///< whole number
  real,          ///< number; whole numbers are accepted
  string,        ///< text that is not empty unless the default is
  path,          ///< file or folder name
  choice,        ///< one of `choices`
  real_or_word,  ///< number, or one of `choices`
  name,          ///< a name that exists elsewhere (set, region, probe)
  names,         ///< list of names, or one name
  strings,       ///< list of texts, or one text
  integers,      ///< list of whole numbers
  reals,         ///< list of numbers
  formula,       ///< number, or text with an expression
  condition,     ///< text with an expression that is true or false
  formulas,      ///< list of formulas; one formula stands for a list of one
  tensor,        ///< formula, [diagonal] or [[rows], ...]
  bytes,         ///< number of bytes, or text such as "8 GiB"
  duration,      ///< number of seconds, or text such as "2 h 30 min" or "2:30:00"
  passed         ///< table whose content goes to Trilinos as it is
};

/// Bounds of a number (of each entry of a list).
struct Range {
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  bool lower_open = false;  ///< the bound itself is not allowed
  bool upper_open = false;

  [[nodiscard]] bool contains(double value) const;
  /// "> 0", ">= 1", "1 to 8", "> 0 and < 1"; empty without bounds.
  [[nodiscard]] std::string text() const;
};

/// One key, or one table. Paths are dotted; "[]" marks an array of tables ("boundary[].value") and
/// a segment "*" stands for names of the user's choice ("parameters.*", "equation.*.source"), which
/// may stand beside fixed keys; those come first.
struct Key {
  std::string path;
  Type type = Type::table;
  std::string unit{};           ///< "1" = a plain number, "" = none applies
  std::string fallback{};       ///< the default as TOML text; "" = none
  std::string fallback_note{};  ///< in words, where the default depends on other keys or is "unset"
  bool required = false;        ///< must be given (where `when` applies)
  std::string required_note{};  ///< in words, when it need not be given all the same
  std::string example{};        ///< TOML text for the reference where there is no default
  Range range{};
  std::vector<std::string> choices{};
  std::vector<std::string>
      choice_help{};  ///< what each choice means, if it needs a line of its own
  std::vector<std::string>
      later{};  ///< choices whose names are taken and that come in a later version
  int min_items = 0, max_items = 0;  ///< of lists; max 0 = no bound
  /// The key that decides whether this one applies: a sibling ("kind") or, with a dot, one of a
  /// table of the deck ("equation.kind") ...
  std::string when{};
  std::vector<std::string> when_values{};  ///< ... which is so when it has one of these values
  std::string help{};
  bool may_change_on_restart = false;
  bool opt_in = false;   ///< a table that, absent, is not one with its defaults
  bool in_line = false;  ///< a table that is written as name = { ... }
  /// A coefficient of one unknown: in [equation] it is there for the only one.
  bool per_unknown = false;
  bool unknown_names = false;  ///< of "*": the names are those of the unknowns
  std::string since = "0.1";

  /// Last segment: "tolerance"; of arrays of tables without the "[]".
  [[nodiscard]] std::string name() const;
  /// Path of the table it is in: "solver", "boundary[]", "" for the top.
  [[nodiscard]] std::string parent() const;
  /// Path of the key `when` names.
  [[nodiscard]] std::string decider() const;
};

/// All keys, tables before what they hold, in the order in which a deck is best read.
[[nodiscard]] const std::vector<Key>& registry();

/// The key at `path` as the registry writes it, or nullptr.
[[nodiscard]] const Key* find_key(std::string_view path);

/// The keys and tables directly in table `path` ("" = the top), in registry order.
[[nodiscard]] const std::vector<const Key*>& keys_of(const std::string& path);

/// What a reserved name is kept for ("adaptive meshes"), or nullptr if `path` is not
/// reserved.
[[nodiscard]] const std::string* reserved_for(std::string_view path);

/// Names that a parameter may not have: the variables, constants, functions and words of
/// expressions.
[[nodiscard]] const std::vector<std::string>& reserved_parameter_names();

/// Names that an unknown may not have: those of a parameter but "u", the derivatives of
/// expressions, and the keys of the tables in which unknowns are named.
[[nodiscard]] const std::vector<std::string>& reserved_unknown_names();

/// Type, range and choices of `key` in a few words: "number > 0 and < 1", "one of "box", "file"".
[[nodiscard]] std::string type_text(const Key& key);

/// Where a key with a decider applies: `kind = "box"`, `any kind but "elasticity"`; else "".
[[nodiscard]] std::string when_text(const Key& key);

/// Everything about one key for people; a table lists its keys, "" the tables of a deck. Indices
/// are ignored: "boundary[0].value" and "boundary.value" are "boundary[].value".
/// @throws base::Error (deck) for a key that does not exist, with the nearest spelling, and for a
///   reserved one.
[[nodiscard]] std::string explain(std::string_view key);

/// JSON Schema, draft 4 (what Taplo and Even Better TOML read), of a whole deck.
[[nodiscard]] std::string json_schema();

/// configs/reference.toml: a deck with every key, its help and its default.
[[nodiscard]] std::string reference_toml();

/// docs/deck.md: the same for reading.
[[nodiscard]] std::string reference_markdown();

}  // namespace ritz::deck
