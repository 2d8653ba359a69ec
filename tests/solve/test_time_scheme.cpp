#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "ritz/la/vector.hpp"
#include "ritz/solve/time_scheme.hpp"

namespace {

using namespace ritz;
using la::Vector;
using solve::SemiDiscrete;
using solve::StageReport;
using solve::TimeScheme;

/// m equations F(t, u, u', u'') = 0 at every node, solved by Newton's method with differences for
/// the Jacobian; each rank has three nodes.
class Equations final : public SemiDiscrete {
 public:
  using Point = std::array<double, 3>;
  using Residual =
      std::function<Point(double t, const Point& u, const Point& rate, const Point& second)>;
  using Prescribed = std::function<double(double t, int derivative)>;

  Equations(int m, int order, Residual f) : m_(m), order_(order), f_(std::move(f)) {}
  /// Component 0 is this function of time.
  void prescribe_first(Prescribed g) { g_ = std::move(g); }
  /// These terms of F, of t and u, are explicit_part().
  void split(Residual e) { e_ = std::move(e); }

  [[nodiscard]] const comm::Communicator& communicator() const override { return world_; }
  [[nodiscard]] LocalId n_owned() const override { return 3 * m_; }
  [[nodiscard]] int n_components() const override { return m_; }
  [[nodiscard]] int order() const override { return order_; }

  void prescribe(double time, int derivative, const Vector& u) override {
    if (!g_) return;
    for (int node = 0; node < 3; ++node) u(at(node, 0)) = g_(time, derivative);
  }

  StageReport solve(const Stage& stage, const Vector& u) override {
    ++n_solves;
    if (n_solves == fail_at) return {StageReport::Outcome::failed, 1, 1, "told to"};
    prescribe(stage.time, 0, u);
    for (int node = 0; node < 3; ++node) {
      Point x = get(u, node);
      const Point h1 = get(stage.rate_offset, node), h2 = get(stage.second_offset, node);
      const auto f = [&](const Point& y) {
        Point rate{}, second{};
        for (int c = 0; c < m_; ++c) {
          rate[c] = stage.rate_shift * y[c] + h1[c];
          second[c] = stage.second_shift * y[c] + h2[c];
        }
        Point r = f_(stage.time, y, rate, second);
        if (stage.load.extent(0) == 0) return r;
        const Point e = explicit_terms(stage.time, y), load = get(stage.load, node);
        for (int c = 0; c < m_; ++c) r[c] += load[c] - e[c];
        return r;
      };
      newton(f, x, g_ ? 1 : 0);
      for (int c = 0; c < m_; ++c) u(at(node, c)) = x[c];
    }
    return {};
  }

  std::string explicit_part(double time, const Vector& u, const Vector& result) override {
    for (int node = 0; node < 3; ++node) {
      const Point e = explicit_terms(time, get(u, node));
      for (int c = 0; c < m_; ++c) result(at(node, c)) = g_ && c == 0 ? 0.0 : e[c];
    }
    return {};
  }

  std::string implicit_part(double time, const Vector& u, const Vector& result) override {
    for (int node = 0; node < 3; ++node) {
      const Point y = get(u, node), f = f_(time, y, {}, {}), e = explicit_terms(time, y);
      for (int c = 0; c < m_; ++c) result(at(node, c)) = g_ && c == 0 ? 0.0 : f[c] - e[c];
    }
    return {};
  }

  StageReport highest_derivative(double time, const Vector& u, const Vector& rate, bool,
                                 const Vector& result) override {
    for (int node = 0; node < 3; ++node) {
      Point x{};
      const Point y = get(u, node), v = get(rate, node);
      const auto f = [&](const Point& d) {
        return order_ == 1 ? f_(time, y, d, {}) : f_(time, y, v, d);
      };
      if (g_) x[0] = g_(time, order_);
      newton(f, x, g_ ? 1 : 0);
      for (int c = 0; c < m_; ++c) result(at(node, c)) = x[c];
    }
    return {};
  }

  int n_solves = 0;
  int fail_at = -1;

