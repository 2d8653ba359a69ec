#include "ritz/base/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace ritz::base {

std::string Location::text() const {
  if (line <= 0) return file;
  if (column <= 0) return fmt::format("{}:{}", file, line);
  return fmt::format("{}:{}:{}", file, line, column);
}

std::string Diagnostic::text() const {
  const char* kind = severity == Severity::error     ? ""
                     : severity == Severity::warning ? "warning: "
                                                     : "note: ";
  const std::string place = where.text();
  return place.empty() ? kind + message : fmt::format("{}: {}{}", place, kind, message);
}

namespace {

std::string join(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += diagnostic.text();
  }
  return text;
}

}  // namespace

Error::Error(ExitCode code, std::string message) : Error(code, Location{}, std::move(message)) {}

Error::Error(ExitCode code, Location where, std::string message)
    : Error(code, std::vector<Diagnostic>{
                      {Diagnostic::Severity::error, std::move(where), std::move(message)}}) {}

Error::Error(ExitCode code, std::vector<Diagnostic> diagnostics)
    : code_(code), diagnostics_(std::move(diagnostics)), text_(join(diagnostics_)) {}

void Diagnostics::error(Location where, std::string message) {
  add({Diagnostic::Severity::error, std::move(where), std::move(message)});
}

void Diagnostics::warning(Location where, std::string message) {
  add({Diagnostic::Severity::warning, std::move(where), std::move(message)});
}

void Diagnostics::note(Location where, std::string message) {
  add({Diagnostic::Severity::note, std::move(where), std::move(message)});
}

bool Diagnostics::has_errors() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Diagnostic& entry) {
    return entry.severity == Diagnostic::Severity::error;
  });
}

void Diagnostics::throw_errors(ExitCode code) const {
  std::vector<Diagnostic> errors;
  for (const Diagnostic& entry : entries_) {
    if (entry.severity == Diagnostic::Severity::error) errors.push_back(entry);
  }
  if (errors.empty()) return;
  std::stable_sort(errors.begin(), errors.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.where.file, a.where.line, a.where.column) <
           std::tie(b.where.file, b.where.line, b.where.column);
  });
  throw Error(code, std::move(errors));
}

void expectation_failed(const char* condition, const char* file, int line,
                        std::string_view message) {
  throw Error(
      ExitCode::internal, Location{file, line, 0},
      fmt::format("internal check failed: {} ({}); please report this", condition, message));
}

}  // namespace ritz::base
