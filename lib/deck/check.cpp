#include "check.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <cmath>

#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"
#include "values.hpp"

namespace ritz::deck {

const Node* valid(const Node* table, std::string_view name) {
  if (table == nullptr || table->kind != Node::Kind::table || table->invalid) return nullptr;
  const Entry* entry = table->find(name);
  return entry == nullptr || entry->value.invalid ? nullptr : &entry->value;
}

int box_dimension(const Node& root) {
  const Node* mesh = valid(&root, "mesh");
  const Node* kind = valid(mesh, "kind");
  const Node* cells = valid(mesh, "cells");
  return kind != nullptr && kind->string == "box" && cells != nullptr
             ? static_cast<int>(cells->items.size())
             : 0;
}

namespace {

/// What comes after a message about a wrong value.
std::string default_text(const Key& key) {
  if (!key.fallback.empty()) return "; default is " + key.fallback;
  return "";
}

/// One formula: a finite number or text that is not empty. Its reason for refusal, or "".
std::string formula_refusal(const Node& node) {
  if (node.kind == Node::Kind::string) {
    return node.string.find_first_not_of(" \t\r\n") == std::string::npos ? "must not be empty" : "";
  }
  if (node.is_number()) return std::isfinite(node.number()) ? "" : "must be a finite number";
  return "expected a number or an expression in quotes, got " + kind_text(node);
}

std::string number_refusal(const Node& node, const Key& key) {
  if (!std::isfinite(node.number())) return "must be a finite number";
  return key.range.contains(node.number()) ? "" : "must be " + key.range.text();
}

class Checker {
 public:
  Checker(Report& report) : report_(report) {}

  /// @param path of the table in the registry, "" for the top
  /// @param told the same with indices, for messages
  void table(Node& node, const std::string& path, const std::string& told) {
    for (Entry& entry : node.entries) {
      if (path.empty() && entry.name == "include") continue;  // done with
      const std::string full =
          told.empty() ? key_text(entry.name) : told + "." + key_text(entry.name);
      const Key* key = child(path, entry.name);
      if (key == nullptr) {
        unknown(entry, path, told, full);
        entry.value.invalid = true;
      } else if (const std::string reason = not_applicable(*key, node, told); !reason.empty()) {
        error(entry.where, full, reason);
        entry.value.invalid = true;
      } else {
        value(entry.value, *key, full);
      }
    }
    if (report_.incomplete()) return;
    for (const Key* key : keys_of(path)) {
      const std::string name = key->name();
      if (!key->required || node.find(name) != nullptr || !applies(*key, node)) continue;
      const std::string full = told.empty() ? name : told + "." + name;
      const bool is_table = key->type == Type::table || key->type == Type::table_array;
      const std::string shown_key = key->type == Type::table         ? "[" + full + "]"
                                    : key->type == Type::table_array ? "[[" + full + "]]"
                                                                     : full;
      report_.error(node.where,
                    shown_key +
                        " is missing: " + (is_table ? key->help : "expected " + type_text(*key)) +
                        (is_table ? "" : fmt::format("; for example {} = {}", name, key->example)));
    }
  }

 private:
  static const Key* child(const std::string& path, const std::string& name) {
    const std::string prefix = path.empty() ? "" : path + ".";
    // Brackets are the registry's own signs, '*' its wildcard.
    if (name.find_first_of("[]*.") == std::string::npos) {
      for (const std::string& each : {prefix + name, prefix + name + "[]"}) {
        if (const Key* key = find_key(each)) return key;
      }
    }
    return find_key(prefix + "*");
  }

  void error(const base::Location& where, const std::string& full, const std::string& text) {
    if (report_.full()) {
      report_.error(where, {});
      return;
    }
    report_.error(where, shown_text(full) + text);
  }

  /// " = value (reason); default is ..."
  void refuse(Node& node, const Key& key, const std::string& full, const std::string& reason) {
    node.invalid = true;
    if (report_.full()) {
      report_.error(node.where, {});
      return;
    }
    report_.error(node.where, fmt::format("{} = {} ({}){}", shown_text(full), shown(node), reason,
                                          default_text(key)));
  }

