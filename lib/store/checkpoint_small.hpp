#pragma once

// The small entries of a checkpoint; private to room store.

#include <string>

#include "marker.hpp"
#include "ritz/store/checkpoint.hpp"

namespace ritz::store {

/// Facts, numbers, and names of fields without values; compared with the marker's checksums. Local.
/// Throws Error(io).
[[nodiscard]] Snapshot read_small(const std::string& path, const Marker& marker);

}  // namespace ritz::store
