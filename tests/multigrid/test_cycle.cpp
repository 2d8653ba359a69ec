#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "count_allocations.hpp"
#include "dense_solver.hpp"
#include "multigrid_tools.hpp"
#include "ritz/base/error.hpp"

namespace ritz::multigrid {
namespace {

using test::Equation;
using test::Solved;
using test::world;
using Kind = physics::BoundaryForm::Kind;

struct Problem {
  mesh::Hierarchy hierarchy;
  physics::Form form;
};

mesh::CellType tensor_type(int dimension) {
  return dimension == 1   ? mesh::CellType::line
         : dimension == 2 ? mesh::CellType::quad
                          : mesh::CellType::hex;
}

/// -div(K grad u) = 1 on a box, zero on its boundary, with coarser meshes by `steps` (or so many).
template <class Steps>
Problem box_problem(const mesh::Box& box, const Steps& steps, physics::Coefficient k) {
  const int dimension = mesh::table(box.cell_type).dimension;
  Problem problem{test::box_hierarchy(box, steps), test::poisson(dimension, std::move(k))};
  test::add_boundary(problem.form, problem.hierarchy.finest(), Kind::value,
                     test::box_sides(dimension));
  mesh::inherit_sets(problem.hierarchy);
  return problem;
}

Solved solve(const Problem& problem, int degree, const Options& options, double tolerance = 1e-8) {
  const Equation equation(problem.hierarchy.finest(), degree, problem.form);
  const auto multigrid = make(problem.hierarchy, equation.space, problem.form, 0.0, options, {});
  Solved solved = test::solve(equation, *multigrid, tolerance, problem.form.is_pure_neumann());
  // The recursion's residual and the true one drift apart by round-off only.
  EXPECT_LT(solved.residual, 1.01 * tolerance);
  return solved;
}

Options first_kind() {
  Options options;
  options.smoother = Options::Smoother::chebyshev_1;
  return options;
}

// Iterations to 1e-8 of -Lap u = 1 with the defaults (fourth kind, degree 3), one row a degree; the
// bounds are the counts when this was written. Flat in h.
TEST(Iterations, Square) {
  const std::array<int, 8> most{5, 5, 6, 6, 6, 6, 7, 7};
  for (int degree = 1; degree <= 8; ++degree) {
    std::vector<int> counts;
    for (const GlobalId n : {8, 16, 32}) {
      if (degree > 4 && n == 32) continue;  // for time
      const int levels = n == 8 ? 0 : n == 16 ? 1 : 2;
      counts.push_back(
          solve(box_problem(test::cube(mesh::CellType::quad, n), levels, test::number(1.0)), degree,
                {})
              .n_iterations);
      EXPECT_LE(counts.back(), most[static_cast<std::size_t>(degree - 1)])
          << "degree " << degree << ", " << n << " cells a side";
    }
  }
}

TEST(Iterations, Cube) {
  const std::array<int, 8> most{5, 5, 7, 6, 7, 7, 8, 8};
  for (int degree = 1; degree <= 8; ++degree) {
    for (const GlobalId n : {4, 8, 16}) {
      if (n * degree > 32) continue;  // for time
      const int n_iterations = solve(box_problem(test::cube(mesh::CellType::hex, n),
                                                 n == 4   ? 0
                                                 : n == 8 ? 1
                                                          : 2,
                                                 test::number(1.0)),
                                     degree, {})
                                   .n_iterations;
      EXPECT_LE(n_iterations, most[static_cast<std::size_t>(degree - 1)])
          << "degree " << degree << ", " << n << " cells a side";
    }
  }
}

TEST(Iterations, Line) {
  for (const int degree : {1, 2, 5, 8}) {
    EXPECT_LE(
        solve(box_problem(test::cube(mesh::CellType::line, 64), 3, test::number(1.0)), degree, {})
            .n_iterations,
        7);
  }
}

TEST(Iterations, FirstKind) {
  for (const int degree : {1, 2, 4, 7}) {
    EXPECT_LE(solve(box_problem(test::cube(mesh::CellType::quad, 16), 1, test::number(1.0)), degree,
                    first_kind())
                  .n_iterations,
              7);
  }
}

TEST(Iterations, DeformedMesh) {
  for (const int degree : {1, 2, 3, 4, 8}) {
    mesh::Box box = test::cube(mesh::CellType::quad, 16);
    box.distortion = mesh::Box::Distortion::smooth;
    box.distortion_amount = 0.1;
    EXPECT_LE(solve(box_problem(box, 1, test::number(1.0)), degree, {}).n_iterations, 8);
  }
  mesh::Box box = test::cube(mesh::CellType::hex, 8);
  box.distortion = mesh::Box::Distortion::smooth;
  box.distortion_amount = 0.1;
  EXPECT_LE(solve(box_problem(box, 1, test::number(1.0)), 4, {}).n_iterations, 8);
  box.distortion = mesh::Box::Distortion::random;
  box.distortion_amount = 0.3;
  EXPECT_LE(solve(box_problem(box, 1, test::number(1.0)), 2, {}).n_iterations, 9);
}

TEST(Iterations, VariableCoefficient) {
  const auto k = test::formula("1 / (0.05 + 2 * (x^2 + y^2 + z^2))");
  for (const int degree : {1, 2, 4, 8}) {
    EXPECT_LE(
        solve(box_problem(test::cube(mesh::CellType::quad, 16), 1, k), degree, {}).n_iterations, 7);
  }
  EXPECT_LE(solve(box_problem(test::cube(mesh::CellType::hex, 8), 1, k), 4, {}).n_iterations, 7);
}

TEST(Iterations, ScrambledHexesRefined) {
  // Turned cells, random vertex numbers, cells anywhere; regular refinement of it.
  for (const bool curved : {false, true}) {
    Problem problem;
    problem.hierarchy = mesh::single(test::make_mesh(
        world(), {.cells = {3, 3, 3}, .how = test::Spread::scattered, .curved = curved}));
    mesh::refine(problem.hierarchy, 1);
    problem.form = test::poisson(3, test::number(1.0));
    test::add_boundary(problem.form, problem.hierarchy.finest(), Kind::value, {"left", "top"});
    mesh::inherit_sets(problem.hierarchy);
    for (const int degree : {1, 2, 4}) {
      EXPECT_LE(solve(problem, degree, {}).n_iterations, 10) << "degree " << degree;
    }
  }
}

TEST(Iterations, NaturalBoundaries) {
  for (const int dimension : {1, 2, 3}) {
    const mesh::Box box = test::cube(tensor_type(dimension), dimension == 3 ? 8 : 16);
    // Robin all around, no prescribed value.
    Problem robin{test::box_hierarchy(box, 1), test::poisson(dimension, test::number(1.0))};
    test::add_boundary(robin.form, robin.hierarchy.finest(), Kind::robin,
                       test::box_sides(dimension));
    mesh::inherit_sets(robin.hierarchy);
    EXPECT_LE(solve(robin, 3, {}).n_iterations, 8) << "Robin, dimension " << dimension;

    // Pure Neumann: a source with mean zero.
    Problem neumann{test::box_hierarchy(box, 1), test::poisson(dimension, test::number(1.0))};
    neumann.form.regions[0].source = test::formula("x - 0.5");
    ASSERT_TRUE(neumann.form.is_pure_neumann());
    EXPECT_LE(solve(neumann, 3, {}).n_iterations, 8) << "Neumann, dimension " << dimension;
  }
}

// Strong couplings are halved first, at the full degree: no more than on cubes. The bounds are the
// counts when this was written.
TEST(Iterations, StretchedSquare) {
  for (const double length : {10.0, 100.0}) {
    for (const int degree : {1, 2, 4, 8}) {
      mesh::Box box = test::cube(mesh::CellType::quad, 16);
      box.upper[1] = length;
      const auto steps = mesh::box_steps(box, world().size());
      EXPECT_LE(solve(box_problem(box, steps, test::number(1.0)), degree, {}).n_iterations,
                degree == 8 ? 10 : 7)
          << length << ", degree " << degree;
    }
  }
}

TEST(Iterations, StretchedCube) {
  for (const int degree : {1, 2, 4, 8}) {
    const GlobalId n = degree == 8 ? 8 : 16;
    for (const std::array<double, 3> size :
         {std::array{10.0, 1.0, 1.0}, std::array{100.0, 10.0, 1.0}, std::array{1.0, 10.0, 10.0}}) {
      mesh::Box box = test::cube(mesh::CellType::hex, n);
      box.upper = size;
      const auto steps = mesh::box_steps(box, world().size());
      EXPECT_LE(solve(box_problem(box, steps, test::number(1.0)), degree, {}).n_iterations,
                degree == 8 ? 9 : 7)
          << size[0] << " x " << size[1] << " x " << size[2] << ", degree " << degree;
    }
  }
}

TEST(Iterations, StretchedGradedDeformed) {
  // Cells of unlike sizes: what is halved first is the mean.
  mesh::Box box = test::cube(mesh::CellType::quad, 16);
  box.upper[0] = 10;
  box.grading = {4, 0.25, 1};
  box.distortion = mesh::Box::Distortion::smooth;
  box.distortion_amount = 0.1;
  const auto steps = mesh::box_steps(box, world().size());
  for (const int degree : {1, 2, 4}) {
    EXPECT_LE(solve(box_problem(box, steps, test::number(1.0)), degree, {}).n_iterations, 14)
        << "degree " << degree;
  }
}

TEST(Iterations, AnisotropicDiffusion) {
  for (const int degree : {1, 4}) {
    const mesh::Box box = test::cube(mesh::CellType::hex, 16);
    const auto steps = mesh::box_steps(box, world().size(), {1, 100, 1e4});
    Problem problem = box_problem(box, steps, test::number(1.0));
    physics::RegionForm& region = problem.form.regions[0];
    region.diffusion_kind = physics::DiffusionKind::diagonal;
    region.diffusion = {test::number(1), test::number(100), test::number(1e4)};
    EXPECT_LE(solve(problem, degree, {}).n_iterations, 7) << "degree " << degree;
  }
}

TEST(Cycle, IsSymmetricAndPositive) {
  for (const Options::Smoother smoother :
       {Options::Smoother::chebyshev_4, Options::Smoother::chebyshev_1}) {
    for (const int m : {1, 2, 3, 4}) {
      mesh::Box box = test::cube(mesh::CellType::hex, 4);
      box.distortion = mesh::Box::Distortion::smooth;
      box.distortion_amount = 0.1;
      const Problem problem = box_problem(box, 1, test::formula("1 + x * y"));
      Options options;
      options.smoother = smoother;
      options.smoother_degree = m;
      options.precision = Options::Precision::double_precision;
      const fem::Space space(problem.hierarchy.finest(), 4);
      const auto multigrid = make(problem.hierarchy, space, problem.form, 0.0, options, {});
      EXPECT_FALSE(multigrid->is_variable());
      const la::Vector x = test::noise(space, 1), y = test::noise(space, 2);
      const la::Vector mx = la::make_vector("mx", space.n_owned);
      const la::Vector my = la::make_vector("my", space.n_owned);
      multigrid->apply(x, mx);
      multigrid->apply(y, my);
      // Thousands of terms of either sign: relative to the size of the sums without signs.
      const double scale = la::norm2(world(), x) * la::norm2(world(), my);
      EXPECT_NEAR(la::dot(world(), x, my), la::dot(world(), y, mx), 1e-13 * scale);
      EXPECT_GT(la::dot(world(), x, mx), 0);
      EXPECT_GT(la::dot(world(), y, my), 0);
      const la::Vector again = la::make_vector("again", space.n_owned);
      multigrid->apply(x, again);
      for (std::size_t i = 0; i < again.extent(0); ++i) ASSERT_EQ(again(i), mx(i));
    }
  }
}

TEST(Cycle, PrescribedUnknownsPassThrough) {
  const Problem problem = box_problem(test::cube(mesh::CellType::quad, 8), 1, test::number(1.0));
  const Equation equation(problem.hierarchy.finest(), 3, problem.form);
  const auto multigrid = make(problem.hierarchy, equation.space, problem.form, 0.0, {}, {});
  const la::Vector r = test::noise(equation.space, 5);
  const la::Vector z = la::make_vector("z", equation.space.n_owned);
  const la::Vector other = la::make_vector("other", equation.space.n_owned);
  multigrid->apply(r, z);
  for (std::size_t i = 0; i < r.extent(0); ++i) {
    if (equation.fixed.is_fixed[i] == 0) continue;
    EXPECT_EQ(z(i), r(i));
    r(i) += 1;
  }
  multigrid->apply(r, other);
  for (std::size_t i = 0; i < r.extent(0); ++i) {
    if (equation.fixed.is_fixed[i] != 0) continue;
    EXPECT_EQ(other(i), z(i));
  }
}

TEST(Cycle, FloatIsDoubleToRoundOff) {
  const Problem problem = box_problem(test::cube(mesh::CellType::hex, 4), 1, test::number(1.0));
  const fem::Space space(problem.hierarchy.finest(), 4);
  Options options;
  const auto in_float = make(problem.hierarchy, space, problem.form, 0.0, options, {});
  options.precision = Options::Precision::double_precision;
  const auto in_double = make(problem.hierarchy, space, problem.form, 0.0, options, {});
  const la::Vector r = test::noise(space, 1);
  const la::Vector f = la::make_vector("f", space.n_owned);
  const la::Vector d = la::make_vector("d", space.n_owned);
  in_float->apply(r, f);
  in_double->apply(r, d);
  la::axpby(-1.0, d, 1.0, f);
  // Unit round-off 6e-8 times the condition number of an intermediate result, some tens here; the
  // estimated eigenvalues agree to as much.
  EXPECT_LT(la::norm2(world(), f), 1e-5 * la::norm2(world(), d));
  EXPECT_GT(la::norm2(world(), f), 0);
  EXPECT_LT(in_float->bytes(), in_double->bytes());
}

/// M^-1 noise by persistent ids.
std::map<GlobalId, double> result_by_id(const mesh::Hierarchy& hierarchy,
                                        const physics::Form& form) {
  const fem::Space space(hierarchy.finest(), 4);
  Options options;
  options.precision = Options::Precision::double_precision;
  const auto multigrid = make(hierarchy, space, form, 0.0, options, {});
  const la::Vector r = test::noise(space, 1), z = la::make_vector("z", space.n_owned);
  multigrid->apply(r, z);
  std::map<GlobalId, double> all;
  for (std::size_t i = 0; i < z.extent(0); ++i) all[space.dof_gid[i]] = z(i);
  return all;
}

TEST(Cycle, SameForEveryNumberOfRanks) {
  mesh::Box box = test::cube(mesh::CellType::hex, 8);
  box.distortion = mesh::Box::Distortion::random;
  box.distortion_amount = 0.3;
  const Problem problem = box_problem(box, 1, test::formula("1 + x * y"));
  const auto mine = result_by_id(problem.hierarchy, problem.form);
  mesh::Hierarchy alone =
      mesh::make_box_hierarchy(comm::Communicator::self(), box, {7}, [](const mesh::Mesh& raw) {
        return std::vector<int>(static_cast<std::size_t>(raw.n_cells_owned), 0);
      });
  const auto whole = result_by_id(alone, problem.form);
  double largest = 0;
  for (const auto& [id, value] : whole) largest = std::max(largest, std::abs(value));
  // Sums in another order; the eigenvalue's estimate passes them on a few times enlarged.
  for (const auto& [id, value] : mine) ASSERT_NEAR(value, whole.at(id), 1e-11 * largest);
}

TEST(Cycle, AllocatesNothing) {
  for (const int dimension : {2, 3}) {
    // A step in y alone, then all directions: transfers of all kinds.
    const Problem problem = box_problem(test::cube(tensor_type(dimension), 8),
                                        std::vector<mesh::Directions>{2, 7}, test::number(1.0));
    const fem::Space space(problem.hierarchy.finest(), 4);
    const auto multigrid = make(problem.hierarchy, space, problem.form, 0.0, {}, {});
    const la::Vector r = test::noise(space, 1), z = la::make_vector("z", space.n_owned);
    multigrid->apply(r, z);
    const long before = test::n_allocations;
    multigrid->apply(r, z);
    EXPECT_EQ(test::n_allocations, before);
  }
}

/// A dense inverse in double behind the interface of the injected solvers.
class Injected final : public la::Preconditioner {
 public:
  Injected(const la::Matrix& matrix, bool null_space)
      : dense_(matrix, ids(matrix), kernel(matrix, null_space)) {}
  void apply(const la::Vector& r, const la::Vector& z) const override {
    dense_.apply(r.data(), z.data());
  }

