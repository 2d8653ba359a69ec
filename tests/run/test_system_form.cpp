// Decks become the residuals f0, f1 and g of the documented weak forms.
#include "ritz/run/system_form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <map>

#include "ritz/base/format.hpp"
#include "run_tools.hpp"

namespace {

using ritz::physics::SystemForm;
using ritz::test::problem_of;
using Values = std::map<std::string, double>;
using Kind = SystemForm::Boundary::Kind;

const std::vector<std::string> regions{"steel", "air"};
const std::vector<std::string> sets{"inlet", "wall", "hot", "rest", "rest of u", "rest of v"};

SystemForm system_of(const std::string& text, int dimension, ritz::base::Diagnostics& diagnostics,
                     int axis = 0) {
  const auto problem =
      problem_of("[parameters]\nk = 3\n[mesh]\nkind = \"file\"\nfile = \"none.msh\"\n" + text);
  return ritz::run::make_system(
      problem, dimension, regions, sets, [axis](std::int16_t) { return axis; }, diagnostics);
}

SystemForm system_of(const std::string& text, int dimension) {
  ritz::base::Diagnostics diagnostics;
  SystemForm form = system_of(text, dimension, diagnostics);
  diagnostics.throw_errors(ritz::base::ExitCode::deck);
  ritz::physics::check_system(form);
  return form;
}

/// The value where the variables have these values and all others are 0.
double at(const ritz::expr::Expression& expression, const Values& values) {
  std::vector<double> point;
  for (const std::string& name : expression.variables()) {
    const auto found = values.find(name);
    point.push_back(found == values.end() ? 0.0 : found->second);
  }
  for (const auto& [name, value] : values) {
    const auto& names = expression.variables();
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  }
  return expression.evaluate(point);
}

const std::string insulated = "[[boundary]]\non = \"rest\"\nflux = 0\n";
const std::string in_time = "[time]\nend = 1\nstep = 0.1\n[initial]\nu = 0\n";

// A state with no two numbers alike.
const Values state{{"x", 0.3},     {"y", 0.7},      {"t", 1.1},     {"u", 1.7},
                   {"dx(u)", 2.3}, {"dy(u)", -1.9}, {"dt(u)", 0.9}, {"dtt(u)", 5.3}};

TEST(MakeSystem, EveryTermOfTheCoefficientFormHasItsSign) {
  const SystemForm form = system_of(R"deck(
[equation]
kind = "coefficient-form"
inertia = "2*y"
capacity = "k"
diffusion = [["1 + u", 2], ["x", 4]]
advection = ["u", "-dy(u)"]
reaction = "k*u"
source = "x + t*u"
)deck" + insulated + in_time,
                                    2);
  ASSERT_EQ(form.unknowns, std::vector<std::string>{"u"});
  const double u = 1.7, ux = 2.3, uy = -1.9, x = 0.3, y = 0.7, t = 1.1;
  for (const SystemForm::Region& region : form.regions) {
    const double f0 = 2 * y * 5.3 + 3 * 0.9 + u * ux - uy * uy + 3 * u * u - (x + t * u);
    EXPECT_NEAR(at(region.f0[0], state), f0, 1e-14 * std::abs(f0));
    EXPECT_NEAR(at(region.f1[0], state), (1 + u) * ux + 2 * uy, 1e-14);
    EXPECT_NEAR(at(region.f1[1], state), x * ux + 4 * uy, 1e-14);
  }
}

TEST(MakeSystem, PresetsFillInTheirDefaults) {
  const auto f0 = [](const std::string& kind, const std::string& keys, const std::string& rest) {
    const SystemForm form =
        system_of("[equation]\nkind = \"" + kind + "\"\n" + keys + insulated + rest, 2);
    EXPECT_DOUBLE_EQ(at(form.regions[0].f1[0], state), 2.3) << kind;  // diffusion 1
    EXPECT_DOUBLE_EQ(at(form.regions[0].f1[1], state), -1.9) << kind;
    return at(form.regions[0].f0[0], state);
  };
  EXPECT_DOUBLE_EQ(f0("poisson", "source = 7\n", ""), -7.0);
  EXPECT_DOUBLE_EQ(f0("heat", "", in_time), 0.9);
  EXPECT_DOUBLE_EQ(f0("reaction-diffusion", "", ""), 0.0);  // steady
  EXPECT_DOUBLE_EQ(f0("reaction-diffusion", "reaction = 2\n", in_time), 0.9 + 2 * 1.7);
  EXPECT_DOUBLE_EQ(f0("advection-diffusion-reaction", "advection = [1, 3]\n", in_time),
                   0.9 + 2.3 - 3 * 1.9);
  EXPECT_DOUBLE_EQ(f0("wave", "capacity = 2\n", in_time), 5.3 + 2 * 0.9);
  EXPECT_DOUBLE_EQ(f0("helmholtz", "wave_number = \"k + x\"\n", ""), -3.3 * 3.3 * 1.7);
}

