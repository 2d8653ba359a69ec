#pragma once

// Which mesh file a run has read: so that one that changed is noticed; private to room run.

#include <cstdint>
#include <optional>
#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

struct FileChecksum {
  std::uint64_t n_bytes = 0;
  std::uint32_t crc = 0;  ///< CRC-32C

  bool operator==(const FileChecksum&) const = default;
};

/// Every rank reads its block. The same on every rank; collective. Throws Error(mesh) on every rank
/// if the file cannot be read.
[[nodiscard]] FileChecksum file_checksum(const comm::Communicator& communicator,
                                         const std::string& path);

/// A comment to end an effective deck with, and what it says; nothing if there is none. Local.
[[nodiscard]] std::string mesh_file_note(const FileChecksum& checksum);
[[nodiscard]] std::optional<FileChecksum> noted_mesh_file(const std::string& effective_toml);

}  // namespace ritz::run