 private:
  static std::vector<GlobalId> ids(const la::Matrix& matrix) {
    std::vector<GlobalId> list;
    for (LocalId i = 0; i < matrix.layout().n_owned; ++i) {
      list.push_back(matrix.layout().first + i);
    }
    return list;
  }
  static std::vector<la::Vector> kernel(const la::Matrix& matrix, bool null_space) {
    if (!null_space) return {};
    const la::Vector constant = la::make_vector("constant", matrix.layout().n_owned);
    la::fill(constant, 1 / std::sqrt(static_cast<double>(matrix.layout().n_global)));
    return {constant};
  }
  DenseSolver<double> dense_;
};

TEST(Coarse, AnInjectedSolverTakesLargeProblems) {
  for (const bool neumann : {false, true}) {
    Problem problem = box_problem(test::cube(mesh::CellType::quad, 8), 1, test::number(1.0));
    if (neumann) problem.form.boundaries.clear();
    const fem::Space space(problem.hierarchy.finest(), 2);
    Options options;
    options.precision = Options::Precision::double_precision;
    const auto direct = make(problem.hierarchy, space, problem.form, 0.0, options, {});
    int n_calls = 0;
    const CoarseFactory factory = [&](const la::Matrix& matrix, bool null_space) {
      ++n_calls;
      EXPECT_EQ(null_space, neumann);
      EXPECT_EQ(matrix.layout().n_global, 25);
      return std::make_unique<Injected>(matrix, null_space);
    };
    options.dense_size = 24;
    const auto injected = make(problem.hierarchy, space, problem.form, 0.0, options, factory);
    EXPECT_EQ(n_calls, 1);
    options.dense_size = 1000;
    options.coarse = Options::Coarse::amg;
    const auto asked = make(problem.hierarchy, space, problem.form, 0.0, options, factory);
    EXPECT_EQ(n_calls, 2);
    options.dense_size = 24;
    options.coarse = Options::Coarse::direct;
    const auto direct_again = make(problem.hierarchy, space, problem.form, 0.0, options, factory);
    EXPECT_EQ(n_calls, 2);
    options.coarse = Options::Coarse::automatic;
    EXPECT_THROW(static_cast<void>(make(problem.hierarchy, space, problem.form, 0.0, options, {})),
                 base::Error);

    const la::Vector r = test::noise(space, 1), z = la::make_vector("z", space.n_owned);
    const la::Vector other = la::make_vector("other", space.n_owned);
    direct->apply(r, z);
    for (const Multigrid* one : {injected.get(), asked.get(), direct_again.get()}) {
      one->apply(r, other);
      la::axpby(-1.0, z, 1.0, other);
      EXPECT_LT(la::norm2(world(), other), 1e-12 * la::norm2(world(), z));
    }
  }
}

TEST(Coarse, NothingLeftToSolveNeedsNoSolver) {
  // One layer of cells between prescribed values has no free vertex; larger than the dense inverse
  // takes, and no other solver given.
  mesh::Box box = test::cube(mesh::CellType::quad, 16);
  box.upper[0] = 1000;
  const Problem problem =
      box_problem(box, std::vector<mesh::Directions>(4, mesh::Directions(2)), test::number(1.0));
  Options options;
  options.dense_size = 1;
  EXPECT_LE(solve(problem, 4, options).n_iterations, 8);
}

TEST(FullMultigrid, StartsNearTheSolution) {
  for (const int degree : {1, 2, 4}) {
    const Problem problem = box_problem(test::cube(mesh::CellType::quad, 16), 2, test::number(1.0));
    const Equation equation(problem.hierarchy.finest(), degree, problem.form);
    const auto multigrid = make(problem.hierarchy, equation.space, problem.form, 0.0, {}, {});
    const la::Vector x = la::make_vector("x", equation.space.n_owned);
    multigrid->initial_guess(equation.rhs, x);
    const Solved solved = test::solve(equation, *multigrid, 1e-12);
    const Solved from_guess = test::solve(equation, *multigrid, 1e-8, false, x);
    EXPECT_LE(from_guess.n_iterations + 1, test::solve(equation, *multigrid, 1e-8).n_iterations);
    la::axpby(-1.0, solved.x, 1.0, x);
    // One cycle on each level leaves the error of the level (some per cent of it at degree 1).
    EXPECT_LT(la::norm2(world(), x), 0.02 * la::norm2(world(), solved.x)) << "degree " << degree;
  }
}

TEST(FullMultigrid, TakesPrescribedValues) {
  Problem problem = box_problem(test::cube(mesh::CellType::quad, 8), 1, test::number(1.0));
  problem.form.boundaries[0].value = test::number(3.0);
  const Equation equation(problem.hierarchy.finest(), 3, problem.form);
  const auto multigrid = make(problem.hierarchy, equation.space, problem.form, 0.0, {}, {});
  const la::Vector x = la::make_vector("x", equation.space.n_owned);
  multigrid->initial_guess(equation.rhs, x);
  for (std::size_t i = 0; i < x.extent(0); ++i) {
    if (equation.fixed.is_fixed[i] == 0) continue;
    EXPECT_EQ(x(i), 3.0);
  }
}

TEST(Levels, DegreesByHalvesThenMeshes) {
  const Problem problem = box_problem(test::cube(mesh::CellType::hex, 8), 1, test::number(1.0));
  const fem::Space space(problem.hierarchy.finest(), 7);
  const auto multigrid = make(problem.hierarchy, space, problem.form, 0.0, {}, {});
  std::vector<std::pair<int, GlobalId>> levels;
  for (const LevelInfo& info : multigrid->levels()) levels.emplace_back(info.degree, info.n_cells);
  EXPECT_THAT(levels, testing::ElementsAre(std::pair{7, 512}, std::pair{3, 512}, std::pair{1, 512},
                                           std::pair{1, 64}));
  EXPECT_EQ(multigrid->levels()[0].n_dofs, 57 * 57 * 57);
  EXPECT_EQ(multigrid->levels()[0].n_cartesian, 512);
  EXPECT_THAT(multigrid->text(), testing::HasSubstr("level 3: degree 1, 64 cells, 125 unknowns"));
}

TEST(Levels, PartialHalvingAtTheFullDegree) {
  // Directions of partial steps from the finest mesh on; a later partial step is one of degree 1.
  const Problem problem = box_problem(test::cube(mesh::CellType::hex, 8),
                                      std::vector<mesh::Directions>{4, 6, 7, 1}, test::number(1.0));
  const fem::Space space(problem.hierarchy.finest(), 4);
  const auto multigrid = make(problem.hierarchy, space, problem.form, 0.0, {}, {});
  std::vector<std::pair<int, GlobalId>> levels;
  for (const LevelInfo& info : multigrid->levels()) levels.emplace_back(info.degree, info.n_cells);
  EXPECT_THAT(levels, testing::ElementsAre(std::pair{4, 512}, std::pair{4, 256}, std::pair{4, 64},
                                           std::pair{2, 64}, std::pair{1, 64}, std::pair{1, 8},
                                           std::pair{1, 4}));
}

TEST(Levels, EigenvalueIsBoundedAbove) {
  mesh::Box box = test::cube(mesh::CellType::hex, 8);
  for (const double distortion : {0.0, 0.5}) {
    box.distortion = distortion > 0 ? mesh::Box::Distortion::random : mesh::Box::Distortion::none;
    box.distortion_amount = distortion;
    for (const char* k : {"1", "if(x < 0.5, 1, 1e6)"}) {
      const bool is_number = std::string(k) == "1";
      const Problem problem = box_problem(box, 1, is_number ? test::number(1.0) : test::formula(k));
      const fem::Space space(problem.hierarchy.finest(), 2);
      const auto multigrid = make(problem.hierarchy, space, problem.form, 0.0, {}, {});
      Options many;  // the largest Ritz value has converged from below
      many.eigenvalue_steps = 100;
      many.eigenvalue_safety = 1.0;
      many.precision = Options::Precision::double_precision;
      const auto exact = make(problem.hierarchy, space, problem.form, 0.0, many, {});
      for (std::size_t l = 0; l + 1 < multigrid->levels().size(); ++l) {
        const LevelInfo& level = multigrid->levels()[l];
        const double largest = exact->levels()[l].eigenvalue;
        EXPECT_EQ(level.is_bound, distortion == 0 && is_number);
        if (level.is_bound) {
          // Of the cells alone (tests of assembly): the same for every precision and option.
          EXPECT_NEAR(level.eigenvalue, largest, 1e-6 * largest);
        } else {
          EXPECT_GT(level.eigenvalue, largest);
          EXPECT_LT(level.eigenvalue, 1.11 * largest);
        }
      }
      EXPECT_EQ(exact->levels().back().eigenvalue, 0);
    }
  }
}

TEST(Levels, OneLevelIsTheCoarseSolver) {
  const Problem problem = box_problem(test::cube(mesh::CellType::quad, 4), 0, test::number(1.0));
  EXPECT_LE(solve(problem, 1, {}).n_iterations, 2);  // a direct solve in float, corrected once
}

TEST(Make, RefusesWhatItCannotDo) {
  Problem problem = box_problem(test::cube(mesh::CellType::quad, 8), 1, test::number(1.0));
  const fem::Space space(problem.hierarchy.finest(), 2);
  problem.hierarchy.meshes[0].set_names.clear();
  EXPECT_THROW(static_cast<void>(make(problem.hierarchy, space, problem.form, 0.0, {}, {})),
               base::Error);
  mesh::inherit_sets(problem.hierarchy);
  const fem::Space elsewhere(problem.hierarchy.meshes[0], 2);
  EXPECT_THROW(static_cast<void>(make(problem.hierarchy, elsewhere, problem.form, 0.0, {}, {})),
               base::Error);
  physics::Form negative = problem.form;
  negative.regions[0].diffusion = {test::number(-1.0)};
  EXPECT_THROW(static_cast<void>(make(problem.hierarchy, space, negative, 0.0, {}, {})),
               base::Error);
}

TEST(Cache, BuildsWhenAnInputHasChanged) {
  const Problem problem = box_problem(test::cube(mesh::CellType::quad, 8), 1, test::number(1.0));
  const fem::Space space(problem.hierarchy.finest(), 2);
  Cache cache;
  const auto build = [&] { return make(problem.hierarchy, space, problem.form, 0.0, {}, {}); };
  Inputs inputs{.mesh_generation = 1, .coefficient_generation = 1, .degree = 2, .time = 0.0};
  const Multigrid* first = &cache.get(inputs, build);
  EXPECT_EQ(&cache.get(inputs, build), first);
  EXPECT_EQ(cache.n_built(), 1);
  EXPECT_EQ(cache.n_reused(), 1);
  EXPECT_EQ(cache.changed(), "");
  inputs.mesh_generation = 2;
  static_cast<void>(cache.get(inputs, build));
  EXPECT_EQ(cache.changed(), "mesh");
  inputs.coefficient_generation = 2;
  inputs.time = 0.5;
  static_cast<void>(cache.get(inputs, build));
  EXPECT_EQ(cache.changed(), "coefficients, time");
  inputs.degree = 4;
  static_cast<void>(cache.get(inputs, build));
  EXPECT_EQ(cache.changed(), "degree");
  static_cast<void>(cache.get(inputs, build));
  EXPECT_EQ(cache.n_built(), 4);
  EXPECT_EQ(cache.n_reused(), 2);
}

}  // namespace
}  // namespace ritz::multigrid
