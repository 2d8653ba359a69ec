#include "ritz/run/driver.hpp"

#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "checkpoints.hpp"
#include "control.hpp"
#include "directory.hpp"
#include "evolution.hpp"
#include "interruptions.hpp"
#include "limits.hpp"
#include "mesh_file.hpp"
#include "points.hpp"
#include "prepare.hpp"
#include "progress.hpp"
#include "provenance.hpp"
#include "result_files.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/device/session.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/perf/report.hpp"
#include "ritz/run/forecast.hpp"
#include "ritz/run/form.hpp"
#include "ritz/run/matrix_free.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "ritz/run/outputs.hpp"
#include "ritz/run/stabilisation.hpp"
#include "ritz/run/system_form.hpp"
#include "ritz/solve/solve.hpp"
#include "ritz/store/results.hpp"
#include "steady_watch.hpp"
#include "unknown_places.hpp"

namespace ritz::run {

namespace {

using base::count_text;

/// The first rank that has something to say says it to all; empty if nobody has.
std::string first_text(const comm::Communicator& communicator, std::string mine) {
  const int first =
      communicator.min<std::int32_t>(mine.empty() ? communicator.size() : communicator.rank());
  if (first == communicator.size()) return {};
  communicator.broadcast(mine, first);
  return mine;
}

/// One run with everything its steps share.
class Run {
 public:
  Run(const comm::Communicator& communicator, const RunRequest& request)
      : communicator_(communicator), request_(request), progress_(communicator.is_root()) {}

  int execute() {
    {
      const perf::Stage stage(recorder_, "check");
      prepared_ =
          prepare(communicator_, request_.deck, request_.overrides, diagnostics_, request_.text);
      for (const std::string& one : request_.remarks) diagnostics_.warning({}, one);
      note_mesh_file();
      set_file_locking();
      check_needs();
      const Existing existing = find_start();
      find_values();
      open_directory(existing);
    }
    make_the_mesh();
    fem::Space space = make_space();
    const int code = solve_and_write(space);
    finish(code);
    return code;
  }

 private:
  [[nodiscard]] const deck::Problem& problem() const { return prepared_.problem; }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (std::filesystem::path(problem().output.directory) / name).string();
  }
  void remark(const std::string& text) {
    progress_.finish_line();
    base::log::warning(text);
    remarks_.push_back(text);
  }

  /// Forecast against limits.memory and the free space (errors) and against what the machine has (a
  /// warning).
  void check_needs() {
    const int n_ranks = communicator_.size();
    const Forecast needs = forecast(problem(), prepared_.names, prepared_.equations, n_ranks);
    check_memory_limit(problem(), prepared_.names, prepared_.equations, needs, n_ranks);
    const DiskNeeds disk = disk_needs(communicator_, problem(), needs);
    if (disk.cannot_fit()) throw base::Error(base::ExitCode::io, disk.problem());
    std::string memory = memory_warning(needs, n_ranks);
    communicator_.broadcast(memory);  // what is told goes into the files, alike on every rank
    for (const std::string& warning : {memory, disk.problem()}) {
      if (!warning.empty()) diagnostics_.warning({}, warning);
    }
  }

  void set_file_locking() {
    const std::string& policy = problem().output.file_locking;
    const std::string overridden = store::set_file_locking(policy);
    if (!overridden.empty()) {
      diagnostics_.warning({}, overridden);
    } else if (policy == "off") {
      diagnostics_.note({},
                        "output.file_locking = \"off\": nothing keeps two programs from using "
                        "a file at the same time");
    }
  }

  /// The deck of every file says which mesh file it was.
  void note_mesh_file() {
    if (problem().mesh.kind != deck::MeshKind::file) return;
    prepared_.problem.effective_toml +=
        mesh_file_note(file_checksum(communicator_, problem().mesh.file));
  }

