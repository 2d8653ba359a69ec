#include "ritz/la/vector.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ritz/device/large_vector.hpp"

namespace ritz::la {

namespace {

using device::ExecutionSpace;

constexpr std::size_t block_size = 1024;

// Made once: a launch would make a string of a literal, and longer ones are allocated.
const std::string dot_label = "ritz::la::dot";
const std::string norm_max_label = "ritz::la::norm_max";
const std::string sum_label = "ritz::la::sum";
const std::string scaled_copy_label = "ritz::la::scaled_copy";
const std::string axpby_label = "ritz::la::axpby";
const std::string shift_label = "ritz::la::shift";
const std::string first_not_finite_label = "ritz::la::first_not_finite";

/// Memory for the sums of blocks: on a host the same for every call of a thread.
class BlockSums {
 public:
  explicit BlockSums(std::size_t n) {
    if constexpr (is_host) {
      if (kept().size() < n) kept().resize(n);
    } else {
      view_ = device::View<double*>(
          Kokkos::view_alloc("ritz::la::block_sums", Kokkos::WithoutInitializing), n);
    }
  }
  [[nodiscard]] double* data() const {
    if constexpr (is_host) return kept().data();
    return view_.data();
  }
  /// The first n added in order; waits for the loops.
  [[nodiscard]] double total(std::size_t n) const {
    double sum = 0;
    if constexpr (is_host) {
      Kokkos::fence();
      for (std::size_t b = 0; b < n; ++b) sum += kept()[b];
    } else {
      const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), view_);
      for (std::size_t b = 0; b < n; ++b) sum += host(b);
    }
    return sum;
  }

 private:
  static constexpr bool is_host =
      Kokkos::SpaceAccessibility<device::MemorySpace, Kokkos::HostSpace>::accessible;
  static std::vector<double>& kept() {
    static thread_local std::vector<double> sums;
    return sums;
  }
  device::View<double*> view_;
};

/// Sum of term(i) over [0, n): each block of entries by itself, then the blocks in order.
template <class Term>
double blocked_sum(const std::string& label, std::size_t n, const Term& term) {
  const std::size_t n_blocks = (n + block_size - 1) / block_size;
  const BlockSums sums(n_blocks);
  double* const parts = sums.data();
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
        parts[b] = (s0 + s1) + (s2 + s3);
      });
  return sums.total(n_blocks);
}

}  // namespace

Vector make_vector(const char* label, LocalId n) {
  return device::make_large_vector<double>(label, static_cast<std::size_t>(n));
}

double dot(const comm::Communicator& communicator, const Vector& x, const Vector& y) {
  return communicator.sum(blocked_sum(
      dot_label, x.extent(0), KOKKOS_LAMBDA(const std::size_t i) { return x(i) * y(i); }));
}

double norm2(const comm::Communicator& communicator, const Vector& x) {
  return std::sqrt(dot(communicator, x, x));
}

double norm_max(const comm::Communicator& communicator, const Vector& x) {
  double largest = 0;
  int n_nan = 0;
  Kokkos::parallel_reduce(
      norm_max_label, Kokkos::RangePolicy<ExecutionSpace>(0, x.extent(0)),
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
      sum_label, x.extent(0), KOKKOS_LAMBDA(const std::size_t i) { return x(i); }));
}

void axpby(double a, const Vector& x, double b, const Vector& y) {
  if (b == 0.0) {
    Kokkos::parallel_for(
        scaled_copy_label, Kokkos::RangePolicy<ExecutionSpace>(0, x.extent(0)),
        KOKKOS_LAMBDA(const std::size_t i) { y(i) = a * x(i); });
    return;
  }
  Kokkos::parallel_for(
      axpby_label, Kokkos::RangePolicy<ExecutionSpace>(0, x.extent(0)),
      KOKKOS_LAMBDA(const std::size_t i) { y(i) = a * x(i) + b * y(i); });
}

void shift(const Vector& x, double shift) {
  Kokkos::parallel_for(
      shift_label, Kokkos::RangePolicy<ExecutionSpace>(0, x.extent(0)),
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
      first_not_finite_label, Kokkos::RangePolicy<ExecutionSpace>(0, n),
      KOKKOS_LAMBDA(const std::size_t i, std::size_t& local) {
        if (!__builtin_isfinite(x(i)) && i < local) local = i;
      },
      Kokkos::Min<std::size_t>(first));
  return first < n ? static_cast<LocalId>(first) : LocalId{-1};
}

}  // namespace ritz::la
