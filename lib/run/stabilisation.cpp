#include "ritz/run/stabilisation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "points.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/expr/expression.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/physics/system_form.hpp"
#include "ritz/run/form.hpp"

namespace ritz::run {

namespace {

constexpr const char* axes[] = {"x", "y", "z"};

const deck::Coefficients* material_of(const deck::Problem& problem, const std::string& region,
                                      std::size_t unknown) {
  for (const deck::Material& material : problem.materials) {
    if (material.region.text == region && material.unknown == static_cast<int>(unknown))
      return &material.coefficients;
  }
  return nullptr;
}

/// Velocity and diffusion of one unknown in one region, as far as they are given.
struct Transport {
  const std::vector<deck::Formula>* advection = nullptr;
  const deck::TensorFormula* diffusion = nullptr;
};

Transport transport_of(const deck::Problem& problem, const std::string& region,
                       std::size_t unknown) {
  const deck::Coefficients& general = problem.equation.unknowns[unknown].coefficients;
  const deck::Coefficients* own = material_of(problem, region, unknown);
  Transport result;
  const auto take = [&](const deck::Coefficients& from) {
    if (from.advection) result.advection = &*from.advection;
    if (from.diffusion) result.diffusion = &*from.diffusion;
  };
  take(general);
  if (own != nullptr) take(*own);
  return result;
}

/// Why SUPG cannot be had for one unknown; empty: it can.
std::string obstacle(const deck::Problem& problem, std::size_t unknown,
                     const std::vector<std::string>& region_names, int dimension) {
  if (problem.solver.operator_kind == "matrix-free" ||
      problem.solver.preconditioner == "multigrid") {
    return "solver.operator = \"matrix-free\" and preconditioner = \"multigrid\": its Jacobian is "
           "assembled";
  }
  if (problem.equation.is_axisymmetric)
    return "axisymmetric coordinates: its residual lacks their terms";
  if (problem.time && (problem.time->method == deck::TimeMethod::rk4))
    return "time.method = \"rk4\": its mass matrix would not be diagonal";
  if (deck::order_in_time(problem, static_cast<int>(unknown)) == 2)
    return "inertia: it is for equations of first order in time";
  const std::string& name = problem.equation.unknowns[unknown].name;
  const auto crosses = [&](const deck::Coefficients& c) { return !c.cross_diffusion.empty(); };
  expr::Symbols names = symbols(problem);
  names.variables = physics::volume_variables(deck::unknown_names(problem, dimension), dimension);
  const auto uses = [&](const deck::Formula& formula, const auto& is_one) {
    const expr::Expression e = expr::Expression::parse(formula.text, names);
    return std::any_of(names.variables.begin(), names.variables.end(),
                       [&](const std::string& v) { return is_one(v) && e.depends_on(v); });
  };
  const auto is_rate = [](const std::string& v) {
    return v.starts_with("dt(") || v.starts_with("dtt(");
  };
  const auto is_slope = [&](const std::string& v) {
    return v.find('(') != std::string::npos && !is_rate(v);
  };
  if (crosses(problem.equation.unknowns[unknown].coefficients)) return "cross_diffusion of " + name;
  for (const std::string& region : region_names) {
    const deck::Coefficients* own = material_of(problem, region, unknown);
    if (own != nullptr && crosses(*own)) return "cross_diffusion of " + name;
    const Transport transport = transport_of(problem, region, unknown);
    if (transport.diffusion == nullptr) continue;
    for (const deck::Formula& entry : transport.diffusion->entries) {
      if (uses(entry, is_rate))
        return "a diffusion that depends on rates: its residual needs their gradients";
      if (problem.space.degree == 1 && uses(entry, is_slope))
        return "a diffusion that depends on gradients at degree 1: its residual needs second "
               "derivatives, which there are from degree 2 on";
    }
  }
  return {};
}

/// The cell with the largest Peclet number; alike on every rank.
struct Worst {
  double peclet = -1;
  std::array<double, 3> at{};
  int unknown = -1;

