#pragma once

// The directory of a run's results; private to room run.

#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

/// Creates `directory` or makes sure that it may be used: empty, or `overwrite`, which removes the
/// files that a run writes and nothing else. Collective. Throws Error(io).
void prepare_directory(const comm::Communicator& communicator, const std::string& directory,
                       bool overwrite);

/// Writes a small text file on the root rank. Collective. Throws Error(io) everywhere.
void write_text(const comm::Communicator& communicator, const std::string& path,
                const std::string& text);

}  // namespace ritz::run
