#include <Amesos2.hpp>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "preconditioners.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/comm/agreement.hpp"
#include "ritz/la/tpetra.hpp"
#include "ritz/la/vector.hpp"
#include "teuchos_lists.hpp"

namespace ritz::solve {

namespace {

using Solver = Amesos2::Solver<la::TpetraMatrix, la::TpetraVectors>;

/// The whole matrix on rank 0, factorised there: KLU2 is a serial solver in any case, and its
/// distributed interface is wrong in some builds (see self_test_direct).
class Direct final : public la::Preconditioner {
 public:
  Direct(const la::Matrix& matrix, const Passed& passed, SetUp& set_up)
      : communicator_(matrix.layout().communicator) {
    const la::Layout& layout = matrix.layout();
    if (layout.n_global > 0x7fffffff) {
      throw base::Error(base::ExitCode::deck, fmt::format("a direct solver cannot hold {} unknowns",
                                                          base::count_text(layout.n_global)));
    }
    n_global_ = static_cast<LocalId>(layout.n_global);
    gather(matrix);
    communicator_.together([&] {
      if (!communicator_.is_root() || n_global_ == 0) return;
      try {
        factorise(passed);
      } catch (const base::Error&) {
        throw;
      } catch (const std::exception& error) {
        throw base::Error(base::ExitCode::not_converged,
                          std::string("the factorisation failed, the matrix is singular or nearly "
                                      "so: ") +
                              error.what());
      }
    });
    set_up.text = fmt::format("direct: KLU2 on rank 0, {} unknowns, {} entries",
                              base::count_text(n_global_), base::count_text(matrix.n_entries()));
    b_ = la::make_vector("ritz::solve::direct_b", communicator_.is_root() ? n_global_ : 0);
    x_ = la::make_vector("ritz::solve::direct_x", communicator_.is_root() ? n_global_ : 0);
  }

  void apply(const la::Vector& r, const la::Vector& z) const override {
    const auto r_host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), r);
    const std::vector<double> all =
        communicator_.gather(std::span<const double>(r_host.data(), r_host.extent(0)));
    std::vector<double> solution;
    std::vector<std::size_t> counts(static_cast<std::size_t>(communicator_.size()), 0);
    if (communicator_.is_root() && n_global_ > 0) {
      const auto b_host = Kokkos::create_mirror_view(b_);
      std::copy(all.begin(), all.end(), b_host.data());
      Kokkos::deep_copy(b_, b_host);
      const auto b = la::tpetra(map_, b_);
      const auto x = la::tpetra(map_, x_);
      solver_->setX(x);
      solver_->setB(b);
      solver_->solve();
      const auto x_host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), x_);
      solution.assign(x_host.data(), x_host.data() + x_host.extent(0));
      counts = row_counts_;
    }
    const std::vector<double> mine = communicator_.exchange(std::span<const double>(solution),
                                                            std::span<const std::size_t>(counts));
    const auto z_host = Kokkos::create_mirror_view(z);
    std::copy(mine.begin(), mine.end(), z_host.data());
    Kokkos::deep_copy(z, z_host);
  }

 private:
  void gather(const la::Matrix& matrix) {
    const la::Layout& layout = matrix.layout();
    const auto& pattern = matrix.rows().pattern;
    const auto offsets =
        Kokkos::create_mirror_view_and_copy(device::HostSpace(), pattern.row_offsets);
    const auto columns = Kokkos::create_mirror_view_and_copy(device::HostSpace(), pattern.columns);
    const auto values =
        Kokkos::create_mirror_view_and_copy(device::HostSpace(), matrix.rows().values);
    std::vector<std::int32_t> lengths(static_cast<std::size_t>(layout.n_owned));
    std::vector<LocalId> ids(columns.extent(0));
    for (LocalId i = 0; i < layout.n_owned; ++i) {
      lengths[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(
          offsets(static_cast<std::size_t>(i) + 1) - offsets(static_cast<std::size_t>(i)));
    }
    for (std::size_t k = 0; k < ids.size(); ++k) {
      const LocalId c = columns(k);
      ids[k] = static_cast<LocalId>(
          c < layout.n_owned ? layout.first + c
                             : layout.ghost_ids[static_cast<std::size_t>(c - layout.n_owned)]);
    }
    const auto all_lengths = communicator_.gather(std::span<const std::int32_t>(lengths));
    columns_ = communicator_.gather(std::span<const LocalId>(ids));
    values_ = communicator_.gather(std::span<const double>(values.data(), values.extent(0)));
    for (GlobalId n : communicator_.all_gather<GlobalId>(layout.n_owned))
      row_counts_.push_back(static_cast<std::size_t>(n));
    offsets_.assign(1, 0);
    for (std::int32_t length : all_lengths)
      offsets_.push_back(offsets_.back() + static_cast<std::size_t>(length));
  }

  void factorise(const Passed& passed) {
    // Rows come in the order of the solver ids; columns have to be sorted by id.
    std::vector<std::pair<LocalId, double>> row;
    for (std::size_t i = 0; i + 1 < offsets_.size(); ++i) {
      row.clear();
      for (std::size_t k = offsets_[i]; k < offsets_[i + 1]; ++k)
        row.emplace_back(columns_[k], values_[k]);
      std::sort(row.begin(), row.end());
      for (std::size_t k = 0; k < row.size(); ++k) {
        columns_[offsets_[i] + k] = row[k].first;
        values_[offsets_[i] + k] = row[k].second;
      }
    }
    using LocalMatrix = la::TpetraMatrix::local_matrix_device_type;
    const auto alone = Teuchos::rcp(new Teuchos::MpiComm<int>(MPI_COMM_SELF));
    map_ = Teuchos::rcp(new la::TpetraMap(static_cast<Tpetra::global_size_t>(n_global_), 0, alone));
    const device::View<std::size_t*> offsets =
        device::to_device("ritz::solve::direct_offsets", offsets_.data(), offsets_.size());
    const device::View<LocalId*> columns =
        device::to_device("ritz::solve::direct_columns", columns_.data(), columns_.size());
    const device::View<double*> values =
        device::to_device("ritz::solve::direct_values", values_.data(), values_.size());
    const LocalMatrix local("ritz::solve::direct", n_global_, n_global_, values.extent(0), values,
                            offsets, columns);
    matrix_ = Teuchos::rcp(new la::TpetraMatrix(local, map_, map_, map_, map_));
    // The copies of the gather are not needed any more.
    std::vector<LocalId>().swap(columns_);
    std::vector<double>().swap(values_);
    std::vector<std::size_t>().swap(offsets_);

    solver_ = Amesos2::create<la::TpetraMatrix, la::TpetraVectors>("KLU2", matrix_);
    if (!passed.empty()) {
      const auto list = Teuchos::rcp(new Teuchos::ParameterList("Amesos2"));
      put(passed, known_direct(), list->sublist("KLU2"));
      solver_->setParameters(list);
      refuse_unread(passed, list->sublist("KLU2"), "KLU2");
    }
    solver_->symbolicFactorization();
    solver_->numericFactorization();
  }

  comm::Communicator communicator_;
  LocalId n_global_ = 0;
  std::vector<std::size_t> offsets_;  // on rank 0, until the factorisation
  std::vector<LocalId> columns_;
  std::vector<double> values_;
  std::vector<std::size_t> row_counts_;
  Teuchos::RCP<const la::TpetraMap> map_;
  Teuchos::RCP<la::TpetraMatrix> matrix_;
  Teuchos::RCP<Solver> solver_;
  la::Vector b_, x_;
};

}  // namespace

