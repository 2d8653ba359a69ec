#include "rules.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
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

/// The name of an unknown for messages.
std::string unknown_text(const Problem& problem, int unknown) {
  return shown_text(problem.equation.unknowns[static_cast<std::size_t>(unknown)].name);
}

bool is_elastic(const Problem& problem) {
  return problem.equation.kind == EquationKind::elasticity;
}

bool has_several(const Problem& problem) {
  return !is_elastic(problem) && problem.equation.unknowns.size() > 1;
}

std::vector<std::string> names_of(const std::vector<Unknown>& unknowns) {
  std::vector<std::string> names;
  for (const Unknown& unknown : unknowns) names.push_back(unknown.name);
  return names;
}

bool is_zero(const Formula& formula) {
  double value = 1.0;
  const char* end = formula.text.data() + formula.text.size();
  const auto [stop, error] = std::from_chars(formula.text.data(), end, value);
  return error == std::errc() && stop == end && value == 0.0;
}

bool is_there(const std::optional<Formula>& formula) {
  return formula && !is_zero(*formula);
}

/// Whether `test` holds for the coefficients of an unknown in the equation or in a material.
template <class Test>
bool any_coefficients(const Problem& problem, int unknown, const Test& test) {
  if (test(problem.equation.unknowns[static_cast<std::size_t>(unknown)].coefficients)) return true;
  return std::any_of(problem.materials.begin(), problem.materials.end(),
                     [&](const Material& material) {
                       return material.unknown == unknown && test(material.coefficients);
                     });
}

/// Whether anything of an unknown flows: without that there is nothing to say at the boundary.
bool has_flux(const Problem& problem, int unknown) {
  const auto& general =
      problem.equation.unknowns[static_cast<std::size_t>(unknown)].coefficients.diffusion;
  return is_elastic(problem) || !general ||
         any_coefficients(problem, unknown, [](const Coefficients& c) {
           return !c.cross_diffusion.empty() || c.advection ||
                  (c.diffusion &&
                   !std::all_of(c.diffusion->entries.begin(), c.diffusion->entries.end(), is_zero));
         });
}

void check_unknowns(const Node& root, const Problem& problem, Report& report) {
  const Node* list = valid(valid(&root, "equation"), "unknowns");
  if (list == nullptr || is_elastic(problem)) return;
  std::map<std::string, base::Location> parameters;
  for (const Parameter& parameter : problem.parameters) {
    parameters.emplace(parameter.name, parameter.where);
  }
  Uniqueness names;
  for (std::size_t i = 0; i < list->items.size() && !report.full(); ++i) {
    const std::string& name = list->items[i].string;
    const base::Location& where = list->items[i].where;
    const std::string told = fmt::format("equation.unknowns[{}] = {}", i, name_text(name));
    if (names.first(name, where) != nullptr) {
      report.error(where, fmt::format("equation.unknowns names {} twice", name_text(name)));
    } else if (!is_identifier(name)) {
      report.error(where, told +
                              " is no name for expressions: letters, digits and _ only, not "
                              "beginning with a digit");
    } else if (contains(reserved_parameter_names(), name) && name != "u") {
      report.error(where, told + " is a word of the expression language; use another name");
    } else if (find_key("equation." + name) != nullptr ||
               find_key("equation.*." + name) != nullptr) {
      report.error(where, told + " is a key of [equation]; use another name");
    } else if (find_key("initial." + name) != nullptr) {
      report.error(where, told + " is a key of [initial]; use another name");
    } else if (contains(reserved_unknown_names(), name)) {
      report.error(where, told + " is a word of the expression language; use another name");
    } else if (const auto place = parameters.find(name); place != parameters.end() && name != "u") {
      report.error(where, fmt::format("{} is a parameter ({}); use another name", told,
                                      place->second.text()));
    }
  }
}

/// Whether a table says which unknown it is for, or needs not.
bool is_known(const Problem& problem, const Name& name) {
  if (name.text.empty()) return !has_several(problem);
  return std::any_of(problem.equation.unknowns.begin(), problem.equation.unknowns.end(),
                     [&](const Unknown& unknown) { return unknown.name == name.text; });
}

