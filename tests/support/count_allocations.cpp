#include "count_allocations.hpp"

#include <cstdlib>
#include <new>

namespace ritz::test {
std::atomic<long> n_allocations{0};
}

void* operator new(std::size_t size) {
  ++ritz::test::n_allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
// The library's sorts ask for it; a sanitizer's own one would not fit our delete.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++ritz::test::n_allocations;
  return std::malloc(size);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
