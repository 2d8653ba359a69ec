#include "ritz/deck/registry.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_map>

#include "document.hpp"
#include "registry_parts.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"

namespace ritz::deck {

bool Range::contains(double value) const {
  return (lower_open ? value > lower : value >= lower) &&
         (upper_open ? value < upper : value <= upper);
}

namespace {

/// A bound as people write it: "8", "0.5", "1e+09".
std::string bound_text(double value) {
  return fmt::format("{:g}", value);
}

}  // namespace

std::string Range::text() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::string low = bound_text(lower), high = bound_text(upper);
  if (lower == -infinity && upper == infinity) return "";
  if (upper == infinity) return (lower_open ? "> " : ">= ") + low;
  if (lower == -infinity) return (upper_open ? "< " : "<= ") + high;
  if (!lower_open && !upper_open) return low + " to " + high;
  return (lower_open ? "> " : ">= ") + low + " and " + (upper_open ? "< " : "<= ") + high;
}

std::string Key::name() const {
  const std::size_t dot = path.rfind('.');
  std::string last = dot == std::string::npos ? path : path.substr(dot + 1);
  if (last.ends_with("[]")) last.resize(last.size() - 2);
  return last;
}

std::string Key::parent() const {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

std::string Key::decider() const {
  return when.find('.') == std::string::npos ? parent() + "." + when : when;
}

namespace {

std::vector<Key> make_registry() {
  std::vector<Key> keys;
  for (auto* part :
       {general_keys, mesh_keys, equation_keys, boundary_keys, periodic_keys, time_keys,
        solver_keys, limit_keys, checkpoint_keys, output_keys, result_keys}) {
    std::vector<Key> more = part();
    keys.insert(keys.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
  }
  return keys;
}

}  // namespace

const std::vector<Key>& registry() {
  static const std::vector<Key> keys = make_registry();
  return keys;
}

const Key* find_key(std::string_view path) {
  static const auto index = [] {
    std::unordered_map<std::string_view, const Key*> map;
    for (const Key& key : registry()) map.emplace(key.path, &key);
    return map;
  }();
  const auto place = index.find(path);
  return place == index.end() ? nullptr : place->second;
}

const std::vector<const Key*>& keys_of(const std::string& path) {
  static const auto index = [] {
    std::map<std::string, std::vector<const Key*>> map;
    for (const Key& key : registry()) map[key.parent()].push_back(&key);
    return map;
  }();
  static const std::vector<const Key*> none;
  const auto place = index.find(path);
  return place == index.end() ? none : place->second;
}

const std::string* reserved_for(std::string_view path) {
  static const std::map<std::string, std::string, std::less<>> names{
      {"adapt", "adaptive meshes"},
      {"sweep", "campaigns of runs"},
      {"adjoint", "gradients"},
      {"surrogate", "surrogate models"},
      {"perf", "performance logs"},
      {"alert", "alerts"},
      {"cache", "caches"},
      {"registry", "the run registry"},
      {"sites", "runs on several sites"},
      {"profile", "sets of defaults"},
      {"periodic[].rotation",
       "sides that are turned against each other; unknowns that are components of a vector would "
       "have to turn with them"},
  };
  const auto place = names.find(path);
  return place == names.end() ? nullptr : &place->second;
}

const std::vector<std::string>& reserved_parameter_names() {
  // The words of room expr, which stands after this room; tests/deck holds the two lists equal.
  static const std::vector<std::string> names{
      "x",    "y",    "z",   "t",     "u",     "pi",   "e",     "true",  "false", "and",
      "or",   "not",  "if",  "abs",   "acos",  "asin", "atan",  "atan2", "ceil",  "cos",
      "cosh", "erf",  "exp", "floor", "hypot", "log",  "log10", "max",   "min",   "mod",
      "pow",  "sign", "sin", "sinh",  "sqrt",  "tan",  "tanh"};
  return names;
}

const std::vector<std::string>& reserved_unknown_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const std::string& word : reserved_parameter_names()) {
      if (word != "u") all.push_back(word);
    }
    for (const char* word : {"grad", "dx", "dy", "dz", "dt"}) all.emplace_back(word);
    for (const char* table : {"equation", "equation.*", "initial"}) {
      for (const Key* key : keys_of(table)) {
        if (key->name() != "*") all.push_back(key->name());
      }
    }
    return all;
  }();
  return names;
}

std::string when_text(const Key& key) {
  if (key.when.empty()) return "";
  const auto told = [](const std::vector<std::string>& words) {
    std::vector<std::string> list;
    for (const std::string& word : words) list.push_back(quoted(word));
    return base::list(list, "or");
  };
  std::vector<std::string> others;
  for (const std::string& choice : find_key(key.decider())->choices) {
    if (std::find(key.when_values.begin(), key.when_values.end(), choice) == key.when_values.end())
      others.push_back(choice);
  }
  if (others.size() <= 2 && key.when_values.size() > 2) {
    return fmt::format("any {} but {}", key.when, told(others));
  }
  return fmt::format("{} = {}", key.when, told(key.when_values));
}

std::string type_text(const Key& key) {
  const std::string range = key.range.text();
  const auto with_range = [&](std::string text) {
    return range.empty() ? text : text + " " + range;
  };
  const auto items = [&](const char* singular, const char* plural) {
    std::string count;
    if (key.min_items > 0 && key.max_items > 0) {
      count = fmt::format("{} to {} ", key.min_items, key.max_items);
    } else if (key.min_items > 0) {
      count = fmt::format("at least {} ", key.min_items);
    }
    return fmt::format("list of {}{}", count,
                       key.min_items == 1 && key.max_items == 0 ? singular : plural);
  };
  switch (key.type) {
    case Type::table:
      return "table";
    case Type::table_array:
      return "array of tables";
    case Type::boolean:
      return "true or false";
    case Type::integer:
      return with_range("integer");
    case Type::real:
      return with_range("number");
    case Type::string:
      return "string";
    case Type::path:
      return "path (string)";
    case Type::choice: {
      std::vector<std::string> choices;
      for (const std::string& choice : key.choices) choices.push_back(quoted(choice));
      return "one of " + base::list(choices, "or");
    }
    case Type::real_or_word: {
      std::vector<std::string> choices;
      for (const std::string& choice : key.choices) choices.push_back(quoted(choice));
      return with_range("number") + " or " + base::list(choices, "or");
    }
    case Type::name:
      return "name (string)";
    case Type::names:
      return items("name", "names") + ", or one name";
    case Type::strings:
      return items("string", "strings") + ", or one string";
    case Type::integers:
      return with_range(items("integer", "integers"));
    case Type::reals:
      return with_range(items("number", "numbers"));
    case Type::formula:
      return range.empty() ? "number or expression (string)"
                           : "number " + range + ", or expression (string)";
    case Type::condition:
      return "condition (string)";
    case Type::formulas:
      return items("number or expression", "numbers or expressions");
    case Type::tensor:
      return "number or expression, a list of them (diagonal), or a list of rows (tensor)";
    case Type::bytes:
      return "text such as \"8 GiB\" or a number of bytes";
    case Type::duration:
      return "text such as \"2 h\" or \"2:30:00\", or a number of seconds";
    case Type::passed:
      return "table of Trilinos parameters";
  }
  return "";
}

}  // namespace ritz::deck
