#include "evolution.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "assembled_equations.hpp"
#include "checkpoints.hpp"
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
#include "stopping.hpp"
#include "supports.hpp"

namespace ritz::run {

namespace {

using base::count_text;

std::string method_name(deck::TimeMethod method) {
  // The registry's choices stand in the order of the enumeration.
  return deck::find_key("time.method")->choices[static_cast<std::size_t>(method)];
}

/// Rows of numbers, the first the number of a step, that grow while the run goes on; only the root
/// writes.
class History {
 public:
  /// `kept`: of the rows that are there those up to this step stay.
  History(const comm::Communicator& communicator, std::string path, const std::string& header,
          std::int64_t kept)
      : communicator_(communicator), path_(std::move(path)) {
    std::string text = header + "\n";
    communicator_.together([&] {
      if (!communicator_.is_root() || kept == 0) return;
      std::ifstream in(path_);
      std::string row;
      if (!std::getline(in, row) || row != header) return;
      // A row that a full disk has cut off is none.
      const auto n_columns = std::count(header.begin(), header.end(), ',');
      while (std::getline(in, row) && std::atoll(row.c_str()) <= kept) {
        if (std::count(row.begin(), row.end(), ',') == n_columns) text += row + "\n";
      }
    });
    // In one go: the rows are there whatever happens in between.
    write_text(communicator_, path_ + ".part", text);
    communicator_.together([&] {
      if (!communicator_.is_root()) return;
      std::error_code failed;
      std::filesystem::rename(path_ + ".part", path_, failed);
      if (failed) {
        throw base::Error(base::ExitCode::io, base::Location{path_, 0, 0},
                          "cannot write this table: " + failed.message());
      }
    });
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
    if (writes_checkpoints() || parts_.from != nullptr) {
      checkpoints_.emplace(
          Checkpoints::Parts{parts_.communicator, problem_, parts_.mesh, parts_.space, m()},
          parts_.from);
    }
    if (writes_checkpoints()) signals_.emplace();
    make_equations();
    u_ = la::make_vector("ritz::run::u", semi_discrete().n_owned());
    if (parts_.from == nullptr) interpolate(problem_.initial.values, u_);
    const bool good = problem_.time ? advance() : solve_steady();
    if (outcome_.code != static_cast<int>(base::ExitCode::run_again)) finish(good);
    return outcome_;
  }

 private:
  [[nodiscard]] std::string path(const std::string& name) const {
    return (std::filesystem::path(problem_.output.directory) / name).string();
  }
  [[nodiscard]] int m() const { return parts_.form.n_unknowns(); }