  /// Where the run starts from, and what to do with the files that are there.
  Existing find_start() {
    if (!request_.resume) return request_.overwrite ? Existing::replace : Existing::refuse;
    from_ =
        find_checkpoint(communicator_, problem().output.directory, *request_.resume, diagnostics_);
    if (from_ && is_steady(from_->snapshot) == problem().time.has_value()) {
      throw base::Error(
          base::ExitCode::deck, base::Location{from_->path, 0, 0},
          fmt::format("this checkpoint is of a {} and the deck has {} [time]; nothing was "
                      "touched. Choose another folder with --set output.directory=DIR",
                      is_steady(from_->snapshot) ? "steady problem" : "run in time",
                      problem().time ? "a" : "no"));
    }
    if (!from_) {
      // A job that is put into the queue again and again starts with an empty folder, and may be
      // killed before its first checkpoint.
      diagnostics_.warning({},
                           "--resume: there is no checkpoint yet, the run starts from the "
                           "beginning");
      return Existing::replace_unfinished;
    }
    compare_decks(*from_, problem());
    for (const std::string& change : from_->changes)
      diagnostics_.warning({}, "changed since the checkpoint: " + change);
    // A checkpoint of another run is the start of a new one.
    const auto folder = [](const std::filesystem::path& path) {
      std::error_code unknown;
      return std::filesystem::weakly_canonical(path, unknown);
    };
    from_->is_own = folder(std::filesystem::path(from_->path).parent_path()) ==
                    folder(std::filesystem::path(problem().output.directory) / "checkpoints");
    return from_->is_own        ? Existing::keep
           : request_.overwrite ? Existing::replace
                                : Existing::refuse;
  }

  /// The file that values at the start are from; a resumed run has them behind it.
  void find_values() {
    if (from_) {
      for (const auto& [name, text] : from_->snapshot.facts) {
        if (name == "text.run.initial_from") initial_from_ = text;
      }
      return;
    }
    const deck::Initial& initial = problem().initial;
    if (initial.from.empty()) return;
    start_file_ =
        find_start_file(communicator_, problem(), prepared_.names.dimension, diagnostics_);
    initial_from_ = start_file_->origin();
    std::error_code unknown;
    const auto file = std::filesystem::weakly_canonical(start_file_->path, unknown).string();
    const auto folder =
        std::filesystem::weakly_canonical(problem().output.directory, unknown).string() + "/";
    if (file.starts_with(folder)) {
      throw base::Error(base::ExitCode::deck, initial.from_where,
                        fmt::format("initial.from: {} lies in output.directory, which this run "
                                    "would empty; choose another folder with --set "
                                    "output.directory=DIR",
                                    start_file_->path));
    }
  }

  void open_directory(Existing existing) {
    const std::string warning = refuse_live_run(communicator_, problem().output.directory);
    if (!warning.empty()) diagnostics_.warning({}, warning);
    prepare_directory(communicator_, problem().output.directory, existing);
    communicator_.together([&] {
      base::log::add_file(path("log.txt"));
      progress_.open(problem().output.directory);
    });
    write_text(communicator_, path("effective.toml"), problem().effective_toml);
    const std::string title = problem().title.empty() ? request_.deck : problem().title;
    progress_.line("ritz",
                   fmt::format("{}  ({} rank{}, {})", title, communicator_.size(),
                               communicator_.size() == 1 ? "" : "s", device::description()));
    if (!problem().units.empty()) progress_.line("units", problem().units);
    progress_.events().event(
        "start", {{"title", title}, {"ranks", static_cast<long long>(communicator_.size())}});
    for (const base::Diagnostic& entry : diagnostics_.entries()) {
      const std::string place = entry.where.text();
      if (entry.severity == base::Diagnostic::Severity::warning)
        remark(place.empty() ? entry.message : place + ": " + entry.message);
      else
        base::log::info(entry.text());
    }
  }

