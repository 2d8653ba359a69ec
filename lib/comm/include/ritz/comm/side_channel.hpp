#pragma once

#include <mpi.h>

#include <cstddef>
#include <span>
#include <vector>

#include "ritz/comm/communicator.hpp"

namespace ritz::comm {

/// A communicator of its own for messages that go on while the ranks do other things: whoever calls
/// only looks whether they have come and never waits. All ranks start the same messages in the same
/// order; when they do so, between which other collective calls, does not matter.
///
///     SideChannel side(communicator);            // collective
///     side.gather(mine, all, counts);            // starts
///     ... other work, other collective calls ...
///     if (side.arrived()) ...                    // buffers may be looked at, the next one started
///
/// One message at a time; its buffers must stay until it has arrived. Throws Error(environment) if
/// MPI fails.
class SideChannel {
 public:
  /// Collective.
  explicit SideChannel(const Communicator& communicator);
  /// A message that is still under way is left alone: whoever has not waited for it ends the job.
  ~SideChannel();
  SideChannel(const SideChannel&) = delete;
  SideChannel& operator=(const SideChannel&) = delete;

  /// Every rank's bytes in rank order in the root's `all`; counts[r] from rank r. Other ranks give
  /// empty spans for these two.
  void gather(std::span<const std::byte> mine, std::span<std::byte> all,
              std::span<const std::size_t> counts);
  /// The other way.
  void scatter(std::span<const std::byte> all, std::span<const std::size_t> counts,
               std::span<std::byte> mine);
  /// The root's bytes on every rank.
  void broadcast(std::span<std::byte> bytes);

  /// Whether the message that was started last has arrived here; lets MPI move on with it. Local.
  [[nodiscard]] bool arrived();

 private:
  void set_counts(std::span<const std::size_t> counts);

  MPI_Comm handle_ = MPI_COMM_NULL;
  MPI_Request request_ = MPI_REQUEST_NULL;
  std::vector<int> counts_, offsets_;
};

/// A message to or from another rank.
struct Outgoing {
  int rank = 0;
  std::span<const std::byte> bytes;
};
struct Incoming {
  int rank = 0;
  std::span<std::byte> bytes;
};
/// Sends and receives messages of lengths that both sides know, each shorter than 2 GiB, and waits
/// for all of them. Every outgoing one has its incoming one in the other rank's call. Collective
/// with the partners.
void deliver(const Communicator& communicator, std::span<const Outgoing> outgoing,
             std::span<const Incoming> incoming);

}  // namespace ritz::comm
