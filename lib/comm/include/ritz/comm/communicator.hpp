#pragma once

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "ritz/base/error.hpp"

namespace ritz::comm {

/// Turns a failed MPI call into Error(environment) that names the call. Every MPI return code goes
/// through here.
void check(int code, const char* call);

/// MPI datatype of a scalar.
template <class T>
MPI_Datatype datatype() {
  if constexpr (std::is_same_v<T, double>)
    return MPI_DOUBLE;
  else if constexpr (std::is_same_v<T, float>)
    return MPI_FLOAT;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return MPI_INT32_T;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return MPI_UINT32_T;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return MPI_UINT64_T;
  else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 8)
    return MPI_INT64_T;
  else if constexpr (std::is_integral_v<T> && sizeof(T) == 8)
    return MPI_UINT64_T;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return MPI_UINT16_T;
  else if constexpr (std::is_same_v<T, std::int16_t>)
    return MPI_INT16_T;
  else {
    static_assert(sizeof(T) == 1, "no MPI datatype for this type");
    return MPI_BYTE;
  }
}

enum class Op { sum, min, max, logical_or };

/// Handle on an MPI communicator. Copies share the same MPI communicator; the duplicate made by
/// `duplicate()` is freed with the last handle, before MPI_Finalize.
class Communicator {
 public:
  /// Wraps `handle` without owning it.
  explicit Communicator(MPI_Comm handle);

