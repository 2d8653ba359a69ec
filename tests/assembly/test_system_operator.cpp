// The Jacobian of systems without a matrix against the assembled one, on meshes that are
// distorted, curved, turned cell by cell and scattered over the ranks.
#include <gtest/gtest.h>

#include "ritz/assembly/system_operator.hpp"
#include "ritz/la/vector.hpp"
#include "system_tools.hpp"

using namespace ritz;
using assembly::SystemOperator;
using mesh::CellType;
using test::Arrays;
using test::BlockSystem;
using test::Kind;
using test::Point;
using test::Texts;

namespace {

const Texts axes{"x", "y", "z"};

std::string derivative(int d, const std::string& u) {
  return "d" + axes[static_cast<std::size_t>(d)] + "(" + u + ")";
}

/// Isotropic elasticity, its moduli times `modulus`; f0 = `inertia` of u_i for {u} in it.
physics::SystemForm elasticity(int dim, const std::string& modulus, const std::string& inertia,
                               double mu = 0.7) {
  Texts unknowns, f0, f1;
  std::string divergence;
  for (int d = 0; d < dim; ++d) {
    unknowns.push_back("u" + axes[static_cast<std::size_t>(d)]);
    divergence += (d == 0 ? "" : " + ") + derivative(d, unknowns.back());
  }
  for (int i = 0; i < dim; ++i) {
    std::string mass = inertia;
    for (std::size_t at = mass.find("{u}"); at != std::string::npos; at = mass.find("{u}"))
      mass.replace(at, 3, unknowns[static_cast<std::size_t>(i)]);
    f0.push_back(mass + " - 1");
    for (int d = 0; d < dim; ++d) {
      std::string stress = std::to_string(mu) + "*(" +
                           derivative(d, unknowns[static_cast<std::size_t>(i)]) + " + " +
                           derivative(i, unknowns[static_cast<std::size_t>(d)]) + ")";
      if (i == d) stress += " + 1.3*(" + divergence + ")";
      f1.push_back(modulus + "*(" + stress + ")");
    }
  }
  return test::system_form(dim, unknowns, f0, f1);
}

/// Rollers on one side, a fixed side and springs on another.
void support(physics::SystemForm& form, const mesh::Mesh& mesh) {
  const int dim = mesh.dimension(), m = form.n_unknowns();
  for (int i = 0; i < m; ++i) {
    test::add_boundary(form, mesh, Kind::value, {test::side_name(dim, 0, false)}, i, "0.5*x");
    test::add_boundary(form, mesh, Kind::natural, {test::side_name(dim, 0, true)}, i,
                       "(2 + y)*" + form.unknowns[static_cast<std::size_t>(i)] + " + 0.3*nx*" +
                           form.unknowns[static_cast<std::size_t>((i + 1) % m)] + " - t");
  }
  if (dim > 1) {
    test::add_boundary(form, mesh, Kind::value, {test::side_name(dim, 1, false)}, m - 1, "0");
  }
}

/// m unknowns with constant coefficients, all of them coupled and not symmetric.
physics::SystemForm coupled(int dim, int m) {
  Texts unknowns, f0, f1;
  for (int i = 0; i < m; ++i) unknowns.push_back("w" + std::to_string(i));
  for (int i = 0; i < m; ++i) {
    std::string sum = "3*dt(" + unknowns[static_cast<std::size_t>(i)] + ")";
    for (int j = 0; j < m; ++j) {
      const std::string& u = unknowns[static_cast<std::size_t>(j)];
      sum += " + " + std::to_string(0.5 + i - 0.2 * j) + "*" + u + " + 0.4*" +
             derivative((i + j) % dim, u);
    }
    f0.push_back(sum);
    for (int d = 0; d < dim; ++d) {
      const std::string& next = unknowns[static_cast<std::size_t>((i + 1) % m)];
      f1.push_back(std::to_string(2 + i) + "*" +
                   derivative(d, unknowns[static_cast<std::size_t>(i)]) + " + 0.3*" +
                   derivative((d + 1) % dim, next) + " + 0.1*" + next);
    }
  }
  return test::system_form(dim, unknowns, f0, f1);
}

struct Difference {
  double action = 0, diagonal = 0, symmetry = 0;  ///< largest, over the matrix' norm
};

struct Shifts {
  double rate = 0, second = 0;
};

template <class T>
Difference compare(const mesh::Mesh& mesh, int degree, const physics::SystemForm& form,
                   Shifts shifts, assembly::SystemCellKinds* kinds) {
  const fem::Space space(mesh, degree);
  const int m = form.n_unknowns();
  const Arrays state = test::random_arrays(space, m);
  BlockSystem system(mesh, space, form);
  const std::vector<double> entries = system.jacobian(state, shifts.rate, shifts.second);
  SystemOperator<T> op(mesh, space, form, system.assembler.is_fixed());
  // Twice, as in a sequence of steps: the first one must leave nothing behind.
  Arrays other = state;
  other.time = 7;
  for (double& value : other.u) value *= 0.5;
  static_cast<void>(op.update(other.state(), 2 * shifts.rate + 1, shifts.second));
  EXPECT_LT(op.update(state.state(), shifts.rate, shifts.second).bad_cell, 0);
  if (kinds) *kinds = op.cells();
  const auto n = static_cast<std::size_t>(space.n_owned * m);
  EXPECT_EQ(static_cast<std::size_t>(op.n_owned()), n);

  const std::vector<double> x = test::random_state(space, m, 11),
                            v = test::random_state(space, m, 12);
  device::View<T*> in("in", n), out("out", n), second("second", n), diagonal("diagonal", n);
  for (std::size_t i = 0; i < n; ++i) in(i) = static_cast<T>(x[i]);
  Kokkos::deep_copy(out, T(-7));
  // Hooks: every unknown once, before and after.
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
  op.apply(in, second);
  op.diagonal(diagonal);
  const std::vector<double> expected = system.multiply(entries, x);
  Difference result;
  double left = 0, right = 0;
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_EQ(out(i), final_values[i]);
    EXPECT_EQ(out(i), second(i));
    result.action = std::max(result.action, std::abs(static_cast<double>(out(i)) - expected[i]));
    for (std::size_t k = system.offsets[i]; k < system.offsets[i + 1]; ++k) {
      if (system.columns[k] == static_cast<LocalId>(i)) {
        result.diagonal = std::max(result.diagonal, std::abs(diagonal(i) - entries[k]));
      }
    }
    left += v[i] * static_cast<double>(out(i));
  }
  for (std::size_t i = 0; i < n; ++i) in(i) = static_cast<T>(v[i]);
  op.apply(in, second);
  for (std::size_t i = 0; i < n; ++i) right += x[i] * static_cast<double>(second(i));
  const comm::Communicator& communicator = space.communicator;
  const double norm = system.norm(entries);
  result.action = communicator.max(result.action) / norm;
  result.diagonal = communicator.max(result.diagonal) / norm;
  const double n_all = static_cast<double>(space.n_global * m);
  result.symmetry =
      std::abs(communicator.sum(left) - communicator.sum(right)) / (norm * std::sqrt(n_all));
  return result;
}

