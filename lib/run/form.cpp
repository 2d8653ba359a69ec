#include "ritz/run/form.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>

#include "mesh_map.hpp"
#include "ritz/deck/parse.hpp"

namespace ritz::run {

expr::Symbols symbols(const deck::Problem& problem,
                      const std::vector<std::string>& further_variables) {
  expr::Symbols names;
  names.variables = {"x", "y", "z", "t"};
  names.variables.insert(names.variables.end(), further_variables.begin(), further_variables.end());
  for (const deck::Parameter& parameter : problem.parameters) {
    names.parameters.emplace_back(parameter.name, parameter.value);
  }
  return names;
}

expr::Symbols stop_symbols(const deck::Problem& problem) {
  expr::Symbols names = symbols(problem);
  names.variables = {"t"};
  for (const deck::Unknown& unknown : problem.equation.unknowns) {
    names.variables.push_back("max(" + unknown.name + ")");
    names.variables.push_back("min(" + unknown.name + ")");
  }
  return names;
}

std::optional<expr::Expression> compile(const deck::Formula& formula, const std::string& key,
                                        expr::Type type, const expr::Symbols& names,
                                        base::Diagnostics& diagnostics) {
  try {
    expr::Expression expression = expr::Expression::parse(formula.text, names);
    if (expression.type() != type) {
      diagnostics.error(formula.where,
                        fmt::format("{} = \"{}\" is a {} (must be a {})", key, formula.text,
                                    expr::type_name(expression.type()), expr::type_name(type)));
      return std::nullopt;
    }
    return expression;
  } catch (const expr::ParseError& error) {
    const base::Location where = deck::location_in(formula, error.offset());
    diagnostics.error(where, fmt::format("{}: {}\n{}", key, error.message(), error.caret()));
    return std::nullopt;
  }
}

namespace {

const std::vector<std::string> coordinate_names{"x", "y", "z"};

/// Compiles the coefficients of one form and remembers what the messages need.
class FormBuilder {
 public:
  FormBuilder(const deck::Problem& problem, int dimension, base::Diagnostics& diagnostics)
      : dimension_(dimension), names_(symbols(problem)), diagnostics_(diagnostics) {}

  physics::Coefficient coefficient(const deck::Formula& formula, const std::string& key) {
    physics::Coefficient result;
    const auto expression = compile(formula, key, expr::Type::real, names_, diagnostics_);
    if (!expression) return result;
    if (expression->is_constant()) {
      result.value = expression->constant_value();
      return result;
    }
    for (int d = dimension_; d < 3; ++d) {
      const std::string& name = coordinate_names[static_cast<std::size_t>(d)];
      if (expression->depends_on(name)) {
        diagnostics_.error(formula.where,
                           fmt::format("{} = \"{}\" uses {}, but the mesh has {} dimension{}", key,
                                       formula.text, name, dimension_, dimension_ == 1 ? "" : "s"));
        return result;
      }
    }
    result.is_constant = false;
    result.program = expression->compile();
    return result;
  }

  physics::RegionForm region(const deck::Coefficients& own, const deck::Coefficients& general,
                             const std::string& key) {
    physics::RegionForm form;
    const auto n = static_cast<std::size_t>(dimension_);
    const auto& diffusion = own.diffusion ? own.diffusion : general.diffusion;
    if (diffusion) {
      const std::size_t entries = diffusion->entries.size();
      if (entries == 1)
        form.diffusion_kind = physics::DiffusionKind::scalar;
      else if (entries == n)
        form.diffusion_kind = physics::DiffusionKind::diagonal;
      else if (entries == n * n)
        form.diffusion_kind = physics::DiffusionKind::tensor;
      else {
        diagnostics_.error(
            diffusion->entries.empty() ? base::Location{} : diffusion->entries[0].where,
            fmt::format("{}.diffusion has {} entries (must be 1, {} for a diagonal or "
                        "{} x {} for a tensor)",
                        key, entries, n, n, n));
      }
      for (const deck::Formula& entry : diffusion->entries) {
        form.diffusion.push_back(coefficient(entry, key + ".diffusion"));
      }
    } else {
      physics::Coefficient one;
      one.value = 1.0;
      form.diffusion.push_back(one);
    }
    const auto& advection = own.advection ? own.advection : general.advection;
    if (advection) {
      if (advection->size() != n) {
        diagnostics_.error(
            advection->empty() ? base::Location{} : advection->front().where,
            fmt::format("{}.advection has {} components (the mesh has {} dimensions)", key,
                        advection->size(), n));
      }
      for (const deck::Formula& entry : *advection) {
        form.advection.push_back(coefficient(entry, key + ".advection"));
      }
    }
    const auto& reaction = own.reaction ? own.reaction : general.reaction;
    if (reaction) {
      form.reaction = coefficient(*reaction, key + ".reaction");
      form.has_reaction = !form.reaction.is_constant || form.reaction.value != 0.0;
    }
    const auto& source = own.source ? own.source : general.source;
    if (source) {
      form.source = coefficient(*source, key + ".source");
      form.has_source = !form.source.is_constant || form.source.value != 0.0;
    }
    return form;
  }

