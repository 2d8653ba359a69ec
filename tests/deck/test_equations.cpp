// What a deck says of equations beyond one steady scalar one: time, several unknowns, elasticity.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "helpers.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::deck::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string box = "deck_version = 1\n[mesh]\nkind = \"box\"\ncells = [4, 4]\n";
const std::string rest = "[[boundary]]\non = [\"rest\"]\nvalue = 0\n";
const std::string in_time = "[time]\nend = 1\nstep = 0.1\n";

std::string with_kind(const std::string& kind, const std::string& more = "") {
  return box + "[equation]\nkind = \"" + kind + "\"\n" + more + rest;
}

/// What must not be wrong: its problem.
Problem good(const std::string& text, const std::vector<std::string>& settings = {}) {
  const Result result = parse_text(text, settings);
  EXPECT_THAT(result.diagnostics.entries(), IsEmpty())
      << result.all_errors() << (result.warnings().empty() ? "" : result.warnings()[0]);
  expect_fixed_point(result, text);
  return result.problem;
}

// ---- several unknowns ----

TEST(Unknowns, AreFilledWithTheirCoefficients) {
  const Result result = parse_text(system_deck);
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const Problem& p = result.problem;
  ASSERT_EQ(p.equation.unknowns.size(), 3u);
  EXPECT_FALSE(p.equation.coefficients.diffusion.has_value());
  const Unknown& u = p.equation.unknowns[0];
  EXPECT_EQ(u.name, "u");
  EXPECT_EQ(u.where.text(), "deck.toml:8:13");
  EXPECT_EQ(u.coefficients.diffusion->entries[0].text, "1 + v^2");
  EXPECT_EQ(u.coefficients.diffusion->entries[0].where.text(), "deck.toml:10:14");
  EXPECT_EQ(u.coefficients.reaction->text, "u*v");
  EXPECT_EQ(u.coefficients.capacity->text, "2.0");
  EXPECT_FALSE(u.coefficients.inertia.has_value());
  ASSERT_EQ(u.coefficients.cross_diffusion.size(), 2u);
  EXPECT_EQ(u.coefficients.cross_diffusion[0].unknown.text, "w");
  EXPECT_EQ(u.coefficients.cross_diffusion[0].index, 2);
  EXPECT_EQ(u.coefficients.cross_diffusion[0].value.text, "0.1*u");
  EXPECT_EQ(u.coefficients.cross_diffusion[1].index, 1);
  EXPECT_EQ(u.coefficients.cross_diffusion[1].value.text, "-0.5");
  EXPECT_EQ(p.equation.unknowns[1].coefficients.advection->at(1).text, "dx(u)");
  EXPECT_EQ(p.equation.unknowns[1].coefficients.source->text, "sin(t)");
  EXPECT_EQ(p.equation.unknowns[2].name, "w");
  EXPECT_FALSE(p.equation.unknowns[2].coefficients.diffusion.has_value());
  ASSERT_EQ(p.materials.size(), 1u);
  EXPECT_EQ(p.materials[0].unknown, 2);
  EXPECT_EQ(p.materials[0].unknown_name.text, "w");
  EXPECT_EQ(p.materials[0].coefficients.capacity->text, "3.0");
  EXPECT_EQ(p.materials[0].coefficients.cross_diffusion[0].index, 0);
  ASSERT_EQ(p.boundaries.size(), 4u);
  EXPECT_EQ(p.boundaries[1].unknown, 0);
  EXPECT_EQ(p.boundaries[1].value_or_flux.text, "-u^4");
  EXPECT_EQ(p.boundaries[2].unknown, 1);
  EXPECT_EQ(p.boundaries[3].unknown, 2);
  EXPECT_EQ(p.verify.unknown, 1);
  EXPECT_EQ(p.integrals[0].of.text, "u");
  // w has no table: that is allowed and told.
  EXPECT_THAT(result.warnings(),
              ElementsAre(HasSubstr("deck.toml:6:1: warning: there is no [equation.w]: the "
                                    "equation of w has the defaults")));
}

TEST(Unknowns, TheOnlyOneIsInBothPlaces) {
  const Problem p = good(with_kind("poisson", "diffusion = 3\n"));
  ASSERT_EQ(p.equation.unknowns.size(), 1u);
  EXPECT_EQ(p.equation.unknowns[0].name, "u");
  EXPECT_EQ(p.equation.unknowns[0].coefficients.diffusion->entries[0].text, "3.0");
  EXPECT_EQ(p.equation.coefficients.diffusion->entries[0].text, "3.0");
}

