// Programs: blocks, registers, several outputs, uniforms, the kernel, and random formulas against
// the reference walk, bit for bit.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ritz/device/kokkos.hpp"
#include "ritz/expr/device_program.hpp"
#include "ritz/expr/expression.hpp"

using namespace ritz;
using expr::Expression;

namespace {

const expr::Symbols symbols{{"x", "y", "z", "t"}, {{"k", 2.5}}};

Expression parse(const std::string& text) {
  return Expression::parse(text, symbols);
}

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

std::vector<double> random_points(std::size_t n, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(-2.0, 2.0);
  std::vector<double> values(4 * n);
  for (double& value : values) value = uniform(random);
  return values;
}

/// A random well-typed text; conditions where `wants_condition`.
std::string random_text(std::mt19937& random, int depth, bool wants_condition = false) {
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const auto number = [&](int less = 1) { return random_text(random, depth - less); };
  const auto condition = [&] { return random_text(random, depth - 1, true); };
  if (wants_condition) {
    static const char* const comparisons[] = {" < ", " <= ", " > ", " >= ", " == ", " != "};
    if (depth <= 0 || pick(3) > 0) return "(" + number() + comparisons[pick(6)] + number() + ")";
    switch (pick(4)) {
      case 0:
        return "(" + condition() + " and " + condition() + ")";
      case 1:
        return "(" + condition() + " or " + condition() + ")";
      case 2:
        return "(not " + condition() + ")";
      default:
        return "if(" + condition() + ", " + condition() + ", " + condition() + ")";
    }
  }
  if (depth <= 0) {
    static const char* const leaves[] = {"x", "y", "z", "t",   "k",    "pi",
                                         "1", "0", "2", "0.1", "3.75", "x"};
    return leaves[pick(12)];
  }
  static const char* const unary[] = {"sin",  "cos",  "tan",   "asin", "acos",  "atan", "sinh",
                                      "cosh", "tanh", "exp",   "log",  "log10", "sqrt", "abs",
                                      "erf",  "sign", "floor", "ceil", "-"};
  static const char* const infix[] = {" + ", " - ", "*", "/"};
  static const char* const binary[] = {"pow", "atan2", "min", "max", "mod", "hypot"};
  switch (pick(10)) {
    case 0:
    case 1:
      return std::string(unary[pick(19)]) + "(" + number() + ")";
    case 2:
      return std::string(binary[pick(6)]) + "(" + number() + ", " + number() + ")";
    case 3:
      return "(" + number() + ")^" + std::to_string(pick(20) - 3);
    case 4:
      return "if(" + condition() + ", " + number() + ", " + number() + ")";
    case 5:
      return number() + "^(" + number(2) + ")";
    default:
      return "(" + number() + infix[pick(4)] + number() + ")";
  }
}

}  // namespace

TEST(ExprProgram, BlocksOfEveryLengthGiveTheWalksValues) {
  const Expression expression =
      parse("if(x*y < 0.3, sin(x)*exp(-y^2) + 3*x, hypot(x, z)/(1 + t^2)) - x*z");
  const expr::Program program = expression.compile();
  for (const std::size_t n : {0UL, 1UL, 7UL, 8UL, 255UL, 256UL, 257UL, 1000UL}) {
    const std::vector<double> points = random_points(n, 3);
    std::vector<double> out(n, -7.0);
    program.evaluate(points, out);
    for (std::size_t i = 0; i < n; ++i) {
      const double point[] = {points[i], points[n + i], points[2 * n + i], points[3 * n + i]};
      EXPECT_EQ(out[i], expression.evaluate(point)) << i << " of " << n;
    }
  }
}

TEST(ExprProgram, RegistersAreUsedAgain) {
  std::string sum = "x";
  for (int i = 0; i < 300; ++i) sum += " + sin(" + std::to_string(i) + "*y)";
  // Three: (sum + sin) + sin is one instruction.
  EXPECT_LE(parse(sum).compile().n_registers(), 3);
  // A chain that leans the other way needs no more: the deep side goes first.
  std::string chain = "x";
  for (int i = 0; i < 300; ++i) chain = "sin(" + std::to_string(i) + "*y) + cos(" + chain + ")";
  EXPECT_LE(parse(chain).compile().n_registers(), 3);
  EXPECT_EQ(parse("x + y").compile().n_registers(), 0);
}