  void wrong_type(Node& node, const Key& key, const std::string& full,
                  const std::string& hint = "") {
    node.invalid = true;
    if (report_.full()) {
      report_.error(node.where, {});
      return;
    }
    const bool scalar = node.kind != Node::Kind::table && node.kind != Node::Kind::array;
    report_.error(node.where, fmt::format("{}{} (expected {}, got {}{}){}", shown_text(full),
                                          scalar ? " = " + shown(node) : "", type_text(key),
                                          kind_text(node), hint, default_text(key)));
  }

  /// The word that a sibling key has, or its default; nullptr if that is not known.
  static const std::string* sibling(const Node& table, const Key& key, std::string& storage) {
    if (const Entry* entry = table.find(key.when)) {
      return entry->value.invalid || entry->value.kind != Node::Kind::string ? nullptr
                                                                             : &entry->value.string;
    }
    const std::string parent = key.parent();
    const Key* decider = find_key(parent + "." + key.when);
    if (decider == nullptr || decider->fallback.size() < 2) return nullptr;
    storage = decider->fallback.substr(1, decider->fallback.size() - 2);
    return &storage;
  }

  /// False only if the sibling says that the key does not apply or is unknown.
  static bool applies(const Key& key, const Node& table) {
    if (key.when.empty()) return true;
    std::string storage;
    const std::string* word = sibling(table, key, storage);
    return word != nullptr && std::find(key.when_values.begin(), key.when_values.end(), *word) !=
                                  key.when_values.end();
  }

  static std::string not_applicable(const Key& key, const Node& table, const std::string& told) {
    if (key.when.empty() || applies(key, table)) return "";
    std::string storage;
    const std::string* word = sibling(table, key, storage);
    if (word == nullptr) return "";  // nobody knows which: that is reported at the sibling
    const Key* decider = find_key(key.parent() + "." + key.when);
    if (std::find(decider->choices.begin(), decider->choices.end(), *word) ==
        decider->choices.end()) {
      return "";
    }
    std::vector<std::string> values;
    for (const std::string& each : key.when_values) values.push_back(quoted(each));
    return fmt::format(" does not go with {}.{} = {} (it needs {})", told, key.when, quoted(*word),
                       base::list(values, "or"));
  }

  void unknown(const Entry& entry, const std::string& path, const std::string& told,
               const std::string& full) {
    if (report_.full()) {
      report_.error(entry.where, {});
      return;
    }
    const std::string prefix = path.empty() ? "" : path + ".";
    if (const std::string* reason = reserved_for(prefix + entry.name)) {
      error(entry.where, full, " is reserved for a later version (" + *reason + ")");
      return;
    }
    std::vector<std::string> names;
    for (const Key* key : keys_of(path)) names.push_back(key->name());
    std::string text = ": unknown key";
    const auto same = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return base::lower_case(name) == base::lower_case(entry.name);
    });
    if (same != names.end()) {
      text += fmt::format("; keys are case-sensitive: write '{}'", *same);
    } else if (const auto near = base::nearest(entry.name, names)) {
      text += fmt::format("; did you mean '{}'?", *near);
    } else {
      std::vector<std::string> elsewhere;
      for (const Key& key : registry()) {
        if (key.name() == entry.name && !key.path.ends_with("*")) elsewhere.push_back(key.path);
      }
      if (!elsewhere.empty()) text += "; there is " + base::list(elsewhere, "or");
    }
    if (!text.ends_with("?")) text += ";";
    const std::string table = path.empty()           ? "a deck"
                              : path.ends_with("[]") ? "[[" + path.substr(0, path.size() - 2) + "]]"
                                                     : "[" + told + "]";
    error(entry.where, full, fmt::format("{} keys of {}: {}", text, table, base::list(names)));
  }

