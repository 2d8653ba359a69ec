#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ritz::deck {

/// "8 GiB", "512 MB", "1.5 TiB", "100 B" as a number of bytes. On failure nothing, and `why` says
/// what is allowed.
[[nodiscard]] std::optional<double> parse_bytes(std::string_view text, std::string& why);

/// "2 h", "90 min", "1 h 30 min", "45 s", "1 d", "2:30:00" (h:min:s) or "1-12:00:00" (with days, as
/// schedulers write it) in seconds. On failure nothing, and `why` says what is allowed.
[[nodiscard]] std::optional<double> parse_duration(std::string_view text, std::string& why);

}  // namespace ritz::deck
