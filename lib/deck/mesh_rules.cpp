#include "ritz/base/format.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "check.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "rule_tools.hpp"
#include "rules.hpp"

namespace ritz::deck {

namespace {

/// The displacements that a deck names and those that it must, against the mesh of a file; for a
/// box that has been done.
void check_displacements(const Problem& problem, int dimension, Report& report) {
  if (problem.mesh.kind == MeshKind::box) return;
  for (const auto* list : {&problem.initial.values, &problem.initial.rates}) {
    for (const InitialValue& value : *list) {
      if (value.index < dimension + (is_thermal(problem) ? 1 : 0) ||
          value.unknown.where.file.empty())
        continue;
      report.error(value.unknown.where,
                   fmt::format("initial.{}{}: the mesh has {} dimension{}, so there is no {}",
                               list == &problem.initial.rates ? "rate." : "", value.unknown.text,
                               dimension, dimension == 1 ? "" : "s", value.unknown.text));
    }
  }
  const std::vector<std::string> names = unknown_names(problem, dimension);
  for (std::size_t k = 1;
       k < names.size() && problem.time && !is_thermal(problem) && problem.initial.from.empty();
       ++k) {
    const bool given =
        std::any_of(problem.initial.values.begin(), problem.initial.values.end(),
                    [&](const InitialValue& value) { return value.unknown.text == names[k]; });
    if (given) continue;
    report.error(problem.time->where,
                 fmt::format("initial.{0} is missing: {0} changes in time and needs a value at "
                             "time.start; for example [initial] {0} = 0.0",
                             names[k]));
  }
  const Name& known = problem.verify.unknown_name;
  if (!known.text.empty() && problem.verify.unknown >= dimension + (is_thermal(problem) ? 1 : 0)) {
    report.error(known.where,
                 fmt::format("verify.unknown = {}: the mesh has {} dimension{}",
                             name_text(known.text), dimension, dimension == 1 ? "" : "s"));
  }
}

}  // namespace

void check_box(const Node& root, const Problem& problem, int dimension, Report& report) {
  const Node* mesh = valid(&root, "mesh");
  for (const char* name : {"lower", "upper", "grading", "map"}) {
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
  // Where a map takes the box only the mesh can tell.
  if (problem.equation.is_axisymmetric && box.map.empty() && !box.lower.empty() &&
      box.lower[0] < 0) {
    const Node& lower = valid(mesh, "lower")->items[0];
    report.error(lower.where,
                 fmt::format("mesh.lower[0] = {} (must be >= 0: x is the radius of a body of "
                             "revolution, {})",
                             shown(lower), problem.equation.axisymmetric_where.text()));
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

  const Node* order = valid(mesh, "order");
  if (order != nullptr && order->integer > 1 && mesh->find("map") == nullptr) {
    report.error(order->where,
                 fmt::format("mesh.order = {} has no effect without mesh.map: the cells of a box "
                             "are straight",
                             order->integer));
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
  // Of each unknown; elasticity has one set of conditions for all of them.
  struct Cover {
    std::set<std::string> used;
    bool open_ended = false;  ///< "rest", or sets of which only the mesh knows the facets
  };
  std::vector<Cover> covers(is_thermal(problem)   ? 2
                            : is_elastic(problem) ? 1
                                                  : problem.equation.unknowns.size());
  for (std::size_t i = 0; i < problem.boundaries.size(); ++i) {
    Cover& cover = covers[static_cast<std::size_t>(problem.boundaries[i].unknown)];
    for (const Name& name : problem.boundaries[i].on) {
      cover.used.insert(name.text);
      if (name.text == rest_name || extra.count(name.text) > 0) cover.open_ended = true;
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
  for (std::size_t i = 0; i < problem.periodics.size(); ++i) {
    const Periodic& pair = problem.periodics[i];
    for (const auto& [name, key] : {std::pair{&pair.from, "from"}, {&pair.to, "to"}}) {
      for (Cover& cover : covers) {
        cover.used.insert(name->text);
        if (extra.count(name->text) > 0) cover.open_ended = true;
      }
      const bool is_known = name->text.empty() || name->text == rest_name;  // told
      if (is_known || known.count(name->text) > 0 || report.full()) continue;
      report.error(
          name->where,
          fmt::format("periodic[{}].{} = {}: {}{} boundary sets: {}", i, key, name_text(name->text),
                      contains(regions, name->text) ? "this is a region of cells"
                                                    : "no boundary set has this name",
                      suggestion(name->text, all_sets), name_list(all_sets)));
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

  for (std::size_t i = 0; i < problem.output.blocks.size(); ++i) {
    const std::vector<Name>& on = problem.output.blocks[i].on;
    for (const Name& name : on) {
      if (report.full()) break;
      const bool is_region = contains(regions, name.text) && known.count(name.text) == 0;
      const bool is_set = known.count(name.text) > 0;
      if (!is_region && !is_set) {
        std::vector<std::string> choices = all_sets;
        choices.insert(choices.end(), regions.begin(), regions.end());
        report.error(name.where,
                     fmt::format("output.block[{}].on = {}: no boundary set or region has this "
                                 "name{} there are the boundary sets {} and the regions {}",
                                 i, name_text(name.text), suggestion(name.text, choices),
                                 name_list(all_sets), name_list(regions)));
      } else if (is_set != (known.count(on.front().text) > 0)) {
        report.error(name.where,
                     fmt::format("output.block[{}].on = {} is a {} and {} is not: give boundary "
                                 "sets or regions",
                                 i, name_text(name.text), is_set ? "boundary set" : "region",
                                 name_text(on.front().text)));
      }
    }
  }

  if (problem.boundaries.empty() && problem.periodics.empty()) return;
  for (std::size_t k = 0; k < covers.size() && !report.full(); ++k) {
    if (covers[k].open_ended || !has_flux(problem, static_cast<int>(k))) continue;
    std::vector<std::string> missing;
    for (const std::string& set : sets) {
      if (covers[k].used.count(set) == 0) missing.push_back("\"" + set + "\"");
    }
    if (missing.empty()) continue;
    report.error(
        {problem.boundaries.empty() ? problem.periodics.front().where.file
                                    : problem.boundaries.front().where.file},
        fmt::format("no [[boundary]]{} is on {}: every part of the boundary needs a condition; on "
                    "= [\"rest\"] stands for all that is not named, {}",
                    covers.size() > 1 ? " of " + unknown_text(problem, static_cast<int>(k)) : "",
                    name_list(missing),
                    is_elastic(problem) && !(is_thermal(problem) && k == 0)
                        ? "pressure = 0 leaves it free"
                        : "flux = 0 insulates"));
  }
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
  const auto length = [&](std::size_t n, const base::Location& where, const std::string& key) {
    if (n == d) return;
    report.error(where, fmt::format("{} has {} {} (expected {}: the mesh has {} dimension{})", key,
                                    n, n == 1 ? "entry" : "entries", d, d, d == 1 ? "" : "s"));
  };
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
    if (c.advection && !c.advection->empty()) {
      length(c.advection->size(), c.advection->front().where, table + ".advection");
    }
  };
  const auto check_force = [&](const Elasticity& elasticity, const std::string& table) {
    if (elasticity.body_force && !elasticity.body_force->empty()) {
      length(elasticity.body_force->size(), elasticity.body_force->front().where,
             table + ".body_force");
    }
  };
  for (const Unknown& unknown : problem.equation.unknowns) {
    check(unknown.coefficients,
          has_several(problem) ? "equation." + shown_text(unknown.name) : std::string("equation"));
  }
  check_force(problem.equation.elasticity, "equation");
  for (std::size_t i = 0; i < problem.materials.size() && !report.full(); ++i) {
    check(problem.materials[i].coefficients, fmt::format("material[{}]", i));
    check_force(problem.materials[i].elasticity, fmt::format("material[{}]", i));
  }
  if (problem.equation.is_axisymmetric && !is_elastic(problem) && dimension == 3) {
    report.error(
        problem.equation.axisymmetric_where,
        "equation.coordinates = \"axisymmetric\" is for one and two dimensions and the mesh "
        "has 3");
  }
  for (std::size_t i = 0; i < problem.periodics.size() && !report.full(); ++i) {
    const Periodic& pair = problem.periodics[i];
    if (!pair.translation) continue;
    length(static_cast<std::size_t>(pair.n_translation), pair.translation_where,
           fmt::format("periodic[{}].translation", i));
    if (problem.equation.is_axisymmetric && (*pair.translation)[0] != 0) {
      report.error(pair.translation_where,
                   fmt::format("periodic[{}].translation moves across the axis of a body of "
                               "revolution; only a move along y is possible",
                               i));
    }
  }
  if (is_elastic(problem)) {
    for (std::size_t i = 0; i < problem.boundaries.size() && !report.full(); ++i) {
      const Boundary& boundary = problem.boundaries[i];
      if (!boundary.displacement.empty()) {
        const auto given = std::find_if(boundary.displacement.begin(), boundary.displacement.end(),
                                        [](const auto& component) { return component; });
        length(boundary.displacement.size(),
               given == boundary.displacement.end() ? boundary.where : (*given)->where,
               fmt::format("boundary[{}].displacement", i));
      }
      if (!boundary.traction.empty()) {
        length(boundary.traction.size(), boundary.traction.front().where,
               fmt::format("boundary[{}].traction", i));
      }
    }
    if (problem.equation.plane_where && dimension != 2) {
      report.error(
          *problem.equation.plane_where,
          fmt::format("equation.plane is for two dimensions and the mesh has {}", dimension));
    }
    check_displacements(problem, dimension, report);
  }
  const BoxMesh& box = problem.mesh.box;
  const bool box_known = problem.mesh.kind == MeshKind::box && box.map.empty() &&
                         box.lower.size() == d && box.upper.size() == d;
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