/// Whose condition or coefficients a table has: the unknown that it names or the only one.
void check_which(const Problem& problem, const std::string& table, const base::Location& where,
                 const Name& name, Report& report) {
  if (is_elastic(problem)) return;  // has been told as a key that does not apply
  const std::vector<std::string> names = names_of(problem.equation.unknowns);
  if (name.text.empty()) {
    if (!has_several(problem)) return;
    report.error(where, fmt::format("{}.unknown is missing: say which of the unknowns {} it is for",
                                    table, name_list(names)));
  } else if (!contains(names, name.text)) {
    report.error(name.where,
                 fmt::format("{}.unknown = {}: no unknown has this name{} unknowns: {}", table,
                             name_text(name.text), suggestion(name.text, names), name_list(names)));
  }
}

void check_cross(const Problem& problem, const Coefficients& coefficients, const std::string& table,
                 int unknown, Report& report) {
  for (const CrossDiffusion& cross : coefficients.cross_diffusion) {
    if (cross.unknown.text != problem.equation.unknowns[static_cast<std::size_t>(unknown)].name)
      continue;
    report.error(cross.unknown.where,
                 fmt::format("{0}.cross_diffusion.{1}: this is the unknown of the equation itself; "
                             "its own gradient goes with diffusion",
                             table, shown_text(cross.unknown.text)));
  }
}

void check_materials(const Problem& problem, bool unknowns_known, Report& report) {
  Uniqueness regions;
  for (std::size_t i = 0; i < problem.materials.size() && !report.full(); ++i) {
    const Material& material = problem.materials[i];
    const std::string table = fmt::format("material[{}]", i);
    if (unknowns_known) {
      check_which(problem, table, material.where, material.unknown_name, report);
      check_cross(problem, material.coefficients, table, material.unknown, report);
    }
    if (material.region.text.empty()) continue;
    // A region and an unknown; a name of a region holds no control characters.
    const std::string key = material.region.text + "\n" + material.unknown_name.text;
    if (const auto* first = regions.first(key, material.region.where)) {
      report.error(material.region.where,
                   fmt::format("{}.region = {} has a [[material]] already ({})", table,
                               name_text(material.region.text) +
                                   (has_several(problem) && !material.unknown_name.text.empty()
                                        ? " with unknown = " + name_text(material.unknown_name.text)
                                        : ""),
                               first->text()));
    }
  }
  for (std::size_t k = 0; k < problem.equation.unknowns.size() && !is_elastic(problem); ++k) {
    const Unknown& unknown = problem.equation.unknowns[k];
    check_cross(problem, unknown.coefficients, "equation." + shown_text(unknown.name),
                static_cast<int>(k), report);
  }
}

void check_elasticity(const Node& root, const Problem& problem, Report& report) {
  if (!is_elastic(problem)) return;
  const Elasticity& general = problem.equation.elasticity;
  const Node* equation = valid(&root, "equation");
  const auto is_given = [&](const char* key) {
    return equation != nullptr && equation->find(key) != nullptr;  // right or wrong
  };
  const auto check = [&](const Elasticity& own, const std::string& table) {
    if (own.thermal_expansion) {
      for (const char* key : {"temperature", "reference_temperature"}) {
        if (is_given(key)) continue;
        report.error(own.thermal_expansion->where,
                     fmt::format("{}.thermal_expansion needs equation.{}: the thermal strain is "
                                 "thermal_expansion * (temperature - reference_temperature)",
                                 table, key));
      }
    }
  };
  check(general, "equation");
  bool expands = is_given("thermal_expansion");
  for (std::size_t i = 0; i < problem.materials.size() && !report.full(); ++i) {
    const Elasticity& own = problem.materials[i].elasticity;
    check(own, fmt::format("material[{}]", i));
    expands = expands || own.thermal_expansion.has_value();
  }
  for (const auto& [formula, key] : {std::pair{&general.temperature, "temperature"},
                                     {&general.reference_temperature, "reference_temperature"}}) {
    if (!formula->has_value() || expands) continue;
    report.error((*formula)->where,
                 fmt::format("equation.{} has no effect without thermal_expansion", key));
  }
  if (problem.time && !is_given("density")) {
    report.error(problem.equation.where,
                 "equation.density is missing: with [time] elasticity needs its inertia; for "
                 "example density = 7850.0");
  }
  for (std::size_t i = 0; i < problem.integrals.size() && !report.full(); ++i) {
    if (problem.integrals[i].kind != Integral::Kind::flux) continue;
    const Node* kind = valid(&valid(&root, "integral")->items[i], "kind");
    report.error(kind == nullptr ? problem.integrals[i].on.where : kind->where,
                 fmt::format("integral[{}].kind = \"flux\" is for scalar unknowns, not for "
                             "elasticity",
                             i));
  }
}

