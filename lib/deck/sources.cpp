#include "sources.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::deck {

namespace {

// ---- merging ----

/// Puts the content of table `later` over table `base`.
void merge(Node& base, Node&& later) {
  for (Entry& entry : later.entries) {
    Entry* present = base.find(entry.name);
    if (present == nullptr) {
      base.add(entry.name, entry.where).value = std::move(entry.value);
    } else if (present->value.kind == Node::Kind::table && entry.value.kind == Node::Kind::table) {
      present->value.where = entry.value.where;
      merge(present->value, std::move(entry.value));
    } else if (present->value.is_table_array() && entry.value.is_table_array()) {
      for (Node& item : entry.value.items) present->value.items.push_back(std::move(item));
    } else {
      *present = std::move(entry);
    }
  }
}

// ---- [[output]] ----

/// Turns [[output]] into [output] and [[output.block]]: what is said of all files (`shared`) goes
/// to the table, and so does the rest of the first one unless it is about a part of the domain.
/// Whether what it says is of parts only: then no file of the whole domain is wanted.
bool one_output_table(Node& root) {
  Entry* entry = root.find("output");
  if (entry == nullptr || !entry->value.is_table_array()) return false;
  const std::set<std::string> shared{"directory", "fields", "stress", "compression", "rates"};
  std::vector<Node> list = std::move(entry->value.items);
  Node table;
  table.where = list.front().where;
  Node blocks;
  blocks.kind = Node::Kind::array;
  const bool first_is_all =
      std::none_of(list.front().entries.begin(), list.front().entries.end(), [](const Entry& one) {
        return one.name == "name" || one.name == "on" || one.name == "slice";
      });
  for (std::size_t i = 0; i < list.size(); ++i) {
    Node block;
    block.where = list[i].where;
    for (Entry& one : list[i].entries) {
      if (one.name == "field" && one.value.is_table_array()) {
        Entry& fields = table.add("field", one.where);
        if (fields.value.kind == Node::Kind::table) {
          fields.value = std::move(one.value);
        } else {
          for (Node& field : one.value.items) fields.value.items.push_back(std::move(field));
        }
        continue;
      }
      const bool to_table = i == 0 && (first_is_all || shared.count(one.name) > 0);
      Node& target = to_table ? table : block;
      target.add(one.name, one.where).value = std::move(one.value);
    }
    if (i > 0 || !first_is_all) blocks.items.push_back(std::move(block));
  }
  if (!blocks.items.empty()) {
    blocks.where = blocks.items.front().where;
    // The first one may have blocks of its own, written as such.
    Node& present = table.add("block", blocks.where).value;
    if (present.is_table_array()) {
      for (Node& block : blocks.items) present.items.push_back(std::move(block));
    } else {
      present = std::move(blocks);
    }
  }
  entry->value = std::move(table);
  return !first_is_all;
}

// ---- include ----

class Includer {
 public:
  Includer(const FileReader& read, Report& report) : read_(read), report_(report) {}

  /// The deck with all that it includes. Whether there are files of the whole domain is known only
  /// then: an [output] may be in another file than the outputs of parts.
  /// @param include replaces the file's own list (from --set), or nullptr
  Node load_all(const Source& source, const Node* include) {
    Node root = load(source, include);
    Entry* output = root.find("output");
    if (!parts_ || asks_for_whole_ || output == nullptr ||
        output->value.kind != Node::Kind::table || output->value.find("fields") != nullptr)
      return root;
    Node& fields = output->value.add("fields", *parts_).value;
    fields.kind = Node::Kind::boolean;
    fields.boolean = false;
    fields.where = *parts_;
    return root;
  }

 private:
  Node load(const Source& source, const Node* include) {
    chain_.push_back(source.file);
    seen_.insert(normal(source.file));
    std::optional<Node> own = parse_document(source.file, source.text, report_.diagnostics());
    if (!own) {
      report_.file_failed();
      own.emplace();
    }
    if (one_output_table(*own)) {
      parts_ = own->find("output")->value.where;
    } else if (own->find("output") != nullptr) {
      asks_for_whole_ = true;
    }
    Node result;
    result.where = {source.file};
    const Entry* entry = own->find("include");
    if (include == nullptr && entry != nullptr) include = &entry->value;
    if (include != nullptr) add_included(*include, source.file, result);
    merge(result, std::move(*own));
    chain_.pop_back();
    return result;
  }

