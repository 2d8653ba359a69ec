#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace ritz::base {

/// What the process tells the shell; the same on every rank (docs/exit-codes.md).
enum class ExitCode : int {
  done = 0,
  internal = 1,       ///< a defect of Ritz itself: please report it
  deck = 2,           ///< the problem deck or the command line
  mesh = 3,           ///< a mesh or data file
  not_converged = 4,  ///< the solver gave up
  not_finite = 5,     ///< NaN or infinity
  memory = 6,         ///< over the limit, or the machine has no more
  io = 7,             ///< reading or writing files
  environment = 8,    ///< launcher, libraries, machine
  run_again = 75      ///< stopped at a good checkpoint
};

/// A place in a text file; line and column count from 1, 0 = unknown.
struct Location {
  std::string file;
  int line = 0;
  int column = 0;

  /// "deck.toml:12:9", "deck.toml:12", "deck.toml" or "" as far as it is known.
  [[nodiscard]] std::string text() const;
};

/// One thing to tell the user.
struct Diagnostic {
  enum class Severity { note, warning, error };
  Severity severity = Severity::error;
  Location where;
  std::string message;  ///< what is wrong, why, and what to do; may have several lines

  /// "deck.toml:12:9: solver.tolerance = -1e-8 (must be > 0); default is 1e-8"
  [[nodiscard]] std::string text() const;
};

/// The one exception type: a code for the shell and everything there is to say.
class Error : public std::exception {
 public:
  Error(ExitCode code, std::string message);
  Error(ExitCode code, Location where, std::string message);
  Error(ExitCode code, std::vector<Diagnostic> diagnostics);

  [[nodiscard]] ExitCode code() const noexcept { return code_; }
  [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const noexcept { return diagnostics_; }
  /// All diagnostics, a line (or more) each.
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  ExitCode code_;
  std::vector<Diagnostic> diagnostics_;
  std::string text_;
};

/// Collects everything that is wrong so that it can be reported in one go.
class Diagnostics {
 public:
  void error(Location where, std::string message);
  void warning(Location where, std::string message);
  void note(Location where, std::string message);
  void add(Diagnostic diagnostic) { entries_.push_back(std::move(diagnostic)); }

  [[nodiscard]] bool has_errors() const;
  [[nodiscard]] const std::vector<Diagnostic>& entries() const { return entries_; }
  /// Throws Error with the error entries, ordered by file and line, if there is one.
  void throw_errors(ExitCode code) const;

 private:
  std::vector<Diagnostic> entries_;
};

/// Internal consistency, for defects and not for user data: on in debug and audit builds.
[[noreturn]] void expectation_failed(const char* condition, const char* file, int line,
                                     std::string_view message);

}  // namespace ritz::base

#if !defined(NDEBUG) || defined(RITZ_AUDIT)
#define RITZ_EXPECT(condition, message) \
  ((condition) ? static_cast<void>(0)   \
               : ::ritz::base::expectation_failed(#condition, __FILE__, __LINE__, (message)))
#else
#define RITZ_EXPECT(condition, message) static_cast<void>(0)
#endif
