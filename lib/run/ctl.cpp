#include "ritz/run/ctl.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "control.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::run {

namespace {

/// What status.json says, a line a fact.
std::string status_text(const std::string& directory) {
  std::ifstream file(std::filesystem::path(directory) / "status.json");
  const auto content = nlohmann::ordered_json::parse(file, nullptr, false);
  if (!content.is_object()) return {};
  std::string text;
  for (const auto& [name, value] : content.items())
    text += fmt::format("{:<14}{}\n", name,
                        value.is_string() ? value.get<std::string>() : value.dump());
  return text;
}

[[noreturn]] void refuse(base::ExitCode code, const std::string& directory,
                         const std::string& text) {
  throw base::Error(code, base::Location{directory, 0, 0}, text);
}

}  // namespace

int control_run(const CtlRequest& request) {
  const std::string& directory = request.directory;
  const std::optional<ControlState> state = read_control_state(directory);
  const std::string status = status_text(directory);
  if (request.action == "status") {
    if (status.empty() && !state)
      refuse(base::ExitCode::io, directory, "there is no run in this folder");
    std::cout << status;
    if (state) {
      std::cout << fmt::format("{:<14}{}, process {} on {}\n", "control", state->state, state->pid,
                               state->host);
    }
    return 0;
  }
  if (!state) {
    refuse(base::ExitCode::io, directory,
           status.empty() ? "there is no run in this folder"
                          : "the run in this folder takes no requests yet: runs do once they "
                            "solve");
  }
  if (state->state == "ended")
    refuse(base::ExitCode::environment, directory, "the run in this folder has ended");

  const ControlRequest wanted{state->run, random_id(), request.action};
  if (!write_control(directory, wanted))
    refuse(base::ExitCode::io, directory, "cannot write into this folder; check its permissions");
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() <
         request.patience) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const std::optional<ControlState> now = read_control_state(directory);
    if (!now) continue;
    if (const std::optional<std::string> answer = now->answer_to(wanted.id)) {
      std::cout << (answer->empty() ? request.action + ": the run does it" : *answer) << std::endl;
      return answer->empty() ? 0 : static_cast<int>(base::ExitCode::not_converged);
    }
    if (now->run != state->run || now->state == "ended")
      refuse(base::ExitCode::environment, directory, "the run ended before it took the request");
  }
  std::error_code unknown;
  const bool stays = std::filesystem::exists(request_path(directory, wanted.id), unknown);
  std::cout << fmt::format(
      "no answer within {:g} s: a run looks after each step and between iterations of solvers "
      "(process {} "
      "on {}, if it is still there); {}\n",
      request.patience, state->pid, state->host,
      stays ? "the request stays" : "the request is not there any more");
  return static_cast<int>(base::ExitCode::environment);
}

}  // namespace ritz::run
