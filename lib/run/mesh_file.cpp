#include "mesh_file.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>
#include <vector>

#include "ritz/base/crc32c.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::run {

FileChecksum file_checksum(const comm::Communicator& communicator, const std::string& path) {
  const auto fail = [&](const std::string& why) {
    throw base::Error(base::ExitCode::mesh, base::Location{path, 0, 0},
                      "cannot read this mesh file: " + why);
  };
  FileChecksum whole;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::error_code failed;
    whole.n_bytes = std::filesystem::file_size(path, failed);
    if (failed) fail(failed.message());
  });
  communicator.broadcast(whole.n_bytes);
  struct Part {
    std::uint64_t n_bytes = 0;
    std::uint32_t crc = 0;
  } mine;
  communicator.together([&] {
    const comm::BlockRange blocks(static_cast<std::int64_t>(whole.n_bytes), communicator.size());
    auto left = static_cast<std::uint64_t>(blocks.end(communicator.rank()) -
                                           blocks.begin(communicator.rank()));
    mine.n_bytes = left;
    if (left == 0) return;
    std::ifstream in(path, std::ios::binary);
    in.seekg(blocks.begin(communicator.rank()));
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    while (left > 0) {
      const std::size_t n = std::min<std::uint64_t>(left, buffer.size());
      in.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(n));
      if (!in)
        fail("it ends earlier than a moment ago, or rank " + std::to_string(communicator.rank()) +
             " cannot see it");
      mine.crc = base::crc32c(std::span(buffer).first(n), mine.crc);
      left -= n;
    }
  });
  for (const Part& part : communicator.all_gather(mine))
    whole.crc = base::crc32c_joined(whole.crc, part.crc, part.n_bytes);
  return whole;
}

namespace {
constexpr const char* note_format = "# mesh.file had %llu bytes with the CRC-32C %x";
}

std::string mesh_file_note(const FileChecksum& checksum) {
  return fmt::format("# mesh.file had {} bytes with the CRC-32C {:08x}\n", checksum.n_bytes,
                     checksum.crc);
}

std::optional<FileChecksum> noted_mesh_file(const std::string& effective_toml) {
  const std::size_t at = effective_toml.rfind("# mesh.file had ");
  unsigned long long n_bytes = 0;
  unsigned crc = 0;
  if (at == std::string::npos ||
      std::sscanf(effective_toml.c_str() + at, note_format, &n_bytes, &crc) != 2)
    return std::nullopt;
  return FileChecksum{n_bytes, crc};
}

}  // namespace ritz::run
