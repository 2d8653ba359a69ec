#include "level.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/device/large_vector.hpp"
#include "ritz/la/lanczos.hpp"

namespace ritz::multigrid {

namespace {

// Made once: a launch would make a string of a literal, and longer ones are allocated.
const std::string sum_label = "ritz::multigrid::sum";
const std::string direction_label = "ritz::multigrid::direction";

using base::Error;
using base::ExitCode;

template <class T>
device::View<T*> vector(const char* label, std::size_t n) {
  return device::make_large_vector<T>(label, n);
}

std::size_t n_unknowns(LocalId n_nodes, int components) {
  return static_cast<std::size_t>(n_nodes) * static_cast<std::size_t>(components);
}

/// Sums over all ranks in double, by blocks whose sums are added in order: the same bits for every
/// number of threads.
class BlockSum {
 public:
  BlockSum(const comm::Communicator& communicator, std::size_t n)
      : communicator_(communicator), n_(n), parts_((n + block - 1) / block) {}

  /// Sum of term(i) for i < n; a term may also write entry i of vectors. Collective.
  template <class Term>
  double operator()(const Term& term) {
    const std::size_t n = n_;
    double* const parts = parts_.data();
    Kokkos::parallel_for(sum_label,
                         Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, parts_.size()),
                         [=](const std::size_t b) {
                           const std::size_t end = std::min((b + 1) * block, n);
                           double sum = 0;
#pragma omp simd reduction(+ : sum)
                           for (std::size_t i = b * block; i < end; ++i) sum += term(i);
                           parts[b] = sum;
                         });
    Kokkos::fence();
    return communicator_.sum(std::accumulate(parts_.begin(), parts_.end(), 0.0));
  }

 private:
  static constexpr std::size_t block = 1024;
  const comm::Communicator& communicator_;
  std::size_t n_;
  std::vector<double> parts_;
};

/// In [-1, 1), by the id alone (finaliser of splitmix64, S. Vigna's public-domain generator).
double noise(GlobalId id) {
  std::uint64_t z = (static_cast<std::uint64_t>(id) + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-52 - 1.0;
}

}  // namespace

/// What a hook needs, behind one pointer: a std::function of one pointer does not allocate.
template <class T>
struct Level<T>::Work {
  const T* inverse_diagonal;
  T* x;
  T* b;
  T* y;
  Outside outside;
  T factor = 0;

  /// x = factor D^-1 b, and b from outside.
  void first_from_zero(LocalId begin, LocalId end) const {
    const T* __restrict inverse = inverse_diagonal;
    T* __restrict to_x = x;
    T* __restrict to_b = b;
    const T times = factor;
    if (outside.rhs == nullptr) {
      for (LocalId i = begin; i < end; ++i) to_x[i] = times * inverse[i] * to_b[i];
      return;
    }
    const double* __restrict rhs = outside.rhs;
    for (LocalId i = begin; i < end; ++i) {
      const T value = inverse[i] == T(0) ? T(0) : static_cast<T>(rhs[i]);
      to_b[i] = value;
      to_x[i] = times * inverse[i] * value;
    }
  }

  /// x = x + factor D^-1 (b - y), and x to the outside; prescribed unknowns pass through.
  void step(LocalId begin, LocalId end) const {
    const T* __restrict inverse = inverse_diagonal;
    const T* __restrict from_b = b;
    const T* __restrict from_y = y;
    T* __restrict to_x = x;
    const T times = factor;
    if (outside.result == nullptr) {
      for (LocalId i = begin; i < end; ++i) {
        to_x[i] += times * inverse[i] * (from_b[i] - from_y[i]);
      }
      return;
    }
    const double* __restrict rhs = outside.rhs;
    double* __restrict result = outside.result;
    for (LocalId i = begin; i < end; ++i) {
      const T value = to_x[i] + times * inverse[i] * (from_b[i] - from_y[i]);
      to_x[i] = value;
      result[i] = static_cast<double>(value);
    }
    // Rare: not in the loop above, which would have to read all of them.
    for (LocalId i = begin; i < end; ++i) {
      if (inverse[i] == T(0)) result[i] = rhs[i];
    }
  }