  static std::string normal(const std::string& path) {
    return std::filesystem::path(path).lexically_normal().string();
  }

  static bool is_list(const Node& node) {
    return node.kind == Node::Kind::string ||
           (node.kind == Node::Kind::array &&
            std::all_of(node.items.begin(), node.items.end(),
                        [](const Node& item) { return item.kind == Node::Kind::string; }));
  }

  void add_included(const Node& list, const std::string& from, Node& result) {
    if (!is_list(list)) {
      report_.error(list.where, fmt::format("include = {} (expected {})", shown(list),
                                            type_text(*find_key("include"))));
      return;
    }
    std::vector<const Node*> names;
    if (list.kind == Node::Kind::string) names.push_back(&list);
    for (const Node& item : list.items) names.push_back(&item);
    for (const Node* name : names) {
      const std::string path =
          normal((std::filesystem::path(from).parent_path() / std::filesystem::path(name->string))
                     .string());
      if (name->string.empty()) {
        report_.error(name->where, "include = \"\" (a file name is expected)");
      } else if (const auto cycle =
                     std::find_if(chain_.begin(), chain_.end(),
                                  [&](const std::string& file) { return normal(file) == path; });
                 cycle != chain_.end()) {
        std::string text;
        for (auto file = cycle; file != chain_.end(); ++file) text += shown_text(*file) + " -> ";
        report_.error(name->where, "include goes round in a circle: " + text + shown_text(path));
      } else if (chain_.size() >= max_depth) {
        report_.error(name->where,
                      fmt::format("include = {}: files include files more than {} deep",
                                  shown(*name), max_depth));
      } else if (seen_.insert(path).second) {
        const std::optional<std::string> text = read_ ? read_(path) : std::nullopt;
        if (!text) {
          report_.error(name->where, fmt::format("include = {}: cannot read {}", shown(*name),
                                                 shown_text(path)));
          report_.file_failed();
        } else {
          merge(result, load({path, *text}, nullptr));
        }
      }
    }
  }