TEST(Unknowns, MayHaveOtherNames) {
  const Problem p =
      good(box + "[equation]\nkind = \"heat\"\nunknowns = \"T\"\n" + rest + "unknown = \"T\"\n" +
           in_time + "[initial]\nT = 20\n[[integral]]\non = \"left\"\n");
  EXPECT_EQ(p.equation.unknowns[0].name, "T");
  EXPECT_EQ(p.initial.values[0].unknown.text, "T");
  EXPECT_EQ(p.integrals[0].of.text, "T");
  EXPECT_EQ(p.boundaries[0].unknown, 0);
}

TEST(Unknowns, CanBeSetOnTheCommandLine) {
  const Problem p = good(system_deck + "[equation.w]\ndiffusion = 1\n",
                         {"equation.v.diffusion=3*u", "equation.u.cross_diffusion.w=x",
                          "equation.w.source=4", "initial.w=sin(x)", "boundary[0].unknown=w",
                          "time.method=sdirk2", "time.end=2", "boundary[0].value=7"});
  EXPECT_EQ(p.equation.unknowns[1].coefficients.diffusion->entries[0].text, "3*u");
  EXPECT_EQ(p.equation.unknowns[0].coefficients.cross_diffusion[0].value.text, "x");
  EXPECT_EQ(p.equation.unknowns[2].coefficients.source->text, "4.0");
  EXPECT_EQ(p.initial.values[2].value.text, "sin(x)");
  EXPECT_EQ(p.boundaries[0].unknown, 2);
  EXPECT_EQ(p.time->method, TimeMethod::sdirk2);
}

TEST(Unknowns, ThatDoNotFlowNeedNoBoundary) {
  // FitzHugh and Nagumo's recovery variable has no diffusion.
  const std::string text =
      box +
      "[equation]\nkind = \"reaction-diffusion\"\nunknowns = [\"v\", \"w\"]\n[equation.v]\nsource "
      "= \"v - v^3/3 - w\"\n[equation.w]\ndiffusion = 0\nsource = \"0.08*(v + 0.7 - 0.8*w)\"\n"
      "[[boundary]]\non = \"rest\"\nunknown = \"v\"\nflux = 0\n" +
      in_time + "[initial]\nv = 0\nw = 0\n";
  static_cast<void>(good(text));
  EXPECT_THAT(parse_text(text, {"equation.w.diffusion=1"}).all_errors(),
              HasSubstr("no [[boundary]] of w is on \"left\""));
}

TEST(Unknowns, MayHaveTheNamesOfNothingElse) {
  for (const std::string& name : reserved_unknown_names()) {
    const Result result =
        parse_text(box + "[equation]\nkind = \"poisson\"\nunknowns = [\"" + name + "\"]\n" + rest);
    EXPECT_THAT(result.all_errors(), HasSubstr("equation.unknowns[0] = \"" + name + "\" is a "));
  }
  EXPECT_THAT(reserved_unknown_names(), ::testing::IsSupersetOf({"sin", "pi", "e", "x", "t", "if",
                                                                 "grad", "dx", "kind", "rate"}));
  EXPECT_THAT(reserved_unknown_names(), Not(::testing::Contains("u")));
}

// ---- time ----

TEST(Time, IsFilled) {
  const Problem p = parse_text(system_deck).problem;
  ASSERT_TRUE(p.time.has_value());
  EXPECT_EQ(p.time->start, -1.0);
  EXPECT_EQ(p.time->end, 3.0);
  EXPECT_EQ(p.time->step, 0.25);
  EXPECT_EQ(p.time->method, TimeMethod::bdf3);
  EXPECT_EQ(p.time->tolerance, 1e-4);
  EXPECT_EQ(p.time->min_step, 1e-5);
  EXPECT_EQ(p.time->max_step, 0.5);
  EXPECT_EQ(p.time->steady_tolerance, 1e-7);
  EXPECT_EQ(p.time->stop_when->text, "max(u) > 10 or t > 2.5");
  EXPECT_EQ(p.time->where.text(), "deck.toml:43:1");
  ASSERT_EQ(p.initial.values.size(), 3u);
  EXPECT_EQ(p.initial.values[0].unknown.text, "v");
  EXPECT_EQ(p.initial.values[0].index, 1);
  EXPECT_EQ(p.initial.values[2].value.text, "x*y");
  EXPECT_THAT(p.initial.rates, IsEmpty());
  EXPECT_EQ(p.nonlinear.method, NonlinearOptions::Method::picard);
  EXPECT_EQ(p.nonlinear.tolerance, 1e-6);
  EXPECT_EQ(p.nonlinear.absolute_tolerance, 1e-13);
  EXPECT_EQ(p.nonlinear.max_iterations, 50);
  EXPECT_FALSE(p.nonlinear.line_search);
  EXPECT_EQ(p.nonlinear.forcing, NonlinearOptions::Forcing::fixed);
  EXPECT_EQ(p.output.every_steps, 4);
  EXPECT_EQ(p.output.every, std::nullopt);
}

