#include "units.hpp"

#include "ritz/base/format.hpp"

#include <charconv>
#include <cmath>
#include <map>
#include <numbers>
#include <vector>

#include "ritz/base/text.hpp"

namespace ritz::deck {

namespace {

constexpr Dimension none{};
constexpr Dimension length{1}, time{0, 1}, mass{0, 0, 1}, temperature{0, 0, 0, 1},
    angle{0, 0, 0, 0, 1}, amount{0, 0, 0, 0, 0, 1};
constexpr Dimension force{1, -2, 1}, pressure{-1, -2, 1}, energy{2, -2, 1}, watts{2, -3, 1},
    frequency{0, -1}, volume{3};

struct Named {
  std::string_view name;
  Unit unit;
  bool prefixes;  ///< milli, kilo and so on may stand before it
};

/// SI: Bureau International des Poids et Mesures, The International System of Units, 9th edition,
/// tables 2, 4, 7 and 8. Inch, foot, mile, pound and pound-force: exact by the international yard
/// and pound agreement of 1959 and standard gravity 9.80665 m/s^2 (NIST SP 811, appendix B).
const std::vector<Named>& units() {
  constexpr double pound_force = 4.4482216152605, inch = 2.54;  // inch in cm
  static const std::vector<Named> list{
      {"m", {1, 0, 0, length}, true},
      {"s", {1, 0, 0, time}, true},
      {"g", {1, -3, 0, mass}, true},
      {"K", {1, 0, 0, temperature}, true},
      {"N", {1, 0, 0, force}, true},
      {"Pa", {1, 0, 0, pressure}, true},
      {"J", {1, 0, 0, energy}, true},
      {"W", {1, 0, 0, watts}, true},
      {"Hz", {1, 0, 0, frequency}, true},
      {"l", {1, -3, 0, volume}, true},
      {"L", {1, -3, 0, volume}, true},
      {"mol", {1, 0, 0, amount}, true},
      {"bar", {1, 5, 0, pressure}, true},
      {"min", {60, 0, 0, time}, false},
      {"h", {3600, 0, 0, time}, false},
      {"d", {86400, 0, 0, time}, false},
      {"t", {1, 3, 0, mass}, false},
      {"in", {inch, -2, 0, length}, false},
      {"ft", {30.48, -2, 0, length}, false},
      {"mi", {1609.344, 0, 0, length}, false},
      {"lb", {0.45359237, 0, 0, mass}, false},
      {"lbf", {pound_force, 0, 0, force}, false},
      {"kgf", {9.80665, 0, 0, force}, false},
      {"psi", {pound_force / (inch * inch), 4, 0, pressure}, false},
      {"ksi", {pound_force / (inch * inch), 7, 0, pressure}, false},
      {"atm", {101325, 0, 0, pressure}, false},
      {"degC", {1, 0, 273.15, temperature}, false},
      {"\u00b0C", {1, 0, 273.15, temperature}, false},
      {"degF", {5.0 / 9.0, 0, 273.15 - 32 * 5.0 / 9.0, temperature}, false},
      {"\u00b0F", {5.0 / 9.0, 0, 273.15 - 32 * 5.0 / 9.0, temperature}, false},
      {"rad", {1, 0, 0, angle}, true},
      {"deg", {std::numbers::pi / 180, 0, 0, angle}, false},
      {"\u00b0", {std::numbers::pi / 180, 0, 0, angle}, false},
      {"%", {1, -2, 0, none}, false},
  };
  return list;
}

const std::vector<std::pair<std::string_view, int>>& prefixes() {
  static const std::vector<std::pair<std::string_view, int>> list{
      {"p", -12}, {"n", -9}, {"u", -6}, {"\u00b5", -6}, {"\u03bc", -6}, {"m", -3}, {"c", -2},
      {"d", -1},  {"h", 2},  {"k", 3},  {"M", 6},       {"G", 9},       {"T", 12}};
  return list;
}

/// Names that stand for more than one unit, and what to write.
const std::map<std::string_view, std::string_view>& ambiguous() {
  static const std::map<std::string_view, std::string_view> names{
      {"C", "a coulomb or a degree Celsius: write degC"},
      {"F", "a farad or a degree Fahrenheit: write degF"},
      {"ton", "a metric, a short or a long ton: write t for the metric one, or kg"},
      {"tons", "metric, short or long tons: write t for the metric one, or kg"},
      {"gal", "a gallon (of which there are several) or a galileo: write l or m/s^2"},
      {"cal", "calories of several sizes: write J"},
      {"kcal", "calories of several sizes: write J"},
      {"BTU", "one of several British thermal units: write J"},
      {"Btu", "one of several British thermal units: write J"},
      {"hp", "one of several horsepowers: write W"},
      {"rpm", "turns or radians in a minute: write 1/min or rad/min"},
      {"oz", "an ounce of mass, of force or of volume: write kg, N or l"},
  };
  return names;
}

std::optional<Unit> find_unit(std::string_view name) {
  for (const Named& one : units()) {
    if (one.name == name) return one.unit;
  }
  for (const auto& [prefix, exponent] : prefixes()) {
    if (!name.starts_with(prefix)) continue;
    for (const Named& one : units()) {
      if (!one.prefixes || one.name != name.substr(prefix.size())) continue;
      Unit unit = one.unit;
      unit.exponent += exponent;
      return unit;
    }
  }
  return std::nullopt;
}

/// Why there is no unit of this name.
std::string unknown_unit(const std::string& name) {
  if (const auto found = ambiguous().find(name); found != ambiguous().end())
    return fmt::format("the unit '{}' may be {}", name, found->second);
  std::size_t letters = 0;
  while (letters < name.size() && !(name[letters] >= '0' && name[letters] <= '9')) ++letters;
  if (letters < name.size() && letters > 0 && find_unit(name.substr(0, letters))) {
    return fmt::format("no unit '{}'; a power is written {}^{}", name, name.substr(0, letters),
                       name.substr(letters));
  }
  std::vector<std::string> names;
  for (const Named& one : units()) {
    names.emplace_back(one.name);
    if (!one.prefixes) continue;
    for (const auto& [prefix, exponent] : prefixes())
      names.push_back(std::string(prefix) + std::string(one.name));
  }
  for (const std::string& each : names) {
    if (base::lower_case(each) == base::lower_case(name))
      return fmt::format("no unit '{}'; did you mean '{}'?", name, each);
  }
  if (const auto near = base::nearest(name, names))
    return fmt::format("no unit '{}'; did you mean '{}'?", name, *near);
  return fmt::format(
      "no unit '{}'; there are m, s, g, K, N, Pa, J, W, Hz, mol, l and bar with prefixes, "
      "min, h, d, t, in, ft, mi, lb, lbf, psi, ksi, atm, degC, degF, deg, rad and %",
      name);
}

constexpr int most = 1000;  // of powers: nothing physical comes near

/// unit^power into the product.
bool multiply(Unit& product, const Unit& unit, int power) {
  if (std::abs(power) > 16) return false;
  product.factor *= std::pow(unit.factor, power);
  product.exponent += unit.exponent * power;
  if (std::abs(product.exponent) > most) return false;
  for (std::size_t i = 0; i < product.dimension.size(); ++i)
    product.dimension[i] += unit.dimension[i] * power;
  return true;
}

class UnitParser {
 public:
  UnitParser(std::string_view text, std::string& why) : text_(text), why_(why) {}

