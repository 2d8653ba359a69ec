#include "ritz/run/bench.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "bench_cases.hpp"
#include "bench_checkpoint.hpp"
#include "bench_machine.hpp"
#include "bench_model.hpp"
#include "bench_steps.hpp"
#include "bench_tets.hpp"
#include "ritz/assembly/system_operator.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/base/version.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/device/large_vector.hpp"
#include "ritz/device/session.hpp"
#include "ritz/kernels/pack.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/form.hpp"
#include "ritz/run/matrix_free.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "ritz/run/outputs.hpp"
#include "ritz/run/system_form.hpp"

namespace ritz::run {

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// One line of the table and one object of the JSON file.
struct Row {
  std::string name, what, precision;
  int degree = 0;
  GlobalId n_dofs = 0, n_cells = 0;
  std::vector<double> seconds;  ///< of each measurement; an action, an iteration or a solve
  double model_bytes = 0;       ///< an unknown and measurement
  double model_flops = 0;       ///< the same; 0: no model
  double merged_bytes = 0;      ///< of cg with all its vector work in the cell loop; 0: no model
  std::optional<int> iterations;
  std::optional<double> true_residual, error;
  std::map<std::string, double> setup;   ///< seconds of mesh, space, operator, multigrid, ...
  std::vector<double> assembly_seconds;  ///< M9: of the numeric phase
  std::optional<double> bytes_per_dof;   ///< peak resident set, all ranks
  std::vector<std::string> notes;
  double triad_before = 0, triad_after = 0;

  [[nodiscard]] double median() const {
    std::vector<double> sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t n = sorted.size();
    return n % 2 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
  }
  [[nodiscard]] double least() const { return *std::min_element(seconds.begin(), seconds.end()); }
  [[nodiscard]] double rate() const { return static_cast<double>(n_dofs) / median(); }
  /// What part of `peak`, in double, its operations are.
  [[nodiscard]] double part_of_peak(double peak) const {
    return rate() * model_flops / (precision == "float" ? 2 * peak : peak);
  }
  [[nodiscard]] double bandwidth() const { return rate() * model_bytes; }
  [[nodiscard]] double triad() const { return 0.5 * (triad_before + triad_after); }
  [[nodiscard]] double total_setup() const {
    double total = 0;
    for (const auto& [stage, time] : setup)
      if (stage != "mesh" && stage != "space") total += time;
    return total;
  }
};

/// The deck of a case, through the same door as a user's.
deck::Problem problem_of(const std::string& text) {
  base::Diagnostics diagnostics;
  const deck::Problem problem = deck::parse(
      {"bench", text}, {}, [](const std::string&) { return std::nullopt; }, diagnostics);
  diagnostics.throw_errors(base::ExitCode::internal);
  return problem;
}

/// Mesh, space and form of a deck, made as `ritz run` makes them, with the time each took.
class Setting {
 public:
  Setting(const comm::Communicator& communicator, const std::string& text, bool with_coarser,
          Row& row)
      : problem(problem_of(text)) {
    partition::Quality quality;
    timed(communicator, row, "mesh", [&] {
      meshes.emplace(make_meshes(communicator, problem, with_coarser, recorder, quality));
    });
    timed(communicator, row, "space",
          [&] { space.emplace(meshes->finest(), problem.space.degree); });
    const mesh::Mesh& mesh = meshes->finest();
    base::Diagnostics diagnostics;
    form = make_form(problem, mesh.dimension(), mesh.region_names, mesh.set_names, diagnostics);
    diagnostics.throw_errors(base::ExitCode::internal);
    fixed = assembly::fixed_values(mesh, *space, form);
    row.n_dofs = space->n_global;
    row.n_cells = mesh.n_cells_global;
    row.degree = problem.space.degree;
  }

  template <class Work>
  static void timed(const comm::Communicator& communicator, Row& row, const std::string& stage,
                    const Work& work) {
    communicator.barrier();
    const double start = now();
    work();
    row.setup[stage] = communicator.max(now() - start);
  }

