#include <gtest/gtest.h>

#include "ritz/expr/expression.hpp"
#include "ritz/physics/form.hpp"

using namespace ritz::physics;

namespace {

Coefficient number(double value) {
  Coefficient c;
  c.value = value;
  return c;
}

Coefficient formula(const std::string& text) {
  ritz::expr::Symbols symbols;
  symbols.variables = {"x", "y", "z", "t"};
  Coefficient c;
  c.is_constant = false;
  c.program = ritz::expr::Expression::parse(text, symbols).compile();
  return c;
}

Form poisson() {
  Form form;
  form.dimension = 2;
  form.regions.resize(2);
  for (auto& region : form.regions) region.diffusion = {number(1.0)};
  return form;
}

BoundaryForm boundary(BoundaryForm::Kind kind) {
  BoundaryForm b;
  b.kind = kind;
  return b;
}

}  // namespace

TEST(Form, Symmetry) {
  Form form = poisson();
  EXPECT_TRUE(form.is_symmetric());
  form.regions[1].advection = {number(0.0), number(0.0)};
  EXPECT_TRUE(form.is_symmetric());
  form.regions[1].advection[1] = number(1e-3);
  EXPECT_FALSE(form.is_symmetric());
  form.regions[1].advection = {formula("0*x"), number(0.0)};
  EXPECT_FALSE(form.is_symmetric());
  form.regions[1].advection.clear();
  form.regions[0].diffusion_kind = DiffusionKind::tensor;
  form.regions[0].diffusion = {number(2), number(0.5), number(0.5), formula("x")};
  EXPECT_TRUE(form.is_symmetric());
  form.regions[0].diffusion[1] = number(0.25);
  EXPECT_FALSE(form.is_symmetric());
  // Off-diagonal formulas may differ anywhere: only the assembly can tell.
  form.regions[0].diffusion[1] = form.regions[0].diffusion[2] = formula("x");
  EXPECT_FALSE(form.is_symmetric());
}

TEST(Form, PureNeumann) {
  Form form = poisson();
  EXPECT_TRUE(form.is_pure_neumann());
  form.boundaries = {boundary(BoundaryForm::Kind::flux)};
  EXPECT_TRUE(form.is_pure_neumann());
  form.boundaries.push_back(boundary(BoundaryForm::Kind::robin));
  EXPECT_TRUE(form.is_pure_neumann());  // with coefficient 0
  form.boundaries[1].coefficient = number(2.0);
  EXPECT_FALSE(form.is_pure_neumann());
  form.boundaries[1] = boundary(BoundaryForm::Kind::value);
  EXPECT_FALSE(form.is_pure_neumann());
  form.boundaries.clear();
  form.regions[1].has_reaction = true;
  EXPECT_TRUE(form.is_pure_neumann());
  form.regions[1].reaction = number(1.0);
  EXPECT_FALSE(form.is_pure_neumann());
}
