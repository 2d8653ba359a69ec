#include "ritz/solve/solve.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <stdexcept>

#include "krylov.hpp"
#include "native_cg.hpp"
#include "plan.hpp"
#include "preconditioners.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/comm/agreement.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/vector.hpp"
#include "traps.hpp"

namespace ritz::solve {

namespace {

using comm::Communicator;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Takes the constant part out of what the inner preconditioner returns, so that round-off in the
/// direction of the null space cannot grow.
class WithoutConstants final : public la::Preconditioner {
 public:
  WithoutConstants(std::shared_ptr<const la::Preconditioner> inner, const la::Layout& layout)
      : inner_(std::move(inner)), communicator_(layout.communicator), n_global_(layout.n_global) {}
  void apply(const la::Vector& r, const la::Vector& z) const override {
    inner_->apply(r, z);
    la::shift(z, -la::sum(communicator_, z) / static_cast<double>(n_global_));
  }
  [[nodiscard]] bool is_variable() const override { return inner_->is_variable(); }
  [[nodiscard]] std::size_t bytes() const override { return inner_->bytes(); }

 private:
  std::shared_ptr<const la::Preconditioner> inner_;
  Communicator communicator_;
  GlobalId n_global_;
};

/// The same for any kernel.
class WithoutKernel final : public la::Preconditioner {
 public:
  WithoutKernel(std::shared_ptr<const la::Preconditioner> inner, const la::Layout& layout,
                std::vector<la::Vector> kernel)
      : inner_(std::move(inner)), communicator_(layout.communicator), kernel_(std::move(kernel)) {}
  void apply(const la::Vector& r, const la::Vector& z) const override {
    inner_->apply(r, z);
    la::remove(communicator_, kernel_, kernel_, z);
  }
  [[nodiscard]] bool is_variable() const override { return inner_->is_variable(); }
  [[nodiscard]] std::size_t bytes() const override {
    std::size_t sum = inner_->bytes();
    for (const la::Vector& z : kernel_) sum += z.extent(0) * sizeof(double);
    return sum;
  }

 private:
  std::shared_ptr<const la::Preconditioner> inner_;
  Communicator communicator_;
  std::vector<la::Vector> kernel_;
};

/// A regular matrix that solves what the singular one does: the first unknown is held where the
/// constants are the kernel.
la::CsrMatrix with_pinned_unknowns(const la::Matrix& matrix, const la::Kernel& kernel) {
  std::vector<GlobalId> unknowns{0};
  if (!kernel.empty()) {
    const bool has_both = kernel.left.size() == kernel.right.size();
    unknowns = la::pivots(matrix.layout(), kernel.right, has_both ? kernel.left : kernel.right);
  }
  return la::pinned(matrix, unknowns);
}

}  // namespace

struct Reuse::State {
  std::shared_ptr<const la::Preconditioner> preconditioner;
  std::unique_ptr<la::Matrix> pinned;  ///< what it was made from, if not the system's own matrix
  SetUp set_up;
  std::string kind;
  bool is_current = false;  ///< made for the present operator
  bool is_due = true;       ///< to be made anew
  bool is_checked = false;  ///< the options' names are good
  std::string reason = "first";
  double fresh_rate = -1;  ///< iterations an order of magnitude when it was new, -1: none yet
  int n_built = 0, n_used = 0;
  // Work vectors, so that later solves allocate none.
  CgWork cg_work;
  la::Vector residual, best_x;
  std::optional<Choice> choice;  ///< what "auto" came to for the operator at hand
};

Reuse::Reuse() : state_(std::make_unique<State>()) {}
Reuse::~Reuse() = default;
int Reuse::n_built() const {
  return state_->n_built;
}
int Reuse::n_used() const {
  return state_->n_used;
}
const std::string& Reuse::reason() const {
  return state_->reason;
}
std::optional<Reuse::Age> Reuse::age() const {
  if (state_->is_due) return std::nullopt;
  return Age{state_->kind, state_->fresh_rate, state_->is_current};
}
void Reuse::operator_changed() {
  state_->is_current = false;
  state_->choice.reset();
}
void Reuse::forget(const std::string& reason) {
  state_->is_due = true;
  state_->reason = reason;
  state_->choice.reset();
}

namespace {

class Solve {
 public:
  Solve(const la::System& system, const la::Vector& x, const deck::SolverOptions& options,
        const Context& context)
      : system_(system),
        op_(*system.op),
        layout_(system.op->layout()),
        communicator_(layout_.communicator),
        x_(x),
        rhs_(system.rhs),
        options_(options),
        context_(context) {}

  /// The preconditioner of a run that goes on: see ritz::solve::rebuild().
  void rebuild(const Reuse::Age& age) {
    Reuse::State& kept = *reuse();
    const WithoutTraps without_traps;
    const Choice choice{options_.method, age.kind, {}};
    kept.set_up = {};
    kept.preconditioner = build(choice, kept.set_up);
    if (kept.preconditioner) {
      // Amesos2 inside MueLu factorises at its first use, when the matrix may be another one.
      const la::Vector zero = la::make_vector("ritz::solve::zero", layout_.n_owned);
      kept.preconditioner->apply(zero, la::make_vector("ritz::solve::unused", layout_.n_owned));
    }
    kept.pinned = std::move(pinned_);
    kept.kind = age.kind;
    kept.is_due = false;
    kept.is_current = age.is_current;
    kept.fresh_rate = age.fresh_rate;
    ++kept.n_built;
    kept.reason = "the run was resumed";
  }

