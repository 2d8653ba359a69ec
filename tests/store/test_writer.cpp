#include "writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>

#include "ritz/base/format.hpp"

namespace {

namespace fs = std::filesystem;
using ritz::GlobalId;
using ritz::base::Error;
using ritz::base::ExitCode;
using ritz::comm::BlockRange;
using ritz::comm::Communicator;
using ritz::store::Writer;

/// A file with everything that a Writer makes.
void write_all(Writer& writer, const Communicator& world) {
  constexpr GlobalId n = 10;
  const BlockRange blocks(n, world.size());
  const std::int64_t first = blocks.begin(world.rank());
  const auto n_mine = static_cast<std::size_t>(blocks.end(world.rank()) - first);
  writer.group("/a");
  writer.attribute("/a", "text", "t");
  writer.attribute("/a", "numbers", std::vector<std::int64_t>{1, 2});
  writer.dataset<double>("/a/x", n, 2, first, [&] { return std::vector<double>(2 * n_mine, 0.5); });
  writer.text("/a/long", "words");
  writer.close();
}

/// What stopped the writing, agreed to be the same on every rank; empty if nothing did.
std::string failure_of(const Communicator& world, const std::function<void()>& work) {
  std::string text;
  try {
    work();
  } catch (const Error& error) {
    text = fmt::format("{} {}", static_cast<int>(error.code()), error.what());
  }
  std::string of_root = text;
  world.broadcast(of_root);
  EXPECT_EQ(text, of_root);
  return text;
}

/// Steps of write_all() when nothing fails.
int count_steps(const Communicator& world) {
  int n = 0;
  {
    Writer writer(world, "whole.h5", 4, [&](const std::string&) { ++n; });
    write_all(writer, world);
  }
  EXPECT_TRUE(fs::exists("whole.h5"));
  return n;
}

TEST(Writer, FailureOfOneRankBeforeAnyStepReachesEveryRank) {
  const Communicator world = Communicator::world();
  const int n_steps = count_steps(world);
  ASSERT_GT(n_steps, 15);
  for (int culprit : {0, world.size() - 1}) {
    for (int step = 0; step < n_steps; ++step) {
      int at = 0;
      const std::string failure = failure_of(world, [&] {
        Writer writer(world, "part.h5", 4, [&](const std::string& action) {
          if (at++ == step && world.rank() == culprit)
            throw Error(ExitCode::io, "no space to " + action);
        });
        write_all(writer, world);
      });
      EXPECT_THAT(failure, testing::StartsWith("7 no space to ")) << "step " << step;
      EXPECT_FALSE(fs::exists("part.h5")) << "step " << step;
      world.barrier();
    }
  }
}

TEST(Writer, OtherExceptionsOfOneRankReachEveryRankToo) {
  const Communicator world = Communicator::world();
  const std::string failure = failure_of(world, [&] {
    Writer writer(world, "part.h5", 0);
    writer.dataset<double>("/x", world.size(), 1, world.rank(), [&] {
      if (world.rank() == world.size() - 1) throw std::bad_alloc();
      return std::vector<double>{1.0};
    });
  });
  EXPECT_THAT(failure, testing::StartsWith("6 "));
  EXPECT_FALSE(fs::exists("part.h5"));
}

TEST(Writer, RowsOutsideOfTheDatasetOnOneRankReachEveryRank) {
  const Communicator world = Communicator::world();
  for (int compression : {0, 4}) {
    const std::string failure = failure_of(world, [&] {
      Writer writer(world, "part.h5", compression);
      const bool last = world.rank() == world.size() - 1;
      writer.dataset<double>("/x", world.size(), 1, world.rank() + (last ? 1 : 0),
                             [] { return std::vector<double>{1.0}; });
    });
    EXPECT_THAT(failure, testing::AllOf(testing::StartsWith("1 "), testing::HasSubstr("outside")));
  }
}

TEST(Writer, ReturnCodesOfHdf5AreLookedAt) {
  const Communicator world = Communicator::world();
  const auto twice = [&](const std::function<void(Writer&)>& make) {
    return failure_of(world, [&] {
      Writer writer(world, "part.h5", 4);
      make(writer);
      make(writer);
    });
  };
  EXPECT_THAT(twice([](Writer& writer) { writer.group("/g"); }),
              testing::HasSubstr("cannot create group /g"));
  EXPECT_THAT(twice([](Writer& writer) { writer.text("/t", "x"); }),
              testing::HasSubstr("cannot create /t"));
  EXPECT_THAT(twice([](Writer& writer) { writer.attribute("/", "a", "x"); }),
              testing::HasSubstr("cannot create attribute a of /"));
  EXPECT_THAT(twice([](Writer& writer) { writer.attribute("/none", "a", "x"); }),
              testing::HasSubstr("cannot open /none"));
}

}  // namespace
