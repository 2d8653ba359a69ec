#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ritz/comm/exchange_plan.hpp"

namespace ritz::comm {
namespace {

const Communicator& world() {
  static const auto communicator = Communicator::world();  // not before MPI_Init
  return communicator;
}

/// A ring of 3 items a rank, ids 3 rank .. 3 rank + 2; every rank has copies of the last item of
/// the rank before it and the first two items of the rank after it (none on one rank).
struct Ring {
  std::vector<GlobalId> ids;
  std::vector<LocalId> ghosts;
  std::vector<int> owners;
  ExchangePlan plan{world(), {}};

  Ring() {
    const int rank = world().rank(), size = world().size();
    for (int i = 0; i < 3; ++i) ids.push_back(3 * rank + i);
    const auto add = [&](int owner, int item) {
      ghosts.push_back(static_cast<LocalId>(ids.size()));
      owners.push_back(owner);
      ids.push_back(3 * owner + item);
    };
    if (size > 1) {
      // The order of the list is not the order of the ranks on purpose.
      add((rank + 1) % size, 1);
      add((rank + size - 1) % size, 2);
      add((rank + 1) % size, 0);
    }
    plan = ExchangePlan::from_ghosts(
        world(), ghosts, owners, std::span(ids).subspan(3),
        [&](GlobalId id) { return id / 3 == rank ? static_cast<LocalId>(id % 3) : -1; });
  }
};

TEST(ExchangePlan, BringsOwnersValues) {
  const Ring ring;
  std::vector<GlobalId> values(ring.ids.size(), -7);
  for (std::size_t i = 0; i < 3; ++i) values[i] = ring.ids[i];
  ring.plan.to_ghosts(std::span(values));
  EXPECT_EQ(values, ring.ids);

  // Two values an item.
  std::vector<double> wide(2 * ring.ids.size(), -7.0), expected;
  for (std::size_t i = 0; i < ring.ids.size(); ++i) {
    expected.push_back(static_cast<double>(ring.ids[i]));
    expected.push_back(0.5 * static_cast<double>(ring.ids[i]));
  }
  for (std::size_t i = 0; i < 6; ++i) wide[i] = expected[i];
  ring.plan.to_ghosts(std::span(wide), 2);
  EXPECT_EQ(wide, expected);
}

TEST(ExchangePlan, AddsCopiesToTheirOwner) {
  const Ring ring;
  std::vector<double> values;
  for (std::size_t i = 0; i < ring.ids.size(); ++i)
    values.push_back(i < 3 ? 100.0 : 1.0 + static_cast<double>(i));
  const std::vector<double> before = values;
  ring.plan.add_to_owners(std::span(values));
  if (world().size() == 1) {
    EXPECT_EQ(values, before);
    return;
  }
  // Copies are item 1 of the next rank (place 3), item 2 of the one before (4), item 0 of the next
  // (5).
  EXPECT_EQ(values, (std::vector<double>{106, 104, 105, 4, 5, 6}));
}

TEST(ExchangePlan, NeighboursAreInRankOrder) {
  const Ring ring;
  std::vector<int> ranks;
  for (const ExchangePlan::Neighbour& one : ring.plan.neighbours()) {
    ranks.push_back(one.rank);
    EXPECT_FALSE(one.send.empty());
    EXPECT_FALSE(one.receive.empty());
  }
  EXPECT_TRUE(std::is_sorted(ranks.begin(), ranks.end()));
  EXPECT_EQ(ranks.size(), std::min<std::size_t>(2, static_cast<std::size_t>(world().size() - 1)));
}

TEST(ExchangePlan, SaysWhenTheOwnerDoesNotKnowTheItem) {
  const std::vector<LocalId> ghosts{0};
  const std::vector<int> owners{0};
  const std::vector<GlobalId> ids{42};
  const auto build = [&] {
    return ExchangePlan::from_ghosts(world(), ghosts, owners, ids, [](GlobalId) { return -1; });
  };
  try {
    (void)build();
    FAIL() << "nothing thrown";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::internal);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("42"));
  }
}

TEST(ExchangePlan, OneSidedPlansWork) {
  // Only the last rank has a copy, of rank 0's item.
  std::vector<ExchangePlan::Neighbour> neighbours;
  const int last = world().size() - 1;
  if (last > 0 && world().rank() == 0) neighbours.push_back({last, {0}, {}});
  if (last > 0 && world().rank() == last) neighbours.push_back({0, {}, {1}});
  const ExchangePlan plan(world(), neighbours);
  std::vector<std::uint8_t> values{static_cast<std::uint8_t>(world().rank() + 5), 9};
  plan.to_ghosts(std::span(values));
  EXPECT_EQ(values[0], world().rank() + 5);
  EXPECT_EQ(values[1], last > 0 && world().rank() == last ? 5 : 9);
}

}  // namespace
}  // namespace ritz::comm