  Report run() {
    // Of a sequence the first solve alone: looking names up makes hundreds of strings.
    if (!reuse() || !reuse()->is_checked) check(options_);
    if (reuse()) reuse()->is_checked = true;
    communicator_.together([&] {
      const auto n = static_cast<std::size_t>(layout_.n_owned);
      if (x_.extent(0) != n || rhs_.extent(0) != n)
        throw base::Error(base::ExitCode::internal, "solve: vectors of another length than A");
    });
    {
      // A norm that is not finite has a reason to be looked for.
      const WithoutTraps without_traps;
      report_.rhs_norm = la::norm2(communicator_, rhs_);
    }
    if (!inputs_are_finite()) return report_;
    Reuse::State* const kept = reuse();
    if (kept) {
      if (kept->residual.extent(0) != static_cast<std::size_t>(layout_.n_owned) ||
          !kept->residual.data())
        kept->residual = la::make_vector("ritz::solve::residual", layout_.n_owned);
      residual_ = kept->residual;
      best_x_ = kept->best_x;
      cg_work_ = kept->cg_work;
    } else {
      residual_ = la::make_vector("ritz::solve::residual", layout_.n_owned);
    }
    if (system_.constant_null_space) {
      if (!prepare_null_space()) return finish();
      report_.rhs_norm = la::norm2(communicator_, rhs_);
    }
    if (!system_.kernel.left.empty()) {
      const la::Vector projected = la::make_vector("ritz::solve::projected_rhs", layout_.n_owned);
      la::copy(rhs_, projected);
      la::remove(communicator_, system_.kernel.left, system_.kernel.left, projected);
      rhs_ = projected;
      report_.rhs_norm = la::norm2(communicator_, rhs_);
    }
    if (report_.rhs_norm == 0.0) {
      la::fill(x_, 0.0);
      Attempt attempt;
      attempt.method = "none";
      attempt.preconditioner = "none";
      attempt.message = "the right-hand side is zero, and so is the solution";
      report_.attempts.push_back(attempt);
      return report_;
    }
    best_residual_ = first_residual();
    if (!(best_residual_ <= 1.0) && !context_.continued) {
      // A guess worse than none.
      start_from_zero();
    } else if (best_residual_ != 1.0) {
      keep();
    }
    if (context_.continued && best_residual_ <= options_.tolerance) {
      Attempt attempt;
      attempt.method = attempt.preconditioner = "none";
      attempt.message = "the first guess is the solution";
      attempt.true_residual = best_residual_;
      report_.attempts.push_back(attempt);
      return finish();
    }

    std::vector<Choice> choices;
    if (kept && kept->choice) {
      choices.push_back(*kept->choice);
    } else {
      choices.push_back(choose(options_, facts(), context_));
      if (kept) kept->choice = choices.front();
    }
    report_.choice = choices.front().reason;
    if (!report_.choice.empty() && !context_.quiet)
      base::log::info("solver auto: " + report_.choice);
    for (const std::string& text : options_.fallback) {
      Choice choice = parse_fallback(text);
      if (choice.preconditioner == "auto") {
        deck::SolverOptions asked = options_;
        asked.method = choice.method;
        asked.preconditioner = "auto";
        choice = choose(asked, facts(), context_);
      }
      choices.push_back(choice);
    }
    const Context::Continued before = context_.continued.value_or(Context::Continued{});
    for (std::size_t i = first_attempt(before, choices); i < choices.size(); ++i) {
      const bool last = i + 1 == choices.size();
      if (!fits_in_memory(choices[i], last)) continue;
      number_ = static_cast<int>(i);
      iterations_before_ = number_ == before.attempt ? before.iterations : 0;
      attempt(choices[i]);
      report_.status = report_.last().status;
      if (report_.converged()) break;
      if (!last) {
        note(fmt::format("{}+{} ended with {} ({}): trying the fallback {}+{}",
                         report_.last().method, report_.last().preconditioner, name(report_.status),
                         report_.last().message, choices[i + 1].method,
                         choices[i + 1].preconditioner));
      }
      if (is_stopped_ || seconds_left() <= 0) break;
    }
    return finish();
  }

 private:
  /// That which the solve was in that this one goes on from.
  std::size_t first_attempt(const Context::Continued& before, const std::vector<Choice>& choices) {
    const auto number = static_cast<std::size_t>(before.attempt);
    if (number == 0 || number >= choices.size()) return 0;
    note(fmt::format("goes on with the fallback {}+{}: those before it had failed",
                     choices[number].method, choices[number].preconditioner));
    return number;
  }

  [[nodiscard]] Reuse::State* reuse() const {
    return context_.reuse ? &context_.reuse->state() : nullptr;
  }

