#include "ritz/store/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include "ritz/base/crc32c.hpp"
#include "ritz/base/error.hpp"
#include "ritz/store/checkpoint_reader.hpp"

namespace {

namespace fs = std::filesystem;
using ritz::GlobalId;
using ritz::base::Error;
using ritz::base::ExitCode;
using ritz::comm::Communicator;
using ritz::store::CheckpointWriteOptions;
using ritz::store::Codec;
using ritz::store::Rows;
using ritz::store::Snapshot;

constexpr GlobalId n_nodes = 3001, n_cells = 257;

/// A number of each node and component, some of them with bits that only survive a copy.
double value_of(GlobalId node, int component) {
  switch (node % 11) {
    case 0:
      return -0.0;
    case 1:
      return std::bit_cast<double>(0x7FF8000000000123ULL + static_cast<std::uint64_t>(node));
    case 2:
      return std::numeric_limits<double>::denorm_min() * static_cast<double>(node);
    case 3:
      return -std::numeric_limits<double>::infinity();
    default:
      return std::sin(static_cast<double>(node) + 0.1 * component);
  }
}

/// The ids that rank `rank` of `size` has: shuffled, uneven shares (the last rank has none of 4).
std::vector<GlobalId> ids_of(GlobalId n, int rank, int size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<GlobalId> mine;
  const int n_takers = size == 4 ? 3 : size;
  for (GlobalId id = 0; id < n; ++id) {
    if (static_cast<int>(random() % static_cast<unsigned>(n_takers)) == rank) mine.push_back(id);
  }
  std::shuffle(mine.begin(), mine.end(), std::mt19937(seed + 1));
  return mine;
}

Snapshot snapshot_of(const std::vector<GlobalId>& nodes) {
  Snapshot snapshot;
  snapshot.facts = {{"deck", "title = \"a\"\n"}, {"empty", ""}, {"UTF-8", "für µ"}};
  snapshot.numbers = {{"time", 0.1 + 0.2}, {"nan", std::nan("7")}};
  for (const int m : {1, 3}) {
    Snapshot::Field field;
    field.name = m == 1 ? "u" : "history 0";
    field.n_components = m;
    for (GlobalId node : nodes) {
      for (int c = 0; c < m; ++c) field.values.push_back(value_of(node, c));
    }
    snapshot.fields.push_back(field);
  }
  return snapshot;
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// The ways of writing, one after the other.
CheckpointWriteOptions way(int i) {
  switch (i % 4) {
    case 0:
      return {Codec::none, 0, false, {}, {}};
    case 1:
      return {Codec::deflate, 1, false, {}, {}};
    case 2:
      return {Codec::zstd, 1, false, {}, {}};
    default:
      return {Codec::zstd, -5, false, {}, {}};
  }
}

void write(const Communicator& ranks, const std::string& path, int which, unsigned seed) {
  const std::vector<GlobalId> nodes = ids_of(n_nodes, ranks.rank(), ranks.size(), seed);
  const std::vector<GlobalId> cells = ids_of(n_cells, ranks.rank(), ranks.size(), seed + 9);
  const auto report =
      ritz::store::write_checkpoint(path, ranks, {n_nodes, nodes}, {n_cells, cells},
                                    snapshot_of(nodes), {{"ritz_version", "test"}}, way(which));
  EXPECT_EQ(report.file_bytes, static_cast<double>(fs::file_size(path)));
}

void expect_whole(const Communicator& ranks, const std::string& path, unsigned seed,
                  int n_writers) {
  EXPECT_EQ(ritz::store::checkpoint_problem(ranks, path), "");
  std::vector<GlobalId> nodes = ids_of(n_nodes, ranks.rank(), ranks.size(), seed);
  nodes.insert(nodes.end(), nodes.rbegin(), nodes.rend());  // any id, any number of times
  const Snapshot expected = snapshot_of(nodes);
  const Snapshot got = ritz::store::read_checkpoint(ranks, path, {n_nodes, nodes});
  EXPECT_EQ(got.facts, expected.facts);
  ASSERT_EQ(got.numbers.size(), expected.numbers.size());
  for (std::size_t i = 0; i < got.numbers.size(); ++i) {
    EXPECT_EQ(got.numbers[i].first, expected.numbers[i].first);
    EXPECT_TRUE(same_bits(got.numbers[i].second, expected.numbers[i].second));
  }
  ASSERT_EQ(got.fields.size(), expected.fields.size());
  for (std::size_t f = 0; f < got.fields.size(); ++f) {
    EXPECT_EQ(got.fields[f].name, expected.fields[f].name);
    ASSERT_EQ(got.fields[f].values.size(), expected.fields[f].values.size());
    int n_different = 0;
    for (std::size_t i = 0; i < expected.fields[f].values.size(); ++i)
      n_different += !same_bits(got.fields[f].values[i], expected.fields[f].values[i]);
    EXPECT_EQ(n_different, 0) << expected.fields[f].name;
  }
  const std::vector<GlobalId> cells = ids_of(n_cells, ranks.rank(), ranks.size(), seed + 9);
  const std::vector<std::int32_t> owners =
      ritz::store::read_cell_ranks(ranks, path, {n_cells, cells});
  for (std::int32_t owner : owners) EXPECT_LT(owner, n_writers);
}

/// The first `n` ranks of the world as a communicator of their own; null on the others.
struct Some {
  explicit Some(int n) {
    const Communicator world = Communicator::world();
    MPI_Comm_split(MPI_COMM_WORLD, world.rank() < n ? 0 : MPI_UNDEFINED, world.rank(), &handle);
  }
  ~Some() {
    if (handle != MPI_COMM_NULL) MPI_Comm_free(&handle);
  }
  Some(const Some&) = delete;
  Some& operator=(const Some&) = delete;
  MPI_Comm handle = MPI_COMM_NULL;
};

TEST(Checkpoint, AnyNumberOfRanksReadsWhatAnyOtherWrote) {
  const Communicator world = Communicator::world();
  for (int writers = 1; writers <= world.size(); ++writers) {
    const std::string path = "ckpt." + std::to_string(writers) + ".h5";
    const Some some(writers);
    if (some.handle != MPI_COMM_NULL) write(Communicator(some.handle), path, writers, 1);
    world.barrier();
    for (int readers = 1; readers <= world.size(); ++readers) {
      const Some others(readers);
      if (others.handle != MPI_COMM_NULL)
        expect_whole(Communicator(others.handle), path, 5, writers);
      world.barrier();
    }
  }
}

TEST(Checkpoint, TheSameBytesOnEveryNumberOfRanks) {
  // Not the file's (cell_rank differs): the fields' checksums, which the marker lists.
  const Communicator world = Communicator::world();
  const auto sums = [](const std::string& path) {
    std::ifstream in(ritz::store::marker_path(path));
    std::string text, line;
    while (std::getline(in, line)) {
      if (line.starts_with("data") && line.find("cell_rank") == std::string::npos &&
          line.find("metadata") == std::string::npos)
        text += line + "\n";
    }
    return text;
  };
  write(world, "all.h5", 0, 3);
  const Some one(1);
  if (one.handle != MPI_COMM_NULL) write(Communicator(one.handle), "one.h5", 1, 8);
  world.barrier();
  EXPECT_FALSE(sums("one.h5").empty());
  EXPECT_EQ(sums("all.h5"), sums("one.h5"));
}

TEST(Checkpoint, AnotherNumberOfNodesIsRefused) {
  const Communicator world = Communicator::world();
  write(world, "size.h5", 1, 1);
  const std::vector<GlobalId> ids = ids_of(n_nodes + 1, world.rank(), world.size(), 1);
  try {
    static_cast<void>(ritz::store::read_checkpoint(world, "size.h5", {n_nodes + 1, ids}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::io);
    EXPECT_THAT(error.what(), testing::HasSubstr("another problem"));
  }
}

TEST(Checkpoint, ReplacesAFileOfTheSameName) {
  const Communicator world = Communicator::world();
  write(world, "again.h5", 0, 1);
  write(world, "again.h5", 6, 2);
  expect_whole(world, "again.h5", 4, world.size());
}

TEST(Checkpoint, AFolderThatIsNotThereIsAnErrorOnEveryRank) {
  const Communicator world = Communicator::world();
  EXPECT_THROW(write(world, "no/such/folder/a.h5", 1, 1), Error);
  EXPECT_THAT(ritz::store::checkpoint_problem(world, "no/such/folder/a.h5"),
              testing::HasSubstr("no completion marker"));
}

// Damage. Each kind on a fresh copy; one rank (the communicator of itself) does it all, so that
// the ranks share the work.

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    const Communicator self = Communicator::self();
    folder_ = "damage." + std::to_string(Communicator::world().rank());
    fs::create_directories(folder_);
    path_ = folder_ + "/ckpt.h5";
    const std::vector<GlobalId> nodes = ids_of(n_nodes, 0, 1, 1), cells = ids_of(n_cells, 0, 1, 2);
    static_cast<void>(ritz::store::write_checkpoint(path_, self, {n_nodes, nodes}, {n_cells, cells},
                                                    snapshot_of(nodes), {},
                                                    way(Communicator::world().rank())));
    data_ = contents(path_);
    marker_ = contents(ritz::store::marker_path(path_));
    random_.seed(static_cast<unsigned>(17 + Communicator::world().rank()));
  }

  void expect_refused(const std::string& data, const std::string& marker, const char* what) {
    std::ofstream(path_, std::ios::binary) << data;
    std::ofstream(ritz::store::marker_path(path_), std::ios::binary) << marker;
    const std::string problem = ritz::store::checkpoint_problem(Communicator::self(), path_);
    EXPECT_NE(problem, "") << what;
    // Read for use it is the same in the same words.
    EXPECT_EQ(ritz::store::CheckpointReader(Communicator::self(), path_).problem(), problem)
        << what;
  }
  /// The marker as earlier programs wrote it: it does not say where metadata lie.
  [[nodiscard]] std::string earlier_marker() const {
    std::istringstream lines(marker_);
    std::string text, line;
    while (std::getline(lines, line)) {
      if (line.find(" metadata ") == std::string::npos && !line.starts_with("end "))
        text += line + "\n";
    }
    std::array<char, 16> end{};
    std::snprintf(end.data(), end.size(), "end %08x\n",
                  ritz::base::crc32c(std::as_bytes(std::span(text))));
    return text + end.data();
  }
  [[nodiscard]] std::size_t somewhere(std::size_t n) { return random_() % n; }

  std::string folder_, path_, data_, marker_;
  std::mt19937_64 random_;
};

TEST_F(Damage, IsSeen) {
  EXPECT_EQ(ritz::store::checkpoint_problem(Communicator::self(), path_), "");
  for (int i = 0; i < 100; ++i) {
    std::string bits = data_;
    bits[somewhere(bits.size())] ^= static_cast<char>(1U << somewhere(8));
    expect_refused(bits, marker_, "a bit");
    expect_refused(data_.substr(0, somewhere(data_.size())), marker_, "cut");
    std::string zeros = data_;
    const std::size_t at = somewhere(zeros.size() - 512);
    std::fill_n(zeros.begin() + static_cast<std::ptrdiff_t>(at), 512, '\0');
    if (zeros != data_) expect_refused(zeros, marker_, "zeros");
  }
  expect_refused(data_ + '\0', marker_, "longer");
  expect_refused("", marker_, "empty");
}

TEST_F(Damage, OfAFileOfAnEarlierProgramIsSeen) {
  const std::string earlier = earlier_marker();
  ASSERT_LT(earlier.size(), marker_.size());
  for (int i = 0; i < 30; ++i) {
    std::string bits = data_;
    bits[somewhere(bits.size())] ^= static_cast<char>(1U << somewhere(8));
    expect_refused(bits, earlier, "a bit");
  }
  std::ofstream(path_, std::ios::binary) << data_;
  std::ofstream(ritz::store::marker_path(path_), std::ios::binary) << earlier;
  expect_whole(Communicator::self(), path_, 1, 1);
}

TEST_F(Damage, OfTheMarkerIsSeenInEveryByte) {
  for (std::size_t at = 0; at < marker_.size(); ++at) {
    std::string marker = marker_;
    marker[at] ^= static_cast<char>(1U << somewhere(8));
    expect_refused(data_, marker, "marker bit");
    expect_refused(data_, marker_.substr(0, at), "marker cut");
  }
  fs::remove(ritz::store::marker_path(path_));
  EXPECT_THAT(ritz::store::checkpoint_problem(Communicator::self(), path_),
              testing::HasSubstr("no completion marker"));
}

TEST_F(Damage, FilesOfAnotherRunAreSeen) {
  const std::vector<GlobalId> nodes = ids_of(n_nodes, 0, 1, 1), cells = ids_of(n_cells, 0, 1, 2);
  Snapshot other = snapshot_of(nodes);
  other.numbers[0].second = 0.4;
  const std::string elsewhere = folder_ + "/other.h5";
  static_cast<void>(ritz::store::write_checkpoint(elsewhere, Communicator::self(), {n_nodes, nodes},
                                                  {n_cells, cells}, other, {}, way(1)));
  expect_refused(contents(elsewhere), marker_, "data of another");
  expect_refused(data_, contents(ritz::store::marker_path(elsewhere)), "marker of another");
}

}  // namespace
