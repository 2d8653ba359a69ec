// Matrices against closed forms and identities.
#include <fenv.h>
#include <gtest/gtest.h>

#include "form_tools.hpp"

using namespace ritz;
using mesh::CellType;
using test::System;

namespace {

constexpr double eps = 2.220446049250313e-16;

class OnEachCell : public ::testing::TestWithParam<CellType> {
 protected:
  comm::Communicator world = comm::Communicator::world();
  CellType type = GetParam();
  int dim = mesh::table(GetParam()).dimension;

  /// Small for high degrees: a hex of degree 8 has half a million entries. Neighbours at degree 8
  /// are in test_exactness.
  mesh::Mesh make(bool curved = false, int degree = 1, test::Spread how = test::Spread::scattered) {
    test::Setup setup;
    setup.type = type;
    setup.cells = {dim == 1 ? 7 : 3, 2, 2};
    if (dim == 3 && degree > 3) setup.cells = {degree > 4 ? 1 : 2, 1, 1};
    setup.how = how;
    setup.curved = curved;
    return test::make_mesh(world, setup);
  }
};
INSTANTIATE_TEST_SUITE_P(Cells, OnEachCell, ::testing::ValuesIn(test::all_cell_types()),
                         [](const auto& cell) { return test::name_of(cell.param); });

/// Degrees to try: each on straight cells up to 4 and the highest; on curved cells, where only the
/// quadrature is another, up to 3. What lies between runs the same code with other numbers.
/// Assembly is local, so hexes of degree 4 and 8 on one or two ranks are enough.
std::vector<int> degrees(CellType type, bool curved, int n_ranks) {
  std::vector<int> result;
  const bool small = type != CellType::hex || n_ranks <= 2;
  const int highest = small ? test::highest_degree(type) : 3;
  for (int k = 1; k <= std::min(highest, curved ? 3 : 4); ++k) result.push_back(k);
  if (!curved && highest > 4) result.push_back(highest);
  return result;
}

mesh::Mesh uniform(const comm::Communicator& world, CellType type, GlobalId n) {
  mesh::Box box;
  box.cell_type = type;
  box.cells = {n, n, n};
  for (std::size_t c = static_cast<std::size_t>(mesh::table(type).dimension); c < 3; ++c)
    box.cells[c] = 1;
  return test::spread(mesh::make_box(world, box), test::Spread::scattered);
}

}  // namespace

// On uniform meshes of straight P1 simplices (Kuhn's division) the Laplacian is the finite
// difference star h^(d-2) [2d, -1 ... -1], all other couplings vanish: known in every textbook for
// d = 1, 2, and for d = 3 because Kuhn's tets have right angles along the paths.
TEST(UniformP1, DiffusionIsTheDifferenceStar) {
  const auto world = comm::Communicator::world();
  constexpr GlobalId n = 4;
  for (const CellType type : {CellType::line, CellType::tri, CellType::tet}) {
    const mesh::Mesh mesh = uniform(world, type, n);
    const int dim = mesh.dimension();
    const fem::Space space(mesh, 1);
    for (const auto kernel : {test::Kernel::dense, test::Kernel::closed_form}) {
      test::Assembler::Options options;
      options.kernel = kernel;
      const System system(mesh, space, test::diffusion_form(dim, test::number(3.0)),
                          test::no_constraints(space), options);
      const double h = std::pow(1.0 / n, dim - 2) * 3.0;
      const auto inner = test::inner_dofs(mesh, space);
      const auto x = fem::node_coordinates(mesh, space);
      int n_checked = 0;
      for (std::size_t i = 0; i < inner.size(); ++i) {
        if (!inner[i]) continue;
        for (std::size_t k = system.offsets[i]; k < system.offsets[i + 1]; ++k) {
          const auto j = static_cast<std::size_t>(system.columns[k]);
          double steps = 0;
          for (std::size_t c = 0; c < 3; ++c) steps += std::abs(x[3 * j + c] - x[3 * i + c]) * n;
          const double expected = steps < 0.5 ? 2.0 * dim * h : (steps < 1.5 ? -h : 0.0);
          // Up to 24 cells add, each with an error of a few eps of its largest entry (<= 2h).
          EXPECT_NEAR(system.entries[k], expected, 100 * eps * h) << test::name_of(type);
          ++n_checked;
        }
      }
      EXPECT_GT(world.sum(n_checked), 0);
      EXPECT_DOUBLE_EQ(system.result.min_diffusion, mesh.n_cells() > 0 ? 3.0 : 0.0);
      EXPECT_DOUBLE_EQ(system.result.max_diffusion, mesh.n_cells() > 0 ? 3.0 : 0.0);
    }
  }
}

