#include <gtest/gtest.h>

#include <set>

#include "ritz/deck/registry.hpp"
#include "ritz/expr/symbols.hpp"

namespace ritz::deck {
namespace {

TEST(Words, OfTheDeckAreThoseOfExpressions) {
  const auto& reserved = reserved_parameter_names();
  const std::set<std::string> words(reserved.begin(), reserved.end());
  EXPECT_EQ(words.size(), reserved.size());
  std::set<std::string> expected(expr::function_names().begin(), expr::function_names().end());
  // Variables of deck expressions and the language's other words.
  for (const char* word :
       {"x", "y", "z", "t", "u", "pi", "e", "true", "false", "and", "or", "not"}) {
    expected.insert(word);
  }
  EXPECT_EQ(words, expected);
  // Whatever room expr refuses as a name, the deck refuses too.
  const std::set<std::string> variables{"x", "y", "z", "t", "u"};
  for (const std::string& word : words) {
    if (variables.count(word) == 0) {
      EXPECT_FALSE(expr::name_refusal(word).empty()) << word;
    }
  }
  EXPECT_TRUE(expr::name_refusal("h_air").empty());
}

}  // namespace
}  // namespace ritz::deck