TEST(MakeSystem, AFormulaIsAFactorAsAWhole) {
  // "1 - x" times u, not 1 - x u; a leading minus must not catch the power.
  const SystemForm form = system_of(
      "[equation]\nkind = \"coefficient-form\"\nreaction = \"1 - x\"\ndiffusion = \"-2 + y\"\n"
      "source = \"x - y\"\n[[boundary]]\non = \"rest\"\nrobin = { coefficient = \"1 + x\", "
      "ambient = \"2 - y\" }\n",
      2);
  EXPECT_NEAR(at(form.regions[0].f0[0], state), 0.7 * 1.7 - (0.3 - 0.7), 1e-15);
  EXPECT_NEAR(at(form.regions[0].f1[0], state), -1.3 * 2.3, 1e-15);
  EXPECT_NEAR(at(form.boundaries[0].value, {{"x", 0.3}, {"y", 0.7}, {"u", 1.7}}), 1.3 * (1.7 - 1.3),
              1e-15);
}

TEST(MakeSystem, CrossDiffusionAndMaterialsOfOneUnknown) {
  const SystemForm form = system_of(R"(
[equation]
kind = "coefficient-form"
unknowns = ["u", "v"]
[equation.u]
diffusion = 0
cross_diffusion = { v = "k*u" }
[equation.v]
reaction = 1
source = "u^3"
[[material]]
region = "air"
unknown = "v"
reaction = 5
[[boundary]]
on = "rest"
unknown = "u"
flux = 0
[[boundary]]
on = "rest"
unknown = "v"
flux = "u - 2*v"
)",
                                    2);
  const Values values{{"u", 2}, {"v", 3}, {"dx(u)", 5}, {"dy(u)", 7}, {"dx(v)", 11}, {"dy(v)", 13}};
  for (int r = 0; r < 2; ++r) {
    const SystemForm::Region& region = form.regions[static_cast<std::size_t>(r)];
    EXPECT_DOUBLE_EQ(at(region.f0[0], values), 0);
    EXPECT_DOUBLE_EQ(at(region.f1[0], values), 3 * 2 * 11);
    EXPECT_DOUBLE_EQ(at(region.f1[1], values), 3 * 2 * 13);
    EXPECT_DOUBLE_EQ(at(region.f0[1], values), (r == 0 ? 1 : 5) * 3 - 8);
    EXPECT_DOUBLE_EQ(at(region.f1[2], values), 11);
    EXPECT_DOUBLE_EQ(at(region.f1[3], values), 13);
  }
  // Each unknown its own rest; a flux of 0 is no term. g = -flux.
  ASSERT_EQ(form.boundaries.size(), 1u);
  EXPECT_EQ(form.boundaries[0].unknown, 1);
  EXPECT_EQ(form.boundaries[0].sets, std::vector<std::int16_t>{5});
  EXPECT_DOUBLE_EQ(at(form.boundaries[0].value, {{"u", 2}, {"v", 3}}), 4);
}

const std::string steel =
    "[equation]\nkind = \"elasticity\"\nyoungs_modulus = 200\n"
    "poissons_ratio = 0.25\n";
const std::string free_surface = "[[boundary]]\non = \"rest\"\npressure = 0\n";

/// sigma for a displacement gradient: f1 of all components, row by row.
std::vector<double> stress(const SystemForm& form, const Values& gradient) {
  std::vector<double> result;
  for (const auto& one : form.regions[0].f1) result.push_back(at(one, gradient));
  return result;
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-12) << i;
}

