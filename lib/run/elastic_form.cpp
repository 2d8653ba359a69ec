#include "elastic_form.hpp"

#include <array>

#include "ritz/base/format.hpp"

namespace ritz::run {

namespace {

constexpr const char* axes[] = {"x", "y", "z"};

/// The region's own values where it has some, else the equation's.
deck::Elasticity merged(const deck::Problem& problem, const std::string& region, std::string& key) {
  deck::Elasticity used = problem.equation.elasticity;
  key = "equation";
  for (const deck::Material& material : problem.materials) {
    if (material.region.text != region) continue;
    key = "material";
    const deck::Elasticity& own = material.elasticity;
    const auto take = [](auto& to, const auto& from) {
      if (from) to = from;
    };
    take(used.youngs_modulus, own.youngs_modulus);
    take(used.poissons_ratio, own.poissons_ratio);
    take(used.density, own.density);
    take(used.body_force, own.body_force);
    take(used.thermal_expansion, own.thermal_expansion);
    take(used.temperature, own.temperature);
    take(used.reference_temperature, own.reference_temperature);
  }
  return used;
}

/// Writes the law of one region.
class Law {
 public:
  Law(const deck::Problem& problem, const std::vector<std::string>& displacements,
      const std::string& region, const CheckedText& check)
      : u_(displacements), d_(static_cast<int>(displacements.size())), check_(check) {
    given_ = merged(problem, region, key_);
    is_plane_stress_ = d_ == 2 && problem.equation.plane == deck::Plane::stress;
  }

  std::optional<ElasticTexts> texts() {
    const std::string density = piece(given_.density, "density");
    const std::string strain = thermal_strain();
    std::vector<std::string> force(static_cast<std::size_t>(d_));
    if (given_.body_force) {
      for (std::size_t i = 0; i < given_.body_force->size() && i < force.size(); ++i)
        force[i] = piece((*given_.body_force)[i], "body_force");
    }
    isotropic(strain);
    if (!good_) return std::nullopt;

    ElasticTexts result;
    for (int i = 0; i < d_; ++i) {
      const std::string& load = force[static_cast<std::size_t>(i)];
      std::string f0;
      if (!density.empty()) f0 = density + "*dtt(" + u_[static_cast<std::size_t>(i)] + ")";
      if (!load.empty()) f0 += " - " + load;
      result.f0.push_back(f0.empty() ? "0" : f0);
      for (int j = 0; j < d_; ++j) result.f1.push_back(stress(i, j));
    }
    for (const auto& [i, j] : {std::pair{0, 0}, {1, 1}, {2, 2}, {0, 1}, {1, 2}, {0, 2}}) {
      // Out of the plane there is a normal stress, but no shear.
      const bool is_there = j < d_ || (i == 2 && d_ == 2 && !is_plane_stress_);
      if (!is_there) continue;
      result.stress.emplace_back(std::string("s") + axes[i] + axes[j], stress(i, j));
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

  /// Relative elongation by the temperature; "" if there is none.
  std::string thermal_strain() {
    const std::string expansion = piece(given_.thermal_expansion, "thermal_expansion");
    const std::string temperature = piece(given_.temperature, "temperature");
    const std::string reference = piece(given_.reference_temperature, "reference_temperature");
    if (expansion.empty()) return "";
    return fmt::format("{}*({} - {})", expansion, temperature.empty() ? "0" : temperature,
                       reference.empty() ? "0" : reference);
  }

  /// lambda_, mu_ and thermal_, the stress of a full constraint against the thermal strain.
  void isotropic(const std::string& strain) {
    const std::string e_text = piece(given_.youngs_modulus, "youngs_modulus");
    const std::string nu_text = piece(given_.poissons_ratio, "poissons_ratio");
    const std::string e = e_text.empty() ? "0" : e_text;
    const std::string nu = nu_text.empty() ? "0" : nu_text;
    // A bar (one dimension) has no lateral stress: E alone.
    mu_ = d_ == 1 ? "(" + e + "/2)" : fmt::format("({}/(2*(1+{})))", e, nu);
    lambda_ = d_ == 1            ? ""
              : is_plane_stress_ ? fmt::format("({0}*{1}/(1-{1}^2))", e, nu)
                                 : fmt::format("({0}*{1}/((1+{1})*(1-2*{1})))", e, nu);
    if (strain.empty()) return;
    const std::string modulus = d_ == 1            ? e
                                : is_plane_stress_ ? fmt::format("({}/(1-{}))", e, nu)
                                                   : fmt::format("({}/(1-2*{}))", e, nu);
    thermal_ = modulus + "*" + strain;
  }

  [[nodiscard]] std::string derivative(int component, int axis) const {
    return fmt::format("d{}({})", axes[axis], u_[static_cast<std::size_t>(component)]);
  }

  [[nodiscard]] std::string stress(int i, int j) const {
    std::string text;
    const auto add = [&](const std::string& term) { text += (text.empty() ? "" : " + ") + term; };
    if (i < d_ && j < d_) {
      add(fmt::format("{}*({} + {})", mu_, derivative(i, j), derivative(j, i)));
    }
    if (i == j) {
      if (!lambda_.empty()) {
        std::string divergence;
        for (int k = 0; k < d_; ++k) divergence += (k ? " + " : "") + derivative(k, k);
        add(fmt::format("{}*({})", lambda_, divergence));
      }
      if (!thermal_.empty()) text += " - " + thermal_;
    }
    return text;
  }

  const std::vector<std::string>& u_;
  int d_;
  const CheckedText& check_;
  deck::Elasticity given_;
  std::string key_;
  bool is_plane_stress_ = false;
  bool good_ = true;
  std::string lambda_, mu_, thermal_;
};

}  // namespace

std::optional<ElasticTexts> elastic_texts(const deck::Problem& problem,
                                          const std::vector<std::string>& displacements,
                                          const std::string& region, const CheckedText& check) {
  return Law(problem, displacements, region, check).texts();
}

}  // namespace ritz::run
