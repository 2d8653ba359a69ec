#include "effective.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>

#include "check.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::deck {

namespace {

std::string origin(const base::Location& where) {
  const std::string text = where.text();
  return text.empty() ? "default" : shown_text(text);
}

class Writer {
 public:
  Writer(const Node& root, const std::map<std::string, std::string>& files)
      : root_(root), files_(files), several_(unknown_names(root).several()) {}

  [[nodiscard]] std::string take() { return std::move(text_); }

  /// @param path in the registry
  /// @param header dotted name for [header]
  void table(const Node& node, const std::string& path, const std::string& header) {
    std::vector<const Key*> tables;
    for (const Key* key : keys_of(path)) {
      if (key->name() == "include") continue;
      const bool is_table =
          key->type == Type::table || key->type == Type::table_array || key->type == Type::passed;
      if (is_table && !key->in_line) {
        tables.push_back(key);
      } else if (key->name() == "*") {
        for (const Entry* entry : free_entries(node, path)) leaf(*entry, *key);
      } else if (const Entry* entry = node.find(key->name()); entry != nullptr) {
        leaf(*entry, *key);
      } else if (!path.ends_with("[]") && !key->fallback_note.empty() &&
                 applies(root_, node, *key) &&
                 !(several_ && key->per_unknown && path == "equation")) {
        line(fmt::format("# {} is not set", key_text(key->name())), key->fallback_note);
      }
    }
    for (const Key* key : tables) {
      if (key->name() == "*") {
        for (const Entry* entry : free_entries(node, path)) {
          if (entry->value.invalid) continue;
          const std::string name = header + "." + key_text(entry->name);
          text_ += fmt::format("\n[{}]\n", name);
          table(entry->value, key->path, name);
        }
        continue;
      }
      const Entry* entry = node.find(key->name());
      if (entry == nullptr || entry->value.invalid) continue;
      const std::string name = header.empty() ? key->name() : header + "." + key->name();
      if (key->type == Type::table_array) {
        for (const Node& item : entry->value.items) {
          text_ += fmt::format("\n[[{}]]\n", name);
          table(item, key->path, name);
        }
      } else if (key->type == Type::passed) {
        passed(entry->value, name);
      } else {
        const std::size_t before = text_.size();
        text_ += fmt::format("\n[{}]\n", name);
        const std::size_t after = text_.size();
        table(entry->value, key->path, name);
        // A header with nothing but headers below says nothing.
        if (text_.size() == after || text_.compare(after, 1, "\n") == 0) {
          text_.erase(before, after - before);
        }
      }
    }
  }

 private:
  /// The entries of a table whose names are the user's choice.
  static std::vector<const Entry*> free_entries(const Node& node, const std::string& path) {
    std::vector<const Entry*> entries;
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const Entry& entry : node.entries) {
      const Key* fixed = find_key(prefix + entry.name);
      if (fixed == nullptr || fixed->name() == "*") entries.push_back(&entry);
    }
    return entries;
  }

  void line(const std::string& content, const std::string& comment) {
    constexpr std::size_t column = 44;
    text_ += content;
    if (content.size() < column) text_.append(column - content.size(), ' ');
    text_ += "  # " + comment + "\n";
  }

  void leaf(const Entry& entry, const Key& key) {
    if (entry.value.invalid) return;
    const auto file = files_.find(key.path);
    const std::string value =
        file != files_.end() ? quoted(file->second) : value_text(entry.value, key.type);
    std::string comment = origin(entry.value.where);
    if (!entry.value.written.empty())
      comment += ", written as " + quoted(shown_text(entry.value.written));
    for (const Entry& inner : entry.value.entries) {  // of a table in line
      if (!inner.value.written.empty()) {
        comment += fmt::format(", {} written as {}", key_text(inner.name),
                               quoted(shown_text(inner.value.written)));
      }
    }
    line(fmt::format("{} = {}", key_text(entry.name), value), comment);
  }

  static std::string value_text(const Node& node, Type type) {
    switch (node.kind) {
      case Node::Kind::boolean:
        return node.boolean ? "true" : "false";
      case Node::Kind::integer:
        return type == Type::integer || type == Type::integers || type == Type::passed
                   ? std::to_string(node.integer)
                   : base::number_text(node.number());
      case Node::Kind::real:
        return base::number_text(node.real);
      case Node::Kind::string:
        return quoted(node.string);
      case Node::Kind::array: {
        std::string text;
        for (const Node& item : node.items) {
          text += (text.empty() ? "" : ", ") + value_text(item, type);
        }
        return "[" + text + "]";
      }
      case Node::Kind::table: {
        std::string text;
        for (const Entry& entry : node.entries) {
          text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key_text(entry.name),
                              value_text(entry.value, type));
        }
        return "{ " + text + " }";
      }
      case Node::Kind::date:
        return node.string;
    }
    return "";
  }

  void passed(const Node& node, const std::string& header) {
    const auto is_table = [](const Entry& entry) { return entry.value.kind == Node::Kind::table; };
    if (!std::all_of(node.entries.begin(), node.entries.end(), is_table)) {
      text_ += fmt::format("\n[{}]\n", header);
    }
    for (const Entry& entry : node.entries) {
      if (is_table(entry) || entry.value.invalid) continue;
      line(fmt::format("{} = {}", key_text(entry.name), value_text(entry.value, Type::passed)),
           origin(entry.value.where));
    }
    for (const Entry& entry : node.entries) {
      if (is_table(entry)) passed(entry.value, header + "." + key_text(entry.name));
    }
  }

  const Node& root_;
  const std::map<std::string, std::string>& files_;
  bool several_;  ///< unknowns
  std::string text_;
};

}  // namespace

std::string effective_toml(const Node& root, const std::map<std::string, std::string>& files) {
  Writer writer(root, files);
  writer.table(root, "", "");
  return "# Every value of this run and where it came from. Running this deck repeats the run.\n" +
         writer.take();
}

}  // namespace ritz::deck