  static constexpr std::size_t max_depth = 16;
  std::optional<base::Location> parts_;  ///< of outputs of parts of the domain only
  bool asks_for_whole_ = false;          ///< some file has an output of the whole domain
  const FileReader& read_;
  Report& report_;
  std::vector<std::string> chain_;
  std::set<std::string> seen_;
};

// ---- --set ----

struct Segment {
  std::string name;
  bool indexed = false;
  std::string element;  ///< inside the brackets: a number or a name
};

struct Setting {
  std::vector<Segment> path;
  std::string path_text;
  std::string value_text;
  base::Location where;
};

/// Splits "a.b[c].\"d e\"=value". Nothing if the part before '=' is no path; `why` says why.
std::optional<Setting> split(const std::string& text, std::string& why) {
  Setting setting;
  std::size_t i = 0;
  const auto take = [&](const char* ends) -> std::optional<std::string> {
    std::string word;
    if (i < text.size() && (text[i] == '"' || text[i] == '\'')) {
      const char quote = text[i++];
      while (i < text.size() && text[i] != quote) word += text[i++];
      if (i == text.size()) {
        why = "a quote is not closed";
        return std::nullopt;
      }
      ++i;
    } else {
      while (i < text.size() && std::string_view(ends).find(text[i]) == std::string_view::npos) {
        word += text[i++];
      }
      while (!word.empty() && word.back() == ' ') word.pop_back();
      word.erase(0, word.find_first_not_of(' '));
    }
    return word;
  };
  while (true) {
    Segment segment;
    auto name = take(".=[");
    if (!name) return std::nullopt;
    segment.name = *name;
    if (segment.name.empty()) {
      why = "a name is missing before '=', '.' or '['";
      return std::nullopt;
    }
    if (i < text.size() && text[i] == '[') {
      ++i;
      auto element = take("]");
      if (!element) return std::nullopt;
      if (i == text.size() || text[i] != ']' || element->empty()) {
        why = "'[' needs a number or a name and a ']'";
        return std::nullopt;
      }
      ++i;
      segment.indexed = true;
      segment.element = *element;
    }
    setting.path.push_back(std::move(segment));
    if (setting.path.size() > 32) {
      why = "the key has more than 32 segments";
      return std::nullopt;
    }
    while (i < text.size() && text[i] == ' ') ++i;
    if (i == text.size()) {
      why = "there is no '='";
      return std::nullopt;
    }
    const char c = text[i++];
    if (c == '=') break;
    if (c != '.') {
      why = fmt::format("'{}' does not belong there", shown_text(std::string_view(&c, 1)));
      return std::nullopt;
    }
  }
  setting.path_text = shown_text(text.substr(0, text.find_last_not_of(' ', i - 2) + 1));
  setting.value_text = text.substr(i);
  setting.where = {"--set " + setting.path_text};
  return setting;
}

/// The names by which an element of an array of tables can be called.
std::vector<std::string> element_names(const Node& element) {
  std::vector<std::string> names;
  for (const char* key : {"name", "region", "on"}) {
    const Entry* entry = element.find(key);
    if (entry == nullptr) continue;
    if (entry->value.kind == Node::Kind::string) names.push_back(entry->value.string);
    for (const Node& item : entry->value.items) {
      if (item.kind == Node::Kind::string) names.push_back(item.string);
    }
  }
  return names;
}

/// The element of `array` that `segment` names, or nullptr after telling why not.
Node* element(Node* array, const Segment& segment, const std::string& path, const Setting& setting,
              Report& report) {
  const std::size_t n =
      array != nullptr && array->kind == Node::Kind::array ? array->items.size() : 0;
  std::size_t number = 0;
  const char* end = segment.element.data() + segment.element.size();
  const auto parsed = std::from_chars(segment.element.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end) {
    if (number < n) return &array->items[number];
    report.error(setting.where, fmt::format("{}[{}]: there {} [[{}]]{}", path, number,
                                            n == 1 ? "is 1" : fmt::format("are {}", n), path,
                                            n == 0 ? "" : "; they are counted from 0"));
    return nullptr;
  }
  std::vector<std::string> names;
  Node* found = nullptr;
  for (std::size_t i = 0; i < n; ++i) {
    for (const std::string& name : element_names(array->items[i])) {
      if (name == segment.element) {
        if (found != nullptr && found != &array->items[i]) {
          report.error(setting.where, fmt::format("{}[{}] names several [[{}]]; use its number",
                                                  path, shown_text(name), path));
          return nullptr;
        }
        found = &array->items[i];
      }
      if (names.size() < 50) names.push_back(name);
    }
  }
  if (found == nullptr) {
    const auto near = base::nearest(segment.element, names);
    report.error(
        setting.where,
        fmt::format("no [[{}]] is called '{}'{}; there is {}", path, shown_text(segment.element),
                    near ? fmt::format("; did you mean '{}'?", shown_text(*near)) : "",
                    shown_text(base::list(names))));
  }
  return found;
}

bool takes_text(Type type) {
  switch (type) {
    case Type::string:
    case Type::path:
    case Type::choice:
    case Type::name:
    case Type::condition:
      return true;
    default:
      return false;
  }
}

/// Types that take text besides something else.
bool may_take_text(Type type) {
  switch (type) {
    case Type::real_or_word:
    case Type::names:
    case Type::strings:
    case Type::formula:
    case Type::formulas:
    case Type::tensor:
    case Type::bytes:
    case Type::duration:
    case Type::passed:
      return true;
    default:
      return takes_text(type);
  }
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The value of a setting for a key of this type (nullptr: unknown key).
std::optional<Node> value_of(const Setting& setting, const Key* key) {
  const std::string_view text = trimmed(setting.value_text);
  std::optional<Node> value;
  if (!text.empty()) value = parse_value(text, setting.where);
  const bool is_word =
      !value || (value->kind != Node::Kind::string && value->kind != Node::Kind::array &&
                 value->kind != Node::Kind::table);
  bool as_text = false;
  if (key != nullptr && takes_text(key->type)) {
    as_text = is_word;  // title = 2026 and a file called 1.5 are text
  } else if (key != nullptr && may_take_text(key->type)) {
    as_text = !value || value->kind == Node::Kind::date ||
              (value->kind == Node::Kind::boolean && key->type != Type::passed);
  }
  if (as_text) {
    value.emplace();
    value->kind = Node::Kind::string;
    value->string = std::string(text);
    value->where = setting.where;
  }
  return value;
}

/// The key at a setting's path in the registry, nullptr if there is none.
const Key* key_at(const Setting& setting) {
  std::string path;
  const Key* key = nullptr;
  for (const Segment& segment : setting.path) {
    if (key != nullptr && key->type == Type::passed) return key;
    const std::string parent = path.empty() ? "" : path + ".";
    key = nullptr;
    for (const std::string& name : {segment.name, segment.name + "[]", std::string("*")}) {
      if ((key = find_key(parent + name)) != nullptr) break;
    }
    if (key == nullptr) return nullptr;
    path = key->path;
  }
  return key;
}

void apply(const Setting& setting, Node& root, Report& report) {
  const Key* key = key_at(setting);
  std::optional<Node> value = value_of(setting, key);
  if (!value) {
    const bool known = key != nullptr && key->type != Type::table && key->type != Type::table_array;
    report.error(setting.where, fmt::format("{} = {} (expected {})", setting.path_text,
                                            trimmed(setting.value_text).empty()
                                                ? "nothing"
                                                : shown_text(trimmed(setting.value_text)),
                                            known ? type_text(*key) : "a TOML value"));
    return;
  }
  Node* table = &root;
  std::string path;
  for (std::size_t i = 0; i < setting.path.size(); ++i) {
    const Segment& segment = setting.path[i];
    path += (path.empty() ? "" : ".") + segment.name;
    const bool last = i + 1 == setting.path.size();
    if (segment.indexed) {
      Entry* entry = table->find(segment.name);
      Node* found =
          element(entry == nullptr ? nullptr : &entry->value, segment, path, setting, report);
      if (found == nullptr) return;
      path += "[" + segment.element + "]";
      if (last) {
        if (found->kind == Node::Kind::table && value->kind == Node::Kind::table) {
          merge(*found, std::move(*value));
        } else {
          *found = std::move(*value);
        }
        return;
      }
      table = found;
    } else {
      Entry& entry = table->add(segment.name, setting.where);
      if (last) {
        if (entry.value.kind == Node::Kind::table && value->kind == Node::Kind::table) {
          merge(entry.value, std::move(*value));
        } else {
          entry.where = setting.where;
          entry.value = std::move(*value);
        }
        return;
      }
      table = &entry.value;
      if (table->is_table_array()) {
        report.error(setting.where,
                     fmt::format("there are {0} [[{1}]]: say which with {1}[0] or {1}[name]",
                                 table->items.size(), path));
        return;
      }
    }
    if (table->kind != Node::Kind::table) {
      report.error(setting.where, fmt::format("{} is {}, not a table", path, kind_text(*table)));
      return;
    }
  }
}

}  // namespace

Node load(const Source& deck, std::span<const Override> overrides, const FileReader& read_include,
          Report& report) {
  std::vector<Setting> settings;
  for (const Override& each : overrides) {
    std::string why;
    if (auto setting = split(each.text, why)) {
      settings.push_back(std::move(*setting));
    } else {
      report.error({"--set " + shown_text(each.text)},
                   fmt::format("{}; expected key=value, such as solver.tolerance=1e-10", why));
    }
  }
  // --set include=... decides which files are read, so it comes before everything else.
  std::optional<Node> include;
  for (const Setting& setting : settings) {
    if (setting.path.size() == 1 && setting.path.front().name == "include") {
      include = value_of(setting, find_key("include"));
    }
  }
  Node root = Includer(read_include, report).load_all(deck, include ? &*include : nullptr);
  for (const Setting& setting : settings) apply(setting, root, report);
  return root;
}

}  // namespace ritz::deck
