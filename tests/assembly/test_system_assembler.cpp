// Residuals and Jacobians of block systems against the scalar assembler, finite differences and
// identities.
#include <fenv.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "count_allocations.hpp"
#include "ritz/assembly/integrate.hpp"
#include "ritz/base/error.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/mesh/geometry.hpp"
#include "system_tools.hpp"

using namespace ritz;
using mesh::CellType;
using test::Arrays;
using test::BlockSystem;
using test::Kind;
using test::Point;
using test::SystemKernel;
using test::Texts;

namespace {

constexpr double eps = 2.220446049250313e-16;

class OnEachCell : public ::testing::TestWithParam<CellType> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  CellType type = GetParam();
  int dim = mesh::table(GetParam()).dimension;
  bool is_simplex = !mesh::is_tensor(GetParam());

  mesh::Mesh make(bool curved, test::Spread how = test::Spread::scattered) {
    test::Setup setup;
    setup.type = type;
    setup.cells = {dim == 1 ? 7 : 3, 2, 2};
    setup.how = how;
    setup.curved = curved;
    return test::make_mesh(world, setup);
  }
  std::string f(const std::string& text_2d, const std::string& text_1d) const {
    return dim > 1 ? text_2d : text_1d;
  }
};
INSTANTIATE_TEST_SUITE_P(Cells, OnEachCell, ::testing::ValuesIn(test::all_cell_types()),
                         [](const auto& cell) { return test::name_of(cell.param); });

const Texts axes{"x", "y", "z"};

/// Isotropic elasticity with numbers, or with a stiffness that varies.
physics::SystemForm elasticity(int dim, bool varying) {
  const Texts u{"ux", "uy", "uz"};
  const std::string lambda = varying ? "(1.3 + x)" : "1.3", mu = varying ? "(0.7 + x*y)" : "0.7";
  Texts f0, f1, unknowns;
  std::string divergence = "dx(ux)";
  if (dim > 1) divergence += " + dy(uy)";
  if (dim > 2) divergence += " + dz(uz)";
  for (std::size_t i = 0; i < static_cast<std::size_t>(dim); ++i) {
    unknowns.push_back(u[i]);
    f0.emplace_back("0");
    for (std::size_t d = 0; d < static_cast<std::size_t>(dim); ++d) {
      std::string stress =
          mu + "*(d" + axes[d] + "(" + u[i] + ") + d" + axes[i] + "(" + u[d] + "))";
      if (i == d) stress += " + " + lambda + "*(" + divergence + ")";
      f1.push_back(stress);
    }
  }
  return test::system_form(dim, unknowns, f0, f1);
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

}  // namespace

// The same problem as a Form and as a SystemForm: diffusion tensor, advection, reaction, source,
// flux and Robin boundaries.
TEST_P(OnEachCell, OneLinearUnknownIsTheScalarMatrix) {
  for (const bool curved : {false, true}) {
    for (const int k : {1, 2, 3}) {
      const mesh::Mesh mesh = make(curved);
      const fem::Space space(mesh, k);
      for (const bool varying : {false, true}) {
        physics::Form scalar = test::diffusion_form(dim, test::number(1.0));
        physics::RegionForm& region = scalar.regions[0];
        region.diffusion_kind = physics::DiffusionKind::tensor;
        region.diffusion.clear();
        Texts f1;
        std::string f0 = varying ? "(1 + x^2)*u - cos(x*y)" : "0.7*u - 0.3";
        for (int i = 0; i < dim; ++i) {
          std::string flux;
          for (int j = 0; j < dim; ++j) {
            std::string entry = std::to_string(i == j ? 2.0 + i : 0.25 * (1 + i - j));
            if (varying) entry = "(" + entry + "*(1 + 0.3*x + t))";
            region.diffusion.push_back(varying ? test::formula(entry)
                                               : test::number(std::stod(entry)));
            flux +=
                (j == 0 ? "" : " + ") + entry + "*d" + axes[static_cast<std::size_t>(j)] + "(u)";
          }
          f1.push_back(flux);
          const std::string speed = std::to_string(0.5 + i);
          region.advection.push_back(test::number(0.5 + i));
          f0 += " + " + speed + "*d" + axes[static_cast<std::size_t>(i)] + "(u)";
        }
        region.has_reaction = region.has_source = true;
        region.reaction = varying ? test::formula("1 + x^2") : test::number(0.7);
        region.source = varying ? test::formula("cos(x*y)") : test::number(0.3);
        physics::SystemForm form = test::system_form(dim, {"u"}, {f0}, f1);
        auto robin = test::boundary(mesh, physics::BoundaryForm::Kind::robin, {"right"});
        robin.coefficient = test::formula("2 + y");
        robin.ambient = test::formula("x*t");
        scalar.boundaries.push_back(robin);
        test::add_boundary(form, mesh, Kind::natural, {"right"}, 0, "(2 + y)*(u - x*t)");
        auto flux = test::boundary(mesh, physics::BoundaryForm::Kind::flux, {"left"});
        flux.value = test::formula("1 + y*z");
        scalar.boundaries.push_back(flux);
        test::add_boundary(form, mesh, Kind::natural, {"left"}, 0, "-1 - y*z");

        const test::System reference(mesh, space, scalar, test::no_constraints(space), {}, 0.3);
        for (const auto kernel : {SystemKernel::automatic, SystemKernel::cells_in_lanes,
                                  SystemKernel::rows_in_lanes, SystemKernel::closed_form}) {
          SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(k) +
                       (curved ? " curved" : "") + (varying ? " varying" : "") + " kernel " +
                       std::to_string(static_cast<int>(kernel)));
          test::SystemAssembler::Options options;
          options.kernel = kernel;
          // Assembler has a point or two less on simplices.
          if (is_simplex) options.quadrature_degree = 2 * k + (curved ? 1 : 0);
          const bool fits = k == 1 && !curved && !varying && (is_simplex || dim == 1);
          if (kernel == SystemKernel::closed_form && !fits) {
            EXPECT_THROW(BlockSystem(mesh, space, form, options), base::Error);
            continue;
          }
          BlockSystem system(mesh, space, form, options);
          Arrays at = test::random_arrays(space, 1);
          const auto entries = system.jacobian(at);
          ASSERT_LT(system.result.bad_cell, 0) << system.result.text();
          ASSERT_EQ(system.columns, reference.columns);
          const double size = reference.norm();
          for (std::size_t i = 0; i < entries.size(); ++i)
            ASSERT_NEAR(entries[i], reference.entries[i], 1e-13 * size);
          const auto r = system.residual(at), expected = reference.residual(at.u);
          const double load = test::largest(world, reference.load);
          for (std::size_t i = 0; i < r.size(); ++i)
            ASSERT_NEAR(r[i], expected[i], 1e-13 * (size + load));
          EXPECT_EQ(system.assembler.has_constant_jacobian(), !varying);
        }
      }
    }
  }
}