 private:
  [[nodiscard]] Point explicit_terms(double time, const Point& u) const {
    return e_ ? e_(time, u, {}, {}) : Point{};
  }
  [[nodiscard]] std::size_t at(int node, int c) const {
    return static_cast<std::size_t>(node * m_ + c);
  }
  [[nodiscard]] Point get(const Vector& v, int node) const {
    Point p{};
    if (v.extent(0) > 0)
      for (int c = 0; c < m_; ++c) p[c] = v(at(node, c));
    return p;
  }

  /// Components from `first` on; equations that do not depend on them (algebraic ones asked for a
  /// rate) leave them at 0.
  void newton(const std::function<Point(const Point&)>& f, Point& x, int first) const {
    for (int iteration = 0; iteration < 30; ++iteration) {
      const Point r = f(x);
      double j[3][4] = {};
      for (int c = first; c < m_; ++c) {
        const double h = 1e-7 * (1 + std::abs(x[c]));
        Point y = x, z = x;
        y[c] += h;
        z[c] -= h;
        const Point up = f(y), down = f(z);
        for (int i = first; i < m_; ++i) j[i][c] = (up[i] - down[i]) / (2 * h);
      }
      for (int i = first; i < m_; ++i) {
        bool is_zero = true;
        for (int c = first; c < m_; ++c) is_zero = is_zero && j[i][c] == 0;
        j[i][3] = is_zero ? 0 : -r[i];
        if (is_zero) j[i][i] = 1;
      }
      for (int p = first; p < m_; ++p) {
        int pivot = p;
        for (int i = p + 1; i < m_; ++i)
          if (std::abs(j[i][p]) > std::abs(j[pivot][p])) pivot = i;
        std::swap(j[p], j[pivot]);
        for (int i = first; i < m_; ++i) {
          if (i == p) continue;
          const double factor = j[i][p] / j[p][p];
          for (int c = 0; c < 4; ++c) j[i][c] -= factor * j[p][c];
        }
      }
      double size = 0, step = 0;
      for (int i = first; i < m_; ++i) {
        const double d = j[i][3] / j[i][i];
        x[i] += d;
        step = std::max(step, std::abs(d));
        size = std::max(size, std::abs(x[i]));
      }
      if (step <= 1e-14 * (1 + size)) return;
    }
  }

  int m_, order_;
  Residual f_, e_;
  Prescribed g_;
  comm::Communicator world_ = comm::Communicator::world();
};

Vector filled(const Equations& equations, const std::vector<double>& point) {
  const Vector v = la::make_vector("test", equations.n_owned());
  for (std::size_t i = 0; i < v.extent(0); ++i) v(i) = point[i % point.size()];
  return v;
}

/// u' = v, v' = -u + u^2 v with forcing so that u = sin t, v = cos t; a nonlinear pair.
Equations pair() {
  Equations equations(2, 1, [](double t, const auto& u, const auto& rate, const auto&) {
    const double s = std::sin(t), c = std::cos(t);
    return Equations::Point{rate[0] - u[1], rate[1] + u[0] - u[0] * u[0] * u[1] + s * s * c, 0};
  });
  equations.split([](double t, const auto& u, const auto&, const auto&) {
    const double s = std::sin(t), c = std::cos(t);
    return Equations::Point{0, -u[0] * u[0] * u[1] + s * s * c, 0};
  });
  return equations;
}

/// Steps that are not alike: 1 and 1.2 and 0.9 of the mean in turn.
void run_to(TimeScheme& scheme, double end, int n) {
  constexpr double shape[] = {1.0, 1.2, 0.8, 1.0, 0.9, 1.1};
  const double mean = (end - scheme.time()) / n;
  const double begin = scheme.time();
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    sum += shape[i % 6];
    const double to = i + 1 == n ? end : begin + mean * sum;
    const auto step = scheme.step(to - scheme.time(), to);
    ASSERT_TRUE(step.accepted) << step.stages.message;
    ASSERT_EQ(scheme.time(), to);
  }
}

double error_of_pair(const std::string& method, int n) {
  Equations equations = pair();
  TimeScheme scheme(equations, {.method = method, .tolerance = {}, .spectral_radius = 0.8});
  EXPECT_TRUE(scheme.start(0.3, filled(equations, {std::sin(0.3), std::cos(0.3)})).solved());
  run_to(scheme, 2.3, n);
  double error = 0;
  for (std::size_t i = 0; i < scheme.u().extent(0); ++i) {
    error = std::max(error, std::abs(scheme.u()(i) - (i % 2 ? std::cos(2.3) : std::sin(2.3))));
  }
  return error;
}

