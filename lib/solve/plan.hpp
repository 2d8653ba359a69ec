#pragma once

#include <string>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/solve/solve.hpp"

namespace ritz::solve {

/// What `auto` looks at.
struct Facts {
  bool symmetric = true;
  bool assembled = true;
  bool positive_diagonal = true;
  GlobalId n_global = 0;
  bool has_diagonal = true;    ///< known without an assembled matrix
  bool has_multigrid = false;  ///< geometric multigrid can be made
};

/// A method and a preconditioner to try.
using Choice = Pick;

/// Replaces "auto". Local.
[[nodiscard]] Choice choose(const deck::SolverOptions& options, const Facts& facts,
                            const Context& context);

/// "gmres+ilu", "direct", "cg": an entry of solver.fallback. Throws Error(deck) without a place.
[[nodiscard]] Choice parse_fallback(const std::string& text);

/// Bytes beside the matrix for one choice.
[[nodiscard]] double forecast_bytes(const Choice& choice, const deck::SolverOptions& options,
                                    std::size_t n_rows, std::size_t n_entries, GlobalId n_global,
                                    const Context& context);

/// After a failure: fills `report.diagnosis` and `report.suggestions`. Collective.
void diagnose(const la::System& system, const la::Vector& x, const deck::SolverOptions& options,
              const Context& context, Report& report);

/// "at (0.1, 0.2, 0.3), region 'base', boundary 'left'"; the unknown's solver id when nothing else
/// is known. Local, on the owner.
[[nodiscard]] std::string place_text(const la::Layout& layout, const Context& context, LocalId dof);

/// The text of the rank that has one (the lowest), on every rank. Collective.
[[nodiscard]] std::string first_text(const comm::Communicator& communicator,
                                     const std::string& text);

}  // namespace ritz::solve
