#include "ritz/run/system_form.hpp"

#include <algorithm>
#include <optional>

#include "elastic_form.hpp"
#include "ritz/base/format.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/expr/frozen.hpp"
#include "ritz/run/form.hpp"
#include "ritz/run/stabilisation.hpp"

namespace ritz::run {

namespace {

constexpr const char* axes[] = {"x", "y", "z"};

/// A sum of products, written as text: the pieces have been checked one by one, so that what is
/// wrong has been told at its place.
class Sum {
 public:
  void add(const std::string& term) { text_ += (text_.empty() ? "" : " + ") + term; }
  void subtract(const std::string& term) { text_ += " - " + term; }
  [[nodiscard]] std::string text() const { return text_.empty() ? "0" : text_; }

 private:
  std::string text_;
};

/// A formula that has been checked. Picard's method takes what depends on the unknowns as it is.
struct Piece {
  std::string text;  ///< in parentheses, frozen for Picard's method
  bool is_zero = true;
  std::optional<expr::Expression> expression = {};
};

/// Which terms are wanted: all, or one half of them.
enum class Part { all, implicit_terms, explicit_terms };

class SystemBuilder {
 public:
  SystemBuilder(const deck::Problem& problem, int dimension, Part part,
                std::optional<mesh::CellType> supg, base::Diagnostics& diagnostics)
      : problem_(problem),
        dimension_(dimension),
        part_(part),
        supg_(supg),
        unknowns_(deck::unknown_names(problem, dimension)),
        diagnostics_(diagnostics) {
    if (problem.equation.kind == deck::EquationKind::thermo_elasticity) first_displacement_ = 1;
    volume_ = symbols(problem);
    volume_.variables = physics::volume_variables(unknowns_, dimension);
    written_ = volume_;
    if (has_curvature()) {
      const std::vector<std::string> second = physics::curvature_variables(unknowns_, dimension);
      written_.variables.insert(written_.variables.end(), second.begin(), second.end());
    }
    if (supg) {
      const std::vector<std::string> metric = physics::metric_variables(dimension);
      written_.variables.insert(written_.variables.end(), metric.begin(), metric.end());
    }
    boundary_ = symbols(problem);
    boundary_.variables = physics::boundary_variables(unknowns_);
    place_ = symbols(problem);
    place_.variables = physics::place_variables();
  }

  [[nodiscard]] const std::vector<std::string>& unknowns() const { return unknowns_; }
  /// SUPG's residual needs second derivatives: those of degree 1 are 0 or left out.
  [[nodiscard]] bool has_curvature() const { return supg_ && problem_.space.degree > 1; }

  physics::SystemForm::Region scalar_region(const std::string& name) {
    physics::SystemForm::Region region;
    const std::size_t n = first_displacement_ == 1 ? 1 : unknowns_.size();
    for (std::size_t i = 0; i < n; ++i) {
      const deck::Coefficients& general = problem_.equation.unknowns[i].coefficients;
      const deck::Coefficients* own = nullptr;
      for (const deck::Material& material : problem_.materials) {
        if (material.region.text == name && material.unknown == static_cast<int>(i))
          own = &material.coefficients;
      }
      add_scalar(i, general, own ? *own : deck::Coefficients{}, own != nullptr, region);
    }
    return region;
  }

  physics::SystemForm::Region elastic_region(const std::string& name) {
    const auto d = static_cast<std::size_t>(dimension_);
    const std::vector<std::string> displacements = displacement_names(problem_, dimension_);
    const auto texts = elastic_texts(
        problem_, displacements, name,
        [this](const deck::Formula& formula, const std::string& key) -> std::optional<std::string> {
          const auto piece = check(formula, key, volume_);
          if (!piece) return std::nullopt;
          return piece->is_zero ? std::string() : piece->text;
        },
        diagnostics_);
    deck::Formula at;  // a place to name when the whole goes wrong
    at.where = problem_.equation.where;
    physics::SystemForm::Region region;
    if (first_displacement_ == 1) region = scalar_region(name);  // the temperature
    // The body is in balance at every time: nothing of it is explicit.
    const bool is_there = texts && part_ != Part::explicit_terms;
    for (std::size_t i = 0; i < d; ++i) finish(is_there ? texts->f0[i] : "0", region.f0, at);
    for (std::size_t i = 0; i < d * d; ++i) finish(is_there ? texts->f1[i] : "0", region.f1, at);
    return region;
  }

