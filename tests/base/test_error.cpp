#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ritz/base/error.hpp"
#include "ritz/base/version.hpp"

namespace ritz::base {
namespace {

TEST(Location, ShowsWhatIsKnown) {
  EXPECT_EQ((Location{"deck.toml", 12, 9}).text(), "deck.toml:12:9");
  EXPECT_EQ((Location{"deck.toml", 12, 0}).text(), "deck.toml:12");
  EXPECT_EQ((Location{"deck.toml", 0, 0}).text(), "deck.toml");
  EXPECT_EQ(Location{}.text(), "");
}

TEST(Diagnostic, PutsPlaceAndKindInFront) {
  Diagnostic one;
  one.where = {"a.toml", 1, 2};
  one.message = "wrong";
  EXPECT_EQ(one.text(), "a.toml:1:2: wrong");
  one.severity = Diagnostic::Severity::warning;
  EXPECT_EQ(one.text(), "a.toml:1:2: warning: wrong");
  one.severity = Diagnostic::Severity::note;
  one.where = {};
  EXPECT_EQ(one.text(), "note: wrong");
}

TEST(Error, HoldsCodeAndText) {
  const Error error(ExitCode::mesh, {"a.msh", 7, 0}, "no nodes");
  EXPECT_EQ(error.code(), ExitCode::mesh);
  EXPECT_STREQ(error.what(), "a.msh:7: no nodes");
  ASSERT_EQ(error.diagnostics().size(), 1U);
  EXPECT_EQ(error.diagnostics()[0].message, "no nodes");
  EXPECT_STREQ(Error(ExitCode::io, "disk full").what(), "disk full");
}

TEST(Diagnostics, AreThrownTogetherInTheOrderOfTheFile) {
  Diagnostics found;
  EXPECT_NO_THROW(found.throw_errors(ExitCode::deck));
  found.error({"b.toml", 1, 1}, "third");
  found.warning({"a.toml", 1, 1}, "only a warning");
  found.note({"a.toml", 1, 2}, "only a note");
  found.error({"a.toml", 10, 1}, "second");
  found.error({"a.toml", 9, 4}, "first");
  EXPECT_TRUE(found.has_errors());
  EXPECT_EQ(found.entries().size(), 5U);
  try {
    found.throw_errors(ExitCode::deck);
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::deck);
    EXPECT_STREQ(error.what(), "a.toml:9:4: first\na.toml:10:1: second\nb.toml:1:1: third");
  }
}

TEST(Diagnostics, WarningsAloneAreNoError) {
  Diagnostics found;
  found.warning({}, "hm");
  EXPECT_FALSE(found.has_errors());
  EXPECT_NO_THROW(found.throw_errors(ExitCode::deck));
}

TEST(Expectation, NamesConditionAndPlace) {
  try {
    expectation_failed("a == b", "file.cpp", 3, "they are the same array");
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("file.cpp:3"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("a == b"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("they are the same array"));
  }
}

TEST(Build, KnowsItself) {
  EXPECT_FALSE(build().version.empty());
  EXPECT_FALSE(build().commit.empty());
  EXPECT_FALSE(build().compiler.empty());
  EXPECT_THAT(build().flags, ::testing::HasSubstr("-"));
}

}  // namespace
}  // namespace ritz::base
