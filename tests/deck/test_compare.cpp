#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "helpers.hpp"
#include "ritz/deck/compare.hpp"

namespace ritz::deck::testing {
namespace {

/// "key: was -> is", with a star where the key may change.
std::vector<std::string> told(const std::string& before, const std::string& after) {
  std::vector<std::string> lines;
  for (const Change& one : changes(before, after)) {
    lines.push_back(one.key + ": " + one.was + " -> " + one.is + (one.may_change ? " *" : ""));
  }
  return lines;
}

const char* const first = R"toml(
[parameters]
h = 2
[mesh]
kind = "box"
cells = [4, 4]
[equation]
kind = "heat"
diffusion = [[1, 0], [0, 2]]
[[boundary]]
on = ["left"]
value = "sin(t)"
[[boundary]]
on = ["rest"]
robin = { coefficient = 1.0, ambient = 3 }
[time]
end = 1
step = 0.1
[initial]
u = 0
[solver.trilinos.amg]
"smoother: type" = "RELAXATION"
)toml";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Changes, NoneBetweenWaysToWriteTheSame) {
  EXPECT_THAT(told(first, first), ::testing::IsEmpty());
  EXPECT_THAT(told(first, replaced(first, "h = 2", "h = 2.0  # a comment")), ::testing::IsEmpty());
  const std::string effective = parse_text(first).problem.effective_toml;
  EXPECT_THAT(told(effective, parse_text(effective).problem.effective_toml), ::testing::IsEmpty());
}

TEST(Changes, AreToldWithBothValues) {
  using ::testing::ElementsAre;
  EXPECT_THAT(told(first, replaced(first, "cells = [4, 4]", "cells = [4, 5]")),
              ElementsAre("mesh.cells: [4.0, 4.0] -> [4.0, 5.0]"));
  EXPECT_THAT(told(first, replaced(first, "\"sin(t)\"", "\"cos(t)\"")),
              ElementsAre("boundary[0].value: \"sin(t)\" -> \"cos(t)\""));
  EXPECT_THAT(
      told(first, replaced(first, "ambient = 3", "ambient = 4")),
      ElementsAre("boundary[1].robin: { coefficient = 1.0, ambient = 3.0 } -> { coefficient "
                  "= 1.0, ambient = 4.0 }"));
  EXPECT_THAT(told(first, replaced(first, "h = 2", "g = 2")),
              ElementsAre("parameters.g:  -> 2.0", "parameters.h: 2.0 -> "));
  EXPECT_THAT(told(first, replaced(first, "[0, 2]", "[0, 3]")),
              ElementsAre("equation.diffusion: [[1.0, 0.0], [0.0, 2.0]] -> [[1.0, 0.0], [0.0, "
                          "3.0]]"));
}

TEST(Changes, OfWhatMayChange) {
  using ::testing::ElementsAre;
  EXPECT_THAT(told(first, replaced(first, "end = 1", "end = 2")),
              ElementsAre("time.end: 1.0 -> 2.0 *"));
  EXPECT_THAT(told(first, replaced(first, "RELAXATION", "CHEBYSHEV")),
              ElementsAre("solver.trilinos.amg.\"smoother: type\": \"RELAXATION\" -> "
                          "\"CHEBYSHEV\" *"));
  EXPECT_THAT(told(first, std::string(first) + "[output]\nevery = 0.5\n"),
              ElementsAre("output.every:  -> 0.5 *"));
}

}  // namespace
}  // namespace ritz::deck::testing
