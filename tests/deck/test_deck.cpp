#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "helpers.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::deck::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Included files by name.
FileReader files(const std::map<std::string, std::string>& content) {
  return [content](const std::string& path) -> std::optional<std::string> {
    const auto place = content.find(path);
    if (place == content.end()) return std::nullopt;
    return place->second;
  };
}

// ---- values ----

TEST(Deck, EveryDeckOfConfigsParses) {
  int n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source_path("configs"))) {
    if (entry.path().extension() != ".toml") continue;
    const std::string file = entry.path().string();
    const Result result = parse_text(*read_file(file), {}, read_file, file);
    EXPECT_THAT(result.errors(), IsEmpty()) << file << "\n" << result.all_errors();
    ++n;
  }
  EXPECT_GE(n, 14);
}

TEST(Deck, JoinsSides) {
  const std::string text =
      "[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\nkind = \"poisson\"\n"
      "[[periodic]]\nfrom = \"left\"\nto = \"right\"\n"
      "[[periodic]]\nfrom = \"top\"\nto = \"bottom\"\ntranslation = [0, -1]\n"
      "tolerance = 1e-3\n";
  const Result result = parse_text(text);  // there is no [[boundary]]: nothing is left for one
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const std::vector<Periodic>& pairs = result.problem.periodics;
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].from.text, "left");
  EXPECT_EQ(pairs[0].to.text, "right");
  EXPECT_FALSE(pairs[0].translation.has_value());
  EXPECT_EQ(pairs[0].tolerance, 1e-5);
  EXPECT_EQ(pairs[0].where.line, 6);
  EXPECT_THAT(pairs[1].translation.value(), ElementsAre(0, -1, 0));
  EXPECT_EQ(pairs[1].n_translation, 2);
  EXPECT_EQ(pairs[1].tolerance, 1e-3);
  const Result again = parse_text(result.problem.effective_toml);
  ASSERT_THAT(again.errors(), IsEmpty()) << again.all_errors();
  EXPECT_EQ(describe(again.problem), describe(result.problem));
  // Sides that are not joined need a condition.
  EXPECT_THAT(parse_text(text + "[[boundary]]\non = \"left\"\nvalue = 0\n").all_errors(),
              HasSubstr("boundary[0].on = \"left\" is joined to another side"));
}

