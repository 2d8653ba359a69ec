#include "ritz/run/evaluate.hpp"

#include "ritz/base/format.hpp"

#include <array>
#include <charconv>
#include <cstdio>

#include "ritz/base/error.hpp"
#include "ritz/base/text.hpp"
#include "ritz/expr/expression.hpp"

namespace ritz::run {

namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw base::Error(base::ExitCode::deck, message);
}

double number(const std::string& text, const std::string& option) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) {
    refuse(fmt::format("{}: '{}' is not a number", option, text));
  }
  return value;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::array<double, 3> point(const std::string& text, const std::string& option) {
  std::array<double, 3> result{};
  const std::vector<std::string> parts = split(text, ',');
  if (parts.size() > 3)
    refuse(fmt::format("{}: '{}' has more than three coordinates", option, text));
  for (std::size_t i = 0; i < parts.size(); ++i) result[i] = number(parts[i], option);
  return result;
}

}  // namespace

int evaluate(const EvaluateRequest& request) {
  expr::Symbols symbols;
  symbols.variables = {"x", "y", "z", "t"};
  for (const std::string& parameter : request.parameters) {
    const std::size_t equals = parameter.find('=');
    if (equals == std::string::npos)
      refuse(fmt::format("--set: '{}' is not of the form name=value", parameter));
    const std::string name = parameter.substr(0, equals);
    const std::string refusal = expr::name_refusal(name);
    if (!refusal.empty()) refuse("--set: " + refusal);
    symbols.parameters.emplace_back(name, number(parameter.substr(equals + 1), "--set " + name));
  }
  const expr::Expression expression = expr::Expression::parse(request.expression, symbols);
  const bool condition = expression.type() == expr::Type::boolean;
  const auto value_text = [&](const std::array<double, 3>& at) {
    const double value =
        expression.evaluate(std::array<double, 4>{at[0], at[1], at[2], request.time});
    if (condition) return std::string(value != 0.0 ? "true" : "false");
    return base::number_text(value);
  };
  if (request.line.empty()) {
    const std::array<double, 3> at =
        request.at.empty() ? std::array<double, 3>{} : point(request.at, "--at");
    fmt::print("{}\n", value_text(at));
    return 0;
  }
  const std::vector<std::string> parts = split(request.line, ':');
  if (parts.size() != 3) refuse("--line: needs a:b:n, for example 0,0:1,0:11");
  const auto from = point(parts[0], "--line"), to = point(parts[1], "--line");
  const double wanted = number(parts[2], "--line");
  constexpr double most = 1e8;
  if (!(wanted >= 2 && wanted <= most) ||
      wanted != static_cast<double>(static_cast<long>(wanted))) {
    refuse("--line: the number of points must be a whole number from 2 on");
  }
  const auto n = static_cast<long>(wanted);
  fmt::print("x,y,z,value\n");
  for (long i = 0; i < n; ++i) {
    const double s = static_cast<double>(i) / static_cast<double>(n - 1);
    std::array<double, 3> at;
    for (std::size_t d = 0; d < 3; ++d) at[d] = (1 - s) * from[d] + s * to[d];
    fmt::print("{},{},{},{}\n", at[0], at[1], at[2], value_text(at));
  }
  return 0;
}

}  // namespace ritz::run
