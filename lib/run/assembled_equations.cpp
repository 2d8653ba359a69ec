#include "assembled_equations.hpp"

#include <algorithm>
#include <cmath>

#include "points.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/system_form.hpp"

namespace ritz::run {

namespace {

/// The first rank that has something to say says it to all.
std::string first_text(const comm::Communicator& communicator, std::string mine) {
  const int first =
      communicator.min<std::int32_t>(mine.empty() ? communicator.size() : communicator.rank());
  if (first == communicator.size()) return {};
  communicator.broadcast(mine, first);
  return mine;
}

}  // namespace

AssembledEquations::AssembledEquations(const Parts& parts)
    : parts_(parts),
      assembler_(parts.mesh, parts.space, parts.form),
      n_components_(parts.form.n_unknowns()),
      layout_(assembler_.layout()),
      newton_(*this),
      reuse_(std::make_shared<solve::Reuse>()),
      linear_(parts.problem.solver),
      places_(parts.mesh, parts.space) {
  const auto n = static_cast<std::size_t>(layout_.n_local());
  u_.assign(n, 0.0);
  const int order = this->order();
  if (order >= 1) rate_.assign(n, 0.0);
  if (order >= 2) second_.assign(n, 0.0);
  is_differential_.assign(static_cast<std::size_t>(n_components_), false);
  for (const physics::SystemForm::Region& region : parts.form.regions) {
    for (const physics::JacobianEntry& entry : physics::jacobian_entries(parts.form, region)) {
      if (entry.trial_slot > parts.form.dimension)
        is_differential_[static_cast<std::size_t>(entry.trial)] = true;
    }
  }
  // Helmholtz's operator is symmetric but not definite: not for cg.
  symmetric_ = assembler_.traits().is_symmetric &&
               parts.problem.equation.kind != deck::EquationKind::helmholtz;
  for (const physics::SystemForm::Boundary& boundary : parts.form.boundaries) {
    fixed_changes_ =
        fixed_changes_ || (boundary.kind == physics::SystemForm::Boundary::Kind::value &&
                           boundary.value.depends_on("t"));
  }
  fixed_values_[0].assign(n, 0.0);
  fixed_time_[0] = parts.problem.time ? parts.problem.time->start : 0.0;
  fixed_ = assembler_.fixed_values(fixed_time_[0], fixed_values_[0]);
  fixed_known_[0] = true;

  context_.cell_type = mesh::table(parts.mesh.cell_type).name;
  context_.degree = parts.space.element.degree();
  context_.dimension = parts.mesh.dimension();
  context_.memory_bytes = parts.problem.limits.memory_bytes;
  context_.reuse = reuse_;
  context_.quiet = parts.problem.time.has_value();
  context_.n_components = n_components_;
  context_.progress = parts.progress;
  context_.place = [this](LocalId unknown) { return places_(unknown / n_components_); };
  if (parts.problem.equation.kind == deck::EquationKind::elasticity)
    context_.near_null_space = rigid_body_motions(parts.mesh, parts.space);
  if (parts.meshes) {
    make_operator(*parts.meshes);
  } else {
    make_matrix();
  }
}

void AssembledEquations::make_matrix() {
  rows_.pattern = assembler_.pattern();
  rows_.values =
      device::View<double*>(Kokkos::view_alloc("ritz::run::jacobian", Kokkos::WithoutInitializing),
                            rows_.pattern.columns.extent(0));
  matrix_.emplace(layout_, rows_);
}

void AssembledEquations::make_operator(const mesh::Hierarchy& meshes) {
  free_.emplace(meshes, parts_.space, parts_.form, assembler_.is_fixed(), layout_);
  if (!symmetric_) return;
  free_->offer_multigrid(context_, parts_.problem.solver,
                         parts_.problem.equation.kind == deck::EquationKind::elasticity);
  // Said here, because solve() would look at the diagonal to choose them.
  if (linear_.method == "auto" && linear_.preconditioner == "auto") {
    linear_.method = "cg";
    linear_.preconditioner = "multigrid";
  }
}

/// The matrix from here on, at this state. Collective.
std::string AssembledEquations::give_up_operator(const solve::Report& report, const la::Vector& u) {
  parts_.remark(
      fmt::format("the matrix-free solver ended with {} ({}): assembling the matrix for another "
                  "preconditioner",
                  solve::name(report.status), report.last().message));
  free_.reset();
  context_.multigrid = nullptr;
  linear_.method = parts_.problem.solver.method;
  linear_.preconditioner = parts_.problem.solver.preconditioner;
  reuse_->forget("the matrix took over");
  make_matrix();
  has_matrix_ = false;
  return assemble_jacobian(u);
}

const comm::Communicator& AssembledEquations::communicator() const {
  return parts_.space.communicator;
}

int AssembledEquations::order() const {
  return assembler_.traits().time_order;
}

std::string AssembledEquations::jacobian_text() const {
  if (free_) return "matrix-free: " + free_->text();
  const auto mine = static_cast<GlobalId>(rows_.pattern.columns.extent(0));
  return base::count_text(communicator().sum(mine)) + " matrix entries";
}

const std::vector<double>& AssembledEquations::prescribed(double time, int derivative) {
  std::vector<double>& values = fixed_values_[derivative];
  // Not by what is in `values`: a rank without unknowns has none and must go the others' way.
  const bool known =
      fixed_known_[derivative] && (!fixed_changes_ || fixed_time_[derivative] == time);
  if (known) return values;
  fixed_known_[derivative] = true;
  values.assign(u_.size(), 0.0);
  fixed_time_[derivative] = time;
  if (derivative == 0) {
    static_cast<void>(assembler_.fixed_values(time, values));
  } else if (fixed_changes_) {
    for (int c = 0; c < n_components_; ++c) {
      const physics::Form form = prescribing_form(parts_.form, c, derivative);
      if (form.boundaries.empty()) continue;
      const assembly::FixedValues one =
          assembly::fixed_values(parts_.mesh, parts_.space, form, time);
      for (std::size_t i = 0; i < one.constraints.value.size(); ++i) {
        values[i * static_cast<std::size_t>(n_components_) + static_cast<std::size_t>(c)] =
            one.constraints.value[i];
      }
    }
  }
  return values;
}

void AssembledEquations::write_prescribed(const std::vector<double>& values,
                                          const la::Vector& u) const {
  const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), u);
  for (LocalId i = 0; i < layout_.n_owned; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (is_fixed(i)) host(at) = values[at];
  }
  Kokkos::deep_copy(u, host);
}

