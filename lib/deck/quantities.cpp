#include "quantities.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "check.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/deck/registry.hpp"
#include "units.hpp"

namespace ritz::deck {

namespace {

/// What the coefficients of an equation stand for: known of kinds with physics of their own, and
/// as far as the factor 1 of a time derivative fixes them.
enum class Physics {
  elastic,      ///< displacements
  heat,         ///< a temperature by its energy
  diffusing,    ///< a temperature with du/dt alone: everything is per capacity
  first_rate,   ///< whatever u is, du/dt has the factor 1
  second_rate,  ///< d2u/dt2 has the factor 1
  helmholtz,
  unknown
};

/// Of one key: the SI unit of its values; or why nobody knows it.
struct Meaning {
  std::string unit;
  bool absolute = false;  ///< a temperature on its scale
  std::string refusal;
};

/// Keys that mean the same for every equation.
const std::map<std::string, const char*, std::less<>>& common_units() {
  static const std::map<std::string, const char*, std::less<>> units{
      {"mesh.lower", "m"},
      {"mesh.upper", "m"},
      {"probe[].at", "m"},
      {"periodic[].translation", "m"},
      {"time.start", "s"},
      {"time.end", "s"},
      {"time.step", "s"},
      {"time.min_step", "s"},
      {"time.max_step", "s"},
      {"time.steady_tolerance", "1/s"},
      {"checkpoint.every", "s"},
      {"output.every", "s"},
      {"output.times", "s"},
      {"output.block[].every", "s"},
      {"output.block[].times", "s"},
      {"output.block[].slice.point", "m"},
  };
  return units;
}

/// Last parts of paths that describe elasticity.
const std::map<std::string, const char*, std::less<>>& elastic_units() {
  static const std::map<std::string, const char*, std::less<>> units{
      {"youngs_modulus", "Pa"},
      {"shear_modulus", "Pa"},
      {"density", "kg/m^3"},
      {"body_force", "N/m^3"},
      {"thermal_expansion", "1/K"},
      {"angle", "deg"},
      {"displacement", "m"},
      {"traction", "Pa"},
      {"pressure", "Pa"},
      {"initial", "m"},
      {"rate", "m/s"},
      {"exact", "m"},
      {"expected", "m"},
      {"tolerance", "m"},
      {"temperature", "K"},
      {"reference_temperature", "K"},
      {"poissons_ratio", "1"},
  };
  return units;
}

/// Of a scalar unknown: coefficients, conditions, values; by what is known of it.
const std::map<std::string, std::map<Physics, const char*>, std::less<>>& scalar_units() {
  using enum Physics;
  static const std::map<std::string, std::map<Physics, const char*>, std::less<>> units{
      {"diffusion",
       {{heat, "W/(m K)"}, {diffusing, "m^2/s"}, {first_rate, "m^2/s"}, {second_rate, "m^2/s^2"}}},
      {"cross_diffusion", {}},
      {"advection", {{first_rate, "m/s"}}},
      {"reaction",
       {{heat, "W/(m^3 K)"}, {diffusing, "1/s"}, {first_rate, "1/s"}, {second_rate, "1/s^2"}}},
      {"wave_number", {{helmholtz, "1/m"}}},
      {"source", {{heat, "W/m^3"}, {diffusing, "K/s"}}},
      {"capacity", {{heat, "J/(m^3 K)"}, {second_rate, "1/s"}}},
      {"inertia", {}},
      {"value", {{heat, "K"}, {diffusing, "K"}}},
      {"flux", {{heat, "W/m^2"}, {diffusing, "K m/s"}}},
      {"coefficient",
       {{heat, "W/(m^2 K)"}, {diffusing, "m/s"}, {first_rate, "m/s"}, {second_rate, "m/s^2"}}},
      {"ambient", {{heat, "K"}, {diffusing, "K"}}},
      {"initial", {{heat, "K"}, {diffusing, "K"}}},
      {"rate", {{heat, "K/s"}, {diffusing, "K/s"}}},
      {"exact", {{heat, "K"}, {diffusing, "K"}}},
      {"expected", {{heat, "K"}, {diffusing, "K"}}},
      {"tolerance", {{heat, "K"}, {diffusing, "K"}}},
  };
  return units;
}

/// Of a scalar unknown with the stated unit U in an equation whose time derivative, or whose
/// diffusion, has the factor 1: the unit in front of which U comes.
const std::map<std::string, std::map<Physics, const char*>, std::less<>>& units_by_unknown() {
  using enum Physics;
  static const std::map<std::string, std::map<Physics, const char*>, std::less<>> units{
      {"source", {{first_rate, "1/s"}, {second_rate, "1/s^2"}, {helmholtz, "1/m^2"}}},
      {"flux", {{first_rate, "m/s"}, {second_rate, "m/s^2"}, {helmholtz, "1/m"}}},
      {"rate", {{first_rate, "1/s"}, {second_rate, "1/s"}}},
  };
  return units;
}

/// Keys whose values are values of the unknown.
bool is_value_of_unknown(std::string_view last) {
  return last == "value" || last == "ambient" || last == "initial" || last == "exact" ||
         last == "expected" || last == "tolerance";
}

/// Whether values with this unit of a key are temperatures on their scale.
bool is_absolute(std::string_view last, std::string_view unit) {
  return unit == "K" && last != "tolerance";
}

/// The part of a path that the tables above know it by; "" if none does.
std::string last_part(const std::string& path) {
  if (path == "initial.*") return "initial";
  if (path == "initial.rate.*") return "rate";
  if (path == "verify.exact") return "exact";
  if (path.starts_with("verify.probe[].")) return path.substr(path.rfind('.') + 1);
  if (path.ends_with(".cross_diffusion.*")) return "cross_diffusion";
  const bool of_equation = path.starts_with("equation.") || path.starts_with("material[].") ||
                           path.starts_with("boundary[].");
  return of_equation ? path.substr(path.rfind('.') + 1) : "";
}

/// The node of a text becomes that of a number in the same place.
void become(Node& node, double number) {
  Node other;
  other.kind = Node::Kind::real;
  other.real = number;
  other.where = node.where;
  node = std::move(other);
}

class Converter {
 public:
  Converter(Node& root, Report& report)
      : root_(root), report_(report), unknowns_(unknown_names(root)) {
    if (const Node* kind = valid(valid(&root, "equation"), "kind"))
      if (kind->kind == Node::Kind::string) kind_ = kind->string;
  }