  /// y = b - y.
  void subtract(LocalId begin, LocalId end) const {
    const T* __restrict from_b = b;
    T* __restrict to_y = y;
    for (LocalId i = begin; i < end; ++i) to_y[i] = from_b[i] - to_y[i];
  }
};

template <class T>
Level<T>::Level(const fem::Space& space, int components, const std::vector<std::uint8_t>& is_fixed,
                std::unique_ptr<LevelOperator<T>> matrix, LevelInfo about, const Options& options)
    : x(vector<T>("ritz::multigrid::x", n_unknowns(space.n_local(), components))),
      b(vector<T>("ritz::multigrid::b", n_unknowns(space.n_local(), components))),
      op(std::move(matrix)),
      info(std::move(about)),
      n_owned_(n_unknowns(space.n_owned, components)) {
  for (std::size_t i = 0; i < n_owned_; ++i) {
    if (is_fixed[i] != 0) fixed_.push_back(static_cast<LocalId>(i));
  }
  if (!op) return;

  y = vector<T>("ritz::multigrid::y", n_owned_);
  x_in_ = Kokkos::subview(x, std::pair<std::size_t, std::size_t>(0, n_owned_));
  inverse_diagonal_ = vector<T>("ritz::multigrid::inverse_diagonal", n_owned_);
  op->diagonal(inverse_diagonal_);
  bool bad = false;
  for (std::size_t i = 0; i < n_owned_; ++i) {
    bad = bad || !(inverse_diagonal_(i) > 0);
    inverse_diagonal_(i) = T(1) / inverse_diagonal_(i);
  }
  for (const LocalId i : fixed_) inverse_diagonal_(static_cast<std::size_t>(i)) = T(0);
  if (space.communicator.any(bad)) {
    throw Error(ExitCode::not_converged,
                fmt::format("multigrid: the matrix of degree {} on {} cells has a diagonal entry "
                            "that is not positive",
                            info.degree, info.n_cells));
  }
  estimate(space, components, options);
  factors_ = chebyshev_factors(options, info.eigenvalue);
}

/// The bound of the cells if all ranks have one. Otherwise the largest Ritz value of D^-1 A from
/// the coefficients of conjugate gradients, times a factor for what they miss, started from a
/// vector with mean zero that depends on the unknowns' persistent ids only.
template <class T>
void Level<T>::estimate(const fem::Space& space, int components, const Options& options) {
  const comm::Communicator& communicator = space.communicator;
  const GlobalId n_free =
      communicator.sum(static_cast<GlobalId>(n_owned_) - static_cast<GlobalId>(fixed_.size()));
  info.eigenvalue = 1.0;
  if (n_free == 0) return;
  const std::optional<double> bound = op->spectrum_bound();
  if (!communicator.any(!bound)) {
    info.eigenvalue = communicator.max(*bound);
    info.is_bound = true;
    return;
  }

  // x: direction, b: residual, y: A x.
  BlockSum sum(communicator, n_owned_);
  const T* const inverse = inverse_diagonal_.data();
  const GlobalId* const ids = space.dof_gid.data();
  T* const direction = x.data();
  T* const residual = b.data();
  const T* const product = y.data();
  const auto m = static_cast<std::size_t>(components);
  const auto noise_at = [=](std::size_t i) {
    return noise(ids[i / m] * components + static_cast<GlobalId>(i % m));
  };
  const double total = sum([=](std::size_t i) { return inverse[i] == T(0) ? 0.0 : noise_at(i); });
  const double mean = n_free > 1 ? total / static_cast<double>(n_free) : 0.0;
  double rho = sum([=](std::size_t i) {
    const T r = inverse[i] == T(0) ? T(0) : static_cast<T>(noise_at(i) - mean);
    residual[i] = r;
    direction[i] = inverse[i] * r;
    return static_cast<double>(inverse[i] * r) * static_cast<double>(r);
  });
  const double rho_start = rho;
  la::LanczosMatrix lanczos;
  double beta = 0;
  for (int step = 0; step < options.eigenvalue_steps; ++step) {
    apply({}, {});
    const double curvature = sum([=](std::size_t i) {
      return static_cast<double>(direction[i]) * static_cast<double>(product[i]);
    });
    if (!(curvature > 0)) {
      if (step > 0) break;  // as far as the null space, for tiny problems
      throw Error(ExitCode::not_converged,
                  fmt::format("multigrid: the matrix of degree {} on {} cells is not positive "
                              "definite",
                              info.degree, info.n_cells));
    }
    const double alpha = rho / curvature;
    lanczos.add(alpha, beta);
    const T factor = static_cast<T>(alpha);
    const double next = sum([=](std::size_t i) {
      const T r = residual[i] - factor * product[i];
      residual[i] = r;
      return static_cast<double>(inverse[i] * r) * static_cast<double>(r);
    });
    // Beyond round-off of the numbers of this level (squared) there is nothing to find.
    if (!(next > 1e-11 * rho_start) || step + 1 == options.eigenvalue_steps) break;
    beta = next / rho;
    rho = next;
    const T keep = static_cast<T>(beta);
    Kokkos::parallel_for(direction_label,
                         Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, n_owned_),
                         [=](const std::size_t i) {
                           direction[i] = inverse[i] * residual[i] + keep * direction[i];
                         });
    Kokkos::fence();
  }
  info.eigenvalue = options.eigenvalue_safety * lanczos.largest();
}