void AssembledEquations::prescribe(double time, int derivative, const la::Vector& u) {
  write_prescribed(prescribed(time, derivative), u);
}

/// u and, by the stage's shifts, its rates at all local nodes. Collective.
void AssembledEquations::update_state(const la::Vector& u) {
  const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), u);
  const auto n = static_cast<std::size_t>(layout_.n_owned);
  std::copy_n(host.data(), n, u_.begin());
  parts_.space.plan.to_ghosts(std::span(u_), n_components_);
  const auto derived = [&](double shift, const la::Vector& offset, std::vector<double>& to) {
    if (to.empty()) return;
    if (!offset.data() || offset.extent(0) == 0) {
      if (shift == 0) {
        std::fill(to.begin(), to.end(), 0.0);
        return;
      }
      for (std::size_t i = 0; i < n; ++i) to[i] = shift * host(i);
    } else {
      const auto h = Kokkos::create_mirror_view_and_copy(device::HostSpace(), offset);
      for (std::size_t i = 0; i < n; ++i) to[i] = shift * host(i) + h(i);
    }
    parts_.space.plan.to_ghosts(std::span(to), n_components_);
  };
  derived(stage_.rate_shift, stage_.rate_offset, rate_);
  derived(stage_.second_shift, stage_.second_offset, second_);
}

