#include "ritz/store/checkpoint_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "ritz/base/error.hpp"

namespace {

namespace fs = std::filesystem;
using ritz::GlobalId;
using ritz::base::Error;
using ritz::base::ExitCode;
using ritz::comm::Communicator;
using ritz::store::CheckpointReport;
using ritz::store::CheckpointWriteOptions;
using ritz::store::CheckpointWriter;
using ritz::store::Codec;
using ritz::store::Rows;
using ritz::store::Snapshot;
using ritz::store::State;

// Ten chunks a field of three components, four a field of one; a last chunk that is not full.
constexpr GlobalId n_nodes = 430'001, n_cells = 300'003;

/// Smooth, the same everywhere, or without any pattern, so that chunks are compressed much and not
/// at all.
double value_of(int field, GlobalId node, int component, int step) {
  const auto x = static_cast<double>(node) / n_nodes;
  switch ((node / 60'000 + field) % 3) {
    case 0:
      return std::sin(6 * x + component) + step;
    case 1:
      return 7.5;
    default: {
      std::uint64_t bits = static_cast<std::uint64_t>(node * 8 + component) * 0x9E3779B97F4A7C15ULL;
      bits ^= bits >> 29U;
      return std::bit_cast<double>(bits * 0xBF58476D1CE4E5B9ULL);
    }
  }
}

/// Runs of ids on the ranks by turns, so that every rank has rows of every block; the last of four
/// ranks has none.
std::vector<GlobalId> ids_of(GlobalId n, const Communicator& ranks) {
  const int n_takers = ranks.size() == 4 ? 3 : ranks.size();
  std::vector<GlobalId> mine;
  for (GlobalId id = 0; id < n; ++id) {
    if ((id / 37) % n_takers == ranks.rank()) mine.push_back(id);
  }
  std::reverse(mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(mine.size() / 3));
  return mine;
}

/// A state of one and of three components that changes from step to step.
class Data {
 public:
  explicit Data(const Communicator& ranks)
      : nodes_(ids_of(n_nodes, ranks)), cells_(ids_of(n_cells, ranks)) {
    take_step(0);
  }
  void take_step(int step) {
    step_ = step;
    for (int f = 0; f < 2; ++f) {
      values_[f].clear();
      for (const GlobalId node : nodes_) {
        for (int c = 0; c < width(f); ++c) values_[f].push_back(value_of(f, node, c, step));
      }
    }
  }
  [[nodiscard]] State state() const {
    State state;
    state.facts = {{"deck", "title = \"a\"\n"}};
    state.numbers = {{"step", step_}};
    for (int f = 0; f < 2; ++f) {
      state.fields.push_back({f == 0 ? "u" : "v", width(f),
                              [this, f] { return std::span<const double>(values_[f]); }});
    }
    return state;
  }
  [[nodiscard]] Rows nodes() const { return {n_nodes, nodes_}; }
  [[nodiscard]] Rows cells() const { return {n_cells, cells_}; }

  /// The file holds what state() was at this step, to the bit.
  void expect_in(const Communicator& ranks, const std::string& path, int step) const {
    ASSERT_EQ(ritz::store::checkpoint_problem(ranks, path), "");
    const Snapshot got = ritz::store::read_checkpoint(ranks, path, nodes());
    EXPECT_EQ(got.number("step"), step);
    ASSERT_EQ(got.fields.size(), 2U);
    for (int f = 0; f < 2; ++f) {
      const std::vector<double>& values = got.fields[static_cast<std::size_t>(f)].values;
      ASSERT_EQ(values.size(), nodes_.size() * static_cast<std::size_t>(width(f)));
      std::size_t n_different = 0, at = 0;
      for (const GlobalId node : nodes_) {
        for (int c = 0; c < width(f); ++c) {
          n_different += std::bit_cast<std::uint64_t>(values[at++]) !=
                         std::bit_cast<std::uint64_t>(value_of(f, node, c, step));
        }
      }
      EXPECT_EQ(n_different, 0U) << path << ", field " << f;
    }
  }

 private:
  [[nodiscard]] static int width(int field) { return field == 0 ? 1 : 3; }
  std::vector<GlobalId> nodes_, cells_;
  std::vector<double> values_[2];
  int step_ = 0;
};

CheckpointWriteOptions with(Codec codec, int level) {
  CheckpointWriteOptions options;
  options.codec = codec;
  options.level = level;
  return options;
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(CheckpointWriter, EveryCodecGivesTheSameBitsBack) {
  const Communicator world = Communicator::world();
  const Data data(world);
  CheckpointWriter writer(world, data.nodes(), data.cells());
  double bytes_of_none = 0;
  for (const auto& [codec, level, name] : {std::tuple{Codec::none, 0, "none.h5"},
                                           {Codec::deflate, 1, "deflate.h5"},
                                           {Codec::zstd, 1, "zstd.h5"},
                                           {Codec::zstd, -5, "fast.h5"}}) {
    writer.start(name, data.state(), {{"origin", "test"}}, with(codec, level));
    writer.finish();
    const std::vector<CheckpointReport> reports = writer.take_reports();
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].raw_bytes, n_nodes * 4 * 8.0 + n_cells * 4.0);
    EXPECT_EQ(reports[0].file_bytes, static_cast<double>(fs::file_size(name)));
    if (codec == Codec::none) bytes_of_none = reports[0].file_bytes;
    // A third of the numbers have no pattern and cannot be made shorter, the others can.
    EXPECT_LE(reports[0].file_bytes, bytes_of_none);
    if (codec != Codec::none) {
      EXPECT_LT(reports[0].file_bytes, 0.8 * bytes_of_none);
    }
    data.expect_in(world, name, 0);
    if (world.is_root()) {
      // HDF5's own reader, with its filters.
      const hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
      const hid_t set = H5Dopen2(file, "/ritz/state/fields/v", H5P_DEFAULT);
      std::vector<double> all(3 * n_nodes);
      EXPECT_GE(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()), 0);
      std::size_t n_different = 0;
      for (std::size_t i = 0; i < all.size(); ++i) {
        n_different += std::bit_cast<std::uint64_t>(all[i]) !=
                       std::bit_cast<std::uint64_t>(
                           value_of(1, static_cast<GlobalId>(i / 3), static_cast<int>(i % 3), 0));
      }
      EXPECT_EQ(n_different, 0U) << name;
      H5Dclose(set);
      H5Fclose(file);
    }
    const auto owners = ritz::store::read_cell_ranks(world, name, data.cells());
    EXPECT_EQ(std::count(owners.begin(), owners.end(), world.rank()), std::ssize(owners));
  }
  EXPECT_EQ(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

TEST(CheckpointWriter, HoldsWhatTheStateWasWhenItBegan) {
  const Communicator world = Communicator::world();
  Data data(world);
  CheckpointWriter writer(world, data.nodes(), data.cells());
  std::atomic<bool> may_go_on = false;
  CheckpointWriteOptions slow = with(Codec::zstd, 1);
  slow.hook = [&](const std::string& stage) {
    while (stage == "encode" && !may_go_on)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  writer.start("async.h5", data.state(), {}, slow);
  EXPECT_EQ(writer.n_under_way(), 1U);
  EXPECT_FALSE(fs::exists("async.complete"));
  data.take_step(5);
  may_go_on = true;
  while (writer.n_under_way() > 0) writer.advance();  // others are not waited for here
  writer.finish();
  data.expect_in(world, "async.h5", 0);
  // To the byte what is written while everybody waits, but for the note of how long it took.
  data.take_step(0);
  writer.start("sync.h5", data.state(), {}, with(Codec::zstd, 1));
  writer.finish();
  EXPECT_TRUE(contents("async.h5") == contents("sync.h5"));
}

TEST(CheckpointWriter, AtMostTwoAreUnderWay) {
  const Communicator world = Communicator::world();
  Data data(world);
  CheckpointWriter writer(world, data.nodes(), data.cells());
  std::atomic<int> n_encoding = 0;
  CheckpointWriteOptions slow = with(Codec::deflate, 1);
  slow.hook = [&](const std::string& stage) {
    if (stage == "encode") ++n_encoding;
    if (stage == "write") std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  for (int step = 0; step < 5; ++step) {
    data.take_step(step);
    writer.start("many." + std::to_string(step) + ".h5", data.state(), {}, slow);
    EXPECT_LE(writer.n_under_way(), 2U);
    // Those that are not under way are complete.
    for (int before = 0; before + 2 <= step; ++before)
      EXPECT_TRUE(fs::exists("many." + std::to_string(before) + ".complete")) << step;
  }
  writer.finish();
  EXPECT_EQ(n_encoding, 5);
  const std::vector<CheckpointReport> reports = writer.take_reports();
  ASSERT_EQ(reports.size(), 5U);
  double waited = 0;
  for (const CheckpointReport& report : reports) waited += report.wait_seconds;
  // Five times 50 ms of writing with nothing to do beside it.
  EXPECT_GT(waited, 0.1);
  for (int step = 0; step < 5; ++step)
    data.expect_in(world, "many." + std::to_string(step) + ".h5", step);
}

TEST(CheckpointWriter, AFailureOfOneRankIsThatOfAll) {
  const Communicator world = Communicator::world();
  Data data(world);
  CheckpointWriter writer(world, data.nodes(), data.cells());
  writer.start("before.h5", data.state(), {}, with(Codec::deflate, 1));
  writer.finish();
  const int last = world.size() - 1;
  for (const std::string bad_stage : {"encode", "write", "complete"}) {
    const int bad_rank = bad_stage == "complete" ? 0 : last;
    CheckpointWriteOptions failing = with(Codec::zstd, 1);
    failing.hook = [&](const std::string& stage) {
      if (stage == bad_stage && world.rank() == bad_rank)
        throw Error(ExitCode::io, "no room for " + stage);
    };
    const std::string path = bad_stage + ".h5";
    writer.start(path, data.state(), {}, failing);
    // One that begins before the failure is known comes to its end all the same.
    writer.start("after." + path, data.state(), {}, with(Codec::none, 0));
    try {
      writer.finish();
      FAIL() << bad_stage;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::io);
      EXPECT_THAT(error.what(), testing::HasSubstr("no room for " + bad_stage));
      EXPECT_THAT(error.what(), testing::HasSubstr(path));
    }
    EXPECT_FALSE(fs::exists(path)) << "what nobody can use takes room";
    EXPECT_NE(ritz::store::checkpoint_problem(world, path), "");
    data.expect_in(world, "after." + path, 0);
    EXPECT_EQ(writer.take_reports().size(), 1U + (bad_stage == "encode" ? 1U : 0U));
  }
  data.expect_in(world, "before.h5", 0);
}

TEST(CheckpointWriter, AFolderThatGoesAwayIsAnErrorOfAll) {
  const Communicator world = Communicator::world();
  Data data(world);
  CheckpointWriter writer(world, data.nodes(), data.cells());
  if (world.is_root()) fs::create_directory("gone");
  world.barrier();
  CheckpointWriteOptions options = with(Codec::deflate, 1);
  options.hook = [&](const std::string& stage) {
    if (stage == "encode" && world.is_root()) fs::remove_all("gone");
  };
  writer.start("gone/a.h5", data.state(), {}, options);
  try {
    writer.finish();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::io);
    EXPECT_THAT(error.what(), testing::HasSubstr("gone/a.h5: cannot create it"));
  }
}

TEST(CheckpointWriter, IsCompletedWhenItGoesOutOfScope) {
  const Communicator world = Communicator::world();
  const Data data(world);
  {
    CheckpointWriter writer(world, data.nodes(), data.cells());
    writer.start("scope.h5", data.state(), {}, with(Codec::deflate, 1));
  }
  world.barrier();
  data.expect_in(world, "scope.h5", 0);
}

TEST(CheckpointWriter, TellsTheRootOnceItIsComplete) {
  const Communicator world = Communicator::world();
  const Data data(world);
  CheckpointWriter writer(world, data.nodes(), data.cells());
  std::atomic<int> n_calls = 0;
  CheckpointWriteOptions options = with(Codec::none, 0);
  options.when_complete = [&] { n_calls += fs::exists("told.complete") ? 1 : 100; };
  writer.start("told.h5", data.state(), {}, options);
  writer.finish();
  EXPECT_EQ(n_calls, world.is_root() ? 1 : 0);
  EXPECT_THAT(ritz::store::writing_note(world, "told.h5"), testing::HasSubstr("the run waited"));
}

}  // namespace
