#pragma once

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

/// `ritz doctor`: tests MPI, threads, file output, the direct solver and a small problem on the
/// ranks it was started with, and prints a line each with what to do about it. Returns 0, or 8 if
/// something that a run needs does not work. Collective.
int doctor(const comm::Communicator& communicator);

}  // namespace ritz::run
