#pragma once

// Chunks of numbers made shorter and long again, without HDF5; private to room store.

#include <cstddef>
#include <span>
#include <vector>

#include "ritz/store/checkpoint.hpp"

namespace ritz::store {

/// Number of the Zstandard filter in the HDF Group's list of registered filters
/// (github.com/HDFGroup/hdf5_plugins, docs/RegisteredFilterPlugins.md).
constexpr int zstd_filter = 32015;

/// Whether the level exists: deflate 1 to 9, zstd -7 to 19.
[[nodiscard]] bool is_level(Codec codec, int level);

/// Makes HDF5 of this process read (and write) chunks of the Zstandard filter. Local. Throws
/// Error(io).
void register_zstd();

/// What HDF5's shuffle filter does: byte b of every number, for each b, one after the other.
/// Local.
void shuffle(std::span<const std::byte> numbers, std::size_t number_bytes, std::byte* out);
void unshuffle(std::span<const std::byte> shuffled, std::size_t number_bytes, std::byte* out);

/// Shuffles and compresses chunk after chunk the way HDF5's filters do. One thread at a time.
class Encoder {
 public:
  Encoder(Codec codec, int level) : codec_(codec), level_(level) {}
  /// What `chunk` becomes, valid until the next call; empty if that is not shorter. Throws
  /// Error(internal).
  [[nodiscard]] std::span<const std::byte> encode(std::span<const std::byte> chunk,
                                                  std::size_t number_bytes);

 private:
  Codec codec_;
  int level_;
  std::vector<std::byte> shuffled_, out_;
};

/// The other way.
class Decoder {
 public:
  explicit Decoder(Codec codec) : codec_(codec) {}
  /// A chunk of `n_bytes`, valid until the next call; empty if `encoded` is damaged.
  [[nodiscard]] std::span<const std::byte> decode(std::span<const std::byte> encoded,
                                                  std::size_t n_bytes, std::size_t number_bytes);

 private:
  Codec codec_;
  std::vector<std::byte> shuffled_, out_;
};

}  // namespace ritz::store
