// Every kind of mistake: the place, the words, and the caret lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "ritz/expr/expression.hpp"

using namespace ritz;
using expr::Expression;
using expr::ParseError;

namespace {

const expr::Symbols symbols{{"x", "y", "z", "t"},
                            {{"h_air", 12.5}, {"zero", 0.0}, {"infinite", INFINITY}}};

std::optional<ParseError> error_of(const std::string& text) {
  try {
    static_cast<void>(Expression::parse(text, symbols));
  } catch (const ParseError& error) {
    return error;
  }
  return std::nullopt;
}

struct Case {
  std::string text;
  std::size_t offset;
  std::size_t length;
  std::string message;  ///< a part of it
};

}  // namespace

TEST(ExprErrors, PlaceAndMessage) {
  const std::vector<Case> cases = {
      {"", 0, 1, "the expression is empty"},
      {" \t\n", 0, 1, "the expression is empty"},
      {"x +", 3, 1,
       "the expression ends where a number, a name, a function or '(' should follow after '+'"},
      {"x + * y", 4, 1, "'*' stands where"},
      {"* x", 0, 1, "'*' stands where"},
      {"x + )", 4, 1, "')' stands where"},
      {"()", 1, 1, "should follow after '('"},
      {"sin()", 0, 3, "'sin' takes 1 argument: sin(u); got 0"},
      {"sin(", 4, 1, "the expression ends"},
      {"sin(x, y)", 5, 1, "'sin' takes 1 argument: sin(u); this ',' starts one too many"},
      {"atan2(x)", 0, 5, "'atan2' takes 2 arguments: atan2(y, x); got 1"},
      {"1 + min(x)", 4, 3, "'min' takes 2 or more arguments: min(u, v, ...); got 1"},
      {"if(x < 1, 2)", 0, 2, "takes 3 arguments: if(condition, value, other value); got 2"},
      {"min(x,,y)", 6, 1, "',' stands where"},
      {"min(x, )", 7, 1, "should follow after ','"},
      {"(x + 1", 0, 1, "this '(' is never closed"},
      {"2*sin(x + (y)", 5, 1, "this '(' is never closed"},
      {"x + 1)", 5, 1, "this ')' closes nothing"},
      {"1,5*x", 1, 1, "the decimal sign of a number is '.'"},
      {"(1,5)", 2, 1, "the decimal sign of a number is '.'"},
      {"2x", 1, 1, "an operator is missing between '2' and 'x'; for a product write '*'"},
      {"x y", 2, 1, "an operator is missing between 'x' and 'y'"},
      {"(x)(y)", 3, 1, "an operator is missing between '(x)' and '('"},
      {"1.2.3", 3, 2, "an operator is missing between '1.2' and '.3'"},
      {"x 12.5", 2, 4, "between 'x' and '12.5'"},
      {"1e", 0, 2, "the exponent of this number has no digits"},
      {"3 + 1e+*x", 4, 3, "the exponent of this number has no digits"},
      {"1e999", 0, 5, "out of range"},
      {"x*1e-999", 2, 6, "out of range"},
      {"xx + 1", 0, 2, "unknown name 'xx'; did you mean 'x'?"},
      {"2*h_aire", 2, 6, "unknown name 'h_aire'; did you mean 'h_air'?"},
      {"temperature", 0, 11, "all known names: x, y, z, t, h_air, zero, infinite, e and pi"},
      {"Pi", 0, 2, "did you mean 'pi'?"},
      {"sine(x)", 0, 4, "unknown function 'sine'; did you mean sin(u)?"},
      {"foobarbaz(x)", 0, 9, "all functions: abs, acos,"},
      {"1 + ln(x)", 4, 2, "unknown function 'ln'; write log(u)"},
      {"heaviside(x)", 0, 9, "write if(u >= 0, 1, 0)"},
      {"sin x", 0, 3, "'sin' is a function and needs its arguments in parentheses: sin(u)"},
      {"x(y)", 0, 1, "'x' is a value, not a function; for a product write x*(...)"},
      {"pi(2)", 0, 2, "'pi' is a value"},
      {"x < y < z", 6, 1, "comparisons cannot be chained"},
      {"0 <= x + 1 == y", 11, 2, "join two with 'and'"},
      {"x and y > 1", 0, 1, "'and' needs a condition, and 'x' is a number"},
      {"x > 1 or y", 9, 1, "'or' needs a condition, and 'y' is a number"},
      {"not x", 4, 1, "'not' needs a condition"},
      {"sin(x < 1)", 4, 5, "'sin' needs a number, and 'x < 1' is a condition; if(condition, 1, 0)"},
      {"1 + (x < 1)", 4, 7, "'+' needs a number, and '(x < 1)' is a condition"},
      {"-(x < 1)", 1, 7, "'-' needs a number"},
      {"(x < 1) == (y < 1)", 0, 7, "'==' needs a number"},
      {"max(1, 2, x < 1)", 10, 5, "'max' needs a number"},
      {"if(x, 1, 2)", 3, 1, "the first argument of 'if' needs a condition"},
      {"if(x < 1, 1, y < 2)", 13, 5,
       "'if' gives a number in one case ('1') and a condition in the other"},
      {"x + not y", 8, 1, "'not' needs a condition"},
      {"x && y", 2, 2, "write 'and'"},
      {"x || y", 2, 2, "write 'or'"},
      {"!x", 0, 1, "write 'not'"},
      {"x ** 2", 2, 2, "write '^'"},
      {"x = 1", 2, 1, "write '==' to compare"},
      {"x => 1", 2, 2, "write '>='"},
      {"x % 2", 2, 1, "write mod(u, v)"},
      {"x ? 1 : 2", 2, 1, "write if(condition, value, other value)"},
      {"[x]", 0, 1, "write '('"},
      {"x $ 2", 2, 1, "the character '$' has no meaning"},
      {"x + #", 4, 1, "the character '#' has no meaning"},
      {"x\xc2\xb2", 1, 2, "write '^2'"},
      {"2\xc3\x97x", 1, 2, "write '*'"},
      {"\xcf\x80*x", 0, 2, "write 'pi'"},
      {"x + \xc3\xa4", 4, 2, "the character U+00E4"},
      {"x + \xff", 4, 1, "the byte 0xFF is not part of valid UTF-8"},
      {std::string("x\0y", 3), 1, 1, "the character U+0000"},
      {"x + \x01", 4, 1, "the character U+0001"},
      {"1e308^9", 0, 7, "'1e308^9' has no finite value (it is inf)"},
      {"x + 1/zero", 4, 6, "'1/zero' has no finite value"},
      {"sqrt(-1)*x", 0, 8, "'sqrt(-1)' has no finite value"},
      {"if(x > 0, log(-2), 1)", 10, 7, "has no finite value"},
      {"infinite*x", 0, 8, "the parameter 'infinite' is inf: only finite values"},
      {"x and", 5, 1, "should follow after 'and'"},
      {"or x > 1", 0, 2, "'or' stands where"},
      {"x order 2", 2, 5, "an operator is missing between 'x' and 'order'"},
      {".", 0, 1, "the character '.' has no meaning"},
  };
  EXPECT_GE(cases.size(), 40U);
  for (const Case& bad : cases) {
    const auto error = error_of(bad.text);
    ASSERT_TRUE(error.has_value()) << "'" << bad.text << "' was accepted";
    EXPECT_EQ(error->offset(), bad.offset) << bad.text << "\n" << error->what();
    EXPECT_EQ(error->length(), bad.length) << bad.text << "\n" << error->what();
    EXPECT_THAT(error->message(), testing::HasSubstr(bad.message)) << bad.text;
    EXPECT_EQ(error->message().find('\n'), std::string::npos) << bad.text;
    EXPECT_EQ(error->code(), base::ExitCode::deck);
    EXPECT_EQ(std::string(error->what()), error->message() + "\n" + error->caret());
  }
}

