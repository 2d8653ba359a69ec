// Random changes of good decks: the parser must always come back with errors or with a Problem, and
// a Problem without errors must survive its own effective deck.
#include <gtest/gtest.h>

#include <random>

#include "helpers.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::deck::testing {
namespace {

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string operator()(std::string text) {
    const int n = 1 + pick(4);
    for (int i = 0; i < n && !text.empty(); ++i) change(text);
    return text;
  }

 private:
  int pick(std::size_t n) {
    return static_cast<int>(std::uniform_int_distribution<std::size_t>(0, n - 1)(random_));
  }
  std::size_t place(const std::string& text) { return static_cast<std::size_t>(pick(text.size())); }

  void change(std::string& text) {
    static const std::string interesting = "[]{}=.,\"'#\n\t 0-+e_\\";
    static const std::vector<std::string> words{
        "nan",       "-inf",     "1e400",    "true",       "[[",
        "]]",        "\"\"\"",   "'''",      "2024-01-01", "9223372036854775808",
        "solver",    "boundary", "kind",     "\"box\"",    "\"file\"",
        "{ a = 1 }", "[1, 2]",   "\xc3\xa4", "\xff"};
    const std::size_t at = place(text);
    switch (pick(6)) {
      case 0:
        text[at] = static_cast<char>(pick(256));
        break;
      case 1:
        text.erase(at, 1 + place(text) % 20);
        break;
      case 2:
        text.insert(at, 1, interesting[place(interesting)]);
        break;
      case 3:
        text.insert(at, words[static_cast<std::size_t>(pick(words.size()))]);
        break;
      case 4: {  // a line twice or moved
        const std::size_t begin = text.rfind('\n', at) + 1;
        const std::size_t end = std::min(text.find('\n', at), text.size() - 1);
        if (end >= begin) text.insert(place(text), text.substr(begin, end - begin + 1));
        break;
      }
      default: {  // a value replaced
        const std::size_t equals = text.find('=', at);
        if (equals == std::string::npos) break;
        const std::size_t end = std::min(text.find('\n', equals), text.size());
        text.replace(equals + 1, end - equals - 1,
                     words[static_cast<std::size_t>(pick(words.size()))]);
      }
    }
  }

  std::mt19937 random_;
};

TEST(Fuzz, ChangedDecksGiveErrorsOrAProblem) {
  const std::vector<std::string> decks{minimal, full, reference_toml(), system_deck, elastic_deck};
  int n_good = 0, n_bad = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    const std::string text = Mutator(seed)(decks[seed % decks.size()]);
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Result result = parse_text(text);
    if (!result.errors().empty()) {
      for (const std::string& error : result.errors()) EXPECT_FALSE(error.empty());
      ++n_bad;
      continue;
    }
    ++n_good;
    const Result again = parse_text(result.problem.effective_toml);
    EXPECT_TRUE(again.errors().empty()) << again.all_errors() << text;
    EXPECT_EQ(describe(again.problem), describe(result.problem)) << text;
  }
  // Both must happen, or the changes are too small or too large to test anything.
  EXPECT_GT(n_good, 100);
  EXPECT_GT(n_bad, 1000);
}

TEST(Fuzz, ChangedSettingsGiveErrorsOrAProblem) {
  const std::vector<std::string> settings{
      "boundary[0].value=sin(pi*x)", "solver.trilinos.amg.\"smoother: type\"=RELAXATION",
      "material[domain].diffusion=[[1, 0, 0], [0, 1, 0], [0, 0, 1]]", "limits.memory=8 GiB",
      "probe=[{ at = [0, 0, 0] }]"};
  int n_bad = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const std::string setting = Mutator(seed)(settings[seed % settings.size()]);
    SCOPED_TRACE(setting);
    n_bad += parse_text(full, {setting}).errors().empty() ? 0 : 1;
  }
  EXPECT_GT(n_bad, 500);
}

}  // namespace
}  // namespace ritz::deck::testing