// ---- time ----

/// Whether a method is for equations with second time derivatives.
bool is_second_order(TimeMethod method) {
  return method == TimeMethod::leapfrog || method == TimeMethod::newmark ||
         method == TimeMethod::generalised_alpha;
}

/// Whether a method estimates the error of a step.
bool estimates_errors(TimeMethod method) {
  return !is_second_order(method) && method != TimeMethod::crank_nicolson &&
         method != TimeMethod::rk4;
}

/// The words of the methods for which `test` holds.
template <class Test>
std::string methods_where(const Test& test) {
  std::vector<std::string> words;
  const std::vector<std::string>& all = find_key("time.method")->choices;
  for (std::size_t i = 0; i < all.size(); ++i) {
    // The registry's order is that of the enum.
    if (test(static_cast<TimeMethod>(i))) words.push_back(quoted(all[i]));
  }
  return base::list(words, "or");
}

int highest_order(const Problem& problem) {
  int order = 0;
  for (std::size_t k = 0; k < problem.equation.unknowns.size(); ++k) {
    order = std::max(order, order_in_time(problem, static_cast<int>(k)));
  }
  return order;
}

void check_steps(const Node& time, const TimeOptions& options, Report& report) {
  const Node* end = valid(&time, "end");
  const Node* step = valid(&time, "step");
  const Node* start = valid(&time, "start");
  if (end != nullptr && start != nullptr && options.end <= options.start) {
    report.error(end->where, fmt::format("time.end = {} (must be > time.start = {})", shown(*end),
                                         shown(*start)));
  } else if (end != nullptr && start != nullptr && step != nullptr &&
             options.step > options.end - options.start) {
    report.error(step->where,
                 fmt::format("time.step = {} (must be <= time.end - time.start = {})", shown(*step),
                             base::number_text(options.end - options.start)));
  }
  const Node* least = valid(&time, "min_step");
  const Node* most = valid(&time, "max_step");
  for (const auto& [bound, name] : {std::pair{least, "min_step"}, {most, "max_step"}}) {
    if (bound == nullptr || time.find("tolerance") != nullptr) continue;
    report.error(bound->where, fmt::format("time.{} has no effect without time.tolerance, which "
                                           "lets the program choose the steps",
                                           name));
  }
  if (least != nullptr && most != nullptr && *options.min_step > *options.max_step) {
    report.error(most->where, fmt::format("time.max_step = {} (must be >= time.min_step = {})",
                                          shown(*most), shown(*least)));
  } else if (step != nullptr && least != nullptr && options.step < *options.min_step) {
    report.error(step->where, fmt::format("time.step = {} (must be >= time.min_step = {})",
                                          shown(*step), shown(*least)));
  } else if (step != nullptr && most != nullptr && options.step > *options.max_step) {
    report.error(step->where, fmt::format("time.step = {} (must be <= time.max_step = {})",
                                          shown(*step), shown(*most)));
  }
}

/// Whether a coefficient of a time derivative is there and wrong: nobody knows the order then.
bool order_unsure(const Node& root) {
  const auto is_wrong = [&](const Node& table, const std::string& path) {
    for (const char* name : {"capacity", "inertia"}) {
      const Entry* entry = table.find(name);
      if (entry != nullptr && entry->value.invalid &&
          applies(root, table, *find_key(path + "." + name))) {
        return true;
      }
    }
    return false;
  };
  const Node* equation = valid(&root, "equation");
  const Node* materials = valid(&root, "material");
  if (equation == nullptr || is_wrong(*equation, "equation")) return true;
  return std::any_of(equation->entries.begin(), equation->entries.end(),
                     [&](const Entry& entry) { return is_wrong(entry.value, "equation.*"); }) ||
         (materials != nullptr &&
          std::any_of(materials->items.begin(), materials->items.end(),
                      [&](const Node& item) { return is_wrong(item, "material[]"); }));
}

