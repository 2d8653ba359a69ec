#include <gtest/gtest.h>

#include <array>

#include "ritz/comm/pending_sum.hpp"

namespace ritz::comm {
namespace {

TEST(PendingSum, SumsWhileOtherCollectiveCallsGoOn) {
  const Communicator world = Communicator::world();
  const double rank = world.rank(), n = world.size();
  std::array<double, 3> first{rank, 1.0, rank * rank}, second{10.0, 0.0, -rank};
  PendingSum a(world, first);
  const int other = world.sum(1);
  PendingSum b(world, second);
  b.wait();
  a.wait();
  a.wait();  // nothing left to wait for
  EXPECT_EQ(other, world.size());
  // Small whole numbers: exact.
  EXPECT_EQ(first, (std::array<double, 3>{n * (n - 1) / 2, n, n * (n - 1) * (2 * n - 1) / 6}));
  EXPECT_EQ(second, (std::array<double, 3>{10 * n, 0.0, -n * (n - 1) / 2}));
}

TEST(PendingSum, IsFinishedByTestAndByTheDestructor) {
  const Communicator world = Communicator::world();
  std::array<double, 1> values{2.0}, others{3.0};
  {
    PendingSum sum(world, values);
    while (!sum.test()) {
    }
    EXPECT_TRUE(sum.test());
    PendingSum left(world, others);
  }
  EXPECT_EQ(values[0], 2.0 * world.size());
  EXPECT_EQ(others[0], 3.0 * world.size());
}

}  // namespace
}  // namespace ritz::comm
