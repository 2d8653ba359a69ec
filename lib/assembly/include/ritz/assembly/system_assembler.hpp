#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ritz/fem/space.hpp"
#include "ritz/la/csr.hpp"
#include "ritz/la/layout.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/system_form.hpp"

namespace ritz::assembly {

/// Residual and exact Jacobian of a semi-discrete system of m unknowns, assembled into a fixed CSR
/// pattern.
///
/// Unknown of node n (a dof of the space), component i: number n * m + i, locally (owned first,
/// then ghosts) and in solver ids. The pattern is the scalar one with m x m blocks for entries.
///
/// As in Assembler, each rank computes all entries of its owned rows from owned and ghost cells,
/// without messages or atomics, and the bits are the same for every number of threads and ranks.
/// Prescribed unknowns keep their rows and columns: the rows are those of the identity, the columns
/// zeros. The state must hold the prescribed values (fixed_values()).
class SystemAssembler {
 public:
  /// For tests and measurements; the same numbers up to round-off (and quadrature), and the same
  /// bits for every tile_shift and for serial or parallel tiles.
  struct Options {
    enum class Kernel : std::uint8_t { automatic, cells_in_lanes, rows_in_lanes, closed_form };
    /// How Jacobians are summed; closed_form where it does not fit is an Error(internal).
    Kernel kernel = Kernel::automatic;
    int quadrature_degree = -1;  ///< for all terms in cells; -1: see quadrature_degree()
    int tile_shift = 0;          ///< tiles of 2^tile_shift rows of nodes, 1..16; 0: by element
    bool residual_only =
        false;  ///< no pattern of the blocks: jacobian() and both() must not be called
    bool serial_tiles = false;  ///< one thread, last tile first (where the device is the host)
  };

  /// Differentiates and compiles the formulas, builds pattern and maps. Collective (which dofs are
  /// prescribed is told to ghosts). `mesh` and `space` must outlive the assembler; the mesh has its
  /// ghosts. Throws Error(internal) if form, mesh and space do not fit together or the unknowns are
  /// too many for their local numbers.
  SystemAssembler(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form);
  SystemAssembler(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form,
                  const Options& options);
  ~SystemAssembler();
  SystemAssembler(SystemAssembler&&) noexcept;
  SystemAssembler& operator=(SystemAssembler&&) noexcept;
  SystemAssembler(const SystemAssembler&) = delete;
  SystemAssembler& operator=(const SystemAssembler&) = delete;

  [[nodiscard]] int n_unknowns() const;
  /// Distribution of the n_owned * m unknowns. Local.
  [[nodiscard]] la::Layout layout() const;
  /// [n_owned * m] rows; columns are local numbers, sorted.
  [[nodiscard]] const la::CsrPattern& pattern() const;
  /// Which unknowns are prescribed: [n_local * m].
  [[nodiscard]] const std::vector<std::uint8_t>& is_fixed() const;
  [[nodiscard]] const physics::SystemTraits& traits() const;

  /// What fixed_values() met; as in assembly::FixedValues.
  struct Fixed {
    GlobalId n_fixed = 0;  ///< prescribed unknowns of all ranks
    /// Unknowns for which two boundaries prescribe values that differ by more than 1e-10 relative
    /// to the largest.
    GlobalId n_clashes = 0;
    std::array<double, 3> clash_at{};  ///< where the worst one is
    double clash_difference = 0;
    int clash_unknown = -1;
  };
  /// Writes the prescribed entries of u [n_local * m] at `time`; the others stay as they are.
  /// Interpolates at the nodes of the sets' facets in deck order (later wins). Collective. Throws
  /// Error(not_finite) on every rank on a value that is NaN or infinite.
  Fixed fixed_values(double time, std::span<double> u) const;

  /// Host arrays [n_local * m] with ghosts up to date; rates may be empty: 0.
  struct State {
    double time = 0;
    std::span<const double> u;
    std::span<const double> rate{};
    std::span<const double> second_rate{};
  };

  /// First value that is NaN or infinite; bad_cell is -1 if there is none. Local: the caller agrees
  /// on it. Where there is one, residual and Jacobian lack the terms of the cells beside it.
  struct Result {
    LocalId bad_cell = -1;
    std::array<double, 3> bad_point{};
    std::string bad_term;  ///< "f1.x of u", "d(f0 of u)/d(dx(v))", "natural boundary 2 (left) of u"
    double bad_value = 0;
    /// Everything the formula could use at that point: x, y, z, t, ...
    std::vector<std::pair<std::string, double>> variables;

    /// "f0 of u is nan at (0.5, 0.25), t = 1.5, where u = -1, dx(u) = 0, ...".
    [[nodiscard]] std::string text() const;
  };

  /// r [n_owned * m]; 0 at prescribed unknowns. Local.
  Result residual(const State& state, const la::Vector& r) const;
  /// dF/du + rate_shift dF/du' + second_shift dF/du'': values [pattern size]. Local.
  Result jacobian(const State& state, double rate_shift, double second_shift,
                  const la::Vector& values) const;
  /// Both, in one pass over the cells unless the Jacobian needs no evaluation at points. Local.
  Result both(const State& state, double rate_shift, double second_shift, const la::Vector& r,
              const la::Vector& values) const;

  /// Diagonal of the lumped mass matrix d f0_i / d u'_i (order 1) or u''_i (order 2): d [n_owned *
  /// m], prescribed unknowns included. Tensor cells: Gauss-Lobatto quadrature, whose points are the
  /// nodes. Simplices: row sums, which are 0 or negative at the vertices of degree 2. Local.
  Result lumped_mass(const State& state, int order, const la::Vector& d) const;

  /// Degree that integrates the terms in cells.
  [[nodiscard]] int quadrature_degree() const;
  /// Whether the Jacobian's entries are numbers, so that jacobian() evaluates no formula in cells.
  [[nodiscard]] bool has_constant_jacobian() const;
  /// Bytes this assembler holds (pattern, maps), for the memory report.
  [[nodiscard]] std::size_t bytes() const;

  struct Plan;  ///< private to the room

 private:
  std::unique_ptr<Plan> plan_;
};

}  // namespace ritz::assembly