// E = 200, nu = 1/4: mu = 80, lambda = 80, bulk modulus E / (3 (1 - 2 nu)) = 400/3; in plane stress
// lambda is replaced by E nu / (1 - nu^2) = 160/3.
TEST(Elasticity, HookesLaw) {
  const Values shear{{"dy(ux)", 0.5}, {"dx(uy)", 0.25}};
  const SystemForm strain = system_of(steel + free_surface, 2);
  EXPECT_EQ(strain.unknowns, (std::vector<std::string>{"ux", "uy"}));
  expect_near(stress(strain, {{"dx(ux)", 1}}), {240, 0, 0, 80});
  expect_near(stress(strain, shear), {0, 60, 60, 0});
  const SystemForm plate = system_of(steel + "plane = \"stress\"\n" + free_surface, 2);
  expect_near(stress(plate, {{"dx(ux)", 1}}), {160 + 160.0 / 3, 0, 0, 160.0 / 3});
  // A plate that is pulled gets narrower by nu and its stress is E.
  expect_near(stress(plate, {{"dx(ux)", 1}, {"dy(uy)", -0.25}}), {200, 0, 0, 0});
  const SystemForm solid = system_of(steel + free_surface, 3);
  const double p = 3 * 400.0 / 3;  // hydrostatic: -p = 3 bulk modulus times the strain
  expect_near(stress(solid, {{"dx(ux)", 1}, {"dy(uy)", 1}, {"dz(uz)", 1}}),
              {p, 0, 0, 0, p, 0, 0, 0, p});
  // A rotation is no strain.
  expect_near(stress(solid, {{"dy(ux)", 2}, {"dx(uy)", -2}}), std::vector<double>(9, 0.0));
  const SystemForm bar = system_of(steel + free_surface, 1);
  expect_near(stress(bar, {{"dx(ux)", 1}}), {200});
}

// alpha (T - T0) = 0.01 * 20 = 0.2.
TEST(Elasticity, FreeThermalExpansionHasNoStress) {
  const std::string hot =
      steel +
      "thermal_expansion = 0.01\ntemperature = \"300 + 20*x\"\nreference_temperature = 300\n";
  const double e = 0.2;
  expect_near(stress(system_of(hot + free_surface, 3),
                     {{"x", 1}, {"dx(ux)", e}, {"dy(uy)", e}, {"dz(uz)", e}}),
              std::vector<double>(9, 0.0));
  expect_near(stress(system_of(hot + "plane = \"stress\"\n" + free_surface, 2),
                     {{"x", 1}, {"dx(ux)", e}, {"dy(uy)", e}}),
              std::vector<double>(4, 0.0));
  // Held out of the plane it expands by 1 + nu as much in it.
  expect_near(stress(system_of(hot + free_surface, 2),
                     {{"x", 1}, {"dx(ux)", 1.25 * e}, {"dy(uy)", 1.25 * e}}),
              std::vector<double>(4, 0.0));
  expect_near(stress(system_of(hot + free_surface, 1), {{"x", 1}, {"dx(ux)", e}}), {0.0});
  // Fully constrained: -3 K alpha (T - T0).
  const auto held = stress(system_of(hot + free_surface, 3), {{"x", 1}});
  EXPECT_NEAR(held[0], -400 * e, 1e-12);
  EXPECT_NEAR(held[1], 0, 1e-12);
}

TEST(Elasticity, InertiaBodyForceAndMaterials) {
  const SystemForm form = system_of(steel + R"(
density = 3
body_force = [0, "-k*x"]
[[material]]
region = "air"
youngs_modulus = 2
density = 5
)" + free_surface + "[time]\nend = 1\nstep = 0.1\n[initial]\nux = 0\nuy = 0\n",
                                    2);
  const Values moving{{"x", 2}, {"dtt(ux)", 7}, {"dtt(uy)", 11}};
  EXPECT_DOUBLE_EQ(at(form.regions[0].f0[0], moving), 21);
  EXPECT_DOUBLE_EQ(at(form.regions[0].f0[1], moving), 33 + 6);
  EXPECT_DOUBLE_EQ(at(form.regions[1].f0[1], moving), 55 + 6);
  EXPECT_NEAR(at(form.regions[1].f1[0], {{"dx(ux)", 1}}), 2.4, 1e-14);
  EXPECT_EQ(ritz::physics::system_traits(form).time_order, 2);
}

TEST(Elasticity, BoundaryKindsAndSigns) {
  ritz::base::Diagnostics diagnostics;
  const SystemForm form = system_of(steel + R"(
[[boundary]]
on = "inlet"
displacement = ["free", "t*x"]
[[boundary]]
on = "wall"
traction = ["k", 0]
[[boundary]]
on = "hot"
pressure = "2*x"
[[boundary]]
on = "rest"
symmetry = true
)",
                                    2, diagnostics, 1);
  ASSERT_TRUE(diagnostics.entries().empty());
  ASSERT_EQ(form.boundaries.size(), 5u);  // no term for "free" and for the traction 0
  const auto& b = form.boundaries;
  EXPECT_EQ(b[0].kind, Kind::value);
  EXPECT_EQ(b[0].unknown, 1);
  EXPECT_DOUBLE_EQ(at(b[0].value, {{"t", 2}, {"x", 3}}), 6);
  EXPECT_EQ(b[1].kind, Kind::natural);
  EXPECT_EQ(b[1].unknown, 0);
  EXPECT_DOUBLE_EQ(at(b[1].value, {}), -3);  // g = -traction
  for (int d = 0; d < 2; ++d) {              // sigma n = -p n: g = p n
    const auto& one = b[static_cast<std::size_t>(2 + d)];
    EXPECT_EQ(one.kind, Kind::natural);
    EXPECT_EQ(one.unknown, d);
    EXPECT_DOUBLE_EQ(at(one.value, {{"x", 3}, {"nx", 0.6}, {"ny", 0.8}}), d == 0 ? 3.6 : 4.8);
  }
  EXPECT_EQ(b[4].kind, Kind::value);
  EXPECT_EQ(b[4].unknown, 1);  // the axis across the plane
  EXPECT_EQ(b[4].sets, std::vector<std::int16_t>{3});
}