std::string AssembledEquations::not_finite_text(
    const assembly::SystemAssembler::Result& result) const {
  return first_text(communicator(), result.bad_cell < 0 ? std::string() : result.text());
}

std::string AssembledEquations::residual(const la::Vector& u, const la::Vector& r) {
  const perf::Stage stage(parts_.recorder, "residual");
  update_state(u);
  ++counts_.residuals;
  return not_finite_text(assembler_.residual({stage_.time, u_, rate_, second_}, r));
}

/// The Jacobian at the state at hand, unless the one there is still right.
std::string AssembledEquations::assemble_jacobian(const la::Vector& u) {
  const physics::SystemTraits& traits = assembler_.traits();
  // Equal steps have shifts that differ in their last digits; Newton's residual has the exact ones.
  const auto same = [](double a, double b) { return std::abs(a - b) <= 1e-10 * std::abs(a); };
  const bool is_right = has_matrix_ && !traits.jacobian_depends_on_state &&
                        (!traits.jacobian_depends_on_time || matrix_time_ == stage_.time) &&
                        same(matrix_rate_shift_, stage_.rate_shift) &&
                        same(matrix_second_shift_, stage_.second_shift);
  if (is_right) return {};
  const perf::Stage stage(parts_.recorder, "jacobian");
  update_state(u);
  has_matrix_ = false;
  ++counts_.jacobians;
  const assembly::SystemAssembler::State state{stage_.time, u_, rate_, second_};
  const std::string bad = not_finite_text(
      free_ ? free_->update(state, stage_.rate_shift, stage_.second_shift)
            : assembler_.jacobian(state, stage_.rate_shift, stage_.second_shift, rows_.values));
  if (matrix_) matrix_->values_changed();
  reuse_->operator_changed();
  if (!bad.empty()) return bad;
  has_matrix_ = true;
  matrix_time_ = stage_.time;
  matrix_rate_shift_ = stage_.rate_shift;
  matrix_second_shift_ = stage_.second_shift;
  return {};
}

solve::NonlinearProblem::Correction AssembledEquations::correct(const la::Vector& u,
                                                                const la::Vector& r,
                                                                double tolerance,
                                                                const la::Vector& d) {
  Correction result;
  std::string bad = assemble_jacobian(u);
  if (!bad.empty()) {
    result.useful = false;
    result.message = bad;
    return result;
  }
  const perf::Stage stage(parts_.recorder, "linear");
  linear_.tolerance = tolerance;
  la::System system;
  system.rhs = r;
  if (parts_.seconds_left) context_.seconds_left = parts_.seconds_left();
  solve::Report report;
  while (true) {
    la::fill(d, 0.0);
    system.op = free_ ? static_cast<const la::Operator*>(&free_->op()) : &*matrix_;
    system.symmetric = symmetric_;
    report = solve::solve(system, d, linear_, context_);
    ++counts_.linear_solves;
    result.iterations += report.last().iterations;
    // Near round-off the matrix would do no better.
    const bool is_close =
        report.status == solve::Status::loss_of_accuracy && report.true_residual <= 1e-3;
    if (free_ && parts_.may_assemble && !report.converged() && !is_close &&
        report.status != solve::Status::walltime && report.status != solve::Status::nan) {
      bad = give_up_operator(report, u);
      if (bad.empty()) continue;
      result.useful = false;
      result.message = bad;
      return result;
    }
    if (report.status != solve::Status::indefinite || !symmetric_) break;
    symmetric_ = false;
    reuse_->forget("the matrix is not positive definite");
    parts_.remark(
        "the linearised equations are symmetric but not positive definite: solved like "
        "unsymmetric ones from here on");
  }
  counts_.linear_iterations += result.iterations;
  solver_text_ = fmt::format("{}+{}", report.last().method, report.last().preconditioner);
  for (const std::string& note : report.notes) parts_.remark(note);
  result.residual = report.true_residual;
  result.out_of_time = report.status == solve::Status::walltime;
  // A correction that takes most of the residual away is worth having.
  result.useful = report.converged() || report.true_residual <= 0.1;
  if (!report.converged()) result.message = report.failure_text();
  if (!report.converged() && result.useful) {
    parts_.remark(fmt::format("a linear system of Newton's method was solved to {:.1e} only ({})",
                              report.true_residual, solve::name(report.status)));
  }
  return result;
}

