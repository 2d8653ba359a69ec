#include "ritz/base/crc32c.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace {

using ritz::base::crc32c;
using ritz::base::crc32c_joined;

std::uint32_t of(const std::string& text) {
  return crc32c(std::as_bytes(std::span(text)));
}

TEST(Crc32c, PublishedValues) {
  EXPECT_EQ(of(""), 0U);
  EXPECT_EQ(of("123456789"), 0xE3069283U);  // the check value of the CRC catalogues
  // RFC 3720, B.4: 32 bytes of zeros, of ones, rising, falling.
  std::string bytes(32, '\0');
  EXPECT_EQ(of(bytes), 0x8A9136AAU);
  EXPECT_EQ(of(std::string(32, '\xff')), 0x62A8AB43U);
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<char>(i);
  EXPECT_EQ(of(bytes), 0x46DD794EU);
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<char>(31 - i);
  EXPECT_EQ(of(bytes), 0x113FDB5CU);
}

TEST(Crc32c, PiecesJoin) {
  std::mt19937_64 random(7);
  std::vector<std::byte> all(100003);
  for (std::byte& one : all) one = static_cast<std::byte>(random());
  const std::uint32_t whole = crc32c(all);
  for (std::size_t cut : {0UL, 1UL, 7UL, 8UL, 4096UL, 65537UL, 100002UL, 100003UL}) {
    const std::span<const std::byte> first(all.data(), cut);
    const std::span<const std::byte> second(all.data() + cut, all.size() - cut);
    EXPECT_EQ(crc32c(second, crc32c(first)), whole) << cut;
    EXPECT_EQ(crc32c_joined(crc32c(first), crc32c(second), second.size()), whole) << cut;
  }
}

TEST(Crc32c, EveryFlippedBitShows) {
  std::vector<std::byte> bytes(64, std::byte{0x5A});
  const std::uint32_t good = crc32c(bytes);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_NE(crc32c(bytes), good) << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
}

}  // namespace
