#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "range_pieces.hpp"

using ritz::LocalId;
using ritz::assembly::RangePieces;
using Range = RangePieces::Range;

namespace {

/// The parts of each of `n_calls` pieces.
std::vector<std::vector<Range>> cut(const std::vector<Range>& ranges, int n_pieces, int n_calls) {
  RangePieces pieces(ranges.data(), ranges.data() + ranges.size(), n_pieces);
  std::vector<std::vector<Range>> result;
  for (int i = 0; i < n_calls; ++i) {
    result.emplace_back();
    pieces.next([&](LocalId begin, LocalId end) { result.back().emplace_back(begin, end); });
  }
  return result;
}

}  // namespace

TEST(RangePiecesTest, TakeEveryEntryOnceInOrderAndThenNothing) {
  const std::vector<Range> ranges = {{0, 64}, {128, 129}, {192, 448}, {1000, 1007}};
  for (int n_pieces = 1; n_pieces <= 400; ++n_pieces) {
    std::vector<LocalId> seen, expected;
    for (const auto& piece : cut(ranges, n_pieces, n_pieces)) {
      for (const Range& part : piece) {
        ASSERT_LT(part.first, part.second);
        for (LocalId i = part.first; i < part.second; ++i) seen.push_back(i);
      }
    }
    for (const Range& range : ranges) {
      for (LocalId i = range.first; i < range.second; ++i) expected.push_back(i);
    }
    ASSERT_EQ(seen, expected);
  }
  EXPECT_TRUE(cut(ranges, 3, 5).at(3).empty());
  EXPECT_TRUE(cut(ranges, 3, 5).at(4).empty());
}

TEST(RangePiecesTest, EndWithinARangeAndGoOnThere) {
  // 330 entries in 3 pieces of 110.
  const std::vector<Range> ranges = {{64, 128}, {256, 512}, {640, 650}};
  const std::vector<std::vector<Range>> expected = {
      {{64, 128}, {256, 302}}, {{302, 412}}, {{412, 512}, {640, 650}}};
  EXPECT_EQ(cut(ranges, 3, 3), expected);
}

TEST(RangePiecesTest, AreEmptyWhereNothingIsReadFirst) {
  EXPECT_TRUE(cut({}, 8, 2) == std::vector<std::vector<Range>>(2));
}
