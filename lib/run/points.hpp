#pragma once

// Places in messages; private to room run.

#include <array>
#include <cstddef>
#include <string>

#include "ritz/base/format.hpp"

namespace ritz::run {

/// "(0.5, 1)" with as many coordinates as the mesh has.
[[nodiscard]] inline std::string point_text(const std::array<double, 3>& at, int dimension) {
  std::string text = "(";
  for (int d = 0; d < dimension; ++d)
    text += fmt::format("{}{:.6g}", d ? ", " : "", at[static_cast<std::size_t>(d)]);
  return text + ")";
}

}  // namespace ritz::run