 private:
  int dimension_;
  expr::Symbols names_;
  base::Diagnostics& diagnostics_;
};

}  // namespace

physics::Form make_form(const deck::Problem& problem, int dimension,
                        const std::vector<std::string>& region_names,
                        const std::vector<std::string>& set_names, base::Diagnostics& diagnostics) {
  physics::Form form;
  form.dimension = dimension;
  FormBuilder builder(problem, dimension, diagnostics);
  const deck::Coefficients& general = problem.equation.coefficients;
  // The equation's own formulas are compiled once for the messages and again for each region that
  // overrides some of them: an error in them is reported once.
  const physics::RegionForm base_form = builder.region(general, general, "equation");
  for (const std::string& region : region_names) {
    const auto material =
        std::find_if(problem.materials.begin(), problem.materials.end(),
                     [&](const deck::Material& one) { return one.region.text == region; });
    if (material == problem.materials.end()) {
      form.regions.push_back(base_form);
      continue;
    }
    physics::RegionForm merged = base_form;
    const deck::Coefficients& own = material->coefficients;
    const physics::RegionForm over = builder.region(own, own, "material");
    if (own.diffusion) {
      merged.diffusion_kind = over.diffusion_kind;
      merged.diffusion = over.diffusion;
    }
    if (own.advection) merged.advection = over.advection;
    if (own.reaction) {
      merged.reaction = over.reaction;
      merged.has_reaction = over.has_reaction;
    }
    if (own.source) {
      merged.source = over.source;
      merged.has_source = over.has_source;
    }
    form.regions.push_back(std::move(merged));
  }

  for (const deck::Boundary& boundary : problem.boundaries) {
    physics::BoundaryForm term;
    switch (boundary.kind) {
      case deck::Boundary::Kind::value:
        term.kind = physics::BoundaryForm::Kind::value;
        term.value = builder.coefficient(boundary.value_or_flux, "boundary.value");
        break;
      case deck::Boundary::Kind::flux:
        term.kind = physics::BoundaryForm::Kind::flux;
        term.value = builder.coefficient(boundary.value_or_flux, "boundary.flux");
        break;
      case deck::Boundary::Kind::robin:
        term.kind = physics::BoundaryForm::Kind::robin;
        term.coefficient =
            builder.coefficient(boundary.robin_coefficient, "boundary.robin.coefficient");
        term.ambient = builder.coefficient(boundary.robin_ambient, "boundary.robin.ambient");
        break;
      case deck::Boundary::Kind::displacement:
      case deck::Boundary::Kind::traction:
      case deck::Boundary::Kind::pressure:
      case deck::Boundary::Kind::symmetry:
        continue;  // of elasticity, which has no scalar form
    }
    for (const deck::Name& name : boundary.on) {
      const auto found = std::find(set_names.begin(), set_names.end(), name.text);
      if (found != set_names.end()) {
        term.sets.push_back(static_cast<std::int16_t>(found - set_names.begin()));
      }
    }
    form.boundaries.push_back(std::move(term));
  }
  return form;
}

namespace {

/// The formula of a region: the material's, or the equation's; empty: none.
std::string formula_text(const deck::Problem& problem, const std::string& region,
                         std::optional<deck::Formula> deck::Coefficients::*member) {
  std::optional<deck::Formula> found = problem.equation.unknowns.front().coefficients.*member;
  for (const deck::Material& material : problem.materials) {
    if (material.region.text == region && material.coefficients.*member)
      found = material.coefficients.*member;
  }
  return found ? "(" + found->text + ")" : std::string();
}

/// A reaction by its text.
void set_reaction(physics::RegionForm& region, const std::string& text,
                  const expr::Symbols& names) {
  region.has_reaction = false;
  region.reaction = {};
  if (text.empty()) return;
  const expr::Expression expression = expr::Expression::parse(text, names);
  region.reaction.is_constant = expression.is_constant();
  if (expression.is_constant()) {
    region.reaction.value = expression.constant_value();
    region.has_reaction = region.reaction.value != 0.0;
  } else {
    region.reaction.program = expression.compile();
    region.has_reaction = true;
  }
}

}  // namespace

physics::Form shifted_form(const deck::Problem& problem, const physics::Form& form,
                           const std::vector<std::string>& region_names, double rate_shift,
                           double second_shift) {
  physics::Form shifted = form;
  const expr::Symbols names = symbols(problem);
  for (std::size_t r = 0; r < region_names.size(); ++r) {
    std::string text = formula_text(problem, region_names[r], &deck::Coefficients::reaction);
    const auto add = [&](double shift, std::optional<deck::Formula> deck::Coefficients::*member) {
      const std::string mass = formula_text(problem, region_names[r], member);
      if (shift == 0.0 || mass.empty()) return;
      text += fmt::format("{}{:.17g}*{}", text.empty() ? "" : " + ", shift, mass);
    };
    add(rate_shift, &deck::Coefficients::capacity);
    add(second_shift, &deck::Coefficients::inertia);
    set_reaction(shifted.regions[r], text, names);
  }
  return shifted;
}

physics::Form mass_form(const deck::Problem& problem, const physics::Form& form,
                        const std::vector<std::string>& region_names, int order) {
  physics::Form mass;
  mass.dimension = form.dimension;
  const expr::Symbols names = symbols(problem);
  for (const std::string& name : region_names) {
    physics::RegionForm region;
    region.diffusion_kind = physics::DiffusionKind::none;
    set_reaction(
        region,
        formula_text(problem, name,
                     order == 1 ? &deck::Coefficients::capacity : &deck::Coefficients::inertia),
        names);
    mass.regions.push_back(std::move(region));
  }
  return mass;
}

TimeDependence time_dependence(const physics::Form& form) {
  const auto depends = [](const physics::Coefficient& c) {
    constexpr std::uint64_t t_row = 1U << 3U;
    return !c.is_constant && (c.program.rows_read() & t_row) != 0;
  };
  const auto any = [&](const std::vector<physics::Coefficient>& list) {
    return std::any_of(list.begin(), list.end(), depends);
  };
  TimeDependence result;
  for (const physics::RegionForm& region : form.regions) {
    result.matrix = result.matrix || any(region.diffusion) || any(region.advection) ||
                    (region.has_reaction && depends(region.reaction));
    result.load = result.load || (region.has_source && depends(region.source));
  }
  for (const physics::BoundaryForm& boundary : form.boundaries) {
    const bool robin = boundary.kind == physics::BoundaryForm::Kind::robin;
    result.matrix = result.matrix || (robin && depends(boundary.coefficient));
    result.load = result.load || depends(robin ? boundary.ambient : boundary.value);
  }
  // What multiplies the prescribed values or the ambient changes the load as well.
  result.load = result.load || result.matrix;
  return result;
}

physics::Form mean_form(const physics::Form& form) {
  physics::Form unit;
  unit.dimension = form.dimension;
  physics::RegionForm region;
  region.diffusion_kind = physics::DiffusionKind::none;
  region.has_source = true;
  region.source.value = 1.0;
  unit.regions.assign(form.regions.size(), region);
  return unit;
}

void check_formulas(const deck::Problem& problem, base::Diagnostics& diagnostics) {
  const expr::Symbols plain = symbols(problem);
  std::vector<std::string> unknowns = deck::unknown_names(problem, 0);
  std::erase_if(unknowns,
                [](const std::string& name) { return !expr::name_refusal(name).empty(); });
  const expr::Symbols with_solution = symbols(problem, unknowns);
  static_cast<void>(MeshMap(problem, diagnostics));
  for (const deck::NamedSet& set : problem.mesh.sets) {
    static_cast<void>(compile(set.predicate, "mesh.sets." + set.name.text, expr::Type::boolean,
                              plain, diagnostics));
  }
  for (const deck::Integral& integral : problem.integrals) {
    if (integral.kind == deck::Integral::Kind::value) {
      static_cast<void>(
          compile(integral.of, "integral.of", expr::Type::real, with_solution, diagnostics));
    }
  }
  for (const auto& [list, table] : {std::pair{&problem.initial.values, "initial."},
                                    {&problem.initial.rates, "initial.rate."}}) {
    for (const deck::InitialValue& one : *list) {
      static_cast<void>(
          compile(one.value, table + one.unknown.text, expr::Type::real, plain, diagnostics));
    }
  }
  if (problem.time && problem.time->stop_when) {
    static_cast<void>(compile(*problem.time->stop_when, "time.stop_when", expr::Type::boolean,
                              stop_symbols(problem), diagnostics));
  }
  if (problem.verify.exact) {
    static_cast<void>(
        compile(*problem.verify.exact, "verify.exact", expr::Type::real, plain, diagnostics));
  }
}

}  // namespace ritz::run
