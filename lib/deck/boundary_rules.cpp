#include "ritz/base/format.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "check.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "rule_tools.hpp"
#include "rules.hpp"

namespace ritz::deck {

namespace {

const std::vector<std::string> scalar_conditions{"value", "flux", "robin"};
const std::vector<std::string> elastic_conditions{"displacement", "traction", "pressure",
                                                  "symmetry"};

void check_conditions(const Node& root, Report& report) {
  const Node* boundaries = valid(&root, "boundary");
  if (boundaries == nullptr) return;
  const Node* kind = valid(valid(&root, "equation"), "kind");
  const bool thermal = kind != nullptr && kind->string == "thermo-elasticity";
  for (std::size_t i = 0; i < boundaries->items.size() && !report.full(); ++i) {
    const Node& table = boundaries->items[i];
    const bool of_body = thermal && table.find("unknown") == nullptr;
    const bool elastic = kind != nullptr && (kind->string == "elasticity" || of_body);
    const std::vector<std::string>& names = elastic ? elastic_conditions : scalar_conditions;
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
      if (thermal) {
        report.error(entry->where,
                     elastic
                         ? fmt::format("boundary[{}].{} is for the temperature: it needs unknown = "
                                       "\"T\"; the displacement takes {}",
                                       i, name, base::list(names, "or"))
                         : fmt::format("boundary[{}].{} is for the displacement: leave out unknown "
                                       "= \"T\"; the temperature takes {}",
                                       i, name, base::list(names, "or")));
        continue;
      }
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
        if (!is_scalar(problem, boundary.unknown_name)) {
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

/// Pairs of sets against each other and against the conditions.
void check_periodic(const Problem& problem, Report& report) {
  Uniqueness used;
  for (std::size_t i = 0; i < problem.periodics.size() && !report.full(); ++i) {
    const Periodic& pair = problem.periodics[i];
    for (const auto& [name, key] : {std::pair{&pair.from, "from"}, {&pair.to, "to"}}) {
      if (name->text.empty()) continue;
      const std::string told = fmt::format("periodic[{}].{} = {}", i, key, name_text(name->text));
      if (name->text == rest_name) {
        report.error(name->where, told + ": joined sides must be named");
        continue;
      }
      if (key == std::string_view("to") && name->text == pair.from.text) {
        report.error(name->where, told + ": a set cannot be joined to itself");
        continue;
      }
      if (const auto* first = used.first(name->text, name->where)) {
        report.error(name->where, fmt::format("{} is joined already ({}): a side has one partner",
                                              told, first->text()));
      }
    }
    if (pair.translation && *pair.translation == std::array<double, 3>{}) {
      report.error(pair.translation_where,
                   fmt::format("periodic[{}].translation is zero: a set would fall on itself", i));
    }
  }
  for (std::size_t b = 0; b < problem.boundaries.size(); ++b) {
    for (const Name& name : problem.boundaries[b].on) {
      for (std::size_t i = 0; i < problem.periodics.size() && !report.full(); ++i) {
        const Periodic& pair = problem.periodics[i];
        if (name.text.empty() || name.text == rest_name ||
            (name.text != pair.from.text && name.text != pair.to.text))
          continue;
        report.error(name.where,
                     fmt::format("boundary[{}].on = {} is joined to another side by periodic[{}] "
                                 "({}): there is no boundary for a condition",
                                 b, name_text(name.text), i, pair.where.text()));
      }
    }
  }
}

}  // namespace

void check_boundaries(const Node& root, const Problem& problem, Report& report) {
  check_conditions(root, report);
  check_clashes(problem, report);
  check_periodic(problem, report);
  if (!unknown_names(root).known) return;
  for (std::size_t i = 0; i < problem.boundaries.size() && !report.full(); ++i) {
    check_which(problem, fmt::format("boundary[{}]", i), problem.boundaries[i].where,
                problem.boundaries[i].unknown_name, report);
  }
}

}  // namespace ritz::deck
