// Prescribed values and natural boundary terms.
#include <fenv.h>
#include <gtest/gtest.h>

#include <limits>

#include "form_tools.hpp"
#include "ritz/base/error.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::System;
using Kind = physics::BoundaryForm::Kind;

namespace {

constexpr double eps = 2.220446049250313e-16;

class OnEachCell : public ::testing::TestWithParam<CellType> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  CellType type = GetParam();
  int dim = mesh::table(GetParam()).dimension;

  mesh::Mesh make(double distortion, bool curved, test::Spread how = test::Spread::scattered) {
    test::Setup setup;
    setup.type = type;
    setup.cells = {dim == 1 ? 7 : 3, 2, 2};
    setup.distortion = distortion;
    setup.how = how;
    setup.curved = curved;
    return test::make_mesh(world, setup);
  }
};
INSTANTIATE_TEST_SUITE_P(Cells, OnEachCell, ::testing::ValuesIn(test::all_cell_types()),
                         [](const auto& cell) { return test::name_of(cell.param); });

}  // namespace

TEST_P(OnEachCell, PrescribedValuesAreEliminatedSymmetrically) {
  for (const auto how : {test::Spread::blocks, test::Spread::scattered}) {
    const mesh::Mesh mesh = make(0.3, false, how);
    for (const int k : {1, 2, 3}) {
      const fem::Space space(mesh, k);
      physics::Form form = test::diffusion_form(dim, test::formula("1 + x"));
      form.regions[0].has_source = true;
      form.regions[0].source = test::number(1.0);
      const System free(mesh, space, form);
      auto value = test::boundary(mesh, Kind::value, {"left", "right"});
      value.value = test::formula("2 + 3*x - y");
      form.boundaries.push_back(value);
      const auto fixed = assembly::fixed_values(mesh, space, form);
      const System system(mesh, space, form, fixed.constraints);
      const auto& c = fixed.constraints;

      // The nodes on x = 0 and x = 1, here and as ghosts, with the value at the node.
      const auto x = fem::node_coordinates(mesh, space);
      GlobalId n_fixed = 0;
      for (std::size_t i = 0; i < c.is_fixed.size(); ++i) {
        const bool on_side = std::min(x[3 * i], 1.0 - x[3 * i]) < 1e-12;
        ASSERT_EQ(c.is_fixed[i] != 0, on_side);
        ASSERT_NEAR(c.value[i], on_side ? 2 + 3 * x[3 * i] - x[3 * i + 1] : 0.0, 1e-14);
        if (i < static_cast<std::size_t>(space.n_owned)) n_fixed += on_side ? 1 : 0;
      }
      EXPECT_EQ(fixed.n_fixed, world.sum(n_fixed));
      EXPECT_EQ(fixed.n_clashes, 0);

      // Identity rows; elsewhere the free matrix without those columns, which went to the right.
      const double size = free.norm();
      const auto whole = free.by_gid();
      std::size_t n_kept = 0;
      for (std::size_t i = 0; i < system.load.size(); ++i) {
        const std::size_t begin = system.offsets[i], end = system.offsets[i + 1];
        if (c.is_fixed[i] != 0) {
          ASSERT_EQ(end - begin, 1U);
          ASSERT_EQ(system.columns[begin], static_cast<LocalId>(i));
          ASSERT_EQ(system.entries[begin], 1.0);
          ASSERT_EQ(system.load[i], c.value[i]);
          continue;
        }
        double load = free.load[i];
        for (std::size_t e = free.offsets[i]; e < free.offsets[i + 1]; ++e) {
          const auto j = static_cast<std::size_t>(free.columns[e]);
          if (c.is_fixed[j] != 0) {
            load -= free.entries[e] * c.value[j];
          } else {
            ++n_kept;
          }
        }
        ASSERT_NEAR(system.load[i], load, 100 * eps * size);
        for (std::size_t e = begin; e < end; ++e) {
          const auto j = static_cast<std::size_t>(system.columns[e]);
          ASSERT_EQ(c.is_fixed[j], 0);
          ASSERT_EQ(system.entries[e], whole.at({space.dof_gid[i], space.dof_gid[j]}));
          --n_kept;
          ASSERT_TRUE(e == begin || system.columns[e - 1] < system.columns[e]);
        }
      }
      EXPECT_EQ(n_kept, 0U);
      const auto all = test::whole_matrix(system);
      double asymmetry = 0;
      for (const auto& [place, v] : all) {
        const auto other = all.find({place.second, place.first});
        asymmetry = std::max(asymmetry, other == all.end() ? 1e300 : std::abs(v - other->second));
      }
      EXPECT_LE(asymmetry, 100 * eps * size);
      EXPECT_FALSE(form.is_pure_neumann());
    }
  }
}

