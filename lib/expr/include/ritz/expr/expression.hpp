#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ritz/expr/error.hpp"
#include "ritz/expr/program.hpp"
#include "ritz/expr/symbols.hpp"

namespace ritz::expr {

namespace detail {
struct Graph;
}

enum class Type { real, boolean };

/// "number" or "condition", as messages call it.
[[nodiscard]] std::string_view type_name(Type type);

/// A formula: an immutable typed graph in which equal parts exist once. Copies share it. Needs
/// neither MPI nor Kokkos. Safe to use from several threads.
///
/// Simplified on construction so that every result at finite arguments stays what IEEE arithmetic
/// gives for the text as written, up to the sign of a zero, with two named exceptions: u^n with a
/// whole constant |n| <= 16 is repeated multiplication, u^0.5 is sqrt(u). In particular 0*u, u-u
/// and u/u stay: u may be infinite or NaN, and that must show.
class Expression {
 public:
  /// Parses `text`; time and memory are linear in its length, whatever it contains.
  /// @throws ParseError with the place: syntax, types, unknown names, a number out of range, a
  ///   constant part without finite value (1/0, sqrt(-1)), text over 1,000,000 characters.
  [[nodiscard]] static Expression parse(std::string_view text, const Symbols& symbols);

  /// The number `value` as a function of `variables`.
  /// @throws base::Error (not_finite) if `value` is infinite or NaN.
  [[nodiscard]] static Expression constant(double value, std::vector<std::string> variables);

  [[nodiscard]] Type type() const;
  /// The variables given at parsing, in that order: what evaluate() and the program take.
  [[nodiscard]] const std::vector<std::string>& variables() const;

  [[nodiscard]] bool is_constant() const;
  /// The value if is_constant() (a condition: 0 or 1).
  /// @throws base::Error (internal) otherwise.
  [[nodiscard]] double constant_value() const;

  /// Whether `variable` is left in the simplified formula. False for names that are no variable.
  [[nodiscard]] bool depends_on(std::string_view variable) const;

  /// The exact derivative with respect to `variable`; its graph grows linearly with this one.
  /// Piecewise: d abs(u) = sign(u) du (0 at u = 0); sign, floor and ceil have derivative 0, also at
  /// the jumps; d mod(u,v) = du - floor(u/v) dv; min, max and if give the derivative of the branch
  /// that evaluation takes (of the second argument where the two of min or max are equal). u^v with
  /// v not constant contains log(u) and is NaN for u < 0, as u^v itself mostly is.
  /// @throws base::Error (internal) for a condition or a name that is no variable.
  [[nodiscard]] Expression derivative(std::string_view variable) const;

  /// The value at one point (a condition: 0 or 1) by a plain walk over the graph: the reference
  /// for programs. Allocates; use compile() for many points.
  /// @param point a value for each of variables()
  [[nodiscard]] double evaluate(std::span<const double> point) const;

  /// Text that parses back to the same function (parameters appear as their values).
  /// @throws base::Error (deck) when it would be longer than 1,000,000 characters: shared parts are
  ///   written out each time.
  [[nodiscard]] std::string text() const;

  /// Number of distinct nodes of the graph, constants and variables included.
  [[nodiscard]] std::size_t n_nodes() const;

  /// Whether both are plainly the same function of the same variables: equal up to the order and
  /// grouping of sums and products, and the last bits of numbers. Nothing is multiplied out, so
  /// equal functions may give false; formulas of more than 20,000 nodes always do.
  [[nodiscard]] bool same_formula(const Expression& other) const;

  /// Register program of this expression: see program.hpp.
  /// @param uniforms variables that have the same value at all points of a batch, see Program.
  [[nodiscard]] Program compile(const std::vector<std::string>& uniforms = {}) const;

  /// For the other files of this room.
  explicit Expression(std::shared_ptr<const detail::Graph> graph) : graph_(std::move(graph)) {}
  [[nodiscard]] const detail::Graph& graph() const { return *graph_; }

 private:
  std::shared_ptr<const detail::Graph> graph_;
};

/// One program for several expressions of the same variables; output i is expressions[i] and parts
/// they have in common are computed once.
/// @throws base::Error (internal) if the variables differ or a uniform is none of them.
[[nodiscard]] Program compile(std::span<const Expression> expressions,
                              const std::vector<std::string>& uniforms = {});

}  // namespace ritz::expr
