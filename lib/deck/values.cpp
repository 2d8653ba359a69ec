#include "values.hpp"

#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

namespace ritz::deck {

namespace {

using Units = std::vector<std::pair<std::string_view, double>>;

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

/// Takes a plain number such as "1.5" or "2e3" off the front of `text`.
std::optional<double> take_number(std::string_view& text) {
  skip_blanks(text);
  if (text.empty() || !(text.front() == '.' || (text.front() >= '0' && text.front() <= '9'))) {
    return std::nullopt;  // no sign, no "inf"
  }
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// Takes a unit (letters) off the front of `text`.
std::optional<double> take_unit(std::string_view& text, const Units& units) {
  skip_blanks(text);
  std::size_t n = 0;
  while (n < text.size() && text[n] != ' ' && text[n] != '\t' &&
         !(text[n] >= '0' && text[n] <= '9')) {
    ++n;
  }
  const std::string_view word = text.substr(0, n);
  for (const auto& [name, factor] : units) {
    if (name == word) {
      text.remove_prefix(n);
      return factor;
    }
  }
  return std::nullopt;
}

/// "h:min:s" or "days-h:min:s".
std::optional<double> parse_clock(std::string_view text) {
  const auto whole = [&text](char end) -> std::optional<double> {
    long long value = 0;
    const auto [next, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0 || value > 1'000'000'000) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(next - text.data()));
    if (end == '\0') return text.empty() ? std::optional(static_cast<double>(value)) : std::nullopt;
    if (text.empty() || text.front() != end) return std::nullopt;
    text.remove_prefix(1);
    return static_cast<double>(value);
  };
  double days = 0.0;
  if (text.find('-') != std::string_view::npos) {
    const auto value = whole('-');
    if (!value) return std::nullopt;
    days = *value;
  }
  const auto hours = whole(':');
  if (!hours) return std::nullopt;
  const auto minutes = whole(':');
  if (!minutes || *minutes >= 60.0) return std::nullopt;
  const auto seconds = whole('\0');
  if (!seconds || *seconds >= 60.0) return std::nullopt;
  return ((days * 24.0 + *hours) * 60.0 + *minutes) * 60.0 + *seconds;
}

}  // namespace

std::optional<double> parse_bytes(std::string_view text, std::string& why) {
  static const Units units{{"B", 1.0},      {"KiB", 0x1p10}, {"MiB", 0x1p20},
                           {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"kB", 1e3},
                           {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12}};
  why = "a number and one of B, KiB, MiB, GiB, TiB, kB, MB, GB or TB, such as \"8 GiB\"";
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  const auto unit = take_unit(text, units);
  skip_blanks(text);
  if (!unit || !text.empty()) return std::nullopt;
  return *number * *unit;
}

std::optional<double> parse_duration(std::string_view text, std::string& why) {
  static const Units units{{"s", 1.0}, {"min", 60.0}, {"h", 3600.0}, {"d", 86400.0}};
  why = "numbers with s, min, h or d, such as \"2 h\" or \"1 h 30 min\", or hours:minutes:seconds";
  if (text.find(':') != std::string_view::npos) return parse_clock(text);
  double seconds = 0.0;
  bool any = false;
  for (skip_blanks(text); !text.empty(); skip_blanks(text)) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const auto unit = take_unit(text, units);
    if (!unit) return std::nullopt;
    seconds += *number * *unit;
    any = true;
  }
  if (!any) return std::nullopt;
  return seconds;
}

}  // namespace ritz::deck