  [[nodiscard]] bool is_before(const Worst& other) const {
    if (peclet != other.peclet) return peclet > other.peclet;
    return at < other.at;
  }
};

/// 4 J^-T S J^-1 along b: b . G b.
double square_along(std::span<const double> jacobian, std::size_t n, bool simplex,
                    const std::array<double, 3>& b) {
  // J y = b by elimination with pivoting.
  std::array<std::array<double, 4>, 3> rows{};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) rows[i][j] = jacobian[i * n + j];
    rows[i][3] = b[i];
  }
  for (std::size_t p = 0; p < n; ++p) {
    std::size_t pivot = p;
    for (std::size_t i = p + 1; i < n; ++i) {
      if (std::abs(rows[i][p]) > std::abs(rows[pivot][p])) pivot = i;
    }
    std::swap(rows[p], rows[pivot]);
    for (std::size_t i = 0; i < n; ++i) {
      if (i == p) continue;
      const double factor = rows[i][p] / rows[p][p];
      for (std::size_t c = 0; c < 4; ++c) rows[i][c] -= factor * rows[p][c];
    }
  }
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double s = i == j ? 1.0 : (simplex ? 0.5 : 0.0);
      sum += s * (rows[i][3] / rows[i][i]) * (rows[j][3] / rows[j][j]);
    }
  }
  return 4 * sum;
}

/// Largest Peclet number of one unknown in the cells of one region.
class RegionPeclet {
 public:
  RegionPeclet(const mesh::Mesh& mesh, const deck::Problem& problem)
      : mesh_(mesh),
        problem_(problem),
        n_(static_cast<std::size_t>(mesh.dimension())),
        names_(symbols(problem)) {
    const mesh::CellTable& table = mesh::table(mesh.cell_type);
    for (std::size_t v = 0; v < static_cast<std::size_t>(table.n_vertices); ++v) {
      for (std::size_t d = 0; d < 3; ++d) middle_[d] += table.vertices[v][d] / table.n_vertices;
    }
    names_.variables =
        physics::volume_variables(deck::unknown_names(problem, mesh.dimension()), mesh.dimension());
  }

