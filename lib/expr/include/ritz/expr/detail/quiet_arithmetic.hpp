#pragma once

#include <cfenv>

namespace ritz::expr::detail {

/// While one lives, floating-point exceptions of this thread neither trap nor leave flags. Here
/// they mean nothing: `if` computes both branches, so 1/x is divided at x = 0 also where it is not
/// taken, and folding tries constants to see whether they are finite. Host only.
class QuietArithmetic {
 public:
  QuietArithmetic() { std::feholdexcept(&before_); }
  ~QuietArithmetic() { std::fesetenv(&before_); }
  QuietArithmetic(const QuietArithmetic&) = delete;
  QuietArithmetic& operator=(const QuietArithmetic&) = delete;

 private:
  std::fenv_t before_{};
};

}  // namespace ritz::expr::detail
