#include "ritz/base/fault.hpp"

namespace ritz::base {

void fault_point(const char*) {}

void set_fault_rank(int) {}

bool has_faults() {
  return false;
}

}  // namespace ritz::base