  void look(std::size_t region, std::size_t unknown, Worst& worst) {
    const Transport transport = transport_of(problem_, mesh_.region_names[region], unknown);
    if (transport.advection == nullptr || transport.advection->size() != n_) return;
    std::vector<expr::Expression> formulas;
    const auto add = [&](const deck::Formula& one) {
      formulas.push_back(expr::Expression::parse(one.text, names_));
    };
    for (const deck::Formula& one : *transport.advection) add(one);
    std::size_t n_entries = 0;
    if (transport.diffusion != nullptr) {
      n_entries = transport.diffusion->entries.size();
      for (const deck::Formula& one : transport.diffusion->entries) add(one);
    }
    const expr::Program program = expr::compile(formulas);
    std::vector<LocalId> cells;
    for (LocalId c = 0; c < mesh_.n_cells(); ++c) {
      if (mesh_.cell_region[static_cast<std::size_t>(c)] == static_cast<std::int16_t>(region))
        cells.push_back(c);
    }
    const std::vector<double> rows = variables_at(cells);
    std::vector<double> out(formulas.size() * cells.size());
    if (!cells.empty()) program.evaluate(rows, out);
    std::vector<double> jacobian(n_ * n_);
    const bool simplex = n_ > 1 && !mesh::is_tensor(mesh_.cell_type);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto value = [&](std::size_t row) { return out[row * cells.size() + i]; };
      std::array<double, 3> b{};
      double square = 0;
      for (std::size_t d = 0; d < n_; ++d) {
        b[d] = value(d);
        square += b[d] * b[d];
      }
      if (!(square > 0)) continue;
      double along = n_entries == 0 ? square : 0.0;  // b . K b
      for (std::size_t a = 0; a < n_; ++a) {
        for (std::size_t c = 0; c < n_ && n_entries > 0; ++c) {
          if (n_entries != n_ * n_ && a != c) continue;
          along += value(n_ + (n_entries == 1    ? 0
                               : n_entries == n_ ? a
                                                 : a * n_ + c)) *
                   b[a] * b[c];
        }
      }
      Worst one;
      one.at = mesh::map_to_physical(mesh_, cells[i], middle_, jacobian);
      const double s = std::sqrt(square_along(jacobian, n_, simplex, b));
      one.peclet = along > 0 ? square * square / (problem_.space.degree * s * along)
                             : std::numeric_limits<double>::infinity();
      one.unknown = static_cast<int>(unknown);
      if (std::isnan(one.peclet)) continue;  // told with its place when the equations are assembled
      if (one.is_before(worst)) worst = one;
    }
  }

 private:
  /// Rows of volume_variables() in the middles of cells: place, time, first values.
  [[nodiscard]] std::vector<double> variables_at(const std::vector<LocalId>& cells) const {
    const std::size_t n = cells.size();
    std::vector<double> rows(names_.variables.size() * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      const auto at = mesh::map_to_physical(mesh_, cells[i], middle_);
      for (std::size_t d = 0; d < 3; ++d) rows[d * n + i] = at[d];
      rows[3 * n + i] = problem_.time ? problem_.time->start : 0.0;
    }
    if (n == 0) return rows;
    for (const deck::InitialValue& value : problem_.initial.values) {
      const expr::Expression e = expr::Expression::parse(value.value.text, symbols(problem_));
      const auto row =
          static_cast<std::size_t>(physics::n_place_variables +
                                   value.index * physics::variables_per_unknown(mesh_.dimension()));
      if (row >= names_.variables.size()) continue;
      e.compile().evaluate(std::span(rows.data(), 4 * n), std::span(rows.data() + row * n, n));
    }
    return rows;
  }

  const mesh::Mesh& mesh_;
  const deck::Problem& problem_;
  std::size_t n_;
  expr::Symbols names_;
  std::array<double, 3> middle_{};
};

}  // namespace

Stabilisation choose_stabilisation(const mesh::Mesh& mesh, const deck::Problem& problem) {
  using Choice = deck::Stabilisation;
  Stabilisation result;
  if (problem.equation.kind == deck::EquationKind::elasticity) return result;
  RegionPeclet peclet(mesh, problem);
  Worst worst;
  std::string why_not;
  for (std::size_t i = 0; i < problem.equation.unknowns.size(); ++i) {
    bool has_advection = false;
    for (std::size_t r = 0; r < mesh.region_names.size(); ++r) {
      has_advection =
          has_advection || transport_of(problem, mesh.region_names[r], i).advection != nullptr;
      peclet.look(r, i, worst);
    }
    if (has_advection && why_not.empty())
      why_not = obstacle(problem, i, mesh.region_names, mesh.dimension());
    result.text = has_advection ? "there" : result.text;
  }
  if (result.text.empty()) return result;
  for (const Worst& one : mesh.communicator.all_gather(worst)) {
    if (one.is_before(worst)) worst = one;
  }
  const Choice choice = problem.equation.stabilisation;
  if (choice == Choice::supg && !why_not.empty()) {
    throw base::Error(base::ExitCode::deck, problem.equation.stabilisation_where,
                      "equation.stabilisation = \"supg\" does not go with " + why_not);
  }
  const bool asks = worst.peclet > 1;
  result.largest_peclet = std::max(0.0, worst.peclet);
  result.at = worst.at;
  const std::string number =
      worst.peclet < 0
          ? std::string("no velocity anywhere")
          : fmt::format("largest cell Peclet number {:.3g} of {} at {}", worst.peclet,
                        problem.equation.unknowns[static_cast<std::size_t>(worst.unknown)].name,
                        point_text(worst.at, mesh.dimension()));
  result.on = choice == Choice::supg || (choice == Choice::automatic && asks && why_not.empty());
  if (result.on) {
    result.text = "SUPG on (" + number + ")";
  } else if (choice == Choice::automatic && asks) {
    result.is_warning = true;
    result.text = "SUPG off although the " + number + " is above 1: it does not go with " +
                  why_not + "; where layers are not resolved the solution may oscillate";
  } else {
    result.text = "SUPG off (" + number +
                  (choice == Choice::none ? ", equation.stabilisation = \"none\")" : ")");
  }
  return result;
}