TEST(Time, EveryMethodHasItsWord) {
  const std::vector<std::string>& words = find_key("time.method")->choices;
  ASSERT_EQ(words.size(), 13u);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool second = i >= 10;
    const Problem p = good(with_kind(second ? "wave" : "heat") + in_time + "method = \"" +
                           words[i] + "\"\n[initial]\nu = 0\n");
    EXPECT_EQ(p.time->method, static_cast<TimeMethod>(i)) << words[i];
  }
}

TEST(Time, ExplicitTermsOfImexMethods) {
  const std::string deck = with_kind("heat") + in_time + "method = \"imex3\"\n";
  const std::string initial = "[initial]\nu = 0\n";
  EXPECT_EQ(good(deck + initial).time->explicit_terms,
            (std::vector<std::string>{"reaction", "source"}));
  EXPECT_EQ(good(deck + "explicit = \"source\"\n" + initial).time->explicit_terms,
            std::vector<std::string>{"source"});
}

TEST(Time, DefaultsFollowTheEquation) {
  const std::string initial = "[initial]\nu = 0\n";
  const Problem heat = good(with_kind("heat") + in_time + initial);
  EXPECT_EQ(heat.time->method, TimeMethod::bdf2);
  EXPECT_EQ(heat.time->start, 0.0);
  EXPECT_EQ(heat.equation.coefficients.capacity->text, "1.0");
  EXPECT_EQ(order_in_time(heat, 0), 1);
  EXPECT_THAT(heat.initial.rates, IsEmpty());
  for (const char* kind : {"reaction-diffusion", "advection-diffusion-reaction"}) {
    EXPECT_EQ(good(with_kind(kind) + in_time + initial).equation.coefficients.capacity->text,
              "1.0");
    EXPECT_FALSE(good(with_kind(kind)).equation.coefficients.capacity.has_value());
  }
  const Problem wave = good(with_kind("wave", "capacity = 0.1\n") + in_time + initial);
  EXPECT_EQ(wave.time->method, TimeMethod::newmark);
  EXPECT_EQ(wave.equation.coefficients.inertia->text, "1.0");
  EXPECT_EQ(wave.equation.coefficients.capacity->text, "0.1");
  EXPECT_EQ(order_in_time(wave, 0), 2);
  ASSERT_EQ(wave.initial.rates.size(), 1u);
  EXPECT_EQ(wave.initial.rates[0].value.text, "0.0");
  const Problem form = good(with_kind("coefficient-form", "inertia = \"x\"\n") + in_time + initial);
  EXPECT_EQ(form.time->method, TimeMethod::newmark);
  EXPECT_FALSE(form.equation.coefficients.capacity.has_value());
  EXPECT_FALSE(good(with_kind("poisson")).time.has_value());
}

TEST(Time, ADerivativeInAMaterialCounts) {
  const Problem p =
      good(with_kind("coefficient-form") + "[[material]]\nregion = \"domain\"\ncapacity = 2\n" +
           in_time + "[initial]\nu = 1\n");
  EXPECT_EQ(order_in_time(p, 0), 1);
}

TEST(Time, OnlyWhatHasADerivativeNeedsAnInitialValue) {
  // The chemical potential of Cahn and Hilliard's equation has none.
  const std::string text =
      box +
      "[equation]\nkind = \"coefficient-form\"\nunknowns = [\"c\", \"mu\"]\n[equation.c]\ncapacity "
      "= 1\n[equation.mu]\nreaction = 1\n[[boundary]]\non = \"rest\"\nunknown = \"c\"\nflux = 0\n"
      "[[boundary]]\non = \"rest\"\nunknown = \"mu\"\nflux = 0\n" +
      in_time + "[initial]\nc = 0\n";
  const Problem p = good(text);
  EXPECT_EQ(order_in_time(p, 0), 1);
  EXPECT_EQ(order_in_time(p, 1), 0);
  EXPECT_EQ(good(text + "mu = 1\n").initial.values.size(), 2u);
}

TEST(Time, CoefficientsOfDerivativesAreNotUsedWithoutIt) {
  const Result result = parse_text(with_kind("reaction-diffusion", "capacity = 2\n"));
  EXPECT_THAT(result.errors(), IsEmpty());
  EXPECT_THAT(result.warnings(),
              ElementsAre("deck.toml:7:12: warning: equation.capacity is not used: without [time] "
                          "the steady problem is solved"));
}

