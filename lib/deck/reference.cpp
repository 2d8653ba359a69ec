#include "ritz/base/format.hpp"

#include <algorithm>

#include "document.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"
#include "wrap.hpp"

namespace ritz::deck {

namespace {

bool is_table(const Key& key) {
  return key.type == Type::table || key.type == Type::table_array;
}

/// "number > 0 and < 1; default 1e-8"
std::string facts(const Key& key) {
  std::string text = type_text(key);
  if (!key.unit.empty() && key.unit != "1") text += "; unit: " + key.unit;
  if (key.required) {
    text += "; required";
    if (!key.required_note.empty()) text += " " + key.required_note;
  } else if (!key.fallback_note.empty()) {
    text += "; default: " + key.fallback_note;
  }
  if (!key.when.empty()) text += "; with " + when_text(key);
  return text + ".";
}

/// The path as [header] has it: "boundary", "verify.probe", "equation.NAME".
std::string header(const Key& key, const std::string& free_name) {
  std::string text;
  for (const char c : key.path) {
    if (c == '*') {
      text += free_name;
    } else if (c != '[' && c != ']') {
      text += c;
    }
  }
  return text;
}

/// Whether a key applies in the reference deck, where every decider has its default or example.
bool applies_there(const Key& key) {
  if (key.when.empty()) return true;
  const Key* decider = find_key(key.decider());
  const std::string& word = decider->fallback.empty() ? decider->example : decider->fallback;
  return std::find_if(key.when_values.begin(), key.when_values.end(), [&](const auto& value) {
           return quoted(value) == word;
         }) != key.when_values.end();
}

/// Tables of which the reference deck holds an element; the others are shown as comments.
bool is_shown(const std::string& path) {
  return path != "material[]" && path != "probe[]" && path != "integral[]" &&
         path != "periodic[]" && path != "units" && path != "verify.probe[]" &&
         path != "parameters" && path != "mesh.sets" && path != "equation.*" && path != "time" &&
         path != "initial" && path != "checkpoint" && path != "output.block[]" &&
         !path.starts_with("solver.trilinos");
}

class ReferenceDeck {
 public:
  std::string text() {
    text_ =
        "#:schema ./ritz.schema.json\n"
        "# Every key of a deck with its default; keys without one are commented out and show an "
        "example.\n"
        "# Made from the registry of keys, not to be edited. 'ritz explain KEY' tells the same.\n";
    table("", true);
    return std::move(text_);
  }

 private:
  void comment(const std::string& text) { text_ += "# " + wrapped(text, 96, "\n# ") + "\n"; }

  void table(const std::string& path, bool live) {
    for (const Key* key : keys_of(path)) {
      if ((is_table(*key) && !key->in_line) || key->type == Type::passed) continue;
      leaf(*key, live);
      for (const Key* inner : keys_of(key->path)) {
        const std::string name = inner->name() == "*" ? "some_name" : inner->name();
        comment(
            fmt::format("{}.{}: {} {}", key->name(), name, inner->help, sentence(facts(*inner))));
      }
    }
    for (const Key* key : keys_of(path)) {
      if (key->type == Type::passed) {
        text_ += "\n";
        comment(key->help);
        text_ += fmt::format("# [{}]\n", key->path);
      } else if (is_table(*key) && !key->in_line) {
        const bool shown = live && is_shown(key->path);
        text_ += "\n";
        comment(key->help);
        const std::string name = header(*key, "some_name");
        const std::string line =
            key->type == Type::table ? fmt::format("[{}]\n", name) : fmt::format("[[{}]]\n", name);
        text_ += (shown ? "" : "# ") + line;
        table(key->path, shown);
      }
    }
  }

  static std::string sentence(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
      text[0] = static_cast<char>(text[0] - 32);
    return text;
  }