  /// Linear equations in time go without a matrix where steady ones would.
  [[nodiscard]] bool wants_no_matrix() const {
    if (!problem_.time || !parts_.linear_form || parts_.split || parts_.stabilised) return false;
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

  /// Whether AssembledEquations go without a matrix.
  [[nodiscard]] bool wants_operator() const {
    const deck::SolverOptions& solver = problem_.solver;
    const bool asked =
        solver.operator_kind == "matrix-free" || solver.preconditioner == "multigrid";
    if (parts_.split || parts_.stabilised) {
      const char* what = parts_.split ? "an imex method" : "SUPG";
      if (asked) {
        throw base::Error(base::ExitCode::deck, solver.operator_where,
                          fmt::format("solver.operator = \"matrix-free\" and preconditioner = "
                                      "\"multigrid\" do not go with {}; remove them here",
                                      what));
      }
      if (parts_.linear_form) base::log::info(fmt::format("operator: assembled ({})", what));
      return false;
    }
    // Constants may be in the kernel: that is looked at with a matrix.
    const auto& boundaries = parts_.form.boundaries;
    const bool has_values = std::any_of(boundaries.begin(), boundaries.end(), [](const auto& one) {
      return one.kind == physics::SystemForm::Boundary::Kind::value;
    });
    if (!problem_.time && !has_values && !asked) return false;
    if (needs_matrix(problem_, parts_.form)) {
      if (!asked) return false;
      throw base::Error(
          base::ExitCode::deck, solver.operator_where,
          "solver.operator = \"matrix-free\" and preconditioner = \"multigrid\" are not for "
          "Helmholtz's equation, and in time only for systems in which every unknown has its "
          "derivative in time; remove them here");
    }
    OperatorFacts facts;
    facts.cell_type = mesh::table(parts_.mesh.cell_type).name;
    facts.degree = parts_.space.element.degree();
    facts.n_unknowns = parts_.space.n_global * m();
    facts.symmetric = physics::system_traits(parts_.form).is_symmetric;
    facts.has_coarser = parts_.meshes.meshes.size() > 1;
    if (solver.preconditioner == "multigrid" && !facts.symmetric) {
      throw base::Error(base::ExitCode::deck, solver.operator_where,
                        "preconditioner = \"multigrid\" is for equations whose Jacobian is "
                        "symmetric and positive; remove it here");
    }
    const OperatorChoice choice = choose_operator(solver, facts);
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
    if (problem_.limits.walltime_seconds || writes_checkpoints()) {
      seconds_left = [this] { return this->seconds_left(); };
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
    const physics::SystemForm& form = parts_.split ? parts_.split->implicit_form : parts_.form;
    const bool may_assemble =
        problem_.solver.operator_kind == "auto" && problem_.solver.preconditioner == "auto";
    equations_.emplace(AssembledEquations::Parts{
        parts_.mesh, parts_.space, form, problem_,
        parts_.split ? &parts_.split->explicit_form : nullptr, parts_.recorder, parts_.remark,
        seconds_left, progress, wants_operator() ? &parts_.meshes : nullptr, may_assemble});
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
        "equations", fmt::format("{}, {}{}: {} unknowns, {} prescribed, {}", names,
                                 implicit_text(traits), traits.is_symmetric ? ", symmetric" : "",
                                 count_text(parts_.space.n_global * m()), count_text(fixed.n_fixed),
                                 equations_->jacobian_text()));
  }

  [[nodiscard]] std::string implicit_text(const physics::SystemTraits& traits) const {
    const std::string kind = traits.is_linear ? "linear" : "nonlinear";
    if (!parts_.split) return kind;
    return kind + " with " + base::list(problem_.time->explicit_terms, "and") + " explicit";
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
            is_picard() ? "picard" : "newton",
            fmt::format(
                "{:2}  residual {:.3e}{}", i, report.history[i],
                i > 0 && length < 1 ? fmt::format("  length {:.2g}", length) : std::string()));
      }
    }
    write_text(parts_.communicator, path("newton.csv"), table);
    outcome_.status = solve::name(report.outcome);
    outcome_.iterations = report.linear_iterations;
    if (!report.history.empty() && report.history.front() > 0)
      outcome_.residual = report.history.back() / report.history.front();
    parts_.recorder.count("newton_iterations", report.iterations);
    parts_.recorder.count("iterations", report.linear_iterations);
    parts_.progress.line("solve",
                         fmt::format("{}: {} {}, {} linear iterations ({})", outcome_.status,
                                     report.iterations, is_picard() ? "Picard" : "Newton",
                                     report.linear_iterations, equations_->solver_text()));
    if (report.converged()) return true;
    outcome_.code = static_cast<int>(report.outcome == solve::NewtonReport::Outcome::not_finite
                                         ? base::ExitCode::not_finite
                                         : base::ExitCode::not_converged);
    if (parts_.communicator.is_root()) {
      base::log::error(fmt::format("{}'s method ended: {} ({})\n  try:   {}",
                                   is_picard() ? "Picard" : "Newton", outcome_.status,
                                   report.message, suggestion(report)));
    }
    return false;
  }

  [[nodiscard]] bool is_picard() const {
    return problem_.nonlinear.method == deck::NonlinearOptions::Method::picard;
  }