std::string AssembledEquations::worst_text(const la::Vector& r) const {
  const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), r);
  LocalId worst = -1;
  double size = -1;
  for (LocalId i = 0; i < layout_.n_owned; ++i) {
    const double value = std::abs(host(static_cast<std::size_t>(i)));
    if (value > size) {
      size = value;
      worst = i;
    }
  }
  const double largest = communicator().max(size);
  std::string mine;
  if (worst >= 0 && size == largest) {
    const solve::Place place = places_(worst / n_components_);
    mine = fmt::format("in the equation of {} at {}",
                       parts_.form.unknowns[static_cast<std::size_t>(worst % n_components_)],
                       point_text(place.at, parts_.mesh.dimension()));
    if (!place.region.empty()) mine += ", region '" + place.region + "'";
    if (!place.boundary.empty()) mine += ", boundary '" + place.boundary + "'";
  }
  return first_text(communicator(), mine);
}

solve::NewtonReport AssembledEquations::solve_steady(double time, const la::Vector& u) {
  stage_ = {};
  stage_.time = time;
  prescribe(time, 0, u);
  solve::NewtonReport report = newton_.solve(u, newton_options());
  tell_round_off(report);
  return report;
}

/// A goal below round-off is told once.
void AssembledEquations::tell_round_off(const solve::NewtonReport& report) {
  if (!report.converged() || report.message.empty() || round_off_is_told_) return;
  round_off_is_told_ = true;
  parts_.remark("Newton's method: " + report.message);
}

solve::NewtonOptions AssembledEquations::newton_options() const {
  const deck::NonlinearOptions& from = parts_.problem.nonlinear;
  solve::NewtonOptions options;
  options.is_linear = assembler_.traits().is_linear;
  options.tolerance = options.is_linear ? parts_.problem.solver.tolerance : from.tolerance;
  options.absolute_tolerance = from.absolute_tolerance.value_or(0.0);
  options.max_iterations = from.max_iterations;
  options.line_search = from.line_search;
  options.inexact = from.forcing == deck::NonlinearOptions::Forcing::eisenstat_walker;
  return options;
}

/// The size of the mass term M u' (or M u'') of the stage's first guess: what the other terms of
/// the equations balance. Where nothing changes any more it is replaced by a part of s M u, below
/// which there is round-off alone.
double AssembledEquations::mass_scale(const la::Vector& u) {
  const int order = this->order();
  la::Vector& mass = mass_[order - 1];
  if (!mass_is_known_[order - 1]) {
    update_state(u);
    mass = la::make_vector("ritz::run::lumped_mass", layout_.n_owned);
    // Values that are not finite are told by the residual.
    static_cast<void>(assembler_.lumped_mass({stage_.time, u_, rate_, second_}, order, mass));
    mass_is_known_[order - 1] = true;
  }
  const double shift = order == 2 ? stage_.second_shift : stage_.rate_shift;
  const la::Vector offset = order == 2 ? stage_.second_offset : stage_.rate_offset;
  double change = 0, whole = 0;
  for (std::size_t i = 0; i < u.extent(0); ++i) {
    const double all = mass(i) * shift * u(i), rate = all + mass(i) * offset(i);
    whole += all * all;
    change += rate * rate;
  }
  double sums[2] = {change, whole};
  communicator().all_reduce(std::span<double>(sums), comm::Op::sum);
  return std::max(std::sqrt(sums[0]), 1e-5 * std::sqrt(sums[1]));
}

