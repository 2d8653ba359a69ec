// The action without a matrix against the assembled matrix, on meshes that are distorted, curved,
// turned cell by cell and scattered over the ranks.
#include <gtest/gtest.h>

#include <limits>

#include "form_tools.hpp"
#include "ritz/assembly/cell_operator.hpp"
#include "ritz/la/lanczos.hpp"
#include "ritz/la/vector.hpp"

using namespace ritz;
using assembly::CellOperator;
using mesh::CellType;
using test::Point;
using test::System;

namespace {

enum class Kind {
  laplace,
  diagonal,
  tensor,
  skew_tensor,
  varying,
  everything,
  varying_and_reaction,
  varying_and_advection,
  tiny
};

const std::vector<Kind> all_kinds{Kind::laplace,     Kind::diagonal, Kind::tensor,
                                  Kind::skew_tensor, Kind::varying,  Kind::everything};

physics::Form make_form(const mesh::Mesh& mesh, Kind kind) {
  using physics::DiffusionKind;
  const int dim = mesh.dimension();
  physics::Form form = test::diffusion_form(dim, test::number(1.7));
  physics::RegionForm& region = form.regions[0];
  const auto tensor = [&](const auto& entry) {
    region.diffusion_kind = DiffusionKind::tensor;
    region.diffusion.clear();
    for (int i = 0; i < dim; ++i) {
      for (int j = 0; j < dim; ++j) region.diffusion.push_back(entry(i, j));
    }
  };
  switch (kind) {
    case Kind::laplace:
      break;
    case Kind::diagonal:
      region.diffusion_kind = DiffusionKind::diagonal;
      region.diffusion.clear();
      for (int i = 0; i < dim; ++i) region.diffusion.push_back(test::number(1.0 + i));
      region.has_reaction = true;
      region.reaction = test::number(2.5);
      break;
    case Kind::tensor:
      tensor([](int i, int j) { return test::number(i == j ? 2.0 + i : 0.3 * (i + j)); });
      break;
    case Kind::skew_tensor:
      tensor([](int i, int j) { return test::number(i == j ? 2.0 + i : 0.4 * (i - j)); });
      break;
    case Kind::varying:
      region.diffusion = {test::formula("1/(0.05 + 2*(x^2 + y^2 + z^2))")};
      break;
    case Kind::varying_and_reaction:
      region.diffusion = {test::formula("x - 0.3")};
      region.has_reaction = true;
      region.reaction = test::number(-1.5);
      break;
    case Kind::varying_and_advection:
      region.diffusion = {test::formula("2 - x*y")};
      for (int i = 0; i < dim; ++i) region.advection.push_back(test::number(1.0 + i));
      break;
    case Kind::tiny:
      tensor([](int i, int j) { return test::number(1e-11 * (i == j ? 2.0 + i : 0.3)); });
      break;
    case Kind::everything:
      tensor([](int i, int j) {
        return test::formula(i == j ? "1 + exp(x)*sqrt(1 + y^2)" : "0.1*sin(3*x + z)");
      });
      for (int i = 0; i < dim; ++i) region.advection.push_back(test::formula("1 + 0.5*x - y"));
      region.has_reaction = true;
      region.reaction = test::formula("x^3*y + 1/(1 + x)");
      break;
  }
  region.has_source = true;
  region.source = kind == Kind::everything ? test::formula("cos(x*y) + z") : test::number(0.7);
  physics::BoundaryForm value =
      test::boundary(mesh, physics::BoundaryForm::Kind::value, {test::side_name(dim, 0, false)});
  value.value = test::formula("1 + x + 2*y");
  physics::BoundaryForm robin =
      test::boundary(mesh, physics::BoundaryForm::Kind::robin, {test::side_name(dim, 0, true)});
  robin.coefficient = test::formula("2 + y");
  robin.ambient = test::number(3.0);
  form.boundaries = {value, robin};
  if (dim > 1) {
    physics::BoundaryForm flux =
        test::boundary(mesh, physics::BoundaryForm::Kind::flux, {test::side_name(dim, 1, true)});
    flux.value = test::formula("0.5 - x");
    form.boundaries.push_back(flux);
  }
  return form;
}

/// A number in [-1, 1) for each local dof, the same on every rank.
std::vector<double> random_values(const fem::Space& space) {
  std::vector<double> x(static_cast<std::size_t>(space.n_local()));
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = 2 * test::unit(static_cast<std::uint64_t>(space.dof_gid[i]) + 17) - 1;
  return x;
}

struct Difference {
  double action = 0, diagonal = 0, load = 0;  ///< largest, over the matrix' norm
};

template <class T>
Difference compare(const mesh::Mesh& mesh, int degree, Kind kind) {
  const fem::Space space(mesh, degree);
  const physics::Form form = make_form(mesh, kind);
  const assembly::FixedValues fixed = assembly::fixed_values(mesh, space, form);
  const System system(mesh, space, form, fixed.constraints);
  const CellOperator<T> op(mesh, space, fixed.constraints, form);
  EXPECT_EQ(op.n_owned(), space.n_owned);

  const std::vector<double> x = random_values(space);
  const auto n = static_cast<std::size_t>(space.n_owned);
  device::View<T*> in("in", n), out("out", n);
  for (std::size_t i = 0; i < n; ++i) in(i) = static_cast<T>(x[i]);
  Kokkos::deep_copy(out, T(-7));
  // Hooks: every dof once, before and after.
  std::vector<int> seen_before(n, 0), seen_after(n, 0);
  const auto note = [](std::vector<int>& seen) {
    return [&seen](LocalId begin, LocalId end) {
      for (LocalId i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    };
  };
  std::vector<T> final_values(n, T(0));
  op.apply(in, out, note(seen_before), [&](LocalId begin, LocalId end) {
    note(seen_after)(begin, end);
    std::copy(out.data() + begin, out.data() + end, final_values.data() + begin);
  });
  EXPECT_EQ(seen_before, std::vector<int>(n, 1));
  EXPECT_EQ(seen_after, std::vector<int>(n, 1));
  device::View<T*> diagonal("diagonal", n);
  op.diagonal(diagonal);
  la::Vector load("load", n);
  assembly::cell_load(mesh, space, fixed.constraints, form, 0.0, load);

  const std::vector<double> expected = system.residual(x);
  Difference result;
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_EQ(out(i), final_values[i]);
    result.action = std::max(result.action,
                             std::abs(static_cast<double>(out(i)) - expected[i] - system.load[i]));
    result.load = std::max(result.load, std::abs(load(i) - system.load[i]));
    for (std::size_t k = system.offsets[i]; k < system.offsets[i + 1]; ++k) {
      if (system.columns[k] == static_cast<LocalId>(i)) {
        result.diagonal = std::max(result.diagonal, std::abs(diagonal(i) - system.entries[k]));
      }
    }
  }
  const double norm = system.norm();
  double largest_load = 0;
  for (const double value : system.load) largest_load = std::max(largest_load, std::abs(value));
  largest_load = space.communicator.max(largest_load);
  result.action = space.communicator.max(result.action) / norm;
  result.diagonal = space.communicator.max(result.diagonal) / norm;
  result.load = space.communicator.max(result.load) / (norm + largest_load);
  return result;
}

/// Round-off: sums of n^d products whose factors are known to a few times the machine's epsilon.
constexpr double round_off = 2e-13;
constexpr double float_round_off = 5e-5;

void expect_equal(const mesh::Mesh& mesh, int degree, Kind kind, const char* what) {
  const Difference in_double = compare<double>(mesh, degree, kind);
  EXPECT_LT(in_double.action, round_off) << what << ", degree " << degree;
  EXPECT_LT(in_double.diagonal, round_off) << what << ", degree " << degree;
  EXPECT_LT(in_double.load, round_off) << what << ", degree " << degree;
  const Difference in_float = compare<float>(mesh, degree, kind);
  EXPECT_LT(in_float.action, float_round_off) << what << ", degree " << degree;
  EXPECT_LT(in_float.diagonal, float_round_off) << what << ", degree " << degree;
}

}  // namespace