  void value(Node& node, const Key& key, const std::string& full) {
    switch (key.type) {
      case Type::table:
        if (node.kind == Node::Kind::table) {
          table(node, key.path, full);
        } else if (const std::string* reason = reserved_for(key.path + "[]");
                   reason != nullptr && node.is_table_array()) {
          error(node.where, fmt::format("[[{}]]", full),
                fmt::format(" is reserved for a later version ({})", *reason));
          node.invalid = true;
        } else {
          wrong_type(node, key, full, node.is_table_array() ? "; write [" + full + "]" : "");
        }
        break;
      case Type::table_array:
        if (node.is_table_array()) {
          for (std::size_t i = 0; i < node.items.size(); ++i) {
            table(node.items[i], key.path, fmt::format("{}[{}]", full, i));
          }
        } else if (node.kind == Node::Kind::table) {
          wrong_type(node, key, full, "; write [[" + full + "]]");
        } else if (node.kind != Node::Kind::array || !node.items.empty() || key.required) {
          wrong_type(node, key, full);
        }
        break;
      case Type::boolean:
        if (node.kind != Node::Kind::boolean) wrong_type(node, key, full);
        break;
      case Type::integer:
        integer(node, key, full);
        break;
      case Type::real:
        real(node, key, full);
        break;
      case Type::string:
      case Type::path:
      case Type::name:
        text(node, key, full);
        break;
      case Type::choice:
        choice(node, key, full);
        break;
      case Type::names:
      case Type::strings:
      case Type::integers:
      case Type::reals:
        list(node, key, full);
        break;
      case Type::formula:
        if (const std::string why = formula_refusal(node); !why.empty())
          refuse(node, key, full, why);
        break;
      case Type::condition:
        if (node.kind != Node::Kind::string) {
          wrong_type(node, key, full);
        } else if (const std::string why = formula_refusal(node); !why.empty()) {
          refuse(node, key, full, why);
        }
        break;
      case Type::formulas:
        formulas(node, key, full);
        break;
      case Type::tensor:
        tensor(node, key, full);
        break;
      case Type::bytes:
        quantity(node, key, full, parse_bytes);
        break;
      case Type::duration:
        quantity(node, key, full, parse_duration);
        break;
      case Type::passed:
        if (node.kind == Node::Kind::table) {
          passed(node, full);
        } else {
          wrong_type(node, key, full);
        }
        break;
    }
  }

  void integer(Node& node, const Key& key, const std::string& full) {
    if (node.kind == Node::Kind::real) {
      const bool whole = std::isfinite(node.real) && std::abs(node.real) < 1e15 &&
                         std::floor(node.real) == node.real;
      wrong_type(node, key, full, whole ? fmt::format("; write {:.0f}", node.real) : "");
    } else if (node.kind != Node::Kind::integer) {
      wrong_type(node, key, full);
    } else if (key.path == "deck_version" && node.integer != 1) {
      refuse(node, key, full, "this program reads version 1 of the deck's language only");
    } else if (const std::string why = number_refusal(node, key); !why.empty()) {
      refuse(node, key, full, why);
    }
  }

  void real(Node& node, const Key& key, const std::string& full) {
    if (!node.is_number()) {
      wrong_type(node, key, full,
                 node.kind == Node::Kind::string && key.path.starts_with("parameters.")
                     ? "; parameters are plain numbers"
                     : "");
    } else if (const std::string why = number_refusal(node, key); !why.empty()) {
      refuse(node, key, full, why);
    }
  }

  void text(Node& node, const Key& key, const std::string& full) {
    if (node.kind != Node::Kind::string) {
      wrong_type(node, key, full);
    } else if (node.string.empty() && key.fallback != "\"\"") {
      refuse(node, key, full, "must not be empty");
    } else if (std::any_of(node.string.begin(), node.string.end(), [](char c) {
                 return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
               })) {
      refuse(node, key, full, "must not hold control characters");
    }
  }

  void choice(Node& node, const Key& key, const std::string& full) {
    if (node.kind != Node::Kind::string) {
      wrong_type(node, key, full);
      return;
    }
    if (std::find(key.choices.begin(), key.choices.end(), node.string) != key.choices.end()) return;
    std::string why;
    if (std::find(key.later.begin(), key.later.end(), node.string) != key.later.end()) {
      why = "not in this version; ";
    } else if (const auto near = base::nearest(node.string, key.choices)) {
      why = fmt::format("did you mean {}? ", quoted(*near));
    }
    refuse(node, key, full, why + "must be " + type_text(key));
  }

