#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "ritz/base/error.hpp"

namespace ritz::deck {

/// Passes errors on to Diagnostics, up to a number that a person can still read.
class Report {
 public:
  explicit Report(base::Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void error(const base::Location& where, std::string message) {
    if (n_errors_++ < max_errors) diagnostics_.error(where, std::move(message));
  }
  void warning(const base::Location& where, std::string message) {
    diagnostics_.warning(where, std::move(message));
  }
  void note(const base::Location& where, std::string message) {
    diagnostics_.note(where, std::move(message));
  }
  /// A file could not be read or parsed: what seems to be missing may stand in it.
  void file_failed() {
    file_failed_ = true;
    ++n_errors_;
  }

  /// No more errors will be told: no need to prepare their text.
  [[nodiscard]] bool full() const { return n_errors_ >= max_errors; }
  [[nodiscard]] std::size_t n_errors() const { return n_errors_; }
  [[nodiscard]] std::size_t n_untold() const {
    return n_errors_ > max_errors ? n_errors_ - max_errors : 0;
  }
  [[nodiscard]] bool incomplete() const { return file_failed_; }
  [[nodiscard]] base::Diagnostics& diagnostics() { return diagnostics_; }

 private:
  static constexpr std::size_t max_errors = 200;
  base::Diagnostics& diagnostics_;
  std::size_t n_errors_ = 0;
  bool file_failed_ = false;
};

}  // namespace ritz::deck
