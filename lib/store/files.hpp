#pragma once

// Files by the operating system's own calls; private to room store.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "ritz/base/error.hpp"

namespace ritz::store {

/// Error(io) about a file with what the system says of error `number`.
[[nodiscard]] base::Error file_error(const std::string& path, const std::string& what, int number);

/// A file descriptor.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return id_; }
  [[nodiscard]] bool valid() const { return id_ >= 0; }
  [[nodiscard]] bool close();

 private:
  int id_;
};

/// All bytes at this place of the file. Throw Error(io). Local.
void write_at(const Descriptor& file, const std::string& path, std::uint64_t address,
              std::span<const std::byte> bytes);
void read_at(const Descriptor& file, const std::string& path, std::uint64_t address,
             std::span<std::byte> bytes);

/// Everything written to a file or a folder is on the disk. Throws Error(io). Local.
void sync(const std::string& path, bool is_folder);

/// The folder a file is in; "." without one.
[[nodiscard]] std::string folder_of(const std::string& path);

}  // namespace ritz::store
