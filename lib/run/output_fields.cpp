#include "output_fields.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "elastic_form.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/physics/system_form.hpp"
#include "ritz/run/form.hpp"

namespace ritz::run {

namespace {

constexpr std::array<const char*, 3> axes{"x", "y", "z"};
constexpr std::size_t batch_points = 4096;

/// Positive square root of 3/2 s:s, s the deviator; `stress(c)` gives component c of xx, yy, zz,
/// xy, yz, xz or 0.
template <class Component>
double von_mises(const Component& stress) {
  const double xx = stress(0), yy = stress(1), zz = stress(2);
  const double xy = stress(3), yz = stress(4), xz = stress(5);
  const double normal = (xx - yy) * (xx - yy) + (yy - zz) * (yy - zz) + (zz - xx) * (zz - xx);
  return std::sqrt(0.5 * normal + 3 * (xy * xy + yz * yz + xz * xz));
}

/// Values at the points of a rule to values at an element's nodes, by least squares with
/// polynomials of one degree less.
class Fit {
 public:
  Fit(const fem::Element& element, const fem::Quadrature& rule)
      : n_nodes_(static_cast<std::size_t>(element.n_nodes())), n_points_(rule.points.size()) {
    const int degree = element.degree() - 1;
    const mesh::CellType type = element.cell_type();
    const auto n = static_cast<std::size_t>(mesh::n_lattice_points(type, std::max(degree, 1)));
    const std::size_t n_basis = degree == 0 ? 1 : n;
    const auto basis = [&](const std::array<double, 3>& at) {
      std::vector<double> values(n_basis, 1.0);
      if (degree > 0) fem::Element(type, degree).values(at, values);
      return values;
    };
    // Normal equations, a few of them, by Gauss-Jordan: the basis is well-conditioned.
    const std::size_t width = n_basis + n_points_;
    std::vector<double> rows(n_basis * width, 0.0);
    for (std::size_t q = 0; q < n_points_; ++q) {
      const std::vector<double> values = basis(rule.points[q]);
      for (std::size_t i = 0; i < n_basis; ++i) {
        for (std::size_t j = 0; j < n_basis; ++j)
          rows[i * width + j] += rule.weights[q] * values[i] * values[j];
        rows[i * width + n_basis + q] = rule.weights[q] * values[i];
      }
    }
    for (std::size_t p = 0; p < n_basis; ++p) {  // positive definite: no pivoting
      const double pivot = rows[p * width + p];
      for (std::size_t c = 0; c < width; ++c) rows[p * width + c] /= pivot;
      for (std::size_t i = 0; i < n_basis; ++i) {
        const double factor = rows[i * width + p];
        if (i == p || factor == 0.0) continue;
        for (std::size_t c = 0; c < width; ++c) rows[i * width + c] -= factor * rows[p * width + c];
      }
    }
    matrix_.assign(n_nodes_ * n_points_, 0.0);
    for (std::size_t node = 0; node < n_nodes_; ++node) {
      const std::vector<double> values = basis(element.nodes()[node]);
      for (std::size_t i = 0; i < n_basis; ++i) {
        for (std::size_t q = 0; q < n_points_; ++q)
          matrix_[node * n_points_ + q] += values[i] * rows[i * width + n_basis + q];
      }
    }
  }

  [[nodiscard]] double at(std::size_t node, const double* points) const {
    double sum = 0;
    for (std::size_t q = 0; q < n_points_; ++q) sum += matrix_[node * n_points_ + q] * points[q];
    return sum;
  }

