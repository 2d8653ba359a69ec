#include "ritz/la/vector.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace ritz::la {

namespace {

using device::ExecutionSpace;

constexpr std::size_t block_size = 1024;

/// Sum of term(i) over [0, n): each block of entries by itself, then the blocks in order.
template <class Term>
double blocked_sum(const char* label, std::size_t n, const Term& term) {
  const std::size_t n_blocks = (n + block_size - 1) / block_size;
  device::View<double*> parts(
      Kokkos::view_alloc("ritz::la::block_sums", Kokkos::WithoutInitializing), n_blocks);
  Kokkos::parallel_for(
      label, Kokkos::RangePolicy<ExecutionSpace>(0, n_blocks), KOKKOS_LAMBDA(const std::size_t b) {
        const std::size_t begin = b * block_size;
        const std::size_t end = begin + block_size < n ? begin + block_size : n;
        // Four running sums so that the compiler may use vector registers; their order is fixed.
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        std::size_t i = begin;
        for (; i + 4 <= end; i += 4) {
          s0 += term(i);
          s1 += term(i + 1);
          s2 += term(i + 2);
          s3 += term(i + 3);
        }
        for (; i < end; ++i) s0 += term(i);
        parts(b) = (s0 + s1) + (s2 + s3);
      });
  const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), parts);
  double total = 0;
  for (std::size_t b = 0; b < n_blocks; ++b) total += host(b);
  return total;
}

}  // namespace

Vector make_vector(const char* label, LocalId n) {
  return Vector(std::string(label), static_cast<std::size_t>(n));
}

double dot(const comm::Communicator& communicator, const Vector& x, const Vector& y) {
  return communicator.sum(blocked_sum(
      "ritz::la::dot", x.extent(0), KOKKOS_LAMBDA(const std::size_t i) { return x(i) * y(i); }));
}

double norm2(const comm::Communicator& communicator, const Vector& x) {
  return std::sqrt(dot(communicator, x, x));
}

double norm_max(const comm::Communicator& communicator, const Vector& x) {
  double largest = 0;
  int n_nan = 0;
  Kokkos::parallel_reduce(
      "ritz::la::norm_max", Kokkos::RangePolicy<ExecutionSpace>(0, x.extent(0)),
      KOKKOS_LAMBDA(const std::size_t i, double& local, int& nan) {
        const double size = x(i) < 0 ? -x(i) : x(i);
        if (size > local) local = size;
        if (__builtin_isnan(x(i))) nan += 1;
      },
      Kokkos::Max<double>(largest), n_nan);
  // The largest of a vector without entries is the reduction's identity, minus the largest double.
  largest = std::max(0.0, largest);
  const bool any_nan = communicator.any(n_nan > 0);
  largest = communicator.max(largest);
  return any_nan ? std::numeric_limits<double>::quiet_NaN() : largest;
}

double sum(const comm::Communicator& communicator, const Vector& x) {
  return communicator.sum(blocked_sum(
      "ritz::la::sum", x.extent(0), KOKKOS_LAMBDA(const std::size_t i) { return x(i); }));
}

void axpby(double a, const Vector& x, double b, const Vector& y) {
  if (b == 0.0) {
    Kokkos::parallel_for(
        "ritz::la::scaled_copy", Kokkos::RangePolicy<ExecutionSpace>(0, x.extent(0)),
        KOKKOS_LAMBDA(const std::size_t i) { y(i) = a * x(i); });
    return;
  }
  Kokkos::parallel_for(
      "ritz::la::axpby", Kokkos::RangePolicy<ExecutionSpace>(0, x.extent(0)),
      KOKKOS_LAMBDA(const std::size_t i) { y(i) = a * x(i) + b * y(i); });
}

void shift(const Vector& x, double shift) {
  Kokkos::parallel_for(
      "ritz::la::shift", Kokkos::RangePolicy<ExecutionSpace>(0, x.extent(0)),
      KOKKOS_LAMBDA(const std::size_t i) { x(i) += shift; });
}

void fill(const Vector& x, double value) {
  Kokkos::deep_copy(x, value);
}

void copy(const Vector& x, const Vector& y) {
  Kokkos::deep_copy(y, x);
}

LocalId first_not_finite(const Vector& x) {
  const std::size_t n = x.extent(0);
  std::size_t first = n;
  Kokkos::parallel_reduce(
      "ritz::la::first_not_finite", Kokkos::RangePolicy<ExecutionSpace>(0, n),
      KOKKOS_LAMBDA(const std::size_t i, std::size_t& local) {
        if (!__builtin_isfinite(x(i)) && i < local) local = i;
      },
      Kokkos::Min<std::size_t>(first));
  return first < n ? static_cast<LocalId>(first) : LocalId{-1};
}

}  // namespace ritz::la
