#include "ritz/deck/compare.hpp"

#include <algorithm>

#include "document.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::deck {

namespace {

/// A value in one way only, so that equal values have equal texts: 1 and 1.0 are.
std::string plain(const Node* node) {
  if (node == nullptr) return {};
  switch (node->kind) {
    case Node::Kind::boolean:
      return node->boolean ? "true" : "false";
    case Node::Kind::integer:
    case Node::Kind::real:
      return base::number_text(node->number());
    case Node::Kind::string:
      return quoted(node->string);
    case Node::Kind::date:
      return node->string;
    case Node::Kind::array: {
      std::string text;
      for (const Node& item : node->items) text += (text.empty() ? "" : ", ") + plain(&item);
      return "[" + text + "]";
    }
    case Node::Kind::table: {
      std::string text;
      for (const Entry& entry : node->entries) {
        text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key_text(entry.name),
                            plain(&entry.value));
      }
      return "{ " + text + " }";
    }
  }
  return {};
}

class Comparison {
 public:
  /// @param path of the registry, "boundary[].value"
  /// @param shown for people, "boundary[0].value"
  void compare(const Node* before, const Node* after, const std::string& path,
               const std::string& shown, bool may_change) {
    const Key* key = find_key(path);
    if (key == nullptr) {
      // A name of the user's choice.
      const std::size_t dot = path.rfind('.');
      key = find_key(dot == std::string::npos ? "*" : path.substr(0, dot) + ".*");
    }
    // What is handed to Trilinos has no keys of its own.
    if (key != nullptr) may_change = key->may_change_on_restart;
    const auto is = [](const Node* node, Node::Kind kind) {
      return node == nullptr || node->kind == kind;
    };
    const bool in_line = key != nullptr && key->in_line;
    if (is(before, Node::Kind::table) && is(after, Node::Kind::table) && !in_line) {
      for (const std::string& name : names(after, before)) {
        compare(child(before, name), child(after, name), (path.empty() ? "" : path + ".") + name,
                (shown.empty() ? "" : shown + ".") + key_text(name), may_change);
      }
      return;
    }
    const auto is_list = [](const Node* node) { return node == nullptr || node->is_table_array(); };
    if (is_list(before) && is_list(after)) {
      const std::size_t n_before = before == nullptr ? 0 : before->items.size();
      const std::size_t n_after = after == nullptr ? 0 : after->items.size();
      for (std::size_t i = 0; i < std::max(n_before, n_after); ++i) {
        compare(i < n_before ? &before->items[i] : nullptr,
                i < n_after ? &after->items[i] : nullptr, path + "[]",
                fmt::format("{}[{}]", shown, i), may_change);
      }
      return;
    }
    const std::string was = plain(before), now = plain(after);
    if (was != now) changes_.push_back({shown, was, now, may_change});
  }

  [[nodiscard]] std::vector<Change> take() { return std::move(changes_); }

 private:
  static const Node* child(const Node* table, const std::string& name) {
    const Entry* entry = table == nullptr ? nullptr : table->find(name);
    return entry == nullptr ? nullptr : &entry->value;
  }
  /// Those of the first, then what only the second has.
  static std::vector<std::string> names(const Node* first, const Node* second) {
    std::vector<std::string> all;
    for (const Node* table : {first, second}) {
      if (table == nullptr) continue;
      for (const Entry& entry : table->entries) {
        if (std::find(all.begin(), all.end(), entry.name) == all.end()) all.push_back(entry.name);
      }
    }
    return all;
  }

  std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> changes(const std::string& before, const std::string& after) {
  base::Diagnostics diagnostics;
  const std::optional<Node> old = parse_document("the deck of the checkpoint", before, diagnostics);
  const std::optional<Node> now = parse_document("effective.toml", after, diagnostics);
  diagnostics.throw_errors(base::ExitCode::io);
  Comparison comparison;
  comparison.compare(&*old, &*now, "", "", false);
  return comparison.take();
}

}  // namespace ritz::deck
