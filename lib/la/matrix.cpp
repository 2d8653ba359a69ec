#include "ritz/la/matrix.hpp"

#include <utility>

#include "ritz/base/error.hpp"
#include "ritz/la/tpetra.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::la {

struct Matrix::Trilinos {
  Layout layout;
  CsrMatrix rows;
  GlobalId n_entries = 0;
  std::size_t generation = 0;
  Teuchos::RCP<const TpetraMap> map;
  Teuchos::RCP<TpetraMatrix> matrix;
};

namespace {

using LocalMatrix = TpetraMatrix::local_matrix_device_type;

Teuchos::RCP<const TpetraMap> column_map(const Layout& layout) {
  std::vector<GlobalId> ids;
  ids.reserve(static_cast<std::size_t>(layout.n_local()));
  for (LocalId i = 0; i < layout.n_owned; ++i) ids.push_back(layout.first + i);
  ids.insert(ids.end(), layout.ghost_ids.begin(), layout.ghost_ids.end());
  const auto communicator = Teuchos::rcp(new Teuchos::MpiComm<int>(layout.communicator.handle()));
  const Teuchos::ArrayView<const GlobalId> view(ids.empty() ? nullptr : ids.data(),
                                                static_cast<Teuchos::Ordinal>(ids.size()));
  return Teuchos::rcp(new TpetraMap(Teuchos::OrdinalTraits<Tpetra::global_size_t>::invalid(), view,
                                    0, communicator));
}

}  // namespace

Teuchos::RCP<const TpetraMap> row_map(const Layout& layout) {
  const auto communicator = Teuchos::rcp(new Teuchos::MpiComm<int>(layout.communicator.handle()));
  return Teuchos::rcp(new TpetraMap(static_cast<Tpetra::global_size_t>(layout.n_global),
                                    static_cast<std::size_t>(layout.n_owned), 0, communicator));
}

Matrix::Matrix(Layout layout, CsrMatrix rows)
    : trilinos_(new Trilinos{std::move(layout), std::move(rows), 0, 0, {}, {}}) {
  Trilinos& t = *trilinos_;
  const Layout& l = t.layout;
  l.communicator.together([&] {
    if (t.rows.pattern.n_rows() != l.n_owned)
      throw base::Error(base::ExitCode::internal, "the matrix has not as many rows as the layout");
  });
  t.n_entries = l.communicator.sum(static_cast<GlobalId>(t.rows.values.extent(0)));
  t.map = row_map(l);
  const auto columns = column_map(l);
  Teuchos::Array<int> owners(l.ghost_owners.begin(), l.ghost_owners.end());
  Teuchos::RCP<const Tpetra::Import<LocalId, GlobalId, TpetraNode>> import;
  if (l.communicator.any(l.n_ghosts() > 0)) {
    import =
        Teuchos::rcp(new Tpetra::Import<LocalId, GlobalId, TpetraNode>(t.map, columns, owners));
  }
  // Tpetra wants one row offset even where there are no rows.
  device::View<std::size_t*> offsets = t.rows.pattern.row_offsets;
  if (offsets.extent(0) == 0) offsets = device::View<std::size_t*>("ritz::la::row_offsets", 1);
  t.rows.pattern.row_offsets = offsets;
  const LocalMatrix local("ritz::la::matrix", static_cast<LocalId>(l.n_owned), l.n_local(),
                          t.rows.values.extent(0), t.rows.values, offsets, t.rows.pattern.columns);
  t.matrix =
      Teuchos::rcp(new TpetraMatrix(local, t.map, columns, t.map, t.map, import, Teuchos::null));
}

Matrix::~Matrix() = default;
Matrix::Matrix(Matrix&&) noexcept = default;
Matrix& Matrix::operator=(Matrix&&) noexcept = default;

const Layout& Matrix::layout() const {
  return trilinos_->layout;
}
const CsrMatrix& Matrix::rows() const {
  return trilinos_->rows;
}
std::size_t Matrix::generation() const {
  return trilinos_->generation;
}
void Matrix::values_changed() {
  ++trilinos_->generation;
}
GlobalId Matrix::n_entries() const {
  return trilinos_->n_entries;
}

void Matrix::apply(const Vector& x, const Vector& y) const {
  trilinos_->matrix->apply(*tpetra(trilinos_->map, x), *tpetra(trilinos_->map, y));
}

