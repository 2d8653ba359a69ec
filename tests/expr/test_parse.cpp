// Values, precedence, types, simplification, sharing and printing.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "ritz/expr/expression.hpp"

using namespace ritz;
using expr::Expression;

namespace {

const expr::Symbols symbols{{"x", "y", "z", "t"}, {{"h_air", 12.5}, {"zero", 0.0}, {"n", 3.0}}};

Expression parse(const std::string& text) {
  return Expression::parse(text, symbols);
}

double value(const std::string& text, double x = 0.0, double y = 0.0, double z = 0.0,
             double t = 0.0) {
  const double point[] = {x, y, z, t};
  return parse(text).evaluate(point);
}

/// Both the walk and the program, which must agree bit for bit.
double both(const std::string& text, double x, double y) {
  const double point[] = {x, y, 0.0, 0.0};
  const Expression expression = parse(text);
  const double walked = expression.evaluate(point);
  double computed = 0.0;
  expression.compile().evaluate(point, {&computed, 1});
  EXPECT_TRUE(walked == computed || (std::isnan(walked) && std::isnan(computed)))
      << text << " at " << x << ", " << y << ": " << walked << " and " << computed;
  return walked;
}

std::size_t n_instructions(const std::string& text) {
  return parse(text).compile().code().size();
}

}  // namespace

TEST(ExprValues, FunctionsOfOneNumber) {
  const std::vector<std::pair<std::string, std::function<double(double)>>> functions = {
      {"sin(x)", [](double x) { return std::sin(x); }},
      {"cos(x)", [](double x) { return std::cos(x); }},
      {"tan(x)", [](double x) { return std::tan(x); }},
      {"asin(x/4)", [](double x) { return std::asin(x / 4); }},
      {"acos(x/4)", [](double x) { return std::acos(x / 4); }},
      {"atan(x)", [](double x) { return std::atan(x); }},
      {"sinh(x)", [](double x) { return std::sinh(x); }},
      {"cosh(x)", [](double x) { return std::cosh(x); }},
      {"tanh(x)", [](double x) { return std::tanh(x); }},
      {"exp(x)", [](double x) { return std::exp(x); }},
      {"log(x + 4)", [](double x) { return std::log(x + 4); }},
      {"log10(x + 4)", [](double x) { return std::log10(x + 4); }},
      {"sqrt(x + 4)", [](double x) { return std::sqrt(x + 4); }},
      {"abs(x)", [](double x) { return std::fabs(x); }},
      {"erf(x)", [](double x) { return std::erf(x); }},
      {"floor(x)", [](double x) { return std::floor(x); }},
      {"ceil(x)", [](double x) { return std::ceil(x); }},
      {"sign(x)", [](double x) { return x > 0   ? 1.0
                                        : x < 0 ? -1.0
                                                : 0.0; }},
      {"-x", [](double x) { return -x; }},
      {"+x", [](double x) { return x; }},
      {"x^2", [](double x) { return x * x; }},
      {"x^3", [](double x) { return x * x * x; }},
      {"x^-2", [](double x) { return 1 / (x * x); }},
  };
  for (const auto& [text, expected] : functions) {
    for (const double x : {-3.25, -1.0, -0.3, 0.5, 1.0, 2.75}) {
      EXPECT_EQ(both(text, x, 0.0), expected(x)) << text << " at " << x;
    }
  }
}

