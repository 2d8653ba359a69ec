#pragma once

#include <array>

#include "ritz/la/system.hpp"

namespace ritz::solve {

/// Up to two vectors [n_owned] from the front; empty ones are none.
using Directions = std::array<la::Vector, 2>;

/// Equations that improve a guess along directions in which it may be off by a factor.
class TakesDirections {
 public:
  virtual ~TakesDirections() = default;
  /// For the next solve alone, which may change the vectors. Local; all ranks give as many.
  virtual void take_directions(const Directions& directions) = 0;
};

/// x += sum_i theta_i d_i so that the error of A x = b is least in the norm of A, which is
/// symmetric and positive (Fischer, Comput. Methods Appl. Mech. Engrg. 163, 1998, 193):
///   sum_j (d_i, A d_j) theta_j = (d_i, b) - (A d_i, x).
/// One product with A for each direction and no residual. Directions that A hardly tells apart
/// count once. `work` [n_owned] is overwritten. Collective, no allocation.
void move_guess(const la::Operator& op, const la::Vector& b, const la::Vector& x,
                const Directions& directions, const la::Vector& work);

}  // namespace ritz::solve
