#include "evolution_results.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "points.hpp"
#include "provenance.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/run/outputs.hpp"

namespace ritz::run {

EvolutionResults::EvolutionResults(const EvolutionParts& parts)
    : parts_(parts), files_(parts.problem, parts.mesh, parts.space) {}

bool EvolutionResults::wants_rates() const {
  const deck::Problem& problem = parts_.problem;
  if (!problem.output.rates || !problem.time || !files_.any()) return false;
  for (int k = 0; k < parts_.form.n_unknowns(); ++k) {
    if (deck::order_in_time(problem, k) == 2) return true;
  }
  return false;
}

void EvolutionResults::write(double time, std::int64_t n_steps,
                             const std::vector<std::vector<double>>& values,
                             const std::vector<std::vector<double>>& rates) {
  if (files_.is_due(time, n_steps)) write(time, n_steps, false, values, rates);
}

void EvolutionResults::write(double time, std::int64_t n_steps, bool is_last,
                             const std::vector<std::vector<double>>& values,
                             const std::vector<std::vector<double>>& rates) {
  if (!files_.any()) return;
  const perf::Stage stage(parts_.recorder, "output");
  NamedFields fields{parts_.form.unknowns, values};
  for (std::size_t k = 0; k < rates.size(); ++k) {
    if (deck::order_in_time(parts_.problem, static_cast<int>(k)) < 2) continue;
    fields.names.push_back("rate_" + parts_.form.unknowns[k]);
    fields.values.push_back(rates[k]);
  }
  RecoveredFields further = recover(values, time);
  fields.names.insert(fields.names.end(), parts_.output.names.begin(), parts_.output.names.end());
  std::move(further.values.begin(), further.values.end(), std::back_inserter(fields.values));
  files_.write(time, n_steps, is_last, fields,
               provenance(parts_.communicator, parts_.problem.effective_toml, parts_.remarks,
                          parts_.initial_from));
}

RecoveredFields EvolutionResults::recover(const std::vector<std::vector<double>>& fields,
                                          double time) {
  RecoveredFields further =
      recover_fields(parts_.mesh, parts_.space, parts_.output, fields, parts_.problem, time);
  if (further.not_finite && !not_finite_is_told_) {
    not_finite_is_told_ = true;
    parts_.remark(fmt::format("the field {} is not finite somewhere at t = {:.6g}",
                              *further.not_finite, time));
  }
  return further;
}

void EvolutionResults::finish(double time, std::int64_t n_steps,
                              const std::vector<std::vector<double>>& fields,
                              const std::vector<std::vector<double>>& rates, bool good,
                              EvolutionOutcome& outcome) {
  const perf::Stage stage(parts_.recorder, "output");
  parts_.progress.phase("output");
  const int dimension = parts_.mesh.dimension();
  std::vector<NamedResults> all;
  for (int c = 0; c < parts_.form.n_unknowns(); ++c) {
    const SolvedField field{parts_.mesh, parts_.space, fields[static_cast<std::size_t>(c)], time};
    NamedResults one;
    one.unknown = parts_.form.unknowns[static_cast<std::size_t>(c)];
    one.extremes = extrema(field);
    one.probes = probe(field, parts_.problem);
    parts_.progress.line(
        "solution",
        fmt::format("{}: min {:.6g} at {}, max {:.6g} at {}", one.unknown, one.extremes.min.value,
                    point_text(one.extremes.min.at, dimension), one.extremes.max.value,
                    point_text(one.extremes.max.at, dimension)));
    for (const ProbeResult& p : one.probes) {
      parts_.progress.line("probe", fmt::format("{} {} {} = {:.8g}", p.name,
                                                point_text(p.at, dimension), one.unknown, p.value));
    }
    all.push_back(std::move(one));
  }
  for (NamedResults& one : results_of(parts_.mesh, parts_.space, parts_.output,
                                      recover(fields, time), parts_.problem)) {
    parts_.progress.line(
        "field", fmt::format("{}: min {:.6g} at {}, max {:.6g} at {}", one.unknown,
                             one.extremes.min.value, point_text(one.extremes.min.at, dimension),
                             one.extremes.max.value, point_text(one.extremes.max.at, dimension)));
    for (const ProbeResult& p : one.probes) {
      parts_.progress.line("probe", fmt::format("{} {} {} = {:.8g}", p.name,
                                                point_text(p.at, dimension), one.unknown, p.value));
    }
    all.push_back(std::move(one));
  }
  const std::vector<IntegralResult> integrals =
      integrate_system(parts_.mesh, parts_.space, parts_.form.unknowns, fields, parts_.problem,
                       parts_.linear_form ? &*parts_.linear_form : nullptr, time);
  for (const IntegralResult& one : integrals) {
    parts_.progress.line("integral",
                         fmt::format("{} over {} = {:.8g}", one.name, one.on, one.value));
  }
  parts_.communicator.together([&] {
    if (parts_.communicator.is_root())
      write_tables(parts_.problem.output.directory, dimension, all, integrals);
  });
  write(time, n_steps, true, fields, rates);
  if (files_.any()) {
    outcome.results = files_.paths();
    parts_.recorder.count("file_bytes", files_.file_bytes());
    parts_.progress.line("output",
                         fmt::format("{} ({}, {:.1f}x compressed)", base::list(files_.paths()),
                                     base::bytes_text(files_.file_bytes()),
                                     files_.raw_bytes() / std::max(1.0, files_.file_bytes())));
  }
  if (!good) return;
  const auto judged = static_cast<std::size_t>(
      std::min(parts_.problem.verify.unknown, parts_.form.n_unknowns() - 1));
  const Verification verification =
      verify({parts_.mesh, parts_.space, fields[judged], time}, parts_.problem, all);
  for (const std::string& line : verification.lines) parts_.progress.line("verify", line);
  outcome.norms = verification.norms;
  outcome.verified = verification.passed;
  if (!verification.passed) {
    outcome.code = static_cast<int>(base::ExitCode::not_converged);
    if (parts_.communicator.is_root()) {
      base::log::error(
          "[verify] failed: the solution is not as close as the deck demands; refine "
          "(--set mesh.refine=1), raise space.degree, shorten time.step or tighten the "
          "tolerances");
    }
  }
}

}  // namespace ritz::run
