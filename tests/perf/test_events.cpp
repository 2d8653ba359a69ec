#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ritz/base/error.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/perf/events.hpp"

namespace {

namespace fs = std::filesystem;
using ritz::perf::EventLog;

std::string content(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

fs::path folder_of_this_rank(const char* name) {
  const fs::path folder = fs::path(name) / std::to_string(ritz::comm::Communicator::world().rank());
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

TEST(EventLog, OneObjectALineAndAStatusThatIsReplaced) {
  const fs::path folder = folder_of_this_rank("events");
  {
    EventLog log(folder.string());
    log.event("start", {{"title", std::string("a \"b\"\n")}, {"ranks", 4LL}});
    log.event("iteration", {{"residual", 0.5}, {"last", true}});
    log.status("solve", {{"iteration", 1LL}});
    log.status("done", {{"exit_code", 0LL}});
  }
  const std::string events = content(folder / "events.jsonl");
  EXPECT_EQ(std::count(events.begin(), events.end(), '\n'), 2);
  EXPECT_THAT(events, testing::HasSubstr(R"("title":"a \"b\"\n","ranks":4)"));
  EXPECT_THAT(events, testing::HasSubstr(R"("residual":0.5,"last":true)"));
  const std::string status = content(folder / "status.json");
  EXPECT_THAT(status, testing::HasSubstr(R"("phase":"done")"));
  EXPECT_THAT(status, testing::Not(testing::HasSubstr("solve")));
  EXPECT_FALSE(fs::exists(folder / "status.json.new"));
}

TEST(EventLog, SilentLogWritesNothingAndAMissingFolderIsAnError) {
  EventLog silent;
  silent.event("start");
  silent.status("x");
  const fs::path folder = folder_of_this_rank("missing");
  try {
    const EventLog log((folder / "nowhere").string());
    FAIL() << "opened a log in a folder that does not exist";
  } catch (const ritz::base::Error& error) {
    EXPECT_EQ(error.code(), ritz::base::ExitCode::io);
    EXPECT_THAT(error.what(), testing::HasSubstr("events.jsonl"));
  }
}

}  // namespace
