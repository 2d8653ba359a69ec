#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ritz/base/error.hpp"

/// A TOML document as a tree of our own: keeps the order and the place of everything, so that files
/// can be merged and every later message can be located. Only document.cpp knows the TOML library.
namespace ritz::deck {

struct Entry;

struct Node {
  enum class Kind { boolean, integer, real, string, date, array, table };
  Kind kind = Kind::table;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0.0;
  std::string string;   ///< also the text of a date
  std::string raw;      ///< a number as it was written, if known
  std::string written;  ///< a value with a unit as it was written: the node holds its number
  std::vector<Node> items;
  std::vector<Entry> entries;  ///< of a table, in the order of the file
  std::map<std::string, std::size_t, std::less<>> index;

  base::Location where;  ///< of the value; empty = a default
  int inner_line = 0;    ///< of a string: its first character inside the quotes
  int inner_column = 0;
  bool invalid = false;  ///< an error has been reported: not to be used

  [[nodiscard]] bool is_number() const { return kind == Kind::integer || kind == Kind::real; }
  /// Value of a number.
  [[nodiscard]] double number() const {
    return kind == Kind::integer ? static_cast<double>(integer) : real;
  }
  [[nodiscard]] bool is_table_array() const;
  [[nodiscard]] Entry* find(std::string_view name);
  [[nodiscard]] const Entry* find(std::string_view name) const;
  /// The entry `name`, which is made (an empty table) if there is none.
  Entry& add(const std::string& name, const base::Location& key_where);
};

struct Entry {
  std::string name;
  base::Location where;  ///< of the key
  Node value;
};

/// "a table", "an integer" ...
[[nodiscard]] std::string kind_text(const Node& node);

/// A value for a message: numbers as written, strings quoted and shortened, else its kind.
[[nodiscard]] std::string shown(const Node& node);

/// `text` made fit for a message: control characters escaped, the middle of long text left out.
[[nodiscard]] std::string shown_text(std::string_view text, std::size_t longest = 60);

/// Parses the TOML text of `file`. On a syntax error reports it and returns nothing.
[[nodiscard]] std::optional<Node> parse_document(const std::string& file, std::string_view text,
                                                 base::Diagnostics& diagnostics);

/// Parses one TOML value; every place in it becomes `where`. Nothing if it is not exactly one
/// value.
[[nodiscard]] std::optional<Node> parse_value(std::string_view text, const base::Location& where);

/// `text` as a TOML string, or as a key (bare where possible).
[[nodiscard]] std::string quoted(std::string_view text);
[[nodiscard]] std::string key_text(std::string_view name);

}  // namespace ritz::deck