  void note(const std::string& text) {
    report_.notes.push_back(text);
    base::log::warning("solve: " + text);
  }

  [[nodiscard]] double seconds_left() const {
    if (!context_.seconds_left) return std::numeric_limits<double>::infinity();
    return communicator_.min(context_.seconds_left());
  }

  /// ||b - A x|| / ||b||; leaves b - A x in residual_.
  double true_residual(const la::Vector& x) {
    op_.apply(x, residual_);
    la::axpby(1.0, rhs_, -1.0, residual_);
    knows_residual_ = true;
    const double norm = la::norm2(communicator_, residual_);
    return report_.rhs_norm > 0 ? norm / report_.rhs_norm : norm;
  }

  /// That of the guess; from zero if the guess holds NaN or infinity.
  double first_residual() {
    {
      const WithoutTraps without_traps;
      if (la::norm2(communicator_, x_) == 0) {
        start_from_zero();
        return 1.0;
      }
      const double residual = true_residual(x_);
      if (std::isfinite(residual)) return residual;
    }
    if (communicator_.any(la::first_not_finite(x_) >= 0))
      note("the initial guess holds NaN or infinity: started from zero");
    start_from_zero();
    return 1.0;
  }
  void start_from_zero() {
    la::fill(x_, 0.0);
    la::copy(rhs_, residual_);
    knows_residual_ = true;
    best_residual_ = 1.0;
  }

  Report& failed_before_start(Status status, const std::string& message) {
    Attempt attempt;
    attempt.method = options_.method;
    attempt.preconditioner = options_.preconditioner;
    attempt.status = status;
    attempt.message = message;
    attempt.true_residual = std::numeric_limits<double>::quiet_NaN();
    report_.attempts.push_back(attempt);
    report_.status = status;
    report_.true_residual = attempt.true_residual;
    return report_;
  }

  bool inputs_are_finite() {
    const auto look = [&](LocalId dof, const char* what) {
      const std::string text =
          first_text(communicator_, dof >= 0 ? fmt::format("the {} holds NaN or infinity {}", what,
                                                           place_text(layout_, context_, dof))
                                             : std::string());
      if (text.empty()) return true;
      failed_before_start(Status::nan, text);
      report_.diagnosis.push_back(text);
      report_.suggestions.push_back(
          "look at the coefficients there, e.g.: ritz eval \"<expression>\" --at x,y,z");
      return false;
    };
    if (!std::isfinite(report_.rhs_norm) && !look(la::first_not_finite(rhs_), "right-hand side"))
      return false;
    if (const la::Matrix* matrix = op_.matrix())
      if (!look(matrix->first_not_finite_row(), "matrix")) return false;
    return true;
  }

  /// Compatibility of the right-hand side; its constant part is removed from a copy.
  bool prepare_null_space() {
    if (!system_.symmetric) {
      note(
          "constants are in the kernel of a matrix that is not symmetric: the right-hand side is "
          "not checked for compatibility");
      return true;
    }
    const la::Vector magnitude = la::make_vector("ritz::solve::magnitude", layout_.n_owned);
    const la::Vector rhs = rhs_;
    Kokkos::parallel_for(
        "ritz::solve::magnitude", Kokkos::RangePolicy<device::ExecutionSpace>(0, rhs.extent(0)),
        KOKKOS_LAMBDA(const std::size_t i) { magnitude(i) = rhs(i) < 0 ? -rhs(i) : rhs(i); });
    const double net = la::sum(communicator_, rhs_);
    const double total = la::sum(communicator_, magnitude);
    if (total == 0) return true;
    const double imbalance = std::abs(net) / total;
    // Quadrature errors of sources and fluxes are far below this; a forgotten flux is far above.
    if (imbalance > 1e-2) {
      la::fill(x_, 0.0);
      failed_before_start(
          Status::breakdown,
          fmt::format("no solution exists: nowhere is a value prescribed, and the sources and "
                      "boundary fluxes do not balance (net {:.3g}, {:.1f} % of their total "
                      "magnitude)",
                      net, 100 * imbalance));
      report_.suggestions.push_back(
          "prescribe a value on a boundary: [[boundary]] on = [\"...\"], value = 0");
      report_.suggestions.push_back("or change source and flux so that they balance");
      return false;
    }
    la::Vector projected = la::make_vector("ritz::solve::projected_rhs", layout_.n_owned);
    la::copy(rhs_, projected);
    la::shift(projected, -net / static_cast<double>(layout_.n_global));
    rhs_ = projected;
    note(
        fmt::format("no value is prescribed anywhere: the mean of the solution is set to zero; "
                    "sources and fluxes balance to {:.1e} of their magnitude{}",
                    imbalance, imbalance > 1e-10 ? ", the rest was removed evenly" : ""));
    return true;
  }

