// Values with units: reading and refusing them, conversion against independent figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

#include "helpers.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"
#include "units.hpp"

namespace ritz::deck::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

double in_si(double value, const std::string& unit) {
  std::string why;
  const auto parsed = parse_unit(unit, why);
  EXPECT_TRUE(parsed.has_value()) << unit << ": " << why;
  return parsed ? UnitSystem().convert(value, *parsed, true) : NAN;
}

std::string refusal(const std::string& unit) {
  std::string why;
  EXPECT_FALSE(parse_unit(unit, why).has_value()) << unit;
  return why;
}

std::string dimension(const std::string& unit) {
  std::string why;
  const auto parsed = parse_unit(unit, why);
  return parsed ? dimension_text(parsed->dimension) : why;
}

// Figures: NIST Special Publication 811 (2008), appendix B.8, to its 7 digits; SI prefixes exact.
TEST(Units, ConvertAsPublished) {
  EXPECT_NEAR(in_si(1, "psi"), 6.894757e3, 5e-4);
  EXPECT_NEAR(in_si(1, "ksi"), 6.894757e6, 0.5);
  EXPECT_NEAR(in_si(1, "lbf"), 4.448222, 5e-7);
  EXPECT_NEAR(in_si(1, "lb/ft^3"), 1.601846e1, 5e-6);
  EXPECT_NEAR(in_si(1, "lb/in^3"), 2.767990e4, 5e-3);
  EXPECT_NEAR(in_si(1, "lbf/ft"), 1.459390e1, 5e-6);
  EXPECT_NEAR(in_si(1, "mi/h"), 4.470400e-1, 5e-8);
  EXPECT_NEAR(in_si(1, "ft^3/min"), 4.719474e-4, 5e-11);
  EXPECT_NEAR(in_si(1, "kgf/cm^2"), 9.806650e4, 5e-3);
  EXPECT_DOUBLE_EQ(in_si(1, "atm"), 101325);
  EXPECT_NEAR(in_si(68, "degF"), 293.15, 1e-10);
  EXPECT_DOUBLE_EQ(in_si(20, "degC"), 293.15);
  EXPECT_NEAR(in_si(180, "deg"), std::numbers::pi, 1e-15);
}

TEST(Units, PrefixesAndSiConvertWithoutRoundOff) {
  EXPECT_EQ(in_si(210, "GPa"), 210e9);
  EXPECT_EQ(in_si(4, "mm/s"), 0.004);
  EXPECT_DOUBLE_EQ(in_si(3, "km/h"), 3000.0 / 3600.0);
  EXPECT_EQ(in_si(7, "um"), 7e-6);
  EXPECT_EQ(in_si(7, "\u00b5m"), 7e-6);
  EXPECT_DOUBLE_EQ(in_si(0.1, "mm^2"), 0.1e-6);
  EXPECT_EQ(in_si(7.85, "g/cm\u00b3"), 7850);
  EXPECT_EQ(in_si(5, "%"), 0.05);
  EXPECT_EQ(in_si(2, "1/min"), 2.0 / 60.0);
  UnitSystem millimetres;
  using Base = UnitSystem::Base;
  EXPECT_EQ(millimetres.set(Base::length, "mm"), "");
  EXPECT_EQ(millimetres.set(Base::mass, "t"), "");
  std::string why;
  EXPECT_EQ(millimetres.convert(210, *parse_unit("GPa", why), false), 210000);
  EXPECT_EQ(millimetres.convert(7850, *parse_unit("kg/m^3", why), false), 7.85e-9);
  EXPECT_EQ(millimetres.convert(9.81, *parse_unit("m/s^2", why), false), 9810);
  EXPECT_EQ(millimetres.convert(1, *parse_unit("kN", why), false), 1000);
  EXPECT_EQ(millimetres.text(), "mm, t, s, K");
}

TEST(Units, CelsiusAsTheDecksScale) {
  UnitSystem system;
  EXPECT_EQ(system.set(UnitSystem::Base::temperature, "degC"), "");
  std::string why;
  EXPECT_EQ(system.convert(20, *parse_unit("degC", why), true), 20);
  EXPECT_EQ(system.convert(293.15, *parse_unit("K", why), true), 20);
  EXPECT_EQ(system.convert(5, *parse_unit("K", why), false), 5);
}

