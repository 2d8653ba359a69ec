#pragma once

#include "ritz/mesh/mesh.hpp"

namespace ritz::assembly {

/// Gauss points a direction of tensor cells, with and without a matrix: k + 1, which is exact to
/// degree 2k + 1. That integrates the fluxes of linear functions exactly, also on cells of geometry
/// order 2: an entry of the Jacobian's cofactors has degree 4 along its own direction and 3 along
/// the others in three dimensions, the derivative of a basis function along that direction k - 1
/// and k, together k + 3; in two dimensions k + 1. Only k = 1 in three dimensions needs one point
/// more. For the order of the method exactness to 2k - 1 is enough (Ciarlet and Raviart, The
/// combined effect of curved boundaries and numerical integration, 1972).
inline int n_points_1d(const mesh::Mesh& mesh, int degree) {
  const bool is_short = mesh.geometry_order == 2 && mesh.dimension() == 3 && degree == 1;
  return degree + (is_short ? 2 : 1);
}

}  // namespace ritz::assembly
