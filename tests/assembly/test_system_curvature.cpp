// Second derivatives in block systems: their values against differences of gradients, and the
// Jacobian by them against differences of the residual.
#include <gtest/gtest.h>

#include "ritz/kernels/coefficient_form.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/mesh/geometry.hpp"
#include "system_tools.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::SystemKernel;
using test::Texts;

namespace {

class OnEachCell : public ::testing::TestWithParam<CellType> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  CellType type = GetParam();
  int dim = mesh::table(GetParam()).dimension;

  mesh::Mesh make(bool curved) {
    test::Setup setup;
    setup.type = type;
    setup.cells = {dim == 1 ? 7 : 3, 2, 2};
    setup.how = test::Spread::scattered;
    setup.curved = curved;
    return test::make_mesh(world, setup);
  }
  physics::SystemForm form(const Texts& f0, const Texts& f1) const {
    physics::SystemForm result;
    result.dimension = dim;
    result.unknowns = {"u", "v"};
    result.has_curvature = true;
    expr::Symbols symbols{physics::volume_variables(result.unknowns, dim), {}};
    for (const Texts& more :
         {physics::curvature_variables(result.unknowns, dim), physics::metric_variables(dim)}) {
      symbols.variables.insert(symbols.variables.end(), more.begin(), more.end());
    }
    physics::SystemForm::Region region;
    for (const auto& text : f0) region.f0.push_back(expr::Expression::parse(text, symbols));
    for (const auto& text : f1) region.f1.push_back(expr::Expression::parse(text, symbols));
    result.regions.push_back(region);
    return result;
  }
};
INSTANTIATE_TEST_SUITE_P(Cells, OnEachCell, ::testing::ValuesIn(test::all_cell_types()),
                         [](const auto& cell) { return test::name_of(cell.param); });

/// Rows e: d xi_e / d x_d.
std::array<double, 9> inverse(int dim, const std::vector<double>& jacobian, double& determinant) {
  std::array<double, 9> result{};
  if (dim == 1) determinant = kernels::adjugate<1>(jacobian.data(), result.data());
  if (dim == 2) determinant = kernels::adjugate<2>(jacobian.data(), result.data());
  if (dim == 3) determinant = kernels::adjugate<3>(jacobian.data(), result.data());
  for (double& one : result) one /= determinant;
  return result;
}

}  // namespace

// The integral of each second derivative of a function that is anything at the nodes.
TEST_P(OnEachCell, IntegralsOfSecondDerivatives) {
  const auto n = static_cast<std::size_t>(dim);
  const Texts names = physics::curvature_variables({"v"}, dim);
  for (const bool curved : {false, true}) {
    const mesh::Mesh mesh = make(curved);
    for (const int k : {2, 3}) {
      SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(k) +
                   (curved ? " curved" : ""));
      const fem::Space space(mesh, k);
      const auto state = test::random_state(space, 2, 5);
      std::vector<double> v(state.size() / 2);
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = state[2 * i + 1];
      // Rational integrands on cells that are not affine: both sums have the same points.
      const fem::Quadrature rule = fem::quadrature(type, 6);
      std::vector<double> expected(names.size(), 0.0), sizes(names.size(), 0.0);
      std::vector<double> jacobian(n * n), ahead(n), behind(n);
      for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
        for (std::size_t q = 0; q < rule.points.size(); ++q) {
          static_cast<void>(mesh::map_to_physical(mesh, cell, rule.points[q], jacobian));
          double determinant = 0;
          const auto slopes = inverse(dim, jacobian, determinant);
          constexpr double step = 1e-5;  // error ~ step^2 and eps / step
          std::array<double, 9> hessian{};
          for (std::size_t e = 0; e < n; ++e) {
            Point high = rule.points[q], low = high;
            high[e] += step;
            low[e] -= step;
            static_cast<void>(fem::evaluate(mesh, space, v, cell, high, ahead));
            static_cast<void>(fem::evaluate(mesh, space, v, cell, low, behind));
            for (std::size_t a = 0; a < n; ++a) {
              for (std::size_t b = 0; b < n; ++b)
                hessian[a * n + b] += (ahead[a] - behind[a]) / (2 * step) * slopes[e * n + b];
            }
          }
          std::size_t pair = 0;
          for (std::size_t a = 0; a < n; ++a) {
            for (std::size_t b = a; b < n; ++b, ++pair) {
              const double part = rule.weights[q] * std::abs(determinant) * hessian[a * n + b];
              expected[pair] += part;
              sizes[pair] += std::abs(part);
            }
          }
        }
      }
      for (std::size_t pair = 0; pair < names.size(); ++pair) {
        const auto system = form({names[pair], "0"}, Texts(2 * n, "0"));
        test::SystemAssembler::Options options;
        options.quadrature_degree = 6;
        const test::SystemAssembler assembler(mesh, space, system, options);
        const la::Vector r = la::make_vector("r", 2 * space.n_owned);
        ASSERT_LT(assembler.residual({0.3, state}, r).bad_cell, 0);
        double sum = 0;
        for (std::size_t i = 0; i < r.extent(0); ++i) sum += r(i);
        const double size = world.sum(sizes[pair]);
        ASSERT_GT(size, 0.1);
        EXPECT_NEAR(world.sum(sum), world.sum(expected[pair]), 1e-7 * size) << names[pair];
      }
    }
  }
}

TEST_P(OnEachCell, JacobianBySecondDerivatives) {
  const Texts names = physics::curvature_variables({"u", "v"}, dim);
  const auto number = [](std::size_t i) {
    return std::to_string(0.3 + 0.2 * static_cast<double>(i));
  };
  std::string all, other;
  for (std::size_t i = 0; i < names.size(); ++i) {
    all += (i == 0 ? "" : " + ") + number(i) + "*" + names[i];
    other += (i == 0 ? "" : " - ") + number(names.size() - i) + "*" + names[i];
  }
  Texts f1;
  for (int d = 0; d < dim; ++d) f1.push_back("metric(xx)*(1 + u^2)*(" + all + ") + dx(v)");
  for (int d = 0; d < dim; ++d) f1.push_back("(x + " + std::to_string(d) + ")*(" + other + ")");
  const auto system_form = form({"u*(" + other + ") + dx(u)*v", "0.1*(" + all + ")^2"}, f1);
  EXPECT_FALSE(physics::system_traits(system_form).is_linear);
  EXPECT_FALSE(physics::system_traits(system_form).is_symmetric);
  for (const bool curved : {false, true}) {
    const mesh::Mesh mesh = make(curved);
    for (const int k : {2, 3}) {
      const fem::Space space(mesh, k);
      for (const auto kernel : {SystemKernel::cells_in_lanes, SystemKernel::rows_in_lanes}) {
        SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(k) +
                     (curved ? " curved" : ""));
        test::SystemAssembler::Options options;
        options.kernel = kernel;
        test::BlockSystem system(mesh, space, system_form, options);
        const test::Arrays at = test::random_arrays(space, 2);
        const auto v = test::random_state(space, 2, 9);
        const auto slope = system.multiply(system.jacobian(at, 0.0, 0.0), v);
        const double size = test::largest(world, slope);
        ASSERT_GT(size, 0.1);
        constexpr double s = 1e-4;  // central differences: s^2 / 6 f''' + eps / s
        const auto ahead = system.residual(at.moved(s, v, 0.0, 0.0));
        const auto behind = system.residual(at.moved(-s, v, 0.0, 0.0));
        for (std::size_t i = 0; i < slope.size(); ++i)
          ASSERT_NEAR((ahead[i] - behind[i]) / (2 * s), slope[i], 1e-6 * size);
      }
    }
  }
}