  void list(Node& node, const Key& key, const std::string& full) {
    const bool words = key.type == Type::names || key.type == Type::strings;
    if (words && node.kind == Node::Kind::string) {
      if (node.string.empty()) refuse(node, key, full, "must not be empty");
      if (node.invalid) return;
      Node word = node;
      node = {};
      node.kind = Node::Kind::array;
      node.where = word.where;
      node.items.push_back(std::move(word));
    }
    if (node.kind != Node::Kind::array) {
      wrong_type(node, key, full,
                 !words && node.is_number() ? fmt::format("; write [{}]", shown(node)) : "");
      return;
    }
    if (!count(node, key, full)) return;
    const Type type = key.type == Type::names      ? Type::name
                      : key.type == Type::strings  ? Type::string
                      : key.type == Type::integers ? Type::integer
                                                   : Type::real;
    const Key item{.path = key.path, .type = type, .range = key.range};
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      value(node.items[i], item, fmt::format("{}[{}]", full, i));
      if (node.items[i].invalid) node.invalid = true;
    }
  }

  /// Whether a list has an allowed number of entries.
  bool count(Node& node, const Key& key, const std::string& full) {
    const auto n = static_cast<int>(std::min<std::size_t>(node.items.size(), 1'000'000'000));
    if (n >= key.min_items && (key.max_items == 0 || n <= key.max_items)) return true;
    node.invalid = true;
    if (report_.full()) {
      report_.error(node.where, {});
      return false;
    }
    report_.error(node.where, fmt::format("{} has {} {} (expected {})", shown_text(full), n,
                                          n == 1 ? "entry" : "entries", type_text(key)));
    return false;
  }

  void formulas(Node& node, const Key& key, const std::string& full) {
    if (node.kind == Node::Kind::string || node.is_number()) {
      if (const std::string why = formula_refusal(node); !why.empty()) refuse(node, key, full, why);
      if (node.invalid) return;
      Node only = node;
      node = {};
      node.kind = Node::Kind::array;
      node.where = only.where;
      node.items.push_back(std::move(only));
      return;
    }
    if (node.kind != Node::Kind::array) {
      wrong_type(node, key, full);
      return;
    }
    if (count(node, key, full)) entries(node, key, full);
  }

  /// Checks that every entry of a list is a formula.
  void entries(Node& node, const Key& key, const std::string& full) {
    const Key item{.path = key.path, .type = Type::formula};
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      value(node.items[i], item, fmt::format("{}[{}]", full, i));
      if (node.items[i].invalid) node.invalid = true;
    }
  }

  void tensor(Node& node, const Key& key, const std::string& full) {
    if (node.kind != Node::Kind::array) {
      if (const std::string why = formula_refusal(node); !why.empty()) refuse(node, key, full, why);
      return;
    }
    const std::size_t n = node.items.size();
    const auto is_row = [](const Node& item) { return item.kind == Node::Kind::array; };
    const bool rows = std::any_of(node.items.begin(), node.items.end(), is_row);
    if (n == 0 || n > 3) {
      node.invalid = true;
      error(node.where, full,
            fmt::format(" has {} entries (expected one a dimension, 1 to 3, or as many rows)", n));
      return;
    }
    if (!rows) {
      entries(node, key, full);
      return;
    }
    for (std::size_t i = 0; i < n; ++i) {
      Node& row = node.items[i];
      const std::string told = fmt::format("{}[{}]", full, i);
      if (!is_row(row)) {
        node.invalid = true;
        error(
            row.where, told,
            fmt::format(" is {} (expected a row of {} entries, as the others)", kind_text(row), n));
      } else if (row.items.size() != n) {
        node.invalid = true;
        error(row.where, told,
              fmt::format(" has {} {} (expected {}: a tensor of {} rows is square)",
                          row.items.size(), row.items.size() == 1 ? "entry" : "entries", n, n));
      } else {
        entries(row, key, told);
        if (row.invalid) node.invalid = true;
      }
    }
  }

  template <class Parser>
  void quantity(Node& node, const Key& key, const std::string& full, const Parser& parser) {
    double number = 0.0;
    if (node.is_number()) {
      number = node.number();
    } else if (node.kind == Node::Kind::string) {
      std::string allowed;
      const auto parsed = parser(node.string, allowed);
      if (!parsed) {
        refuse(node, key, full, "expected " + allowed);
        return;
      }
      number = *parsed;
    } else {
      wrong_type(node, key, full);
      return;
    }
    if (!std::isfinite(number)) {
      refuse(node, key, full, "must be a finite number");
    } else if (!key.range.contains(number)) {
      refuse(node, key, full, "must be " + key.range.text());
    }
  }

  void passed(Node& node, const std::string& full) {
    for (Entry& entry : node.entries) {
      const std::string told = full + "." + key_text(entry.name);
      Node& item = entry.value;
      if (item.kind == Node::Kind::table) {
        passed(item, told);
      } else if (item.kind == Node::Kind::array || item.kind == Node::Kind::date) {
        item.invalid = true;
        error(
            item.where, told,
            fmt::format(" is {} (expected a number, a string, true or false, or a table; Trilinos "
                        "takes lists as text such as \"{{1, 2}}\")",
                        kind_text(item)));
      } else if (item.kind == Node::Kind::real && !std::isfinite(item.real)) {
        item.invalid = true;
        error(item.where, told, fmt::format(" = {} (must be a finite number)", shown(item)));
      }
    }
  }

  Report& report_;
};