  deck::Problem problem;
  perf::Recorder recorder;
  std::optional<mesh::Hierarchy> meshes;
  std::optional<fem::Space> space;
  physics::Form form;
  assembly::FixedValues fixed;
};

class Bench {
 public:
  Bench(const comm::Communicator& communicator, const BenchRequest& request)
      : communicator_(communicator), request_(request) {}

  int run() {
    check();
    const bool by_number = size_ > 0;
    const bool small = by_number ? size_ < 500'000 : request_.size == "small";
    const bool medium = by_number ? size_ < 5'000'000 : request_.size == "medium";
    const std::size_t array = std::size_t{small ? 32u : medium ? 256u : 1024u} << 20;
    array_bytes_ = array;
    tell(fmt::format("ritz {} bench: {} rank{}, {}, {} doubles a vector register\n",
                     base::build().version, communicator_.size(),
                     communicator_.size() == 1 ? "" : "s", device::description(),
                     kernels::pack_width));
    peak_ = peak_flops(communicator_);
    tell(
        fmt::format("peak {:.1f} GFlop/s of multiply-adds; STREAM triad with three arrays of {} a "
                    "rank\n",
                    peak_ * 1e-9, base::bytes_text(static_cast<double>(array))));
    header();
    for (const std::string& name : request_.cases) {
      const Case& one = *std::find_if(bench_cases().begin(), bench_cases().end(),
                                      [&](const Case& c) { return name == c.name; });
      for (const int degree : request_.degrees.empty() ? one.degrees : request_.degrees) {
        if (name == "M16") {
          // A table of its own: nothing in it is measured against the memory.
          bench_checkpoints(communicator_, problem_of(deck_text(cells(one, degree), degree, {})),
                            request_);
        } else {
          measure(one, degree);
        }
      }
    }
    tell(
        fmt::format("\nMDoF/s: millions of unknowns a second and action, iteration or solve; GB/s "
                    "and the fractions after the byte and flop model of docs/performance.md, of "
                    "the triad and the peak of this run; times in seconds.\n"));
    write_json();
    return 0;
  }