double inverse_constant(mesh::CellType type, int degree) {
  constexpr std::array line{3.0, 3.0, 15.0, 42.54, 95.06, 184.8, 326.2, 536.4};
  constexpr std::array tri{3.0, 6.0, 26.0, 67.0};
  constexpr std::array tet{3.0, 10.0, 40.0, 100.0};
  const auto k = static_cast<std::size_t>(degree - 1);
  if (type == mesh::CellType::tri) return tri.at(k);
  return type == mesh::CellType::tet ? tet.at(k) : line.at(k);
}

namespace {

/// From degree 2 on; `metric`: b . G b.
std::string tau_text_of_degree(const TransportTexts& texts, const std::string& metric) {
  const std::size_t n = texts.b.size();
  std::string trace;
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t c = 0; c < n; ++c) {
      if (texts.k[a][c] == "0") continue;
      trace += fmt::format("{}metric({}{})*{}", trace.empty() ? "" : " + ", axes[std::min(a, c)],
                           axes[std::max(a, c)], texts.k[a][c]);
    }
  }
  const std::string square = fmt::format("({}*({} + 1e-60))", texts.degree * texts.degree, metric);
  const std::string p = fmt::format("(3*sqrt({})/({}*({} + 1e-60)))", square,
                                    texts.inverse_constant, trace.empty() ? "0" : trace);
  const std::string xi = fmt::format("if({0} < 0.01, {0}/3, 1/tanh({0}) - 1/{0})", p);
  if (texts.reaction == "0") return fmt::format("({})/sqrt({})", xi, square);
  return fmt::format("({0})/sqrt({1} + (({0})*{2})^2)", xi, square, texts.reaction);
}

}  // namespace

std::string tau_text(const TransportTexts& texts) {
  const std::size_t n = texts.b.size();
  // The tiny numbers are for places without velocity or diffusion: there tau |b| is 0 or h / 2.
  std::string square, along, metric;
  const auto add = [](std::string& sum, const std::string& term) {
    sum += (sum.empty() ? "" : " + ") + term;
  };
  for (std::size_t a = 0; a < n; ++a) {
    if (texts.b[a] == "0") continue;
    add(square, fmt::format("{0}*{0}", texts.b[a]));
    for (std::size_t c = 0; c < n; ++c) {
      if (texts.b[c] == "0") continue;
      add(metric, fmt::format("metric({}{})*{}*{}", axes[std::min(a, c)], axes[std::max(a, c)],
                              texts.b[a], texts.b[c]));
      if (texts.k[a][c] != "0")
        add(along, fmt::format("{}*{}*{}", texts.k[a][c], texts.b[a], texts.b[c]));
    }
  }
  if (texts.degree > 1) return tau_text_of_degree(texts, metric);
  const std::string s = "sqrt(" + metric + " + 1e-60)";
  const std::string p =
      fmt::format("(({0})*({0})/({1}*({2} + 1e-60)))", square, s, along.empty() ? "0" : along);
  const std::string xi = fmt::format("if({0} < 0.01, {0}/3, 1/tanh({0}) - 1/{0})", p);
  if (texts.reaction == "0") return fmt::format("({})/{}", xi, s);
  return fmt::format("({0})/sqrt({1} + 1e-60 + (({0})*{2})^2)", xi, metric, texts.reaction);
}

}  // namespace ritz::run
