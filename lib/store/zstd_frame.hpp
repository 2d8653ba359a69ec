#pragma once

// Frames of Zstandard for shuffled numbers; private to room store.

#include <zstd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace ritz::store {

/// Compresses chunks of eight-byte numbers whose bytes have been sorted by their place in the
/// number, the highest ones first ("planes"). In the numbers of a computation the first two or
/// three planes repeat and the others look like noise, in which a general compressor searches in
/// vain. So the planes in front go to libzstd, and the noise gets blocks of our own: numbers whose
/// six upper bytes come again in a row are looked for once, for all planes, and each plane's block
/// has these sequences with its literals as they are. All of it is one frame of RFC 8878 that tells
/// its content's size, so that any reader takes it for what ZSTD_compress would have made.
///
/// The planes of libzstd have to be in front because its first block counts on the repeated offsets
/// that a frame begins with (RFC 8878, 3.1.1.5), and ours change them; each of ours names its first
/// offset in full. One thread at a time.
class FrameMaker {
 public:
  /// The level is libzstd's, for the planes in front.
  explicit FrameMaker(int level);

  /// The frame for `planes`, made of `numbers`; valid until the next call. Throws Error(internal).
  [[nodiscard]] std::span<const std::byte> make(std::span<const std::byte> planes,
                                                std::span<const std::byte> numbers);

  /// The same by libzstd alone, for bytes of any kind.
  [[nodiscard]] std::span<const std::byte> make_plain(std::span<const std::byte> bytes);

 private:
  /// Bytes as they are, then a copy of earlier ones.
  struct Sequence {
    std::uint32_t n_literals = 0, n_copied = 0, offset = 0;
  };
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  std::size_t compress(std::span<const std::byte> bytes, std::byte* to, std::size_t room);
  void find_sequences(std::span<const std::byte> numbers);
  void write_sequences(std::span<const Sequence> sequences, std::vector<std::byte>& to) const;
  std::byte* write_noise(std::span<const std::byte> plane, bool is_last, std::byte* to);

  int level_;
  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::vector<std::byte> out_, section_, own_section_;
  std::vector<Sequence> sequences_, own_;
  std::vector<std::uint32_t> last_place_;
};

}  // namespace ritz::store
