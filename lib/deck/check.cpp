#include "check.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <cmath>

#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
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

const std::string* deciding_word(const Node& root, const Node& table, const Key& key,
                                 std::string& storage) {
  const Node* place = &table;
  std::string_view name = key.when;
  const std::size_t dot = name.find('.');
  if (dot != std::string_view::npos) {
    const Entry* entry = root.find(name.substr(0, dot));
    if (entry == nullptr || entry->value.kind != Node::Kind::table) return nullptr;
    place = &entry->value;
    name.remove_prefix(dot + 1);
  }
  if (const Entry* entry = place->find(name)) {
    return entry->value.invalid || entry->value.kind != Node::Kind::string ? nullptr
                                                                           : &entry->value.string;
  }
  const Key* decider = find_key(key.decider());
  if (decider == nullptr || decider->fallback.size() < 2) return nullptr;
  storage = decider->fallback.substr(1, decider->fallback.size() - 2);
  return &storage;
}

bool applies(const Node& root, const Node& table, const Key& key) {
  if (key.when.empty()) return true;
  std::string storage;
  const std::string* word = deciding_word(root, table, key, storage);
  return word != nullptr &&
         std::find(key.when_values.begin(), key.when_values.end(), *word) != key.when_values.end();
}

UnknownNames unknown_names(const Node& root) {
  UnknownNames result;
  const Node* equation = valid(&root, "equation");
  const Node* kind = valid(equation, "kind");
  if (kind != nullptr && (kind->string == "elasticity" || kind->string == "thermo-elasticity")) {
    result.elastic = true;
    result.thermal = kind->string == "thermo-elasticity";
    result.names = {"ux", "uy", "uz"};
    if (const int d = box_dimension(root); d > 0) result.names.resize(std::min<std::size_t>(d, 3));
    if (result.thermal) result.names.insert(result.names.begin(), temperature_name);
    return result;
  }
  const Entry* entry = equation == nullptr ? nullptr : equation->find("unknowns");
  if (entry == nullptr) {
    result.names = {"u"};
    return result;
  }
  const Node& list = entry->value;
  if (list.kind == Node::Kind::string && !list.string.empty()) result.names = {list.string};
  for (const Node& item : list.items) {
    if (item.kind != Node::Kind::string || item.string.empty()) result.known = false;
    result.names.push_back(item.string);
  }
  result.known = result.known && !list.invalid && !result.names.empty();
  return result;
}