TEST(TimeScheme, OrdersOnUnequalStepsOfANonlinearPair) {
  for (const solve::TimeMethod& method : solve::time_methods()) {
    if (method.equation_order != 1) continue;
    const double coarse = error_of_pair(method.name, 60), fine = error_of_pair(method.name, 120);
    EXPECT_NEAR(std::log2(coarse / fine), method.order, 0.1) << method.name;
  }
}

TEST(TimeScheme, TableausFulfilTheOrderConditions) {
  for (const solve::Tableau* table : {&solve::sdirk2(), &solve::sdirk3()}) {
    const int s = table->n_stages;
    double b[4] = {}, e[4] = {};
    for (int i = 0; i < s; ++i) {
      const double weight = table->at(s - 1, i), other = table->embedded[i], c = table->c[i];
      double row = 0, ac = 0;
      for (int j = 0; j <= i; ++j) {
        row += table->at(i, j);
        ac += table->at(i, j) * table->c[j];
      }
      EXPECT_NEAR(row, c, 1e-14);
      b[0] += weight, b[1] += weight * c, b[2] += weight * c * c, b[3] += weight * ac;
      e[0] += other, e[1] += other * c;
    }
    EXPECT_NEAR(b[0], 1, 1e-14);
    EXPECT_NEAR(b[1], 0.5, 1e-14);
    if (table->order == 3) {
      EXPECT_NEAR(b[2], 1.0 / 3, 1e-14);
      EXPECT_NEAR(b[3], 1.0 / 6, 1e-14);
    }
    EXPECT_NEAR(e[0], 1, 1e-14);
    if (table->embedded_order == 2) {
      EXPECT_NEAR(e[1], 0.5, 1e-14);
    }
  }
}

TEST(TimeScheme, ImexTableausFulfilTheOrderConditionsOfBothHalvesAndBetweenThem) {
  for (const solve::ImexTableau* table : {&solve::imex2(), &solve::imex3()}) {
    const int s = table->n_stages;
    const auto entry = [&](int half, int i, int j) {
      return half == 0 ? table->implicit_at(i, j) : table->explicit_at(i, j);
    };
    const auto c = [&](int i) { return table->c[static_cast<std::size_t>(i)]; };
    for (int half = 0; half < 2; ++half) {
      double b[3] = {}, mixed[2] = {}, e[2] = {};
      for (int i = 0; i < s; ++i) {
        double row = 0;
        for (int j = 0; j < s; ++j) row += entry(half, i, j);
        EXPECT_NEAR(row, c(i), 1e-14) << half << i;
        // Lower triangles; the same diagonal everywhere, so that one matrix is enough.
        for (int j = i + half; j < s; ++j) {
          if (j > i || half == 1) {
            EXPECT_EQ(entry(half, i, j), 0.0);
          }
        }
        EXPECT_EQ(table->implicit_at(i, 0), 0.0);
        if (i > 0) {
          EXPECT_NEAR(table->implicit_at(i, i), table->implicit_at(1, 1), 1e-15);
        }
        const double weight = entry(half, s - 1, i);  // the last stage is the new value
        b[0] += weight, b[1] += weight * c(i), b[2] += weight * c(i) * c(i);
        for (int other = 0; other < 2; ++other) {
          for (int j = 0; j < s; ++j) mixed[other] += weight * entry(other, i, j) * c(j);
        }
        const double w = table->embedded[static_cast<std::size_t>(i)];
        e[0] += w * c(i);
        for (int j = 0; j < s; ++j) e[1] += w * entry(half, i, j) * c(j);
      }
      EXPECT_NEAR(b[0], 1, 1e-14);
      EXPECT_NEAR(b[1], 0.5, 1e-14);
      EXPECT_NEAR(e[0], 1, 1e-14);
      if (table->order == 3) {
        EXPECT_NEAR(b[2], 1.0 / 3, 1e-14);
        EXPECT_NEAR(mixed[0], 1.0 / 6, 1e-14) << half;
        EXPECT_NEAR(mixed[1], 1.0 / 6, 1e-14) << half;
        EXPECT_NEAR(e[1], 0.5, 1e-14) << half;
      }
    }
  }
}