TEST(Deck, FillsEveryMember) {
  const Result result = parse_text(full);
  ASSERT_THAT(result.diagnostics.entries(), IsEmpty()) << result.all_errors();
  const Problem& p = result.problem;
  EXPECT_EQ(p.title, "Everything \"at once\" with a \\ backslash.");
  ASSERT_EQ(p.parameters.size(), 2u);
  EXPECT_EQ(p.parameters[0].name, "h_air");
  EXPECT_EQ(p.parameters[0].value, 12.0);
  EXPECT_EQ(p.parameters[1].name, "scale");
  EXPECT_EQ(p.parameters[1].value, 1.5e-3);
  EXPECT_EQ(p.mesh.kind, MeshKind::box);
  EXPECT_THAT(p.mesh.box.cells, ElementsAre(4, 5, 6));
  EXPECT_THAT(p.mesh.box.lower, ElementsAre(-1, 0, 0.25));
  EXPECT_THAT(p.mesh.box.upper, ElementsAre(1, 2, 3));
  EXPECT_EQ(p.mesh.box.cell_type, "tet");
  EXPECT_THAT(p.mesh.box.grading, ElementsAre(1, 2, 0.5));
  EXPECT_EQ(p.mesh.box.distortion, Distortion::random);
  EXPECT_EQ(p.mesh.box.distortion_amount, 0.2);
  EXPECT_EQ(p.mesh.box.seed, 7);
  EXPECT_EQ(p.mesh.refine, 1);
  ASSERT_EQ(p.mesh.sets.size(), 2u);
  EXPECT_EQ(p.mesh.sets[0].name.text, "inlet");
  EXPECT_EQ(p.mesh.sets[0].predicate.text, "x < 1e-9 and y > 0.5");
  EXPECT_EQ(p.mesh.sets[1].name.text, "outlet 2");
  EXPECT_EQ(p.partition.method, PartitionMethod::graph);
  EXPECT_EQ(p.partition.max_imbalance, 1.2);
  EXPECT_EQ(p.space.degree, 3);
  EXPECT_EQ(p.equation.kind, EquationKind::advection_diffusion_reaction);
  const auto& diffusion = p.equation.coefficients.diffusion->entries;
  ASSERT_EQ(diffusion.size(), 9u);
  EXPECT_EQ(diffusion[0].text, "1.0");
  EXPECT_EQ(diffusion[4].text, "2 + x");
  EXPECT_EQ(diffusion[8].text, "3.5");
  const auto& advection = *p.equation.coefficients.advection;
  ASSERT_EQ(advection.size(), 3u);
  EXPECT_EQ(advection[0].text, "y");
  EXPECT_EQ(advection[2].text, "0.001");
  EXPECT_EQ(p.equation.coefficients.reaction->text, "2.0");
  EXPECT_EQ(p.equation.coefficients.source->text, "sin(pi*x)*h_air");
  ASSERT_EQ(p.materials.size(), 1u);
  EXPECT_EQ(p.materials[0].region.text, "domain");
  EXPECT_EQ(p.materials[0].coefficients.diffusion->entries.size(), 3u);
  EXPECT_FALSE(p.materials[0].coefficients.advection.has_value());
  EXPECT_EQ(p.materials[0].coefficients.source->text, "x +\ny");
  ASSERT_EQ(p.boundaries.size(), 3u);
  EXPECT_EQ(p.boundaries[0].kind, Boundary::Kind::value);
  EXPECT_EQ(p.boundaries[0].on[0].text, "inlet");
  EXPECT_EQ(p.boundaries[0].value_or_flux.text, "x^2");
  EXPECT_EQ(p.boundaries[1].kind, Boundary::Kind::flux);
  EXPECT_EQ(p.boundaries[1].on.size(), 2u);
  EXPECT_EQ(p.boundaries[1].value_or_flux.text, "50000.0");
  EXPECT_EQ(p.boundaries[2].kind, Boundary::Kind::robin);
  EXPECT_EQ(p.boundaries[2].robin_coefficient.text, "h_air");
  EXPECT_EQ(p.boundaries[2].robin_ambient.text, "293.15");
  EXPECT_EQ(p.solver.method, "gmres");
  EXPECT_EQ(p.solver.preconditioner, "amg");
  EXPECT_EQ(p.solver.tolerance, 1e-10);
  EXPECT_EQ(p.solver.max_iterations, 77);
  EXPECT_EQ(p.solver.restart, 20);
  EXPECT_THAT(p.solver.fallback, ElementsAre("gmres+ilu", "direct"));
  EXPECT_EQ(p.solver.fallback_where[1].text(), "deck.toml:62:26");
  EXPECT_EQ(p.limits.memory_bytes, 1.5 * 1024 * 1024 * 1024);
  EXPECT_EQ(p.limits.walltime_seconds, 5400.0);
  EXPECT_EQ(p.output.directory, "out/run");
  EXPECT_FALSE(p.output.fields);
  EXPECT_EQ(p.output.compression, 9);
  ASSERT_EQ(p.probes.size(), 2u);
  EXPECT_EQ(p.probes[0].name, "tip");
  EXPECT_THAT(p.probes[0].at, ElementsAre(0, 1, 1.5));
  EXPECT_EQ(p.probes[1].name, "probe2");
  ASSERT_EQ(p.integrals.size(), 2u);
  EXPECT_EQ(p.integrals[0].name, "integral1");
  EXPECT_EQ(p.integrals[0].kind, Integral::Kind::flux);
  EXPECT_EQ(p.integrals[0].on.text, "right");
  EXPECT_EQ(p.integrals[1].name, "mass");
  EXPECT_EQ(p.integrals[1].of.text, "u^2");
  EXPECT_EQ(p.verify.exact->text, "x*y");
  EXPECT_EQ(p.verify.max_l2_error, 1e-4);
  EXPECT_EQ(p.verify.max_h1_error, 1.0);
  ASSERT_EQ(p.verify.probes.size(), 1u);
  EXPECT_EQ(p.verify.probes[0].probe.text, "tip");
  EXPECT_EQ(p.verify.probes[0].expected, 18.3);
  EXPECT_EQ(p.verify.probes[0].tolerance, 0.1);
}