  /// Appends the conditions of one [[boundary]] table.
  void add_boundary(const deck::Boundary& boundary, const std::vector<std::string>& set_names,
                    const AxisOfSet& axis_of_set, physics::SystemForm& form) {
    using Kind = deck::Boundary::Kind;
    using To = physics::SystemForm::Boundary;
    std::vector<std::int16_t> sets;
    for (const deck::Name& name : boundary.on) {
      const std::string wanted =
          name.text == deck::rest_name ? rest_set_name(problem_, boundary.unknown) : name.text;
      const auto found = std::find(set_names.begin(), set_names.end(), wanted);
      if (found != set_names.end()) {
        sets.push_back(static_cast<std::int16_t>(found - set_names.begin()));
      }
    }
    const auto put = [&](To::Kind kind, int unknown, const std::string& text,
                         const expr::Symbols& names, const deck::Formula& formula,
                         std::vector<std::int16_t> where) {
      // Integrals over a body of revolution have the radius as a weight.
      const bool weighted = problem_.equation.is_axisymmetric && kind == To::Kind::natural;
      const auto expression = parse(weighted ? "x*(" + text + ")" : text, names, formula);
      if (expression) form.boundaries.push_back({kind, std::move(where), unknown, *expression});
    };
    const auto value = [&](const deck::Formula& formula, const std::string& key, int unknown) {
      const auto piece = check(formula, key, place_);
      if (piece) put(To::Kind::value, unknown, piece->text, place_, formula, sets);
    };
    const auto natural = [&](const std::string& text, const deck::Formula& formula, int unknown) {
      if (part_ == Part::explicit_terms) return;
      put(To::Kind::natural, unknown, text, boundary_, formula, sets);
    };
    const auto n_displacements = static_cast<std::size_t>(dimension_);
    const auto displacement = [&](std::size_t i) {
      return static_cast<int>(i) + first_displacement_;
    };
    switch (boundary.kind) {
      case Kind::value:
        value(boundary.value_or_flux, "boundary.value", boundary.unknown);
        break;
      case Kind::flux: {
        const auto piece = check(boundary.value_or_flux, "boundary.flux", boundary_);
        if (piece && !piece->is_zero)
          natural("-" + piece->text, boundary.value_or_flux, boundary.unknown);
        break;
      }
      case Kind::robin: {
        const auto h = check(boundary.robin_coefficient, "boundary.robin.coefficient", boundary_);
        const auto ambient = check(boundary.robin_ambient, "boundary.robin.ambient", boundary_);
        if (!h || !ambient) break;
        const std::string& u = unknowns_[static_cast<std::size_t>(boundary.unknown)];
        natural(fmt::format("{}*({} - {})", h->text, u, ambient->text), boundary.robin_coefficient,
                boundary.unknown);
        break;
      }
      case Kind::displacement:
        for (std::size_t i = 0; i < boundary.displacement.size() && i < n_displacements; ++i) {
          if (boundary.displacement[i]) {
            value(*boundary.displacement[i], "boundary.displacement", displacement(i));
          }
        }
        break;
      case Kind::traction:
        for (std::size_t i = 0; i < boundary.traction.size() && i < n_displacements; ++i) {
          const auto piece = check(boundary.traction[i], "boundary.traction", boundary_);
          if (piece && !piece->is_zero)
            natural("-" + piece->text, boundary.traction[i], displacement(i));
        }
        break;
      case Kind::pressure: {
        const auto piece = check(boundary.pressure, "boundary.pressure", boundary_);
        for (int i = 0; piece && i < dimension_; ++i) {
          natural(fmt::format("{}*n{}", piece->text, axes[i]), boundary.pressure,
                  displacement(static_cast<std::size_t>(i)));
        }
        break;
      }
      case Kind::symmetry:
        for (std::size_t s = 0; s < sets.size(); ++s) {
          const int axis = axis_of_set(sets[s]);
          if (axis < 0) {
            diagnostics_.error(
                boundary.where,
                fmt::format("boundary.symmetry on \"{}\": its facets do not lie in one plane x, y "
                            "or z = constant; prescribe the displacements instead",
                            set_names[static_cast<std::size_t>(sets[s])]));
            continue;
          }
          const deck::Formula zero{"0", boundary.where};
          put(To::Kind::value, displacement(static_cast<std::size_t>(axis)), "0", place_, zero,
              {sets[s]});
        }
        break;
    }
  }

