#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ritz/expr/program.hpp"

namespace ritz::physics {

/// A scalar field of x, y, z, t: a number, or a compiled expression evaluated at quadrature points.
struct Coefficient {
  bool is_constant = true;
  double value = 0.0;
  expr::Program program;  ///< variables x, y, z, t in this order; used when not constant
};

enum class DiffusionKind : std::uint8_t { none, scalar, diagonal, tensor };

/// Coefficients in one material region of
///   -div(K grad u) + b . grad u + r u = f.
struct RegionForm {
  DiffusionKind diffusion_kind = DiffusionKind::scalar;
  std::vector<Coefficient> diffusion;  ///< 0, 1, d or d*d (row-major) entries
  std::vector<Coefficient> advection;  ///< 0 or d entries
  bool has_reaction = false;
  Coefficient reaction;
  bool has_source = false;
  Coefficient source;
};

/// Natural boundary terms on a list of facets, and prescribed values on dofs.
/// flux: K grad u . n = g.  robin: K grad u . n = h (u_ambient - u).  value: u = g.
struct BoundaryForm {
  enum class Kind : std::uint8_t { value, flux, robin };
  Kind kind = Kind::flux;
  std::vector<std::int16_t> sets;  ///< indices into mesh::Mesh::set_names
  Coefficient value;               ///< value or flux g
  Coefficient coefficient;         ///< robin h
  Coefficient ambient;             ///< robin u_ambient
};

/// A steady linear problem with one unknown on a mesh of `dimension` dimensions.
struct Form {
  int dimension = 0;
  std::vector<RegionForm> regions;  ///< one for each mesh::Mesh::region_names entry
  std::vector<BoundaryForm>
      boundaries;  ///< in deck order; of two values on a dof the later one wins

  /// The matrix is symmetric: no advection, K scalar or diagonal (tensors are checked numerically
  /// at the points where they are evaluated, see assembly::Assembler).
  [[nodiscard]] bool is_symmetric() const;
  /// No value, no robin term and no reaction anywhere: constants are in the null space.
  [[nodiscard]] bool is_pure_neumann() const;
};

}  // namespace ritz::physics