// Directional derivatives: J v against central differences, and the remainder of the Taylor
// polynomial, which is of second order only if J is exact.
TEST_P(OnEachCell, JacobianIsTheDerivativeOfTheResidual) {
  constexpr double rate_shift = 1.7, second_shift = -0.6;
  for (const bool curved : {false, true}) {
    for (const int k : {1, 2}) {
      mesh::Mesh mesh = make(curved);
      test::cut_in_two(mesh);
      const fem::Space space(mesh, k);
      const physics::SystemForm form = test::nasty_form(mesh, 2);
      for (const auto kernel :
           {SystemKernel::automatic, SystemKernel::cells_in_lanes, SystemKernel::rows_in_lanes}) {
        SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(k) +
                     (curved ? " curved" : ""));
        test::SystemAssembler::Options options;
        options.kernel = kernel;
        BlockSystem system(mesh, space, form, options);
        EXPECT_FALSE(system.assembler.traits().is_linear);
        EXPECT_EQ(system.assembler.traits().time_order, 2);
        const Arrays at = test::random_arrays(space, 2);
        const auto v = test::random_state(space, 2, 9);
        const auto f = system.residual(at);
        const auto slope = system.multiply(system.jacobian(at, rate_shift, second_shift), v);
        ASSERT_LT(system.result.bad_cell, 0) << system.result.text();
        const double size = test::largest(world, slope);
        ASSERT_GT(size, 0.1);
        // Central differences: error s^2 / 6 f''' + eps / s.
        constexpr double s = 1e-4;
        const auto ahead = system.residual(at.moved(s, v, rate_shift, second_shift));
        const auto behind = system.residual(at.moved(-s, v, rate_shift, second_shift));
        for (std::size_t i = 0; i < f.size(); ++i)
          ASSERT_NEAR((ahead[i] - behind[i]) / (2 * s), slope[i], 1e-6 * size);
        const auto remainder = [&](double step) {
          auto moved = system.residual(at.moved(step, v, rate_shift, second_shift));
          for (std::size_t i = 0; i < f.size(); ++i) moved[i] -= f[i] + step * slope[i];
          return test::largest(world, moved);
        };
        // With steps this small the third-order part is a few percent of the second-order one.
        const double coarse = remainder(4e-3), fine = remainder(2e-3);
        EXPECT_GT(fine, 1e-9 * size);
        EXPECT_NEAR(coarse / fine, 4.0, 0.25);
        // Both at once: the same numbers.
        const auto [r, entries] = system.both(at, rate_shift, second_shift);
        EXPECT_TRUE(same_bits(r, f));
        EXPECT_TRUE(same_bits(entries, system.jacobian(at, rate_shift, second_shift)));
        // Empty rates are zeros.
        Arrays still = at;
        still.rate.assign(at.u.size(), 0.0);
        still.second.assign(at.u.size(), 0.0);
        const auto with_zeros = system.residual(still);
        still.rate.clear();
        still.second.clear();
        EXPECT_TRUE(same_bits(system.residual(still), with_zeros));
      }
    }
  }
}

