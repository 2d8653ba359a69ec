// Time steps of linear equations without a matrix: leapfrog's one pass against its plain form, and
// what steps allocate.
#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>
#include <cmath>
#include <optional>

#include "count_allocations.hpp"
#include "matrix_free_equations.hpp"
#include "ritz/base/format.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "ritz/run/system_form.hpp"
#include "ritz/solve/time_scheme.hpp"
#include "run_tools.hpp"

using namespace ritz;

namespace {

/// Mesh, space and equations of a deck with a linear equation in time.
struct Setting {
  explicit Setting(const std::string& text, bool with_coarser = false)
      : problem(test::problem_of(text)) {
    partition::Quality quality;
    meshes.emplace(
        run::make_meshes(comm::Communicator::world(), problem, with_coarser, recorder, quality));
    const mesh::Mesh& mesh = meshes->finest();
    space.emplace(mesh, problem.space.degree);
    base::Diagnostics diagnostics;
    form =
        run::make_form(problem, mesh.dimension(), mesh.region_names, mesh.set_names, diagnostics);
    system = run::make_system(
        problem, mesh.dimension(), mesh.region_names, mesh.set_names,
        [](std::int16_t) { return -1; }, diagnostics);
    diagnostics.throw_errors(base::ExitCode::deck);
    start = la::make_vector("start", space->n_owned);
    rate = la::make_vector("rate", space->n_owned);
    const std::vector<double> x = fem::node_coordinates(mesh, *space);
    for (std::size_t i = 0; i < start.extent(0); ++i) {
      start(i) = std::sin(3 * x[3 * i]) * std::cos(2 * x[3 * i + 1]) + x[3 * i + 2];
      rate(i) = x[3 * i] - x[3 * i + 1] * x[3 * i + 2];
    }
  }
  [[nodiscard]] run::MatrixFreeEquations::Parts parts() {
    return {*meshes,  *space,
            form,     system,
            problem,  physics::system_traits(system).time_order,
            recorder, [](const std::string&) {},
            {}};
  }

  deck::Problem problem;
  perf::Recorder recorder;
  std::optional<mesh::Hierarchy> meshes;
  std::optional<fem::Space> space;
  physics::Form form;
  physics::SystemForm system;
  la::Vector start, rate;
};

/// The same equations, whose vectors leapfrog has to pass one by one.
class WithoutSweep final : public solve::SemiDiscrete {
 public:
  explicit WithoutSweep(solve::SemiDiscrete& inner) : inner_(inner) {}
  [[nodiscard]] const comm::Communicator& communicator() const override {
    return inner_.communicator();
  }
  [[nodiscard]] LocalId n_owned() const override { return inner_.n_owned(); }
  [[nodiscard]] int order() const override { return inner_.order(); }
  void prescribe(double time, int derivative, const la::Vector& u) override {
    inner_.prescribe(time, derivative, u);
  }
  solve::StageReport solve(const Stage& stage, const la::Vector& u) override {
    return inner_.solve(stage, u);
  }
  solve::StageReport highest_derivative(double time, const la::Vector& u, const la::Vector& rate,
                                        bool lumped, const la::Vector& result) override {
    return inner_.highest_derivative(time, u, rate, lumped, result);
  }

 private:
  solve::SemiDiscrete& inner_;
};

std::string wave_deck(const std::string& cells, const std::string& upper, int degree,
                      const std::string& coefficients, const std::string& boundaries) {
  return fmt::format(
      "[mesh]\nkind = \"box\"\ncells = {}\nupper = {}\n[space]\ndegree = {}\n[equation]\nkind = "
      "\"wave\"\n{}\n{}[time]\nend = 1\nstep = 0.001\nmethod = \"leapfrog\"\n[initial]\nu = "
      "0\n[initial.rate]\nu = 0\n[solver]\noperator = \"matrix-free\"\n",
      cells, upper, degree, coefficients, boundaries);
}

struct Case {
  const char* name;
  std::string deck;
};

std::vector<Case> wave_cases() {
  const std::string held = "[[boundary]]\non = [\"rest\"]\nvalue = 0\n";
  const std::string moving =
      "[[boundary]]\non = [\"left\"]\nvalue = \"sin(5*t)*y\"\n"
      "[[boundary]]\non = [\"rest\"]\nflux = \"x*cos(t)\"\n";
  const std::string constant = "diffusion = 2";
  const std::string varying = "diffusion = \"1 + x*y\"\nsource = \"x*sin(7*t)\"\ninertia = 3";
  std::vector<Case> cases;
  for (int degree = 1; degree <= 4; ++degree) {
    cases.push_back({"held", wave_deck("[3, 2, 2]", "[1, 1, 2]", degree, constant, held)});
    cases.push_back({"moving", wave_deck("[5, 4]", "[1, 2]", degree, varying, moving)});
  }
  // More ranks than cells.
  cases.push_back({"one cell", wave_deck("[1, 1]", "[1, 1]", 3, constant, moving)});
  return cases;
}

double largest(const comm::Communicator& all, const la::Vector& a, const la::Vector& b) {
  double apart = 0;
  for (std::size_t i = 0; i < a.extent(0); ++i) apart = std::max(apart, std::abs(a(i) - b(i)));
  return all.max(apart);
}

/// Kokkos' arrays and operator new.
std::uint64_t n_arrays = 0;
std::string last_array;
void count_array(const Kokkos::Tools::SpaceHandle, const char* label, const void* const,
                 const std::uint64_t) {
  last_array = label;
  ++n_arrays;
}

}  // namespace

