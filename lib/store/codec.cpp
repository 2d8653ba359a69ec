#include "codec.hpp"

#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <cstring>

#include "hdf5.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::store {

namespace {

/// HDF5's interface to the filter: the frame that ZSTD_compress makes, and its level as the only
/// parameter.
std::size_t zstd_for_hdf5(unsigned flags, std::size_t n_parameters, const unsigned* parameters,
                          std::size_t n_bytes, std::size_t* buffer_bytes, void** buffer) {
  const bool reads = (flags & H5Z_FLAG_REVERSE) != 0;
  const unsigned long long content = reads ? ZSTD_getFrameContentSize(*buffer, n_bytes) : 0;
  if (reads && (content == ZSTD_CONTENTSIZE_UNKNOWN || content == ZSTD_CONTENTSIZE_ERROR)) return 0;
  const std::size_t capacity =
      reads ? static_cast<std::size_t>(content) : ZSTD_compressBound(n_bytes);
  void* out = H5allocate_memory(capacity, false);
  if (out == nullptr) return 0;
  const int level = n_parameters > 0 ? static_cast<int>(parameters[0]) : 1;
  const std::size_t n = reads ? ZSTD_decompress(out, capacity, *buffer, n_bytes)
                              : ZSTD_compress(out, capacity, *buffer, n_bytes, level);
  if (ZSTD_isError(n) || (reads && n != capacity)) {
    H5free_memory(out);
    return 0;
  }
  H5free_memory(*buffer);
  *buffer = out;
  *buffer_bytes = capacity;
  return n;
}

/// Eight words as an 8 x 8 matrix of bytes, transposed: blocks of 4, 2 and 1 bytes change places.
void transpose(std::uint64_t (&w)[8]) {
  const auto swap = [&](std::size_t a, std::size_t b, unsigned bits, std::uint64_t low) {
    const std::uint64_t change = ((w[a] >> bits) ^ w[b]) & low;
    w[b] ^= change;
    w[a] ^= change << bits;
  };
  for (std::size_t i = 0; i < 4; ++i) swap(i, i + 4, 32, 0x00000000FFFFFFFFULL);
  for (const std::size_t i : {0U, 1U, 4U, 5U}) swap(i, i + 2, 16, 0x0000FFFF0000FFFFULL);
  for (std::size_t i = 0; i < 8; i += 2) swap(i, i + 1, 8, 0x00FF00FF00FF00FFULL);
}

}  // namespace

bool is_level(Codec codec, int level) {
  switch (codec) {
    case Codec::none:
      return true;
    case Codec::deflate:
      return level >= 1 && level <= 9;
    case Codec::zstd:
      return level >= -7 && level <= 19 && level != 0;
  }
  return false;
}

void register_zstd() {
  static const H5Z_class2_t filter{
      H5Z_CLASS_T_VERS, zstd_filter,  1, 1, "Zstandard, http://www.zstd.net", nullptr,
      nullptr,          zstd_for_hdf5};
  static const bool done = H5Zregister(&filter) >= 0;
  if (!done) {
    throw base::Error(base::ExitCode::io,
                      "HDF5 does not take the Zstandard filter: " + error_stack());
  }
}

void shuffle(std::span<const std::byte> numbers, std::size_t number_bytes, std::byte* out) {
  const std::size_t n = numbers.size() / number_bytes;
  std::size_t i = 0;
  if (number_bytes == 8) {
    for (; i + 8 <= n; i += 8) {
      std::uint64_t words[8];
      std::memcpy(words, numbers.data() + 8 * i, sizeof words);
      transpose(words);
      for (std::size_t b = 0; b < 8; ++b) std::memcpy(out + b * n + i, &words[b], 8);
    }
  }
  for (; i < n; ++i) {
    for (std::size_t b = 0; b < number_bytes; ++b) out[b * n + i] = numbers[i * number_bytes + b];
  }
}

void unshuffle(std::span<const std::byte> shuffled, std::size_t number_bytes, std::byte* out) {
  const std::size_t n = shuffled.size() / number_bytes;
  std::size_t i = 0;
  if (number_bytes == 8) {
    for (; i + 8 <= n; i += 8) {
      std::uint64_t words[8];
      for (std::size_t b = 0; b < 8; ++b) std::memcpy(&words[b], shuffled.data() + b * n + i, 8);
      transpose(words);
      std::memcpy(out + 8 * i, words, sizeof words);
    }
  }
  for (; i < n; ++i) {
    for (std::size_t b = 0; b < number_bytes; ++b) out[i * number_bytes + b] = shuffled[b * n + i];
  }
}

std::span<const std::byte> Encoder::encode(std::span<const std::byte> chunk,
                                           std::size_t number_bytes) {
  if (codec_ == Codec::none || chunk.size() < 2) return {};
  shuffled_.resize(chunk.size());
  shuffle(chunk, number_bytes, shuffled_.data());
  std::size_t n = 0;
  if (codec_ == Codec::deflate) {
    out_.resize(compressBound(static_cast<uLong>(chunk.size())));
    auto room = static_cast<uLongf>(out_.size());
    const int code = compress2(reinterpret_cast<Bytef*>(out_.data()), &room,
                               reinterpret_cast<const Bytef*>(shuffled_.data()),
                               static_cast<uLong>(shuffled_.size()), level_);
    if (code != Z_OK) {
      throw base::Error(base::ExitCode::internal,
                        fmt::format("zlib cannot compress a chunk (code {})", code));
    }
    n = room;
  } else {
    out_.resize(ZSTD_compressBound(chunk.size()));
    n = ZSTD_compress(out_.data(), out_.size(), shuffled_.data(), shuffled_.size(), level_);
    if (ZSTD_isError(n)) {
      throw base::Error(base::ExitCode::internal,
                        std::string("libzstd cannot compress a chunk: ") + ZSTD_getErrorName(n));
    }
  }
  return n < chunk.size() ? std::span<const std::byte>(out_).first(n)
                          : std::span<const std::byte>();
}

std::span<const std::byte> Decoder::decode(std::span<const std::byte> encoded, std::size_t n_bytes,
                                           std::size_t number_bytes) {
  shuffled_.resize(n_bytes);
  out_.resize(n_bytes);
  if (codec_ == Codec::deflate) {
    auto n = static_cast<uLongf>(n_bytes);
    if (uncompress(reinterpret_cast<Bytef*>(shuffled_.data()), &n,
                   reinterpret_cast<const Bytef*>(encoded.data()),
                   static_cast<uLong>(encoded.size())) != Z_OK ||
        n != n_bytes) {
      return {};
    }
  } else if (ZSTD_decompress(shuffled_.data(), n_bytes, encoded.data(), encoded.size()) !=
             n_bytes) {
    return {};
  }
  unshuffle(shuffled_, number_bytes, out_.data());
  return out_;
}

}  // namespace ritz::store