  void leaf(const Key& key, bool live) {
    text_ += "\n";
    comment(key.help);
    for (std::size_t i = 0; i < key.choice_help.size(); ++i) {
      comment(quoted(key.choices[i]) + ": " + key.choice_help[i]);
    }
    comment(sentence(facts(key)));
    const std::string name = key.name() == "*" ? "some_name" : key.name();
    const std::string value = key.fallback.empty() ? key.example : key.fallback;
    // Of the conditions of a boundary only one can be given.
    const bool given = applies_there(key) &&
                       (!key.fallback.empty() || key.required || key.path == "boundary[].value");
    text_ += fmt::format("{}{} = {}\n", live && given ? "" : "# ", name, value);
  }

  std::string text_;
};

// ---- docs/deck.md ----

std::string cell(std::string text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

void markdown_table(std::string& text, const std::string& path) {
  std::string rows;
  for (const Key* key : keys_of(path)) {
    if (is_table(*key) && !key->in_line) continue;
    std::string value = key->fallback.empty() ? key->fallback_note : "`" + key->fallback + "`";
    if (key->required) value = "required";
    std::string type = type_text(*key);
    if (!key->unit.empty() && key->unit != "1") type += "; " + key->unit;
    std::string help = key->help;
    for (std::size_t i = 0; i < key->choice_help.size(); ++i) {
      help += fmt::format("<br>`{}`: {}", quoted(key->choices[i]), key->choice_help[i]);
    }
    if (!key->when.empty()) help += fmt::format(" Only with {}.", when_text(*key));
    if (!key->later.empty()) help += " In a later version: " + base::list(key->later) + ".";
    const std::string name = key->name() == "*" ? "*name*" : "`" + key->name() + "`";
    rows += fmt::format("| {} | {} | {} | {} |\n", name, cell(type), cell(value), cell(help));
  }
  if (!rows.empty()) text += "\n| key | value | default | meaning |\n|---|---|---|---|\n" + rows;
}

void markdown_section(std::string& text, const Key& key) {
  const std::string name = header(key, "NAME");
  const std::string title = key.type == Type::table_array ? "[[" + name + "]]" : "[" + name + "]";
  text += fmt::format("\n## `{}`\n\n{}\n", title, key.help);
  markdown_table(text, key.path);
  for (const Key* child : keys_of(key.path)) {
    if (is_table(*child)) markdown_section(text, *child);
  }
}

}  // namespace

std::string reference_toml() {
  return ReferenceDeck().text();
}

std::string reference_markdown() {
  std::string text =
      "# The problem deck\n\n"
      "This page is made from the registry of keys and not to be edited.\n"
      "`ritz explain KEY` prints the same in a terminal, `ritz schema` as a JSON Schema for "
      "editors, and\n"
      "`configs/reference.toml` is a deck with every key.\n"
      "\n"
      "A deck is a TOML file.\n"
      "Whole numbers are accepted where numbers are expected.\n"
      "Units are yours: any consistent set.\n"
      "Unknown keys are errors, and everything that is wrong with a deck is reported at once, each "
      "with\n"
      "file, line and column.\n"
      "The result folder gets `effective.toml`, every value of the run and where it came from.\n"
      "\n"
      "**Expressions** are texts such as `\"sin(pi*x) + h_air\"` in x, y, z, t and the "
      "parameters;\n"
      "coefficients and fluxes may use the unknowns and their gradients too: `\"1 + u^2\"`.\n"
      "\n"
      "**`--set a.b=value`** on the command line replaces one key, as strictly checked as the "
      "deck.\n"
      "Elements of arrays of tables are named by number or by name: `--set boundary[0].value=3`,\n"
      "`--set material[base].diffusion=401`.\n"
      "Quotes around text may be left out: `--set solver.method=gmres`.\n"
      "\n"
      "**Reserved** for later versions: ";
  std::vector<std::string> names;
  for (const char* name : {"checkpoint", "adapt", "sweep", "adjoint", "surrogate", "perf", "alert",
                           "cache", "registry", "sites", "profile"}) {
    names.push_back(fmt::format("`{}`", name));
  }
  text += base::list(names) + ".\n\n## At the top\n";
  markdown_table(text, "");
  for (const Key* key : keys_of("")) {
    if (is_table(*key)) markdown_section(text, *key);
  }
  return text;
}

}  // namespace ritz::deck