// Integrals of the metric's entries against those of Jacobians inverted here, and its meaning:
// edges of straight simplices have length 2 in it, whatever the order of their vertices.
TEST_P(OnEachCell, MetricOfTheCells) {
  for (const bool curved : {false, true}) {
    const mesh::Mesh mesh = make(curved);
    const fem::Space space(mesh, 2);
    const auto n = static_cast<std::size_t>(dim);
    const fem::Quadrature rule = fem::quadrature(type, 6);
    const auto metric_at = [&](LocalId cell, const Point& at, double& det) {
      std::vector<double> j(n * n);
      static_cast<void>(mesh::map_to_physical(mesh, cell, at, j));
      std::array<double, 9> inverse{};
      if (dim == 1) {
        det = j[0];
        inverse[0] = 1 / j[0];
      } else if (dim == 2) {
        det = j[0] * j[3] - j[1] * j[2];
        inverse = {j[3] / det, -j[1] / det, -j[2] / det, j[0] / det};
      } else {
        const auto minor = [&](std::size_t r, std::size_t c) {
          const std::size_t a = (r + 1) % 3, b = (r + 2) % 3, e = (c + 1) % 3, f = (c + 2) % 3;
          return j[a * 3 + e] * j[b * 3 + f] - j[a * 3 + f] * j[b * 3 + e];
        };
        det = j[0] * minor(0, 0) + j[1] * minor(0, 1) + j[2] * minor(0, 2);
        for (std::size_t r = 0; r < 3; ++r) {
          for (std::size_t c = 0; c < 3; ++c) inverse[c * 3 + r] = minor(r, c) / det;
        }
      }
      std::array<double, 9> g{};
      for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
          for (std::size_t e = 0; e < n; ++e) {
            for (std::size_t f = 0; f < n; ++f) {
              const double factor = e == f ? 4.0 : (is_simplex ? 2.0 : 0.0);
              g[a * n + b] += factor * inverse[e * n + a] * inverse[f * n + b];
            }
          }
        }
      }
      return g;
    };
    if (is_simplex && !curved) {
      const mesh::CellTable& table = mesh::table(type);
      double det = 0;
      for (LocalId c = 0; c < mesh.n_cells(); ++c) {
        const auto g = metric_at(c, {0.2, 0.2, dim > 2 ? 0.2 : 0.0}, det);
        for (int v = 0; v < table.n_vertices; ++v) {
          for (int w = 0; w < v; ++w) {
            const Point p =
                mesh::map_to_physical(mesh, c, table.vertices[static_cast<std::size_t>(v)]);
            const Point q =
                mesh::map_to_physical(mesh, c, table.vertices[static_cast<std::size_t>(w)]);
            double square = 0;
            for (std::size_t a = 0; a < n; ++a) {
              for (std::size_t b = 0; b < n; ++b)
                square += (p[a] - q[a]) * g[a * n + b] * (p[b] - q[b]);
            }
            EXPECT_NEAR(square, 4.0, 1e-11);
          }
        }
      }
    }
    const Texts names = physics::metric_variables(dim);
    ASSERT_EQ(names.size(), n * (n + 1) / 2);
    std::size_t entry = 0;
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = a; b < n; ++b, ++entry) {
        physics::SystemForm form;
        form.dimension = dim;
        form.unknowns = {"u", "v"};
        expr::Symbols symbols{physics::volume_variables(form.unknowns, dim), {}};
        symbols.variables.insert(symbols.variables.end(), names.begin(), names.end());
        physics::SystemForm::Region region;
        region.f0 = {expr::Expression::parse(names[entry], symbols),
                     expr::Expression::parse("0", symbols)};
        region.f1.assign(2 * n, expr::Expression::parse("0", symbols));
        form.regions.push_back(region);
        assembly::SystemAssembler::Options options;
        options.quadrature_degree = 6;
        const assembly::SystemAssembler assembler(mesh, space, form, options);
        const std::vector<double> u(2 * static_cast<std::size_t>(space.n_local()), 0.0);
        const la::Vector r = la::make_vector("r", 2 * space.n_owned);
        ASSERT_LT(assembler.residual({0.0, u}, r).bad_cell, 0);
        double sum = 0, expected = 0;
        for (std::size_t i = 0; i < r.extent(0); ++i) sum += r(i);
        for (LocalId c = 0; c < mesh.n_cells_owned; ++c) {
          for (std::size_t q = 0; q < rule.points.size(); ++q) {
            double det = 0;
            const auto g = metric_at(c, rule.points[q], det);
            expected += rule.weights[q] * std::abs(det) * g[a * n + b];
          }
        }
        sum = world.sum(sum);
        expected = world.sum(expected);
        // Sums of some thousand terms of the size of the entries.
        EXPECT_NEAR(sum, expected, 1e-11 * (1 + std::abs(expected)) * 100) << names[entry];
      }
    }
  }
}

// The sum of all test functions is 1: what the fluxes bring cancels, what the boundaries bring
// stays.
TEST_P(OnEachCell, PureFluxesAreConserved) {
  const mesh::Mesh mesh = make(true);
  const fem::Space space(mesh, 2);
  Texts f1;
  for (int d = 0; d < 2 * dim; ++d)
    f1.push_back("exp(u - v)*d" + axes[static_cast<std::size_t>(d % dim)] + "(u) + x*v");
  physics::SystemForm form = test::system_form(dim, {"u", "v"}, {"0", "0"}, f1);
  test::add_boundary(form, mesh, Kind::natural, {"right"}, 1, "1 + y + u^2");
  test::add_boundary(form, mesh, Kind::natural, {"left", "right"}, 1, "x - 2");
  BlockSystem system(mesh, space, form);
  const Arrays at = test::random_arrays(space, 2);
  const auto r = system.residual(at);
  double sums[2] = {0, 0};
  for (std::size_t i = 0; i < r.size(); ++i) sums[i % 2] += r[i];
  std::vector<double> u;
  for (std::size_t i = 0; i < at.u.size(); i += 2) u.push_back(at.u[i]);
  const auto sets = [&](const Texts& names) {
    return test::boundary(mesh, physics::BoundaryForm::Kind::flux, names).sets;
  };
  const expr::Symbols symbols{{"x", "y", "z", "t", "u"}, {}};
  const auto integral = [&](const Texts& names, const char* text) {
    assembly::Integrand integrand;
    integrand.is_constant = false;
    integrand.program = expr::Expression::parse(text, symbols).compile();
    return assembly::integrate_sets(mesh, space, u, sets(names), integrand);
  };
  // u^2 is of degree 4; the curved facets' |J| is no polynomial: quadrature errors of the two rules
  // differ, in 2 and 3 dimensions only.
  const double expected = integral({"right"}, "1 + y + u^2") + integral({"left", "right"}, "x - 2");
  EXPECT_NEAR(world.sum(sums[0]), 0.0, 1e-12);
  EXPECT_NEAR(world.sum(sums[1]), expected, dim == 1 ? 1e-12 : 1e-3);
  EXPECT_GT(std::abs(expected), 0.05);
}

// The outward unit normal: int n ds over the whole boundary is 0, int x.n ds = d |domain|.
TEST_P(OnEachCell, NormalsPointOutwards) {
  for (const bool curved : {false, true}) {
    const mesh::Mesh mesh = make(curved);
    const fem::Space space(mesh, 1);
    physics::SystemForm form = test::system_form(dim, {"u", "v", "w"}, {"0", "0", "1"},
                                                 Texts(static_cast<std::size_t>(3 * dim), "0"));
    test::add_boundary(form, mesh, Kind::natural, test::all_sides(dim), 0, "x*nx + y*ny + z*nz");
    test::add_boundary(form, mesh, Kind::natural, test::all_sides(dim), 1, "nx + ny + nz");
    BlockSystem system(mesh, space, form);
    const auto r = system.residual(test::random_arrays(space, 3));
    double sums[3] = {0, 0, 0};
    for (std::size_t i = 0; i < r.size(); ++i) sums[i % 3] += r[i];
    for (double& sum : sums) sum = world.sum(sum);
    EXPECT_NEAR(sums[0], dim * sums[2], 1e-12);
    EXPECT_NEAR(sums[1], 0.0, 1e-12);
    EXPECT_GT(sums[2], 0.9);
  }
}