 private:
  std::size_t n_nodes_, n_points_;
  std::vector<double> matrix_;  // [n_nodes][n_points]
};

double determinant(int dimension, const std::vector<double>& j) {
  if (dimension == 1) return j[0];
  if (dimension == 2) return j[0] * j[3] - j[1] * j[2];
  return j[0] * (j[4] * j[8] - j[5] * j[7]) - j[1] * (j[3] * j[8] - j[5] * j[6]) +
         j[2] * (j[3] * j[7] - j[4] * j[6]);
}

/// Solves J^T g = reference gradient for the gradient in space.
void to_space(int dimension, const std::vector<double>& j, double det, const double* reference,
              double* gradient) {
  if (dimension == 1) {
    gradient[0] = reference[0] / det;
    return;
  }
  if (dimension == 2) {
    gradient[0] = (j[3] * reference[0] - j[2] * reference[1]) / det;
    gradient[1] = (j[0] * reference[1] - j[1] * reference[0]) / det;
    return;
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t a = (i + 1) % 3, b = (i + 2) % 3;
    double sum = 0;
    for (std::size_t r = 0; r < 3; ++r) {
      const std::size_t c = (r + 1) % 3, d = (r + 2) % 3;
      sum += (j[3 * a + c] * j[3 * b + d] - j[3 * a + d] * j[3 * b + c]) * reference[r];
    }
    gradient[i] = sum / det;
  }
}

/// Evaluates the fields of one region and adds the cells' values at their nodes.
class RegionSum {
 public:
  RegionSum(const mesh::Mesh& mesh, const fem::Space& space,
            const std::vector<std::vector<double>>& fields, std::size_t n_fields, double time)
      : mesh_(mesh),
        space_(space),
        fields_(fields),
        n_fields_(n_fields),
        time_(time),
        rule_(fem::quadrature(mesh.cell_type, 2 * space.element.degree() - 1)),
        fit_(space.element, rule_) {
    const auto n = static_cast<std::size_t>(space.element.n_nodes());
    const auto d = static_cast<std::size_t>(mesh.dimension());
    shapes_.resize(rule_.points.size() * n);
    slopes_.resize(rule_.points.size() * n * d);
    for (std::size_t q = 0; q < rule_.points.size(); ++q) {
      space.element.values(rule_.points[q], std::span(shapes_).subspan(q * n, n));
      space.element.gradients(rule_.points[q], std::span(slopes_).subspan(q * n * d, n * d));
    }
    n_rows_ =
        physics::n_place_variables +
        fields.size() * static_cast<std::size_t>(physics::variables_per_unknown(mesh.dimension()));
  }

  /// Sums of volume * value and of volumes at the local nodes.
  void run(const std::vector<LocalId>& cells, const expr::Program& program,
           std::vector<std::vector<double>>& sums, std::vector<double>& weights) {
    const std::size_t n_points = rule_.points.size();
    const std::size_t chunk = std::max<std::size_t>(1, batch_points / n_points);
    for (std::size_t begin = 0; begin < cells.size(); begin += chunk) {
      const std::size_t end = std::min(cells.size(), begin + chunk);
      fill(std::span(cells).subspan(begin, end - begin));
      const std::size_t n = (end - begin) * n_points;
      out_.resize(n_fields_ * n);
      program.evaluate(std::span(rows_).first(n_rows_ * n), out_);
      for (std::size_t c = begin; c < end; ++c) {
        const auto dofs = space_.dofs(cells[c]);
        const double volume = volumes_[c - begin];
        for (std::size_t node = 0; node < dofs.size(); ++node) {
          const auto dof = static_cast<std::size_t>(dofs[node]);
          weights[dof] += volume;
          for (std::size_t f = 0; f < n_fields_; ++f) {
            sums[f][dof] += volume * fit_.at(node, out_.data() + f * n + (c - begin) * n_points);
          }
        }
      }
    }
  }

