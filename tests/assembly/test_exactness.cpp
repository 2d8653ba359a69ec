// Polynomials solve their own equation: A u - b = 0 row by row.
#include <gtest/gtest.h>

#include "form_tools.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::System;

namespace {

constexpr double eps = 2.220446049250313e-16;

class OnEachCell : public ::testing::TestWithParam<CellType> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  CellType type = GetParam();
  int dim = mesh::table(GetParam()).dimension;
};
INSTANTIATE_TEST_SUITE_P(Cells, OnEachCell, ::testing::ValuesIn(test::all_cell_types()),
                         [](const auto& cell) { return test::name_of(cell.param); });

/// A full constant tensor, not symmetric.
std::vector<double> tensor(int dim) {
  std::vector<double> k(static_cast<std::size_t>(dim * dim));
  for (int i = 0; i < dim; ++i) {
    for (int j = 0; j < dim; ++j)
      k[static_cast<std::size_t>(i * dim + j)] = i == j ? 2.0 + i : 0.2 * (i + 1) - 0.1 * j;
  }
  return k;
}

physics::Form full_form(int dim) {
  physics::Form form = test::diffusion_form(dim, test::number(1));
  physics::RegionForm& region = form.regions[0];
  region.diffusion_kind = physics::DiffusionKind::tensor;
  region.diffusion.clear();
  for (const double k : tensor(dim)) region.diffusion.push_back(test::number(k));
  for (int i = 0; i < dim; ++i) region.advection.push_back(test::number(0.5 - i));
  region.has_reaction = region.has_source = true;
  region.reaction = test::number(0.75);
  return form;
}

}  // namespace

// u linear on distorted and curved cells: the patch test. The source b.grad u + r u is evaluated at
// the same points as the matrix, so only the flux K grad u . grad phi_i, constant times the
// integral of grad phi_i, must be integrated exactly.
TEST_P(OnEachCell, PatchTest) {
  const std::array<double, 3> slope{1.5, dim > 1 ? -0.5 : 0.0, dim > 2 ? 2.0 : 0.0};
  physics::Form form = full_form(dim);
  double advected = 0;
  for (int i = 0; i < dim; ++i) advected += (0.5 - i) * slope[static_cast<std::size_t>(i)];
  form.regions[0].source =
      test::formula(std::to_string(advected) + " + 0.75*(0.25 + 1.5*x" +
                    (dim > 1 ? " - 0.5*y" : "") + (dim > 2 ? " + 2*z" : "") + ")");
  for (const bool curved : {false, true}) {
    test::Setup setup;
    setup.type = type;
    setup.cells = {dim == 1 ? 9 : 4, 3, 3};
    setup.how = test::Spread::scattered;
    setup.curved = curved;
    const mesh::Mesh mesh = test::make_mesh(world, setup);
    // Linear functions of space are in the space only if the element has the geometry's degree.
    const int highest = dim == 3 && world.size() > 1 ? std::min(4, test::highest_degree(type))
                                                     : test::highest_degree(type);
    for (int k = curved ? 2 : 1; k <= highest; ++k) {
      SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(k) +
                   (curved ? " curved" : ""));
      const fem::Space space(mesh, k);
      const System system(mesh, space, form);
      const auto u = test::interpolate(mesh, space, [&](const Point& x) {
        return 0.25 + slope[0] * x[0] + slope[1] * x[1] + slope[2] * x[2];
      });
      const auto r = system.residual(u);
      const auto inner = test::inner_dofs(mesh, space);
      double worst = 0;
      int n_inner = 0;
      for (std::size_t i = 0; i < r.size(); ++i) {
        if (!inner[i]) continue;
        worst = std::max(worst, std::abs(r[i]));
        ++n_inner;
      }
      EXPECT_LE(world.max(worst), 2000 * eps * system.norm());
      EXPECT_GT(world.sum(n_inner), 0);
    }
  }
}

// u of degree k on affine cells with its Robin data on every side: every row is satisfied exactly.
// -div(K grad u) + b . grad u + r u = f,  K grad u . n = h (a - u)  with  a = u + K grad u . n / h.
TEST_P(OnEachCell, PolynomialsOfTheElementsDegree) {
  expr::Symbols symbols;
  symbols.variables = {"x", "y", "z", "t"};
  const char* variables[] = {"x", "y", "z"};
  const auto k_matrix = tensor(dim);
  for (int k = 1; k <= test::highest_degree(type); ++k) {
    SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(k));
    test::Setup setup;
    setup.type = type;
    setup.cells = {3, 2, 2};
    setup.seed = 11;
    setup.how = test::Spread::scattered;
    setup.distortion = 0.0;
    const mesh::Mesh mesh = test::make_mesh(world, setup);
    const std::string power = std::to_string(k);
    std::string text = "x^" + power + " - 0.5*x + 1";
    if (dim > 1) text += " + 0.7*y^" + power + (k > 1 ? " + x*y^" + std::to_string(k - 1) : "");
    if (dim > 2) text += " - 0.3*z^" + power + (k > 1 ? " - z*x^" + std::to_string(k - 1) : "");
    const auto u = expr::Expression::parse(text, symbols);
    std::vector<expr::Expression> gradient;
    for (int i = 0; i < dim; ++i) gradient.push_back(u.derivative(variables[i]));
    std::string source = "0.75*(" + u.text() + ")";
    for (int i = 0; i < dim; ++i) {
      source += " + (" + std::to_string(0.5 - i) + ")*(" +
                gradient[static_cast<std::size_t>(i)].text() + ")";
      for (int j = 0; j < dim; ++j) {
        source += " - (" + std::to_string(k_matrix[static_cast<std::size_t>(i * dim + j)]) + ")*(" +
                  gradient[static_cast<std::size_t>(j)].derivative(variables[i]).text() + ")";
      }
    }
    physics::Form form = full_form(dim);
    form.regions[0].source = test::formula(source);
    for (int side = 0; side < 2 * dim; ++side) {
      auto robin = test::boundary(mesh, physics::BoundaryForm::Kind::robin,
                                  {test::side_name(dim, side / 2, side % 2 == 1)});
      const int axis = side / 2;
      std::string flux;
      for (int j = 0; j < dim; ++j) {
        flux += (j > 0 ? " + (" : "(") +
                std::to_string(k_matrix[static_cast<std::size_t>(axis * dim + j)]) + ")*(" +
                gradient[static_cast<std::size_t>(j)].text() + ")";
      }
      robin.coefficient = test::number(1.5 + side);
      robin.ambient = test::formula(u.text() + (side % 2 == 0 ? " - (" : " + (") + flux + ")/" +
                                    std::to_string(1.5 + side));
      // Half of the sides as a plain flux plus nothing else.
      if (side % 3 == 1) {
        robin.kind = physics::BoundaryForm::Kind::flux;
        robin.value = test::formula(std::string(side % 2 == 0 ? "-(" : "(") + flux + ")");
      }
      form.boundaries.push_back(robin);
    }
    const fem::Space space(mesh, k);
    const System system(mesh, space, form);
    const auto values = test::interpolate(mesh, space, [&](const Point& x) {
      return u.evaluate(std::vector<double>{x[0], x[1], x[2], 0.0});
    });
    EXPECT_LE(test::largest(world, system.residual(values)), 5000 * eps * system.norm());
    EXPECT_GT(test::largest(world, system.load), 1e-3);
  }
}
