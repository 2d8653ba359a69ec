#include "ritz/comm/side_channel.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace {

using ritz::comm::Communicator;
using ritz::comm::Incoming;
using ritz::comm::Outgoing;
using ritz::comm::SideChannel;

/// Rank r has r + 1 bytes of value r (rank 2: none).
std::size_t size_of(int rank) {
  return rank == 2 ? 0 : static_cast<std::size_t>(rank) + 1;
}

TEST(SideChannel, MessagesArriveBesideOtherCalls) {
  const Communicator world = Communicator::world();
  SideChannel side(world);
  EXPECT_TRUE(side.arrived());  // nothing under way
  std::vector<std::size_t> counts;
  std::size_t n_all = 0;
  if (world.is_root()) {
    for (int r = 0; r < world.size(); ++r) {
      counts.push_back(size_of(r));
      n_all += size_of(r);
    }
  }
  const std::vector<std::byte> mine(size_of(world.rank()), static_cast<std::byte>(world.rank()));
  std::vector<std::byte> all(n_all, std::byte{0xFF});
  side.gather(mine, all, counts);
  // Other collective calls on the communicator, on some ranks before the message has arrived.
  EXPECT_EQ(world.sum(1), world.size());
  while (!side.arrived()) {
  }
  EXPECT_EQ(world.max(world.rank()), world.size() - 1);
  if (world.is_root()) {
    std::size_t at = 0;
    for (int r = 0; r < world.size(); ++r) {
      for (std::size_t i = 0; i < size_of(r); ++i) EXPECT_EQ(all[at++], static_cast<std::byte>(r));
    }
  }
  // Back again, one more of each.
  for (std::byte& one : all) one = static_cast<std::byte>(static_cast<int>(one) + 10);
  std::vector<std::byte> back(mine.size());
  side.scatter(all, counts, back);
  while (!side.arrived()) {
  }
  for (const std::byte one : back) EXPECT_EQ(one, static_cast<std::byte>(world.rank() + 10));
  std::vector<std::byte> told(5, static_cast<std::byte>(world.is_root() ? 42 : 0));
  side.broadcast(told);
  while (!side.arrived()) {
  }
  for (const std::byte one : told) EXPECT_EQ(one, std::byte{42});
}

TEST(SideChannel, RanksMayStartAtDifferentTimes) {
  const Communicator world = Communicator::world();
  SideChannel side(world);
  std::vector<std::byte> value{static_cast<std::byte>(world.is_root() ? 7 : 0)};
  // The root starts before these calls, the others after them.
  if (world.is_root()) side.broadcast(value);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(world.sum(i), i * world.size());
  if (!world.is_root()) side.broadcast(value);
  while (!side.arrived()) {
  }
  EXPECT_EQ(value[0], std::byte{7});
}

TEST(Deliver, EveryMessageToItsRank) {
  const Communicator world = Communicator::world();
  // To every other rank: a long message of 1 MiB and own contents.
  constexpr std::size_t n = std::size_t{1} << 20;
  std::vector<std::vector<std::byte>> out, in;
  std::vector<Outgoing> outgoing;
  std::vector<Incoming> incoming;
  for (int r = 0; r < world.size(); ++r) {
    out.emplace_back(n, static_cast<std::byte>(16 * world.rank() + r));
    in.emplace_back(n);
  }
  for (int r = 0; r < world.size(); ++r) {
    if (r == world.rank()) continue;
    outgoing.push_back({r, out[static_cast<std::size_t>(r)]});
    incoming.push_back({r, in[static_cast<std::size_t>(r)]});
  }
  ritz::comm::deliver(world, outgoing, incoming);
  for (int r = 0; r < world.size(); ++r) {
    if (r == world.rank()) continue;
    const std::vector<std::byte> expected(n, static_cast<std::byte>(16 * r + world.rank()));
    EXPECT_TRUE(in[static_cast<std::size_t>(r)] == expected) << "from " << r;
  }
}

}  // namespace