TEST(CellOperator, BoxesOfAnyDegree) {
  for (const CellType type : {CellType::line, CellType::quad, CellType::hex}) {
    test::Setup setup;
    setup.type = type;
    setup.distortion = 0;
    setup.seed = 0;
    setup.cells = {5, 4, 3};
    const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
    for (int degree = 1; degree <= 8; ++degree) {
      expect_equal(mesh, degree, degree % 2 == 0 ? Kind::diagonal : Kind::laplace, "box");
    }
  }
}

TEST(CellOperator, EveryFormOnTurnedAndDistortedCells) {
  for (const CellType type : {CellType::line, CellType::quad, CellType::hex}) {
    for (const bool curved : {false, true}) {
      test::Setup setup;
      setup.type = type;
      setup.cells = {3, 3, 2};
      setup.curved = curved;
      setup.distortion = curved ? 0 : 0.3;
      setup.how = curved ? test::Spread::scattered : test::Spread::blocks;
      const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
      int number = 0;
      for (const Kind kind : all_kinds) {
        const int degree = 1 + number++ % 4;
        expect_equal(mesh, degree, kind, curved ? "curved" : "distorted");
      }
      expect_equal(mesh, 6, Kind::varying, curved ? "curved" : "distorted");
    }
  }
}

using Counts = std::array<GlobalId, 5>;