std::unique_ptr<la::Preconditioner> make_direct(const la::Matrix& matrix, const Passed& passed,
                                                SetUp& set_up) {
  return std::make_unique<Direct>(matrix, passed, set_up);
}

std::string self_test_direct(const comm::Communicator& communicator) {
  // The second difference on 64 unknowns with x_i = i: known solution, different rows a rank.
  const int n = 64;
  const comm::BlockRange blocks(n, communicator.size());
  const auto begin = static_cast<LocalId>(blocks.begin(communicator.rank()));
  const auto end = static_cast<LocalId>(blocks.end(communicator.rank()));
  std::vector<GlobalId> ghosts;
  if (begin < end) {
    if (begin > 0) ghosts.push_back(begin - 1);
    if (end < n) ghosts.push_back(end);
  }
  la::Layout layout = la::Layout::from_owned(communicator, end - begin, ghosts);
  std::vector<std::size_t> offsets{0};
  std::vector<LocalId> columns;
  std::vector<double> values, rhs;
  for (LocalId i = begin; i < end; ++i) {
    std::vector<std::pair<LocalId, double>> row;
    for (int j = i - 1; j <= i + 1; ++j) {
      if (j < 0 || j >= n) continue;
      LocalId local = j - begin;
      if (j < begin || j >= end) {
        const auto at = std::lower_bound(layout.ghost_ids.begin(), layout.ghost_ids.end(), j);
        local = layout.n_owned + static_cast<LocalId>(at - layout.ghost_ids.begin());
      }
      row.emplace_back(local, j == i ? 2.0 : -1.0);
    }
    std::sort(row.begin(), row.end());
    for (const auto& [column, value] : row) {
      columns.push_back(column);
      values.push_back(value);
    }
    offsets.push_back(columns.size());
    rhs.push_back(i == n - 1 ? n + 1 : 0.0);
  }
  la::CsrMatrix rows;
  rows.pattern.row_offsets = device::to_device("offsets", offsets.data(), offsets.size());
  rows.pattern.columns = device::to_device("columns", columns.data(), columns.size());
  rows.values = device::to_device("values", values.data(), values.size());
  const la::Matrix matrix(std::move(layout), std::move(rows));
  const la::Vector b = device::to_device("b", rhs.data(), rhs.size());
  const la::Vector x = la::make_vector("x", end - begin);
  std::string problem;
  try {
    const auto map = la::row_map(matrix.layout());
    const auto x_vector = la::tpetra(map, x);
    const auto b_vector = la::tpetra(map, b);
    const auto solver = Amesos2::create<la::TpetraMatrix, la::TpetraVectors>(
        "KLU2", la::tpetra(matrix), x_vector, b_vector);
    solver->symbolicFactorization().numericFactorization().solve();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  problem = comm::agreed_failure(communicator, problem, base::ExitCode::environment);
  double worst = 0;
  const auto x_host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), x);
  for (LocalId i = begin; i < end; ++i) {
    const double e = std::abs(x_host(static_cast<std::size_t>(i - begin)) - (i + 1)) / n;
    if (!(e <= worst)) worst = e;
  }
  worst = communicator.max(worst);
  if (!problem.empty()) return "KLU2 failed: " + problem;
  // The condition number is about n^2: round-off allows 1e-12.
  if (!(worst < 1e-10)) return fmt::format("KLU2's solution is wrong by {:.1e}", worst);
  return {};
}

}  // namespace ritz::solve