void add_table_defaults(Node& table, const std::string& path) {
  for (const Key* key : keys_of(path)) {
    const std::string name = key->name();
    if (key->path.ends_with("*") || name == "include") continue;
    Entry* entry = table.find(name);
    if (key->type == Type::table) {
      // An absent robin is not a robin with defaults.
      if (entry == nullptr && !key->path.starts_with("boundary[]")) entry = &table.add(name, {});
      if (entry != nullptr && !entry->value.invalid && entry->value.kind == Node::Kind::table) {
        add_table_defaults(entry->value, key->path);
      }
    } else if (key->type == Type::table_array) {
      if (entry == nullptr || entry->value.invalid) continue;
      for (Node& item : entry->value.items) {
        if (item.kind == Node::Kind::table) add_table_defaults(item, key->path);
      }
    } else if (!key->fallback.empty() && (entry == nullptr || entry->value.invalid)) {
      if (!key->when.empty()) {
        const Node* decider = valid(&table, key->when);
        if (decider == nullptr || std::find(key->when_values.begin(), key->when_values.end(),
                                            decider->string) == key->when_values.end()) {
          continue;
        }
      }
      Entry& added = table.add(name, {});
      added.value = *parse_value(key->fallback, {});
    }
  }
}

/// `n` times the number `value`.
Node constant_list(int n, double value) {
  Node list;
  list.kind = Node::Kind::array;
  Node number;
  number.kind = Node::Kind::real;
  number.real = value;
  list.items.assign(static_cast<std::size_t>(n), number);
  return list;
}

}  // namespace

void check_tree(Node& root, Report& report) {
  Checker(report).table(root, "", "");
}

void add_defaults(Node& root) {
  add_table_defaults(root, "");
  if (const int d = box_dimension(root); d > 0) {
    Node& mesh = root.find("mesh")->value;
    const auto give = [&mesh](const char* name, Node value) {
      Entry& entry = mesh.add(name, {});
      const bool absent = entry.value.kind == Node::Kind::table && entry.value.where.file.empty();
      if (absent || entry.value.invalid) entry.value = std::move(value);
    };
    give("lower", constant_list(d, 0.0));
    give("upper", constant_list(d, 1.0));
    give("grading", constant_list(d, 1.0));
    Node type;
    type.kind = Node::Kind::string;
    type.string = d == 1 ? "line" : d == 2 ? "quad" : "hex";
    give("cell_type", std::move(type));
  }
  for (const char* name : {"probe", "integral"}) {
    Entry* entry = root.find(name);
    if (entry == nullptr || entry->value.invalid) continue;
    int number = 0;
    for (Node& item : entry->value.items) {
      ++number;
      if (item.kind != Node::Kind::table || item.find("name") != nullptr) continue;
      Node& value = item.add("name", {}).value;
      value.kind = Node::Kind::string;
      value.string = fmt::format("{}{}", name, number);
    }
  }
}

}  // namespace ritz::deck
