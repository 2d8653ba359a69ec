#pragma once

// Requests to a run through files of its folder (`ritz ctl`); private to room run.
//
// control.json says who listens: an id of this process, what it does, what it last answered.
// control.request asks for something of the run with that id. Both are written under another name
// and renamed, so nobody reads half of one; both work where hosts share no more than a folder.

#include <chrono>
#include <optional>
#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

inline constexpr const char* control_state_file = "control.json";
inline constexpr const char* control_request_file = "control.request";

/// What control.json says.
struct ControlState {
  std::string run;    ///< id of the process
  std::string state;  ///< running, paused, stopping, ended
  std::string host;
  long long pid = 0;
  std::string answered;  ///< id of the last request
  std::string answer;    ///< "" = done as asked, else why not
};
/// What control.request asks for.
struct ControlRequest {
  std::string run, id, action;
};

// Local. Nothing if the file is not there or is not one. The folder is opened first: network file
// systems look anew whether a file is there when somebody opens its folder.
[[nodiscard]] std::optional<ControlState> read_control_state(const std::string& directory);
[[nodiscard]] std::optional<ControlRequest> read_control_request(const std::string& directory);
/// False if it could not be written. Local.
bool write_control(const std::string& directory, const ControlState& state);
bool write_control(const std::string& directory, const ControlRequest& request);
/// 128 random bits as text.
[[nodiscard]] std::string random_id();

/// The side of the run. Only the root looks at files. Nothing here throws after construction: a
/// folder that is gone is found by whoever writes results.
class Control {
 public:
  /// From now on this run is the one that listens; a request that lies there from before is removed
  /// and never obeyed. `makes_checkpoints`: whether there are any to ask for. Collective. Throws
  /// Error(io) on every rank.
  Control(const comm::Communicator& communicator, std::string directory, bool makes_checkpoints);
  /// The run has ended, says control.json.
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  /// Looks for a request, at most five times a second. Local; does nothing but on the root.
  void poll();

  // What was asked for, as the root knows; false elsewhere.
  [[nodiscard]] bool wants_stop() const { return stops_; }
  [[nodiscard]] bool wants_pause() const { return pauses_ && !stops_; }
  /// Whether a checkpoint was asked for since the last call.
  [[nodiscard]] bool take_checkpoint();
  /// Tells who looks at control.json. Root only.
  void tell(const std::string& state);

 private:
  void obey(const ControlRequest& request);

  bool is_root_;
  bool makes_checkpoints_;
  std::string directory_;
  ControlState state_;
  bool stops_ = false, pauses_ = false, wants_checkpoint_ = false;
  std::chrono::steady_clock::time_point last_look_{};
};

}  // namespace ritz::run
