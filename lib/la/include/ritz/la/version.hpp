#pragma once

#include <string>

namespace ritz::la {

/// "13.2.0": the Trilinos that this program is linked to. Local.
[[nodiscard]] std::string trilinos_version();

}  // namespace ritz::la
