#pragma once

#include <string>

namespace ritz::base {

/// How this executable was built; goes into the provenance of every file.
struct Build {
  std::string version;   ///< "0.1.0"
  std::string commit;    ///< git hash, "unknown" outside a checkout
  bool modified;         ///< the checkout had uncommitted changes
  std::string compiler;  ///< "GNU 12.2.0"
  std::string flags;     ///< compile flags and build type
};

[[nodiscard]] const Build& build();

}  // namespace ritz::base
