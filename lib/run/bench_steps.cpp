#include "bench_steps.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>

#include "matrix_free_equations.hpp"
#include "ritz/base/error.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "ritz/run/system_form.hpp"
#include "ritz/solve/time_scheme.hpp"

namespace ritz::run {

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Mesh, space, form and equations as `ritz run` makes them.
class Steps {
 public:
  Steps(const comm::Communicator& communicator, const deck::Problem& problem, bool with_coarser,
        StepTimes& times)
      : problem_(problem) {
    partition::Quality quality;
    const double start = now();
    meshes_.emplace(make_meshes(communicator, problem, with_coarser, recorder_, quality));
    const double meshed = now();
    const mesh::Mesh& mesh = meshes_->finest();
    space_.emplace(mesh, problem.space.degree);
    times.setup["mesh"] = communicator.max(meshed - start);
    times.setup["space"] = communicator.max(now() - meshed);
    times.n_dofs = space_->n_global;
    times.n_cells = mesh.n_cells_global;
    base::Diagnostics diagnostics;
    form_ = make_form(problem, mesh.dimension(), mesh.region_names, mesh.set_names, diagnostics);
    system_ = make_system(
        problem, mesh.dimension(), mesh.region_names, mesh.set_names,
        [](std::int16_t) { return -1; }, diagnostics);
    diagnostics.throw_errors(base::ExitCode::internal);
  }

  /// New equations and a scheme at the start: zero, or the cube's lowest note.
  void begin(const std::string& method, bool from_zero) {
    scheme_.reset();
    equations_.emplace(MatrixFreeEquations::Parts{*meshes_,
                                                  *space_,
                                                  form_,
                                                  system_,
                                                  problem_,
                                                  physics::system_traits(system_).time_order,
                                                  recorder_,
                                                  [](const std::string&) {},
                                                  {}});
    solve::TimeScheme::Options options;
    options.method = method;
    scheme_.emplace(*equations_, options);
    const la::Vector u = la::make_vector("ritz::bench::u", space_->n_owned);
    if (!from_zero) {
      const std::vector<double> x = fem::node_coordinates(meshes_->finest(), *space_);
      for (std::size_t i = 0; i < u.extent(0); ++i) {
        u(i) = 1;
        for (std::size_t d = 0; d < 3; ++d) u(i) *= std::sin(M_PI * x[3 * i + d]);
      }
    }
    const la::Vector rate = la::make_vector("ritz::bench::rate", space_->n_owned);
    static_cast<void>(scheme_->start(0.0, u, rate));
  }

  solve::StageReport step() {
    const double dt = problem_.time->step;
    return scheme_->step(dt, scheme_->time() + dt).stages;
  }

  [[nodiscard]] std::string text() const { return equations_->text(); }

 private:
  const deck::Problem& problem_;
  perf::Recorder recorder_;
  std::optional<mesh::Hierarchy> meshes_;
  std::optional<fem::Space> space_;
  physics::Form form_;
  physics::SystemForm system_;
  std::optional<MatrixFreeEquations> equations_;
  std::optional<solve::TimeScheme> scheme_;
};

}  // namespace

StepTimes explicit_steps(const comm::Communicator& communicator, const deck::Problem& problem,
                         int repeat) {
  StepTimes times;
  Steps steps(communicator, problem, false, times);
  double start = now();
  steps.begin("leapfrog", false);
  // The first two make operators and vectors.
  for (int i = 0; i < 2; ++i) static_cast<void>(steps.step());
  times.setup["operator"] = communicator.max(now() - start);
  start = now();
  static_cast<void>(steps.step());
  const double once = communicator.max(now() - start);
  const int n = std::clamp(static_cast<int>(0.5 / std::max(once, 1e-7)), 1, 10'000);
  for (int i = 0; i < repeat; ++i) {
    communicator.barrier();
    start = now();
    for (int j = 0; j < n; ++j) static_cast<void>(steps.step());
    times.seconds.push_back(communicator.max(now() - start) / n);
  }
  times.operator_text = steps.text();
  return times;
}

StepTimes implicit_steps(const comm::Communicator& communicator, const deck::Problem& problem,
                         int repeat) {
  StepTimes times;
  Steps steps(communicator, problem, true, times);
  const int n = static_cast<int>(std::lround(problem.time->end / problem.time->step));
  long iterations = 0, first = 0;
  for (int i = 0; i < repeat; ++i) {
    communicator.barrier();
    const double start = now();
    steps.begin("bdf2", true);
    for (int j = 0; j < n; ++j) {
      const solve::StageReport report = steps.step();
      if (!report.solved()) throw base::Error(base::ExitCode::not_converged, report.message);
      iterations += report.linear_iterations;
      if (j == 0) first += report.linear_iterations;
    }
    times.seconds.push_back(communicator.max(now() - start) / n);
  }
  times.iterations = static_cast<double>(iterations) / (n * repeat);
  times.later_iterations = static_cast<double>(iterations - first) / ((n - 1) * repeat);
  times.operator_text = steps.text();
  return times;
}

}  // namespace ritz::run
