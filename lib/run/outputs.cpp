#include "ritz/run/outputs.hpp"

#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "ritz/assembly/integrate.hpp"
#include "ritz/base/text.hpp"
#include "ritz/run/form.hpp"

namespace ritz::run {

namespace {

/// Evaluates a program of x, y, z, t at points [n][3].
fem::PointFunction point_function(const expr::Expression& expression, double time) {
  return [program = expression.compile(), time](std::span<const double> points,
                                                std::span<double> out) {
    const std::size_t n = out.size();
    std::vector<double> rows(4 * n, time);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t d = 0; d < 3; ++d) rows[d * n + i] = points[3 * i + d];
    }
    program.evaluate(rows, out);
  };
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

Extrema extrema(const SolvedField& field) {
  const fem::Space& space = field.space;
  const std::vector<double> nodes = fem::node_coordinates(field.mesh, space);
  struct Candidate {
    double value;
    GlobalId id;
    std::array<double, 3> at;
  };
  const auto search = [&](double sign) {
    Candidate best{
        std::numeric_limits<double>::infinity(), std::numeric_limits<GlobalId>::max(), {}};
    for (LocalId i = 0; i < space.n_owned; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double value = sign * field.values[at];
      if (value < best.value || (value == best.value && space.dof_gid[at] < best.id)) {
        best = {value, space.dof_gid[at], {nodes[3 * at], nodes[3 * at + 1], nodes[3 * at + 2]}};
      }
    }
    for (const Candidate& one : field.mesh.communicator.all_gather(best)) {
      if (one.value < best.value || (one.value == best.value && one.id < best.id)) best = one;
    }
    return Extreme{sign * best.value, best.at};
  };
  return {search(1.0), search(-1.0)};
}

std::vector<ProbeResult> probe(const SolvedField& field, const deck::Problem& problem) {
  base::fault_point("probes");
  std::vector<std::array<double, 3>> points;
  for (const deck::Probe& one : problem.probes) points.push_back(one.at);
  const std::vector<fem::FoundPoint> found = fem::find_points(field.mesh, points);
  std::vector<double> values(points.size(), 0.0);
  std::vector<std::int32_t> owners(points.size(), 0);
  for (std::size_t p = 0; p < points.size(); ++p) {
    if (found[p].cell < 0) continue;
    values[p] =
        fem::evaluate(field.mesh, field.space, field.values, found[p].cell, found[p].reference);
    owners[p] = 1;
  }
  field.mesh.communicator.all_reduce(std::span(values), comm::Op::sum);
  field.mesh.communicator.all_reduce(std::span(owners), comm::Op::sum);
  base::Diagnostics diagnostics;
  std::vector<ProbeResult> results;
  for (std::size_t p = 0; p < points.size(); ++p) {
    if (owners[p] == 0) {
      diagnostics.error(
          problem.probes[p].where,
          fmt::format("probe '{}' lies outside the mesh ('ritz mesh info' tells the bounding box)",
                      problem.probes[p].name));
    }
    results.push_back({problem.probes[p].name, points[p], values[p]});
  }
  diagnostics.throw_errors(base::ExitCode::deck);
  return results;
}

namespace {

int index_in(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

/// Integral of a program of x, y, z, t, u over a set or a region.
double integral_of(const SolvedField& field, const std::string& on,
                   const assembly::Integrand& integrand) {
  const int set = index_in(field.mesh.set_names, on);
  if (set >= 0) {
    return assembly::integrate_sets(field.mesh, field.space, field.values,
                                    {static_cast<std::int16_t>(set)}, integrand, field.time);
  }
  const int region = index_in(field.mesh.region_names, on);
  return assembly::integrate_regions(field.mesh, field.space, field.values,
                                     {static_cast<std::int16_t>(region)}, integrand, field.time);
}

}  // namespace

std::vector<IntegralResult> integrate_system(const mesh::Mesh& mesh, const fem::Space& space,
                                             const std::vector<std::string>& unknowns,
                                             const std::vector<std::vector<double>>& fields,
                                             const deck::Problem& problem,
                                             const physics::Form* linear_form, double time) {
  std::vector<IntegralResult> results;
  base::Diagnostics diagnostics;
  for (const deck::Integral& one : problem.integrals) {
    IntegralResult result{one.name, one.on.text, 0.0};
    if (one.kind == deck::Integral::Kind::flux) {
      if (linear_form == nullptr) {
        diagnostics.error(one.on.where,
                          fmt::format("integral '{}' of the flux: only for linear equations of one "
                                      "unknown in Cartesian coordinates",
                                      one.name));
        continue;
      }
      const auto set = static_cast<std::int16_t>(index_in(mesh.set_names, one.on.text));
      result.value = assembly::integrate_flux(mesh, space, fields.front(),
                                              std::vector<std::int16_t>(set >= 0 ? 1 : 0, set),
                                              *linear_form, time);
      results.push_back(std::move(result));
      continue;
    }
    const auto expression =
        compile(one.of, "integral.of", expr::Type::real, symbols(problem, unknowns), diagnostics);
    if (!expression) continue;
    std::size_t used = 0;
    int n_used = 0;
    for (std::size_t c = 0; c < unknowns.size(); ++c) {
      if (!expression->depends_on(unknowns[c])) continue;
      used = c;
      ++n_used;
    }
    if (n_used > 1) {
      diagnostics.error(one.of.where, fmt::format("integral.of = \"{}\" uses {} unknowns (must be "
                                                  "one at most)",
                                                  one.of.text, n_used));
      continue;
    }
    assembly::Integrand integrand;
    const bool around = problem.equation.is_axisymmetric;
    integrand.is_constant = expression->is_constant() && !around;
    if (integrand.is_constant) {
      integrand.value = expression->constant_value();
    } else if (around) {
      // Over the whole body of revolution.
      integrand.program = expr::Expression::parse("2*pi*x*(" + one.of.text + ")",
                                                  symbols(problem, {unknowns[used]}))
                              .compile();
    } else {
      // The program's variables are x, y, z, t and the one unknown.
      integrand.program = compile(one.of, "integral.of", expr::Type::real,
                                  symbols(problem, {unknowns[used]}), diagnostics)
                              ->compile();
    }
    result.value = integral_of({mesh, space, fields[used], time}, one.on.text, integrand);
    results.push_back(std::move(result));
  }
  diagnostics.throw_errors(base::ExitCode::deck);
  return results;
}

std::vector<IntegralResult> integrate(const SolvedField& field, const deck::Problem& problem,
                                      const physics::Form& form) {
  return integrate_system(field.mesh, field.space, {problem.equation.unknowns.front().name},
                          {std::vector<double>(field.values.begin(), field.values.end())}, problem,
                          &form, field.time);
}

Verification verify(const SolvedField& field, const deck::Problem& problem,
                    std::span<const NamedResults> results) {
  Verification outcome;
  const auto judge = [&](bool good, std::string line) {
    outcome.passed = outcome.passed && good;
    outcome.lines.push_back(std::move(line) + (good ? "  ok" : "  FAILED"));
  };
  if (problem.verify.exact) {
    base::Diagnostics diagnostics;
    const auto exact = compile(*problem.verify.exact, "verify.exact", expr::Type::real,
                               symbols(problem), diagnostics);
    diagnostics.throw_errors(base::ExitCode::deck);
    std::vector<fem::PointFunction> gradient;
    for (int d = 0; d < field.mesh.dimension(); ++d) {
      gradient.push_back(point_function(exact->derivative(std::string(1, "xyz"[d])), field.time));
    }
    outcome.norms = fem::error_norms(field.mesh, field.space, field.values,
                                     point_function(*exact, field.time), gradient);
    const fem::Norms& norms = *outcome.norms;
    const auto bounded = [&](const char* name, double value, const std::optional<double>& bound) {
      if (bound)
        judge(value <= *bound, fmt::format("{} error {:.4e} (bound {:.4e})", name, value, *bound));
      else
        outcome.lines.push_back(fmt::format("{} error {:.4e}", name, value));
    };
    bounded("L2", norms.l2, problem.verify.max_l2_error);
    bounded("H1", norms.h1_semi, problem.verify.max_h1_error);
  }
  const std::string& judged =
      problem.equation.unknowns[static_cast<std::size_t>(problem.verify.unknown)].name;
  for (const deck::Verify::ProbeValue& expected : problem.verify.probes) {
    const std::string& of = expected.of.text.empty() ? judged : expected.of.text;
    for (const NamedResults& named : results) {
      if (named.unknown != of) continue;
      for (const ProbeResult& one : named.probes) {
        if (one.name != expected.probe.text) continue;
        judge(std::abs(one.value - expected.expected) <= expected.tolerance,
              fmt::format("probe {}{} = {:.6g} (expected {:.6g} +- {:.2g})", one.name,
                          expected.of.text.empty() ? "" : " " + of, one.value, expected.expected,
                          expected.tolerance));
      }
    }
  }
  return outcome;
}

void write_tables(const std::string& directory, int dimension,
                  std::span<const NamedResults> unknowns,
                  std::span<const IntegralResult> integrals) {
  base::fault_point("tables");
  const auto coordinates = [&](const std::array<double, 3>& at) {
    std::string text;
    for (int d = 0; d < dimension; ++d) text += fmt::format("{},", at[static_cast<std::size_t>(d)]);
    return text;
  };
  const std::string header =
      std::string("x,y,z,").substr(0, 2 * static_cast<std::size_t>(dimension));
  const auto write = [&](const std::string& name, const std::string& text) {
    const std::string path = directory + "/" + name;
    errno = 0;
    std::ofstream out(path);
    out << text;
    out.close();
    if (!out) {
      throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                        fmt::format("cannot write this table: {}", std::strerror(errno)));
    }
  };
  const bool one = std::count_if(unknowns.begin(), unknowns.end(), [](const NamedResults& results) {
                     return results.is_unknown;
                   }) == 1;
  const auto is_only = [&](const NamedResults& results) { return one && results.is_unknown; };
  if (!unknowns.front().probes.empty()) {
    std::string text = "name," + header;
    for (std::size_t c = 0; c < unknowns.size(); ++c) {
      text += (c ? "," : "") + (is_only(unknowns[c]) ? std::string("value") : unknowns[c].unknown);
    }
    text += "\n";
    for (std::size_t p = 0; p < unknowns.front().probes.size(); ++p) {
      const ProbeResult& first = unknowns.front().probes[p];
      text += csv_text(first.name) + "," + coordinates(first.at);
      for (std::size_t c = 0; c < unknowns.size(); ++c) {
        text += (c ? "," : "") + base::number_text(unknowns[c].probes[p].value);
      }
      text += "\n";
    }
    write("probes.csv", text);
  }
  if (!integrals.empty()) {
    std::string text = "name,on,value\n";
    for (const IntegralResult& result : integrals) {
      text += csv_text(result.name) + "," + csv_text(result.on) + "," +
              base::number_text(result.value) + "\n";
    }
    write("integrals.csv", text);
  }
  std::string text = "extreme," + header + "value\n";
  for (const NamedResults& results : unknowns) {
    const auto row = [&](const char* name, const Extreme& extreme) {
      text +=
          (is_only(results) ? std::string(name) : fmt::format("{}({})", name, results.unknown)) +
          "," + coordinates(extreme.at) + base::number_text(extreme.value) + "\n";
    };
    row("min", results.extremes.min);
    row("max", results.extremes.max);
  }
  write("extrema.csv", text);
}

}  // namespace ritz::run