// Constants along 1, 2, 3, all different.
const std::string lamina =
    "[equation]\nkind = \"elasticity\"\n[equation.orthotropic]\n"
    "youngs_modulus = [140, 10, 7]\npoissons_ratio = [0.3, 0.25, 0.4]\n"
    "shear_modulus = [5, 4, 3]\n";
// All constants of an isotropic material, G = E / (2 (1 + nu)) = 80.
const std::string like_steel =
    "[equation]\nkind = \"elasticity\"\n[equation.orthotropic]\n"
    "youngs_modulus = [200, 200, 200]\npoissons_ratio = [0.25, 0.25, 0.25]\n"
    "shear_modulus = [80, 80, 80]\n";

TEST(Orthotropic, WithIsotropicConstantsIsTheIsotropicLaw) {
  const Values plane{{"x", 0.7},       {"ux", 0.2},     {"dx(ux)", 0.3},
                     {"dy(ux)", -0.2}, {"dx(uy)", 0.7}, {"dy(uy)", 0.45}};
  // The angle changes from place to place: no difference either.
  for (const std::string turned : {"", "angle = 33\n", "angle = \"100*x\"\n"}) {
    for (const std::string word : {"strain", "stress", "axisymmetric"}) {
      const std::string kind = "[equation]\nkind = \"elasticity\"\nplane = \"" + word + "\"\n";
      const std::string one = steel + "plane = \"" + word + "\"\n" + free_surface;
      std::string other = like_steel + turned + free_surface;
      other.replace(0, std::string("[equation]\nkind = \"elasticity\"\n").size(), kind);
      const SystemForm a = system_of(one, 2), b = system_of(other, 2);
      expect_near(stress(b, plane), stress(a, plane));
      for (std::size_t i = 0; i < 2; ++i)
        EXPECT_NEAR(at(b.regions[0].f0[i], plane), at(a.regions[0].f0[i], plane), 1e-12) << word;
      EXPECT_TRUE(ritz::physics::system_traits(b).is_symmetric) << word << turned;
    }
  }
  const Values solid{{"dx(ux)", 0.3}, {"dy(ux)", -0.2}, {"dz(uz)", 0.45},
                     {"dx(uz)", 0.7}, {"dz(uy)", 0.9},  {"dy(uy)", -0.8}};
  const std::string turned = "axis_1 = [1, 2, 3]\naxis_2 = [0, 3, -2]\n";
  expect_near(stress(system_of(like_steel + turned + free_surface, 3), solid),
              stress(system_of(steel + free_surface, 3), solid));
}

TEST(Orthotropic, ComplianceHasTheEngineeringConstants) {
  // Strains of a unit pull along axis 2 and of a unit shear 1-3; the stress comes back.
  const SystemForm form = system_of(lamina + free_surface, 3);
  expect_near(stress(form, {{"dx(ux)", -0.3 / 140}, {"dy(uy)", 1.0 / 10}, {"dz(uz)", -0.4 / 10}}),
              {0, 0, 0, 0, 1, 0, 0, 0, 0});
  expect_near(stress(form, {{"dz(ux)", 1.0 / 4}}), {0, 0, 1, 0, 0, 0, 1, 0, 0});
  // Axis 1 along y, axis 2 along z: 3 along x. A unit pull along y.
  const SystemForm turned =
      system_of(lamina + "axis_1 = [0, 2, 0]\naxis_2 = [0, 0, 1]\n" + free_surface, 3);
  expect_near(
      stress(turned, {{"dx(ux)", -0.25 / 140}, {"dy(uy)", 1.0 / 140}, {"dz(uz)", -0.3 / 140}}),
      {0, 0, 0, 0, 1, 0, 0, 0, 0});
}

