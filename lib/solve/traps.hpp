#pragma once

#include <fenv.h>

namespace ritz::solve {

/// Floating-point traps off while Trilinos works: it divides by zero in places where it goes on
/// correctly (scaling a zero residual), and we look for NaN ourselves at every iteration.
class WithoutTraps {
 public:
  WithoutTraps() : enabled_(fedisableexcept(FE_ALL_EXCEPT)) {}
  ~WithoutTraps() {
    if (enabled_ > 0) {
      feclearexcept(FE_ALL_EXCEPT);
      feenableexcept(enabled_);
    }
  }
  WithoutTraps(const WithoutTraps&) = delete;
  WithoutTraps& operator=(const WithoutTraps&) = delete;

 private:
  int enabled_;
};

}  // namespace ritz::solve