/// Cells of all ranks: Cartesian, affine, multilinear, scaled, stored.
template <class T>
Counts kinds(const mesh::Mesh& mesh, int degree, const physics::Form& form) {
  const fem::Space space(mesh, degree);
  const assembly::CellKinds mine =
      CellOperator<T>(mesh, space, test::no_constraints(space), form).cells();
  Counts counts{mine.cartesian, mine.affine, mine.multilinear, mine.scaled, mine.stored};
  for (GlobalId& one : counts) one = mesh.communicator.sum(one);
  return counts;
}

void expect_kinds(const mesh::Mesh& mesh, int degree, const physics::Form& form,
                  const Counts& expected, const char* what) {
  EXPECT_EQ(kinds<double>(mesh, degree, form), expected) << what << ", degree " << degree;
  EXPECT_EQ(kinds<float>(mesh, degree, form), expected) << what << ", degree " << degree;
}

TEST(CellOperator, TurnedBoxesAndParallelepipedsAreRecognised) {
  test::Setup setup;
  setup.distortion = 0;
  setup.cells = {4, 3, 3};
  mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
  const physics::Form form = make_form(mesh, Kind::laplace);
  expect_kinds(mesh, 3, form, {36, 0, 0, 0, 0}, "turned boxes");
  expect_equal(mesh, 3, Kind::laplace, "turned boxes");
  test::move_nodes(mesh, [](const Point& x) {
    return Point{x[0] + 0.3 * x[1], x[1] + 0.2 * x[2], x[2] - 0.1 * x[0]};
  });
  expect_kinds(mesh, 3, form, {0, 36, 0, 0, 0}, "sheared boxes");
  expect_equal(mesh, 3, Kind::laplace, "sheared boxes");
  expect_equal(mesh, 2, Kind::skew_tensor, "sheared boxes");
  for (const Kind kind : {Kind::varying, Kind::varying_and_reaction, Kind::varying_and_advection}) {
    for (const int degree : {1, 3}) {
      expect_kinds(mesh, degree, make_form(mesh, kind), {0, 0, 0, 36, 0}, "K varies");
      expect_equal(mesh, degree, kind, "K varies");
    }
  }
}

TEST(CellOperator, GeometryOfMultilinearCellsIsComputed) {
  for (const CellType type : {CellType::quad, CellType::hex}) {
    for (const test::Spread how : {test::Spread::blocks, test::Spread::scattered}) {
      test::Setup setup;
      setup.type = type;
      setup.cells = type == CellType::quad ? std::array<GlobalId, 3>{5, 4, 1}
                                           : std::array<GlobalId, 3>{3, 3, 2};
      setup.how = how;
      const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
      const GlobalId n = mesh.n_cells_global;
      const Counts computed{0, 0, n, 0, 0}, scaled{0, 0, 0, n, 0}, stored{0, 0, 0, 0, n};
      const std::array<Kind, 3> constant{Kind::laplace, Kind::diagonal, Kind::tensor};
      for (int degree = 2; degree <= 8; ++degree) {
        const Kind kind = constant[static_cast<std::size_t>(degree) % constant.size()];
        expect_kinds(mesh, degree, make_form(mesh, kind), computed, "distorted");
        expect_equal(mesh, degree, kind, "distorted");
        if (degree > 4) continue;
        for (const Kind other : {Kind::varying, Kind::varying_and_reaction}) {
          expect_kinds(mesh, degree, make_form(mesh, other), scaled, "K varies");
          expect_equal(mesh, degree, other, "K varies");
        }
      }
      // What is not covered.
      expect_kinds(mesh, 1, make_form(mesh, Kind::laplace), stored, "degree 1");
      expect_equal(mesh, 1, Kind::laplace, "degree 1");
      expect_kinds(mesh, 2, make_form(mesh, Kind::skew_tensor), stored, "not symmetric");
      expect_kinds(mesh, 2, make_form(mesh, Kind::everything), stored, "all terms vary");
      physics::Form form = make_form(mesh, Kind::laplace);
      form.regions[0].advection.assign(static_cast<std::size_t>(mesh.dimension()),
                                       test::number(1.0));
      expect_kinds(mesh, 2, form, stored, "advection");
      for (const double k : {0.0, -1.0}) {
        form = make_form(mesh, Kind::diagonal);
        form.regions[0].diffusion.back() = test::number(k);
        expect_kinds(mesh, 2, form, stored, "K is not positive");
      }
      form = make_form(mesh, Kind::diagonal);
      form.regions[0].diffusion.back() = test::number(1e8);  // nearly flat cells after scaling
      expect_kinds(mesh, 2, form, stored, "a far larger K in one direction");
    }
  }
}

