// deal.II beside M4, M4c, M6 and M17: Poisson with f = 1 and zero on the boundary, cg in double
// precision with one V-cycle of geometric multigrid in single precision, Chebyshev-Jacobi
// smoothers:
//   multigrid COARSE REFINE constant|variable|shell TOLERANCE,... SMOOTHER_DEGREE,... SAMPLES
// (COARSE 2^REFINE)^3 cells, of order 2 on the shell; tolerances relative to the right-hand side.
// The parameters are those of deal.II's tutorial step-37 (smoothing range 15, coarsest level by
// Chebyshev to 1e-3).
#include <deal.II/multigrid/mg_coarse.h>
#include <deal.II/multigrid/mg_constrained_dofs.h>
#include <deal.II/multigrid/mg_matrix.h>
#include <deal.II/multigrid/mg_smoother.h>
#include <deal.II/multigrid/mg_transfer_matrix_free.h>
#include <deal.II/multigrid/multigrid.h>

#include "common.hpp"

using namespace peers;

int main(int n_arguments, char** arguments) {
  Utilities::MPI::MPI_InitFinalize mpi(n_arguments, arguments, 1);
  if (n_arguments != 7) {
    std::fprintf(stderr,
                 "usage: multigrid COARSE REFINE constant|variable|shell TOLERANCE,... "
                 "SMOOTHER_DEGREE,... SAMPLES\n");
    return 2;
  }
  const bool variable = std::string(arguments[3]) == "variable";
  const bool shell = std::string(arguments[3]) == "shell";
  const std::vector<double> tolerances = numbers_of(arguments[4]);
  const std::vector<double> smoother_degrees = numbers_of(arguments[5]);
  const int n_samples = std::atoi(arguments[6]);
  using Level = Operator<float>;
  using Smoother = PreconditionChebyshev<Level, DistributedVector<float>>;

  double start = synchronous_now();
  const auto lap = [&start] {
    const double seconds = seconds_since(start);
    start = synchronous_now();
    return seconds;
  };
  parallel::distributed::Triangulation<dimension> mesh(
      MPI_COMM_WORLD, Triangulation<dimension>::limit_level_difference_at_vertices,
      parallel::distributed::Triangulation<dimension>::construct_multigrid_hierarchy);
  GridGenerator::subdivided_hyper_cube(mesh, static_cast<unsigned int>(std::atoi(arguments[1])));
  mesh.refine_global(static_cast<unsigned int>(std::atoi(arguments[2])));
  const double mesh_seconds = lap();

  const FE_Q<dimension> element(degree);
  DoFHandler<dimension> dofs(mesh);
  dofs.distribute_dofs(element);
  dofs.distribute_mg_dofs();
  IndexSet relevant;
  DoFTools::extract_locally_relevant_dofs(dofs, relevant);
  AffineConstraints<double> constraints(relevant);
  DoFTools::make_zero_boundary_constraints(dofs, constraints);
  constraints.close();
  const double space_seconds = lap();

  const std::unique_ptr<const Mapping<dimension>> of_cells =
      shell ? mapped(mesh, 2, on_shell) : std::make_unique<MappingQ1<dimension>>();
  const Mapping<dimension>& mapping = *of_cells;
  Operator<double> op;
  op.reinit(mapping, dofs, constraints, variable);
  DistributedVector<double> b, x;
  op.unit_load(b);
  op.initialize_dof_vector(x);
  const double operator_seconds = lap();

  MGConstrainedDoFs level_constraints;
  level_constraints.initialize(dofs);
  level_constraints.make_zero_boundary_constraints(dofs, {0});
  const unsigned int finest = mesh.n_global_levels() - 1;
  MGLevelObject<Level> levels(0, finest);
  std::vector<std::shared_ptr<const Utilities::MPI::Partitioner>> partitioners;
  for (unsigned int l = 0; l <= finest; ++l) {
    IndexSet relevant_on_level;
    DoFTools::extract_locally_relevant_level_dofs(dofs, l, relevant_on_level);
    AffineConstraints<double> of_level(relevant_on_level);
    of_level.add_lines(level_constraints.get_boundary_indices(l));
    of_level.close();
    levels[l].reinit(mapping, dofs, of_level, variable, l);
    levels[l].compute_diagonal();
    partitioners.push_back(levels[l].matrix().get_vector_partitioner());
  }
  MGTransferMatrixFree<dimension, float> transfer(level_constraints);
  transfer.build(dofs, partitioners);
  mg::Matrix<DistributedVector<float>> level_matrices(levels);
  const double levels_seconds = lap();

  for (const double smoother_degree : smoother_degrees) {
    start = synchronous_now();
    MGSmootherPrecondition<Level, Smoother, DistributedVector<float>> smoother;
    MGLevelObject<typename Smoother::AdditionalData> data(0, finest);
    for (unsigned int l = 0; l <= finest; ++l) {
      data[l].smoothing_range = l > 0 ? 15.0 : 1e-3;
      data[l].degree =
          l > 0 ? static_cast<unsigned int>(smoother_degree) : numbers::invalid_unsigned_int;
      data[l].eig_cg_n_iterations = l > 0 ? 12 : levels[0].m();
      data[l].preconditioner = levels[l].inverse_diagonal;
    }
    smoother.initialize(levels, data);
    MGCoarseGridApplySmoother<DistributedVector<float>> coarsest;
    coarsest.initialize(smoother);
    Multigrid<DistributedVector<float>> cycle(level_matrices, coarsest, transfer, smoother,
                                              smoother);
    const PreconditionMG<dimension, DistributedVector<float>,
                         MGTransferMatrixFree<dimension, float>>
        preconditioner(dofs, cycle, transfer);
    preconditioner.vmult(x, b);  // estimates the eigenvalues
    const double estimate_seconds = lap();
    for (const double tolerance : tolerances) {
      std::vector<double> seconds;
      unsigned int iterations = 0;
      for (int sample = 0; sample <= n_samples; ++sample) {  // the first warms up
        x = 0.0;
        SolverControl control(100, tolerance * b.l2_norm());
        SolverCG<DistributedVector<double>> cg(control);
        start = synchronous_now();
        cg.solve(op, x, b, preconditioner);
        const double time = seconds_since(start);
        if (sample > 0) seconds.push_back(time);
        iterations = control.last_step();
      }
      const double peak = peak_bytes();
      Json()("precision", "double")("dofs", dofs.n_dofs())("cells", mesh.n_global_active_cells())(
          "lanes", Level::Pack::size())("tolerance", tolerance)(
          "smoother_degree", static_cast<int>(smoother_degree))("seconds", seconds)(
          "mesh", mesh_seconds)("space", space_seconds)("operator", operator_seconds)(
          "multigrid", levels_seconds + estimate_seconds)("estimate", estimate_seconds)(
          "iterations", iterations)("true_residual", op.true_residual(b, x))(
          "centre", centre_value(dofs, x))("peak_bytes", peak)
          .print();
    }
  }
  return 0;
}
