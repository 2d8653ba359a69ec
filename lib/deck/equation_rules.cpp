#include "ritz/base/format.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "check.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "rule_tools.hpp"
#include "rules.hpp"

namespace ritz::deck {

namespace {

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

}  // namespace

bool has_flux(const Problem& problem, int unknown) {
  const auto& general =
      problem.equation.unknowns[static_cast<std::size_t>(unknown)].coefficients.diffusion;
  return (is_elastic(problem) && !(is_thermal(problem) && unknown == 0)) || !general ||
         any_coefficients(problem, unknown, [](const Coefficients& c) {
           return !c.cross_diffusion.empty() || c.advection ||
                  (c.diffusion &&
                   !std::all_of(c.diffusion->entries.begin(), c.diffusion->entries.end(), is_zero));
         });
}

namespace {

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

/// A coefficient of thermal expansion, or nullptr if there is none.
const Formula* expansion_of(const Elasticity& law) {
  if (law.thermal_expansion) return &*law.thermal_expansion;
  if (!law.orthotropic || law.orthotropic->thermal_expansion.empty()) return nullptr;
  return &law.orthotropic->thermal_expansion.front();
}

/// What thermo-elasticity has beside elasticity.
void check_thermal(const Node& root, const Problem& problem, bool expands, Report& report) {
  const Node* equation = valid(&root, "equation");
  if (equation != nullptr && equation->find(temperature_name) == nullptr && !report.incomplete()) {
    report.error(equation->where,
                 "[equation.T] is missing: the conduction of heat in the body; for example "
                 "[equation.T] diffusion = 50.0");
  }
  if (!expands && equation != nullptr && !report.incomplete()) {
    report.error(
        equation->where,
        "equation.thermal_expansion is missing: without it the temperature does nothing to "
        "the body; solve kinds \"heat\" or \"poisson\" and \"elasticity\" by themselves");
  }
  const Node* materials = valid(&root, "material");
  for (std::size_t i = 0; i < problem.materials.size() && materials != nullptr && !report.full();
       ++i) {
    const bool heat = problem.materials[i].unknown_name.text == temperature_name;
    for (const Entry& entry : materials->items[i].entries) {
      const Key* key = find_key("material[]." + entry.name);
      if (key == nullptr || entry.name == "region" || entry.name == "unknown" ||
          entry.value.invalid || key->per_unknown == heat)
        continue;
      report.error(entry.where,
                   fmt::format("material[{}].{} is {}", i, entry.name,
                               heat ? "of the elastic body: leave out unknown = \"T\""
                                    : "of the conduction of heat: it needs unknown = \"T\""));
    }
  }
}

void check_elasticity(const Node& root, const Problem& problem, Report& report) {
  if (!is_elastic(problem)) return;
  const Elasticity& general = problem.equation.elasticity;
  const Node* equation = valid(&root, "equation");
  const auto is_given = [&](const char* key) {
    return equation != nullptr && equation->find(key) != nullptr;  // right or wrong
  };
  for (const char* key : {"youngs_modulus", "poissons_ratio"}) {
    if (is_given(key) || is_given("orthotropic") || equation == nullptr || report.incomplete())
      continue;
    const Key& missing = *find_key(std::string("equation.") + key);
    report.error(equation->where,
                 fmt::format("equation.{} is missing: expected {}; for example {} = {}", key,
                             type_text(missing), key, missing.example));
  }
  const auto check = [&](const Elasticity& own, const std::string& table) {
    if (own.orthotropic) {
      for (const auto& [formula, key] : {std::pair{&own.youngs_modulus, "youngs_modulus"},
                                         {&own.poissons_ratio, "poissons_ratio"}}) {
        if (!formula->has_value()) continue;
        report.error(
            (*formula)->where,
            fmt::format("{0}.{1} is of an isotropic material and {0}.orthotropic is given: "
                        "leave out one of the two",
                        table, key));
      }
      if (own.thermal_expansion && !own.orthotropic->thermal_expansion.empty()) {
        report.error(own.thermal_expansion->where,
                     fmt::format("{0}.thermal_expansion and {0}.orthotropic.thermal_expansion: "
                                 "leave out one of the two",
                                 table));
      }
    } else if (general.orthotropic && !general.orthotropic->thermal_expansion.empty() &&
               own.youngs_modulus && !own.thermal_expansion) {
      report.error(own.youngs_modulus->where,
                   fmt::format("{}.thermal_expansion is missing: the equation's is along the axes "
                               "of its orthotropic law, and this material is isotropic; 0 for none",
                               table));
    } else if (general.orthotropic &&
               own.youngs_modulus.has_value() != own.poissons_ratio.has_value()) {
      const Formula& given = own.youngs_modulus ? *own.youngs_modulus : *own.poissons_ratio;
      report.error(
          given.where,
          fmt::format("{0}.youngs_modulus and {0}.poissons_ratio go together: the equation "
                      "is orthotropic",
                      table));
    }
    if (const Formula* expansion = expansion_of(own)) {
      for (const char* key : {"temperature", "reference_temperature"}) {
        const bool is_solved = is_thermal(problem) && std::string_view(key) == "temperature";
        if (is_given(key) || is_solved) continue;
        report.error(expansion->where,
                     fmt::format("{}.{}thermal_expansion needs equation.{}: the thermal strain is "
                                 "thermal_expansion * (temperature - reference_temperature)",
                                 table, own.thermal_expansion ? "" : "orthotropic.", key));
      }
    }
  };
  check(general, "equation");
  bool expands = is_given("thermal_expansion") || expansion_of(general) != nullptr;
  for (std::size_t i = 0; i < problem.materials.size() && !report.full(); ++i) {
    const Elasticity& own = problem.materials[i].elasticity;
    check(own, fmt::format("material[{}]", i));
    expands = expands || expansion_of(own) != nullptr;
  }
  for (const auto& [formula, key] : {std::pair{&general.temperature, "temperature"},
                                     {&general.reference_temperature, "reference_temperature"}}) {
    if (!formula->has_value() || expands) continue;
    report.error((*formula)->where,
                 fmt::format("equation.{} has no effect without thermal_expansion", key));
  }
  if (is_thermal(problem)) check_thermal(root, problem, expands, report);
  if (problem.time && !is_given("density") && !is_thermal(problem)) {
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
  if (const Node* terms = valid(time, "explicit")) {
    Uniqueness words;
    for (std::size_t i = 0; i < terms->items.size() && !report.full(); ++i) {
      const Node& word = terms->items[i];
      if (!contains(std::vector<std::string>{"reaction", "source", "advection"}, word.string)) {
        report.error(word.where, fmt::format("time.explicit[{}] = {} (must be one of \"reaction\", "
                                             "\"source\" or \"advection\")",
                                             i, shown(word)));
      } else if (words.first(word.string, word.where) != nullptr) {
        report.error(word.where, fmt::format("time.explicit names {} twice", shown(word)));
      }
    }
  }
  const Node* steady = valid(time, "steady_tolerance");
  if (steady != nullptr && order == 2) {
    report.error(steady->where,
                 "time.steady_tolerance is for equations without inertia: an oscillation stands "
                 "still at each of its turning points");
  }
}

/// What is said of the file that the run starts from.
void check_start(const Node* initial, const Problem& problem, Report& report) {
  if (initial == nullptr) return;
  if (initial->find("from") == nullptr) {
    for (const char* name : {"time", "outside", "fields"}) {
      const Entry* entry = initial->find(name);
      if (entry == nullptr || report.full()) continue;
      report.error(entry->where,
                   fmt::format("initial.{} needs initial.from, the file to start from", name));
    }
    return;
  }
  for (const Initial::FieldName& one : problem.initial.fields) {
    if (initial->find(one.unknown.text) == nullptr || report.full()) continue;
    report.error(one.unknown.where,
                 fmt::format("initial.fields.{0} has no effect: initial.{0} has a value, so it is "
                             "not read",
                             shown_text(one.unknown.text)));
  }
}

void check_initial(const Node& root, const Problem& problem, Report& report) {
  const Node* given = valid(&root, "initial");
  const Node* rates = valid(given, "rate");
  check_start(given, problem, report);
  const bool from_file = given != nullptr && given->find("from") != nullptr;
  const bool unsure = report.incomplete() || given == nullptr || from_file;
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

}  // namespace

void check_which(const Problem& problem, const std::string& table, const base::Location& where,
                 const Name& name, Report& report) {
  if (is_thermal(problem) && !name.text.empty() && name.text != temperature_name) {
    report.error(name.where,
                 fmt::format("{}.unknown = {} (must be \"T\"; without it a table is for the "
                             "displacement)",
                             table, name_text(name.text)));
  }
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

void check_equation(const Node& root, const Problem& problem, Report& report) {
  const bool unknowns_known = unknown_names(root).known;
  check_materials(problem, unknowns_known, report);
  check_unknowns(root, problem, report);
  if (!unknowns_known) return;
  check_elasticity(root, problem, report);
  check_time(root, problem, report);
  check_initial(root, problem, report);
  check_unused(problem, report);
}

std::vector<std::string> unknown_names(const Problem& problem, int dimension) {
  std::vector<std::string> names = names_of(problem.equation.unknowns);
  if (is_elastic(problem) && dimension > 0) {
    names.resize(std::min(names.size(),
                          static_cast<std::size_t>(dimension + (is_thermal(problem) ? 1 : 0))));
  }
  return names;
}

const std::vector<std::string>& stress_names() {
  static const std::vector<std::string> names{"sxx", "syy", "szz",      "sxy",
                                              "syz", "sxz", "von_mises"};
  return names;
}

int order_in_time(const Problem& problem, int unknown) {
  if (is_elastic(problem) && !is_thermal(problem)) return 2;
  if (is_thermal(problem) && unknown > 0) return 0;
  if (any_coefficients(problem, unknown, [](const auto& c) { return is_there(c.inertia); }))
    return 2;
  return any_coefficients(problem, unknown, [](const auto& c) { return is_there(c.capacity); }) ? 1
                                                                                                : 0;
}

}  // namespace ritz::deck
