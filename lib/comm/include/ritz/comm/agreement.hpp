#pragma once

#include <chrono>
#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::comm {

/// After work that communicates on its own (an external library) and has failed on some ranks:
/// `mine` is what went wrong on this one, "" if nothing did. Gives what the lowest failing rank has
/// to say to every rank, "" if none failed.
///
/// A library that throws on one rank leaves the others waiting in its communication for ever. So a
/// rank that failed waits for the others here no longer than `patience`; then it throws
/// Error(code), alone, for its caller to end the job. Collective otherwise.
[[nodiscard]] std::string agreed_failure(const Communicator& communicator, std::string mine,
                                         base::ExitCode code,
                                         std::chrono::seconds patience = std::chrono::seconds(5));

}  // namespace ritz::comm
