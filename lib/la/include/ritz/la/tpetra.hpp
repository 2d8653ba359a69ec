#pragma once

/// The only header of ours that shows Tpetra types; included by the rooms that talk to Trilinos
/// (la, multigrid, solve) and by nobody else.

#include <Teuchos_DefaultMpiComm.hpp>
#include <Tpetra_CrsMatrix.hpp>
#include <Tpetra_Map.hpp>
#include <Tpetra_MultiVector.hpp>
#include <Tpetra_Operator.hpp>

#include "ritz/la/matrix.hpp"

namespace ritz::la {

using TpetraNode = Kokkos::Compat::KokkosDeviceWrapperNode<device::ExecutionSpace>;
using TpetraMap = Tpetra::Map<LocalId, GlobalId, TpetraNode>;
using TpetraMatrix = Tpetra::CrsMatrix<double, LocalId, GlobalId, TpetraNode>;
using TpetraVectors = Tpetra::MultiVector<double, LocalId, GlobalId, TpetraNode>;
using TpetraOperator = Tpetra::Operator<double, LocalId, GlobalId, TpetraNode>;

/// The row map (= domain and range map) of a layout. Collective.
[[nodiscard]] Teuchos::RCP<const TpetraMap> row_map(const Layout& layout);

/// The matrix as Trilinos sees it; shares the values. Not const because Trilinos' interfaces are
/// not: nobody may change the values through it.
[[nodiscard]] Teuchos::RCP<TpetraMatrix> tpetra(const Matrix& matrix);

/// A view of a vector as a multivector of one column: no copy. Local.
[[nodiscard]] Teuchos::RCP<TpetraVectors> tpetra(const Teuchos::RCP<const TpetraMap>& map,
                                                 const Vector& x);

/// The device view of a multivector's only column (not to be written through if it was const).
/// Local.
[[nodiscard]] Vector view_of(TpetraVectors& x);
[[nodiscard]] Vector view_of(const TpetraVectors& x);

/// An `Operator` as a Tpetra operator: what the Krylov methods see, assembled or not.
class OperatorAdaptor final : public TpetraOperator {
 public:
  OperatorAdaptor(const la::Operator& op, Teuchos::RCP<const TpetraMap> map)
      : op_(op), map_(std::move(map)) {}
  Teuchos::RCP<const TpetraMap> getDomainMap() const override { return map_; }
  Teuchos::RCP<const TpetraMap> getRangeMap() const override { return map_; }
  /// y = alpha A x + beta y, column by column.
  void apply(const TpetraVectors& x, TpetraVectors& y, Teuchos::ETransp mode = Teuchos::NO_TRANS,
             double alpha = 1.0, double beta = 0.0) const override;

 private:
  const la::Operator& op_;  // "Operator" alone would be the base class here
  Teuchos::RCP<const TpetraMap> map_;
};

/// A `Preconditioner` as a Tpetra operator.
class PreconditionerAdaptor final : public TpetraOperator {
 public:
  PreconditionerAdaptor(const Preconditioner& preconditioner, Teuchos::RCP<const TpetraMap> map)
      : preconditioner_(preconditioner), map_(std::move(map)) {}
  Teuchos::RCP<const TpetraMap> getDomainMap() const override { return map_; }
  Teuchos::RCP<const TpetraMap> getRangeMap() const override { return map_; }
  void apply(const TpetraVectors& x, TpetraVectors& y, Teuchos::ETransp mode = Teuchos::NO_TRANS,
             double alpha = 1.0, double beta = 0.0) const override;

 private:
  const Preconditioner& preconditioner_;
  Teuchos::RCP<const TpetraMap> map_;
};

}  // namespace ritz::la
