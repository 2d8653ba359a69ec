#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/la/system.hpp"

namespace ritz::solve {

/// How a solve ended. Only `converged` means that the solution may be used.
enum class Status {
  converged,         ///< the true residual is below the tolerance
  stalled,           ///< the residual did not fall any more
  max_iterations,    ///< solver.max_iterations reached
  breakdown,         ///< the method (or the factorisation) cannot go on
  indefinite,        ///< cg or minres met a direction of negative curvature or preconditioner
  nan,               ///< NaN or infinity; the message says where
  loss_of_accuracy,  ///< the method's own residual is small, the true one is not
  walltime,          ///< stopped because limits.walltime was over, or by Context::look
};
[[nodiscard]] std::string name(Status status);

/// Where an unknown is, for messages; as far as the caller knows.
struct Place {
  std::array<double, 3> at{};
  std::string region;    ///< name of a region of one of its cells
  std::string boundary;  ///< name of a boundary set it lies on; empty inside
};

/// What one solve leaves for the next: the preconditioner and work vectors, for as long as the
/// method stays the same and the solutions come as fast as with a fresh one. For sequences of
/// systems with the same layout: time steps, Newton steps.
class Reuse {
 public:
  Reuse();
  ~Reuse();
  Reuse(const Reuse&) = delete;
  Reuse& operator=(const Reuse&) = delete;

  /// To be called when the operator is no longer the one the preconditioner was made for. The old
  /// one is still used until it costs too much: more than half again as many iterations as when it
  /// was new (and five more). A direct solver's factors become a preconditioner. Local.
  void operator_changed();
  /// Never use the old one again, with the reason for the log. Local.
  void forget(const std::string& reason);

  /// What the preconditioner at hand is and when it will be replaced.
  struct Age {
    std::string kind;        ///< "amg", ...
    double fresh_rate = -1;  ///< iterations an order of magnitude when it was new, -1: not known
    bool is_current = true;  ///< made for the present operator
  };
  /// Nothing if the next solve makes a new one anyway. Local.
  [[nodiscard]] std::optional<Age> age() const;

  [[nodiscard]] int n_built() const;                ///< preconditioners made
  [[nodiscard]] int n_used() const;                 ///< solves with one made earlier
  [[nodiscard]] const std::string& reason() const;  ///< why the last one was made

  struct State;  ///< private to the room
  [[nodiscard]] State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// Makes the present solution of a running method, [n_owned], to be read at once. Collective.
using Iterate = std::function<la::Vector()>;

/// What solve() is told beside the system; everything is optional.
struct Context {
  std::string cell_type;  ///< "tet", ... and
  int degree = 1;         ///< degree of the elements: `auto` and multigrid use them
  int dimension = 3;
  /// The operator is known to be far from definite, as Helmholtz's: `auto` trusts no iteration.
  bool indefinite = false;
  /// Place of an owned unknown; local, called for a few unknowns after a failure.
  std::function<Place(LocalId)> place;
  /// Called on rank 0 each iteration with the iteration and the residual relative to the rhs.
  std::function<void(int, double)> progress;
  /// Seconds until the solve has to stop (status walltime); asked on every rank now and then,
  /// the least of all ranks counts.
  std::function<double()> seconds_left;
  /// A moment of a solve.
  struct Moment {
    const Iterate& iterate;
    int attempt = 0;      ///< which one of the chain of fallbacks, from 0
    int iterations = 0;   ///< of this attempt, also those of the solve that it goes on from
    double residual = 0;  ///< relative to the rhs; negative: not known
  };
  /// Instead of seconds_left: called between iterations, on every rank at the same moment, after 8
  /// of them or half a second; before the first one, too. False stops the solve (status walltime).
  /// Collective. Direct solvers and set-ups are not interrupted.
  std::function<bool(const Moment&)> look;
  /// x is what another solve of the system had when it was stopped there: used even if its residual
  /// is worse than that of zero.
  struct Continued {
    int attempt = 0;
    int iterations = 0;  ///< count as done
  };
  std::optional<Continued> continued;
  std::optional<double>
      memory_bytes;  ///< per rank; more than this is Error(memory) before building
  /// A multigrid of meshes and degrees, made by the caller: preconditioner = "multigrid".
  struct Multigrid {
    std::shared_ptr<const la::Preconditioner> cycle;
    /// x from b by the coarser levels; empty: no full multigrid start. Collective.
    std::function<void(const la::Vector& b, const la::Vector& x)> initial_guess;
    std::string text;  ///< for the log
  };
  /// Makes it, or hands back the one at hand. Collective. Empty: there is none for this problem.
  std::function<Multigrid()> multigrid;
  /// Keeps the preconditioner for the next solve; outlives this one.
  std::shared_ptr<Reuse> reuse;
  bool quiet = false;  ///< one of very many solves: no line for each in the log
  /// Components of a node, which follow each other in the numbering of the unknowns.
  int n_components = 1;
  /// [n_owned] each: vectors that the operator hardly changes, for algebraic multigrid (rigid body
  /// motions). Empty: constants.
  std::vector<la::Vector> near_null_space;
  /// Of coarse_factory()'s matrix: orthonormal vectors that it maps to zero.
  std::vector<la::Vector> kernel;
};

/// One method tried.
struct Attempt {
  std::string method, preconditioner;  ///< as run, never "auto"
  std::string engine;                  ///< who ran it: "native" or "belos"; empty: neither
  Status status = Status::converged;
  std::string message;  ///< why it stopped, in words
  int iterations = 0;
  int n_restarts = 0;        ///< restarts because the true residual was above the tolerance
  double true_residual = 0;  ///< ||b - A x|| / ||b|| at the end
  double setup_seconds = 0, solve_seconds = 0;
  std::string setup;          ///< one line about the preconditioner
  int amg_levels = 0;         ///< 0: no multigrid
  double amg_complexity = 0;  ///< stored entries of all levels / of the finest
  std::vector<double>
      history;  ///< ||r|| / ||b|| as the method sees it: initial, then each iteration
};

/// What solve() reports; the same on every rank.
struct Report {
  Status status = Status::converged;
  double true_residual = 0;  ///< relative; of the solution handed back
  double rhs_norm = 0;
  std::vector<Attempt> attempts;  ///< in order; the last one is the result
  /// Everything that differs from what the deck asked for; also told as warnings.
  std::vector<std::string> notes;
  std::string choice;                    ///< what `auto` picked and why; empty without auto
  std::vector<std::string> diagnosis;    ///< findings, after a failure
  std::vector<std::string> suggestions;  ///< ranked; each with the exact --set
  double forecast_bytes = 0;  ///< memory forecast of the most expensive attempt, largest rank

