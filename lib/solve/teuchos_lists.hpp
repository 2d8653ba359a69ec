#pragma once

#include <Teuchos_ParameterList.hpp>
#include <string>

#include "lists.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"

namespace ritz::solve {

/// Puts pass-through parameters into a Teuchos list, each with its own type; real where `known`
/// says so although an integer was written.
inline void put(const Passed& passed, const std::vector<Known>& known,
                Teuchos::ParameterList& list) {
  using Type = deck::SolverOptions::Passed::Type;
  for (const auto& one : passed) {
    Teuchos::ParameterList* at = &list;
    for (std::size_t i = 0; i + 1 < one.path.size(); ++i) at = &at->sublist(one.path[i]);
    const std::string& key = one.path.back();
    Type type = one.type;
    for (const Known& k : known)
      if (k.name == path_text(one)) type = k.type;
    switch (type) {
      case Type::boolean:
        at->set(key, one.value == "true");
        break;
      case Type::integer:
        at->set(key, std::stoi(one.value));
        break;
      case Type::real:
        at->set(key, std::stod(one.value));
        break;
      case Type::string:
        at->set(key, one.value);
        break;
    }
  }
}

/// After the library has read its list: names that nobody read are errors, located.
inline void refuse_unread(const Passed& passed, const Teuchos::ParameterList& list,
                          const std::string& reader) {
  base::Diagnostics diagnostics;
  for (const auto& one : passed) {
    const Teuchos::ParameterList* at = &list;
    for (std::size_t i = 0; i + 1 < one.path.size() && at; ++i)
      at = at->isSublist(one.path[i]) ? &at->sublist(one.path[i]) : nullptr;
    const Teuchos::ParameterEntry* entry = at ? at->getEntryPtr(one.path.back()) : nullptr;
    if (entry && !entry->isUsed()) {
      diagnostics.error(one.where, fmt::format("solver.trilinos.{}: '{}' was not read by {}",
                                               one.list, path_text(one), reader));
    }
  }
  diagnostics.throw_errors(base::ExitCode::deck);
}

}  // namespace ritz::solve