TEST(Units, AreReadAsWritten) {
  EXPECT_EQ(dimension("W/(m K)"), "kg m s^-3 K^-1");
  EXPECT_EQ(dimension("W/m/K"), "kg m s^-3 K^-1");
  EXPECT_EQ(dimension("W m^-1 K^-1"), "kg m s^-3 K^-1");
  EXPECT_EQ(dimension("W\u00b7m^-1*K^-1"), "kg m s^-3 K^-1");
  EXPECT_EQ(dimension("J/(m^3 K)"), "kg m^-1 s^-2 K^-1");
  EXPECT_EQ(dimension("min"), "s");  // not milli-inches
  EXPECT_EQ(dimension("Pa s"), "kg m^-1 s^-1");
  EXPECT_EQ(dimension("h"), "s");
  EXPECT_EQ(dimension("hPa"), "kg m^-1 s^-2");
  EXPECT_EQ(dimension("%"), "1");
}

TEST(Units, RefusalsSayWhatToWrite) {
  EXPECT_THAT(refusal("W/m K"), HasSubstr("use parentheses, W/(m K)"));
  EXPECT_THAT(refusal("W/m*K"), HasSubstr("use parentheses"));
  EXPECT_THAT(refusal("gpa"), HasSubstr("did you mean 'GPa'?"));
  EXPECT_THAT(refusal("m2"), HasSubstr("a power is written m^2"));
  EXPECT_THAT(refusal("ton"), HasSubstr("a metric, a short or a long ton: write t"));
  EXPECT_THAT(refusal("C"), HasSubstr("write degC"));
  EXPECT_THAT(refusal("degC/m"), HasSubstr("stands only alone"));
  EXPECT_THAT(refusal("W/degC"), HasSubstr("differences of temperature are in K"));
  EXPECT_THAT(refusal("kPaa"), HasSubstr("did you mean 'kPa'?"));
  EXPECT_THAT(refusal("m/"), HasSubstr("a unit is missing at the end"));
  EXPECT_THAT(refusal("m^"), HasSubstr("a whole number must follow ^"));
  EXPECT_THAT(refusal("(m"), HasSubstr("a ) is missing"));
  EXPECT_THAT(refusal("m)"), HasSubstr("too much"));
  EXPECT_THAT(refusal("m^99"), HasSubstr("powers are too large"));
  EXPECT_THAT(refusal(std::string(100, '(') + "m"), HasSubstr("too many parentheses"));
}

TEST(Units, NumbersAndFormulasAreNoQuantities) {
  for (const char* text : {"1", "-2.5e3", "2*x", "2 * m", "x", "3.5e-2", "1/x", "sin(x)", "", "-",
                           "2^x", "(3 m)", "1e5", "2, 3", "2 + m"}) {
    EXPECT_FALSE(split_quantity(text).has_value()) << text;
  }
  const auto plain = split_quantity(" -2.5e3 kN/m ");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->value, -2500);
  EXPECT_EQ(plain->unit, "kN/m");
  EXPECT_EQ(split_quantity("4mm")->unit, "mm");
}

const std::string elastic =
    "[units]\nlength = \"mm\"\nmass = \"t\"\n[mesh]\nkind = \"box\"\ncells = [4, 4]\n"
    "upper = [\"2 cm\", \"0.1 m\"]\n"
    "[equation]\nkind = \"elasticity\"\nyoungs_modulus = \"210 GPa\"\npoissons_ratio = 0.3\n"
    "density = \"7850 kg/m^3\"\nbody_force = [0, \"-77 kN/m^3\"]\n"
    "[[boundary]]\non = \"left\"\ndisplacement = [\"0.02 mm\", \"free\"]\n"
    "[[boundary]]\non = [\"rest\"]\npressure = \"3 bar\"\n";

