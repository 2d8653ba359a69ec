#include "ritz/comm/side_channel.hpp"

#include <limits>
#include <utility>

namespace ritz::comm {

namespace {

int checked_count(std::size_t n) {
  if (n > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw base::Error(base::ExitCode::internal,
                      "a message of more than 2 GiB in one piece; please report this");
  }
  return static_cast<int>(n);
}

}  // namespace

SideChannel::SideChannel(const Communicator& communicator) {
  check(MPI_Comm_dup(communicator.handle(), &handle_), "MPI_Comm_dup");
}

SideChannel::~SideChannel() {
  if (request_ != MPI_REQUEST_NULL) {
    // MPI still looks at the lists of a message that is under way.
    static_cast<void>(new std::vector<int>(std::move(counts_)));
    static_cast<void>(new std::vector<int>(std::move(offsets_)));
    return;
  }
  // Nothing useful can be done about a failure here.
  if (handle_ != MPI_COMM_NULL) MPI_Comm_free(&handle_);
}

void SideChannel::set_counts(std::span<const std::size_t> counts) {
  counts_.clear();
  offsets_.clear();
  std::size_t offset = 0;
  for (const std::size_t n : counts) {
    offsets_.push_back(checked_count(offset));
    counts_.push_back(checked_count(n));
    offset += n;
  }
}

void SideChannel::gather(std::span<const std::byte> mine, std::span<std::byte> all,
                         std::span<const std::size_t> counts) {
  set_counts(counts);
  check(MPI_Igatherv(mine.data(), checked_count(mine.size()), MPI_BYTE, all.data(), counts_.data(),
                     offsets_.data(), MPI_BYTE, 0, handle_, &request_),
        "MPI_Igatherv");
}

void SideChannel::scatter(std::span<const std::byte> all, std::span<const std::size_t> counts,
                          std::span<std::byte> mine) {
  set_counts(counts);
  check(MPI_Iscatterv(all.data(), counts_.data(), offsets_.data(), MPI_BYTE, mine.data(),
                      checked_count(mine.size()), MPI_BYTE, 0, handle_, &request_),
        "MPI_Iscatterv");
}

void SideChannel::broadcast(std::span<std::byte> bytes) {
  check(MPI_Ibcast(bytes.data(), checked_count(bytes.size()), MPI_BYTE, 0, handle_, &request_),
        "MPI_Ibcast");
}

bool SideChannel::arrived() {
  if (request_ == MPI_REQUEST_NULL) return true;
  int done = 0;
  check(MPI_Test(&request_, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

void deliver(const Communicator& communicator, std::span<const Outgoing> outgoing,
             std::span<const Incoming> incoming) {
  constexpr int tag = 7;
  std::vector<MPI_Request> requests(outgoing.size() + incoming.size(), MPI_REQUEST_NULL);
  std::size_t next = 0;
  for (const Incoming& one : incoming) {
    check(MPI_Irecv(one.bytes.data(), checked_count(one.bytes.size()), MPI_BYTE, one.rank, tag,
                    communicator.handle(), &requests[next++]),
          "MPI_Irecv");
  }
  for (const Outgoing& one : outgoing) {
    check(MPI_Isend(one.bytes.data(), checked_count(one.bytes.size()), MPI_BYTE, one.rank, tag,
                    communicator.handle(), &requests[next++]),
          "MPI_Isend");
  }
  check(MPI_Waitall(checked_count(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
        "MPI_Waitall");
}

}  // namespace ritz::comm
