#include "control.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>

#include "provenance.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"

namespace ritz::run {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string in(const std::string& directory, const char* name) {
  return (fs::path(directory) / name).string();
}

Json read_json(const std::string& directory, const char* name) {
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

bool replace(const std::string& directory, const char* name, const Json& content) {
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

constexpr std::chrono::milliseconds between_looks{200};

}  // namespace

std::optional<ControlState> read_control_state(const std::string& directory) {
  const Json content = read_json(directory, control_state_file);
  if (!content.is_object() || text_in(content, "run").empty()) return std::nullopt;
  ControlState state;
  state.run = text_in(content, "run");
  state.state = text_in(content, "state");
  state.host = text_in(content, "host");
  if (const auto pid = content.find("pid"); pid != content.end() && pid->is_number_integer())
    state.pid = pid->get<long long>();
  state.answered = text_in(content, "answered");
  state.answer = text_in(content, "answer");
  return state;
}

std::optional<ControlRequest> read_control_request(const std::string& directory) {
  const Json content = read_json(directory, control_request_file);
  if (!content.is_object()) return std::nullopt;
  return ControlRequest{text_in(content, "run"), text_in(content, "id"),
                        text_in(content, "action")};
}

bool write_control(const std::string& directory, const ControlState& state) {
  return replace(directory, control_state_file,
                 {{"run", state.run},
                  {"state", state.state},
                  {"host", state.host},
                  {"pid", state.pid},
                  {"answered", state.answered},
                  {"answer", state.answer}});
}

bool write_control(const std::string& directory, const ControlRequest& request) {
  return replace(directory, control_request_file,
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
    std::error_code failed;
    const std::string old = in(directory_, control_request_file);
    if (fs::remove(old, failed))
      base::log::detail("a request that was left over from an earlier run was removed: " + old);
    state_.run = random_id();
    state_.state = "running";
    state_.host = host_name();
    state_.pid = ::getpid();
    if (!write_control(directory_, state_)) {
      throw base::Error(base::ExitCode::io,
                        base::Location{in(directory_, control_state_file), 0, 0},
                        "cannot write this file; check free space, quota and permissions");
    }
  });
}

Control::~Control() {
  if (!is_root_) return;
  std::error_code gone;  // then nobody reads it
  fs::remove(in(directory_, control_request_file), gone);
  tell("ended");
}

void Control::tell(const std::string& state) {
  if (!is_root_) return;
  state_.state = state;
  write_control(directory_, state_);
}

bool Control::take_checkpoint() {
  return std::exchange(wants_checkpoint_, false);
}

void Control::poll() {
  if (!is_root_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_look_ < between_looks) return;
  last_look_ = now;
  const std::optional<ControlRequest> request = read_control_request(directory_);
  if (!request) return;
  std::error_code gone;
  fs::remove(in(directory_, control_request_file), gone);
  if (request->run != state_.run) {
    base::log::warning("a request to another run was found in the folder of this one and removed");
    return;
  }
  obey(*request);
}

void Control::obey(const ControlRequest& request) {
  state_.answered = request.id;
  state_.answer.clear();
  const bool was_paused = pauses_;
  if (request.action == "stop") {
    stops_ = true;
    state_.state = "stopping";
  } else if (request.action == "checkpoint") {
    if (makes_checkpoints_)
      wants_checkpoint_ = true;
    else
      state_.answer = "this run makes no checkpoints (checkpoint.write = false)";
  } else if (request.action == "pause") {
    pauses_ = true;
    if (was_paused) state_.answer = "it is paused already";
  } else if (request.action == "resume") {
    pauses_ = false;
    if (!was_paused) state_.answer = "it is not paused";
  } else {
    state_.answer = fmt::format("this version of Ritz does not know '{}'", request.action);
  }
  base::log::info(fmt::format("ritz ctl asks: {}{}", request.action,
                              state_.answer.empty() ? "" : " (" + state_.answer + ")"));
  write_control(directory_, state_);
}

}  // namespace ritz::run
