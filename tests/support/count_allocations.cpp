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
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
