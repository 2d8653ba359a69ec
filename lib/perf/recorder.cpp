#include "ritz/perf/recorder.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "ritz/device/kokkos.hpp"

namespace ritz::perf {

namespace {

double seconds_between(std::chrono::steady_clock::time_point a,
                       std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

/// The number of a "Name:  123 kB" line of a /proc file, in bytes; 0 if there is none.
double proc_bytes(const char* file, std::string_view name) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    if (line.compare(0, name.size(), name) != 0 || line.size() <= name.size() ||
        line[name.size()] != ':') {
      continue;
    }
    std::istringstream rest(line.substr(name.size() + 1));
    double kib = 0;
    return rest >> kib ? kib * 1024.0 : 0.0;
  }
  return 0.0;
}

constexpr char separator = '\x1f';

}  // namespace

Memory memory() {
  return {proc_bytes("/proc/self/status", "VmRSS"), proc_bytes("/proc/self/status", "VmHWM")};
}

double available_memory() {
  return proc_bytes("/proc/meminfo", "MemAvailable");
}

Recorder::Recorder() {
  nodes_.push_back({"total", -1, {}, 1, 0.0, 0.0, Clock::now()});
}

void Recorder::enter(std::string_view name) {
  Node& here = nodes_[static_cast<std::size_t>(current_)];
  int found = -1;
  for (int child : here.children) {
    if (nodes_[static_cast<std::size_t>(child)].name == name) found = child;
  }
  if (found < 0) {
    found = static_cast<int>(nodes_.size());
    here.children.push_back(found);
    nodes_.push_back({std::string(name), current_, {}, 0, 0.0, 0.0, {}});
  }
  Kokkos::Profiling::pushRegion(std::string(name));
  current_ = found;
  nodes_[static_cast<std::size_t>(found)].entered = Clock::now();
}

void Recorder::leave() {
  Node& here = nodes_[static_cast<std::size_t>(current_)];
  RITZ_EXPECT(here.parent >= 0, "left a stage that was never entered");
  here.seconds += seconds_between(here.entered, Clock::now());
  here.calls += 1;
  here.resident_bytes = std::max(here.resident_bytes, memory().resident);
  current_ = here.parent;
  Kokkos::Profiling::popRegion();
}

double Recorder::elapsed() const {
  return seconds_between(nodes_[0].entered, Clock::now());
}

void Recorder::count(std::string_view name, double value) {
  for (auto& [known, number] : counts_) {
    if (known == name) {
      number = value;
      return;
    }
  }
  counts_.emplace_back(name, value);
}

std::vector<StageRecord> Recorder::collect(const comm::Communicator& communicator) const {
  // Depth-first list of my stages, each level followed by what its stages do not account for.
  struct Mine {
    std::string key;
    std::int64_t calls;
    double seconds, bytes;
  };
  std::vector<Mine> mine;
  const auto visit = [&](const auto& self, int index, const std::string& prefix) -> void {
    const Node& node = nodes_[static_cast<std::size_t>(index)];
    double accounted = 0;
    for (int child : node.children) {
      const Node& one = nodes_[static_cast<std::size_t>(child)];
      const std::string key = prefix + one.name;
      mine.push_back({key, one.calls, one.seconds, one.resident_bytes});
      accounted += one.seconds;
      self(self, child, key + separator);
    }
    if (!node.children.empty()) {
      const double whole = index == 0 ? elapsed() : node.seconds;
      mine.push_back({prefix + "other", 1, std::max(0.0, whole - accounted), 0.0});
    }
  };
  visit(visit, 0, "");

  std::string keys;
  for (const Mine& one : mine) keys += one.key + '\n';
  communicator.broadcast(keys);

  std::map<std::string, const Mine*> by_key;
  for (const Mine& one : mine) by_key[one.key] = &one;

  std::vector<StageRecord> records;
  std::istringstream lines(keys);
  for (std::string key; std::getline(lines, key);) {
    const auto found = by_key.find(key);
    struct Sample {
      double seconds, bytes;
      std::int64_t calls;
    };
    Sample sample{0, 0, 0};
    if (found != by_key.end()) {
      sample = {found->second->seconds, found->second->bytes, found->second->calls};
    }
    const std::vector<Sample> samples = communicator.all_gather(sample);
    StageRecord record;
    std::istringstream names(key);
    for (std::string name; std::getline(names, name, separator);) record.path.push_back(name);
    record.calls = samples[0].calls;
    record.min_seconds = record.max_seconds = samples[0].seconds;
    double sum = 0;
    for (std::size_t rank = 0; rank < samples.size(); ++rank) {
      sum += samples[rank].seconds;
      record.min_seconds = std::min(record.min_seconds, samples[rank].seconds);
      if (samples[rank].seconds > record.max_seconds) {
        record.max_seconds = samples[rank].seconds;
        record.slowest_rank = static_cast<int>(rank);
      }
      record.max_resident_bytes = std::max(record.max_resident_bytes, samples[rank].bytes);
    }
    record.avg_seconds = sum / static_cast<double>(samples.size());
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace ritz::perf
