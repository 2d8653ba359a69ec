#include "krylov.hpp"

#include <BelosBiCGStabIter.hpp>
#include <BelosBlockFGmresIter.hpp>
#include <BelosBlockGmresIter.hpp>
#include <BelosCGIter.hpp>
#include <BelosCGSingleRedIter.hpp>
#include <BelosGCRODRSolMgr.hpp>
#include <BelosICGSOrthoManager.hpp>
#include <BelosLinearProblem.hpp>
#include <BelosMinresIter.hpp>
#include <BelosOutputManager.hpp>
#include <BelosStatusTest.hpp>
#include <BelosStatusTestGenResNorm.hpp>
#include <BelosTFQMRIter.hpp>
#include <BelosTpetraAdapter.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <streambuf>

#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/la/tpetra.hpp"
#include "ritz/la/vector.hpp"
#include "stopping.hpp"
#include "teuchos_lists.hpp"

namespace ritz::solve {

namespace {

using MV = la::TpetraVectors;
using OP = la::TpetraOperator;
using Problem = Belos::LinearProblem<double, MV, OP>;
using Traits = Belos::MultiVecTraits<double, MV>;
using Stop = KrylovResult::Stop;

/// Our stopping rule as Belos wants it. Belos' own tests keep no history, hide why they stop, and
/// put a zero solution in place of NaN.
class Watch final : public Belos::StatusTest<double, MV, OP> {
 public:
  Watch(const KrylovOptions& options, const Monitor& monitor, double first_residual,
        const la::Vector& x)
      : rule_(options, monitor, first_residual, [x] { return x; }),
        first_residual_(first_residual) {}

  Belos::StatusType checkStatus(Belos::Iteration<double, MV, OP>* iteration) override {
    std::vector<double> norms(1, -1.0);
    const Teuchos::RCP<const MV> vector = iteration->getNativeResiduals(&norms);
    if (!vector.is_null()) Traits::MvNorm(*vector, norms);
    return look(offset_ + iteration->getNumIters(), norms[0]);
  }
  Belos::StatusType getStatus() const override { return status_; }
  void reset() override { status_ = Belos::Undefined; }
  void print(std::ostream&, int = 0) const override {}

  /// For methods that do not keep x up to date.
  void set_iterate(Iterate iterate) { rule_.set_iterate(std::move(iterate)); }
  /// The residual of the method is in another norm: scale its first one to the true one.
  void scale_to_first() { scaled_ = true; }
  /// Iterations done in earlier cycles.
  void set_offset(int iterations) { offset_ = iterations; }

  Belos::StatusType look(int number, double norm) {
    if (scaled_) {
      if (scale_ == 0.0) scale_ = norm > 0 ? first_residual_ / norm : 1.0;
      norm *= scale_;
    }
    return status_ = rule_.look(number, norm) ? Belos::Passed : Belos::Failed;
  }

  [[nodiscard]] KrylovResult result() const { return rule_.result(); }
  [[nodiscard]] int iterations() const { return rule_.iterations(); }
  [[nodiscard]] bool wants_to_stop() const { return status_ == Belos::Passed; }

 private:
  StoppingRule rule_;
  double first_residual_;
  bool scaled_ = false;
  double scale_ = 0;
  int offset_ = 0;
  Belos::StatusType status_ = Belos::Undefined;
};

/// Reads "Iter  12, [ 1] :    1.2e-03" lines: the only way to watch a method that lives inside a
/// Belos solver manager.
class LineReader final : public std::streambuf {
 public:
  explicit LineReader(std::function<void(int, double)> found) : found_(std::move(found)) {}

 protected:
  int overflow(int c) override {
    if (c == '\n') {
      int iteration = 0, index = 0;
      double norm = 0;
      if (std::sscanf(line_.c_str(), " Iter %d, [%d] : %lf", &iteration, &index, &norm) == 3)
        found_(iteration, norm);
      line_.clear();
    } else if (c != EOF) {
      line_.push_back(static_cast<char>(c));
    }
    return c;
  }

