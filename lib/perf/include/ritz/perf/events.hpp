#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace ritz::perf {

/// The machine-readable diary of a run: `events.jsonl` (one JSON object a line, appended) and
/// `status.json` (the present state, replaced atomically, so a reader never sees half of it).
/// Only one rank writes; the others hold a silent object. Local.
class EventLog {
 public:
  using Value = std::variant<std::string, double, long long, bool>;
  using Fields = std::initializer_list<std::pair<std::string, Value>>;

  /// A silent log.
  EventLog();
  /// Writes into `directory`, which exists. Throws Error(io) if that fails.
  explicit EventLog(const std::string& directory);
  ~EventLog();
  EventLog(EventLog&&) noexcept;
  EventLog& operator=(EventLog&&) noexcept;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// Appends {"time": ISO 8601 UTC, "seconds": since start, "event": name, ...fields}.
  /// A write that fails (full disk) is told once and does not end the run.
  void event(const std::string& name, Fields fields = {});

  /// Replaces status.json by {"phase", "seconds", ...fields}.
  void status(const std::string& phase, Fields fields = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ritz::perf