TEST(Deck, FillsOperatorEngineAndMultigrid) {
  const Result result = parse_text(
      minimal +
      "[solver]\nmethod = \"pipelined-cg\"\noperator = \"matrix-free\"\nengine = \"native\"\n"
      "preconditioner = \"multigrid\"\n[solver.multigrid]\nsmoother = \"chebyshev-1\"\n"
      "smoother_degree = 5\nsmoothing_range = 20\ncoarse = \"amg\"\nprecision = \"double\"\n"
      "full_multigrid_start = true\n");
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const SolverOptions& solver = result.problem.solver;
  EXPECT_EQ(solver.method, "pipelined-cg");
  EXPECT_EQ(solver.operator_kind, "matrix-free");
  EXPECT_EQ(solver.engine, "native");
  EXPECT_EQ(solver.preconditioner, "multigrid");
  EXPECT_EQ(solver.operator_where.line, solver.method_where.line + 1);
  EXPECT_EQ(solver.preconditioner_where.line, solver.method_where.line + 3);
  EXPECT_EQ(solver.multigrid.smoother, "chebyshev-1");
  EXPECT_EQ(solver.multigrid.smoother_degree, 5);
  EXPECT_EQ(solver.multigrid.smoothing_range, 20.0);
  EXPECT_EQ(solver.multigrid.coarse, "amg");
  EXPECT_EQ(solver.multigrid.precision, "double");
  EXPECT_TRUE(solver.multigrid.full_multigrid_start);
}

TEST(Deck, MatrixFreeAndMultigridNeedTensorCells) {
  for (const char* type : {"line", "quad", "hex", "mixed"}) {
    const Result result = parse_text(
        minimal + "[solver]\noperator = \"matrix-free\"\npreconditioner = \"multigrid\"\n");
    Result checked;
    check_cells(result.problem, type, checked.diagnostics);
    EXPECT_THAT(checked.errors(), IsEmpty()) << type;
  }
  for (const char* type : {"tri", "tet"}) {
    const Result result = parse_text(
        minimal +
        "[solver]\noperator = \"matrix-free\"\npreconditioner = \"multigrid\"\nfallback = "
        "\"gmres+multigrid\"\n");
    Result checked;
    check_cells(result.problem, type, checked.diagnostics);
    EXPECT_EQ(checked.errors().size(), 3u) << type;
  }
}

TEST(Deck, HandsTrilinosParametersOn) {
  using Type = SolverOptions::Passed::Type;
  const auto passed = parse_text(full).problem.solver.trilinos;
  ASSERT_EQ(passed.size(), 6u);
  const auto check = [&](std::size_t i, const char* list, std::vector<std::string> path,
                         const char* value, Type type) {
    EXPECT_EQ(passed[i].list, list);
    EXPECT_EQ(passed[i].path, path);
    EXPECT_EQ(passed[i].value, value);
    EXPECT_EQ(passed[i].type, type);
  };
  check(0, "belos", {"Verbosity"}, "33", Type::integer);
  check(1, "amg", {"smoother: type"}, "RELAXATION", Type::string);
  check(2, "amg", {"repartition: enable"}, "true", Type::boolean);
  check(3, "amg", {"aggregation: drop tol"}, "0.02", Type::real);
  check(4, "amg", {"smoother: params", "relaxation: sweeps"}, "2", Type::integer);
  check(5, "amg", {"smoother: params", "deeper", "a.b"}, "0.001", Type::real);
  EXPECT_EQ(passed[1].where.text(), "deck.toml:66:20");
}

TEST(Deck, BoxDefaultsFollowTheDimension) {
  const char* types[] = {"line", "quad", "hex"};
  const char* cells[] = {"[3]", "[3, 3]", "[3, 3, 3]"};
  for (std::size_t d = 1; d <= 3; ++d) {
    std::string text = minimal;
    text.replace(text.find("[4, 4]"), 6, cells[d - 1]);
    const Result result = parse_text(text);
    ASSERT_THAT(result.errors(), IsEmpty());
    const BoxMesh& box = result.problem.mesh.box;
    EXPECT_EQ(box.cell_type, types[d - 1]);
    EXPECT_EQ(box.lower, std::vector<double>(d, 0.0));
    EXPECT_EQ(box.upper, std::vector<double>(d, 1.0));
    EXPECT_EQ(box.grading, std::vector<double>(d, 1.0));
  }
}

TEST(Deck, MeshFileIsFoundBesideTheDeck) {
  const std::string text =
      "[mesh]\nkind = \"file\"\nfile = \"meshes/part.msh\"\n[equation]\nkind = \"poisson\"\n"
      "[[boundary]]\non = [\"fins\"]\nvalue = 0\n";
  const Result result = parse_text(text, {}, {}, "/decks/heat/deck.toml");
  EXPECT_THAT(result.errors(), IsEmpty());
  EXPECT_EQ(result.problem.mesh.file, "/decks/heat/meshes/part.msh");
  EXPECT_EQ(result.problem.mesh.file_where.text(), "/decks/heat/deck.toml:3:8");
  const Result relative = parse_text(text, {}, {}, "deck.toml");
  EXPECT_EQ(relative.problem.mesh.file,
            (std::filesystem::current_path() / "meshes/part.msh").string());
  const Result other = parse_text(text, {"mesh.file=/elsewhere/a.msh"}, {}, "/decks/deck.toml");
  EXPECT_EQ(other.problem.mesh.file, "/elsewhere/a.msh");
}