  std::optional<Unit> parse() {
    skip();
    Unit result;
    // A temperature on its scale stands alone.
    if (const Unit* scale = lone_scale()) return *scale;
    if (!product(result, 0)) return std::nullopt;
    if (!text_.empty()) return refuse(fmt::format("'{}' is too much in it", text_));
    return result;
  }

 private:
  std::optional<Unit> refuse(const std::string& why) {
    if (why_.empty()) why_ = why;
    return std::nullopt;
  }
  bool fail(const std::string& why) {
    static_cast<void>(refuse(why));
    return false;
  }
  void skip() {
    while (!text_.empty() && text_.front() == ' ') text_.remove_prefix(1);
  }
  const Unit* lone_scale() const {
    std::string_view name = text_;
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    for (const Named& one : units()) {
      if (one.name == name && one.unit.offset != 0) return &one.unit;
    }
    return nullptr;
  }

  /// Factors up to the end or a closing parenthesis.
  bool product(Unit& result, int depth) {
    if (depth > 8) return fail("too many parentheses");
    bool divided = false, first = true;
    while (true) {
      skip();
      if (text_.empty() || text_.front() == ')') break;
      bool below = false;
      if (text_.front() == '/') {
        if (first) return fail("it begins with /; write 1/...");
        text_.remove_prefix(1);
        below = true;
        divided = true;
      } else if (text_.front() == '*' || text_.starts_with("\u00b7")) {
        if (first) return fail("it begins with a product");
        text_.remove_prefix(text_.front() == '*' ? 1 : 2);
      }
      if (divided && !below) {
        return fail(
            "what follows a / after a blank or * may be meant above or below it; use "
            "parentheses, W/(m K), or / before each, W/m/K");
      }
      skip();
      Unit one;
      if (!factor(one, depth)) return false;
      if (!multiply(result, one, below ? -1 : 1)) return fail("its powers are too large");
      first = false;
    }
    return first ? fail("a unit is missing") : true;
  }

