#include "ritz/base/format.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include "document.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"

/// JSON Schema, draft 4: http://json-schema.org/specification-links.html#draft-4 (in that draft
/// exclusiveMinimum is a flag beside minimum).
namespace ritz::deck {

namespace {

/// Just enough JSON: values are kept as text, objects keep their order.
class Object {
 public:
  Object& set(const std::string& name, std::string json) {
    members_.emplace_back(name, std::move(json));
    return *this;
  }
  Object& text(const std::string& name, std::string_view value) { return set(name, string(value)); }

  [[nodiscard]] bool empty() const { return members_.empty(); }
  [[nodiscard]] std::string json(int indent) const {
    if (members_.empty()) return "{}";
    const std::string blank(static_cast<std::size_t>(indent) + 2, ' ');
    std::string result = "{\n";
    for (std::size_t i = 0; i < members_.size(); ++i) {
      result += blank + string(members_[i].first) + ": " + shifted(members_[i].second) +
                (i + 1 < members_.size() ? ",\n" : "\n");
    }
    return result + std::string(static_cast<std::size_t>(indent), ' ') + "}";
  }

  static std::string string(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') result += '\\';
      result += c;  // texts of the registry hold no control characters
    }
    return result + "\"";
  }

  static std::string array(const std::vector<std::string>& items) {
    std::string result = "[";
    for (std::size_t i = 0; i < items.size(); ++i) result += (i > 0 ? ", " : "") + items[i];
    return result + "]";
  }

 private:
  /// Members come with indentation from column 0: move their further lines right.
  static std::string shifted(const std::string& json) {
    std::string result;
    for (const char c : json) {
      result += c;
      if (c == '\n') result += "  ";
    }
    return result;
  }

