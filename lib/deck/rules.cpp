#include "rules.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <set>

#include "check.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "rule_tools.hpp"

namespace ritz::deck {

namespace {

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

/// "x-mesh" and "x-000001" are files of the series "x".
bool is_name_of_parts(const std::string& name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string::npos) return false;
  const std::string end = name.substr(dash + 1);
  return end == "mesh" ||
         (!end.empty() && end.find_first_not_of("0123456789") == std::string::npos);
}

/// Times and fields of [output] or of an [[output.block]], `told`.
template <class Part>
void check_part(const Node& root, const Problem& problem, const Node* table, const Part& part,
                const std::string& told, const std::vector<std::string>& fields, Report& report) {
  const Node* every = valid(table, "every");
  const Node* every_steps = valid(table, "every_steps");
  const Node* times = valid(table, "times");
  if (every != nullptr && every_steps != nullptr) {
    report.error(every_steps->where,
                 fmt::format("{0}.every_steps and {0}.every: give one of the two", told));
  }
  for (const auto& [node, name] :
       {std::pair{every, "every"}, {every_steps, "every_steps"}, {times, "times"}}) {
    if (node == nullptr || root.find("time") != nullptr || report.incomplete()) continue;
    report.error(node->where,
                 fmt::format("{}.{} needs [time]: a steady problem has one result", told, name));
  }
  for (std::size_t i = 0; times != nullptr && problem.time && i < times->items.size(); ++i) {
    const double time = times->items[i].number();
    if ((time >= problem.time->start && time <= problem.time->end) || report.full()) continue;
    report.error(
        times->items[i].where,
        fmt::format("{}.times[{}] = {} lies outside of time.start = {:g} to time.end = {:g}", told,
                    i, shown(times->items[i]), problem.time->start, problem.time->end));
  }
  for (std::size_t i = 0; i < part.only.size() && !fields.empty() && !report.full(); ++i) {
    if (contains(fields, part.only[i].text)) continue;
    report.error(part.only[i].where,
                 fmt::format("{}.only[{}] = {}: there is no such field{} fields: {}", told, i,
                             name_text(part.only[i].text), suggestion(part.only[i].text, fields),
                             name_list(fields)));
  }
}

/// [output] and each [[output.block]].
void check_parts(const Node& root, const Problem& problem, Report& report) {
  const Node* output = valid(&root, "output");
  std::vector<std::string> fields;
  // With a mesh of a file the displacements that there are are not known here.
  if (!is_elastic(problem) && unknown_names(root).known) {
    fields = names_of(problem.equation.unknowns);
    for (const OutputOptions::Field& field : problem.output.further)
      fields.push_back(field.name.text);
    for (int k = 0; k < static_cast<int>(problem.equation.unknowns.size()); ++k) {
      if (problem.output.rates && problem.time && order_in_time(problem, k) == 2)
        fields.push_back("rate_" + problem.equation.unknowns[static_cast<std::size_t>(k)].name);
    }
  }
  check_part(root, problem, output, problem.output, "output", fields, report);
  const Node* list = valid(output, "block");
  Uniqueness names;
  for (std::size_t i = 0; i < problem.output.blocks.size() && !report.full(); ++i) {
    const OutputOptions::Block& block = problem.output.blocks[i];
    const Node* table = &list->items[i];
    const std::string told = fmt::format("output.block[{}]", i);
    check_part(root, problem, table, block, told, fields, report);
    const std::string& name = block.name.text;
    const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-';
    });
    if (!name.empty() && !is_name) {
      report.error(block.name.where,
                   fmt::format("{}.name = {} (letters, digits, _ and - only: it is the name of "
                               "files)",
                               told, name_text(name)));
    } else if (is_name_of_parts(name)) {
      report.error(
          block.name.where,
          fmt::format("{}.name = {} ends like the files of a series (-mesh, -000001), which "
                      "another name could have",
                      told, name_text(name)));
    } else if (name == "results") {
      report.error(block.name.where,
                   fmt::format("{}.name = \"results\" is the name of [output]'s own files", told));
    } else if (!name.empty()) {
      if (const auto* first = names.first(name, block.name.where)) {
        report.error(block.name.where, fmt::format("{}.name = {} is taken ({})", told,
                                                   name_text(name), first->text()));
      }
    }
    if (!block.slice) continue;
    const OutputOptions::Block::Slice& slice = *block.slice;
    if (!block.on.empty()) {
      report.error(slice.where, told + ".slice and on: give one of the two");
    }
    const int dimension = box_dimension(root);
    const auto n = static_cast<int>(slice.point.size());
    if (n == 0 || slice.normal.empty()) continue;
    if (slice.point.size() != slice.normal.size() || (dimension > 0 && n != dimension)) {
      report.error(slice.where,
                   fmt::format("{}.slice: point has {} coordinates and normal {} (expected one "
                               "each a dimension of the mesh, 2 or 3)",
                               told, n, slice.normal.size()));
    } else if (std::all_of(slice.normal.begin(), slice.normal.end(),
                           [](double x) { return x == 0.0; })) {
      report.error(slice.where, told + ".slice.normal is zero: it has no direction");
    }
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
    const std::string& of = problem.verify.probes[i].of.text;
    if (name.text.empty()) continue;
    // A probe and what is known there; names hold no control characters.
    if (const auto* first = expected.first(name.text + "\n" + of, name.where)) {
      report.error(name.where,
                   fmt::format("verify.probe[{}].name = {} has a value{} already ({})", i,
                               name_text(name.text), of.empty() ? "" : " of " + name_text(of),
                               first->text()));
    } else if (all_known && !contains(probe_names, name.text)) {
      report.error(
          name.where,
          fmt::format("verify.probe[{}].name = {}: no [[probe]] has this name{} probes: {}", i,
                      name_text(name.text), suggestion(name.text, probe_names),
                      name_list(probe_names)));
    }
  }

  Uniqueness fields;
  const std::vector<std::string> unknown_list = names_of(problem.equation.unknowns);
  for (std::size_t i = 0; i < problem.output.further.size() && !report.full(); ++i) {
    const Name& name = problem.output.further[i].name;
    if (name.text.empty()) continue;
    const std::string told = fmt::format("output.field[{}].name = {}", i, name_text(name.text));
    if (const auto* first = fields.first(name.text, name.where)) {
      report.error(name.where, fmt::format("{} is taken ({})", told, first->text()));
    } else if (!is_identifier(name.text)) {
      report.error(name.where, told +
                                   " is no name for a field: letters, digits and _ only, not "
                                   "beginning with a digit");
    } else if (contains(unknown_list, name.text) ||
               (is_elastic(problem) && contains(stress_names(), name.text))) {
      report.error(name.where, told + " is the name of a field that is written anyway");
    }
  }

  check_parts(root, problem, report);

  if (const Node* every = valid(valid(&root, "checkpoint"), "every");
      every != nullptr && root.find("time") == nullptr && !report.incomplete()) {
    report.error(every->where,
                 "checkpoint.every is simulated time and needs [time]; for a steady problem there "
                 "are every_steps (iterations) and every_walltime");
  }

  if (const Node* level = valid(valid(&root, "checkpoint"), "level")) {
    using Compression = CheckpointOptions::Compression;
    const CheckpointOptions& options = problem.checkpoint;
    if (options.compression == Compression::none) {
      report.error(level->where,
                   "checkpoint.level is of no use with checkpoint.compression = \"none\"; remove "
                   "it");
    } else if (options.compression == Compression::deflate &&
               (options.level < 1 || options.level > 9)) {
      report.error(level->where, fmt::format("checkpoint.level = {} (must be 1 to 9 with "
                                             "checkpoint.compression = \"deflate\"); default is 1",
                                             options.level));
    } else if (options.level == 0) {
      report.error(level->where,
                   "checkpoint.level = 0 (must be -7 to -1 or 1 to 19 with checkpoint.compression "
                   "= \"zstd\"); default is 1");
    }
  }

  const Node* verify = valid(&root, "verify");
  const Name& known = problem.verify.unknown_name;
  const std::vector<std::string> unknowns = names_of(problem.equation.unknowns);
  if (!known.text.empty() && unknown_names(root).known && !contains(unknowns, known.text)) {
    report.error(
        known.where,
        fmt::format("verify.unknown = {}: no unknown has this name{} unknowns: {}",
                    name_text(known.text), suggestion(known.text, unknowns), name_list(unknowns)));
  }
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
  check_equation(root, problem, report);
  check_boundaries(root, problem, report);
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
  const std::vector<std::string> unknowns = names_of(problem.equation.unknowns);
  const bool has_periodic = root.find("periodic") != nullptr;
  const Node* pairs = valid(&root, "periodic");
  const bool pairs_named =
      !has_periodic || (pairs != nullptr &&
                        std::all_of(pairs->items.begin(), pairs->items.end(), [](const Node& item) {
                          return valid(&item, "from") != nullptr && valid(&item, "to") != nullptr;
                        }));
  const bool boundaries_named =
      boundaries != nullptr || (has_periodic && root.find("boundary") == nullptr);
  const bool all_named =
      boundaries_named && pairs_named && !report.incomplete() &&
      std::set<std::string>(unknowns.begin(), unknowns.end()).size() == unknowns.size() &&
      (boundaries == nullptr || std::all_of(boundaries->items.begin(), boundaries->items.end(),
                                            [](const Node& item) {
                                              const Entry* unknown = item.find("unknown");
                                              return valid(&item, "on") != nullptr &&
                                                     (unknown == nullptr ||
                                                      !unknown->value.invalid);
                                            })) &&
      std::all_of(problem.boundaries.begin(), problem.boundaries.end(),
                  [&](const Boundary& one) { return is_known(problem, one.unknown_name); });
  Problem named;
  if (all_named) {
    named = problem;
  } else {
    named.equation = problem.equation;
    named.materials = problem.materials;
    named.integrals = problem.integrals;
    named.output = problem.output;
    named.mesh = problem.mesh;
  }
  check_names(named, {box_region}, box_set_names(dimension), report.diagnostics());
}

}  // namespace ritz::deck