TEST_P(OnEachCell, RigidBodyMotionsAreInTheKernelOfElasticity) {
  if (dim == 1) return;  // a rod's only motion is the constant: next test
  for (const bool varying : {false, true}) {
    for (const bool curved : {false, true}) {
      for (const int k : {1, 2, 3}) {
        if (curved && k == 1)
          continue;  // rotations are linear: in the space if k >= geometry order
        const mesh::Mesh mesh = make(curved);
        const fem::Space space(mesh, k);
        BlockSystem system(mesh, space, elasticity(dim, varying));
        EXPECT_TRUE(system.assembler.traits().is_symmetric);
        EXPECT_TRUE(system.assembler.traits().is_linear);
        EXPECT_EQ(system.assembler.has_constant_jacobian(), !varying);
        const Arrays at = test::random_arrays(space, dim);
        const auto entries = system.jacobian(at);
        const double size = system.norm(entries);
        const auto x = fem::node_coordinates(mesh, space);
        const auto d = static_cast<std::size_t>(dim);
        for (int mode = 0; mode < (dim == 2 ? 3 : 6); ++mode) {
          std::vector<double> v(at.u.size(), 0.0);
          for (std::size_t n = 0; n < v.size() / d; ++n) {
            const double* p = x.data() + 3 * n;
            if (mode < dim) {
              v[n * d + static_cast<std::size_t>(mode)] = 1.0;
            } else {
              const std::size_t a = mode == dim ? 0 : (mode == dim + 1 ? 1 : 2),
                                b = mode == dim ? 1 : (mode == dim + 1 ? 2 : 0);
              v[n * d + a] = -p[b];
              v[n * d + b] = p[a];
            }
          }
          // Coordinates carry the round-off of the geometry map.
          EXPECT_LE(test::largest(world, system.multiply(entries, v)), 100 * eps * size);
        }
      }
    }
  }
}

// A linear displacement has a constant stress: no forces inside, on any mesh.
TEST_P(OnEachCell, PatchTest) {
  for (const bool curved : {false, true}) {
    for (const int k : {1, 2, 3}) {
      if (curved && k == 1) continue;
      const mesh::Mesh mesh = make(curved);
      const fem::Space space(mesh, k);
      physics::SystemForm form = elasticity(dim, false);
      const Texts fields{"0.1 + x - 0.4*y + 0.3*z", "0.7*x + 0.2*y - z", "y - 0.6*x + 0.8*z"};
      for (int i = 0; i < dim; ++i) {
        test::add_boundary(form, mesh, Kind::value, test::all_sides(dim), i,
                           fields[static_cast<std::size_t>(i)]);
      }
      BlockSystem system(mesh, space, form);
      const auto x = fem::node_coordinates(mesh, space);
      Arrays at = test::random_arrays(space, dim);
      const auto d = static_cast<std::size_t>(dim);
      for (std::size_t n = 0; n < at.u.size() / d; ++n) {
        const double* p = x.data() + 3 * n;
        const double exact[3] = {0.1 + p[0] - 0.4 * p[1] + 0.3 * p[2],
                                 0.7 * p[0] + 0.2 * p[1] - p[2], p[1] - 0.6 * p[0] + 0.8 * p[2]};
        for (std::size_t i = 0; i < d; ++i) at.u[n * d + i] = exact[i];
      }
      const std::vector<double> linear = at.u;
      const auto fixed = system.assembler.fixed_values(0.0, at.u);
      EXPECT_EQ(fixed.n_clashes, 0);
      for (std::size_t i = 0; i < linear.size(); ++i) ASSERT_NEAR(at.u[i], linear[i], 1e-13);
      const auto r = system.residual(at);
      const double size = system.norm(system.jacobian(at));
      EXPECT_LE(test::largest(world, r), 100 * eps * size);
      for (std::size_t i = 0; i < r.size(); ++i) {
        if (system.assembler.is_fixed()[i] != 0) {
          ASSERT_EQ(r[i], 0.0);
        }
      }
    }
  }
}

TEST_P(OnEachCell, PrescribedRowsAndColumns) {
  for (const bool linear : {false, true}) {
    for (const auto kernel :
         {SystemKernel::automatic, SystemKernel::cells_in_lanes, SystemKernel::rows_in_lanes}) {
      const mesh::Mesh mesh = make(false);
      const fem::Space space(mesh, linear ? 1 : 2);
      physics::SystemForm form = test::nasty_form(mesh);
      if (linear) {
        Texts f1;
        for (int c = 0; c < 2 * dim; ++c)
          f1.push_back("2*dx(u) - dx(v) + 3*u + d" + axes[static_cast<std::size_t>(c % dim)] +
                       "(v)");
        form = test::system_form(dim, {"u", "v"}, {"u - v + dx(v)", "2*v + 3*u"}, f1);
        test::add_boundary(form, mesh, Kind::natural, {"right", "left"}, 0, "2*u - v");
      }
      test::SystemAssembler::Options options;
      options.kernel = kernel;
      BlockSystem free(mesh, space, form, options);
      test::add_boundary(form, mesh, Kind::value, {"left"}, 1, "1 + y*t");
      BlockSystem system(mesh, space, form, options);
      Arrays at = test::random_arrays(space, 2);
      const auto fixed = system.assembler.fixed_values(0.3, at.u);
      const auto whole = free.jacobian(at, 0.5, 0.25), whole_r = free.residual(at);
      const auto entries = system.jacobian(at, 0.5, 0.25), r = system.residual(at);
      ASSERT_EQ(system.columns, free.columns);
      const auto& is_fixed = system.assembler.is_fixed();
      const auto x = fem::node_coordinates(mesh, space);
      GlobalId n_fixed = 0;
      for (std::size_t i = 0; i < is_fixed.size(); ++i) {
        const bool expected = i % 2 == 1 && std::abs(x[3 * (i / 2)]) < 1e-12;
        ASSERT_EQ(is_fixed[i] != 0, expected);
        if (expected) {
          ASSERT_NEAR(at.u[i], 1 + 0.3 * x[3 * (i / 2) + 1], 1e-14);
        }
        if (i < r.size()) n_fixed += expected ? 1 : 0;
      }
      EXPECT_EQ(fixed.n_fixed, world.sum(n_fixed));
      for (std::size_t i = 0; i < r.size(); ++i) {
        ASSERT_EQ(r[i], is_fixed[i] != 0 ? 0.0 : whole_r[i]);
        for (std::size_t e = system.offsets[i]; e < system.offsets[i + 1]; ++e) {
          const auto j = static_cast<std::size_t>(system.columns[e]);
          const double expected =
              is_fixed[i] != 0 || is_fixed[j] != 0 ? (i == j ? 1.0 : 0.0) : whole[e];
          ASSERT_EQ(entries[e], expected);
        }
      }
    }
  }
}