  /// The mean of the solution in the null space set to zero.
  void fix_mean() {
    const la::Kernel& kernel = system_.kernel;
    la::remove(communicator_, kernel.right, kernel.duals.empty() ? kernel.right : kernel.duals, x_);
    if (!system_.constant_null_space) return;
    double mean = 0;
    if (communicator_.any(system_.mean_weights.extent(0) > 0)) {
      la::Vector one = la::make_vector("ritz::solve::one", layout_.n_owned);
      la::fill(one, 1.0);
      const double weight = la::sum(communicator_, system_.mean_weights);
      mean = la::dot(communicator_, system_.mean_weights, x_) / weight;
    } else {
      mean = la::sum(communicator_, x_) / static_cast<double>(layout_.n_global);
    }
    la::shift(x_, -mean);
  }

  Facts facts() {
    Facts facts{system_.symmetric,
                op_.matrix() != nullptr,
                true,
                layout_.n_global,
                false,
                static_cast<bool>(context_.multigrid)};
    // Without a matrix the diagonal costs as much as several products: only if it is asked for.
    if (!op_.matrix() && options_.method != "auto" && options_.preconditioner != "auto" &&
        std::all_of(options_.fallback.begin(), options_.fallback.end(),
                    [](const std::string& text) { return text.find('+') != std::string::npos; }))
      return facts;
    const la::Vector diagonal = la::make_vector("ritz::solve::diagonal", layout_.n_owned);
    facts.has_diagonal = op_.diagonal_into(diagonal);
    if (facts.has_diagonal) {
      int n_bad = 0;
      Kokkos::parallel_reduce(
          "ritz::solve::signs", Kokkos::RangePolicy<device::ExecutionSpace>(0, diagonal.extent(0)),
          KOKKOS_LAMBDA(const std::size_t i, int& bad) {
            if (!(diagonal(i) > 0)) bad += 1;
          },
          n_bad);
      facts.positive_diagonal = !communicator_.any(n_bad > 0);
    }
    return facts;
  }

  bool fits_in_memory(const Choice& choice, bool last) {
    const std::size_t n_entries = op_.matrix() ? op_.matrix()->rows().values.extent(0) : 0;
    const double bytes = communicator_.max(forecast_bytes(choice, options_,
                                                          static_cast<std::size_t>(layout_.n_owned),
                                                          n_entries, layout_.n_global, context_));
    report_.forecast_bytes = std::max(report_.forecast_bytes, bytes);
    if (!context_.memory_bytes || bytes <= *context_.memory_bytes) return true;
    const std::string text = fmt::format(
        "{}+{} needs about {} on the largest rank, {} are left under limits.memory", choice.method,
        choice.preconditioner, base::bytes_text(bytes), base::bytes_text(*context_.memory_bytes));
    if (last && report_.attempts.empty()) {
      throw base::Error(base::ExitCode::memory,
                        text + "; use more ranks, or --set solver.preconditioner=jacobi");
    }
    note(text + ": skipped");
    return false;
  }

  std::shared_ptr<const la::Preconditioner> build(const Choice& choice, SetUp& set_up) {
    if (choice.preconditioner == "none") return nullptr;
    // Trilinos seeds the start vectors of its eigenvalue estimates from std::rand(): a matrix has
    // one preconditioner, whatever was made before it.
    std::srand(1);
    const std::string& kind = choice.preconditioner;
    const la::Matrix* matrix = op_.matrix();
    if (kind == "multigrid") {
      if (!context_.multigrid) {
        throw base::Error(base::ExitCode::deck,
                          "solver.preconditioner = \"multigrid\": there is none for this problem "
                          "(line, quad and hex cells have one)");
      }
      const Context::Multigrid multigrid = context_.multigrid();
      set_up.text = multigrid.text;
      if (options_.multigrid.full_multigrid_start) start_ = multigrid.initial_guess;
      return without_kernel(multigrid.cycle);
    }
    if (kind == "jacobi") return without_kernel(make_jacobi(op_, set_up));
    if (kind == "chebyshev" && !matrix)
      return without_kernel(make_operator_chebyshev(op_, passed(options_, "chebyshev"), set_up));
    if (!matrix) {
      throw base::Error(base::ExitCode::deck,
                        fmt::format("solver.preconditioner = \"{}\" needs an assembled matrix",
                                    choice.preconditioner));
    }
    if (system_.constant_null_space || !system_.kernel.right.empty()) {
      pinned_ =
          std::make_unique<la::Matrix>(layout_, with_pinned_unknowns(*matrix, system_.kernel));
      matrix = pinned_.get();
    }
    std::unique_ptr<la::Preconditioner> result;
    if (kind == "chebyshev")
      result = make_chebyshev(*matrix, passed(options_, "chebyshev"), set_up);
    if (kind == "ilu") result = make_ilu(*matrix, passed(options_, "ilu"), set_up);
    if (kind == "amg")
      result = make_amg(*matrix, system_.symmetric, context_, passed(options_, "amg"), set_up);
    if (kind == "direct") result = make_direct(*matrix, passed(options_, "direct"), set_up);
    if (!result) throw base::Error(base::ExitCode::internal, "no preconditioner '" + kind + "'");
    return without_kernel(std::move(result));
  }

