#include "evolved_equations.hpp"

#include <algorithm>
#include <utility>

#include "matrix_free_jacobian.hpp"
#include "points.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/registry.hpp"
#include "ritz/run/matrix_free.hpp"
#include "ritz/solve/time_scheme.hpp"
#include "supports.hpp"

namespace ritz::run {

using base::count_text;

std::string method_name(deck::TimeMethod method) {
  // The registry's choices stand in the order of the enumeration.
  return deck::find_key("time.method")->choices[static_cast<std::size_t>(method)];
}

namespace {

void tell_counts(const EvolutionParts& parts, int n_solves, const std::string& solver,
                 const std::string& made, int n_built, const std::string& reason) {
  if (n_solves == 0) return;
  parts.recorder.count("linear_systems", n_solves);
  parts.recorder.count("preconditioners_made", n_built);
  parts.progress.line(
      "reuse",
      fmt::format("{} linear systems ({}): {} and {} preconditioner{} made{}", count_text(n_solves),
                  solver, made, count_text(n_built), n_built == 1 ? "" : "s",
                  n_built > 1 && !reason.empty() ? " (the last: " + reason + ")" : std::string()));
}

}  // namespace

bool EvolvedEquations::goes_without_matrix() const {
  if (!parts_.problem.time || !parts_.linear_form || parts_.split || parts_.stabilised)
    return false;
  OperatorFacts facts;
  facts.cell_type = mesh::table(parts_.mesh.cell_type).name;
  facts.degree = parts_.space.element.degree();
  facts.n_unknowns = parts_.space.n_global;
  facts.symmetric = parts_.linear_form->is_symmetric();
  facts.has_coarser = parts_.meshes.meshes.size() > 1;
  if (!facts.symmetric && (parts_.problem.solver.operator_kind == "matrix-free" ||
                           parts_.problem.solver.preconditioner == "multigrid")) {
    throw base::Error(base::ExitCode::deck, parts_.problem.solver.operator_where,
                      "solver.operator = \"matrix-free\" and preconditioner = \"multigrid\" are in "
                      "time for symmetric equations (no advection, a symmetric diffusion tensor); "
                      "remove them here");
  }
  const OperatorChoice choice = choose_operator(parts_.problem.solver, facts);
  if (!choice.reason.empty()) {
    base::log::info(fmt::format("operator auto: {} ({})",
                                choice.matrix_free ? "matrix-free" : "assembled", choice.reason));
  }
  return choice.matrix_free;
}

bool EvolvedEquations::has_operator() const {
  const deck::SolverOptions& solver = parts_.problem.solver;
  const bool asked = solver.operator_kind == "matrix-free" || solver.preconditioner == "multigrid";
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
  if (needs_matrix(parts_.problem, parts_.form)) {
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
  facts.n_unknowns = parts_.space.n_global * parts_.form.n_unknowns();
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

EvolvedEquations::EvolvedEquations(const EvolutionParts& parts,
                                   std::function<double()> seconds_left,
                                   AssembledEquations::Look look)
    : parts_(parts) {
  parts_.progress.phase("assembly");
  const perf::Stage stage(parts_.recorder, "assembly");
  if (goes_without_matrix()) {
    const int order = physics::system_traits(parts_.form).time_order;
    without_matrix_.emplace(MatrixFreeEquations::Parts{
        parts_.meshes, parts_.space, *parts_.linear_form, parts_.form, parts_.problem, order,
        parts_.recorder, parts_.remark, seconds_left});
    const bool lumps = solve::time_method(method_name(parts_.problem.time->method)).is_explicit;
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
  if (!parts_.problem.time) {
    progress = [this](int iteration, double residual) {
      parts_.progress.iteration(iteration, residual, parts_.problem.solver.tolerance);
    };
  }
  const physics::SystemForm& form = parts_.split ? parts_.split->implicit_form : parts_.form;
  const bool may_assemble = parts_.problem.solver.operator_kind == "auto" &&
                            parts_.problem.solver.preconditioner == "auto";
  assembled_.emplace(AssembledEquations::Parts{
      parts_.mesh, parts_.space, form, parts_.problem,
      parts_.split ? &parts_.split->explicit_form : nullptr, parts_.recorder, parts_.remark,
      seconds_left, progress, has_operator() ? &parts_.meshes : nullptr, may_assemble,
      std::move(look)});
  tell();
}

std::vector<std::vector<double>> EvolvedEquations::fields_of(const la::Vector& u) const {
  if (assembled_) return assembled_->components(u);
  std::vector<double> values(static_cast<std::size_t>(parts_.space.n_local()), 0.0);
  const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), u);
  std::copy_n(host.data(), parts_.space.n_owned, values.begin());
  parts_.space.plan.to_ghosts(std::span(values));
  return {std::move(values)};
}

void EvolvedEquations::tell() const {
  const assembly::SystemAssembler::Fixed& fixed = assembled_->fixed();
  if (fixed.n_clashes > 0) {
    parts_.remark(clash_text(fixed.n_clashes, fixed.clash_difference, fixed.clash_at,
                             parts_.mesh.dimension()));
  }
  const physics::SystemTraits& traits = assembled_->assembler().traits();
  // Between joined sides it is told by the steady solve.
  if (traits.time_order < 2 && (parts_.mesh.translations.empty() || parts_.problem.time)) {
    const std::string free = free_motions(parts_.mesh, parts_.space, parts_.problem, parts_.form,
                                          assembled_->assembler().is_fixed());
    if (!free.empty()) {
      parts_.remark(
          fmt::format("nothing holds the body against moving {}: the displacement is "
                      "not unique, and there is none unless the loads balance; give it "
                      "a displacement or symmetry there",
                      free));
    }
  }
  std::string names;
  for (const std::string& name : parts_.form.unknowns) names += (names.empty() ? "" : ", ") + name;
  parts_.progress.line("equations",
                       fmt::format("{}, {}{}: {} unknowns, {} prescribed, {}", names,
                                   implicit_text(traits), traits.is_symmetric ? ", symmetric" : "",
                                   count_text(parts_.space.n_global * parts_.form.n_unknowns()),
                                   count_text(fixed.n_fixed), assembled_->jacobian_text()));
}

std::string EvolvedEquations::implicit_text(const physics::SystemTraits& traits) const {
  const std::string kind = traits.is_linear ? "linear" : "nonlinear";
  if (!parts_.split) return kind;
  return kind + " with " + base::list(parts_.problem.time->explicit_terms, "and") + " explicit";
}

solve::SemiDiscrete& EvolvedEquations::semi_discrete() {
  if (without_matrix_) return *without_matrix_;
  return *assembled_;
}

void EvolvedEquations::tell_reuse() const {
  if (without_matrix_) {
    const auto& counts = without_matrix_->counts();
    tell_counts(parts_, counts.linear_solves, without_matrix_->solver_text(),
                fmt::format("{} operators", count_text(counts.operators)),
                without_matrix_->reuse().n_built(), without_matrix_->reuse().reason());
    parts_.progress.line("operator", without_matrix_->text());
  } else {
    const auto& counts = assembled_->counts();
    tell_counts(parts_, counts.linear_solves, assembled_->solver_text(),
                fmt::format("{} Jacobians", count_text(counts.jacobians)), assembled_->n_built(),
                assembled_->reuse().reason());
  }
}

}  // namespace ritz::run
