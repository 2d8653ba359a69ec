#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <new>
#include <stdexcept>

#include "ritz/comm/communicator.hpp"

namespace ritz::comm {
namespace {

const Communicator& world() {
  static const auto communicator = Communicator::world();  // not before MPI_Init
  return communicator;
}
int rank() {
  return world().rank();
}
int size() {
  return world().size();
}

TEST(Communicator, Reduces) {
  EXPECT_EQ(world().sum(rank() + 1), size() * (size() + 1) / 2);
  EXPECT_EQ(world().min(rank()), 0);
  EXPECT_EQ(world().max(static_cast<std::int64_t>(rank())), size() - 1);
  EXPECT_EQ(world().sum(0.5), 0.5 * size());
  EXPECT_TRUE(world().any(rank() == size() - 1));
  EXPECT_FALSE(world().any(false));
  EXPECT_FALSE(world().all(rank() != 0));
  EXPECT_TRUE(world().all(true));
  std::vector<std::int64_t> values{1, rank(), -rank()};
  world().all_reduce(std::span(values), Op::min);
  EXPECT_EQ(values, (std::vector<std::int64_t>{1, 0, -(size() - 1)}));
}

TEST(Communicator, SumsOverTheRanksBefore) {
  EXPECT_EQ(world().exclusive_sum<std::int64_t>(rank() + 1), rank() * (rank() + 1) / 2);
}

TEST(Communicator, Gathers) {
  const std::vector<int> all = world().all_gather(10 * rank());
  for (int q = 0; q < size(); ++q) EXPECT_EQ(all[static_cast<std::size_t>(q)], 10 * q);

  const int root = size() - 1;
  const std::vector<int> mine(static_cast<std::size_t>(rank()), rank());  // rank 0 has nothing
  const std::vector<int> got = world().gather(std::span<const int>(mine), root);
  std::vector<int> expected;
  if (rank() == root) {
    for (int q = 0; q < size(); ++q)
      expected.insert(expected.end(), static_cast<std::size_t>(q), q);
  }
  EXPECT_EQ(got, expected);
}

TEST(Communicator, Broadcasts) {
  const int root = size() - 1;
  std::string text = rank() == root ? std::string("a\0b", 3) : "something else";
  world().broadcast(text, root);
  EXPECT_EQ(text, std::string("a\0b", 3));
  std::vector<double> values;
  if (rank() == 0) values = {1.5, 2.5, 3.5};
  world().broadcast(values);
  EXPECT_EQ(values, (std::vector<double>{1.5, 2.5, 3.5}));
  values.assign(rank() == 0 ? 0 : 3, 1.0);
  world().broadcast(values);
  EXPECT_TRUE(values.empty());
  int number = rank();
  world().broadcast(number, root);
  EXPECT_EQ(number, root);
}

/// What rank p tells rank q: (p + 2q) mod 3 items, so that some pairs say nothing.
std::vector<std::array<int, 2>> message(int from, int to) {
  return std::vector(static_cast<std::size_t>((from + 2 * to) % 3), std::array{from, to});
}

TEST(Exchange, DeliversInRankOrder) {
  std::vector<std::vector<std::array<int, 2>>> send;
  std::vector<std::array<int, 2>> expected;
  std::vector<std::size_t> expected_counts;
  for (int q = 0; q < size(); ++q) {
    send.push_back(message(rank(), q));
    const auto from = message(q, rank());
    expected.insert(expected.end(), from.begin(), from.end());
    expected_counts.push_back(from.size());
  }
  std::vector<std::size_t> counts;
  EXPECT_EQ(world().exchange(send, &counts), expected);
  EXPECT_EQ(counts, expected_counts);
}

TEST(Exchange, LongMessagesArriveWhole) {
  // Far beyond the eager limit, so that both sides must receive while they send.
  const std::size_t n = 300000;
  std::vector<std::int64_t> send(n * static_cast<std::size_t>(size()));
  for (std::size_t i = 0; i < send.size(); ++i) {
    send[i] = static_cast<std::int64_t>(i) + 1000000000LL * rank();
  }
  const std::vector<std::size_t> counts(static_cast<std::size_t>(size()), n);
  const auto got = world().exchange(std::span<const std::int64_t>(send), counts);
  ASSERT_EQ(got.size(), send.size());
  bool right = true;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto from = static_cast<std::int64_t>(i / n);
    right =
        right && got[i] == static_cast<std::int64_t>(i % n + n * static_cast<std::size_t>(rank())) +
                               1000000000LL * from;
  }
  EXPECT_TRUE(right);
}

TEST(Exchange, NothingAtAll) {
  const std::vector<std::vector<double>> send(static_cast<std::size_t>(size()));
  EXPECT_TRUE(world().exchange(send).empty());
}

using base::Error;
using base::ExitCode;

TEST(Together, PassesWhenAllPass) {
  int n = 0;
  EXPECT_NO_THROW(world().together([&] { ++n; }));
  EXPECT_EQ(n, 1);
}

TEST(Together, EveryRankThrowsTheFirstRanksError) {
  for (int failing = 0; failing < size(); ++failing) {
    try {
      world().together([&] {
        if (rank() < failing) return;
        throw Error(ExitCode::mesh, {"part" + std::to_string(rank()), 3, 4}, "broken");
      });
      ADD_FAILURE() << "nothing thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::mesh);
      EXPECT_EQ(error.what(), "part" + std::to_string(failing) + ":3:4: broken");
    }
    EXPECT_EQ(world().sum(1), size());  // nobody is left behind in a collective call
  }
}

TEST(Together, KeepsEveryDiagnostic) {
  try {
    world().together([&] {
      if (!world().is_root()) return;
      base::Diagnostics found;
      found.error({"d.toml", 1, 1}, "one");
      found.error({"d.toml", 2, 1}, "two");
      found.throw_errors(ExitCode::deck);
    });
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::deck);
    ASSERT_EQ(error.diagnostics().size(), 2U);
    EXPECT_EQ(error.diagnostics()[1].where.line, 2);
    EXPECT_EQ(error.diagnostics()[1].severity, base::Diagnostic::Severity::error);
  }
}

