#include "gmsh_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"

namespace ritz::mesh::gmsh {

using base::Error;
using base::ExitCode;

namespace {

constexpr std::size_t buffer_bytes = std::size_t{4} << 20;
/// Longer lines are no mesh: the longest of real files list the surfaces around a volume.
constexpr std::size_t longest_line = std::size_t{16} << 20;

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string result = "'";
  for (char c : text.substr(0, longest)) result += c >= ' ' && c <= '~' ? c : '?';
  return result + (text.size() > longest ? "...'" : "'");
}

std::string place_text(bool binary, std::int64_t place) {
  return fmt::format("{} {}", binary ? "byte offset" : "line", place);
}

Error error_at(const std::string& path, bool binary, std::int64_t place,
               const std::string& message) {
  if (binary)
    return {ExitCode::mesh, {path, 0, 0}, fmt::format("byte offset {}: {}", place, message)};
  // Location counts lines in an int; a file may have more.
  if (place > std::numeric_limits<int>::max()) {
    return {ExitCode::mesh, {path, 0, 0}, fmt::format("line {}: {}", place, message)};
  }
  return {ExitCode::mesh, {path, static_cast<int>(place), 0}, message};
}

File::File(const std::string& path) : path_(path) {
  struct stat status {};
  const auto refuse = [&](const std::string& message) {
    throw Error(ExitCode::mesh, {path_, 0, 0}, message);
  };
  if (::stat(path.c_str(), &status) != 0) {
    refuse(fmt::format("cannot open the mesh file: {}", std::strerror(errno)));
  }
  // A pipe or a terminal would block or cannot be measured.
  if (!S_ISREG(status.st_mode)) {
    refuse(S_ISDIR(status.st_mode) ? "is a folder; give the .msh file in it"
                                   : "is not a regular file");
  }
  size_ = status.st_size;
  if (size_ == 0) refuse("the file is empty: not a Gmsh mesh; write it again");
  file_.reset(std::fopen(path.c_str(), "rb"));
  if (!file_) refuse(fmt::format("cannot open the mesh file: {}", std::strerror(errno)));
  std::setvbuf(file_.get(), nullptr, _IONBF, 0);
  buffer_.resize(std::min<std::size_t>(buffer_bytes, static_cast<std::size_t>(size_) + 1));
}

void File::fail_at(std::int64_t place, const std::string& message) const {
  throw error_at(path_, binary_, place, message);
}

void File::truncated() const {
  const std::string where = section_.empty() ? std::string("early") : "inside $" + section_;
  fail(fmt::format(
      "the file ends {}: it is truncated, or a count in it is too large; write or copy it again",
      where));
}

bool File::refill() {
  if (at_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    base_ += static_cast<std::int64_t>(at_);
    end_ -= at_;
    at_ = 0;
  }
  if (end_ == buffer_.size()) {
    if (buffer_.size() >= longest_line) {
      ++line_number_;
      fail(fmt::format("a line longer than {}: not the text of a Gmsh mesh",
                       base::bytes_text(static_cast<double>(longest_line))));
    }
    buffer_.resize(std::min(longest_line, 2 * buffer_.size()));
  }
  const std::size_t n = std::fread(buffer_.data() + end_, 1, buffer_.size() - end_, file_.get());
  if (n == 0 && std::ferror(file_.get()) != 0) {
    throw Error(ExitCode::io, {path_, 0, 0},
                fmt::format("cannot read at byte offset {}: {}",
                            base_ + static_cast<std::int64_t>(end_), std::strerror(errno)));
  }
  end_ += n;
  return n > 0;
}

void File::need(std::size_t n) {
  while (end_ - at_ < n) {
    if (!refill()) truncated();
  }
}

bool File::raw_line() {
  std::size_t searched = 0;
  const char* newline = nullptr;
  for (;;) {
    if (end_ - at_ > searched) {
      newline = static_cast<const char*>(
          std::memchr(buffer_.data() + at_ + searched, '\n', end_ - at_ - searched));
    }
    if (newline != nullptr) break;
    searched = end_ - at_;
    if (!refill()) break;
  }
  if (newline == nullptr && at_ == end_) return false;
  const char* first = buffer_.data() + at_;
  const char* last = newline != nullptr ? newline : buffer_.data() + end_;
  at_ = static_cast<std::size_t>(last - buffer_.data()) + (newline != nullptr ? 1 : 0);
  ++line_number_;
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (first != last && blank(*first)) ++first;
  while (first != last && blank(last[-1])) --last;
  line_ = {first, static_cast<std::size_t>(last - first)};
  return true;
}

bool File::next_line() {
  while (raw_line()) {
    if (!line_.empty()) return true;
  }
  return false;
}

void File::need_line() {
  if (!next_line()) truncated();
}

void File::skip_lines(std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    need_line();
    if (line_.front() != '$') continue;
    fail(fmt::format(
        "{} found where an item should stand: section ${} has fewer items than its count "
        "says",
        quoted(line_), section_));
  }
}