 private:
  /// A formula as a piece of a larger one; nothing after an error, which has been told.
  std::optional<Piece> check(const deck::Formula& formula, const std::string& key,
                             const expr::Symbols& names) {
    const auto expression = compile(formula, key, expr::Type::real, names, diagnostics_);
    if (!expression) return std::nullopt;
    for (int d = dimension_; d < 3; ++d) {
      if (expression->depends_on(axes[d])) {
        diagnostics_.error(
            formula.where,
            fmt::format("{} = \"{}\" uses {}, but the mesh has {} dimension{}", key, formula.text,
                        axes[d], dimension_, dimension_ == 1 ? "" : "s"));
        return std::nullopt;
      }
    }
    const bool freezes = problem_.nonlinear.method == deck::NonlinearOptions::Method::picard &&
                         depends_on_state(*expression);
    return Piece{(freezes ? "frozen(" : "(") + formula.text + ")",
                 expression->is_constant() && expression->constant_value() == 0.0, *expression};
  }

  [[nodiscard]] static bool depends_on_state(const expr::Expression& expression) {
    const std::vector<std::string> place = physics::boundary_variables({});
    const std::vector<std::string>& names = expression.variables();
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return std::find(place.begin(), place.end(), name) == place.end() &&
             expression.depends_on(name);
    });
  }

  /// The whole of pieces that were good; what can still be wrong comes from putting them together.
  std::optional<expr::Expression> parse(const std::string& text, const expr::Symbols& names,
                                        const deck::Formula& formula) {
    try {
      return expr::parse_with_frozen(text, names);
    } catch (const expr::ParseError& error) {
      diagnostics_.error(formula.where, fmt::format("{}\n{}", error.message(), error.caret()));
      return std::nullopt;
    }
  }

  void finish(const std::string& text, std::vector<expr::Expression>& to,
              const deck::Formula& formula) {
    if (const auto expression = parse(text, written_, formula)) {
      to.push_back(*expression);
    } else {
      to.push_back(expr::Expression::constant(0.0, written_.variables));
    }
  }

  /// A term of a scalar equation in the integrals over the domain.
  [[nodiscard]] std::string weighted(const std::string& text) const {
    return problem_.equation.is_axisymmetric ? "x*(" + text + ")" : text;
  }