TEST(ExprErrors, CaretStandsUnderThePlace) {
  EXPECT_EQ(error_of("1 + foo*2")->caret(), "  1 + foo*2\n      ^~~");
  EXPECT_EQ(error_of("x +")->caret(), "  x +\n     ^");
  // One column a character, whatever its number of bytes.
  EXPECT_EQ(expr::caret_lines("\xc3\xa4\xc3\xb6 + foo", 7, 3),
            "  \xc3\xa4\xc3\xb6 + foo\n       ^~~");
  EXPECT_EQ(expr::caret_lines("a\tb\x01\xff", 4, 1), "  a b??\n      ^");
}

TEST(ExprErrors, LongTextsAreCutAroundThePlace) {
  std::string text = "x";
  while (text.size() < 5000) text += " + x";
  text += " + foo";
  const std::size_t place = text.size() - 3;
  while (text.size() < 10000) text += " + x";
  const auto error = error_of(text);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->offset(), place);
  const std::string& caret = error->caret();
  const std::size_t line_end = caret.find('\n');
  ASSERT_NE(line_end, std::string::npos);
  EXPECT_LE(line_end, 110U);
  EXPECT_THAT(caret.substr(0, line_end), testing::StartsWith("  ..."));
  EXPECT_THAT(caret.substr(0, line_end), testing::EndsWith("..."));
  const std::size_t column = caret.find('^') - (line_end + 1);
  EXPECT_EQ(caret.substr(column, 3), "foo");
  EXPECT_EQ(caret.substr(caret.find('^')), "^~~");
}

