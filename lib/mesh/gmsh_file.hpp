#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ritz/base/error.hpp"

namespace ritz::mesh::gmsh {

/// The printable beginning of a piece of a file, in quotes, for messages.
[[nodiscard]] std::string quoted(std::string_view text);

/// Buffered reader of one regular file that always knows where it is: lines of text and runs of
/// binary numbers may follow each other. Every failure is Error(mesh) with the line (text) or the
/// byte offset (binary). Holds one buffer of a few MiB whatever the size of the file. Local.
class File {
 public:
  explicit File(const std::string& path);

  /// Text moves to the next line that is not blank; false at the end of the file.
  [[nodiscard]] bool next_line();
  /// The same, but the end of the file is an error.
  void need_line();
  /// The current line without blanks at its ends; valid until the next read.
  [[nodiscard]] std::string_view line() const { return line_; }
  /// Skips `n` lines, blank ones not counted.
  void skip_lines(std::int64_t n);
  /// Skips to behind the first `pattern`; false when the file ends before.
  [[nodiscard]] bool skip_past(std::string_view pattern);

  /// One binary number, in the byte order of the file.
  template <class T>
  [[nodiscard]] T number() {
    const std::byte* at = take(sizeof(T));
    std::byte raw[sizeof(T)];
    if (swapped_) {
      for (std::size_t i = 0; i < sizeof(T); ++i) raw[i] = at[sizeof(T) - 1 - i];
    } else {
      std::memcpy(raw, at, sizeof(T));
    }
    T value;
    std::memcpy(&value, raw, sizeof(T));
    return value;
  }
  void skip_bytes(std::int64_t n);

  /// A count that the file claims, `bytes_each` the fewest bytes one item can take: an absurd or
  /// truncated count is an error before anything is allocated.
  std::int64_t checked_count(std::uint64_t count, std::int64_t bytes_each, const char* items) const;

  void set_binary(bool swapped) {
    binary_ = true;
    swapped_ = swapped;
  }
  void set_section(std::string name) { section_ = std::move(name); }
  [[nodiscard]] const std::string& section() const { return section_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool binary() const { return binary_; }
  [[nodiscard]] std::int64_t offset() const { return base_ + static_cast<std::int64_t>(at_); }
  [[nodiscard]] std::int64_t remaining() const { return size_ - offset(); }
  [[nodiscard]] std::int64_t size() const { return size_; }

  /// Where we are: the line's number in a text file, the byte offset in a binary one.
  [[nodiscard]] std::int64_t place() const { return binary_ ? offset() : line_number_; }
  /// The error of this place.
  [[noreturn]] void fail(const std::string& message) const { fail_at(place(), message); }
  [[noreturn]] void fail_at(std::int64_t place, const std::string& message) const;
  [[noreturn]] void truncated() const;

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  /// `n` bytes in a row (n at most the buffer), or the error of a truncated file.
  const std::byte* take(std::size_t n) {
    if (end_ - at_ < n) need(n);
    const auto* result = reinterpret_cast<const std::byte*>(buffer_.data() + at_);
    at_ += n;
    return result;
  }
  void need(std::size_t n);
  /// Brings more of the file into the buffer behind what is left of it; false at the end.
  bool refill();
  bool raw_line();

  std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, end_ = 0;  // unread part of the buffer
  std::int64_t base_ = 0;         // offset in the file of buffer_[0]
  std::int64_t size_ = 0;
  std::int64_t line_number_ = 0;
  std::string_view line_;
  std::string section_;
  bool binary_ = false, swapped_ = false;
};

/// The error of a place in a file: a line, or with `binary` a byte offset.
[[nodiscard]] base::Error error_at(const std::string& path, bool binary, std::int64_t place,
                                   const std::string& message);

/// "line 12" or "byte offset 4711".
[[nodiscard]] std::string place_text(bool binary, std::int64_t place);

/// Takes the words of the current line apart.
class Words {
 public:
  explicit Words(const File& file)
      : file_(file), at_(file.line().data()), end_(at_ + file.line().size()) {}

  [[nodiscard]] bool at_end() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
    return at_ == end_;
  }
  template <class Int>
  [[nodiscard]] Int integer(const char* what) {
    if (at_end()) missing(what);
    Int value{};
    const auto [next, problem] = std::from_chars(at_, end_, value);
    if (problem != std::errc() || !(next == end_ || *next == ' ' || *next == '\t')) {
      not_integer(what, problem == std::errc::result_out_of_range);
    }
    at_ = next;
    return value;
  }
  [[nodiscard]] double real(const char* what) {
    if (at_end()) missing(what);
    double value{};
    const auto [next, problem] = std::from_chars(at_, end_, value);
    if (problem != std::errc() || !(next == end_ || *next == ' ' || *next == '\t')) {
      return unusual_real(what);
    }
    at_ = next;
    return value;
  }
  /// What is left of the line.
  [[nodiscard]] std::string_view rest() {
    (void)at_end();
    return {at_, static_cast<std::size_t>(end_ - at_)};
  }
  /// The line must end here.
  void end(const char* after) {
    if (!at_end()) extra(after);
  }

 private:
  [[noreturn]] void missing(const char* what) const;
  [[noreturn]] void not_integer(const char* what, bool out_of_range) const;
  [[noreturn]] void extra(const char* after) const;
  /// Numbers that from_chars refuses and strtod does not: a leading '+', underflow.
  double unusual_real(const char* what);
  [[nodiscard]] std::string_view word() const;

  const File& file_;
  const char *at_, *end_;
};

}  // namespace ritz::mesh::gmsh
