#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ritz/base/error.hpp"

namespace ritz::expr {

/// Something is wrong with the text of an expression (ExitCode::deck). what() is the message, then
/// the text with a caret line below it. A deck reader that knows where the text starts reports
/// {file, line, column of the text + offset()} with message() and caret().
class ParseError : public base::Error {
 public:
  /// @param text the whole expression
  /// @param offset first byte that is wrong, counted from 0; text.size() = at the end
  /// @param length bytes that are wrong, at least 1 is marked
  ParseError(std::string_view text, std::size_t offset, std::size_t length, std::string message);

  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::size_t length() const noexcept { return length_; }
  /// One line: what is wrong and what to write instead.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  /// Two lines: the text (about 100 columns of it around the place) and the marks below.
  [[nodiscard]] const std::string& caret() const noexcept { return caret_; }

 private:
  ParseError(std::size_t offset, std::size_t length, std::string message, std::string caret);

  std::size_t offset_;
  std::size_t length_;
  std::string message_;
  std::string caret_;
};

/// The two lines of ParseError::caret(). Bytes that are neither printable ASCII nor part of a valid
/// UTF-8 sequence are shown as '?', line breaks and tabs as blanks.
[[nodiscard]] std::string caret_lines(std::string_view text, std::size_t offset,
                                      std::size_t length);

}  // namespace ritz::expr
