#pragma once

// The text file that makes a checkpoint complete; private to room store.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ritz::store {

/// Checksum of bytes and how many they are.
struct Part {
  std::uint32_t crc = 0;
  std::uint64_t n_bytes = 0;
  /// Adds bytes that follow.
  void join(const Part& next);
};

/// What a marker says.
struct Marker {
  std::string file;
  Part whole;
  std::vector<std::pair<std::string, std::uint32_t>> data;  ///< name and CRC of each dataset
  std::string note;  ///< how long writing took, one line; may be empty

  [[nodiscard]] std::optional<std::uint32_t> of(const std::string& name) const;
};

[[nodiscard]] std::string text_of(const Marker& marker);
/// Nothing if a byte of it is not as written.
[[nodiscard]] std::optional<Marker> parse_marker(const std::string& text);

/// The marker of the checkpoint `path`; nothing and the reason if there is no good one. Local.
[[nodiscard]] std::optional<Marker> read_marker(const std::string& path, std::string& problem);

/// A file of this text that is not there yet, on the disk when this returns. Throws Error(io).
/// Local.
void write_marker(const std::string& path, const std::string& text);

}  // namespace ritz::store