TEST(ExprValues, FunctionsOfTwoNumbers) {
  const std::vector<std::pair<std::string, std::function<double(double, double)>>> functions = {
      {"x + y", [](double x, double y) { return x + y; }},
      {"x - y", [](double x, double y) { return x - y; }},
      {"x*y", [](double x, double y) { return x * y; }},
      {"x/y", [](double x, double y) { return x / y; }},
      {"abs(x)^y", [](double x, double y) { return std::pow(std::fabs(x), y); }},
      {"pow(abs(x), y)", [](double x, double y) { return std::pow(std::fabs(x), y); }},
      {"atan2(x, y)", [](double x, double y) { return std::atan2(x, y); }},
      {"hypot(x, y)", [](double x, double y) { return std::hypot(x, y); }},
      {"min(x, y)", [](double x, double y) { return std::fmin(x, y); }},
      {"max(x, y)", [](double x, double y) { return std::fmax(x, y); }},
      {"min(x, y, 0.5, 7)", [](double x, double y) { return std::fmin(std::fmin(x, y), 0.5); }},
      {"max(x, y, 0.5)", [](double x, double y) { return std::fmax(std::fmax(x, y), 0.5); }},
      {"x < y", [](double x, double y) { return x < y ? 1.0 : 0.0; }},
      {"x <= y", [](double x, double y) { return x <= y ? 1.0 : 0.0; }},
      {"x > y", [](double x, double y) { return x > y ? 1.0 : 0.0; }},
      {"x >= y", [](double x, double y) { return x >= y ? 1.0 : 0.0; }},
      {"x == y", [](double x, double y) { return x == y ? 1.0 : 0.0; }},
      {"x != y", [](double x, double y) { return x != y ? 1.0 : 0.0; }},
      {"x < y and x > 0", [](double x, double y) { return x < y && x > 0 ? 1.0 : 0.0; }},
      {"x < y or x > 0", [](double x, double y) { return x < y || x > 0 ? 1.0 : 0.0; }},
      {"not x < y", [](double x, double y) { return !(x < y) ? 1.0 : 0.0; }},
      {"if(x < y, x*2, y - 7)", [](double x, double y) { return x < y ? x * 2 : y - 7; }},
      // Every pair of operations that programs do in one instruction, each rounded.
      {"x*y + 3",
       [](double x, double y) {
         volatile double p = x * y;
         return p + 3;
       }},
      {"3 - x*y",
       [](double x, double y) {
         volatile double p = x * y;
         return 3 - p;
       }},
      {"x*y - y",
       [](double x, double y) {
         volatile double p = x * y;
         return p - y;
       }},
      {"(x + y)*x", [](double x, double y) { return (x + y) * x; }},
      {"(x + y)/x", [](double x, double y) { return (x + y) / x; }},
      {"x/(x + y)", [](double x, double y) { return x / (x + y); }},
      {"(x - y) + 0.1", [](double x, double y) { return (x - y) + 0.1; }},
      {"0.1 - (x - y)", [](double x, double y) { return 0.1 - (x - y); }},
      {"(x - y) - 0.1*y",
       [](double x, double y) {
         volatile double p = 0.1 * y;
         return (x - y) - p;
       }},
      {"(x - y)/3", [](double x, double y) { return (x - y) / 3; }},
      {"3/(x - y + 0.01)", [](double x, double y) { return 3 / (x - y + 0.01); }},
      {"x/y + 0.1", [](double x, double y) { return x / y + 0.1; }},
      {"x/y - 0.1", [](double x, double y) { return x / y - 0.1; }},
      {"0.1 - x/y", [](double x, double y) { return 0.1 - x / y; }},
      {"x/y/3", [](double x, double y) { return x / y / 3; }},
      {"3/(x/y)", [](double x, double y) { return 3 / (x / y); }},
      {"x/y*7", [](double x, double y) { return x / y * 7; }},
      {"x*y/7", [](double x, double y) { return x * y / 7; }},
      {"7/(x*y)", [](double x, double y) { return 7 / (x * y); }},
      {"x*y*7", [](double x, double y) { return x * y * 7; }},
      {"x + y + 0.1", [](double x, double y) { return x + y + 0.1; }},
      {"x + y - 0.1", [](double x, double y) { return x + y - 0.1; }},
      {"0.1 - (x + y)", [](double x, double y) { return 0.1 - (x + y); }},
      {"x^2 + y",
       [](double x, double y) {
         volatile double p = x * x;
         return p + y;
       }},
  };
  for (const auto& [text, expected] : functions) {
    for (const double x : {-3.25, -0.3, 0.7, 2.75}) {
      for (const double y : {-1.1, 0.7, 4.0}) {
        EXPECT_EQ(both(text, x, y), expected(x, y)) << text << " at " << x << ", " << y;
      }
    }
  }
}