TEST(Deck, QuantitiesInAllTheirForms) {
  const auto memory = [](const std::string& value) {
    return parse_text(minimal + "[limits]\nmemory = " + value + "\n").problem.limits.memory_bytes;
  };
  EXPECT_EQ(memory("\"8 GiB\""), 8.0 * 1073741824.0);
  EXPECT_EQ(memory("\"0.5TiB\""), 0.5 * 1099511627776.0);
  EXPECT_EQ(memory("\" 500 MB \""), 5e8);
  EXPECT_EQ(memory("\"1e3 kB\""), 1e6);
  EXPECT_EQ(memory("1000"), 1000.0);
  EXPECT_EQ(memory("\"8 gib\""), std::nullopt);
  EXPECT_EQ(memory("\"-8 GiB\""), std::nullopt);
  EXPECT_EQ(memory("\"inf GiB\""), std::nullopt);
  EXPECT_EQ(memory("\"8\""), std::nullopt);
  const auto walltime = [](const std::string& value) {
    return parse_text(minimal + "[limits]\nwalltime = " + value + "\n")
        .problem.limits.walltime_seconds;
  };
  EXPECT_EQ(walltime("\"2 h\""), 7200.0);
  EXPECT_EQ(walltime("\"1h30min\""), 5400.0);
  EXPECT_EQ(walltime("\"1 d 2 h 3 min 4.5 s\""), 93784.5);
  EXPECT_EQ(walltime("\"2:30:05\""), 9005.0);
  EXPECT_EQ(walltime("\"1-12:00:00\""), 129600.0);
  EXPECT_EQ(walltime("90"), 90.0);
  EXPECT_EQ(walltime("\"90\""), std::nullopt);
  EXPECT_EQ(walltime("\"2:30\""), std::nullopt);
  EXPECT_EQ(walltime("\"2 h 30\""), std::nullopt);
  EXPECT_EQ(walltime("\"\""), std::nullopt);
}

TEST(Deck, MissingVersionIsNoted) {
  const Result result = parse_text(minimal);
  ASSERT_EQ(result.diagnostics.entries().size(), 1u);
  EXPECT_EQ(result.diagnostics.entries()[0].text(),
            "deck.toml: note: deck_version is not given; the deck is read as version 1");
}

TEST(Deck, ASyntaxErrorHidesNothingButItsFile) {
  const Result result = parse_text("[mesh\n", {"solver.tolerance=7"});
  ASSERT_EQ(result.errors().size(), 2u) << result.all_errors();
  EXPECT_THAT(result.errors()[0], HasSubstr("deck.toml:1:6: not valid TOML"));
  EXPECT_THAT(result.errors()[1], HasSubstr("--set solver.tolerance: solver.tolerance = 7"));
}

TEST(Deck, WrongValuesLeaveTheDefault) {
  const Result result = parse_text(minimal + "[solver]\ntolerance = 5\nmax_iterations = 9\n");
  EXPECT_EQ(result.problem.solver.tolerance, 1e-8);
  EXPECT_EQ(result.problem.solver.max_iterations, 9);
}

TEST(Deck, FluxAndRobinMayShareASet) {
  const std::string text =
      "[mesh]\nkind = \"box\"\ncells = [4]\n[equation]\nkind = \"poisson\"\n"
      "[[boundary]]\non = \"left\"\nflux = 1\n"
      "[[boundary]]\non = \"left\"\nrobin = { coefficient = 1, ambient = 2 }\n"
      "[[boundary]]\non = \"right\"\nvalue = 0\n";
  EXPECT_THAT(parse_text(text).errors(), IsEmpty());
}

// ---- where formulas stand ----