TEST(Orthotropic, OffAxisTensionOfALamina) {
  // Jones, Mechanics of Composite Materials, 1975, section 2.8, plane stress: apparent modulus,
  // Poisson's ratio and shear coupling at the angle a.
  const double e1 = 140, e2 = 10, nu = 0.3, g = 5;
  for (const double degrees : {0.0, 30.0, 45.0, 77.0, 90.0}) {
    const double a = degrees * M_PI / 180, c = std::cos(a), s = std::sin(a);
    const double c2 = c * c, s2 = s * s;
    const double ex = c2 * c2 / e1 + (1 / g - 2 * nu / e1) * s2 * c2 + s2 * s2 / e2;
    const double ey = -(nu / e1 * (s2 * s2 + c2 * c2) - (1 / e1 + 1 / e2 - 1 / g) * s2 * c2);
    const double shear =
        (2 / e1 + 2 * nu / e1 - 1 / g) * s * c2 * c - (2 / e2 + 2 * nu / e1 - 1 / g) * s2 * s * c;
    std::string deck = lamina + fmt::format("angle = {:.17g}\n", degrees) + free_surface;
    deck.replace(0, std::string("[equation]\n").size(), "[equation]\nplane = \"stress\"\n");
    const SystemForm form = system_of(deck, 2);
    expect_near(stress(form, {{"dx(ux)", ex}, {"dy(uy)", ey}, {"dy(ux)", shear}}), {1, 0, 0, 0});
    // The same by a formula of the place.
    std::string by_formula =
        lamina + fmt::format("angle = \"{:.17g}*x\"\n", degrees) + free_surface;
    by_formula.replace(0, std::string("[equation]\n").size(), "[equation]\nplane = \"stress\"\n");
    expect_near(stress(system_of(by_formula, 2),
                       {{"x", 1}, {"dx(ux)", ex}, {"dy(uy)", ey}, {"dx(uy)", shear}}),
                {1, 0, 0, 0});
  }
}

TEST(Orthotropic, ThermalStrainAlongTheAxes) {
  // Free expansion by 20 degrees leaves no stress: 0.2 along 1, 0.4 along 2, 1 along 3.
  const std::string warm =
      "thermal_expansion = [0.01, 0.02, 0.05]\nangle = 90\n[[material]]\nregion = \"none\"\n";
  std::string deck = lamina + warm + free_surface;
  deck.replace(0, std::string("[equation]\n").size(),
               "[equation]\nplane = \"stress\"\ntemperature = 320\nreference_temperature = 300\n");
  expect_near(stress(system_of(deck, 2), {{"dx(ux)", 0.4}, {"dy(uy)", 0.2}}), {0, 0, 0, 0});
}

TEST(Orthotropic, WhatHasNoEnergyIsToldAtItsNumber) {
  const auto told = [](const std::string& text, int dimension) {
    ritz::base::Diagnostics diagnostics;
    static_cast<void>(system_of(text, dimension, diagnostics));
    std::vector<std::string> all;
    for (const auto& one : diagnostics.entries()) all.push_back(one.text());
    return all;
  };
  using testing::AllOf;
  using testing::ElementsAre;
  using testing::HasSubstr;
  const auto with = [](const std::string& what, const std::string& instead) {
    std::string text = lamina + free_surface;
    text.replace(text.find(what), what.size(), instead);
    return text;
  };
  // sqrt(E1/E2) = 3.742; line 9 holds the moduli, 10 the ratios, 11 the shear moduli.
  EXPECT_THAT(told(with("[0.3, 0.25, 0.4]", "[3.8, 0.25, 0.4]"), 2),
              ElementsAre(AllOf(HasSubstr("deck.toml:10:19:"), HasSubstr("sqrt(E1/E2) = 3.742"))));
  EXPECT_THAT(told(with("[0.3, 0.25, 0.4]", "[3.7, 0.25, 0.9]"), 3),
              ElementsAre(AllOf(HasSubstr("deck.toml:10:"), HasSubstr("nu21 nu32 nu13"))));
  EXPECT_THAT(told(with("[140, 10, 7]", "[140, \"3 - k\", 7]"), 3),
              ElementsAre(AllOf(HasSubstr("deck.toml:9:"),
                                HasSubstr("youngs_modulus[1] = 0.0 (must be > 0)"))));
  EXPECT_THAT(told(with("[140, 10, 7]", "[140, \"x\", 7]"), 3),
              ElementsAre(HasSubstr("must be a number or an expression of parameters")));
  EXPECT_THAT(told(with("[140, 10, 7]", "[140, 10]"), 2),
              ElementsAre(HasSubstr("has 2 entries (expected E1, E2, E3")));
  EXPECT_THAT(told(with("[5, 4, 3]", "5"), 3), ElementsAre(HasSubstr("has 1 entry (expected G12")));
  EXPECT_THAT(told(with("[5, 4, 3]", "[5, 4, 3]\naxis_1 = [1, 0, 0]\naxis_2 = [1, 1, 0]"), 3),
              ElementsAre(HasSubstr("not at a right angle to axis_1 (45 degrees)")));
  EXPECT_THAT(told(with("[5, 4, 3]", "[5, 4, 3]\nangle = 3"), 3),
              ElementsAre(HasSubstr("angle is for two dimensions")));
  EXPECT_THAT(told(lamina + free_surface, 1), ElementsAre(HasSubstr("two and three dimensions")));
}