// Numbers only, every kind of entry, 1 to 4 unknowns: the closed form against the quadrature.
TEST_P(OnEachCell, ClosedFormAgreesWithQuadrature) {
  if (!is_simplex && dim > 1) return;
  const Texts names{"u", "v", "w", "q"};
  for (std::size_t m = 1; m <= 4; ++m) {
    for (const bool gradients : {false, true}) {
      mesh::Mesh mesh = make(false);
      test::cut_in_two(mesh);
      const fem::Space space(mesh, 1);
      const Texts unknowns(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(m));
      physics::SystemForm form;
      form.dimension = dim;
      form.unknowns = unknowns;
      std::uint64_t seed = 0;
      for (int region = 0; region < 2; ++region) {
        Texts f0(m), f1(m * static_cast<std::size_t>(dim));
        const auto random_sum = [&] {
          std::string sum = "1";
          for (const auto& u : unknowns) {
            sum += " + " + std::to_string(test::unit(++seed)) + "*" + u;
            if (!gradients) continue;
            for (std::size_t d = 0; d < static_cast<std::size_t>(dim); ++d)
              sum += " - " + std::to_string(test::unit(++seed)) + "*d" + axes[d] + "(" + u + ")";
            sum += " + 0.3*dt(" + u + ") - 0.2*dtt(" + u + ")";
          }
          return sum;
        };
        for (auto& text : f0) text = random_sum();
        for (auto& text : f1) text = gradients ? random_sum() : "0";
        form.regions.push_back(test::region_of(unknowns, dim, f0, f1));
      }
      test::SystemAssembler::Options options;
      options.kernel = SystemKernel::closed_form;
      BlockSystem closed(mesh, space, form, options);
      options.kernel = SystemKernel::cells_in_lanes;
      BlockSystem plain(mesh, space, form, options);
      const Arrays at = test::random_arrays(space, static_cast<int>(m));
      const auto a = closed.jacobian(at, 2.0, 3.0), b = plain.jacobian(at, 2.0, 3.0);
      const double size = plain.norm(b);
      ASSERT_GT(size, 0.0);
      for (std::size_t e = 0; e < a.size(); ++e) ASSERT_NEAR(a[e], b[e], 100 * eps * size);
    }
  }
}

TEST_P(OnEachCell, LumpedMass) {
  for (const bool curved : {false, true}) {
    for (const int k : {1, 2, 3}) {
      const mesh::Mesh mesh = make(curved);
      const fem::Space space(mesh, k);
      physics::SystemForm form = test::system_form(
          dim, {"u", "v"}, {"dt(u) + u^2 + 3*dt(v)", "(1 + x)*dtt(v) + 0.5*dt(v)^2 + 2*dt(u)"},
          Texts(static_cast<std::size_t>(2 * dim), "0"));
      test::add_boundary(form, mesh, Kind::value, {"left"}, 0, "0");
      test::add_boundary(form, mesh, Kind::natural, {"right"}, 0, "u^2");
      BlockSystem system(mesh, space, form);
      Arrays at = test::random_arrays(space, 2);
      const auto first = system.lumped(at, 1), second = system.lumped(at, 2);
      physics::SystemForm volume_form = test::system_form(
          dim, {"u", "v"}, {"1", "1 + x"}, Texts(static_cast<std::size_t>(2 * dim), "0"));
      BlockSystem volume_system(mesh, space, volume_form);
      const auto volumes = volume_system.residual(at);
      double sums[4] = {0, 0, 0, 0};
      for (std::size_t i = 0; i < first.size(); i += 2) {
        sums[0] += first[i];
        sums[1] += volumes[i];
        sums[2] += second[i + 1];
        sums[3] += volumes[i + 1];
        EXPECT_EQ(second[i], 0.0);
      }
      for (double& sum : sums) sum = world.sum(sum);
      // Gauss-Lobatto is exact to 2k-1: |J| of a multilinear map in d dimensions has degree d-1 in
      // each... direction at most 1 for d = 2 and 2 for d = 3.
      const bool exact = is_simplex || (!curved && (dim < 3 || k > 1));
      if (exact) {
        EXPECT_NEAR(sums[0], sums[1], 1e-13);
      }
      EXPECT_NEAR(sums[0], sums[1], 0.05);
      EXPECT_NEAR(sums[2], sums[3], exact && k > 1 ? 1e-13 : 0.1);
      // d f0_v / d v' = v', at the nodes themselves on tensor cells.
      if (!is_simplex) {
        for (std::size_t i = 0; i < first.size(); i += 2)
          ASSERT_NEAR(first[i + 1], at.rate[i + 1] * first[i], 1e-14);
      } else {
        // Row sums of the consistent matrix.
        BlockSystem free(mesh, space,
                         test::system_form(dim, {"u", "v"}, {"dt(u)", "0.5*dt(v)^2"},
                                           Texts(static_cast<std::size_t>(2 * dim), "0")));
        const auto consistent =
            free.multiply(free.jacobian(at, 1.0, 0.0), std::vector<double>(at.u.size(), 1.0));
        for (std::size_t i = 0; i < first.size(); ++i) ASSERT_NEAR(first[i], consistent[i], 1e-14);
      }
    }
  }
}