  std::string run() {
    const Entry* units = root_.find("units");
    stated_ = units != nullptr;
    if (stated_ && units->value.kind == Node::Kind::table) {
      read_units(units->value);
      read_unknown(units->value);
    }
    table(root_, "", "", root_);
    return stated_ ? system_.text() : "";
  }

 private:
  void read_units(const Node& table) {
    using Base = UnitSystem::Base;
    for (const auto& [name, base] : {std::pair{"length", Base::length},
                                     {"time", Base::time},
                                     {"mass", Base::mass},
                                     {"temperature", Base::temperature}}) {
      const Entry* entry = table.find(name);
      if (entry == nullptr || entry->value.kind != Node::Kind::string ||
          entry->value.string.empty())
        continue;  // told with the types
      const std::string why = system_.set(base, entry->value.string);
      if (why.empty()) continue;
      report_.error(entry->value.where, fmt::format("units.{} = {} ({})", name,
                                                    quoted(shown_text(entry->value.string)), why));
    }
  }

  void read_unknown(const Node& table) {
    const Entry* entry = table.find("unknown");
    if (entry == nullptr || entry->value.kind != Node::Kind::string || entry->value.string.empty())
      return;
    std::string why;
    const auto unit = parse_unit(entry->value.string, why);
    if (unit && unit->offset != 0) why = "write K; temperatures may be given in degC all the same";
    if (unknowns_.elastic || kind_ == "heat")
      why = fmt::format("of kind {} all units are known; leave it out", quoted(kind_));
    if (!why.empty()) {
      report_.error(entry->value.where, fmt::format("units.unknown = {} ({})",
                                                    quoted(shown_text(entry->value.string)), why));
      return;
    }
    unknown_unit_ = entry->value.string;
    unknown_is_temperature_ = unit->dimension == Dimension{0, 0, 0, 1};
  }

  /// @param path of the table in the registry; `told` with indices; `owner` the table whose keys
  ///   `unknown` and `capacity` count
  void table(Node& node, const std::string& path, const std::string& told, const Node& owner) {
    if (node.kind != Node::Kind::table || path == "units") return;
    const std::string prefix = path.empty() ? "" : path + ".";
    for (Entry& entry : node.entries) {
      if (entry.name.find_first_of("[]*.") != std::string::npos && path.empty()) continue;
      const Key* key = find_key(prefix + entry.name);
      if (key == nullptr) key = find_key(prefix + entry.name + "[]");
      if (key == nullptr) key = find_key(prefix + "*");
      if (key == nullptr) continue;
      const std::string full =
          told.empty() ? key_text(entry.name) : told + "." + key_text(entry.name);
      switch (key->type) {
        case Type::table:
          table(entry.value, key->path, full, key->in_line ? owner : entry.value);
          break;
        case Type::table_array:
          for (std::size_t i = 0; i < entry.value.items.size(); ++i) {
            Node& item = entry.value.items[i];
            table(item, key->path, fmt::format("{}[{}]", full, i), item);
          }
          break;
        case Type::real:
        case Type::reals:
        case Type::formula:
        case Type::formulas:
        case Type::tensor:
          value(entry.value, *key, full, entry.name, owner);
          break;
        default:
          break;
      }
    }
  }

