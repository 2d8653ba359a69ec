#pragma once

// The report of `ritz check` as data and as JSON; private to room run.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "limits.hpp"
#include "ritz/base/error.hpp"
#include "ritz/run/forecast.hpp"

namespace ritz::run {

struct CheckReport {
  std::string deck;
  int n_ranks = 1;
  int exit_code = 0;
  std::vector<base::Diagnostic> diagnostics;
  std::optional<Forecast> forecast;  ///< none if the deck or the mesh is wrong
  std::optional<DiskNeeds> disk;
};

/// What is wrong and what to do about it: our messages have "; " between the two, outside of quotes
/// and brackets. The hint is empty if there is none. Local.
[[nodiscard]] std::pair<std::string, std::string> message_and_hint(const std::string& text);

/// The report as ritz/run/check.hpp describes it. Local.
[[nodiscard]] std::string to_json(const CheckReport& report);

}  // namespace ritz::run