// Off-diagonal entry of a P1 triangle: -1/2 cot of the opposite angle; of the mass: area/12
// (1+delta).
TEST(ElementP1, TriangleCotangents) {
  const auto self = comm::Communicator::self();
  mesh::Box box;
  box.cell_type = CellType::tri;
  box.cells = {1, 1, 1};
  mesh::Mesh undistorted = mesh::make_box(self, box);
  test::move_nodes(undistorted, [](const test::Point& x) {
    return test::Point{1.7 * x[0] + 0.3 * x[1] + 0.1 * x[0] * x[1], 0.9 * x[1] + 0.2 * x[0], 0.0};
  });
  const mesh::Mesh mesh = test::spread(undistorted, test::Spread::blocks);
  const fem::Space space(mesh, 1);
  std::map<std::pair<LocalId, LocalId>, double> stiffness, mass;
  for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
    std::array<test::Point, 3> p;
    for (std::size_t v = 0; v < 3; ++v) {
      p[v] = mesh::map_to_physical(mesh, cell, mesh::table(CellType::tri).vertices[v]);
    }
    const auto dofs = space.dofs(cell);
    const double area = 0.5 * ((p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) -
                               (p[2][0] - p[0][0]) * (p[1][1] - p[0][1]));
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        mass[{dofs[i], dofs[j]}] += area / 12.0 * (i == j ? 2.0 : 1.0);
        if (i == j) continue;
        const std::size_t o = 3 - i - j;
        const double ax = p[i][0] - p[o][0], ay = p[i][1] - p[o][1], bx = p[j][0] - p[o][0],
                     by = p[j][1] - p[o][1];
        const double half_cotangent = 0.5 * (ax * bx + ay * by) / std::abs(ax * by - ay * bx);
        stiffness[{dofs[i], dofs[j]}] -= half_cotangent;
        stiffness[{dofs[i], dofs[i]}] += half_cotangent;
      }
    }
  }
  physics::Form form = test::diffusion_form(2, test::number(1.0));
  form.regions[0].has_reaction = true;
  form.regions[0].reaction = test::number(2.5);
  for (const auto kernel : {test::Kernel::dense, test::Kernel::closed_form}) {
    test::Assembler::Options options;
    options.kernel = kernel;
    const System system(mesh, space, form, test::no_constraints(space), options);
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t k = system.offsets[i]; k < system.offsets[i + 1]; ++k) {
        const std::pair<LocalId, LocalId> place{static_cast<LocalId>(i), system.columns[k]};
        EXPECT_NEAR(system.entries[k], stiffness[place] + 2.5 * mass[place], 50 * eps);
      }
    }
  }
}

TEST_P(OnEachCell, SumsAndSymmetry) {
  for (const bool curved : {false, true}) {
    for (const int k : degrees(type, curved, world.size())) {
      const mesh::Mesh mesh = make(curved, k);
      SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(k) +
                   (curved ? " curved" : ""));
      const fem::Space space(mesh, k);
      // Diffusion: constants are in the null space, and the matrix is symmetric.
      const System diffusion(mesh, space, test::diffusion_form(dim, test::formula("1 + x^2 + y")));
      const double size = diffusion.norm();
      const std::vector<double> ones(static_cast<std::size_t>(space.n_local()), 1.0);
      // Derivatives of the shape functions sum to 0 only up to round-off of their size; thousands
      // of products in a row at degree 8.
      EXPECT_LE(test::largest(world, diffusion.residual(ones)), 1000 * eps * size);
      const auto whole = test::whole_matrix(diffusion);
      double asymmetry = 0;
      for (const auto& [place, value] : whole) {
        const auto other = whole.find({place.second, place.first});
        ASSERT_NE(other, whole.end());
        asymmetry = std::max(asymmetry, std::abs(value - other->second));
      }
      EXPECT_LE(asymmetry, 100 * eps * size);
      EXPECT_GE(diffusion.result.max_diffusion, diffusion.result.min_diffusion);

      // Mass: all entries together are the volume, as is the load of f = 1.
      physics::Form mass;
      mass.dimension = dim;
      mass.regions.resize(1);
      mass.regions[0].diffusion_kind = physics::DiffusionKind::none;
      mass.regions[0].has_reaction = mass.regions[0].has_source = true;
      mass.regions[0].reaction = test::number(1.0);
      mass.regions[0].source = test::number(1.0);
      const System system(mesh, space, mass);
      double entries = 0, load = 0, volume = 0;
      for (const double v : system.entries) entries += v;
      for (const double v : system.load) load += v;
      const fem::Quadrature rule = fem::quadrature(type, 8);
      std::vector<double> jacobian(static_cast<std::size_t>(dim * dim));
      for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
        for (std::size_t q = 0; q < rule.points.size(); ++q) {
          mesh::map_to_physical(mesh, cell, rule.points[q], jacobian);
          const auto& j = jacobian;
          volume += rule.weights[q] * (dim == 1   ? j[0]
                                       : dim == 2 ? j[0] * j[3] - j[1] * j[2]
                                                  : j[0] * (j[4] * j[8] - j[5] * j[7]) -
                                                        j[1] * (j[3] * j[8] - j[5] * j[6]) +
                                                        j[2] * (j[3] * j[7] - j[4] * j[6]));
        }
      }
      volume = world.sum(volume);
      // Curved P1 tets: |J| has degree 3, the quadrature 2k + 1 = 3: exact in all cases. Mass
      // matrices of high degree have up to a million entries of both signs.
      EXPECT_NEAR(world.sum(entries), volume, 2e-12);
      EXPECT_NEAR(world.sum(load), volume, 1e-13);
    }
  }
}