TEST(Leapfrog, OnePassGivesWhatTheVectorsOneByOneGive) {
  const comm::Communicator all = comm::Communicator::world();
  for (const Case& one : wave_cases()) {
    Setting setting(one.deck);
    run::MatrixFreeEquations swept(setting.parts()), plain_equations(setting.parts());
    WithoutSweep plain(plain_equations);
    EXPECT_TRUE(swept.has_sweep());
    solve::TimeScheme a(swept, {"leapfrog", {}, 0.8}), b(plain, {"leapfrog", {}, 0.8});
    ASSERT_TRUE(a.start(0, setting.start, setting.rate).solved());
    ASSERT_TRUE(b.start(0, setting.start, setting.rate).solved());
    // Lengths that change: the velocity half a step back belongs to the length before.
    for (const double dt : {1e-3, 1e-3, 7e-4, 2e-3, 1e-3, 1e-3}) {
      ASSERT_TRUE(a.step(dt, a.time() + dt).accepted);
      ASSERT_TRUE(b.step(dt, b.time() + dt).accepted);
      EXPECT_EQ(a.time(), b.time());
      // Sums in another order: round-off of numbers of size one, of accelerations times dt.
      EXPECT_LT(largest(all, a.u(), b.u()), 1e-13) << one.name;
      EXPECT_LT(largest(all, a.rate(), b.rate()), 1e-10) << one.name;
      EXPECT_NEAR(a.last_change(), b.last_change(), 1e-3 * b.last_change()) << one.name;
    }
  }
}

TEST(Leapfrog, GoesOnWithTheSameBits) {
  for (const Case& one : wave_cases()) {
    Setting setting(one.deck);
    run::MatrixFreeEquations equations(setting.parts()), later(setting.parts());
    solve::TimeScheme scheme(equations, {"leapfrog", {}, 0.8}),
        resumed(later, {"leapfrog", {}, 0.8});
    static_cast<void>(scheme.start(0, setting.start, setting.rate));
    for (const double dt : {1e-3, 8e-4}) static_cast<void>(scheme.step(dt, scheme.time() + dt));
    solve::SavedState state;
    scheme.save(state);
    resumed.restore(state);
    for (const double dt : {9e-4, 1e-3}) {
      static_cast<void>(resumed.step(dt, resumed.time() + dt));
    }
    for (const double dt : {9e-4, 1e-3}) static_cast<void>(scheme.step(dt, scheme.time() + dt));
    const la::Vector rate = scheme.rate(), resumed_rate = resumed.rate();
    for (std::size_t i = 0; i < rate.extent(0); ++i) {
      EXPECT_EQ(scheme.u()(i), resumed.u()(i)) << one.name;
      EXPECT_EQ(rate(i), resumed_rate(i)) << one.name;
    }
  }
}

// The equation's own derivative of a field that is the same everywhere: (1 + t) u'' = 1. An
// operator that is made anew for a later time may get the memory of the one before.
TEST(Leapfrog, LumpsTheMassOfEachTime) {
  const comm::Communicator all = comm::Communicator::world();
  for (int degree = 1; degree <= 4; ++degree) {
    Setting setting(wave_deck("[3, 2]", "[1, 2]", degree, "inertia = \"1 + t\"\nsource = 1",
                              "[[boundary]]\non = [\"rest\"]\nflux = 0\n"));
    run::MatrixFreeEquations equations(setting.parts());
    const la::Vector u = la::make_vector("u", setting.space->n_owned);
    const la::Vector a = la::make_vector("a", setting.space->n_owned);
    for (const double time : {0.0, 0.5, 1.0, 3.0, 0.25}) {
      ASSERT_TRUE(equations.highest_derivative(time, u, u, true, a).solved());
      double apart = 0;
      for (std::size_t i = 0; i < a.extent(0); ++i)
        apart = std::max(apart, std::abs(a(i) - 1 / (1 + time)));
      EXPECT_LT(all.max(apart), 1e-12) << "degree " << degree << ", t = " << time;
    }
  }
}