TEST(CellOperator, ComputedGeometryInAnyUnits) {
  // Micrometres and a permittivity: in single precision |J|^2 alone would be 0.
  for (const CellType type : {CellType::quad, CellType::hex}) {
    test::Setup setup;
    setup.type = type;
    mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
    test::move_nodes(mesh, [](const Point& x) {
      return Point{1e-6 * x[0] + 1e-5, 1e-6 * x[1], 1e-6 * x[2]};
    });
    expect_kinds(mesh, 3, make_form(mesh, Kind::tiny), {0, 0, mesh.n_cells_global, 0, 0}, "tiny");
    expect_equal(mesh, 3, Kind::tiny, "tiny");
    // Flattened distorted cells: the edges across lie almost in the layer.
    const auto flatten = [](const Point& x) { return Point{x[0], 1e-3 * x[1], x[2]}; };
    test::move_nodes(mesh, flatten);
    expect_kinds(mesh, 3, make_form(mesh, Kind::laplace), {0, 0, 0, 0, mesh.n_cells_global},
                 "flattened");
    // Flat cells whose edges stand apart.
    setup.distortion = 0;
    mesh = test::make_mesh(comm::Communicator::world(), setup);
    test::move_nodes(mesh, [&](const Point& x) {
      return flatten(Point{x[0], x[1] * (1 + 0.3 * x[0]), x[2] * (1 + 0.2 * x[0])});
    });
    expect_kinds(mesh, 3, make_form(mesh, Kind::laplace), {0, 0, mesh.n_cells_global, 0, 0},
                 "flat");
    expect_equal(mesh, 3, Kind::laplace, "flat");
  }
}

TEST(CellOperator, RanksWithoutCellsAndFewerCellsThanLanes) {
  test::Setup setup;
  setup.cells = {2, 1, 1};
  setup.how = test::Spread::one_rank;
  const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
  expect_equal(mesh, 3, Kind::everything, "two cells");
}

TEST(CellOperator, TheSameBitsAgain) {
  test::Setup setup;
  setup.cells = {6, 5, 4};
  const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
  const fem::Space space(mesh, 3);
  const physics::Form form = make_form(mesh, Kind::everything);
  const assembly::FixedValues fixed = assembly::fixed_values(mesh, space, form);
  const CellOperator<double> op(mesh, space, fixed.constraints, form);
  const std::vector<double> x = random_values(space);
  const auto n = static_cast<std::size_t>(space.n_owned);
  la::Vector in("in", n), first("first", n), second("second", n);
  for (std::size_t i = 0; i < n; ++i) in(i) = x[i];
  op.apply(in, first);
  op.apply(in, second);
  for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(first(i), second(i));
}

TEST(CellOperator, ACoefficientThatIsNotFiniteIsToldOnEveryRank) {
  test::Setup setup;
  setup.cells = {4, 3, 3};
  const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
  const fem::Space space(mesh, 2);
  physics::Form form =
      test::diffusion_form(3, test::number(std::numeric_limits<double>::infinity()));
  try {
    const CellOperator<double> op(mesh, space, test::no_constraints(space), form);
    FAIL() << "1/0 was taken";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::not_finite);
    EXPECT_NE(std::string(error.what()).find("diffusion"), std::string::npos) << error.what();
  }
}

TEST(CellOperator, SmallestDiffusionIsKnown) {
  for (const CellType type : {CellType::line, CellType::quad, CellType::hex}) {
    test::Setup setup;
    setup.type = type;
    setup.cells = {4, 3, 3};
    const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
    const fem::Space space(mesh, 2);
    const auto smallest = [&](const physics::Form& form) {
      const CellOperator<double> op(mesh, space, test::no_constraints(space), form);
      return mesh.communicator.min(op.min_diffusion());
    };
    EXPECT_EQ(smallest(test::diffusion_form(mesh.dimension(), test::number(-0.25))), -0.25);
    // Both kernels look at the same points, so the assembler's number is the same to the bit but
    // for the order in which a point's coordinates are summed.
    for (const Kind kind : {Kind::varying, Kind::everything}) {
      const physics::Form form = make_form(mesh, kind);
      const double assembled =
          mesh.communicator.min(System(mesh, space, form).result.min_diffusion);
      EXPECT_GT(assembled, 0.0);
      EXPECT_NEAR(smallest(form), assembled, 1e-12 * assembled);
    }
  }
}