  void value(Node& node, const Key& key, const std::string& full, const std::string& name,
             const Node& owner) {
    if (node.kind == Node::Kind::array) {
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        Node& item = node.items[i];
        value(item, key, fmt::format("{}[{}]", full, i), name, owner);
        node.invalid = node.invalid || item.invalid;
        if (item.written.empty()) continue;
        node.written += (node.written.empty() ? "" : ", ") + item.written;
      }
      return;
    }
    if (node.kind != Node::Kind::string) return;
    const auto quantity = split_quantity(node.string);
    if (!quantity) return;
    const bool is_formula =
        key.type == Type::formula || key.type == Type::formulas || key.type == Type::tensor;
    std::string why;
    const auto unit = parse_unit(quantity->unit, why);
    // What no unit can be said of may be a formula with a slip; room expr tells better which.
    if (!unit && is_formula && !stated_) return;
    const auto refuse = [&](const std::string& reason) {
      report_.error(node.where, fmt::format("{} = {} ({})", shown_text(full), shown(node), reason));
      become(node, 1.0);
      node.invalid = true;
    };
    if (!stated_) {
      refuse(
          "has a unit, and the deck does not say in which units its plain numbers are: add "
          "[units]; left empty it stands for m, kg, s and K");
      return;
    }
    if (!unit) {
      refuse(why + (is_formula ? "; a product of a formula needs a *" : ""));
      return;
    }
    const bool is_parameter = key.path == "parameters.*";
    const Meaning meaning =
        is_parameter ? Meaning{"", unit->offset != 0, ""} : meaning_of(key.path, name, owner);
    if (!meaning.refusal.empty()) {
      refuse(meaning.refusal);
      return;
    }
    double degrees = 1;  // the key's own unit where that is none of the system's
    if (!is_parameter) {
      const Unit wanted = parse_unit(meaning.unit, why).value();
      if (unit->dimension != wanted.dimension) {
        refuse(fmt::format("is in {} and must be in {}, such as {}",
                           dimension_text(unit->dimension), dimension_text(wanted.dimension),
                           meaning.unit));
        return;
      }
      if (unit->offset != 0 && !meaning.absolute) {
        refuse(
            fmt::format("{} is for temperatures on their scale, and this is a difference: "
                        "write it in K",
                        quantity->unit));
        return;
      }
      if (wanted.dimension[4] != 0) degrees = wanted.factor;
    }
    const std::string written = node.string;
    // A parameter in K may be a difference or not: only its offset unit tells.
    const double number = system_.convert(quantity->value, *unit, meaning.absolute) / degrees;
    become(node, number);
    node.written = written;
    if (is_parameter) {
      report_.note(node.where,
                   fmt::format("{} = {} is {} in expressions, in the deck's units ({}); "
                               "units within expressions are not checked",
                               shown_text(full), quoted(shown_text(written)),
                               base::number_text(number), system_.text()));
    }
  }

  /// The physics of a scalar unknown whose coefficients stand in `coefficients`.
  Physics physics_of(const Node* coefficients) const {
    const bool has_capacity = coefficients != nullptr && coefficients->find("capacity") != nullptr;
    if (kind_ == "heat" || kind_ == "thermo-elasticity") {
      const bool in_time = root_.find("time") != nullptr;
      return in_time && !has_capacity ? Physics::diffusing : Physics::heat;
    }
    if (kind_ == "advection-diffusion-reaction" || kind_ == "reaction-diffusion")
      return has_capacity ? Physics::unknown : Physics::first_rate;
    if (kind_ == "wave") {
      const bool has_inertia = coefficients != nullptr && coefficients->find("inertia") != nullptr;
      return has_inertia ? Physics::unknown : Physics::second_rate;
    }
    if (kind_ == "helmholtz") return Physics::helmholtz;
    // Conduction of heat in the steady state.
    if (kind_ == "poisson" && unknown_is_temperature_) return Physics::heat;
    return Physics::unknown;
  }

  /// The table with the coefficients of an unknown.
  const Node* coefficients_of(const std::string& unknown) const {
    const Node* equation = valid(&root_, "equation");
    if (unknowns_.several() || unknowns_.thermal) return valid(equation, unknown);
    return equation;
  }

