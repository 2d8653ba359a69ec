// The environment starts and ends MPI, so this test has a main of its own.
#include "ritz/comm/environment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <memory>

namespace {

using namespace std::chrono_literals;

std::unique_ptr<ritz::comm::Environment> environment;

TEST(Environment, AllRanksOfATestShareAMachine) {
  EXPECT_EQ(environment->ranks_on_node(), environment->world().size());
}

TEST(Environment, RanksMeet) {
  EXPECT_TRUE(environment->meet(60s));
}

TEST(Environment, AMissingRankIsNotWaitedForLongerThanPatienceAllows) {
  const auto& world = environment->world();
  const bool is_late = world.rank() == world.size() - 1;
  if (world.size() > 1 && !is_late) {
    EXPECT_FALSE(environment->meet(20ms));
  }
  // Other communication goes on undisturbed by the meeting that is still open.
  EXPECT_EQ(world.sum(1), world.size());
  if (is_late) {
    EXPECT_TRUE(environment->meet(60s));
  }
  EXPECT_EQ(world.sum(1), world.size());
}

TEST(Environment, LibraryIsOneLine) {
  const std::string text = ritz::comm::library_version();
  EXPECT_FALSE(text.empty());
  EXPECT_TRUE(std::none_of(text.begin(), text.end(), [](unsigned char c) {
    return std::iscntrl(c) != 0;
  })) << text;
}

}  // namespace

int main(int argc, char** argv) {
  environment = std::make_unique<ritz::comm::Environment>(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  const int failed = RUN_ALL_TESTS();
  const int any = environment->world().max(failed);
  environment.reset();
  return any;
}
