#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ritz/deck/parse.hpp"

/// What the tests of the deck share.
namespace ritz::deck::testing {

inline const std::string minimal =
    "[mesh]\nkind = \"box\"\ncells = [4, 4]\n"
    "[equation]\nkind = \"poisson\"\n"
    "[[boundary]]\non = [\"rest\"]\nvalue = 0\n";

/// A deck with every table of this version, on a box.
inline const std::string full = R"(deck_version = 1
title = "Everything \"at once\" with a \\ backslash."

[parameters]
h_air = 12
scale = 1.5e-3

[mesh]
kind = "box"
cells = [4, 5, 6]
lower = [-1, 0, 0.25]
upper = [1, 2, 3]
cell_type = "tet"
grading = [1, 2, 0.5]
distortion = "random"
distortion_amount = 0.2
seed = 7
refine = 1
[mesh.sets]
inlet = "x < 1e-9 and y > 0.5"
"outlet 2" = "x > 0.99"

[partition]
method = "graph"
max_imbalance = 1.2

[space]
degree = 3

[equation]
kind = "advection-diffusion-reaction"
diffusion = [[1, 0, 0], [0, "2 + x", 0], [0, 0, 3.5]]
advection = ["y", 0, 1e-3]
reaction = 2
source = "sin(pi*x)*h_air"

[[material]]
region = "domain"
diffusion = [1, 2, 3]
source = '''
x +
y'''

[[boundary]]
on = "inlet"
value = "x^2"
[[boundary]]
on = ["left", "right"]
flux = 5e4
[[boundary]]
on = ["rest"]
[boundary.robin]
coefficient = "h_air"
ambient = 293.15

[solver]
method = "gmres"
preconditioner = "amg"
tolerance = 1e-10
max_iterations = 77
restart = 20
fallback = ["gmres+ilu", "direct"]
[solver.trilinos.belos]
"Verbosity" = 33
[solver.trilinos.amg]
"smoother: type" = "RELAXATION"
"repartition: enable" = true
"aggregation: drop tol" = 0.02
[solver.trilinos.amg."smoother: params"]
"relaxation: sweeps" = 2
[solver.trilinos.amg."smoother: params".deeper]
"a.b" = 1e-3

[limits]
memory = "1.5 GiB"
walltime = "1 h 30 min"

[output]
directory = "out/run"
fields = false
compression = 9

[[probe]]
name = "tip"
at = [0, 1, 1.5]
[[probe]]
at = [0.5, 0.5, 0.5]

[[integral]]
on = "right"
kind = "flux"
[[integral]]
name = "mass"
on = "domain"
of = "u^2"

[verify]
exact = "x*y"
max_l2_error = 1e-4
max_h1_error = 1
[[verify.probe]]
name = "tip"
expected = 18.3
tolerance = 0.1
)";

/// Several unknowns in time, with everything that goes with them.
inline const std::string system_deck = R"deck(deck_version = 1
[mesh]
kind = "box"
cells = [4, 4]

[equation]
kind = "coefficient-form"
unknowns = ["u", "v", "w"]
[equation.u]
diffusion = "1 + v^2"
reaction = "u*v"
capacity = 2
cross_diffusion = { w = "0.1*u", v = -0.5 }
[equation.v]
advection = [1, "dx(u)"]
capacity = 1
source = "sin(t)"

[[material]]
region = "domain"
unknown = "w"
diffusion = [1, 2]
capacity = 3
cross_diffusion = { u = 7 }

[[boundary]]
on = ["left"]
unknown = "u"
value = "t"
[[boundary]]
on = ["rest"]
unknown = "u"
flux = "-u^4"
[[boundary]]
on = ["rest"]
unknown = "v"
robin = { coefficient = 1, ambient = "u" }
[[boundary]]
on = ["rest"]
unknown = "w"
flux = 0

[time]
start = -1
end = 3
step = 0.25
method = "bdf3"
tolerance = 1e-4
min_step = 1e-5
max_step = 0.5
steady_tolerance = 1e-7
stop_when = "max(u) > 10 or t > 2.5"

[initial]
v = "x"
u = 1
w = "x*y"

[nonlinear]
method = "picard"
tolerance = 1e-6
absolute_tolerance = 1e-13
max_iterations = 50
line_search = false
forcing = "fixed"

[output]
every_steps = 4

[[probe]]
name = "middle"
at = [0.5, 0.5]

[[integral]]
on = "domain"

[verify]
unknown = "v"
exact = "x*t"
[[verify.probe]]
name = "middle"
expected = 1.5
tolerance = 0.1
)deck";

/// Elastic waves in a plate that is warm, with every condition of elasticity.
inline const std::string elastic_deck = R"deck(deck_version = 1
[mesh]
kind = "box"
cells = [4, 4]
[mesh.sets]
hole = "x > 0.5"

[equation]
kind = "elasticity"
youngs_modulus = "210e9 - 1e6*x"
poissons_ratio = 0.3
density = 7850
body_force = [0, "-9.81*7850"]
plane = "stress"
thermal_expansion = 12e-6
temperature = "300 + x"
reference_temperature = 293.15

[[material]]
region = "domain"
youngs_modulus = 70e9
poissons_ratio = 0.33
density = 2700
body_force = [1, 2]
thermal_expansion = 23e-6
temperature = 310
reference_temperature = 300

[[boundary]]
on = "left"
displacement = ["free", "0.1*t"]
[[boundary]]
on = ["left", "right"]
traction = ["1e6*y", 0]
[[boundary]]
on = "hole"
pressure = 1e5
[[boundary]]
on = "bottom"
symmetry = true
[[boundary]]
on = "rest"
pressure = 0

[time]
end = 1e-3
step = 1e-5
method = "generalised-alpha"
spectral_radius = 0.5

[initial]
ux = 0
uy = "1e-3*x"
[initial.rate]
uy = 2

[output]
every = 1e-4

[[integral]]
on = "right"
)deck";

struct Result {
  Problem problem;
  base::Diagnostics diagnostics;

  /// Errors only, a line each.
  [[nodiscard]] std::vector<std::string> errors() const {
    std::vector<std::string> lines;
    for (const auto& entry : diagnostics.entries()) {
      if (entry.severity == base::Diagnostic::Severity::error) lines.push_back(entry.text());
    }
    return lines;
  }
  /// Warnings only, a line each.
  [[nodiscard]] std::vector<std::string> warnings() const {
    std::vector<std::string> lines;
    for (const auto& entry : diagnostics.entries()) {
      if (entry.severity == base::Diagnostic::Severity::warning) lines.push_back(entry.text());
    }
    return lines;
  }
  [[nodiscard]] std::string all_errors() const {
    std::string text;
    for (const std::string& line : errors()) text += line + "\n";
    return text;
  }
};

inline Result parse_text(const std::string& text, const std::vector<std::string>& settings = {},
                         const FileReader& reader = {}, const std::string& file = "deck.toml") {
  Result result;
  std::vector<Override> overrides;
  for (const std::string& each : settings) overrides.push_back({each});
  result.problem = parse({file, text}, overrides, reader, result.diagnostics);
  return result;
}

/// Every value of a Problem as text, places left out: equal texts are equal problems.
std::string describe(const Problem& problem);

/// Fails unless the effective deck of `first`, parsed, gives the same problem and, but for origins,
/// the same text.
void expect_fixed_point(const Result& first, const std::string& what);

/// An effective deck without its comments.
std::string without_comments(const std::string& effective);

inline std::string source_path(const std::string& relative) {
  return std::string(RITZ_SOURCE_DIR) + "/" + relative;
}

}  // namespace ritz::deck::testing
