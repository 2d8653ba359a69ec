#include "rule_tools.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>

#include "document.hpp"
#include "ritz/base/text.hpp"

namespace ritz::deck {

std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
  const auto near = base::nearest(word, names);
  return near ? fmt::format("; did you mean \"{}\"?", shown_text(*near)) : ";";
}

std::string name_list(const std::vector<std::string>& names) {
  constexpr std::size_t most = 50;
  std::vector<std::string> told;
  for (const std::string& name : names) {
    if (told.size() == most) {
      told.push_back(fmt::format("{} more", names.size() - most));
      break;
    }
    told.push_back(shown_text(name));
  }
  return base::list(told);
}

std::string name_text(const std::string& name) {
  return "\"" + shown_text(name) + "\"";
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_identifier(const std::string& name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string unknown_text(const Problem& problem, int unknown) {
  return shown_text(problem.equation.unknowns[static_cast<std::size_t>(unknown)].name);
}

bool is_elastic(const Problem& problem) {
  return problem.equation.kind == EquationKind::elasticity || is_thermal(problem);
}

bool is_thermal(const Problem& problem) {
  return problem.equation.kind == EquationKind::thermo_elasticity;
}

bool is_scalar(const Problem& problem, const Name& unknown_name) {
  return !is_elastic(problem) || (is_thermal(problem) && unknown_name.text == temperature_name);
}

bool has_several(const Problem& problem) {
  return !is_elastic(problem) && problem.equation.unknowns.size() > 1;
}

std::vector<std::string> names_of(const std::vector<Unknown>& unknowns) {
  std::vector<std::string> names;
  for (const Unknown& unknown : unknowns) names.push_back(unknown.name);
  return names;
}

bool is_known(const Problem& problem, const Name& name) {
  if (name.text.empty()) return !has_several(problem);
  return std::any_of(problem.equation.unknowns.begin(), problem.equation.unknowns.end(),
                     [&](const Unknown& unknown) { return unknown.name == name.text; });
}

}  // namespace ritz::deck