  void add_scalar(std::size_t i, const deck::Coefficients& general, const deck::Coefficients& own,
                  bool is_material, physics::SystemForm::Region& region) {
    const std::string& u = unknowns_[i];
    const std::string table =
        is_material ? "material"
                    : (unknowns_.size() > 1 ? "equation." + u : std::string("equation"));
    deck::Formula at;  // a place to name when the whole goes wrong
    at.where = problem_.equation.where;
    const auto piece = [&](const deck::Formula& formula, const char* key) {
      const auto checked = check(formula, table + "." + key, volume_);
      return checked ? *checked : Piece{};
    };
    // Of an equation without a time derivative nothing is explicit.
    const bool splits = deck::order_in_time(problem_, static_cast<int>(i)) == 1;
    const auto is_wanted = [&](const char* key) {
      if (part_ == Part::all) return true;
      const auto& names = problem_.time->explicit_terms;
      const bool is_explicit = splits && std::find(names.begin(), names.end(), key) != names.end();
      return is_explicit == (part_ == Part::explicit_terms);
    };
    Sum f0;
    const auto times = [&](const std::optional<deck::Formula>& mine,
                           const std::optional<deck::Formula>& theirs, const char* key,
                           const std::string& factor, bool minus = false) {
      const auto& formula = mine ? mine : theirs;
      if (!formula || !is_wanted(key)) return;
      const Piece p = piece(*formula, key);
      if (p.is_zero) return;
      const std::string term = factor.empty() ? p.text : p.text + "*" + factor;
      if (minus) {
        f0.subtract(term);
      } else {
        f0.add(term);
      }
    };
    times(own.inertia, general.inertia, "inertia", "dtt(" + u + ")");
    times(own.capacity, general.capacity, "capacity", "dt(" + u + ")");
    const auto& advection = own.advection ? own.advection : general.advection;
    if (advection && is_wanted("advection")) {
      if (advection->size() != static_cast<std::size_t>(dimension_)) {
        diagnostics_.error(
            advection->empty() ? base::Location{} : advection->front().where,
            fmt::format("{}.advection has {} components (the mesh has {} dimensions)", table,
                        advection->size(), dimension_));
      }
      for (std::size_t d = 0; d < advection->size() && d < static_cast<std::size_t>(dimension_);
           ++d) {
        const Piece p = piece((*advection)[d], "advection");
        if (!p.is_zero) f0.add(fmt::format("{}*d{}({})", p.text, axes[d], u));
      }
    }
    times(own.reaction, general.reaction, "reaction", u);
    const auto& wave = own.wave_number ? own.wave_number : general.wave_number;
    if (wave && is_wanted("wave_number")) {
      const Piece p = piece(*wave, "wave_number");
      if (!p.is_zero) f0.subtract(fmt::format("{}^2*{}", p.text, u));
    }
    times(own.source, general.source, "source", "", true);
    finish(weighted(f0.text()), region.f0, at);

    const auto n = static_cast<std::size_t>(dimension_);
    std::vector<Sum> flux(n);
    const auto& diffusion = own.diffusion ? own.diffusion : general.diffusion;
    if (supg_ && advection && advection->size() == n) {
      const auto& reaction = own.reaction ? own.reaction : general.reaction;
      add_streamline_diffusion(u, *advection, diffusion ? &*diffusion : nullptr,
                               reaction ? &*reaction : nullptr, f0, is_wanted("diffusion"), piece,
                               flux);
    }
    if (!is_wanted("diffusion")) {
      for (const Sum& sum : flux) finish(weighted(sum.text()), region.f1, at);
      return;
    }
    if (!diffusion) {
      for (std::size_t d = 0; d < n; ++d) flux[d].add(fmt::format("d{}({})", axes[d], u));
    } else {
      const std::size_t entries = diffusion->entries.size();
      if (entries != 1 && entries != n && entries != n * n) {
        diagnostics_.error(
            diffusion->entries.empty() ? base::Location{} : diffusion->entries[0].where,
            fmt::format("{}.diffusion has {} entries (must be 1, {} for a diagonal or {} x {} for "
                        "a tensor)",
                        table, entries, n, n, n));
      } else {
        std::vector<Piece> pieces;
        for (const deck::Formula& entry : diffusion->entries) {
          pieces.push_back(piece(entry, "diffusion"));
        }
        for (std::size_t a = 0; a < n; ++a) {
          for (std::size_t b = 0; b < n; ++b) {
            if (entries != n * n && a != b) continue;
            const Piece& p = pieces[entries == 1 ? 0 : (entries == n ? a : a * n + b)];
            if (!p.is_zero) flux[a].add(fmt::format("{}*d{}({})", p.text, axes[b], u));
          }
        }
      }
    }
    const auto& cross = own.cross_diffusion.empty() ? general.cross_diffusion : own.cross_diffusion;
    for (const deck::CrossDiffusion& one : cross) {
      const Piece p = piece(one.value, "cross_diffusion");
      if (p.is_zero) continue;
      for (std::size_t d = 0; d < n; ++d) {
        flux[d].add(fmt::format("{}*d{}({})", p.text, axes[d], one.unknown.text));
      }
    }
    for (const Sum& sum : flux) finish(weighted(sum.text()), region.f1, at);
  }

