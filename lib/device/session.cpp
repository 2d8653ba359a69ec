#include "ritz/device/session.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#include <limits>

#include "ritz/device/kokkos.hpp"

namespace ritz::device {

Session::Session(int local_rank, int n_threads) {
  static_cast<void>(local_rank);
#ifdef __GLIBC__
  // Large arrays come and go (graphs, products of matrices, work vectors). glibc's default hands
  // each back to the kernel, which clears its pages again for the next one: a tenth of a run with a
  // million unknowns. Kept in the heap they are reused.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
#ifdef _OPENMP
  // The OpenMP library has read its environment when it was loaded; Kokkos asks the library.
  if (n_threads > 0) omp_set_num_threads(n_threads);
#else
  static_cast<void>(n_threads);
#endif
#if defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP)
  // The names of the argument struct differ between Kokkos 3.5 and 4; the command line is the same.
  std::string option = "--kokkos-map-device-id-by=mpi_rank";
  std::string program = "ritz";
  char* arguments[] = {program.data(), option.data(), nullptr};
  int n_arguments = 2;
  Kokkos::initialize(n_arguments, arguments);
#else
  Kokkos::initialize();
#endif
}

Session::~Session() {
  Kokkos::finalize();
}

int n_threads() {
  return std::max(1, Kokkos::DefaultHostExecutionSpace().concurrency());
}

std::string description() {
  std::string text = ExecutionSpace::name();
  if (n_threads() > 1) text += ", " + std::to_string(n_threads()) + " threads";
  return text;
}

}  // namespace ritz::device
