// Exactness of derivatives: with f the function and g its derivative, f(x + h) - f(x) - h g(x) is
// O(h^2), so halving h divides the remainder by 4 (Taylor); an error in g would leave O(h): by 2.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "ritz/expr/expression.hpp"
#include "ritz/expr/frozen.hpp"

using namespace ritz;
using expr::Expression;

namespace {

const expr::Symbols symbols{{"x", "y"}, {{"k", 2.5}}};

Expression parse(const std::string& text) {
  return Expression::parse(text, symbols);
}

double at(const Expression& expression, double x, double y) {
  const double point[] = {x, y};
  return expression.evaluate(point);
}

void check_taylor(const std::string& text, double x, double y) {
  const Expression f = parse(text);
  for (const bool by_x : {true, false}) {
    const Expression g = f.derivative(by_x ? "x" : "y");
    const auto remainder = [&](double h) {
      return std::abs(at(f, x + (by_x ? h : 0.0), y + (by_x ? 0.0 : h)) - at(f, x, y) -
                      h * at(g, x, y));
    };
    // h is large enough that rounding (1e-16 relative) stays far below h^2.
    const double h = 1e-3;
    const double coarse = remainder(h);
    const double fine = remainder(h / 2);
    const double scale = std::abs(at(f, x, y)) + 1.0;
    if (coarse < 1e-13 * scale) continue;  // linear in this direction: the remainder is rounding
    EXPECT_NEAR(std::log2(coarse / fine), 2.0, 0.1)
        << "d/d" << (by_x ? "x" : "y") << " " << text << " = " << g.text() << " at " << x << ", "
        << y;
    // Central differences as a second opinion: error h^2/6 f''' with f''' of order 100 here.
    const double dx = by_x ? 1e-5 : 0.0;
    const double dy = by_x ? 0.0 : 1e-5;
    const double central = (at(f, x + dx, y + dy) - at(f, x - dx, y - dy)) / 2e-5;
    EXPECT_NEAR(at(g, x, y), central, 1e-7 * (std::abs(central) + scale)) << text;
  }
}

}  // namespace

TEST(ExprDerivative, TaylorTestOfEveryFunction) {
  for (const std::string text : {"sin(x*y)",
                                 "cos(x + y^2)",
                                 "tan(x*y/2)",
                                 "asin(x*y/3)",
                                 "acos(x*y/3)",
                                 "atan(x*y)",
                                 "sinh(x*y)",
                                 "cosh(x*y)",
                                 "tanh(x*y)",
                                 "exp(x*y)",
                                 "log(x*y + 1)",
                                 "log10(x*y + 1)",
                                 "sqrt(x*y + 1)",
                                 "erf(x*y)",
                                 "-x*y^2",
                                 "x*x + y*y + x*y",
                                 "x^2 - y^3",
                                 "x*y*(x + y)",
                                 "x/(x + y)",
                                 "(x - y^2)/y",
                                 "x^y",
                                 "k^(x*y)",
                                 "(x*y)^k",
                                 "pow(x, 1.5)*y",
                                 "x^7*y^-3",
                                 "x^-2 + y^0.5",
                                 "x^16",
                                 "atan2(x, y)",
                                 "atan2(y^2, x^2)",
                                 "hypot(x, y)",
                                 "abs(x*y - 9)",
                                 "min(x^2, y^3)",
                                 "max(x^2, y^3)",
                                 "min(x*y, 9, x^3)",
                                 "mod(x^2*y, 0.7)",
                                 "mod(x^2, y)",
                                 "floor(x)*y^2",
                                 "ceil(x)*y^2*x^2",
                                 "sign(x - 9)*x^2*y^2",
                                 "if(x < y, x^2*y, y^2*x)",
                                 "if(x > y and y > 0, x^3, y^3)",
                                 "sin(cos(x*exp(-y)))*log(x^2 + y^2) + if(x < 5, tanh(x/y), 0)",
                                 "exp(-((x - 0.5)^2 + (y - 0.5)^2)/0.5)"}) {
    check_taylor(text, 0.83, 1.31);
    check_taylor(text, 1.42, 0.61);
  }
}