/// [time] against the equation.
void check_time(const Node& root, const Problem& problem, Report& report) {
  const Node* kind = valid(valid(&root, "equation"), "kind");
  const Node* time = valid(&root, "time");
  if (kind == nullptr) return;
  if (!problem.time || time == nullptr) {
    const bool missing = root.find("time") == nullptr && !report.incomplete();
    if (missing && (kind->string == "heat" || kind->string == "wave")) {
      report.error(kind->where,
                   fmt::format("equation.kind = {} needs [time], with end and step; {}",
                               quoted(kind->string),
                               kind->string == "heat" ? "for the steady state take \"poisson\""
                                                      : "for one frequency take \"helmholtz\""));
    }
    return;
  }
  const TimeOptions& options = *problem.time;
  check_steps(*time, options, report);
  if (order_unsure(root)) return;
  const Node* method = valid(time, "method");
  const int order = highest_order(problem);
  if (order == 0) {
    const bool form = kind->string == "coefficient-form";
    report.error(
        options.where,
        fmt::format("[time] is given and {} has no time derivative: {}",
                    form ? "this coefficient-form" : "equation.kind = " + quoted(kind->string),
                    form                          ? "give capacity (du/dt) or inertia (d2u/dt2)"
                    : kind->string == "poisson"   ? "take \"heat\", or leave [time] out"
                    : kind->string == "helmholtz" ? "take \"wave\", or leave [time] out"
                                                  : "its capacity is 0"));
    return;
  }
  if (method != nullptr && is_second_order(options.method) != (order == 2)) {
    report.error(
        method->where,
        fmt::format(
            "time.method = {} is for equations {} inertia (d2u/dt2) and this one has {}; "
            "take {}",
            shown(*method), order == 2 ? "without" : "with", order == 2 ? "it" : "none",
            methods_where([&](TimeMethod each) { return is_second_order(each) == (order == 2); })));
  } else if (const Node* tolerance = valid(time, "tolerance");
             method != nullptr && tolerance != nullptr && !estimates_errors(options.method)) {
    report.error(
        tolerance->where,
        fmt::format("time.tolerance does not go with time.method = {}, which does not "
                    "estimate its errors{}",
                    shown(*method),
                    order == 2 ? "; leave it out" : "; take " + methods_where(estimates_errors)));
  }
  const Node* radius = valid(time, "spectral_radius");
  if (radius != nullptr && method != nullptr && options.method != TimeMethod::generalised_alpha) {
    report.error(radius->where,
                 fmt::format("time.spectral_radius does not go with time.method = {} (it needs "
                             "\"generalised-alpha\")",
                             shown(*method)));
  }
  const Node* steady = valid(time, "steady_tolerance");
  if (steady != nullptr && order == 2) {
    report.error(steady->where,
                 "time.steady_tolerance is for equations without inertia: an oscillation stands "
                 "still at each of its turning points");
  }
}

void check_initial(const Node& root, const Problem& problem, Report& report) {
  const Node* given = valid(&root, "initial");
  const Node* rates = valid(given, "rate");
  const bool unsure = report.incomplete() || given == nullptr;
  for (std::size_t k = 0; k < problem.equation.unknowns.size() && problem.time; ++k) {
    const std::string& name = problem.equation.unknowns[k].name;
    const int order = order_in_time(problem, static_cast<int>(k));
    // The third displacement of a body in a mesh file may not exist.
    const bool sure = !is_elastic(problem) || k == 0 || box_dimension(root) > 0;
    if (order == 0 || unsure || !sure || given->find(name) != nullptr || report.full()) continue;
    report.error(given->where.file.empty() ? problem.time->where : given->where,
                 fmt::format("initial.{0} is missing: {0} changes in time and needs a value at "
                             "time.start; for example [initial] {0} = 0.0",
                             shown_text(name)));
  }
  if (rates == nullptr || order_unsure(root)) return;
  for (const InitialValue& rate : problem.initial.rates) {
    const Entry* entry = rates->find(rate.unknown.text);
    if (entry == nullptr || entry->where.file.empty() || report.full()) continue;
    if (problem.time && order_in_time(problem, rate.index) == 2) continue;
    report.error(rate.unknown.where,
                 fmt::format("initial.rate.{0} has no effect: {1}", shown_text(rate.unknown.text),
                             problem.time ? "the equation of " + unknown_text(problem, rate.index) +
                                                " has no inertia, its value alone is enough"
                                          : "there is no [time]"));
  }
}

