// Integrals over regions and sets.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "form_tools.hpp"
#include "ritz/assembly/integrate.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;

namespace {

physics::Coefficient with_u(const std::string& text) {
  expr::Symbols symbols;
  symbols.variables = {"x", "y", "z", "t", "u"};
  physics::Coefficient c;
  c.is_constant = false;
  c.program = expr::Expression::parse(text, symbols).compile();
  return c;
}

class OnEachCell : public ::testing::TestWithParam<CellType> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  CellType type = GetParam();
  int dim = mesh::table(GetParam()).dimension;

  mesh::Mesh make(double distortion, bool curved) {
    test::Setup setup;
    setup.type = type;
    setup.cells = {dim == 1 ? 7 : 3, 2, 2};
    setup.distortion = distortion;
    setup.how = test::Spread::scattered;
    setup.curved = curved;
    return test::make_mesh(world, setup);
  }
  std::vector<std::int16_t> sets(const mesh::Mesh& mesh, const std::vector<std::string>& names) {
    return test::boundary(mesh, physics::BoundaryForm::Kind::flux, names).sets;
  }
};
INSTANTIATE_TEST_SUITE_P(Cells, OnEachCell, ::testing::ValuesIn(test::all_cell_types()),
                         [](const auto& cell) { return test::name_of(cell.param); });

}  // namespace

TEST_P(OnEachCell, PolynomialsOnTheUnitBox) {
  const mesh::Mesh mesh = make(0.3, false);
  const fem::Space space(mesh, 2);
  const auto u =
      test::interpolate(mesh, space, [](const Point& x) { return 1 + x[0] + 2 * x[1] - x[2]; });
  // int 1 + x + 2y - z over the box, u^2 t over x = 1 at t = 2.
  const double whole = 1.5 + (dim > 1 ? 1.0 : 0.0) - (dim > 2 ? 0.5 : 0.0);
  EXPECT_NEAR(assembly::integrate_regions(mesh, space, u, {}, with_u("u")), whole, 1e-13);
  EXPECT_NEAR(assembly::integrate_regions(mesh, space, u, {0}, with_u("x*u")),
              0.5 + 1.0 / 3.0 + (dim > 1 ? 0.5 : 0.0) - (dim > 2 ? 0.25 : 0.0), 1e-13);
  EXPECT_NEAR(assembly::integrate_regions(mesh, space, u, {}, test::number(3.0)), 3.0, 1e-13);
  // (2 + 2y - z)^2 averaged over the face: 4; 28/3; and with z: 28/3 - 2*3*0.5 + 1/3.
  const double face = dim == 1 ? 4.0 : (dim == 2 ? 28.0 / 3.0 : 28.0 / 3.0 - 3.0 + 1.0 / 3.0);
  EXPECT_NEAR(assembly::integrate_sets(mesh, space, u, sets(mesh, {"right"}), with_u("t*u^2"), 2.0),
              2 * face, 1e-12);
  EXPECT_EQ(assembly::integrate_sets(mesh, space, u, {}, with_u("u")), 0.0);
}

// The divergence theorem on bent meshes: what flows out of all sides is the integral of div K grad
// u.
TEST_P(OnEachCell, FluxThroughAllSides) {
  for (const bool curved : {false, true}) {
    const mesh::Mesh mesh = make(0.2, curved);
    const fem::Space space(mesh, 2);
    physics::Form form = test::diffusion_form(dim, test::number(1));
    form.regions[0].diffusion_kind = physics::DiffusionKind::tensor;
    form.regions[0].diffusion.clear();
    for (int i = 0; i < dim * dim; ++i) {
      form.regions[0].diffusion.push_back(
          i == 0 ? test::formula("2 + x") : test::number(i % (dim + 1) == 0 ? 3.0 : 0.25 * i));
    }
    // u linear is in the space on curved meshes too: div K grad u = dK_00/dx u_x = u_x.
    const auto u =
        test::interpolate(mesh, space, [](const Point& x) { return 4 * x[0] - x[1] + 0.5 * x[2]; });
    std::vector<std::int16_t> all;
    for (std::size_t s = 0; s < mesh.set_names.size(); ++s)
      all.push_back(static_cast<std::int16_t>(s));
    const double volume = assembly::integrate_regions(mesh, space, u, {}, test::number(1.0));
    EXPECT_NEAR(assembly::integrate_flux(mesh, space, u, all, form), 4.0 * volume, 1e-11);
    if (curved) continue;
    // Through x = 1: 3 * 4 + K_01 * (-1) + K_02 * 0.5.
    EXPECT_NEAR(assembly::integrate_flux(mesh, space, u, sets(mesh, {"right"}), form),
                12.0 - (dim > 1 ? 0.25 : 0.0) + (dim > 2 ? 0.25 : 0.0), 1e-11);
  }
}

TEST_P(OnEachCell, SameBitsOnEveryNumberOfRanks) {
  mesh::Box box;
  box.cell_type = type;
  box.cells = {5, 4, 3};
  for (std::size_t c = static_cast<std::size_t>(dim); c < 3; ++c) box.cells[c] = 1;
  const auto compute = [&](const comm::Communicator& communicator) {
    const mesh::Mesh mesh =
        test::spread(mesh::make_box(communicator, box), test::Spread::scattered);
    const fem::Space space(mesh, 1);
    const auto u =
        test::interpolate(mesh, space, [](const Point& x) { return std::sin(9 * x[0]) + x[1]; });
    return std::array<double, 2>{
        assembly::integrate_regions(mesh, space, u, {}, with_u("exp(u) - 1.7")),
        assembly::integrate_sets(mesh, space, u, {0, 1}, with_u("u^3"))};
  };
  EXPECT_EQ(compute(world), compute(comm::Communicator::self()));
}

TEST(Sum, IsReproducibleAndAccurate) {
  const auto world = comm::Communicator::world();
  // Cancelling numbers of very different sizes, dealt to the ranks in turn; the exact sum is known.
  std::mt19937_64 random(5);
  std::vector<double> all;
  for (int i = 0; i < 3000; ++i) {
    const double v =
        std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 40) - 60);
    all.push_back(v);
    all.push_back(-v);
  }
  all.push_back(0.1);
  std::shuffle(all.begin(), all.end(), random);
  std::vector<double> mine;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (static_cast<int>(i) % world.size() == world.rank()) mine.push_back(all[i]);
  }
  const double parallel = assembly::reproducible_sum(world, mine);
  const double serial = assembly::reproducible_sum(comm::Communicator::self(), all);
  EXPECT_EQ(std::memcmp(&parallel, &serial, sizeof serial), 0);
  // Values up to 2^33 in three pieces of 53 - 14 bits each: what is cut off is below 2^(33-3*38).
  EXPECT_NEAR(serial, 0.1, 1e-16);
  EXPECT_EQ(assembly::reproducible_sum(world, std::vector<double>{}), 0.0);
  EXPECT_TRUE(
      std::isnan(assembly::reproducible_sum(world, std::vector<double>{1.0, std::nan("")})));
}