TEST(TimeScheme, ImexSolvesOnceAStageAndDampsTheStiffHalf) {
  // u' = -1e6 (u - w), w' = u^2 w - w^3 explicit: w leads, u follows.
  for (const char* method : {"imex2", "imex3"}) {
    Equations equations(2, 1, [](double, const auto& u, const auto& rate, const auto&) {
      return Equations::Point{rate[0] + 1e6 * (u[0] - u[1]),
                              rate[1] + u[1] * u[1] * u[1] - u[0] * u[0] * u[1] + u[1], 0};
    });
    equations.split([](double, const auto& u, const auto&, const auto&) {
      return Equations::Point{0, u[1] * u[1] * u[1] - u[0] * u[0] * u[1] + u[1], 0};
    });
    TimeScheme scheme(equations, {.method = method, .tolerance = {}, .spectral_radius = 0.8});
    ASSERT_TRUE(scheme.start(0, filled(equations, {5.0, 1.0})).solved());
    for (int i = 1; i <= 20; ++i) ASSERT_TRUE(scheme.step(0.05, 0.05 * i).accepted);
    EXPECT_EQ(equations.n_solves, 20 * (method == std::string("imex2") ? 2 : 4));
    EXPECT_NEAR(scheme.u()(0), scheme.u()(1), 1e-5) << method;  // u - w is of size 1e-6
    // w = exp(-t) once u = w; the first stages, with u = 5, leave an error of a step.
    EXPECT_LT(std::abs(scheme.u()(1)), 5.0) << method;
  }
}

TEST(TimeScheme, WeightsAreThoseOfEqualSteps) {
  // The classical formulas (Hairer, Norsett, Wanner 1993, III.1).
  const std::vector<double> third = solve::derivative_weights({3, 2, 1, 0});
  const double expected[] = {11.0 / 6, -3, 1.5, -1.0 / 3};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(third[i], expected[i], 1e-13);
  const std::vector<double> w = solve::interpolation_weights({2, 1, 0}, 3);
  EXPECT_NEAR(w[0], 3, 1e-14);
  EXPECT_NEAR(w[1], -3, 1e-14);
  EXPECT_NEAR(w[2], 1, 1e-14);
}

TEST(TimeScheme, StiffDecayIsDampedByTheLStableMethods) {
  // u' = -1e6 (u - cos t): one step of 0.1 from a wrong value lands near the slow solution.
  for (const char* method : {"bdf1", "sdirk2", "sdirk3", "imex2", "imex3"}) {
    Equations equations(1, 1, [](double t, const auto& u, const auto& rate, const auto&) {
      return Equations::Point{rate[0] + 1e6 * (u[0] - std::cos(t)), 0, 0};
    });
    TimeScheme scheme(equations, {.method = method, .tolerance = {}, .spectral_radius = 0.8});
    ASSERT_TRUE(scheme.start(0, filled(equations, {5.0})).solved());
    ASSERT_TRUE(scheme.step(0.1, 0.1).accepted);
    EXPECT_NEAR(scheme.u()(0), std::cos(0.1), 1e-3) << method;
  }
}

TEST(TimeScheme, AnAlgebraicEquationStaysFulfilled) {
  // u' = -w, 0 = w - u^3.
  for (const char* method : {"bdf2", "bdf4", "sdirk3", "imex3", "crank-nicolson"}) {
    Equations equations(2, 1, [](double, const auto& u, const auto& rate, const auto&) {
      return Equations::Point{rate[0] + u[1], u[1] - u[0] * u[0] * u[0], 0};
    });
    TimeScheme scheme(equations, {.method = method, .tolerance = {}, .spectral_radius = 0.8});
    ASSERT_TRUE(scheme.start(0, filled(equations, {1.0, 1.0})).solved());
    run_to(scheme, 1.5, 150);
    // u = 1 / sqrt(1 + 2 t). Second-order formulas: h^2 / 3 times the third derivative, <= 15.
    EXPECT_NEAR(scheme.u()(0), 0.5, 1e-4) << method;
    EXPECT_NEAR(scheme.u()(1), std::pow(scheme.u()(0), 3), 1e-12) << method;
  }
}

