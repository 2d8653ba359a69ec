#include "ritz/run/form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ritz/base/format.hpp"
#include "run_tools.hpp"

namespace {

using ritz::physics::BoundaryForm;
using ritz::physics::Coefficient;
using ritz::physics::DiffusionKind;
using ritz::physics::Form;
using ritz::test::problem_of;

/// The deck of a file mesh (never read here) with two regions and three sets.
Form form_of(const std::string& equation, ritz::base::Diagnostics& diagnostics) {
  const auto problem =
      problem_of("[parameters]\nk = 3\n[mesh]\nkind = \"file\"\nfile = \"none.msh\"\n" + equation);
  return ritz::run::make_form(problem, 2, {"steel", "air"}, {"inlet", "wall", "hot"}, diagnostics);
}

Form form_of(const std::string& equation) {
  ritz::base::Diagnostics diagnostics;
  Form form = form_of(equation, diagnostics);
  diagnostics.throw_errors(ritz::base::ExitCode::deck);
  return form;
}

double value(const Coefficient& coefficient, double x, double y) {
  if (coefficient.is_constant) return coefficient.value;
  const std::array<double, 4> at{x, y, 0.0, 0.0};
  double result = 0;
  coefficient.program.evaluate(at, std::span(&result, 1));
  return result;
}

const std::string insulated = "[[boundary]]\non = [\"inlet\", \"wall\"]\nflux = 0\n";

TEST(Form, DefaultsAreUnitDiffusionAndNothingElse) {
  const Form form = form_of("[equation]\nkind = \"poisson\"\n" + insulated);
  ASSERT_EQ(form.regions.size(), 2u);
  for (const auto& region : form.regions) {
    EXPECT_EQ(region.diffusion_kind, DiffusionKind::scalar);
    ASSERT_EQ(region.diffusion.size(), 1u);
    EXPECT_EQ(region.diffusion[0].value, 1.0);
    EXPECT_TRUE(region.advection.empty());
    EXPECT_FALSE(region.has_reaction);
    EXPECT_FALSE(region.has_source);
  }
  EXPECT_TRUE(form.is_symmetric());
  EXPECT_TRUE(form.is_pure_neumann());
}

TEST(Form, InitialValuesAreCompiledWithTheOtherFormulas) {
  const auto problem = problem_of(
      "[mesh]\nkind = \"box\"\ncells = [2, 2]\n[equation]\nkind = \"wave\"\n[[boundary]]\non = "
      "\"rest\"\nvalue = 0\n[time]\nend = 1\nstep = 0.1\n[initial]\nu = \"sin(x\"\n"
      "[initial.rate]\nu = \"x > 1\"\n[[integral]]\non = \"left\"\n");
  ritz::base::Diagnostics diagnostics;
  ritz::run::check_formulas(problem, diagnostics);
  ASSERT_EQ(diagnostics.entries().size(), 2u);
  EXPECT_THAT(diagnostics.entries()[0].text(), ::testing::HasSubstr("initial.u: "));
  EXPECT_THAT(diagnostics.entries()[1].text(), ::testing::HasSubstr("initial.rate.u = \"x > 1\""));
}

TEST(Form, MaterialsOverrideWhatTheyGiveAndKeepTheRest) {
  const Form form = form_of(R"(
[equation]
kind = "coefficient-form"
diffusion = "k*x"
advection = [1, "y"]
reaction = 5
source = "x + y"
[[material]]
region = "air"
diffusion = [[1, 2], ["k", 4]]
reaction = 0
)" + insulated);
  const auto& steel = form.regions[0];
  EXPECT_EQ(steel.diffusion_kind, DiffusionKind::scalar);
  EXPECT_EQ(value(steel.diffusion[0], 2, 0), 6.0);
  EXPECT_TRUE(steel.has_reaction);
  EXPECT_EQ(steel.reaction.value, 5.0);
  const auto& air = form.regions[1];
  EXPECT_EQ(air.diffusion_kind, DiffusionKind::tensor);
  ASSERT_EQ(air.diffusion.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(air.diffusion[i].is_constant);
    EXPECT_EQ(air.diffusion[i].value, (std::array{1.0, 2.0, 3.0, 4.0})[i]);  // row by row
  }
  EXPECT_FALSE(air.has_reaction);  // 0 in the material switches the equation's off
  for (const auto& region : form.regions) {
    ASSERT_EQ(region.advection.size(), 2u);
    EXPECT_EQ(value(region.advection[1], 0, 7), 7.0);
    EXPECT_TRUE(region.has_source);
    EXPECT_EQ(value(region.source, 1, 2), 3.0);
  }
  EXPECT_FALSE(form.is_symmetric());
}

TEST(Form, MistakesInTheEquationAreToldOnceWhateverOverridesThem) {
  ritz::base::Diagnostics diagnostics;
  static_cast<void>(
      form_of("[equation]\nkind = \"poisson\"\nsource = \"sin(q)\"\n[[material]]\n"
              "region = \"steel\"\ndiffusion = 2\n[[material]]\nregion = \"air\"\n"
              "diffusion = \"z\"\n" +
                  insulated,
              diagnostics));
  ASSERT_EQ(diagnostics.entries().size(), 2u);
  EXPECT_THAT(diagnostics.entries()[0].message, testing::HasSubstr("'q'"));
  EXPECT_EQ(diagnostics.entries()[0].where.line, 8);
  EXPECT_THAT(diagnostics.entries()[1].message,
              testing::HasSubstr("uses z, but the mesh has 2 dimensions"));
}

TEST(Form, BoundariesKeepTheDecksOrderAndTheirSets) {
  const Form form = form_of(R"(
[equation]
kind = "poisson"
[[boundary]]
on = ["wall"]
robin = { coefficient = "2*k", ambient = "x" }
[[boundary]]
on = ["wall", "inlet"]
flux = -1
[[boundary]]
on = "hot"
value = "y"
)");
  ASSERT_EQ(form.boundaries.size(), 3u);
  EXPECT_EQ(form.boundaries[0].kind, BoundaryForm::Kind::robin);
  EXPECT_EQ(form.boundaries[0].sets, std::vector<std::int16_t>{1});
  EXPECT_EQ(form.boundaries[0].coefficient.value, 6.0);
  EXPECT_EQ(value(form.boundaries[0].ambient, 4, 0), 4.0);
  EXPECT_EQ(form.boundaries[1].kind, BoundaryForm::Kind::flux);
  EXPECT_EQ(form.boundaries[1].sets, (std::vector<std::int16_t>{1, 0}));
  EXPECT_EQ(form.boundaries[2].kind, BoundaryForm::Kind::value);
  EXPECT_EQ(form.boundaries[2].sets, std::vector<std::int16_t>{2});
  EXPECT_EQ(value(form.boundaries[2].value, 0, 5), 5.0);
  EXPECT_FALSE(form.is_pure_neumann());
}

}  // namespace