TEST_P(OnEachCell, ScalarDiagonalAndTensorAgree) {
  const mesh::Mesh mesh = make();
  for (const int k : {1, 2, 3}) {
    const fem::Space space(mesh, k);
    for (const bool varying : {false, true}) {
      const auto one = varying ? test::formula("2 + x*y") : test::number(2.25);
      physics::Form form = test::diffusion_form(dim, one);
      const System scalar(mesh, space, form);
      form.regions[0].diffusion_kind = physics::DiffusionKind::diagonal;
      form.regions[0].diffusion.assign(static_cast<std::size_t>(dim), one);
      const System diagonal(mesh, space, form);
      form.regions[0].diffusion_kind = physics::DiffusionKind::tensor;
      form.regions[0].diffusion.assign(static_cast<std::size_t>(dim * dim), test::number(0.0));
      for (int i = 0; i < dim; ++i)
        form.regions[0].diffusion[static_cast<std::size_t>(i * dim + i)] = one;
      const System tensor(mesh, space, form);
      const double size = scalar.norm();
      for (std::size_t i = 0; i < scalar.entries.size(); ++i) {
        ASSERT_NEAR(diagonal.entries[i], scalar.entries[i], 50 * eps * size);
        ASSERT_NEAR(tensor.entries[i], scalar.entries[i], 50 * eps * size);
      }
      EXPECT_DOUBLE_EQ(scalar.result.min_diffusion, diagonal.result.min_diffusion);
      // The cubic's roots carry sqrt(eps) errors when they coincide, relative to their spread: 0
      // here.
      EXPECT_NEAR(scalar.result.max_diffusion, tensor.result.max_diffusion, 1e-12);
      EXPECT_EQ(tensor.result.max_asymmetry, 0.0);
    }
  }
}

TEST_P(OnEachCell, KernelsAgree) {
  for (const bool curved : {false, true}) {
    for (const int k : degrees(type, curved, world.size())) {
      const mesh::Mesh mesh = make(curved, k);
      const fem::Space space(mesh, k);
      for (const bool varying : {false, true}) {
        if (!varying && k > 4) continue;  // varying coefficients are the general case
        SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(k) +
                     (varying ? " varying" : ""));
        physics::Form form = test::diffusion_form(dim, test::number(1.0));
        physics::RegionForm& region = form.regions[0];
        region.diffusion_kind = physics::DiffusionKind::tensor;
        region.diffusion.assign(static_cast<std::size_t>(dim * dim), test::number(0.0));
        for (int i = 0; i < dim * dim; ++i) {
          const double v = i % (dim + 1) == 0 ? 2.0 + i : 0.1 * (i + 1);
          region.diffusion[static_cast<std::size_t>(i)] =
              varying ? test::formula(std::to_string(v) + "*(1 + 0.3*x)") : test::number(v);
        }
        for (int i = 0; i < dim; ++i) region.advection.push_back(test::number(1.0 - 0.7 * i));
        region.has_reaction = region.has_source = true;
        region.reaction = test::number(0.75);
        region.source = varying ? test::formula("sin(x) + y*z") : test::number(-1.5);
        test::Assembler::Options options;
        options.kernel = test::Kernel::dense;
        options.serial_tiles = true;  // scratch without a limit for eight matrices of 729 x 729
        const System plain(mesh, space, form, test::no_constraints(space), options);
        const double size = plain.norm(), load = test::largest(world, plain.load);
        std::vector<test::Kernel> others{test::Kernel::automatic};
        if (mesh::is_tensor(type) && dim > 1 && k > 1)
          others.push_back(test::Kernel::sum_factorised);
        for (const auto kernel : others) {
          options.kernel = kernel;
          options.serial_tiles = false;
          const System other(mesh, space, form, test::no_constraints(space), options);
          ASSERT_EQ(other.columns, plain.columns);
          for (std::size_t i = 0; i < plain.entries.size(); ++i) {
            ASSERT_NEAR(other.entries[i], plain.entries[i], 200 * eps * size);
          }
          for (std::size_t i = 0; i < plain.load.size(); ++i) {
            ASSERT_NEAR(other.load[i], plain.load[i], 100 * eps * load);
          }
        }
      }
    }
  }
}

