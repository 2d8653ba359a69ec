#include "ritz/solve/saved_state.hpp"

#include <algorithm>

#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::solve {

namespace {

template <class List>
const auto& find(const List& list, const std::string& name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const auto& one) { return one.first == name; });
  if (found == list.end()) {
    throw base::Error(base::ExitCode::io,
                      fmt::format("the checkpoint has no '{}': it was written by another version "
                                  "of Ritz or with another time.method",
                                  name));
  }
  return found->second;
}

}  // namespace

const std::string& SavedState::text(const std::string& name) const {
  return find(texts, name);
}

double SavedState::number(const std::string& name) const {
  return find(numbers, name);
}

const la::Vector& SavedState::vector(const std::string& name) const {
  return find(vectors, name);
}

bool SavedState::has_number(const std::string& name) const {
  return std::any_of(numbers.begin(), numbers.end(),
                     [&](const auto& one) { return one.first == name; });
}

}  // namespace ritz::solve