TEST(ExprProgram, ManyRegistersShrinkTheBlock) {
  // 400 values are all needed twice, far apart: none of their registers is free in between.
  std::string sum = "0", product = "1";
  for (int i = 1; i <= 400; ++i) {
    const std::string part = "sin(" + std::to_string(i) + "*x)";
    sum += " + " + part;
    product += " * (2 + " + part + ")";
  }
  const Expression expression = parse("(" + sum + ")/(" + product + ")");
  const expr::Program program = expression.compile();
  EXPECT_GE(program.n_registers(), 400);
  EXPECT_EQ(program.block(), 8);
  const std::vector<double> points = random_points(21, 5);
  std::vector<double> out(21);
  program.evaluate(points, out);
  for (std::size_t i = 0; i < 21; ++i) {
    const double point[] = {points[i], points[21 + i], points[42 + i], points[63 + i]};
    EXPECT_EQ(out[i], expression.evaluate(point));
  }
}

TEST(ExprProgram, SeveralOutputsShareParts) {
  const std::vector<Expression> expressions = {
      parse("sin(x*y) + 1"), parse("x"),
      parse("sin(x*y)"),     parse("3"),
      parse("sin(x*y) + 1"), parse("sin(x*y)*sin(x*y) - z")};
  const expr::Program program = expr::compile(expressions);
  EXPECT_EQ(program.n_outputs(), 6);
  // x*y, sin, +, *-, and three copies: x, 3 and the output that occurs twice.
  EXPECT_EQ(program.code().size(), 7U) << program.listing();
  constexpr std::size_t n = 300;
  const std::vector<double> points = random_points(n, 7);
  std::vector<double> out(6 * n);
  program.evaluate(points, out);
  for (std::size_t i = 0; i < n; ++i) {
    const double point[] = {points[i], points[n + i], points[2 * n + i], points[3 * n + i]};
    for (std::size_t k = 0; k < 6; ++k)
      EXPECT_EQ(out[k * n + i], expressions[k].evaluate(point)) << k;
  }
}

TEST(ExprProgram, UniformsAreNoRows) {
  const Expression expression = parse("x*sin(t) + if(t < 1, z, t*z) - 1/(1 - t)*y");
  expr::Program program = expression.compile({"t", "z"});
  EXPECT_EQ(program.row_variables(), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(program.uniforms(), (std::vector<std::string>{"z", "t"}));
  constexpr std::size_t n = 300;
  const std::vector<double> points = random_points(n, 9);
  std::vector<double> out(n);
  for (const double t : {0.0, 0.5, 3.0}) {
    program.set_uniform("t", t);
    program.set_uniform("z", t + 2.0);
    program.evaluate({points.data(), 2 * n}, out);
    for (std::size_t i = 0; i < n; ++i) {
      const double point[] = {points[i], points[n + i], t + 2.0, t};
      EXPECT_EQ(out[i], expression.evaluate(point)) << "t = " << t;
    }
  }
  EXPECT_THROW(program.set_uniform("x", 1.0), base::Error);
  EXPECT_THROW(static_cast<void>(expression.compile({"w"})), base::Error);
}

TEST(ExprProgram, RefusesSizesThatDoNotFit) {
  const expr::Program program = parse("x").compile();
  std::vector<double> variables(40), out(9);
  EXPECT_THROW(program.evaluate(variables, out), base::Error);
}

TEST(ExprProgram, RandomFormulasAgreeWithTheWalkAndWithTheirText) {
  std::mt19937 random(20240611);
  constexpr std::size_t n = 37;
  const std::vector<double> points = random_points(n, 11);
  std::vector<double> out(n), printed(n);
  int n_checked = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_text(random, 1 + round % 7, round % 10 == 0);
    std::optional<Expression> expression;
    try {
      expression.emplace(parse(text));
    } catch (const expr::ParseError& error) {
      // Constant parts without value, such as log(0), are all that may be refused here.
      ASSERT_NE(error.message().find("no finite value"), std::string::npos) << text << error.what();
      continue;
    }
    ++n_checked;
    expression->compile().evaluate(points, out);
    const Expression again = parse(expression->text());
    ASSERT_EQ(again.type(), expression->type()) << text;
    again.compile().evaluate(points, printed);
    for (std::size_t i = 0; i < n; ++i) {
      const double point[] = {points[i], points[n + i], points[2 * n + i], points[3 * n + i]};
      const double walked = expression->evaluate(point);
      ASSERT_TRUE(same(walked, out[i])) << text << ": " << walked << " and " << out[i] << "\n"
                                        << expression->compile().listing();
      ASSERT_TRUE(same(walked, printed[i])) << text << " -> " << expression->text();
    }
    if (expression->type() == expr::Type::real) {
      const Expression derivative = expression->derivative("x");
      derivative.compile().evaluate(points, out);
      for (std::size_t i = 0; i < n; ++i) {
        const double point[] = {points[i], points[n + i], points[2 * n + i], points[3 * n + i]};
        ASSERT_TRUE(same(derivative.evaluate(point), out[i])) << derivative.text();
      }
    }
  }
  EXPECT_GT(n_checked, 2000);
}