solve::StageReport AssembledEquations::solve(const Stage& stage, const la::Vector& u) {
  stage_ = stage;
  prescribe(stage.time, 0, u);
  solve::NewtonOptions options = newton_options();
  options.scale = mass_scale(u);
  const solve::NewtonReport newton = newton_.solve(u, options);
  tell_round_off(newton);
  solve::StageReport report;
  report.newton_iterations = newton.iterations;
  report.linear_iterations = newton.linear_iterations;
  using From = solve::NewtonReport::Outcome;
  using To = solve::StageReport::Outcome;
  report.outcome = newton.converged()                   ? To::solved
                   : newton.outcome == From::walltime   ? To::stopped
                   : newton.outcome == From::not_finite ? To::not_finite
                                                        : To::failed;
  report.message = newton.message;
  return report;
}

solve::StageReport AssembledEquations::highest_derivative(double time, const la::Vector& u,
                                                          const la::Vector& rate, bool lumped,
                                                          const la::Vector& result) {
  const int order = this->order();
  stage_ = {};
  stage_.time = time;
  if (order == 2) stage_.rate_offset = rate;
  if (!lumped && fixed_changes_) {
    // The known derivatives of prescribed unknowns act on their neighbours through the mass matrix.
    const la::Vector known = la::make_vector("ritz::run::prescribed_rate", layout_.n_owned);
    prescribe(time, order, known);
    (order == 2 ? stage_.second_offset : stage_.rate_offset) = known;
  }
  const la::Vector& r = result;  // first the residual, then what follows from it
  const std::string bad = residual(u, r);
  if (!bad.empty()) return {solve::StageReport::Outcome::not_finite, 0, 0, bad};
  if (!lumped) {
    const solve::StageReport report = consistent_derivative(r, result);
    if (!report.solved()) return report;
  } else {
    const int which = order - 1;
    const bool changes = assembler_.traits().jacobian_depends_on_state ||
                         assembler_.traits().jacobian_depends_on_time;
    if (!mass_is_known_[which] || changes) {
      if (!mass_[which].data())
        mass_[which] = la::make_vector("ritz::run::lumped_mass", layout_.n_owned);
      const std::string bad_mass =
          not_finite_text(assembler_.lumped_mass({time, u_, rate_, second_}, order, mass_[which]));
      if (!bad_mass.empty()) {
        return {solve::StageReport::Outcome::not_finite, 0, 0, bad_mass};
      }
      int n_bad = 0;
      for (LocalId i = 0; i < layout_.n_owned; ++i) {
        if (!is_fixed(i) && !(mass_[which](static_cast<std::size_t>(i)) > 0)) ++n_bad;
      }
      if (communicator().any(n_bad > 0)) {
        throw base::Error(
            base::ExitCode::deck,
            fmt::format("time.method = \"{}\" needs a positive lumped mass for every unknown: each "
                        "equation its time derivative, and elements that can be lumped (line, "
                        "quad, hex, or degree 1 on tri and tet); use an implicit method",
                        order == 2 ? "leapfrog" : "rk4"));
      }
      mass_is_known_[which] = true;
    }
    const la::Vector mass = mass_[which];
    Kokkos::parallel_for(
        "ritz::run::divide", Kokkos::RangePolicy<device::ExecutionSpace>(0, r.extent(0)),
        KOKKOS_LAMBDA(const std::size_t i) { result(i) = mass(i) > 0 ? -r(i) / mass(i) : 0.0; });
  }
  prescribe(time, order, result);
  return {};
}

