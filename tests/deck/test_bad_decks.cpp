// The corpus of bad decks. Each file of tests/deck/bad says what it must be told:
//   #! LINE:COLUMN: fragment      an error of this file at this place (column 0, line 0: no place)
//   #! : fragment                 an error of this file without line
//   #! --set KEY: fragment        an error of a setting
//   #set KEY=VALUE                a setting to parse it with
// and nothing else: the number of errors must be that of the lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "helpers.hpp"

namespace ritz::deck::testing {
namespace {

struct Expectation {
  std::string place;
  std::string fragment;
};

std::vector<std::filesystem::path> bad_decks() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(source_path("tests/deck/bad"))) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(BadDecks, AreManyEnough) {
  EXPECT_GE(bad_decks().size(), 60u);
}

TEST(BadDecks, AreToldExactlyWhatIsWrong) {
  for (const auto& path : bad_decks()) {
    const std::string file = path.filename().string();
    const auto text = read_file(path.string());
    ASSERT_TRUE(text.has_value()) << path;
    std::vector<Expectation> expected;
    std::vector<std::string> settings;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line) && line.starts_with("#");) {
      if (line.starts_with("#set ")) settings.push_back(line.substr(5));
      if (!line.starts_with("#! ")) continue;
      const std::size_t colon = line.find(": ", 2);
      ASSERT_NE(colon, std::string::npos) << file << ": " << line;
      std::string place = line.substr(3, colon - 3);
      if (place.empty()) {
        place = file + ": ";
      } else if (place.starts_with("--set")) {
        place += ": ";
      } else {
        place = file + ":" + place + ": ";
      }
      expected.push_back({place, line.substr(colon + 2)});
    }
    ASSERT_FALSE(expected.empty()) << file << " expects nothing";

    const Result result = parse_text(*text, settings, {}, file);
    const std::vector<std::string> errors = result.errors();
    for (const Expectation& each : expected) {
      const bool found = std::any_of(errors.begin(), errors.end(), [&](const std::string& error) {
        return error.starts_with(each.place) &&
               error.find(each.fragment, each.place.size()) != std::string::npos;
      });
      EXPECT_TRUE(found) << file << ": expected\n  " << each.place << each.fragment << "\ngot\n"
                         << result.all_errors();
    }
    EXPECT_EQ(errors.size(), expected.size()) << file << ":\n" << result.all_errors();
  }
}

// ---- decks that are awkward to keep as text files ----

TEST(BadDecks, EmptyFileSaysWhatIsMissing) {
  const Result result = parse_text("");
  EXPECT_THAT(result.errors(), ::testing::UnorderedElementsAre(
                                   ::testing::HasSubstr("deck.toml: [mesh] is missing"),
                                   ::testing::HasSubstr("deck.toml: [equation] is missing"),
                                   ::testing::HasSubstr("deck.toml: [[boundary]] is missing")));
}

TEST(BadDecks, BytesThatAreNotUtf8) {
  const Result result = parse_text("title = \"caf\xe9\"\n" + minimal);
  ASSERT_EQ(result.errors().size(), 1u);
  // The parser names the last character it could read.
  EXPECT_THAT(result.errors()[0], ::testing::StartsWith("deck.toml:1:12: not valid TOML: "));
}

TEST(BadDecks, Utf16AndNulBytesAreRefused) {
  EXPECT_EQ(parse_text(std::string("\xff\xfet\0i\0", 6)).errors().size(), 1u);
  const Result result = parse_text(std::string("title = \"a\0b\"\n", 14));
  ASSERT_EQ(result.errors().size(), 1u);
  EXPECT_THAT(result.errors()[0], ::testing::StartsWith("deck.toml:1:11: not valid TOML: "));
}

TEST(BadDecks, CountsColumnsInCharactersAfterBomTabsAndUmlauts) {
  const Result result = parse_text(
      "\xef\xbb\xbf"
      "title = \"gr\xc3\xb6\xc3\x9f"
      "e\"\r\n" +
      minimal + "\tbad = 1\r\n");
  ASSERT_EQ(result.errors().size(), 1u) << result.all_errors();
  EXPECT_THAT(result.errors()[0],
              ::testing::StartsWith("deck.toml:10:2: boundary[0].bad: unknown key"));
}

TEST(BadDecks, ManyErrorsAreCountedAndNotAllTold) {
  std::string text = minimal + "[output]\n";
  for (int i = 0; i < 5000; ++i) text += "wrong" + std::to_string(i) + " = 1\n";
  const Result result = parse_text(text);
  ASSERT_EQ(result.errors().size(), 201u);
  EXPECT_EQ(result.errors().back(), "deck.toml: and 4800 more errors");
}

TEST(BadDecks, LongTextsAreShortenedInMessages) {
  const std::string name(100'000, 'q');
  const Result result =
      parse_text(minimal + "[solver]\n" + name + " = 1\nmethod = \"" + name + "\"\n");
  ASSERT_EQ(result.errors().size(), 2u);
  for (const std::string& error : result.errors()) EXPECT_LT(error.size(), 500u);
}

TEST(BadDecks, DeepNestingIsAnErrorAndNoCrash) {
  std::string dotted = "a";
  for (int i = 0; i < 1'000'000; ++i) dotted += ".a";
  EXPECT_THAT(parse_text(dotted + " = 1\n").all_errors(),
              ::testing::HasSubstr("more than 32 segments"));
  EXPECT_THAT(parse_text("[" + dotted + "]\n").all_errors(),
              ::testing::HasSubstr("more than 32 segments"));
  EXPECT_EQ(parse_text("a = " + std::string(1'000'000, '[')).errors().size(), 1u);
  std::string inlined = "a = ";
  for (int i = 0; i < 100'000; ++i) inlined += "{a=";
  EXPECT_EQ(parse_text(inlined).errors().size(), 1u);
  // A dot in strings, comments and numbers is no segment.
  std::string dots(500, '.');
  const Result fine = parse_text("title = '" + dots + "' # " + dots + "\n" + minimal);
  EXPECT_THAT(fine.errors(), ::testing::IsEmpty());
}

TEST(BadDecks, TenMegabytesAreReadInReasonableTime) {
  std::string text = minimal + "[parameters]\n";
  while (text.size() < 10'000'000) text += "p" + std::to_string(text.size()) + " = 1.25\n";
  const Result result = parse_text(text);
  EXPECT_THAT(result.errors(), ::testing::IsEmpty());
  EXPECT_GT(result.problem.parameters.size(), 400'000u);
  // One line, not ASCII: places in it must not be searched for from its start each time.
  std::string line = minimal + "[output]\ndirectory = \"\xc3\xbc\"\n[solver]\nfallback = [";
  while (line.size() < 2'000'000) line += "\"direct\", ";
  EXPECT_THAT(parse_text(line + "]\n").errors(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace ritz::deck::testing
