#include "document.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <sstream>

// The parser is compiled into this file alone, with a lower limit of nesting than its default; its
// shared library, which the package's target asks for, is not used.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_SHARED_LIB 0
#define TOML_EXCEPTIONS 0
#define TOML_MAX_NESTED_VALUES 32
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/impl/preprocessor.h>
// Some of its assertions fail on wrong input, which it then handles by itself ("[=]"): they must
// neither end the program nor be taken for granted by the compiler. Should one of the others fail,
// the text is refused.
#undef TOML_ASSERT
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT(expr) \
  ((expr) ? static_cast<void>(0) : ritz::deck::detail::parser_assertion_failed(#expr))
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
namespace ritz::deck::detail {
struct ParserAssertion {
  const char* text;
};
[[noreturn]] static void parser_assertion_failed(const char* text) {
  throw ParserAssertion{text};
}
}  // namespace ritz::deck::detail
#include <toml++/toml.h>

#include "ritz/base/text.hpp"

namespace ritz::deck {

bool Node::is_table_array() const {
  return kind == Kind::array && !items.empty() &&
         std::all_of(items.begin(), items.end(),
                     [](const Node& item) { return item.kind == Kind::table; });
}

const Entry* Node::find(std::string_view name) const {
  const auto place = index.find(name);
  return place == index.end() ? nullptr : &entries[place->second];
}

Entry* Node::find(std::string_view name) {
  return const_cast<Entry*>(static_cast<const Node*>(this)->find(name));
}

Entry& Node::add(const std::string& name, const base::Location& key_where) {
  if (Entry* entry = find(name)) return *entry;
  index.emplace(name, entries.size());
  entries.push_back({name, key_where, {}});
  entries.back().value.where = key_where;
  return entries.back();
}

std::string kind_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::boolean:
      return "true or false";
    case Node::Kind::integer:
      return "an integer";
    case Node::Kind::real:
      return "a real number";
    case Node::Kind::string:
      return "a string";
    case Node::Kind::date:
      return "a date or time";
    case Node::Kind::array:
      return node.is_table_array() ? "an array of tables" : "a list";
    case Node::Kind::table:
      return "a table";
  }
  return "";
}

std::string shown_text(std::string_view text, std::size_t longest) {
  std::string result;
  for (const char c : text.substr(0, 4 * longest)) {
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  if (text.size() > 4 * longest || result.size() > longest) {
    std::size_t cut = std::min(longest, result.size());
    while (cut > 0 && (static_cast<unsigned char>(result[cut]) & 0xC0) == 0x80) --cut;
    result = result.substr(0, cut) + fmt::format("... ({} bytes)", text.size());
  }
  return result;
}

std::string shown(const Node& node) {
  switch (node.kind) {
    case Node::Kind::boolean:
      return node.boolean ? "true" : "false";
    case Node::Kind::integer:
      return node.raw.empty() ? std::to_string(node.integer) : shown_text(node.raw);
    case Node::Kind::real:
      return node.raw.empty() ? base::number_text(node.real) : shown_text(node.raw);
    case Node::Kind::string:
      return "\"" + shown_text(node.string) + "\"";
    case Node::Kind::date:
      return shown_text(node.string);
    default:
      return kind_text(node);
  }
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        result += "\\\"";
        break;
      case '\\':
        result += "\\\\";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\r':
        result += "\\r";
        break;
      case '\t':
        result += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          result += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
        } else {
          result += c;
        }
    }
  }
  return result + "\"";
}

std::string key_text(std::string_view name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return bare ? std::string(name) : quoted(name);
}

namespace {

/// Finds bytes by line and column (in characters, as the parser counts them).
class Text {
 public:
  explicit Text(std::string_view text) : text_(text) {
    // The parser skips the byte order mark without counting it.
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") text_.remove_prefix(3);
    starts_.push_back(0);
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\n') starts_.push_back(i + 1);
      if (static_cast<unsigned char>(text_[i]) >= 0x80) ascii_ = false;
    }
  }

  /// Byte at that place; npos if it is none, or too far into a long line that is not ASCII (which
  /// would make reading a hostile file slow).
  [[nodiscard]] std::size_t offset(std::size_t line, std::size_t column) const {
    if (line == 0 || column == 0 || line > starts_.size()) return std::string_view::npos;
    std::size_t place = starts_[line - 1];
    if (ascii_) {
      place += column - 1;
    } else {
      if (column > 1000) return std::string_view::npos;
      for (std::size_t i = 1; i < column && place < text_.size(); ++i) {
        ++place;
        while (place < text_.size() && (static_cast<unsigned char>(text_[place]) & 0xC0) == 0x80) {
          ++place;
        }
      }
    }
    return place < text_.size() ? place : std::string_view::npos;
  }

