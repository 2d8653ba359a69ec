#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "ritz/device/kokkos.hpp"

namespace ritz::device {

/// Memory [begin, end) as numbers; empty if both are 0.
struct PageRange {
  std::uintptr_t begin = 0, end = 0;
};

inline constexpr std::size_t large_page = std::size_t{2} << 20;  ///< bytes

/// The whole large pages within `bytes` from `memory` on: what lies beside them belongs to others.
/// Empty below two: such vectors stay in caches. Local.
[[nodiscard]] PageRange large_pages_within(std::uintptr_t memory, std::size_t bytes);

/// Asks the system for large pages (2 MiB) under memory of the host that has not been written yet.
/// It may decline: then nothing changes but speed. Local.
void advise_large_pages(void* memory, std::size_t bytes);

/// A labelled vector of `n` zeros for long passes, in large pages where the system has them.
///
/// Cells read a vector in small runs here and there: with pages of 4 KiB nearly each run needs a
/// translation of its address that is not at hand, the more so in a virtual machine, and reading
/// ahead ends at every page. Local.
template <class T>
[[nodiscard]] View<T*> make_large_vector(const std::string& label, std::size_t n) {
  View<T*> v(Kokkos::view_alloc(label, Kokkos::WithoutInitializing), n);
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, MemorySpace>::accessible) {
    advise_large_pages(v.data(), n * sizeof(T));
  }
  // The threads that will use it write it first.
  Kokkos::parallel_for(
      label, Kokkos::RangePolicy<ExecutionSpace>(0, n),
      KOKKOS_LAMBDA(const std::size_t i) { v(i) = T(0); });
  Kokkos::fence();
  return v;
}

}  // namespace ritz::device
