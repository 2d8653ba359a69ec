#pragma once

#include <Kokkos_Core.hpp>

#include <string>

namespace ritz::device {

/// The one backend of this build, decided by Kokkos.
using ExecutionSpace = Kokkos::DefaultExecutionSpace;
using MemorySpace = ExecutionSpace::memory_space;
using HostSpace = Kokkos::HostSpace;

/// Row-major everywhere: the last index is the fast one, on the host and on the device.
template <class T>
using View = Kokkos::View<T, Kokkos::LayoutRight, MemorySpace>;
template <class T>
using HostView = Kokkos::View<T, Kokkos::LayoutRight, HostSpace>;

template <class Functor>
using Range = Kokkos::RangePolicy<ExecutionSpace, Functor>;

/// Copies host data to a new labelled device View.
template <class T>
View<T*> to_device(const char* label, const T* data, std::size_t n) {
  View<T*> view(Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing), n);
  if (n > 0) {
    Kokkos::View<const T*, HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>> host(data, n);
    Kokkos::deep_copy(view, host);
  }
  return view;
}

}  // namespace ritz::device
