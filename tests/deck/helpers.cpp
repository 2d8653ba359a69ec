#include "helpers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace ritz::deck::testing {

namespace {

class Describer {
 public:
  std::string take() { return std::move(text_); }

  void add(const char* name, const std::string& value) {
    text_ += fmt::format("{}={}\n", name, value);
  }
  void add(const char* name, double value) { text_ += fmt::format("{}={:a}\n", name, value); }
  void add(const char* name, int value) { text_ += fmt::format("{}={}\n", name, value); }
  void add(const char* name, std::int64_t value) { text_ += fmt::format("{}={}\n", name, value); }
  void add(const char* name, const Formula& value) { add(name, value.text); }
  void add(const char* name, const Name& value) { add(name, value.text); }
  template <class T>
  void add(const char* name, const std::optional<T>& value) {
    if (value) {
      add(name, *value);
    } else {
      add(name, std::string("unset"));
    }
  }
  template <class T>
  void add(const char* name, const std::vector<T>& values) {
    add(name, fmt::format("{} entries", values.size()));
    for (const T& value : values) add(name, value);
  }
  void add(const char* name, const TensorFormula& value) { add(name, value.entries); }
  void add(const char* name, const CrossDiffusion& cross) {
    add(name, cross.unknown);
    add(name, cross.index);
    add(name, cross.value);
  }
  void add(const char* name, const Elasticity& e) {
    add(name, e.youngs_modulus);
    add(name, e.poissons_ratio);
    add(name, e.density);
    add(name, e.body_force);
    add(name, e.thermal_expansion);
    add(name, e.temperature);
    add(name, e.reference_temperature);
  }
  void add(const char* name, const Unknown& unknown) {
    add(name, unknown.name);
    add(name, unknown.coefficients);
  }
  void add(const char* name, const InitialValue& value) {
    add(name, value.unknown);
    add(name, value.index);
    add(name, value.value);
  }
  void add(const char* name, const TimeOptions& time) {
    add(name, time.start);
    add(name, time.end);
    add(name, time.step);
    add(name, static_cast<int>(time.method));
    add(name, time.tolerance);
    add(name, time.min_step);
    add(name, time.max_step);
    for (const std::string& term : time.explicit_terms) add(name, term);
    add(name, time.spectral_radius);
    add(name, time.steady_tolerance);
    add(name, time.stop_when);
  }
  void add(const char* name, const Coefficients& c) {
    add(name, c.inertia);
    add(name, c.capacity);
    add(name, c.cross_diffusion);
    add(name, c.wave_number);
    add(name, c.diffusion);
    add(name, c.advection);
    add(name, c.reaction);
    add(name, c.source);
  }
  void add(const char* name, const NamedSet& set) {
    add(name, set.name);
    add(name, set.predicate);
  }
  void add(const char* name, const Parameter& parameter) {
    add(name, parameter.name);
    add(name, parameter.value);
  }
  void add(const char* name, const Material& material) {
    add(name, material.region);
    add(name, material.unknown);
    add(name, material.unknown_name);
    add(name, material.coefficients);
    add(name, material.elasticity);
  }
  void add(const char* name, const Boundary& boundary) {
    add(name, boundary.on);
    add(name, static_cast<int>(boundary.kind));
    add(name, boundary.unknown);
    add(name, boundary.unknown_name);
    add(name, boundary.displacement);
    add(name, boundary.traction);
    add(name, boundary.pressure);
    add(name, boundary.value_or_flux);
    add(name, boundary.robin_coefficient);
    add(name, boundary.robin_ambient);
  }
  void add(const char* name, const Periodic& pair) {
    add(name, pair.from);
    add(name, pair.to);
    for (const double x : pair.translation.value_or(std::array<double, 3>{})) add(name, x);
    add(name, pair.n_translation);
    add(name, pair.tolerance);
  }
  void add(const char* name, const SolverOptions::Passed& passed) {
    add(name, passed.list);
    add(name, passed.path);
    add(name, passed.value);
    add(name, static_cast<int>(passed.type));
  }
  void add(const char* name, const Probe& probe) {
    add(name, probe.name);
    for (const double x : probe.at) add(name, x);
    add(name, probe.n_coordinates);
  }
  void add(const char* name, const Integral& integral) {
    add(name, integral.name);
    add(name, integral.on);
    add(name, static_cast<int>(integral.kind));
    add(name, integral.of);
  }
  void add(const char* name, const Verify::ProbeValue& value) {
    add(name, value.probe);
    add(name, value.expected);
    add(name, value.tolerance);
  }

 private:
  std::string text_;
};

}  // namespace

