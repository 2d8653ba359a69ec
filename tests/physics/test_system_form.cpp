// Variables, symbolic Jacobians and traits of systems.
#include <gtest/gtest.h>

#include "ritz/base/error.hpp"
#include "ritz/expr/frozen.hpp"
#include "ritz/physics/system_form.hpp"

using namespace ritz;
using namespace ritz::physics;

namespace {

using Texts = std::vector<std::string>;

SystemForm make(int dimension, const Texts& unknowns, const Texts& f0, const Texts& f1,
                const std::vector<std::pair<std::string, double>>& parameters = {}) {
  SystemForm form;
  form.dimension = dimension;
  form.unknowns = unknowns;
  const expr::Symbols symbols{volume_variables(unknowns, dimension), parameters};
  SystemForm::Region region;
  for (const auto& text : f0) region.f0.push_back(expr::parse_with_frozen(text, symbols));
  for (const auto& text : f1) region.f1.push_back(expr::parse_with_frozen(text, symbols));
  form.regions.push_back(region);
  return form;
}

void add_natural(SystemForm& form, std::vector<std::int16_t> sets, int unknown,
                 const std::string& text) {
  const expr::Symbols symbols{boundary_variables(form.unknowns), {}};
  form.boundaries.push_back({SystemForm::Boundary::Kind::natural, std::move(sets), unknown,
                             expr::Expression::parse(text, symbols)});
}

SystemForm elasticity() {
  return make(2, {"u", "v"}, {"-x", "1"},
              {"lambda*(dx(u) + dy(v)) + 2*mu*dx(u)", "mu*(dy(u) + dx(v))", "mu*(dy(u) + dx(v))",
               "lambda*(dx(u) + dy(v)) + 2*mu*dy(v)"},
              {{"lambda", 1.3}, {"mu", 0.7}});
}

}  // namespace

TEST(SystemForm, VariablesInTheirOrder) {
  EXPECT_EQ(volume_variables({"u", "v"}, 2),
            (Texts{"x", "y", "z", "t", "u", "dx(u)", "dy(u)", "dt(u)", "dtt(u)", "v", "dx(v)",
                   "dy(v)", "dt(v)", "dtt(v)"}));
  EXPECT_EQ(volume_variables({"T"}, 1),
            (Texts{"x", "y", "z", "t", "T", "dx(T)", "dt(T)", "dtt(T)"}));
  EXPECT_EQ(metric_variables(1), Texts{"metric(xx)"});
  EXPECT_EQ(metric_variables(3), (Texts{"metric(xx)", "metric(xy)", "metric(xz)", "metric(yy)",
                                        "metric(yz)", "metric(zz)"}));
  EXPECT_EQ(boundary_variables({"u", "v"}),
            (Texts{"x", "y", "z", "t", "nx", "ny", "nz", "u", "v"}));
}

TEST(SystemForm, JacobianEntries) {
  const SystemForm form = elasticity();
  const auto entries = jacobian_entries(form, form.regions[0]);
  // (u,u): xx, yy; (u,v): xy, yx; the same for v.
  ASSERT_EQ(entries.size(), 8U);
  const auto value = [&](int i, int a, int j, int b) {
    for (const JacobianEntry& e : entries) {
      if (e.test == i && e.test_slot == a && e.trial == j && e.trial_slot == b)
        return e.value.constant_value();
    }
    return 0.0;
  };
  EXPECT_DOUBLE_EQ(value(0, 1, 0, 1), 2.7);
  EXPECT_DOUBLE_EQ(value(0, 2, 0, 2), 0.7);
  EXPECT_DOUBLE_EQ(value(0, 1, 1, 2), 1.3);
  EXPECT_DOUBLE_EQ(value(0, 2, 1, 1), 0.7);
  EXPECT_DOUBLE_EQ(value(1, 2, 0, 1), 1.3);
  EXPECT_DOUBLE_EQ(value(1, 2, 1, 2), 2.7);
}

