#pragma once

#include <map>
#include <string>
#include <vector>

#include "report.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/deck/problem.hpp"

/// What the rules of several tables share: words for messages and questions to a Problem.
namespace ritz::deck {

/// "; did you mean "left"?" or ";".
[[nodiscard]] std::string suggestion(const std::string& word,
                                     const std::vector<std::string>& names);

/// Names for a message, not too many of them.
[[nodiscard]] std::string name_list(const std::vector<std::string>& names);

/// A name in quotes, shortened.
[[nodiscard]] std::string name_text(const std::string& name);

[[nodiscard]] bool contains(const std::vector<std::string>& names, const std::string& name);

/// Letters, digits and _, not beginning with a digit.
[[nodiscard]] bool is_identifier(const std::string& name);

/// Where the first use of a name stood, for messages about the second.
class Uniqueness {
 public:
  /// The earlier place, or nullptr if `name` is new.
  const base::Location* first(const std::string& name, const base::Location& where) {
    const auto [place, is_new] = seen_.emplace(name, where);
    return is_new ? nullptr : &place->second;
  }

 private:
  std::map<std::string, base::Location> seen_;
};

/// The name of an unknown for messages.
[[nodiscard]] std::string unknown_text(const Problem& problem, int unknown);

[[nodiscard]] bool is_thermal(const Problem& problem);

/// Whether there are several unknowns, each with conditions and coefficients of its own.
[[nodiscard]] bool has_several(const Problem& problem);

[[nodiscard]] std::vector<std::string> names_of(const std::vector<Unknown>& unknowns);

/// Whether a table says rightly which unknown it is for, or needs not.
[[nodiscard]] bool is_known(const Problem& problem, const Name& name);

/// Reports a table of an unknown that does not say which, or names none of them.
/// @param table "boundary[2]"
void check_which(const Problem& problem, const std::string& table, const base::Location& where,
                 const Name& name, Report& report);

}  // namespace ritz::deck