  [[nodiscard]] std::string_view from(std::size_t offset) const { return text_.substr(offset); }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
  bool ascii_ = true;
};

class Converter {
 public:
  Converter(const std::string& file, std::string_view text) : file_(file), text_(text) {}

  Node convert(const toml::node& source) const {
    Node node;
    node.where = place(source.source());
    switch (source.type()) {
      case toml::node_type::table: {
        node.kind = Node::Kind::table;
        convert_entries(*source.as_table(), node);
        break;
      }
      case toml::node_type::array:
        node.kind = Node::Kind::array;
        node.items.reserve(source.as_array()->size());
        for (const toml::node& item : *source.as_array()) node.items.push_back(convert(item));
        break;
      case toml::node_type::string:
        node.kind = Node::Kind::string;
        node.string = source.as_string()->get();
        find_inside(node);
        break;
      case toml::node_type::integer:
        node.kind = Node::Kind::integer;
        node.integer = source.as_integer()->get();
        node.raw = raw(source.source());
        break;
      case toml::node_type::floating_point:
        node.kind = Node::Kind::real;
        node.real = source.as_floating_point()->get();
        node.raw = raw(source.source());
        break;
      case toml::node_type::boolean:
        node.kind = Node::Kind::boolean;
        node.boolean = source.as_boolean()->get();
        break;
      default: {  // dates and times
        node.kind = Node::Kind::date;
        std::ostringstream text;
        if (const auto* date = source.as_date()) text << date->get();
        if (const auto* time = source.as_time()) text << time->get();
        if (const auto* both = source.as_date_time()) text << both->get();
        node.string = text.str();
      }
    }
    return node;
  }

 private:
  [[nodiscard]] base::Location place(const toml::source_region& region) const {
    return {file_, static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
  }

  /// The parser keeps tables sorted by name: put them back into the order of the file.
  void convert_entries(const toml::table& source, Node& node) const {
    struct Item {
      const toml::key* key;
      const toml::node* value;
    };
    std::vector<Item> items;
    for (const auto& [key, value] : source) items.push_back({&key, &value});
    std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
      return a.key->source().begin < b.key->source().begin;
    });
    for (const Item& item : items) {
      const std::string name(item.key->str());
      node.add(name, place(item.key->source())).value = convert(*item.value);
    }
  }

  [[nodiscard]] std::string raw(const toml::source_region& region) const {
    const std::size_t begin = text_.offset(region.begin.line, region.begin.column);
    if (begin == std::string_view::npos) return {};
    const std::string_view rest = text_.from(begin);
    return std::string(rest.substr(0, rest.find_first_not_of("0123456789abcdefABCDEFxonpi_+-.")));
  }

  /// Sets the place of a string's first character from the kind of quotes it stands in.
  void find_inside(Node& node) const {
    node.inner_line = node.where.line;
    node.inner_column = node.where.column + 1;
    const std::size_t begin = text_.offset(static_cast<std::size_t>(node.where.line),
                                           static_cast<std::size_t>(node.where.column));
    if (begin == std::string_view::npos) return;
    const std::string_view rest = text_.from(begin);
    const bool several_lines = rest.substr(0, 3) == "\"\"\"" || rest.substr(0, 3) == "'''";
    if (!several_lines) return;
    if (rest.substr(3, 1) == "\n" || rest.substr(3, 2) == "\r\n") {
      node.inner_line += 1;
      node.inner_column = 1;
    } else {
      node.inner_column += 2;
    }
  }

  const std::string& file_;
  Text text_;
};

/// Most segments of a dotted key: the parser (and its destructors) recurse once for each, and its
/// own limit counts only nested values.
constexpr int max_key_segments = 32;

/// Something that the parser must not see.
struct Refusal {
  int line, column;
  std::string text;
};

/// The character that begins at text[i] as U+XXXX; its bytes may be wrong.
std::string code_point(std::string_view text, std::size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  const std::size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  std::uint32_t value = n == 1 ? lead : lead & (0x7fu >> n);
  for (std::size_t k = 1; k < n; ++k) {
    if (i + k >= text.size() || (static_cast<unsigned char>(text[i + k]) & 0xc0u) != 0x80u)
      return fmt::format("byte {:02x}", lead);
    value = value << 6u | (static_cast<unsigned char>(text[i + k]) & 0x3fu);
  }
  return fmt::format("character U+{:04X}", value);
}