TEST(ExprDerivative, Text) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"x", "1"},
      {"y", "0"},
      {"k", "0"},
      {"3*x", "3"},
      {"x^2", "2*x"},
      {"x^3", "3*x^2"},
      {"x*y", "y"},
      {"sin(x)", "cos(x)"},
      {"exp(2*x)", "exp(2*x)*2"},
      {"abs(x)", "sign(x)"},
      {"floor(x)", "0"},
      {"sign(x)", "0"},
      {"if(x < y, x, y)", "if(x < y, 1, 0)"},
      {"if(x < y, 2, 3)", "0"},
      {"min(x, y)", "if(x < y, 1, 0)"},
      {"x/y", "1/y"},
  };
  for (const auto& [text, expected] : table)
    EXPECT_EQ(parse(text).derivative("x").text(), expected) << text;
}

TEST(ExprDerivative, OfAPartThatDoesNotDependIsZeroEvenWhereItIsInfinite) {
  // 0 * log(0) would be NaN.
  EXPECT_EQ(at(parse("x*2 + log(y)").derivative("x"), 1.0, 0.0), 2.0);
  EXPECT_EQ(at(parse("y^3 + x").derivative("x"), 1.0, 0.0), 1.0);
  EXPECT_EQ(at(parse("x^2").derivative("x"), 0.0, 0.0), 0.0);
}

TEST(ExprDerivative, AtTheKinks) {
  EXPECT_EQ(at(parse("abs(x)").derivative("x"), 0.0, 0.0), 0.0);
  EXPECT_EQ(at(parse("min(x, 2*y)").derivative("x"), 2.0, 1.0), 0.0);
  EXPECT_EQ(at(parse("max(x, 2*y)").derivative("y"), 2.0, 1.0), 2.0);
}

TEST(ExprDerivative, GrowsLinearlyWithSharing) {
  // As a tree this has 2^60 leaves; as a graph 60 nodes and a derivative of a few times as many.
  std::string text = "x + 0.1";
  for (int i = 0; i < 60; ++i) text = "sin(" + text + ")";
  Expression tower = parse(text);
  EXPECT_LE(tower.derivative("x").n_nodes(), 4 * tower.n_nodes());
  Expression squares = parse("(((((((x + y)^2 + y)^2 + y)^2 + y)^2 + y)^2 + y)^2 + y)^2");
  Expression second = squares.derivative("x").derivative("y");
  EXPECT_LE(second.n_nodes(), 16 * squares.n_nodes());
}

TEST(ExprDerivative, RefusesConditionsAndUnknownVariables) {
  EXPECT_THROW(static_cast<void>(parse("x < 1").derivative("x")), base::Error);
  EXPECT_THROW(static_cast<void>(parse("x").derivative("k")), base::Error);
}

TEST(ExprDerivative, FrozenPartsKeepTheirValueAndHaveNone) {
  const auto frozen = [](const std::string& text) {
    return expr::parse_with_frozen(text, symbols);
  };
  const Expression f = frozen("frozen(1 + x^2)*x + y*frozen(y)");
  const std::vector<double> point{3.0, 5.0};
  EXPECT_EQ(f.evaluate(point), 30.0 + 25.0);
  EXPECT_EQ(f.derivative("x").evaluate(point), 10.0);  // without frozen: 1 + 3 x^2 = 28
  EXPECT_EQ(f.derivative("y").evaluate(point), 5.0);
  EXPECT_TRUE(f.derivative("x").depends_on("x"));
  EXPECT_TRUE(f.derivative("x").derivative("x").is_constant());
  double out = 0;
  f.compile().evaluate(point, std::span(&out, 1));
  EXPECT_EQ(out, 55.0);
  frozen("frozen(x)").compile().evaluate(point, std::span(&out, 1));
  EXPECT_EQ(out, 3.0);
  EXPECT_TRUE(expr::freezes(f, "x"));
  EXPECT_FALSE(expr::freezes(frozen("frozen(x)*y"), "y"));
  EXPECT_FALSE(expr::freezes(frozen("x*y"), "x"));
  EXPECT_FALSE(expr::freezes(f, "z"));
  // A frozen number is a number; frozen and free are not the same formula.
  EXPECT_EQ(frozen("frozen(2)").constant_value(), 2.0);
  EXPECT_TRUE(frozen("frozen(x*y)").same_formula(frozen("frozen(y*x)")));
  EXPECT_FALSE(frozen("frozen(x)").same_formula(frozen("x")));
  EXPECT_EQ(frozen(f.text()).evaluate(point), 55.0);
  // No word for decks.
  EXPECT_THROW(static_cast<void>(parse("frozen(x)")), expr::ParseError);
  const auto& names = expr::function_names();
  EXPECT_EQ(std::count(names.begin(), names.end(), "frozen"), 0);
}