TEST(ExprDeviceProgram, OneKernelGivesTheHostsValues) {
  const std::vector<Expression> expressions = {parse("if(x < y, sin(x)*t, exp(y)/(1 + z^2))"),
                                               parse("x^3 - k*y*z + t")};
  expr::DeviceProgram program(expr::compile(expressions, {"t"}));
  program.set_uniform("t", 0.75);
  for (const std::size_t n : {0UL, 1UL, 255UL, 5000UL, 20001UL}) {
    const std::vector<double> points = random_points(n, 13);
    Kokkos::View<double**, Kokkos::LayoutRight, device::MemorySpace> rows("rows", 3, n);
    const Kokkos::View<const double**, Kokkos::LayoutRight, Kokkos::HostSpace,
                       Kokkos::MemoryTraits<Kokkos::Unmanaged>>
        host_rows(points.data(), 3, n);
    Kokkos::deep_copy(rows, host_rows);
    const expr::DeviceProgram::ManyValues out("out", 2, n);
    program.evaluate(device::ExecutionSpace(), rows, out);
    const auto results = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), out);
    std::vector<double> expected(2 * n);
    program.host().evaluate({points.data(), 3 * n}, expected);
    for (std::size_t i = 0; i < 2 * n; ++i)
      EXPECT_EQ(results.data()[i], expected[i]) << i << " of " << n;
  }
}

TEST(ExprDeviceProgram, ViewEvaluatesInsideAKernel) {
  const expr::DeviceProgram program(parse("x*y + sin(z)*t").compile());
  constexpr int n = 50;
  const std::vector<double> points = random_points(n, 17);
  const auto rows = device::to_device("rows", points.data(), points.size());
  const expr::ProgramView view = program.view();
  const Kokkos::View<double*, device::MemorySpace> registers(
      "registers", static_cast<std::size_t>(view.n_registers) * n);
  const Kokkos::View<double*, device::MemorySpace> out("out", n);
  Kokkos::parallel_for(
      "test::one_block", Kokkos::RangePolicy<device::ExecutionSpace>(0, 1), KOKKOS_LAMBDA(int) {
        view.evaluate_block(rows.data(), n, n, registers.data(), n, out.data(), n);
      });
  const auto results = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), out);
  std::vector<double> expected(n);
  program.host().evaluate(points, expected);
  for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(results(i), expected[i]);
}

TEST(ExprDeviceProgram, RefusesExtentsThatDoNotFit) {
  const expr::DeviceProgram program(parse("x + y").compile());
  const Kokkos::View<double**, Kokkos::LayoutRight, device::MemorySpace> variables("variables", 4,
                                                                                   10);
  EXPECT_THROW(
      program.evaluate(device::ExecutionSpace(), variables, expr::DeviceProgram::Values("out", 9)),
      base::Error);
}
