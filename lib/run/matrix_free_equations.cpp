#include "matrix_free_equations.hpp"

#include <algorithm>
#include <cmath>

#include "points.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/matrix_free.hpp"
#include "ritz/run/system_form.hpp"
#include "unknown_places.hpp"

namespace ritz::run {

MatrixFreeEquations::MatrixFreeEquations(const Parts& parts)
    : parts_(parts),
      depends_(time_dependence(parts.form)),
      reuse_(std::make_shared<solve::Reuse>()) {
  const mesh::Mesh& mesh = parts.meshes.finest();
  rhs_ = la::make_vector("ritz::run::step_rhs", parts.space.n_owned);
  work_ = la::make_vector("ritz::run::step_work", parts.space.n_owned);
  const auto n = static_cast<std::size_t>(parts.space.n_local());
  free_.is_fixed.assign(n, 0);
  free_.value.assign(n, 0.0);
  fixed_changes_ = time_dependence(prescribing_form(parts.system, 0, 0)).load;
  for (int order = 1; order <= parts.order; ++order) {
    const physics::Form mass = mass_form(parts.problem, parts.form, mesh.region_names, order);
    depends_.matrix = depends_.matrix || time_dependence(mass).matrix;
    const bool occurs = std::any_of(mass.regions.begin(), mass.regions.end(),
                                    [](const physics::RegionForm& r) { return r.has_reaction; });
    if (order == 1) has_damping_ = occurs;
  }
  depends_.load = depends_.load || depends_.matrix;
  context_.seconds_left = parts.seconds_left;
  context_.cell_type = mesh::table(mesh.cell_type).name;
  context_.degree = parts.space.element.degree();
  context_.dimension = mesh.dimension();
  context_.memory_bytes = parts.problem.limits.memory_bytes;
  context_.reuse = reuse_;
  context_.quiet = true;
  context_.place = UnknownPlaces(mesh, parts.space);
}

const comm::Communicator& MatrixFreeEquations::communicator() const {
  return parts_.space.communicator;
}

const fem::Constraints& MatrixFreeEquations::prescribed(double time, int derivative) {
  fem::Constraints& fixed = fixed_[derivative];
  if (fixed_known_[derivative] && (!fixed_changes_ || fixed_time_[derivative] == time))
    return fixed;
  const bool is_first = !fixed_known_[0];
  assembly::FixedValues values = assembly::fixed_values(
      parts_.meshes.finest(), parts_.space, prescribing_form(parts_.system, 0, derivative), time);
  if (is_first && derivative == 0 && values.n_clashes > 0) {
    parts_.remark(clash_text(values.n_clashes, values.clash_difference, values.clash_at,
                             parts_.meshes.finest().dimension()));
  }
  fixed = std::move(values.constraints);
  if (is_first && derivative == 0) {
    for (LocalId i = 0; i < parts_.space.n_owned; ++i)
      if (fixed.is_fixed[static_cast<std::size_t>(i)]) fixed_dofs_.push_back(i);
  }
  fixed_known_[derivative] = true;
  fixed_time_[derivative] = time;
  return fixed;
}

void MatrixFreeEquations::prescribe(double time, int derivative, const la::Vector& u) {
  if (!fixed_known_[0]) static_cast<void>(prescribed(time, 0));
  const fem::Constraints& fixed = prescribed(time, derivative);
  for (const LocalId i : fixed_dofs_) {
    const auto at = static_cast<std::size_t>(i);
    u(at) = fixed.value[at];
  }
}

bool MatrixFreeEquations::fits(const Made& made, double time, double rate_shift,
                               double second_shift) const {
  // Equal steps have shifts that differ in their last digits, far below the solver's tolerance.
  const auto same = [](double a, double b) { return std::abs(a - b) <= 1e-11 * std::abs(a); };
  return made.op && same(made.rate_shift, rate_shift) && same(made.second_shift, second_shift) &&
         (!depends_.matrix || made.time == time);
}

void MatrixFreeEquations::make(Made& made, double time, double rate_shift, double second_shift,
                               const fem::Constraints& fixed) {
  const perf::Stage stage(parts_.recorder, "operator");
  const mesh::Mesh& mesh = parts_.meshes.finest();
  made.op = nullptr;
  made.form =
      shifted_form(parts_.problem, parts_.form, mesh.region_names, rate_shift, second_shift);
  assembly::CellOperator<double> cells(mesh, parts_.space, fixed, made.form, time);
  if (text_.empty()) text_ = cells.cells().text(communicator());
  made.op = make_operator(parts_.space, std::move(cells));
  made.time = time;
  made.rate_shift = rate_shift;
  made.second_shift = second_shift;
  ++counts_.operators;
}

const la::HookedOperator& MatrixFreeEquations::mass(int order, double time) {
  Made& made = mass_[order - 1];
  if (made.op && (!depends_.matrix || made.time == time)) return *made.op;
  const perf::Stage stage(parts_.recorder, "operator");
  const mesh::Mesh& mesh = parts_.meshes.finest();
  // What was lumped is another one's, even if the new one gets the old one's address.
  if (order == parts_.order) lumped_is_known_ = false;
  made.form = mass_form(parts_.problem, parts_.form, mesh.region_names, order);
  assembly::CellOperator<double> cells(mesh, parts_.space, free_, made.form, time);
  const auto mine = cells.cells();
  mass_is_plain_[order - 1] =
      communicator().all(mine.cartesian + mine.affine == mesh.n_cells_owned);
  made.op = make_operator(parts_.space, std::move(cells));
  made.time = time;
  ++counts_.operators;
  return *made.op;
}

/// load_ = f and what boundaries and prescribed values move to the right, for this operator.
void MatrixFreeEquations::load(const Made& made, double time) {
  if (load_of_ == made.op.get() && (!depends_.load || load_time_ == time)) return;
  const perf::Stage stage(parts_.recorder, "load");
  if (!load_.data()) load_ = la::make_vector("ritz::run::load", parts_.space.n_owned);
  assembly::cell_load(parts_.meshes.finest(), parts_.space, prescribed(time, 0), made.form, time,
                      load_);
  load_of_ = made.op.get();
  load_time_ = time;
  load_is_zero_ = la::norm_max(communicator(), load_) == 0;
  ++counts_.loads;
}

/// The operator of implicit steps, with its multigrid.
void MatrixFreeEquations::make_stage(double time, double rate_shift, double second_shift) {
  load_of_ = nullptr;
  make(stage_, time, rate_shift, second_shift, prescribed(time, 0));
  offer_multigrid(context_, parts_.meshes, parts_.space, stage_.form, parts_.problem.solver, time);
}

void MatrixFreeEquations::save(solve::SavedState& state) const {
  state.add("operator.is_made", stage_.op ? 1.0 : 0.0);
  state.add("operator.time", stage_.time);
  state.add("operator.rate_shift", stage_.rate_shift);
  state.add("operator.second_shift", stage_.second_shift);
}

void MatrixFreeEquations::restore(const solve::SavedState& state) {
  // Steps of nearly the same length share an operator: that of the first. The preconditioner, which
  // goes with it, is made by the next solve.
  if (state.has_number(solve::SavedState::solver_changed) ||
      !state.has_number("operator.is_made") || state.number("operator.is_made") == 0) {
    return;
  }
  make_stage(state.number("operator.time"), state.number("operator.rate_shift"),
             state.number("operator.second_shift"));
}

void MatrixFreeEquations::take_directions(const solve::Directions& directions) {
  // Below, the products cost more than the iterations they save (docs/performance.md, M12).
  constexpr int least_degree = 4;
  if (parts_.problem.space.degree >= least_degree) directions_ = directions;
}

solve::StageReport MatrixFreeEquations::solve(const Stage& stage, const la::Vector& u) {
  if (!fits(stage_, stage.time, stage.rate_shift, stage.second_shift)) {
    reuse_->forget(!stage_.op        ? "first"
                   : depends_.matrix ? "coefficients changed with time"
                                     : "another step length");
    make_stage(stage.time, stage.rate_shift, stage.second_shift);
  }
  load(stage_, stage.time);
  {
    // b - M h; rows of prescribed unknowns hold their values.
    const perf::Stage timed(parts_.recorder, "history");
    la::copy(load_, rhs_);
    const auto subtract = [&](int order, const la::Vector& offset) {
      if (!offset.data() || offset.extent(0) == 0) return;
      mass(order, stage.time).apply(offset, work_);
      la::axpby(-1.0, work_, 1.0, rhs_);
    };
    if (parts_.order == 1 || has_damping_) subtract(1, stage.rate_offset);
    subtract(2, stage.second_offset);
    prescribe(stage.time, 0, rhs_);
    prescribe(stage.time, 0, u);
  }
  if (communicator().any(directions_[0].extent(0) > 0)) {
    const perf::Stage timed(parts_.recorder, "guess");
    for (const la::Vector& direction : directions_) {
      if (direction.extent(0) == 0) continue;
      for (const LocalId i : fixed_dofs_) direction(static_cast<std::size_t>(i)) = 0;
    }
    solve::move_guess(*stage_.op, rhs_, u, directions_, work_);
    directions_ = {};
  }
  const perf::Stage timed(parts_.recorder, "linear");
  la::System system;
  system.op = stage_.op.get();
  system.rhs = rhs_;
  system.symmetric = true;
  const solve::Report report = solve::solve(system, u, parts_.problem.solver, context_);
  ++counts_.linear_solves;
  counts_.linear_iterations += report.last().iterations;
  solver_text_ = fmt::format("{}+{}", report.last().method, report.last().preconditioner);
  for (const std::string& note : report.notes) parts_.remark(note);
  using To = solve::StageReport::Outcome;
  solve::StageReport result;
  result.linear_iterations = report.last().iterations;
  if (!report.converged()) {
    result.outcome = report.status == solve::Status::walltime ? To::stopped
                     : report.status == solve::Status::nan    ? To::not_finite
                                                              : To::failed;
    result.message = report.failure_text();
  }
  return result;
}

/// The operator without the terms in time.
void MatrixFreeEquations::make_stiffness(double time) {
  if (fits(stiffness_, time, 0, 0)) return;
  if (load_of_ == stiffness_.op.get()) load_of_ = nullptr;
  make(stiffness_, time, 0, 0, prescribed(time, 0));
}

/// Row sums of the mass matrix of the highest derivative.
const la::Vector& MatrixFreeEquations::lumped_mass(double time) {
  const la::HookedOperator& all = mass(parts_.order, time);
  if (lumped_is_known_) return lumped_;
  if (!lumped_.data()) lumped_ = la::make_vector("ritz::run::lumped_mass", parts_.space.n_owned);
  inverse_is_known_ = false;
  la::fill(work_, 1.0);
  all.apply(work_, lumped_);
  lumped_is_known_ = true;
  return lumped_;
}

bool MatrixFreeEquations::has_sweep() {
  return parts_.order == 2 && !has_damping_;
}

void MatrixFreeEquations::sweep(double time, const la::Vector& u, const Hook& before,
                                const la::Vector& result) {
  make_stiffness(time);
  load(stiffness_, time);
  static_cast<void>(prescribed(time, 0));
  static_cast<void>(prescribed(time, 2));
  const la::Vector& lumped = lumped_mass(time);
  const bool is_first = !inverse_is_known_;
  if (is_first) {
    if (!inverse_lumped_.data())
      inverse_lumped_ = la::make_vector("ritz::run::inverse_mass", parts_.space.n_owned);
    for (std::size_t i = 0; i < lumped.extent(0); ++i) inverse_lumped_(i) = 1 / lumped(i);
    // Values that rest have no acceleration: their rows hold the unknown itself.
    if (!fixed_changes_)
      for (const LocalId i : fixed_dofs_) inverse_lumped_(static_cast<std::size_t>(i)) = 0;
    inverse_is_known_ = true;
  }
  const perf::Stage stage(parts_.recorder, "sweep");
  const double *const f = load_.data(), *const inverse = inverse_lumped_.data();
  double* const a = result.data();
  const bool has_load = !load_is_zero_;
  stiffness_.op->apply_with(u, result, before, [=](LocalId begin, LocalId end) {
    if (has_load) {
#pragma omp simd
      for (LocalId i = begin; i < end; ++i) a[i] = inverse[i] * (f[i] - a[i]);
    } else {
#pragma omp simd
      for (LocalId i = begin; i < end; ++i) a[i] = -inverse[i] * a[i];
    }
  });
  // Without acceleration they have no velocity either, and u keeps them to the bit.
  if (!fixed_changes_ && !is_first) return;
  prescribe(time, 0, u);
  prescribe(time, 2, result);
}

solve::StageReport MatrixFreeEquations::highest_derivative(double time, const la::Vector& u,
                                                           const la::Vector& rate, bool lumped,
                                                           const la::Vector& result) {
  const int order = parts_.order;
  make_stiffness(time);
  // f - L u - C v.
  load(stiffness_, time);
  stiffness_.op->apply(u, rhs_);
  la::axpby(1.0, load_, -1.0, rhs_);
  if (order == 2 && has_damping_) {
    mass(1, time).apply(rate, work_);
    la::axpby(-1.0, work_, 1.0, rhs_);
  }
  if (lumped) {
    const la::Vector mass = lumped_mass(time), r = rhs_;
    Kokkos::parallel_for(
        "ritz::run::divide", Kokkos::RangePolicy<device::ExecutionSpace>(0, r.extent(0)),
        KOKKOS_LAMBDA(const std::size_t i) { result(i) = r(i) / mass(i); });
    prescribe(time, order, result);
    return {};
  }
  // M_ff x_f = r_f - M_fp x_p with the prescribed x_p.
  const la::HookedOperator& all = mass(order, time);
  const fem::Constraints& fixed = prescribed(time, order);
  la::fill(result, 0.0);
  prescribe(time, order, result);
  all.apply(result, work_);
  la::axpby(-1.0, work_, 1.0, rhs_);
  prescribe(time, order, rhs_);
  const mesh::Mesh& mesh = parts_.meshes.finest();
  const auto constrained = make_operator(
      parts_.space,
      assembly::CellOperator<double>(mesh, parts_.space, fixed, mass_[order - 1].form, time));
  la::System system;
  system.op = constrained.get();
  system.rhs = rhs_;
  deck::SolverOptions options;
  options.method = "cg";
  options.preconditioner = "jacobi";
  options.tolerance = 1e-12;
  solve::Context context = context_;
  context.reuse = nullptr;
  const solve::Report report = solve::solve(system, result, options, context);
  solve::StageReport stage;
  stage.linear_iterations = report.last().iterations;
  if (!report.converged()) {
    stage.outcome = solve::StageReport::Outcome::failed;
    stage.message = "the first time derivative: " + report.failure_text();
  }
  return stage;
}

bool MatrixFreeEquations::can_lump() {
  static_cast<void>(mass(parts_.order, parts_.problem.time->start));
  return mass_is_plain_[parts_.order - 1];
}

}  // namespace ritz::run