TEST(ExprErrors, ManyNamesAreNotAllListed) {
  expr::Symbols many{{"x"}, {}};
  for (int i = 0; i < 500; ++i) many.parameters.emplace_back("parameter_" + std::to_string(i), 1.0);
  try {
    static_cast<void>(Expression::parse("qqqqqq", many));
    FAIL();
  } catch (const ParseError& error) {
    EXPECT_THAT(error.message(), testing::HasSubstr("and 463 more"));
    EXPECT_LT(error.message().size(), 1000U);
  }
}

TEST(ExprErrors, DerivativesOfUnknowns) {
  const expr::Symbols plane{{"x", "y", "u", "v", "dx(u)", "dy(u)", "dx(v)", "dy(v)", "max(u)"}, {}};
  const std::vector<Case> cases = {
      {"1 + dx(w)", 4, 5, "there is no 'dx(w)' here; "},
      {"1 + dx(w)", 4, 5, "dx(u), dy(u), dx(v), dy(v) and max(u)"},
      {"dz(u)", 0, 5, "there is no 'dz(u)' here; "},
      {"dz(u)", 0, 5, "dx(u), dy(u), dx(v), dy(v) and max(u)"},
      {"grad(u).z", 0, 9, "there is no 'dz(u)' here"},
      {"2*grad( w ) .x", 2, 12, "there is no 'dx(w)' here"},
      {"grad(u)", 0, 7, "'grad(u)' is a vector: write grad(u).x, grad(u).y or grad(u).z"},
      {"grad(u)*2", 0, 7, "'grad(u)' is a vector"},
      {"grad(u).w", 8, 1, "the components of 'grad(u)' are .x, .y and .z"},
      {"grad(u).xx", 8, 2, "the components of 'grad(u)' are"},
      {"grad(u).", 8, 1, "the components of 'grad(u)' are"},
      {"x + dx(u+v)", 7, 3,
       "only the name of an unknown can stand in the parentheses of 'dx', as in dx(u)"},
      {"dx(u, v)", 3, 4, "only the name of an unknown"},
      {"dx(2)", 3, 1, "only the name of an unknown"},
      {"dx()", 3, 1, "only the name of an unknown"},
      {"dx(", 2, 1, "only the name of an unknown"},
      {"grad(u*v).x", 5, 3, "parentheses of 'grad', as in grad(u).x"},
      {"dt(u)", 0, 5, "there is no 'dt(u)' here"},
      {"2*dx", 2, 2, "'dx' is a derivative and needs an unknown in parentheses: dx(u)"},
      {"max(v)", 0, 3, "'max' takes 2 or more arguments"},
      {"max(u + 1)", 0, 3, "'max' takes 2 or more arguments"},
  };
  for (const Case& bad : cases) {
    try {
      static_cast<void>(Expression::parse(bad.text, plane));
      ADD_FAILURE() << "'" << bad.text << "' was accepted";
    } catch (const ParseError& error) {
      EXPECT_EQ(error.offset(), bad.offset) << error.what();
      EXPECT_EQ(error.length(), bad.length) << error.what();
      EXPECT_THAT(error.message(), testing::HasSubstr(bad.message)) << bad.text;
    }
  }
  EXPECT_THAT(error_of("dx(u)")->message(),
              testing::HasSubstr("there is no unknown here whose derivative 'dx(u)' could be"));
}
