#include "supports.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "matrix_free_jacobian.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"

namespace ritz::run {

std::string free_motions(const mesh::Mesh& mesh, const fem::Space& space,
                         const deck::Problem& problem, const physics::SystemForm& form,
                         std::span<const std::uint8_t> is_fixed) {
  if (!deck::is_elastic(problem)) return "";
  const auto m = static_cast<std::size_t>(form.n_unknowns());
  const auto d = static_cast<std::size_t>(form.dimension);
  const std::size_t first = m - d;  // behind the temperature
  for (const auto& boundary : form.boundaries) {
    for (const auto& entry : physics::jacobian_entries(form, boundary)) {
      if (static_cast<std::size_t>(entry.test) >= first &&
          static_cast<std::size_t>(entry.trial) >= first) {
        return "";  // springs on the boundary
      }
    }
  }
  for (const auto& region : form.regions) {
    for (const auto& entry : physics::jacobian_entries(form, region)) {
      // Springs in the volume; the hoop stress of a body of revolution is none along its axis.
      const auto test = static_cast<std::size_t>(entry.test);
      const bool is_hoop = problem.equation.is_axisymmetric && test == first;
      if (test >= first && static_cast<std::size_t>(entry.trial) >= first && entry.test_slot == 0 &&
          entry.trial_slot == 0 && !is_hoop) {
        return "";
      }
    }
  }
  // Sums over the held components of products of motions: what is in the kernel is free.
  const std::vector<double> at = fem::node_coordinates(mesh, space);
  const auto n_owned = static_cast<std::size_t>(space.n_owned);
  std::array<double, 6> bounds;
  bounds.fill(-1e300);
  for (std::size_t i = 0; i < n_owned; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      bounds[c] = std::max(bounds[c], at[3 * i + c]);
      bounds[3 + c] = std::max(bounds[3 + c], -at[3 * i + c]);
    }
  }
  mesh.communicator.all_reduce(std::span<double>(bounds), comm::Op::max);
  double size = 0;
  for (std::size_t c = 0; c < 3; ++c) size = std::max(size, bounds[c] + bounds[3 + c]);
  // A body of revolution moves as a whole along its axis only, one with joined sides turns only
  // where they allow it.
  const bool around = problem.equation.is_axisymmetric;
  std::vector<std::array<std::size_t, 2>> planes;
  if (!around && d == 2) planes = {{0, 1}};
  if (!around && d == 3) planes = {{0, 1}, {1, 2}, {0, 2}};
  std::erase_if(planes, [&](const auto& plane) {
    return !may_turn(mesh, static_cast<int>(plane[0]), static_cast<int>(plane[1]));
  });
  const std::size_t n_rotations = planes.size();
  const std::size_t n = d + n_rotations;
  std::vector<double> gram(n * n, 0.0);
  std::vector<double> motion(n);
  for (std::size_t i = 0; i < n_owned; ++i) {
    for (std::size_t c = 0; c < d; ++c) {
      if (is_fixed[i * m + first + c] == 0) continue;
      for (std::size_t k = 0; k < d; ++k) motion[k] = k == c ? 1.0 : 0.0;
      for (std::size_t r = 0; r < n_rotations; ++r) {
        const auto [a, b] = planes[r];
        const auto x = [&](std::size_t axis) {
          return (at[3 * i + axis] - 0.5 * (bounds[axis] - bounds[3 + axis])) / size;
        };
        motion[d + r] = c == a ? -x(b) : c == b ? x(a) : 0.0;
      }
      for (std::size_t k = 0; k < n; ++k)
        for (std::size_t l = 0; l < n; ++l) gram[k * n + l] += motion[k] * motion[l];
    }
  }
  mesh.communicator.all_reduce(std::span<double>(gram), comm::Op::sum);
  double largest = 0;
  for (std::size_t k = 0; k < n; ++k) largest = std::max(largest, gram[k * n + k]);
  std::vector<std::string> free;
  std::size_t n_free = 0;
  for (std::size_t k = around ? 1 : 0; k < d; ++k) {
    if (gram[k * n + k] == 0) free.push_back(std::string("along ") + "xyz"[k]);
  }
  // Rank by elimination with the largest pivot.
  std::vector<bool> is_done(n, false);
  if (around) is_done[0] = true;
  while (true) {
    std::size_t pivot = n;
    for (std::size_t k = 0; k < n; ++k) {
      if (!is_done[k] && (pivot == n || gram[k * n + k] > gram[pivot * n + pivot])) pivot = k;
    }
    if (pivot == n) break;
    is_done[pivot] = true;
    if (!(gram[pivot * n + pivot] > 1e-10 * largest)) {
      ++n_free;
      continue;
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (is_done[k]) continue;
      const double factor = gram[k * n + pivot] / gram[pivot * n + pivot];
      for (std::size_t l = 0; l < n; ++l) gram[k * n + l] -= factor * gram[pivot * n + l];
    }
  }
  if (n_free > free.size()) {
    const std::size_t turns = n_free - free.size();
    free.push_back(turns == 1 ? "around one axis" : fmt::format("around {} axes", turns));
  }
  return free.empty() ? std::string() : base::list(free);
}

}  // namespace ritz::run
