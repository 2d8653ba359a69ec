// Counts what the program allocates with new; MPI's own memory is not seen.
#include <cstdlib>
#include <new>

std::size_t n_allocations = 0;

void* operator new(std::size_t size) {
  ++n_allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
