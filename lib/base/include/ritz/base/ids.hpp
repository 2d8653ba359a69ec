#pragma once

#include <cstdint>

namespace ritz {

/// Index of something on this rank: cell, vertex, dof. Never stored in a file.
using LocalId = std::int32_t;

/// Number of something in the whole problem. Persistent global ids do not depend on the number of
/// ranks; they are what files hold. `long long` because Tpetra's global ordinal is exactly that
/// type.
using GlobalId = long long;
static_assert(sizeof(GlobalId) == 8);

}  // namespace ritz
