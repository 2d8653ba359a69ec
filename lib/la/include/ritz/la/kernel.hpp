#pragma once

#include <span>
#include <vector>

#include "ritz/la/csr.hpp"
#include "ritz/la/layout.hpp"

namespace ritz::la {

class Matrix;

/// What a singular matrix A maps to zero, and what its transpose does. All vectors are [n_owned] of
/// the matrix' layout.
struct Kernel {
  std::vector<Vector> right;  ///< A z = 0; orthonormal over all ranks
  std::vector<Vector> left;   ///< A^T y = 0; orthonormal: right-hand sides have no part in them
  /// Functionals w of the solutions, as many as `right`, w_i . z_j = 1 if i = j, else 0: of all
  /// solutions the one with w . x = 0 is meant. Empty: those of `right` itself.
  std::vector<Vector> duals;

  [[nodiscard]] bool empty() const { return right.empty() && left.empty(); }
};

/// A basis of the span of `vectors` that is orthonormal over all ranks; those that depend on the
/// ones before are left out. Collective.
[[nodiscard]] std::vector<Vector> orthonormal(const comm::Communicator& communicator,
                                              std::span<const Vector> vectors);

/// v -= sum_i z_i (w_i . v): with an orthonormal `basis` as its own `duals` the orthogonal
/// projection. Collective.
void remove(const comm::Communicator& communicator, std::span<const Vector> basis,
            std::span<const Vector> duals, const Vector& v);

/// Global numbers of as many unknowns as there are vectors z (and y): the matrices of the z's and
/// of the y's entries there are regular. Where several would do, the first. Collective. Throws
/// Error(not_converged) if there are none.
[[nodiscard]] std::vector<GlobalId> pivots(const Layout& layout, std::span<const Vector> right,
                                           std::span<const Vector> left);

/// A with the diagonal entries of `unknowns` (global numbers) doubled. If those are the pivots of
/// its kernel this matrix is regular, and for a right-hand side b without a part in the left kernel
/// it has a solution of A x = b: y . A x = 0 leaves sum_p y_p a_pp x_p = y . b = 0 for all y, and
/// so all x_p = 0. Local.
[[nodiscard]] CsrMatrix pinned(const Matrix& matrix, std::span<const GlobalId> unknowns);

}  // namespace ritz::la