/// Largest eigenvalue of D^-1 A by many steps of conjugate gradients.
double largest_eigenvalue(const mesh::Mesh& mesh, const fem::Space& space,
                          const CellOperator<double>& op) {
  const auto make = [&] { return la::make_vector("v", space.n_owned); };
  const la::Vector d = make(), r = make(), z = make(), p = make(), q = make();
  op.diagonal(d);
  const std::vector<double> start = random_values(space);
  std::copy_n(start.begin(), space.n_owned, r.data());
  la::LanczosMatrix lanczos;
  double last = 0;
  for (int step = 0; step < 150; ++step) {
    for (std::size_t i = 0; i < r.extent(0); ++i) z(i) = r(i) / d(i);
    const double rho = la::dot(mesh.communicator, r, z);
    const double beta = step == 0 ? 0.0 : rho / last;
    last = rho;
    la::axpby(1.0, z, beta, p);
    op.apply(p, q);
    const double curvature = la::dot(mesh.communicator, p, q);
    if (!(rho > 1e-24) || !(curvature > 0)) break;
    lanczos.add(rho / curvature, beta);
    la::axpby(-rho / curvature, q, 1.0, r);
  }
  return lanczos.largest();
}

TEST(CellOperator, SpectrumIsBoundedByTheCells) {
  const auto bound_of = [](const mesh::Mesh& mesh, const CellOperator<double>& op) {
    EXPECT_FALSE(mesh.communicator.any(!op.spectrum_bound()));
    return mesh.communicator.max(op.spectrum_bound().value_or(0.0));
  };
  for (const CellType type : {CellType::line, CellType::quad, CellType::hex}) {
    test::Setup setup;
    setup.type = type;
    setup.distortion = 0;
    setup.cells = {4, 4, 4};
    const mesh::Mesh cube = test::make_mesh(comm::Communicator::world(), setup);
    const int dim = cube.dimension();
    {
      // Degree 1, u = -1 and 1 at the ends of one direction: x^T A x = 4, and 2^dim times the
      // diagonal entry dim / 3^(dim-1): 4 / 2, 4 / (8/3), 4 / (8/3).
      const fem::Space space(cube, 1);
      const CellOperator<double> op(cube, space, test::no_constraints(space),
                                    test::diffusion_form(dim, test::number(3.0)));
      const double expected = dim == 1 ? 2.0 : 1.5;
      EXPECT_GT(bound_of(cube, op), expected);
      EXPECT_LT(bound_of(cube, op), 1.002 * expected);
    }
    // Without prescribed unknowns the bound is reached, also by boxes and with a reaction.
    setup.cells = {4, 3, 2};
    const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
    for (const int degree : {1, 2, 4}) {
      const fem::Space space(mesh, degree);
      physics::Form form = test::diffusion_form(dim, test::number(1.0));
      form.regions[0].has_reaction = true;
      form.regions[0].reaction = test::number(7.0);
      const CellOperator<double> op(mesh, space, test::no_constraints(space), form);
      const double largest = largest_eigenvalue(mesh, space, op);
      EXPECT_LT(largest, bound_of(mesh, op));
      EXPECT_GT(1.003 * largest, bound_of(mesh, op)) << "degree " << degree;
      // Prescribed unknowns only lower the spectrum.
      physics::BoundaryForm value = test::boundary(mesh, physics::BoundaryForm::Kind::value,
                                                   {test::side_name(dim, 0, false)});
      value.value = test::number(0.0);
      form.boundaries = {value};
      const assembly::FixedValues fixed = assembly::fixed_values(mesh, space, form);
      const CellOperator<double> some(mesh, space, fixed.constraints, form);
      EXPECT_LT(largest_eigenvalue(mesh, space, some), bound_of(mesh, some));
    }
    // A Robin boundary, and cells of another shape on one rank, leave it open.
    const fem::Space space(mesh, 2);
    const CellOperator<double> robin(mesh, space, test::no_constraints(space),
                                     make_form(mesh, Kind::diagonal));
    EXPECT_TRUE(mesh.communicator.any(!robin.spectrum_bound()));
    if (dim == 1) continue;
    setup.distortion = 0.3;
    const mesh::Mesh distorted = test::make_mesh(comm::Communicator::world(), setup);
    const fem::Space other(distorted, 2);
    const CellOperator<double> general(distorted, other, test::no_constraints(other),
                                       test::diffusion_form(dim, test::number(1.0)));
    EXPECT_TRUE(mesh.communicator.any(!general.spectrum_bound()));
  }
}
