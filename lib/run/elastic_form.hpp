#pragma once

// The equations of linear elasticity as texts of expressions; private to room run.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::run {

/// f0 and f1 of a physics::SystemForm for the displacements, and the stresses that f1 is made of.
struct ElasticTexts {
  std::vector<std::string> f0;  ///< [d]
  std::vector<std::string> f1;  ///< [d * d], row i: equation of displacement i
  /// Name ("sxx") and text of each component that need not be 0: xx yy zz xy yz xz.
  std::vector<std::pair<std::string, std::string>> stress;
};

/// A checked formula of the deck: its text in parentheses, "" if it is plainly 0. Nothing after an
/// error, which has been told.
using CheckedText =
    std::function<std::optional<std::string>(const deck::Formula& formula, const std::string& key)>;

/// Names of the displacements among the unknowns. Local.
[[nodiscard]] std::vector<std::string> displacement_names(const deck::Problem& problem,
                                                          int dimension);

/// The law of one region of the mesh ("" stands for those without a [[material]]).
/// @param displacements names of the d components
/// @param check tells what is wrong in a formula; all else goes to `diagnostics`
/// @return nothing if something is wrong, which has been told
[[nodiscard]] std::optional<ElasticTexts> elastic_texts(
    const deck::Problem& problem, const std::vector<std::string>& displacements,
    const std::string& region, const CheckedText& check, base::Diagnostics& diagnostics);

}  // namespace ritz::run