  void make_the_mesh() {
    base::fault_point("mesh");
    const perf::Stage stage(recorder_, "mesh");
    progress_.phase("mesh");
    meshes_.emplace(make_meshes(communicator_, problem(),
                                wants_hierarchy(problem(), prepared_.names.cell_type), recorder_,
                                quality_));
    mesh_ = &meshes_->finest();
    recorder_.count("cells", static_cast<double>(mesh_->n_cells_global));
    progress_.line(
        "mesh", fmt::format("{} {} cells, {} vertices, {} region{}, {} named sets",
                            count_text(mesh_->n_cells_global), mesh::table(mesh_->cell_type).name,
                            count_text(mesh_->n_vertices_global), mesh_->region_names.size(),
                            mesh_->region_names.size() == 1 ? "" : "s", mesh_->set_names.size()));
    tell_joined_sides();
    check_radius();
    if (communicator_.size() > 1) progress_.line("partition", quality_.text());
    for (const std::string& fallback : quality_.fallbacks) remarks_.push_back(fallback);
  }

  void tell_joined_sides() {
    for (std::size_t i = 0; i < problem().periodics.size(); ++i) {
      GlobalId n = 0;
      for (const mesh::FacetPair& pair : mesh_->facet_pairs) {
        if (pair.translation == static_cast<int>(i) && pair.cell[0] < mesh_->n_cells_owned) ++n;
      }
      const deck::Periodic& one = problem().periodics[i];
      progress_.line("periodic",
                     fmt::format("{} moved by {} is {}: {} pairs of facets", one.from.text,
                                 point_text(mesh_->translations[i], mesh_->dimension()),
                                 one.to.text, count_text(communicator_.sum(n))));
    }
  }

  /// A body of revolution lies on one side of its axis.
  void check_radius() const {
    if (!problem().equation.is_axisymmetric) return;
    double least = 0, largest = 0;
    const auto d = static_cast<std::size_t>(mesh_->dimension());
    for (std::size_t i = 0; i < mesh_->node_coordinates.size(); i += d) {
      least = std::min(least, mesh_->node_coordinates[i]);
      largest = std::max(largest, std::abs(mesh_->node_coordinates[i]));
    }
    least = communicator_.min(least);
    largest = communicator_.max(largest);
    if (least >= -1e-12 * largest) return;
    throw base::Error(
        base::ExitCode::deck, problem().equation.axisymmetric_where,
        fmt::format("x is the radius of a body of revolution and the mesh has nodes "
                    "with x < 0 (the least is {:.6g}); move the mesh or mesh one half "
                    "of the section",
                    least));
  }

  fem::Space make_space() {
    const perf::Stage stage(recorder_, "space");
    progress_.phase("space");
    fem::Space space(*mesh_, problem().space.degree);
    recorder_.count("unknowns", static_cast<double>(space.n_global));
    progress_.line("space", fmt::format("degree {}, {} unknowns", problem().space.degree,
                                        count_text(space.n_global)));
    return space;
  }