  [[nodiscard]] std::string suggestion(const solve::NewtonReport& report) const {
    using Outcome = solve::NewtonReport::Outcome;
    switch (report.outcome) {
      case Outcome::max_iterations:
        if (is_picard()) {
          return report.rate() < 1
                     ? "--set nonlinear.max_iterations=" +
                           std::to_string(10 * problem_.nonlinear.max_iterations) +
                           " (Picard's method converges linearly), or --set "
                           "nonlinear.method=newton"
                     : "--set nonlinear.method=newton: Picard's method converges only where the "
                       "coefficients change less than the solution, and a source that depends on "
                       "the unknown is taken as it is";
        }
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
    if (scheme.method().equation_order == 2 && parts_.from == nullptr) {
      rate = la::make_vector("ritz::run::rate", semi_discrete().n_owned());
      interpolate(problem_.initial.rates, rate);
    }
    compile_stop();
    std::string header = "step,time,dt,newton_iterations,linear_iterations,error";
    for (const std::string& name : parts_.form.unknowns) {
      header += fmt::format(",min_{0},max_{0}", name);
    }
    const solve::SavedState state = resume();
    history_.emplace(parts_.communicator, path("history.csv"), header, n_steps_);
    parts_.progress.phase("time");
    bool good = true;
    {
      const perf::Stage stage(parts_.recorder, "time");
      solve::StageReport started;
      if (parts_.from != nullptr) {
        scheme.restore(state);
      } else {
        started = scheme.start(time.start, u_, rate);
      }
      if (!started.solved()) {
        fail(started, time.start);
        good = false;
      } else {
        good = march(scheme);
      }
    }
    if (!good && is_finite_ && writes_checkpoints() && n_steps_ > n_steps_saved_ &&
        outcome_.code != static_cast<int>(base::ExitCode::run_again)) {
      // state_ is that before the step that failed.
      write_checkpoint(state_.number("scheme.time"));
      parts_.remark("the last good state is in " + checkpoints_->path() +
                    ": what may change on a restart (ritz explain KEY) can be changed and the run "
                    "resumed with --resume");
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
    if (!series_is_single() && parts_.from == nullptr) write_results(scheme.time(), scheme.u());
    if (parts_.from == nullptr) wanted_ = time.step;
    if (parts_.from != nullptr) {
      if (!series_is_single() && is_result_time(scheme.time()) && !series_.ends_with(scheme.time()))
        write_results(scheme.time(), scheme.u());
      // Ended by its own condition already, unless that is another one now.
      if (ended_by_ == 1 && !parts_.from->changed("time.stop_when")) {
        outcome_.status = "stop_when";
        return true;
      }
      if (ended_by_ == 2 && !parts_.from->changed("time.steady_tolerance")) {
        outcome_.status = "steady";
        return true;
      }
    }
    last_checkpoint_at_ = parts_.recorder.elapsed();
    // Before the first one is measured: a few vectors at a disk's 200 MB/s.
    pace_.checkpoint(3 * 8.0 * static_cast<double>(parts_.space.n_global) * m() / 2e8);
    while (true) {
      const double now = scheme.time();
      if (now >= time.end) {
        outcome_.status = "end of time";
        return true;
      }
      note_state(scheme);
      const double step_began = parts_.recorder.elapsed();
      double target = time.end;
      if (problem_.output.every) {
        // Multiples from the start, never sums.
        const double next =
            time.start + static_cast<double>(n_outputs_ + 1) * *problem_.output.every;
        // A multiple that misses the end by round-off is the end, not a step of 1e-16.
        if (next < time.end - 1e-9 * *problem_.output.every) target = next;
      }
      const double left = target - now;
      // Equal steps that end at the target, so that lengths change little from one to the next.
      const double n_steps = std::max(1.0, std::ceil(left / wanted_ * (1 - 1e-10)));
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
          stop(now, "in the middle of a step");
          return false;
        }
        wanted_ = std::min(step.suggestion, dt / 2);
        last_wanted_ = wanted_;
        const double least = time.min_step.value_or(1e-6 * time.step);
        if (!by_error && ++n_failures_ == 1) {
          parts_.remark(
              fmt::format("the step from t = {:.6g} of length {:.3g} could not be solved ({}): "
                          "tried again with a shorter one, as all that follow",
                          now, dt, step.stages.message));
        }
        if (wanted_ < least) {
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
        wanted_ = step.suggestion > 0 ? step.suggestion : std::max(wanted_, dt);
        // A step that was cut to hit a target says little about the length that is right.
        if (dt < 0.99 * last_wanted_ && wanted_ > dt) wanted_ = std::max(wanted_, last_wanted_);
        if (time.max_step) wanted_ = std::min(wanted_, *time.max_step);
        if (time.min_step) wanted_ = std::max(wanted_, *time.min_step);
      } else {
        wanted_ = std::min(time.step, 2 * wanted_);
      }
      last_wanted_ = wanted_;
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
      if (output_by_time) ++n_outputs_;
      const bool ends = scheme.time() >= time.end;
      if ((output_by_time || output_by_steps) && !ends) {
        // The rows that belong to a file are there even if that cannot be written.
        history_->flush();
        write_results(scheme.time(), scheme.u());
      }
      const bool condition_holds = !ends && stop_ && stops(scheme.time(), ranges);
      const bool is_steady =
          !ends && time.steady_tolerance && scheme.last_change() / dt <= *time.steady_tolerance;
      pace_.step(parts_.recorder.elapsed() - step_began);
      const Wish wish = agreed_wish(scheme.time());
      const bool is_last = ends || condition_holds || is_steady;
      if (writes_checkpoints() && (is_last || wish.checkpoint || wish.stop)) {
        ended_by_ = condition_holds ? 1 : is_steady ? 2 : 0;
        note_state(scheme);
        if (!wish.stop || is_last) write_checkpoint(scheme.time());
      }
      if (ends) continue;
      if (condition_holds) {
        outcome_.status = "stop_when";
        parts_.progress.line("time", fmt::format("t = {:.6g}: {} holds", scheme.time(),
                                                 problem_.time->stop_when->text));
        return true;
      }
      if (is_steady) {
        outcome_.status = "steady";
        parts_.progress.line("time", fmt::format("t = {:.6g}: steady, changes by {:.2e} of its "
                                                 "size per unit of time",
                                                 scheme.time(), scheme.last_change() / dt));
        return true;
      }
      if (wish.stop) {
        stop(scheme.time(), "after a step");
        return false;
      }
    }
  }

  // Checkpoints and stopping.

  [[nodiscard]] bool writes_checkpoints() const {
    return problem_.time && problem_.checkpoint.write;
  }

  /// What the next checkpoint would hold: everything after the last step. Taken before each step,
  /// because a step that is given up in its middle may have made a new preconditioner.
  void note_state(const solve::TimeScheme& scheme) {
    if (!writes_checkpoints()) return;
    state_ = {};
    scheme.save(state_);
    const auto add = [&](const char* name, auto value) {
      state_.add(name, static_cast<double>(value));
    };
    add("run.steps", n_steps_);
    add("run.rejected_steps", n_rejected_);
    add("run.newton_iterations", newton_iterations_);
    add("run.linear_iterations", linear_iterations_);
    add("run.failures", n_failures_);
    add("run.wanted", wanted_);
    add("run.last_wanted", last_wanted_);
    add("run.ended_by", ended_by_);
    state_.add("run.results", series_.names());
  }

  /// Takes over what a checkpoint holds beside the integrator's state, which it gives back.
  [[nodiscard]] solve::SavedState resume() {
    if (parts_.from == nullptr) return {};
    const perf::Stage stage(parts_.recorder, "restart");
    solve::SavedState state = checkpoints_->load(*parts_.from);
    if (parts_.from->changed("solver.") || parts_.from->changed("nonlinear.")) {
      state.add(solve::SavedState::solver_changed, 1.0);
      parts_.remark("solver keys have changed: matrices and preconditioners are made anew");
    }
    const auto take = [&](auto& to, const char* name) {
      to = static_cast<std::remove_reference_t<decltype(to)>>(state.number(name));
    };
    take(n_steps_, "run.steps");
    take(n_rejected_, "run.rejected_steps");
    take(newton_iterations_, "run.newton_iterations");
    take(linear_iterations_, "run.linear_iterations");
    take(n_failures_, "run.failures");
    take(wanted_, "run.wanted");
    take(last_wanted_, "run.last_wanted");
    take(ended_by_, "run.ended_by");
    const double time = state.number("scheme.time");
    // Keys that may change are looked at as they are now.
    const deck::TimeOptions& options = *problem_.time;
    if (parts_.from->changed("time.")) {
      if (!options.tolerance) wanted_ = std::min(wanted_, options.step);
      if (options.max_step) wanted_ = std::min(wanted_, *options.max_step);
      if (options.min_step) wanted_ = std::max(wanted_, *options.min_step);
    }
    if (problem_.output.every) n_outputs_ = multiples(time, *problem_.output.every);
    n_multiples_ = multiples_reached(time);
    n_steps_saved_ = n_steps_before_ = n_steps_;
    if (parts_.from->is_own) {
      checkpoints_->give_up_later();
      series_.resume(parts_.communicator, state.text("run.results"));
    }
    parts_.progress.line("resumed", fmt::format("{} at t = {:.6g}, step {}", parts_.from->path,
                                                state.number("scheme.time"), count_text(n_steps_)));
    return state;
  }

  /// Seconds until the run has to stop, as this rank sees it.
  [[nodiscard]] double seconds_left() const {
    const double elapsed = parts_.recorder.elapsed();
    const auto limit = time_limit(problem_.limits.walltime_seconds, elapsed);
    double left = limit ? limit->seconds_left : std::numeric_limits<double>::infinity();
    if (writes_checkpoints()) {
      left -= 1.5 * pace_.last_checkpoint();
      if (!Signals::stop().empty()) left = 0;
    }
    return left;
  }

  /// Multiples of checkpoint.every from the start, never sums; those missed by round-off count.
  [[nodiscard]] std::int64_t multiples_reached(double time) const {
    return problem_.checkpoint.every ? multiples(time, *problem_.checkpoint.every) : 0;
  }
  [[nodiscard]] std::int64_t multiples(double time, double every) const {
    return static_cast<std::int64_t>(std::floor((time - problem_.time->start) / every + 1e-9));
  }
  /// Whether the deck asks for a result at this time, which is that after n_steps_.
  [[nodiscard]] bool is_result_time(double time) const {
    if (problem_.output.every_steps) return n_steps_ % *problem_.output.every_steps == 0;
    const double every = *problem_.output.every;
    const double multiple =
        problem_.time->start + static_cast<double>(multiples(time, every)) * every;
    return std::abs(time - multiple) <= 1e-9 * every;
  }

  struct Wish {
    bool checkpoint = false;
    bool stop = false;
  };
  /// What the clock of the root and signals to any rank want after a step. Collective.
  [[nodiscard]] Wish agreed_wish(double time) {
    Wish wish;
    std::array<std::int32_t, 2> flags{0, 0};  // checkpoint, stop
    if (parts_.communicator.is_root()) {
      const auto limit = time_limit(problem_.limits.walltime_seconds, parts_.recorder.elapsed());
      const double reserve = writes_checkpoints() ? pace_.reserve() : 0.0;
      if (limit && limit->seconds_left <= reserve) {
        flags[1] = 1;
        why_stopped_ =
            fmt::format("{} leaves {:.3g} s", limit->from, std::max(0.0, limit->seconds_left));
      }
      if (writes_checkpoints() &&
          parts_.recorder.elapsed() - last_checkpoint_at_ >= problem_.checkpoint.every_walltime)
        flags[0] = 1;
    }
    if (writes_checkpoints()) {
      if (!Signals::stop().empty()) {
        flags[1] = 1;
        why_stopped_ = Signals::stop();
      }
      if (Signals::take_checkpoint()) flags[0] = 1;
      const deck::CheckpointOptions& options = problem_.checkpoint;
      if (options.every_steps && n_steps_ % *options.every_steps == 0) flags[0] = 1;
      if (options.every) {
        const std::int64_t reached = multiples_reached(time);
        if (reached > n_multiples_) flags[0] = 1;
        n_multiples_ = reached;
      }
    }
    parts_.communicator.all_reduce(std::span<std::int32_t>(flags), comm::Op::max);
    wish.checkpoint = flags[0] != 0;
    wish.stop = flags[1] != 0;
    return wish;
  }

  /// Of state_. Collective.
  void write_checkpoint(double time) {
    const perf::Stage stage(parts_.recorder, "checkpoint");
    history_->flush();
    store::Provenance origin =
        provenance(parts_.communicator, problem_.effective_toml, parts_.remarks);
    origin.emplace_back("time", base::number_text(time));
    if (!checkpoints_->id().empty()) origin.emplace_back("parent", checkpoints_->id());
    const store::CheckpointReport report = checkpoints_->write(state_, origin);
    const double seconds = report.write_seconds + report.verify_seconds;
    pace_.checkpoint(seconds);
    last_checkpoint_at_ = parts_.recorder.elapsed();
    n_steps_saved_ = n_steps_;
    ++n_checkpoints_;
    checkpoint_seconds_ += seconds;
    checkpoint_bytes_ += report.file_bytes;
    base::log::detail(
        fmt::format("checkpoint {} at t = {:.6g}: {}, written in {:.3f} s, verified "
                    "in {:.3f} s",
                    checkpoints_->path(), time, base::bytes_text(report.file_bytes),
                    report.write_seconds, report.verify_seconds));
    parts_.progress.events().event("checkpoint", {{"file", checkpoints_->path()},
                                                  {"t", time},
                                                  {"bytes", report.file_bytes},
                                                  {"write_seconds", report.write_seconds},
                                                  {"verify_seconds", report.verify_seconds}});
  }

  [[nodiscard]] std::string time_limit_name() const {
    const auto limit = time_limit(problem_.limits.walltime_seconds, parts_.recorder.elapsed());
    return limit ? limit->from : std::string("limits.walltime");
  }

  /// The run ends here, before its end: with a checkpoint of state_ to go on from, where there are
  /// checkpoints. Collective.
  void stop(double time, const char* where) {
    if (!writes_checkpoints()) {
      failed(fmt::format("{} is over at t = {:.6g}", time_limit_name(), time));
      return;
    }
    const bool by_signal = parts_.communicator.any(!Signals::stop().empty());
    if (!by_signal && n_steps_ == n_steps_before_) {
      // To come back would be to stop here again.
      failed(
          fmt::format("no step was done before the time was over ({}); nothing was gained by "
                      "this run: ask for more time",
                      time_limit_name()));
      return;
    }
    write_checkpoint(time);
    outcome_.code = static_cast<int>(base::ExitCode::run_again);
    outcome_.status = "stopped";
    if (why_stopped_.empty())
      why_stopped_ = !by_signal                ? time_limit_name()
                     : Signals::stop().empty() ? std::string("a signal to another rank")
                                               : Signals::stop();
    parts_.progress.finish_line();
    parts_.progress.line("stopped", fmt::format("{} at t = {:.6g} ({}); go on with: ritz run ... "
                                                "--resume",
                                                where, time, why_stopped_));
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
        fmt::format("{}: {} steps{}, {:.2f} {} and {:.2f} linear iterations a step",
                    scheme_->method().name, count_text(n_steps_),
                    n_rejected_ > 0 ? fmt::format(" ({} rejected)", n_rejected_) : std::string(),
                    static_cast<double>(newton_iterations_) / n, is_picard() ? "Picard" : "Newton",
                    static_cast<double>(linear_iterations_) / n));
    if (n_checkpoints_ > 0) {
      parts_.recorder.count("checkpoints", static_cast<double>(n_checkpoints_));
      parts_.recorder.count("checkpoint_bytes", checkpoint_bytes_);
      parts_.progress.line(
          "checkpoints",
          fmt::format(
              "{} written ({} each, {:.2g} s each), the last: {}", count_text(n_checkpoints_),
              base::bytes_text(checkpoint_bytes_ / static_cast<double>(n_checkpoints_)),
              checkpoint_seconds_ / static_cast<double>(n_checkpoints_), checkpoints_->path()));
    }
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
  double wanted_ = 0;  ///< length of the next step, before it is fitted to a time asked for
  double last_wanted_ = 0;
  std::optional<Checkpoints> checkpoints_;
  std::optional<Signals> signals_;
  solve::SavedState state_;
  Pace pace_;
  std::string why_stopped_;
  double last_checkpoint_at_ = 0;
  std::int64_t n_steps_before_ = 0;  ///< steps of the runs that this one goes on from
  std::int64_t n_steps_saved_ = 0;   ///< steps at the last checkpoint
  std::int64_t n_outputs_ = 0, n_multiples_ = 0, n_checkpoints_ = 0;
  int n_failures_ = 0;
  int ended_by_ = 0;  ///< 1: stop_when, 2: steady_tolerance
  double checkpoint_seconds_ = 0, checkpoint_bytes_ = 0;
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
