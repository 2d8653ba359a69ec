#pragma once

#include <cstdint>
#include <cstring>

#include "ritz/device/kokkos.hpp"
#ifdef __AVX512F__
#include <immintrin.h>
#endif

/// Numbers of several cells side by side, and how they come from and go to memory where each cell
/// has its own address. On a GPU a lane is a thread and there is one.
namespace ritz::kernels {

#if defined(__GNUC__) && !defined(__CUDACC__) && !defined(__HIPCC__)
#define RITZ_HOST_LANES
/// One AVX-512 register, two of AVX2, four of SSE2: 8 doubles or 16 floats.
template <class T>
struct LanesOf {
  static constexpr int count = 64 / static_cast<int>(sizeof(T));
  typedef T type __attribute__((vector_size(64)));  // NOLINT(modernize-use-using): not in an alias
};
#else
template <class T>
struct LanesOf {
  static constexpr int count = 1;
  using type = T;
};
#endif
template <class T>
using Lanes = typename LanesOf<T>::type;
template <class T>
inline constexpr int n_lanes = LanesOf<T>::count;

#ifdef RITZ_HOST_LANES

/// Reads the first `count` numbers (the rest 0): never touches memory behind them.
template <int count, class T>
KOKKOS_FORCEINLINE_FUNCTION void load_some(const T* from, Lanes<T>& to) {
  if constexpr (count == n_lanes<T>) {
    std::memcpy(&to, from, sizeof to);
  } else {
#ifdef __AVX512F__
    if constexpr (sizeof(T) == 8) {
      to = (Lanes<T>)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), from);
    } else {
      to = (Lanes<T>)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from);
    }
#else
    to = Lanes<T>{};
    for (int i = 0; i < count; ++i) to[i] = from[i];
#endif
  }
}

/// Adds the first `count` numbers to memory.
template <int count, class T>
KOKKOS_FORCEINLINE_FUNCTION void add_some(const Lanes<T>& what, T* to) {
  if constexpr (count == n_lanes<T>) {
    Lanes<T> sum;
    std::memcpy(&sum, to, sizeof sum);
    sum += what;
    std::memcpy(to, &sum, sizeof sum);
  } else {
#ifdef __AVX512F__
    Lanes<T> sum;
    load_some<count>(static_cast<const T*>(to), sum);
    sum += what;
    if constexpr (sizeof(T) == 8) {
      _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1U << count) - 1), (__m512d)sum);
    } else {
      _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), (__m512)sum);
    }
#else
    for (int i = 0; i < count; ++i) to[i] += what[i];
#endif
  }
}

namespace detail {

/// One step of a transposition: exchanges the off-diagonal blocks of size `step` of all pairs.
template <class T, int step>
KOKKOS_FORCEINLINE_FUNCTION void exchange_blocks(Lanes<T>* rows) {
  constexpr int n = n_lanes<T>;
  for (int i = 0; i < n; ++i) {
    if ((i & step) != 0) continue;
    const Lanes<T> a = rows[i], b = rows[i + step];
    if constexpr (n == 8) {
      if constexpr (step == 1) {
        rows[i] = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
        rows[i + step] = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
      } else if constexpr (step == 2) {
        rows[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
        rows[i + step] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
      } else {
        rows[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
        rows[i + step] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
      }
    } else {
      if constexpr (step == 1) {
        rows[i] = __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28,
                                          14, 30);
        rows[i + step] = __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27,
                                                 13, 29, 15, 31);
      } else if constexpr (step == 2) {
        rows[i] =
            __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
        rows[i + step] = __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27,
                                                 14, 15, 30, 31);
      } else if constexpr (step == 4) {
        rows[i] =
            __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
        rows[i + step] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15,
                                                 28, 29, 30, 31);
      } else {
        rows[i] =
            __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        rows[i + step] = __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27,
                                                 28, 29, 30, 31);
      }
    }
  }
}

}  // namespace detail

/// rows[i][j] becomes rows[j][i].
template <class T>
KOKKOS_FORCEINLINE_FUNCTION void transpose(Lanes<T>* rows) {
  if constexpr (n_lanes<T> == 16) detail::exchange_blocks<T, 8>(rows);
  detail::exchange_blocks<T, 4>(rows);
  detail::exchange_blocks<T, 2>(rows);
  detail::exchange_blocks<T, 1>(rows);
}

/// `count` consecutive numbers of each lane's own memory: number i goes to u[place[i]].
template <int count, class T>
KOKKOS_FORCEINLINE_FUNCTION void gather_run(const T* const* from, const std::int16_t* place,
                                            Lanes<T>* u) {
  constexpr int width = n_lanes<T>;
  constexpr int chunk = count < width ? count : width;
  if constexpr (count <= 0) {
    return;
  } else if constexpr (chunk <= 2) {
    for (int i = 0; i < chunk; ++i) {
      Lanes<T> value;
      for (int l = 0; l < width; ++l) value[l] = from[l][i];
      u[place[i]] = value;
    }
  } else {
    Lanes<T> rows[width];
#pragma GCC unroll 16
    for (int l = 0; l < width; ++l) load_some<chunk>(from[l], rows[l]);
    transpose<T>(rows);
#pragma GCC unroll 16
    for (int i = 0; i < chunk; ++i) u[place[i]] = rows[i];
  }
  if constexpr (count > chunk) {
    const T* rest[width];
    for (int l = 0; l < width; ++l) rest[l] = from[l] + chunk;
    gather_run<count - chunk>(rest, place + chunk, u);
  }
}

/// The reverse, adding: lanes that share an address are added one after the other.
template <int count, class T>
KOKKOS_FORCEINLINE_FUNCTION void scatter_add_run(const Lanes<T>* u, const std::int16_t* place,
                                                 T* const* to) {
  constexpr int width = n_lanes<T>;
  constexpr int chunk = count < width ? count : width;
  if constexpr (count <= 0) {
    return;
  } else if constexpr (chunk <= 2) {
    for (int i = 0; i < chunk; ++i) {
      const Lanes<T> value = u[place[i]];
      for (int l = 0; l < width; ++l) to[l][i] += value[l];
    }
  } else {
    Lanes<T> rows[width];
#pragma GCC unroll 16
    for (int i = 0; i < width; ++i) {
      if (i < chunk) {
        rows[i] = u[place[i]];
      } else {
        rows[i] = Lanes<T>{};
      }
    }
    transpose<T>(rows);
#pragma GCC unroll 16
    for (int l = 0; l < width; ++l) add_some<chunk>(rows[l], to[l]);
  }
  if constexpr (count > chunk) {
    T* rest[width];
    for (int l = 0; l < width; ++l) rest[l] = to[l] + chunk;
    scatter_add_run<count - chunk>(u, place + chunk, rest);
  }
}

#endif  // RITZ_HOST_LANES

}  // namespace ritz::kernels