TEST(Time, AFirstGuessIsAllowedInSteadyProblems) {
  const Problem p = good(with_kind("poisson") + "[initial]\nu = \"x*y\"\n");
  EXPECT_EQ(p.initial.values[0].value.text, "x*y");
}

// ---- kinds ----

TEST(Kinds, EachTakesItsCoefficients) {
  const std::string initial = "[initial]\nu = 0\n";
  EXPECT_EQ(good(with_kind("helmholtz", "wave_number = \"3*x\"\n"))
                .equation.coefficients.wave_number->text,
            "3*x");
  static_cast<void>(
      good(with_kind("heat", "diffusion = 2\ncapacity = 3\nsource = 1\n") + in_time + initial));
  static_cast<void>(
      good(with_kind("reaction-diffusion", "diffusion = 2\nreaction = 3\nsource = 1\n")));
  static_cast<void>(good(with_kind("advection-diffusion-reaction",
                                   "advection = [1, 2]\nreaction = 3\ncapacity = 4\n") +
                         in_time + initial));
  static_cast<void>(good(
      with_kind("wave", "inertia = 2\ncapacity = 1\ndiffusion = 3\nreaction = 4\nsource = 5\n") +
      in_time + initial));
  static_cast<void>(good(with_kind("coefficient-form",
                                   "inertia = 2\ncapacity = 1\ndiffusion = 3\nadvection = [1, "
                                   "2]\nreaction = 4\nsource = 5\n") +
                         in_time + initial));
}

TEST(Kinds, AreAllFilled) {
  using Kind = EquationKind;
  const std::vector<std::string>& words = find_key("equation.kind")->choices;
  const std::vector<Kind> kinds{Kind::poisson,
                                Kind::heat,
                                Kind::advection_diffusion_reaction,
                                Kind::reaction_diffusion,
                                Kind::wave,
                                Kind::helmholtz,
                                Kind::elasticity,
                                Kind::thermo_elasticity,
                                Kind::coefficient_form};
  ASSERT_EQ(words.size(), kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    EXPECT_EQ(parse_text(with_kind(words[i])).problem.equation.kind, kinds[i]) << words[i];
  }
}

// ---- elasticity ----

TEST(Elastic, IsFilled) {
  const Problem p = good(elastic_deck);
  EXPECT_EQ(p.equation.kind, EquationKind::elasticity);
  ASSERT_EQ(p.equation.unknowns.size(), 2u);
  EXPECT_EQ(p.equation.unknowns[1].name, "uy");
  const Elasticity& e = p.equation.elasticity;
  EXPECT_EQ(e.youngs_modulus->text, "210e9 - 1e6*x");
  EXPECT_EQ(e.poissons_ratio->text, "0.3");
  EXPECT_EQ(e.density->text, "7850.0");
  EXPECT_EQ(e.body_force->at(1).text, "-9.81*7850");
  EXPECT_EQ(e.thermal_expansion->text, "1.2e-05");
  EXPECT_EQ(e.temperature->text, "300 + x");
  EXPECT_EQ(e.reference_temperature->text, "293.15");
  EXPECT_EQ(p.equation.plane, Plane::stress);
  EXPECT_TRUE(p.equation.plane_where.has_value());
  EXPECT_EQ(p.materials[0].elasticity.youngs_modulus->text, "70000000000.0");
  EXPECT_EQ(p.materials[0].elasticity.body_force->at(0).text, "1.0");
  using Kind = Boundary::Kind;
  ASSERT_EQ(p.boundaries.size(), 5u);
  EXPECT_EQ(p.boundaries[0].kind, Kind::displacement);
  ASSERT_EQ(p.boundaries[0].displacement.size(), 2u);
  EXPECT_FALSE(p.boundaries[0].displacement[0].has_value());
  EXPECT_EQ(p.boundaries[0].displacement[1]->text, "0.1*t");
  EXPECT_EQ(p.boundaries[1].kind, Kind::traction);
  EXPECT_EQ(p.boundaries[1].traction[0].text, "1e6*y");
  EXPECT_EQ(p.boundaries[2].kind, Kind::pressure);
  EXPECT_EQ(p.boundaries[2].pressure.text, "100000.0");
  EXPECT_EQ(p.boundaries[3].kind, Kind::symmetry);
  EXPECT_EQ(p.time->method, TimeMethod::generalised_alpha);
  EXPECT_EQ(p.time->spectral_radius, 0.5);
  EXPECT_EQ(p.output.every, 1e-4);
  EXPECT_EQ(order_in_time(p, 1), 2);
  // The one that the deck gives comes first, ux is at rest by default.
  ASSERT_EQ(p.initial.rates.size(), 2u);
  EXPECT_EQ(p.initial.rates[0].index, 1);
  EXPECT_EQ(p.initial.rates[1].index, 0);
  EXPECT_EQ(p.initial.rates[1].value.text, "0.0");
  EXPECT_EQ(p.integrals[0].of.text, "ux");
}