bool File::skip_past(std::string_view pattern) {
  for (;;) {
    const std::string_view unread(buffer_.data() + at_, end_ - at_);
    const std::size_t found = unread.find(pattern);
    // What cannot be the start of the pattern is passed, with its line ends counted.
    const std::size_t passed = found != std::string_view::npos ? found + pattern.size()
                               : unread.size() >= pattern.size()
                                   ? unread.size() - pattern.size() + 1
                                   : 0;
    line_number_ +=
        std::count(unread.begin(), unread.begin() + static_cast<std::ptrdiff_t>(passed), '\n');
    at_ += passed;
    if (found != std::string_view::npos) return true;
    if (!refill()) return false;
  }
}

void File::skip_bytes(std::int64_t n) {
  if (n > remaining()) truncated();
  const auto buffered = static_cast<std::int64_t>(end_ - at_);
  if (n <= buffered) {
    at_ += static_cast<std::size_t>(n);
    return;
  }
  const std::int64_t target = offset() + n;
  if (::fseeko(file_.get(), target, SEEK_SET) != 0) {
    throw Error(ExitCode::io, {path_, 0, 0},
                fmt::format("cannot seek to byte offset {}: {}", target, std::strerror(errno)));
  }
  base_ = target;
  at_ = end_ = 0;
}

std::int64_t File::checked_count(std::uint64_t count, std::int64_t bytes_each,
                                 const char* items) const {
  const auto fit = static_cast<std::uint64_t>(remaining() / bytes_each);
  if (count > fit) {
    fail(
        fmt::format("the file says {} {}, but the {} left of it have room for at most {}: it is "
                    "truncated or the count is wrong; write or copy it again",
                    count, items, base::bytes_text(static_cast<double>(remaining())), fit));
  }
  return static_cast<std::int64_t>(count);
}

std::string_view Words::word() const {
  const char* last = at_;
  while (last != end_ && *last != ' ' && *last != '\t') ++last;
  return {at_, static_cast<std::size_t>(last - at_)};
}

void Words::missing(const char* what) const {
  file_.fail(fmt::format("the line ends where {} should stand: {}", what, quoted(file_.line())));
}

void Words::not_integer(const char* what, bool out_of_range) const {
  const std::string_view found = word();
  if (!found.empty() && found.front() == '$') {
    file_.fail(
        fmt::format("{} found where {} should stand: section ${} has fewer items than its "
                    "count says",
                    quoted(found), what, file_.section()));
  }
  file_.fail(fmt::format("{} should be a whole number, found {}{}", what, quoted(found),
                         out_of_range ? " (too large)" : ""));
}

double Words::unusual_real(const char* what) {
  const std::string copy(word().substr(0, 400));
  char* end = nullptr;
  // strtod would also read hexadecimal numbers.
  const bool decimal = copy.find_first_of("xX") == std::string::npos;
  const double value = std::strtod(copy.c_str(), &end);
  if (!decimal || *end != '\0') {
    if (copy.front() == '$') {
      file_.fail(
          fmt::format("{} found where {} should stand: section ${} has fewer items than its "
                      "count says",
                      quoted(copy), what, file_.section()));
    }
    file_.fail(fmt::format("{} should be a number, found {}", what, quoted(copy)));
  }
  at_ += copy.size();
  return value;
}

void Words::extra(const char* after) const {
  file_.fail(fmt::format("unexpected {} after {}",
                         quoted({at_, static_cast<std::size_t>(end_ - at_)}), after));
}

}  // namespace ritz::mesh::gmsh