TEST(Formulas, PlacesPointInsideTheQuotes) {
  const Result result = parse_text(
      "[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\nkind = \"poisson\"\n"
      "diffusion = [\"1 + x\", 2]\n"
      "source = '''\nx +\n  \xc3\xa4 + oops'''\n"
      "[[boundary]]\non = [\"rest\"]\nvalue = \"\"\"x + y\"\"\"\n");
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const auto& diffusion = result.problem.equation.coefficients.diffusion->entries;
  EXPECT_EQ(diffusion[0].where.text(), "deck.toml:6:15");
  EXPECT_EQ(location_in(diffusion[0], 4).text(), "deck.toml:6:19");
  EXPECT_EQ(diffusion[1].where.text(), "deck.toml:6:23");
  const Formula& source = *result.problem.equation.coefficients.source;
  EXPECT_EQ(source.where.text(), "deck.toml:8:1");
  EXPECT_EQ(location_in(source, source.text.find("oops")).text(), "deck.toml:9:7");
  EXPECT_EQ(location_in(source, 1'000'000).text(), "deck.toml:9:11");
  const Formula& value = result.problem.boundaries[0].value_or_flux;
  EXPECT_EQ(value.where.text(), "deck.toml:12:12");
}

TEST(Formulas, OfSettingsAreCalledByTheSetting) {
  const Result result = parse_text(minimal, {"equation.source=sin(x)"});
  const Formula& source = *result.problem.equation.coefficients.source;
  EXPECT_EQ(source.text, "sin(x)");
  EXPECT_EQ(location_in(source, 3).text(), "--set equation.source");
}

// ---- effective deck ----

TEST(Effective, IsAFixedPoint) {
  expect_fixed_point(parse_text(minimal), "minimal");
  expect_fixed_point(parse_text(minimal + "[solver.multigrid]\nsmoother = \"chebyshev-1\"\n"
                                          "smoothing_range = 20\n"),
                     "multigrid");
  expect_fixed_point(parse_text(full), "full");
  expect_fixed_point(parse_text(system_deck), "system");
  expect_fixed_point(parse_text(elastic_deck), "elastic");
  expect_fixed_point(parse_text(reference_toml()), "reference");
  expect_fixed_point(parse_text(full, {"solver.tolerance=1e-3", "boundary[0].value=\"a # b\"",
                                       "material[domain].reaction=x", "title=two\\nlines"}),
                     "settings");
  expect_fixed_point(
      parse_text("[mesh]\nkind = \"file\"\nfile = \"a b.msh\"\n[equation]\nkind = "
                 "\"coefficient-form\"\nadvection = \"x\"\n[[boundary]]\non = \"\xc3\xa4\"\n"
                 "value = 9007199254740993\n[limits]\nmemory = 8589934592\n"),
      "file");
  for (const auto& entry : std::filesystem::directory_iterator(source_path("configs"))) {
    if (entry.path().extension() != ".toml") continue;
    const std::string file = entry.path().string();
    expect_fixed_point(parse_text(*read_file(file), {}, read_file, file), file);
  }
}

TEST(Include, AnOutputOfTheWholeDomainStays) {
  const std::string part = "[[output]]\nname = \"wall\"\non = [\"left\"]\n";
  const std::string own =
      "[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\nkind = "
      "\"poisson\"\n[[boundary]]\non = \"rest\"\nvalue = 0\n";
  const auto fields = [&](const std::string& deck, const std::string& included,
                          const std::vector<std::string>& settings = {}) {
    const Result result =
        parse_text("include = \"a.toml\"\n" + deck, settings, files({{"a.toml", included}}));
    EXPECT_THAT(result.errors(), IsEmpty()) << result.all_errors();
    EXPECT_EQ(result.problem.output.blocks.size(), 1);
    return result.problem.output.fields;
  };
  EXPECT_FALSE(fields(own + part, ""));
  EXPECT_FALSE(fields(own, part));
  EXPECT_TRUE(fields(own + part, "", {"output.fields=true"}));
  EXPECT_TRUE(fields(own + part, "[output]\ndirectory = \"a\"\n"));
  EXPECT_TRUE(fields(own + "[output]\ncompression = 1\n", part));
  EXPECT_TRUE(fields(own + part, "[[output]]\ncompression = 1\n"));
  EXPECT_FALSE(fields(own + part, "[output]\nfields = false\n"));
}

TEST(Effective, SaysWhereEachValueCameFrom) {
  const Result result =
      parse_text("include = \"common.toml\"\n" + minimal + "[space]\ndegree = 2\n",
                 {"output.compression=1"}, files({{"common.toml", "[solver]\nrestart = 9\n"}}));
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const std::string& text = result.problem.effective_toml;
  EXPECT_THAT(text, ::testing::ContainsRegex("\ndegree = 2 +# deck.toml:11:10\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\nrestart = 9 +# common.toml:2:11\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\ncompression = 1 +# --set output.compression\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\ntolerance = 1e-08 +# default\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\ncell_type = \"quad\" +# default\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\n# memory is not set +# no limit\n"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("include")));
}

