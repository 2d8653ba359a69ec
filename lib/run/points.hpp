#pragma once

// Places in messages; private to room run.

#include <array>
#include <cstddef>
#include <string>

#include "ritz/base/format.hpp"
#include "ritz/base/ids.hpp"

namespace ritz::run {

/// "(0.5, 1)" with as many coordinates as the mesh has.
[[nodiscard]] inline std::string point_text(const std::array<double, 3>& at, int dimension) {
  std::string text = "(";
  for (int d = 0; d < dimension; ++d)
    text += fmt::format("{}{:.6g}", d ? ", " : "", at[static_cast<std::size_t>(d)]);
  return text + ")";
}

/// Unknowns for which two boundaries prescribe different values.
[[nodiscard]] inline std::string clash_text(GlobalId count, double difference,
                                            const std::array<double, 3>& at, int dimension) {
  return fmt::format(
      "{} unknown{} where two [[boundary]] tables meet get different values (by up to {:.3g}, one "
      "at {}); the later table wins",
      count, count == 1 ? "" : "s", difference, point_text(at, dimension));
}

}  // namespace ritz::run