TEST(Together, TranslatesOtherExceptions) {
  const auto code_of = [](const std::function<void()>& work) {
    try {
      world().together(work);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::done;
  };
  const int last = size() - 1;
  EXPECT_EQ(code_of([&] {
              if (rank() == last) throw std::bad_alloc();
            }),
            ExitCode::memory);
  EXPECT_EQ(code_of([&] {
              if (rank() == last) throw std::runtime_error("x");
            }),
            ExitCode::internal);
}

TEST(Check, NamesTheCall) {
  EXPECT_NO_THROW(check(MPI_SUCCESS, "MPI_Nothing"));
  try {
    check(MPI_ERR_COUNT, "MPI_Send");
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::environment);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("MPI_Send"));
  }
}

TEST(BlockRange, CutsIntoNearlyEqualConsecutiveBlocks) {
  for (const std::int64_t n : {0, 1, 2, 7, 12, 100, 101}) {
    for (int blocks = 1; blocks <= 9; ++blocks) {
      const BlockRange range(n, blocks);
      EXPECT_EQ(range.begin(0), 0);
      EXPECT_EQ(range.end(blocks - 1), n);
      for (int b = 0; b < blocks; ++b) {
        EXPECT_EQ(range.end(b), range.begin(b + 1));
        const std::int64_t length = range.end(b) - range.begin(b);
        EXPECT_GE(length, n / blocks);
        EXPECT_LE(length, n / blocks + (n % blocks > 0 ? 1 : 0));
        for (std::int64_t i = range.begin(b); i < range.end(b); ++i)
          EXPECT_EQ(range.block_of(i), b);
      }
    }
  }
  // No overflow near the largest ids.
  const std::int64_t n = std::int64_t{1} << 62;
  const BlockRange range(n, 7);
  EXPECT_EQ(range.end(6), n);
  EXPECT_EQ(range.block_of(n - 1), 6);
  EXPECT_EQ(range.block_of(range.begin(3)), 3);
  EXPECT_EQ(range.block_of(range.begin(3) - 1), 2);
}

}  // namespace
}  // namespace ritz::comm
