#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ritz/assembly/system_assembler.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/system_form.hpp"

namespace ritz::assembly {

/// Cells of a rank by how the map from the reference cell is had, and what the entries are.
struct SystemCellKinds {
  LocalId constant = 0;     ///< parallelepipeds: one set of numbers
  LocalId multilinear = 0;  ///< quads and hexes of first order: edges
  LocalId stored = 0;       ///< numbers at every quadrature point
  int n_entries = 0;        ///< entries of d(f0, f1)/d(u, grad u) that are not zero
  int n_varying = 0;        ///< different ones of them that are kept at every point
  bool isotropic = false;   ///< isotropic elasticity with constant moduli

  /// "4,096 multilinear cells, isotropic elasticity" of all ranks. Collective.
  [[nodiscard]] std::string text(const comm::Communicator& communicator) const;
};

/// The Jacobian of a SystemForm on lines, quads and hexes, applied cell by cell without being
/// stored: the same matrix as SystemAssembler's up to round-off. Unknown of node n, component i:
/// n * m + i. Prescribed unknowns have identity rows and columns.
///
/// Several cells are computed at once, one in each lane, each component by sum factorisation as in
/// CellOperator, and at the points all together. Entries that are numbers are kept once for a
/// region, others at the points, equal ones once; the map from the reference cell is one set of
/// numbers, computed from the cell's edges, or stored at the points.
///
/// T: double, or float inside a preconditioner.
template <class T>
class SystemOperator {
 public:
  using In = device::View<const T*>;
  using Out = device::View<T*>;
  /// Work on a range [begin, end) of owned unknowns.
  using Hook = std::function<void(LocalId begin, LocalId end)>;
  using State = SystemAssembler::State;
  using Result = SystemAssembler::Result;

  /// Whether these cells can be applied without a matrix: tensor cells.
  [[nodiscard]] static bool supports(const mesh::Mesh& mesh);

  /// Differentiates the formulas and keeps what it needs of the geometry; `mesh` and `space` must
  /// live until the last update(). `is_fixed`: [n_local * m], as SystemAssembler::is_fixed(). It is
  /// nothing before the first update(). Collective.
  SystemOperator(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form,
                 const std::vector<std::uint8_t>& is_fixed);
  ~SystemOperator();
  SystemOperator(SystemOperator&&) noexcept;
  SystemOperator& operator=(SystemOperator&&) noexcept;
  SystemOperator(const SystemOperator&) = delete;
  SystemOperator& operator=(const SystemOperator&) = delete;

  /// Becomes value_shift dF/du + rate_shift dF/du' + second_shift dF/du'' at this state, whose
  /// arrays may be empty where no entry depends on them. The result's variables are t alone. Local.
  Result update(const State& state, double rate_shift, double second_shift,
                double value_shift = 1.0);

  [[nodiscard]] LocalId n_owned() const;  ///< unknowns

  /// y = A x; x and y [n_owned], distinct. Collective, no allocation. Hooks as in
  /// CellOperator::apply().
  void apply(const In& x, const Out& y, const Hook& before = {}, const Hook& after = {}) const;

  /// The diagonal [n_owned], by sums of products of 1-D numbers; 1 at prescribed unknowns.
  /// Collective.
  void diagonal(const Out& d) const;

  [[nodiscard]] SystemCellKinds cells() const;  ///< of this rank
  [[nodiscard]] std::size_t bytes() const;      ///< held by this rank

  struct Data;  ///< private to the room

 private:
  std::unique_ptr<Data> data_;
};

/// Which unknowns the form's boundaries prescribe: [n_local * m], as SystemAssembler::is_fixed().
/// Collective.
[[nodiscard]] std::vector<std::uint8_t> fixed_unknowns(const mesh::Mesh& mesh,
                                                       const fem::Space& space,
                                                       const physics::SystemForm& form);

extern template class SystemOperator<double>;
extern template class SystemOperator<float>;

}  // namespace ritz::assembly
