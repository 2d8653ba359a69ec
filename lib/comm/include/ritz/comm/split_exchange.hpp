#pragma once

#include <cstddef>
#include <vector>

#include "ritz/comm/exchange_plan.hpp"

namespace ritz::comm {

/// The messages of an ExchangePlan again and again, in two halves so that work goes on between
/// them, without allocation after the constructor. One exchange at a time.
///
/// Copies are numbered 0..n_copies-1 here: the plan's receive places minus `first_copy`.
template <class T>
class SplitExchange {
 public:
  /// Local. Every receive place of `plan` is at least `first_copy`.
  SplitExchange(const ExchangePlan& plan, LocalId first_copy);

  /// Sends the owners' values; `owned` may change afterwards. Collective with the neighbours, as
  /// are the others.
  void start(const T* owned);
  /// Receives them into copies[n_copies].
  void finish(T* copies);

  /// Sends the copies' values to their owners; `copies` may change afterwards.
  void start_back(const T* copies);
  /// Adds what arrived to the owners' values, neighbours in rank order.
  void finish_back(T* owned);

 private:
  void post(const std::vector<std::size_t>& out_offsets, const std::vector<T>& out,
            const std::vector<std::size_t>& in_offsets, std::vector<T>& in);
  void wait();

  MPI_Comm comm_;
  std::vector<int> ranks_;
  std::vector<std::size_t> send_offsets_, receive_offsets_;  // [n_neighbours + 1]
  std::vector<LocalId> send_places_, receive_places_;
  std::vector<T> send_, receive_;
  std::vector<MPI_Request> requests_;
};

}  // namespace ritz::comm
