#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "ritz/fem/space.hpp"
#include "ritz/la/csr.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/form.hpp"

namespace ritz::assembly {

/// Prescribed values of the `value` boundaries: interpolated at the nodes of the facets in the
/// sets, in deck order (later wins). Collective (ghost dofs on facets that only other ranks see are
/// told by their owners). `clashes` counts dofs (owned, global sum) for which two boundaries
/// prescribe values that differ by more than 1e-10 relative to the largest.
struct FixedValues {
  fem::Constraints constraints;
  GlobalId n_fixed = 0;
  GlobalId n_clashes = 0;
  std::array<double, 3> clash_at{};  ///< where one of them is
  double clash_difference = 0;       ///< the largest
};
[[nodiscard]] FixedValues fixed_values(const mesh::Mesh& mesh, const fem::Space& space,
                                       const physics::Form& form, double time = 0.0);

/// Assembles A and b of a form into a fixed CSR pattern.
///
/// Each rank computes all entries of its owned rows from owned and ghost cells: no communication
/// and no atomics. Rows are cut into fixed tiles; a tile's cells are visited in the order of their
/// global ids, so each entry is the same sum in the same order for every number of threads and
/// ranks. Prescribed dofs are eliminated symmetrically: identity rows with the prescribed value on
/// the right, their columns moved to the right-hand side.
class Assembler {
 public:
  /// For tests and measurements; the matrix is the same up to round-off, and the same bits for
  /// every tile_shift and for serial or parallel tiles.
  struct Options {
    enum class Kernel : std::uint8_t { automatic, dense, sum_factorised, closed_form };
    /// Which element kernel; one that the space or the form does not allow is an Error(internal).
    Kernel kernel = Kernel::automatic;
    int tile_shift = 0;         ///< tiles of 2^tile_shift rows, 1..16; 0: by element
    bool serial_tiles = false;  ///< one thread, last tile first (where the device is the host)
  };

  /// Builds the pattern and the scatter map. Local. `fixed`: which dofs are prescribed (only
  /// is_fixed is used here). `mesh` and `space` must outlive the assembler; the mesh has its
  /// ghosts.
  Assembler(const mesh::Mesh& mesh, const fem::Space& space, const fem::Constraints& fixed);
  Assembler(const mesh::Mesh& mesh, const fem::Space& space, const fem::Constraints& fixed,
            const Options& options);
  ~Assembler();
  Assembler(Assembler&&) noexcept;
  Assembler& operator=(Assembler&&) noexcept;
  Assembler(const Assembler&) = delete;
  Assembler& operator=(const Assembler&) = delete;

  [[nodiscard]] const la::CsrPattern& pattern() const;

  struct Result {
    double max_asymmetry = 0;  ///< largest |K - K^T| / |K| met at a quadrature point
    double min_diffusion = 0, max_diffusion = 0;  ///< over points (smallest, largest eigenvalue)
    /// First coefficient value that is NaN or infinite; local, cell -1 if none.
    LocalId bad_cell = -1;
    std::array<double, 3> bad_point{};
    std::string bad_coefficient;
  };

  /// Overwrites `values` [pattern size] and `rhs` [n_owned]. Local (not collective): the caller
  /// agrees on `bad_cell` afterwards.
  Result assemble(const physics::Form& form, const fem::Constraints& fixed, double time,
                  const la::Vector& values, const la::Vector& rhs) const;

  /// Bytes this assembler holds (pattern, maps), for the memory report.
  [[nodiscard]] std::size_t bytes() const;

  struct Plan;  ///< private to the room

 private:
  std::unique_ptr<Plan> plan_;
};

}  // namespace ritz::assembly
