#include "ritz/run/check.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "check_report.hpp"
#include "directory.hpp"
#include "limits.hpp"
#include "prepare.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/run/forecast.hpp"
#include "start_file.hpp"

namespace ritz::run {

namespace {

using base::Diagnostic;
using json = nlohmann::ordered_json;

json known(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}
json known(int number) {
  return number > 0 ? json(number) : json(nullptr);
}

const char* word(Diagnostic::Severity severity) {
  switch (severity) {
    case Diagnostic::Severity::note:
      return "note";
    case Diagnostic::Severity::warning:
      return "warning";
    case Diagnostic::Severity::error:
      break;
  }
  return "error";
}

}  // namespace

std::pair<std::string, std::string> message_and_hint(const std::string& text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if (depth <= 0 && c == ';' && i + 1 < text.size() && text[i + 1] == ' ')
      return {text.substr(0, i), text.substr(i + 2)};
  }
  return {text, {}};
}

std::string to_json(const CheckReport& report) {
  json out{{"ritz_check", 1},
           {"deck", report.deck},
           {"ranks", report.n_ranks},
           {"exit_code", report.exit_code},
           {"diagnostics", json::array()},
           {"forecast", nullptr},
           {"disk", nullptr}};
  for (const Diagnostic& one : report.diagnostics) {
    const auto [message, hint] = message_and_hint(one.message);
    out["diagnostics"].push_back({{"severity", word(one.severity)},
                                  {"file", known(one.where.file)},
                                  {"line", known(one.where.line)},
                                  {"col", known(one.where.column)},
                                  {"message", message},
                                  {"hint", known(hint)}});
  }
  if (report.forecast) {
    const Forecast& needs = *report.forecast;
    out["forecast"] = {{"cells", std::llround(needs.n_cells)},
                       {"unknowns", std::llround(needs.n_unknowns)},
                       {"matrix_entries", std::llround(needs.n_entries)},
                       {"exact", needs.exact},
                       {"bytes_a_rank", std::llround(needs.rank_bytes())},
                       {"bytes",
                        {{"program", std::llround(needs.base_bytes)},
                         {"mesh", std::llround(needs.mesh_bytes)},
                         {"space", std::llround(needs.space_bytes)},
                         {"matrix", std::llround(needs.matrix_bytes)},
                         {"solver", std::llround(needs.solver_bytes)}}},
                       {"solver",
                        {{"method", needs.solver.method},
                         {"preconditioner", needs.solver.preconditioner},
                         {"reason", known(needs.solver.reason)}}}};
  }
  if (report.disk) {
    const DiskNeeds& disk = *report.disk;
    out["disk"] = {
        {"directory", disk.directory},
        {"results_bytes", std::llround(disk.results_bytes)},
        {"free_bytes", disk.free_bytes >= 0 ? json(std::llround(disk.free_bytes)) : json(nullptr)}};
  }
  // Texts of a deck may hold bytes that are not UTF-8.
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

int check_deck(const comm::Communicator& communicator, const CheckRequest& request) {
  CheckReport report;
  report.deck = request.deck;
  report.n_ranks = request.n_ranks;
  const bool speaks = request.json != "-";
  const auto say = [&](const std::string& text) {
    if (speaks) base::log::info(text);
  };
  std::optional<base::Error> failure;
  base::Diagnostics diagnostics;
  try {
    const Prepared prepared = prepare(communicator, request.deck, request.overrides, diagnostics);
    if (!prepared.problem.initial.from.empty()) {
      const StartFile file =
          find_start_file(communicator, prepared.problem, prepared.names.dimension, diagnostics);
      say(fmt::format("values at the start from {} ({})", file.path, file.identity));
    }
    for (const Diagnostic& entry : diagnostics.entries()) say(entry.text());
    report.forecast =
        forecast(prepared.problem, prepared.names, prepared.equations, request.n_ranks);
    say(text(*report.forecast, request.n_ranks));
    report.disk = disk_needs(communicator, prepared.problem, *report.forecast);
    if (const std::string problem = report.disk->problem(); !problem.empty()) {
      diagnostics.warning({}, problem);
      say(diagnostics.entries().back().text());
    }
    check_memory_limit(prepared.problem, prepared.names, prepared.equations, *report.forecast,
                       request.n_ranks);
    say(fmt::format("{}: no mistakes found", request.deck));
  } catch (const base::Error& error) {
    failure = error;
    report.exit_code = static_cast<int>(error.code());
    report.diagnostics = error.diagnostics();
  }
  for (const Diagnostic& entry : diagnostics.entries()) {
    if (entry.severity != Diagnostic::Severity::error) report.diagnostics.push_back(entry);
  }
  if (request.json == "-") {
    if (communicator.is_root()) {
      std::fputs(to_json(report).c_str(), stdout);
      std::fflush(stdout);
    }
  } else if (!request.json.empty()) {
    write_text(communicator, request.json, to_json(report));
  }
  if (failure) throw base::Error(*failure);
  return 0;
}

}  // namespace ritz::run