TEST(Axisymmetric, RadiusIsAWeightAndTheHoopStrainIsThere) {
  const std::string words = steel + "plane = \"axisymmetric\"\nbody_force = [2, \"x\"]\n";
  const SystemForm form = system_of(words + R"(
[[boundary]]
on = ["inlet", "wall"]
traction = [0, 5]
[[boundary]]
on = "rest"
pressure = 4
)",
                                    2);
  // E = 200, nu = 0.25: lambda = mu = 80. u_r = 0.3 r + 0.1, so the hoop strain at 2 is 0.35.
  const Values here{{"x", 2}, {"ux", 0.7}, {"dx(ux)", 0.3}, {"dy(uy)", -0.1}, {"dy(ux)", 0.5}};
  const double trace = 80 * (0.3 + 0.35 - 0.1);
  expect_near(stress(form, here), {2 * (160 * 0.3 + trace), 2 * 40, 2 * 40, 2 * (-16 + trace)});
  EXPECT_NEAR(at(form.regions[0].f0[0], here), 160 * 0.35 + trace - 2 * 2, 1e-12);
  EXPECT_NEAR(at(form.regions[0].f0[1], here), -2 * 2, 1e-12);
  EXPECT_TRUE(ritz::physics::system_traits(form).is_symmetric);
  EXPECT_DOUBLE_EQ(at(form.boundaries[0].value, {{"x", 3}}), -15);
  EXPECT_DOUBLE_EQ(at(form.boundaries[1].value, {{"x", 3}, {"nx", -1}}), -12);
  // Scalars.
  const SystemForm scalar = system_of(
      "[equation]\nkind = \"poisson\"\ncoordinates = \"axisymmetric\"\ndiffusion = 7\nsource = 5\n"
      "[[boundary]]\non = \"rest\"\nrobin = { coefficient = 2, ambient = 1 }\n",
      2);
  EXPECT_DOUBLE_EQ(at(scalar.regions[0].f0[0], {{"x", 3}}), -15);
  EXPECT_DOUBLE_EQ(at(scalar.regions[0].f1[0], {{"x", 3}, {"dx(u)", 2}}), 42);
  EXPECT_DOUBLE_EQ(at(scalar.boundaries[0].value, {{"x", 3}, {"u", 4}}), 18);
}

TEST(MakeSystem, MistakesAreToldAtTheirPlaceAndOnce) {
  const auto told = [](const std::string& text, int axis = 0) {
    ritz::base::Diagnostics diagnostics;
    static_cast<void>(system_of(text, 2, diagnostics, axis));
    std::vector<std::string> all;
    for (const auto& one : diagnostics.entries()) all.push_back(one.text());
    return all;
  };
  using testing::AllOf;
  using testing::ElementsAre;
  using testing::HasSubstr;
  EXPECT_THAT(told("[equation]\nkind = \"poisson\"\ndiffusion = \"1 + w\"\n" + insulated),
              ElementsAre(AllOf(HasSubstr("deck.toml:8:"), HasSubstr("'w'"))));
  EXPECT_THAT(told("[equation]\nkind = \"poisson\"\nsource = \"u*z\"\n" + insulated),
              ElementsAre(AllOf(HasSubstr("deck.toml:8:"), HasSubstr("uses z"))));
  EXPECT_THAT(
      told("[equation]\nkind = \"poisson\"\n[[boundary]]\non = \"rest\"\nflux = \"dx(u)\"\n"),
      ElementsAre(AllOf(HasSubstr("deck.toml:10:"), HasSubstr("dx"))));
  EXPECT_THAT(told("[equation]\nkind = \"poisson\"\n[[boundary]]\non = \"rest\"\nvalue = \"u\"\n"),
              ElementsAre(AllOf(HasSubstr("deck.toml:10:"), HasSubstr("'u'"))));
  EXPECT_THAT(told("[equation]\nkind = \"coefficient-form\"\nadvection = [1, 2, 3]\n" + insulated),
              ElementsAre(HasSubstr("has 3 components (the mesh has 2 dimensions)")));
  EXPECT_THAT(told(steel + "[[boundary]]\non = \"wall\"\nsymmetry = true\n", -1),
              ElementsAre(AllOf(HasSubstr("deck.toml:10:"), HasSubstr("symmetry on \"wall\""))));
  EXPECT_THROW(
      told("[equation]\nkind = \"elasticity\"\nyoungs_modulus = 1\npoissons_ratio = 0.5\n" +
           free_surface),
      ritz::base::Error);
}