TEST(ExprValues, ModHasTheSignOfTheDivisor) {
  EXPECT_EQ(both("mod(x, y)", 7.5, 2.0), 1.5);
  EXPECT_EQ(both("mod(x, y)", -0.5, 2.0), 1.5);
  EXPECT_EQ(both("mod(x, y)", 0.5, -2.0), -1.5);
  EXPECT_EQ(both("mod(x, y)", -4.0, 2.0), 0.0);
  // 0.3/0.1 rounds to just under 3, and 0.6 - 6*0.1 would be negative by cancellation.
  EXPECT_EQ(both("mod(x, y)", 0.6, 0.1), std::fmod(0.6, 0.1));
}

TEST(ExprValues, NaNShowsAndDoesNotLeakFromBranchesNotTaken) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::string text : {"min(x, y)", "max(x, y)", "min(y, x)", "max(y, x)", "0*x", "x - x",
                                 "sign(x)", "x*0 + y", "abs(x)", "floor(x)"}) {
    EXPECT_TRUE(std::isnan(both(text, nan, 1.0))) << text;
  }
  EXPECT_EQ(both("if(x > 0, 1/x, 5)", 0.0, 0.0), 5.0);
  EXPECT_EQ(both("if(x >= 0, sqrt(x), -1)", -4.0, 0.0), -1.0);
  EXPECT_EQ(both("if(x < 1, 2, 3)", nan, 0.0), 3.0);
  EXPECT_EQ(both("if(not x < 1, 2, 3)", nan, 0.0), 2.0);
  EXPECT_EQ(both("if(x == x, 2, 3)", nan, 0.0), 3.0);
}

TEST(ExprValues, ProductsAndSumsAreRoundedOneByOne) {
  // With a fused multiply-add the result would be the rounding error of y*y: NaN under the root.
  for (const double x : {0.1, 0.3, 1.0 / 3.0, 0.7}) EXPECT_EQ(both("sqrt(x^2 - y^2)", x, x), 0.0);
}

TEST(ExprValues, NumbersAndNames) {
  EXPECT_EQ(value("1"), 1.0);
  EXPECT_EQ(value("1."), 1.0);
  EXPECT_EQ(value("1.5"), 1.5);
  EXPECT_EQ(value(".5"), 0.5);
  EXPECT_EQ(value("1e-3"), 1e-3);
  EXPECT_EQ(value("1.E+3"), 1e3);
  EXPECT_EQ(value("  7\t\r\n"), 7.0);
  EXPECT_EQ(value("0.1"), 0.1);
  EXPECT_EQ(value("1.7976931348623157e308"), 1.7976931348623157e308);
  EXPECT_EQ(value("pi"), std::numbers::pi);
  EXPECT_EQ(value("e"), std::numbers::e);
  EXPECT_EQ(value("2*e"), 2 * std::numbers::e);
  EXPECT_EQ(value("h_air"), 12.5);
  EXPECT_EQ(value("true"), 1.0);
  EXPECT_EQ(value("false or true"), 1.0);
  EXPECT_EQ(value("x + 10*y + 100*z + 1000*t", 1, 2, 3, 4), 4321.0);
}

TEST(ExprValues, ParametersHideConstantsAndVariablesHideParameters) {
  const expr::Symbols own{{"x"}, {{"e", 2.0}, {"x", 5.0}}};
  const double point[] = {7.0};
  EXPECT_EQ(Expression::parse("e + x", own).evaluate(point), 9.0);
}

