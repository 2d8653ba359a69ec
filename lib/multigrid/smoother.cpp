#include "smoother.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ritz::multigrid {

namespace {

/// Roots in Leja's order: each next one is as far as possible from all before, by the product of
/// the distances; the largest first.
void order_by_leja(std::vector<double>& roots) {
  for (std::size_t done = 0; done < roots.size(); ++done) {
    const auto distance = [&](double root) {
      double product = done == 0 ? root : 1.0;
      for (std::size_t i = 0; i < done; ++i) product *= std::abs(root - roots[i]);
      return product;
    };
    const auto next =
        std::max_element(roots.begin() + static_cast<std::ptrdiff_t>(done), roots.end(),
                         [&](double a, double b) { return distance(a) < distance(b); });
    std::iter_swap(roots.begin() + static_cast<std::ptrdiff_t>(done), next);
  }
}

}  // namespace

std::vector<double> chebyshev_factors(const Options& options, double bound) {
  using std::numbers::pi;
  const int m = options.smoother_degree;
  const double least = bound / options.smoothing_range;
  const double centre = 0.5 * (bound + least), half = 0.5 * (bound - least);
  std::vector<double> roots;
  for (int i = 1; i <= m; ++i) {
    roots.push_back(options.smoother == Options::Smoother::chebyshev_4
                        ? 0.5 * bound * (1.0 - std::cos(2.0 * pi * i / (2.0 * m + 1.0)))
                        : centre - half * std::cos((i - 0.5) * pi / m));
  }
  order_by_leja(roots);
  for (double& root : roots) root = 1.0 / root;
  return roots;
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