  /// Adds tau b (residual) to the flux. The residual is that of the wanted terms, f0 - div(K grad
  /// u); in cells of degree 1 the second derivatives of u are 0 on simplices and left out on
  /// others.
  template <class MakePiece>
  void add_streamline_diffusion(const std::string& u, const std::vector<deck::Formula>& advection,
                                const deck::TensorFormula* diffusion, const deck::Formula* reaction,
                                const Sum& f0, bool has_diffusion, const MakePiece& piece,
                                std::vector<Sum>& flux) {
    const auto n = static_cast<std::size_t>(dimension_);
    const auto factor = [](const Piece& p) { return p.is_zero ? std::string("0") : p.text; };
    TransportTexts texts;
    texts.degree = problem_.space.degree;
    texts.inverse_constant = inverse_constant(*supg_, texts.degree);
    for (const deck::Formula& one : advection) texts.b.push_back(factor(piece(one, "advection")));
    if (std::all_of(texts.b.begin(), texts.b.end(), [](const auto& b) { return b == "0"; })) return;
    if (reaction != nullptr) texts.reaction = factor(piece(*reaction, "reaction"));
    texts.k.assign(n, std::vector<std::string>(n, "0"));
    std::string residual = f0.text();
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b < n; ++b) {
        if (diffusion == nullptr) {
          if (a != b) continue;
          texts.k[a][b] = "1";
          if (has_diffusion && has_curvature()) residual += " - " + curvature(a, a, u);
          continue;
        }
        const std::size_t entries = diffusion->entries.size();
        if (entries != n * n && a != b) continue;
        const Piece k = piece(diffusion->entries[entries == 1 ? 0 : (entries == n ? a : a * n + b)],
                              "diffusion");
        texts.k[a][b] = factor(k);
        if (k.is_zero || !has_diffusion) continue;
        const std::string slope = total_slope(*k.expression, axes[a]);
        if (!slope.empty()) residual += fmt::format(" - ({})*d{}({})", slope, axes[b], u);
        if (has_curvature()) residual += fmt::format(" - {}*{}", k.text, curvature(a, b, u));
      }
    }
    const std::string tau = tau_text(texts);
    for (std::size_t d = 0; d < n; ++d) {
      if (texts.b[d] != "0")
        flux[d].add(fmt::format("frozen(({})*{})*({})", tau, texts.b[d], residual));
    }
  }

  /// A second derivative's name.
  [[nodiscard]] static std::string curvature(std::size_t a, std::size_t b, const std::string& u) {
    return fmt::format("d{}{}({})", axes[std::min(a, b)], axes[std::max(a, b)], u);
  }

  /// Derivative of a coefficient along an axis, by place and through the unknowns; empty: 0.
  [[nodiscard]] std::string total_slope(const expr::Expression& e, const char* axis) const {
    const auto slope = [&](const std::string& name) {
      if (!e.depends_on(name)) return std::string();
      const expr::Expression d = e.derivative(name);
      return d.is_constant() && d.constant_value() == 0.0 ? std::string() : "(" + d.text() + ")";
    };
    std::string sum = slope(axis);
    for (const std::string& u : unknowns_) {
      const std::string by = slope(u);
      if (!by.empty()) sum += fmt::format("{}{}*d{}({})", sum.empty() ? "" : " + ", by, axis, u);
      for (std::size_t d = 0; has_curvature() && d < static_cast<std::size_t>(dimension_); ++d) {
        const std::string by_slope = slope(fmt::format("d{}({})", axes[d], u));
        const auto along = static_cast<std::size_t>(axis[0] - 'x');
        if (!by_slope.empty())
          sum += fmt::format("{}{}*{}", sum.empty() ? "" : " + ", by_slope, curvature(along, d, u));
      }
    }
    const bool picard = problem_.nonlinear.method == deck::NonlinearOptions::Method::picard;
    return picard && !sum.empty() ? "frozen(" + sum + ")" : sum;
  }

  const deck::Problem& problem_;
  int dimension_;
  Part part_;
  std::optional<mesh::CellType> supg_;
  std::vector<std::string> unknowns_;
  int first_displacement_ = 0;  ///< 1 behind the temperature
  expr::Symbols volume_, boundary_, place_;
  expr::Symbols written_;  ///< of the whole formulas in cells: volume_, and the metric for SUPG
  base::Diagnostics& diagnostics_;
};

}  // namespace

