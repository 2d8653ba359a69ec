#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

/// Units of values: "210 GPa", "4 mm/s". Private to room deck.
namespace ritz::deck {

/// Powers of length, time, mass, temperature, angle and amount of substance.
using Dimension = std::array<int, 6>;

/// "kg m^-1 s^-2", "K", "1".
[[nodiscard]] std::string dimension_text(const Dimension& dimension);

/// A product of units: a value in it times factor * 10^exponent, plus offset, is one in m, s, kg,
/// K, rad and mol.
struct Unit {
  double factor = 1.0;
  int exponent = 0;  ///< kept apart: prefixes and SI units convert without round-off
  double offset = 0.0;
  Dimension dimension{};
};

/// Parses a unit: names with prefixes, products by blank, * or the middle dot, one division by "/"
/// for each factor that follows one, powers as ^2, ^-1 or a superscript 2 or 3, parentheses.
/// Nothing if it is none, with the reason in `why`.
[[nodiscard]] std::optional<Unit> parse_unit(std::string_view text, std::string& why);

/// "210 GPa": a number (with a sign or not), perhaps blanks, a unit that begins with a letter or a
/// sign of its own (%).
struct Quantity {
  double value = 0.0;
  std::string unit;
};

/// Nothing if the text does not begin with a number that something like a unit follows: no formula
/// does.
[[nodiscard]] std::optional<Quantity> split_quantity(std::string_view text);

/// The units in which a deck's plain numbers are.
class UnitSystem {
 public:
  enum class Base { length, time, mass, temperature };

  /// Sets one of the base units: any unit of its dimension. The reason why it is none, or "".
  std::string set(Base base, std::string_view unit);

  /// A value of a unit as a plain number of the deck. `absolute`: a temperature on its scale, not
  /// a difference.
  [[nodiscard]] double convert(double value, const Unit& unit, bool absolute) const;

  /// "mm, t, s, K".
  [[nodiscard]] std::string text() const;

 private:
  std::array<std::string, 4> names_{"m", "s", "kg", "K"};
  std::array<Unit, 4> units_{Unit{1, 0, 0, {1, 0, 0, 0, 0, 0}}, Unit{1, 0, 0, {0, 1, 0, 0, 0, 0}},
                             Unit{1, 0, 0, {0, 0, 1, 0, 0, 0}}, Unit{1, 0, 0, {0, 0, 0, 1, 0, 0}}};
};

}  // namespace ritz::deck
