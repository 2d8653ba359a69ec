#include "ritz/base/crc32c.hpp"

#include <array>
#include <cstring>

namespace ritz::base {

namespace {

constexpr std::uint32_t polynomial = 0x82F63B78U;  // Castagnoli's, bits reversed

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) ? polynomial : 0U);
    table[i] = value;
  }
  return table;
}

std::uint32_t plain(const std::byte* at, std::size_t n, std::uint32_t state) {
  static constexpr std::array<std::uint32_t, 256> table = make_table();
  for (std::size_t i = 0; i < n; ++i) {
    state = (state >> 8U) ^ table[(state ^ static_cast<std::uint32_t>(at[i])) & 0xFFU];
  }
  return state;
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("sse4.2"))) std::uint32_t with_instruction(const std::byte* at, std::size_t n,
                                                                 std::uint32_t state) {
  std::uint64_t wide = state;
  for (; n >= 8; n -= 8, at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  state = static_cast<std::uint32_t>(wide);
  for (; n > 0; --n, ++at) state = __builtin_ia32_crc32qi(state, static_cast<unsigned char>(*at));
  return state;
}
#endif

/// A linear map of 32 bits: [column] is the image of one bit.
using Map = std::array<std::uint32_t, 32>;

std::uint32_t image(const Map& map, std::uint32_t bits) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; bits != 0; ++i, bits >>= 1U) {
    if (bits & 1U) sum ^= map[i];
  }
  return sum;
}

Map squared(const Map& map) {
  Map result{};
  for (std::size_t i = 0; i < 32; ++i) result[i] = image(map, map[i]);
  return result;
}

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint32_t state = ~before;
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  state = has_instruction ? with_instruction(bytes.data(), bytes.size(), state)
                          : plain(bytes.data(), bytes.size(), state);
#else
  state = plain(bytes.data(), bytes.size(), state);
#endif
  return ~state;
}

std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second, std::uint64_t n_second) {
  // The first piece's checksum moves through as many zero bytes as the second one has: the map of
  // one zero bit, squared again and again, for every bit of the length.
  Map zeros{};
  zeros[0] = polynomial;
  for (std::size_t i = 1; i < 32; ++i) zeros[i] = 1U << (i - 1);
  zeros = squared(squared(squared(zeros)));  // of a byte
  for (; n_second != 0; n_second >>= 1U, zeros = squared(zeros)) {
    if (n_second & 1U) first = image(zeros, first);
  }
  return first ^ second;
}

}  // namespace ritz::base
