#include "ritz/physics/system_form.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "ritz/base/error.hpp"
#include "ritz/expr/frozen.hpp"

namespace ritz::physics {

namespace {

[[noreturn]] void internal_error(const std::string& what) {
  throw base::Error(base::ExitCode::internal, "physics: " + what + "; please report this");
}

bool is_zero(const expr::Expression& e) {
  return e.is_constant() && e.constant_value() == 0.0;
}

bool depends_on_any(const expr::Expression& e, const std::vector<std::string>& names,
                    std::size_t begin, std::size_t end) {
  for (std::size_t v = begin; v < end; ++v) {
    if (e.depends_on(names[v])) return true;
  }
  return false;
}

/// A well-mixed number in [-1, 1) (splitmix64 finaliser).
double sample(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1p-52 - 1.0;
}

/// Jumps have derivative 0 (floor, sign, conditions on the state), so that formulas with them pass
/// for affine: those are found by comparing with the affine function at a few points. Can only turn
/// true into false.
bool agrees_with_affine(const expr::Expression& f, std::size_t n_place, std::size_t end_of_state,
                        const std::vector<std::pair<std::size_t, expr::Expression>>& slopes) {
  const std::size_t n = f.variables().size();
  constexpr std::array scales{1.0, 10.0, 1e3};
  for (std::uint64_t trial = 0; trial < 24; ++trial) {
    std::vector<double> point(n), origin(n, 0.0);
    for (std::size_t v = 0; v < n; ++v) {
      const double s = sample(trial * 1009 + v);
      const bool is_state = v >= n_place && v < end_of_state;
      point[v] = is_state ? s * scales[trial % scales.size()] : 0.5 * (s + 1.0);
      if (!is_state) origin[v] = point[v];
    }
    const double there = f.evaluate(point);
    double predicted = f.evaluate(origin), size = std::abs(predicted);
    for (const auto& [v, slope] : slopes) {
      const double term = slope.evaluate(point) * point[v];
      predicted += term;
      size += std::abs(term);
    }
    if (!std::isfinite(there) || !std::isfinite(predicted)) continue;  // outside of its domain
    if (std::abs(there - predicted) > 1e-9 * (size + std::abs(there))) return false;
  }
  return true;
}

/// Adds what one expression and its derivatives say.
void note(const expr::Expression& f, const std::vector<std::string>& names, std::size_t n_place,
          const std::vector<std::pair<std::size_t, expr::Expression>>& slopes,
          SystemTraits& traits) {
  for (const auto& [v, slope] : slopes) {
    if (depends_on_any(slope, names, n_place, names.size())) {
      traits.jacobian_depends_on_state = true;
      traits.is_linear = false;
    }
    traits.jacobian_depends_on_time = traits.jacobian_depends_on_time || slope.depends_on("t");
    traits.jacobian_depends_on_place =
        traits.jacobian_depends_on_place || depends_on_any(slope, names, 0, 3) ||
        depends_on_any(slope, names, 4, n_place) ||
        depends_on_any(slope, slope.variables(), names.size(), slope.variables().size());
  }
  // The Jacobian does not have these: one correction is not enough.
  for (std::size_t v = n_place; v < names.size() && traits.is_linear; ++v) {
    if (expr::freezes(f, names[v])) traits.is_linear = false;
  }
  if (traits.is_linear && depends_on_any(f, names, n_place, names.size()))
    traits.is_linear = agrees_with_affine(f, n_place, names.size(), slopes);
}

bool is_symmetric(const std::vector<JacobianEntry>& entries, int dimension) {
  std::map<std::array<int, 4>, const expr::Expression*> all;
  for (const JacobianEntry& e : entries)
    all[{e.test, e.test_slot, e.trial, e.trial_slot}] = &e.value;
  return std::all_of(entries.begin(), entries.end(), [&](const JacobianEntry& e) {
    std::array<int, 4> mirrored{e.trial, e.trial_slot, e.test, e.test_slot};
    if (e.trial_slot > dimension + 2) return false;  // no test function's curvature
    if (e.trial_slot > dimension) {                  // rates: their gradients are no variables
      if (e.test_slot != 0) return false;
      mirrored = {e.trial, 0, e.test, e.trial_slot};
    }
    const auto found = all.find(mirrored);
    return found != all.end() && found->second->same_formula(e.value);
  });
}

/// d g_i / d u_j on some sets needs an equal d g_j / d u_i on the same sets.
bool are_boundaries_symmetric(const SystemForm& form) {
  using Key = std::tuple<std::vector<std::int16_t>, int, int>;
  std::multimap<Key, expr::Expression> open;
  for (const SystemForm::Boundary& b : form.boundaries) {
    if (b.kind != SystemForm::Boundary::Kind::natural) continue;
    auto sets = b.sets;
    std::sort(sets.begin(), sets.end());
    for (const JacobianEntry& e : jacobian_entries(form, b)) {
      if (e.test == e.trial) continue;
      const auto [first, last] = open.equal_range(Key{sets, e.trial, e.test});
      const auto partner = std::find_if(
          first, last, [&](const auto& one) { return one.second.same_formula(e.value); });
      if (partner != last) {
        open.erase(partner);
      } else {
        open.emplace(Key{sets, e.test, e.trial}, e.value);
      }
    }
  }
  return open.empty();
}

void check_expression(const expr::Expression& e, const std::vector<std::string>& variables,
                      const char* what) {
  if (e.type() != expr::Type::real) internal_error(std::string(what) + " is a condition");
  if (e.variables() != variables)
    internal_error(std::string(what) + " has other variables than the system");
}

/// xx, xy, ... of the upper triangle.
std::vector<std::string> axis_pairs(int dimension) {
  constexpr std::array<char, 3> axes{'x', 'y', 'z'};
  std::vector<std::string> pairs;
  for (std::size_t d = 0; d < static_cast<std::size_t>(dimension); ++d) {
    for (std::size_t e = d; e < static_cast<std::size_t>(dimension); ++e)
      pairs.push_back({axes[d], axes[e]});
  }
  return pairs;
}

/// The variables that follow an unknown: volume_variables(), then curvature_variables().
std::vector<std::string> state_variables(const SystemForm& form) {
  auto names = volume_variables(form.unknowns, form.dimension);
  if (form.has_curvature) {
    const auto more = curvature_variables(form.unknowns, form.dimension);
    names.insert(names.end(), more.begin(), more.end());
  }
  return names;
}

/// Where state_variables() has what an entry is a derivative by.
std::size_t state_variable(const SystemForm& form, int trial, int trial_slot) {
  const int n_slots = variables_per_unknown(form.dimension);
  if (trial_slot < n_slots)
    return static_cast<std::size_t>(n_place_variables + trial * n_slots + trial_slot);
  return static_cast<std::size_t>(n_place_variables + form.n_unknowns() * n_slots +
                                  trial * curvatures_per_unknown(form.dimension) + trial_slot -
                                  n_slots);
}

}  // namespace

std::vector<std::string> place_variables() {
  return {"x", "y", "z", "t"};
}

std::vector<std::string> volume_variables(const std::vector<std::string>& unknowns, int dimension) {
  constexpr std::array<const char*, 3> derivatives{"dx(", "dy(", "dz("};
  std::vector<std::string> names = place_variables();
  for (const std::string& u : unknowns) {
    names.push_back(u);
    for (std::size_t d = 0; d < static_cast<std::size_t>(dimension); ++d)
      names.push_back(derivatives[d] + u + ")");
    names.push_back("dt(" + u + ")");
    names.push_back("dtt(" + u + ")");
  }
  return names;
}

std::vector<std::string> metric_variables(int dimension) {
  std::vector<std::string> names;
  for (const std::string& two : axis_pairs(dimension)) names.push_back("metric(" + two + ")");
  return names;
}

std::vector<std::string> curvature_variables(const std::vector<std::string>& unknowns,
                                             int dimension) {
  std::vector<std::string> names;
  for (const std::string& u : unknowns) {
    for (const std::string& two : axis_pairs(dimension)) names.push_back("d" + two + "(" + u + ")");
  }
  return names;
}

std::vector<std::string> boundary_variables(const std::vector<std::string>& unknowns) {
  std::vector<std::string> names{"x", "y", "z", "t", "nx", "ny", "nz"};
  names.insert(names.end(), unknowns.begin(), unknowns.end());
  return names;
}

void check_system(const SystemForm& form) {
  if (form.dimension < 1 || form.dimension > 3) internal_error("a system without a dimension");
  if (form.unknowns.empty()) internal_error("a system without unknowns");
  const auto m = form.unknowns.size();
  auto volume = state_variables(form);
  if (!form.regions.empty() && !form.regions[0].f0.empty() &&
      form.regions[0].f0[0].variables().size() > volume.size()) {
    const auto metric = metric_variables(form.dimension);
    volume.insert(volume.end(), metric.begin(), metric.end());
  }
  for (const SystemForm::Region& region : form.regions) {
    if (region.f0.size() != m || region.f1.size() != m * static_cast<std::size_t>(form.dimension))
      internal_error("a region's f0 or f1 does not have an entry for each equation");
    for (const auto& f : region.f0) check_expression(f, volume, "f0");
    for (const auto& f : region.f1) check_expression(f, volume, "f1");
  }
  const auto boundary = boundary_variables(form.unknowns);
  for (const SystemForm::Boundary& b : form.boundaries) {
    if (b.unknown < 0 || b.unknown >= form.n_unknowns())
      internal_error("a boundary condition of an unknown that is none");
    if (b.kind == SystemForm::Boundary::Kind::value) {
      check_expression(b.value, place_variables(), "a prescribed value");
    } else {
      check_expression(b.value, boundary, "a natural boundary condition");
    }
  }
}

std::vector<JacobianEntry> jacobian_entries(const SystemForm& form,
                                            const SystemForm::Region& region) {
  const int m = form.n_unknowns(), dim = form.dimension;
  const int n_slots =
      variables_per_unknown(dim) + (form.has_curvature ? curvatures_per_unknown(dim) : 0);
  const auto names = state_variables(form);
  std::vector<JacobianEntry> entries;
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < m; ++j) {
      for (int a = 0; a <= dim; ++a) {
        const expr::Expression& f = a == 0 ? region.f0[static_cast<std::size_t>(i)]
                                           : region.f1[static_cast<std::size_t>(i * dim + a - 1)];
        for (int b = 0; b < n_slots; ++b) {
          const std::string& name = names[state_variable(form, j, b)];
          if (!f.depends_on(name)) continue;
          expr::Expression slope = f.derivative(name);
          if (!is_zero(slope)) entries.push_back({i, a, j, b, std::move(slope)});
        }
      }
    }
  }
  return entries;
}

