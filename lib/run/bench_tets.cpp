#include "bench_tets.hpp"

#include <chrono>
#include <optional>

#include "matrix_free_jacobian.hpp"
#include "ritz/assembly/system_assembler.hpp"
#include "ritz/base/error.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "ritz/run/system_form.hpp"

namespace ritz::run {

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

ElasticTimes elastic_tets(const comm::Communicator& communicator, const deck::Problem& problem,
                          int repeat) {
  ElasticTimes times;
  const auto timed = [&](const auto& work) {
    communicator.barrier();
    const double start = now();
    work();
    Kokkos::fence();
    return communicator.max(now() - start);
  };
  perf::Recorder recorder;
  partition::Quality quality;
  std::optional<mesh::Hierarchy> meshes;
  std::optional<fem::Space> space;
  times.setup["mesh"] =
      timed([&] { meshes.emplace(make_meshes(communicator, problem, false, recorder, quality)); });
  const mesh::Mesh& mesh = meshes->finest();
  times.setup["space"] = timed([&] { space.emplace(mesh, problem.space.degree); });
  base::Diagnostics diagnostics;
  const physics::SystemForm form = make_system(
      problem, mesh.dimension(), mesh.region_names, mesh.set_names, [](std::int16_t) { return -1; },
      diagnostics);
  diagnostics.throw_errors(base::ExitCode::internal);
  std::optional<assembly::SystemAssembler> assembler;
  la::CsrMatrix rows;
  times.setup["pattern"] = timed([&] {
    assembler.emplace(mesh, *space, form);
    rows.pattern = assembler->pattern();
    rows.values = device::View<double*>(
        Kokkos::view_alloc("ritz::bench::values", Kokkos::WithoutInitializing),
        rows.pattern.columns.extent(0));
  });
  const la::Layout layout = assembler->layout();
  const la::Vector b = la::make_vector("ritz::bench::b", layout.n_owned);
  std::vector<double> zero(static_cast<std::size_t>(layout.n_local()), 0.0);
  for (int i = 0; i < repeat; ++i) {
    times.assembly.push_back(timed([&] {
      static_cast<void>(assembler->jacobian({0.0, zero}, 0, 0, rows.values));
      static_cast<void>(assembler->residual({0.0, zero}, b));
    }));
  }
  la::axpby(-1.0, b, 0.0, b);
  times.n_dofs = layout.n_global;
  times.n_cells = mesh.n_cells_global;
  const la::Matrix matrix(layout, rows);
  la::System system;
  system.op = &matrix;
  system.rhs = b;
  system.symmetric = true;
  solve::Context context;
  context.cell_type = mesh::table(mesh.cell_type).name;
  context.degree = problem.space.degree;
  context.dimension = mesh.dimension();
  context.n_components = form.n_unknowns();
  context.near_null_space = rigid_body_motions(mesh, *space);
  const la::Vector x = la::make_vector("ritz::bench::x", layout.n_owned);
  for (int i = 0; i < repeat; ++i) {
    la::fill(x, 0.0);
    communicator.barrier();
    const solve::Report report = solve::solve(system, x, problem.solver, context);
    if (!report.converged())
      throw base::Error(base::ExitCode::not_converged, report.failure_text());
    const solve::Attempt& last = report.last();
    times.seconds.push_back(last.setup_seconds + last.solve_seconds);
    times.setup["amg"] = last.setup_seconds;
    times.iterations = last.iterations;
    times.true_residual = last.true_residual;
    times.amg = last.setup;
  }
  return times;
}

}  // namespace ritz::run
