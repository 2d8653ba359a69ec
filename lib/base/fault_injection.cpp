// Linked into the tests' own program in place of fault.cpp.

#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/base/fault.hpp"

namespace ritz::base {

namespace {

struct Plan {
  std::string stage, kind = "error";
  int rank = -1;
  long occurrence = 1;
};

/// What RITZ_FAULT says; a text that says nothing is an Error.
Plan read_plan() {
  Plan plan;
  const char* text = std::getenv("RITZ_FAULT");
  if (text == nullptr || *text == '\0') return plan;
  std::vector<std::string> parts{""};
  for (const char* at = text; *at != '\0'; ++at) {
    if (*at == ':')
      parts.emplace_back();
    else
      parts.back() += *at;
  }
  const auto number = [&](std::size_t i) {
    char* end = nullptr;
    const long value = std::strtol(parts[i].c_str(), &end, 10);
    if (parts[i].empty() || *end != '\0' || value < 0)
      throw Error(ExitCode::environment, std::string("RITZ_FAULT = \"") + text +
                                             "\" (must be stage:rank[:occurrence[:kind]])");
    return value;
  };
  if (parts.size() < 2 || parts.size() > 4) parts.resize(2);
  plan.stage = parts[0];
  plan.rank = static_cast<int>(number(1));
  if (parts.size() > 2) plan.occurrence = number(2);
  if (parts.size() > 3) plan.kind = parts[3];
  return plan;
}

int own_rank = -1;
long n_passed = 0;

}  // namespace

void fault_point(const char* stage) {
  static const Plan plan = read_plan();
  if (plan.rank != own_rank || own_rank < 0 || plan.stage != stage) return;
  if (++n_passed != plan.occurrence) return;
  const std::string text = std::string("made to fail in stage ") + stage;
  if (plan.kind == "memory") throw std::bad_alloc();
  if (plan.kind == "library") throw std::runtime_error(text);
  throw Error(ExitCode::internal, text);
}

void set_fault_rank(int rank) {
  own_rank = rank;
}

bool has_faults() {
  return true;
}

}  // namespace ritz::base
