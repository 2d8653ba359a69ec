#pragma once

// Text formatting for every room: fmt::format and its kin. The library's own header is named only
// here, so that an upgrade (or std::format) touches this room alone.
#include <fmt/format.h>
