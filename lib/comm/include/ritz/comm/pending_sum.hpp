#pragma once

#include <mpi.h>

#include <span>

#include "ritz/comm/communicator.hpp"

namespace ritz::comm {

/// A sum over the ranks that goes on while the caller does something else (MPI_Iallreduce).
///
///     PendingSum sum(communicator, values);   // collective
///     ... other work, other collective calls included ...
///     sum.wait();                             // values hold the sums now
///
/// `values` must stay where they are until then. All ranks start their sums in the same order.
class PendingSum {
 public:
  /// Starts to sum `values` of all ranks, in place. Collective.
  PendingSum(const Communicator& communicator, std::span<double> values);
  /// Waits if wait() was not called.
  ~PendingSum();
  PendingSum(const PendingSum&) = delete;
  PendingSum& operator=(const PendingSum&) = delete;

  /// Blocks until the sums are there. Throws Error(environment) if MPI fails.
  void wait();
  /// Lets MPI move on with it (many libraries do so only inside calls); true when it is done.
  bool test();

 private:
  MPI_Request request_ = MPI_REQUEST_NULL;
};

}  // namespace ritz::comm
