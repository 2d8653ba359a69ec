#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ritz/fem/space.hpp"
#include "ritz/la/csr.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/form.hpp"

namespace ritz::assembly {

/// Cells of a rank by what is stored for them. All but the last have constant coefficients and
/// `scaled` a scalar K that varies.
struct CellKinds {
  LocalId cartesian = 0;    ///< a number a direction: boxes along the axes, diagonal K
  LocalId affine = 0;       ///< one pulled-back tensor: parallelepipeds
  LocalId multilinear = 0;  ///< edges: quads and hexes of first order, K symmetric and positive (a
                            ///< scalar: not 0), no advection; the tensor is computed at each point
  LocalId scaled = 0;       ///< affine or multilinear ones and K at every quadrature point
  LocalId stored = 0;       ///< the pulled-back tensor at every quadrature point

  /// "4,096 multilinear, 12 general cells" of all ranks. Collective.
  [[nodiscard]] std::string text(const comm::Communicator& communicator) const;
};

/// The matrix of a form on lines, quads and hexes, applied cell by cell without being stored: the
/// same matrix as Assembler's up to round-off. Prescribed dofs have identity rows and columns.
///
/// Several cells are computed at once, one in each lane, by sum factorisation (Orszag, J. Comput.
/// Phys. 37, 1980, 70; Kronbichler and Kormann, Comput. Fluids 63, 2012, 135). Cells are told apart
/// by what has to be stored for them: see CellKinds.
///
/// T: double, or float inside a preconditioner.
template <class T>
class CellOperator {
 public:
  using In = device::View<const T*>;
  using Out = device::View<T*>;
  /// Work on a range [begin, end) of owned dofs.
  using Hook = std::function<void(LocalId begin, LocalId end)>;

  using Cells = CellKinds;

  /// Whether these cells can be applied without a matrix: tensor cells.
  [[nodiscard]] static bool supports(const mesh::Mesh& mesh);

  /// Evaluates the coefficients and keeps what it needs of the mesh; `mesh`, `space` and `form` may
  /// go afterwards. Collective. Throws Error(not_finite) on every rank if a coefficient is not
  /// finite.
  CellOperator(const mesh::Mesh& mesh, const fem::Space& space, const fem::Constraints& fixed,
               const physics::Form& form, double time = 0.0);
  ~CellOperator();
  CellOperator(CellOperator&&) noexcept;
  CellOperator& operator=(CellOperator&&) noexcept;
  CellOperator(const CellOperator&) = delete;
  CellOperator& operator=(const CellOperator&) = delete;

  [[nodiscard]] LocalId n_owned() const;

  /// y = A x; x and y [n_owned], distinct. Collective, no allocation.
  ///
  /// `before(begin, end)` is called for disjoint ranges that cover all owned dofs, each before the
  /// range of x is read first; `after(begin, end)` likewise, after y has its last contribution: for
  /// vector updates while the entries are in the cache. Both may run on several threads at a time.
  void apply(const In& x, const Out& y, const Hook& before = {}, const Hook& after = {}) const;

  /// The diagonal [n_owned], by sums of products of 1-D numbers; 1 at prescribed dofs. Collective.
  void diagonal(const Out& d) const;

  /// A bound on the spectrum of D^-1 A, D the diagonal, from this rank's cells; the largest of all
  /// ranks is a bound for the whole. Only if it is cheap and sharp: all cells Cartesian, of a few
  /// shapes, and no Robin boundary here. See cell_spectrum(). Local.
  [[nodiscard]] std::optional<double> spectrum_bound() const;

  [[nodiscard]] Cells cells() const;  ///< of this rank
  /// Smallest eigenvalue of the symmetric part of K at this rank's quadrature points; 0 without
  /// any.
  [[nodiscard]] double min_diffusion() const;
  [[nodiscard]] std::size_t bytes() const;  ///< held by this rank

  struct Data;  ///< private to the room

 private:
  std::unique_ptr<Data> data_;
};

/// The right-hand side that goes with it, b [n_owned], as Assembler makes it: sources, flux and
/// Robin boundaries, prescribed values and what their columns move to the right. Collective. Throws
/// Error(not_finite) on every rank if a coefficient is not finite.
void cell_load(const mesh::Mesh& mesh, const fem::Space& space, const fem::Constraints& fixed,
               const physics::Form& form, double time, const la::Vector& b);

extern template class CellOperator<double>;
extern template class CellOperator<float>;

}  // namespace ritz::assembly
