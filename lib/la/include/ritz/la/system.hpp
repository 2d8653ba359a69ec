#pragma once

#include <cstddef>
#include <cstdint>

#include "ritz/la/csr.hpp"
#include "ritz/la/kernel.hpp"
#include "ritz/la/layout.hpp"

namespace ritz::la {

class Matrix;

/// A linear map between vectors of the same layout: an assembled matrix or a matrix-free operator.
class Operator {
 public:
  virtual ~Operator() = default;
  [[nodiscard]] virtual const Layout& layout() const = 0;
  /// y = A x; x and y [n_owned], distinct. Collective.
  virtual void apply(const Vector& x, const Vector& y) const = 0;
  /// The diagonal into d [n_owned]; false, and d as it was, if it is not known. Collective.
  [[nodiscard]] virtual bool diagonal_into(const Vector& d) const {
    static_cast<void>(d);
    return false;
  }
  /// The assembled matrix behind it, or nullptr: what ILU, algebraic multigrid and direct methods
  /// and the diagnosis need.
  [[nodiscard]] virtual const Matrix* matrix() const { return nullptr; }
};

/// An approximate inverse: z = M^-1 r. Linear and the same in every application, unless
/// `is_variable()`.
class Preconditioner {
 public:
  virtual ~Preconditioner() = default;
  /// r and z [n_owned], distinct. Collective.
  virtual void apply(const Vector& r, const Vector& z) const = 0;
  /// Changes from one application to the next (an inner iteration): needs a flexible method.
  [[nodiscard]] virtual bool is_variable() const { return false; }
  [[nodiscard]] virtual std::size_t bytes() const { return 0; }  ///< memory held by this rank
};

/// A x = b and what is known about A. `op` must outlive the system.
struct System {
  const Operator* op = nullptr;
  Vector rhs;                        ///< [n_owned]
  bool symmetric = true;             ///< A = A^T by construction
  bool constant_null_space = false;  ///< A 1 = 0: pure Neumann
  /// [n_owned] or empty: unknowns with identity rows (prescribed values).
  device::View<const std::uint8_t*> is_fixed;
  /// [n_owned] or empty: weights w_i of the mean sum(w_i u_i) / sum(w_i) that is fixed to zero when
  /// there is a constant null space (integrals of the basis functions); all 1 when empty.
  Vector mean_weights;
  /// Of several unknowns: A z = 0. The right-hand side's part in the left kernel is removed, it
  /// must be none or round-off, and the solution's by the duals.
  Kernel kernel;
};

}  // namespace ritz::la
