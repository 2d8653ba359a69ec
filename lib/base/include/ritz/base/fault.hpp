#pragma once

namespace ritz::base {

// Failures on purpose, for tests. The program that users run has the empty versions of these
// functions (fault.cpp); the program `ritz_faults` of the tests is linked with
// fault_injection.cpp instead, where the environment says what fails:
//
//     RITZ_FAULT=stage:rank[:occurrence[:kind]]
//
// At the given passage (from 1, default 1) of this rank through the stage an exception is thrown:
// kind error (an Error with code 1, the default), memory (std::bad_alloc) or library
// (std::runtime_error, what an external library throws).

/// A place where a rank can be made to fail alone. Stages are named in the order of a run; nobody
/// counts on what a passage costs: not in inner loops.
void fault_point(const char* stage);

/// Tells which rank this process is; until then no stage fails.
void set_fault_rank(int rank);

/// Whether this program can fail on purpose.
[[nodiscard]] bool has_faults();

}  // namespace ritz::base
