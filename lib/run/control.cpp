#include "control.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <utility>

#include "provenance.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"

namespace ritz::run {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string in(const std::string& directory, const std::string& name) {
  return (fs::path(directory) / name).string();
}

Json read_json(const std::string& directory, const std::string& name) {
  const int folder = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) ::close(folder);
  std::ifstream file(in(directory, name), std::ios::binary);
  if (!file) return {};
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Json content = Json::parse(text, nullptr, false);
  return content.is_object() ? content : Json();
}

std::string text_in(const Json& content, const char* name) {
  const auto found = content.find(name);
  return found != content.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool replace(const std::string& directory, const std::string& name, const Json& content) {
  const std::string path = in(directory, name);
  // Two who ask at the same time do not write into the same file.
  const std::string fresh = fmt::format("{}.{}.new", path, ::getpid());
  {
    std::ofstream out(fresh, std::ios::binary);
    out << content.dump() << '\n';
    out.close();
    if (!out) {
      std::remove(fresh.c_str());
      return false;
    }
  }
  if (std::rename(fresh.c_str(), path.c_str()) == 0) return true;
  std::remove(fresh.c_str());
  return false;
}

long long number_in(const Json& content, const char* name) {
  const auto found = content.find(name);
  return found != content.end() && found->is_number_integer() ? found->get<long long>() : 0;
}

std::optional<ControlRequest> read_request(const std::string& directory, const std::string& name) {
  const Json content = read_json(directory, name);
  if (!content.is_object()) return std::nullopt;
  return ControlRequest{text_in(content, "run"), text_in(content, "id"),
                        text_in(content, "action")};
}

const std::string request_start = std::string(control_request_file) + ".";

bool is_request(std::string_view name) {
  return name.starts_with(request_start) && !name.ends_with(".new");
}

/// Names of the requests in a folder, the oldest first.
std::vector<std::string> requests_in(const std::string& directory) {
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  std::error_code gone;
  for (fs::directory_iterator entry(directory, gone), end; !gone && entry != end;
       entry.increment(gone)) {
    std::string name = entry->path().filename().string();
    if (!is_request(name)) continue;
    std::error_code no_time;
    found.emplace_back(fs::last_write_time(entry->path(), no_time), std::move(name));
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (auto& [time, name] : found) names.push_back(std::move(name));
  return names;
}

/// State and start time of a process (proc(5): the third and the 22nd field of its stat, behind a
/// name in brackets that may hold anything). Nothing if there is no such process or no /proc.
struct ProcessFacts {
  char state = ' ';
  long long started = 0;
};
std::optional<ProcessFacts> process_facts(long long pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(name_end + 1));
  ProcessFacts facts;
  rest >> facts.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) rest >> skipped;
  rest >> facts.started;
  return rest ? std::optional(facts) : std::nullopt;
}

/// Whether the process that wrote `state` on this host is still there, and not another one that got
/// its number.
bool is_alive(const ControlState& state) {
  if (state.pid <= 0 || (::kill(static_cast<pid_t>(state.pid), 0) != 0 && errno == ESRCH))
    return false;
  const std::optional<ProcessFacts> facts = process_facts(state.pid);
  if (!facts) return true;
  const bool has_ended = facts->state == 'Z' || facts->state == 'X';
  return !has_ended && (state.started == 0 || state.started == facts->started);
}

constexpr std::chrono::milliseconds between_looks{200};
constexpr std::chrono::seconds fresh{60};
constexpr std::size_t most_answers = 100;  ///< that are kept

}  // namespace

std::optional<std::string> ControlState::answer_to(const std::string& id) const {
  for (const auto& [request, answer] : answers)
    if (request == id) return answer;
  return std::nullopt;
}

std::string request_path(const std::string& directory, const std::string& id) {
  return in(directory, request_start + id);
}

bool is_control_file(std::string_view name) {
  return name.starts_with(request_start) ||
         (name.starts_with(control_state_file) && name.ends_with(".new"));
}

std::string refuse_live_run(const comm::Communicator& communicator, const std::string& directory) {
  std::string warning;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    const std::optional<ControlState> other = read_control_state(directory);
    if (!other || other->state == "ended") return;
    if (other->host == host_name()) {
      if (other->pid == ::getpid() || !is_alive(*other)) return;
      throw base::Error(
          base::ExitCode::io, base::Location{directory, 0, 0},
          fmt::format("a run (process {} on {}) is at work in this folder; nothing was touched. "
                      "Stop it (ritz ctl {} stop) or choose another output.directory",
                      other->pid, other->host, directory));
    }
    for (const char* name : {control_state_file, "status.json"}) {
      std::error_code unknown;
      const fs::file_time_type written = fs::last_write_time(in(directory, name), unknown);
      if (unknown || fs::file_time_type::clock::now() - written > fresh) continue;
      warning = fmt::format(
          "{}: a run (process {} on {}) was at work in this folder less than {} s ago; if it still "
          "is, both will replace each other's files",
          directory, other->pid, other->host, fresh.count());
      return;
    }
  });
  communicator.broadcast(warning);
  return warning;
}