TEST(TimeScheme, PrescribedEntriesFollowTheirFunction) {
  for (const char* method : {"bdf3", "sdirk3", "imex2", "imex3", "crank-nicolson", "rk4"}) {
    Equations equations(2, 1, [](double, const auto& u, const auto& rate, const auto&) {
      return Equations::Point{0, rate[1] - u[0], 0};
    });
    equations.prescribe_first(
        [](double t, int d) { return d == 0 ? std::sin(2 * t) : 2 * std::cos(2 * t); });
    TimeScheme scheme(equations, {.method = method, .tolerance = {}, .spectral_radius = 0.8});
    ASSERT_TRUE(scheme.start(0, filled(equations, {9.0, 0.0})).solved());
    EXPECT_EQ(scheme.u()(0), 0.0);
    run_to(scheme, 1.0, 100);
    EXPECT_EQ(scheme.u()(0), std::sin(2.0)) << method;
    EXPECT_NEAR(scheme.u()(1), (1 - std::cos(2.0)) / 2, 1e-4) << method;
  }
}

TEST(TimeScheme, ErrorsAreNearTheToleranceAndStepsAdapt) {
  // Van der Pol with mu = 5: fast and slow phases. Reference: rk4 with 200,000 steps.
  const auto residual = [](double, const auto& u, const auto& rate, const auto&) {
    return Equations::Point{rate[0] - u[1], rate[1] - 5 * (1 - u[0] * u[0]) * u[1] + u[0], 0};
  };
  Equations reference(2, 1, residual);
  TimeScheme exact(reference, {.method = "rk4", .tolerance = {}, .spectral_radius = 0.8});
  ASSERT_TRUE(exact.start(0, filled(reference, {2.0, 0.0})).solved());
  for (int i = 1; i <= 20000; ++i) ASSERT_TRUE(exact.step(5e-4, 5e-4 * i).accepted);
  for (const char* method : {"bdf2", "bdf3", "bdf4", "sdirk2", "sdirk3", "imex2", "imex3"}) {
    Equations equations(2, 1, residual);
    equations.split([](double, const auto& u, const auto&, const auto&) {
      return Equations::Point{0, -5 * (1 - u[0] * u[0]) * u[1], 0};
    });
    TimeScheme scheme(equations, {.method = method, .tolerance = 1e-6, .spectral_radius = 0.8});
    ASSERT_TRUE(scheme.start(0, filled(equations, {2.0, 0.0})).solved());
    double dt = 1e-3, shortest = 1, longest = 0;
    int rejected = 0, steps = 0;
    while (scheme.time() < 10) {
      const bool last = scheme.time() + dt >= 10;
      const double end = last ? 10 : scheme.time() + dt;
      const double length = end - scheme.time();
      const auto step = scheme.step(length, end);
      ++steps;
      ASSERT_LT(steps, 200000) << method;
      if (step.accepted && !last) {
        shortest = std::min(shortest, length);
        longest = std::max(longest, length);
      }
      if (!step.accepted) ++rejected;
      ASSERT_GT(step.suggestion, 0);
      dt = step.suggestion;
    }
    // Global errors are local ones summed up, and grow along the fast phases.
    EXPECT_LT(std::abs(scheme.u()(0) - exact.u()(0)), 2e-3) << method << " steps " << steps;
    EXPECT_GT(longest, 5 * shortest) << method;
    EXPECT_GT(rejected, 0) << method;
  }
}

