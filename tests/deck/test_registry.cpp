#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "helpers.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::deck::testing {
namespace {

TEST(Registry, PathsAreUniqueAndTablesComeBeforeTheirKeys) {
  std::set<std::string> seen{""};
  for (const Key& key : registry()) {
    EXPECT_EQ(seen.count(key.parent()), 1u) << key.path << " stands before its table";
    EXPECT_TRUE(seen.insert(key.path).second) << key.path << " is declared twice";
    EXPECT_EQ(find_key(key.path), &key);
  }
}

TEST(Registry, EveryKeyIsComplete) {
  for (const Key& key : registry()) {
    EXPECT_FALSE(key.help.empty()) << key.path;
    EXPECT_TRUE(key.help.ends_with(".")) << key.path << ": " << key.help;
    const bool is_table =
        key.type == Type::table || key.type == Type::table_array || key.type == Type::passed;
    if (!is_table) {
      EXPECT_TRUE(!key.fallback.empty() || !key.example.empty())
          << key.path << " shows nobody what to write";
      EXPECT_FALSE(!key.fallback.empty() && key.required) << key.path;
      const bool optional = !key.required && key.fallback.empty() && !key.path.ends_with("*");
      EXPECT_EQ(optional && !key.path.starts_with("boundary[]"), !key.fallback_note.empty())
          << key.path;
    }
    EXPECT_EQ(key.type == Type::choice || key.type == Type::real_or_word, !key.choices.empty())
        << key.path;
    EXPECT_TRUE(key.choice_help.empty() || key.choice_help.size() == key.choices.size())
        << key.path;
    if (!key.when.empty()) {
      const Key* decider = find_key(key.decider());
      ASSERT_NE(decider, nullptr) << key.path;
      for (const std::string& value : key.when_values) {
        EXPECT_THAT(decider->choices, ::testing::Contains(value)) << key.path;
      }
    }
  }
}

TEST(Registry, DefaultsAreThoseOfProblem) {
  // What a deck without the optional keys gives is what the structs say, and that is what the
  // registry says: the parser fills a Problem from the registry's texts.
  const Result parsed = parse_text(minimal);
  ASSERT_THAT(parsed.errors(), ::testing::IsEmpty());
  Problem expected;
  expected.mesh.box.cells = {4, 4};
  expected.mesh.box.lower = {0, 0};
  expected.mesh.box.upper = {1, 1};
  expected.mesh.box.grading = {1, 1};
  expected.mesh.box.cell_type = "quad";
  Boundary boundary;
  boundary.on = {{"rest", {}}};
  boundary.kind = Boundary::Kind::value;
  boundary.value_or_flux.text = "0.0";
  expected.boundaries = {boundary};
  EXPECT_EQ(describe(parsed.problem), describe(expected));
}

TEST(Registry, EveryDefaultOfTheEffectiveDeckIsTheRegistrys) {
  // What applies to one kind of problem only is in the deck of one.
  const std::string effective =
      parse_text(minimal).problem.effective_toml +
      parse_text(
          "[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\nkind = \"wave\"\n"
          "[[boundary]]\non = [\"rest\"]\nvalue = 0\n[time]\nend = 1\nstep = 0.1\n"
          "method = \"generalised-alpha\"\n[initial]\nu = 0\n")
          .problem.effective_toml +
      parse_text(
          "[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\n"
          "kind = \"advection-diffusion-reaction\"\n[[boundary]]\non = [\"rest\"]\nvalue = 0\n"
          "[time]\nend = 1\nstep = 0.1\nmethod = \"imex2\"\n[initial]\nu = 0\n")
          .problem.effective_toml +
      parse_text(
          "[units]\n[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\n"
          "kind = \"elasticity\"\nyoungs_modulus = 1\npoissons_ratio = 0\n[[boundary]]\non = "
          "\"rest\"\npressure = 0\n")
          .problem.effective_toml;
  for (const Key& key : registry()) {
    if (key.fallback.empty() || key.path.find("[]") != std::string::npos) continue;
    EXPECT_THAT(effective, ::testing::HasSubstr("\n" + key.name() + " = ")) << key.path;
  }
}

TEST(Registry, ExplainsEveryKeyAndTable) {
  for (const Key& key : registry()) {
    std::string name;
    for (const char c : key.path) {
      if (c != '[' && c != ']') name += c;
    }
    for (const std::string& spelling : {key.path, name}) {
      const std::string page = explain(spelling);
      EXPECT_THAT(page, ::testing::HasSubstr(key.help.substr(0, 30))) << spelling;
    }
    for (const Key* child : keys_of(key.path)) {
      if (child->name() != "*") {
        EXPECT_THAT(explain(key.path), ::testing::HasSubstr(child->name())) << key.path;
      }
    }
    if (!key.fallback.empty()) {
      EXPECT_THAT(explain(key.path), ::testing::HasSubstr(key.fallback));
    }
    for (const std::string& choice : key.choices) {
      EXPECT_THAT(explain(key.path), ::testing::HasSubstr("\"" + choice + "\""));
    }
  }
  for (const char* table : {"mesh", "solver", "boundary", "verify"}) {
    EXPECT_THAT(explain(""), ::testing::HasSubstr(table));
  }
  EXPECT_THAT(explain("boundary[2].robin.ambient"), ::testing::HasSubstr("far away"));
  EXPECT_THAT(explain("parameters.h_air"), ::testing::HasSubstr("A number with a name"));
  EXPECT_THAT(explain("solver.trilinos.amg.smoother: type"), ::testing::HasSubstr("MueLu"));
  EXPECT_THAT(explain("equation.v"), ::testing::HasSubstr("when equation.unknowns names several"));
  EXPECT_THAT(explain("equation.v.diffusion"), ::testing::HasSubstr("equation.NAME.diffusion"));
  EXPECT_THAT(explain("equation.v.cross_diffusion.w"), ::testing::HasSubstr("other unknown"));
  EXPECT_THAT(explain("equation.kind"),
              ::testing::HasSubstr("\"helmholtz\"\n      (K grad(u), grad(w)) - (k^2 u, w)"));
  EXPECT_THAT(explain("initial.v"), ::testing::HasSubstr("Value of the unknown"));
  EXPECT_THAT(explain("initial.rate.v"), ::testing::HasSubstr("Time derivative of the unknown"));
  EXPECT_THAT(explain("equation.unknowns"), ::testing::HasSubstr("any kind but \"elasticity\""));
}

std::string explain_error(const std::string& key) {
  try {
    return "no error: " + explain(key);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::deck);
    return error.what();
  }
}