/// Round-off: sums of n^d products whose factors are known to a few times the machine's epsilon.
constexpr double round_off = 2e-13;
constexpr double float_round_off = 5e-5;

assembly::SystemCellKinds expect_equal(const mesh::Mesh& mesh, int degree,
                                       const physics::SystemForm& form, Shifts shifts,
                                       bool symmetric, const std::string& what) {
  assembly::SystemCellKinds kinds;
  const Difference in_double = compare<double>(mesh, degree, form, shifts, &kinds);
  EXPECT_LT(in_double.action, round_off) << what << ", degree " << degree;
  EXPECT_LT(in_double.diagonal, round_off) << what << ", degree " << degree;
  if (symmetric) {
    EXPECT_LT(in_double.symmetry, round_off) << what << ", degree " << degree;
  }
  const Difference in_float = compare<float>(mesh, degree, form, shifts, nullptr);
  EXPECT_LT(in_float.action, float_round_off) << what << ", degree " << degree;
  EXPECT_LT(in_float.diagonal, float_round_off) << what << ", degree " << degree;
  return kinds;
}

mesh::Mesh make_mesh(CellType type, bool curved, double distortion = 0.3) {
  test::Setup setup;
  setup.type = type;
  setup.cells =
      type == CellType::quad ? std::array<GlobalId, 3>{4, 3, 1} : std::array<GlobalId, 3>{3, 2, 2};
  setup.curved = curved;
  setup.distortion = curved ? 0 : distortion;
  setup.how = curved ? test::Spread::scattered : test::Spread::blocks;
  return test::make_mesh(comm::Communicator::world(), setup);
}

const std::vector<CellType> all_types{CellType::line, CellType::quad, CellType::hex};

}  // namespace

TEST(SystemOperator, ElasticityOnAnyCellAndDegree) {
  for (const CellType type : {CellType::quad, CellType::hex}) {
    const int last = type == CellType::quad ? 8 : 5;
    for (int degree = 1; degree <= last; ++degree) {
      const mesh::Mesh mesh = make_mesh(type, degree == 3);
      physics::SystemForm form = elasticity(mesh.dimension(), "1", "0");
      support(form, mesh);
      const auto kinds = expect_equal(mesh, degree, form, {}, false, "elasticity");
      EXPECT_TRUE(kinds.isotropic);
      EXPECT_EQ(mesh.communicator.sum(degree == 3 ? kinds.stored : kinds.multilinear),
                mesh.n_cells_global);
    }
  }
}