/// Coefficients of time derivatives that a steady problem does not use.
void check_unused(const Problem& problem, Report& report) {
  if (problem.time || is_elastic(problem) || problem.equation.kind == EquationKind::heat ||
      problem.equation.kind == EquationKind::wave) {
    return;
  }
  const auto check = [&](const Coefficients& c, const std::string& table) {
    for (const auto& [formula, key] :
         {std::pair{&c.capacity, "capacity"}, {&c.inertia, "inertia"}}) {
      if (!is_there(*formula)) continue;
      report.warning((*formula)->where,
                     fmt::format("{}.{} is not used: without [time] the steady problem is solved",
                                 table, key));
    }
  };
  for (const Unknown& unknown : problem.equation.unknowns) {
    check(unknown.coefficients,
          has_several(problem) ? "equation." + shown_text(unknown.name) : std::string("equation"));
  }
  for (std::size_t i = 0; i < problem.materials.size(); ++i) {
    check(problem.materials[i].coefficients, fmt::format("material[{}]", i));
  }
}

// ---- boundaries ----

const std::vector<std::string> scalar_conditions{"value", "flux", "robin"};
const std::vector<std::string> elastic_conditions{"displacement", "traction", "pressure",
                                                  "symmetry"};

void check_conditions(const Node& root, Report& report) {
  const Node* boundaries = valid(&root, "boundary");
  if (boundaries == nullptr) return;
  const Node* kind = valid(valid(&root, "equation"), "kind");
  const bool elastic = kind != nullptr && kind->string == "elasticity";
  const std::vector<std::string>& names = elastic ? elastic_conditions : scalar_conditions;
  for (std::size_t i = 0; i < boundaries->items.size() && !report.full(); ++i) {
    const Node& table = boundaries->items[i];
    std::vector<std::string> given;
    std::vector<const Entry*> entries;
    // A condition that is misspelt or does not apply has been told.
    bool told = std::any_of(table.entries.begin(), table.entries.end(),
                            [](const Entry& entry) { return entry.value.invalid; });
    for (const std::string& name : names) {
      if (const Entry* entry = table.find(name)) {
        given.push_back(name);
        entries.push_back(entry);
      }
    }
    for (const std::string& name : elastic ? scalar_conditions : elastic_conditions) {
      const Entry* entry = table.find(name);
      if (entry == nullptr || entry->value.invalid) continue;
      told = true;
      if (!elastic) continue;  // nobody knows the kind of equation
      report.error(entry->where,
                   fmt::format("boundary[{}].{} is for scalar unknowns; elasticity takes {}", i,
                               name, base::list(names, "or")));
    }
    if (const Node* symmetry = valid(&table, "symmetry");
        symmetry != nullptr && elastic && !symmetry->boolean) {
      report.error(symmetry->where,
                   fmt::format("boundary[{}].symmetry = false says nothing; a free surface has "
                               "traction = [0, ...] or pressure = 0",
                               i));
    }
    if (const Node* list = valid(&table, "displacement"); list != nullptr && elastic) {
      const bool all_free =
          std::all_of(list->items.begin(), list->items.end(), [](const Node& item) {
            return item.kind == Node::Kind::string && item.string == "free";
          });
      if (all_free) {
        report.error(list->where, fmt::format("boundary[{}].displacement prescribes no component; "
                                              "a free surface has traction = [0, ...]",
                                              i));
      }
    }
    if (given.size() == 1 || (given.empty() && told)) continue;
    if (given.empty()) {
      report.error(
          table.where,
          fmt::format("boundary[{}] has no condition: give exactly one of {} ({})", i,
                      base::list(names),
                      elastic ? "pressure = 0 leaves a surface free" : "flux = 0 insulates"));
    } else {
      report.error(entries[1]->where, fmt::format("boundary[{}] has {}: give exactly one of {}", i,
                                                  base::list(given), base::list(names)));
    }
  }
}

