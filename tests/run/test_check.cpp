#include "ritz/run/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "check_report.hpp"
#include "ritz/base/error.hpp"
#include "run_tools.hpp"

namespace {

using nlohmann::json;
using ritz::base::ExitCode;
using ritz::comm::Communicator;
using ritz::run::message_and_hint;

using Parts = std::pair<std::string, std::string>;

TEST(MessageAndHint, SplitsOutsideOfQuotesAndBrackets) {
  EXPECT_EQ(message_and_hint("a = 1 (must be > 2); default is 3"),
            Parts("a = 1 (must be > 2)", "default is 3"));
  EXPECT_EQ(message_and_hint("no \"x; y\" here (b; c); try d; or e"),
            Parts("no \"x; y\" here (b; c)", "try d; or e"));
  EXPECT_EQ(message_and_hint("nothing to do"), Parts("nothing to do", ""));
  EXPECT_EQ(message_and_hint(""), Parts("", ""));
}

/// Exit code of `ritz check --json report.json` and the report.
std::pair<ExitCode, json> check(const std::string& deck, int n_ranks = 1) {
  ritz::test::write_file("deck.toml", deck);
  ritz::run::CheckRequest request;
  request.deck = "deck.toml";
  request.n_ranks = n_ranks;
  request.json = "report.json";
  ExitCode code = ExitCode::done;
  try {
    static_cast<void>(ritz::run::check_deck(Communicator::world(), request));
  } catch (const ritz::base::Error& error) {
    code = error.code();
  }
  Communicator::world().barrier();
  json report = json::parse(ritz::test::file_text("report.json"));
  Communicator::world().barrier();
  return {code, report};
}

const std::string good =
    "deck_version = 1\n[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\nkind = \"poisson\"\n"
    "[[boundary]]\non = [\"rest\"]\nvalue = 0\n";

TEST(CheckReport, OfAGoodDeck) {
  const auto [code, report] = check(good, 4);
  EXPECT_EQ(code, ExitCode::done);
  EXPECT_EQ(report.at("ritz_check"), 1);
  EXPECT_EQ(report.at("exit_code"), 0);
  EXPECT_EQ(report.at("ranks"), 4);
  EXPECT_TRUE(report.at("diagnostics").empty());
  const json& forecast = report.at("forecast");
  EXPECT_EQ(forecast.at("cells"), 16);
  EXPECT_EQ(forecast.at("unknowns"), 25);
  // Rows of 4, 6 and 9 entries at corners, on edges and inside.
  EXPECT_EQ(forecast.at("matrix_entries"), 4 * 4 + 12 * 6 + 9 * 9);
  EXPECT_EQ(forecast.at("exact"), true);
  EXPECT_EQ(forecast.at("solver").at("method"), "direct");
  double sum = 0;
  for (const auto& [name, bytes] : forecast.at("bytes").items()) sum += bytes.get<double>();
  EXPECT_NEAR(forecast.at("bytes_a_rank").get<double>(), sum, 5);  // five roundings
  EXPECT_GT(report.at("disk").at("free_bytes").get<double>(), 0);
  EXPECT_EQ(report.at("disk").at("results_bytes"), 25 * 32 + 16 * (4 * 8 + 17));
}

TEST(CheckReport, HoldsEveryMistakeWithItsPlace) {
  const auto [code, report] = check(good + "[solver]\ntolerance = -1\ntolerence = 1\n");
  EXPECT_EQ(code, ExitCode::deck);
  EXPECT_EQ(report.at("exit_code"), 2);
  EXPECT_TRUE(report.at("forecast").is_null());
  EXPECT_TRUE(report.at("disk").is_null());
  ASSERT_EQ(report.at("diagnostics").size(), 2u);
  const json& range = report.at("diagnostics")[0];
  EXPECT_EQ(range.at("severity"), "error");
  EXPECT_EQ(range.at("file"), "deck.toml");
  EXPECT_EQ(range.at("line"), 11);
  EXPECT_EQ(range.at("col"), 13);
  EXPECT_THAT(range.at("message").get<std::string>(), testing::HasSubstr("tolerance = -1"));
  EXPECT_EQ(range.at("hint"), "default is 1e-8");
  const json& spelling = report.at("diagnostics")[1];
  EXPECT_EQ(spelling.at("message"), "solver.tolerence: unknown key");
  EXPECT_THAT(spelling.at("hint").get<std::string>(), testing::StartsWith("did you mean"));
}

TEST(CheckReport, KeepsWarningsBesideErrors) {
  const auto [code, report] = check(good.substr(good.find('\n') + 1) + "[solver]\nx = 1\n");
  EXPECT_EQ(code, ExitCode::deck);
  ASSERT_EQ(report.at("diagnostics").size(), 2u);
  EXPECT_EQ(report.at("diagnostics")[0].at("severity"), "error");
  EXPECT_EQ(report.at("diagnostics")[1].at("severity"), "note");  // no deck_version
}

TEST(CheckReport, TextThatIsNotUtf8IsStillJson) {
  const auto [code, report] = check(good + "[solver]\n\"\\u00e9\" = 1\nfallback = [\"\xff\"]\n");
  EXPECT_EQ(code, ExitCode::deck);
  EXPECT_FALSE(report.at("diagnostics").empty());
}

TEST(CheckReport, MemoryLimitIsCode6AndHasTheForecast) {
  const auto [code, report] = check(good + "[limits]\nmemory = \"1 MiB\"\n");
  EXPECT_EQ(code, ExitCode::memory);
  EXPECT_EQ(report.at("exit_code"), 6);
  EXPECT_EQ(report.at("forecast").at("unknowns"), 25);
}

TEST(CheckReport, KnowsWhatIsAssembledWithWhat) {
  const std::string heat =
      "deck_version = 1\n[mesh]\nkind = \"box\"\ncells = [8, 8, 8]\n[space]\ndegree = "
      "4\n[equation]\n"
      "kind = \"heat\"\n[[boundary]]\non = [\"rest\"]\nvalue = 0\n[initial]\nu = 1\n[time]\nend = "
      "1\n"
      "step = 0.1\nmethod = ";
  EXPECT_EQ(check(heat + "\"bdf2\"\n").second.at("forecast").at("matrix_entries"), 0);
  // An imex method has its matrix; 33^3 unknowns and many entries for each.
  EXPECT_GT(check(heat + "\"imex2\"\n").second.at("forecast").at("matrix_entries"), 35937 * 100);
}

TEST(CheckReport, ResultsThatCannotFitAreAWarning) {
  // 10^15 cells: more than any file system here.
  const auto [code, report] = check(
      "deck_version = 1\n[mesh]\nkind = \"box\"\ncells = [100000, 100000, "
      "100000]\n[equation]\nkind "
      "= \"poisson\"\n[[boundary]]\non = [\"rest\"]\nvalue = 0\n[output]\ncompression = 0\n"
      "directory = \"not there yet/results\"\n");
  EXPECT_EQ(code, ExitCode::done);
  ASSERT_EQ(report.at("diagnostics").size(), 1u);
  const json& warning = report.at("diagnostics")[0];
  EXPECT_EQ(warning.at("severity"), "warning");
  EXPECT_TRUE(warning.at("file").is_null());
  EXPECT_THAT(warning.at("message").get<std::string>(), testing::HasSubstr("cannot fit"));
  EXPECT_THAT(warning.at("hint").get<std::string>(), testing::HasSubstr("output.directory"));
}

TEST(CheckReport, UnwritableFileIsCode7) {
  ritz::test::write_file("deck.toml", good);
  ritz::run::CheckRequest request;
  request.deck = "deck.toml";
  request.json = "no such folder/report.json";
  try {
    static_cast<void>(ritz::run::check_deck(Communicator::world(), request));
    FAIL() << "wrote into a folder that does not exist";
  } catch (const ritz::base::Error& error) {
    EXPECT_EQ(error.code(), ExitCode::io);
  }
}

TEST(DiskNeeds, CompressionLeavesRoomForDoubt) {
  ritz::run::DiskNeeds disk;
  disk.directory = "results";
  disk.results_bytes = 1e6;
  disk.certain_bytes = 1e3;
  disk.free_bytes = 1e6;
  EXPECT_EQ(disk.problem(), "");
  disk.free_bytes = 1e5;
  EXPECT_THAT(disk.problem(), testing::HasSubstr("may not fit"));
  disk.free_bytes = 999;
  EXPECT_TRUE(disk.cannot_fit());
  EXPECT_THAT(disk.problem(), testing::HasSubstr("cannot fit"));
  disk.free_bytes = -1;  // not known
  EXPECT_EQ(disk.problem(), "");
}

}  // namespace
