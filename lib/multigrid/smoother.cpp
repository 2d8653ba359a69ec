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

}  // namespace ritz::multigrid