std::string rest_set_name(const deck::Problem& problem, int unknown) {
  const bool own = problem.equation.kind != deck::EquationKind::elasticity &&
                   problem.equation.unknowns.size() > 1;
  if (!own) return deck::rest_name;
  return fmt::format("{} of {}", deck::rest_name,
                     problem.equation.unknowns[static_cast<std::size_t>(unknown)].name);
}

namespace {

/// Imex methods divide by no mass matrix, which must then be the same in all stages.
void check_mass(const deck::Problem& problem, const physics::SystemForm& form,
                base::Diagnostics& diagnostics) {
  for (const physics::SystemForm::Region& region : form.regions) {
    for (const physics::JacobianEntry& entry : physics::jacobian_entries(form, region)) {
      if (!entry.is_of_rate(form.dimension)) continue;
      const std::vector<std::string>& names = entry.value.variables();
      const auto state_end =
          names.begin() + static_cast<std::ptrdiff_t>(
                              physics::volume_variables(form.unknowns, form.dimension).size());
      const bool changes = std::any_of(names.begin() + 3, state_end, [&](const std::string& name) {
        return entry.value.depends_on(name);
      });
      if (!changes) continue;
      diagnostics.error(
          problem.time->method_where,
          fmt::format(
              "time.method = \"{}\" needs a capacity that depends on neither "
              "t nor an unknown (that of {} does{}); take bdf2 or sdirk3{}",
              problem.time->method == deck::TimeMethod::imex2 ? "imex2" : "imex3",
              form.unknowns[static_cast<std::size_t>(entry.test)],
              entry.test_slot > 0 ? ", by SUPG's part with the velocity and the reaction" : "",
              entry.test_slot > 0 ? ", or equation.stabilisation = \"none\"" : ""));
      return;
    }
  }
}

physics::SystemForm make_part(const deck::Problem& problem, int dimension,
                              const std::vector<std::string>& region_names,
                              const std::vector<std::string>& set_names,
                              const AxisOfSet& axis_of_set, Part part,
                              std::optional<mesh::CellType> supg, base::Diagnostics& diagnostics) {
  SystemBuilder builder(problem, dimension, part, supg, diagnostics);
  physics::SystemForm form;
  form.dimension = dimension;
  form.unknowns = builder.unknowns();
  form.has_curvature = builder.has_curvature();
  const bool is_elastic = deck::is_elastic(problem);
  const auto region = [&](const std::string& name) {
    return is_elastic ? builder.elastic_region(name) : builder.scalar_region(name);
  };
  // Regions without a [[material]] share the equation's form, so that what is wrong there is told
  // once; a mesh without regions of the deck's names is checked all the same.
  const auto has_material = [&](const std::string& name) {
    return std::any_of(problem.materials.begin(), problem.materials.end(),
                       [&](const deck::Material& one) { return one.region.text == name; });
  };
  std::optional<physics::SystemForm::Region> general;
  for (const std::string& name : region_names) {
    if (has_material(name)) {
      form.regions.push_back(region(name));
    } else {
      if (!general) general = region({});
      form.regions.push_back(*general);
    }
  }
  for (const deck::Boundary& boundary : problem.boundaries) {
    builder.add_boundary(boundary, set_names, axis_of_set, form);
  }
  return form;
}

}  // namespace

physics::SystemForm make_system(const deck::Problem& problem, int dimension,
                                const std::vector<std::string>& region_names,
                                const std::vector<std::string>& set_names,
                                const AxisOfSet& axis_of_set, base::Diagnostics& diagnostics,
                                std::optional<mesh::CellType> supg) {
  physics::SystemForm form = make_part(problem, dimension, region_names, set_names, axis_of_set,
                                       Part::all, supg, diagnostics);
  if (is_imex(problem) && !diagnostics.has_errors()) check_mass(problem, form, diagnostics);
  return form;
}