TEST(Elastic, HasADisplacementEachDimension) {
  const std::string material =
      "[equation]\nkind = \"elasticity\"\nyoungs_modulus = 1\n"
      "poissons_ratio = 0\n[[boundary]]\non = \"rest\"\npressure = 1\n";
  const char* cells[] = {"[3]", "[3, 3]", "[3, 3, 3]"};
  for (int d = 1; d <= 3; ++d) {
    const Problem p =
        good("deck_version = 1\n[mesh]\nkind = \"box\"\ncells = " + std::string(cells[d - 1]) +
             "\n" + material);
    EXPECT_EQ(p.equation.unknowns.size(), static_cast<std::size_t>(d));
    EXPECT_EQ(unknown_names(p, d).size(), static_cast<std::size_t>(d));
    EXPECT_EQ(p.equation.plane_where, std::nullopt);
  }
  const Problem file =
      good("deck_version = 1\n[mesh]\nkind = \"file\"\nfile = \"a.msh\"\n" + material);
  EXPECT_EQ(file.equation.unknowns.size(), 3u);
  EXPECT_THAT(unknown_names(file, 2), ElementsAre("ux", "uy"));
}

TEST(Elastic, IsCheckedAgainstTheMeshOfAFile) {
  const Result result = parse_text(
      "[mesh]\nkind = \"file\"\nfile = \"a.msh\"\n[equation]\nkind = \"elasticity\"\n"
      "youngs_modulus = 1\npoissons_ratio = 0\ndensity = 1\nplane = \"stress\"\n"
      "body_force = [1, 2]\n[[boundary]]\non = \"rest\"\ndisplacement = [\"free\", 0]\n"
      "[time]\nend = 1\nstep = 1\n[initial]\nux = 0\nuz = 0\n[initial.rate]\nuz = 1\n");
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  Result two;
  check_dimension(result.problem, 2, two.diagnostics);
  EXPECT_THAT(two.errors(),
              ElementsAre(HasSubstr("deck.toml:19:1: initial.uz: the mesh has 2 dimensions, so "
                                    "there is no uz"),
                          HasSubstr("deck.toml:21:1: initial.rate.uz: the mesh has 2 dimensions"),
                          HasSubstr("deck.toml:14:1: initial.uy is missing")));
  Result three;
  check_dimension(result.problem, 3, three.diagnostics);
  EXPECT_THAT(three.errors(),
              ElementsAre(HasSubstr("deck.toml:10:15: equation.body_force has 2 entries (expected "
                                    "3"),
                          HasSubstr("deck.toml:13:25: boundary[0].displacement has 2 entries"),
                          HasSubstr("deck.toml:9:9: equation.plane is for two dimensions"),
                          HasSubstr("deck.toml:14:1: initial.uy is missing")));
}

TEST(Elastic, ConditionsMayShareASet) {
  const std::string start =
      box + "[equation]\nkind = \"elasticity\"\nyoungs_modulus = 1\npoissons_ratio = 0\n";
  const std::string other = "[[boundary]]\non = \"rest\"\npressure = 0\n";
  const auto both = [&](const std::string& one, const std::string& two) {
    return parse_text(start + "[[boundary]]\non = \"left\"\n" + one +
                      "\n[[boundary]]\non = \"left\"\n" + two + "\n" + other)
        .errors();
  };
  EXPECT_THAT(both("traction = [1, 0]", "pressure = 2"), IsEmpty());
  EXPECT_THAT(both("traction = [1, 0]", "traction = [1, 0]"), IsEmpty());
  EXPECT_THAT(both("displacement = [0, \"free\"]", "displacement = [\"free\", 1]"), IsEmpty());
  EXPECT_THAT(both("displacement = [0, \"free\"]", "traction = [0, 1]"), IsEmpty());
  EXPECT_THAT(both("symmetry = true", "traction = [0, 1]"), IsEmpty());
  EXPECT_EQ(both("symmetry = true", "displacement = [0, 0]").size(), 1u);
}

}  // namespace
}  // namespace ritz::deck::testing
