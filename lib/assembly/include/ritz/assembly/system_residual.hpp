#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ritz/assembly/system_assembler.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/system_form.hpp"

namespace ritz::assembly {

/// The residual of a SystemForm on lines, quads and hexes by sum factorisation: that of
/// SystemAssembler up to round-off, in O(k^(d+1)) instead of O(k^2d) operations a cell.
///
/// Several cells are computed at once, one in each lane, as in SystemOperator; the formulas are
/// evaluated for the points of a plane of all of them together. Cells are those a rank owns; what
/// they add to others' unknowns is sent. The same bits for the same numbers of ranks and threads.
class SystemResidual {
 public:
  using State = SystemAssembler::State;

  /// Whether these cells can be computed so: tensor cells.
  [[nodiscard]] static bool supports(const mesh::Mesh& mesh);

  /// Compiles the formulas and keeps what it needs of the geometry; `mesh` and `space` must outlive
  /// the object. `is_fixed`: [n_local * m], as SystemAssembler::is_fixed(). Collective.
  SystemResidual(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form,
                 const std::vector<std::uint8_t>& is_fixed);
  ~SystemResidual();
  SystemResidual(SystemResidual&&) noexcept;
  SystemResidual& operator=(SystemResidual&&) noexcept;
  SystemResidual(const SystemResidual&) = delete;
  SystemResidual& operator=(const SystemResidual&) = delete;

  /// r [n_owned * m]; 0 at prescribed unknowns. Returns whether all values in this rank's cells are
  /// finite; where they are not, SystemAssembler::residual() tells the place. Collective, no
  /// allocation.
  [[nodiscard]] bool residual(const State& state, const la::Vector& r);

  [[nodiscard]] std::size_t bytes() const;  ///< held by this rank

  struct Data;  ///< private to the room

 private:
  std::unique_ptr<Data> data_;
};

}  // namespace ritz::assembly