TEST(ExprValues, PrecedenceAndAssociativity) {
  const std::vector<std::pair<std::string, double>> table = {
      {"2 + 3*4", 14},
      {"(2 + 3)*4", 20},
      {"10 - 4 - 3", 3},
      {"64/4/2", 8},
      {"64/4*2", 32},
      {"2^3^2", 512},
      {"(2^3)^2", 64},
      {"-3^2", -9},
      {"(-3)^2", 9},
      {"2^-1", 0.5},
      {"2^-2^2", 0.0625},
      {"-2^-2", -0.25},
      {"2^-1*4", 2},
      {"2*-3", -6},
      {"2 - -3", 5},
      {"--3", 3},
      {"-+-3", 3},
      {"+3", 3},
      {"- 2*3 + 1", -5},
      {"8/2^2", 2},
      {"2*3^2", 18},
      {"-x^2", -9},
      {"1 + 2 < 4", 1},
      {"2*3 >= 7", 0},
      {"not 1 > 2", 1},
      {"not 1 > 2 and false", 0},
      {"not (1 > 2 and false)", 1},
      {"true or true and false", 1},
      {"(true or true) and false", 0},
      {"false and true or true", 1},
      {"not not true", 1},
      {"1 < 2 and 2 < 3 or 4 < 3", 1},
      {"if(true, 1, 2) + 1", 2},
      {"if(1 < 2 and not false, 1, 2)*3", 3},
      {"if(x > 2, if(x > 5, 1, 2), 3)", 2},
      {"max(1, 2)^2", 4},
      {"(((((7)))))", 7},
      {"n*n", 9},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(value(text, 3.0), expected) << text;
}

TEST(ExprTypes, RealAndBoolean) {
  EXPECT_EQ(parse("x + 1").type(), expr::Type::real);
  EXPECT_EQ(parse("x < 1").type(), expr::Type::boolean);
  EXPECT_EQ(parse("not x < 1 and true").type(), expr::Type::boolean);
  EXPECT_EQ(parse("if(x < 1, 1, 2)").type(), expr::Type::real);
  EXPECT_EQ(parse("if(x < 1, y < 1, y > 1)").type(), expr::Type::boolean);
  EXPECT_EQ(parse("1 < 2").type(), expr::Type::boolean);
  EXPECT_EQ(value("if(x < 1, y < 1, y > 1)", 2.0, 3.0), 1.0);
}

TEST(ExprSimplify, Constants) {
  for (const std::string text :
       {"1 + 2*3", "sin(1)*h_air", "if(n > 2, 1, 2)", "1 < 2", "x^0", "1^x", "if(x < 1, 4, 4)",
        "x < 1 and false", "true or y > 2", "2^10"}) {
    EXPECT_TRUE(parse(text).is_constant()) << text << " became " << parse(text).text();
  }
  for (const std::string text : {"x", "0*x", "x - x", "x/x", "sin(x)", "x < 1"}) {
    EXPECT_FALSE(parse(text).is_constant()) << text;
  }
  EXPECT_EQ(parse("2^10 + h_air").constant_value(), 1036.5);
  EXPECT_THROW(static_cast<void>(parse("x").constant_value()), base::Error);
  EXPECT_EQ(Expression::constant(2.5, {"x"}).constant_value(), 2.5);
  EXPECT_THROW(static_cast<void>(Expression::constant(INFINITY, {})), base::Error);
}

TEST(ExprSimplify, NeutralElementsGo) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"x*1", "x"},
      {"1*x", "x"},
      {"x + 0", "x"},
      {"0 + x", "x"},
      {"x - 0", "x"},
      {"0 - x", "-x"},
      {"x/1", "x"},
      {"x^1", "x"},
      {"--x", "x"},
      {"x*-1", "-x"},
      {"x + -y", "x - y"},
      {"x - -y", "x + y"},
      {"x*x", "x^2"},
      {"x^0.5", "sqrt(x)"},
      {"x/4", "x*0.25"},
      {"x/3", "x/3"},
      {"abs(-x)", "abs(x)"},
      {"not not (x < 1)", "x < 1"},
      {"x < 1 and true", "x < 1"},
      {"x < 1 or x < 1", "x < 1"},
      {"if(not x < 1, 2, 3)", "if(x < 1, 3, 2)"},
      {"if(zero == 0, x, 1/zero)", "x"},
      {"x > y", "y < x"},
      {"min(x, x)", "x"},
      {"x*0", "x*0"},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(parse(text).text(), expected) << text;
}

