#include "ritz/la/kernel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ritz/base/error.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::la {

namespace {

/// Rows of a few numbers for each unknown, with those combinations left that vanish at the pivots.
class Remaining {
 public:
  explicit Remaining(std::span<const Vector> vectors) : n_(vectors.size()) {
    const std::size_t rows = vectors.empty() ? 0 : vectors[0].extent(0);
    values_.resize(rows * n_);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t k = 0; k < n_; ++k) values_[i * n_ + k] = vectors[k](i);
  }

  [[nodiscard]] double size(std::size_t row) const {
    double sum = 0;
    for (std::size_t k = 0; k < n_; ++k) sum += values_[row * n_ + k] * values_[row * n_ + k];
    return std::sqrt(sum);
  }

  /// One dimension less; `row` of the pivot if it is here, else negative. Collective.
  void eliminate(const comm::Communicator& communicator, std::ptrdiff_t row) {
    std::vector<double> v(n_, 0.0);
    if (row >= 0)
      std::copy_n(values_.begin() + row * static_cast<std::ptrdiff_t>(n_), n_, v.begin());
    communicator.all_reduce(std::span<double>(v), comm::Op::sum);
    // The reflection that maps v to a multiple of the first axis: its other columns are normal to
    // v.
    double norm = 0;
    for (const double one : v) norm += one * one;
    v[0] += std::copysign(std::sqrt(norm), v[0]);
    norm = 0;
    for (const double one : v) norm += one * one;
    const std::size_t rows = n_ > 0 ? values_.size() / n_ : 0;
    std::vector<double> next(rows * (n_ - 1));
    for (std::size_t i = 0; i < rows; ++i) {
      const double* from = &values_[i * n_];
      double product = 0;
      for (std::size_t k = 0; k < n_; ++k) product += from[k] * v[k];
      for (std::size_t k = 1; k < n_; ++k)
        next[i * (n_ - 1) + k - 1] = from[k] - 2 * product * v[k] / norm;
    }
    values_ = std::move(next);
    --n_;
  }

 private:
  std::size_t n_;
  std::vector<double> values_;  // [rows][n]
};

}  // namespace

std::vector<Vector> orthonormal(const comm::Communicator& communicator,
                                std::span<const Vector> vectors) {
  std::vector<Vector> basis;
  for (const Vector& vector : vectors) {
    const Vector v = make_vector("ritz::la::kernel", static_cast<LocalId>(vector.extent(0)));
    copy(vector, v);
    const double before = norm2(communicator, v);
    // Twice is enough (Parlett, The Symmetric Eigenvalue Problem, 1980, section 6.9).
    for (int pass = 0; pass < 2; ++pass) remove(communicator, basis, basis, v);
    const double after = norm2(communicator, v);
    if (!(after > 1e-10 * before)) continue;
    axpby(0.0, v, 1 / after, v);
    basis.push_back(v);
  }
  return basis;
}

void remove(const comm::Communicator& communicator, std::span<const Vector> basis,
            std::span<const Vector> duals, const Vector& v) {
  // One after the other: of an orthonormal basis this is the stable order (modified Gram-Schmidt).
  for (std::size_t k = 0; k < basis.size(); ++k)
    axpby(-dot(communicator, duals[k], v), basis[k], 1.0, v);
}

std::vector<GlobalId> pivots(const Layout& layout, std::span<const Vector> right,
                             std::span<const Vector> left) {
  const comm::Communicator& communicator = layout.communicator;
  const auto n = static_cast<std::size_t>(layout.n_owned);
  Remaining z(right), y(left);
  std::vector<GlobalId> result;
  for (std::size_t k = 0; k < std::min(right.size(), left.size()); ++k) {
    std::vector<double> scores(n);
    double largest = 0;
    for (std::size_t i = 0; i < n; ++i) {
      scores[i] = z.size(i) * y.size(i);
      largest = std::max(largest, scores[i]);
    }
    largest = communicator.max(largest);
    if (!(largest > 0)) {
      throw base::Error(
          base::ExitCode::not_converged,
          "nothing fixes some levels of these equations, and those that would have to "
          "balance have no unknown in common with them: no factorisation of the matrix; "
          "take a preconditioner without one (solver.preconditioner = \"jacobi\"), or "
          "prescribe a value");
    }
    GlobalId mine = std::numeric_limits<GlobalId>::max();
    for (std::size_t i = 0; i < n; ++i) {
      if (scores[i] < (1 - 1e-9) * largest) continue;
      mine = layout.first + static_cast<GlobalId>(i);
      break;
    }
    const GlobalId pivot = communicator.min(mine);
    result.push_back(pivot);
    const std::ptrdiff_t row = pivot == mine ? pivot - layout.first : -1;
    z.eliminate(communicator, row);
    y.eliminate(communicator, row);
  }
  return result;
}

CsrMatrix pinned(const Matrix& matrix, std::span<const GlobalId> unknowns) {
  const Layout& layout = matrix.layout();
  CsrMatrix rows = matrix.rows();
  rows.values = device::View<double*>(
      Kokkos::view_alloc("ritz::la::pinned_values", Kokkos::WithoutInitializing),
      matrix.rows().values.extent(0));
  Kokkos::deep_copy(rows.values, matrix.rows().values);
  for (const GlobalId unknown : unknowns) {
    const GlobalId row = unknown - layout.first;
    if (row < 0 || row >= layout.n_owned) continue;
    const CsrPattern pattern = rows.pattern;
    const auto values = rows.values;
    const auto i = static_cast<std::size_t>(row);
    Kokkos::parallel_for(
        "ritz::la::pin", Kokkos::RangePolicy<device::ExecutionSpace>(0, 1),
        KOKKOS_LAMBDA(const int) {
          for (std::size_t k = pattern.row_offsets(i); k < pattern.row_offsets(i + 1); ++k)
            if (pattern.columns(k) == static_cast<LocalId>(i))
              values(k) = values(k) == 0 ? 1.0 : 2 * values(k);
        });
  }
  return rows;
}

}  // namespace ritz::la
