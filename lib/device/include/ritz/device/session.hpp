#pragma once

#include <string>

namespace ritz::device {

/// Kokkos for the life of the object. MPI must be up; `local_rank` picks the GPU on nodes with
/// several. `n_threads`: host threads of this rank, 0 leaves it to OMP_NUM_THREADS. Construct once,
/// destroy before MPI_Finalize.
class Session {
 public:
  explicit Session(int local_rank = 0, int n_threads = 0);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

/// "OpenMP, 4 threads", "Serial", "Cuda (NVIDIA H100)".
[[nodiscard]] std::string description();

/// Threads (or 1) that host-side kernels of this rank use.
[[nodiscard]] int n_threads();

}  // namespace ritz::device
