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

void shuffle(std::span<const std::byte> numbers, std::size_t number_bytes, std::byte* out,
             bool high_first) {
  const std::size_t n = numbers.size() / number_bytes;
  const auto plane = [&](std::size_t b) { return n * (high_first ? number_bytes - 1 - b : b); };
  std::size_t i = 0;
  if (number_bytes == 8) {
    for (; i + 8 <= n; i += 8) {
      std::uint64_t words[8];
      std::memcpy(words, numbers.data() + 8 * i, sizeof words);
      transpose(words);
      for (std::size_t b = 0; b < 8; ++b) std::memcpy(out + plane(b) + i, &words[b], 8);
    }
  }
  for (; i < n; ++i) {
    for (std::size_t b = 0; b < number_bytes; ++b)
      out[plane(b) + i] = numbers[i * number_bytes + b];
  }
}

void unshuffle(std::span<const std::byte> shuffled, std::size_t number_bytes, std::byte* out,
               bool high_first) {
  const std::size_t n = shuffled.size() / number_bytes;
  const auto plane = [&](std::size_t b) { return n * (high_first ? number_bytes - 1 - b : b); };
  std::size_t i = 0;
  if (number_bytes == 8) {
    for (; i + 8 <= n; i += 8) {
      std::uint64_t words[8];
      for (std::size_t b = 0; b < 8; ++b) std::memcpy(&words[b], shuffled.data() + plane(b) + i, 8);
      transpose(words);
      std::memcpy(out + 8 * i, words, sizeof words);
    }
  }
  for (; i < n; ++i) {
    for (std::size_t b = 0; b < number_bytes; ++b)
      out[i * number_bytes + b] = shuffled[plane(b) + i];
  }
}

void reverse_bytes(std::span<const std::byte> numbers, std::byte* out) {
  for (std::size_t i = 0; i + 8 <= numbers.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, numbers.data() + i, sizeof word);
    word = __builtin_bswap64(word);
    std::memcpy(out + i, &word, sizeof word);
  }
}

Encoder::Encoder(Codec codec, int level) : codec_(codec), level_(level) {
  if (codec == Codec::zstd) frames_.emplace(level);
}

std::span<const std::byte> Encoder::encode(std::span<const std::byte> chunk,
                                           std::size_t number_bytes) {
  if (codec_ == Codec::none || chunk.size() < 2) return {};
  const bool high_first = is_high_first(codec_, number_bytes);
  shuffled_.resize(chunk.size());
  shuffle(chunk, number_bytes, shuffled_.data(), high_first);
  std::span<const std::byte> encoded;
  if (codec_ == Codec::zstd) {
    encoded = high_first ? frames_->make(shuffled_, chunk) : frames_->make_plain(shuffled_);
  } else {
    out_.resize(compressBound(static_cast<uLong>(chunk.size())));
    auto room = static_cast<uLongf>(out_.size());
    const int code = compress2(reinterpret_cast<Bytef*>(out_.data()), &room,
                               reinterpret_cast<const Bytef*>(shuffled_.data()),
                               static_cast<uLong>(shuffled_.size()), level_);
    if (code != Z_OK) {
      throw base::Error(base::ExitCode::internal,
                        fmt::format("zlib cannot compress a chunk (code {})", code));
    }
    encoded = std::span<const std::byte>(out_).first(room);
  }
  return encoded.size() < chunk.size() ? encoded : std::span<const std::byte>();
}

std::span<const std::byte> Encoder::unfiltered(std::span<const std::byte> chunk,
                                               std::size_t number_bytes) {
  if (!is_high_first(codec_, number_bytes)) return chunk;
  shuffled_.resize(chunk.size());
  reverse_bytes(chunk, shuffled_.data());
  return shuffled_;
}

bool Decoder::decode(std::span<const std::byte> encoded, std::size_t number_bytes, bool high_first,
                     std::span<std::byte> out) {
  if (encoded.size() == out.size()) {
    if (high_first) {
      reverse_bytes(encoded, out.data());
    } else {
      std::memcpy(out.data(), encoded.data(), out.size());
    }
    return true;
  }
  shuffled_.resize(out.size());
  if (codec_ == Codec::deflate) {
    auto n = static_cast<uLongf>(out.size());
    if (uncompress(reinterpret_cast<Bytef*>(shuffled_.data()), &n,
                   reinterpret_cast<const Bytef*>(encoded.data()),
                   static_cast<uLong>(encoded.size())) != Z_OK ||
        n != out.size()) {
      return false;
    }
  } else if (ZSTD_decompress(shuffled_.data(), out.size(), encoded.data(), encoded.size()) !=
             out.size()) {
    return false;
  }
  unshuffle(shuffled_, number_bytes, out.data(), high_first);
  return true;
}

std::span<const std::byte> Decoder::decode(std::span<const std::byte> encoded, std::size_t n_bytes,
                                           std::size_t number_bytes, bool high_first) {
  out_.resize(n_bytes);
  return decode(encoded, number_bytes, high_first, out_) ? std::span<const std::byte>(out_)
                                                         : std::span<const std::byte>();
}

}  // namespace ritz::store
