#include "ritz/device/large_vector.hpp"

#include <sys/mman.h>

namespace ritz::device {

PageRange large_pages_within(std::uintptr_t memory, std::size_t bytes) {
  const std::uintptr_t begin = (memory + large_page - 1) / large_page * large_page;
  const std::uintptr_t end = (memory + bytes) / large_page * large_page;
  if (end < begin + 2 * large_page) return {};
  return {begin, end};
}

void advise_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  const PageRange pages = large_pages_within(reinterpret_cast<std::uintptr_t>(memory), bytes);
  if (pages.begin == pages.end) return;
  void* const first =
      static_cast<std::byte*>(memory) + (pages.begin - reinterpret_cast<std::uintptr_t>(memory));
  // Advice: what the system answers does not matter.
  static_cast<void>(madvise(first, pages.end - pages.begin, MADV_HUGEPAGE));
#endif
}

}  // namespace ritz::device