TEST_P(OnEachCell, PatternAndLayout) {
  const mesh::Mesh mesh = make(false);
  const fem::Space space(mesh, 2);
  BlockSystem system(mesh, space, test::nasty_form(mesh));
  const la::Layout layout = system.assembler.layout();
  EXPECT_EQ(layout.n_owned, 2 * space.n_owned);
  EXPECT_EQ(layout.first, 2 * space.first);
  EXPECT_EQ(layout.n_global, 2 * space.n_global);
  ASSERT_EQ(layout.n_local(), 2 * space.n_local());
  for (std::size_t g = 0; g < layout.ghost_ids.size(); ++g) {
    EXPECT_EQ(layout.ghost_ids[g], 2 * space.ghost_solver_id[g / 2] + static_cast<int>(g % 2));
    EXPECT_EQ(layout.ghost_owners[g], space.ghost_owner[g / 2]);
  }
  ASSERT_EQ(system.offsets.size(), static_cast<std::size_t>(layout.n_owned) + 1);
  for (std::size_t i = 0; i + 1 < system.offsets.size(); ++i) {
    bool diagonal = false;
    for (std::size_t e = system.offsets[i]; e < system.offsets[i + 1]; ++e) {
      diagonal = diagonal || system.columns[e] == static_cast<LocalId>(i);
      ASSERT_TRUE(e == system.offsets[i] || system.columns[e - 1] < system.columns[e]);
      ASSERT_LT(system.columns[e], layout.n_local());
    }
    ASSERT_TRUE(diagonal);
  }
  EXPECT_GT(world.sum(system.assembler.bytes()), 0U);
}

// High degrees, where matrices are computed with rows in the lanes, and rows of 16-bit slots.
TEST(HighDegrees, TaylorRemainder) {
  const auto world = comm::Communicator::world();
  for (const auto& [type, k] :
       {std::pair{CellType::quad, 8}, std::pair{CellType::hex, 4}, std::pair{CellType::tet, 3}}) {
    test::Setup setup;
    setup.type = type;
    setup.cells = {2, 1, 1};
    const mesh::Mesh mesh = test::make_mesh(world, setup);
    const fem::Space space(mesh, k);
    BlockSystem system(mesh, space, test::nasty_form(mesh));
    const Arrays at = test::random_arrays(space, 2);
    const auto v = test::random_state(space, 2, 9);
    const auto f = system.residual(at);
    const auto slope = system.multiply(system.jacobian(at, 1.7, -0.6), v);
    ASSERT_LT(system.result.bad_cell, 0) << system.result.text();
    const auto remainder = [&](double step) {
      auto moved = system.residual(at.moved(step, v, 1.7, -0.6));
      for (std::size_t i = 0; i < f.size(); ++i) moved[i] -= f[i] + step * slope[i];
      return test::largest(world, moved);
    };
    EXPECT_NEAR(remainder(2e-3) / remainder(1e-3), 4.0, 0.25) << test::name_of(type);
  }
}

TEST(PrescribedValues, LaterOnesWinAndClashesAreCounted) {
  const auto world = comm::Communicator::world();
  test::Setup setup;
  setup.type = CellType::quad;
  setup.cells = {4, 3, 1};
  setup.how = test::Spread::scattered;
  const mesh::Mesh mesh = test::make_mesh(world, setup);
  const fem::Space space(mesh, 2);
  physics::SystemForm form =
      test::system_form(2, {"u", "v"}, {"u", "v"}, {"dx(u)", "dy(u)", "dx(v)", "dy(v)"});
  test::add_boundary(form, mesh, Kind::value, {"left"}, 0, "1 + t");
  test::add_boundary(form, mesh, Kind::value, {"bottom"}, 0, "3");
  test::add_boundary(form, mesh, Kind::value, {"left"}, 1, "y");
  test::add_boundary(form, mesh, Kind::value, {"bottom"}, 1, "x");
  const test::SystemAssembler assembler(mesh, space, form);
  const auto x = fem::node_coordinates(mesh, space);
  for (const double time : {0.0, 2.0}) {
    std::vector<double> u(static_cast<std::size_t>(space.n_local()) * 2, -5.0);
    const auto fixed = assembler.fixed_values(time, u);
    EXPECT_EQ(fixed.n_fixed, 2 * (7 + 9 - 1));
    EXPECT_EQ(fixed.n_clashes, time == 0.0 ? 1 : 0);  // u at the corner: 1 + t and 3
    if (time == 0.0) {
      EXPECT_DOUBLE_EQ(fixed.clash_difference, 2.0);
      EXPECT_EQ(fixed.clash_unknown, 0);
      EXPECT_NEAR(fixed.clash_at[0], 0.0, 1e-14);
      EXPECT_NEAR(fixed.clash_at[1], 0.0, 1e-14);
    }
    for (std::size_t n = 0; n < u.size() / 2; ++n) {
      const bool left = x[3 * n] < 1e-12, bottom = x[3 * n + 1] < 1e-12;
      EXPECT_DOUBLE_EQ(u[2 * n], bottom ? 3.0 : (left ? 1.0 + time : -5.0));
      EXPECT_NEAR(u[2 * n + 1], bottom ? x[3 * n] : (left ? x[3 * n + 1] : -5.0), 1e-14);
    }
  }
  test::add_boundary(form, mesh, Kind::value, {"right"}, 1, "log(y - 0.5)");
  const test::SystemAssembler bad(mesh, space, form);
  std::vector<double> u(static_cast<std::size_t>(space.n_local()) * 2, 0.0);
  try {
    (void)bad.fixed_values(0.0, u);
    ADD_FAILURE() << "a NaN was accepted";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::not_finite);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("prescribed for v on right is"));
  }
}

// From the second call on; only the exchange with other ranks has buffers, of the prescribed
// values.
TEST(Again, AllocatesNothing) {
  const auto world = comm::Communicator::world();
  long counts[2] = {0, 0};
  for (const int refined : {0, 1}) {
    test::Setup setup;
    setup.type = CellType::tri;
    setup.cells = {refined == 0 ? 6 : 24, 12, 1};
    const mesh::Mesh mesh = test::make_mesh(world, setup);
    const fem::Space space(mesh, 2);
    physics::SystemForm form = test::nasty_form(mesh);
    test::add_boundary(form, mesh, Kind::value, {"left"}, 0, "1 + t*y");
    const test::SystemAssembler assembler(mesh, space, form);
    la::Vector values("values", assembler.pattern().columns.extent(0)),
        r("r", static_cast<std::size_t>(2 * space.n_owned));
    Arrays at = test::random_arrays(space, 2);
    const auto step = [&] {
      (void)assembler.fixed_values(0.3, at.u);
      (void)assembler.residual(at.state(), r);
      (void)assembler.jacobian(at.state(), 1.0, 2.0, values);
      (void)assembler.both(at.state(), 1.0, 2.0, r, values);
      (void)assembler.lumped_mass(at.state(), 1, r);
    };
    for (int warm = 0; warm < 3; ++warm) step();
    const long before = test::n_allocations;
    for (int again = 0; again < 10; ++again) step();
    counts[refined] = (test::n_allocations - before) / 10;
  }
  if (world.size() == 1) {
    EXPECT_EQ(counts[0], 0);
  }
  EXPECT_LE(counts[1], counts[0]);
}

