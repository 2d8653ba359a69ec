#include "elastic_form.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/run/form.hpp"

namespace ritz::run {

namespace {

constexpr const char* axes[] = {"x", "y", "z"};

/// Places of the components xx yy zz xy yz xz in tensors.
constexpr std::array<std::pair<int, int>, 6> places{
    {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {1, 2}, {0, 2}}};

std::size_t component(int i, int j) {
  if (i == j) return static_cast<std::size_t>(i);
  return i + j == 1 ? 3 : i + j == 3 ? 4 : 5;
}

/// The region's own values where it has some, else the equation's.
deck::Elasticity merged(const deck::Problem& problem, const std::string& region, std::string& key) {
  deck::Elasticity used = problem.equation.elasticity;
  key = "equation";
  for (const deck::Material& material : problem.materials) {
    if (material.region.text != region || !material.unknown_name.text.empty()) continue;
    key = "material";
    const deck::Elasticity& own = material.elasticity;
    const auto take = [](auto& to, const auto& from) {
      if (from) to = from;
    };
    // A law of its own takes the place of the equation's as a whole.
    if (own.youngs_modulus || own.poissons_ratio) used.orthotropic.reset();
    take(used.youngs_modulus, own.youngs_modulus);
    take(used.poissons_ratio, own.poissons_ratio);
    take(used.orthotropic, own.orthotropic);
    take(used.density, own.density);
    take(used.body_force, own.body_force);
    take(used.thermal_expansion, own.thermal_expansion);
    // One number for all directions takes the place of the equation's along the axes.
    if (own.thermal_expansion && used.orthotropic && !own.orthotropic)
      used.orthotropic->thermal_expansion.clear();
    take(used.temperature, own.temperature);
    take(used.reference_temperature, own.reference_temperature);
  }
  return used;
}

using Vector = std::array<double, 3>;
using Stiffness = std::array<std::array<double, 6>, 6>;  ///< of stresses by strains, shears doubled

/// What an orthotropic law is made of, in some axes.
struct Tensors {
  Stiffness stiffness{};
  std::array<double, 6> expansion{};  ///< strain by a degree, shears doubled
};

/// C'_ijkl = R_ip R_jq R_kr R_ls C_pqrs and a'_ij = R_ip R_jq a_pq; column p of R is material axis
/// p.
Tensors rotated(const Tensors& from, const std::array<Vector, 3>& r) {
  Tensors to;
  for (std::size_t a = 0; a < 6; ++a) {
    const auto [i, j] = places[a];
    const auto turn = [&r](int row, int column) {
      return r[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
    };
    for (std::size_t b = 0; b < 6; ++b) {
      const auto [k, l] = places[b];
      double sum = 0;
      for (int p = 0; p < 3; ++p)
        for (int q = 0; q < 3; ++q)
          for (int s = 0; s < 3; ++s)
            for (int t = 0; t < 3; ++t)
              sum += turn(i, p) * turn(j, q) * turn(k, s) * turn(l, t) *
                     from.stiffness[component(p, q)][component(s, t)];
      to.stiffness[a][b] = sum;
    }
    double sum = 0;
    for (int p = 0; p < 3; ++p)
      for (int q = 0; q < 3; ++q)
        sum += turn(i, p) * turn(j, q) * from.expansion[component(p, q)] * (p == q ? 1.0 : 0.5);
    to.expansion[a] = a < 3 ? sum : 2 * sum;
  }
  return to;
}

/// Stress of a full constraint against one degree.
std::array<double, 6> thermal_stress(const Tensors& law) {
  std::array<double, 6> stress{};
  for (std::size_t a = 0; a < 6; ++a)
    for (std::size_t b = 0; b < 6; ++b) stress[a] += law.stiffness[a][b] * law.expansion[b];
  return stress;
}

/// Eliminates the strain out of the plane, where there is no stress.
void make_plane_stress(Stiffness& c, std::array<double, 6>& thermal) {
  const Stiffness all = c;
  const double thermal_z = thermal[2];
  for (std::size_t a = 0; a < 6; ++a) {
    for (std::size_t b = 0; b < 6; ++b) c[a][b] -= all[a][2] * all[2][b] / all[2][2];
    thermal[a] -= all[a][2] * thermal_z / all[2][2];
  }
}

/// Rotations about z repeat after half a turn, and tensors of fourth order in them are made of
/// 1, cos 2a, sin 2a, cos 4a and sin 4a (Jones, Mechanics of Composite Materials, 1975, section
/// 2.7): their coefficients from samples.
class Harmonics {
 public:
  static constexpr int n = 8;
  static double angle(int sample) { return std::numbers::pi * sample / n; }

  /// @param values at angle(0), angle(1), ...
  static std::string text(const std::array<double, n>& values, const std::string& angle) {
    double largest = 0;
    for (const double v : values) largest = std::max(largest, std::abs(v));
    std::string sum;
    for (const int m : {0, 2, 4}) {
      for (const bool is_sine : {false, true}) {
        if (m == 0 && is_sine) continue;
        double c = 0;
        for (int k = 0; k < n; ++k) {
          const double phase = m * Harmonics::angle(k);
          c += values[static_cast<std::size_t>(k)] * (is_sine ? std::sin(phase) : std::cos(phase));
        }
        c *= (m == 0 ? 1.0 : 2.0) / n;
        if (std::abs(c) <= 1e-14 * largest) continue;
        if (!sum.empty()) sum += " + ";
        sum += "(" + base::number_text(c) + ")";
        if (m > 0) sum += fmt::format("*{}({}*{})", is_sine ? "sin" : "cos", m, angle);
      }
    }
    return sum.empty() ? "" : "(" + sum + ")";
  }
};

/// Writes the law of one region.
class Law {
 public:
  Law(const deck::Problem& problem, const std::vector<std::string>& displacements,
      const std::string& region, const CheckedText& check, base::Diagnostics& diagnostics)
      : problem_(problem),
        u_(displacements),
        d_(static_cast<int>(displacements.size())),
        check_(check),
        diagnostics_(diagnostics) {
    given_ = merged(problem, region, key_);
    is_plane_stress_ = d_ == 2 && problem.equation.plane == deck::Plane::stress;
    is_axisymmetric_ = d_ == 2 && problem.equation.is_axisymmetric;
  }

  std::optional<ElasticTexts> texts() {
    const std::string density = piece(given_.density, "density");
    std::vector<std::string> force(static_cast<std::size_t>(d_));
    if (given_.body_force) {
      for (std::size_t i = 0; i < given_.body_force->size() && i < force.size(); ++i)
        force[i] = piece((*given_.body_force)[i], "body_force");
    }
    if (given_.orthotropic) {
      orthotropic(*given_.orthotropic);
    } else {
      isotropic();
    }
    if (!good_) return std::nullopt;

    ElasticTexts result;
    const std::string weight = is_axisymmetric_ ? "x*" : "";
    for (int i = 0; i < d_; ++i) {
      const std::string& load = force[static_cast<std::size_t>(i)];
      std::string f0;
      if (!density.empty()) f0 = weight + density + "*dtt(" + u_[static_cast<std::size_t>(i)] + ")";
      if (!load.empty()) f0 += " - " + weight + load;
      if (is_axisymmetric_ && i == 0) f0 += (f0.empty() ? "" : " + ") + stress(2, 2, false);
      result.f0.push_back(f0.empty() ? "0" : f0);
      for (int j = 0; j < d_; ++j) result.f1.push_back(stress(i, j, is_axisymmetric_));
    }
    for (const auto& [i, j] : places) {
      // Out of the plane there is a normal stress, but no shear.
      const bool is_there = j < d_ || (i == 2 && d_ == 2 && !is_plane_stress_);
      if (!is_there) continue;
      result.stress.emplace_back(std::string("s") + axes[i] + axes[j], stress(i, j, false));
    }
    return result;
  }

 private:
  std::string piece(const std::optional<deck::Formula>& formula, const char* name) {
    return formula ? piece(*formula, name) : std::string();
  }
  std::string piece(const deck::Formula& formula, const char* name) {
    const auto text = check_(formula, key_ + "." + name);
    good_ = good_ && text;
    return text.value_or("");
  }

  void error(const base::Location& where, const std::string& text) {
    diagnostics_.error(where, text);
    good_ = false;
  }

  /// Temperature above the one without thermal strain; "" if it is the same.
  std::string warming() {
    const bool is_solved = problem_.equation.kind == deck::EquationKind::thermo_elasticity;
    const std::string temperature =
        is_solved ? deck::temperature_name : piece(given_.temperature, "temperature");
    const std::string reference = piece(given_.reference_temperature, "reference_temperature");
    if (temperature.empty() && reference.empty()) return "";
    return fmt::format("({} - {})", temperature.empty() ? "0" : temperature,
                       reference.empty() ? "0" : reference);
  }

  /// lambda_, mu_ and thermal_.
  void isotropic() {
    const std::string e_text = piece(given_.youngs_modulus, "youngs_modulus");
    const std::string nu_text = piece(given_.poissons_ratio, "poissons_ratio");
    const std::string e = e_text.empty() ? "0" : e_text;
    const std::string nu = nu_text.empty() ? "0" : nu_text;
    // A bar (one dimension) has no lateral stress: E alone.
    mu_ = d_ == 1 ? "(" + e + "/2)" : fmt::format("({}/(2*(1+{})))", e, nu);
    lambda_ = d_ == 1            ? ""
              : is_plane_stress_ ? fmt::format("({0}*{1}/(1-{1}^2))", e, nu)
                                 : fmt::format("({0}*{1}/((1+{1})*(1-2*{1})))", e, nu);
    const std::string expansion = piece(given_.thermal_expansion, "thermal_expansion");
    const std::string rise = warming();
    if (expansion.empty() || rise.empty()) return;
    const std::string modulus = d_ == 1            ? e
                                : is_plane_stress_ ? fmt::format("({}/(1-{}))", e, nu)
                                                   : fmt::format("({}/(1-2*{}))", e, nu);
    for (std::size_t c = 0; c < 3; ++c) thermal_[c] = modulus + "*" + expansion + "*" + rise;
  }

  /// Numbers that formulas without variables have, padded to three by `rest`.
  Vector numbers(const std::vector<deck::Formula>& formulas, const char* name, double rest) {
    Vector values{rest, rest, rest};
    for (std::size_t i = 0; i < formulas.size() && i < 3; ++i) {
      const std::string key = fmt::format("{}.orthotropic.{}", key_, name);
      const auto expression =
          compile(formulas[i], key, expr::Type::real, symbols(problem_), diagnostics_);
      if (!expression) {
        good_ = false;
      } else if (!expression->is_constant()) {
        error(formulas[i].where, fmt::format("{}[{}] = \"{}\" (must be a number or an expression "
                                             "of parameters)",
                                             key, i, formulas[i].text));
      } else {
        values[i] = expression->constant_value();
      }
    }
    return values;
  }

  /// Whether a list has all that the dimension needs, which is told.
  void check_length(const std::vector<deck::Formula>& list, const char* name, std::size_t plane,
                    const char* meaning) {
    const bool enough = list.size() == 3 || (is_plane_stress_ && list.size() == plane);
    if (enough || list.empty()) return;
    error(list.front().where,
          fmt::format("{}.orthotropic.{} has {} entr{} (expected {})", key_, name, list.size(),
                      list.size() == 1 ? "y" : "ies", meaning));
  }

  /// Stiffness and expansion along the material's own axes; errors where it has no energy.
  Tensors own_axes(const deck::Orthotropic& law) {
    check_length(law.youngs_modulus, "youngs_modulus", 2,
                 "E1, E2, E3; E3 may be left out in plane stress");
    check_length(law.poissons_ratio, "poissons_ratio", 1,
                 "nu12, nu13, nu23; nu12 alone in plane stress");
    check_length(law.thermal_expansion, "thermal_expansion", 2,
                 "one along each axis; two in plane stress");
    if (d_ == 3) {
      check_length(law.shear_modulus, "shear_modulus", 3, "G12, G13, G23");
    } else if (law.shear_modulus.size() == 2) {
      error(law.shear_modulus.front().where,
            key_ + ".orthotropic.shear_modulus has 2 entries (expected G12, or G12, G13, G23)");
    }
    // What plane stress does not know does not matter there.
    const Vector e = numbers(law.youngs_modulus, "youngs_modulus", 1.0);
    const Vector nu = numbers(law.poissons_ratio, "poissons_ratio", 0.0);
    const Vector g = numbers(law.shear_modulus, "shear_modulus", 1.0);
    const Vector expansion = numbers(law.thermal_expansion, "thermal_expansion", 0.0);
    if (!good_) return {};
    const auto positive = [&](const std::vector<deck::Formula>& list, const Vector& values,
                              const char* name) {
      for (std::size_t i = 0; i < list.size() && i < 3; ++i) {
        if (values[i] > 0) continue;
        error(list[i].where, fmt::format("{}.orthotropic.{}[{}] = {} (must be > 0)", key_, name, i,
                                         base::number_text(values[i])));
      }
    };
    positive(law.youngs_modulus, e, "youngs_modulus");
    positive(law.shear_modulus, g, "shear_modulus");
    if (!good_) return {};
    // |nu_ij| < sqrt(E_i/E_j), and the determinant (Jones, section 2.4; Lempriere, AIAA J. 6, 1968,
    // 2226).
    constexpr std::array<std::pair<std::size_t, std::size_t>, 3> pairs{{{0, 1}, {0, 2}, {1, 2}}};
    for (std::size_t k = 0; k < law.poissons_ratio.size() && k < 3; ++k) {
      const auto [i, j] = pairs[k];
      const double bound = std::sqrt(e[i] / e[j]);
      if (std::abs(nu[k]) < bound) continue;
      error(law.poissons_ratio[k].where,
            fmt::format("{}.orthotropic.poissons_ratio[{}] = {} (the size of nu{}{} must be < "
                        "sqrt(E{}/E{}) = {:.4g}: else some deformation would set energy free)",
                        key_, k, base::number_text(nu[k]), i + 1, j + 1, i + 1, j + 1, bound));
    }
    if (!good_) return {};
    const double s11 = 1 / e[0], s22 = 1 / e[1], s33 = 1 / e[2];
    const double s12 = -nu[0] / e[0], s13 = -nu[1] / e[0], s23 = -nu[2] / e[1];
    const double det = s11 * (s22 * s33 - s23 * s23) - s12 * (s12 * s33 - s23 * s13) +
                       s13 * (s12 * s23 - s22 * s13);
    const double margin = det / (s11 * s22 * s33);
    if (!(margin > 0)) {
      error(law.poissons_ratio.front().where,
            fmt::format("{}.orthotropic.poissons_ratio: 1 - nu12 nu21 - nu13 nu31 - nu23 nu32 - 2 "
                        "nu21 nu32 nu13 = {:.4g} (must be > 0: else some deformation would set "
                        "energy free)",
                        key_, margin));
      return {};
    }
    Tensors result;
    Stiffness& c = result.stiffness;
    c[0][0] = (s22 * s33 - s23 * s23) / det;
    c[1][1] = (s11 * s33 - s13 * s13) / det;
    c[2][2] = (s11 * s22 - s12 * s12) / det;
    c[0][1] = c[1][0] = (s13 * s23 - s12 * s33) / det;
    c[0][2] = c[2][0] = (s12 * s23 - s13 * s22) / det;
    c[1][2] = c[2][1] = (s12 * s13 - s23 * s11) / det;
    c[3][3] = g[0];  // xy
    c[5][5] = g[1];  // xz
    c[4][4] = g[2];  // yz
    for (std::size_t i = 0; i < 3; ++i) result.expansion[i] = expansion[i];
    return result;
  }

  /// stiffness_ and thermal_.
  void orthotropic(const deck::Orthotropic& law) {
    if (d_ == 1) {
      error(law.where, key_ + ".orthotropic is for two and three dimensions and the mesh has 1");
      return;
    }
    Tensors own = own_axes(law);
    const std::string rise = warming();
    std::string expansion;  // common to all axes: a factor
    if (law.thermal_expansion.empty()) {
      expansion = piece(given_.thermal_expansion, "thermal_expansion");
      if (!expansion.empty()) own.expansion = {1, 1, 1, 0, 0, 0};
    }
    const std::string factor = rise.empty()        ? ""
                               : expansion.empty() ? rise
                                                   : expansion + "*" + rise;
    if (!good_) return;
    const bool is_solid = d_ == 3;
    if (is_solid && law.angle) {
      error(law.angle->where, key_ +
                                  ".orthotropic.angle is for two dimensions; in three give "
                                  "axis_1 and axis_2");
    }
    for (const auto& [axis, name] : {std::pair{&law.axis_1, "axis_1"}, {&law.axis_2, "axis_2"}}) {
      if (is_solid || axis->empty()) continue;
      error(
          axis->front().where,
          fmt::format("{}.orthotropic.{} is for three dimensions; in two give angle", key_, name));
    }
    if (!good_) return;
    std::array<std::array<std::array<double, Harmonics::n>, 6>, 6> stiffness{};
    std::array<std::array<double, Harmonics::n>, 6> thermal{};
    const auto sample = [&](const std::array<Vector, 3>& turn, std::size_t k) {
      const Tensors here = rotated(own, turn);
      Stiffness c = here.stiffness;
      std::array<double, 6> stress = thermal_stress(here);
      if (is_plane_stress_) make_plane_stress(c, stress);
      for (std::size_t a = 0; a < 6; ++a) {
        for (std::size_t b = 0; b < 6; ++b) stiffness[a][b][k] = c[a][b];
        thermal[a][k] = stress[a];
      }
    };
    const auto about_z = [](double a) {
      return std::array<Vector, 3>{
          {{std::cos(a), -std::sin(a), 0}, {std::sin(a), std::cos(a), 0}, {0, 0, 1}}};
    };
    std::string angle;  // in radians, if it changes from place to place
    if (is_solid) {
      sample(axes_of(law), 0);
    } else if (!law.angle) {
      sample(about_z(0), 0);
    } else {
      const std::string text = piece(*law.angle, "orthotropic.angle");
      base::Diagnostics told;
      const auto plain = compile(*law.angle, "angle", expr::Type::real, symbols(problem_), told);
      if (!good_) return;
      if (plain && plain->is_constant()) {
        sample(about_z(plain->constant_value() * std::numbers::pi / 180), 0);
      } else {
        angle = text + "*(pi/180)";
        for (int k = 0; k < Harmonics::n; ++k)
          sample(about_z(Harmonics::angle(k)), static_cast<std::size_t>(k));
      }
    }
    if (!good_) return;
    double largest = 0;
    for (const auto& row : stiffness)
      for (const auto& entry : row) largest = std::max(largest, std::abs(entry[0]));
    const auto written = [&](const std::array<double, Harmonics::n>& values, double size) {
      if (!angle.empty()) return Harmonics::text(values, angle);
      // What a rotation by a right angle leaves is round-off.
      if (std::abs(values[0]) <= 1e-15 * size) return std::string();
      return "(" + base::number_text(values[0]) + ")";
    };
    for (std::size_t a = 0; a < 6; ++a) {
      for (std::size_t b = 0; b < 6; ++b) {
        // The same text on both sides of the diagonal: the solver looks for symmetry there.
        stiffness_[a][b] = written(stiffness[std::min(a, b)][std::max(a, b)], largest);
      }
      if (factor.empty()) continue;
      const std::string stress = written(thermal[a], 0.0);
      if (!stress.empty()) thermal_[a] = stress + "*" + factor;
    }
    is_orthotropic_ = true;
  }

  /// Columns: directions of the material's axes; axis 2 is made orthogonal to axis 1.
  std::array<Vector, 3> axes_of(const deck::Orthotropic& law) {
    std::array<Vector, 3> r{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    if (law.axis_1.empty() && law.axis_2.empty()) return r;
    const std::vector<deck::Formula>& any = law.axis_1.empty() ? law.axis_2 : law.axis_1;
    if (law.axis_1.size() != 3 || law.axis_2.size() != 3) {
      error(any.front().where,
            key_ + ".orthotropic: give both axis_1 and axis_2, three components each");
      return r;
    }
    Vector one = numbers(law.axis_1, "axis_1", 0), two = numbers(law.axis_2, "axis_2", 0);
    const auto dot = [](const Vector& a, const Vector& b) {
      return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    };
    const auto normalise = [&](Vector& v) {
      const double length = std::sqrt(dot(v, v));
      for (double& c : v) c /= length;
      return length;
    };
    const double first = normalise(one), size = std::sqrt(dot(two, two));
    const double along = dot(one, two);
    for (std::size_t c = 0; c < 3; ++c) two[c] -= along * one[c];
    const double second = normalise(two);
    if (!(first > 0) || !(second > 1e-6 * size)) {
      error(any.front().where, key_ + ".orthotropic: axis_1 and axis_2 must not be 0 or parallel");
      return r;
    }
    if (std::abs(along) > 1e-3 * size) {
      error(law.axis_2.front().where,
            fmt::format("{}.orthotropic.axis_2 is not at a right angle to axis_1 ({:.4g} degrees)",
                        key_, std::acos(along / size) * 180 / std::numbers::pi));
    }
    const Vector three{one[1] * two[2] - one[2] * two[1], one[2] * two[0] - one[0] * two[2],
                       one[0] * two[1] - one[1] * two[0]};
    for (std::size_t c = 0; c < 3; ++c) r[c] = {one[c], two[c], three[c]};
    return r;
  }

  [[nodiscard]] std::string derivative(int component, int axis) const {
    return fmt::format("d{}({})", axes[axis], u_[static_cast<std::size_t>(component)]);
  }

  /// A strain, shears doubled, times the radius if `weighted`; "" if it is 0.
  [[nodiscard]] std::string strain(int i, int j, bool weighted) const {
    const char* weight = weighted ? "x*" : "";
    if (i < d_ && j < d_) {
      return i == j ? weight + derivative(i, i)
                    : fmt::format("{}({} + {})", weight, derivative(i, j), derivative(j, i));
    }
    if (i == 2 && j == 2 && is_axisymmetric_) return weighted ? u_[0] : u_[0] + "/x";
    return "";
  }

  /// Stress i, j, times the radius if `weighted`: what a body of revolution has in its integrals.
  /// Written so that its derivatives show the symmetry of the law.
  [[nodiscard]] std::string stress(int i, int j, bool weighted) const {
    std::string text;
    const auto add = [&](const std::string& term) { text += (text.empty() ? "" : " + ") + term; };
    if (is_orthotropic_) {
      for (const auto& [k, l] : places) {
        const std::string& modulus = stiffness_[component(i, j)][component(k, l)];
        const std::string elongation = strain(k, l, weighted);
        if (!modulus.empty() && !elongation.empty()) add(modulus + "*" + elongation);
      }
    } else {
      const std::string own = strain(i, j, weighted);
      if (!own.empty()) add(fmt::format("{}{}*{}", i == j ? "2*" : "", mu_, own));
      if (i == j && !lambda_.empty()) {
        std::string trace;
        for (int k = 0; k < 3; ++k) {
          const std::string part = strain(k, k, weighted);
          if (!part.empty()) trace += (trace.empty() ? "" : " + ") + part;
        }
        add(fmt::format("{}*({})", lambda_, trace));
      }
    }
    const std::string& thermal = thermal_[component(i, j)];
    if (!thermal.empty()) text += std::string(" - ") + (weighted ? "x*" : "") + thermal;
    return text.empty() ? "0" : text;
  }

  const deck::Problem& problem_;
  const std::vector<std::string>& u_;
  int d_;
  const CheckedText& check_;
  base::Diagnostics& diagnostics_;
  deck::Elasticity given_;
  std::string key_;
  bool is_plane_stress_ = false, is_axisymmetric_ = false, is_orthotropic_ = false;
  bool good_ = true;
  std::string lambda_, mu_;                                ///< isotropic
  std::array<std::array<std::string, 6>, 6> stiffness_{};  ///< orthotropic; "" where 0
  std::array<std::string, 6> thermal_{};  ///< stress of a full constraint against the warming
};

}  // namespace

std::vector<std::string> displacement_names(const deck::Problem& problem, int dimension) {
  std::vector<std::string> names = deck::unknown_names(problem, dimension);
  if (problem.equation.kind == deck::EquationKind::thermo_elasticity) names.erase(names.begin());
  return names;
}

std::optional<ElasticTexts> elastic_texts(const deck::Problem& problem,
                                          const std::vector<std::string>& displacements,
                                          const std::string& region, const CheckedText& check,
                                          base::Diagnostics& diagnostics) {
  return Law(problem, displacements, region, check, diagnostics).texts();
}

}  // namespace ritz::run
