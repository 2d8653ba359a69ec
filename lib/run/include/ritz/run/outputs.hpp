#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/form.hpp"

namespace ritz::run {

/// A solved field with its ghosts up to date.
struct SolvedField {
  const mesh::Mesh& mesh;
  const fem::Space& space;
  std::span<const double> values;  ///< [space.n_local()]
  double time = 0;                 ///< the value of t in formulas about it
};

struct Extreme {
  double value = 0;
  std::array<double, 3> at{};
};

/// Smallest and largest nodal value and where (lowest persistent id of equals). Collective.
struct Extrema {
  Extreme min, max;
};
[[nodiscard]] Extrema extrema(const SolvedField& field);

struct ProbeResult {
  std::string name;
  std::array<double, 3> at{};
  double value = 0;
};

/// Values at the deck's probe points, on every rank. Collective.
/// Throws Error(deck) naming all probes that lie outside the mesh.
[[nodiscard]] std::vector<ProbeResult> probe(const SolvedField& field,
                                             const deck::Problem& problem);

struct IntegralResult {
  std::string name, on;
  double value = 0;
};

/// The deck's integrals. Collective.
[[nodiscard]] std::vector<IntegralResult> integrate(const SolvedField& field,
                                                    const deck::Problem& problem,
                                                    const physics::Form& form);

/// The deck's integrals of a system: each integrand may use one of the unknowns. `fields`: [m]
/// values of SolvedField. Fluxes need `linear_form`. Collective. Throws Error(deck), located.
[[nodiscard]] std::vector<IntegralResult> integrate_system(
    const mesh::Mesh& mesh, const fem::Space& space, const std::vector<std::string>& unknowns,
    const std::vector<std::vector<double>>& fields, const deck::Problem& problem,
    const physics::Form* linear_form, double time);

/// What is told about one unknown or further field.
struct NamedResults {
  std::string unknown;
  Extrema extremes;
  std::vector<ProbeResult> probes;
  bool is_unknown = true;
};

/// Outcome of the deck's [verify].
struct Verification {
  std::optional<fem::Norms> norms;
  bool passed = true;
  std::vector<std::string> lines;  ///< one for each thing measured or checked, for people
};
/// `field`: the unknown that verify.exact is about. `results`: of the unknowns and further fields,
/// for the probes.
[[nodiscard]] Verification verify(const SolvedField& field, const deck::Problem& problem,
                                  std::span<const NamedResults> results);

/// CSV files probes.csv, integrals.csv and extrema.csv in `directory`, the first two only if asked
/// for. With one unknown its column is "value", otherwise its name, as those of further fields.
/// Local; call on one rank. Throws Error(io).
void write_tables(const std::string& directory, int dimension,
                  std::span<const NamedResults> unknowns,
                  std::span<const IntegralResult> integrals);

}  // namespace ritz::run