std::optional<ControlState> read_control_state(const std::string& directory) {
  const Json content = read_json(directory, control_state_file);
  if (!content.is_object() || text_in(content, "run").empty()) return std::nullopt;
  ControlState state;
  state.run = text_in(content, "run");
  state.state = text_in(content, "state");
  state.host = text_in(content, "host");
  state.pid = number_in(content, "pid");
  state.started = number_in(content, "started");
  if (const auto answers = content.find("answers");
      answers != content.end() && answers->is_object()) {
    for (const auto& [id, answer] : answers->items())
      if (answer.is_string()) state.answers.emplace_back(id, answer.get<std::string>());
  }
  return state;
}

bool write_control(const std::string& directory, const ControlState& state) {
  Json answers = Json::object();
  for (const auto& [id, answer] : state.answers) answers[id] = answer;
  return replace(directory, control_state_file,
                 {{"run", state.run},
                  {"state", state.state},
                  {"host", state.host},
                  {"pid", state.pid},
                  {"started", state.started},
                  {"answers", answers}});
}

bool write_control(const std::string& directory, const ControlRequest& request) {
  return replace(directory, request_start + request.id,
                 {{"run", request.run}, {"id", request.id}, {"action", request.action}});
}

std::string random_id() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", random());
  return id;
}

Control::Control(const comm::Communicator& communicator, std::string directory,
                 bool makes_checkpoints)
    : is_root_(communicator.is_root()),
      makes_checkpoints_(makes_checkpoints),
      directory_(std::move(directory)) {
  communicator.together([&] {
    if (!is_root_) return;
    for (const std::string& name : requests_in(directory_)) {
      std::error_code failed;
      if (fs::remove(in(directory_, name), failed))
        base::log::detail("a request that was left over from an earlier run was removed: " + name);
    }
    state_.run = random_id();
    state_.state = "running";
    state_.host = host_name();
    state_.pid = ::getpid();
    state_.started = process_facts(state_.pid).value_or(ProcessFacts{}).started;
    if (!write_control(directory_, state_)) {
      throw base::Error(base::ExitCode::io,
                        base::Location{in(directory_, control_state_file), 0, 0},
                        "cannot write this file; check free space, quota and permissions");
    }
  });
}

Control::~Control() {
  if (!is_root_ || !is_own()) return;
  std::error_code gone;  // then nobody reads them
  for (const std::string& name : requests_in(directory_)) fs::remove(in(directory_, name), gone);
  tell("ended");
}

void Control::tell(const std::string& state) {
  if (!is_root_) return;
  state_.state = state;
  if (is_own()) write_control(directory_, state_);
}

bool Control::is_own() const {
  const std::optional<ControlState> now = read_control_state(directory_);
  return !now || now->run == state_.run;
}

bool Control::take_checkpoint() {
  return std::exchange(wants_checkpoint_, false);
}

void Control::poll() {
  if (!is_root_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_look_ < between_looks) return;
  last_look_ = now;
  const std::vector<std::string> names = requests_in(directory_);
  if (names.empty() || !is_own()) return;
  for (const std::string& name : names) {
    const std::optional<ControlRequest> request = read_request(directory_, name);
    if (!request) continue;
    std::error_code gone;
    fs::remove(in(directory_, name), gone);
    if (request->run == state_.run)
      obey(*request);
    else
      base::log::warning(
          "a request to another run was found in the folder of this one and removed");
  }
}

void Control::obey(const ControlRequest& request) {
  std::string answer;
  const bool was_paused = pauses_;
  if (request.action == "stop") {
    stops_ = true;
    state_.state = "stopping";
  } else if (request.action == "checkpoint") {
    if (makes_checkpoints_)
      wants_checkpoint_ = true;
    else
      answer = "this run makes no checkpoints (checkpoint.write = false)";
  } else if (request.action == "pause") {
    pauses_ = true;
    if (was_paused) answer = "it is paused already";
  } else if (request.action == "resume") {
    pauses_ = false;
    if (!was_paused) answer = "it is not paused";
  } else {
    answer = fmt::format("this version of Ritz does not know '{}'", request.action);
  }
  base::log::info(fmt::format("ritz ctl asks: {}{}", request.action,
                              answer.empty() ? "" : " (" + answer + ")"));
  state_.answers.emplace_back(request.id, std::move(answer));
  if (state_.answers.size() > most_answers) state_.answers.erase(state_.answers.begin());
  write_control(directory_, state_);
}

}  // namespace ritz::run
