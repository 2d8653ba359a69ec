#include "bench_machine.hpp"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <string>

#include "ritz/device/session.hpp"
#include "ritz/kernels/pack.hpp"

namespace ritz::run {

namespace {

constexpr std::size_t chunk = 4096;  // entries a task: the loops inside become vector loops

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Work>
void over_chunks(const char* label, std::size_t n, const Work& work) {
  Kokkos::parallel_for(
      label, Kokkos::RangePolicy<device::ExecutionSpace>(0, (n + chunk - 1) / chunk),
      KOKKOS_LAMBDA(const std::size_t c) {
        const std::size_t begin = c * chunk;
        work(begin, begin + chunk < n ? begin + chunk : n);
      });
  Kokkos::fence();
}

}  // namespace

Triad::Triad(std::size_t bytes) {
  const std::size_t n = std::max<std::size_t>(1, bytes / sizeof(double));
  for (device::View<double*>* v : {&a_, &b_, &c_})
    *v = device::View<double*>(
        Kokkos::view_alloc("ritz::bench::triad", Kokkos::WithoutInitializing), n);
  double *const a = a_.data(), *const b = b_.data(), *const c = c_.data();
  // Each thread touches first what it will use.
  over_chunks(
      "ritz::touch", n, KOKKOS_LAMBDA(std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          a[i] = 0.0;
          b[i] = 1.0;
          c[i] = 2.0;
        }
      });
}

double Triad::bytes_per_second(const comm::Communicator& communicator, int n_runs) const {
  double* const a = a_.data();
  const double *const b = b_.data(), *const c = c_.data();
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < n_runs; ++run) {
    const double s = 1.0 + run;
    communicator.barrier();
    const double start = now();
    over_chunks(
        "ritz::triad", a_.extent(0), KOKKOS_LAMBDA(std::size_t begin, std::size_t end) {
#pragma omp simd
          for (std::size_t i = begin; i < end; ++i) a[i] = b[i] + s * c[i];
        });
    best = std::min(best, communicator.max(now() - start));
  }
  return 24.0 * communicator.sum(static_cast<double>(a_.extent(0))) / best;
}

double peak_flops(const comm::Communicator& communicator) {
  using kernels::Pack;
  const int n_threads = std::max(1, device::n_threads());
  const device::View<double*> out("ritz::bench::peak", static_cast<std::size_t>(n_threads));
  // Sixteen chains hide a latency of four or five cycles on two pipes with something to spare.
  constexpr int n_chains = 16;
  constexpr long n_steps = 2'000'000;
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 4; ++run) {
    communicator.barrier();
    const double start = now();
    Kokkos::parallel_for(
        "ritz::peak", Kokkos::RangePolicy<device::ExecutionSpace>(0, n_threads),
        KOKKOS_LAMBDA(const int t) {
          const Pack factor(0.999999), addend(1e-6 * (1 + t));
          Pack chains[n_chains];
          for (int i = 0; i < n_chains; ++i) chains[i] = Pack(1.0 + 0.01 * i);
          for (long step = 0; step < n_steps; ++step)
            for (int i = 0; i < n_chains; ++i) chains[i] = chains[i] * factor + addend;
          alignas(64) double lanes[kernels::pack_width];
          double total = 0;
          for (int i = 0; i < n_chains; ++i) {
            kernels::store(lanes, chains[i]);
            for (const double lane : lanes) total += lane;
          }
          out(t) = total;
        });
    Kokkos::fence();
    best = std::min(best, communicator.max(now() - start));
  }
  return 2.0 * n_chains * n_steps * kernels::pack_width *
         communicator.sum(static_cast<double>(n_threads)) / best;
}

bool reset_peak_memory() {
#ifdef __GLIBC__
  malloc_trim(0);  // what earlier cases have freed belongs to the system again
#endif
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;  // proc(5): sets VmHWM to the present resident set
  return static_cast<bool>(file);
}

double peak_memory() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmHWM:")) return 1024.0 * std::stod(line.substr(6));
  return 0.0;
}

}  // namespace ritz::run
