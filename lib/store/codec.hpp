#pragma once

// Chunks of numbers made shorter and long again, without HDF5; private to room store.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "ritz/store/checkpoint.hpp"
#include "zstd_frame.hpp"

namespace ritz::store {

/// Number of the Zstandard filter in the HDF Group's list of registered filters
/// (github.com/HDFGroup/hdf5_plugins, docs/RegisteredFilterPlugins.md).
constexpr int zstd_filter = 32015;

/// Whether the level exists: deflate 1 to 9, zstd -7 to 19.
[[nodiscard]] bool is_level(Codec codec, int level);

/// Makes HDF5 of this process read (and write) chunks of the Zstandard filter. Local. Throws
/// Error(io).
void register_zstd();

/// Whether numbers of this size are stored with their highest bytes first: zstd_frame.hpp says why.
[[nodiscard]] constexpr bool is_high_first(Codec codec, std::size_t number_bytes) {
  return codec == Codec::zstd && number_bytes == 8;
}

/// What HDF5's shuffle filter does: byte b of every number, for each b, one after the other; of
/// numbers whose bytes have been reversed before if `high_first`. Local.
void shuffle(std::span<const std::byte> numbers, std::size_t number_bytes, std::byte* out,
             bool high_first = false);
void unshuffle(std::span<const std::byte> shuffled, std::size_t number_bytes, std::byte* out,
               bool high_first = false);

/// Reverses the bytes of each number of eight bytes: the form of `high_first` without a filter, and
/// back. `out` may be where they are. Local.
void reverse_bytes(std::span<const std::byte> numbers, std::byte* out);

/// Shuffles and compresses chunk after chunk the way HDF5's filters do. One thread at a time.
class Encoder {
 public:
  Encoder(Codec codec, int level);
  /// What `chunk` becomes, valid until the next call; empty if that is not shorter. Throws
  /// Error(internal).
  [[nodiscard]] std::span<const std::byte> encode(std::span<const std::byte> chunk,
                                                  std::size_t number_bytes);
  /// What it becomes without filters, valid as long.
  [[nodiscard]] std::span<const std::byte> unfiltered(std::span<const std::byte> chunk,
                                                      std::size_t number_bytes);

 private:
  Codec codec_;
  int level_;
  std::optional<FrameMaker> frames_;
  std::vector<std::byte> shuffled_, out_;
};

/// The other way.
class Decoder {
 public:
  explicit Decoder(Codec codec) : codec_(codec) {}
  /// A chunk of `n_bytes`, valid until the next call; empty if `encoded` is damaged. One as long as
  /// that is stored without filters.
  [[nodiscard]] std::span<const std::byte> decode(std::span<const std::byte> encoded,
                                                  std::size_t n_bytes, std::size_t number_bytes,
                                                  bool high_first);
  /// The same, written to `out` [n_bytes]: whether it is good.
  [[nodiscard]] bool decode(std::span<const std::byte> encoded, std::size_t number_bytes,
                            bool high_first, std::span<std::byte> out);

 private:
  Codec codec_;
  std::vector<std::byte> shuffled_, out_;
};

}  // namespace ritz::store