  bool factor(Unit& result, int depth) {
    if (text_.empty()) return fail("a unit is missing at the end");
    Unit one;
    if (text_.front() == '(') {
      text_.remove_prefix(1);
      if (!product(one, depth + 1)) return false;
      if (text_.empty()) return fail("a ) is missing");
      text_.remove_prefix(1);
    } else if (text_.front() == '1' && (text_.size() == 1 || text_[1] == '/' || text_[1] == ' ')) {
      text_.remove_prefix(1);
    } else {
      std::size_t n = 0;
      while (n < text_.size() && std::string_view(" */^()").find(text_[n]) == text_.npos &&
             !text_.substr(n).starts_with("\u00b7") && !text_.substr(n).starts_with("\u00b2") &&
             !text_.substr(n).starts_with("\u00b3")) {
        ++n;
      }
      const std::string name(text_.substr(0, n));
      const auto found = find_unit(name);
      if (!found) return fail(name.empty() ? "a unit is missing" : unknown_unit(name));
      if (found->offset != 0) {
        return fail(
            fmt::format("{} has its zero elsewhere and stands only alone, for a "
                        "temperature; differences of temperature are in K",
                        name));
      }
      text_.remove_prefix(n);
      one = *found;
    }
    int power = 1;
    if (text_.starts_with("\u00b2") || text_.starts_with("\u00b3")) {
      power = text_.starts_with("\u00b2") ? 2 : 3;
      text_.remove_prefix(2);
    } else if (!text_.empty() && text_.front() == '^') {
      text_.remove_prefix(1);
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), power);
      if (error != std::errc()) return fail("a whole number must follow ^");
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    }
    return multiply(result, one, power) ? true : fail("its powers are too large");
  }

  std::string_view text_;
  std::string& why_;
};

/// value * 10^exponent with one rounding where the power is exact.
double scaled(double value, int exponent) {
  return exponent >= 0 ? value * std::pow(10.0, exponent) : value / std::pow(10.0, -exponent);
}

constexpr std::array<std::string_view, 6> base_units{"m", "s", "kg", "K", "rad", "mol"};
constexpr std::array<std::string_view, 4> base_words{"length", "time", "mass", "temperature"};

}  // namespace

std::string dimension_text(const Dimension& dimension) {
  std::string text;
  for (const std::size_t i : {2U, 0U, 1U, 3U, 5U, 4U}) {
    if (dimension[i] == 0) continue;
    if (!text.empty()) text += ' ';
    text += base_units[i];
    if (dimension[i] != 1) text += fmt::format("^{}", dimension[i]);
  }
  return text.empty() ? "1" : text;
}

std::optional<Unit> parse_unit(std::string_view text, std::string& why) {
  why.clear();
  return UnitParser(text, why).parse();
}

std::optional<Quantity> split_quantity(std::string_view text) {
  const auto trim = [&] {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  };
  trim();
  std::string_view number = text;
  double sign = 1;
  if (number.starts_with('-') || number.starts_with('+')) {
    if (number.front() == '-') sign = -1;
    number.remove_prefix(1);
  }
  if (number.empty() ||
      !(number.front() == '.' || (number.front() >= '0' && number.front() <= '9')))
    return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc()) return std::nullopt;
  text = number.substr(static_cast<std::size_t>(end - number.data()));
  trim();
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  const auto byte = static_cast<unsigned char>(text.front());
  const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  const bool inverse = text.starts_with("1/");  // "3 1/s"
  if (!letter && byte < 0x80 && byte != '%' && !inverse) return std::nullopt;
  return Quantity{sign * value, std::string(text)};
}

std::string UnitSystem::set(Base base, std::string_view unit) {
  std::string why;
  const auto parsed = parse_unit(unit, why);
  if (!parsed) return why;
  const auto at = static_cast<std::size_t>(base);
  Dimension wanted{};
  wanted[at] = 1;
  if (parsed->dimension != wanted) {
    return fmt::format("must be a {}; it is {}", base_words[at], dimension_text(parsed->dimension));
  }
  names_[at] = std::string(unit);
  units_[at] = *parsed;
  return "";
}

double UnitSystem::convert(double value, const Unit& unit, bool absolute) const {
  double factor = unit.factor;
  int exponent = unit.exponent;
  for (std::size_t i = 0; i < units_.size(); ++i) {
    factor /= std::pow(units_[i].factor, unit.dimension[i]);
    exponent -= units_[i].exponent * unit.dimension[i];
  }
  const Unit& scale = units_[static_cast<std::size_t>(Base::temperature)];
  if (absolute && unit.offset != scale.offset) {
    const double kelvin = scaled(value * unit.factor, unit.exponent) + unit.offset;
    return scaled((kelvin - scale.offset) / scale.factor, -scale.exponent);
  }
  return scaled(value * factor, exponent);
}

std::string UnitSystem::text() const {
  return fmt::format("{}, {}, {}, {}", names_[0], names_[2], names_[1], names_[3]);
}

}  // namespace ritz::deck
