#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ritz/device/large_vector.hpp"
#include "ritz/la/vector.hpp"

using ritz::device::large_page;
using ritz::device::large_pages_within;

TEST(LargeVector, PagesLieWithinTheMemoryWholeAndAreTwoAtLeast) {
  constexpr std::uintptr_t start = 10 * large_page;
  const auto is = [](std::uintptr_t memory, std::size_t bytes, std::uintptr_t begin,
                     std::uintptr_t end) {
    const auto pages = large_pages_within(memory, bytes);
    return pages.begin == begin && pages.end == end;
  };
  EXPECT_TRUE(is(start, 3 * large_page, start, start + 3 * large_page));
  EXPECT_TRUE(is(start, 3 * large_page - 1, start, start + 2 * large_page));
  EXPECT_TRUE(is(start + 16, 4 * large_page, start + large_page, start + 4 * large_page));
  EXPECT_TRUE(is(start - 1, 2 * large_page, 0, 0));  // one page and two parts
  EXPECT_TRUE(is(start, 2 * large_page - 1, 0, 0));
  EXPECT_TRUE(is(start + 8, 100, 0, 0));  // rounded up, its begin is behind its end
  EXPECT_TRUE(is(0, 0, 0, 0));
}

TEST(LargeVector, IsZeroAlsoWhereMemoryIsUsedAgain) {
  for (const ritz::LocalId n : {0, 1, 1000, 600'000, 2'000'001}) {
    for (int turn = 0; turn < 2; ++turn) {
      const ritz::la::Vector v = ritz::la::make_vector("ritz::test::v", n);
      ASSERT_EQ(v.extent(0), static_cast<std::size_t>(n));
      EXPECT_TRUE(std::all_of(v.data(), v.data() + n, [](double entry) { return entry == 0; }));
      std::fill(v.data(), v.data() + n, 1.0);
    }
  }
}
