#pragma once

#include <array>
#include <cstdint>

#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// A box of dimension 1, 2 or 3 cut into n_x * n_y * n_z bricks; each brick is one line, quad or
/// hex, two triangles or six Kuhn tets.
struct Box {
  CellType cell_type = CellType::hex;
  std::array<GlobalId, 3> cells{1, 1, 1};
  std::array<double, 3> lower{0, 0, 0};
  std::array<double, 3> upper{1, 1, 1};
  /// Ratio of the last brick's size to the first one's in each direction, geometric in between.
  std::array<double, 3> grading{1, 1, 1};

  enum class Distortion { none, smooth, random, kershaw };
  /// Vertices on the boundary stay where they are, except kershaw's. smooth: inner vertices move
  /// along the diagonal by amount * (length in each direction) * prod_d sin(pi s_d), s in [0,1]
  /// across the box: the same map for every cell size, so refined boxes converge to one domain map;
  /// its Jacobian stays positive for amount < 1/(pi sqrt(d)). random: each inner vertex is moved in
  /// each direction by up to amount * half the smaller neighbouring brick, a hash of (seed, vertex
  /// id) decides how far, so the mesh is the same for every number of ranks. kershaw: with epsilon
  /// = 1 - amount, in y and z the cells of one half are epsilon times as large as without
  /// distortion, those of the other 2 - epsilon times; which half changes along x in six layers:
  /// lower in the first, upper at 1/3, lower at 2/3, upper in the last, smoothly in between.
  /// Vertices on the boundary stay on their side (Kershaw, J. Comput. Phys. 39, 1981, 375; as in
  /// the benchmarks of CEED: Kolev et al., Int. J. High Perform. Comput. Appl. 35, 2021, 527).
  Distortion distortion = Distortion::none;
  double distortion_amount = 0.0;
  std::uint64_t seed = 1;

  /// Bricks of so many of the box's bricks in each direction, with those vertices of the box that
  /// are their corners, graded and distorted where the box has them: a coarser mesh of the same
  /// domain (mesh/hierarchy.hpp). Divide `cells`. Everything below counts these bricks.
  std::array<GlobalId, 3> stride{1, 1, 1};
};

/// This rank's block of the box's cells, in the order of their ids (bricks with x fastest, a
/// brick's children together): no ghosts yet, `exterior` known, a rank may have no cell.
/// Collective.
///
/// Global ids: vertex (i, j, k) has i + (n_x + 1)(j + (n_y + 1) k), child c of brick b has
/// b * children + c. One region "domain". Sets: left and right are the low and the high end in x;
/// in two dimensions bottom and top are low and high y; in three dimensions z points up: bottom and
/// top are low and high z, front and back low and high y.
///
/// Triangles: (0,1,3) and (0,3,2) of the quad's corners. Tets: Kuhn's six along the diagonal 0-7.
/// Directions beyond the dimension are ignored. `box` is the same on every rank.
/// Throws Error(deck) on more than 2^62 cells or vertices, a size, a count, a grading or a
/// distortion that makes no sense, Error(memory) on more cells per rank than LocalId can count.
[[nodiscard]] Mesh make_box(const comm::Communicator& communicator, const Box& box);

}  // namespace ritz::mesh