// ---- include ----

TEST(Include, MergesTablesAppendsArraysAndLetsTheIncluderWin) {
  const Result result = parse_text(
      "include = [\"../common/a.toml\", \"b.toml\"]\n"
      "[equation]\nsource = 3\n[[boundary]]\non = \"rest\"\nvalue = 0\n",
      {},
      files(
          {{"runs/common/a.toml",
            "include = \"deeper/c.toml\"\n[mesh]\nkind = \"box\"\ncells = [4]\n[equation]\nkind = "
            "\"poisson\"\nsource = 1\ndiffusion = 7\n[[boundary]]\non = \"left\"\nvalue = 1\n"},
           {"runs/common/deeper/c.toml",
            "title = \"from c\"\n[mesh]\nkind = \"file\"\nrefine = 1\n"},
           {"runs/now/b.toml", "[equation]\nsource = 2\ndiffusion = 8\n"}}),
      "runs/now/deck.toml");
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const Problem& p = result.problem;
  EXPECT_EQ(p.title, "from c");
  EXPECT_EQ(p.mesh.kind, MeshKind::box);
  EXPECT_EQ(p.mesh.refine, 1);
  EXPECT_EQ(p.equation.coefficients.source->text, "3.0");
  EXPECT_EQ(p.equation.coefficients.diffusion->entries[0].text, "8.0");
  EXPECT_EQ(p.equation.coefficients.diffusion->entries[0].where.text(), "runs/now/b.toml:3:13");
  ASSERT_EQ(p.boundaries.size(), 2u);
  EXPECT_EQ(p.boundaries[0].on[0].text, "left");
  EXPECT_EQ(p.boundaries[1].on[0].text, "rest");
}

TEST(Include, ErrorsAreLocatedInTheirFile) {
  const Result result =
      parse_text("include = \"a.toml\"\n" + minimal, {},
                 files({{"a.toml", "[solver]\ntolerance = -1\nmetod = \"cg\"\n"}}));
  EXPECT_THAT(
      result.errors(),
      ElementsAre(HasSubstr("a.toml:2:13: solver.tolerance = -1 (must be"),
                  HasSubstr("a.toml:3:1: solver.metod: unknown key; did you mean 'method'?")));
}

TEST(Include, CircleIsToldWithItsChain) {
  const Result result = parse_text(
      "include = \"a.toml\"\n" + minimal, {},
      files({{"a.toml", "include = \"b.toml\"\n"}, {"b.toml", "include = [\"./a.toml\"]\n"}}));
  EXPECT_THAT(
      result.errors(),
      ElementsAre("b.toml:1:12: include goes round in a circle: a.toml -> b.toml -> a.toml"));
  const Result self = parse_text("include = \"deck.toml\"\n" + minimal);
  EXPECT_THAT(
      self.errors(),
      ElementsAre("deck.toml:1:11: include goes round in a circle: deck.toml -> deck.toml"));
}

TEST(Include, DepthIsLimited) {
  const FileReader endless = [](const std::string& path) -> std::optional<std::string> {
    return "include = \"x" + path + "\"\n";
  };
  const Result result = parse_text("include = \"x\"\n" + minimal, {}, endless);
  ASSERT_EQ(result.errors().size(), 1u);
  EXPECT_THAT(result.errors()[0], HasSubstr("files include files more than 16 deep"));
}

TEST(Include, AFileIsReadOnce) {
  const Result result =
      parse_text("include = [\"a.toml\", \"b.toml\"]\n" + minimal, {},
                 files({{"a.toml", "include = \"c.toml\"\n"},
                        {"b.toml", "include = \"c.toml\"\n"},
                        {"c.toml", "[[probe]]\nname = \"only\"\nat = [0, 0]\n"}}));
  EXPECT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  EXPECT_EQ(result.problem.probes.size(), 1u);
}