 private:
  /// Rows of the variables at the points of some cells, and their volumes.
  void fill(std::span<const LocalId> cells) {
    const std::size_t n_points = rule_.points.size(), n = cells.size() * n_points;
    const auto d = static_cast<std::size_t>(mesh_.dimension());
    const auto n_nodes = static_cast<std::size_t>(space_.element.n_nodes());
    rows_.assign(n_rows_ * n, 0.0);
    volumes_.assign(cells.size(), 0.0);
    std::vector<double> jacobian(d * d);
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const auto dofs = space_.dofs(cells[c]);
      for (std::size_t q = 0; q < n_points; ++q) {
        const std::size_t point = c * n_points + q;
        const auto x = mesh::map_to_physical(mesh_, cells[c], rule_.points[q], jacobian);
        const double det = determinant(mesh_.dimension(), jacobian);
        volumes_[c] += rule_.weights[q] * det;
        for (std::size_t k = 0; k < 3; ++k) rows_[k * n + point] = x[k];
        rows_[3 * n + point] = time_;
        for (std::size_t u = 0; u < fields_.size(); ++u) {
          double value = 0;
          std::array<double, 3> reference{}, gradient{};
          for (std::size_t j = 0; j < n_nodes; ++j) {
            const double nodal = fields_[u][static_cast<std::size_t>(dofs[j])];
            value += shapes_[q * n_nodes + j] * nodal;
            for (std::size_t k = 0; k < d; ++k)
              reference[k] += slopes_[(q * n_nodes + j) * d + k] * nodal;
          }
          to_space(mesh_.dimension(), jacobian, det, reference.data(), gradient.data());
          const std::size_t row =
              physics::n_place_variables +
              u * static_cast<std::size_t>(physics::variables_per_unknown(mesh_.dimension()));
          rows_[row * n + point] = value;
          for (std::size_t k = 0; k < d; ++k) rows_[(row + 1 + k) * n + point] = gradient[k];
        }
      }
    }
  }

  const mesh::Mesh& mesh_;
  const fem::Space& space_;
  const std::vector<std::vector<double>>& fields_;
  std::size_t n_fields_, n_rows_ = 0;
  double time_;
  fem::Quadrature rule_;
  Fit fit_;
  std::vector<double> shapes_, slopes_;  // [points][nodes], [points][nodes][d]
  std::vector<double> rows_, out_, volumes_;
};

/// A formula of [[output.field]], for every region alike.
std::optional<expr::Expression> field_expression(const deck::OutputOptions::Field& field,
                                                 const std::string& key, const expr::Symbols& names,
                                                 int dimension,
                                                 const std::vector<std::string>& unknowns,
                                                 base::Diagnostics& diagnostics) {
  const auto expression = compile(field.value, key, expr::Type::real, names, diagnostics);
  if (!expression) return expression;
  std::string why;
  for (int d = dimension; d < 3; ++d) {
    const char* axis = axes[static_cast<std::size_t>(d)];
    if (!expression->depends_on(axis)) continue;
    why = fmt::format("{}, but the mesh has {} dimension{}", axis, dimension,
                      dimension == 1 ? "" : "s");
  }
  for (const std::string& u : unknowns) {
    for (const char* rate : {"dt", "dtt"}) {
      const std::string name = fmt::format("{}({})", rate, u);
      if (expression->depends_on(name)) why = name + ", but fields know no rates";
    }
  }
  if (why.empty()) return expression;
  diagnostics.error(field.value.where,
                    fmt::format("{} = \"{}\" uses {}", key, field.value.text, why));
  return std::nullopt;
}

/// The names in `only` of [output] and its blocks, of elastic problems: which displacements and
/// stresses there are only the mesh tells; those of others are checked with the deck.
void check_only(const deck::Problem& problem, const OutputFields& fields,
                base::Diagnostics& diagnostics) {
  if (!deck::is_elastic(problem)) return;
  std::vector<std::string> all = fields.unknowns;
  for (std::size_t k = 0; k < fields.unknowns.size(); ++k) {
    if (problem.time && problem.output.rates &&
        deck::order_in_time(problem, static_cast<int>(k)) == 2)
      all.push_back("rate_" + fields.unknowns[k]);
  }
  all.insert(all.end(), fields.names.begin(), fields.names.end());
  // A field that is wrong itself has been told.
  for (const deck::OutputOptions::Field& field : problem.output.further) {
    if (std::find(all.begin(), all.end(), field.name.text) == all.end())
      all.push_back(field.name.text);
  }
  const auto check = [&](const std::string& key, const std::vector<deck::Name>& only) {
    for (std::size_t i = 0; i < only.size(); ++i) {
      if (std::find(all.begin(), all.end(), only[i].text) != all.end()) continue;
      const auto near = base::nearest(only[i].text, all);
      diagnostics.error(
          only[i].where,
          fmt::format("{}.only[{}] = \"{}\": there is no such field{} fields: {}", key, i,
                      only[i].text, near ? fmt::format("; did you mean \"{}\"?", *near) : ";",
                      base::list(all)));
    }
  };
  check("output", problem.output.only);
  for (std::size_t i = 0; i < problem.output.blocks.size(); ++i)
    check(fmt::format("output.block[{}]", i), problem.output.blocks[i].only);
}

}  // namespace