  static Communicator world() { return Communicator(MPI_COMM_WORLD); }
  static Communicator self() { return Communicator(MPI_COMM_SELF); }

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] bool is_root() const { return rank_ == 0; }
  [[nodiscard]] MPI_Comm handle() const { return handle_; }

  // Everything below is collective.

  void barrier() const;

  template <class T>
  [[nodiscard]] T all_reduce(T value, Op op) const {
    all_reduce(std::span<T>(&value, 1), op);
    return value;
  }
  template <class T>
  void all_reduce(std::span<T> values, Op op) const {
    all_reduce_bytes(values.data(), values.size(), datatype<T>(), op);
  }
  template <class T>
  [[nodiscard]] T sum(T value) const {
    return all_reduce(value, Op::sum);
  }
  template <class T>
  [[nodiscard]] T min(T value) const {
    return all_reduce(value, Op::min);
  }
  template <class T>
  [[nodiscard]] T max(T value) const {
    return all_reduce(value, Op::max);
  }
  [[nodiscard]] bool any(bool value) const {
    return all_reduce<std::int32_t>(value ? 1 : 0, Op::max) != 0;
  }
  [[nodiscard]] bool all(bool value) const { return !any(!value); }

  /// Sum over the ranks before this one (0 on rank 0).
  template <class T>
  [[nodiscard]] T exclusive_sum(T value) const {
    T before{};
    exclusive_sum_bytes(&value, &before, datatype<T>());
    return rank_ == 0 ? T{} : before;
  }

  /// One value from every rank, in rank order, on every rank.
  template <class T>
  [[nodiscard]] std::vector<T> all_gather(const T& value) const {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> values(static_cast<std::size_t>(size_));
    all_gather_bytes(&value, values.data(), sizeof(T));
    return values;
  }

  /// All ranks' spans one after the other on `root`, in rank order; empty elsewhere.
  template <class T>
  [[nodiscard]] std::vector<T> gather(std::span<const T> values, int root = 0) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::vector<std::byte> all = gather_bytes(std::as_bytes(values), root);
    std::vector<T> result(all.size() / sizeof(T));
    if (!all.empty()) std::memcpy(static_cast<void*>(result.data()), all.data(), all.size());
    return result;
  }

  /// The root's bytes on every rank.
  void broadcast(std::string& text, int root = 0) const;
  template <class T>
  void broadcast(std::vector<T>& values, int root = 0) const {
    static_assert(std::is_trivially_copyable_v<T>);
    std::uint64_t n = values.size();
    broadcast_bytes(&n, sizeof n, root);
    values.resize(n);
    broadcast_bytes(values.data(), n * sizeof(T), root);
  }
  template <class T>
  void broadcast(T& value, int root = 0) const requires std::is_trivially_copyable_v<T> {
    broadcast_bytes(&value, sizeof(T), root);
  }

  /// Sends `counts[q]` consecutive items of `send` to each rank q (counts.size() == size()).
  /// Returns what arrived, in rank order; `received_counts[q]` items came from q.
  /// Messages may exceed 2 GiB in total; pairs of ranks with nothing to say exchange no message.
  template <class T>
  [[nodiscard]] std::vector<T> exchange(std::span<const T> send,
                                        std::span<const std::size_t> counts,
                                        std::vector<std::size_t>* received_counts = nullptr) const {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<std::size_t> arrived = exchange_counts(counts);
    std::size_t total = 0;
    for (std::size_t n : arrived) total += n;
    std::vector<T> result(total);
    exchange_bytes(send.data(), counts, result.data(), arrived, sizeof(T));
    if (received_counts) *received_counts = std::move(arrived);
    return result;
  }

  /// As above with a vector for each destination.
  template <class T>
  [[nodiscard]] std::vector<T> exchange(const std::vector<std::vector<T>>& send,
                                        std::vector<std::size_t>* received_counts = nullptr) const {
    std::vector<std::size_t> counts(send.size());
    std::vector<T> flat;
    std::size_t total = 0;
    for (const auto& one : send) total += one.size();
    flat.reserve(total);
    for (std::size_t q = 0; q < send.size(); ++q) {
      counts[q] = send[q].size();
      flat.insert(flat.end(), send[q].begin(), send[q].end());
    }
    return exchange(std::span<const T>(flat), std::span<const std::size_t>(counts),
                    received_counts);
  }

  /// Runs `work`, which must not communicate, on every rank. If it throws anywhere, every rank
  /// throws the error of the first failing rank (with its code), so that nobody waits in the next
  /// collective call for a rank that has left.
  void together(const std::function<void()>& work) const;

 private:
  void all_reduce_bytes(void* values, std::size_t n, MPI_Datatype type, Op op) const;
  void exclusive_sum_bytes(const void* value, void* before, MPI_Datatype type) const;
  void all_gather_bytes(const void* value, void* values, std::size_t bytes) const;
  [[nodiscard]] std::vector<std::byte> gather_bytes(std::span<const std::byte> values,
                                                    int root) const;
  void broadcast_bytes(void* data, std::size_t bytes, int root) const;
  [[nodiscard]] std::vector<std::size_t> exchange_counts(std::span<const std::size_t> counts) const;
  void exchange_bytes(const void* send, std::span<const std::size_t> counts, void* receive,
                      std::span<const std::size_t> received_counts, std::size_t item_bytes) const;

  MPI_Comm handle_;
  int rank_ = 0;
  int size_ = 1;
};

/// Splits [0, n) into size() nearly equal consecutive blocks: what rank-free "home" tables use.
struct BlockRange {
  BlockRange(std::int64_t n, int n_blocks) : n_(n), n_blocks_(n_blocks) {}
  [[nodiscard]] std::int64_t begin(int block) const {
    return n_ / n_blocks_ * block + std::min<std::int64_t>(block, n_ % n_blocks_);
  }
  [[nodiscard]] std::int64_t end(int block) const { return begin(block + 1); }
  [[nodiscard]] int block_of(std::int64_t i) const {
    const std::int64_t small = n_ / n_blocks_, extra = n_ % n_blocks_;
    const std::int64_t cut = (small + 1) * extra;
    return static_cast<int>(i < cut ? i / (small + 1)
                                    : extra + (small == 0 ? 0 : (i - cut) / small));
  }

 private:
  std::int64_t n_;
  int n_blocks_;
};

}  // namespace ritz::comm