  /// Assembles, solves, writes; returns the code of the run.
  int solve_and_write(const fem::Space& space) {
    stabilisation_ = choose_stabilisation(*mesh_, problem());
    if (stabilisation_.is_warning) {
      remark(stabilisation_.text);
    } else if (!stabilisation_.text.empty()) {
      progress_.line("advection", stabilisation_.text);
    }
    if (prepared_.equations.is_system || stabilisation_.on) return evolve_and_write(space);
    if (start_file_) {
      remark(
          "initial.from has no effect: one steady linear equation is solved without a first "
          "guess");
    }
    base::fault_point("form");
    base::Diagnostics diagnostics;
    const physics::Form form = make_form(problem(), mesh_->dimension(), mesh_->region_names,
                                         mesh_->set_names, diagnostics);
    diagnostics.throw_errors(base::ExitCode::deck);

    // What it refuses is told before the long part.
    ResultFiles files(problem(), *mesh_, space);
    const assembly::FixedValues fixed = assembly::fixed_values(*mesh_, space, form);
    if (fixed.n_clashes > 0) {
      remark(
          clash_text(fixed.n_clashes, fixed.clash_difference, fixed.clash_at, mesh_->dimension()));
    }
    const la::Vector solution = la::make_vector("ritz::run::solution", space.n_owned);
    Interruptions interruptions({communicator_, problem(), *mesh_, space, 1, recorder_, progress_,
                                 remarks_, from_ ? &*from_ : nullptr, initial_from_});
    SteadyWatch watch(interruptions, [this](const std::string& text) { remark(text); });
    watch_ = &watch;
    const int code = solve_linear(space, form, fixed, solution);
    watch_ = nullptr;
    if (code != 0) return code;

    std::vector<double> values(static_cast<std::size_t>(space.n_local()), 0.0);
    {
      const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), solution);
      std::copy_n(host.data(), space.n_owned, values.begin());
      space.plan.to_ghosts(std::span(values));
    }
    return write(space, form, values, files);
  }

  /// One steady linear equation, from its beginning or from where another run was. The exit code.
  int solve_linear(const fem::Space& space, const physics::Form& form,
                   const assembly::FixedValues& fixed, const la::Vector& solution) {
    if (const std::optional<solve::SavedState> state = watch_->begin(false)) {
      la::copy(state->vector("scheme.u"), solution);
      continued_ = solve::Context::Continued();
      if (!state->has_number(solve::SavedState::solver_changed)) {
        is_assembled_ = state->number("solve.is_assembled") != 0;
        continued_->attempt = static_cast<int>(state->number("solve.attempt"));
        continued_->iterations = static_cast<int>(state->number("solve.iterations"));
      }
      first_iteration_ = continued_->iterations;
    }
    OperatorFacts facts;
    facts.cell_type = mesh::table(mesh_->cell_type).name;
    facts.degree = problem().space.degree;
    facts.n_unknowns = space.n_global;
    facts.symmetric = form.is_symmetric();
    facts.has_coarser = meshes_->meshes.size() > 1;
    const OperatorChoice choice = choose_operator(problem().solver, facts);
    if (!choice.reason.empty()) {
      base::log::info(fmt::format("operator auto: {} ({})",
                                  choice.matrix_free ? "matrix-free" : "assembled", choice.reason));
    }
    // What took over in the run before.
    const bool matrix_free = choice.matrix_free && !is_assembled_;
    solve::Report report = matrix_free ? solve_matrix_free(space, form, fixed, solution)
                                       : solve_assembled(space, form, fixed, solution);
    const bool may_assemble = problem().solver.operator_kind == "auto" &&
                              problem().solver.preconditioner == "auto" && !watch_->is_stopped() &&
                              time_is_left();
    if (matrix_free && may_assemble && !report.converged() && report.status != solve::Status::nan) {
      remark(
          fmt::format("the matrix-free solver ended with {} ({}): assembling the matrix for "
                      "another preconditioner",
                      solve::name(report.status), report.last().message));
      is_assembled_ = true;
      report = solve_assembled(space, form, fixed, solution);
    }
    if (watch_->is_stopped()) {
      if (watch_->code() == static_cast<int>(base::ExitCode::run_again))
        outcome_.status = "stopped";
      return watch_->code();
    }
    // Whoever goes on from a failed one gives it as many iterations again.
    watch_->end(0, report.last().iterations, report.converged(),
                report.status != solve::Status::nan,
                [&](solve::SavedState& state) { save(state, solution, 0, 0); });
    if (!report.converged()) {
      return static_cast<int>(report.status == solve::Status::nan ? base::ExitCode::not_finite
                                                                  : base::ExitCode::not_converged);
    }
    return 0;
  }

  /// What a linear solve needs to go on from x.
  void save(solve::SavedState& state, const la::Vector& x, int attempt, int iterations) const {
    state.add("scheme.u", x);
    state.add("solve.is_assembled", is_assembled_ ? 1.0 : 0.0);
    state.add("solve.attempt", static_cast<double>(attempt));
    state.add("solve.iterations", static_cast<double>(iterations));
  }

  /// The cells for which SUPG's terms are wanted.
  [[nodiscard]] std::optional<mesh::CellType> supg_cells() const {
    return stabilisation_.on ? std::optional(mesh_->cell_type) : std::nullopt;
  }

  /// Everything but one steady linear equation.
  int evolve_and_write(const fem::Space& space) {
    base::Diagnostics diagnostics;
    const physics::SystemForm form = make_system(
        problem(), mesh_->dimension(), mesh_->region_names, mesh_->set_names,
        [this](std::int16_t set) { return plane_axis(*mesh_, set); }, diagnostics, supg_cells());
    diagnostics.throw_errors(base::ExitCode::deck);
    const OutputFields output =
        make_output_fields(problem(), mesh_->dimension(), mesh_->region_names, diagnostics);
    EvolutionParts parts{communicator_,
                         problem(),
                         *meshes_,
                         *mesh_,
                         space,
                         form,
                         {},
                         {},
                         stabilisation_.on,
                         recorder_,
                         progress_,
                         [this](const std::string& text) { remark(text); },
                         remarks_,
                         output,
                         from_ ? &*from_ : nullptr,
                         start_file_ ? &*start_file_ : nullptr,
                         initial_from_};
    if (start_file_) {
      progress_.line("initial",
                     fmt::format("values from {}{}", start_file_->path,
                                 start_file_->time ? fmt::format(" (t = {:g})", *start_file_->time)
                                                   : std::string()));
    }
    if (has_linear_form(problem(), form)) {
      parts.linear_form = make_form(problem(), mesh_->dimension(), mesh_->region_names,
                                    mesh_->set_names, diagnostics);
    }
    if (is_imex(problem())) {
      parts.split = split_system(
          problem(), mesh_->dimension(), mesh_->region_names, mesh_->set_names,
          [this](std::int16_t set) { return plane_axis(*mesh_, set); }, supg_cells());
    }
    const EvolutionOutcome outcome = evolve(parts);
    outcome_.status = outcome.status;
    outcome_.iterations = outcome.iterations;
    outcome_.true_residual = outcome.residual;
    outcome_.norms = outcome.norms;
    outcome_.verified = outcome.verified;
    outcome_.results = outcome.results;
    return outcome.code;
  }

  /// Applies the operator cell by cell; multigrid is offered to the solver.
  solve::Report solve_matrix_free(const fem::Space& space, const physics::Form& form,
                                  const assembly::FixedValues& fixed, const la::Vector& solution) {
    progress_.phase("operator");
    std::optional<MatrixFreeSystem> system;
    {
      const perf::Stage stage(recorder_, "assembly");
      system.emplace(*mesh_, space, form, fixed.constraints, recorder_);
    }
    remark_diffusion(system->min_diffusion());
    progress_.line("operator", fmt::format("matrix-free: {}, {} prescribed unknowns",
                                           system->text(), count_text(fixed.n_fixed)));
    solve::Context context = make_context(space);
    offer_multigrid(context, *meshes_, space, form, problem().solver);
    return solve_system(system->system(), solution, context);
  }

  [[nodiscard]] bool time_is_left() const {
    if (!problem().limits.walltime_seconds) return true;
    return !communicator_.any(recorder_.elapsed() > *problem().limits.walltime_seconds);
  }

  /// Assembles, solves with whatever the deck or `auto` picks.
  solve::Report solve_assembled(const fem::Space& space, const physics::Form& form,
                                const assembly::FixedValues& fixed, const la::Vector& solution) {
    progress_.phase("assembly");
    std::optional<assembly::Assembler> assembler;
    la::Vector rhs;
    std::optional<la::Matrix> matrix;
    assembly::Assembler::Result assembled;
    {
      const perf::Stage stage(recorder_, "assembly");
      {
        const perf::Stage symbolic(recorder_, "pattern");
        assembler.emplace(*mesh_, space, fixed.constraints);
      }
      const perf::Stage numeric(recorder_, "numeric");
      rhs = la::make_vector("ritz::run::rhs", space.n_owned);
      const la::CsrPattern& pattern = assembler->pattern();
      la::CsrMatrix rows{pattern,
                         device::View<double*>(
                             Kokkos::view_alloc("ritz::run::matrix", Kokkos::WithoutInitializing),
                             pattern.columns.extent(0))};
      assembled = assembler->assemble(form, fixed.constraints, 0.0, rows.values, rhs);
      check_coefficients(assembled);
      matrix.emplace(la::Layout::of(space), rows);
    }
    recorder_.count("matrix_entries", static_cast<double>(matrix->n_entries()));
    progress_.line("assembly",
                   fmt::format("{} matrix entries, {} prescribed unknowns",
                               count_text(matrix->n_entries()), count_text(fixed.n_fixed)));

    const bool symmetric =
        form.is_symmetric() ||
        (is_diffusion_only(form) && communicator_.max(assembled.max_asymmetry) <= 1e-14);
    la::System system;
    system.op = &*matrix;
    system.rhs = rhs;
    system.symmetric = symmetric;
    system.constant_null_space = form.is_pure_neumann();
    if (system.constant_null_space) {
      system.mean_weights = la::make_vector("ritz::run::mean_weights", space.n_owned);
      device::View<double*> values(
          Kokkos::view_alloc("ritz::run::unused", Kokkos::WithoutInitializing),
          assembler->pattern().columns.extent(0));
      static_cast<void>(assembler->assemble(mean_form(form), fixed.constraints, 0.0, values,
                                            system.mean_weights));
    }
    solve::Context context = make_context(space);
    if (wants_multigrid(problem().solver))
      offer_multigrid(context, *meshes_, space, form, problem().solver);
    return solve_system(system, solution, context);
  }

  [[nodiscard]] static bool is_diffusion_only(const physics::Form& form) {
    return std::all_of(form.regions.begin(), form.regions.end(),
                       [](const physics::RegionForm& region) { return region.advection.empty(); });
  }

  void check_coefficients(const assembly::Assembler::Result& assembled) {
    const std::string bad =
        first_text(communicator_,
                   assembled.bad_cell < 0
                       ? std::string()
                       : fmt::format("{} is not a finite number at {}", assembled.bad_coefficient,
                                     point_text(assembled.bad_point, mesh_->dimension())));
    if (!bad.empty()) {
      throw base::Error(base::ExitCode::not_finite,
                        bad +
                            "; look at it with 'ritz eval' (division by zero, log or sqrt of a "
                            "negative number?)");
    }
    remark_diffusion(assembled.min_diffusion);
  }

  /// Collective.
  void remark_diffusion(double smallest_here) {
    const double smallest = communicator_.min(smallest_here);
    if (smallest < 0) {
      remark(fmt::format(
          "the diffusion coefficient is negative somewhere (smallest eigenvalue {:.3g}): the "
          "problem is not well posed unless that is meant",
          smallest));
    }
  }

  solve::Report solve_system(const la::System& system, const la::Vector& solution,
                             const solve::Context& context) {
    const perf::Stage stage(recorder_, "solve");
    progress_.phase("solve");
    solve::Report report = solve::solve(system, solution, problem().solver, context);
    progress_.finish_line();
    for (const std::string& note : report.notes) remarks_.push_back(note);
    recorder_.count("iterations", report.last().iterations);
    recorder_.count("true_residual", report.true_residual);
    if (report.converged() && !report.last().message.empty())
      progress_.line("solve", report.last().message);
    outcome_.status = solve::name(report.status);
    outcome_.iterations = report.last().iterations;
    outcome_.true_residual = report.true_residual;
    attempts_.insert(attempts_.end(), report.attempts.begin(), report.attempts.end());
    write_residuals();
    if (!report.converged() && !watch_->is_stopped() && communicator_.is_root())
      base::log::error(report.failure_text());
    return report;
  }

  /// What the solver is told beside the system.
  solve::Context make_context(const fem::Space& space) {
    solve::Context context;
    context.cell_type = mesh::table(mesh_->cell_type).name;
    context.degree = problem().space.degree;
    context.dimension = mesh_->dimension();
    context.memory_bytes = problem().limits.memory_bytes;
    context.look = [this](const solve::Context::Moment& moment) {
      return watch_->may_go_on(0, moment.iterations, [&](solve::SavedState& state) {
        save(state, moment.iterate(), moment.attempt, moment.iterations);
      });
    };
    context.continued = std::exchange(continued_, std::nullopt);
    context.progress = [this](int iteration, double residual) {
      progress_.iteration(iteration, residual, problem().solver.tolerance);
    };
    context.place = UnknownPlaces(*mesh_, space);
    return context;
  }

  void write_residuals() {
    std::string text = "attempt,method,preconditioner,iteration,relative_residual\n";
    for (std::size_t a = 0; a < attempts_.size(); ++a) {
      const solve::Attempt& attempt = attempts_[a];
      for (std::size_t i = 0; i < attempt.history.size(); ++i) {
        text += fmt::format("{},{},{},{},{:.6e}\n", a + 1, attempt.method, attempt.preconditioner,
                            a == 0 ? first_iteration_ + static_cast<int>(i) : static_cast<int>(i),
                            attempt.history[i]);
      }
    }
    write_text(communicator_, path("residuals.csv"), text);
  }

  int write(const fem::Space& space, const physics::Form& form, const std::vector<double>& values,
            ResultFiles& files) {
    const perf::Stage stage(recorder_, "output");
    progress_.phase("output");
    const SolvedField field{*mesh_, space, values};
    const std::string& name = problem().equation.unknowns.front().name;
    const Extrema extremes = extrema(field);
    progress_.line("solution",
                   fmt::format("min {:.6g} at {}, max {:.6g} at {}", extremes.min.value,
                               point_text(extremes.min.at, mesh_->dimension()), extremes.max.value,
                               point_text(extremes.max.at, mesh_->dimension())));
    const std::vector<ProbeResult> probes = probe(field, problem());
    for (const ProbeResult& one : probes) {
      progress_.line("probe", fmt::format("{} {} = {:.8g}", one.name,
                                          point_text(one.at, mesh_->dimension()), one.value));
    }
    base::Diagnostics diagnostics;
    const OutputFields output =
        make_output_fields(problem(), mesh_->dimension(), mesh_->region_names, diagnostics);
    const RecoveredFields further =
        recover_fields(*mesh_, space, output, {values}, problem(), field.time);
    if (further.not_finite) remark("the field " + *further.not_finite + " is not finite somewhere");
    std::vector<NamedResults> results{{name, extremes, probes}};
    for (NamedResults& one : results_of(*mesh_, space, output, further, problem())) {
      progress_.line(
          "field",
          fmt::format("{}: min {:.6g} at {}, max {:.6g} at {}", one.unknown, one.extremes.min.value,
                      point_text(one.extremes.min.at, mesh_->dimension()), one.extremes.max.value,
                      point_text(one.extremes.max.at, mesh_->dimension())));
      for (const ProbeResult& p : one.probes) {
        progress_.line(
            "probe", fmt::format("{} {} {} = {:.8g}", p.name, point_text(p.at, mesh_->dimension()),
                                 one.unknown, p.value));
      }
      results.push_back(std::move(one));
    }
    const std::vector<IntegralResult> integrals = integrate(field, problem(), form);
    for (const IntegralResult& one : integrals) {
      progress_.line("integral", fmt::format("{} over {} = {:.8g}", one.name, one.on, one.value));
    }
    communicator_.together([&] {
      if (communicator_.is_root())
        write_tables(problem().output.directory, mesh_->dimension(), results, integrals);
    });

    const Verification verification = verify(field, problem(), results);
    for (const std::string& line : verification.lines) progress_.line("verify", line);
    outcome_.norms = verification.norms;
    outcome_.verified = verification.passed;

    if (files.any()) {
      const perf::Stage stage_of_files(recorder_, "results.vtkhdf");
      NamedFields fields{{name}, {values}};
      fields.names.insert(fields.names.end(), output.names.begin(), output.names.end());
      fields.values.insert(fields.values.end(), further.values.begin(), further.values.end());
      files.write(0.0, 0, true, fields,
                  provenance(communicator_, problem().effective_toml, remarks_, initial_from_));
      outcome_.results = files.paths();
      recorder_.count("file_bytes", files.file_bytes());
      progress_.line("output", fmt::format("{} ({}, {:.1f}x compressed)", base::list(files.paths()),
                                           base::bytes_text(files.file_bytes()),
                                           files.raw_bytes() / files.file_bytes()));
    }
    if (!verification.passed) {
      if (communicator_.is_root()) {
        base::log::error(
            "[verify] failed: the solution is not as close as the deck demands; refine "
            "(--set mesh.refine=1), raise space.degree or tighten solver.tolerance");
      }
      return static_cast<int>(base::ExitCode::not_converged);
    }
    return 0;
  }

  /// Summary, perf.json and the last status.
  void finish(int code) {
    base::fault_point("finish");
    const perf::Report report =
        perf::make_report(communicator_, recorder_, problem().title, device::n_threads());
    progress_.finish_line();
    base::log::info("\n" + perf::summary_table(report));
    write_text(communicator_, path("perf.json"), perf::to_json(report));
    const fem::Norms norms = outcome_.norms.value_or(fem::Norms{});
    const double none = -1.0;
    progress_.events().event(
        "end", {{"exit_code", static_cast<long long>(code)}, {"solver", outcome_.status}});
    const bool stopped = code == static_cast<int>(base::ExitCode::run_again);
    progress_.events().status(code == 0 ? "done"
                              : stopped ? "stopped"
                                        : "failed",
                              {{"exit_code", static_cast<long long>(code)},
                               {"solver", outcome_.status},
                               {"iterations", static_cast<long long>(outcome_.iterations)},
                               {"true_residual", outcome_.true_residual},
                               {"cells", static_cast<long long>(mesh_->n_cells_global)},
                               {"l2_error", outcome_.norms ? norms.l2 : none},
                               {"h1_error", outcome_.norms ? norms.h1_semi : none},
                               {"verified", outcome_.verified}});
    if (code == 0) {
      std::vector<std::string> names;
      for (const std::string& one : outcome_.results)
        names.push_back(std::filesystem::path(one).filename().string());
      base::log::info(fmt::format(
          "\nresults in {}{}", problem().output.directory,
          names.empty() ? "" : fmt::format("; open {} with ParaView", base::list(names))));
    }
    base::log::flush();
  }

  struct Outcome {
    std::string status;
    int iterations = 0;
    double true_residual = 0;
    std::optional<fem::Norms> norms;
    bool verified = true;
    std::vector<std::string> results;  ///< paths of what to open
  };

  const comm::Communicator& communicator_;
  const RunRequest& request_;
  Progress progress_;
  perf::Recorder recorder_;
  Prepared prepared_;
  Stabilisation stabilisation_;
  partition::Quality quality_;
  std::optional<Resumption> from_;       ///< checkpoint that the run goes on from
  std::optional<StartFile> start_file_;  ///< of another run, that values at the start are from
  std::string initial_from_;             ///< the same for the provenance
  std::optional<mesh::Hierarchy> meshes_;
  const mesh::Mesh* mesh_ = nullptr;  ///< the finest
  std::vector<std::string> remarks_;  ///< warnings and fallbacks, for the provenance of every file
  base::Diagnostics diagnostics_;     ///< of the deck, told once there is a log
  Outcome outcome_;
  std::vector<solve::Attempt> attempts_;                ///< of every solve of this run
  SteadyWatch* watch_ = nullptr;                        ///< during solve_linear()
  std::optional<solve::Context::Continued> continued_;  ///< for the first solve of a resumed run
  int first_iteration_ = 0;                             ///< of that
  bool is_assembled_ = false;  ///< assembling took over from the operator without a matrix
};

}  // namespace

int run_deck(const comm::Communicator& communicator, const RunRequest& request) {
  Run run(communicator, request);
  return run.execute();
}

}  // namespace ritz::run
