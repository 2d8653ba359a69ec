#pragma once

// Requests to a run through files of its folder (`ritz ctl`); private to room run.
//
// control.json says who listens: an id of this process, what it does, what it has answered.
// control.request.ID asks for something of the run with that id, one file for each request. Both
// are written under another name and renamed, so nobody reads half of one; both work where hosts
// share no more than a folder.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

inline constexpr const char* control_state_file = "control.json";
inline constexpr const char* control_request_file = "control.request";  ///< and "." and an id

/// What control.json says.
struct ControlState {
  std::string run;    ///< id of the process
  std::string state;  ///< running, paused, stopping, ended
  std::string host;
  long long pid = 0;
  long long started = 0;  ///< when the process began, in ticks since its host did; 0: not known
  /// Of the last requests, their ids and answers: "" = done as asked, else why not.
  std::vector<std::pair<std::string, std::string>> answers;

  /// The answer to a request; nothing if there is none yet.
  [[nodiscard]] std::optional<std::string> answer_to(const std::string& id) const;
};
/// What a request asks for.
struct ControlRequest {
  std::string run, id, action;
};

/// Local. Nothing if the file is not there or is not one. The folder is opened first: network file
/// systems look anew whether a file is there when somebody opens its folder.
[[nodiscard]] std::optional<ControlState> read_control_state(const std::string& directory);
/// The file of a request. Local.
[[nodiscard]] std::string request_path(const std::string& directory, const std::string& id);
/// False if it could not be written. Local.
bool write_control(const std::string& directory, const ControlState& state);
bool write_control(const std::string& directory, const ControlRequest& request);
/// Whether a file of the folder is a request, or what is left of writing one of these files. Local.
[[nodiscard]] bool is_control_file(std::string_view name);
/// Refuses a folder in which another process of this host is at work (a run in time, from its first
/// step on): two would remove and replace each other's files. What is to be told where a run of
/// another host may be, which cannot be asked: the same on every rank; empty: nothing. Collective.
/// Throws Error(io) on every rank.
[[nodiscard]] std::string refuse_live_run(const comm::Communicator& communicator,
                                          const std::string& directory);
/// 128 random bits as text.
[[nodiscard]] std::string random_id();

/// The side of the run. Only the root looks at files. Nothing here throws after construction: a
/// folder that is gone is found by whoever writes results. Where control.json tells of another run
/// by now, everything is left alone.
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

  /// Looks for requests, at most five times a second, and obeys them in the order in which they
  /// were written. Local; does nothing but on the root.
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
  /// Whether nobody else says in control.json that the folder is theirs.
  [[nodiscard]] bool is_own() const;

  bool is_root_;
  bool makes_checkpoints_;
  std::string directory_;
  ControlState state_;
  bool stops_ = false, pauses_ = false, wants_checkpoint_ = false;
  std::chrono::steady_clock::time_point last_look_{};
};

}  // namespace ritz::run
