#pragma once

#include <string>
#include <vector>

#include "ritz/perf/recorder.hpp"

namespace ritz::perf {

/// What a run's performance log holds; the same on every rank.
struct Report {
  std::string title;
  int n_ranks = 1;
  int n_threads = 1;
  double total_seconds = 0;  ///< slowest rank
  double peak_bytes_max = 0, peak_bytes_sum = 0;
  std::vector<StageRecord> stages;
  std::vector<std::pair<std::string, double>> counts;
};

/// Collective.
[[nodiscard]] Report make_report(const comm::Communicator& communicator, const Recorder& recorder,
                                 std::string title, int n_threads);

/// Stage table for people: time as max over ranks, share, min/avg/max, memory. Ends with the total.
[[nodiscard]] std::string summary_table(const Report& report);

/// perf.json: {"ritz_perf": 1, "title", "ranks", "threads", "seconds", "peak_bytes", "counts",
/// "stages": [{"path": [...], "calls", "seconds": {"min","avg","max","slowest_rank"}, ...}]}.
[[nodiscard]] std::string to_json(const Report& report);

}  // namespace ritz::perf
