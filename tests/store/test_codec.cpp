#include "codec.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "zstd_frame.hpp"

namespace {

using ritz::store::Codec;

std::vector<std::byte> bytes_of(const std::vector<double>& numbers) {
  std::vector<std::byte> bytes(numbers.size() * sizeof(double));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

/// Numbers of every kind that a chunk may have.
std::vector<std::pair<std::string, std::vector<double>>> kinds(std::size_t n) {
  std::mt19937_64 random(n);
  const auto filled = [&](const auto& value) {
    std::vector<double> numbers(n);
    for (std::size_t i = 0; i < n; ++i) numbers[i] = value(i);
    return numbers;
  };
  const auto smooth = [](std::size_t i) { return std::sin(0.001 * static_cast<double>(i)); };
  return {
      {"smooth", filled(smooth)},
      {"repeated", filled([&](std::size_t i) { return smooth(i % 700); })},
      // Equal but for rounding: the sequences hold for some planes and not for others.
      {"nearly repeated", filled([&](std::size_t i) {
         return std::bit_cast<double>(std::bit_cast<std::uint64_t>(smooth(i % 700)) ^ (i / 700));
       })},
      // Runs of one offset with something else between, with and without literals.
      {"interrupted", filled([&](std::size_t i) {
         return i % 9 == 8 ? smooth(i) : std::sin(static_cast<double>(i % 450));
       })},
      {"random bits", filled([&](std::size_t) { return std::bit_cast<double>(random()); })},
      {"random in [0, 1)",
       filled([&](std::size_t) { return static_cast<double>(random() >> 11U) * 0x1p-53; })},
      {"NaN", filled([](std::size_t i) {
         return std::bit_cast<double>(0x7FF8000000000000ULL +
                                      i * 0x9E3779B97F4AULL % (1ULL << 51U));
       })},
      {"constant", filled([](std::size_t) { return 7.1; })},
      {"zero", filled([](std::size_t) { return 0.0; })},
      {"denormal", filled([&](std::size_t) {
         return std::numeric_limits<double>::denorm_min() * static_cast<double>(random() >> 20U);
       })},
      {"integers", filled([&](std::size_t) { return static_cast<double>(random() % 1000); })},
      {"single precision",
       filled([&](std::size_t i) { return static_cast<double>(static_cast<float>(smooth(i))); })},
      // A plane of one value behind noise.
      {"even", filled([&](std::size_t) {
         return std::bit_cast<double>((random() >> 12U | 0x3FF0000000000000ULL) & ~0xFFULL);
       })},
      {"half zero", filled([&](std::size_t i) { return i % 5000 < 2500 ? 0.0 : smooth(i); })}};
}

TEST(Codec, AFrameIsThatOfAnyReader) {
  std::size_t n_own = 0, n_shorter = 0;
  for (const std::size_t n :
       {1UL, 7UL, 511UL, 4096UL, 5001UL, 43'690UL, 131'071UL, 131'072UL, 131'073UL}) {
    for (const auto& [name, numbers] : kinds(n)) {
      const std::vector<std::byte> chunk = bytes_of(numbers);
      std::vector<std::byte> planes(chunk.size()), got(chunk.size());
      ritz::store::shuffle(chunk, 8, planes.data(), true);
      for (const int level : {-7, 1, 3, 9}) {
        ritz::store::FrameMaker maker(level);
        const auto frame = maker.make(planes, chunk);
        // What the registered filter calls.
        ASSERT_EQ(ZSTD_getFrameContentSize(frame.data(), frame.size()), chunk.size()) << name;
        ASSERT_EQ(ZSTD_findFrameCompressedSize(frame.data(), frame.size()), frame.size()) << name;
        ASSERT_EQ(ZSTD_decompress(got.data(), got.size(), frame.data(), frame.size()), chunk.size())
            << name << ", " << n << " numbers, level " << level;
        ASSERT_TRUE(got == planes) << name << ", " << n << " numbers, level " << level;
        const std::size_t size = frame.size();
        const std::size_t plain = maker.make_plain(planes).size();
        n_own += size != plain;
        if (name == "nearly repeated" && n > 40'000) n_shorter += size < chunk.size() / 4;
        // Noise is never worth more than its headers.
        EXPECT_LE(size, chunk.size() + 64) << name;
        // Never much longer than what libzstd makes of all of it at its fastest.
        if (n > 4096 && level == 1) {
          EXPECT_LT(size, plain * 23 / 20 + 64) << name << ", " << n;
        }
      }
    }
  }
  EXPECT_GT(n_own, 50U) << "the frames of our own were hardly tried";
  EXPECT_GT(n_shorter, 0U) << "repeated numbers behind noise were not found";
}

TEST(Codec, EveryChunkComesBackToTheBit) {
  for (const auto& [codec, level] :
       {std::pair{Codec::deflate, 1}, {Codec::zstd, 1}, {Codec::zstd, -5}}) {
    ritz::store::Encoder encoder(codec, level);
    ritz::store::Decoder decoder(codec);
    for (const std::size_t n : {1UL, 9UL, 20'000UL, 131'072UL}) {
      for (const auto& [name, numbers] : kinds(n)) {
        const std::vector<std::byte> chunk = bytes_of(numbers);
        for (const std::size_t number_bytes : {4UL, 8UL}) {
          const bool high = ritz::store::is_high_first(codec, number_bytes);
          auto encoded = encoder.encode(chunk, number_bytes);
          if (encoded.empty()) encoded = encoder.unfiltered(chunk, number_bytes);
          EXPECT_LE(encoded.size(), chunk.size());
          const auto got = decoder.decode(encoded, chunk.size(), number_bytes, high);
          EXPECT_TRUE(std::ranges::equal(got, chunk)) << name << ' ' << n << ' ' << number_bytes;
        }
      }
    }
  }
}

TEST(Codec, ShufflesAsHdf5Does) {
  // Byte b of number i is at b n + i: HDF5's own filter, read by its own reader, is the test of
  // EveryCodecGivesTheSameBitsBack; here the odd lengths.
  for (const std::size_t size : {4U, 8U}) {
    for (const std::size_t n : {1U, 7U, 8U, 9U, 64U, 1003U}) {
      std::vector<std::byte> numbers(n * size), shuffled(n * size), again(n * size);
      std::mt19937 random(static_cast<unsigned>(n));
      for (std::byte& one : numbers) one = static_cast<std::byte>(random());
      ritz::store::shuffle(numbers, size, shuffled.data());
      std::size_t n_wrong = 0;
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t b = 0; b < size; ++b)
          n_wrong += shuffled[b * n + i] != numbers[i * size + b];
      }
      EXPECT_EQ(n_wrong, 0U) << n;
      ritz::store::unshuffle(shuffled, size, again.data());
      EXPECT_EQ(again, numbers) << n;
    }
  }
}

TEST(Codec, ADamagedChunkIsSeenOrHasOtherNumbers) {
  std::vector<std::byte> chunk(80'000);
  for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = static_cast<std::byte>(i / 9);
  for (const Codec codec : {Codec::deflate, Codec::zstd}) {
    ritz::store::Encoder encoder(codec, 1);
    ritz::store::Decoder decoder(codec);
    const bool high = ritz::store::is_high_first(codec, 8);
    const auto encoded = encoder.encode(chunk, 8);
    ASSERT_FALSE(encoded.empty());
    const std::vector<std::byte> good(encoded.begin(), encoded.end());
    EXPECT_TRUE(std::ranges::equal(decoder.decode(good, chunk.size(), 8, high), chunk));
    std::mt19937 random(3);
    for (int i = 0; i < 200; ++i) {
      std::vector<std::byte> bad = good;
      bad[random() % bad.size()] ^= static_cast<std::byte>(1U << (random() % 8));
      const auto got = decoder.decode(bad, chunk.size(), 8, high);
      EXPECT_TRUE(got.empty() || got.size() == chunk.size());
      bad.resize(random() % bad.size());
      EXPECT_TRUE(decoder.decode(bad, chunk.size(), 8, high).empty());
    }
  }
}

}  // namespace
