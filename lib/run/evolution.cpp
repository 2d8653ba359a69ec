#include "evolution.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "assembled_equations.hpp"
#include "directory.hpp"
#include "matrix_free_equations.hpp"
#include "points.hpp"
#include "provenance.hpp"
#include "result_series.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/form.hpp"
#include "ritz/run/matrix_free.hpp"
#include "ritz/run/outputs.hpp"
#include "ritz/solve/time_scheme.hpp"
#include "supports.hpp"

namespace ritz::run {

namespace {

using base::count_text;

std::string method_name(deck::TimeMethod method) {
  // The registry's choices stand in the order of the enumeration.
  return deck::find_key("time.method")->choices[static_cast<std::size_t>(method)];
}

/// Rows of numbers that grow while the run goes on; only the root writes.
class History {
 public:
  History(const comm::Communicator& communicator, std::string path, const std::string& header)
      : communicator_(communicator), path_(std::move(path)) {
    write_text(communicator_, path_, header + "\n");
  }
  void add(const std::string& row) { waiting_ += row + "\n"; }
  /// Collective. Throws Error(io) on every rank.
  void flush() {
    communicator_.together([&] {
      if (!communicator_.is_root() || waiting_.empty()) return;
      std::ofstream out(path_, std::ios::binary | std::ios::app);
      out << waiting_;
      out.close();
      if (!out) {
        throw base::Error(base::ExitCode::io, base::Location{path_, 0, 0},
                          "cannot write this table; check free space and permissions");
      }
    });
    waiting_.clear();
  }

 private:
  const comm::Communicator& communicator_;
  std::string path_, waiting_;
};

class Evolution {
 public:
  explicit Evolution(const EvolutionParts& parts)
      : parts_(parts),
        problem_(parts.problem),
        series_(problem_.output.directory, series_is_single(), problem_.output.compression) {}

  EvolutionOutcome run() {
    make_equations();
    u_ = la::make_vector("ritz::run::u", semi_discrete().n_owned());
    interpolate(problem_.initial.values, u_);
    const bool good = problem_.time ? advance() : solve_steady();
    finish(good);
    return outcome_;
  }

 private:
  [[nodiscard]] std::string path(const std::string& name) const {
    return (std::filesystem::path(problem_.output.directory) / name).string();
  }
  [[nodiscard]] int m() const { return parts_.form.n_unknowns(); }

  /// Linear equations in time go without a matrix where steady ones would.
  [[nodiscard]] bool wants_no_matrix() const {
    if (!problem_.time || !parts_.linear_form) {
      if (problem_.solver.operator_kind == "matrix-free" ||
          problem_.solver.preconditioner == "multigrid") {
        throw base::Error(
            base::ExitCode::deck, problem_.solver.operator_where,
            "solver.operator = \"matrix-free\" and preconditioner = \"multigrid\" are for linear "
            "equations of one unknown; remove them here");
      }
      return false;
    }
    OperatorFacts facts;
    facts.cell_type = mesh::table(parts_.mesh.cell_type).name;
    facts.degree = parts_.space.element.degree();
    facts.n_unknowns = parts_.space.n_global;
    facts.symmetric = parts_.linear_form->is_symmetric();
    facts.has_coarser = parts_.meshes.meshes.size() > 1;
    if (!facts.symmetric && (problem_.solver.operator_kind == "matrix-free" ||
                             problem_.solver.preconditioner == "multigrid")) {
      throw base::Error(
          base::ExitCode::deck, problem_.solver.operator_where,
          "solver.operator = \"matrix-free\" and preconditioner = \"multigrid\" are in "
          "time for symmetric equations (no advection, a symmetric diffusion tensor); "
          "remove them here");
    }
    const OperatorChoice choice = choose_operator(problem_.solver, facts);
    if (!choice.reason.empty()) {
      base::log::info(fmt::format("operator auto: {} ({})",
                                  choice.matrix_free ? "matrix-free" : "assembled", choice.reason));
    }
    return choice.matrix_free;
  }

