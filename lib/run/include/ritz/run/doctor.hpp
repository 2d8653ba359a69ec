#pragma once

#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

/// `ritz doctor`: tests MPI, threads, file output, the direct solver and a small problem on the
/// ranks it was started with, and prints a line each with what to do about it. Returns 0, or 8 if
/// something that a run needs does not work. Collective.
int doctor(const comm::Communicator& communicator);

struct IoVisit {
  std::string directory;
  double bytes = 256.0 * 1024 * 1024;  ///< of each file
  bool json = false;
};

/// `ritz doctor io`: tests a folder with all ranks: whether every host sees it, its space, its
/// locks, and a plain and a compressed file written the way results are, read again and compared,
/// with the speed of each. Leaves nothing behind. Returns 0, 7 if there is no room, or 8 if the
/// folder or the MPI-IO driver does not serve; a driver that hangs ends the job with 8. Collective.
/// Throws Error(io) on every rank if nothing can be written into the folder.
[[nodiscard]] int doctor_io(const comm::Communicator& communicator, const IoVisit& request);

}  // namespace ritz::run
