#include "ritz/perf/recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <sstream>

#include "ritz/device/kokkos.hpp"

namespace ritz::perf {

namespace {

double seconds_between(std::chrono::steady_clock::time_point a,
                       std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

/// The number of a "Name:  123 kB" line of a /proc file, in bytes; 0 if there is none. No memory is
/// allocated: stages end in every step.
double proc_bytes(const char* file, std::string_view name) {
  // The lines asked for are among the first, behind that of the user's groups, which may be long.
  std::array<char, std::size_t{32} << 10> buffer;
  const int in = ::open(file, O_RDONLY | O_CLOEXEC);
  if (in < 0) return 0.0;
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::read(in, buffer.data() + size, buffer.size() - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  ::close(in);
  std::string_view text(buffer.data(), size);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    std::string_view rest = line.substr(name.size() + 1);
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(" \t")));
    double kib = 0;
    const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), kib);
    return end.ec == std::errc() ? kib * 1024.0 : 0.0;
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
  here.resident_bytes = std::max(here.resident_bytes, proc_bytes("/proc/self/status", "VmRSS"));
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
