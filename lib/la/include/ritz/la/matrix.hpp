#pragma once

#include <cstddef>
#include <memory>

#include "ritz/la/csr.hpp"
#include "ritz/la/layout.hpp"
#include "ritz/la/system.hpp"

namespace ritz::la {

/// A distributed sparse matrix: the rows of this rank as a CsrMatrix, seen by Trilinos as a
/// Tpetra::CrsMatrix that shares the same arrays.
///
/// The Tpetra view of the matrix is made once; when the values are assembled again in place, tell
/// it with `values_changed()`. Shares the views with whoever passed them: do not reallocate them.
class Matrix final : public Operator {
 public:
  /// Collective. Columns are local numbers of `layout`.
  Matrix(Layout layout, CsrMatrix rows);
  ~Matrix() override;
  Matrix(Matrix&&) noexcept;
  Matrix& operator=(Matrix&&) noexcept;
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;

  [[nodiscard]] const Layout& layout() const override;
  [[nodiscard]] const CsrMatrix& rows() const;
  void apply(const Vector& x, const Vector& y) const override;
  [[nodiscard]] const Matrix* matrix() const override { return this; }
  [[nodiscard]] bool diagonal_into(const Vector& d) const override {
    diagonal(d);
    return true;
  }

  /// To be called on all ranks after `rows().values` was overwritten. Local.
  void values_changed();
  /// Counts the calls of `values_changed()`: what set-up data is compared with.
  [[nodiscard]] std::size_t generation() const;

  /// The diagonal into d [n_owned]. Local.
  void diagonal(const Vector& d) const;
  /// Stored entries of all ranks.
  [[nodiscard]] GlobalId n_entries() const;
  /// Index of the first stored value that is NaN or infinite: its row (local), -1 if none. Local.
  [[nodiscard]] LocalId first_not_finite_row() const;

  /// Where the Trilinos objects are; only ritz/la/tpetra.hpp looks inside.
  struct Trilinos;
  [[nodiscard]] const Trilinos& trilinos() const { return *trilinos_; }

 private:
  std::unique_ptr<Trilinos> trilinos_;
};

}  // namespace ritz::la