void Matrix::diagonal(const Vector& d) const {
  const CsrPattern pattern = trilinos_->rows.pattern;
  const auto values = trilinos_->rows.values;
  Kokkos::parallel_for(
      "ritz::la::Matrix::diagonal",
      Kokkos::RangePolicy<device::ExecutionSpace>(0, trilinos_->layout.n_owned),
      KOKKOS_LAMBDA(const LocalId i) {
        d(i) = 0;
        for (std::size_t k = pattern.row_offsets(i); k < pattern.row_offsets(i + 1); ++k)
          if (pattern.columns(k) == i) d(i) = values(k);
      });
}

LocalId Matrix::first_not_finite_row() const {
  const CsrPattern pattern = trilinos_->rows.pattern;
  const auto values = trilinos_->rows.values;
  const LocalId n = trilinos_->layout.n_owned;
  LocalId first = n;
  Kokkos::parallel_reduce(
      "ritz::la::Matrix::first_not_finite_row", Kokkos::RangePolicy<device::ExecutionSpace>(0, n),
      KOKKOS_LAMBDA(const LocalId i, LocalId& local) {
        for (std::size_t k = pattern.row_offsets(i); k < pattern.row_offsets(i + 1); ++k)
          if (!__builtin_isfinite(values(k)) && i < local) local = i;
      },
      Kokkos::Min<LocalId>(first));
  return first < n ? first : LocalId{-1};
}

Teuchos::RCP<TpetraMatrix> tpetra(const Matrix& matrix) {
  return matrix.trilinos().matrix;
}

Teuchos::RCP<TpetraVectors> tpetra(const Teuchos::RCP<const TpetraMap>& map, const Vector& x) {
  // One column: LayoutRight of one dimension and LayoutLeft of two are the same memory.
  using Dual = TpetraVectors::dual_view_type;
  const Dual::t_dev device_view(x.data(), x.extent(0), 1);
  const auto host_view = Kokkos::create_mirror_view(device_view);
  Dual dual(device_view, host_view);
  if constexpr (!std::is_same_v<Dual::t_dev::memory_space, Dual::t_host::memory_space>)
    dual.modify_device();
  return Teuchos::rcp(new TpetraVectors(map, dual));
}

Vector view_of(TpetraVectors& x) {
  const auto view = x.getLocalViewDevice(Tpetra::Access::ReadWrite);
  return Vector(view.data(), view.extent(0));
}

Vector view_of(const TpetraVectors& x) {
  const auto view = x.getLocalViewDevice(Tpetra::Access::ReadOnly);
  return Vector(const_cast<double*>(view.data()), view.extent(0));
}

namespace {

/// y = alpha f(x) + beta y, where f maps one vector to another.
template <class Map>
void apply_to_columns(const TpetraVectors& x, TpetraVectors& y, double alpha, double beta,
                      const Map& map) {
  for (std::size_t column = 0; column < x.getNumVectors(); ++column) {
    const auto x_column = x.getVector(column);
    const auto y_column = y.getVectorNonConst(column);
    const Vector from = view_of(static_cast<const TpetraVectors&>(*x_column));
    const Vector to = view_of(static_cast<TpetraVectors&>(*y_column));
    if (alpha == 1.0 && beta == 0.0) {
      map(from, to);
    } else {
      const Vector image = make_vector("ritz::la::image", static_cast<LocalId>(to.extent(0)));
      map(from, image);
      axpby(alpha, image, beta, to);
    }
  }
}

void refuse_transpose(Teuchos::ETransp mode) {
  if (mode != Teuchos::NO_TRANS)
    throw base::Error(base::ExitCode::internal, "an operator was asked for its transpose");
}

}  // namespace

void OperatorAdaptor::apply(const TpetraVectors& x, TpetraVectors& y, Teuchos::ETransp mode,
                            double alpha, double beta) const {
  refuse_transpose(mode);
  apply_to_columns(x, y, alpha, beta,
                   [&](const Vector& from, const Vector& to) { op_.apply(from, to); });
}

void PreconditionerAdaptor::apply(const TpetraVectors& x, TpetraVectors& y, Teuchos::ETransp mode,
                                  double alpha, double beta) const {
  refuse_transpose(mode);
  apply_to_columns(x, y, alpha, beta,
                   [&](const Vector& from, const Vector& to) { preconditioner_.apply(from, to); });
}

}  // namespace ritz::la