 private:
  void tell(const std::string& text) const {
    if (!communicator_.is_root()) return;
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  void check() {
    std::vector<std::string> names;
    for (const Case& one : bench_cases()) names.push_back(one.name);
    for (const std::string& name : request_.cases) {
      if (std::find(names.begin(), names.end(), name) == names.end())
        throw base::Error(
            base::ExitCode::deck,
            fmt::format("--case {}: there is none (cases are {})", name, base::list(names)));
    }
    for (const int degree : request_.degrees)
      if (degree < 1 || degree > 8)
        throw base::Error(base::ExitCode::deck,
                          fmt::format("--degree {} (must be 1 to 8)", degree));
    if (request_.repeat < 1) throw base::Error(base::ExitCode::deck, "--repeat must be at least 1");
    if (request_.size != "small" && request_.size != "medium" && request_.size != "large") {
      const char* end = request_.size.data() + request_.size.size();
      const auto [stop, error] = std::from_chars(request_.size.data(), end, size_);
      if (error != std::errc() || stop != end || size_ < 27)
        throw base::Error(base::ExitCode::deck,
                          fmt::format("--size {} (must be small, medium, large or a number of "
                                      "unknowns, at least 27)",
                                      request_.size));
    }
  }

  [[nodiscard]] GlobalId cells(const Case& one, int degree) const {
    const std::string name = one.name;
    const GlobalId n = name == "M17"               ? one.small
                       : size_ > 0                 ? size_
                       : request_.size == "small"  ? one.small
                       : request_.size == "medium" ? one.medium
                                                   : one.large;
    return cells_for(name == "M9" || name == "M11" ? n / 3 : n, degree);
  }

  [[nodiscard]] double triad() {
    // Kept only while it runs: the cases may need the memory.
    const Triad triad(array_bytes_);
    return triad.bytes_per_second(communicator_);
  }

  void measure(const Case& one, int degree) {
    const double before = triad();
    const std::size_t first = rows_.size();
    const std::string name = one.name;
    if (name == "M1" || name == "M2" || name == "M2c") {
      actions(one, degree);
    } else if (name == "M3") {
      iterations(one, degree);
    } else if (name == "M11") {
      elasticity(one, degree);
    } else if (name == "M9") {
      elastic_problem(one, degree);
    } else if (name == "M12" || name == "M13") {
      time_steps(one, degree);
    } else {
      solves(one, degree);
    }
    const double after = triad();
    for (std::size_t i = first; i < rows_.size(); ++i) {
      rows_[i].triad_before = before;
      rows_[i].triad_after = after;
      if (std::abs(after - before) > 0.05 * before)
        rows_[i].notes.push_back(
            fmt::format("the triad went from {:.1f} to {:.1f} GB/s", before * 1e-9, after * 1e-9));
      print(rows_[i]);
    }
  }

  Row row(const Case& one) const {
    Row row;
    row.name = one.name;
    row.what = one.what;
    row.precision = "double";
    return row;
  }

  /// Seconds of one call of `work`, `repeat` times, each the mean of as many calls as take a while.
  void sample(Row& row, const std::function<void()>& work) const {
    work();
    communicator_.barrier();
    double start = now();
    work();
    const double once = communicator_.max(now() - start);
    const int n = std::clamp(static_cast<int>(0.2 / std::max(once, 1e-7)), 1, 100'000);
    for (int i = 0; i < request_.repeat; ++i) {
      communicator_.barrier();
      start = now();
      for (int j = 0; j < n; ++j) work();
      row.seconds.push_back(communicator_.max(now() - start) / n);
    }
  }

  template <class T>
  void action(const Setting& setting, Row row, CellData data) {
    row.precision = sizeof(T) == 4 ? "float" : "double";
    std::optional<assembly::CellOperator<T>> op;
    Setting::timed(communicator_, row, "operator", [&] {
      op.emplace(setting.meshes->finest(), *setting.space, setting.fixed.constraints, setting.form);
    });
    const auto n = static_cast<std::size_t>(setting.space->n_owned);
    const auto x = device::make_large_vector<T>("ritz::bench::x", n);
    const auto y = device::make_large_vector<T>("ritz::bench::y", n);
    Kokkos::parallel_for(
        "ritz::x", Kokkos::RangePolicy<device::ExecutionSpace>(0, n),
        KOKKOS_LAMBDA(const std::size_t i) { x(i) = static_cast<T>(1 + 1e-3 * (i % 1000)); });
    row.model_bytes = action_bytes(row.degree, data, sizeof(T) == 4);
    row.model_flops = action_flops(row.degree, data);
    sample(row, [&] {
      op->apply(x, y);
      Kokkos::fence();
    });
    row.notes.push_back(fmt::format(
        "{}, {:.1f} bytes a DoF held", op->cells().text(communicator_),
        communicator_.sum(static_cast<double>(op->bytes())) / static_cast<double>(row.n_dofs)));
    rows_.push_back(std::move(row));
  }

  /// M1, M2, M2c: y = A x with zero values on the boundary.
  void actions(const Case& one, int degree) {
    Row row = this->row(one);
    const Setting setting(communicator_,
                          deck_text(cells(one, degree), degree, {.shape = one.shape}), false, row);
    action<double>(setting, row, one.data());
    action<float>(setting, std::move(row), one.data());
  }

  /// M11: y = A x of elasticity, without a matrix and with it, turn by turn in one run.
  void elasticity(const Case& one, int degree) {
    Row row = this->row(one);
    const GlobalId n = cells(one, degree);
    const deck::Problem problem = problem_of(fmt::format(
        "[mesh]\nkind = \"box\"\ncells = [{0}, {0}, {0}]\ndistortion = \"smooth\"\n"
        "distortion_amount = 0.1\n[space]\ndegree = {1}\n[equation]\nkind = \"elasticity\"\n"
        "youngs_modulus = 1\npoissons_ratio = 0.3\n[[boundary]]\non = [\"rest\"]\n"
        "displacement = [0, 0, 0]\n",
        n, degree));
    perf::Recorder recorder;
    partition::Quality quality;
    std::optional<mesh::Hierarchy> meshes;
    std::optional<fem::Space> space;
    Setting::timed(communicator_, row, "mesh", [&] {
      meshes.emplace(make_meshes(communicator_, problem, false, recorder, quality));
    });
    const mesh::Mesh& mesh = meshes->finest();
    Setting::timed(communicator_, row, "space", [&] { space.emplace(mesh, degree); });
    base::Diagnostics diagnostics;
    const physics::SystemForm form = make_system(
        problem, mesh.dimension(), mesh.region_names, mesh.set_names,
        [](std::int16_t) { return -1; }, diagnostics);
    diagnostics.throw_errors(base::ExitCode::internal);
    row.n_dofs = space->n_global * form.n_unknowns();
    row.n_cells = mesh.n_cells_global;
    row.degree = degree;
    const auto size = static_cast<std::size_t>(space->n_owned * form.n_unknowns());
    std::vector<Row> rows;
    const auto action = [&]<class T>(const char* precision, double bytes, double flops,
                                     const std::function<void(const device::View<const T*>&,
                                                              const device::View<T*>&)>& apply) {
      rows.push_back(row);
      rows.back().precision = precision;
      rows.back().model_bytes = bytes;
      rows.back().model_flops = flops;
      const auto x = device::make_large_vector<T>("ritz::bench::x", size);
      const auto y = device::make_large_vector<T>("ritz::bench::y", size);
      for (std::size_t i = 0; i < size; ++i) x(i) = static_cast<T>(1 + 1e-3 * (i % 1000));
      sample(rows.back(), [&] {
        apply(x, y);
        Kokkos::fence();
      });
    };
    const auto without_matrix = [&]<class T>(const char* precision) {
      std::optional<assembly::SystemOperator<T>> op;
      Setting::timed(communicator_, row, "operator", [&] {
        op.emplace(mesh, *space, form, assembly::fixed_unknowns(mesh, *space, form));
        static_cast<void>(op->update({}, 0, 0));
      });
      action.template operator()<T>(precision, elastic_action_bytes(degree, sizeof(T) == 4),
                                    elastic_action_flops(degree),
                                    [&](const auto& x, const auto& y) { op->apply(x, y); });
      rows.back().notes.push_back(fmt::format(
          "{}, {:.1f} bytes a DoF held", op->cells().text(communicator_),
          communicator_.sum(static_cast<double>(op->bytes())) / static_cast<double>(row.n_dofs)));
    };
    without_matrix.template operator()<double>("double");
    without_matrix.template operator()<float>("float");
    std::optional<la::Matrix> matrix;
    Setting::timed(communicator_, row, "operator", [&] {
      const assembly::SystemAssembler assembler(mesh, *space, form);
      const la::Vector values("ritz::bench::values", assembler.pattern().columns.extent(0));
      const std::vector<double> u(assembler.is_fixed().size(), 0.0);
      static_cast<void>(assembler.jacobian({0.0, u}, 0, 0, values));
      matrix.emplace(assembler.layout(), la::CsrMatrix{assembler.pattern(), values});
    });
    action.template operator()<double>(
        "matrix", elastic_matrix_bytes(degree), 0, [&](const auto& x, const auto& y) {
          matrix->apply(la::Vector(const_cast<double*>(x.data()), x.extent(0)), y);
        });
    rows.back().notes.push_back(fmt::format(
        "assembled: {} entries, {:.2g} GB; {:.1f} times the time without a matrix",
        base::count_text(matrix->n_entries()), static_cast<double>(matrix->n_entries()) * 12e-9,
        rows.back().median() / rows.front().median()));
    for (Row& one_row : rows) rows_.push_back(std::move(one_row));
  }

  /// M3: a fixed number of iterations of our cg with the diagonal.
  void iterations(const Case& one, int degree) {
    constexpr int n_iterations = 100;
    Row row = this->row(one);
    DeckOptions options;
    options.shape = one.shape;
    options.solver = fmt::format(
        "method = \"cg\"\npreconditioner = \"jacobi\"\ntolerance = 1e-300\nmax_iterations = {}",
        n_iterations);
    const Setting setting(communicator_, deck_text(cells(one, degree), degree, options), false,
                          row);
    std::optional<MatrixFreeSystem> system;
    Setting::timed(communicator_, row, "operator", [&] {
      system.emplace(setting.meshes->finest(), *setting.space, setting.form,
                     setting.fixed.constraints, recorder_);
    });
    const la::Vector x = la::make_vector("ritz::bench::x", setting.space->n_owned);
    for (int i = 0; i <= request_.repeat; ++i) {
      la::fill(x, 0.0);
      const solve::Report report =
          solve::solve(system->system(), x, setting.problem.solver, context(setting));
      if (report.last().iterations != n_iterations)
        throw base::Error(base::ExitCode::internal,
                          fmt::format("M3 stopped after {} iterations: {}",
                                      report.last().iterations, report.last().message));
      row.true_residual = report.true_residual;
      if (i > 0) row.seconds.push_back(report.last().solve_seconds / n_iterations);
    }
    row.iterations = n_iterations;
    row.model_bytes = action_bytes(degree, CellData::vertices, false) + cg_bytes(true);
    row.model_flops = action_flops(degree, CellData::vertices);
    row.merged_bytes = action_bytes(degree, CellData::vertices, false) + 44.0;
    row.notes.push_back("Gauss points k + 1 a direction; seconds of an iteration");
    rows_.push_back(std::move(row));
  }

  /// M9: a held cube under its weight, assembled, cg with algebraic multigrid.
  void elastic_problem(const Case& one, int degree) {
    Row row = this->row(one);
    const deck::Problem problem = problem_of(fmt::format(
        "[mesh]\nkind = \"box\"\ncells = [{0}, {0}, {0}]\ncell_type = \"tet\"\n[space]\ndegree = "
        "{1}\n[equation]\nkind = \"elasticity\"\nyoungs_modulus = 1\npoissons_ratio = 0.3\n"
        "body_force = [0, 0, -1]\n[[boundary]]\non = [\"left\"]\ndisplacement = [0, 0, 0]\n"
        "[[boundary]]\non = [\"rest\"]\ntraction = [0, 0, 0]\n[solver]\nmethod = \"cg\"\n"
        "preconditioner = \"amg\"\ntolerance = 1e-8\n",
        cells(one, degree), degree));
    const ElasticTimes times = elastic_tets(communicator_, problem, request_.repeat);
    row.n_dofs = times.n_dofs;
    row.n_cells = times.n_cells;
    row.degree = degree;
    row.seconds = times.seconds;
    row.setup = times.setup;
    row.iterations = times.iterations;
    row.true_residual = times.true_residual;
    Row assembly;
    assembly.seconds = times.assembly;
    row.notes.push_back(fmt::format(
        "numeric assembly {:.3g} s, {:.3g} million tets a second and core; {}", assembly.median(),
        1e-6 * static_cast<double>(times.n_cells) / assembly.median() / n_cores(), times.amg));
    row.assembly_seconds = times.assembly;
    rows_.push_back(std::move(row));
  }

  /// M12, M13: steps in time, the way of `ritz run`.
  void time_steps(const Case& one, int degree) {
    Row row = this->row(one);
    const bool is_explicit = row.name == "M13";
    const GlobalId n = cells(one, degree);
    // Leapfrog takes half of the longest step that is stable, the heat equation 20 of 0.001.
    const double step = is_explicit ? 0.25 / static_cast<double>(n * degree * degree) : 1e-3;
    const deck::Problem problem = problem_of(fmt::format(
        "[mesh]\nkind = \"box\"\ncells = [{0}, {0}, {0}]\n[space]\ndegree = {1}\n[equation]\n"
        "kind = \"{2}\"\nsource = {3}\n[[boundary]]\non = [\"rest\"]\nvalue = 0\n[time]\nstep = "
        "{4}\nend = {5}\n[initial]\nu = 0\n{6}[solver]\noperator = \"matrix-free\"\n",
        n, degree, is_explicit ? "wave" : "heat", is_explicit ? 0 : 1, step, 20 * step,
        is_explicit ? "[initial.rate]\nu = 0\n" : ""));
    const StepTimes times = is_explicit ? explicit_steps(communicator_, problem, request_.repeat)
                                        : implicit_steps(communicator_, problem, request_.repeat);
    row.n_dofs = times.n_dofs;
    row.n_cells = times.n_cells;
    row.degree = degree;
    row.seconds = times.seconds;
    row.setup = times.setup;
    if (is_explicit) {
      row.model_bytes = leapfrog_bytes(degree, CellData::none);
      row.model_flops = action_flops(degree, CellData::none) + leapfrog_flops;
    } else {
      row.model_bytes = times.iterations * cycle_bytes(degree, CellData::none,
                                                       problem.solver.multigrid.smoother_degree);
      row.notes.push_back(fmt::format("{:.2f} iterations a step, {:.2f} without the first",
                                      times.iterations, times.later_iterations));
    }
    row.notes.push_back(times.operator_text);
    rows_.push_back(std::move(row));
  }

  static solve::Context context(const Setting& setting) {
    solve::Context context;
    context.cell_type = mesh::table(setting.meshes->finest().cell_type).name;
    context.degree = setting.problem.space.degree;
    context.dimension = setting.form.dimension;
    return context;
  }

  /// M4, M4c, M5, M6, M17, M18: the way of `ritz run` from the deck to the solution.
  void solves(const Case& one, int degree) {
    const std::string name = one.name;
    if (name == "M6") {
      solve_to(one, degree, 1e-8);
      solve_to(one, degree, 1e-12);
    } else {
      solve_to(one, degree, name == "M17" ? 1e-9 : 1e-8);
    }
  }

  void solve_to(const Case& one, int degree, double tolerance) {
    const std::string name = one.name;
    Row row = this->row(one);
    DeckOptions options;
    options.shape = one.shape;
    options.solver =
        fmt::format("method = \"cg\"\npreconditioner = \"multigrid\"\ntolerance = {}\n", tolerance);
    if (name == "M5") {
      options.equation = "source = \"27*pi^2*sin(3*pi*x)*sin(3*pi*y)*sin(3*pi*z)\"";
      options.exact = "sin(3*pi*x)*sin(3*pi*y)*sin(3*pi*z)";
      options.solver += "[solver.multigrid]\nfull_multigrid_start = true\n";
    } else if (name == "M6") {
      options.equation = "source = 1\ndiffusion = \"1/(0.05 + 2*(x^2 + y^2 + z^2))\"";
    }
    const bool can_reset = reset_peak_memory();
    const Setting setting(communicator_, deck_text(cells(one, degree), degree, options), true, row);
    std::optional<MatrixFreeSystem> system;
    Setting::timed(communicator_, row, "operator", [&] {
      system.emplace(setting.meshes->finest(), *setting.space, setting.form,
                     setting.fixed.constraints, recorder_);
    });
    const deck::SolverOptions& solver = setting.problem.solver;
    solve::Context context = this->context(setting);
    offer_multigrid(context, *setting.meshes, *setting.space, setting.form, solver);
    Setting::timed(communicator_, row, "multigrid",
                   [&] { static_cast<void>(context.multigrid()); });
    const la::Vector x = la::make_vector("ritz::bench::x", setting.space->n_owned);
    solve::Report report;
    const auto once = [&](const deck::SolverOptions& how) {
      la::fill(x, 0.0);
      communicator_.barrier();
      const double start = now();
      report = solve::solve(system->system(), x, how, context);
      return communicator_.max(now() - start);
    };
    if (name == "M5") {
      full_multigrid(setting, *system, context, x, row, once);
    } else {
      for (int i = 0; i < request_.repeat; ++i) {
        row.seconds.push_back(once(solver));
        // Near the round-off of the largest problems a tolerance may be out of reach: told.
        if (!report.converged() && report.status != solve::Status::loss_of_accuracy)
          throw base::Error(base::ExitCode::not_converged, name + ": " + report.failure_text());
      }
      if (!report.converged())
        row.notes.push_back(fmt::format("TOLERANCE NOT REACHED: {}", report.last().message));
      row.iterations = report.last().iterations;
      row.true_residual = report.true_residual;
    }
    const CellData data = name == "M6" ? CellData::factors : one.data();
    row.model_bytes = std::max(1, row.iterations.value_or(1)) *
                      cycle_bytes(degree, data, solver.multigrid.smoother_degree);
    row.notes.push_back(fmt::format("tolerance {:.0e}; {}", tolerance, system->text()));
    if (const double peak = communicator_.sum(peak_memory()); can_reset && peak > 0)
      row.bytes_per_dof = peak / static_cast<double>(row.n_dofs);
    rows_.push_back(std::move(row));
  }

  /// M5: cycles after the full multigrid start until the error is at most 1.1 times that of the
  /// discrete solution.
  template <class Once>
  void full_multigrid(const Setting& setting, MatrixFreeSystem& system,
                      const solve::Context& context, const la::Vector& x, Row& row,
                      const Once& once) const {
    const auto error = [&] {
      std::vector<double> values(static_cast<std::size_t>(setting.space->n_local()), 0.0);
      const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), x);
      std::copy_n(host.data(), setting.space->n_owned, values.begin());
      setting.space->plan.to_ghosts(std::span(values));
      const SolvedField field{setting.meshes->finest(), *setting.space, values};
      return verify(field, setting.problem, {}).norms->l2;
    };
    deck::SolverOptions how = setting.problem.solver;
    how.tolerance = 1e-11;
    static_cast<void>(once(how));
    const double converged = error();
    const la::Vector& b = system.system().rhs;
    const auto start_only = [&] { context.multigrid().initial_guess(b, x); };
    start_only();
    int n_cycles = 0;
    double reached = error();
    while (reached > 1.1 * converged && n_cycles < 20) {
      ++n_cycles;
      how.max_iterations = n_cycles;
      static_cast<void>(once(how));
      reached = error();
    }
    for (int i = 0; i < request_.repeat; ++i) {
      if (n_cycles > 0) {
        row.seconds.push_back(once(how));
      } else {
        communicator_.barrier();
        const double start = now();
        start_only();
        row.seconds.push_back(communicator_.max(now() - start));
      }
    }
    row.iterations = n_cycles;
    row.error = reached;
    row.notes.push_back(
        fmt::format("L2 error {:.3e}, of the discrete solution {:.3e}", reached, converged));
  }