/// M x = -r, where M, the matrix of the highest derivative, is the difference of two Jacobians;
/// zero rows of M (algebraic equations, prescribed unknowns) leave 0.
solve::StageReport AssembledEquations::consistent_derivative(const la::Vector& r,
                                                             const la::Vector& result) {
  const int order = this->order();
  const assembly::SystemAssembler::State state{stage_.time, u_, rate_, second_};
  if (free_) {
    // Every unknown has its derivative in time where there is no matrix.
    const auto mass = free_->mass(state, order, assembler_.is_fixed());
    la::System system;
    system.op = mass.get();
    system.rhs = la::make_vector("ritz::run::derivative_rhs", layout_.n_owned);
    for (LocalId i = 0; i < layout_.n_owned; ++i)
      system.rhs(static_cast<std::size_t>(i)) = is_fixed(i) ? 0.0 : -r(static_cast<std::size_t>(i));
    deck::SolverOptions options;
    options.method = "cg";
    options.preconditioner = "jacobi";
    return solve_mass(system, result, options);
  }
  const device::View<double*> without(
      Kokkos::view_alloc("ritz::run::stiffness", Kokkos::WithoutInitializing),
      rows_.values.extent(0));
  has_matrix_ = false;
  counts_.jacobians += 2;
  std::string bad = not_finite_text(assembler_.jacobian(state, 0, 0, without));
  if (bad.empty()) {
    bad = not_finite_text(
        assembler_.jacobian(state, order == 1 ? 1 : 0, order == 2 ? 1 : 0, rows_.values));
  }
  if (!bad.empty()) return {solve::StageReport::Outcome::not_finite, 0, 0, bad};
  const la::Vector rhs = la::make_vector("ritz::run::derivative_rhs", layout_.n_owned);
  const auto values = rows_.values;
  const la::CsrPattern pattern = rows_.pattern;
  for (LocalId i = 0; i < layout_.n_owned; ++i) {
    const auto row = static_cast<std::size_t>(i);
    double largest = 0;
    std::size_t diagonal = pattern.row_offsets(row);
    for (std::size_t k = pattern.row_offsets(row); k < pattern.row_offsets(row + 1); ++k) {
      if (pattern.columns(k) == i) diagonal = k;
      const double difference = values(k) - without(k);
      // What is left of numbers that should cancel.
      const double noise = 1e-14 * (std::abs(values(k)) + std::abs(without(k)));
      values(k) = std::abs(difference) > noise ? difference : 0.0;
      largest = std::max(largest, std::abs(values(k)));
    }
    rhs(row) = largest > 0 ? -r(row) : 0.0;
    if (largest == 0) values(diagonal) = 1.0;
  }
  matrix_->values_changed();
  reuse_->forget("the mass matrix took its place");
  la::System system;
  system.op = &*matrix_;
  system.rhs = rhs;
  return solve_mass(system, result, parts_.problem.solver);
}

solve::StageReport AssembledEquations::solve_mass(const la::System& mass, const la::Vector& result,
                                                  deck::SolverOptions options) {
  la::System system = mass;
  system.symmetric = symmetric_;
  options.tolerance = std::min(options.tolerance, 1e-10);
  solve::Context context = context_;
  context.reuse = nullptr;
  la::fill(result, 0.0);
  const solve::Report report = solve::solve(system, result, options, context);
  solve::StageReport stage;
  stage.linear_iterations = report.last().iterations;
  if (!report.converged()) {
    stage.outcome = solve::StageReport::Outcome::failed;
    stage.message = "the first time derivative: " + report.failure_text();
  }
  return stage;
}

std::vector<std::vector<double>> AssembledEquations::components(const la::Vector& u) const {
  const auto m = static_cast<std::size_t>(n_components_);
  const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), u);
  std::vector<double> all(u_.size(), 0.0);
  std::copy_n(host.data(), static_cast<std::size_t>(layout_.n_owned), all.begin());
  parts_.space.plan.to_ghosts(std::span(all), n_components_);
  std::vector<std::vector<double>> result(m, std::vector<double>(all.size() / m));
  for (std::size_t i = 0; i < all.size(); ++i) result[i % m][i / m] = all[i];
  return result;
}

}  // namespace ritz::run
