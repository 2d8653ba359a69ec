#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ritz/comm/communicator.hpp"

namespace ritz::perf {

/// Time of one stage over the ranks. `path` holds the names of the enclosing stages, outermost
/// first.
struct StageRecord {
  std::vector<std::string> path;
  std::int64_t calls = 0;  ///< on rank 0
  double min_seconds = 0, avg_seconds = 0, max_seconds = 0;
  int slowest_rank = 0;
  double max_resident_bytes = 0;  ///< largest resident set at the end of the stage, over ranks
};

/// Wall-clock times of nested stages on this rank. Stages with the same path add up.
/// Kokkos tools see the same names (Kokkos::Profiling regions).
class Recorder {
 public:
  Recorder();

  void enter(std::string_view name);
  void leave();

  /// Seconds since construction.
  [[nodiscard]] double elapsed() const;

  /// A number worth keeping (unknowns, cells, bytes written), in the order of first mention.
  void count(std::string_view name, double value);

  /// Statistics over the ranks in the order in which rank 0 first entered the stages; the last
  /// entries of each level are what no stage accounts for (name "other"). Collective; ranks that
  /// never entered a stage count with zero seconds.
  [[nodiscard]] std::vector<StageRecord> collect(const comm::Communicator& communicator) const;
  [[nodiscard]] const std::vector<std::pair<std::string, double>>& counts() const {
    return counts_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Node {
    std::string name;
    int parent;
    std::vector<int> children;
    std::int64_t calls = 0;
    double seconds = 0;
    double resident_bytes = 0;
    Clock::time_point entered;
  };

  std::vector<Node> nodes_;  // nodes_[0] is the whole run
  int current_ = 0;
  std::vector<std::pair<std::string, double>> counts_;
};

/// Enters a stage for the life of the object.
class Stage {
 public:
  Stage(Recorder& recorder, std::string_view name) : recorder_(recorder) { recorder_.enter(name); }
  ~Stage() { recorder_.leave(); }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

 private:
  Recorder& recorder_;
};

/// Resident set of this process now and its peak, in bytes; 0 where the system does not tell.
struct Memory {
  double resident = 0;
  double peak = 0;
};
[[nodiscard]] Memory memory();

/// Memory of this machine that is free for use, in bytes; 0 where the system does not tell.
[[nodiscard]] double available_memory();

}  // namespace ritz::perf
