#include "fill.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "check.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "values.hpp"

namespace ritz::deck {

std::string mesh_path(const std::string& deck_file, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(deck_file).parent_path() / name;
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(path, failed);
  return (failed ? path : absolute).lexically_normal().string();
}

namespace {

void read(const Node* table, const char* name, std::string& target) {
  if (const Node* node = valid(table, name)) target = node->string;
}

void read(const Node* table, const char* name, bool& target) {
  if (const Node* node = valid(table, name)) target = node->boolean;
}

void read(const Node* table, const char* name, int& target) {
  if (const Node* node = valid(table, name)) target = static_cast<int>(node->integer);
}

void read(const Node* table, const char* name, std::int64_t& target) {
  if (const Node* node = valid(table, name)) target = node->integer;
}

void read(const Node* table, const char* name, double& target) {
  if (const Node* node = valid(table, name)) target = node->number();
}

void read(const Node* table, const char* name, std::optional<double>& target) {
  if (const Node* node = valid(table, name)) target = node->number();
}

void read(const Node* table, const char* name, std::vector<double>& target) {
  const Node* node = valid(table, name);
  if (node == nullptr) return;
  target.clear();
  for (const Node& item : node->items) target.push_back(item.number());
}

void read(const Node* table, const char* name, std::vector<std::int64_t>& target) {
  const Node* node = valid(table, name);
  if (node == nullptr) return;
  target.clear();
  for (const Node& item : node->items) target.push_back(item.integer);
}

void read(const Node* table, const char* name, Name& target) {
  if (const Node* node = valid(table, name)) target = {node->string, node->where};
}

void read(const Node* table, const char* name, std::vector<Name>& target) {
  const Node* node = valid(table, name);
  if (node == nullptr) return;
  for (const Node& item : node->items) target.push_back({item.string, item.where});
}

Formula formula(const Node& node) {
  if (node.is_number()) return {base::number_text(node.number()), node.where};
  base::Location where = node.where;
  if (where.line > 0 && node.inner_line > 0) {
    where.line = node.inner_line;
    where.column = node.inner_column;
  }
  return {node.string, where};
}

void read(const Node* table, const char* name, Formula& target) {
  if (const Node* node = valid(table, name)) target = formula(*node);
}

void read(const Node* table, const char* name, std::optional<Formula>& target) {
  if (const Node* node = valid(table, name)) target = formula(*node);
}

void read(const Node* table, const char* name, std::optional<std::vector<Formula>>& target) {
  const Node* node = valid(table, name);
  if (node == nullptr) return;
  target.emplace();
  for (const Node& item : node->items) target->push_back(formula(item));
}

void read(const Node* table, const char* name, std::vector<Formula>& target) {
  const Node* node = valid(table, name);
  if (node == nullptr) return;
  for (const Node& item : node->items) target.push_back(formula(item));
}

void read(const Node* table, const char* name, std::optional<TensorFormula>& target) {
  const Node* node = valid(table, name);
  if (node == nullptr) return;
  target.emplace();
  if (node->kind != Node::Kind::array) target->entries.push_back(formula(*node));
  for (const Node& row : node->items) {
    if (row.kind != Node::Kind::array) target->entries.push_back(formula(row));
    for (const Node& item : row.items) target->entries.push_back(formula(item));
  }
}

template <class Enum, std::size_t n>
void read(const Node* table, const char* name, Enum& target,
          const std::array<std::pair<std::string_view, Enum>, n>& words) {
  const Node* node = valid(table, name);
  if (node == nullptr) return;
  for (const auto& [word, value] : words) {
    if (word == node->string) target = value;
  }
}

template <class Parser>
void read_quantity(const Node* table, const char* name, std::optional<double>& target,
                   const Parser& parser) {
  const Node* node = valid(table, name);
  if (node == nullptr) return;
  std::string ignored;
  target = node->is_number() ? std::optional(node->number()) : parser(node->string, ignored);
}

/// The elements of an array of tables.
std::vector<const Node*> elements(const Node* table, const char* name) {
  std::vector<const Node*> result;
  if (const Node* node = valid(table, name)) {
    for (const Node& item : node->items) result.push_back(&item);
  }
  return result;
}

void read(const Node* table, const char* name, std::optional<std::int64_t>& target) {
  if (const Node* node = valid(table, name)) target = node->integer;
}

/// Where the value of `name` stands; empty for a default.
base::Location place_of(const Node* table, const char* name) {
  const Node* node = valid(table, name);
  return node == nullptr ? base::Location{} : node->where;
}

/// Number of the unknown of this name, 0 if there is none.
int index_of(const std::string& name, const std::vector<std::string>& unknowns) {
  const auto place = std::find(unknowns.begin(), unknowns.end(), name);
  return place == unknowns.end() ? 0 : static_cast<int>(place - unknowns.begin());
}

Coefficients coefficients(const Node* table, const std::vector<std::string>& unknowns) {
  Coefficients result;
  read(table, "inertia", result.inertia);
  read(table, "capacity", result.capacity);
  read(table, "wave_number", result.wave_number);
  if (const Node* cross = valid(table, "cross_diffusion")) {
    for (const Entry& entry : cross->entries) {
      if (entry.value.invalid) continue;
      result.cross_diffusion.push_back(
          {{entry.name, entry.where}, index_of(entry.name, unknowns), formula(entry.value)});
    }
  }
  read(table, "diffusion", result.diffusion);
  read(table, "advection", result.advection);
  read(table, "reaction", result.reaction);
  read(table, "source", result.source);
  return result;
}

Elasticity elasticity(const Node* table) {
  Elasticity result;
  read(table, "youngs_modulus", result.youngs_modulus);
  read(table, "poissons_ratio", result.poissons_ratio);
  if (const Node* own = valid(table, "orthotropic")) {
    Orthotropic& law = result.orthotropic.emplace();
    law.where = own->where;
    read(own, "youngs_modulus", law.youngs_modulus);
    read(own, "poissons_ratio", law.poissons_ratio);
    read(own, "shear_modulus", law.shear_modulus);
    read(own, "thermal_expansion", law.thermal_expansion);
    read(own, "angle", law.angle);
    read(own, "axis_1", law.axis_1);
    read(own, "axis_2", law.axis_2);
  }
  read(table, "density", result.density);
  read(table, "body_force", result.body_force);
  read(table, "thermal_expansion", result.thermal_expansion);
  read(table, "temperature", result.temperature);
  read(table, "reference_temperature", result.reference_temperature);
  return result;
}

EquationOptions equation_options(const Node* equation, const UnknownNames& unknowns) {
  EquationOptions options;
  if (equation != nullptr) options.where = equation->where;
  using Kind = EquationKind;
  read(equation, "kind", options.kind,
       std::array{std::pair{std::string_view("poisson"), Kind::poisson},
                  std::pair{std::string_view("heat"), Kind::heat},
                  std::pair{std::string_view("advection-diffusion-reaction"),
                            Kind::advection_diffusion_reaction},
                  std::pair{std::string_view("reaction-diffusion"), Kind::reaction_diffusion},
                  std::pair{std::string_view("wave"), Kind::wave},
                  std::pair{std::string_view("helmholtz"), Kind::helmholtz},
                  std::pair{std::string_view("elasticity"), Kind::elasticity},
                  std::pair{std::string_view("thermo-elasticity"), Kind::thermo_elasticity},
                  std::pair{std::string_view("coefficient-form"), Kind::coefficient_form}});
  if (!unknowns.several() && !unknowns.elastic) {
    options.coefficients = coefficients(equation, unknowns.names);
  }
  if (unknowns.elastic) options.elasticity = elasticity(equation);
  read(equation, "stabilisation", options.stabilisation,
       std::array{std::pair{std::string_view("auto"), Stabilisation::automatic},
                  std::pair{std::string_view("supg"), Stabilisation::supg},
                  std::pair{std::string_view("none"), Stabilisation::none}});
  options.stabilisation_where = place_of(equation, "stabilisation");
  read(equation, "plane", options.plane,
       std::array{std::pair{std::string_view("strain"), Plane::strain},
                  std::pair{std::string_view("stress"), Plane::stress},
                  std::pair{std::string_view("axisymmetric"), Plane::axisymmetric}});
  for (const char* key : {"plane", "coordinates"}) {
    const Node* node = valid(equation, key);
    if (node == nullptr || node->string != "axisymmetric") continue;
    options.is_axisymmetric = true;
    options.axisymmetric_where = node->where;
  }
  if (const Node* plane = valid(equation, "plane"); plane != nullptr && !plane->where.file.empty())
    options.plane_where = plane->where;
  if (!unknowns.known) return options;
  options.unknowns.clear();
  const Node* list = unknowns.elastic ? nullptr : valid(equation, "unknowns");
  for (std::size_t i = 0; i < unknowns.names.size(); ++i) {
    Unknown unknown{unknowns.names[i], {}, {}};
    if (list != nullptr && i < list->items.size()) unknown.where = list->items[i].where;
    const bool is_own = unknowns.several() || (unknowns.thermal && i == 0);
    unknown.coefficients =
        is_own ? coefficients(valid(equation, unknown.name), unknowns.names) : options.coefficients;
    options.unknowns.push_back(std::move(unknown));
  }
  return options;
}

std::optional<TimeOptions> time_options(const Node* time) {
  if (time == nullptr) return std::nullopt;
  TimeOptions options;
  options.where = time->where;
  options.method_where = place_of(time, "method");
  read(time, "start", options.start);
  read(time, "end", options.end);
  read(time, "step", options.step);
  using Method = TimeMethod;
  read(time, "method", options.method,
       std::array{std::pair{std::string_view("bdf1"), Method::bdf1},
                  std::pair{std::string_view("bdf2"), Method::bdf2},
                  std::pair{std::string_view("bdf3"), Method::bdf3},
                  std::pair{std::string_view("bdf4"), Method::bdf4},
                  std::pair{std::string_view("sdirk2"), Method::sdirk2},
                  std::pair{std::string_view("sdirk3"), Method::sdirk3},
                  std::pair{std::string_view("imex2"), Method::imex2},
                  std::pair{std::string_view("imex3"), Method::imex3},
                  std::pair{std::string_view("crank-nicolson"), Method::crank_nicolson},
                  std::pair{std::string_view("rk4"), Method::rk4},
                  std::pair{std::string_view("leapfrog"), Method::leapfrog},
                  std::pair{std::string_view("newmark"), Method::newmark},
                  std::pair{std::string_view("generalised-alpha"), Method::generalised_alpha}});
  read(time, "tolerance", options.tolerance);
  read(time, "min_step", options.min_step);
  read(time, "max_step", options.max_step);
  if (const Node* terms = valid(time, "explicit")) {
    options.explicit_terms.clear();
    for (const Node& item : terms->items) options.explicit_terms.push_back(item.string);
  }
  read(time, "spectral_radius", options.spectral_radius);
  read(time, "steady_tolerance", options.steady_tolerance);
  read(time, "stop_when", options.stop_when);
  return options;
}

/// Formulas by the names of unknowns.
std::vector<InitialValue> initial_values(const Node* table,
                                         const std::vector<std::string>& unknowns) {
  std::vector<InitialValue> values;
  if (table == nullptr) return values;
  for (const Entry& entry : table->entries) {
    // What is no formula is a table of its own: initial.rate.
    if (entry.value.invalid || entry.value.kind == Node::Kind::table) continue;
    if (find_key("initial." + entry.name) != nullptr) continue;  // of the file to start from
    values.push_back(
        {{entry.name, entry.where}, index_of(entry.name, unknowns), formula(entry.value)});
  }
  return values;
}

/// The keys of [initial] that are about a file.
void read_start(const Node* table, const std::string& deck_file,
                const std::vector<std::string>& unknowns, Initial& initial) {
  if (const Node* from = valid(table, "from")) {
    initial.from = mesh_path(deck_file, from->string);
    initial.from_where = from->where;
  }
  if (const Node* time = valid(table, "time"); time != nullptr && time->is_number()) {
    initial.time = time->number();
    initial.time_where = time->where;
  }
  if (const Node* outside = valid(table, "outside")) {
    if (outside->is_number()) {
      initial.outside = Initial::Outside::number;
      initial.outside_value = outside->number();
    } else {
      initial.outside =
          outside->string == "nearest" ? Initial::Outside::nearest : Initial::Outside::error;
    }
  }
  const Node* fields = valid(table, "fields");
  if (fields == nullptr) return;
  for (const Entry& entry : fields->entries) {
    if (entry.value.invalid) continue;
    initial.fields.push_back({{entry.name, entry.where},
                              index_of(entry.name, unknowns),
                              {entry.value.string, entry.value.where}});
  }
}

/// What [output] and [[output.block]] have in common.
template <class Part>
void read_part(const Node* table, Part& part) {
  read(table, "every", part.every);
  read(table, "every_steps", part.every_steps);
  read(table, "times", part.times);
  std::sort(part.times.begin(), part.times.end());
  part.times.erase(std::unique(part.times.begin(), part.times.end()), part.times.end());
  read(table, "relative_precision", part.relative_precision);
  if (const Node* only = valid(table, "only")) {
    for (const Node& name : only->items) part.only.push_back({name.string, name.where});
  }
}

NonlinearOptions nonlinear_options(const Node* table) {
  NonlinearOptions options;
  options.method_where = place_of(table, "method");
  using Method = NonlinearOptions::Method;
  using Forcing = NonlinearOptions::Forcing;
  read(table, "method", options.method,
       std::array{std::pair{std::string_view("newton"), Method::newton},
                  std::pair{std::string_view("picard"), Method::picard}});
  read(table, "tolerance", options.tolerance);
  read(table, "absolute_tolerance", options.absolute_tolerance);
  read(table, "max_iterations", options.max_iterations);
  read(table, "line_search", options.line_search);
  read(table, "forcing", options.forcing,
       std::array{std::pair{std::string_view("eisenstat-walker"), Forcing::eisenstat_walker},
                  std::pair{std::string_view("fixed"), Forcing::fixed}});
  return options;
}

MeshOptions mesh_options(const Node* mesh, const std::string& deck_file) {
  using enum MeshKind;
  MeshOptions options;
  read(mesh, "kind", options.kind,
       std::array{std::pair{std::string_view("box"), box},
                  std::pair{std::string_view("file"), file}});
  if (const Node* node = valid(mesh, "file")) {
    options.file = mesh_path(deck_file, node->string);
    options.file_where = node->where;
  }
  read(mesh, "cells", options.box.cells);
  read(mesh, "lower", options.box.lower);
  read(mesh, "upper", options.box.upper);
  read(mesh, "cell_type", options.box.cell_type);
  read(mesh, "grading", options.box.grading);
  read(mesh, "distortion", options.box.distortion,
       std::array{std::pair{std::string_view("none"), Distortion::none},
                  std::pair{std::string_view("smooth"), Distortion::smooth},
                  std::pair{std::string_view("random"), Distortion::random},
                  std::pair{std::string_view("kershaw"), Distortion::kershaw}});
  read(mesh, "distortion_amount", options.box.distortion_amount);
  read(mesh, "seed", options.box.seed);
  read(mesh, "map", options.box.map);
  read(mesh, "order", options.box.order);
  read(mesh, "refine", options.refine);
  if (const Node* sets = valid(mesh, "sets")) {
    for (const Entry& entry : sets->entries) {
      if (entry.value.invalid) continue;
      options.sets.push_back({{entry.name, entry.where}, formula(entry.value)});
    }
  }
  return options;
}

Boundary boundary(const Node& table, const std::vector<std::string>& unknowns) {
  Boundary result;
  result.where = table.where;
  read(&table, "on", result.on);
  read(&table, "unknown", result.unknown_name);
  // The displacement as a whole counts as the first of its components.
  const bool of_body = unknowns.size() > 1 && unknowns[0] == temperature_name &&
                       unknowns[1] == "ux" && result.unknown_name.text.empty();
  result.unknown = of_body ? 1 : index_of(result.unknown_name.text, unknowns);
  if (valid(&table, "value") != nullptr) {
    result.kind = Boundary::Kind::value;
    read(&table, "value", result.value_or_flux);
  } else if (valid(&table, "flux") != nullptr) {
    result.kind = Boundary::Kind::flux;
    read(&table, "flux", result.value_or_flux);
  } else if (const Node* robin = valid(&table, "robin")) {
    result.kind = Boundary::Kind::robin;
    read(robin, "coefficient", result.robin_coefficient);
    read(robin, "ambient", result.robin_ambient);
  } else if (const Node* displacement = valid(&table, "displacement")) {
    result.kind = Boundary::Kind::displacement;
    for (const Node& item : displacement->items) {
      const bool free = item.kind == Node::Kind::string && item.string == "free";
      result.displacement.push_back(free ? std::nullopt : std::optional(formula(item)));
    }
  } else if (const Node* traction = valid(&table, "traction")) {
    result.kind = Boundary::Kind::traction;
    for (const Node& item : traction->items) result.traction.push_back(formula(item));
  } else if (valid(&table, "pressure") != nullptr) {
    result.kind = Boundary::Kind::pressure;
    read(&table, "pressure", result.pressure);
  } else if (valid(&table, "symmetry") != nullptr) {
    result.kind = Boundary::Kind::symmetry;
  }
  return result;
}

Periodic periodic(const Node& table) {
  Periodic result;
  result.where = table.where;
  read(&table, "from", result.from);
  read(&table, "to", result.to);
  read(&table, "tolerance", result.tolerance);
  std::vector<double> translation;
  read(&table, "translation", translation);
  if (translation.empty()) return result;
  result.translation_where = place_of(&table, "translation");
  result.n_translation = static_cast<int>(translation.size());
  result.translation.emplace();
  for (std::size_t c = 0; c < translation.size() && c < 3; ++c)
    (*result.translation)[c] = translation[c];
  return result;
}

void add_passed(const Node& table, const std::string& list, std::vector<std::string>& path,
                std::vector<SolverOptions::Passed>& target) {
  using Type = SolverOptions::Passed::Type;
  for (const Entry& entry : table.entries) {
    if (entry.value.invalid) continue;
    path.push_back(entry.name);
    const Node& node = entry.value;
    switch (node.kind) {
      case Node::Kind::table:
        add_passed(node, list, path, target);
        break;
      case Node::Kind::boolean:
        target.push_back({list, path, node.boolean ? "true" : "false", Type::boolean, node.where});
        break;
      case Node::Kind::integer:
        target.push_back({list, path, std::to_string(node.integer), Type::integer, node.where});
        break;
      case Node::Kind::real:
        target.push_back({list, path, base::number_text(node.real), Type::real, node.where});
        break;
      default:
        target.push_back({list, path, node.string, Type::string, node.where});
    }
    path.pop_back();
  }
}

SolverOptions solver_options(const Node* solver) {
  SolverOptions options;
  read(solver, "method", options.method);
  read(solver, "preconditioner", options.preconditioner);
  const auto where = [&](const char* name, base::Location& target) {
    if (const Node* node = valid(solver, name)) target = node->where;
  };
  where("method", options.method_where);
  where("preconditioner", options.preconditioner_where);
  where("operator", options.operator_where);
  read(solver, "operator", options.operator_kind);
  read(solver, "engine", options.engine);
  read(solver, "tolerance", options.tolerance);
  read(solver, "max_iterations", options.max_iterations);
  read(solver, "restart", options.restart);
  if (const Node* fallback = valid(solver, "fallback")) {
    for (const Node& item : fallback->items) {
      options.fallback.push_back(item.string);
      options.fallback_where.push_back(item.where);
    }
  }
  const Node* multigrid = valid(solver, "multigrid");
  read(multigrid, "smoother", options.multigrid.smoother);
  read(multigrid, "smoother_degree", options.multigrid.smoother_degree);
  read(multigrid, "smoothing_range", options.multigrid.smoothing_range);
  read(multigrid, "coarse", options.multigrid.coarse);
  read(multigrid, "precision", options.multigrid.precision);
  read(multigrid, "full_multigrid_start", options.multigrid.full_multigrid_start);
  if (const Node* trilinos = valid(solver, "trilinos")) {
    for (const Entry& list : trilinos->entries) {
      std::vector<std::string> path;
      if (!list.value.invalid) add_passed(list.value, list.name, path, options.trilinos);
    }
  }
  return options;
}

Verify verify_options(const Node* verify, const std::vector<std::string>& unknowns) {
  Verify result;
  read(verify, "unknown", result.unknown_name);
  result.unknown = index_of(result.unknown_name.text, unknowns);
  read(verify, "exact", result.exact);
  read(verify, "max_l2_error", result.max_l2_error);
  read(verify, "max_h1_error", result.max_h1_error);
  for (const Node* item : elements(verify, "probe")) {
    Verify::ProbeValue value;
    read(item, "name", value.probe);
    read(item, "of", value.of);
    read(item, "expected", value.expected);
    read(item, "tolerance", value.tolerance);
    result.probes.push_back(std::move(value));
  }
  return result;
}

}  // namespace

Problem fill(const Node& root, const std::string& deck_file) {
  Problem problem;
  read(&root, "title", problem.title);
  if (const Node* parameters = valid(&root, "parameters")) {
    for (const Entry& entry : parameters->entries) {
      if (entry.value.invalid) continue;
      problem.parameters.push_back({entry.name, entry.value.number(), entry.where});
    }
  }
  problem.mesh = mesh_options(valid(&root, "mesh"), deck_file);

  const Node* partition = valid(&root, "partition");
  using Method = PartitionMethod;
  read(partition, "method", problem.partition.method,
       std::array{std::pair{std::string_view("multijagged"), Method::multijagged},
                  std::pair{std::string_view("rcb"), Method::rcb},
                  std::pair{std::string_view("block"), Method::block},
                  std::pair{std::string_view("graph"), Method::graph},
                  std::pair{std::string_view("hypergraph"), Method::hypergraph}});
  read(partition, "max_imbalance", problem.partition.max_imbalance);
  read(valid(&root, "space"), "degree", problem.space.degree);

  const UnknownNames unknowns = unknown_names(root);
  problem.equation = equation_options(valid(&root, "equation"), unknowns);
  for (const Node* item : elements(&root, "material")) {
    Material material;
    material.where = item->where;
    read(item, "region", material.region);
    read(item, "unknown", material.unknown_name);
    material.unknown = index_of(material.unknown_name.text, unknowns.names);
    if (unknowns.thermal && material.unknown_name.text.empty()) material.unknown = -1;
    const bool of_heat = unknowns.thermal && material.unknown == 0;
    if (unknowns.elastic && !of_heat) {
      material.elasticity = elasticity(item);
    } else {
      material.coefficients = coefficients(item, unknowns.names);
    }
    problem.materials.push_back(std::move(material));
  }
  for (const Node* item : elements(&root, "boundary"))
    problem.boundaries.push_back(boundary(*item, unknowns.names));
  for (const Node* item : elements(&root, "periodic")) problem.periodics.push_back(periodic(*item));
  problem.time = time_options(valid(&root, "time"));
  const Node* initial = valid(&root, "initial");
  problem.initial.values = initial_values(initial, unknowns.names);
  problem.initial.rates = initial_values(valid(initial, "rate"), unknowns.names);
  read_start(initial, deck_file, unknowns.names, problem.initial);
  problem.nonlinear = nonlinear_options(valid(&root, "nonlinear"));

  problem.solver = solver_options(valid(&root, "solver"));
  const Node* limits = valid(&root, "limits");
  read_quantity(limits, "memory", problem.limits.memory_bytes, parse_bytes);
  read_quantity(limits, "walltime", problem.limits.walltime_seconds, parse_duration);
  const Node* checkpoint = valid(&root, "checkpoint");
  read(checkpoint, "write", problem.checkpoint.write);
  read(checkpoint, "every_steps", problem.checkpoint.every_steps);
  read(checkpoint, "every", problem.checkpoint.every);
  std::optional<double> every_walltime;
  read_quantity(checkpoint, "every_walltime", every_walltime, parse_duration);
  problem.checkpoint.every_walltime = every_walltime.value_or(problem.checkpoint.every_walltime);
  read(checkpoint, "keep", problem.checkpoint.keep);
  read(checkpoint, "keep_every", problem.checkpoint.keep_every);
  read(checkpoint, "asynchronous", problem.checkpoint.asynchronous);
  using Compression = CheckpointOptions::Compression;
  read(checkpoint, "compression", problem.checkpoint.compression,
       std::array{std::pair{std::string_view("none"), Compression::none},
                  std::pair{std::string_view("deflate"), Compression::deflate},
                  std::pair{std::string_view("zstd"), Compression::zstd}});
  read(checkpoint, "level", problem.checkpoint.level);
  const Node* output = valid(&root, "output");
  read(output, "directory", problem.output.directory);
  read(output, "fields", problem.output.fields);
  if (unknowns.elastic) read(output, "stress", problem.output.stress);
  for (const Node* item : elements(output, "field")) {
    OutputOptions::Field field;
    read(item, "name", field.name);
    read(item, "value", field.value);
    problem.output.further.push_back(std::move(field));
  }
  read(output, "compression", problem.output.compression);
  read(output, "file_locking", problem.output.file_locking);
  read(output, "rates", problem.output.rates);
  read_part(output, problem.output);
  for (const Node* item : elements(output, "block")) {
    OutputOptions::Block block;
    block.where = item->where;
    read(item, "name", block.name);
    read_part(item, block);
    if (const Node* on = valid(item, "on")) {
      for (const Node& name : on->items) block.on.push_back({name.string, name.where});
    }
    if (const Node* slice = valid(item, "slice")) {
      OutputOptions::Block::Slice plane;
      plane.where = slice->where;
      read(slice, "point", plane.point);
      read(slice, "normal", plane.normal);
      block.slice = std::move(plane);
    }
    problem.output.blocks.push_back(std::move(block));
  }

  for (const Node* item : elements(&root, "probe")) {
    Probe probe;
    probe.where = item->where;
    read(item, "name", probe.name);
    std::vector<double> at;
    read(item, "at", at);
    for (std::size_t i = 0; i < at.size() && i < probe.at.size(); ++i) probe.at[i] = at[i];
    if (!at.empty()) probe.n_coordinates = static_cast<int>(at.size());
    problem.probes.push_back(std::move(probe));
  }
  for (const Node* item : elements(&root, "integral")) {
    Integral integral;
    read(item, "name", integral.name);
    read(item, "on", integral.on);
    read(item, "kind", integral.kind,
         std::array{std::pair{std::string_view("value"), Integral::Kind::value},
                    std::pair{std::string_view("flux"), Integral::Kind::flux}});
    read(item, "of", integral.of);
    problem.integrals.push_back(std::move(integral));
  }
  problem.verify = verify_options(valid(&root, "verify"), unknowns.names);
  return problem;
}

}  // namespace ritz::deck
