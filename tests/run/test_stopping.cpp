#include "stopping.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

namespace {

using ritz::run::Pace;
using ritz::run::Signals;
using ritz::run::time_limit;

TEST(Signals, AreKeptUntilAsked) {
  const Signals signals;
  EXPECT_EQ(Signals::stop(), "");
  EXPECT_FALSE(Signals::take_checkpoint());
  std::raise(SIGUSR1);
  EXPECT_EQ(Signals::stop(), "");
  EXPECT_TRUE(Signals::take_checkpoint());
  EXPECT_FALSE(Signals::take_checkpoint());
  std::raise(SIGUSR2);
  EXPECT_EQ(Signals::stop(), "SIGUSR2");
  std::raise(SIGTERM);
  EXPECT_EQ(Signals::stop(), "SIGTERM");
  {
    const Signals fresh;
    EXPECT_EQ(Signals::stop(), "");
  }
}

TEST(SignalsDeathTest, ASecondTermEndsTheProcess) {
  EXPECT_EXIT(
      {
        const Signals signals;
        std::raise(SIGTERM);
        if (Signals::stop() == "SIGTERM") std::raise(SIGTERM);
        std::_Exit(0);  // the same one once more
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      {
        const Signals signals;
        std::raise(SIGTERM);
        for (const std::time_t start = std::time(nullptr); std::time(nullptr) - start < 3;) {
        }
        std::raise(SIGTERM);
        std::_Exit(0);
      },
      testing::KilledBySignal(SIGTERM), "");
  EXPECT_EXIT(
      {
        { const Signals signals; }
        std::raise(SIGTERM);  // nobody watches any more
        std::_Exit(0);
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(TimeLimit, IsTheTightest) {
  unsetenv("SLURM_JOB_END_TIME");
  unsetenv("PBS_WALLTIME");
  EXPECT_FALSE(time_limit({}, 10).has_value());
  EXPECT_EQ(time_limit(100.0, 30)->seconds_left, 70);
  setenv("PBS_WALLTIME", "50", 1);
  // The batch system's limits less the five seconds that ending takes.
  EXPECT_EQ(time_limit(100.0, 30)->seconds_left, 15);
  EXPECT_EQ(time_limit(100.0, 30)->from, "PBS_WALLTIME");
  setenv("SLURM_JOB_END_TIME", std::to_string(std::time(nullptr) + 10).c_str(), 1);
  EXPECT_NEAR(time_limit(100.0, 30)->seconds_left, 5, 1.5);
  EXPECT_EQ(time_limit(4.0, 0)->from, "limits.walltime");
  setenv("SLURM_JOB_END_TIME", "UNLIMITED", 1);
  setenv("PBS_WALLTIME", "", 1);
  EXPECT_FALSE(time_limit({}, 10).has_value());
  unsetenv("SLURM_JOB_END_TIME");
  unsetenv("PBS_WALLTIME");
}

TEST(Pace, LeavesRoomForTheSlowestStepAndACheckpoint) {
  Pace pace;
  EXPECT_EQ(pace.reserve(), 0);
  pace.step(3);
  pace.checkpoint(1);
  for (int i = 0; i < 10; ++i) pace.step(2);
  EXPECT_EQ(pace.reserve(), 1.5 * 4);
  for (int i = 0; i < 20; ++i) pace.step(2);  // the slow one is long ago
  EXPECT_EQ(pace.reserve(), 1.5 * 3);
}

}  // namespace