TEST(Include, WhatCannotBeReadIsOneErrorAndNotTen) {
  const Result result = parse_text("include = [\"gone.toml\", 3]\n");
  EXPECT_THAT(result.errors(),
              ElementsAre(HasSubstr("deck.toml:1:11: include = a list (expected list of "
                                    "strings, or one string)"),
                          HasSubstr("[mesh] is missing"), HasSubstr("[equation]"),
                          HasSubstr("[[boundary]]")));
  const Result gone = parse_text("include = [\"gone.toml\"]\n");
  EXPECT_THAT(gone.errors(),
              ElementsAre("deck.toml:1:12: include = \"gone.toml\": cannot read gone.toml"));
  const Result broken =
      parse_text("include = [\"a.toml\"]\n", {}, files({{"a.toml", "a = = 1\n"}}));
  ASSERT_EQ(broken.errors().size(), 1u) << broken.all_errors();
  EXPECT_THAT(broken.errors()[0], HasSubstr("a.toml:1:5: not valid TOML"));
}

TEST(Include, CanBeSetOnTheCommandLine) {
  const auto reader = files({{"a.toml", "title = \"a\"\n"}, {"b.toml", "title = \"b\"\n"}});
  const std::string text = "include = \"a.toml\"\n" + minimal;
  EXPECT_EQ(parse_text(text, {}, reader).problem.title, "a");
  EXPECT_EQ(parse_text(text, {"include=b.toml"}, reader).problem.title, "b");
  EXPECT_EQ(parse_text(text, {"include=[\"a.toml\", \"b.toml\"]"}, reader).problem.title, "b");
  EXPECT_THAT(parse_text(text, {"include=gone"}, reader).errors(),
              ElementsAre("--set include: include = \"gone\": cannot read gone"));
}

// ---- --set ----

TEST(Settings, AreTypedAsTheDeck) {
  const Result result =
      parse_text(full, {"solver.tolerance=1e-4",
                        "solver.method = cg",
                        "solver.fallback=direct",
                        "output.fields=true",
                        "title=2026",
                        "parameters.h_air=25",
                        "equation.source=2*x",
                        "equation.reaction=3",
                        "mesh.cells=[2, 2, 2]",
                        "limits.memory=2 GiB",
                        "limits.walltime=1:00:00",
                        "boundary[1].flux=7",
                        "boundary[inlet].value=sin(pi*y)",
                        "boundary[2].robin.ambient=300",
                        "material[domain].diffusion=[1,\"x\",3]",
                        "probe[tip].at=[0,1,1]",
                        "integral[mass].of=1",
                        "verify.probe[tip].tolerance=5",
                        "solver.trilinos.amg.smoother: type=CHEBYSHEV",
                        "solver.trilinos.amg.\"smoother: params\".\"relaxation: sweeps\"=4",
                        "mesh.sets.extra=z > 2"});
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const Problem& p = result.problem;
  EXPECT_EQ(p.solver.tolerance, 1e-4);
  EXPECT_EQ(p.solver.method, "cg");
  EXPECT_THAT(p.solver.fallback, ElementsAre("direct"));
  EXPECT_TRUE(p.output.fields);
  EXPECT_EQ(p.title, "2026");
  EXPECT_EQ(p.parameters[0].value, 25.0);
  EXPECT_EQ(p.equation.coefficients.source->text, "2*x");
  EXPECT_EQ(p.equation.coefficients.reaction->text, "3.0");
  EXPECT_THAT(p.mesh.box.cells, ElementsAre(2, 2, 2));
  EXPECT_EQ(p.limits.memory_bytes, 2147483648.0);
  EXPECT_EQ(p.limits.walltime_seconds, 3600.0);
  EXPECT_EQ(p.boundaries[1].value_or_flux.text, "7.0");
  EXPECT_EQ(p.boundaries[0].value_or_flux.text, "sin(pi*y)");
  EXPECT_EQ(p.boundaries[2].robin_ambient.text, "300.0");
  EXPECT_EQ(p.materials[0].coefficients.diffusion->entries[1].text, "x");
  EXPECT_THAT(p.probes[0].at, ElementsAre(0, 1, 1));
  EXPECT_EQ(p.integrals[1].of.text, "1.0");
  EXPECT_EQ(p.verify.probes[0].tolerance, 5.0);
  EXPECT_EQ(p.solver.trilinos[1].value, "CHEBYSHEV");
  EXPECT_EQ(p.solver.trilinos[4].value, "4");
  EXPECT_EQ(p.mesh.sets.back().name.text, "extra");
}

TEST(Settings, ReplaceOneEntryOfAList) {
  EXPECT_THAT(parse_text(minimal, {"mesh.cells[1]=9"}).problem.mesh.box.cells, ElementsAre(4, 9));
}

TEST(Settings, LaterOnesWin) {
  EXPECT_EQ(parse_text(minimal, {"space.degree=2", "space.degree=3"}).problem.space.degree, 3);
}

