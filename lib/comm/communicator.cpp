#include "ritz/comm/communicator.hpp"

#include "ritz/base/format.hpp"

#include <limits>
#include <new>

namespace ritz::comm {

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw base::Error(base::ExitCode::environment, fmt::format("{} failed: {}", call, text));
}

namespace {

constexpr int tag_exchange = 4711;

/// Largest single message; bigger ones are cut, because MPI-3 counts are int.
constexpr std::size_t max_message_bytes = std::size_t{1} << 30;

MPI_Op mpi_op(Op op) {
  switch (op) {
    case Op::sum:
      return MPI_SUM;
    case Op::min:
      return MPI_MIN;
    case Op::max:
      return MPI_MAX;
    case Op::logical_or:
      return MPI_LOR;
  }
  return MPI_OP_NULL;
}

}  // namespace

Communicator::Communicator(MPI_Comm handle) : handle_(handle) {
  check(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(handle_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(handle_, &size_), "MPI_Comm_size");
}

void Communicator::barrier() const {
  check(MPI_Barrier(handle_), "MPI_Barrier");
}

void Communicator::all_reduce_bytes(void* values, std::size_t n, MPI_Datatype type, Op op) const {
  check(MPI_Allreduce(MPI_IN_PLACE, values, static_cast<int>(n), type, mpi_op(op), handle_),
        "MPI_Allreduce");
}

void Communicator::exclusive_sum_bytes(const void* value, void* before, MPI_Datatype type) const {
  check(MPI_Exscan(value, before, 1, type, MPI_SUM, handle_), "MPI_Exscan");
}

void Communicator::all_gather_bytes(const void* value, void* values, std::size_t bytes) const {
  const int n = static_cast<int>(bytes);
  check(MPI_Allgather(value, n, MPI_BYTE, values, n, MPI_BYTE, handle_), "MPI_Allgather");
}

std::vector<std::byte> Communicator::gather_bytes(std::span<const std::byte> values,
                                                  int root) const {
  std::vector<std::size_t> counts(static_cast<std::size_t>(size_), 0);
  counts[static_cast<std::size_t>(root)] = values.size();
  const std::vector<std::size_t> arrived = exchange_counts(counts);
  std::size_t total = 0;
  for (std::size_t n : arrived) total += n;
  std::vector<std::byte> result(total);
  exchange_bytes(values.data(), counts, result.data(), arrived, 1);
  return result;
}

void Communicator::broadcast_bytes(void* data, std::size_t bytes, int root) const {
  auto* at = static_cast<std::byte*>(data);
  while (bytes > 0) {
    const std::size_t part = std::min(bytes, max_message_bytes);
    check(MPI_Bcast(at, static_cast<int>(part), MPI_BYTE, root, handle_), "MPI_Bcast");
    at += part;
    bytes -= part;
  }
}

void Communicator::broadcast(std::string& text, int root) const {
  std::uint64_t n = text.size();
  broadcast_bytes(&n, sizeof n, root);
  text.resize(n);
  broadcast_bytes(text.data(), n, root);
}

std::vector<std::size_t> Communicator::exchange_counts(std::span<const std::size_t> counts) const {
  std::vector<std::size_t> arrived(static_cast<std::size_t>(size_));
  check(MPI_Alltoall(counts.data(), sizeof(std::size_t), MPI_BYTE, arrived.data(),
                     sizeof(std::size_t), MPI_BYTE, handle_),
        "MPI_Alltoall");
  return arrived;
}

void Communicator::exchange_bytes(const void* send, std::span<const std::size_t> counts,
                                  void* receive, std::span<const std::size_t> received_counts,
                                  std::size_t item_bytes) const {
  std::vector<MPI_Request> requests;
  auto* into = static_cast<std::byte*>(receive);
  const auto* from = static_cast<const std::byte*>(send);
  const std::byte* own_from = nullptr;
  std::byte* own_into = nullptr;
  // Parts of one long message arrive in order because MPI keeps the order of messages with the same
  // source and tag.
  for (int q = 0; q < size_; ++q) {
    std::size_t bytes = received_counts[static_cast<std::size_t>(q)] * item_bytes;
    if (q == rank_) {
      own_into = into;
      into += bytes;
      continue;
    }
    while (bytes > 0) {
      const std::size_t part = std::min(bytes, max_message_bytes);
      check(MPI_Irecv(into, static_cast<int>(part), MPI_BYTE, q, tag_exchange, handle_,
                      &requests.emplace_back()),
            "MPI_Irecv");
      into += part;
      bytes -= part;
    }
  }
  for (int q = 0; q < size_; ++q) {
    std::size_t bytes = counts[static_cast<std::size_t>(q)] * item_bytes;
    if (q == rank_) {
      own_from = from;
      from += bytes;
      continue;
    }
    while (bytes > 0) {
      const std::size_t part = std::min(bytes, max_message_bytes);
      check(MPI_Isend(from, static_cast<int>(part), MPI_BYTE, q, tag_exchange, handle_,
                      &requests.emplace_back()),
            "MPI_Isend");
      from += part;
      bytes -= part;
    }
  }
  const std::size_t own = counts[static_cast<std::size_t>(rank_)] * item_bytes;
  if (own > 0) std::memcpy(own_into, own_from, own);
  check(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
        "MPI_Waitall");
}

void Communicator::together(const std::function<void()>& work) const {
  using base::Diagnostic;
  using base::ExitCode;
  std::vector<Diagnostic> mine;
  int code = 0;
  const auto failed = [&](ExitCode why, std::string message) {
    code = static_cast<int>(why);
    Diagnostic one;
    one.message = std::move(message);
    mine.push_back(std::move(one));
  };
  try {
    work();
  } catch (const base::Error& error) {
    code = static_cast<int>(error.code());
    mine = error.diagnostics();
  } catch (const std::bad_alloc&) {
    failed(ExitCode::memory,
           fmt::format("rank {}: out of memory; use more ranks on more nodes, or a smaller problem",
                       rank_));
  } catch (const std::exception& error) {
    failed(ExitCode::internal, fmt::format("rank {}: {}", rank_, error.what()));
  }
  const int first = min<std::int32_t>(code == 0 ? size_ : rank_);
  if (first == size_) return;

  std::uint64_t n = mine.size();
  broadcast(n, first);
  broadcast(code, first);
  mine.resize(n);
  for (Diagnostic& one : mine) {
    broadcast(one.severity, first);
    broadcast(one.where.file, first);
    broadcast(one.where.line, first);
    broadcast(one.where.column, first);
    broadcast(one.message, first);
  }
  throw base::Error(static_cast<ExitCode>(code), std::move(mine));
}

}  // namespace ritz::comm