TEST(MakeSystem, WhatNeedsASystem) {
  const auto judge = [](const std::string& text) {
    const auto problem =
        problem_of("[mesh]\nkind = \"file\"\nfile = \"none.msh\"\n[equation]\n" + text);
    ritz::base::Diagnostics diagnostics;
    const SystemForm form = ritz::run::make_system(
        problem, 2, regions, sets, [](std::int16_t) { return 0; }, diagnostics);
    diagnostics.throw_errors(ritz::base::ExitCode::deck);
    return std::pair{ritz::run::has_linear_form(problem, form),
                     ritz::run::needs_system(problem, form)};
  };
  const std::pair linear{true, false}, linear_system{true, true}, system{false, true};
  EXPECT_EQ(judge("kind = \"poisson\"\n" + insulated), linear);
  EXPECT_EQ(judge("kind = \"poisson\"\nsource = \"x*t\"\n" + insulated), linear);
  EXPECT_EQ(judge("kind = \"heat\"\n" + insulated + in_time), linear_system);
  EXPECT_EQ(judge("kind = \"poisson\"\nunknowns = [\"T\"]\n" + insulated), linear);
  EXPECT_EQ(judge("kind = \"poisson\"\nsource = \"u\"\n" + insulated), system);
  EXPECT_EQ(judge("kind = \"poisson\"\ndiffusion = [\"1 + dx(u)\", 1]\n" + insulated), system);
  EXPECT_EQ(
      judge("kind = \"poisson\"\n[[material]]\nregion = \"air\"\ndiffusion = \"u\"\n" + insulated),
      system);
  EXPECT_EQ(judge("kind = \"poisson\"\n[[boundary]]\non = \"rest\"\nflux = \"-u^4\"\n"), system);
  EXPECT_EQ(judge("kind = \"poisson\"\n[[boundary]]\non = \"rest\"\nrobin = { coefficient = "
                  "\"abs(u)\", ambient = 1 }\n"),
            system);
  EXPECT_EQ(judge("kind = \"helmholtz\"\nwave_number = 2\n" + insulated), system);
  EXPECT_EQ(
      judge("kind = \"elasticity\"\nyoungs_modulus = 1\npoissons_ratio = 0.3\n" + free_surface),
      system);
  // The terms in time have no place in the linear form either when they depend on the unknown.
  EXPECT_EQ(judge("kind = \"heat\"\ncapacity = \"1 + u\"\n" + insulated + in_time), system);
  EXPECT_EQ(judge("kind = \"wave\"\ninertia = \"1 + u^2\"\n" + insulated + in_time), system);
}

TEST(Picard, CoefficientsThatDependOnAnUnknownAreTakenAsTheyAre) {
  const std::string deck = R"deck(
[equation]
kind = "coefficient-form"
capacity = "1 + u"
diffusion = "1 + u^2"
advection = ["u", "y"]
reaction = "k + u"
source = "x + u^3"
[[boundary]]
on = "rest"
robin = { coefficient = "u^2", ambient = "u" }
)deck" + in_time;
  const SystemForm newton = system_of(deck, 2);
  const SystemForm picard = system_of(deck + "[nonlinear]\nmethod = \"picard\"\n", 2);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(at(picard.regions[0].f1[i], state), at(newton.regions[0].f1[i], state));
  }
  EXPECT_EQ(at(picard.regions[0].f0[0], state), at(newton.regions[0].f0[0], state));
  const auto slope = [&](const ritz::expr::Expression& f, const char* by) {
    return at(f.derivative(by), state);
  };
  const auto& f0 = picard.regions[0].f0[0];
  const auto& f1 = picard.regions[0].f1;
  EXPECT_DOUBLE_EQ(slope(f0, "u"), 3 + 1.7);  // the reaction alone
  EXPECT_DOUBLE_EQ(slope(f0, "dx(u)"), 1.7);
  EXPECT_DOUBLE_EQ(slope(f0, "dy(u)"), 0.7);
  EXPECT_DOUBLE_EQ(slope(f0, "dt(u)"), 2.7);
  EXPECT_DOUBLE_EQ(slope(f1[0], "dx(u)"), 1 + 1.7 * 1.7);
  EXPECT_EQ(slope(f1[0], "u"), 0);
  const Values edge{{"x", 0.3}, {"u", 1.7}};
  ASSERT_EQ(picard.boundaries.size(), 1u);
  EXPECT_DOUBLE_EQ(at(picard.boundaries[0].value.derivative("u"), edge), 1.7 * 1.7);
  // What does not depend on the unknown is as it was: a linear problem stays one.
  const std::string linear =
      "[equation]\nkind = \"poisson\"\ndiffusion = \"1 + x\"\n"
      "source = \"y\"\n" +
      insulated;
  const auto traits =
      ritz::physics::system_traits(system_of(linear + "[nonlinear]\nmethod = \"picard\"\n", 2));
  EXPECT_TRUE(traits.is_linear);
}

