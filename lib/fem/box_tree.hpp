#pragma once

// A binary tree of boxes; private to room fem.

#include <cstddef>
#include <utility>
#include <vector>

#include "cell_search.hpp"

namespace ritz::fem::detail {

/// Square of the distance of a point to the nearest and to the farthest place of a box.
[[nodiscard]] inline double nearest_squared(const Bounds& box, const Point& p, std::size_t d) {
  double sum = 0.0;
  for (std::size_t c = 0; c < d; ++c) {
    const double out = std::max({box.low[c] - p[c], p[c] - box.high[c], 0.0});
    sum += out * out;
  }
  return sum;
}
[[nodiscard]] inline double farthest_squared(const Bounds& box, const Point& p, std::size_t d) {
  double sum = 0.0;
  for (std::size_t c = 0; c < d; ++c) {
    const double out = std::max(std::abs(box.low[c] - p[c]), std::abs(box.high[c] - p[c]));
    sum += out * out;
  }
  return sum;
}

/// Boxes that lie near each other in the order in which they are given, two and two in one above
/// them, and so on up to a single one.
class BoxTree {
 public:
  BoxTree(std::vector<Bounds> leaves, std::size_t dimension) : dimension_(dimension) {
    levels_.push_back(std::move(leaves));
    while (levels_.back().size() > 1) {
      const std::vector<Bounds>& below = levels_.back();
      std::vector<Bounds> level((below.size() + 1) / 2);
      for (std::size_t i = 0; i < level.size(); ++i) {
        level[i] = below[2 * i];
        if (2 * i + 1 == below.size()) continue;
        for (std::size_t c = 0; c < dimension; ++c) {
          level[i].low[c] = std::min(level[i].low[c], below[2 * i + 1].low[c]);
          level[i].high[c] = std::max(level[i].high[c], below[2 * i + 1].high[c]);
        }
      }
      levels_.push_back(std::move(level));
    }
  }

  /// The lowest level with at most n boxes.
  [[nodiscard]] const std::vector<Bounds>& top(std::size_t n) const {
    for (const std::vector<Bounds>& level : levels_) {
      if (level.size() <= n) return level;
    }
    return levels_.back();
  }

  /// body(i) for each leaf within this distance of p (0: that contains it), in their order.
  template <class Body>
  void within(const Point& p, double squared, Body&& body) const {
    if (!levels_.front().empty()) visit(levels_.size() - 1, 0, p, squared, body);
  }

  /// bound = body(i, bound) for leaves that are no farther than the bound, near ones first;
  /// `squared`: the first bound. Returns the last one.
  template <class Body>
  double nearest(const Point& p, double squared, Body&& body) const {
    if (!levels_.front().empty()) approach(levels_.size() - 1, 0, p, squared, body);
    return squared;
  }

 private:
  template <class Body>
  void visit(std::size_t level, std::size_t i, const Point& p, double squared, Body& body) const {
    if (nearest_squared(levels_[level][i], p, dimension_) > squared) return;
    if (level == 0) {
      body(i);
      return;
    }
    visit(level - 1, 2 * i, p, squared, body);
    if (2 * i + 1 < levels_[level - 1].size()) visit(level - 1, 2 * i + 1, p, squared, body);
  }

  template <class Body>
  void approach(std::size_t level, std::size_t i, const Point& p, double& bound, Body& body) const {
    if (level == 0) {
      bound = body(i, bound);
      return;
    }
    const std::vector<Bounds>& below = levels_[level - 1];
    std::pair<double, std::size_t> first{nearest_squared(below[2 * i], p, dimension_), 2 * i};
    std::pair<double, std::size_t> second{std::numeric_limits<double>::infinity(), 2 * i + 1};
    if (second.second < below.size()) {
      second.first = nearest_squared(below[second.second], p, dimension_);
      if (second.first < first.first) std::swap(first, second);
    }
    if (first.first <= bound) approach(level - 1, first.second, p, bound, body);
    if (second.second < below.size() && second.first <= bound)
      approach(level - 1, second.second, p, bound, body);
  }

  std::size_t dimension_;
  std::vector<std::vector<Bounds>> levels_;
};

}  // namespace ritz::fem::detail
