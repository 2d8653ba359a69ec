#pragma once

#include "ritz/device/kokkos.hpp"

namespace ritz::kernels {

// A CPU thread works on several cells (or points, or rows) at once, one in each lane; a GPU thread
// on one. Eight doubles are one AVX-512 register, two of AVX2, four of SSE2 or NEON.
#if defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP) || defined(KOKKOS_ENABLE_SYCL)
inline constexpr int pack_width = 1;
#else
inline constexpr int pack_width = 8;
#endif

/// pack_width doubles that are computed together: elementwise arithmetic, each lane on its own, so
/// that a result does not depend on the lane or on what the others hold.
struct alignas(pack_width * sizeof(double)) Pack {
#if defined(__GNUC__) && !defined(__CUDACC__) && !defined(__HIPCC__)
  using Raw [[gnu::vector_size(pack_width * sizeof(double))]] = double;
  Raw raw;
  Pack() = default;
  KOKKOS_FORCEINLINE_FUNCTION explicit Pack(Raw r) : raw(r) {}
  /// The same number in every lane.
  KOKKOS_FORCEINLINE_FUNCTION Pack(double value) : raw(value - Raw{}) {}
  KOKKOS_FORCEINLINE_FUNCTION Pack& operator+=(const Pack& b) {
    raw += b.raw;
    return *this;
  }
  KOKKOS_FORCEINLINE_FUNCTION Pack& operator-=(const Pack& b) {
    raw -= b.raw;
    return *this;
  }
  KOKKOS_FORCEINLINE_FUNCTION Pack& operator*=(const Pack& b) {
    raw *= b.raw;
    return *this;
  }
  KOKKOS_FORCEINLINE_FUNCTION Pack& operator/=(const Pack& b) {
    raw /= b.raw;
    return *this;
  }
#else
  double raw[pack_width];
  Pack() = default;
  KOKKOS_FORCEINLINE_FUNCTION Pack(double value) {
    for (double& lane : raw) lane = value;
  }
  KOKKOS_FORCEINLINE_FUNCTION Pack& operator+=(const Pack& b) {
    for (int i = 0; i < pack_width; ++i) raw[i] += b.raw[i];
    return *this;
  }
  KOKKOS_FORCEINLINE_FUNCTION Pack& operator-=(const Pack& b) {
    for (int i = 0; i < pack_width; ++i) raw[i] -= b.raw[i];
    return *this;
  }
  KOKKOS_FORCEINLINE_FUNCTION Pack& operator*=(const Pack& b) {
    for (int i = 0; i < pack_width; ++i) raw[i] *= b.raw[i];
    return *this;
  }
  KOKKOS_FORCEINLINE_FUNCTION Pack& operator/=(const Pack& b) {
    for (int i = 0; i < pack_width; ++i) raw[i] /= b.raw[i];
    return *this;
  }
#endif
  friend KOKKOS_FORCEINLINE_FUNCTION Pack operator+(Pack a, const Pack& b) {
    return a += b;
  }
  friend KOKKOS_FORCEINLINE_FUNCTION Pack operator-(Pack a, const Pack& b) {
    return a -= b;
  }
  friend KOKKOS_FORCEINLINE_FUNCTION Pack operator*(Pack a, const Pack& b) {
    return a *= b;
  }
  friend KOKKOS_FORCEINLINE_FUNCTION Pack operator/(Pack a, const Pack& b) {
    return a /= b;
  }
  friend KOKKOS_FORCEINLINE_FUNCTION Pack operator-(const Pack& a) {
    return Pack(0.0) - a;
  }
};

/// Scratch memory as packs and back. Pointers must be aligned to a pack.
KOKKOS_FORCEINLINE_FUNCTION Pack load(const double* p) {
  return *reinterpret_cast<const Pack*>(p);
}
KOKKOS_FORCEINLINE_FUNCTION void store(double* p, const Pack& value) {
  *reinterpret_cast<Pack*>(p) = value;
}

/// Asks a CPU for the cache line of `p`, which will be read soon.
KOKKOS_FORCEINLINE_FUNCTION void prefetch([[maybe_unused]] const void* p) {
#if defined(__GNUC__) && !defined(__CUDACC__) && !defined(__HIPCC__)
  __builtin_prefetch(p);
#endif
}

/// `n` rounded up to whole packs.
KOKKOS_INLINE_FUNCTION constexpr int padded(int n) {
  return (n + pack_width - 1) / pack_width * pack_width;
}

}  // namespace ritz::kernels