TEST(TimeScheme, AnUnknownThatRestsAtZeroDoesNotHoldTheStepsUp) {
  // The first is zero but for noise as of round-off, 1e-17 of the second, while that falls to a
  // tenth of a millionth: it stays noise beside what there was.
  const auto residual = [](double t, const auto& u, const auto& rate, const auto&) {
    return Equations::Point{rate[0] - 1e-17 * std::sin(1e9 * t), rate[1] + u[1], 0};
  };
  for (const char* method : {"bdf2", "bdf4", "sdirk2", "sdirk3", "imex2"}) {
    Equations equations(2, 1, residual);
    equations.split(
        [](double, const auto&, const auto&, const auto&) { return Equations::Point{}; });
    const TimeScheme::Options options{.method = method, .tolerance = 1e-4, .spectral_radius = 0.8};
    TimeScheme scheme(equations, options);
    ASSERT_TRUE(scheme.start(0, filled(equations, {0.0, 1.0})).solved());
    double dt = 1e-3;
    int steps = 0;
    while (scheme.time() < 16 && steps < 5000) {
      dt = scheme.step(dt, scheme.time() + dt).suggestion;
      ++steps;
    }
    // e^-t to 1e-4 a step takes some hundred; of noise alone it takes all.
    EXPECT_LT(steps, 2000) << method;
    // What was the largest goes with a restart: noise is told from more by it.
    solve::SavedState state;
    scheme.save(state);
    TimeScheme again(equations, options);
    again.restore(state);
    EXPECT_EQ(scheme.step(dt, scheme.time() + dt).error, again.step(dt, again.time() + dt).error);
    EXPECT_EQ(state.number("scheme.largest"), [&] {
      solve::SavedState second;
      again.save(second);
      return second.number("scheme.largest");
    }());
  }
}

TEST(TimeScheme, ARejectedStepLeavesNoTrace) {
  for (const solve::TimeMethod& method : solve::time_methods()) {
    if (method.is_explicit) continue;
    const bool second = method.equation_order == 2;
    std::vector<std::vector<double>> results;
    for (const bool disturbed : {false, true}) {
      Equations equations(2, method.equation_order,
                          [second](double, const auto& u, const auto& rate, const auto& acc) {
                            const auto& high = second ? acc : rate;
                            return Equations::Point{high[0] + u[0] * u[1], high[1] + u[1], 0};
                          });
      TimeScheme::Options options{.method = method.name, .tolerance = {}, .spectral_radius = 0.8};
      if (method.estimates_error) options.tolerance = 1e-3;
      TimeScheme scheme(equations, options);
      const Vector first = filled(equations, {1.0, 0.7}), rate = filled(equations, {0.2, 0.1});
      ASSERT_TRUE(scheme.start(0, first, second ? rate : Vector{}).solved());
      for (int i = 1; i <= 12; ++i) {
        if (disturbed) {
          // Too long for the tolerance, or one whose equations cannot be solved.
          if (method.estimates_error) {
            EXPECT_FALSE(scheme.step(50.0, scheme.time() + 50.0).accepted) << method.name;
          }
          equations.fail_at = equations.n_solves + 1;
          const auto step = scheme.step(0.01, scheme.time() + 0.01);
          EXPECT_FALSE(step.accepted);
          EXPECT_EQ(step.stages.message, "told to");
        }
        ASSERT_TRUE(scheme.step(0.01, 0.01 * i).accepted) << method.name << i;
      }
      std::vector<double> values(scheme.u().data(), scheme.u().data() + scheme.u().extent(0));
      if (second) values.insert(values.end(), scheme.rate().data(), scheme.rate().data() + 3);
      results.push_back(values);
    }
    EXPECT_EQ(results[0], results[1]) << method.name;
  }
}

