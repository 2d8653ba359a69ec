#include "ritz/perf/report.hpp"

#include "ritz/base/format.hpp"

#include <nlohmann/json.hpp>

#include "ritz/base/text.hpp"

namespace ritz::perf {

Report make_report(const comm::Communicator& communicator, const Recorder& recorder,
                   std::string title, int n_threads) {
  Report report;
  report.title = std::move(title);
  report.n_ranks = communicator.size();
  report.n_threads = n_threads;
  report.stages = recorder.collect(communicator);
  report.total_seconds = communicator.max(recorder.elapsed());
  const double peak = memory().peak;
  report.peak_bytes_max = communicator.max(peak);
  report.peak_bytes_sum = communicator.sum(peak);
  report.counts = recorder.counts();
  return report;
}

std::string summary_table(const Report& report) {
  std::string text = fmt::format("{:<26} {:>9} {:>6} {:>9} {:>9} {:>10}\n", "stage", "time [s]",
                                 "share", "min", "avg", "memory");
  for (const StageRecord& stage : report.stages) {
    if (stage.path.back() == "other" && stage.max_seconds < 0.01 * report.total_seconds) continue;
    const std::string name = std::string(2 * (stage.path.size() - 1), ' ') + stage.path.back();
    text += fmt::format(
        "{:<26} {:>9.3f} {:>5.1f}% {:>9.3f} {:>9.3f} {:>10}\n", name, stage.max_seconds,
        100.0 * stage.max_seconds / report.total_seconds, stage.min_seconds, stage.avg_seconds,
        stage.max_resident_bytes > 0 ? base::bytes_text(stage.max_resident_bytes) : "");
  }
  text += fmt::format(
      "{:<26} {:>9.3f}        {} {}, {} {} each; peak memory {} a rank, {} in all", "total",
      report.total_seconds, report.n_ranks, report.n_ranks == 1 ? "rank" : "ranks",
      report.n_threads, report.n_threads == 1 ? "thread" : "threads",
      base::bytes_text(report.peak_bytes_max), base::bytes_text(report.peak_bytes_sum));
  return text;
}

std::string to_json(const Report& report) {
  nlohmann::ordered_json json;
  json["ritz_perf"] = 1;
  json["title"] = report.title;
  json["ranks"] = report.n_ranks;
  json["threads"] = report.n_threads;
  json["seconds"] = report.total_seconds;
  json["peak_bytes"] = {{"max", report.peak_bytes_max}, {"sum", report.peak_bytes_sum}};
  json["counts"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : report.counts) json["counts"][name] = value;
  json["stages"] = nlohmann::ordered_json::array();
  for (const StageRecord& stage : report.stages) {
    json["stages"].push_back({{"path", stage.path},
                              {"calls", stage.calls},
                              {"seconds",
                               {{"min", stage.min_seconds},
                                {"avg", stage.avg_seconds},
                                {"max", stage.max_seconds},
                                {"slowest_rank", stage.slowest_rank}}},
                              {"resident_bytes", stage.max_resident_bytes}});
  }
  return json.dump(2) + "\n";
}

}  // namespace ritz::perf
