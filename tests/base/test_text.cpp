#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "ritz/base/text.hpp"

namespace ritz::base {
namespace {

TEST(Nearest, FindsSlipsOfTheFingers) {
  const std::vector<std::string> keys{"tolerance", "max_iterations", "method", "restart"};
  EXPECT_EQ(nearest("tolerence", keys), "tolerance");   // a letter replaced
  EXPECT_EQ(nearest("tolerane", keys), "tolerance");    // left out
  EXPECT_EQ(nearest("tollerance", keys), "tolerance");  // doubled
  EXPECT_EQ(nearest("toleracne", keys), "tolerance");   // swapped
  EXPECT_EQ(nearest("max-iterations", keys), "max_iterations");
  EXPECT_EQ(nearest("METHOD", keys), "method");
  EXPECT_EQ(nearest("restart", keys), "restart");
}

TEST(Nearest, StaysSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest("preconditioner", {"tolerance", "method"}), std::nullopt);
  EXPECT_EQ(nearest("", {"a"}), std::nullopt);
  EXPECT_EQ(nearest("abc", {}), std::nullopt);
  EXPECT_EQ(nearest(std::string(300, 'x'), {std::string(300, 'x')}), std::nullopt);
  // Two of three letters differ.
  EXPECT_EQ(nearest("abc", {"axy"}), std::nullopt);
}

TEST(Nearest, PrefersTheNearer) {
  EXPECT_EQ(nearest("rihgt", {"eight", "right"}), "right");
  EXPECT_EQ(nearest("lleft", {"leftt", "left"}), "left");
}

TEST(List, JoinsWithWords) {
  EXPECT_EQ(list({}), "none");
  EXPECT_EQ(list({"a"}), "a");
  EXPECT_EQ(list({"a", "b"}), "a and b");
  EXPECT_EQ(list({"a", "b", "c"}, "or"), "a, b or c");
}

TEST(BytesText, UsesBinaryUnits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1 KiB");
  EXPECT_EQ(bytes_text(1.5 * 1024 * 1024 * 1024), "1.5 GiB");
  EXPECT_EQ(bytes_text(std::pow(2.0, 60)), "1.02e+03 PiB");  // beyond the last unit
}

TEST(DurationText, ChangesUnits) {
  EXPECT_EQ(duration_text(0.8123), "0.812 s");
  EXPECT_EQ(duration_text(12.34), "12.3 s");
  EXPECT_EQ(duration_text(245.2), "4 min 05 s");
  EXPECT_EQ(duration_text(7390), "2 h 03 min");
}

TEST(CountText, GroupsThousands) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(1030301), "1,030,301");
  EXPECT_EQ(count_text(-123456), "-123,456");
  EXPECT_EQ(count_text(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(NumberText, ReadsBackAsTheSameReal) {
  for (const double value : {0.0, -0.0, 1.0, -2.0, 0.1, 1.0 / 3.0, 1e300, 5e-324, 1e-8, 123456789.0,
                             1e22, std::numeric_limits<double>::max()}) {
    const std::string text = number_text(value);
    EXPECT_EQ(std::strtod(text.c_str(), nullptr), value) << text;
    // Never an integer for a reader that has two kinds of numbers.
    EXPECT_NE(text.find_first_of(".e"), std::string::npos) << text;
  }
  EXPECT_EQ(number_text(2.0), "2.0");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(number_text(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(number_text(std::numeric_limits<double>::quiet_NaN()), "nan");
}

TEST(LowerCase, TouchesLettersOnly) {
  EXPECT_EQ(lower_case("Abc_9-Z"), "abc_9-z");
}

}  // namespace
}  // namespace ritz::base
