#pragma once

#include <span>

#include "document.hpp"
#include "report.hpp"
#include "ritz/deck/parse.hpp"

namespace ritz::deck {

/// The deck, all it includes and the overrides merged into one tree.
[[nodiscard]] Node load(const Source& deck, std::span<const Override> overrides,
                        const FileReader& read_include, Report& report);

}  // namespace ritz::deck
