#include "ritz/perf/events.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"

namespace ritz::perf {

namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void add(nlohmann::ordered_json& json, EventLog::Fields fields) {
  for (const auto& field : fields) {
    std::visit([&](const auto& value) { json[field.first] = value; }, field.second);
  }
}

/// JSON must be UTF-8; a path or message that is not is shown with replacement characters.
std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

struct EventLog::State {
  std::string directory;
  std::ofstream events;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  bool complained = false;

  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  void complain(const char* file) {
    if (complained) return;
    complained = true;
    base::log::warning(std::string("cannot write ") + directory + "/" + file +
                       " (disk full?); the run goes on without it");
  }
};

EventLog::EventLog() = default;
EventLog::EventLog(const std::string& directory) : state_(std::make_unique<State>()) {
  state_->directory = directory;
  state_->events.open(directory + "/events.jsonl", std::ios::app);
  if (!state_->events) {
    throw base::Error(base::ExitCode::io, base::Location{directory + "/events.jsonl", 0, 0},
                      "cannot write here; check free space and permissions");
  }
}
EventLog::~EventLog() = default;
EventLog::EventLog(EventLog&&) noexcept = default;
EventLog& EventLog::operator=(EventLog&&) noexcept = default;

void EventLog::event(const std::string& name, Fields fields) {
  if (!state_) return;
  nlohmann::ordered_json json;
  json["time"] = utc_now();
  json["seconds"] = state_->seconds();
  json["event"] = name;
  add(json, fields);
  state_->events << text_of(json) << '\n' << std::flush;
  if (!state_->events) {
    state_->complain("events.jsonl");
    state_->events.clear();
  }
}

void EventLog::status(const std::string& phase, Fields fields) {
  if (!state_) return;
  nlohmann::ordered_json json;
  json["phase"] = phase;
  json["seconds"] = state_->seconds();
  add(json, fields);
  const std::string path = state_->directory + "/status.json";
  const std::string fresh = path + ".new";
  bool good = false;
  {
    std::ofstream out(fresh);
    out << text_of(json) << '\n';
    out.close();
    good = !out.fail();
  }
  std::error_code failed;
  if (good) std::filesystem::rename(fresh, path, failed);
  if (!good || failed) state_->complain("status.json");
}

}  // namespace ritz::perf