TEST(NotFinite, IsToldWithPlaceAndValues) {
  const auto world = comm::Communicator::world();
  test::Setup setup;
  setup.type = CellType::tri;
  setup.cells = {6, 6, 1};
  setup.how = test::Spread::scattered;
  const mesh::Mesh mesh = test::make_mesh(world, setup);
  const fem::Space space(mesh, 1);
  const auto x = fem::node_coordinates(mesh, space);
  Arrays at;
  at.time = 1.5;
  for (std::size_t n = 0; n < x.size() / 3; ++n) {
    at.u.push_back(x[3 * n] - 0.5);          // u
    at.u.push_back(2.0 * x[3 * n + 1] + 1);  // v
  }
  const Texts f1{"dx(u)", "dy(u)", "dx(v)", "sqrt(u)*dy(v)"};
  physics::SystemForm form = test::system_form(2, {"u", "v"}, {"dt(u)", "v"}, f1);
  const auto value_of = [](const test::SystemAssembler::Result& result, const std::string& name) {
    for (const auto& [variable, value] : result.variables) {
      if (variable == name) return value;
    }
    return std::nan("");
  };
  {
    BlockSystem system(mesh, space, form);
    system.residual(at);
    const auto& bad = system.result;
    EXPECT_TRUE(world.any(bad.bad_cell >= 0));
    if (bad.bad_cell >= 0) {
      EXPECT_EQ(bad.bad_term, "f1.y of v");
      EXPECT_TRUE(std::isnan(bad.bad_value));
      EXPECT_LT(bad.bad_point[0], 0.5);
      EXPECT_EQ(bad.variables.size(), 14U);
      EXPECT_NEAR(value_of(bad, "u"), bad.bad_point[0] - 0.5, 1e-14);
      EXPECT_NEAR(value_of(bad, "v"), 2 * bad.bad_point[1] + 1, 1e-13);
      EXPECT_NEAR(value_of(bad, "dx(u)"), 1.0, 1e-12);
      EXPECT_NEAR(value_of(bad, "dy(v)"), 2.0, 1e-12);
      EXPECT_EQ(value_of(bad, "t"), 1.5);
      EXPECT_EQ(value_of(bad, "dt(u)"), 0.0);
      EXPECT_THAT(bad.text(), ::testing::HasSubstr("f1.y of v is nan at ("));
      EXPECT_THAT(bad.text(), ::testing::HasSubstr(", where t = 1.5, u = -"));
    }
    // At u = 0 the residual is finite, the derivative of the root is not.
    Arrays zero = at;
    for (std::size_t i = 0; i < zero.u.size(); i += 2) zero.u[i] = 0.0;
    system.residual(zero);
    EXPECT_LT(system.result.bad_cell, 0);
    EXPECT_EQ(system.result.text(), "");
    system.jacobian(zero);
    EXPECT_EQ(system.result.bad_cell >= 0, space.n_owned > 0);
    if (space.n_owned > 0) {
      EXPECT_EQ(system.result.bad_term, "d(f1.y of v)/d(u)");
      EXPECT_TRUE(std::isinf(system.result.bad_value));
    }
  }
  form = test::system_form(2, {"u", "v"}, {"u", "v"}, {"dx(u)", "dy(u)", "dx(v)", "dy(v)"});
  test::add_boundary(form, mesh, Kind::natural, {"right"}, 0, "0.1");
  test::add_boundary(form, mesh, Kind::natural, {"left"}, 1, "log(u)");
  {
    BlockSystem system(mesh, space, form);
    system.residual(at);
    const auto& bad = system.result;
    EXPECT_TRUE(world.any(bad.bad_cell >= 0));
    if (bad.bad_cell >= 0) {
      EXPECT_EQ(bad.bad_term, "natural boundary 2 of v (left)");
      EXPECT_NEAR(bad.bad_point[0], 0.0, 1e-14);
      EXPECT_NEAR(value_of(bad, "u"), -0.5, 1e-14);
      EXPECT_NEAR(value_of(bad, "nx"), -1.0, 1e-14);
    }
    // A state that is not finite shows as well.
    Arrays broken = at;
    for (std::size_t n = 0; n < x.size() / 3; ++n) {
      broken.u[2 * n] = 1.0;
      if (x[3 * n] > 0.3 && x[3 * n] < 0.4) broken.u[2 * n + 1] = std::nan("");
    }
    fedisableexcept(FE_ALL_EXCEPT);
    system.residual(broken);
    EXPECT_TRUE(world.any(system.result.bad_cell >= 0));
    feenableexcept(FE_DIVBYZERO | FE_INVALID);
  }
}

