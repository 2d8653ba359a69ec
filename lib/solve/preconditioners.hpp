#pragma once

#include <memory>
#include <string>

#include "lists.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/system.hpp"
#include "ritz/solve/solve.hpp"

namespace ritz::solve {

/// What building a preconditioner has to tell.
struct SetUp {
  std::string text;  ///< one line for the log
  int amg_levels = 0;
  double amg_complexity = 0;
  std::vector<std::string> notes;  ///< differences from what was asked for
};

// Each is collective and throws Error(deck) on pass-through names that nobody read, std::exception
// where the library fails (a zero pivot, ...). `matrix` must outlive the result.

/// z = d r entry by entry: a method may do so itself.
class DiagonalPreconditioner : public la::Preconditioner {
 public:
  [[nodiscard]] virtual const la::Vector& factors() const = 0;  ///< d [n_owned]
};

/// The operator knows its diagonal; rows where it is zero are left as they are.
std::unique_ptr<la::Preconditioner> make_jacobi(const la::Operator& op, SetUp& set_up);
/// For operators without a matrix that know their diagonal: the polynomial of first-kind Chebyshev
/// iteration, degree 4, on [largest / 30, largest] of D^-1 A, the largest estimated by Lanczos
/// steps from a fixed vector.
std::unique_ptr<la::Preconditioner> make_operator_chebyshev(const la::Operator& op,
                                                            const Passed& passed, SetUp& set_up);
std::unique_ptr<la::Preconditioner> make_chebyshev(const la::Matrix& matrix, const Passed& passed,
                                                   SetUp& set_up);
std::unique_ptr<la::Preconditioner> make_ilu(const la::Matrix& matrix, const Passed& passed,
                                             SetUp& set_up);
std::unique_ptr<la::Preconditioner> make_amg(const la::Matrix& matrix, bool symmetric,
                                             const Context& context, const Passed& passed,
                                             SetUp& set_up);
std::unique_ptr<la::Preconditioner> make_direct(const la::Matrix& matrix, const Passed& passed,
                                                SetUp& set_up);

/// MueLu's parameter names.
[[nodiscard]] std::vector<Known> known_amg();

}  // namespace ritz::solve