TEST(ExprSimplify, EqualPartsExistOnce) {
  EXPECT_EQ(parse("sin(x)*cos(y) + cos(y)*sin(x)").n_nodes(), 6U);  // x y sin cos product sum
  EXPECT_EQ(parse("(x + y)^2 + (y + x)^2").n_nodes(), 5U);
  // exp once, and one multiplication-addition.
  EXPECT_EQ(n_instructions("exp(x)*exp(x) + exp(x)"), 2U);
  EXPECT_EQ(n_instructions("sin(x*y) + sin(y*x)*z"), 3U);
  EXPECT_EQ(n_instructions("x*y + z"), 1U);
  EXPECT_EQ(n_instructions("x"), 1U);
  EXPECT_EQ(n_instructions("if(x < 0.5, 1, 2)"), 2U);
}

TEST(ExprQueries, DependsOn) {
  EXPECT_TRUE(parse("x + t").depends_on("t"));
  EXPECT_FALSE(parse("x + t").depends_on("y"));
  EXPECT_FALSE(parse("x + t").depends_on("h_air"));
  EXPECT_FALSE(parse("if(n > 2, x, t)").depends_on("t"));
  EXPECT_TRUE(parse("if(t > 2, x, x + 1)").depends_on("t"));
}

TEST(ExprPrint, ParsesBackToTheSameText) {
  for (const std::string text : {"x - (y - z)",
                                 "x - y - z",
                                 "x/(y*z)",
                                 "x/y*z",
                                 "(x + y)*z",
                                 "x^(y^z)",
                                 "(x^y)^z",
                                 "-x^2",
                                 "(-x)^2",
                                 "x^-y",
                                 "2^(x + 1)",
                                 "-(x + y)",
                                 "x*-y",
                                 "x - -3*y",
                                 "(x < y and y < z) or z < t",
                                 "x < y and (y < z or z < t)",
                                 "not (x < y or y < z)",
                                 "if(x < y, x, -y)^2",
                                 "1/x^2",
                                 "1e-300*x",
                                 "123456789012345678*x",
                                 "0.1*x + 1e22",
                                 "x*(1/3)",
                                 "mod(x, 2)*atan2(y, x)",
                                 "min(x, y, z)",
                                 "-2*x",
                                 "(-2)^x",
                                 "x == 1 or x != 2"}) {
    const Expression first = parse(text);
    const Expression second = parse(first.text());
    EXPECT_EQ(first.text(), second.text()) << text;
    EXPECT_EQ(first.n_nodes(), second.n_nodes()) << text;
    const double point[] = {0.3, 1.7, -0.4, 2.0};
    const double a = first.evaluate(point);
    const double b = second.evaluate(point);
    EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << text << " -> " << first.text();
  }
  EXPECT_EQ(parse("-(x+y)*2^(-z)").text(), "-(x + y)*2^-z");
  EXPECT_EQ(parse("x-(y-z)").text(), "x - (y - z)");
}

TEST(ExprSymbols, NamesADeckMayDefine) {
  for (const char* name : {"k", "h_air", "_a", "X1", "E", "diffusion"}) {
    EXPECT_EQ(expr::name_refusal(name), "") << name;
  }
  for (const char* name : {"", "1a", "a-b", "a b", "sin", "pi", "e", "and", "true", "if",
                           "\xc3\xa4", "grad", "dx", "dy", "dz", "dt", "dtt"}) {
    EXPECT_NE(expr::name_refusal(name), "") << name;
  }
  EXPECT_EQ(expr::name_refusal("sin"), "'sin' is a function of the expression language");
  EXPECT_EQ(expr::name_refusal("dt"),
            "'dt' is the derivative of an unknown in the expression language");
  EXPECT_TRUE(std::is_sorted(expr::function_names().begin(), expr::function_names().end()));
}