  [[nodiscard]] bool converged() const { return status == Status::converged; }
  [[nodiscard]] const Attempt& last() const { return attempts.back(); }
  /// Failure in words: status, diagnosis and suggestions, a line each.
  [[nodiscard]] std::string failure_text() const;
};

/// Solves A x = b. `x` [n_owned] holds the initial guess and gets the solution (the best known one
/// after a failure, never NaN). Collective.
///
/// Success is judged by the true residual ||b - A x|| <= tolerance ||b||, computed here after the
/// method ended; when the method's own residual was too optimistic it goes on from where it is.
/// After a failure the next entry of `options.fallback` is tried from the best known x.
/// A zero right-hand side gives the zero solution. With a constant null space the right-hand side
/// is checked for compatibility, projected, and the weighted mean of the solution is zero. Throws
/// Error(deck) on unknown methods or Trilinos parameters, located; Error(memory) when the forecast
/// is above the limit; Error(not_finite) on NaN or infinity in b or A, located. A failed solve is
/// no exception: see Report.
Report solve(const la::System& system, const la::Vector& x, const deck::SolverOptions& options,
             const Context& context = {});

/// Makes for `context.reuse` the preconditioner that another run had at hand: of that kind, from
/// the system's operator (that of then; tell operator_changed() before the next solve if it is not
/// that of now) and with that age. The right-hand side is not looked at. Collective. Throws as
/// solve().
void rebuild(const la::System& system, const deck::SolverOptions& options, const Context& context,
             const Reuse::Age& age);

/// Checks method, preconditioner, fallbacks and pass-through names without a system: Error(deck)
/// with everything that is wrong, located. Local.
void check(const deck::SolverOptions& options);

/// A method and a preconditioner; method "direct" is the factorisation with refinement.
struct Pick {
  std::string method, preconditioner;
  std::string reason;  ///< why, when something was "auto"
};

/// What solve() begins with for an assembled matrix with a positive diagonal, or for an operator
/// without a matrix that offers multigrid. Local.
[[nodiscard]] Pick pick(const deck::SolverOptions& options, bool symmetric, GlobalId n_global,
                        const Context& context, bool matrix_free = false);

/// What makes the solver of a multigrid's coarsest level from its matrix and whether constants are
/// in its kernel: MueLu with [solver.trilinos.amg], or the direct solver for coarse = "direct".
/// `context` tells cell type, dimension, components and the near null space. Local; the result is
/// collective.
[[nodiscard]] std::function<std::unique_ptr<la::Preconditioner>(const la::Matrix&, bool)>
coarse_factory(const deck::SolverOptions& options, const Context& context);

/// Bytes a rank needs to solve: Krylov vectors, preconditioner, copies; without the matrix itself.
/// `n_rows` and `n_entries` of the rank, `n_global` of the problem. "auto" as solve() would choose
/// for a symmetric system or not. Local.
[[nodiscard]] double forecast_bytes(const deck::SolverOptions& options, bool symmetric,
                                    std::size_t n_rows, std::size_t n_entries, GlobalId n_global,
                                    const Context& context = {});

/// Solves a small system directly on all ranks of `communicator` with the library's distributed
/// direct solver (the coarse solver of algebraic multigrid) and compares with the known solution.
/// Empty when right, otherwise what is wrong. Collective. Some builds of Trilinos 13.2 fail here:
/// multigrid then uses another coarse solver and says so.
[[nodiscard]] std::string self_test_direct(const comm::Communicator& communicator);

}  // namespace ritz::solve
