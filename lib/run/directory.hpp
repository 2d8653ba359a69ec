#pragma once

// The directory of a run's results; private to room run.

#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

/// What to do with the files of an earlier run.
enum class Existing {
  refuse,              ///< only an empty folder will do
  replace,             ///< remove those that a run writes, and nothing else
  replace_unfinished,  ///< the same, but refuse where a run came to its end
  keep                 ///< the run goes on
};

/// Creates `directory` or makes sure that it may be used. Collective. Throws Error(io).
void prepare_directory(const comm::Communicator& communicator, const std::string& directory,
                       Existing existing);

/// Writes a small text file on the root rank. Collective. Throws Error(io) everywhere.
void write_text(const comm::Communicator& communicator, const std::string& path,
                const std::string& text);

}  // namespace ritz::run