TEST(ExprVariables, WrittenAsCalls) {
  const expr::Symbols calls{{"x", "u", "dx(u)", "dy(u)", "dt(u)", "max(u)"}, {}};
  const double point[] = {2.0, 3.0, 5.0, 7.0, 11.0, 13.0};
  const std::vector<std::pair<std::string, double>> cases = {
      {"dx(u)", 5.0},
      {"dx( u )", 5.0},
      {"dx (\tu\n)", 5.0},
      {"grad(u).x", 5.0},
      {"grad(u).y", 7.0},
      {"grad ( u ) . y*2", 14.0},
      {"grad(u).x^2 + grad(u).y^2", 74.0},
      {"-dt(u)^2", -121.0},
      {"2*max(u) - max(u, x)", 23.0},
      {"max(max(u), 20)", 20.0},
      {"max(dx(u), dy(u), max( u ))", 13.0},
      {"u*dx(u)/dt(u)", 15.0 / 11.0},
      {"if(dx(u) < dy(u), dx(u), 0)", 5.0},
  };
  for (const auto& [text, expected] : cases) {
    const Expression expression = Expression::parse(text, calls);
    EXPECT_EQ(expression.evaluate(point), expected) << text;
    double computed = 0.0;
    expression.compile().evaluate(point, {&computed, 1});
    EXPECT_EQ(computed, expected) << text;
    const Expression again = Expression::parse(expression.text(), calls);
    EXPECT_EQ(again.text(), expression.text()) << text;
    EXPECT_TRUE(again.same_formula(expression)) << text;
  }
  const Expression f = Expression::parse("sin(u)*dx(u)^3 + max(u)*dx(u)", calls);
  EXPECT_TRUE(f.depends_on("dx(u)"));
  EXPECT_FALSE(f.depends_on("dy(u)"));
  EXPECT_DOUBLE_EQ(f.derivative("dx(u)").evaluate(point), 3 * std::sin(3.0) * 25.0 + 13.0);
  EXPECT_DOUBLE_EQ(f.derivative("u").evaluate(point), std::cos(3.0) * 125.0);
  EXPECT_EQ(f.derivative("max(u)").text(), "dx(u)");
}

TEST(ExprVariables, SameFormula) {
  const auto same = [](const char* a, const char* b) { return parse(a).same_formula(parse(b)); };
  EXPECT_TRUE(same("x*y + 2", "2 + y*x"));
  EXPECT_TRUE(same("3", "1 + 2"));
  EXPECT_TRUE(same("sin(x)^2*exp(y)", "exp(y)*sin(x)^2"));
  EXPECT_TRUE(same("x*(2*y)*z", "z*x*y*2"));
  EXPECT_TRUE(same("x/(y*z)", "x/z/y"));
  EXPECT_TRUE(same("2*x - 2*y", "-(y - x)*2"));
  EXPECT_TRUE(same("sin(x + y - z)", "sin(y - z + x)"));
  EXPECT_TRUE(same("(x + 2*y)*(3*x + 6*y)", "3*(x + 2*y)^2"));
  EXPECT_TRUE(same("0.1*3*x", "x*0.3"));
  EXPECT_TRUE(same("max(x, y)*min(y, z)", "min(z, y)*max(y, x)"));
  EXPECT_FALSE(same("0.1*x", "0.1000001*x"));
  EXPECT_FALSE(same("sin(0.1*x)", "sin(0.1000001*x)"));
  EXPECT_FALSE(same("x + 1e-9*y", "x + 2e-9*y"));
  EXPECT_FALSE(same("sin(x)", "sin(-x)"));
  EXPECT_FALSE(same("atan2(x, y)", "atan2(y, x)"));
  EXPECT_FALSE(same("if(x < y, 1, 2)", "if(x < y, 2, 1)"));
  EXPECT_FALSE(same("if(x < y, 1, 2)", "if(x <= y, 1, 2)"));
  EXPECT_FALSE(same("x^y", "y^x"));
  EXPECT_FALSE(same("0*x", "0*y + 1"));
  EXPECT_FALSE(same("x - y", "y - x"));
  EXPECT_FALSE(same("x", "y"));
  EXPECT_FALSE(same("x^2", "x^3"));
  const expr::Symbols others{{"x", "y"}, {}};
  EXPECT_FALSE(parse("x").same_formula(Expression::parse("x", others)));
}