TEST(Registry, ExplainNamesTheNearestKey) {
  EXPECT_EQ(explain_error("solver.tolerence"),
            "no key 'solver.tolerence'; did you mean 'solver.tolerance'?");
  EXPECT_EQ(explain_error("degree"), "no key 'degree'; there is space.degree");
  EXPECT_THAT(explain_error("adapt"), ::testing::HasSubstr("reserved for a later version"));
  EXPECT_THAT(explain_error("equation.difusion"), ::testing::HasSubstr("'equation.diffusion'"));
  EXPECT_THAT(explain_error("equation.v.difusion"),
              ::testing::HasSubstr("'equation.NAME.diffusion'"));
  EXPECT_THAT(explain_error("periodic.rotation"),
              ::testing::HasSubstr("reserved for a later version"));
  EXPECT_THAT(explain_error("!!"), ::testing::HasSubstr("tables and keys of a deck are include"));
}

// ---- what is generated ----

TEST(Reference, FilesInTheTreeAreUpToDate) {
  const char* hint = " is stale: build the target deck_reference";
  EXPECT_EQ(read_file(source_path("configs/reference.toml")).value_or(""), reference_toml())
      << "configs/reference.toml" << hint;
  EXPECT_EQ(read_file(source_path("docs/deck.md")).value_or(""), reference_markdown())
      << "docs/deck.md" << hint;
  EXPECT_EQ(read_file(source_path("configs/ritz.schema.json")).value_or(""), json_schema())
      << "configs/ritz.schema.json" << hint;
}

TEST(Reference, ParsesAndHoldsOnlyDefaults) {
  const Result result = parse_text(reference_toml());
  EXPECT_THAT(result.diagnostics.entries(), ::testing::IsEmpty()) << result.all_errors();
  std::string like_minimal = minimal;
  like_minimal.replace(like_minimal.find("[4, 4]"), 6, "[8, 8]");
  EXPECT_EQ(describe(result.problem), describe(parse_text(like_minimal).problem));
}

TEST(Reference, EveryKeyIsInTheDeckAndOnThePage) {
  const std::string deck = reference_toml(), page = reference_markdown();
  for (const Key& key : registry()) {
    EXPECT_THAT(page, ::testing::HasSubstr(key.name() == "*" ? "*name*" : key.name())) << key.path;
    EXPECT_THAT(deck, ::testing::HasSubstr(key.name() == "*" ? "some_name" : key.name()))
        << key.path;
  }
}