/// Why two conditions of elasticity on one set cannot both hold, or "".
std::string elastic_clash(const Boundary& one, const Boundary& other) {
  using Kind = Boundary::Kind;
  const auto either = [&](Kind kind) { return one.kind == kind || other.kind == kind; };
  if (one.kind == Kind::displacement && other.kind == Kind::displacement) {
    for (std::size_t k = 0; k < std::min(one.displacement.size(), other.displacement.size()); ++k) {
      if (one.displacement[k] && other.displacement[k])
        return fmt::format("two displacements for component {} (Dirichlet clash)", "xyz"[k % 3]);
    }
    return "";
  }
  if (either(Kind::symmetry) && either(Kind::displacement))
    return "write one displacement with all its components";
  if (either(Kind::symmetry) && either(Kind::pressure))
    return "where the normal displacement is prescribed a pressure has no effect";
  if (either(Kind::displacement)) {
    const Boundary& fixed = one.kind == Kind::displacement ? one : other;
    const bool any_free = std::any_of(fixed.displacement.begin(), fixed.displacement.end(),
                                      [](const auto& component) { return !component; });
    return any_free ? "" : "where the whole displacement is prescribed there is no other condition";
  }
  return "";
}

void check_clashes(const Problem& problem, Report& report) {
  struct Use {
    std::size_t boundary;
    const base::Location* where;
  };
  // By unknown and set; every boundary of elasticity is for the whole displacement.
  std::map<std::pair<int, std::string>, std::vector<Use>> uses;
  for (std::size_t i = 0; i < problem.boundaries.size(); ++i) {
    const Boundary& boundary = problem.boundaries[i];
    if (!is_known(problem, boundary.unknown_name)) continue;  // told
    for (const Name& name : boundary.on) {
      if (report.full()) return;
      std::vector<Use>& earlier = uses[{boundary.unknown, name.text}];
      const auto again = std::find_if(earlier.begin(), earlier.end(),
                                      [&](const Use& use) { return use.boundary == i; });
      if (again != earlier.end()) {
        report.error(name.where,
                     fmt::format("boundary[{}].on names {} twice", i, name_text(name.text)));
        continue;
      }
      for (const Use& first : earlier) {
        const Boundary& other = problem.boundaries[first.boundary];
        std::string why;
        if (is_elastic(problem)) {
          why = elastic_clash(other, boundary);
        } else {
          // Flux and Robin terms add up, a prescribed value stands alone (docs/decisions/0005).
          const int n_values = (boundary.kind == Boundary::Kind::value ? 1 : 0) +
                               (other.kind == Boundary::Kind::value ? 1 : 0);
          const std::string u = unknown_text(problem, boundary.unknown);
          if (n_values == 2) why = fmt::format("two values for the same {} (Dirichlet clash)", u);
          if (n_values == 1) {
            why = fmt::format("where {} is prescribed there is no other condition", u);
          }
        }
        if (why.empty()) continue;
        report.error(name.where,
                     fmt::format("boundary[{}].on = {} is in boundary[{}] already ({}): {}", i,
                                 name_text(name.text), first.boundary, first.where->text(), why));
        break;
      }
      earlier.push_back({i, &name.where});
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

  const Node* output = valid(&root, "output");
  const Node* every = valid(output, "every");
  const Node* every_steps = valid(output, "every_steps");
  if (every != nullptr && every_steps != nullptr) {
    report.error(every_steps->where, "output.every_steps and output.every: give one of the two");
  }
  for (const auto& [node, name] : {std::pair{every, "every"}, {every_steps, "every_steps"}}) {
    if (node == nullptr || root.find("time") != nullptr || report.incomplete()) continue;
    report.error(node->where,
                 fmt::format("output.{} needs [time]: a steady problem has one result", name));
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
  check_conditions(root, report);
  check_clashes(problem, report);
  const bool unknowns_known = unknown_names(root).known;
  check_materials(problem, unknowns_known, report);
  check_unknowns(root, problem, report);
  if (unknowns_known) {
    for (std::size_t i = 0; i < problem.boundaries.size() && !report.full(); ++i) {
      check_which(problem, fmt::format("boundary[{}]", i), problem.boundaries[i].where,
                  problem.boundaries[i].unknown_name, report);
    }
    check_elasticity(root, problem, report);
    check_time(root, problem, report);
    check_initial(root, problem, report);
    check_unused(problem, report);
  }
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
  const bool all_named =
      boundaries != nullptr && !report.incomplete() &&
      std::set<std::string>(unknowns.begin(), unknowns.end()).size() == unknowns.size() &&
      std::all_of(boundaries->items.begin(), boundaries->items.end(),
                  [](const Node& item) {
                    const Entry* unknown = item.find("unknown");
                    return valid(&item, "on") != nullptr &&
                           (unknown == nullptr || !unknown->value.invalid);
                  }) &&
      std::all_of(problem.boundaries.begin(), problem.boundaries.end(),
                  [&](const Boundary& one) { return is_known(problem, one.unknown_name); });
  Problem named;
  if (all_named) {
    named = problem;
  } else {
    named.equation = problem.equation;
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
  // Of each unknown; elasticity has one set of conditions for all of them.
  struct Cover {
    std::set<std::string> used;
    bool open_ended = false;  ///< "rest", or sets of which only the mesh knows the facets
  };
  std::vector<Cover> covers(is_elastic(problem) ? 1 : problem.equation.unknowns.size());
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

  if (problem.boundaries.empty()) return;
  for (std::size_t k = 0; k < covers.size() && !report.full(); ++k) {
    if (covers[k].open_ended || !has_flux(problem, static_cast<int>(k))) continue;
    std::vector<std::string> missing;
    for (const std::string& set : sets) {
      if (covers[k].used.count(set) == 0) missing.push_back("\"" + set + "\"");
    }
    if (missing.empty()) continue;
    report.error(
        {problem.boundaries.front().where.file},
        fmt::format("no [[boundary]]{} is on {}: every part of the boundary needs a condition; on "
                    "= [\"rest\"] stands for all that is not named, {}",
                    covers.size() > 1 ? " of " + unknown_text(problem, static_cast<int>(k)) : "",
                    name_list(missing),
                    is_elastic(problem) ? "pressure = 0 leaves it free" : "flux = 0 insulates"));
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

namespace {

/// The displacements that a deck names and those that it must, against the mesh of a file; for a
/// box that has been done.
void check_displacements(const Problem& problem, int dimension, Report& report) {
  if (problem.mesh.kind == MeshKind::box) return;
  for (const auto* list : {&problem.initial.values, &problem.initial.rates}) {
    for (const InitialValue& value : *list) {
      if (value.index < dimension || value.unknown.where.file.empty()) continue;
      report.error(value.unknown.where,
                   fmt::format("initial.{}{}: the mesh has {} dimension{}, so there is no {}",
                               list == &problem.initial.rates ? "rate." : "", value.unknown.text,
                               dimension, dimension == 1 ? "" : "s", value.unknown.text));
    }
  }
  const std::vector<std::string> names = unknown_names(problem, dimension);
  for (std::size_t k = 1; k < names.size() && problem.time; ++k) {
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
  if (!known.text.empty() && problem.verify.unknown >= dimension) {
    report.error(known.where,
                 fmt::format("verify.unknown = {}: the mesh has {} dimension{}",
                             name_text(known.text), dimension, dimension == 1 ? "" : "s"));
  }
}

}  // namespace

std::vector<std::string> unknown_names(const Problem& problem, int dimension) {
  std::vector<std::string> names = names_of(problem.equation.unknowns);
  if (is_elastic(problem) && dimension > 0) {
    names.resize(std::min(names.size(), static_cast<std::size_t>(dimension)));
  }
  return names;
}

int order_in_time(const Problem& problem, int unknown) {
  if (is_elastic(problem)) return 2;
  if (any_coefficients(problem, unknown, [](const auto& c) { return is_there(c.inertia); }))
    return 2;
  return any_coefficients(problem, unknown, [](const auto& c) { return is_there(c.capacity); }) ? 1
                                                                                                : 0;
}

std::vector<base::Diagnostic> unsupported(const Problem& problem) {
  std::vector<base::Diagnostic> errors;
  const auto refuse = [&](const base::Location& where, const std::string& what) {
    errors.push_back({base::Diagnostic::Severity::error, where, what + " (not in this version)"});
  };
  const EquationOptions& equation = problem.equation;
  if (equation.kind == EquationKind::elasticity) {
    refuse(equation.where, "equation.kind = \"elasticity\" cannot be solved yet");
  }
  if (equation.kind == EquationKind::helmholtz) {
    refuse(equation.where, "equation.kind = \"helmholtz\" cannot be solved yet");
  }
  if (has_several(problem)) {
    refuse(equation.unknowns[1].where, "several unknowns cannot be solved for yet");
  } else if (equation.unknowns.front().name != "u" && !is_elastic(problem)) {
    refuse(equation.unknowns.front().where, "the unknown cannot have another name than u yet");
  }
  if (problem.time) refuse(problem.time->where, "[time] cannot be done yet: only steady problems");
  return errors;
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