  Meaning meaning_of(const std::string& path, const std::string& name, const Node& owner) const {
    if (const auto found = common_units().find(path); found != common_units().end())
      return {found->second, false, ""};
    const std::string last = last_part(path);
    const Key* key = find_key(path);
    if (last.empty()) {
      return {"", false,
              key != nullptr && key->unit == "1"
                  ? "is a plain number without a unit"
                  : "this key takes a plain number, its unit depends on more than the deck says"};
    }
    // Which unknown it is about.
    std::string unknown = unknowns_.names.empty() ? "" : unknowns_.names.front();
    bool of_body = unknowns_.elastic;
    if (path.starts_with("initial.")) {
      unknown = name;
    } else if (path.starts_with("equation.*.")) {
      const Node* equation = valid(&root_, "equation");
      for (const Entry& entry : equation->entries)
        if (&entry.value == &owner) unknown = entry.name;
    } else if (const Entry* said =
                   (path.starts_with("verify.") ? verify_unknown() : owner.find("unknown"));
               said != nullptr && said->value.kind == Node::Kind::string) {
      unknown = said->value.string;
    } else if (unknowns_.thermal) {
      unknown = path.starts_with("verify.") ? std::string(temperature_name) : "";
    }
    if (unknowns_.thermal && unknown == temperature_name) of_body = false;
    if (path.starts_with("verify.probe[]") && owner.find("of") != nullptr) {
      return {"", false, "a value of a field is a plain number in the deck's units"};
    }
    if (of_body) {
      if (const auto found = elastic_units().find(last); found != elastic_units().end()) {
        if (std::string_view(found->second) == "1")
          return {"", false, "is a plain number without a unit"};
        return {found->second, is_absolute(last, found->second), ""};
      }
    }
    const auto row = scalar_units().find(last);
    if (row != scalar_units().end()) {
      const auto found = row->second.find(physics_of(coefficients_of(unknown)));
      if (found != row->second.end()) return {found->second, is_absolute(last, found->second), ""};
    }
    if (!unknown_unit_.empty() && !of_body) {
      if (is_value_of_unknown(last)) return {unknown_unit_, is_absolute(last, unknown_unit_), ""};
      const auto found = units_by_unknown().find(last);
      if (found != units_by_unknown().end()) {
        const auto unit = found->second.find(physics_of(coefficients_of(unknown)));
        if (unit != found->second.end())
          return {fmt::format("({}) ({})", unknown_unit_, unit->second), false, ""};
      }
    }
    return {"", false,
            fmt::format("a plain number is needed: what {} stands for in an equation of kind {} "
                        "only its author knows, and so what unit this has; units go with lengths "
                        "and times here, and with more if units.unknown says what {} is in",
                        unknown.empty() ? "u" : unknown, quoted(kind_),
                        unknown.empty() ? "u" : unknown)};
  }

  const Entry* verify_unknown() const {
    const Node* verify = valid(&root_, "verify");
    return verify == nullptr ? nullptr : verify->find("unknown");
  }

  Node& root_;
  Report& report_;
  UnknownNames unknowns_;
  std::string kind_ = "poisson";
  std::string unknown_unit_;  ///< units.unknown
  bool unknown_is_temperature_ = false;
  UnitSystem system_;
  bool stated_ = false;
};

}  // namespace

std::string convert_quantities(Node& root, Report& report) {
  return Converter(root, report).run();
}

std::string dimension_help(const std::string& path) {
  if (const auto found = common_units().find(path); found != common_units().end())
    return found->second;
  if (path == "parameters.*") return "any; expressions are not checked";
  const std::string last = last_part(path);
  if (last.empty()) return "";
  std::vector<std::string> parts;
  const bool of_scalar_only = path.ends_with(".diffusion") || path.ends_with(".robin.coefficient");
  if (const auto found = elastic_units().find(last);
      found != elastic_units().end() && !of_scalar_only && std::string_view(found->second) != "1")
    parts.push_back(fmt::format("{} (elasticity)", found->second));
  static const std::map<Physics, const char*> words{
      {Physics::heat, "heat"},
      {Physics::diffusing, "heat in time without a capacity"},
      {Physics::first_rate,
       "advection-diffusion-reaction and reaction-diffusion without a capacity"},
      {Physics::second_rate, "waves without inertia"},
      {Physics::helmholtz, "Helmholtz"}};
  if (const auto row = scalar_units().find(last); row != scalar_units().end()) {
    for (const auto& [physics, unit] : row->second)
      parts.push_back(fmt::format("{} ({})", unit, words.at(physics)));
  }
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

}  // namespace ritz::deck