/// A dotted key with too many segments, or a character beyond ASCII outside quotes and comments,
/// where TOML has none and toml++ 3.3 runs into undefined behaviour when it asks whether it is
/// white space. Follows strings and comments as TOML has them, so that up to the first syntax error
/// it sees what the parser will see.
std::optional<Refusal> refusal(std::string_view text) {
  int line = 1, segments = 1;
  std::size_t line_start = 0;
  const auto here = [&](std::size_t at, std::string what) {
    // Columns count characters: bytes that do not continue one.
    const auto n = std::count_if(text.begin() + static_cast<std::ptrdiff_t>(line_start),
                                 text.begin() + static_cast<std::ptrdiff_t>(at),
                                 [](char one) { return (one & 0xc0) != 0x80; });
    return Refusal{line, static_cast<int>(n) + 1, std::move(what)};
  };
  const auto beyond_ascii = [&](std::size_t at) {
    return at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80;
  };
  if (text.starts_with("\xef\xbb\xbf")) line_start = 3;  // a byte order mark
  for (std::size_t i = line_start; i < text.size(); ++i) {
    const char c = text[i];
    if (beyond_ascii(i)) {
      return here(
          i, fmt::format("not valid TOML: {} outside quotes and comments", code_point(text, i)));
    }
    if (c == '#') {
      const std::size_t end = text.find('\n', i);
      if (end == std::string_view::npos) return std::nullopt;
      i = end - 1;
    } else if (c == '"' || c == '\'') {
      const std::string_view triple = c == '"' ? "\"\"\"" : "'''";
      const bool several_lines = text.substr(i, 3) == triple;
      std::size_t j = i + (several_lines ? 3 : 1);
      for (; j < text.size(); ++j) {
        if (c == '"' && text[j] == '\\') {
          ++j;
          if (several_lines && text.substr(j, 1) == "\n") {
            ++line;
            line_start = j + 1;
          }
          if (beyond_ascii(j))
            return here(j, fmt::format("not valid TOML: {} after \\", code_point(text, j)));
        } else if (several_lines ? text.substr(j, 3) == triple : text[j] == c) {
          break;
        } else if (text[j] == '\n') {
          if (!several_lines) break;  // an unfinished string: the parser stops here
          ++line;
          line_start = j + 1;
        }
      }
      if (!several_lines && j < text.size() && text[j] == '\n') return std::nullopt;
      if (several_lines) {  // up to two more quotes belong to the string
        j += 2;
        while (j + 1 < text.size() && text[j + 1] == c) ++j;
      }
      i = j;
    } else if (c == '\n') {
      ++line;
      line_start = i + 1;
      segments = 1;
    } else if (c == '.') {
      if (++segments > max_key_segments) {
        return here(i, fmt::format("a key of more than {} segments; no key of a deck has as many",
                                   max_key_segments));
      }
    } else if (c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') {
      segments = 1;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Node> parse_document(const std::string& file, std::string_view text,
                                   base::Diagnostics& diagnostics) {
  constexpr std::size_t max_bytes = 256u << 20;
  if (text.size() > max_bytes) {
    diagnostics.error({file}, fmt::format("{} of text; a deck may have {} at most",
                                          base::bytes_text(static_cast<double>(text.size())),
                                          base::bytes_text(static_cast<double>(max_bytes))));
    return std::nullopt;
  }
  if (const auto refused = refusal(text)) {
    diagnostics.error({file, refused->line, refused->column}, refused->text);
    return std::nullopt;
  }
  try {
    const toml::parse_result result = toml::parse(text);
    if (!result) {
      const toml::parse_error& error = result.error();
      diagnostics.error({file, static_cast<int>(error.source().begin.line),
                         static_cast<int>(error.source().begin.column)},
                        fmt::format("not valid TOML: {}", shown_text(error.description(), 300)));
      return std::nullopt;
    }
    Node root = Converter(file, text).convert(result.table());
    root.where = {file};
    return root;
  } catch (const detail::ParserAssertion& assertion) {
    diagnostics.error({file},
                      fmt::format("not valid TOML (the parser gave up: {})", assertion.text));
    return std::nullopt;
  }
}

namespace {

void set_places(Node& node, const base::Location& where) {
  node.where = where;
  node.inner_line = node.inner_column = 0;
  for (Node& item : node.items) set_places(item, where);
  for (Entry& entry : node.entries) {
    entry.where = where;
    set_places(entry.value, where);
  }
}

}  // namespace

std::optional<Node> parse_value(std::string_view text, const base::Location& where) {
  base::Diagnostics ignored;
  std::optional<Node> root = parse_document("", fmt::format("v = {}\n", text), ignored);
  if (!root || root->entries.size() != 1 || root->entries.front().name != "v") return std::nullopt;
  Node value = std::move(root->entries.front().value);
  set_places(value, where);
  return value;
}

}  // namespace ritz::deck
