#pragma once

// Bytes and operations that a good code cannot avoid, on a large mesh of hexahedra with vectors
// that pass the memory once; private to room run. docs/performance.md says the same in words.

namespace ritz::run {

/// What an operator has to read of a cell beside its indices.
enum class CellData {
  none,      ///< boxes, constant coefficient
  vertices,  ///< trilinear cells, constant coefficient
  factors,   ///< boxes, a scalar coefficient that varies
  tensors    ///< curved cells: the symmetric tensor at each point
};

/// Numbers of a cell: 21 of its edges and two, or at degree 1 and on curved cells the symmetric
/// tensor at each point;
/// where a coefficient varies one tensor and a number at each point.
inline double cell_numbers(int degree, CellData data) {
  const double points = (degree + 1.0) * (degree + 1.0) * (degree + 1.0);
  if (data == CellData::none) return 0.0;
  if (data == CellData::factors) return 6 + points;
  return degree == 1 || data == CellData::tensors ? 6 * points : 23.0;
}

/// Bytes an unknown of one operator action: vectors in and out with the line that is read before
/// it is written, one 32-bit index for each vertex, edge, face and interior of a cell, and the
/// cell's numbers.
inline double action_bytes(int degree, CellData data, bool single) {
  const double k = degree, size = single ? 4.0 : 8.0;
  const double entities = degree == 1 ? 8.0 : 27.0;
  return 3 * size + (4 * entities + size * cell_numbers(degree, data)) / (k * k * k);
}

/// Operations an unknown of one action, a multiply-add as two: one-dimensional even-odd sweeps of
/// k + 3 operations a point; 7 in the separable form on boxes, 12 elsewhere and the tensor: 15
/// where it is read, and where it is computed 39 at a point, 40 for a line and 205 for a plane of
/// points.
inline double action_flops(int degree, CellData data) {
  const double k = degree;
  const double points = (k + 1) * (k + 1) * (k + 1) / (k * k * k);
  if (data == CellData::none) return points * (7 * (k + 3) + 3);
  const double tensor =
      degree == 1 || data == CellData::tensors ? 15 : 39 + (40 + 205 / (k + 1)) / (k + 1);
  return points * (12 * (k + 3) + tensor);
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
inline double cycle_bytes(int degree, CellData data, int m) {
  const double step = 32.0 + action_bytes(degree, data, true) - 12.0;
  return 2 * m * step * 8.0 / 7.0 + action_bytes(degree, data, false) + cg_bytes(false);
}

/// A step of leapfrog in one pass: the displacement (the operator's source, read and written), the
/// velocity (read and written) and the acceleration of the step before (read, then the operator's
/// target) take 48 bytes an unknown, the inverse of the lumped mass 8; indices and numbers of the
/// cells as in action_bytes(), whose two vectors are 24 of these.
inline double leapfrog_bytes(int degree, CellData data) {
  return action_bytes(degree, data, false) + 32.0;
}
/// v += k a, u += dt v, a = -m a.
inline constexpr double leapfrog_flops = 5.0;

/// Elasticity with three displacements and constant moduli on trilinear cells: bytes an unknown of
/// one action, as action_bytes(): indices and the 23 numbers of a cell are shared by its three.
inline double elastic_action_bytes(int degree, bool single) {
  const double k = degree, size = single ? 4.0 : 8.0;
  const double entities = degree == 1 ? 8.0 : 27.0;
  return 3 * size + (4 * entities + size * 23) / (3 * k * k * k);
}

/// Operations an unknown of it: 12 sweeps, and at a point 46 for the map, 90 for gradients and
/// fluxes, 20 for the stress, shared by three; 18 for a line and for a plane.
inline double elastic_action_flops(int degree) {
  const double k = degree;
  const double points = (k + 1) * (k + 1) * (k + 1) / (k * k * k);
  return points * (12 * (k + 3) + (156 + (18 + 18 / (k + 1)) / (k + 1)) / 3);
}

/// Bytes an unknown of its assembled action: a value and a 32-bit column for each of the three
/// unknowns of (k + 2)^3 nodes in the mean, the row's offset and the vectors.
inline double elastic_matrix_bytes(int degree) {
  const double nodes = (degree + 2.0) * (degree + 2.0) * (degree + 2.0);
  return 3 * nodes * 12 + 8 + 24;
}

}  // namespace ritz::run
