#pragma once

#include <string>

namespace ritz::run {

struct CtlRequest {
  std::string directory;  ///< output directory of a run
  std::string action;     ///< stop checkpoint pause resume status
  double patience = 30;   ///< seconds to wait for an answer
};

/// `ritz ctl`: asks a run in time for something through a file in its folder, waits for its answer
/// and prints it. Returns 0 if the run does it, 4 if it says no, 8 if nobody answers (the request
/// stays, as it says: only the run it was meant for ever obeys it). Local; without MPI.
/// Throws Error(io) if there is no run in the folder, Error(environment) if it has ended.
[[nodiscard]] int control_run(const CtlRequest& request);

}  // namespace ritz::run
