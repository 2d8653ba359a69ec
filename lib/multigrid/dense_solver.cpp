#include "dense_solver.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "ritz/base/error.hpp"
#include "ritz/device/kokkos.hpp"
#include "ritz/la/kernel.hpp"

namespace ritz::multigrid {

namespace {

// Strings, because a launch would make one of a literal and allocate.
const std::string dense_label = "ritz::multigrid::dense";

/// Sum of a[i] b[i], eight running sums so that the compiler may use vector registers.
double dot(const double* a, const double* b, std::size_t n) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += a[i + j] * b[i + j];
  }
  for (; i < n; ++i) sums[0] += a[i] * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// Cholesky factor of a matrix stored by rows from the first entry of each to the diagonal
/// (George and Liu, Computer Solution of Large Sparse Positive Definite Systems, 1981, ch. 4).
class Envelope {
 public:
  /// `first[i]` <= i: column of row i's first entry.
  explicit Envelope(std::vector<std::size_t> first) : first_(std::move(first)) {
    start_.push_back(0);
    for (std::size_t i = 0; i < first_.size(); ++i) start_.push_back(start_[i] + i - first_[i] + 1);
    values_.assign(start_.back(), 0.0);
  }

  [[nodiscard]] std::size_t n() const { return first_.size(); }
  double& at(std::size_t i, std::size_t j) { return values_[start_[i] + j - first_[i]]; }

  /// False if the matrix is not positive definite.
  [[nodiscard]] bool factorise() {
    for (std::size_t i = 0; i < n(); ++i) {
      const double before = at(i, i);
      for (std::size_t j = first_[i]; j <= i; ++j) {
        const std::size_t from = std::max(first_[i], first_[j]);
        const double value = at(i, j) - dot(&at(i, from), &at(j, from), j - from);
        if (j < i) {
          at(i, j) = value / at(j, j);
        } else if (value > 1e-14 * before) {
          at(i, i) = std::sqrt(value);
        } else {
          return false;  // not positive, or NaN
        }
      }
    }
    return true;
  }

  /// Solves for eight right-hand sides at once: x [n][8].
  void solve(double* x) {
    for (std::size_t i = 0; i < n(); ++i) {
      double sum[8];
      for (std::size_t r = 0; r < 8; ++r) sum[r] = x[i * 8 + r];
      for (std::size_t j = first_[i]; j < i; ++j) {
        for (std::size_t r = 0; r < 8; ++r) sum[r] -= at(i, j) * x[j * 8 + r];
      }
      for (std::size_t r = 0; r < 8; ++r) x[i * 8 + r] = sum[r] / at(i, i);
    }
    for (std::size_t i = n(); i-- > 0;) {
      double value[8];
      for (std::size_t r = 0; r < 8; ++r) value[r] = x[i * 8 + r] /= at(i, i);
      for (std::size_t j = first_[i]; j < i; ++j) {
        for (std::size_t r = 0; r < 8; ++r) x[j * 8 + r] -= at(i, j) * value[r];
      }
    }
  }

 private:
  std::vector<std::size_t> first_, start_;
  std::vector<double> values_;
};

struct Entry {
  LocalId row, column;
  double value;
};

}  // namespace

template <class T>
DenseSolver<T>::DenseSolver(const la::Matrix& matrix, const std::vector<GlobalId>& order,
                            const std::vector<la::Vector>& kernel)
    : gather_(matrix.layout().communicator, matrix.layout().n_owned),
      n_mine_(static_cast<std::size_t>(matrix.layout().n_owned)),
      n_all_(static_cast<std::size_t>(gather_.n_all())),
      all_(n_all_) {
  const la::Layout& layout = matrix.layout();
  const comm::Communicator& communicator = layout.communicator;

  // Place of each unknown in the envelope.
  std::vector<GlobalId> keys = communicator.gather(std::span<const GlobalId>(order));
  communicator.broadcast(keys);
  std::vector<std::size_t> by_key(n_all_), place(n_all_);
  std::iota(by_key.begin(), by_key.end(), std::size_t{0});
  std::sort(by_key.begin(), by_key.end(),
            [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  for (std::size_t i = 0; i < n_all_; ++i) place[by_key[i]] = i;

  // The whole matrix on every rank: it is small.
  const la::CsrMatrix& rows = matrix.rows();
  std::vector<Entry> entries;
  entries.reserve(rows.values.extent(0));
  for (std::size_t i = 0; i < n_mine_; ++i) {
    for (std::size_t k = rows.pattern.row_offsets(i); k < rows.pattern.row_offsets(i + 1); ++k) {
      const LocalId c = rows.pattern.columns(k);
      const GlobalId id = c < layout.n_owned
                              ? layout.first + c
                              : layout.ghost_ids[static_cast<std::size_t>(c - layout.n_owned)];
      entries.push_back({static_cast<LocalId>(layout.first) + static_cast<LocalId>(i),
                         static_cast<LocalId>(id), rows.values(k)});
    }
  }
  entries = communicator.gather(std::span<const Entry>(entries));
  communicator.broadcast(entries);

  std::vector<std::size_t> first(n_all_);
  std::iota(first.begin(), first.end(), std::size_t{0});
  for (const Entry& e : entries) {
    const std::size_t i = place[static_cast<std::size_t>(e.row)];
    const std::size_t j = place[static_cast<std::size_t>(e.column)];
    if (j < i) first[i] = std::min(first[i], j);
  }
  Envelope factor(first);
  for (const Entry& e : entries) {
    const std::size_t i = place[static_cast<std::size_t>(e.row)];
    const std::size_t j = place[static_cast<std::size_t>(e.column)];
    if (j <= i) factor.at(i, j) = e.value;
  }
  // Some unknowns are held by springs (see la::pinned()); what leave_out() does makes the result
  // the same whichever they are.
  for (const GlobalId held : la::pivots(layout, kernel, kernel)) {
    double& diagonal =
        factor.at(place[static_cast<std::size_t>(held)], place[static_cast<std::size_t>(held)]);
    diagonal = diagonal == 0 ? 1.0 : 2 * diagonal;
  }
  if (!factor.factorise()) {
    throw base::Error(base::ExitCode::not_converged,
                      "multigrid: the matrix of the coarsest level is not positive definite");
  }

  rows_.resize(n_mine_ * n_all_);
  std::vector<double> x(n_all_ * 8), inverse(kernel.empty() ? 0 : n_mine_ * n_all_);
  for (std::size_t begin = 0; begin < n_mine_; begin += 8) {
    const std::size_t end = std::min(begin + 8, n_mine_);
    std::fill(x.begin(), x.end(), 0.0);
    for (std::size_t i = begin; i < end; ++i)
      x[place[static_cast<std::size_t>(layout.first) + i] * 8 + i - begin] = 1.0;
    factor.solve(x.data());
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t j = 0; j < n_all_; ++j) {
        const double value = x[place[j] * 8 + i - begin];
        if (!kernel.empty()) inverse[i * n_all_ + j] = value;
        rows_[i * n_all_ + j] = static_cast<T>(value);
      }
    }
  }
  if (!kernel.empty()) leave_out(communicator, kernel, inverse);
}

