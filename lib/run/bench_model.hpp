#pragma once

// Bytes and operations that a good code cannot avoid, on a large mesh of hexahedra with vectors
// that pass the memory once; private to room run. docs/performance.md says the same in words.

namespace ritz::run {

/// Bytes an unknown of one operator action: vectors in and out with the line that is read before
/// it is written, one 32-bit index for each vertex, edge, face and interior of a cell, and on
/// deformed cells the symmetric tensor at (k + 1)^3 points.
inline double action_bytes(int degree, bool deformed, bool single) {
  const double k = degree, size = single ? 4.0 : 8.0;
  const double entities = degree == 1 ? 8.0 : 27.0;
  const double points = (k + 1) * (k + 1) * (k + 1) / (k * k * k);
  return 3 * size + 4 * entities / (k * k * k) + (deformed ? 6 * size * points : 0.0);
}

/// Operations an unknown of one action: one-dimensional even-odd sweeps of k + 3 operations a point
/// (7 in the separable form on Cartesian cells, 12 and the tensor elsewhere).
inline double action_flops(int degree, bool deformed) {
  const double k = degree;
  const double points = (k + 1) * (k + 1) * (k + 1) / (k * k * k);
  return points * (deformed ? 12 * (k + 3) + 15 : 7 * (k + 3) + 3);
}

/// What our cg moves an unknown and iteration beside the action: 32 for the sums and 80 for the
/// updates, or, with a diagonal and all its vector work inside the operator, 48: x, r, the
/// operator's two vectors and the diagonal read, three written, less what the action counts.
inline double cg_bytes(bool merged) {
  return merged ? 48.0 : 112.0;
}

/// Bytes an unknown of an iteration of cg with one V(m, m) cycle in single precision: 2 m actions
/// with the smoother's updates on the finest level (32 bytes a step and the action's without its
/// vectors), 8/7 of that with the coarser levels, and the action and vectors of cg.
inline double cycle_bytes(int degree, bool deformed, int m) {
  const double step = 32.0 + action_bytes(degree, deformed, true) - 12.0;
  return 2 * m * step * 8.0 / 7.0 + action_bytes(degree, deformed, false) + cg_bytes(false);
}

}  // namespace ritz::run