  std::shared_ptr<const la::Preconditioner> without_kernel(
      std::shared_ptr<const la::Preconditioner> preconditioner) const {
    if (!system_.kernel.right.empty())
      return std::make_shared<WithoutKernel>(std::move(preconditioner), layout_,
                                             system_.kernel.right);
    if (!system_.constant_null_space) return preconditioner;
    return std::make_shared<WithoutConstants>(std::move(preconditioner), layout_);
  }

  void attempt(const Choice& choice) {
    const WithoutTraps without_traps;
    report_.attempts.emplace_back();
    Attempt& attempt = report_.attempts.back();
    attempt.method = choice.method;
    attempt.preconditioner = choice.preconditioner;
    if (choice.method == "cg" && !system_.symmetric)
      note(
          "cg is for symmetric matrices and this one is not: the result is checked, but expect "
          "trouble");
    go_back();

    double start = now();
    SetUp set_up;
    std::shared_ptr<const la::Preconditioner> preconditioner;
    std::string failure;
    start_ = nullptr;
    Reuse::State* const kept = reuse();
    const bool uses_kept = kept && !kept->is_due && kept->kind == choice.preconditioner;
    // Factors of the matrix before are a very good preconditioner for this one.
    const bool refines = choice.method == "direct" && (!uses_kept || kept->is_current);
    iteration_limit_ = options_.max_iterations;
    attempt.iterations = iterations_before_;
    if (choice.method == "direct" && context_.look && (!kept || kept->n_built == 0)) {
      base::log::info(
          "solve direct: a factorisation cannot be interrupted; signals, clocks and ritz ctl "
          "wait until its system is solved");
    }
    if (choice.method == "direct" && !refines) {
      // A few dozen cost as much as new factors.
      iteration_limit_ = std::min(iteration_limit_, 30);
      attempt.method = system_.symmetric ? "cg" : "gmres";
    }
    try {
      base::fault_point("preconditioner");
      if (uses_kept) {
        preconditioner = kept->preconditioner;
        set_up.text = kept->set_up.text;
      } else {
        if (kept) kept->preconditioner = nullptr;  // its memory is needed
        preconditioner = build(choice, set_up);
      }
    } catch (const base::Error& error) {
      if (error.code() != base::ExitCode::not_converged) throw;
      failure = error.diagnostics().empty() ? error.what() : error.diagnostics().front().message;
    } catch (const std::bad_alloc&) {
      throw base::Error(base::ExitCode::memory,
                        fmt::format("out of memory while building {}", choice.preconditioner));
    } catch (const std::exception& error) {
      failure = fmt::format("building {} failed: {}", choice.preconditioner, error.what());
    }
    failure = comm::agreed_failure(communicator_, failure, base::ExitCode::not_converged);
    attempt.setup_seconds = communicator_.max(now() - start);
    attempt.setup = set_up.text;
    attempt.amg_levels = set_up.amg_levels;
    attempt.amg_complexity = set_up.amg_complexity;
    for (const std::string& text : set_up.notes) note(text);
    if (!failure.empty()) {
      attempt.status = Status::breakdown;
      attempt.message = failure;
      attempt.true_residual = best_residual_;
      return;
    }

    start = now();
    if (refines) {
      refine(*preconditioner, attempt);
    } else {
      iterate(preconditioner.get(), attempt);
    }
    attempt.solve_seconds = communicator_.max(now() - start);
    keep_best(attempt);
    if (kept) keep_for_next(*kept, choice, std::move(preconditioner), set_up, uses_kept, attempt);
    preconditioner.reset();
    pinned_.reset();
    if (uses_kept && attempt.status != Status::converged && attempt.status != Status::walltime) {
      this->attempt(choice);  // with a new one
      return;
    }
    if (context_.quiet) return;
    base::log::info(fmt::format(
        "solve {}+{}{}: {} after {} iterations, true residual {:.2e}, set-up {}, solve {}{}{}",
        attempt.method, attempt.preconditioner,
        attempt.engine.empty() ? "" : " (" + attempt.engine + ")", name(attempt.status),
        attempt.iterations, attempt.true_residual, base::duration_text(attempt.setup_seconds),
        base::duration_text(attempt.solve_seconds), attempt.setup.empty() ? "" : "; ",
        attempt.setup));
  }

  /// Decides whether the preconditioner is worth being used again.
  void keep_for_next(Reuse::State& kept, const Choice& choice,
                     std::shared_ptr<const la::Preconditioner> preconditioner, const SetUp& set_up,
                     bool was_kept, const Attempt& attempt) {
    kept.cg_work = cg_work_;
    if (was_kept) {
      ++kept.n_used;
    } else {
      ++kept.n_built;
      kept.preconditioner = std::move(preconditioner);
      kept.pinned = std::move(pinned_);
      kept.set_up = set_up;
      kept.kind = choice.preconditioner;
      kept.is_current = true;
      kept.is_due = false;
      kept.fresh_rate = -1;
    }
    // Iterations an order of magnitude, so that solves to different tolerances compare.
    if (attempt.status != Status::converged) {
      kept.is_due = true;
      kept.reason = "the solve before ended with " + name(attempt.status);
    } else if (attempt.history.size() > 1) {
      const double orders =
          std::max(1.0, -std::log10(std::max(attempt.true_residual, 1e-16) / attempt.history[0]));
      const double each = (attempt.iterations - iterations_before_) / orders;
      if (kept.fresh_rate < 0 || !was_kept) {
        kept.fresh_rate = each;
      } else if (!kept.is_current && each > 1.5 * kept.fresh_rate + 5 / orders) {
        kept.is_due = true;
        kept.reason = fmt::format("{} iterations with the old one", attempt.iterations);
      }
    }
  }