/// The rows of (1 - Z Z^T) G (1 - Z Z^T) with the kernel's basis Z and those of G in `inverse`:
/// G - Z W^T - W Z^T + Z (Z^T W) Z^T with W = G Z.
template <class T>
void DenseSolver<T>::leave_out(const comm::Communicator& communicator,
                               const std::vector<la::Vector>& kernel,
                               const std::vector<double>& inverse) {
  const std::size_t k = kernel.size();
  const auto of_all = [&](const std::vector<double>& mine) {
    std::vector<double> all = communicator.gather(std::span<const double>(mine));
    communicator.broadcast(all);
    return all;
  };
  std::vector<double> z_mine(n_mine_ * k), w_mine(n_mine_ * k, 0.0), s(k * k, 0.0);
  for (std::size_t i = 0; i < n_mine_; ++i)
    for (std::size_t a = 0; a < k; ++a) z_mine[i * k + a] = kernel[a](i);
  const std::vector<double> z = of_all(z_mine);
  for (std::size_t i = 0; i < n_mine_; ++i) {
    for (std::size_t j = 0; j < n_all_; ++j)
      for (std::size_t a = 0; a < k; ++a)
        w_mine[i * k + a] += inverse[i * n_all_ + j] * z[j * k + a];
  }
  const std::vector<double> w = of_all(w_mine);
  for (std::size_t j = 0; j < n_all_; ++j) {
    for (std::size_t a = 0; a < k; ++a)
      for (std::size_t b = 0; b < k; ++b) s[a * k + b] += z[j * k + a] * w[j * k + b];
  }
  for (std::size_t i = 0; i < n_mine_; ++i) {
    // Of row i: G - sum_a Z_ia (W_ja - sum_b S_ab Z_jb) - sum_a W_ia Z_ja.
    std::vector<double> of_z(k);
    for (std::size_t b = 0; b < k; ++b) {
      of_z[b] = -w_mine[i * k + b];
      for (std::size_t a = 0; a < k; ++a) of_z[b] += z_mine[i * k + a] * s[a * k + b];
    }
    for (std::size_t j = 0; j < n_all_; ++j) {
      double value = inverse[i * n_all_ + j];
      for (std::size_t a = 0; a < k; ++a)
        value += of_z[a] * z[j * k + a] - z_mine[i * k + a] * w[j * k + a];
      rows_[i * n_all_ + j] = static_cast<T>(value);
    }
  }
}

template <class T>
void DenseSolver<T>::apply(const T* b, T* x) const {
  gather_(b, all_.data());
  const T* rows = rows_.data();
  const T* all = all_.data();
  const std::size_t n = n_all_;
  Kokkos::parallel_for(dense_label,
                       Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, n_mine_),
                       [=](const std::size_t i) {
                         constexpr std::size_t width = 64 / sizeof(T);
                         const T* row = rows + i * n;
                         T sums[width] = {};
                         std::size_t j = 0;
                         for (; j + width <= n; j += width) {
                           for (std::size_t l = 0; l < width; ++l)
                             sums[l] += row[j + l] * all[j + l];
                         }
                         for (; j < n; ++j) sums[0] += row[j] * all[j];
                         T sum = 0;
                         for (const T one : sums) sum += one;
                         x[i] = sum;
                       });
}

template class DenseSolver<float>;
template class DenseSolver<double>;

}  // namespace ritz::multigrid
