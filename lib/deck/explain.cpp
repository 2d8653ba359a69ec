#include "ritz/base/format.hpp"

#include <algorithm>

#include "document.hpp"
#include "quantities.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"
#include "wrap.hpp"

namespace ritz::deck {

namespace {

/// A path for people: "equation.*" is "equation.NAME".
std::string told_path(std::string path) {
  for (std::size_t star; (star = path.find('*')) != std::string::npos;)
    path.replace(star, 1, "NAME");
  return path;
}

/// "boundary[0].value" -> "boundary.value"
std::string without_indices(std::string_view key) {
  std::string text;
  int depth = 0;
  for (const char c : key) {
    if (c == '[') ++depth;
    if (depth == 0) text += c;
    if (c == ']' && depth > 0) --depth;
  }
  while (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

std::vector<std::string> segments(const std::string& path) {
  std::vector<std::string> result(1);
  for (const char c : path) {
    if (c == '.') {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

/// Whether a key's path is `plain` with names of the user's choice for its "*".
bool matches(const std::vector<std::string>& path, const std::vector<std::string>& plain) {
  if (plain.size() != path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != "*" && path[i] != plain[i]) return false;
  }
  return true;
}

/// The key that `plain` (without brackets) means; a name of the user's choice matches "*", unless
/// it is near to the name of a fixed key there.
const Key* find_plain(const std::string& plain) {
  for (const Key& key : registry()) {
    if (without_indices(key.path) == plain) return &key;
  }
  const std::vector<std::string> wanted = segments(plain);
  for (const Key& key : registry()) {
    const std::vector<std::string> path = segments(without_indices(key.path));
    if (!matches(path, wanted)) continue;
    if (path.back() == "*") {
      std::vector<std::string> fixed;
      for (const Key* sibling : keys_of(key.parent())) {
        if (sibling->name() != "*") fixed.push_back(sibling->name());
      }
      if (base::nearest(wanted.back(), fixed)) continue;
    }
    return &key;
  }
  return nullptr;
}

/// One line a key: name and the first sentence of its help.
std::string key_lines(const std::string& path) {
  std::string text;
  for (const Key* key : keys_of(path)) {
    const std::size_t stop = key->help.find(". ");
    const std::string brief = stop == std::string::npos ? key->help : key->help.substr(0, stop + 1);
    std::string name = key->name() == "*" ? "<name>" : key->name();
    if ((key->type == Type::table && !key->in_line) || key->type == Type::passed)
      name = "[" + told_path(without_indices(key->path)) + "]";
    if (key->type == Type::table_array) name = "[[" + without_indices(key->path) + "]]";
    text += fmt::format("  {:<24}{}\n", name, wrapped(brief, 74, "\n" + std::string(26, ' ')));
  }
  return text;
}

std::string key_page(const Key& key) {
  std::string title = told_path(without_indices(key.path));
  if (key.type == Type::table || key.type == Type::passed) title = "[" + title + "]";
  if (key.type == Type::table_array) title = "[[" + title + "]]";
  std::string text = title + "\n  " + wrapped(key.help, 96, "\n  ") + "\n\n";
  const auto fact = [&text](const char* name, const std::string& value) {
    if (!value.empty())
      text += fmt::format("  {:<12}{}\n", name, wrapped(value, 86, "\n" + std::string(14, ' ')));
  };
  fact("type", type_text(key));
  if (key.unit != "1") fact("unit", key.unit);
  fact("dimension", dimension_help(key.path));
  if (key.required) {
    fact("default",
         "none, it must be given" + (key.required_note.empty() ? "" : " " + key.required_note));
  } else {
    fact("default", key.fallback.empty() ? key.fallback_note : key.fallback);
  }
  fact("only with", when_text(key));
  if (!key.later.empty()) fact("later", base::list(key.later));
  if (!key.example.empty()) {
    const std::string name = key.name() == "*" ? "some_name" : key.name();
    fact("example", name + " = " + key.example);
  }
  fact("on restart", key.may_change_on_restart ? "may change" : "must stay as it was");
  fact("since", key.since);
  if (!key.choice_help.empty()) {
    text += "\nChoices:\n";
    for (std::size_t i = 0; i < key.choices.size(); ++i) {
      text += fmt::format("  {}\n      {}\n", quoted(key.choices[i]),
                          wrapped(key.choice_help[i], 92, "\n" + std::string(6, ' ')));
    }
  }
  if (!keys_of(key.path).empty()) text += "\nKeys:\n" + key_lines(key.path);
  return text;
}

}  // namespace

std::string explain(std::string_view key) {
  const std::string plain = without_indices(key);
  if (plain.empty()) return "Keys and tables of a deck:\n" + key_lines("");
  if (const Key* found = find_plain(plain)) return key_page(*found);

  // Inside a table that is handed to Trilinos everything is explained by that table.
  for (std::size_t dot = plain.rfind('.'); dot != std::string::npos && dot > 0;
       dot = plain.rfind('.', dot - 1)) {
    const Key* table = find_plain(plain.substr(0, dot));
    if (table != nullptr && table->type == Type::passed) return key_page(*table);
  }
  const std::size_t first = std::min(plain.find('.'), plain.size());
  for (const std::string& spelling : {plain, plain.substr(0, first) + "[]" + plain.substr(first)}) {
    if (const std::string* reason = reserved_for(spelling)) {
      throw base::Error(base::ExitCode::deck, fmt::format("{} is reserved for a later version ({})",
                                                          shown_text(plain), *reason));
    }
  }
  std::vector<std::string> paths, same_name;
  const std::string last = plain.substr(plain.rfind('.') + 1);
  for (const Key& each : registry()) {
    paths.push_back(without_indices(each.path));
    if (each.name() == last) same_name.push_back(paths.back());
  }
  std::string text = fmt::format("no key '{}'", shown_text(plain));
  if (!same_name.empty()) {
    text += "; there is " + base::list(same_name, "or");
  } else if (const auto near = base::nearest(plain, paths)) {
    text += fmt::format("; did you mean '{}'?", told_path(*near));
  } else {
    std::vector<std::string> tables;
    for (const Key* each : keys_of("")) tables.push_back(each->name());
    text += "; the tables and keys of a deck are " + base::list(tables);
  }
  throw base::Error(base::ExitCode::deck, text);
}

}  // namespace ritz::deck
