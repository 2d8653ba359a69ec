#include "assembled_equations.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "points.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/system_form.hpp"

namespace ritz::run {

namespace {

/// Of what is stored of the preconditioner of a group.
std::string preconditioner_name(std::size_t group) {
  return group == 0 ? "preconditioner." : fmt::format("preconditioner.{}.", group);
}

/// Neither on time nor on unknowns.
bool depends_on_place_alone(const expr::Expression& e) {
  const auto& variables = e.variables();
  for (std::size_t v = 3; v < variables.size(); ++v) {
    if (e.depends_on(variables[v])) return false;
  }
  return true;
}

/// The first rank that has something to say says it to all.
std::string first_text(const comm::Communicator& communicator, std::string mine) {
  const int first =
      communicator.min<std::int32_t>(mine.empty() ? communicator.size() : communicator.rank());
  if (first == communicator.size()) return {};
  communicator.broadcast(mine, first);
  return mine;
}

/// True for as long as it lives.
class Flag {
 public:
  explicit Flag(bool& flag) : flag_(flag) { flag_ = true; }
  ~Flag() { flag_ = false; }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;

 private:
  bool& flag_;
};

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
      if (entry.is_of_rate(parts.form.dimension))
        is_differential_[static_cast<std::size_t>(entry.trial)] = true;
      if (entry.trial_slot == parts.form.dimension + order && entry.test == entry.trial &&
          entry.test_slot == 0)
        mass_changes_ = mass_changes_ || !depends_on_place_alone(entry.value);
    }
  }
  if (parts.explicit_form != nullptr) {
    assembly::SystemAssembler::Options options;
    options.residual_only = true;
    explicit_.emplace(parts.mesh, parts.space, *parts.explicit_form, options);
  }
  if (assembly::SystemResidual::supports(parts.mesh) && !parts.form.has_curvature &&
      parts.problem.solver.operator_kind != "assembled") {
    cells_.emplace(parts.mesh, parts.space, parts.form, assembler_.is_fixed());
    if (explicit_)
      explicit_cells_.emplace(parts.mesh, parts.space, *parts.explicit_form, explicit_->is_fixed());
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
  context_.seconds_left = parts.seconds_left;
  context_.quiet = parts.problem.time.has_value();
  context_.n_components = n_components_;
  context_.progress = parts.progress;
  context_.indefinite = parts.problem.equation.kind == deck::EquationKind::helmholtz;
  context_.place = [this](LocalId unknown) { return places_(unknown / n_components_); };
  const deck::EquationKind kind = parts.problem.equation.kind;
  if (kind == deck::EquationKind::elasticity)
    context_.near_null_space = rigid_body_motions(parts.mesh, parts.space);
  if (parts.look) {
    context_.look = [this](const solve::Context::Moment& moment) { return parts_.look(&moment); };
  }
  if (parts.meshes) {
    make_operator(*parts.meshes);
  } else {
    make_matrix();
  }
  if (kind == deck::EquationKind::thermo_elasticity) {
    std::vector<std::vector<int>> groups = one_way_groups(parts.form);
    // The displacements may not need each other, as in one dimension.
    const bool is_usual = groups.size() == 2 && groups[0] == std::vector<int>{0};
    if (groups.size() > 1) {
      one_way_ = std::make_unique<OneWaySolver>(
          parts.form, std::move(groups), layout_, rows_, parts.space.plan, context_,
          is_usual ? rigid_body_motions(parts.mesh, parts.space) : std::vector<la::Vector>{},
          is_usual ? 1 : -1);
    }
  }
  made_from_.resize(one_way_ ? static_cast<std::size_t>(one_way_->n_groups()) : 1);
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

void AssembledEquations::drop_operator() {
  free_.reset();
  context_.multigrid = nullptr;
  linear_.method = parts_.problem.solver.method;
  linear_.preconditioner = parts_.problem.solver.preconditioner;
  reuse_->forget("the matrix took over");
  make_matrix();
  has_matrix_ = false;
}

/// The matrix from here on, at this state. Collective.
std::string AssembledEquations::give_up_operator(const solve::Report& report, const la::Vector& u) {
  parts_.remark(
      fmt::format("the matrix-free solver ended with {} ({}): assembling the matrix for another "
                  "preconditioner",
                  solve::name(report.status), report.last().message));
  drop_operator();
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

/// The residual at the state at hand, or where it is not finite. Collective.
std::string AssembledEquations::evaluate(const assembly::SystemAssembler& dense,
                                         std::optional<assembly::SystemResidual>& cells,
                                         const la::Vector& r) {
  const assembly::SystemAssembler::State state{stage_.time, u_, rate_, second_};
  if (cells && communicator().all(cells->residual(state, r))) return {};
  return not_finite_text(dense.residual(state, r));
}

std::string AssembledEquations::residual(const la::Vector& u, const la::Vector& r) {
  const perf::Stage stage(parts_.recorder, "residual");
  update_state(u);
  ++counts_.residuals;
  const std::string bad = evaluate(assembler_, cells_, r);
  if (stage_.load.data() != nullptr) la::axpby(1.0, stage_.load, 1.0, r);
  if (settling_) {
    for (LocalId i = 0; i < layout_.n_owned; ++i) {
      if (!is_settled(i)) r(static_cast<std::size_t>(i)) = 0.0;
    }
  }
  // Round-off and the quadrature's errors, which no solution could take away.
  la::remove(communicator(), kernel_.left, kernel_.left, r);
  return bad;
}

/// Whether settle() solves for this one.
bool AssembledEquations::is_settled(LocalId unknown) const {
  return !is_differential_[static_cast<std::size_t>(unknown % n_components_)] && !is_fixed(unknown);
}

/// Rows of unknowns that stay become those of the identity.
void AssembledEquations::keep_differential_rows() {
  const la::CsrPattern& pattern = rows_.pattern;
  for (LocalId i = 0; i < layout_.n_owned; ++i) {
    if (!is_differential_[static_cast<std::size_t>(i % n_components_)]) continue;
    const auto row = static_cast<std::size_t>(i);
    for (std::size_t k = pattern.row_offsets(row); k < pattern.row_offsets(row + 1); ++k)
      rows_.values(k) = pattern.columns(k) == i ? 1.0 : 0.0;
  }
}

solve::StageReport AssembledEquations::settle(double time, const la::Vector& u) {
  solve::StageReport report;
  // Every unknown has its derivative in time where there is no matrix.
  const bool has_others =
      std::find(is_differential_.begin(), is_differential_.end(), false) != is_differential_.end();
  if (free_ || !has_others) return report;
  const la::Vector first = la::make_vector("ritz::run::first_guess", layout_.n_owned);
  const la::Vector r = la::make_vector("ritz::run::settled_residual", layout_.n_owned);
  la::copy(u, first);
  stage_ = {};
  stage_.time = time;
  settling_ = true;
  has_matrix_ = false;
  const bool was_symmetric = symmetric_;
  symmetric_ = false;
  solve::NewtonOptions options = newton_options();
  // What the equations balance, as their size without the unknowns that are looked for.
  for (LocalId i = 0; i < layout_.n_owned; ++i) {
    if (is_settled(i)) u(static_cast<std::size_t>(i)) = 0.0;
  }
  std::string bad = residual(u, r);
  la::copy(first, u);
  if (bad.empty()) {
    options.scale = la::norm2(communicator(), r);
    const solve::NewtonReport newton = newton_.solve(u, options);
    report.newton_iterations = newton.iterations;
    report.linear_iterations = newton.linear_iterations;
    if (newton.outcome == solve::NewtonReport::Outcome::walltime)
      report = {solve::StageReport::Outcome::stopped, 0, 0, newton.message};
    if (!newton.converged()) bad = newton.message;
  }
  settling_ = false;
  has_matrix_ = false;
  symmetric_ = was_symmetric;
  reuse_->forget("the equations without derivatives in time came first");
  if (!bad.empty()) {
    la::copy(first, u);
    if (report.solved()) {
      parts_.remark(
          "the unknowns without a derivative in time could not be made to fit the others at the "
          "start (" +
          bad + "): the first results show them as [initial] gives them");
    }
  }
  return report;
}

std::string AssembledEquations::implicit_part(double time, const la::Vector& u,
                                              const la::Vector& result) {
  stage_ = {};
  stage_.time = time;
  return residual(u, result);
}

std::string AssembledEquations::explicit_part(double time, const la::Vector& u,
                                              const la::Vector& result) {
  if (!explicit_) return SemiDiscrete::explicit_part(time, u, result);
  const perf::Stage stage(parts_.recorder, "explicit");
  stage_ = {};
  stage_.time = time;
  update_state(u);
  ++counts_.explicit_parts;
  return evaluate(*explicit_, explicit_cells_, result);
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
  if (settling_) keep_differential_rows();
  if (matrix_) matrix_->values_changed();
  reuse_->operator_changed();
  if (one_way_) one_way_->values_changed();
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
  la::fill(d, 0.0);
  const SteadyStart* const start = std::exchange(start_, nullptr);
  const bool has_guess = start && start->correction.data();
  if (has_guess) la::copy(start->correction, d);
  const Flag in_solve(in_linear_solve_);
  if (one_way_) return correct_one_way(r, d, has_guess);
  if (has_guess) context_.continued = start->linear;
  la::System system;
  solve::Report report;
  const int n_built = reuse_->n_built();
  while (true) {
    system = linear_system(r);
    system.constant_null_space = kernel_.empty() && has_constant_kernel();
    report = solve::solve(system, d, linear_, context_);
    context_.continued.reset();
    ++counts_.linear_solves;
    result.iterations += report.last().iterations;
    // Near round-off the matrix would do no better.
    const bool is_close =
        report.status == solve::Status::loss_of_accuracy && report.true_residual <= 1e-3;
    if (free_ && parts_.may_assemble && !report.converged() && !is_close &&
        report.status != solve::Status::walltime && report.status != solve::Status::nan) {
      bad = give_up_operator(report, u);
      la::fill(d, 0.0);
      if (bad.empty()) continue;
      result.useful = false;
      result.message = bad;
      return result;
    }
    if (report.status != solve::Status::indefinite || !symmetric_) break;
    symmetric_ = false;
    la::fill(d, 0.0);
    reuse_->forget("the matrix is not positive definite");
    parts_.remark(
        "the linearised equations are symmetric but not positive definite: solved like "
        "unsymmetric ones from here on");
  }
  if (reuse_->n_built() > n_built) note_preconditioner(0);
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

/// Whether nothing fixes the level of the one unknown at this state: J 1 = 0. Collective.
bool AssembledEquations::has_constant_kernel() const {
  if (n_components_ > 1 || parts_.problem.time || fixed_.n_fixed > 0 || !matrix_) return false;
  const la::Vector ones = la::make_vector("ritz::run::ones", layout_.n_owned);
  const la::Vector sums = la::make_vector("ritz::run::row_sums", layout_.n_owned);
  const la::Vector diagonal = la::make_vector("ritz::run::diagonal", layout_.n_owned);
  la::fill(ones, 1.0);
  matrix_->apply(ones, sums);
  matrix_->diagonal(diagonal);
  const comm::Communicator& all = communicator();
  return la::norm_max(all, sums) <= 1e-12 * la::norm_max(all, diagonal);
}

/// The matrix at hand is what the group's preconditioner was made from.
void AssembledEquations::note_preconditioner(std::size_t group) {
  MadeFrom& from = made_from_[group];
  from.time = matrix_time_;
  from.rate_shift = matrix_rate_shift_;
  from.second_shift = matrix_second_shift_;
  const bool is_saved = parts_.problem.time || parts_.problem.checkpoint.write;
  if (!is_saved || !assembler_.traits().jacobian_depends_on_state) return;
  const auto keep = [&](const std::vector<double>& values, la::Vector& to) {
    // Always a new one: a saved state may still hold the old.
    to = la::make_vector("ritz::run::made_from", layout_.n_owned);
    std::copy_n(values.data(), layout_.n_owned, to.data());
  };
  // By the equations, not by what is there: a rank may have no unknowns.
  keep(u_, from.u);
  if (order() >= 1) keep(rate_, from.rate);
  if (order() >= 2) keep(second_, from.second);
}

void AssembledEquations::save(solve::SavedState& state) const {
  state.add("equations.symmetric", symmetric_ ? 1.0 : 0.0);
  state.add("equations.is_assembled", free_ ? 0.0 : 1.0);
  state.add("equations.has_matrix", has_matrix_ ? 1.0 : 0.0);
  save_levels(state);
  state.add("equations.matrix_time", matrix_time_);
  state.add("equations.matrix_rate_shift", matrix_rate_shift_);
  state.add("equations.matrix_second_shift", matrix_second_shift_);
  // The goal of Newton's method follows from the mass of the first step.
  for (int i = 0; i < 2; ++i) {
    if (mass_is_known_[i]) state.add(fmt::format("equations.mass_{}", i + 1), mass_[i]);
    state.add(fmt::format("equations.mass_{}_is_known", i + 1), mass_is_known_[i] ? 1.0 : 0.0);
  }
  for (std::size_t group = 0; group < made_from_.size(); ++group) save_preconditioner(state, group);
}

void AssembledEquations::save_preconditioner(solve::SavedState& state, std::size_t group) const {
  const std::string name = preconditioner_name(group);
  const int g = static_cast<int>(group);
  if (one_way_) state.add(name + "symmetric", one_way_->is_symmetric(g) ? 1.0 : 0.0);
  // That of a solve under way is not at hand.
  std::optional<solve::Reuse::Age> age;
  if (!in_linear_solve_) age = one_way_ ? one_way_->reuse(g).age() : reuse_->age();
  state.add(name + "kind", age ? age->kind : std::string("none made"));
  if (!age) return;
  const MadeFrom& from = made_from_[group];
  state.add(name + "fresh_rate", age->fresh_rate);
  state.add(name + "is_current", age->is_current ? 1.0 : 0.0);
  state.add(name + "time", from.time);
  state.add(name + "rate_shift", from.rate_shift);
  state.add(name + "second_shift", from.second_shift);
  if (!assembler_.traits().jacobian_depends_on_state) return;
  state.add(name + "u", from.u);
  if (order() >= 1) state.add(name + "rate", from.rate);
  if (order() >= 2) state.add(name + "second_rate", from.second);
}

/// The Jacobian of that moment into the matrix.
void AssembledEquations::assemble_at(const MadeFrom& from) {
  stage_ = {};
  stage_.time = from.time;
  stage_.rate_shift = from.rate_shift;
  stage_.second_shift = from.second_shift;
  const auto take = [&](const la::Vector& of, std::vector<double>& to) {
    if (to.empty()) return;
    std::fill(to.begin(), to.end(), 0.0);
    if (of.data()) std::copy_n(of.data(), layout_.n_owned, to.data());
    parts_.space.plan.to_ghosts(std::span(to), n_components_);
  };
  take(from.u, u_);
  take(from.rate, rate_);
  take(from.second, second_);
  const assembly::SystemAssembler::State state{from.time, u_, rate_, second_};
  const std::string bad = not_finite_text(
      free_ ? free_->update(state, from.rate_shift, from.second_shift)
            : assembler_.jacobian(state, from.rate_shift, from.second_shift, rows_.values));
  if (!bad.empty()) throw base::Error(base::ExitCode::not_finite, "resumed: " + bad);
  if (matrix_) matrix_->values_changed();
  has_matrix_ = true;
  matrix_time_ = from.time;
  matrix_rate_shift_ = from.rate_shift;
  matrix_second_shift_ = from.second_shift;
}

void AssembledEquations::restore(const solve::SavedState& state) {
  if (state.has_number(solve::SavedState::solver_changed) ||
      !state.has_number("equations.symmetric")) {
    return;  // the saved ones belong to another solver
  }
  const perf::Stage stage(parts_.recorder, "restore");
  symmetric_ = state.number("equations.symmetric") != 0;
  if (free_ && state.number("equations.is_assembled") != 0) drop_operator();
  restore_levels(state);
  for (int i = 0; i < 2; ++i) {
    mass_is_known_[i] = state.number(fmt::format("equations.mass_{}_is_known", i + 1)) != 0;
    if (!mass_is_known_[i]) continue;
    mass_[i] = la::make_vector("ritz::run::lumped_mass", layout_.n_owned);
    la::copy(state.vector(fmt::format("equations.mass_{}", i + 1)), mass_[i]);
  }
  for (std::size_t group = 0; group < made_from_.size(); ++group)
    restore_preconditioner(state, group);
  // The matrix itself may be a later one.
  const MadeFrom matrix{state.number("equations.matrix_time"),
                        state.number("equations.matrix_rate_shift"),
                        state.number("equations.matrix_second_shift"),
                        {},
                        {},
                        {}};
  has_matrix_ = false;
  if (state.number("equations.has_matrix") == 0 || assembler_.traits().jacobian_depends_on_state) {
    if (one_way_) one_way_->values_changed();
    return;
  }
  assemble_at(matrix);
  if (one_way_) one_way_->restore_values();
}

void AssembledEquations::restore_preconditioner(const solve::SavedState& state, std::size_t group) {
  const std::string name = preconditioner_name(group);
  const int g = static_cast<int>(group);
  if (one_way_) {
    // Checkpoints of before have nothing of groups.
    if (!state.has_number(name + "symmetric")) return;
    one_way_->set_symmetric(g, state.number(name + "symmetric") != 0);
  }
  const std::string& kind = state.text(name + "kind");
  if (kind == "none made") return;
  MadeFrom& from = made_from_[group];
  from.time = state.number(name + "time");
  from.rate_shift = state.number(name + "rate_shift");
  from.second_shift = state.number(name + "second_shift");
  if (assembler_.traits().jacobian_depends_on_state) {
    const auto take = [&](const char* field, la::Vector& to) {
      to = la::make_vector("ritz::run::made_from", layout_.n_owned);
      la::copy(state.vector(name + field), to);
    };
    take("u", from.u);
    if (order() >= 1) take("rate", from.rate);
    if (order() >= 2) take("second_rate", from.second);
  }
  assemble_at(from);
  const solve::Reuse::Age age{kind, state.number(name + "fresh_rate"),
                              state.number(name + "is_current") != 0};
  if (one_way_) {
    one_way_->rebuild(g, linear_, age);
    return;
  }
  solve::rebuild(linear_system(la::make_vector("ritz::run::no_rhs", layout_.n_owned)), linear_,
                 context_, age);
}

/// The same where equations need one another in one direction: one group after the other.
solve::NonlinearProblem::Correction AssembledEquations::correct_one_way(const la::Vector& r,
                                                                        const la::Vector& d,
                                                                        bool has_guess) {
  std::vector<int> n_built;
  for (int g = 0; g < one_way_->n_groups(); ++g) n_built.push_back(one_way_->reuse(g).n_built());
  const OneWaySolver::Outcome outcome = one_way_->solve(r, d, linear_, has_guess);
  for (std::size_t g = 0; g < n_built.size(); ++g) {
    if (one_way_->reuse(static_cast<int>(g)).n_built() > n_built[g]) note_preconditioner(g);
  }
  Correction result;
  result.iterations = outcome.iterations;
  result.residual = outcome.residual;
  result.out_of_time = outcome.status == solve::Status::walltime;
  result.useful = outcome.converged || outcome.residual <= 0.1;
  result.message = outcome.message;
  ++counts_.linear_solves;
  counts_.linear_iterations += outcome.iterations;
  solver_text_ = outcome.solver;
  for (const std::string& note : outcome.notes) parts_.remark(note);
  if (!outcome.converged && result.useful) {
    parts_.remark(fmt::format("a linear system of Newton's method was solved to {:.1e} only ({})",
                              outcome.residual, solve::name(outcome.status)));
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

solve::NewtonReport AssembledEquations::solve_steady(double time, const la::Vector& u,
                                                     const SteadyStart* from) {
  stage_ = {};
  stage_.time = time;
  prescribe(time, 0, u);
  // Of a run that goes on they were saved with it.
  if (from == nullptr) {
    find_levels(u);
    // Another mean would do as well: a nonlinear problem keeps that of its first guess.
    if (!kernel_.empty() && assembler_.traits().is_linear)
      la::remove(communicator(), kernel_.right, kernel_.duals, u);
  }
  solve::NewtonOptions options = newton_options();
  if (from) options.from = &from->newton;
  start_ = from;
  if (parts_.look) options.may_go_on = [this] { return parts_.look(nullptr); };
  solve::NewtonReport report = newton_.solve(u, options);
  tell_round_off(report);
  return report;
}

/// A goal below round-off is told once.
void AssembledEquations::tell_round_off(const solve::NewtonReport& report) {
  if (!report.converged() || report.message.empty() || round_off_is_told_) return;
  round_off_is_told_ = true;
  const bool picard = parts_.problem.nonlinear.method == deck::NonlinearOptions::Method::picard;
  parts_.remark((picard ? "Picard's method: " : "Newton's method: ") + report.message);
}

solve::NewtonOptions AssembledEquations::newton_options() const {
  const deck::NonlinearOptions& from = parts_.problem.nonlinear;
  solve::NewtonOptions options;
  options.is_linear = assembler_.traits().is_linear;
  options.tolerance = options.is_linear ? parts_.problem.solver.tolerance : from.tolerance;
  options.absolute_tolerance = from.absolute_tolerance.value_or(0.0);
  options.max_iterations = from.max_iterations;
  options.is_picard = from.method == deck::NonlinearOptions::Method::picard && !options.is_linear;
  // Picard's corrections promise no fall of the residual.
  options.line_search = from.line_search && !options.is_picard;
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
    if (!mass_is_known_[which] || mass_changes_) {
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
  // That of the highest derivative, which is a mass matrix unless rates are coupled.
  system.symmetric = symmetric_ || n_components_ == 1;
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
