#pragma once

// What the machine can do, measured beside the cases; private to room run.

#include <cstddef>

#include "ritz/comm/communicator.hpp"
#include "ritz/device/kokkos.hpp"

namespace ritz::run {

/// STREAM triad (McCalpin): a = b + s c on all ranks at once.
class Triad {
 public:
  /// Three arrays of `bytes` each on every rank.
  explicit Triad(std::size_t bytes);
  /// The best of `n` runs in bytes a second, all ranks together, 24 bytes an entry as STREAM counts
  /// (the line of `a` that is read before it is written is not counted). Collective.
  [[nodiscard]] double bytes_per_second(const comm::Communicator& communicator, int n = 5) const;

 private:
  device::View<double*> a_, b_, c_;
};

/// Multiply-adds of kernels::Pack in registers, on all threads of all ranks at once: floating-point
/// operations a second (a multiply-add is two). Collective.
[[nodiscard]] double peak_flops(const comm::Communicator& communicator);

/// Starts to watch the largest resident set of this process from now on; false where the system
/// cannot (then it is that since its start). Local.
bool reset_peak_memory();
/// The largest resident set since then in bytes, 0 if unknown. Local.
[[nodiscard]] double peak_memory();

}  // namespace ritz::run