TEST(Settings, ReplaceWholeArrays) {
  const Result result = parse_text(minimal, {"probe=[{at=[0,0]},{at=[1,1],name=\"b\"}]"});
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  EXPECT_EQ(result.problem.probes[1].name, "b");
}

TEST(Settings, HostileTextsAreErrors) {
  for (const std::string text :
       {"", "=", "=1", ".=1", "a[=1", "a[]=1", "a]=1", "\"a=1", "a b", "a[0]b=1", "[0]=1", "a..b=1",
        "solver.tolerance=1\n[x]\ny=2", "solver.tolerance=]", "boundary[-1].value=1",
        "boundary[99999999999999999999].value=1", "boundary[0]=3", "solver=3", "mesh.cells[9]=2"}) {
    EXPECT_FALSE(parse_text(minimal, {text}).errors().empty()) << text;
  }
  std::string deep = "a";
  for (int i = 0; i < 100'000; ++i) deep += ".a";
  EXPECT_FALSE(parse_text(minimal, {deep + "=1"}).errors().empty());
}

// ---- names of a mesh file ----

TEST(Names, AreCheckedAgainstTheMesh) {
  const Result result = parse_text(
      "[mesh]\nkind = \"file\"\nfile = \"sink.msh\"\n[mesh.sets]\ninlet = \"x < 0\"\nwall = \"x > "
      "0\"\n"
      "[equation]\nkind = \"poisson\"\n"
      "[[material]]\nregion = \"bse\"\n"
      "[[boundary]]\non = [\"chip\", \"fin\"]\nvalue = 0\n"
      "[[integral]]\non = \"chipp\"\n");
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  Result checked;
  check_names(result.problem, {"base", "air"}, {"chip", "fins", "wall"}, checked.diagnostics);
  EXPECT_THAT(
      checked.errors(),
      ElementsAre(
          "deck.toml:6:1: mesh.sets.wall would hide the boundary set of that name in the mesh; use "
          "another "
          "name",
          "deck.toml:10:10: material[0].region = \"bse\": the mesh has no such region; did you "
          "mean "
          "\"base\"? regions: base and air",
          "deck.toml:12:15: boundary[0].on = \"fin\": no boundary set has this name; did you mean "
          "\"fins\"? "
          "boundary sets: chip, fins, wall, inlet and rest",
          HasSubstr(
              "integral[0].on = \"chipp\": no boundary set or region has this name; did you mean "
              "\"chip\"? there are the boundary sets chip, fins, wall and inlet and the regions "
              "base "
              "and air"),
          "deck.toml: no [[boundary]] is on \"fins\" and \"wall\": every part of the boundary "
          "needs a "
          "condition; on = [\"rest\"] stands for all that is not named, flux = 0 insulates"));
}

TEST(Names, SetsOfTheDeckMayCoverTheBoundary) {
  const Result result = parse_text(
      "[mesh]\nkind = \"file\"\nfile = \"a.msh\"\n[mesh.sets]\na = \"x < 0\"\nb = \"x >= 0\"\n"
      "[equation]\nkind = \"poisson\"\n[[boundary]]\non = [\"a\", \"b\"]\nvalue = 0\n");
  Result checked;
  check_names(result.problem, {"all"}, {"skin"}, checked.diagnostics);
  EXPECT_THAT(checked.errors(), IsEmpty());
}

TEST(Names, LengthsAreCheckedAgainstTheMesh) {
  const Result result = parse_text(
      "[mesh]\nkind = \"file\"\nfile = \"a.msh\"\n[equation]\nkind = \"coefficient-form\"\n"
      "diffusion = [1, 2]\nadvection = [1]\n[[boundary]]\non = \"rest\"\nvalue = 0\n"
      "[[material]]\nregion = \"a\"\ndiffusion = [[1, 2], [3, 4]]\n[[probe]]\nat = [1, 2, 0]\n"
      "[[probe]]\nat = [1, 2]\n");
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  Result two;
  check_dimension(result.problem, 2, two.diagnostics);
  EXPECT_THAT(two.errors(),
              ElementsAre("deck.toml:7:14: equation.advection has 1 entry (expected 2: the "
                          "mesh has 2 dimensions)"));
  Result three;
  check_dimension(result.problem, 3, three.diagnostics);
  EXPECT_EQ(three.errors().size(), 4u) << three.all_errors();
}

}  // namespace
}  // namespace ritz::deck::testing