TEST(TimeScheme, ARestoredSchemeGoesOnToTheBit) {
  for (const solve::TimeMethod& method : solve::time_methods()) {
    const bool second = method.equation_order == 2;
    const auto equations_of = [second] {
      Equations equations(
          2, second ? 2 : 1, [second](double, const auto& u, const auto& rate, const auto& acc) {
            const auto& high = second ? acc : rate;
            return Equations::Point{high[0] - std::cos(u[0]), high[1] + u[0] * u[1], 0};
          });
      equations.prescribe_first([](double t, int derivative) {
        return derivative == 0 ? std::sin(t) : derivative == 1 ? std::cos(t) : -std::sin(t);
      });
      return equations;
    };
    TimeScheme::Options options{.method = method.name, .tolerance = {}, .spectral_radius = 0.8};
    if (method.estimates_error) options.tolerance = 1.0;
    const double times[] = {0, 0.01, 0.03, 0.04, 0.06, 0.07, 0.075, 0.1, 0.12};
    constexpr int n_steps = std::size(times) - 1;
    const auto go_on = [&](TimeScheme& scheme, int from, int to) {
      for (int i = from; i < to; ++i) {
        ASSERT_TRUE(scheme.step(times[i + 1] - times[i], times[i + 1]).accepted) << method.name;
      }
    };
    const auto bits = [&](const TimeScheme& scheme) {
      std::vector<double> all(scheme.u().data(), scheme.u().data() + scheme.u().extent(0));
      if (second)
        all.insert(all.end(), scheme.rate().data(), scheme.rate().data() + scheme.u().extent(0));
      return all;
    };
    Equations whole_equations = equations_of();
    TimeScheme whole(whole_equations, options);
    const Vector u = filled(whole_equations, {0.0, 0.7});
    const Vector rate = second ? filled(whole_equations, {1.0, 0.1}) : Vector{};
    ASSERT_TRUE(whole.start(0, u, rate).solved());
    go_on(whole, 0, n_steps);
    for (int interrupted = 0; interrupted < n_steps; ++interrupted) {
      Equations first_equations = equations_of(), second_equations = equations_of();
      TimeScheme first(first_equations, options), resumed(second_equations, options);
      ASSERT_TRUE(first.start(0, u, rate).solved());
      go_on(first, 0, interrupted);
      solve::SavedState saved, stored;
      first.save(saved);
      stored.numbers = saved.numbers;
      for (const auto& [name, vector] : saved.vectors) {
        const Vector copy = la::make_vector("stored", first_equations.n_owned());
        la::copy(vector, copy);
        stored.add(name, copy);
      }
      go_on(first, interrupted, n_steps);  // what was saved is a moment, not the object
      resumed.restore(stored);
      EXPECT_EQ(resumed.time(), times[interrupted]);
      go_on(resumed, interrupted, n_steps);
      EXPECT_EQ(bits(resumed), bits(whole)) << method.name << " after " << interrupted;
    }
  }
}

/// u'' + 0.3 u' + u^3 = f with u = cos t.
double error_of_oscillator(const std::string& method, int n) {
  Equations equations(1, 2, [](double t, const auto& u, const auto& rate, const auto& second) {
    const double c = std::cos(t);
    return Equations::Point{
        second[0] + 0.3 * rate[0] + u[0] * u[0] * u[0] + c + 0.3 * std::sin(t) - c * c * c, 0, 0};
  });
  TimeScheme scheme(equations, {.method = method, .tolerance = {}, .spectral_radius = 0.5});
  EXPECT_TRUE(scheme.start(0, filled(equations, {1.0}), filled(equations, {0.0})).solved());
  // Equal steps: the second-order methods lose an order in the velocities on unequal ones.
  for (int i = 1; i <= n; ++i) EXPECT_TRUE(scheme.step(2.0 / n, 2.0 * i / n).accepted);
  return std::max(std::abs(scheme.u()(0) - std::cos(2.0)),
                  std::abs(scheme.rate()(0) + std::sin(2.0)));
}

TEST(TimeScheme, SecondOrderMethodsHaveTheirOrder) {
  for (const char* method : {"newmark", "generalised-alpha", "leapfrog"}) {
    const double coarse = error_of_oscillator(method, 80), fine = error_of_oscillator(method, 160);
    EXPECT_NEAR(std::log2(coarse / fine), 2, 0.1) << method;
  }
}