// The matrix of these elements would take minutes: for linear equations A x = F(x) - F(0).
TEST(SystemOperator, HighDegreesInThreeDimensions) {
  for (int degree = 6; degree <= 8; ++degree) {
    for (const bool curved : {false, true}) {
      for (const bool elastic : {true, false}) {
        const mesh::Mesh mesh = make_mesh(CellType::hex, curved);
        const fem::Space space(mesh, degree);
        const physics::SystemForm form =
            elastic ? elasticity(3, "(1 + 0.3*x*y)", "2*{u}*z") : coupled(3, 2);
        const int m = form.n_unknowns();
        assembly::SystemAssembler::Options options;
        options.residual_only = true;
        const assembly::SystemAssembler dense(mesh, space, form, options);
        const auto n = static_cast<std::size_t>(space.n_owned * m);
        const std::vector<double> x = test::random_state(space, m, 11);
        const std::vector<double> zero(x.size(), 0.0);
        const la::Vector at_x("at_x", n), at_zero("at_zero", n), y("y", n), in("in", n);
        EXPECT_LT(dense.residual({0.0, x}, at_x).bad_cell, 0);
        EXPECT_LT(dense.residual({0.0, zero}, at_zero).bad_cell, 0);
        SystemOperator<double> op(mesh, space, form, dense.is_fixed());
        EXPECT_LT(op.update({0.0, zero}, 0, 0).bad_cell, 0);
        std::copy_n(x.data(), n, in.data());
        op.apply(in, y);
        double largest = 0, apart = 0;
        for (std::size_t i = 0; i < n; ++i) {
          largest = std::max(largest, std::abs(y(i)));
          apart = std::max(apart, std::abs(at_x(i) - at_zero(i) - y(i)));
        }
        // Derivatives at the points of degree 8 are differences of numbers 30 times as large.
        EXPECT_LT(space.communicator.max(apart), 1e-12 * space.communicator.max(largest))
            << "degree " << degree << (curved ? ", curved" : "") << (elastic ? ", elastic" : "");
      }
    }
  }
}

TEST(SystemOperator, SymmetricForElasticity) {
  for (const CellType type : {CellType::quad, CellType::hex}) {
    for (const bool curved : {false, true}) {
      const mesh::Mesh mesh = make_mesh(type, curved);
      for (const std::string modulus : {"1", "(1 + 0.3*sin(x)*y)"}) {
        physics::SystemForm form = elasticity(mesh.dimension(), modulus, "0");
        test::add_boundary(form, mesh, Kind::value, {test::side_name(mesh.dimension(), 0, false)},
                           0, "0");
        expect_equal(mesh, 2, form, {}, true, modulus);
      }
    }
  }
}

TEST(SystemOperator, BoxesAndParallelepipedsHaveOneSetOfNumbers) {
  for (const CellType type : {CellType::quad, CellType::hex}) {
    mesh::Mesh mesh = make_mesh(type, false, 0.0);
    physics::SystemForm form = elasticity(mesh.dimension(), "1", "0");
    support(form, mesh);
    expect_equal(mesh, 2, form, {}, false, "boxes");
    test::move_nodes(mesh, [](const Point& x) {
      return Point{x[0] + 0.3 * x[1], x[1] + 0.2 * x[2], x[2] - 0.1 * x[0]};
    });
    const auto kinds = expect_equal(mesh, 3, form, {}, false, "sheared boxes");
    EXPECT_EQ(mesh.communicator.sum(kinds.constant), mesh.n_cells_global);
  }
}

TEST(SystemOperator, InertiaAndDamping) {
  for (const CellType type : {CellType::quad, CellType::hex}) {
    for (const bool curved : {false, true}) {
      const mesh::Mesh mesh = make_mesh(type, curved);
      physics::SystemForm form =
          elasticity(mesh.dimension(), "1", "2.5*dtt({u}) + 0.4*dt({u}) + 0.1*{u}");
      support(form, mesh);
      EXPECT_TRUE(expect_equal(mesh, 2, form, {3.0, 40.0}, false, "inertia").isotropic);
      // Another sign of f0, which is not one number for all.
      form = elasticity(mesh.dimension(), "1", "2.5*dtt({u}) + 0.4*dt({u})*x");
      support(form, mesh);
      EXPECT_FALSE(expect_equal(mesh, 2, form, {3.0, 40.0}, false, "varying damping").isotropic);
    }
  }
}

