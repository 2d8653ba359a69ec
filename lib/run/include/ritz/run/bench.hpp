#pragma once

#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

struct BenchRequest {
  std::vector<std::string> cases{"M1"};  ///< M1 M2 M3 M4 M5 M6 M11 M16 M17 M18
  std::vector<int> degrees;              ///< empty: the case's own
  std::string size = "medium";           ///< small, medium, large, or a number of unknowns
  int repeat = 5;                        ///< measurements of which the median is told, >= 1
  std::string json;                      ///< file for the results; empty: none
};

/// Measures the cases on all ranks, with STREAM triad before and after each and the peak of
/// multiply-adds, and prints a table. docs/performance.md says what the cases are. Collective.
/// Returns the exit code; throws Error(deck) for cases, degrees or sizes that do not exist,
/// Error(io) if the JSON file cannot be written.
int bench(const comm::Communicator& communicator, const BenchRequest& request);

}  // namespace ritz::run
