#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::comm {

/// MPI for the life of the object. One a process.
class Environment {
 public:
  /// Starts MPI (MPI_THREAD_FUNNELED). Collective over all processes of the job.
  Environment(int& argc, char**& argv);
  /// Finalises MPI.
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  [[nodiscard]] const Communicator& world() const { return world_; }

  /// Ranks of this job that share this rank's memory. Collective.
  [[nodiscard]] int ranks_on_node() const;

  /// Waits until every rank has called this, at most for `patience`; true if all have. Uses a
  /// communicator of its own, so ranks that are busy elsewhere are not disturbed.
  [[nodiscard]] bool meet(std::chrono::milliseconds patience) const;

 private:
  Communicator world_;
  MPI_Comm meeting_ = MPI_COMM_NULL;
};

/// Ends all processes of the job with this exit code, half a second after what this process has
/// written, so that the launcher has passed that on. Local; from any thread.
[[noreturn]] void end_job(int code);

/// First line of what the MPI library says of itself. Local.
[[nodiscard]] std::string library_version();

}  // namespace ritz::comm