// int (b . grad phi_j) phi_i + int (b . grad phi_i) phi_j = int_boundary b.n phi_i phi_j for
// constant b: 0 when one of the dofs is inside.
TEST_P(OnEachCell, ConstantAdvectionIsSkew) {
  const mesh::Mesh mesh = make();
  for (const int k : {1, 2, 3}) {
    const fem::Space space(mesh, k);
    physics::Form form;
    form.dimension = dim;
    form.regions.resize(1);
    form.regions[0].diffusion_kind = physics::DiffusionKind::none;
    for (int i = 0; i < dim; ++i) form.regions[0].advection.push_back(test::number(0.5 + i));
    const System system(mesh, space, form);
    const auto inner = test::inner_dofs(mesh, space);
    const auto whole = test::whole_matrix(system);
    const double size = system.norm();
    for (std::size_t i = 0; i < inner.size(); ++i) {
      if (!inner[i]) continue;
      for (std::size_t e = system.offsets[i]; e < system.offsets[i + 1]; ++e) {
        const GlobalId row = space.dof_gid[i],
                       column = space.dof_gid[static_cast<std::size_t>(system.columns[e])];
        ASSERT_NEAR(system.entries[e] + whole.at({column, row}), 0.0, 200 * eps * size);
      }
    }
    EXPECT_FALSE(form.is_symmetric());
  }
}

TEST(Values, AreChecked) {
  const auto world = comm::Communicator::world();
  test::Setup setup;
  setup.type = CellType::tri;
  setup.cells = {4, 4, 1};
  const mesh::Mesh mesh = test::make_mesh(world, setup);
  const fem::Space space(mesh, 1);
  physics::Form form = test::diffusion_form(2, test::number(1.0));
  form.regions[0].has_source = true;
  form.regions[0].source = test::formula("1/max(x - 0.5, 0)");
  fedisableexcept(FE_ALL_EXCEPT);  // infinity on purpose
  {
    const System system(mesh, space, form);
    const bool found = system.result.bad_cell >= 0;
    EXPECT_TRUE(world.any(found));
    if (found) {
      EXPECT_EQ(system.result.bad_coefficient, "source");
      EXPECT_LE(system.result.bad_point[0], 0.5);
    }
  }
  form.regions[0].source = test::number(std::nan(""));
  {
    const System system(mesh, space, form);
    EXPECT_EQ(system.result.bad_cell >= 0, mesh.n_cells() > 0);
  }
  form.regions[0].has_source = false;
  form.regions[0].diffusion_kind = physics::DiffusionKind::tensor;
  form.regions[0].diffusion = {test::formula("2 + 0*x"), test::formula("0.5 + 0*x"),
                               test::number(0.25), test::number(1.0)};
  {
    const System system(mesh, space, form);
    EXPECT_LT(system.result.bad_cell, 0);
    if (mesh.n_cells() > 0) {
      EXPECT_DOUBLE_EQ(system.result.max_asymmetry, 0.125);
      // Symmetric part [[2, 0.375], [0.375, 1]]: 1.5 -+ 0.625.
      EXPECT_NEAR(system.result.min_diffusion, 0.875, 1e-14);
      EXPECT_NEAR(system.result.max_diffusion, 2.125, 1e-14);
    }
  }
  form.regions[0].diffusion[1] = test::formula("log(x - 2)");
  {
    const System system(mesh, space, form);
    EXPECT_EQ(system.result.bad_cell >= 0, mesh.n_cells() > 0);
    if (mesh.n_cells() > 0) {
      EXPECT_EQ(system.result.bad_coefficient, "diffusion[0][1]");
    }
  }
  feenableexcept(FE_DIVBYZERO | FE_INVALID);
}