  /// x is the best so far.
  void keep() {
    if (!best_x_.data() || best_x_.extent(0) != x_.extent(0)) {
      best_x_ = la::make_vector("ritz::solve::best_x", layout_.n_owned);
      if (reuse()) reuse()->best_x = best_x_;
    }
    la::copy(x_, best_x_);
    has_best_ = is_best_ = true;
  }

  /// Back to the best so far: zero, if none was kept.
  void go_back() {
    if (is_best_) return;
    if (has_best_) {
      la::copy(best_x_, x_);
    } else {
      la::fill(x_, 0.0);
    }
    is_best_ = true;
    knows_residual_ = false;
  }

  /// Never hands back something worse than what there was, least of all NaN.
  void keep_best(const Attempt& attempt) {
    if (attempt.status == Status::converged) {
      best_residual_ = attempt.true_residual;  // the last attempt: no copy needed
    } else if (std::isfinite(attempt.true_residual) && attempt.true_residual <= best_residual_) {
      best_residual_ = attempt.true_residual;
      keep();
    } else {
      go_back();
    }
  }

  /// x += M^-1 (b - A x) with the factors as M, until the residual is small enough.
  void refine(const la::Preconditioner& factors, Attempt& attempt) {
    const la::Vector step = la::make_vector("ritz::solve::step", layout_.n_owned);
    is_best_ = false;
    double residual = true_residual(x_);
    attempt.history.push_back(residual);
    attempt.status = Status::loss_of_accuracy;
    for (int i = 1; i <= 5; ++i) {
      if (residual <= options_.tolerance) break;
      factors.apply(residual_, step);
      la::axpby(1.0, step, 1.0, x_);
      const double before = residual;
      residual = true_residual(x_);
      attempt.history.push_back(residual);
      attempt.iterations = i;
      if (context_.progress && communicator_.is_root()) context_.progress(i, residual);
      if (!(residual < 0.5 * before)) break;
    }
    attempt.true_residual = residual;
    if (residual <= options_.tolerance) {
      attempt.status = Status::converged;
      attempt.message = "factorised";
    } else if (!std::isfinite(residual)) {
      attempt.status = Status::breakdown;
      attempt.message = "the factors hold NaN: the matrix is singular";
    } else {
      attempt.message = fmt::format(
          "refinement with the factors stops at {:.1e}: the matrix is nearly singular", residual);
    }
  }

  /// x from the coarser levels, if that is better than zero.
  void start_from_coarse(Attempt& attempt) {
    is_best_ = false;
    start_(rhs_, x_);
    const double residual = true_residual(x_);
    if (residual < 1.0) {
      attempt.setup += fmt::format("; full multigrid start at {:.1e}", residual);
      best_residual_ = residual;
      keep();
    } else {
      note(fmt::format("the full multigrid start has the residual {:.1e}: started from zero",
                       residual));
      go_back();
    }
  }

  /// Whether it is time to look; after 8 iterations or half a second. Collective.
  bool look_is_due(int number) {
    if (number < looks_.next) return false;
    const double time = now();
    if (looks_.next > 0) {
      const double each = communicator_.max(time - looks_.time) / (number - looks_.last);
      looks_.next = number + static_cast<int>(std::clamp(0.5 / std::max(each, 1e-9), 1.0, 8.0));
    } else {
      looks_.next = 1;  // how long one takes is not known yet
    }
    looks_.last = number;
    looks_.time = time;
    return true;
  }

  /// Whether the caller lets the solve go on. Collective.
  bool look(const Iterate& iterate, int iterations, double residual) {
    if (!context_.look({iterate, number_, iterations, residual})) is_stopped_ = true;
    return !is_stopped_;
  }