TEST(TimeScheme, SecondOrderMethodsHaveTheirOrderBesidePrescribedValues) {
  // w is prescribed and acts by its acceleration and velocity, as neighbours do through the mass
  // and damping matrices: u'' + w''/2 + u' + w' + u = f, exact solution u = sin t, w = cos 3 t.
  const auto error = [](const char* method, int n) {
    Equations equations(2, 2, [](double t, const auto& u, const auto& rate, const auto& second) {
      const double f = -4.5 * std::cos(3 * t) + std::cos(t) - 3 * std::sin(3 * t);
      return Equations::Point{0, second[1] + second[0] / 2 + rate[1] + rate[0] + u[1] - f, 0};
    });
    equations.prescribe_first([](double t, int derivative) {
      return derivative == 0   ? std::cos(3 * t)
             : derivative == 1 ? -3 * std::sin(3 * t)
                               : -9 * std::cos(3 * t);
    });
    TimeScheme scheme(equations, {.method = method, .tolerance = {}, .spectral_radius = 0.5});
    EXPECT_TRUE(
        scheme.start(0, filled(equations, {1.0, 0.0}), filled(equations, {0.0, 1.0})).solved());
    for (int i = 1; i <= n; ++i) EXPECT_TRUE(scheme.step(2.0 / n, 2.0 * i / n).accepted);
    return std::abs(scheme.u()(1) - std::sin(2.0));
  };
  for (const char* method : {"newmark", "generalised-alpha"}) {
    EXPECT_NEAR(std::log2(error(method, 160) / error(method, 320)), 2, 0.1) << method;
  }
}

TEST(TimeScheme, NewmarkAndLeapfrogKeepTheEnergyForTenThousandSteps) {
  // u'' + u = 0. Newmark keeps u^2 + v^2 to round-off; leapfrog keeps u^2 (1 - dt^2/4) + v^2, the
  // energy at velocities half a step apart (Hairer, Lubich and Wanner 2003, sec. 1).
  const double dt = 0.1;
  for (const char* method : {"newmark", "leapfrog"}) {
    Equations equations(1, 2, [](double, const auto& u, const auto&, const auto& second) {
      return Equations::Point{second[0] + u[0], 0, 0};
    });
    TimeScheme scheme(equations, {.method = method, .tolerance = {}, .spectral_radius = 0.8});
    ASSERT_TRUE(scheme.start(0, filled(equations, {1.0}), filled(equations, {0.5})).solved());
    const double weight = std::string(method) == "newmark" ? 1.0 : 1 - dt * dt / 4;
    const auto energy = [&] {
      const double u = scheme.u()(0), v = scheme.rate()(0);
      return weight * u * u + v * v;
    };
    const double first = energy();
    for (int i = 1; i <= 10000; ++i) ASSERT_TRUE(scheme.step(dt, dt * i).accepted);
    // 10^4 roundings that add up as a random walk would: far below 10^4 epsilon.
    EXPECT_NEAR(energy() / first, 1.0, 1e-11) << method;
  }
}

TEST(TimeScheme, GeneralisedAlphaDampsTheHighestFrequencies) {
  // dt omega = 1000: the amplitude falls by the spectral radius each step.
  for (const double rho : {0.0, 0.5, 0.9}) {
    Equations equations(1, 2, [](double, const auto& u, const auto&, const auto& second) {
      return Equations::Point{second[0] + 1e10 * u[0], 0, 0};
    });
    TimeScheme scheme(equations,
                      {.method = "generalised-alpha", .tolerance = {}, .spectral_radius = rho});
    ASSERT_TRUE(scheme.start(0, filled(equations, {1.0}), filled(equations, {0.0})).solved());
    for (int i = 1; i <= 60; ++i) ASSERT_TRUE(scheme.step(0.01, 0.01 * i).accepted);
    const double size = std::abs(scheme.u()(0));
    // A double root of the amplification matrix: n rho^(n-1) at worst.
    EXPECT_LT(size, 1e2 * 60 * std::pow(rho, 58) + 1e-12) << rho;
    if (rho == 0.9) {
      EXPECT_GT(size, 1e-3 * std::pow(rho, 60));
    }
  }
}

TEST(TimeScheme, LastChangeIsRelativeToEachComponent) {
  Equations equations(2, 1, [](double, const auto&, const auto& rate, const auto&) {
    return Equations::Point{rate[0] - 1.0, rate[1] - 1000.0, 0};
  });
  TimeScheme scheme(equations, {.method = "bdf1", .tolerance = {}, .spectral_radius = 0.8});
  ASSERT_TRUE(scheme.start(0, filled(equations, {9.0, 99000.0})).solved());
  ASSERT_TRUE(scheme.step(1.0, 1.0).accepted);
  EXPECT_NEAR(scheme.last_change(), 0.1, 1e-12);  // 1 of 10, 1,000 of 100,000
}

}  // namespace