namespace {

/// A distorted mesh whose coordinates are the same bits on every number of ranks.
mesh::Mesh make_exactly(const comm::Communicator& communicator, CellType type, bool curved,
                        test::Spread how) {
  mesh::Box box;
  box.cell_type = type;
  box.cells = {5, 3, 3};
  for (std::size_t c = static_cast<std::size_t>(mesh::table(type).dimension); c < 3; ++c)
    box.cells[c] = 1;
  if (box.cells[1] == 1) box.cells[0] = 37;
  mesh::Mesh mesh = mesh::make_box(communicator, box);
  test::scramble(mesh, 3);
  if (curved) test::bend(mesh, test::gently_bent);
  test::move_nodes(mesh, [](const Point& x) {
    Point y{};
    for (std::size_t c = 0; c < 3; ++c) y[c] = std::round(x[c] * 0x1p30) * 0x1p-30;
    return Point{y[0] + 0.02 * y[1] * y[2], y[1] - 0.03 * y[0] * y[2], y[2] + 0.02 * y[0] * y[1]};
  });
  mesh::Mesh spread = test::spread(mesh, how);
  test::cut_in_two(spread);
  return spread;
}

/// Residual, Jacobian and lumped mass by global ids.
struct Everything {
  Everything(const comm::Communicator& communicator, CellType type, int degree, bool curved,
             bool numbers, test::Spread how, const test::SystemAssembler::Options& options = {})
      : mesh(make_exactly(communicator, type, curved, how)), space(mesh, degree) {
    const int dim = mesh.dimension();
    physics::SystemForm form = test::nasty_form(mesh, 2);
    if (numbers) {
      form = test::system_form(dim, {"u", "v"}, {"u - v + dx(v)/3", "2*v + dt(u)"},
                               Texts(static_cast<std::size_t>(2 * dim), "dx(u)/7 + dx(v) - u"));
      form.regions.push_back(
          test::region_of(form.unknowns, dim, {"0.1*u", "0.3*v"},
                          Texts(static_cast<std::size_t>(2 * dim), "dx(u)/9 + dx(v)/3")));
    }
    test::add_boundary(form, mesh, Kind::value, {"left"}, 0, "1 + x*y - exp(y)*z");
    BlockSystem system(mesh, space, form, options);
    Arrays at = test::random_arrays(space, 2);
    (void)system.assembler.fixed_values(0.3, at.u);
    const auto r = system.residual(at), d = system.lumped(at, 1);
    EXPECT_LT(system.result.bad_cell, 0) << system.result.text();
    matrix = system.by_gid(system.jacobian(at, 1.25, 0.5));
    for (std::size_t i = 0; i < r.size(); ++i) vectors[system.gid(i)] = {r[i], d[i], at.u[i]};
  }
  mesh::Mesh mesh;
  fem::Space space;
  std::map<std::pair<GlobalId, GlobalId>, double> matrix;
  std::map<GlobalId, std::array<double, 3>> vectors;
};

void expect_same(const Everything& one, const Everything& whole) {
  std::size_t n_different = 0;
  for (const auto& [place, value] : one.matrix) {
    const auto found = whole.matrix.find(place);
    ASSERT_NE(found, whole.matrix.end());
    n_different += std::memcmp(&found->second, &value, sizeof value) == 0 ? 0 : 1;
  }
  for (const auto& [gid, values] : one.vectors)
    n_different += std::memcmp(&whole.vectors.at(gid), &values, sizeof values) == 0 ? 0 : 1;
  EXPECT_EQ(n_different, 0U);
  EXPECT_EQ(one.space.communicator.sum(static_cast<GlobalId>(one.matrix.size())),
            static_cast<GlobalId>(whole.matrix.size()));
}

}  // namespace

// Of all cells with values that are not finite the one with the lowest global id, at the same point
// and in the same words on every number of ranks, also where regions are mixed.
TEST_P(OnEachCell, TheFirstBadCellIsTold) {
  const auto bad_cell = [&](const comm::Communicator& communicator, test::Spread how) {
    const mesh::Mesh mesh = make_exactly(communicator, type, false, how);
    const fem::Space space(mesh, 1);
    const Texts zero(static_cast<std::size_t>(dim), "0");
    physics::SystemForm form = test::system_form(dim, {"u"}, {"log(u - x)"}, zero);
    form.regions.push_back(test::region_of(form.unknowns, dim, {"1/sqrt(u - 0.6)"}, zero));
    BlockSystem system(mesh, space, form);
    Arrays at;
    at.u = test::interpolate(mesh, space, [](const Point& x) { return 0.3 + 0.7 * x[0]; });
    system.residual(at);
    const bool found = system.result.bad_cell >= 0;
    const GlobalId mine = found ? mesh.cell_gid[static_cast<std::size_t>(system.result.bad_cell)]
                                : std::numeric_limits<GlobalId>::max();
    const GlobalId first = communicator.min(mine);
    const double place = communicator.max(mine == first ? system.result.bad_point[0] : -1e9);
    return std::pair{first, place};
  };
  const auto [cell, place] = bad_cell(comm::Communicator::self(), test::Spread::blocks);
  ASSERT_NE(cell, std::numeric_limits<GlobalId>::max());
  for (const auto how : {test::Spread::blocks, test::Spread::scattered}) {
    const auto [other_cell, other_place] = bad_cell(world, how);
    EXPECT_EQ(other_cell, cell);
    EXPECT_EQ(other_place, place);
  }
}

TEST_P(OnEachCell, BitsDoNotDependOnTheRanks) {
  for (const int degree : {1, 2, 3}) {
    if (degree == 3 && type == CellType::hex && world.size() != 2) continue;  // many numbers
    for (const bool curved : {false, true}) {
      for (const bool numbers : {false, true}) {
        SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(degree) +
                     (curved ? " curved" : "") + (numbers ? " numbers" : ""));
        const Everything whole(comm::Communicator::self(), type, degree, curved, numbers,
                               test::Spread::blocks);
        for (const auto how :
             {test::Spread::blocks, test::Spread::scattered, test::Spread::one_rank})
          expect_same(Everything(world, type, degree, curved, numbers, how), whole);
      }
    }
  }
}

TEST_P(OnEachCell, BitsDoNotDependOnThreadsOrTiles) {
  const auto self = comm::Communicator::self();
  for (const int degree : {1, 2}) {
    for (const bool numbers : {false, true}) {
      const Everything usual(self, type, degree, false, numbers, test::Spread::blocks);
      for (const int shift : {1, 3, 5}) {
        SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(degree) + " tiles of 2^" +
                     std::to_string(shift) + (numbers ? " numbers" : ""));
        test::SystemAssembler::Options options;
        options.tile_shift = shift;
        options.serial_tiles = shift == 3;
        expect_same(Everything(self, type, degree, false, numbers, test::Spread::blocks, options),
                    usual);
      }
    }
  }
}
