#include "ritz/solve/guess.hpp"

#include <cmath>

#include "ritz/la/vector.hpp"
#include "traps.hpp"

namespace ritz::solve {

void move_guess(const la::Operator& op, const la::Vector& b, const la::Vector& x,
                const Directions& directions, const la::Vector& work) {
  const comm::Communicator& all = op.layout().communicator;
  // What is not finite is the solver's to tell.
  const WithoutTraps without_traps;
  double a[2][2] = {}, right[2] = {}, theta[2] = {};
  std::size_t count = 0;
  for (const la::Vector& d : directions) {
    // A rank without unknowns has empty ones.
    if (!all.any(d.extent(0) > 0)) break;
    op.apply(d, work);
    right[count] = la::dot(all, d, b) - la::dot(all, work, x);
    for (std::size_t j = 0; j <= count; ++j) a[count][j] = la::dot(all, directions[j], work);
    ++count;
  }
  if (!(a[0][0] > 0)) return;
  const double factor = a[1][0] / a[0][0], rest = a[1][1] - factor * a[1][0];
  if (rest > 1e-10 * a[1][1]) theta[1] = (right[1] - factor * right[0]) / rest;
  theta[0] = (right[0] - a[1][0] * theta[1]) / a[0][0];
  if (!std::isfinite(theta[0]) || !std::isfinite(theta[1])) return;
  for (std::size_t i = 0; i < count; ++i)
    if (theta[i] != 0) la::axpby(theta[i], directions[i], 1.0, x);
}

}  // namespace ritz::solve