TEST(SystemOperator, EqualCoefficientsAreKeptOnce) {
  // 21 entries of isotropic elasticity: lambda + 2 mu, lambda and mu at each point.
  const mesh::Mesh mesh = make_mesh(CellType::hex, false);
  physics::SystemForm form = elasticity(3, "(1 + 0.3*sin(x)*y)", "0");
  support(form, mesh);
  const auto kinds = expect_equal(mesh, 2, form, {}, false, "varying modulus");
  EXPECT_FALSE(kinds.isotropic);
  EXPECT_EQ(kinds.n_entries, 21);
  EXPECT_EQ(kinds.n_varying, 3);
  // Nearly isotropic is not isotropic.
  form = elasticity(3, "1", "0");
  const expr::Symbols symbols{physics::volume_variables(form.unknowns, 3), {}};
  form.regions[0].f1[0] =
      expr::Expression::parse("2.7000001*dx(ux) + 1.3*(dy(uy) + dz(uz))", symbols);
  EXPECT_FALSE(expect_equal(mesh, 2, form, {}, false, "nearly isotropic").isotropic);
}

TEST(SystemOperator, AnyNumberOfUnknowns) {
  for (const CellType type : all_types) {
    for (int m = 1; m <= 5; ++m) {
      const mesh::Mesh mesh = make_mesh(type, m == 2);
      physics::SystemForm form = coupled(mesh.dimension(), m);
      support(form, mesh);
      expect_equal(mesh, 1 + m % 4, form, {1.7, 0}, false, std::to_string(m) + " unknowns");
    }
  }
}

TEST(SystemOperator, NonlinearSystems) {
  for (const CellType type : all_types) {
    for (const bool curved : {false, true}) {
      for (const int degree : {1, 2, 4}) {
        mesh::Mesh mesh = make_mesh(type, curved);
        test::cut_in_two(mesh);
        physics::SystemForm form = test::nasty_form(mesh, 2);
        test::add_boundary(form, mesh, Kind::value, {"left"}, 1, "0.2*y");
        expect_equal(mesh, degree, form, {1.3, 0.6}, false, curved ? "curved" : "distorted");
      }
    }
  }
  const mesh::Mesh mesh = make_mesh(CellType::quad, false);
  for (int degree = 5; degree <= 8; ++degree)
    expect_equal(mesh, degree, test::nasty_form(mesh), {1.3, 0.6}, false, "high degree");
}

TEST(SystemOperator, RegionsOfDifferentMaterials) {
  for (const CellType type : {CellType::quad, CellType::hex}) {
    mesh::Mesh mesh = make_mesh(type, false);
    test::cut_in_two(mesh);
    physics::SystemForm form = elasticity(mesh.dimension(), "1", "0");
    form.regions.push_back(elasticity(mesh.dimension(), "50", "0", 0.2).regions[0]);
    support(form, mesh);
    EXPECT_TRUE(expect_equal(mesh, 3, form, {}, false, "two materials").isotropic);
  }
}

TEST(SystemOperator, AnyUnits) {
  // Nanometres and gigapascals in single precision.
  for (const CellType type : {CellType::quad, CellType::hex}) {
    mesh::Mesh mesh = make_mesh(type, false);
    test::move_nodes(mesh, [](const Point& x) {
      return Point{1e-9 * x[0] + 1e-8, 1e-9 * x[1], 1e-9 * x[2]};
    });
    physics::SystemForm form = elasticity(mesh.dimension(), "1e11", "0");
    test::add_boundary(form, mesh, Kind::value, {test::side_name(mesh.dimension(), 0, false)}, 0,
                       "0");
    expect_equal(mesh, 2, form, {}, true, "nanometres");
  }
}

TEST(SystemOperator, RanksWithoutCellsAndFewerCellsThanLanes) {
  test::Setup setup;
  setup.cells = {2, 1, 1};
  setup.how = test::Spread::one_rank;
  const mesh::Mesh mesh = test::make_mesh(comm::Communicator::world(), setup);
  physics::SystemForm form = elasticity(3, "(2 + x)", "0");
  support(form, mesh);
  expect_equal(mesh, 3, form, {}, false, "two cells");
}

TEST(SystemOperator, AValueThatIsNotFiniteIsTold) {
  const mesh::Mesh mesh = make_mesh(CellType::quad, false);
  const fem::Space space(mesh, 2);
  const physics::SystemForm form = test::system_form(2, {"u"}, {"0"}, {"sqrt(u)*dx(u)", "dy(u)"});
  const assembly::SystemAssembler assembler(mesh, space, form);
  SystemOperator<double> op(mesh, space, form, assembler.is_fixed());
  Arrays state = test::random_arrays(space, 1);
  std::fill(state.u.begin(), state.u.end(), -1.0);
  const auto result = op.update(state.state(), 0, 0);
  EXPECT_EQ(mesh.communicator.any(result.bad_cell >= 0), true);
  if (result.bad_cell >= 0) {
    EXPECT_NE(result.text().find("f1.x of u"), std::string::npos) << result.text();
  }
  std::fill(state.u.begin(), state.u.end(), 1.0);
  EXPECT_LT(op.update(state.state(), 0, 0).bad_cell, 0);
}
