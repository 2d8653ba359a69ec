#include "ritz/run/outputs.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "ritz/assembly/integrate.hpp"
#include "ritz/base/text.hpp"
#include "ritz/run/form.hpp"

namespace ritz::run {

namespace {

/// Evaluates a program of x, y, z, t at points [n][3].
fem::PointFunction point_function(const expr::Expression& expression) {
  return [program = expression.compile()](std::span<const double> points, std::span<double> out) {
    const std::size_t n = out.size();
    std::vector<double> rows(4 * n, 0.0);
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

std::vector<IntegralResult> integrate(const SolvedField& field, const deck::Problem& problem,
                                      const physics::Form& form) {
  std::vector<IntegralResult> results;
  const auto index_in = [](const std::vector<std::string>& names, const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? -1 : static_cast<int>(found - names.begin());
  };
  for (const deck::Integral& one : problem.integrals) {
    IntegralResult result{one.name, one.on.text, 0.0};
    const int set = index_in(field.mesh.set_names, one.on.text);
    const int region = index_in(field.mesh.region_names, one.on.text);
    const auto set_list =
        std::vector<std::int16_t>(set >= 0 ? 1 : 0, static_cast<std::int16_t>(set));
    if (one.kind == deck::Integral::Kind::flux) {
      result.value =
          assembly::integrate_flux(field.mesh, field.space, field.values, set_list, form);
    } else {
      base::Diagnostics diagnostics;
      const auto expression =
          compile(one.of, "integral.of", expr::Type::real, symbols(problem, {"u"}), diagnostics);
      diagnostics.throw_errors(base::ExitCode::deck);
      assembly::Integrand integrand;
      integrand.is_constant = expression->is_constant();
      if (integrand.is_constant)
        integrand.value = expression->constant_value();
      else
        integrand.program = expression->compile();
      result.value =
          set >= 0
              ? assembly::integrate_sets(field.mesh, field.space, field.values, set_list, integrand)
              : assembly::integrate_regions(field.mesh, field.space, field.values,
                                            {static_cast<std::int16_t>(region)}, integrand);
    }
    results.push_back(std::move(result));
  }
  return results;
}

Verification verify(const SolvedField& field, const deck::Problem& problem,
                    std::span<const ProbeResult> probes) {
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
      gradient.push_back(point_function(exact->derivative(std::string(1, "xyz"[d]))));
    }
    outcome.norms =
        fem::error_norms(field.mesh, field.space, field.values, point_function(*exact), gradient);
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
  for (const deck::Verify::ProbeValue& expected : problem.verify.probes) {
    for (const ProbeResult& one : probes) {
      if (one.name != expected.probe.text) continue;
      judge(std::abs(one.value - expected.expected) <= expected.tolerance,
            fmt::format("probe {} = {:.6g} (expected {:.6g} +- {:.2g})", one.name, one.value,
                        expected.expected, expected.tolerance));
    }
  }
  return outcome;
}

void write_tables(const std::string& directory, int dimension, std::span<const ProbeResult> probes,
                  std::span<const IntegralResult> integrals, const Extrema& extremes) {
  const auto coordinates = [&](const std::array<double, 3>& at) {
    std::string text;
    for (int d = 0; d < dimension; ++d) text += fmt::format("{},", at[static_cast<std::size_t>(d)]);
    return text;
  };
  const std::string header =
      std::string("x,y,z,").substr(0, 2 * static_cast<std::size_t>(dimension));
  const auto write = [&](const std::string& name, const std::string& text) {
    const std::string path = directory + "/" + name;
    std::ofstream out(path);
    out << text;
    out.close();
    if (!out) {
      throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                        "cannot write this table; check free space and permissions");
    }
  };
  if (!probes.empty()) {
    std::string text = "name," + header + "value\n";
    for (const ProbeResult& one : probes) {
      text += csv_text(one.name) + "," + coordinates(one.at) + base::number_text(one.value) + "\n";
    }
    write("probes.csv", text);
  }
  if (!integrals.empty()) {
    std::string text = "name,on,value\n";
    for (const IntegralResult& one : integrals) {
      text +=
          csv_text(one.name) + "," + csv_text(one.on) + "," + base::number_text(one.value) + "\n";
    }
    write("integrals.csv", text);
  }
  write("extrema.csv", "extreme," + header + "value\nmin," + coordinates(extremes.min.at) +
                           base::number_text(extremes.min.value) + "\nmax," +
                           coordinates(extremes.max.at) + base::number_text(extremes.max.value) +
                           "\n");
}

}  // namespace ritz::run
