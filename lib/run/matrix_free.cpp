#include "ritz/run/matrix_free.hpp"

#include <algorithm>

#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/la/hooked_operator.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/multigrid/multigrid.hpp"
#include "ritz/run/form.hpp"

namespace ritz::run {

namespace {

// Below this the direct solver takes a moment: the same number as in room solve.
constexpr GlobalId small = 5000;

bool needs_matrix(const std::string& preconditioner) {
  return preconditioner == "ilu" || preconditioner == "amg" || preconditioner == "direct";
}

}  // namespace

multigrid::Options multigrid_options(const deck::SolverOptions::Multigrid& from) {
  using To = multigrid::Options;
  To to;
  to.smoother =
      from.smoother == "chebyshev-1" ? To::Smoother::chebyshev_1 : To::Smoother::chebyshev_4;
  to.smoother_degree = from.smoother_degree;
  to.smoothing_range = from.smoothing_range;
  to.coarse = from.coarse == "amg"      ? To::Coarse::amg
              : from.coarse == "direct" ? To::Coarse::direct
                                        : To::Coarse::automatic;
  to.precision = from.precision == "double" ? To::Precision::double_precision
                                            : To::Precision::single_precision;
  to.full_multigrid_start = from.full_multigrid_start;
  return to;
}

OperatorChoice choose_operator(const deck::SolverOptions& options, const OperatorFacts& facts) {
  if (options.operator_kind == "assembled") return {};
  if (options.operator_kind == "matrix-free") return {true, {}};
  if (facts.cell_type == "tri" || facts.cell_type == "tet") return {false, "simplices"};
  const std::string& asked = options.preconditioner;
  if (asked == "multigrid") return {true, "multigrid"};
  if (needs_matrix(asked)) return {false, asked + " needs the matrix"};
  if (options.method != "auto" && options.method != "cg" && options.method != "pipelined-cg")
    return {false, options.method};
  for (const auto& one : options.trilinos)
    if (one.list != "belos" && one.list != "chebyshev")
      return {false, "solver.trilinos." + one.list + " is given"};
  for (const std::string& entry : options.fallback)
    if (needs_matrix(entry.substr(entry.find('+') + 1)))  // npos + 1 is 0
      return {false, "the fallback " + entry + " needs the matrix"};
  if (!facts.symmetric) return {false, "not symmetric"};
  if (facts.n_unknowns <= small) return {false, "few unknowns"};
  if (asked != "auto") return {true, asked};
  if (facts.degree == 1 && !facts.has_coarser)
    return {false, "degree 1 on a mesh without coarser ones"};
  return {true, fmt::format("{} of degree {}", facts.cell_type, facts.degree)};
}

bool wants_multigrid(const deck::SolverOptions& options) {
  return options.preconditioner == "multigrid" ||
         std::any_of(options.fallback.begin(), options.fallback.end(),
                     [](const std::string& entry) { return entry.ends_with("+multigrid"); });
}

bool wants_hierarchy(const deck::Problem& problem, const std::string& cell_type) {
  if (cell_type == "tri" || cell_type == "tet") return false;
  const deck::SolverOptions& solver = problem.solver;
  return wants_multigrid(solver) ||
         (solver.operator_kind != "assembled" && solver.preconditioner == "auto");
}

class MatrixFreeSystem::Free final : public la::HookedOperator {
 public:
  Free(la::Layout layout, assembly::CellOperator<double> cells)
      : layout_(std::move(layout)), cells_(std::move(cells)) {}
  [[nodiscard]] const la::Layout& layout() const override { return layout_; }
  void apply(const la::Vector& x, const la::Vector& y) const override { cells_.apply(x, y); }
  void apply_with(const la::Vector& x, const la::Vector& y, const Hook& before,
                  const Hook& after) const override {
    cells_.apply(x, y, before, after);
  }
  [[nodiscard]] bool diagonal_into(const la::Vector& d) const override {
    cells_.diagonal(d);
    return true;
  }
  [[nodiscard]] const assembly::CellOperator<double>& cells() const { return cells_; }

 private:
  la::Layout layout_;
  assembly::CellOperator<double> cells_;
};

std::shared_ptr<la::HookedOperator> make_operator(const fem::Space& space,
                                                  assembly::CellOperator<double> cells) {
  return std::make_shared<MatrixFreeSystem::Free>(la::Layout::of(space), std::move(cells));
}

MatrixFreeSystem::MatrixFreeSystem(const mesh::Mesh& mesh, const fem::Space& space,
                                   const physics::Form& form, const fem::Constraints& fixed,
                                   perf::Recorder& recorder)
    : space_(space) {
  {
    const perf::Stage stage(recorder, "operator");
    free_ = std::make_shared<Free>(la::Layout::of(space),
                                   assembly::CellOperator<double>(mesh, space, fixed, form, 0.0));
  }
  const perf::Stage stage(recorder, "load");
  system_.op = free_.get();
  system_.rhs = la::make_vector("ritz::run::rhs", space.n_owned);
  assembly::cell_load(mesh, space, fixed, form, 0.0, system_.rhs);
  system_.symmetric = form.is_symmetric();
  system_.constant_null_space = form.is_pure_neumann();
  if (system_.constant_null_space) {
    system_.mean_weights = la::make_vector("ritz::run::mean_weights", space.n_owned);
    assembly::cell_load(mesh, space, fixed, mean_form(form), 0.0, system_.mean_weights);
  }
}

std::string MatrixFreeSystem::text() const {
  const comm::Communicator& communicator = space_.communicator;
  return free_->cells().cells().text(communicator) + ", " +
         base::bytes_text(communicator.sum(static_cast<double>(bytes())));
}

double MatrixFreeSystem::min_diffusion() const {
  return free_->cells().min_diffusion();
}

std::size_t MatrixFreeSystem::bytes() const {
  return free_->cells().bytes() + system_.rhs.extent(0) * sizeof(double);
}

void offer_multigrid(solve::Context& context, const mesh::Hierarchy& meshes,
                     const fem::Space& space, const physics::Form& form,
                     const deck::SolverOptions& options, double time) {
  if (!form.is_symmetric()) return;
  solve::Context coarse;
  coarse.cell_type = mesh::table(meshes.finest().cell_type).name;
  coarse.dimension = form.dimension;
  context.multigrid = [&meshes, &space, &form, options, coarse, time,
                       cache = std::make_shared<multigrid::Cache>()] {
    multigrid::Inputs inputs;  // the rest does not change while the context lives
    inputs.degree = space.element.degree();
    const int n_reused = cache->n_reused();
    const multigrid::Multigrid& cycle = cache->get(inputs, [&] {
      return multigrid::make(meshes, space, form, time, multigrid_options(options.multigrid),
                             solve::coarse_factory(options, coarse));
    });
    solve::Context::Multigrid result;
    result.cycle = std::shared_ptr<const la::Preconditioner>(cache, &cycle);
    result.initial_guess = [cache, &cycle](const la::Vector& b, const la::Vector& x) {
      cycle.initial_guess(b, x);
    };
    result.text = cache->n_reused() > n_reused
                      ? "multigrid of the attempt before (mesh, coefficients and degree as then)"
                      : cycle.text();
    return result;
  };
}

}  // namespace ritz::run