  void make_equations() {
    parts_.progress.phase("assembly");
    const perf::Stage stage(parts_.recorder, "assembly");
    std::function<double()> seconds_left;
    if (problem_.limits.walltime_seconds) {
      seconds_left = [this] {
        return *problem_.limits.walltime_seconds - parts_.recorder.elapsed();
      };
    }
    if (wants_no_matrix()) {
      const int order = physics::system_traits(parts_.form).time_order;
      without_matrix_.emplace(MatrixFreeEquations::Parts{
          parts_.meshes, parts_.space, *parts_.linear_form, parts_.form, problem_, order,
          parts_.recorder, parts_.remark, seconds_left});
      const bool lumps = solve::time_method(method_name(problem_.time->method)).is_explicit;
      if (!lumps || without_matrix_->can_lump()) {
        parts_.progress.line("equations", fmt::format("{}, linear, matrix-free: {} unknowns",
                                                      parts_.form.unknowns.front(),
                                                      count_text(parts_.space.n_global)));
        return;
      }
      without_matrix_.reset();
      base::log::info("operator: assembled (the mass matrix cannot be lumped by its row sums)");
    }
    std::function<void(int, double)> progress;  // in time the steps are shown
    if (!problem_.time) {
      progress = [this](int iteration, double residual) {
        parts_.progress.iteration(iteration, residual, problem_.solver.tolerance);
      };
    }
    equations_.emplace(AssembledEquations::Parts{parts_.mesh, parts_.space, parts_.form, problem_,
                                                 parts_.recorder, parts_.remark, seconds_left,
                                                 progress});
    tell_equations();
  }

  [[nodiscard]] solve::SemiDiscrete& semi_discrete() {
    if (without_matrix_) return *without_matrix_;
    return *equations_;
  }

  /// Values of each unknown at all local nodes. Collective.
  [[nodiscard]] std::vector<std::vector<double>> fields_of(const la::Vector& u) const {
    if (equations_) return equations_->components(u);
    std::vector<double> values(static_cast<std::size_t>(parts_.space.n_local()), 0.0);
    const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), u);
    std::copy_n(host.data(), parts_.space.n_owned, values.begin());
    parts_.space.plan.to_ghosts(std::span(values));
    return {std::move(values)};
  }

  void tell_equations() {
    const assembly::SystemAssembler::Fixed& fixed = equations_->fixed();
    if (fixed.n_clashes > 0) {
      parts_.remark(clash_text(fixed.n_clashes, fixed.clash_difference, fixed.clash_at,
                               parts_.mesh.dimension()));
    }
    const physics::SystemTraits& traits = equations_->assembler().traits();
    if (traits.time_order < 2) {
      const std::string free = free_motions(parts_.mesh, parts_.space, problem_, parts_.form,
                                            equations_->assembler().is_fixed());
      if (!free.empty()) {
        parts_.remark(
            fmt::format("nothing holds the body against moving {}: the displacement is "
                        "not unique, and there is none unless the loads balance; give it "
                        "a displacement or symmetry there",
                        free));
      }
    }
    std::string names;
    for (const std::string& name : parts_.form.unknowns)
      names += (names.empty() ? "" : ", ") + name;
    parts_.progress.line(
        "equations", fmt::format("{}, {}{}: {} unknowns, {} prescribed, {} matrix entries", names,
                                 traits.is_linear ? "linear" : "nonlinear",
                                 traits.is_symmetric ? ", symmetric" : "",
                                 count_text(parts_.space.n_global * m()), count_text(fixed.n_fixed),
                                 count_text(static_cast<GlobalId>(equations_->n_entries()))));
  }