template <class T>
void Level<T>::smooth_from_zero(const Outside& outside) {
  // x = 0: the first step needs no action; it is done while the next action reads x.
  const Work first{inverse_diagonal_.data(),   x.data(), b.data(), y.data(), outside,
                   static_cast<T>(factors_[0])};
  Work further = first;
  further.outside = {};
  const Work* const f = &first;
  const Work* const w = &further;
  const auto start = [f](LocalId begin, LocalId end) { f->first_from_zero(begin, end); };
  if (factors_.size() == 1) {
    apply(start, [w](LocalId begin, LocalId end) { w->subtract(begin, end); });
    return;
  }
  for (std::size_t i = 1; i < factors_.size(); ++i) {
    further.factor = static_cast<T>(factors_[i]);
    const auto step = [w](LocalId begin, LocalId end) { w->step(begin, end); };
    if (i == 1) {
      apply(start, step);
    } else {
      apply({}, step);
    }
  }
  residual();
}

template <class T>
void Level<T>::smooth(const Outside& outside) {
  Work work{inverse_diagonal_.data(), x.data(), b.data(), y.data(), {}};
  const Work* const w = &work;
  for (std::size_t i = 0; i < factors_.size(); ++i) {
    work.factor = static_cast<T>(factors_[i]);
    if (i + 1 == factors_.size()) work.outside = outside;
    apply({}, [w](LocalId begin, LocalId end) { w->step(begin, end); });
  }
}

template <class T>
void Level<T>::residual() {
  Work work{inverse_diagonal_.data(), x.data(), b.data(), y.data(), {}};
  const Work* const w = &work;
  apply({}, [w](LocalId begin, LocalId end) { w->subtract(begin, end); });
}

template <class T>
void Level<T>::put(const double* fixed, double* to) const {
  for (std::size_t i = 0; i < n_owned_; ++i) to[i] = static_cast<double>(x(i));
  for (const LocalId i : fixed_) to[i] = fixed[i];
}

template <class T>
void Level<T>::clear_fixed(T* values) const {
  for (const LocalId i : fixed_) values[i] = T(0);
}

template <class T>
std::size_t Level<T>::bytes() const {
  const std::size_t vectors = x.extent(0) + b.extent(0) + y.extent(0) + inverse_diagonal_.extent(0);
  return vectors * sizeof(T) + fixed_.size() * sizeof(LocalId) + (op ? op->bytes() : 0) +
         (transfer ? transfer->bytes() : 0);
}

template class Level<float>;
template class Level<double>;

}  // namespace ritz::multigrid