TEST(SystemForm, Traits) {
  SystemTraits t = system_traits(elasticity());
  EXPECT_TRUE(t.is_linear);
  EXPECT_TRUE(t.is_symmetric);
  EXPECT_EQ(t.time_order, 0);
  EXPECT_FALSE(t.jacobian_depends_on_state || t.jacobian_depends_on_time ||
               t.jacobian_depends_on_place);

  t = system_traits(make(1, {"u"}, {"exp(-t)*dt(u) - x"}, {"(1 + x)*dx(u)"}));
  EXPECT_TRUE(t.is_linear);
  EXPECT_TRUE(t.is_symmetric);
  EXPECT_EQ(t.time_order, 1);
  EXPECT_TRUE(t.jacobian_depends_on_time);
  EXPECT_TRUE(t.jacobian_depends_on_place);
  EXPECT_FALSE(t.jacobian_depends_on_state);

  t = system_traits(make(1, {"u"}, {"dtt(u) + 0.1*dt(u)"}, {"dx(u)"}));
  EXPECT_EQ(t.time_order, 2);
  EXPECT_TRUE(t.is_symmetric);

  t = system_traits(make(1, {"u"}, {"u^3"}, {"dx(u)"}));
  EXPECT_FALSE(t.is_linear);
  EXPECT_TRUE(t.is_symmetric);
  EXPECT_TRUE(t.jacobian_depends_on_state);

  // K(u) grad u: d f1/d u has no counterpart.
  EXPECT_FALSE(system_traits(make(1, {"u"}, {"0"}, {"(1 + u^2)*dx(u)"})).is_symmetric);
  // The derivative of an energy.
  EXPECT_TRUE(system_traits(make(2, {"u"}, {"0"}, {"dx(u)^3", "exp(dy(u))"})).is_symmetric);
  // The p-Laplacian, in full and regularised, and the minimal surface.
  for (const std::string k : {"(dx(u)^2 + dy(u)^2)", "(1e-6 + dx(u)^2 + dy(u)^2)^0.65",
                              "1/sqrt(1 + dx(u)^2 + dy(u)^2)", "exp(x)*(dx(u)^2 + dy(u)^2)^1.5"}) {
    EXPECT_TRUE(system_traits(make(2, {"u"}, {"0"}, {k + "*dx(u)", k + "*dy(u)"})).is_symmetric)
        << k;
    EXPECT_FALSE(system_traits(make(2, {"u"}, {"0"}, {k + "*dx(u)", k + "*dy(u)*2"})).is_symmetric)
        << k;
  }
  // Advection; a rate in the flux.
  EXPECT_FALSE(system_traits(make(1, {"u"}, {"dx(u)"}, {"dx(u)"})).is_symmetric);
  EXPECT_FALSE(system_traits(make(1, {"u"}, {"0"}, {"dx(u) + dt(u)"})).is_symmetric);
  // Reactions that couple with the same and with opposite signs.
  EXPECT_TRUE(system_traits(make(1, {"u", "v"}, {"2*v", "2*u"}, {"dx(u)", "dx(v)"})).is_symmetric);
  EXPECT_FALSE(system_traits(make(1, {"u", "v"}, {"v", "-u"}, {"dx(u)", "dx(v)"})).is_symmetric);
  EXPECT_FALSE(system_traits(make(1, {"u", "v"}, {"dt(v)", "0"}, {"dx(u)", "dx(v)"})).is_symmetric);
}

TEST(SystemForm, JumpsAreNotLinear) {
  for (const char* f0 : {"floor(u)", "sign(u)", "u + floor(u)", "if(u < 0, 1, 2)", "mod(u, 1)"})
    EXPECT_FALSE(system_traits(make(1, {"u"}, {f0}, {"dx(u)"})).is_linear) << f0;
  for (const char* f0 : {"2*u + floor(x*10)", "u*exp(x)", "0*u", "if(x < 0.5, u, -3*dx(u))"})
    EXPECT_TRUE(system_traits(make(1, {"u"}, {f0}, {"dx(u)"})).is_linear) << f0;
}

TEST(SystemForm, BoundaryTraits) {
  SystemForm form = elasticity();
  add_natural(form, {0}, 0, "2*u*nx - x");
  EXPECT_TRUE(system_traits(form).is_symmetric);
  EXPECT_TRUE(system_traits(form).is_linear);
  EXPECT_TRUE(system_traits(form).jacobian_depends_on_place);
  add_natural(form, {1, 2}, 0, "3*v");
  EXPECT_FALSE(system_traits(form).is_symmetric);
  add_natural(form, {2, 1}, 1, "3*u");
  EXPECT_TRUE(system_traits(form).is_symmetric);
  EXPECT_FALSE(system_traits(form).jacobian_depends_on_state);
  add_natural(form, {1}, 1, "v^4");
  EXPECT_TRUE(system_traits(form).is_symmetric);
  EXPECT_FALSE(system_traits(form).is_linear);
  EXPECT_TRUE(system_traits(form).jacobian_depends_on_state);
  const auto entries = jacobian_entries(form, form.boundaries.back());
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].test, 1);
  EXPECT_EQ(entries[0].trial, 1);
}

TEST(SystemForm, IsChecked) {
  SystemForm form = elasticity();
  EXPECT_NO_THROW(check_system(form));
  form.regions[0].f0.pop_back();
  EXPECT_THROW(check_system(form), base::Error);
  form = elasticity();
  form.regions[0].f0[0] = expr::Expression::constant(1.0, place_variables());
  EXPECT_THROW(check_system(form), base::Error);
  form = elasticity();
  add_natural(form, {0}, 2, "1");
  EXPECT_THROW(check_system(form), base::Error);
}

TEST(SystemForm, FrozenCoefficientsMakeASymmetricJacobianOfANonlinearProblem) {
  const SystemForm newton = make(1, {"u"}, {"-u^2"}, {"(1 + u)*dx(u)"});
  EXPECT_FALSE(system_traits(newton).is_symmetric);
  const SystemForm picard = make(1, {"u"}, {"-frozen(u^2)"}, {"frozen(1 + u)*dx(u)"});
  SystemTraits t = system_traits(picard);
  EXPECT_TRUE(t.is_symmetric);
  EXPECT_FALSE(t.is_linear);
  EXPECT_TRUE(t.jacobian_depends_on_state);
  const auto entries = jacobian_entries(picard, picard.regions[0]);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].test_slot, 1);
  EXPECT_EQ(entries[0].trial_slot, 1);
  // Affine, but one correction does not solve it: the matrix lacks a term.
  t = system_traits(make(1, {"u"}, {"-frozen(u)"}, {"dx(u)"}));
  EXPECT_FALSE(t.is_linear);
  EXPECT_FALSE(t.jacobian_depends_on_state);
}