std::vector<JacobianEntry> jacobian_entries(const SystemForm& form,
                                            const SystemForm::Boundary& boundary) {
  std::vector<JacobianEntry> entries;
  if (boundary.kind != SystemForm::Boundary::Kind::natural) return entries;
  for (int j = 0; j < form.n_unknowns(); ++j) {
    const std::string& name = form.unknowns[static_cast<std::size_t>(j)];
    if (!boundary.value.depends_on(name)) continue;
    expr::Expression slope = boundary.value.derivative(name);
    if (!is_zero(slope)) entries.push_back({boundary.unknown, 0, j, 0, std::move(slope)});
  }
  return entries;
}

SystemTraits system_traits(const SystemForm& form) {
  SystemTraits traits;
  const int m = form.n_unknowns(), dim = form.dimension, n_slots = variables_per_unknown(dim);
  const auto names = state_variables(form);
  for (const SystemForm::Region& region : form.regions) {
    const std::vector<JacobianEntry> entries = jacobian_entries(form, region);
    for (int i = 0; i < m; ++i) {
      for (int a = 0; a <= dim; ++a) {
        const expr::Expression& f = a == 0 ? region.f0[static_cast<std::size_t>(i)]
                                           : region.f1[static_cast<std::size_t>(i * dim + a - 1)];
        std::vector<std::pair<std::size_t, expr::Expression>> slopes;
        for (const JacobianEntry& e : entries) {
          if (e.test != i || e.test_slot != a) continue;
          slopes.emplace_back(state_variable(form, e.trial, e.trial_slot), e.value);
        }
        note(f, names, n_place_variables, slopes, traits);
        for (int j = 0; j < m; ++j) {
          const auto rate = static_cast<std::size_t>(n_place_variables + (j + 1) * n_slots - 2);
          if (f.depends_on(names[rate])) traits.time_order = std::max(traits.time_order, 1);
          if (f.depends_on(names[rate + 1])) traits.time_order = 2;
        }
      }
    }
    traits.is_symmetric = traits.is_symmetric && is_symmetric(entries, dim);
  }
  const auto boundary_names = boundary_variables(form.unknowns);
  for (const SystemForm::Boundary& b : form.boundaries) {
    if (b.kind != SystemForm::Boundary::Kind::natural) continue;
    std::vector<std::pair<std::size_t, expr::Expression>> slopes;
    for (const JacobianEntry& e : jacobian_entries(form, b))
      slopes.emplace_back(static_cast<std::size_t>(n_boundary_place_variables + e.trial), e.value);
    note(b.value, boundary_names, n_boundary_place_variables, slopes, traits);
  }
  traits.is_symmetric = traits.is_symmetric && are_boundaries_symmetric(form);
  return traits;
}

}  // namespace ritz::physics