  void iterate(const la::Preconditioner* preconditioner, Attempt& attempt) {
    KrylovOptions krylov_options;
    krylov_options.method = attempt.method;
    krylov_options.restart = options_.restart;
    krylov_options.target = options_.tolerance * report_.rhs_norm;
    krylov_options.passed = passed(options_, "belos");
    if (preconditioner && preconditioner->is_variable() && attempt.method == "gmres") {
      attempt.method = krylov_options.method = "fgmres";
      note("the preconditioner changes from step to step: fgmres instead of gmres");
    }
    const bool is_cg = attempt.method == "cg" || attempt.method == "pipelined-cg";
    attempt.engine = "belos";
    if (is_cg && options_.engine != "belos") {
      attempt.engine = "native";
      if (attempt.method == "cg" && !krylov_options.passed.empty()) {
        attempt.engine = "belos";
        note("cg is run by belos: solver.trilinos.belos has parameters for it");
      }
    }
    // pipelined-cg carries M^-1 r along by recurrences: they drift apart from it as fast as M is
    // inexact. A cycle in single precision stopped it at 6e-5 (Poisson, degree 3).
    const bool inexact =
        preconditioner &&
        (preconditioner->is_variable() ||
         (attempt.preconditioner == "multigrid" && options_.multigrid.precision == "float"));
    if (attempt.method == "pipelined-cg" && inexact) {
      attempt.method = krylov_options.method = "cg";
      note(
          "pipelined-cg needs a preconditioner that is the same in every step to double precision, "
          "and this one is not (solver.multigrid.precision = \"double\" is): cg instead");
    }
    // Round-off of low precision, inner tolerances: only a diagonal is beyond doubt.
    const bool flexible = preconditioner && attempt.preconditioner != "jacobi";
    if (start_ && best_residual_ >= 1.0 && !context_.continued) start_from_coarse(attempt);
    int n_asked = 0;  // after 8 products each, which are its iterations but for a few
    krylov_options.may_go_on = [&](const Iterate& iterate) {
      return context_.look ? look(iterate, attempt.iterations + 8 * ++n_asked, -1)
                           : seconds_left() > 0;
    };
    bool out_of_time = false;
    looks_ = {};
    attempt.history.reserve(static_cast<std::size_t>(std::min(iteration_limit_, 10000)) + 2);
    const Monitor monitor = [&](int iteration, double residual, const Iterate& iterate) {
      base::fault_point("solve");
      const double relative = residual / report_.rhs_norm;
      if (iteration > 0 || attempt.history.empty()) attempt.history.push_back(relative);
      const int number = static_cast<int>(attempt.history.size()) - 1;
      if (context_.progress && communicator_.is_root()) context_.progress(number, relative);
      if (context_.look && iterate) {
        if (look_is_due(number) && !look(iterate, number + iterations_before_, relative))
          out_of_time = true;
      } else if (context_.seconds_left && iteration % 8 == 0 && seconds_left() <= 0) {
        out_of_time = true;
      }
      return !out_of_time;
    };

    cg_work_.r = residual_;  // one vector less: nobody needs ours while cg runs
    is_best_ = false;

    // The method may stop on a residual of its own that is too small: go on from where it is.
    constexpr int max_restarts = 5;
    double residual = best_residual_;
    while (true) {
      krylov_options.max_iterations = iteration_limit_ - attempt.iterations;
      KrylovResult result;
      std::string failure;
      cg_work_.holds_residual = knows_residual_;
      try {
        result = attempt.engine == "native"
                     ? native_cg(op_, preconditioner, rhs_, x_, krylov_options, flexible, monitor,
                                 cg_work_)
                     : krylov(op_, preconditioner, rhs_, x_, krylov_options, monitor);
      } catch (const base::Error&) {
        throw;
      } catch (const std::bad_alloc&) {
        throw base::Error(base::ExitCode::memory,
                          fmt::format("out of memory in {}", attempt.method));
      } catch (const std::exception& error) {
        result.stop = KrylovResult::Stop::breakdown;
        result.message = error.what();
        result.iterations = 0;
        failure = result.message;
      }
      failure = comm::agreed_failure(communicator_, failure, base::ExitCode::not_converged);
      if (!failure.empty()) {
        result.stop = KrylovResult::Stop::breakdown;
        result.message = failure;
      }
      attempt.iterations += result.iterations;
      attempt.message = result.message;
      const double before = residual;
      residual = true_residual(x_);
      attempt.true_residual = residual;
      if (residual <= options_.tolerance) {
        // Whatever the method thinks of itself.
        attempt.status = Status::converged;
        attempt.message.clear();
        return;
      }
      using Stop = KrylovResult::Stop;
      switch (result.stop) {
        case Stop::converged: {
          const bool progress = residual < 0.5 * before;
          if (attempt.n_restarts < max_restarts && progress &&
              attempt.iterations < iteration_limit_) {
            ++attempt.n_restarts;
            continue;
          }
          attempt.status = attempt.iterations >= iteration_limit_ ? Status::max_iterations
                                                                  : Status::loss_of_accuracy;
          attempt.message = fmt::format(
              "{} reports convergence, but the true residual is {:.2e} after {} restarts",
              attempt.method, residual, attempt.n_restarts);
          return;
        }
        case Stop::max_iterations:
          attempt.status = Status::max_iterations;
          attempt.message =
              fmt::format("true residual {:.2e} after {} iterations", residual, attempt.iterations);
          return;
        case Stop::stalled:
          attempt.status = Status::stalled;
          return;
        case Stop::interrupted:
          attempt.status = Status::walltime;
          attempt.message = fmt::format("{} after {} iterations, residual {:.2e}",
                                        is_stopped_ ? "stopped" : "limits.walltime is over",
                                        attempt.iterations, residual);
          return;
        case Stop::indefinite:
          attempt.status = Status::indefinite;
          return;
        case Stop::breakdown:
          attempt.status = Status::breakdown;
          return;
        case Stop::not_finite:
          attempt.status = Status::nan;
          attempt.message +=
              ": NaN arose in the solver, neither the matrix nor the right-hand "
              "side holds one";
          return;
      }
    }
  }

