// Multigrid for several unknowns a node: iterations, symmetry, states on coarse levels.
#include <gtest/gtest.h>

#include "count_allocations.hpp"
#include "multigrid_tools.hpp"
#include "ritz/assembly/system_operator.hpp"
#include "ritz/base/error.hpp"
#include "system_tools.hpp"

namespace ritz::multigrid {
namespace {

using test::Texts;
using test::world;
using Kind = physics::SystemForm::Boundary::Kind;

/// Elasticity with E = 1, clamped on the left, rollers at the bottom, weight.
physics::SystemForm elasticity(const mesh::Mesh& mesh, double nu) {
  const int dim = mesh.dimension();
  const Texts all{"ux", "uy", "uz"}, axes{"x", "y", "z"};
  const Texts unknowns(all.begin(), all.begin() + dim);
  const std::string lambda = std::to_string(nu / ((1 + nu) * (1 - 2 * nu))),
                    mu = std::to_string(0.5 / (1 + nu));
  const auto slope = [&](int d, int i) {
    return "d" + axes[static_cast<std::size_t>(d)] + "(" + all[static_cast<std::size_t>(i)] + ")";
  };
  std::string divergence = slope(0, 0);
  for (int d = 1; d < dim; ++d) divergence += " + " + slope(d, d);
  Texts f0, f1;
  for (int i = 0; i < dim; ++i) {
    f0.emplace_back(i == 0 ? "0" : "1");
    for (int d = 0; d < dim; ++d) {
      f1.push_back(mu + "*(" + slope(d, i) + " + " + slope(i, d) + ")" +
                   (i == d ? " + " + lambda + "*(" + divergence + ")" : ""));
    }
  }
  physics::SystemForm form = test::system_form(dim, unknowns, f0, f1);
  for (int i = 0; i < dim; ++i) test::add_boundary(form, mesh, Kind::value, {"left"}, i, "0");
  test::add_boundary(form, mesh, Kind::value, {"bottom"}, 1, "0");
  return form;
}

struct Solved {
  int n_iterations = 0;
  double residual = 0;
  double asymmetry = 0;
};

/// J d = -F(0) by flexible cg with a cycle of the state `u`, from zero.
Solved solve(const mesh::Hierarchy& hierarchy, int degree, const physics::SystemForm& form,
             const Options& options, const std::vector<double>& u = {}) {
  const mesh::Mesh& mesh = hierarchy.finest();
  const fem::Space space(mesh, degree);
  const assembly::SystemAssembler assembler(mesh, space, form);
  std::vector<double> state = u;
  state.resize(assembler.is_fixed().size(), 0.0);
  static_cast<void>(assembler.fixed_values(0.0, state));
  const auto n = static_cast<LocalId>(space.n_owned * form.n_unknowns());
  const auto vector = [n](const char* name) { return la::make_vector(name, n); };
  const la::Vector r = vector("r"), z = vector("z"), p = vector("p"), q = vector("q"),
                   x = vector("x"), b = vector("b"), old = vector("old");
  EXPECT_LT(assembler.residual({0.0, state}, b).bad_cell, 0);
  assembly::SystemOperator<double> op(mesh, space, form, assembler.is_fixed());
  EXPECT_LT(op.update({0.0, state}, 0, 0).bad_cell, 0);
  const auto cycle = make(hierarchy, space, form, {{0.0, state}, 0, 0}, options, {});
  Solved result;
  // Symmetric: (M^-1 b, v) = (b, M^-1 v).
  for (LocalId i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto gid = static_cast<std::uint64_t>(
        space.dof_gid[at / static_cast<std::size_t>(form.n_unknowns())] * form.n_unknowns() +
        i % form.n_unknowns());
    p(at) = assembler.is_fixed()[at] != 0 ? 0.0 : 2 * test::unit(gid) - 1;
  }
  cycle->apply(b, z);
  cycle->apply(p, q);
  const double one = la::dot(world(), p, z), other = la::dot(world(), b, q);
  result.asymmetry = std::abs(one - other) / (la::norm2(world(), p) * la::norm2(world(), z));
  la::fill(p, 0.0);
  la::copy(b, r);
  const double norm_b = la::norm2(world(), b);
  double rho = 0;
  long allocations = 0;
  while (la::norm2(world(), r) > 1e-8 * norm_b && result.n_iterations < 100) {
    const long before = test::n_allocations;
    cycle->apply(r, z);
    if (result.n_iterations > 0) allocations += test::n_allocations - before;
    const double next = la::dot(world(), r, z);
    const double beta = result.n_iterations == 0 ? 0.0 : (next - la::dot(world(), old, z)) / rho;
    rho = next;
    la::axpby(1.0, z, beta, p);
    op.apply(p, q);
    const double alpha = rho / la::dot(world(), p, q);
    la::copy(r, old);
    la::axpby(alpha, p, 1.0, x);
    la::axpby(-alpha, q, 1.0, r);
    ++result.n_iterations;
  }
  EXPECT_EQ(allocations, 0);
  op.apply(x, q);
  la::axpby(1.0, b, -1.0, q);
  result.residual = la::norm2(world(), q) / norm_b;
  EXPECT_LT(result.residual, 1.01e-8);
  return result;
}

mesh::Hierarchy cube(mesh::CellType type, GlobalId n, double distortion = 0) {
  mesh::Box box = test::cube(type, n);
  if (distortion > 0) {
    box.distortion = mesh::Box::Distortion::smooth;
    box.distortion_amount = distortion;
  }
  int levels = 0;
  for (GlobalId cells = n; cells > 4 && cells % 2 == 0; cells /= 2) ++levels;
  mesh::Hierarchy hierarchy = test::box_hierarchy(box, levels);
  mesh::inherit_sets(hierarchy);
  return hierarchy;
}

int iterations(const mesh::Hierarchy& hierarchy, int degree, double nu,
               const Options& options = {}) {
  const Solved solved = solve(hierarchy, degree, elasticity(hierarchy.finest(), nu), options);
  // Single precision: the cycle is symmetric as far as its sums are exact.
  const bool single = options.precision == Options::Precision::single_precision;
  EXPECT_LT(solved.asymmetry, single ? 1e-5 : 1e-13) << "degree " << degree;
  return solved.n_iterations;
}

// Iterations to 1e-8 with the defaults (fourth kind, degree 3), one column a degree 1..4; the
// bounds are the counts when this was written. Flat in h.
TEST(SystemIterations, ElasticCube) {
  const std::array<int, 4> most{8, 9, 15, 11};
  for (int degree = 1; degree <= 4; ++degree) {
    for (const GlobalId n : {4, 8, 16}) {
      if (n * degree > 24) continue;  // for time
      EXPECT_LE(iterations(cube(mesh::CellType::hex, n), degree, 0.3),
                most[static_cast<std::size_t>(degree - 1)])
          << "degree " << degree << ", " << n << " cells a side";
    }
  }
}

TEST(SystemIterations, ElasticSquare) {
  const std::array<int, 4> most{8, 8, 12, 9};
  for (int degree = 1; degree <= 4; ++degree) {
    for (const GlobalId n : {8, 16, 32}) {
      EXPECT_LE(iterations(cube(mesh::CellType::quad, n), degree, 0.3),
                most[static_cast<std::size_t>(degree - 1)])
          << "degree " << degree << ", " << n << " cells a side";
    }
  }
}

// Towards nu = 1/2 the diagonal smooths less and less: more iterations, but it converges.
TEST(SystemIterations, NearlyIncompressible) {
  const std::array<double, 3> ratios{0.4, 0.45, 0.49};
  const std::array<std::array<int, 4>, 3> most{
      {{10, 14, 22, 17}, {14, 21, 32, 25}, {31, 47, 76, 59}}};
  const mesh::Hierarchy hierarchy = cube(mesh::CellType::hex, 8);
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    for (const int degree : {1, 2}) {
      EXPECT_LE(iterations(hierarchy, degree, ratios[i]),
                most[i][static_cast<std::size_t>(degree - 1)])
          << "nu " << ratios[i] << ", degree " << degree;
    }
  }
}

TEST(SystemIterations, DeformedMeshAndDoublePrecision) {
  const std::array<int, 4> most{8, 11, 19, 15};
  for (int degree = 1; degree <= 4; ++degree) {
    const mesh::Hierarchy hierarchy = cube(mesh::CellType::hex, degree < 3 ? 8 : 4, 0.1);
    EXPECT_LE(iterations(hierarchy, degree, 0.3), most[static_cast<std::size_t>(degree - 1)])
        << "degree " << degree;
  }
  Options options;
  options.precision = Options::Precision::double_precision;
  EXPECT_LE(iterations(cube(mesh::CellType::hex, 4), 2, 0.3, options), 9);
}

// The gradient of 150 u^2 v^2 + (u - v)^2 / 2: at v = 5 on a part of the domain a reaction of 7500
// in u, which coarse levels must have as well.
TEST(SystemIterations, CoarseLevelsHaveTheState) {
  const mesh::Hierarchy hierarchy = cube(mesh::CellType::quad, 16);
  const mesh::Mesh& mesh = hierarchy.finest();
  physics::SystemForm form =
      test::system_form(2, {"u", "v"}, {"-1 + u - v + 300*u*v^2", "v - u + 300*u^2*v"},
                        {"dx(u)", "dy(u)", "dx(v)", "dy(v)"});
  for (int i = 0; i < 2; ++i) test::add_boundary(form, mesh, Kind::value, {"left"}, i, "0");
  for (const int degree : {1, 2, 4}) {
    const fem::Space space(mesh, degree);
    const std::vector<double> at = fem::node_coordinates(mesh, space);
    std::vector<double> u(static_cast<std::size_t>(space.n_local()) * 2, 0.0);
    for (std::size_t i = 0; i < u.size() / 2; ++i) u[2 * i + 1] = at[3 * i] > 0.4 ? 5.0 : 0.0;
    EXPECT_LE(solve(hierarchy, degree, form, {}, u).n_iterations, 8) << "degree " << degree;
  }
}

TEST(SystemIterations, WhatIsNotPositiveIsTold) {
  const mesh::Hierarchy hierarchy = cube(mesh::CellType::quad, 8);
  const fem::Space space(hierarchy.finest(), 2);
  const physics::SystemForm form = test::system_form(2, {"u"}, {"-1000*u"}, {"dx(u)", "dy(u)"});
  try {
    static_cast<void>(make(hierarchy, space, form, {}, {}, {}));
    FAIL() << "taken";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::not_converged);
  }
}

}  // namespace
}  // namespace ritz::multigrid