namespace {

/// What comes after a message about a wrong value.
std::string default_text(const Key& key) {
  if (!key.fallback.empty()) return "; default is " + key.fallback;
  return "";
}

std::string first_sentence(const std::string& text) {
  const std::size_t stop = text.find(". ");
  return stop == std::string::npos ? text : text.substr(0, stop + 1);
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
  Checker(const Node& root, Report& report)
      : root_(root), unknowns_(unknown_names(root)), report_(report) {}

  /// @param path of the table in the registry, "" for the top
  /// @param told the same with indices, for messages
  void table(Node& node, const std::string& path, const std::string& told) {
    for (Entry& entry : node.entries) {
      if (path.empty() && entry.name == "include") continue;  // done with
      const std::string full =
          told.empty() ? key_text(entry.name) : told + "." + key_text(entry.name);
      const Key* key = child(path, entry.name);
      if (key == nullptr || !is_free_name(*key, entry)) {
        unknown(entry, path, told, full);
        entry.value.invalid = true;
      } else if (const std::string why = misplaced(*key, entry, path); !why.empty()) {
        error(entry.where, full, why);
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
      if (!key->required || node.find(name) != nullptr || !applies(root_, node, *key)) continue;
      if (path == "equation" && key->per_unknown && unknowns_.several()) continue;
      // Where all sides are joined there is no boundary; that is looked at with their names.
      if (key->path == "boundary[]" && node.find("periodic") != nullptr) continue;
      const std::string full = told.empty() ? name : told + "." + name;
      const bool is_table = key->type == Type::table || key->type == Type::table_array;
      const std::string shown_key = key->type == Type::table         ? "[" + full + "]"
                                    : key->type == Type::table_array ? "[[" + full + "]]"
                                                                     : full;
      report_.error(node.where,
                    shown_key + " is missing: " +
                        (is_table ? first_sentence(key->help) : "expected " + type_text(*key)) +
                        (is_table ? "" : fmt::format("; for example {} = {}", name, key->example)));
    }
  }

  /// Reports the unknowns of several that have no table of their own.
  void unknown_tables(const Node& root) {
    const Node* equation = valid(&root, "equation");
    if (equation == nullptr || !unknowns_.several() || report_.incomplete()) return;
    for (const std::string& name : unknowns_.names) {
      if (equation->find(name) != nullptr || report_.full()) continue;
      const std::string table = "equation." + key_text(shown_text(name));
      bool complete = true;
      for (const Key* key : keys_of("equation.*")) {
        if (!key->required || !applies(root, *equation, *key)) continue;
        report_.error(equation->where,
                      fmt::format("{}.{} is missing: expected {}; for example {} = {}", table,
                                  key->name(), type_text(*key), key->name(), key->example));
        complete = false;
      }
      if (complete) {
        report_.warning(equation->where,
                        fmt::format("there is no [{}]: the equation of {} has the defaults "
                                    "(diffusion 1, everything else that is not said 0)",
                                    table, shown_text(name)));
      }
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

  /// False if "*" stood in for a fixed key that is misspelt or that stands elsewhere.
  bool is_free_name(const Key& key, const Entry& entry) const {
    if (!key.unknown_names || key.type != Type::table) return true;
    const bool is_unknown = std::find(unknowns_.names.begin(), unknowns_.names.end(), entry.name) !=
                            unknowns_.names.end();
    if (unknowns_.elastic) return unknowns_.thermal && entry.name == temperature_name;
    if (entry.value.kind != Node::Kind::table) return unknowns_.known && is_unknown;
    return true;
  }

  /// Why a right key does not belong here, as far as unknowns decide it; or "".
  std::string misplaced(const Key& key, const Entry& entry, const std::string& path) const {
    if (!unknowns_.known) return "";
    const auto tables = [&] {
      std::vector<std::string> list;
      for (const std::string& name : unknowns_.names) {
        list.push_back("[equation." + key_text(shown_text(name)) + "]");
      }
      return base::list(list, "or");
    };
    if (path == "equation" && key.per_unknown && unknowns_.several()) {
      return ": with several unknowns each has its own coefficients; write it in " + tables();
    }
    if (!key.unknown_names) return "";
    const bool is_unknown = std::find(unknowns_.names.begin(), unknowns_.names.end(), entry.name) !=
                            unknowns_.names.end();
    if (is_unknown) {
      return path == "equation" && unknowns_.names.size() == 1
                 ? ": there is one unknown; its coefficients stand in [equation]"
                 : "";
    }
    if (path == "equation" && find_key("equation.*." + entry.name) != nullptr) {
      return unknowns_.several() ? ": write it in the table of an unknown, " + tables()
                                 : " is between several unknowns; name them in equation.unknowns "
                                   "and write it in the table of one, [equation.NAME]";
    }
    std::vector<std::string> names = unknowns_.names;
    for (const Key* fixed : keys_of(path)) {
      if (fixed->name() != "*") names.push_back(fixed->name());
    }
    const auto near = base::nearest(entry.name, names);
    std::vector<std::string> told;
    for (const std::string& name : unknowns_.names) told.push_back(shown_text(name));
    return fmt::format(": no unknown has this name{} unknowns: {}",
                       near ? fmt::format("; did you mean '{}'?", shown_text(*near)) : ";",
                       base::list(told));
  }

  std::string not_applicable(const Key& key, const Node& table, const std::string& told) const {
    if (key.when.empty() || applies(root_, table, key)) return "";
    std::string storage;
    const std::string* word = deciding_word(root_, table, key, storage);
    if (word == nullptr) return "";  // nobody knows which: that is reported at the decider
    const std::vector<std::string>& choices = find_key(key.decider())->choices;
    if (std::find(choices.begin(), choices.end(), *word) == choices.end()) return "";
    const std::string decider =
        key.when.find('.') == std::string::npos ? told + "." + key.when : key.when;
    const std::string beginning = fmt::format(" does not go with {} = {}", decider, quoted(*word));
    if (key.when_values.size() > 2 && key.when_values.size() + 2 >= choices.size()) {
      return beginning + (key.when_values.size() + 1 == choices.size()
                              ? " (it goes with every other)"
                              : " (it is for scalar unknowns)");
    }
    std::vector<std::string> values;
    for (const std::string& each : key.when_values) values.push_back(quoted(each));
    return fmt::format("{} (it needs {})", beginning, base::list(values, "or"));
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
    for (const Key* key : keys_of(path)) {
      if (key->name() != "*") names.push_back(key->name());
    }
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
    if (node.invalid) return;  // a unit that does not fit has been told
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
      case Type::real_or_word:
        if (node.kind == Node::Kind::string) {
          choice(node, key, full);
        } else {
          real(node, key, full);
        }
        break;
      case Type::names:
      case Type::strings:
      case Type::integers:
      case Type::reals:
        list(node, key, full);
        break;
      case Type::formula:
        if (const std::string why = formula_refusal(node); !why.empty()) {
          refuse(node, key, full, why);
        } else if (node.is_number() && !key.range.contains(node.number())) {
          refuse(node, key, full, "must be " + key.range.text());
        }
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

  const Node& root_;
  UnknownNames unknowns_;
  Report& report_;
};

void add_table_defaults(const Node& root, Node& table, const std::string& path) {
  for (const Key* key : keys_of(path)) {
    const std::string name = key->name();
    if (key->path.ends_with("*") || name == "include") continue;
    Entry* entry = table.find(name);
    if (key->type == Type::table) {
      if (entry == nullptr && !key->opt_in) entry = &table.add(name, {});
      if (entry != nullptr && !entry->value.invalid && entry->value.kind == Node::Kind::table) {
        add_table_defaults(root, entry->value, key->path);
      }
    } else if (key->type == Type::table_array) {
      if (entry == nullptr || entry->value.invalid) continue;
      for (Node& item : entry->value.items) {
        if (item.kind == Node::Kind::table) add_table_defaults(root, item, key->path);
      }
    } else if (!key->fallback.empty() && (entry == nullptr || entry->value.invalid)) {
      if (!applies(root, table, *key)) continue;
      Entry& added = table.add(name, {});
      added.value = *parse_value(key->fallback, {});
    }
  }
}

Node string_node(std::string text) {
  Node node;
  node.kind = Node::Kind::string;
  node.string = std::move(text);
  return node;
}

Node integer_node(std::int64_t value) {
  Node node;
  node.kind = Node::Kind::integer;
  node.integer = value;
  return node;
}

Node number_node(double value) {
  Node node;
  node.kind = Node::Kind::real;
  node.real = value;
  return node;
}

/// Adds `value` as `name` unless it is there; wrong values stay, they have been told.
void give(Node& table, const std::string& name, Node value) {
  if (table.find(name) == nullptr) table.add(name, {}).value = std::move(value);
}

/// The coefficients that the kind of equation gives, in the table of each unknown.
void add_equation_defaults(Node& root) {
  Entry* entry = root.find("equation");
  const Node* kind = valid(valid(&root, "equation"), "kind");
  if (kind == nullptr) return;
  Node& equation = entry->value;
  const std::string word = kind->string;
  const UnknownNames unknowns = unknown_names(root);
  if (unknowns.elastic) {
    if (box_dimension(root) == 2) give(equation, "plane", string_node("strain"));
    Entry* heat = unknowns.thermal ? equation.find(temperature_name) : nullptr;
    if (heat != nullptr && heat->value.kind == Node::Kind::table && !heat->value.invalid &&
        valid(&root, "time") != nullptr) {
      give(heat->value, "capacity", number_node(1.0));
    }
    return;
  }
  if (!unknowns.known) return;
  const bool first_order =
      word == "heat" || word == "reaction-diffusion" || word == "advection-diffusion-reaction";
  const bool in_time = valid(&root, "time") != nullptr;
  for (const std::string& name : unknowns.names) {
    Node* table = &equation;
    if (unknowns.several()) {
      if (find_key("equation." + name) != nullptr) continue;  // no name for an unknown
      table = &equation.add(name, {}).value;
      if (table->kind != Node::Kind::table || table->invalid) continue;
    }
    if (first_order && in_time) give(*table, "capacity", number_node(1.0));
    if (word == "wave") give(*table, "inertia", number_node(1.0));
  }
}

/// `n` times the number `value`.
Node constant_list(int n, double value) {
  Node list;
  list.kind = Node::Kind::array;
  list.items.assign(static_cast<std::size_t>(n), number_node(value));
  return list;
}

}  // namespace

void check_tree(Node& root, Report& report) {
  Checker checker(root, report);
  checker.table(root, "", "");
  checker.unknown_tables(root);
}

void add_defaults(Node& root) {
  add_table_defaults(root, root, "");
  if (const int d = box_dimension(root); d > 0) {
    Node& mesh = root.find("mesh")->value;
    const auto replace = [&mesh](const char* name, Node value) {
      Entry& entry = mesh.add(name, {});
      const bool absent = entry.value.kind == Node::Kind::table && entry.value.where.file.empty();
      if (absent || entry.value.invalid) entry.value = std::move(value);
    };
    replace("lower", constant_list(d, 0.0));
    replace("upper", constant_list(d, 1.0));
    replace("grading", constant_list(d, 1.0));
    replace("cell_type", string_node(d == 1 ? "line" : d == 2 ? "quad" : "hex"));
    replace("order", integer_node(mesh.find("map") != nullptr ? 2 : 1));
  }
  add_equation_defaults(root);
  for (const char* name : {"probe", "integral"}) {
    Entry* entry = root.find(name);
    if (entry == nullptr || entry->value.invalid) continue;
    int number = 0;
    for (Node& item : entry->value.items) {
      ++number;
      if (item.kind == Node::Kind::table) {
        give(item, "name", string_node(fmt::format("{}{}", name, number)));
      }
    }
  }
  const UnknownNames unknowns = unknown_names(root);
  if (Entry* entry = root.find("integral"); entry != nullptr && !entry->value.invalid) {
    for (Node& item : entry->value.items) {
      const Node* kind = valid(&item, "kind");
      if (unknowns.known && kind != nullptr && kind->string == "value") {
        give(item, "of", string_node(unknowns.names.front()));
      }
    }
  }
}

void add_time_defaults(Node& root, const Problem& problem) {
  if (valid(&root, "time") == nullptr) return;
  int order = 0;
  const UnknownNames unknowns = unknown_names(root);
  for (std::size_t k = 0; k < problem.equation.unknowns.size(); ++k) {
    const int own = order_in_time(problem, static_cast<int>(k));
    order = std::max(order, own);
    Entry* initial = root.find("initial");
    if (own < 2 || !unknowns.known || initial == nullptr || initial->value.invalid) continue;
    if (initial->value.find("from") != nullptr) continue;  // the file may have them
    Entry* rate = initial->value.find("rate");
    if (rate == nullptr || rate->value.invalid) continue;
    give(rate->value, problem.equation.unknowns[k].name, number_node(0.0));
  }
  give(root.find("time")->value, "method", string_node(order == 2 ? "newmark" : "bdf2"));
}

void add_checkpoint_defaults(Node& root) {
  if (root.find("checkpoint") != nullptr) return;
  root.add("checkpoint", {});
  add_table_defaults(root, root.find("checkpoint")->value, "checkpoint");
}

}  // namespace ritz::deck
