// deal.II beside M1, M2 and M3:
//   action cartesian|deformed|curved action|cg|solve COARSE REFINE SAMPLES
// (COARSE 2^REFINE)^3 cells. action: y = A x in double and single precision; cg: 100 iterations
// with the diagonal as preconditioner; solve: the same to 1e-10, for the value at the centre.
#include "common.hpp"

using namespace peers;

namespace {

constexpr double seconds_a_sample = 0.2;  // as `ritz bench`

template <class Number>
void measure_action(const Mapping<dimension>& mapping, const DoFHandler<dimension>& dofs,
                    const AffineConstraints<double>& constraints, int n_samples) {
  double start = synchronous_now();
  Operator<Number> op;
  op.reinit(mapping, dofs, constraints, false);
  const double setup = seconds_since(start);
  DistributedVector<Number> x, y;
  op.initialize_dof_vector(x);
  op.initialize_dof_vector(y);
  for (unsigned int i = 0; i < x.locally_owned_size(); ++i)
    x.local_element(i) = static_cast<Number>(1 + 1e-3 * (i % 1000));
  for (const unsigned int i : op.matrix().get_constrained_dofs()) x.local_element(i) = 0;
  op.vmult(y, x);
  start = synchronous_now();
  op.vmult(y, x);
  const double once = seconds_since(start);
  const int n = std::clamp(static_cast<int>(seconds_a_sample / std::max(once, 1e-7)), 1, 100'000);
  std::vector<double> seconds;
  for (int sample = 0; sample < n_samples; ++sample) {
    start = synchronous_now();
    for (int i = 0; i < n; ++i) op.vmult(y, x);
    seconds.push_back(seconds_since(start) / n);
  }
  Json()("precision", sizeof(Number) == 4 ? "float" : "double")("dofs", dofs.n_dofs())(
      "cells", dofs.get_triangulation().n_global_active_cells())(
      "lanes", Operator<Number>::Pack::size())("seconds", seconds)("setup", setup)("peak_bytes",
                                                                                   peak_bytes())
      .print();
}

void measure_cg(const Mapping<dimension>& mapping, const DoFHandler<dimension>& dofs,
                const AffineConstraints<double>& constraints, int n_samples, bool to_the_end) {
  constexpr unsigned int n_iterations = 100;
  double start = synchronous_now();
  Operator<double> op;
  op.reinit(mapping, dofs, constraints, false);
  op.compute_diagonal();
  DistributedVector<double> b, x;
  op.unit_load(b);
  op.initialize_dof_vector(x);
  const double setup = seconds_since(start);
  std::vector<double> seconds;
  unsigned int done = 0;
  for (int sample = 0; sample <= n_samples; ++sample) {  // the first warms up
    x = 0.0;
    IterationNumberControl fixed(n_iterations, 0.0);
    SolverControl tolerance(100'000, 1e-10 * b.l2_norm());
    SolverControl& control = to_the_end ? tolerance : fixed;
    SolverCG<DistributedVector<double>> cg(control);
    start = synchronous_now();
    cg.solve(op, x, b, *op.inverse_diagonal);
    const double time = seconds_since(start);
    done = control.last_step();
    if (sample > 0) seconds.push_back(time / std::max(1u, done));
  }
  Json()("precision", "double")("dofs", dofs.n_dofs())(
      "cells", dofs.get_triangulation().n_global_active_cells())(
      "lanes", Operator<double>::Pack::size())("seconds", seconds)("setup", setup)(
      "iterations", done)("true_residual", op.true_residual(b, x))("centre", centre_value(dofs, x))(
      "peak_bytes", peak_bytes())
      .print();
}

}  // namespace

int main(int n_arguments, char** arguments) {
  Utilities::MPI::MPI_InitFinalize mpi(n_arguments, arguments, 1);
  if (n_arguments != 6) {
    std::fprintf(stderr,
                 "usage: action cartesian|deformed|curved action|cg|solve COARSE REFINE SAMPLES\n");
    return 2;
  }
  const std::string geometry = arguments[1];
  const std::string what = arguments[2];
  const int n_samples = std::atoi(arguments[5]);
  parallel::distributed::Triangulation<dimension> mesh(MPI_COMM_WORLD);
  GridGenerator::subdivided_hyper_cube(mesh, static_cast<unsigned int>(std::atoi(arguments[3])));
  mesh.refine_global(static_cast<unsigned int>(std::atoi(arguments[4])));
  const FE_Q<dimension> element(degree);
  DoFHandler<dimension> dofs(mesh);
  dofs.distribute_dofs(element);
  IndexSet relevant;
  DoFTools::extract_locally_relevant_dofs(dofs, relevant);
  AffineConstraints<double> constraints(relevant);
  DoFTools::make_zero_boundary_constraints(dofs, constraints);
  constraints.close();
  std::unique_ptr<Mapping<dimension>> mapping = std::make_unique<MappingQ1<dimension>>();
  // deformed: trilinear cells with moved vertices, curved: cells of order 2, as ours. MatrixFree
  // stores the inverse Jacobian and the weight at each quadrature point whatever the degree of the
  // mapping.
  if (geometry != "cartesian") mapping = mapped(mesh, geometry == "curved" ? 2 : 1, distorted);
  if (what == "action") {
    measure_action<double>(*mapping, dofs, constraints, n_samples);
    measure_action<float>(*mapping, dofs, constraints, n_samples);
  } else {
    measure_cg(*mapping, dofs, constraints, n_samples, what == "solve");
  }
  return 0;
}