  /// Nodal values of formulas of x, y, z (and t, the start).
  void interpolate(const std::vector<deck::InitialValue>& values, const la::Vector& u) {
    const perf::Stage stage(parts_.recorder, "initial");
    const std::vector<double> nodes = fem::node_coordinates(parts_.mesh, parts_.space);
    const auto n = static_cast<std::size_t>(parts_.space.n_owned);
    std::vector<double> rows(4 * n), out(n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t d = 0; d < 3; ++d) rows[d * n + i] = nodes[3 * i + d];
      rows[3 * n + i] = problem_.time ? problem_.time->start : 0.0;
    }
    base::Diagnostics diagnostics;
    for (const deck::InitialValue& value : values) {
      if (value.index >= m()) continue;
      const auto expression = compile(value.value, "initial." + value.unknown.text,
                                      expr::Type::real, symbols(problem_), diagnostics);
      diagnostics.throw_errors(base::ExitCode::deck);
      if (n > 0) expression->compile().evaluate(rows, out);
      LocalId bad = -1;
      for (std::size_t i = 0; i < n; ++i) {
        if (!std::isfinite(out[i]) && bad < 0) bad = static_cast<LocalId>(i);
        u(i * static_cast<std::size_t>(m()) + static_cast<std::size_t>(value.index)) = out[i];
      }
      if (parts_.communicator.any(bad >= 0)) {
        throw base::Error(base::ExitCode::not_finite, value.value.where,
                          fmt::format("initial.{} = \"{}\" is not finite somewhere in the mesh; "
                                      "look at it with 'ritz eval'",
                                      value.unknown.text, value.value.text));
      }
    }
  }

  // Steady.

  bool solve_steady() {
    parts_.progress.phase("solve");
    solve::NewtonReport report;
    {
      const perf::Stage stage(parts_.recorder, "solve");
      report = equations_->solve_steady(0.0, u_);
    }
    const bool linear = equations_->assembler().traits().is_linear;
    std::string table = "iteration,residual,length\n";
    for (std::size_t i = 0; i < report.history.size(); ++i) {
      const double length = i > 0 ? report.lengths[i - 1] : 0.0;
      table += fmt::format("{},{:.6e},{:.3g}\n", i, report.history[i], length);
      if (!linear) {
        parts_.progress.line(
            "newton", fmt::format("{:2}  residual {:.3e}{}", i, report.history[i],
                                  i > 0 && length < 1 ? fmt::format("  length {:.2g}", length)
                                                      : std::string()));
      }
    }
    write_text(parts_.communicator, path("newton.csv"), table);
    outcome_.status = solve::name(report.outcome);
    outcome_.iterations = report.linear_iterations;
    if (!report.history.empty() && report.history.front() > 0)
      outcome_.residual = report.history.back() / report.history.front();
    parts_.recorder.count("newton_iterations", report.iterations);
    parts_.recorder.count("iterations", report.linear_iterations);
    parts_.progress.line("solve", fmt::format("{}: {} Newton, {} linear iterations ({})",
                                              outcome_.status, report.iterations,
                                              report.linear_iterations, equations_->solver_text()));
    if (report.converged()) return true;
    outcome_.code = static_cast<int>(report.outcome == solve::NewtonReport::Outcome::not_finite
                                         ? base::ExitCode::not_finite
                                         : base::ExitCode::not_converged);
    if (parts_.communicator.is_root()) {
      base::log::error(fmt::format("Newton's method ended: {} ({})\n  try:   {}", outcome_.status,
                                   report.message, suggestion(report)));
    }
    return false;
  }

  [[nodiscard]] static std::string suggestion(const solve::NewtonReport& report) {
    using Outcome = solve::NewtonReport::Outcome;
    switch (report.outcome) {
      case Outcome::max_iterations:
        return "--set nonlinear.max_iterations=100, or a first guess nearer to the solution "
               "([initial])";
      case Outcome::line_search:
        return "a first guess nearer to the solution ([initial]), smaller steps in a parameter; a "
               "problem may have no solution beyond some value of a parameter";
      case Outcome::linear_solver:
        return "--set solver.preconditioner=direct; a singular Jacobian means that the solution is "
               "not unique near here (a fold, a missing [[boundary]] value)";
      case Outcome::not_finite:
        return "look at the formula at that place with 'ritz eval'; a first guess in its domain "
               "([initial])";
      case Outcome::walltime:
      case Outcome::converged:
        break;
    }
    return "more time (limits.walltime)";
  }

  // In time.

  bool advance() {
    const deck::TimeOptions& time = *problem_.time;
    solve::TimeScheme::Options options;
    options.method = method_name(time.method);
    options.tolerance = time.tolerance;
    options.spectral_radius = time.spectral_radius;
    solve::TimeScheme scheme(semi_discrete(), options);
    scheme_ = &scheme;
    la::Vector rate;
    if (scheme.method().equation_order == 2) {
      rate = la::make_vector("ritz::run::rate", semi_discrete().n_owned());
      interpolate(problem_.initial.rates, rate);
    }
    compile_stop();
    std::string header = "step,time,dt,newton_iterations,linear_iterations,error";
    for (const std::string& name : parts_.form.unknowns) {
      header += fmt::format(",min_{0},max_{0}", name);
    }
    history_.emplace(parts_.communicator, path("history.csv"), header);
    parts_.progress.phase("time");
    bool good = true;
    {
      const perf::Stage stage(parts_.recorder, "time");
      const solve::StageReport started = scheme.start(time.start, u_, rate);
      if (!started.solved()) {
        fail(started, time.start);
        good = false;
      } else {
        good = march(scheme);
      }
    }
    la::copy(scheme.u(), u_);
    reached_ = scheme.time();
    history_->flush();
    tell_steps();
    scheme_ = nullptr;
    return good;
  }

  bool march(solve::TimeScheme& scheme) {
    const deck::TimeOptions& time = *problem_.time;
    if (!series_is_single()) write_results(scheme.time(), scheme.u());
    double wanted = time.step;  // length of the next step, before it is fitted to a time asked for
    std::int64_t n_outputs = 0;
    int n_failures = 0;
    while (true) {
      const double now = scheme.time();
      if (now >= time.end) {
        outcome_.status = "end of time";
        return true;
      }
      double target = time.end;
      if (problem_.output.every) {
        // Multiples from the start, never sums.
        const double next =
            time.start + static_cast<double>(n_outputs + 1) * *problem_.output.every;
        // A multiple that misses the end by round-off is the end, not a step of 1e-16.
        if (next < time.end - 1e-9 * *problem_.output.every) target = next;
      }
      const double left = target - now;
      // Equal steps that end at the target, so that lengths change little from one to the next.
      const double n_steps = std::max(1.0, std::ceil(left / wanted * (1 - 1e-10)));
      const bool hits = n_steps == 1.0;
      const double dt = left / n_steps;
      const double end = hits ? target : now + dt;
      solve::TimeScheme::Step step;
      try {
        step = scheme.step(dt, end);
      } catch (const base::Error& error) {
        // Coefficients and prescribed values tell it on every rank; what is there is written.
        if (error.code() != base::ExitCode::not_finite) throw;
        fail({solve::StageReport::Outcome::not_finite, 0, 0, error.what()}, end);
        return false;
      }
      newton_iterations_ += step.stages.newton_iterations;
      linear_iterations_ += step.stages.linear_iterations;
      if (!step.accepted) {
        ++n_rejected_;
        const bool by_error = step.stages.solved();
        if (step.stages.outcome == solve::StageReport::Outcome::stopped) {
          out_of_time(now);
          return false;
        }
        wanted = std::min(step.suggestion, dt / 2);
        last_wanted_ = wanted;
        const double least = time.min_step.value_or(1e-6 * time.step);
        if (!by_error && ++n_failures == 1) {
          parts_.remark(
              fmt::format("the step from t = {:.6g} of length {:.3g} could not be solved ({}): "
                          "tried again with a shorter one, as all that follow",
                          now, dt, step.stages.message));
        }
        if (wanted < least) {
          if (by_error) {
            failed(
                fmt::format("the step at t = {:.6g} would have to be shorter than {:.3g} for "
                            "time.tolerance = {:g}; a jump in the data? Try a larger tolerance "
                            "or time.min_step",
                            now, least, *time.tolerance));
          } else {
            fail(step.stages, end);
          }
          return false;
        }
        continue;
      }
      ++n_steps_;
      if (time.tolerance) {
        wanted = step.suggestion > 0 ? step.suggestion : std::max(wanted, dt);
        // A step that was cut to hit a target says little about the length that is right.
        if (dt < 0.99 * last_wanted_ && wanted > dt) wanted = std::max(wanted, last_wanted_);
        if (time.max_step) wanted = std::min(wanted, *time.max_step);
        if (time.min_step) wanted = std::max(wanted, *time.min_step);
      } else {
        wanted = std::min(time.step, 2 * wanted);
      }
      last_wanted_ = wanted;
      const std::vector<Range> ranges = note_step(scheme, step, dt);
      if (!is_finite_) {
        fail({solve::StageReport::Outcome::not_finite, 0, 0,
              scheme.method().is_explicit
                  ? fmt::format("the solution is not finite after {} steps; explicit methods are "
                                "unstable where time.step is too long for the smallest cells: try "
                                "--set time.step={:.2g}",
                                n_steps_, dt / 2)
                  : "the solution is not finite"},
             scheme.time());
        return false;
      }
      const bool output_by_time = problem_.output.every && hits && target < time.end;
      const bool output_by_steps =
          problem_.output.every_steps && n_steps_ % *problem_.output.every_steps == 0;
      if (output_by_time) ++n_outputs;
      const bool ends = scheme.time() >= time.end;
      if ((output_by_time || output_by_steps) && !ends) {
        // The rows that belong to a file are there even if that cannot be written.
        history_->flush();
        write_results(scheme.time(), scheme.u());
      }
      if (ends) continue;
      if (stop_ && stops(scheme.time(), ranges)) {
        outcome_.status = "stop_when";
        parts_.progress.line("time", fmt::format("t = {:.6g}: {} holds", scheme.time(),
                                                 problem_.time->stop_when->text));
        return true;
      }
      if (time.steady_tolerance && scheme.last_change() / dt <= *time.steady_tolerance) {
        outcome_.status = "steady";
        parts_.progress.line("time", fmt::format("t = {:.6g}: steady, changes by {:.2e} of its "
                                                 "size per unit of time",
                                                 scheme.time(), scheme.last_change() / dt));
        return true;
      }
      if (problem_.limits.walltime_seconds &&
          parts_.communicator.any(parts_.recorder.elapsed() > *problem_.limits.walltime_seconds)) {
        out_of_time(scheme.time());
        return false;
      }
    }
  }

  /// Alike between two steps and in the middle of one, which is given up.
  void out_of_time(double time) {
    failed(fmt::format("limits.walltime is over at t = {:.6g}", time));
  }
  void fail(const solve::StageReport& report, double time) {
    failed(
        fmt::format("the equations at t = {:.6g} could not be solved: {}", time, report.message));
    if (report.outcome == solve::StageReport::Outcome::not_finite)
      outcome_.code = static_cast<int>(base::ExitCode::not_finite);
  }
  void failed(const std::string& text) {
    outcome_.code = static_cast<int>(base::ExitCode::not_converged);
    outcome_.status = "failed";
    parts_.progress.finish_line();
    if (parts_.communicator.is_root()) base::log::error(text);
  }

  struct Range {
    double min = std::numeric_limits<double>::infinity(), max = -min;
  };

  /// Nodal extremes of each component; sets is_finite_. Collective.
  [[nodiscard]] std::vector<Range> ranges_of(const la::Vector& u) {
    const auto n = static_cast<std::size_t>(m());
    // min and -max, so that one reduction does.
    std::vector<double> least(2 * n + 1, std::numeric_limits<double>::infinity());
    const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), u);
    for (std::size_t i = 0; i < host.extent(0); ++i) {
      // NaN is neither below nor above anything.
      if (!std::isfinite(host(i))) least[2 * n] = 0.0;
      double& low = least[2 * (i % n)];
      double& high = least[2 * (i % n) + 1];
      low = std::min(low, host(i));
      high = std::min(high, -host(i));
    }
    parts_.communicator.all_reduce(std::span<double>(least), comm::Op::min);
    is_finite_ = least[2 * n] > 0;
    std::vector<Range> ranges(n);
    for (std::size_t c = 0; c < n; ++c) ranges[c] = {least[2 * c], -least[2 * c + 1]};
    return ranges;
  }

  std::vector<Range> note_step(const solve::TimeScheme& scheme, const solve::TimeScheme::Step& step,
                               double dt) {
    const std::vector<Range> ranges = ranges_of(scheme.u());
    std::string row = fmt::format(
        "{},{},{},{},{},{:.3e}", n_steps_, base::number_text(scheme.time()), base::number_text(dt),
        step.stages.newton_iterations, step.stages.linear_iterations, step.error);
    for (const Range& one : ranges) {
      row += "," + base::number_text(one.min) + "," + base::number_text(one.max);
    }
    history_->add(row);
    if (n_steps_ % 64 == 0) history_->flush();
    parts_.progress.time_step(n_steps_, scheme.time(), dt, problem_.time->start,
                              problem_.time->end);
    return ranges;
  }

  void tell_steps() {
    parts_.recorder.count("steps", static_cast<double>(n_steps_));
    parts_.recorder.count("rejected_steps", static_cast<double>(n_rejected_));
    parts_.recorder.count("newton_iterations", static_cast<double>(newton_iterations_));
    parts_.recorder.count("iterations", static_cast<double>(linear_iterations_));
    outcome_.iterations = static_cast<int>(linear_iterations_);
    const double n = std::max<double>(1.0, static_cast<double>(n_steps_));
    parts_.progress.line(
        "time",
        fmt::format("{}: {} steps{}, {:.2f} Newton and {:.2f} linear iterations a step",
                    scheme_->method().name, count_text(n_steps_),
                    n_rejected_ > 0 ? fmt::format(" ({} rejected)", n_rejected_) : std::string(),
                    static_cast<double>(newton_iterations_) / n,
                    static_cast<double>(linear_iterations_) / n));
    if (without_matrix_) {
      const auto& counts = without_matrix_->counts();
      tell_reuse(counts.linear_solves, without_matrix_->solver_text(),
                 fmt::format("{} operators", count_text(counts.operators)),
                 without_matrix_->reuse().n_built(), without_matrix_->reuse().reason());
      parts_.progress.line("operator", without_matrix_->text());
    } else {
      const auto& counts = equations_->counts();
      tell_reuse(counts.linear_solves, equations_->solver_text(),
                 fmt::format("{} Jacobians", count_text(counts.jacobians)), equations_->n_built(),
                 equations_->reuse().reason());
    }
  }

  void tell_reuse(int n_solves, const std::string& solver, const std::string& made, int n_built,
                  const std::string& reason) {
    if (n_solves == 0) return;
    parts_.recorder.count("linear_systems", n_solves);
    parts_.recorder.count("preconditioners_made", n_built);
    parts_.progress.line(
        "reuse",
        fmt::format(
            "{} linear systems ({}): {} and {} preconditioner{} made{}", count_text(n_solves),
            solver, made, count_text(n_built), n_built == 1 ? "" : "s",
            n_built > 1 && !reason.empty() ? " (the last: " + reason + ")" : std::string()));
  }

  // stop_when

  void compile_stop() {
    const auto& formula = problem_.time->stop_when;
    if (!formula) return;
    base::Diagnostics diagnostics;
    const auto expression = compile(*formula, "time.stop_when", expr::Type::boolean,
                                    stop_symbols(problem_), diagnostics);
    diagnostics.throw_errors(base::ExitCode::deck);
    stop_ = *expression;
  }
  [[nodiscard]] bool stops(double time, const std::vector<Range>& ranges) const {
    std::vector<double> point{time};
    for (const Range& one : ranges) {
      point.push_back(one.max);
      point.push_back(one.min);
    }
    point.resize(stop_->variables().size(), 0.0);  // displacements that a plane mesh does not have
    return stop_->evaluate(point) != 0.0;
  }

  // Results.

  [[nodiscard]] bool series_is_single() const {
    return !problem_.time || (!problem_.output.every && !problem_.output.every_steps);
  }

  void write_results(double time, const la::Vector& u) {
    if (!problem_.output.fields || (written_ && *written_ == time)) return;
    const perf::Stage stage(parts_.recorder, "output");
    std::vector<std::string> names = parts_.form.unknowns;
    std::vector<std::vector<double>> fields = fields_of(u);
    RecoveredFields further = recover(fields, time);
    names.insert(names.end(), parts_.output.names.begin(), parts_.output.names.end());
    std::move(further.values.begin(), further.values.end(), std::back_inserter(fields));
    const store::WriteReport written =
        series_.write(time, parts_.mesh, parts_.space, names, fields,
                      provenance(parts_.communicator, problem_.effective_toml, parts_.remarks));
    written_ = time;
    file_bytes_ += written.file_bytes;
    raw_bytes_ += written.raw_bytes;
  }

  /// Stresses and the like of a solution, which is told if it is not finite.
  [[nodiscard]] RecoveredFields recover(const std::vector<std::vector<double>>& fields,
                                        double time) {
    RecoveredFields further =
        recover_fields(parts_.mesh, parts_.space, parts_.output, fields, problem_, time);
    if (further.not_finite && !not_finite_is_told_) {
      not_finite_is_told_ = true;
      parts_.remark(fmt::format("the field {} is not finite somewhere at t = {:.6g}",
                                *further.not_finite, time));
    }
    return further;
  }

  void finish(bool good) {
    if (!is_finite_)
      return;  // nothing that anybody could use: the results before stay the last ones
    const perf::Stage stage(parts_.recorder, "output");
    parts_.progress.phase("output");
    const double time = reached_;
    const std::vector<std::vector<double>> fields = fields_of(u_);
    const int dimension = parts_.mesh.dimension();
    std::vector<NamedResults> all;
    for (int c = 0; c < m(); ++c) {
      const SolvedField field{parts_.mesh, parts_.space, fields[static_cast<std::size_t>(c)], time};
      NamedResults one;
      one.unknown = parts_.form.unknowns[static_cast<std::size_t>(c)];
      one.extremes = extrema(field);
      one.probes = probe(field, problem_);
      parts_.progress.line(
          "solution",
          fmt::format("{}: min {:.6g} at {}, max {:.6g} at {}", one.unknown, one.extremes.min.value,
                      point_text(one.extremes.min.at, dimension), one.extremes.max.value,
                      point_text(one.extremes.max.at, dimension)));
      for (const ProbeResult& p : one.probes) {
        parts_.progress.line("probe",
                             fmt::format("{} {} {} = {:.8g}", p.name, point_text(p.at, dimension),
                                         one.unknown, p.value));
      }
      all.push_back(std::move(one));
    }
    for (NamedResults& one :
         results_of(parts_.mesh, parts_.space, parts_.output, recover(fields, time), problem_)) {
      parts_.progress.line(
          "field", fmt::format("{}: min {:.6g} at {}, max {:.6g} at {}", one.unknown,
                               one.extremes.min.value, point_text(one.extremes.min.at, dimension),
                               one.extremes.max.value, point_text(one.extremes.max.at, dimension)));
      for (const ProbeResult& p : one.probes) {
        parts_.progress.line("probe",
                             fmt::format("{} {} {} = {:.8g}", p.name, point_text(p.at, dimension),
                                         one.unknown, p.value));
      }
      all.push_back(std::move(one));
    }
    const std::vector<IntegralResult> integrals =
        integrate_system(parts_.mesh, parts_.space, parts_.form.unknowns, fields, problem_,
                         parts_.linear_form ? &*parts_.linear_form : nullptr, time);
    for (const IntegralResult& one : integrals) {
      parts_.progress.line("integral",
                           fmt::format("{} over {} = {:.8g}", one.name, one.on, one.value));
    }
    parts_.communicator.together([&] {
      if (parts_.communicator.is_root())
        write_tables(problem_.output.directory, dimension, all, integrals);
    });
    write_results(time, u_);
    if (problem_.output.fields) {
      parts_.recorder.count("file_bytes", file_bytes_);
      parts_.progress.line("output", fmt::format("{} ({}, {:.1f}x compressed)", series_.path(),
                                                 base::bytes_text(file_bytes_),
                                                 raw_bytes_ / std::max(1.0, file_bytes_)));
    }
    if (!good) return;
    const auto judged = static_cast<std::size_t>(std::min(problem_.verify.unknown, m() - 1));
    const Verification verification =
        verify({parts_.mesh, parts_.space, fields[judged], time}, problem_, all);
    for (const std::string& line : verification.lines) parts_.progress.line("verify", line);
    outcome_.norms = verification.norms;
    outcome_.verified = verification.passed;
    if (!verification.passed) {
      outcome_.code = static_cast<int>(base::ExitCode::not_converged);
      if (parts_.communicator.is_root()) {
        base::log::error(
            "[verify] failed: the solution is not as close as the deck demands; refine "
            "(--set mesh.refine=1), raise space.degree, shorten time.step or tighten the "
            "tolerances");
      }
    }
  }

  const EvolutionParts& parts_;
  const deck::Problem& problem_;
  ResultSeries series_;
  std::optional<AssembledEquations> equations_;  ///< one of the two
  std::optional<MatrixFreeEquations> without_matrix_;
  la::Vector u_;
  double reached_ = 0;
  EvolutionOutcome outcome_;
  const solve::TimeScheme* scheme_ = nullptr;
  std::optional<History> history_;
  std::optional<expr::Expression> stop_;
  double last_wanted_ = 0;
  bool not_finite_is_told_ = false;
  bool is_finite_ = true;          ///< u of the last step, on all ranks
  std::optional<double> written_;  ///< time of the last result of a series
  std::int64_t n_steps_ = 0, n_rejected_ = 0, newton_iterations_ = 0, linear_iterations_ = 0;
  double file_bytes_ = 0, raw_bytes_ = 0;
};

}  // namespace

EvolutionOutcome evolve(const EvolutionParts& parts) {
  return Evolution(parts).run();
}

}  // namespace ritz::run