OutputFields make_output_fields(const deck::Problem& problem, int dimension,
                                const std::vector<std::string>& region_names,
                                base::Diagnostics& diagnostics) {
  OutputFields fields;
  fields.unknowns = deck::unknown_names(problem, dimension);
  expr::Symbols names = symbols(problem);
  names.variables = physics::volume_variables(fields.unknowns, dimension);
  const std::size_t n_regions = std::max<std::size_t>(1, region_names.size());
  fields.regions.resize(n_regions);
  if (problem.output.stress) {
    // What is wrong in the law has been told where the equations were made of it.
    base::Diagnostics told;
    for (std::size_t r = 0; r < n_regions; ++r) {
      const auto texts = elastic_texts(
          problem, displacement_names(problem, dimension),
          region_names.empty() ? std::string() : region_names[r],
          [&](const deck::Formula& formula, const std::string& key) -> std::optional<std::string> {
            const auto expression = compile(formula, key, expr::Type::real, names, told);
            if (!expression) return std::nullopt;
            const bool is_zero = expression->is_constant() && expression->constant_value() == 0.0;
            return is_zero ? std::string() : "(" + formula.text + ")";
          },
          told);
      if (!texts) return fields;
      if (r == 0) {
        for (const auto& [name, text] : texts->stress) fields.names.push_back(name);
        fields.n_stresses = static_cast<int>(fields.names.size());
        fields.names.emplace_back("von_mises");
      }
      for (const auto& [name, text] : texts->stress)
        fields.regions[r].push_back(expr::Expression::parse(text, names));
    }
  }
  for (std::size_t i = 0; i < problem.output.further.size(); ++i) {
    const deck::OutputOptions::Field& field = problem.output.further[i];
    const auto expression = field_expression(field, fmt::format("output.field[{}].value", i), names,
                                             dimension, fields.unknowns, diagnostics);
    if (!expression) continue;
    fields.names.push_back(field.name.text);
    for (auto& region : fields.regions) region.push_back(*expression);
  }
  check_only(problem, fields, diagnostics);
  for (std::size_t i = 0; i < problem.verify.probes.size(); ++i) {
    const deck::Name& of = problem.verify.probes[i].of;
    std::vector<std::string> all = fields.unknowns;
    all.insert(all.end(), fields.names.begin(), fields.names.end());
    if (of.text.empty() || std::find(all.begin(), all.end(), of.text) != all.end()) continue;
    const auto near = base::nearest(of.text, all);
    diagnostics.error(
        of.where, fmt::format("verify.probe[{}].of = \"{}\": no unknown or field has this name{} "
                              "there are {}",
                              i, of.text, near ? fmt::format("; did you mean \"{}\"?", *near) : ";",
                              base::list(all)));
  }
  return fields;
}

