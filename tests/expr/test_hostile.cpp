// Texts made to break the reader: a value or a located error, in linear time, never a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <ctime>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ritz/expr/expression.hpp"

using namespace ritz;
using expr::Expression;
using expr::ParseError;

namespace {

const expr::Symbols symbols{{"x", "y"}, {{"k", 2.5}}};

std::string repeated(const std::string& part, std::size_t n) {
  std::string text;
  text.reserve(part.size() * n);
  for (std::size_t i = 0; i < n; ++i) text += part;
  return text;
}

/// Everything a caller does with a text; true if it is an expression.
bool survive(const std::string& text) {
  try {
    const Expression expression = Expression::parse(text, symbols);
    const double point[] = {0.5, 1.5};
    const double walked = expression.evaluate(point);
    double computed = 0.0;
    expression.compile().evaluate(point, {&computed, 1});
    EXPECT_TRUE(walked == computed || (std::isnan(walked) && std::isnan(computed)));
    if (expression.type() == expr::Type::real) {
      const Expression derivative = expression.derivative("x");
      EXPECT_LE(derivative.n_nodes(), 20 * expression.n_nodes() + 20);
      static_cast<void>(derivative.evaluate(point));
      static_cast<void>(derivative.compile());
    }
    static_cast<void>(expression.text());
    return true;
  } catch (const ParseError& error) {
    EXPECT_LE(error.offset(), text.size());
    EXPECT_LT(std::string(error.what()).size(), 3000U);
    return false;
  }
}

}  // namespace

TEST(ExprHostile, DeepNestingIsAValue) {
  constexpr std::size_t n = 50'000;  // 10^5 characters and more
  const std::vector<std::string> texts = {
      repeated("(", n) + "x" + repeated(")", n),
      repeated("-", 2 * n) + "x",
      repeated("not ", n) + "x < 1",
      "x" + repeated("^x", n),
      "x" + repeated("^-x", n),
      repeated("2^", n) + "x",
      "x" + repeated(" + x", n),
      "x" + repeated("*x", n),
      "x" + repeated("/y-x", n),
      repeated("sin(", 25'000) + "x" + repeated(")", 25'000),
      repeated("if(x < 0.3, y, ", 10'000) + "x" + repeated(")", 10'000),
      repeated("if(", 10'000) + "x < y" + repeated(", x < 1, y < 1)", 10'000),
      repeated("(", 10'000) + "x" + repeated(" + 1)^2", 10'000),
      repeated("min(x, ", 10'000) + "y" + repeated(")", 10'000),
      "max(x" + repeated(", y", n) + ")",
      "x < 1" + repeated(" and y < 1", 10'000),
      repeated("(x + ", n) + "1" + repeated(")", n),
      repeated("abs(sin(x)*", 10'000) + "y" + repeated(")", 10'000),
      "1" + repeated("0", 300) + "*x",
      "0." + repeated("0", 100'000) + "1 + x" + repeated(" ", 100),
      repeated(" ", 100'000) + "x",
  };
  for (const std::string& text : texts) {
    const std::clock_t start = std::clock();
    const bool accepted = survive(text);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (text.substr(0, 3) != "0.0") {
      EXPECT_TRUE(accepted) << text.substr(0, 30);
    }
    // Linear is below a second of processor time, ten times that with sanitizers; quadratic in
    // 10^5 would be minutes.
    EXPECT_LT(seconds, 10.0) << text.substr(0, 30);
  }
}

TEST(ExprHostile, DeepNestingWithAMistakeIsALocatedError) {
  constexpr std::size_t n = 50'000;
  const std::vector<std::pair<std::string, std::size_t>> cases = {
      {repeated("(", n) + "x", n - 1},
      {"x" + repeated(")", n), 1},
      {repeated("(", n) + "x" + repeated(")", n) + ")", 2 * n + 1},
      {repeated("-", n), n},
      {"x" + repeated("^", n), 2},
      {repeated("sin(", n) + "foo", 4 * n},
      {repeated("if(", n), 3 * n},
      {repeated("x", 100'000), 0},
      {repeated("9", 100'000), 0},
      {repeated("1e308*", 10) + "1", 0},
      {"x + " + repeated("1e308^9*", 10) + "1", 4},
      {repeated("9^", 1000) + "9", 0},
  };
  for (const auto& [text, offset] : cases) {
    try {
      static_cast<void>(Expression::parse(text, symbols));
      FAIL() << text.substr(0, 30);
    } catch (const ParseError& error) {
      if (text[0] != '9' || text[1] != '^') {
        EXPECT_EQ(error.offset(), offset) << text.substr(0, 30) << "\n" << error.what();
      }
      EXPECT_LT(std::string(error.what()).size(), 3000U);
    }
  }
}

TEST(ExprHostile, TooLongATextIsRefused) {
  try {
    static_cast<void>(Expression::parse(repeated("x+", 600'000) + "x", symbols));
    FAIL();
  } catch (const ParseError& error) {
    EXPECT_THAT(error.message(), testing::HasSubstr("longer than 1,000,000 characters"));
    EXPECT_EQ(error.offset(), 1'000'000U);
  }
}

TEST(ExprHostile, WhatIsTooLongWhenWrittenOutIsRefusedNotWritten) {
  // 2^40 leaves as a tree: the derivative of a product shares both factors at each level.
  std::string text = "x";
  for (int i = 0; i < 2000; ++i) text = "sin(x*" + text + ")";
  const Expression second = Expression::parse(text, symbols).derivative("x").derivative("x");
  EXPECT_THROW(static_cast<void>(second.text()), base::Error);
}

TEST(ExprHostile, RandomBytes) {
  std::mt19937 random(7);
  int n_accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 40, ' ');
    for (char& c : text) c = static_cast<char>(random() % 256);
    n_accepted += survive(text) ? 1 : 0;
  }
  EXPECT_LT(n_accepted, 2000);
}

TEST(ExprHostile, RandomPiecesOfTheLanguage) {
  const std::vector<std::string> pieces = {"x",     "y",    "k",    "1",    "0",   ".5",
                                           "1e300", "+",    "-",    "*",    "/",   "^",
                                           "(",     ")",    "(",    ")",    ",",   "<",
                                           ">",     "==",   "if(",  "and ", "or ", "not ",
                                           "sin(",  "min(", "mod(", " ",    "=",   "e"};
  std::mt19937 random(11);
  int n_accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    const auto n = random() % 14;
    for (unsigned i = 0; i < n; ++i) text += pieces[random() % pieces.size()];
    n_accepted += survive(text) ? 1 : 0;
  }
  EXPECT_GT(n_accepted, 100);  // else the test would look at refusals alone
}
