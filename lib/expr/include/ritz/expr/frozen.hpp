#pragma once

#include <string_view>

#include "ritz/expr/expression.hpp"

namespace ritz::expr {

/// Expression::parse() with one function more, for formulas that programs put together and not for
/// decks: frozen(u) has the value of u and derivative 0 by every variable, so that what is left of
/// a derivative takes it as it is. Costs nothing when compiled.
/// @throws ParseError as Expression::parse().
[[nodiscard]] Expression parse_with_frozen(std::string_view text, const Symbols& symbols);

/// Whether a frozen part of the expression depends on `variable`: its derivative is then not that
/// of its values. False for names that are no variable. Local.
[[nodiscard]] bool freezes(const Expression& expression, std::string_view variable);

}  // namespace ritz::expr
