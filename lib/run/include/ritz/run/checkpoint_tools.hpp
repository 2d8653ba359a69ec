#pragma once

#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

/// `ritz verify`: reads every byte of checkpoints, or of all in a folder or in the output directory
/// of a run, and prints a line each. Returns exit code 0, or 7 if one is not good or there is none.
/// Collective.
[[nodiscard]] int verify_checkpoints(const comm::Communicator& communicator,
                                     const std::vector<std::string>& paths);

/// `ritz info`: what a checkpoint holds; `deck`: only its effective deck. Throws Error(io) if it is
/// not good. Collective.
int show_checkpoint(const comm::Communicator& communicator, const std::string& path, bool deck);

/// Writes a good checkpoint again, without compression or with deflate. Collective. Returns the
/// exit code; throws Error(io) on every rank, also if the new file is there already.
int unpack(const comm::Communicator& communicator, const std::string& from, const std::string& to,
           bool deflate);

}  // namespace ritz::run
