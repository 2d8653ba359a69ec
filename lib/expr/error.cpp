#include "ritz/expr/error.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "utf8.hpp"

namespace ritz::expr {

namespace {

/// What one column of the printed line shows, and which bytes of the text it stands for.
struct Column {
  std::size_t begin;
  std::size_t end;
  std::string_view shown;
};

std::vector<Column> columns_of(std::string_view text) {
  std::vector<Column> columns;
  columns.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const detail::CodePoint point = detail::decode(text, i);
    std::string_view shown = text.substr(i, point.length);
    if (!point.valid) shown = "?";
    if (point.length == 1 && point.valid && (point.value < 0x20 || point.value == 0x7f)) {
      shown = point.value == '\t' || point.value == '\n' || point.value == '\r' ? " " : "?";
    }
    // C1 controls and the bidirectional overrides would disturb the terminal.
    const bool disturbing = (point.value >= 0x80 && point.value < 0xa0) ||
                            (point.value >= 0x200b && point.value <= 0x202e) ||
                            (point.value >= 0x2066 && point.value <= 0x2069);
    if (point.valid && disturbing) shown = "?";
    columns.push_back({i, i + point.length, shown});
    i += point.length;
  }
  return columns;
}

}  // namespace

std::string caret_lines(std::string_view text, std::size_t offset, std::size_t length) {
  constexpr std::size_t width = 100;
  constexpr std::size_t before = 60;  // columns kept in front of the place in a long text
  // Only the neighbourhood is looked at: the text may be very long (4 bytes a column at most).
  const std::size_t place = std::min(offset, text.size());
  const std::size_t from = place > 4 * width ? place - 4 * width : 0;
  const std::string_view near = text.substr(from, 8 * width);
  const std::vector<Column> columns = columns_of(near);

  std::size_t first_marked = columns.size();
  std::size_t n_marked = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (from + columns[i].end <= place) continue;
    if (from + columns[i].begin >= place + std::max<std::size_t>(length, 1)) break;
    if (n_marked++ == 0) first_marked = i;
  }
  n_marked = std::max<std::size_t>(n_marked, 1);

  std::size_t first = 0;
  if (from > 0 || columns.size() > width) {
    if (first_marked > before) first = first_marked - before;
  }
  const std::size_t last = std::min(columns.size(), first + width);
  const bool cut_left = from + (first < columns.size() ? columns[first].begin : 0) > 0;
  const bool cut_right = last < columns.size() || from + near.size() < text.size();

  std::string line = cut_left ? "  ..." : "  ";
  for (std::size_t i = first; i < last; ++i) line += columns[i].shown;
  if (cut_right) line += "...";
  std::string marks(2 + (cut_left ? 3 : 0) + (first_marked - first), ' ');
  marks += '^';
  const std::size_t room = last > first_marked ? last - first_marked : 1;
  marks.append(std::min(n_marked, room) - 1, '~');
  return line + '\n' + marks;
}

ParseError::ParseError(std::string_view text, std::size_t offset, std::size_t length,
                       std::string message)
    : ParseError(offset, length, std::move(message), caret_lines(text, offset, length)) {}

ParseError::ParseError(std::size_t offset, std::size_t length, std::string message,
                       std::string caret)
    : base::Error(base::ExitCode::deck, message + '\n' + caret),
      offset_(offset),
      length_(length),
      message_(std::move(message)),
      caret_(std::move(caret)) {}

}  // namespace ritz::expr
