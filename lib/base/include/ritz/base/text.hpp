#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ritz::base {

/// The candidate a user most likely meant by `word` (Damerau-Levenshtein distance, case ignored),
/// or nothing when none is near: at most a third of the longer word's letters differ.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word,
                                                 const std::vector<std::string>& candidates);

/// "a, b and c"; "none" when empty. `last` is the word before the last item.
[[nodiscard]] std::string list(const std::vector<std::string>& items,
                               std::string_view last = "and");

/// "1.5 GiB", "512 B".
[[nodiscard]] std::string bytes_text(double bytes);

/// "0.81 s", "12.3 s", "4 min 05 s", "2 h 03 min".
[[nodiscard]] std::string duration_text(double seconds);

/// "1,030,301"
[[nodiscard]] std::string count_text(std::int64_t count);

/// Shortest text that reads back as the same double; always with a '.', 'e', "inf" or "nan" in it.
[[nodiscard]] std::string number_text(double value);

[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace ritz::base