RecoveredFields recover_fields(const mesh::Mesh& mesh, const fem::Space& space,
                               const OutputFields& wanted,
                               const std::vector<std::vector<double>>& fields,
                               const deck::Problem& problem, double time) {
  RecoveredFields result;
  const std::size_t n_names = wanted.names.size();
  const auto n_local = static_cast<std::size_t>(space.n_local());
  if (n_names == 0) return result;
  result.values.assign(n_names, std::vector<double>(n_local, 0.0));
  result.probes.assign(n_names, std::vector<double>(problem.probes.size(), 0.0));
  // Names without von_mises, which is made of the stresses.
  std::vector<std::size_t> target;
  for (std::size_t f = 0; f < n_names; ++f) {
    if (wanted.n_stresses == 0 || f != static_cast<std::size_t>(wanted.n_stresses))
      target.push_back(f);
  }
  std::vector<std::array<double, 3>> points;
  for (const deck::Probe& one : problem.probes) points.push_back(one.at);
  const std::vector<fem::FoundPoint> found = fem::find_points(mesh, points);

  RegionSum sum(mesh, space, fields, target.size(), time);
  std::vector<bool> is_done(n_local, false);
  for (std::size_t r = 0; r < wanted.regions.size(); ++r) {
    std::vector<LocalId> cells;
    for (LocalId c = 0; c < mesh.n_cells(); ++c) {
      if (static_cast<std::size_t>(mesh.cell_region[static_cast<std::size_t>(c)]) == r)
        cells.push_back(c);
    }
    std::sort(cells.begin(), cells.end(), [&](LocalId a, LocalId b) {
      return mesh.cell_gid[static_cast<std::size_t>(a)] <
             mesh.cell_gid[static_cast<std::size_t>(b)];
    });
    std::vector<std::vector<double>> values(target.size(), std::vector<double>(n_local, 0.0));
    std::vector<double> weights(n_local, 0.0);
    space.communicator.together(
        [&] { sum.run(cells, expr::compile(wanted.regions[r]), values, weights); });
    for (std::size_t f = 0; f < target.size(); ++f) {
      // All cells around a node of ours are here; those around a ghost may not be.
      for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_owned); ++i) {
        if (weights[i] > 0) values[f][i] /= weights[i];
      }
      space.plan.to_ghosts(std::span(values[f]));
      for (std::size_t p = 0; p < points.size(); ++p) {
        const LocalId cell = found[p].cell;
        if (cell < 0 ||
            static_cast<std::size_t>(mesh.cell_region[static_cast<std::size_t>(cell)]) != r)
          continue;
        result.probes[target[f]][p] =
            fem::evaluate(mesh, space, values[f], cell, found[p].reference);
      }
      for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_owned); ++i) {
        if (weights[i] > 0 && !is_done[i]) result.values[target[f]][i] = values[f][i];
      }
    }
    for (std::size_t i = 0; i < n_local; ++i) is_done[i] = is_done[i] || weights[i] > 0;
  }
  for (const std::size_t f : target) {
    space.plan.to_ghosts(std::span(result.values[f]));
    space.communicator.all_reduce(std::span(result.probes[f]), comm::Op::sum);
  }
  if (wanted.n_stresses > 0) {
    const auto at = static_cast<std::size_t>(wanted.n_stresses);
    std::array<std::size_t, 6> place{};
    for (std::size_t c = 0; c < 6; ++c) {
      const auto end = wanted.names.begin() + wanted.n_stresses;
      place[c] = static_cast<std::size_t>(
          std::find(wanted.names.begin(), end, deck::stress_names()[c]) - wanted.names.begin());
    }
    const auto equivalent = [&](const std::vector<std::vector<double>>& of, std::size_t i) {
      return von_mises([&](std::size_t c) { return place[c] < at ? of[place[c]][i] : 0.0; });
    };
    for (std::size_t i = 0; i < n_local; ++i) result.values[at][i] = equivalent(result.values, i);
    for (std::size_t p = 0; p < points.size(); ++p)
      result.probes[at][p] = equivalent(result.probes, p);
  }
  int bad = static_cast<int>(n_names);
  for (std::size_t f = n_names; f-- > 0;) {
    if (!std::all_of(result.values[f].begin(), result.values[f].end(),
                     [](double v) { return std::isfinite(v); }))
      bad = static_cast<int>(f);
  }
  bad = space.communicator.min<std::int32_t>(bad);
  if (bad < static_cast<int>(n_names))
    result.not_finite = wanted.names[static_cast<std::size_t>(bad)];
  return result;
}

std::vector<NamedResults> results_of(const mesh::Mesh& mesh, const fem::Space& space,
                                     const OutputFields& wanted, const RecoveredFields& recovered,
                                     const deck::Problem& problem) {
  std::vector<NamedResults> all;
  for (std::size_t f = 0; f < wanted.names.size(); ++f) {
    NamedResults one;
    one.unknown = wanted.names[f];
    one.is_unknown = false;
    one.extremes = extrema({mesh, space, recovered.values[f], 0.0});
    for (std::size_t p = 0; p < problem.probes.size(); ++p)
      one.probes.push_back({problem.probes[p].name, problem.probes[p].at, recovered.probes[f][p]});
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace ritz::run
