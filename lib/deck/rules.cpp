#include "rules.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "check.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::deck {

namespace {

/// "; did you mean "left"?" or nothing.
std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
  const auto near = base::nearest(word, names);
  return near ? fmt::format("; did you mean \"{}\"?", shown_text(*near)) : ";";
}

/// Names for a message, not too many of them.
std::string name_list(const std::vector<std::string>& names) {
  constexpr std::size_t most = 50;
  std::vector<std::string> told;
  for (const std::string& name : names) {
    if (told.size() == most) {
      told.push_back(fmt::format("{} more", names.size() - most));
      break;
    }
    told.push_back(shown_text(name));
  }
  return base::list(told);
}

std::string name_text(const std::string& name) {
  return "\"" + shown_text(name) + "\"";
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Where the first use of a name stood, for messages about the second.
class Uniqueness {
 public:
  /// The earlier place, or nullptr if `name` is new.
  const base::Location* first(const std::string& name, const base::Location& where) {
    const auto [place, is_new] = seen_.emplace(name, where);
    return is_new ? nullptr : &place->second;
  }

 private:
  std::map<std::string, base::Location> seen_;
};

bool is_identifier(const std::string& name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void check_parameters(const Problem& problem, Report& report) {
  for (const Parameter& parameter : problem.parameters) {
    if (report.full()) return;
    if (!is_identifier(parameter.name)) {
      report.error(
          parameter.where,
          fmt::format("parameters.{} is no name for expressions: letters, digits and _ only, "
                      "not beginning with a digit",
                      key_text(shown_text(parameter.name))));
    } else if (contains(reserved_parameter_names(), parameter.name)) {
      report.error(
          parameter.where,
          fmt::format("parameters.{} would hide a word of the expression language; use another "
                      "name",
                      parameter.name));
    }
  }
}

// ---- mesh ----

void check_box(const Node& root, const Problem& problem, int dimension, Report& report) {
  const Node* mesh = valid(&root, "mesh");
  for (const char* name : {"lower", "upper", "grading"}) {
    const Node* list = valid(mesh, name);
    if (list != nullptr && static_cast<int>(list->items.size()) != dimension) {
      report.error(list->where,
                   fmt::format("mesh.{} has {} {}, mesh.cells has {}: give one a dimension", name,
                               list->items.size(), list->items.size() == 1 ? "entry" : "entries",
                               dimension));
    }
  }
  const BoxMesh& box = problem.mesh.box;
  if (static_cast<int>(box.lower.size()) == dimension &&
      static_cast<int>(box.upper.size()) == dimension) {
    for (std::size_t i = 0; i < box.lower.size(); ++i) {
      if (box.lower[i] < box.upper[i]) continue;
      const Node& lower = valid(mesh, "lower")->items[i];
      const Node& upper = valid(mesh, "upper")->items[i];
      const base::Location& where = upper.where.file.empty() ? lower.where : upper.where;
      report.error(where, fmt::format("mesh.upper[{0}] = {1} (must be > mesh.lower[{0}] = {2})", i,
                                      shown(upper), shown(lower)));
    }
  }
  double n_cells = 1.0;
  for (const std::int64_t n : box.cells) n_cells *= static_cast<double>(n);
  constexpr double most = 4e18;
  if (n_cells > most) {
    report.error(valid(mesh, "cells")->where,
                 fmt::format("mesh.cells makes {:.2g} cells (at most {:.0g} can be numbered)",
                             n_cells, most));
  }

  const Node* type = valid(mesh, "cell_type");
  static const std::array<std::vector<std::string>, 4> types{
      {{}, {"line"}, {"tri", "quad"}, {"tet", "hex"}}};
  const auto& allowed = types[static_cast<std::size_t>(dimension)];
  if (type != nullptr && !contains(allowed, type->string)) {
    std::vector<std::string> told;
    for (const std::string& each : allowed) told.push_back(quoted(each));
    report.error(type->where, fmt::format("mesh.cell_type = {} (must be {}: mesh.cells has {} {})",
                                          shown(*type), base::list(told, "or"), dimension,
                                          dimension == 1 ? "entry" : "entries"));
  }
  const Node* degree = valid(valid(&root, "space"), "degree");
  if (degree != nullptr && degree->integer > 3 && type != nullptr &&
      (type->string == "tri" || type->string == "tet")) {
    report.error(degree->where.file.empty() ? type->where : degree->where,
                 fmt::format("space.degree = {} (must be 1 to 3 on {} cells)", degree->integer,
                             type->string));
  }

  const Node* distortion = valid(mesh, "distortion");
  const Node* amount = valid(mesh, "distortion_amount");
  if (distortion == nullptr || amount == nullptr) return;
  if (distortion->string == "kershaw" && dimension == 1) {
    report.error(distortion->where,
                 "mesh.distortion = \"kershaw\" needs 2 or 3 dimensions (mesh.cells has 1 entry)");
  }
  if (distortion->string == "none" && amount->number() > 0.0) {
    report.error(
        amount->where,
        fmt::format("mesh.distortion_amount = {} has no effect with mesh.distortion = \"none\"; "
                    "choose \"smooth\", \"random\" or \"kershaw\"",
                    shown(*amount)));
  } else if (distortion->string != "none" && amount->number() == 0.0) {
    report.error(
        amount->where.file.empty() ? distortion->where : amount->where,
        fmt::format("mesh.distortion = {} needs mesh.distortion_amount > 0", shown(*distortion)));
  }
}

// ---- equation ----

void check_coefficients(const Problem& problem, Report& report) {
  Uniqueness regions;
  for (std::size_t i = 0; i < problem.materials.size() && !report.full(); ++i) {
    const Material& material = problem.materials[i];
    if (!material.region.text.empty()) {
      if (const auto* first = regions.first(material.region.text, material.region.where)) {
        report.error(material.region.where,
                     fmt::format("material[{}].region = {} has a [[material]] already ({})", i,
                                 name_text(material.region.text), first->text()));
      }
    }
    if (problem.equation.kind != EquationKind::poisson) continue;
    const auto refuse = [&](const base::Location& where, const char* key) {
      report.error(where,
                   fmt::format("material[{}].{} does not go with equation.kind = \"poisson\" (it "
                               "needs \"advection-diffusion-reaction\" or \"coefficient-form\")",
                               i, key));
    };
    const Coefficients& c = material.coefficients;
    if (c.advection) refuse(c.advection->front().where, "advection");
    if (c.reaction) refuse(c.reaction->where, "reaction");
  }
}

// ---- boundaries ----

void check_conditions(const Node& root, Report& report) {
  const Node* boundaries = valid(&root, "boundary");
  if (boundaries == nullptr) return;
  for (std::size_t i = 0; i < boundaries->items.size() && !report.full(); ++i) {
    const Node& table = boundaries->items[i];
    std::vector<std::string> given;
    std::vector<const Entry*> entries;
    for (const char* name : {"value", "flux", "robin"}) {
      if (const Entry* entry = table.find(name)) {
        given.push_back(name);
        entries.push_back(entry);
      }
    }
    if (given.size() == 1) continue;
    // A misspelt condition has been told as an unknown key.
    const bool unsure = std::any_of(table.entries.begin(), table.entries.end(),
                                    [](const Entry& entry) { return entry.value.invalid; });
    if (given.empty() && unsure) continue;
    if (given.empty()) {
      report.error(
          table.where,
          fmt::format("boundary[{}] has no condition: give exactly one of value, flux and robin "
                      "(flux = 0 insulates)",
                      i));
    } else {
      report.error(entries[1]->where,
                   fmt::format("boundary[{}] has {}: give exactly one of value, flux and robin", i,
                               base::list(given)));
    }
  }
}

void check_clashes(const Problem& problem, Report& report) {
  struct Use {
    std::size_t boundary;
    const base::Location* where;
  };
  std::map<std::string, Use> uses;
  for (std::size_t i = 0; i < problem.boundaries.size(); ++i) {
    for (const Name& name : problem.boundaries[i].on) {
      if (report.full()) return;
      const auto [place, is_new] = uses.emplace(name.text, Use{i, &name.where});
      if (is_new) continue;
      const Use& first = place->second;
      if (first.boundary == i) {
        report.error(name.where,
                     fmt::format("boundary[{}].on names {} twice", i, name_text(name.text)));
        continue;
      }
      // Flux and Robin terms add up, a prescribed value stands alone (docs/decisions/0005).
      const auto is_value = [&](std::size_t k) {
        return problem.boundaries[k].kind == Boundary::Kind::value;
      };
      const int n_values = (is_value(i) ? 1 : 0) + (is_value(first.boundary) ? 1 : 0);
      if (n_values == 0) continue;
      report.error(
          name.where,
          fmt::format("boundary[{}].on = {} is in boundary[{}] already ({}): {}", i,
                      name_text(name.text), first.boundary, first.where->text(),
                      n_values == 2 ? "two values for the same u (Dirichlet clash)"
                                    : "where u is prescribed there is no other condition"));
    }
  }
}

// ---- solver, outputs, verify ----

void check_fallback(const Problem& problem, Report& report) {
  const std::vector<std::string>& methods = find_key("solver.method")->choices;
  const std::vector<std::string>& preconditioners = find_key("solver.preconditioner")->choices;
  for (std::size_t i = 0; i < problem.solver.fallback.size() && !report.full(); ++i) {
    const std::string& entry = problem.solver.fallback[i];
    const std::size_t plus = entry.find('+');
    std::string why;
    if (entry == "direct") continue;
    if (plus == std::string::npos) {
      why = contains(methods, entry)
                ? fmt::format("add a preconditioner, such as \"{}+ilu\"", entry)
                : "expected \"method+preconditioner\", such as \"gmres+ilu\", or \"direct\"";
    } else {
      const std::string method = entry.substr(0, plus), preconditioner = entry.substr(plus + 1);
      if (!contains(methods, method)) {
        why = fmt::format("no method {}{} methods are {}", name_text(method),
                          suggestion(method, methods), base::list(methods));
      } else if (!contains(preconditioners, preconditioner)) {
        why =
            fmt::format("no preconditioner {}{} preconditioners are {}", name_text(preconditioner),
                        suggestion(preconditioner, preconditioners), base::list(preconditioners));
      }
    }
    if (!why.empty()) {
      report.error(problem.solver.fallback_where[i],
                   fmt::format("solver.fallback[{}] = {} ({})", i, name_text(entry), why));
    }
  }
}

bool needs_matrix(const std::string& preconditioner) {
  return preconditioner == "ilu" || preconditioner == "amg" || preconditioner == "direct";
}

/// What of method, preconditioner, operator and engine does not go together, whatever the mesh is.
void check_solver(const Problem& problem, Report& report) {
  const SolverOptions& solver = problem.solver;
  if (solver.method == "pipelined-cg" && solver.engine == "belos")
    report.error(solver.method_where,
                 "solver.method = \"pipelined-cg\" is not in Belos; take engine = \"native\"");
  if (solver.operator_kind != "matrix-free") return;
  const char* remedy = "take multigrid, chebyshev or jacobi, or operator = \"assembled\"";
  if (needs_matrix(solver.preconditioner)) {
    report.error(solver.preconditioner_where,
                 fmt::format("solver.preconditioner = \"{}\" needs a stored matrix and "
                             "solver.operator = \"matrix-free\" has none; {}",
                             solver.preconditioner, remedy));
  }
  for (std::size_t i = 0; i < solver.fallback.size() && !report.full(); ++i) {
    const std::string& entry = solver.fallback[i];
    if (!needs_matrix(entry.substr(entry.find('+') + 1))) continue;  // npos + 1 is 0
    report.error(solver.fallback_where[i],
                 fmt::format("solver.fallback[{}] = {} needs a stored matrix and solver.operator = "
                             "\"matrix-free\" has none; {}",
                             i, name_text(entry), remedy));
  }
}

void check_outputs(const Node& root, const Problem& problem, Report& report) {
  const Node* probe_list = valid(&root, "probe");
  Uniqueness probes, integrals, expected;
  std::vector<std::string> probe_names;
  for (std::size_t i = 0; i < problem.probes.size() && !report.full(); ++i) {
    const Probe& probe = problem.probes[i];
    if (probe.name.empty()) continue;
    probe_names.push_back(probe.name);
    if (const auto* first = probes.first(probe.name, probe.where)) {
      const Node* name = valid(&probe_list->items[i], "name");
      report.error(name == nullptr || name->where.file.empty() ? probe.where : name->where,
                   fmt::format("probe[{}].name = {} is taken ({})", i, name_text(probe.name),
                               first->text()));
    }
  }
  const Node* integral_list = valid(&root, "integral");
  for (std::size_t i = 0; i < problem.integrals.size() && !report.full(); ++i) {
    const std::string& name = problem.integrals[i].name;
    const base::Location& where = integral_list->items[i].where;
    if (name.empty()) continue;
    if (const auto* first = integrals.first(name, where)) {
      report.error(where, fmt::format("integral[{}].name = {} is taken ({})", i, name_text(name),
                                      first->text()));
    }
  }
  const bool all_known =
      problem.probes.size() == probe_names.size() && (root.find("probe") == nullptr || probe_list);
  for (std::size_t i = 0; i < problem.verify.probes.size() && !report.full(); ++i) {
    const Name& name = problem.verify.probes[i].probe;
    if (name.text.empty()) continue;
    if (const auto* first = expected.first(name.text, name.where)) {
      report.error(name.where, fmt::format("verify.probe[{}].name = {} has a value already ({})", i,
                                           name_text(name.text), first->text()));
    } else if (all_known && !contains(probe_names, name.text)) {
      report.error(
          name.where,
          fmt::format("verify.probe[{}].name = {}: no [[probe]] has this name{} probes: {}", i,
                      name_text(name.text), suggestion(name.text, probe_names),
                      name_list(probe_names)));
    }
  }

  const Node* verify = valid(&root, "verify");
  for (const char* name : {"max_l2_error", "max_h1_error"}) {
    const Node* bound = valid(verify, name);
    if (bound != nullptr && verify->find("exact") == nullptr) {
      report.error(bound->where,
                   fmt::format("verify.{} needs verify.exact, the exact solution", name));
    }
  }
}

}  // namespace

void check_rules(const Node& root, const Problem& problem, Report& report) {
  check_parameters(problem, report);
  if (const Node* sets = valid(valid(&root, "mesh"), "sets")) {
    for (const Entry& entry : sets->entries) {
      if (entry.name.empty() || entry.name == rest_name) {
        report.error(entry.where,
                     fmt::format("mesh.sets.{}: this name is not free", key_text(entry.name)));
      }
    }
  }
  check_conditions(root, report);
  check_clashes(problem, report);
  check_coefficients(problem, report);
  check_fallback(problem, report);
  check_solver(problem, report);
  check_outputs(root, problem, report);

  const int dimension = box_dimension(root);
  if (dimension == 0) return;
  check_box(root, problem, dimension, report);
  check_dimension(problem, dimension, report.diagnostics());
  check_cells(problem, problem.mesh.box.cell_type, report.diagnostics());
  // With a wrong or unread part of the deck, what is said about names would only confuse.
  const Node* boundaries = valid(&root, "boundary");
  const bool all_named =
      boundaries != nullptr && !report.incomplete() &&
      std::all_of(boundaries->items.begin(), boundaries->items.end(), [](const Node& item) {
        const Node* on = valid(&item, "on");
        return on != nullptr;
      });
  Problem named = all_named ? problem : Problem{};
  if (!all_named) {
    named.materials = problem.materials;
    named.integrals = problem.integrals;
    named.mesh = problem.mesh;
  }
  check_names(named, {box_region}, box_set_names(dimension), report.diagnostics());
}

std::vector<std::string> box_set_names(int dimension) {
  std::vector<std::string> names{"left", "right", "bottom", "top", "front", "back"};
  names.resize(static_cast<std::size_t>(2 * std::clamp(dimension, 0, 3)));
  return names;
}

void check_names(const Problem& problem, const std::vector<std::string>& regions,
                 const std::vector<std::string>& sets, base::Diagnostics& diagnostics) {
  Report report(diagnostics);
  std::vector<std::string> all_sets = sets;
  std::set<std::string> extra;
  for (const NamedSet& set : problem.mesh.sets) {
    if (contains(sets, set.name.text) || contains(regions, set.name.text)) {
      report.error(
          set.name.where,
          fmt::format("mesh.sets.{} would hide the {} of that name in the mesh; use another name",
                      key_text(set.name.text),
                      contains(sets, set.name.text) ? "boundary set" : "region"));
    } else {
      all_sets.push_back(set.name.text);
      extra.insert(set.name.text);
    }
  }
  for (std::size_t i = 0; i < problem.materials.size() && !report.full(); ++i) {
    const Name& region = problem.materials[i].region;
    if (region.text.empty() || contains(regions, region.text)) continue;
    report.error(
        region.where,
        fmt::format("material[{}].region = {}: the mesh has no such region{} regions: {}", i,
                    name_text(region.text), suggestion(region.text, regions), name_list(regions)));
  }

  const std::set<std::string> known(all_sets.begin(), all_sets.end());
  std::set<std::string> used;
  bool rest = false;
  bool extra_used = false;
  for (std::size_t i = 0; i < problem.boundaries.size(); ++i) {
    for (const Name& name : problem.boundaries[i].on) {
      used.insert(name.text);
      if (name.text == rest_name) rest = true;
      if (extra.count(name.text) > 0) extra_used = true;
      if (name.text == rest_name || known.count(name.text) > 0 || report.full()) continue;
      std::vector<std::string> choices = all_sets;
      choices.emplace_back(rest_name);
      report.error(
          name.where,
          fmt::format("boundary[{}].on = {}: {}{} boundary sets: {}", i, name_text(name.text),
                      contains(regions, name.text) ? "this is a region of cells"
                                                   : "no boundary set has this name",
                      suggestion(name.text, choices), name_list(choices)));
    }
  }
  for (std::size_t i = 0; i < problem.integrals.size() && !report.full(); ++i) {
    const Integral& integral = problem.integrals[i];
    const std::string& name = integral.on.text;
    const bool is_region = contains(regions, name);
    if (name.empty() || known.count(name) > 0) continue;
    if (is_region && integral.kind == Integral::Kind::value) continue;
    if (is_region) {
      report.error(
          integral.on.where,
          fmt::format("integral[{}].on = {} is a region; kind = \"flux\" needs a boundary set: {}",
                      i, name_text(name), name_list(all_sets)));
      continue;
    }
    std::vector<std::string> choices = all_sets;
    choices.insert(choices.end(), regions.begin(), regions.end());
    report.error(
        integral.on.where,
        fmt::format("integral[{}].on = {}: no boundary set or region has this name{} there are "
                    "the boundary sets {} and the regions {}",
                    i, name_text(name), suggestion(name, choices), name_list(all_sets),
                    name_list(regions)));
  }

  if (rest || extra_used || problem.boundaries.empty()) return;
  std::vector<std::string> missing;
  for (const std::string& set : sets) {
    if (used.count(set) == 0) missing.push_back("\"" + set + "\"");
  }
  if (missing.empty()) return;
  report.error(
      {problem.boundaries.front().where.file},
      fmt::format("no [[boundary]] is on {}: every part of the boundary needs a condition; on = "
                  "[\"rest\"] stands for all that is not named, flux = 0 insulates",
                  name_list(missing)));
}

void check_cells(const Problem& problem, const std::string& cell_type,
                 base::Diagnostics& diagnostics) {
  if (cell_type != "tri" && cell_type != "tet") return;
  Report report(diagnostics);
  const SolverOptions& solver = problem.solver;
  if (solver.operator_kind == "matrix-free") {
    report.error(
        solver.operator_where,
        fmt::format("solver.operator = \"matrix-free\" is for line, quad and hex cells and "
                    "the mesh has {}; take \"auto\" or \"assembled\"",
                    cell_type));
  }
  if (solver.preconditioner == "multigrid") {
    report.error(
        solver.preconditioner_where,
        fmt::format("solver.preconditioner = \"multigrid\" is for line, quad and hex cells "
                    "and the mesh has {}; take \"amg\"",
                    cell_type));
  }
  for (std::size_t i = 0; i < solver.fallback.size() && !report.full(); ++i) {
    if (!solver.fallback[i].ends_with("+multigrid")) continue;
    report.error(solver.fallback_where[i],
                 fmt::format("solver.fallback[{}] = {}: multigrid is for line, quad and hex cells "
                             "and the mesh has {}; take amg",
                             i, name_text(solver.fallback[i]), cell_type));
  }
}

void check_dimension(const Problem& problem, int dimension, base::Diagnostics& diagnostics) {
  Report report(diagnostics);
  const auto d = static_cast<std::size_t>(dimension);
  const auto check = [&](const Coefficients& c, const std::string& table) {
    if (c.diffusion && !c.diffusion->entries.empty()) {
      const std::size_t n = c.diffusion->entries.size();
      if (n != 1 && n != d && n != d * d) {
        report.error(
            c.diffusion->entries.front().where,
            fmt::format("{}.diffusion has {} entries (expected 1, {} or {} x {}: the mesh has {} "
                        "dimension{})",
                        table, n, d, d, d, d, d == 1 ? "" : "s"));
      }
    }
    if (c.advection && c.advection->size() != d && !c.advection->empty()) {
      report.error(
          c.advection->front().where,
          fmt::format("{}.advection has {} {} (expected {}: the mesh has {} dimension{})", table,
                      c.advection->size(), c.advection->size() == 1 ? "entry" : "entries", d, d,
                      d == 1 ? "" : "s"));
    }
  };
  check(problem.equation.coefficients, "equation");
  for (std::size_t i = 0; i < problem.materials.size() && !report.full(); ++i) {
    check(problem.materials[i].coefficients, fmt::format("material[{}]", i));
  }
  const BoxMesh& box = problem.mesh.box;
  const bool box_known =
      problem.mesh.kind == MeshKind::box && box.lower.size() == d && box.upper.size() == d;
  for (std::size_t i = 0; i < problem.probes.size() && !report.full(); ++i) {
    const Probe& probe = problem.probes[i];
    const bool flat = std::all_of(probe.at.begin() + dimension, probe.at.end(),
                                  [](double value) { return value == 0.0; });
    if (probe.n_coordinates != dimension && !(probe.n_coordinates == 3 && flat)) {
      report.error(
          probe.where,
          fmt::format("probe[{}].at has {} {} (expected {}: the mesh has {} dimension{})", i,
                      probe.n_coordinates, probe.n_coordinates == 1 ? "entry" : "entries", d, d,
                      d == 1 ? "" : "s"));
      continue;
    }
    for (std::size_t k = 0; k < d && box_known; ++k) {
      if (probe.at[k] >= box.lower[k] && probe.at[k] <= box.upper[k]) continue;
      report.error(probe.where,
                   fmt::format("probe[{}].at[{}] = {} is outside the box ({} to {})", i, k,
                               base::number_text(probe.at[k]), base::number_text(box.lower[k]),
                               base::number_text(box.upper[k])));
    }
  }
}

}  // namespace ritz::deck
