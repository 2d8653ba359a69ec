#pragma once

#include <array>
#include <cstdint>

#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// A box of dimension 1, 2 or 3 cut into n_x * n_y * n_z bricks; each brick is one line, quad or hex,
/// two triangles or six Kuhn tets.
struct Box {
  CellType cell_type = CellType::hex;
  std::array<GlobalId, 3> cells{1, 1, 1};
  std::array<double, 3> lower{0, 0, 0};
  std::array<double, 3> upper{1, 1, 1};
  /// Ratio of the last brick's size to the first one's in each direction, geometric in between.
  std::array<double, 3> grading{1, 1, 1};

  enum class Distortion { none, smooth, random };
  /// smooth: x + amount * h-independent sine bump that vanishes on the boundary; random: each inner
  /// vertex moved by up to amount * half the local brick size, the same for every number of ranks.
  Distortion distortion = Distortion::none;
  double distortion_amount = 0.0;
  std::uint64_t seed = 1;
};

/// This rank's block of the box's cells: no ghosts yet, `exterior` known. Sets: left right (x),
/// bottom top (y; z in no case), front back (z, front at lower z). One region "domain". Collective.
/// Throws Error(deck) on more than 2^62 cells or a non-positive size.
[[nodiscard]] Mesh make_box(const comm::Communicator& communicator, const Box& box);

}  // namespace ritz::mesh