TEST(Reference, ItsExamplesWorkWhenTheyAreUncommented) {
  // Each commented line "# key = value" on its own, in its table.
  const Result example = parse_text(R"deck(
[parameters]
some_name = 12.0
[mesh]
kind = "box"
cells = [8, 8]
lower = [0.0, 0.0]
upper = [1.0, 1.0]
cell_type = "quad"
grading = [1.0, 1.0]
[mesh.sets]
some_name = "x < 1e-9 and y > 0.02"
[equation]
kind = "coefficient-form"
diffusion = 1.0
advection = [1.0, 0.0]
reaction = 0.0
source = 0.0
[[boundary]]
on = ["rest"]
robin = { coefficient = 12.0, ambient = 293.15 }
[limits]
memory = "8 GiB"
walltime = "2 h"
[[probe]]
name = "tip"
at = [0.5, 0.5]
[[integral]]
name = "heat_out"
on = "right"
kind = "value"
of = "u"
[verify]
exact = "sin(pi*x)"
max_l2_error = 1e-4
max_h1_error = 1e-2
[[verify.probe]]
name = "tip"
expected = 18.3
tolerance = 0.1
)deck");
  EXPECT_THAT(example.errors(), ::testing::IsEmpty()) << example.all_errors();
  const std::string deck = reference_toml();
  for (const Key& key : registry()) {
    if (key.example.empty() || !key.fallback.empty()) continue;
    const std::string name = key.name() == "*" ? "some_name" : key.name();
    const Key* table = find_key(key.parent());
    if (table != nullptr && table->in_line) continue;  // told in words
    EXPECT_THAT(deck, ::testing::HasSubstr(name + " = " + key.example)) << key.path;
  }
}

/// The schema of the table at `path`, references not followed.
const nlohmann::json* schema_of(const nlohmann::json& root, const std::string& path) {
  const nlohmann::json* place = &root;
  std::string rest = path;
  while (!rest.empty()) {
    const std::size_t dot = rest.find('.');
    std::string name = rest.substr(0, dot);
    rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
    const bool in_array = name.ends_with("[]");
    if (in_array) name.resize(name.size() - 2);
    if (name == "*") {
      if (!place->contains("additionalProperties")) return nullptr;
      place = &(*place)["additionalProperties"];
      continue;
    }
    if (!place->contains("properties") || !(*place)["properties"].contains(name)) return nullptr;
    place = &(*place)["properties"][name];
    if (in_array && !rest.empty()) {
      if (!place->contains("items")) return nullptr;
      place = &(*place)["items"];
    }
  }
  return place;
}

TEST(Schema, IsJsonAndHoldsEveryKey) {
  const nlohmann::json schema = nlohmann::json::parse(json_schema());
  EXPECT_EQ(schema["$schema"], "http://json-schema.org/draft-04/schema#");
  EXPECT_EQ(schema["additionalProperties"], false);
  for (const Key& key : registry()) {
    const nlohmann::json* place = schema_of(schema, key.path);
    ASSERT_NE(place, nullptr) << key.path;
    ASSERT_TRUE(place->is_object()) << key.path;
    ASSERT_TRUE(place->contains("description")) << key.path;
    EXPECT_THAT((*place)["description"].get<std::string>(), ::testing::StartsWith(key.help));
    if (key.type == Type::choice) {
      EXPECT_EQ((*place)["enum"].get<std::vector<std::string>>(), key.choices) << key.path;
    }
    if (!key.fallback.empty()) {
      EXPECT_EQ((*place)["default"], nlohmann::json::parse(key.fallback)) << key.path;
    }
    if (key.type == Type::table) {
      const bool free_names = find_key(key.path + ".*") != nullptr;
      EXPECT_EQ((*place)["additionalProperties"] == false, !free_names) << key.path;
    }
  }
}

TEST(Schema, HoldsNothingElse) {
  const nlohmann::json schema = nlohmann::json::parse(json_schema());
  std::vector<std::pair<std::string, const nlohmann::json*>> tables{{"", &schema}};
  int n_keys = 0;
  while (!tables.empty()) {
    const auto [path, table] = tables.back();
    tables.pop_back();
    if (const Key* others = find_key(path.empty() ? "*" : path + ".*");
        others != nullptr && others->type == Type::table) {
      tables.emplace_back(others->path, &(*table)["additionalProperties"]);
    }
    if (!table->contains("properties")) continue;
    for (const auto& [name, value] : (*table)["properties"].items()) {
      const std::string full = path.empty() ? name : path + "." + name;
      const bool array = find_key(full + "[]") != nullptr;
      EXPECT_TRUE(array || find_key(full) != nullptr) << full;
      ++n_keys;
      tables.emplace_back(array ? full + "[]" : full, array ? &value["items"] : &value);
    }
  }
  int n_registered = 0;
  for (const Key& key : registry()) n_registered += key.name() != "*";
  EXPECT_EQ(n_keys, n_registered);
}

TEST(Schema, ReferencesExist) {
  const nlohmann::json schema = nlohmann::json::parse(json_schema());
  const std::string text = json_schema();
  const std::string mark = "#/definitions/";
  int n = 0;
  for (std::size_t i = text.find(mark); i != std::string::npos; i = text.find(mark, i + 1)) {
    const std::size_t begin = i + mark.size();
    EXPECT_TRUE(schema["definitions"].contains(text.substr(begin, text.find('"', begin) - begin)));
    ++n;
  }
  EXPECT_GT(n, 10);
}

}  // namespace
}  // namespace ritz::deck::testing