  // ---- output ----

  void header() const {
    tell(
        fmt::format("\n{:<4} {:>2} {:<6} {:>12} {:>10} {:>9} {:>8} {:>7} {:>6} {:>6} {:>5} {:>9} "
                    "{:>9} {:>6}\n",
                    "case", "k", "", "DoF", "seconds", "min", "MDoF/s", "a core", "GB/s", "bytes",
                    "flops", "its", "set-up", "B/DoF"));
  }

  [[nodiscard]] double n_cores() const {
    return static_cast<double>(communicator_.size()) * std::max(1, device::n_threads());
  }

  void print(const Row& row) const {
    const double rate = row.rate();
    tell(fmt::format(
        "{:<4} {:>2} {:<6} {:>12} {:>10.4g} {:>9.4g} {:>8.4g} {:>7.4g} {:>6.1f} "
        "{:>6.2f} {:>5} {:>9} {:>9.3g} {:>6}\n",
        row.name, row.degree, row.precision, row.n_dofs, row.median(), row.least(), rate * 1e-6,
        rate * 1e-6 / n_cores(), row.bandwidth() * 1e-9, row.bandwidth() / row.triad(),
        row.model_flops > 0 ? fmt::format("{:.2f}", row.part_of_peak(peak_)) : "",
        row.iterations ? std::to_string(*row.iterations) : "", row.total_setup(),
        row.bytes_per_dof ? fmt::format("{:.0f}", *row.bytes_per_dof) : ""));
    if (row.merged_bytes > 0)
      tell(
          fmt::format("     of the bound with all vector work in the cell loop ({:.0f} bytes): "
                      "{:.2f}\n",
                      row.merged_bytes, rate * row.merged_bytes / row.triad()));
    for (const std::string& note : row.notes) tell(fmt::format("     {}\n", note));
  }