std::string describe(const Problem& problem) {
  Describer d;
  d.add("title", problem.title);
  d.add("parameters", problem.parameters);
  d.add("mesh.kind", static_cast<int>(problem.mesh.kind));
  d.add("mesh.file", problem.mesh.file);
  d.add("mesh.cells", problem.mesh.box.cells);
  d.add("mesh.lower", problem.mesh.box.lower);
  d.add("mesh.upper", problem.mesh.box.upper);
  d.add("mesh.cell_type", problem.mesh.box.cell_type);
  d.add("mesh.grading", problem.mesh.box.grading);
  d.add("mesh.distortion", static_cast<int>(problem.mesh.box.distortion));
  d.add("mesh.distortion_amount", problem.mesh.box.distortion_amount);
  d.add("mesh.seed", problem.mesh.box.seed);
  d.add("mesh.map", problem.mesh.box.map);
  d.add("mesh.order", problem.mesh.box.order);
  d.add("mesh.refine", problem.mesh.refine);
  d.add("mesh.sets", problem.mesh.sets);
  d.add("partition.method", static_cast<int>(problem.partition.method));
  d.add("partition.max_imbalance", problem.partition.max_imbalance);
  d.add("space.degree", problem.space.degree);
  d.add("equation.kind", static_cast<int>(problem.equation.kind));
  d.add("equation", problem.equation.coefficients);
  d.add("equation.unknowns", problem.equation.unknowns);
  d.add("equation.elasticity", problem.equation.elasticity);
  d.add("equation.plane", static_cast<int>(problem.equation.plane));
  d.add("equation.stabilisation", static_cast<int>(problem.equation.stabilisation));
  d.add("time", problem.time);
  d.add("initial", problem.initial.values);
  d.add("initial.rate", problem.initial.rates);
  d.add("nonlinear.method", static_cast<int>(problem.nonlinear.method));
  d.add("nonlinear.tolerance", problem.nonlinear.tolerance);
  d.add("nonlinear.absolute_tolerance", problem.nonlinear.absolute_tolerance);
  d.add("nonlinear.max_iterations", problem.nonlinear.max_iterations);
  d.add("nonlinear.line_search", static_cast<int>(problem.nonlinear.line_search));
  d.add("nonlinear.forcing", static_cast<int>(problem.nonlinear.forcing));
  d.add("material", problem.materials);
  d.add("boundary", problem.boundaries);
  d.add("periodic", problem.periodics);
  d.add("units", problem.units);
  d.add("solver.method", problem.solver.method);
  d.add("solver.preconditioner", problem.solver.preconditioner);
  d.add("solver.operator", problem.solver.operator_kind);
  d.add("solver.engine", problem.solver.engine);
  d.add("solver.multigrid.smoother", problem.solver.multigrid.smoother);
  d.add("solver.multigrid.smoother_degree", problem.solver.multigrid.smoother_degree);
  d.add("solver.multigrid.smoothing_range", problem.solver.multigrid.smoothing_range);
  d.add("solver.multigrid.coarse", problem.solver.multigrid.coarse);
  d.add("solver.multigrid.precision", problem.solver.multigrid.precision);
  d.add("solver.multigrid.full_multigrid_start",
        static_cast<int>(problem.solver.multigrid.full_multigrid_start));
  d.add("solver.tolerance", problem.solver.tolerance);
  d.add("solver.max_iterations", problem.solver.max_iterations);
  d.add("solver.restart", problem.solver.restart);
  d.add("solver.fallback", problem.solver.fallback);
  d.add("solver.trilinos", problem.solver.trilinos);
  d.add("limits.memory", problem.limits.memory_bytes);
  d.add("limits.walltime", problem.limits.walltime_seconds);
  d.add("checkpoint.write", static_cast<int>(problem.checkpoint.write));
  d.add("checkpoint.every_steps", problem.checkpoint.every_steps);
  d.add("checkpoint.every", problem.checkpoint.every);
  d.add("checkpoint.every_walltime", problem.checkpoint.every_walltime);
  d.add("checkpoint.keep", problem.checkpoint.keep);
  d.add("checkpoint.keep_every", problem.checkpoint.keep_every);
  d.add("checkpoint.asynchronous", static_cast<int>(problem.checkpoint.asynchronous));
  d.add("checkpoint.compression", static_cast<int>(problem.checkpoint.compression));
  d.add("checkpoint.level", problem.checkpoint.level);
  d.add("output.directory", problem.output.directory);
  d.add("output.fields", static_cast<int>(problem.output.fields));
  d.add("output.compression", problem.output.compression);
  d.add("output.every", problem.output.every);
  d.add("output.every_steps", problem.output.every_steps);
  d.add("probe", problem.probes);
  d.add("integral", problem.integrals);
  d.add("verify.unknown", problem.verify.unknown);
  d.add("verify.unknown", problem.verify.unknown_name);
  d.add("verify.exact", problem.verify.exact);
  d.add("verify.max_l2_error", problem.verify.max_l2_error);
  d.add("verify.max_h1_error", problem.verify.max_h1_error);
  d.add("verify.probe", problem.verify.probes);
  return d.take();
}

void expect_fixed_point(const Result& first, const std::string& what) {
  ASSERT_THAT(first.errors(), ::testing::IsEmpty()) << what << "\n" << first.all_errors();
  const std::string& effective = first.problem.effective_toml;
  const Result second = parse_text(effective, {}, {}, "/elsewhere/effective.toml");
  EXPECT_THAT(second.diagnostics.entries(), ::testing::IsEmpty())
      << what << "\n"
      << second.all_errors() << effective;
  EXPECT_EQ(describe(second.problem), describe(first.problem)) << what;
  EXPECT_EQ(without_comments(second.problem.effective_toml), without_comments(effective)) << what;
  const Result third =
      parse_text(second.problem.effective_toml, {}, {}, "/elsewhere/effective.toml");
  EXPECT_EQ(without_comments(third.problem.effective_toml), without_comments(effective)) << what;
}

std::string without_comments(const std::string& effective) {
  std::istringstream lines(effective);
  std::string text, line;
  while (std::getline(lines, line)) {
    // The writer puts two blanks and '#' before an origin; a '#' in a string ends with its quote.
    const std::size_t mark = line.rfind("  # ");
    if (mark != std::string::npos) line.resize(mark);
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace ritz::deck::testing
