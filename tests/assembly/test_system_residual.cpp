// Residuals of systems by sum factorisation against the dense ones, on meshes that are distorted,
// curved, turned cell by cell and scattered over the ranks.
#include <gtest/gtest.h>

#include "count_allocations.hpp"
#include "ritz/assembly/system_residual.hpp"
#include "ritz/la/vector.hpp"
#include "system_tools.hpp"

using namespace ritz;
using assembly::SystemResidual;
using mesh::CellType;
using test::Arrays;
using test::BlockSystem;
using test::Kind;
using test::Texts;

namespace {

const std::vector<CellType> all_types{CellType::line, CellType::quad, CellType::hex};

/// Round-off: the dense sums have n^d products, and derivatives at the points of degree 8 are
/// differences of numbers up to 30 times as large.
constexpr double round_off = 1e-12;

enum class Shape { boxes, distorted, curved };

mesh::Mesh make_mesh(CellType type, Shape shape) {
  test::Setup setup;
  setup.type = type;
  setup.cells =
      type == CellType::quad ? std::array<GlobalId, 3>{4, 3, 1} : std::array<GlobalId, 3>{3, 2, 2};
  setup.curved = shape == Shape::curved;
  setup.distortion = shape == Shape::distorted ? 0.3 : 0.0;
  setup.how = shape == Shape::curved ? test::Spread::scattered : test::Spread::blocks;
  return test::make_mesh(comm::Communicator::world(), setup);
}

assembly::SystemAssembler::Options residual_only() {
  assembly::SystemAssembler::Options options;
  options.residual_only = true;
  return options;
}

/// Largest difference over the largest entry, of all ranks; both residuals of the same state.
double difference(const mesh::Mesh& mesh, int degree, const physics::SystemForm& form,
                  const std::function<void(Arrays&)>& change = {}) {
  const fem::Space space(mesh, degree);
  const assembly::SystemAssembler dense(mesh, space, form, residual_only());
  Arrays state = test::random_arrays(space, form.n_unknowns());
  if (change) change(state);
  const auto n = static_cast<std::size_t>(space.n_owned * form.n_unknowns());
  const la::Vector expected("expected", n), r("r", n), again("again", n);
  EXPECT_LT(dense.residual(state.state(), expected).bad_cell, 0);
  SystemResidual cells(mesh, space, form, dense.is_fixed());
  // Another state first: it must leave nothing behind.
  Arrays other = state;
  other.time = 7;
  for (double& value : other.u) value = 0.5 * value + 0.1;
  static_cast<void>(cells.residual(other.state(), r));
  Kokkos::deep_copy(r, -7.0);
  EXPECT_TRUE(cells.residual(state.state(), r));
  EXPECT_TRUE(cells.residual(state.state(), again));
  double largest = 0, apart = 0;
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_EQ(r(i), again(i));
    if (dense.is_fixed()[i] != 0) {
      EXPECT_EQ(r(i), 0.0);
    }
    largest = std::max(largest, std::abs(expected(i)));
    apart = std::max(apart, std::abs(r(i) - expected(i)));
  }
  return space.communicator.max(apart) / space.communicator.max(largest);
}

}  // namespace

TEST(SystemResidual, EveryCellDegreeAndKindOfMap) {
  for (const CellType type : all_types) {
    for (const Shape shape : {Shape::boxes, Shape::distorted, Shape::curved}) {
      for (int degree = 1; degree <= 8; ++degree) {
        mesh::Mesh mesh = make_mesh(type, shape);
        test::cut_in_two(mesh);
        physics::SystemForm form = test::nasty_form(mesh, 2);
        test::add_boundary(form, mesh, Kind::value, {"left"}, 1, "0.2*y");
        EXPECT_LT(difference(mesh, degree, form), round_off)
            << "dimension " << mesh.dimension() << ", degree " << degree << ", shape "
            << static_cast<int>(shape);
      }
    }
  }
}

