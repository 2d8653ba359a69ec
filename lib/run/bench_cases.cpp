#include "bench_cases.hpp"

#include <cmath>

#include "ritz/base/format.hpp"

namespace ritz::run {

namespace {

/// The keys of [mesh] beside kind and cells.
std::string shape_text(Shape shape) {
  if (shape == Shape::deformed) return "distortion = \"smooth\"\ndistortion_amount = 0.1\n";
  if (shape == Shape::curved) {
    std::string text = "map = [";
    for (const char axis : {'x', 'y', 'z'})
      text += fmt::format("\"{} + 0.1*sin(pi*x)*sin(pi*y)*sin(pi*z)\", ", axis);
    return text + "]\n";
  }
  if (shape == Shape::shell) {
    // The equiangular sphere over a side of a cube: (1, tan a, tan b) made a unit vector, with
    // angles between -45 and 45 degrees.
    std::string text = "map = [";
    for (const char* factor : {"", "*tan(pi/4*(2*y-1))", "*tan(pi/4*(2*z-1))"})
      text += fmt::format("\"(1+x)/sqrt(1+tan(pi/4*(2*y-1))^2+tan(pi/4*(2*z-1))^2){}\", ", factor);
    return text + "]\n";
  }
  return "";
}

}  // namespace

CellData Case::data() const {
  if (shape == Shape::box) return CellData::none;
  return shape == Shape::deformed ? CellData::vertices : CellData::tensors;
}

const std::vector<Case>& bench_cases() {
  static const std::vector<Case> all{
      {"M1",
       "operator action, Cartesian cube",
       {1, 2, 3, 4, 5, 6, 7, 8},
       36'000,
       2'100'000,
       33'000'000},
      {"M2",
       "operator action, deformed cube",
       {1, 2, 3, 4, 5, 6, 7, 8},
       36'000,
       2'100'000,
       8'100'000,
       Shape::deformed},
      {"M2c",
       "operator action, curved cells",
       {1, 2, 3, 4, 5, 6, 7, 8},
       36'000,
       2'100'000,
       8'100'000,
       Shape::curved},
      {"M3",
       "100 iterations of cg with Jacobi, deformed cube",
       {3, 4, 5, 6},
       36'000,
       2'100'000,
       8'100'000,
       Shape::deformed},
      {"M4", "Poisson, f = 1, to 1e-8, multigrid", {2, 4}, 36'000, 2'100'000, 17'000'000},
      {"M4c",
       "Poisson, f = 1, to 1e-8, multigrid, curved shell",
       {2, 4},
       36'000,
       2'100'000,
       8'100'000,
       Shape::shell},
      {"M5",
       "Poisson, full multigrid start, until the error is discretisation's",
       {4},
       36'000,
       2'100'000,
       17'000'000},
      {"M6", "diffusion 1/(0.05 + 2 r^2), multigrid", {2, 4}, 36'000, 2'100'000, 17'000'000},
      {"M9", "elasticity, tets: amg set-up and solve", {1}, 36'000, 200'000, 1'000'000},
      {"M11", "elasticity: operator action, deformed cube", {2}, 36'000, 640'000, 2'700'000},
      {"M12", "heat, bdf2: a step of 20", {2, 4}, 36'000, 2'100'000, 17'000'000},
      {"M13", "wave, leapfrog: a step", {4}, 36'000, 2'100'000, 33'000'000},
      {"M16", "checkpoints against the disk", {4}, 36'000, 2'100'000, 33'000'000},
      {"M17", "small problem: Poisson to 1e-9, multigrid", {4}, 35'937, 35'937, 35'937},
      {"M18", "peak memory of M4", {4}, 36'000, 2'100'000, 17'000'000},
  };
  return all;
}

GlobalId cells_for(GlobalId n_dofs, int degree) {
  const double wanted = (std::cbrt(static_cast<double>(n_dofs)) - 1) / degree;
  GlobalId best = 2;
  for (const GlobalId odd : {1, 3, 5})
    for (GlobalId n = 2 * odd; n < 4096; n *= 2)
      if (std::abs(static_cast<double>(n) - wanted) < std::abs(static_cast<double>(best) - wanted))
        best = n;
  return best;
}

std::string deck_text(GlobalId n, int degree, const DeckOptions& options) {
  return fmt::format(
      "[mesh]\nkind = \"box\"\ncells = [{0}, {0}, {0}]\n{1}[space]\ndegree = {2}\n[equation]\n"
      "kind = \"poisson\"\n{3}\n[[boundary]]\non = [\"rest\"]\nvalue = 0\n[solver]\n"
      "operator = \"matrix-free\"\n{4}\n{5}",
      n, shape_text(options.shape), degree, options.equation, options.solver,
      options.exact.empty() ? "" : "[verify]\nexact = \"" + options.exact + "\"\n");
}

}  // namespace ritz::run