  void write_json() {
    if (request_.json.empty()) return;
    communicator_.together([&] {
      if (!communicator_.is_root()) return;
      using nlohmann::json;
      json file;
      const base::Build& build = base::build();
      file["program"] = {{"version", build.version},
                         {"commit", build.commit},
                         {"modified", build.modified},
                         {"compiler", build.compiler}};
      file["ranks"] = communicator_.size();
      file["threads"] = device::n_threads();
      file["device"] = device::description();
      file["peak_flops"] = peak_;
      file["triad_array_bytes"] = array_bytes_;
      file["rows"] = json::array();
      for (const Row& row : rows_) {
        json one;
        one["case"] = row.name;
        one["what"] = row.what;
        one["degree"] = row.degree;
        one["precision"] = row.precision;
        one["dofs"] = row.n_dofs;
        one["cells"] = row.n_cells;
        one["seconds"] = row.seconds;
        one["seconds_median"] = row.median();
        one["seconds_min"] = row.least();
        one["dofs_per_second"] = row.rate();
        one["dofs_per_second_and_core"] = row.rate() / n_cores();
        one["model_bytes_per_dof"] = row.model_bytes;
        one["bytes_per_second"] = row.bandwidth();
        one["fraction_of_byte_bound"] = row.bandwidth() / row.triad();
        one["triad_before"] = row.triad_before;
        one["triad_after"] = row.triad_after;
        if (row.model_flops > 0) {
          one["model_flops_per_dof"] = row.model_flops;
          one["fraction_of_flop_bound"] = row.part_of_peak(peak_);
        }
        if (row.merged_bytes > 0)
          one["fraction_of_merged_bound"] = row.rate() * row.merged_bytes / row.triad();
        if (row.iterations) one["iterations"] = *row.iterations;
        if (row.true_residual) one["true_residual"] = *row.true_residual;
        if (row.error) one["l2_error"] = *row.error;
        one["setup_seconds"] = row.setup;
        if (!row.assembly_seconds.empty()) one["assembly_seconds"] = row.assembly_seconds;
        if (row.bytes_per_dof) one["peak_bytes_per_dof"] = *row.bytes_per_dof;
        one["notes"] = row.notes;
        file["rows"].push_back(one);
      }
      std::ofstream out(request_.json);
      out << file.dump(2) << "\n";
      out.close();
      if (!out)
        throw base::Error(base::ExitCode::io, "cannot write " + request_.json +
                                                  "; check the folder and its permissions");
    });
  }

  const comm::Communicator& communicator_;
  const BenchRequest& request_;
  GlobalId size_ = 0;  ///< --size N
  std::size_t array_bytes_ = 0;
  double peak_ = 0;
  perf::Recorder recorder_;
  std::vector<Row> rows_;
};

}  // namespace

int bench(const comm::Communicator& communicator, const BenchRequest& request) {
  // The solver tells each of its runs: only the table is wanted here.
  struct Quiet {
    explicit Quiet(int r) : rank(r) { base::log::open(1); }
    ~Quiet() { base::log::open(rank); }
    int rank;
  } quiet(communicator.rank());
  return Bench(communicator, request).run();
}

}  // namespace ritz::run
