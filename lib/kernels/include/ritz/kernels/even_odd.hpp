#pragma once

#include "ritz/kernels/lanes.hpp"

/// Products of a line of numbers with 1-D matrices that are symmetric about their centre,
///   A[m-1-q][n-1-i] = s A[q][i],  s = 1 (interpolation, mass, stiffness) or -1 (derivative).
/// The even and odd parts of the line are multiplied apart, which halves the multiplications
/// (Solomonoff, J. Comput. Phys. 98, 1992, 174; Kopriva, Implementing Spectral Methods, 2009,
/// sec. 3.5).
namespace ritz::kernels {

/// Entries of a matrix, m rows and n columns, split for even_odd():
///   even[q][i] = (A[q][i] + A[q][n-1-i]) / 2 (the middle column whole), odd[q][i] with minus.
template <class T, int n, int m>
struct EvenOdd {
  static constexpr int half_n = n / 2, half_m = m / 2;
  static constexpr int up_n = (n + 1) / 2, up_m = (m + 1) / 2;
  T even[up_m * up_n];
  T odd[up_m * (half_n > 0 ? half_n : 1)];

  /// `a`: [m][n].
  void set(const double* a) {
    for (int q = 0; q < up_m; ++q) {
      for (int i = 0; i < half_n; ++i) {
        even[q * up_n + i] = static_cast<T>(0.5 * (a[q * n + i] + a[q * n + n - 1 - i]));
        odd[q * half_n + i] = static_cast<T>(0.5 * (a[q * n + i] - a[q * n + n - 1 - i]));
      }
      if (n % 2 == 1) even[q * up_n + half_n] = static_cast<T>(a[q * n + half_n]);
    }
  }
};

#ifdef RITZ_HOST_LANES

/// out = A in (or out += A in) along lines whose entries are `stride_in` and `stride_out` apart.
template <int sign, bool add, int stride_in, int stride_out, class T, int n, int m>
KOKKOS_FORCEINLINE_FUNCTION void even_odd(const EvenOdd<T, n, m>& a, const Lanes<T>* in,
                                          Lanes<T>* out) {
  constexpr int half_n = n / 2, half_m = m / 2, up_n = (n + 1) / 2, up_m = (m + 1) / 2;
  Lanes<T> e[up_n], o[half_n > 0 ? half_n : 1];
#pragma GCC unroll 8
  for (int i = 0; i < half_n; ++i) {
    e[i] = in[i * stride_in] + in[(n - 1 - i) * stride_in];
    o[i] = in[i * stride_in] - in[(n - 1 - i) * stride_in];
  }
  if constexpr (n % 2 == 1) e[half_n] = in[half_n * stride_in];
#pragma GCC unroll 8
  for (int q = 0; q < up_m; ++q) {
    const bool middle = q == half_m;  // only when m is odd
    Lanes<T> from_even{}, from_odd{};
    if (!middle || sign > 0) {
      from_even = e[0] * a.even[q * up_n];
#pragma GCC unroll 8
      for (int i = 1; i < up_n; ++i) from_even += e[i] * a.even[q * up_n + i];
    }
    if ((!middle || sign < 0) && half_n > 0) {
      from_odd = o[0] * a.odd[q * half_n];
#pragma GCC unroll 8
      for (int i = 1; i < half_n; ++i) from_odd += o[i] * a.odd[q * half_n + i];
    }
    Lanes<T>& first = out[q * stride_out];
    if (middle) {
      const Lanes<T> value = sign > 0 ? from_even : from_odd;
      if constexpr (add)
        first += value;
      else
        first = value;
    } else {
      Lanes<T>& last = out[(m - 1 - q) * stride_out];
      const Lanes<T> sum = from_even + from_odd;
      const Lanes<T> difference = sign > 0 ? from_even - from_odd : from_odd - from_even;
      if constexpr (add) {
        first += sum;
        last += difference;
      } else {
        first = sum;
        last = difference;
      }
    }
  }
}

/// To the coefficients of even and odd functions: rows 0..up-1 of F are even, the others odd.
/// Only the first halves of the rows are used. In place, `stride` apart.
template <class T, int n>
struct EvenOddModes {
  static constexpr int half = n / 2, up = (n + 1) / 2;
  T even[up * up];                   ///< [mode][i]
  T odd[half > 0 ? half* half : 1];  ///< [mode][i]
  T eigenvalues[n];

  template <int stride>
  KOKKOS_FORCEINLINE_FUNCTION void forward(const Lanes<T>* in, Lanes<T>* out) const {
    Lanes<T> e[up], o[half > 0 ? half : 1];
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) {
      e[i] = in[i * stride] + in[(n - 1 - i) * stride];
      o[i] = in[i * stride] - in[(n - 1 - i) * stride];
    }
    if constexpr (n % 2 == 1) e[half] = in[half * stride];
#pragma GCC unroll 8
    for (int a = 0; a < up; ++a) {
      Lanes<T> sum = e[0] * even[a * up];
#pragma GCC unroll 8
      for (int i = 1; i < up; ++i) sum += e[i] * even[a * up + i];
      out[a * stride] = sum;
    }
#pragma GCC unroll 8
    for (int a = 0; a < half; ++a) {
      Lanes<T> sum = o[0] * odd[a * half];
#pragma GCC unroll 8
      for (int i = 1; i < half; ++i) sum += o[i] * odd[a * half + i];
      out[(up + a) * stride] = sum;
    }
  }

  /// The transpose.
  template <int stride>
  KOKKOS_FORCEINLINE_FUNCTION void backward(const Lanes<T>* in, Lanes<T>* out) const {
    Lanes<T> v[n];
#pragma GCC unroll 16
    for (int a = 0; a < n; ++a) v[a] = in[a * stride];
#pragma GCC unroll 8
    for (int i = 0; i < up; ++i) {
      Lanes<T> e = v[0] * even[i];
#pragma GCC unroll 8
      for (int a = 1; a < up; ++a) e += v[a] * even[a * up + i];
      if (i == half) {
        out[i * stride] = e;
      } else {
        Lanes<T> o = v[up] * odd[i];
#pragma GCC unroll 8
        for (int a = 1; a < half; ++a) o += v[up + a] * odd[a * half + i];
        out[i * stride] = e + o;
        out[(n - 1 - i) * stride] = e - o;
      }
    }
  }
};

#endif

}  // namespace ritz::kernels
