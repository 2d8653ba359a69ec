#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "ritz/perf/recorder.hpp"
#include "ritz/perf/report.hpp"

namespace {

using ritz::comm::Communicator;
using ritz::perf::Recorder;
using ritz::perf::Stage;
using ritz::perf::StageRecord;

void sleep_ms(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

const StageRecord* find(const std::vector<StageRecord>& records,
                        const std::vector<std::string>& path) {
  for (const StageRecord& one : records) {
    if (one.path == path) return &one;
  }
  return nullptr;
}

TEST(Recorder, NestedStagesAddUpAndTheRestIsOther) {
  const Communicator world = Communicator::world();
  Recorder recorder;
  {
    const Stage outer(recorder, "outer");
    sleep_ms(20);
    for (int i = 0; i < 3; ++i) {
      const Stage inner(recorder, "inner");
      sleep_ms(10);
    }
  }
  const auto records = recorder.collect(world);
  const StageRecord* outer = find(records, {"outer"});
  const StageRecord* inner = find(records, {"outer", "inner"});
  const StageRecord* rest = find(records, {"outer", "other"});
  ASSERT_TRUE(outer && inner && rest && find(records, {"other"}));
  EXPECT_EQ(inner->calls, 3);
  EXPECT_GE(inner->min_seconds, 0.030);  // a sleep never ends early
  EXPECT_GE(rest->min_seconds, 0.020);
  // On each rank outer = inner + other exactly; averages inherit that up to rounding.
  EXPECT_NEAR(outer->avg_seconds, inner->avg_seconds + rest->avg_seconds, 1e-9);
  EXPECT_LE(outer->min_seconds, outer->avg_seconds);
  EXPECT_LE(outer->avg_seconds, outer->max_seconds);
  EXPECT_GT(outer->max_resident_bytes, 1e6);
}

TEST(Recorder, StageOfSomeRanksOnlyCountsAsZeroElsewhere) {
  const Communicator world = Communicator::world();
  Recorder recorder;
  if (world.rank() == 0) {
    const Stage stage(recorder, "root only");
    sleep_ms(15);
  }
  const auto records = recorder.collect(world);
  const StageRecord* stage = find(records, {"root only"});
  ASSERT_TRUE(stage);
  EXPECT_GE(stage->max_seconds, 0.015);
  EXPECT_EQ(stage->slowest_rank, 0);
  if (world.size() > 1) {
    EXPECT_EQ(stage->min_seconds, 0.0);
  }
  EXPECT_NEAR(stage->avg_seconds, stage->max_seconds / world.size(), 1e-12);
}

TEST(Report, TableAndJsonNameEveryStage) {
  const Communicator world = Communicator::world();
  Recorder recorder;
  {
    const Stage stage(recorder, "mesh");
    sleep_ms(5);
  }
  recorder.count("unknowns", 42);
  const auto report = ritz::perf::make_report(world, recorder, "a \"quoted\" title", 1);
  EXPECT_EQ(report.n_ranks, world.size());
  EXPECT_GE(report.total_seconds, 0.005);
  EXPECT_THAT(ritz::perf::summary_table(report), testing::HasSubstr("mesh"));
  const std::string json = ritz::perf::to_json(report);
  EXPECT_THAT(json, testing::HasSubstr("\"unknowns\": 42"));
  EXPECT_THAT(json, testing::HasSubstr("a \\\"quoted\\\" title"));
}

TEST(Memory, OfThisProcessIsPlausible) {
  const ritz::perf::Memory memory = ritz::perf::memory();
  EXPECT_GT(memory.resident, 1e6);
  EXPECT_GE(memory.peak, memory.resident);
  EXPECT_GT(ritz::perf::available_memory(), 1e6);
}

}  // namespace