TEST(Units, OfADeckBecomeItsNumbers) {
  const Result result = parse_text(elastic);
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const Problem& p = result.problem;
  EXPECT_EQ(p.units, "mm, t, s, K");
  EXPECT_THAT(p.mesh.box.upper, ::testing::ElementsAre(20.0, 100.0));
  EXPECT_EQ(p.equation.elasticity.youngs_modulus->text, "210000.0");
  EXPECT_EQ(p.equation.elasticity.density->text, "7.85e-09");
  EXPECT_EQ(std::stod((*p.equation.elasticity.body_force)[1].text), -7.7e-05);
  EXPECT_EQ(p.boundaries[0].displacement[0]->text, "0.02");
  EXPECT_FALSE(p.boundaries[0].displacement[1].has_value());
  EXPECT_EQ(p.boundaries[1].pressure.text, "0.3");
  EXPECT_THAT(p.effective_toml,
              HasSubstr("youngs_modulus = 210000.0                     # deck.toml:10:18, written "
                        "as \"210 GPa\""));
  EXPECT_THAT(p.effective_toml, HasSubstr("written as \"2 cm, 0.1 m\""));
  // The effective deck is a deck, and its own.
  const Result again = parse_text(p.effective_toml);
  ASSERT_THAT(again.errors(), IsEmpty()) << again.all_errors();
  EXPECT_EQ(again.problem.units, p.units);
  EXPECT_EQ(again.problem.mesh.box.upper, p.mesh.box.upper);
  EXPECT_EQ(again.problem.equation.elasticity.density->text, p.equation.elasticity.density->text);
}

TEST(Units, OfTheCommandLine) {
  const Result result = parse_text(elastic, {"equation.youngs_modulus=\"30000 ksi\""});
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  EXPECT_NEAR(std::stod(result.problem.equation.elasticity.youngs_modulus->text), 206842.7, 0.05);
}

TEST(Units, OfHeatAndItsTemperatures) {
  const std::string heat =
      "[units]\n[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\nkind = \"heat\"\n"
      "diffusion = [\"50 W/(m K)\", \"0.4 W/(cm K)\"]\ncapacity = \"3.6 MJ/(m^3 K)\"\n"
      "source = \"2 W/cm^3\"\n"
      "[[boundary]]\non = \"left\"\nvalue = \"20 degC\"\n"
      "[[boundary]]\non = [\"rest\"]\n"
      "robin = { coefficient = \"25 W/(m^2 K)\", ambient = \"300 K\" }\n"
      "[time]\nend = \"2 h\"\nstep = \"1 min\"\n[initial]\nu = \"68 degF\"\n";
  const Result result = parse_text(heat);
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const Problem& p = result.problem;
  EXPECT_EQ(p.equation.coefficients.diffusion->entries[1].text, "40.0");
  EXPECT_EQ(std::stod(p.equation.coefficients.capacity->text), 3.6e6);
  EXPECT_EQ(std::stod(p.equation.coefficients.source->text), 2e6);
  EXPECT_EQ(p.boundaries[0].value_or_flux.text, "293.15");
  EXPECT_EQ(p.boundaries[1].robin_coefficient.text, "25.0");
  EXPECT_EQ(p.time->end, 7200);
  EXPECT_NEAR(std::stod(p.initial.values[0].value.text), 293.15, 1e-10);
  EXPECT_THAT(p.effective_toml, HasSubstr("coefficient written as \"25 W/(m^2 K)\""));
}

TEST(Units, OfTransportByItsTimeDerivative) {
  const std::string transport =
      "[units]\nlength = \"mm\"\n[mesh]\nkind = \"box\"\ncells = [4, 4]\n"
      "[equation]\nkind = \"advection-diffusion-reaction\"\n"
      "diffusion = \"1e-9 m^2/s\"\nadvection = [\"4 mm/s\", \"0.1 m/min\"]\n"
      "[[boundary]]\non = [\"rest\"]\nvalue = 0\n";
  const Result result = parse_text(transport);
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  const Coefficients& c = result.problem.equation.coefficients;
  EXPECT_EQ(std::stod(c.diffusion->entries[0].text), 1e-3);
  EXPECT_EQ((*c.advection)[0].text, "4.0");
  EXPECT_NEAR(std::stod((*c.advection)[1].text), 100.0 / 60.0, 1e-15);
}