SplitSystem split_system(const deck::Problem& problem, int dimension,
                         const std::vector<std::string>& region_names,
                         const std::vector<std::string>& set_names, const AxisOfSet& axis_of_set,
                         std::optional<mesh::CellType> supg) {
  base::Diagnostics diagnostics;
  const auto part = [&](Part which) {
    return make_part(problem, dimension, region_names, set_names, axis_of_set, which, supg,
                     diagnostics);
  };
  SplitSystem split{part(Part::implicit_terms), part(Part::explicit_terms)};
  diagnostics.throw_errors(base::ExitCode::deck);
  return split;
}

bool is_imex(const deck::Problem& problem) {
  return problem.time && (problem.time->method == deck::TimeMethod::imex2 ||
                          problem.time->method == deck::TimeMethod::imex3);
}

physics::Form prescribing_form(const physics::SystemForm& form, int unknown, int derivative) {
  physics::Form result;
  result.dimension = form.dimension;
  result.regions.resize(form.regions.size());
  for (const physics::SystemForm::Boundary& boundary : form.boundaries) {
    if (boundary.kind != physics::SystemForm::Boundary::Kind::value ||
        boundary.unknown != unknown) {
      continue;
    }
    expr::Expression value = boundary.value;
    for (int i = 0; i < derivative; ++i) value = value.derivative("t");
    physics::BoundaryForm to;
    to.kind = physics::BoundaryForm::Kind::value;
    to.sets = boundary.sets;
    to.value.is_constant = value.is_constant();
    if (value.is_constant()) {
      to.value.value = value.constant_value();
    } else {
      to.value.program = value.compile();
    }
    result.boundaries.push_back(std::move(to));
  }
  return result;
}

bool has_linear_form(const deck::Problem& problem, const physics::SystemForm& form) {
  if (form.n_unknowns() > 1 || problem.equation.is_axisymmetric || deck::is_elastic(problem) ||
      problem.equation.kind == deck::EquationKind::helmholtz) {
    return false;
  }
  // A source that is linear in the unknown is not in physics::Form either.
  const auto uses_state = [&](const deck::Formula& formula) {
    expr::Symbols names = symbols(problem);
    names.variables = physics::volume_variables(form.unknowns, form.dimension);
    try {
      const expr::Expression expression = expr::Expression::parse(formula.text, names);
      for (std::size_t v = physics::n_place_variables; v < names.variables.size(); ++v) {
        if (expression.depends_on(names.variables[v])) return true;
      }
    } catch (const expr::ParseError&) {
      return false;  // told elsewhere
    }
    return false;
  };
  const auto any = [&](const deck::Coefficients& c) {
    bool found = false;
    if (c.diffusion) {
      for (const deck::Formula& one : c.diffusion->entries) found = found || uses_state(one);
    }
    if (c.advection) {
      for (const deck::Formula& one : *c.advection) found = found || uses_state(one);
    }
    return found || (c.reaction && uses_state(*c.reaction)) ||
           (c.source && uses_state(*c.source)) || (c.capacity && uses_state(*c.capacity)) ||
           (c.inertia && uses_state(*c.inertia));
  };
  const bool uses = any(problem.equation.unknowns.front().coefficients) ||
                    std::any_of(problem.materials.begin(), problem.materials.end(),
                                [&](const deck::Material& one) { return any(one.coefficients); }) ||
                    std::any_of(problem.boundaries.begin(), problem.boundaries.end(),
                                [&](const deck::Boundary& one) {
                                  return uses_state(one.value_or_flux) ||
                                         uses_state(one.robin_coefficient) ||
                                         uses_state(one.robin_ambient);
                                });
  return !uses;
}

bool needs_system(const deck::Problem& problem, const physics::SystemForm& form) {
  return problem.time || !has_linear_form(problem, form);
}

}  // namespace ritz::run
