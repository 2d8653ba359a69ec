#include "registry_parts.hpp"

#include <utility>

#include "ritz/base/format.hpp"

namespace ritz::deck {

std::vector<Key> solver_keys() {
  std::vector<Key> keys{
      {.path = "solver",
       .type = Type::table,
       .help = "The linear solver. Whatever it does, the true residual decides whether it has "
               "converged.",
       .may_change_on_restart = true},
      {.path = "solver.method",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "cg", "pipelined-cg", "gmres", "fgmres", "bicgstab", "minres", "tfqmr",
                   "gcrodr"},
       .help = "Krylov method; auto picks by the symmetry of the problem and says what it picked. "
               "pipelined-cg is cg that sums over the ranks while it applies operator and "
               "preconditioner: for many ranks.",
       .may_change_on_restart = true},
      {.path = "solver.preconditioner",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "none", "jacobi", "chebyshev", "ilu", "amg", "multigrid", "direct"},
       .help = "auto picks by size and cell type and says what it picked; multigrid coarsens the "
               "elements and the mesh (line, quad and hex cells), amg the matrix; direct "
               "factorises the matrix.",
       .may_change_on_restart = true},
      {.path = "solver.operator",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "assembled", "matrix-free"},
       .help = "How the system's matrix is applied: stored, or computed cell by cell each time "
               "(line, quad and hex cells; ilu, amg and direct need it stored). auto picks and "
               "says what it picked.",
       .may_change_on_restart = true},
      {.path = "solver.engine",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "native", "belos"},
       .help = "Who runs cg: Ritz's own code, with one sum over the ranks an iteration, or Belos. "
               "auto is native; the other methods are Belos'.",
       .may_change_on_restart = true},
      {.path = "solver.tolerance",
       .type = Type::real,
       .unit = "1",
       .fallback = "1e-8",
       .range = {.lower = 0.0, .upper = 1.0, .lower_open = true, .upper_open = true},
       .help = "Norm of the true residual relative to that of the right-hand side.",
       .may_change_on_restart = true},
      {.path = "solver.max_iterations",
       .type = Type::integer,
       .unit = "1",
       .fallback = "500",
       .range = {.lower = 1.0, .upper = 1e9},
       .help = "Iterations after which the solver gives up (exit code 4) or the next fallback is "
               "tried.",
       .may_change_on_restart = true},
      {.path = "solver.restart",
       .type = Type::integer,
       .unit = "1",
       .fallback = "50",
       .range = {.lower = 1.0, .upper = 1e6},
       .help = "Vectors kept by gmres, fgmres and gcrodr before they start anew.",
       .may_change_on_restart = true},
      {.path = "solver.fallback",
       .type = Type::strings,
       .fallback = "[]",
       .help = "What to try, in this order, when the solver fails: \"method+preconditioner\" or "
               "\"direct\". Each use is told and recorded.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid",
       .type = Type::table,
       .help = "Geometric multigrid: preconditioner = \"multigrid\".",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.smoother",
       .type = Type::choice,
       .fallback = "\"chebyshev-4\"",
       .choices = {"chebyshev-4", "chebyshev-1"},
       .help = "Chebyshev polynomials of the fourth or the first kind around the diagonal.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.smoother_degree",
       .type = Type::integer,
       .unit = "1",
       .fallback = "3",
       .range = {.lower = 1.0, .upper = 10.0},
       .help = "Degree of the smoother before and after the coarse correction.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.smoothing_range",
       .type = Type::real,
       .unit = "1",
       .fallback = "15.0",
       .range = {.lower = 1.0, .lower_open = true},
       .help = "Largest over smallest eigenvalue that is smoothed; chebyshev-1 only, chebyshev-4 "
               "needs none.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.coarse",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "amg", "direct"},
       .help = "What solves on the coarsest level; auto picks by its size.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.precision",
       .type = Type::choice,
       .fallback = "\"float\"",
       .choices = {"float", "double"},
       .help = "Numbers of the levels; the solution and its residual are double either way.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.full_multigrid_start",
       .type = Type::boolean,
       .fallback = "false",
       .help = "Start from the solution of the coarser levels, one after the other, instead of "
               "zero.",
       .may_change_on_restart = true},
      {.path = "solver.trilinos",
       .type = Type::table,
       .help = "Parameters handed to Trilinos as they are; one that is not read there is an error.",
       .may_change_on_restart = true},
  };
  const std::pair<const char*, const char*> lists[] = {
      {"belos", "Parameters of the Krylov method (Belos)."},
      {"amg",
       "Parameters of algebraic multigrid (MueLu), such as \"smoother: type\" = \"RELAXATION\"."},
      {"ilu", "Parameters of the incomplete factorisation (Ifpack2)."},
      {"chebyshev", "Parameters of Chebyshev smoothing (Ifpack2)."},
      {"direct", "Parameters of the direct solver (Amesos2)."}};
  for (const auto& [list, help] : lists) {
    keys.push_back({.path = fmt::format("solver.trilinos.{}", list),
                    .type = Type::passed,
                    .help = help,
                    .may_change_on_restart = true});
  }
  return keys;
}

}  // namespace ritz::deck