  std::vector<std::pair<std::string, std::string>> members_;
};

std::string reference(const char* definition) {
  return fmt::format("{{ \"$ref\": \"#/definitions/{}\" }}", definition);
}

void add_range(Object& object, const Range& range) {
  if (std::isfinite(range.lower)) {
    object.set("minimum", fmt::format("{}", range.lower));
    if (range.lower_open) object.set("exclusiveMinimum", "true");
  }
  if (std::isfinite(range.upper)) {
    object.set("maximum", fmt::format("{}", range.upper));
    if (range.upper_open) object.set("exclusiveMaximum", "true");
  }
}

void add_list(Object& object, const Key& key, const std::string& items) {
  object.text("type", "array").set("items", items);
  if (key.min_items > 0) object.set("minItems", std::to_string(key.min_items));
  if (key.max_items > 0) object.set("maxItems", std::to_string(key.max_items));
}

std::string table_schema(const std::string& path, const std::string& help);

/// Default as JSON; TOML's scalars and lists of them look the same there.
std::string default_json(const Key& key) {
  return key.fallback;
}

std::string key_schema(const Key& key) {
  Object object;
  std::string help = key.help;
  if (!key.fallback_note.empty()) help += " Default: " + key.fallback_note + ".";
  if (!key.unit.empty() && key.unit != "1") help += " Unit: " + key.unit + ".";
  if (key.type == Type::table) return table_schema(key.path, help);
  object.text("description", help);
  switch (key.type) {
    case Type::table:
      break;
    case Type::table_array:
      object.text("type", "array").set("items", table_schema(key.path, help));
      break;
    case Type::boolean:
      object.text("type", "boolean");
      break;
    case Type::integer:
      object.text("type", "integer");
      add_range(object, key.range);
      if (key.path == "deck_version") object.set("enum", "[1]");
      break;
    case Type::real:
      object.text("type", "number");
      add_range(object, key.range);
      break;
    case Type::string:
    case Type::path:
    case Type::name:
    case Type::condition:
      object.text("type", "string");
      if (key.fallback != "\"\"") object.set("minLength", "1");
      break;
    case Type::choice: {
      std::vector<std::string> choices;
      for (const std::string& choice : key.choices) choices.push_back(Object::string(choice));
      object.text("type", "string").set("enum", Object::array(choices));
      break;
    }
    case Type::real_or_word: {
      std::vector<std::string> choices;
      for (const std::string& choice : key.choices) choices.push_back(Object::string(choice));
      Object number, word;
      number.text("type", "number");
      add_range(number, key.range);
      word.text("type", "string").set("enum", Object::array(choices));
      object.set("anyOf", Object::array({number.json(0), word.json(0)}));
      break;
    }
    case Type::names:
    case Type::strings: {
      Object list;
      add_list(list, key, "{ \"type\": \"string\", \"minLength\": 1 }");
      object.set("anyOf",
                 Object::array({list.json(0), "{ \"type\": \"string\", \"minLength\": 1 }"}));
      break;
    }
    case Type::integers:
    case Type::reals: {
      Object item;
      item.text("type", key.type == Type::integers ? "integer" : "number");
      add_range(item, key.range);
      add_list(object, key, item.json(0));
      break;
    }
    case Type::formula:
      object.set("allOf", Object::array({reference("formula")}));
      break;
    case Type::formulas: {
      Object list;
      add_list(list, key, reference("formula"));
      object.set("anyOf", Object::array({list.json(0), reference("formula")}));
      break;
    }
    case Type::tensor:
      object.set("allOf", Object::array({reference("tensor")}));
      break;
    case Type::bytes:
      object.set("allOf", Object::array({reference("bytes")}));
      break;
    case Type::duration:
      object.set("allOf", Object::array({reference("duration")}));
      break;
    case Type::passed:
      object.set("allOf", Object::array({reference("trilinos")}));
      break;
  }
  if (!key.fallback.empty()) object.set("default", default_json(key));
  return object.json(0);
}

/// The members of a table's schema.
void add_table(Object& object, const std::string& path) {
  object.text("type", "object");
  Object properties;
  std::vector<std::string> required;
  std::string others = "false";
  for (const Key* key : keys_of(path)) {
    if (key->name() == "*") {
      others = key_schema(*key);
      continue;
    }
    properties.set(key->name(), key_schema(*key));
    // A table can be spread over several files by `include`, an element of an array cannot.
    if (key->required && key->when.empty() && path.find("[]") != std::string::npos)
      required.push_back(Object::string(key->name()));
  }
  if (!properties.empty()) object.set("properties", properties.json(0));
  if (!required.empty()) object.set("required", Object::array(required));
  object.set("additionalProperties", others);
  if (path == "boundary[]") {
    std::vector<std::string> conditions;
    for (const char* name :
         {"value", "flux", "robin", "displacement", "traction", "pressure", "symmetry"}) {
      conditions.push_back(fmt::format("{{ \"required\": [\"{}\"] }}", name));
    }
    object.set("oneOf", Object::array(conditions));
  }
}

std::string table_schema(const std::string& path, const std::string& help) {
  Object object;
  object.text("description", help);
  add_table(object, path);
  return object.json(0);
}

std::string definitions() {
  const std::string formula = reference("formula");
  const std::string row = fmt::format(
      "{{ \"type\": \"array\", \"minItems\": 1, \"maxItems\": 3, \"items\": {} }}", formula);
  const std::string rows = fmt::format(
      "{{ \"type\": \"array\", \"minItems\": 1, \"maxItems\": 3, \"items\": {} }}", row);
  const std::string positive =
      "{ \"type\": \"number\", \"minimum\": 0, \"exclusiveMinimum\": true }";
  const auto either = [](const std::vector<std::string>& alternatives) {
    return fmt::format("{{ \"anyOf\": {} }}", Object::array(alternatives));
  };
  Object object;
  object.set("formula",
             either({"{ \"type\": \"number\" }", "{ \"type\": \"string\", \"minLength\": 1 }"}));
  object.set("tensor", either({formula, row, rows}));
  object.set("bytes",
             either({positive,
                     "{ \"type\": \"string\", \"pattern\": "
                     "\"^ *[0-9.]+([eE][+-]?[0-9]+)? *(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB) *$\" }"}));
  object.set("duration", either({positive,
                                 "{ \"type\": \"string\", \"pattern\": "
                                 "\"^( *[0-9.]+([eE][+-]?[0-9]+)? *(s|min|h|d))+ *$|"
                                 "^([0-9]+-)?[0-9]+:[0-9]+:[0-9]+$\" }"}));
  object.set(
      "trilinos",
      "{ \"type\": \"object\", \"additionalProperties\": { \"anyOf\": [{ \"type\": \"string\" }, "
      "{ \"type\": \"number\" }, { \"type\": \"boolean\" }, " +
          reference("trilinos") + "] } }");
  return object.json(0);
}

}  // namespace

std::string json_schema() {
  Object root;
  root.text("$schema", "http://json-schema.org/draft-04/schema#");
  root.text("title", "Problem deck of Ritz");
  root.text("description", "Made by 'ritz schema' from the registry of keys; not to be edited.");
  add_table(root, "");
  root.set("definitions", definitions());
  return root.json(0) + "\n";
}

}  // namespace ritz::deck