// bdf2's quadratic extrapolation of a solution that begins like the root of time is off by a factor
// along its own terms; what the guess saves was an iteration in every second step.
TEST(Steps, MovedGuessesSaveIterations) {
  const std::string deck =
      "[mesh]\nkind = \"box\"\ncells = [6, 6]\n[space]\ndegree = 4\n[equation]\nkind = "
      "\"heat\"\nsource = 1\n[[boundary]]\non = [\"rest\"]\nvalue = 0\n[time]\nend = 1\nstep = "
      "0.001\n[initial]\nu = 0\n[solver]\noperator = \"matrix-free\"\n";
  const auto iterations = [&](bool moves) {
    Setting setting(deck, true);
    run::MatrixFreeEquations equations(setting.parts());
    WithoutSweep unguided(equations);
    solve::SemiDiscrete& which = moves ? static_cast<solve::SemiDiscrete&>(equations) : unguided;
    solve::TimeScheme scheme(which, {"bdf2", {}, 0.8});
    const la::Vector zero = la::make_vector("zero", setting.space->n_owned);
    static_cast<void>(scheme.start(0, zero, zero));
    int sum = 0;
    for (int i = 0; i < 20; ++i) {
      const auto step = scheme.step(1e-3, scheme.time() + 1e-3);
      EXPECT_TRUE(step.accepted);
      sum += step.stages.linear_iterations;
    }
    return sum;
  };
  const int with = iterations(true), without = iterations(false);
  EXPECT_LE(with, without - 6);
  RecordProperty("with", with);
  RecordProperty("without", without);
}

// Arrays are made in the first steps; later ones take what is there. What is left is text and
// tables of a few numbers, whatever the mesh.
TEST(Steps, AllocateNoArraysAfterTheSecond) {
  Kokkos::Tools::Experimental::set_allocate_data_callback(&count_array);
  const auto deck = [](const char* kind, const char* more, int n) {
    return fmt::format(
        "[mesh]\nkind = \"box\"\ncells = [{0}, {0}, {0}]\n[space]\ndegree = 2\n[equation]\nkind = "
        "\"{1}\"\nsource = 1\n[[boundary]]\non = [\"rest\"]\nvalue = 0\n[time]\nend = 1\nstep = "
        "0.001\n[initial]\nu = 0\n{2}[solver]\noperator = \"matrix-free\"\n",
        n, kind, more);
  };
  for (const char* method : {"bdf2", "crank-nicolson", "sdirk3", "leapfrog", "newmark"}) {
    const bool is_wave = std::string(method) == "leapfrog" || std::string(method) == "newmark";
    std::array<long, 2> calls{};
    for (const int which : {0, 1}) {
      Setting setting(deck(is_wave ? "wave" : "heat", is_wave ? "[initial.rate]\nu = 0\n" : "",
                           which == 0 ? 4 : 8),
                      true);
      run::MatrixFreeEquations equations(setting.parts());
      solve::TimeScheme scheme(equations, {method, {}, 0.8});
      static_cast<void>(scheme.start(0, setting.start, setting.rate));
      const double dt = is_wave ? 1e-3 : 1e-2;
      for (int i = 0; i < 3; ++i) ASSERT_TRUE(scheme.step(dt, scheme.time() + dt).accepted);
      n_arrays = 0;
      const long before = test::n_allocations;
      for (int i = 0; i < 4; ++i) ASSERT_TRUE(scheme.step(dt, scheme.time() + dt).accepted);
      calls[static_cast<std::size_t>(which)] = test::n_allocations - before;
      EXPECT_EQ(n_arrays, 0U) << method << ", the last one " << last_array;
    }
    RecordProperty(method, static_cast<int>(calls[1] / 4));
    // Reports of each solve; looking up the solver's names again would be three hundred.
    const int n_solves = std::string(method) == "sdirk3" ? 3 : 1;
    EXPECT_LE(calls[1] / 4, 24 * n_solves) << method;
    // Histories of a few more iterations are in the same memory.
    EXPECT_LE(calls[1], calls[0] + 4) << method;
  }
  Kokkos::Tools::Experimental::set_allocate_data_callback(nullptr);
}
