#include "lists.hpp"

#include <algorithm>

#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"

namespace ritz::solve {

namespace {

using Type = deck::SolverOptions::Passed::Type;

const char* type_name(Type type) {
  switch (type) {
    case Type::boolean:
      return "true or false";
    case Type::integer:
      return "an integer";
    case Type::real:
      return "a number";
    case Type::string:
      return "a text";
  }
  return "?";
}

}  // namespace

Passed passed(const deck::SolverOptions& options, const std::string& list) {
  Passed result;
  for (const auto& one : options.trilinos)
    if (one.list == list) result.push_back(one);
  return result;
}

std::string path_text(const deck::SolverOptions::Passed& passed) {
  std::string text;
  for (const std::string& part : passed.path) text += (text.empty() ? "" : "/") + part;
  return text;
}

void check_names(const Passed& passed, const std::string& list, const std::vector<Known>& known,
                 base::Diagnostics& diagnostics) {
  for (const auto& one : passed) {
    const std::string name = path_text(one);
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const Known& k) { return k.name == name; });
    if (found == known.end()) {
      std::vector<std::string> names;
      for (const Known& k : known) names.push_back(k.name);
      const auto near = base::nearest(name, names);
      std::string message = fmt::format("solver.trilinos.{}: no parameter '{}'", list, name);
      if (near)
        message += fmt::format("; did you mean '{}'?", *near);
      else if (names.empty())
        message += "; it takes none";
      else if (names.size() <= 12)
        message += "; known: " + base::list(names);
      diagnostics.error(one.where, message);
    } else if (!found->instead.empty()) {
      diagnostics.error(one.where, fmt::format("solver.trilinos.{}: '{}' is set by {}", list, name,
                                               found->instead));
    } else if (one.type != found->type &&
               !(one.type == Type::integer && found->type == Type::real)) {
      diagnostics.error(one.where, fmt::format("solver.trilinos.{}: '{}' = {} (must be {})", list,
                                               name, one.value, type_name(found->type)));
    }
  }
}

// Names as the classes of Belos and Ifpack2 13.2 read them (their getValidParameters and
// setParameters); those that a deck key decides are refused with the key.

std::vector<Known> known_belos(const std::string& method) {
  std::vector<Known> known{
      {"Convergence Tolerance", Type::real, "solver.tolerance"},
      {"Maximum Iterations", Type::integer, "solver.max_iterations"},
      {"Num Blocks", Type::integer, "solver.restart"},
      {"Maximum Restarts", Type::integer, "solver.max_iterations"},
      {"Verbosity", Type::integer, "the log, which always holds the residuals"},
      {"Output Frequency", Type::integer, "the log, which always holds the residuals"},
      {"Flexible Gmres", Type::boolean, "solver.method = \"fgmres\""},
  };
  if (method == "pipelined-cg") return {};
  if (method == "cg") {
    known.push_back({"Use Single Reduction", Type::boolean, {}});
    known.push_back({"Assert Positive Definiteness", Type::boolean, {}});
  } else if (method == "gmres") {
    known.push_back({"Keep Hessenberg", Type::boolean, {}});
    known.push_back({"Initialize Hessenberg", Type::boolean, {}});
  } else if (method == "gcrodr") {
    known.push_back({"Num Recycled Blocks", Type::integer, {}});
    known.push_back({"Orthogonalization", Type::string, {}});
    known.push_back({"Orthogonalization Constant", Type::real, {}});
  }
  return known;
}

std::vector<Known> known_ilu() {
  return {{"fact: iluk level-of-fill", Type::integer, {}},
          {"fact: iluk level-of-overlap", Type::integer, {}},
          {"fact: ilut level-of-fill", Type::real, {}},
          {"fact: drop tolerance", Type::real, {}},
          {"fact: absolute threshold", Type::real, {}},
          {"fact: relative threshold", Type::real, {}},
          {"fact: relax value", Type::real, {}},
          {"schwarz: overlap level", Type::integer, {}},
          {"schwarz: combine mode", Type::string, {}},
          {"schwarz: num iterations", Type::integer, {}},
          {"schwarz: use reordering", Type::boolean, {}},
          {"schwarz: filter singletons", Type::boolean, {}}};
}

std::vector<Known> known_chebyshev() {
  return {{"chebyshev: degree", Type::integer, {}},
          {"chebyshev: ratio eigenvalue", Type::real, {}},
          {"chebyshev: min eigenvalue", Type::real, {}},
          {"chebyshev: max eigenvalue", Type::real, {}},
          {"chebyshev: boost factor", Type::real, {}},
          {"chebyshev: eigenvalue max iterations", Type::integer, {}},
          {"chebyshev: eigenvalue relative tolerance", Type::real, {}},
          {"chebyshev: min diagonal value", Type::real, {}},
          {"chebyshev: zero starting solution", Type::boolean, {}}};
}

std::vector<Known> known_direct() {
  return {{"Trans", Type::string, {}}, {"Equil", Type::boolean, {}}};
}

}  // namespace ritz::solve
