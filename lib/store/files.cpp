#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "ritz/base/format.hpp"

namespace ritz::store {

base::Error file_error(const std::string& path, const std::string& what, int number) {
  return {base::ExitCode::io, base::Location{path, 0, 0},
          fmt::format("{} ({}); check free space, quota and permissions of its folder", what,
                      std::strerror(number))};
}

Descriptor::Descriptor(const std::string& path, int flags)
    : id_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
Descriptor::~Descriptor() {
  if (id_ >= 0) ::close(id_);
}
bool Descriptor::close() {
  return ::close(std::exchange(id_, -1)) == 0;
}

void write_at(const Descriptor& file, const std::string& path, std::uint64_t address,
              std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw file_error(path, "cannot write it", n < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    address += static_cast<std::uint64_t>(n);
  }
}

void read_at(const Descriptor& file, const std::string& path, std::uint64_t address,
             std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw file_error(path, "cannot read it to its end", n < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    address += static_cast<std::uint64_t>(n);
  }
}

void sync(const std::string& path, bool is_folder) {
  Descriptor file(path, is_folder ? O_RDONLY | O_DIRECTORY : O_RDONLY);
  if (!file.valid()) throw file_error(path, "cannot open it to flush it to the disk", errno);
  // Some network file systems cannot flush folders and say so.
  if (::fsync(file.get()) != 0 && !(is_folder && (errno == EINVAL || errno == EROFS)))
    throw file_error(path, "cannot flush it to the disk", errno);
  if (!file.close()) throw file_error(path, "cannot close it", errno);
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace ritz::store