TEST(Units, OfTheUnknownThatTheDeckStates) {
  const std::string start = "[units]\nlength = \"mm\"\n";
  const std::string box = "[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\n";
  const Result dye = parse_text(start + "unknown = \"mol/m^3\"\n" + box +
                                "kind = \"reaction-diffusion\"\nsource = \"2 mol/(l s)\"\n"
                                "[[boundary]]\non = \"left\"\nvalue = \"3 mmol/l\"\n"
                                "[[boundary]]\non = \"rest\"\nflux = \"6 mol/(m^2 s)\"\n");
  ASSERT_THAT(dye.errors(), IsEmpty()) << dye.all_errors();
  EXPECT_NEAR(std::stod(dye.problem.equation.coefficients.source->text), 2e-6, 1e-20);
  EXPECT_NEAR(std::stod(dye.problem.boundaries[0].value_or_flux.text), 3e-9, 1e-23);
  EXPECT_NEAR(std::stod(dye.problem.boundaries[1].value_or_flux.text), 6e-6, 1e-20);
  const Result wall = parse_text("[units]\nunknown = \"K\"\n" + box +
                                 "kind = \"poisson\"\ndiffusion = \"40 W/(m K)\"\n"
                                 "[[boundary]]\non = \"rest\"\nvalue = \"20 degC\"\n");
  ASSERT_THAT(wall.errors(), IsEmpty()) << wall.all_errors();
  EXPECT_EQ(wall.problem.boundaries[0].value_or_flux.text, "293.15");
}

TEST(Units, OfParametersAreToldAndNotChecked) {
  const Result result = parse_text(
      "[units]\nlength = \"mm\"\nmass = \"t\"\n[parameters]\n"
      "E = \"210 GPa\"\n" +
      minimal);
  ASSERT_THAT(result.errors(), IsEmpty()) << result.all_errors();
  EXPECT_EQ(result.problem.parameters[0].value, 210000);
  bool told = false;
  for (const auto& entry : result.diagnostics.entries())
    told = told || entry.message.find("parameters.E = \"210 GPa\" is 210000.0 in expressions") == 0;
  EXPECT_TRUE(told);
}

// Any value in any of these units comes back from the effective deck, and is what an independent
// table of factors says, to the round-off of four operations.
TEST(Units, RandomValuesGoThroughADeckAndBack) {
  const std::vector<std::pair<const char*, double>> lengths{
      {"m", 1},       {"mm", 1e-3},   {"km", 1e3},      {"um", 1e-6},
      {"in", 0.0254}, {"ft", 0.3048}, {"mi", 1609.344}, {"cm", 1e-2}};
  std::mt19937 random(3);
  std::uniform_real_distribution<double> exponent(-6, 6), mantissa(1, 10);
  for (int i = 0; i < 200; ++i) {
    const auto& [unit, factor] = lengths[random() % lengths.size()];
    const auto& [base, base_factor] = lengths[random() % lengths.size()];
    const double value = mantissa(random) * std::pow(10.0, std::floor(exponent(random)));
    const std::string written = base::number_text(value) + " " + unit;
    const Result result =
        parse_text("[units]\nlength = \"" + std::string(base) +
                   "\"\n[mesh]\nkind = \"box\"\ncells = [4]\nupper = [\"" + written +
                   "\"]\n[equation]\nkind = \"poisson\"\n[[boundary]]\non = \"rest\"\nvalue = 0\n");
    ASSERT_THAT(result.errors(), IsEmpty()) << written << "\n" << result.all_errors();
    const double got = result.problem.mesh.box.upper[0];
    const double expected = value * factor / base_factor;
    EXPECT_NEAR(got, expected, 4e-16 * 4 * std::abs(expected)) << written << " in " << base;
    const Result again = parse_text(result.problem.effective_toml);
    ASSERT_THAT(again.errors(), IsEmpty());
    EXPECT_EQ(again.problem.mesh.box.upper[0], got);
  }
}

TEST(Units, AreExplained) {
  EXPECT_THAT(explain("equation.youngs_modulus"), HasSubstr("dimension   Pa (elasticity)"));
  EXPECT_THAT(explain("mesh.upper"), HasSubstr("dimension   m\n"));
  EXPECT_THAT(explain("equation.diffusion"), HasSubstr("W/(m K) (heat)"));
}

}  // namespace
}  // namespace ritz::deck::testing