TEST(SystemResidual, AnyNumberOfUnknowns) {
  for (const CellType type : all_types) {
    for (int m = 1; m <= 5; ++m) {
      const mesh::Mesh mesh = make_mesh(type, m % 2 == 0 ? Shape::curved : Shape::distorted);
      Texts unknowns, f0, f1;
      for (int i = 0; i < m; ++i) unknowns.push_back("w" + std::to_string(i));
      for (int i = 0; i < m; ++i) {
        const std::string& u = unknowns[static_cast<std::size_t>(i)];
        const std::string& next = unknowns[static_cast<std::size_t>((i + 1) % m)];
        // Equations without f0, without f1, with numbers alone.
        f0.push_back(i % 3 == 1 ? "0" : "dt(" + u + ")*" + next + " - 2");
        for (int d = 0; d < mesh.dimension(); ++d)
          f1.push_back(i % 3 == 2 ? "0" : (i % 3 == 1 ? "0.5" : "dx(" + next + ")*" + u));
      }
      physics::SystemForm form = test::system_form(mesh.dimension(), unknowns, f0, f1);
      test::add_boundary(form, mesh, Kind::natural, {test::side_name(mesh.dimension(), 0, true)},
                         m - 1, "3*nx");
      EXPECT_LT(difference(mesh, 1 + m % 4, form), round_off) << m << " unknowns";
    }
  }
}

TEST(SystemResidual, RadiationAndRollersAndSprings) {
  for (const CellType type : all_types) {
    for (const Shape shape : {Shape::boxes, Shape::curved}) {
      const mesh::Mesh mesh = make_mesh(type, shape);
      const int dim = mesh.dimension();
      physics::SystemForm form = test::nasty_form(mesh);
      test::add_boundary(form, mesh, Kind::value, {test::side_name(dim, 0, true)}, 0, "x - t");
      for (int axis = 0; axis < dim; ++axis) {
        test::add_boundary(form, mesh, Kind::natural, {test::side_name(dim, axis, false)}, 0,
                           "(1 + x*y)*(u^4 - 0.1) + ny*v + nx - nz*t");
        test::add_boundary(form, mesh, Kind::natural, {test::side_name(dim, axis, true)}, 1, "2.5");
      }
      for (const int degree : {1, 2, 3}) EXPECT_LT(difference(mesh, degree, form), round_off);
    }
  }
}

TEST(SystemResidual, WithoutRatesAndWithoutReadingUnknowns) {
  const mesh::Mesh mesh = make_mesh(CellType::hex, Shape::distorted);
  const auto no_rates = [](Arrays& state) {
    state.rate.clear();
    state.second.clear();
  };
  EXPECT_LT(difference(mesh, 2, test::nasty_form(mesh), no_rates), round_off);
  // A load, and numbers alone.
  EXPECT_LT(difference(mesh, 3, test::system_form(3, {"u"}, {"x*y - t"}, {"z", "1", "0"})),
            round_off);
  EXPECT_LT(difference(mesh, 3, test::system_form(3, {"u"}, {"4"}, {"0", "0", "0"})), round_off);
}

TEST(SystemResidual, MetricOfTheCells) {
  for (const CellType type : all_types) {
    for (const Shape shape : {Shape::boxes, Shape::distorted, Shape::curved}) {
      const mesh::Mesh mesh = make_mesh(type, shape);
      const int dim = mesh.dimension();
      physics::SystemForm form;
      form.dimension = dim;
      form.unknowns = {"u", "v"};
      Texts names = physics::volume_variables(form.unknowns, dim);
      Texts f1;
      std::string sum;
      for (const std::string& name : physics::metric_variables(dim)) {
        names.push_back(name);
        f1.push_back("dx(u)*(1 + 0.1*" + name + ")");
        sum += (sum.empty() ? "" : " + ") + std::to_string(1 + f1.size()) + "*" + name;
      }
      f1.resize(static_cast<std::size_t>(2 * dim), "v/(" + sum + ")");
      const expr::Symbols symbols{names, {}};
      physics::SystemForm::Region region;
      for (const std::string& text : {std::string("u"), sum})
        region.f0.push_back(expr::Expression::parse(text, symbols));
      for (const std::string& text : f1)
        region.f1.push_back(expr::Expression::parse(text, symbols));
      form.regions.push_back(region);
      EXPECT_LT(difference(mesh, 2, form), round_off);
    }
  }
}

