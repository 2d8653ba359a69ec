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

/// An effective deck without its comments.
std::string without_comments(const std::string& effective);

inline std::string source_path(const std::string& relative) {
  return std::string(RITZ_SOURCE_DIR) + "/" + relative;
}

}  // namespace ritz::deck::testing
