#include "ritz/la/lanczos.hpp"

#include <algorithm>
#include <cmath>

namespace ritz::la {

double largest_eigenvalue(const std::vector<double>& diagonal, const std::vector<double>& off) {
  // Gershgorin: no eigenvalue outside of [low, high].
  double low = diagonal[0], high = diagonal[0];
  for (std::size_t i = 0; i < diagonal.size(); ++i) {
    const double radius =
        (i > 0 ? std::abs(off[i - 1]) : 0.0) + (i + 1 < diagonal.size() ? std::abs(off[i]) : 0.0);
    low = std::min(low, diagonal[i] - radius);
    high = std::max(high, diagonal[i] + radius);
  }
  const auto any_above = [&](double x) {
    double pivot = diagonal[0] - x;
    if (pivot > 0) return true;
    for (std::size_t i = 1; i < diagonal.size(); ++i) {
      // A pivot of zero counts as a small negative one.
      if (pivot > -1e-300) pivot = -1e-300;
      pivot = diagonal[i] - x - off[i - 1] * off[i - 1] / pivot;
      if (pivot > 0) return true;
    }
    return false;
  };
  for (int i = 0; i < 60 && high - low > 1e-14 * std::abs(high); ++i) {
    const double middle = 0.5 * (low + high);
    (any_above(middle) ? low : high) = middle;
  }
  return high;
}

void LanczosMatrix::add(double alpha, double beta) {
  if (diagonal_.empty()) {
    diagonal_.push_back(1.0 / alpha);
  } else {
    diagonal_.push_back(1.0 / alpha + beta / last_alpha_);
    off_.push_back(std::sqrt(beta) / last_alpha_);
  }
  last_alpha_ = alpha;
}

}  // namespace ritz::la