TEST(StreamlineDiffusion, AddsTheResidualTimesTauAlongTheVelocity) {
  const auto problem = problem_of(R"deck(
[mesh]
kind = "file"
file = "none.msh"
[equation]
kind = "coefficient-form"
capacity = 2
diffusion = "1 + x"
advection = [2, "1 + 0*u"]
reaction = 3
source = "x*u"
)deck" + insulated + in_time);
  ritz::base::Diagnostics diagnostics;
  const SystemForm form = ritz::run::make_system(
      problem, 2, regions, sets, [](std::int16_t) { return 0; }, diagnostics,
      ritz::mesh::CellType::quad);
  diagnostics.throw_errors(ritz::base::ExitCode::deck);
  ritz::physics::check_system(form);
  Values in_a_cell = state;
  in_a_cell.insert({{"metric(xx)", 100}, {"metric(xy)", 10}, {"metric(yy)", 25}});
  const double u = 1.7, ux = 2.3, uy = -1.9, x = 0.3;
  const double s = std::sqrt(100 * 4 + 2 * 10 * 2 + 25), b = 5;  // sqrt(b.Gb), |b|^2
  const double p = b * b / (s * (1 + x) * b);
  const double xi = 1 / std::tanh(p) - 1 / p;
  const double tau = xi / std::sqrt(s * s + xi * xi * 9);
  // 2 du/dt + b.grad u + 3 u - x u - div((1 + x) grad u), second derivatives 0.
  const double residual = 2 * 0.9 + 2 * ux + uy + 3 * u - x * u - ux;
  const auto& f1 = form.regions[0].f1;
  EXPECT_NEAR(at(f1[0], in_a_cell), (1 + x) * ux + tau * 2 * residual, 1e-13);
  EXPECT_NEAR(at(f1[1], in_a_cell), (1 + x) * uy + tau * 1 * residual, 1e-13);
  // The test function's part is frozen, the residual is not.
  EXPECT_NEAR(at(f1[0].derivative("u"), in_a_cell), tau * 2 * (3 - x), 1e-13);
  EXPECT_NEAR(at(f1[0].derivative("dt(u)"), in_a_cell), tau * 2 * 2, 1e-13);
  // Small numbers: h^2 / (12 K), b.Gb = 4 |b|^2 / h^2; no velocity: no term, and no NaN.
  Values fine = in_a_cell;
  fine["metric(xx)"] = fine["metric(yy)"] = 4e8;  // h = 1e-4
  fine["metric(xy)"] = 0;
  EXPECT_NEAR(at(f1[0].derivative("dt(u)"), fine), 4 * 1e-8 / (12 * 1.3), 1e-12);
}

TEST(StreamlineDiffusion, IsZeroWithoutVelocityAndUpwindWithoutDiffusion) {
  const auto problem = problem_of(
      "[mesh]\nkind = \"file\"\nfile = \"none.msh\"\n[equation]\n"
      "kind = \"advection-diffusion-reaction\"\ndiffusion = 0\nadvection = [\"x\", 0]\n" +
      insulated);
  ritz::base::Diagnostics diagnostics;
  const SystemForm form = ritz::run::make_system(
      problem, 2, regions, sets, [](std::int16_t) { return 0; }, diagnostics,
      ritz::mesh::CellType::quad);
  diagnostics.throw_errors(ritz::base::ExitCode::deck);
  Values in_a_cell = state;
  in_a_cell.insert({{"metric(xx)", 400}, {"metric(yy)", 400}});
  // h = 0.1: tau b . grad u = h / 2 du/dx for any velocity along x.
  EXPECT_NEAR(at(form.regions[0].f1[0], in_a_cell), 0.05 * 0.3 * 2.3, 1e-14);
  EXPECT_EQ(at(form.regions[0].f1[1], in_a_cell), 0.0);
  in_a_cell["x"] = 0;
  EXPECT_EQ(at(form.regions[0].f1[0], in_a_cell), 0.0);
}

}  // namespace
