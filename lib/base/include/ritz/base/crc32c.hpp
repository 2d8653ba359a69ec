#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ritz::base {

/// CRC-32C (Castagnoli's polynomial; RFC 3720, B.4) of `bytes`, which follow bytes with the
/// checksum `before`. Uses the processor's instruction where there is one. Local.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

/// Checksum of two pieces in a row from theirs: `n_second` is the length of the second in bytes.
/// So ranks can sum up blocks of a file on their own.
[[nodiscard]] std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second,
                                          std::uint64_t n_second);

}  // namespace ritz::base
