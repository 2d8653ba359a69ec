#include "initial_values.hpp"

#include <cmath>

#include "ritz/base/format.hpp"
#include "ritz/run/form.hpp"

namespace ritz::run {

void interpolate(const EvolutionParts& parts, const std::vector<deck::InitialValue>& values,
                 const la::Vector& u) {
  const deck::Problem& problem = parts.problem;
  const int m = parts.form.n_unknowns();
  const perf::Stage stage(parts.recorder, "initial");
  const std::vector<double> nodes = fem::node_coordinates(parts.mesh, parts.space);
  const auto n = static_cast<std::size_t>(parts.space.n_owned);
  std::vector<double> rows(4 * n), out(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t d = 0; d < 3; ++d) rows[d * n + i] = nodes[3 * i + d];
    rows[3 * n + i] = problem.time ? problem.time->start : 0.0;
  }
  base::Diagnostics diagnostics;
  for (const deck::InitialValue& value : values) {
    if (value.index >= m) continue;
    const auto expression = compile(value.value, "initial." + value.unknown.text, expr::Type::real,
                                    symbols(problem), diagnostics);
    diagnostics.throw_errors(base::ExitCode::deck);
    if (n > 0) expression->compile().evaluate(rows, out);
    LocalId bad = -1;
    for (std::size_t i = 0; i < n; ++i) {
      if (!std::isfinite(out[i]) && bad < 0) bad = static_cast<LocalId>(i);
      u(i * static_cast<std::size_t>(m) + static_cast<std::size_t>(value.index)) = out[i];
    }
    if (parts.communicator.any(bad >= 0)) {
      throw base::Error(base::ExitCode::not_finite, value.value.where,
                        fmt::format("initial.{} = \"{}\" is not finite somewhere in the mesh; "
                                    "look at it with 'ritz eval'",
                                    value.unknown.text, value.value.text));
    }
  }
}

void take(const EvolutionParts& parts, const std::vector<StartValues>& values, bool rates,
          const la::Vector& u) {
  const auto m = static_cast<std::size_t>(parts.form.n_unknowns());
  for (const StartValues& one : values) {
    if (one.is_rate != rates) continue;
    for (std::size_t i = 0; i < one.values.size(); ++i)
      u(i * m + static_cast<std::size_t>(one.unknown)) = one.values[i];
  }
}

}  // namespace ritz::run
