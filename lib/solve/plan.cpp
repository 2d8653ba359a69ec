#include "plan.hpp"

#include <algorithm>
#include <cmath>

#include "lists.hpp"
#include "preconditioners.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"

namespace ritz::solve {

namespace {

const std::vector<std::string> methods{"cg",       "pipelined-cg", "gmres", "fgmres",
                                       "bicgstab", "minres",       "tfqmr", "gcrodr"};
const std::vector<std::string> preconditioners{"none", "jacobi",    "chebyshev", "ilu",
                                               "amg",  "multigrid", "direct"};

bool has(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Up to this a factorisation takes a tenth of a second and cannot fail to converge. Set-up and
// solve on one rank, degree 1: triangles, 5,041 unknowns 0.02 s (amg 0.03 s), 19,881 0.08 s (0.05
// s); tetrahedra, 4,913 unknowns 0.11 s (0.03 s), 15,625 3.1 s (0.05 s).
constexpr GlobalId direct_is_cheap = 5000;
// Not symmetric, in one or two dimensions: fill grows slowly there, and gmres with ilu stalls where
// advection dominates (validation/advection at 8,481 unknowns on 2 ranks). Triangles, advection
// (30, 10), one rank: 48,841 unknowns 0.36 s, gmres with ilu 1.9 s; 90,601 0.8 s and 5.2 s.
constexpr GlobalId direct_is_safer = 50000;

}  // namespace

std::string name(Status status) {
  switch (status) {
    case Status::converged:
      return "converged";
    case Status::stalled:
      return "stalled";
    case Status::max_iterations:
      return "max_iterations";
    case Status::breakdown:
      return "breakdown";
    case Status::indefinite:
      return "indefinite";
    case Status::nan:
      return "nan";
    case Status::loss_of_accuracy:
      return "loss_of_accuracy";
    case Status::walltime:
      return "walltime";
  }
  return "unknown";
}

Choice parse_fallback(const std::string& text) {
  Choice choice;
  const std::size_t plus = text.find('+');
  choice.method = text.substr(0, plus);
  choice.preconditioner = plus == std::string::npos ? "" : text.substr(plus + 1);
  if (plus == std::string::npos && choice.method == "direct") {
    choice.preconditioner = "direct";
    return choice;
  }
  if (plus == std::string::npos && has(methods, choice.method)) {
    choice.preconditioner = "auto";
    return choice;
  }
  if (has(methods, choice.method) && has(preconditioners, choice.preconditioner)) return choice;
  throw base::Error(
      base::ExitCode::deck,
      fmt::format(
          "solver.fallback: '{}' is not \"direct\" or \"method+preconditioner\" with one of "
          "{} and one of {}",
          text, base::list(methods, "or"), base::list(preconditioners, "or")));
}

Choice choose(const deck::SolverOptions& options, const Facts& facts, const Context& context) {
  Choice choice{options.method, options.preconditioner, {}};
  std::vector<std::string> why;
  const bool plane_and_unsymmetric = !facts.symmetric && context.dimension <= 2;
  const bool small = facts.n_global <= (plane_and_unsymmetric ? direct_is_safer : direct_is_cheap);
  if (choice.method == "auto" && choice.preconditioner == "direct") {
    choice.method = "direct";
    return choice;
  }
  if (choice.method == "auto" && choice.preconditioner == "auto" && facts.assembled && small) {
    return {"direct", "direct",
            fmt::format("direct: only {} unknowns", base::count_text(facts.n_global))};
  }
  // Helmholtz's equation, k = 12, degree 4: at 6,561 unknowns gmres with ilu converges, at 271,441
  // it stands at 5.5e-4 after 500 iterations.
  if (choice.method == "auto" && choice.preconditioner == "auto" && facts.assembled &&
      context.indefinite) {
    return {"direct", "direct", "direct: the operator is indefinite"};
  }
  const std::string kind =
      context.cell_type.empty()
          ? std::string()
          : fmt::format(", {} of degree {}", context.cell_type, context.degree);
  if (choice.method == "auto") {
    if (!facts.symmetric) {
      choice.method = "gmres";
      why.push_back("gmres: the matrix is not symmetric");
    } else if (!facts.positive_diagonal) {
      choice.method = "minres";
      why.push_back("minres: symmetric with entries <= 0 on the diagonal");
    } else {
      choice.method = "cg";
      why.push_back("cg: symmetric with a positive diagonal");
    }
  }
  if (choice.preconditioner == "auto") {
    if (!facts.assembled && facts.has_multigrid && facts.symmetric && facts.positive_diagonal) {
      choice.preconditioner = "multigrid";
      why.push_back(fmt::format("multigrid: matrix-free{}", kind));
    } else if (!facts.assembled && facts.has_diagonal && facts.positive_diagonal) {
      choice.preconditioner = "jacobi";
      why.push_back("jacobi: there is no assembled matrix");
    } else if (!facts.assembled) {
      choice.preconditioner = "none";
      why.push_back("none: there is no assembled matrix");
    } else if (!facts.positive_diagonal) {
      choice.preconditioner = choice.method == "minres" ? "none" : "ilu";
      why.push_back(choice.preconditioner + ": entries <= 0 on the diagonal");
    } else if (!facts.symmetric) {
      choice.preconditioner = "ilu";
      why.push_back("ilu: the matrix is not symmetric");
    } else {
      choice.preconditioner = "amg";
      why.push_back(fmt::format("amg: {} unknowns{}", base::count_text(facts.n_global), kind));
    }
  }
  for (const std::string& one : why) choice.reason += (choice.reason.empty() ? "" : "; ") + one;
  return choice;
}

Pick pick(const deck::SolverOptions& options, bool symmetric, GlobalId n_global,
          const Context& context, bool matrix_free) {
  return choose(options, {symmetric, !matrix_free, true, n_global, true, matrix_free}, context);
}

double forecast_bytes(const Choice& choice, const deck::SolverOptions& options, std::size_t n_rows,
                      std::size_t n_entries, GlobalId n_global, const Context& context) {
  const double vector = 8.0 * static_cast<double>(n_rows);
  const double entries = static_cast<double>(n_entries);
  double n_vectors = 3;  // residual, best solution, work
  const double restart = std::min<double>(options.restart, options.max_iterations) + 1;
  if (choice.method == "cg") n_vectors += 5;
  if (choice.method == "pipelined-cg") n_vectors += 9;
  if (choice.method == "minres" || choice.method == "bicgstab") n_vectors += 9;
  if (choice.method == "tfqmr") n_vectors += 10;
  if (choice.method == "gmres") n_vectors += restart + 3;
  if (choice.method == "fgmres") n_vectors += 2 * restart + 3;
  if (choice.method == "gcrodr") n_vectors += restart + 20;
  double bytes = n_vectors * vector;
  const std::string& m = choice.preconditioner;
  if (m == "jacobi") bytes += vector;
  if (m == "chebyshev") bytes += 4 * vector;
  // Five vectors of the finest level in single precision, the levels below, its tables.
  if (m == "multigrid") bytes += (options.multigrid.precision == "float" ? 4.0 : 8.0) * vector;
  if (m == "ilu") bytes += 2 * 12 * entries + 4 * vector;
  // Coarse matrices (complexity about 1.4), prolongation, its products while they are formed.
  if (m == "amg") bytes += 3 * 12 * entries + 12 * vector;
  if (m == "direct") {
    // On rank 0: a copy of the matrix and the factors. Nested dissection bounds the fill by
    // n log2 n in two dimensions and n^(4/3) in three; the factors measured are about ten times
    // that.
    const double n = static_cast<double>(n_global);
    const double fill = context.dimension >= 3 ? std::pow(n, 4.0 / 3.0)
                                               : n * std::max(1.0, std::log2(std::max(n, 2.0)));
    bytes +=
        12 * 2 * entries * (n / std::max<double>(1, static_cast<double>(n_rows))) + 12 * 10 * fill;
  }
  return bytes;
}

double forecast_bytes(const deck::SolverOptions& options, bool symmetric, std::size_t n_rows,
                      std::size_t n_entries, GlobalId n_global, const Context& context) {
  const Choice choice = choose(options, {symmetric, true, true, n_global}, context);
  return forecast_bytes(choice, options, n_rows, n_entries, n_global, context);
}

void check(const deck::SolverOptions& options) {
  base::Diagnostics diagnostics;
  const auto word = [&](const std::string& key, const std::string& value,
                        std::vector<std::string> allowed) {
    allowed.insert(allowed.begin(), "auto");
    if (has(allowed, value)) return;
    std::string message = fmt::format("solver.{} = \"{}\" (must be one of {})", key, value,
                                      base::list(allowed, "or"));
    if (const auto near = base::nearest(value, allowed))
      message += fmt::format("; did you mean '{}'?", *near);
    diagnostics.error({}, message);
  };
  word("method", options.method, methods);
  word("preconditioner", options.preconditioner, preconditioners);
  word("operator", options.operator_kind, {"assembled", "matrix-free"});
  word("engine", options.engine, {"native", "belos"});
  const bool runs_cg = options.method == "cg" || options.method == "pipelined-cg";
  if (options.method == "pipelined-cg" && options.engine == "belos")
    diagnostics.error(options.method_where, "solver.method = \"pipelined-cg\" is not in Belos");
  if (runs_cg && options.engine == "native") {
    for (const auto& one : passed(options, "belos")) {
      diagnostics.error(one.where, fmt::format("solver.trilinos.belos: '{}' would not be read: "
                                               "solver.engine = \"native\" runs cg",
                                               path_text(one)));
    }
  }
  std::vector<std::string> used_methods{options.method}, used{options.preconditioner};
  for (std::size_t i = 0; i < options.fallback.size(); ++i) {
    const base::Location where =
        i < options.fallback_where.size() ? options.fallback_where[i] : base::Location{};
    try {
      const Choice choice = parse_fallback(options.fallback[i]);
      used_methods.push_back(choice.method);
      used.push_back(choice.preconditioner);
    } catch (const base::Error& error) {
      diagnostics.error(where, error.diagnostics().front().message);
    }
  }

  for (const auto& one : options.trilinos) {
    if (!has({"belos", "amg", "ilu", "chebyshev", "direct"}, one.list)) {
      diagnostics.error(one.where,
                        fmt::format("solver.trilinos: no list '{}' (belos, amg, ilu, chebyshev or "
                                    "direct)",
                                    one.list));
    }
  }
  // A name is known if one of the methods that may run reads it.
  std::vector<Known> belos;
  for (const std::string& method : used_methods) {
    if (method == "auto") {
      for (const std::string& any : methods)
        for (const Known& k : known_belos(any)) belos.push_back(k);
    } else {
      for (const Known& k : known_belos(method)) belos.push_back(k);
    }
  }
  check_names(passed(options, "belos"), "belos", belos, diagnostics);
  check_names(passed(options, "ilu"), "ilu", known_ilu(), diagnostics);
  check_names(passed(options, "chebyshev"), "chebyshev", known_chebyshev(), diagnostics);
  check_names(passed(options, "direct"), "direct", known_direct(), diagnostics);
  if (!passed(options, "amg").empty())
    check_names(passed(options, "amg"), "amg", known_amg(), diagnostics);
  // A list whose preconditioner cannot run is as good as unread.
  for (const char* list : {"amg", "ilu", "chebyshev", "direct"}) {
    if (has(used, list) || has(used, "auto")) continue;
    for (const auto& one : passed(options, list)) {
      diagnostics.error(one.where, fmt::format("solver.trilinos.{}: '{}' would not be read: the "
                                               "preconditioner is '{}'",
                                               list, path_text(one), options.preconditioner));
    }
  }
  diagnostics.throw_errors(base::ExitCode::deck);
}

}  // namespace ritz::solve
