#include "smoother.hpp"

#include <algorithm>
#include <cmath>

namespace ritz::multigrid {

std::vector<ChebyshevStep> chebyshev_steps(const Options& options, double bound) {
  std::vector<ChebyshevStep> steps;
  if (options.smoother == Options::Smoother::chebyshev_4) {
    for (int i = 0; i < options.smoother_degree; ++i) {
      steps.push_back({i == 0 ? 0.0 : (2.0 * i - 1.0) / (2.0 * i + 3.0),
                       (8.0 * i + 4.0) / ((2.0 * i + 3.0) * bound)});
    }
    return steps;
  }
  const double least = bound / options.smoothing_range;
  const double centre = 0.5 * (bound + least), half = 0.5 * (bound - least);
  double rho = half / centre;
  for (int i = 0; i < options.smoother_degree; ++i) {
    if (i == 0) {
      steps.push_back({0.0, 1.0 / centre});
      continue;
    }
    const double next = 1.0 / (2.0 * centre / half - rho);
    steps.push_back({next * rho, 2.0 * next / half});
    rho = next;
  }
  return steps;
}

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

}  // namespace ritz::multigrid
