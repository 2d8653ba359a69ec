#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ritz::deck {

/// `text` in lines of at most `width` characters, broken at blanks; `between` goes between lines (a
/// line break and what the next line begins with).
[[nodiscard]] inline std::string wrapped(std::string_view text, std::size_t width,
                                         const std::string& between) {
  std::string result;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (column > 0 && column + 1 + word.size() > width) {
      result += between;
      column = 0;
    } else if (column > 0) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

}  // namespace ritz::deck