TEST_P(OnEachCell, LaterValuesWinAndClashesAreCounted) {
  if (dim == 1) return;  // a line's ends do not meet
  const mesh::Mesh mesh = make(0.0, false);
  const fem::Space space(mesh, 2);
  physics::Form form = test::diffusion_form(dim, test::number(1));
  auto left = test::boundary(mesh, Kind::value, {"left"});
  left.value = test::number(1.0);
  auto bottom = test::boundary(mesh, Kind::value, {test::side_name(dim, 1, false)});  // y = 0
  bottom.value = test::formula("1 + 2*x + (z - z)");
  form.boundaries = {left, bottom};
  EXPECT_EQ(assembly::fixed_values(mesh, space, form).n_clashes, 0);
  form.boundaries[1].value = test::formula("4 + 2*x");
  const auto fixed = assembly::fixed_values(mesh, space, form);
  // The common edge: one node in 2-D, five nodes (two cells of degree 2) in 3-D.
  EXPECT_EQ(fixed.n_clashes, dim == 2 ? 1 : 5);
  EXPECT_DOUBLE_EQ(fixed.clash_difference, 3.0);
  EXPECT_NEAR(fixed.clash_at[0], 0.0, 1e-14);
  EXPECT_NEAR(fixed.clash_at[1], 0.0, 1e-14);
  const auto x = fem::node_coordinates(mesh, space);
  for (std::size_t i = 0; i < fixed.constraints.value.size(); ++i) {
    if (fixed.constraints.is_fixed[i] == 0) continue;
    const bool on_bottom = x[3 * i + 1] < 1e-12;
    ASSERT_NEAR(fixed.constraints.value[i], on_bottom ? 4 + 2 * x[3 * i] : 1.0, 1e-13);
  }
}

// Sums over all test functions: the load is the integral of g, the matrix that of h, whatever the
// element, and sum_j over a row times u gives the Robin term of u.
TEST_P(OnEachCell, FluxAndRobinIntegrate) {
  const mesh::Mesh mesh = make(0.0, false);
  for (int k = 1; k <= std::min(4, test::highest_degree(type)); ++k) {
    const fem::Space space(mesh, k);
    physics::Form form;
    form.dimension = dim;
    form.regions.resize(1);
    form.regions[0].diffusion_kind = physics::DiffusionKind::none;
    auto flux = test::boundary(mesh, Kind::flux, {"right"});
    flux.value = test::formula(dim == 1 ? "5*x" : (dim == 2 ? "5*x + y" : "5*x + y*z"));
    form.boundaries = {flux};
    EXPECT_TRUE(form.is_pure_neumann());
    const System with_flux(mesh, space, form);
    double load = 0, entries = 0;
    for (const double v : with_flux.load) load += v;
    for (const double v : with_flux.entries) entries += std::abs(v);
    EXPECT_NEAR(world.sum(load), dim == 1 ? 5.0 : (dim == 2 ? 5.5 : 5.25), 1e-13);
    EXPECT_EQ(world.sum(entries), 0.0);

    auto robin = test::boundary(mesh, Kind::robin, {"left"});
    robin.coefficient = test::number(3.0);
    robin.ambient = test::number(2.0);
    form.boundaries = {robin};
    EXPECT_FALSE(form.is_pure_neumann());
    const System with_robin(mesh, space, form);
    load = entries = 0;
    for (const double v : with_robin.load) load += v;
    for (const double v : with_robin.entries) entries += v;
    EXPECT_NEAR(world.sum(load), 6.0, 1e-13);
    EXPECT_NEAR(world.sum(entries), 3.0, 1e-13);
    const std::vector<double> ambient(static_cast<std::size_t>(space.n_local()), 2.0);
    EXPECT_LE(test::largest(world, with_robin.residual(ambient)), 1e-13);
  }
}

TEST(Values, NotFiniteAreTold) {
  const auto world = comm::Communicator::world();
  test::Setup setup;
  setup.type = CellType::quad;
  const mesh::Mesh mesh = test::make_mesh(world, setup);
  const fem::Space space(mesh, 2);
  physics::Form form = test::diffusion_form(2, test::number(1));
  auto left = test::boundary(mesh, Kind::value, {"left"});
  left.value = test::formula("log(y - 0.5)");
  form.boundaries = {left};
  fedisableexcept(FE_ALL_EXCEPT);
  try {
    (void)assembly::fixed_values(mesh, space, form);
    ADD_FAILURE() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::not_finite);
    EXPECT_NE(std::string(error.what()).find("left"), std::string::npos);
  }
  auto robin = test::boundary(mesh, Kind::robin, {"top"});
  robin.coefficient = test::number(1.0);
  robin.ambient = test::formula("1/(x - x)");
  form.boundaries = {robin};
  const System system(mesh, space, form);
  EXPECT_TRUE(world.any(system.result.bad_cell >= 0));
  if (system.result.bad_cell >= 0) {
    EXPECT_EQ(system.result.bad_coefficient, "robin.ambient on top");
    EXPECT_NEAR(system.result.bad_point[1], 1.0, 1e-14);
  }
  feenableexcept(FE_DIVBYZERO | FE_INVALID);
}