TEST(SystemResidual, RanksWithoutCellsAndFewerCellsThanLanes) {
  for (const CellType type : all_types) {
    test::Setup setup;
    setup.type = type;
    setup.cells = {2, 1, 1};
    setup.how = test::Spread::one_rank;
    const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
    // Empty lanes have u = 0, where the logarithm is not finite: nobody must mind.
    physics::SystemForm form = test::nasty_form(mesh);
    form.regions[0].f0[0] =
        expr::Expression::parse("log(2 + u) + log(abs(u))",
                                {physics::volume_variables(form.unknowns, mesh.dimension()), {}});
    EXPECT_LT(difference(mesh, 3, form,
                         [](Arrays& state) {
                           for (double& u : state.u) u = 2.0 + 0.5 * u;
                         }),
              round_off);
  }
}

TEST(SystemResidual, AValueThatIsNotFiniteIsSeen) {
  for (const std::string bad : {"sqrt(u - 1.5)", "1/(u - u)", "exp(10000*u)"}) {
    const mesh::Mesh mesh = make_mesh(CellType::quad, Shape::distorted);
    const fem::Space space(mesh, 2);
    const physics::SystemForm form =
        test::system_form(2, {"u"}, {"if(x > 0.6 and y > 0.5, " + bad + ", 1)"}, {"dx(u)", "0"});
    const assembly::SystemAssembler dense(mesh, space, form);
    SystemResidual cells(mesh, space, form, dense.is_fixed());
    const Arrays state{std::vector<double>(static_cast<std::size_t>(space.n_local()), 1.0), {}, {}};
    const la::Vector r("r", static_cast<std::size_t>(space.n_owned));
    EXPECT_FALSE(mesh.communicator.all(cells.residual(state.state(), r))) << bad;
    const auto result = dense.residual(state.state(), r);
    EXPECT_TRUE(mesh.communicator.any(result.bad_cell >= 0));
    if (result.bad_cell >= 0) {
      EXPECT_GT(result.bad_point[0], 0.6);
    }
  }
  // On the boundary alone.
  const mesh::Mesh mesh = make_mesh(CellType::hex, Shape::boxes);
  const fem::Space space(mesh, 1);
  physics::SystemForm form = test::system_form(3, {"u"}, {"u"}, {"dx(u)", "0", "0"});
  test::add_boundary(form, mesh, Kind::natural, {"right"}, 0, "log(y - 0.5)");
  const assembly::SystemAssembler dense(mesh, space, form);
  SystemResidual cells(mesh, space, form, dense.is_fixed());
  const Arrays state = test::random_arrays(space, 1);
  const la::Vector r("r", static_cast<std::size_t>(space.n_owned));
  EXPECT_FALSE(mesh.communicator.all(cells.residual(state.state(), r)));
}

TEST(SystemResidual, AllocatesNothing) {
  mesh::Mesh mesh = make_mesh(CellType::hex, Shape::distorted);
  test::cut_in_two(mesh);
  const fem::Space space(mesh, 2);
  const physics::SystemForm form = test::nasty_form(mesh, 2);
  const assembly::SystemAssembler dense(mesh, space, form, residual_only());
  SystemResidual cells(mesh, space, form, dense.is_fixed());
  const Arrays state = test::random_arrays(space, 2);
  const la::Vector r("r", static_cast<std::size_t>(2 * space.n_owned));
  static_cast<void>(cells.residual(state.state(), r));
  const long before = test::n_allocations;
  static_cast<void>(cells.residual(state.state(), r));
  EXPECT_EQ(test::n_allocations - before, 0);
}