 private:
  std::function<void(int, double)> found_;
  std::string line_;
};

/// Thrown through a Belos solver manager to stop it.
struct Interrupted {};

/// An operator that looks at the clock: applications are the only moments of a solver manager that
/// are ours.
class Clocked final : public la::Operator {
 public:
  Clocked(const la::Operator& inner, const la::Vector& solution, const KrylovOptions& options)
      : inner_(inner), iterate_([solution] { return solution; }), may_go_on_(options.may_go_on) {}
  [[nodiscard]] const la::Layout& layout() const override { return inner_.layout(); }
  void apply(const la::Vector& x, const la::Vector& y) const override {
    if (++n_applied_ % 8 == 0 && may_go_on_ && !may_go_on_(iterate_)) throw Interrupted{};
    inner_.apply(x, y);
  }

 private:
  const la::Operator& inner_;
  Iterate iterate_;
  const std::function<bool(const Iterate&)>& may_go_on_;
  mutable long long n_applied_ = 0;
};

/// x + update of a method that keeps its update to itself; `update` is in front of the right
/// preconditioner or, if `flexible`, behind it. Collective.
la::Vector updated(Problem& problem, const Teuchos::RCP<MV>& update, bool flexible) {
  if (update.is_null()) return la::view_of(*problem.getCurrLHSVec());
  Teuchos::RCP<MV> sum;
  if (flexible) {
    sum = Traits::Clone(*update, 1);
    Traits::MvAddMv(1.0, *problem.getCurrLHSVec(), 1.0, *update, *sum);
  } else {
    sum = problem.updateSolution(update, false);
  }
  // A view would not keep it.
  const la::Vector x =
      la::make_vector("ritz::solve::iterate", static_cast<LocalId>(sum->getLocalLength()));
  Kokkos::deep_copy(x, la::view_of(*sum));
  return x;
}

/// Restarted (flexible) GMRES out of Belos' iteration; each cycle starts from the true residual.
void gmres(const Teuchos::RCP<Problem>& problem, Watch& watch, const KrylovOptions& options,
           const Teuchos::ParameterList& passed, GlobalId n_global) {
  const auto printer = Teuchos::rcp(new Belos::OutputManager<double>(Belos::Errors));
  const auto ortho = Teuchos::rcp(new Belos::ICGSOrthoManager<double, MV, OP>("Ritz"));
  const auto test = Teuchos::rcp(&watch, false);
  Teuchos::ParameterList list(passed);
  const int size = static_cast<int>(std::min<GlobalId>(options.restart, n_global));
  list.set("Num Blocks", size);
  list.set("Block Size", 1);
  const bool flexible = options.method == "fgmres";
  Teuchos::RCP<Belos::GmresIteration<double, MV, OP>> iteration;
  if (flexible)
    iteration = Teuchos::rcp(
        new Belos::BlockFGmresIter<double, MV, OP>(problem, printer, test, ortho, list));
  else
    iteration = Teuchos::rcp(
        new Belos::BlockGmresIter<double, MV, OP>(problem, printer, test, ortho, list));
  watch.set_iterate([problem, iteration, flexible] {
    return updated(*problem, iteration->getCurrentUpdate(), flexible);
  });
  int done = 0;
  while (true) {
    iteration->setSize(1, size);
    iteration->resetNumIters();
    watch.set_offset(done);
    const Teuchos::RCP<MV> start = Traits::Clone(*problem->getCurrRHSVec(), 1);
    problem->computeCurrResVec(&*start);
    const auto norm = Teuchos::rcp(new Teuchos::SerialDenseMatrix<int, double>(1, 1));
    if (ortho->normalize(*start, norm) != 1) {
      // The residual is zero to machine precision: look() has the last word.
      watch.look(done, 0.0);
      return;
    }
    Belos::GmresIterationState<double, MV> state;
    state.V = start;
    state.z = norm;
    state.curDim = 0;
    iteration->initializeGmres(state);
    try {
      iteration->iterate();
    } catch (const Belos::GmresIterationOrthoFailure&) {
      // The space is invariant: the least-squares solution in it is the answer or there is none.
      iteration->updateLSQR(iteration->getCurSubspaceDim());
      watch.checkStatus(&*iteration);
      const Teuchos::RCP<MV> update = iteration->getCurrentUpdate();
      if (!update.is_null()) {
        const Teuchos::RCP<MV> x = problem->getCurrLHSVec();
        if (flexible)
          Traits::MvAddMv(1.0, *x, 1.0, *update, *x);
        else
          problem->updateSolution(update, true);
      }
      if (!watch.wants_to_stop()) throw;
      return;
    }
    done += iteration->getNumIters();
    const Teuchos::RCP<MV> update = iteration->getCurrentUpdate();
    if (!update.is_null()) {
      const Teuchos::RCP<MV> x = problem->getCurrLHSVec();
      if (flexible)
        Traits::MvAddMv(1.0, *x, 1.0, *update, *x);
      else
        problem->updateSolution(update, true);
    }
    if (watch.wants_to_stop()) return;
  }
}

}  // namespace

KrylovResult krylov(const la::Operator& op, const la::Preconditioner* preconditioner,
                    const la::Vector& rhs, const la::Vector& x, const KrylovOptions& options,
                    const Monitor& monitor) {
  const la::Layout& layout = op.layout();
  const auto map = la::row_map(layout);
  const Clocked clocked(op, x, options);
  const la::Operator& used = options.method == "gcrodr" ? clocked : op;
  const Teuchos::RCP<OP> a = Teuchos::rcp(new la::OperatorAdaptor(used, map));
  const auto problem = Teuchos::rcp(new Problem(a, la::tpetra(map, x), la::tpetra(map, rhs)));
  const bool from_left = options.method == "cg" || options.method == "minres";
  if (preconditioner) {
    const Teuchos::RCP<OP> m = Teuchos::rcp(new la::PreconditionerAdaptor(*preconditioner, map));
    if (from_left)
      problem->setLeftPrec(m);
    else
      problem->setRightPrec(m);
  }
  problem->setProblem();
  std::vector<int> index{0};
  problem->setLSIndex(index);

  const auto residual = problem->getInitResVec();
  std::vector<double> norms(1);
  Traits::MvNorm(*residual, norms);
  Watch watch(options, monitor, norms[0], x);
  KrylovResult result;
  if (norms[0] <= options.target || !std::isfinite(norms[0])) {
    watch.look(0, norms[0]);
    return watch.result();
  }

  Teuchos::ParameterList list;
  put(options.passed, known_belos(options.method), list);
  const auto printer = Teuchos::rcp(new Belos::OutputManager<double>(Belos::Errors));
  const auto test = Teuchos::rcp(static_cast<Belos::StatusTest<double, MV, OP>*>(&watch), false);
  // The iterations ask this one only for the norm to use.
  const auto two_norm =
      Teuchos::rcp(new Belos::StatusTestGenResNorm<double, MV, OP>(options.target));
  const auto start = Teuchos::rcp_const_cast<MV>(residual);
  try {
    if (options.method == "cg") {
      Belos::CGIterationState<double, MV> state;
      state.R = start;
      const bool single =
          list.isParameter("Use Single Reduction") ? list.get<bool>("Use Single Reduction") : false;
      Teuchos::RCP<Belos::CGIteration<double, MV, OP>> iteration;
      if (single)
        iteration = Teuchos::rcp(
            new Belos::CGSingleRedIter<double, MV, OP>(problem, printer, test, two_norm, list));
      else
        iteration =
            Teuchos::rcp(new Belos::CGIter<double, MV, OP>(problem, printer, test, two_norm, list));
      iteration->initializeCG(state);
      iteration->iterate();
    } else if (options.method == "gmres" || options.method == "fgmres") {
      gmres(problem, watch, options, list, layout.n_global);
    } else if (options.method == "bicgstab") {
      Belos::BiCGStabIter<double, MV, OP> iteration(problem, printer, test, list);
      Belos::BiCGStabIterationState<double, MV> state;
      state.R = start;
      iteration.initializeBiCGStab(state);
      iteration.iterate();
      if (iteration.breakdownDetected() && !watch.wants_to_stop()) {
        result.message = "bicgstab broke down: its two residuals became orthogonal";
        result.stop = Stop::breakdown;
        result.iterations = watch.iterations();
        return result;
      }
    } else if (options.method == "minres") {
      watch.scale_to_first();
      Belos::MinresIter<double, MV, OP> iteration(problem, printer, test, list);
      Belos::MinresIterationState<double, MV> state;
      state.Y = start;
      iteration.initializeMinres(state);
      iteration.iterate();
    } else if (options.method == "tfqmr") {
      Belos::TFQMRIter<double, MV, OP> iteration(problem, printer, test, list);
      Belos::TFQMRIterState<double, MV> state;
      state.R = start;
      watch.set_iterate([&] { return updated(*problem, iteration.getCurrentUpdate(), false); });
      iteration.initializeTFQMR(state);
      iteration.iterate();
      problem->updateSolution(iteration.getCurrentUpdate(), true);
    } else if (options.method == "gcrodr") {
      // Lives in its solver manager only; rank 0 reads its printed residuals, all get them at the
      // end.
      std::vector<double> history;
      LineReader reader([&](int number, double norm) {
        if (number < 0 || number > options.max_iterations + options.restart) return;
        if (history.size() <= static_cast<std::size_t>(number))
          history.resize(static_cast<std::size_t>(number) + 1, norm);
        history[static_cast<std::size_t>(number)] = norm;
      });
      std::ostream stream(&reader);
      const auto parameters = Teuchos::rcp(new Teuchos::ParameterList(list));
      // The recycled space (default 5) must fit beside new directions.
      const int size = static_cast<int>(std::min<GlobalId>(options.restart, layout.n_global));
      const int recycled = list.get("Num Recycled Blocks", std::max(1, std::min(5, size / 4)));
      parameters->set("Num Blocks", size);
      parameters->set("Num Recycled Blocks", recycled);
      parameters->set("Maximum Iterations", options.max_iterations);
      parameters->set("Maximum Restarts", options.max_iterations);
      parameters->set("Convergence Tolerance", options.target / norms[0]);
      parameters->set("Verbosity", static_cast<int>(Belos::StatusTestDetails));
      parameters->set("Output Style", static_cast<int>(Belos::Brief));
      parameters->set("Output Frequency", 1);
      parameters->set("Output Stream", Teuchos::rcp(&stream, false));
      Belos::GCRODRSolMgr<double, MV, OP> manager(problem, parameters);
      Belos::ReturnType outcome = Belos::Unconverged;
      bool interrupted = false;
      try {
        outcome = manager.solve();
      } catch (const Interrupted&) {
        interrupted = true;  // x holds the end of the last whole cycle
      }
      layout.communicator.broadcast(history);
      static_cast<void>(monitor(0, norms[0], {}));
      for (std::size_t i = 1; i < history.size(); ++i)
        static_cast<void>(monitor(static_cast<int>(i), history[i] * norms[0], {}));
      result.iterations =
          interrupted ? std::max(0, static_cast<int>(history.size()) - 1) : manager.getNumIters();
      result.stop = interrupted                                   ? Stop::interrupted
                    : outcome == Belos::Converged                 ? Stop::converged
                    : result.iterations >= options.max_iterations ? Stop::max_iterations
                                                                  : Stop::stalled;
      return result;
    } else {
      throw base::Error(base::ExitCode::internal, "no Krylov method '" + options.method + "'");
    }
  } catch (const Belos::CGIterateFailure&) {
    return {Stop::indefinite, watch.iterations(),
            "cg met a direction p with p.Ap <= 0: the matrix or the preconditioner is not positive "
            "definite"};
  } catch (const Belos::MinresIterateFailure&) {
    return {Stop::indefinite, watch.iterations(),
            "minres needs a positive definite preconditioner and met r.Mr < 0"};
  } catch (const Belos::BelosError& error) {
    return {Stop::breakdown, watch.iterations(), error.what()};
  }
  return watch.result();
}

}  // namespace ritz::solve
