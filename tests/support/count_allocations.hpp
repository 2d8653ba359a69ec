#pragma once

#include <atomic>

namespace ritz::test {
/// Calls of operator new in this program so far. In a file of its own: the compiler must not see
/// what a call of it becomes.
extern std::atomic<long> n_allocations;
}  // namespace ritz::test
