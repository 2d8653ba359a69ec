#pragma once

// Memory for large blocks; private to room store.

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace ritz::store {

/// Memory of the state's size, in large pages where the system has them: it is filled while the
/// computation waits.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t n) {
    constexpr std::size_t page = std::size_t{2} << 20;
    const std::size_t unit = n < 2 * page ? 64 : page;
    const std::size_t size = std::max(unit, (n + unit - 1) / unit * unit);
    bytes_.reset(static_cast<std::byte*>(std::aligned_alloc(unit, size)));
    if (!bytes_) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (unit == page) static_cast<void>(madvise(bytes_.get(), size, MADV_HUGEPAGE));
#endif
  }
  [[nodiscard]] std::byte* get() const {
    return bytes_.get();
  }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<std::byte, Free> bytes_;
};

}  // namespace ritz::store