  Report finish() {
    if (report_.attempts.empty())
      throw base::Error(base::ExitCode::memory,
                        "every method of the fallback chain needs more "
                        "memory than limits.memory allows");
    fix_mean();
    if (std::isfinite(report_.last().true_residual) || report_.converged())
      report_.true_residual = report_.converged() ? report_.last().true_residual : best_residual_;
    else
      report_.true_residual = best_residual_;
    if (!report_.converged() && report_.status != Status::nan && report_.suggestions.empty() &&
        !is_stopped_) {
      const WithoutTraps without_traps;
      diagnose(system_, x_, options_, context_, report_);
    }
    return report_;
  }

  const la::System& system_;
  const la::Operator& op_;
  const la::Layout& layout_;
  const Communicator& communicator_;
  la::Vector x_;
  la::Vector rhs_;
  const deck::SolverOptions& options_;
  const Context& context_;
  Report report_;
  la::Vector residual_;
  la::Vector best_x_;            ///< made when something but zero has to be kept
  bool has_best_ = false;        ///< best_x_ is the best so far; else that is zero
  bool is_best_ = true;          ///< x is the best so far
  bool knows_residual_ = false;  ///< residual_ is b - A x
  int iteration_limit_ = 0;      ///< of the present attempt
  int number_ = 0;               ///< of the present attempt
  int iterations_before_ = 0;    ///< of the same attempt in the solve that this one goes on from
  bool is_stopped_ = false;      ///< by Context::look
  struct Looks {
    int last = 0, next = 0;
    double time = 0;
  } looks_;
  double best_residual_ = std::numeric_limits<double>::infinity();
  std::unique_ptr<la::Matrix> pinned_;
  std::function<void(const la::Vector&, const la::Vector&)> start_;  ///< full multigrid
  CgWork cg_work_;
};

}  // namespace

std::string Report::failure_text() const {
  std::string text = fmt::format("the solver did not converge: {}", name(status));
  if (!attempts.empty() && !last().message.empty()) text += " (" + last().message + ")";
  for (const std::string& line : diagnosis) text += "\n  found: " + line;
  for (const std::string& line : suggestions) text += "\n  try:   " + line;
  return text;
}

namespace {

/// A matrix of the coarsest level with what is made from it.
class CoarseSolver final : public la::Preconditioner {
 public:
  CoarseSolver(const la::Matrix& matrix, bool constant_null_space,
               const deck::SolverOptions& options, const Context& context) {
    const la::Matrix* used = &matrix;
    const la::Kernel kernel{context.kernel, context.kernel, {}};
    if (constant_null_space || !kernel.empty()) {
      pinned_ = std::make_unique<la::Matrix>(matrix.layout(), with_pinned_unknowns(matrix, kernel));
      used = pinned_.get();
    }
    SetUp set_up;
    std::shared_ptr<const la::Preconditioner> made;
    if (options.multigrid.coarse == "direct")
      made = make_direct(*used, passed(options, "direct"), set_up);
    else
      made = make_amg(*used, true, context, passed(options, "amg"), set_up);
    for (const std::string& text : set_up.notes) base::log::warning("coarse level: " + text);
    inner_ = std::move(made);
    if (!kernel.empty())
      inner_ = std::make_shared<WithoutKernel>(inner_, matrix.layout(), kernel.right);
    else if (constant_null_space)
      inner_ = std::make_shared<WithoutConstants>(inner_, matrix.layout());
  }
  void apply(const la::Vector& r, const la::Vector& z) const override { inner_->apply(r, z); }
  [[nodiscard]] bool is_variable() const override { return inner_->is_variable(); }
  [[nodiscard]] std::size_t bytes() const override { return inner_->bytes(); }

 private:
  std::unique_ptr<la::Matrix> pinned_;
  std::shared_ptr<const la::Preconditioner> inner_;
};

}  // namespace

std::function<std::unique_ptr<la::Preconditioner>(const la::Matrix&, bool)> coarse_factory(
    const deck::SolverOptions& options, const Context& context) {
  Context coarse;
  coarse.cell_type = context.cell_type;
  coarse.dimension = context.dimension;
  coarse.degree = 1;
  coarse.n_components = context.n_components;
  coarse.near_null_space = context.near_null_space;
  coarse.kernel = context.kernel;
  return [options, coarse](const la::Matrix& matrix,
                           bool constant_null_space) -> std::unique_ptr<la::Preconditioner> {
    const WithoutTraps without_traps;
    return std::make_unique<CoarseSolver>(matrix, constant_null_space, options, coarse);
  };
}

Report solve(const la::System& system, const la::Vector& x, const deck::SolverOptions& options,
             const Context& context) {
  return Solve(system, x, options, context).run();
}

void rebuild(const la::System& system, const deck::SolverOptions& options, const Context& context,
             const Reuse::Age& age) {
  Solve(system, system.rhs, options, context).rebuild(age);
}

}  // namespace ritz::solve
