#pragma once

#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

struct RerunRequest {
  std::string file;                    ///< a result or a checkpoint
  std::string directory;               ///< output.directory of the new run; empty: as it was
  std::vector<std::string> overrides;  ///< --set a.b=value
  bool overwrite = false;
};

/// `ritz rerun`: runs the deck that is stored in a result or a checkpoint from its beginning. The
/// mesh file is the one at its recorded place, or else one of its name in the folder of `file` or
/// the one above; a mesh that has changed and another version of Ritz are told and stored with the
/// results. Returns what run_deck() returns. Collective.
/// Throws Error(io) if the file cannot be read, Error(mesh) if there is no mesh file.
[[nodiscard]] int rerun(const comm::Communicator& communicator, const RerunRequest& request);

}  // namespace ritz::run
