#pragma once

// Boxes around cells and the inverse of their maps; private to room fem.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "ritz/mesh/cell_type.hpp"
#include "ritz/mesh/lattice.hpp"
#include "small_matrix.hpp"

namespace ritz::fem::detail {

using Point = std::array<double, 3>;

struct Bounds {
  Point low{}, high{};
  [[nodiscard]] bool contain(const Point& p, std::size_t dimension) const {
    for (std::size_t c = 0; c < dimension; ++c) {
      if (p[c] < low[c] || p[c] > high[c]) return false;
    }
    return true;
  }
};

/// Boxes around cells from their geometry nodes. Order 1: a cell lies in the convex hull of its
/// vertices. Order 2: in that of its Bezier control points, where the middle one of a line of three
/// nodes a, m, b is 2m - (a + b)/2. Above: the box of the nodes, half as wide again on each side,
/// which holds for cells that are bent no more than a mesh of use is.
class NodeHull {
 public:
  NodeHull(mesh::CellType type, int order)
      : type_(type),
        order_(order),
        dimension_(static_cast<std::size_t>(mesh::table(type).dimension)),
        n_nodes_(static_cast<std::size_t>(mesh::n_lattice_points(type, order))),
        place_(n_nodes_),
        x_(3 * n_nodes_) {
    const bool in_tensor_order = order == 2 && mesh::is_tensor(type);
    const std::vector<int> tensor =
        in_tensor_order ? mesh::entity_order(type, 2) : std::vector<int>{};
    for (std::size_t i = 0; i < n_nodes_; ++i)
      place_[i] = in_tensor_order ? static_cast<std::size_t>(tensor[i]) : i;
  }

  /// `coordinate(node, c)`: component c of a node in entity order.
  template <class Coordinate>
  [[nodiscard]] Bounds of(const Coordinate& coordinate) {
    Bounds bounds{};
    double largest = 0.0, extent = 0.0;
    for (std::size_t c = 0; c < dimension_; ++c) {
      double* x = x_.data() + c * n_nodes_;
      for (std::size_t i = 0; i < n_nodes_; ++i) x[i] = coordinate(place_[i], c);
      if (order_ == 2) to_control_points(x);
      const auto [low, high] = std::minmax_element(x, x + n_nodes_);
      bounds.low[c] = *low;
      bounds.high[c] = *high;
      largest = std::max({largest, std::abs(*low), std::abs(*high)});
      extent = std::max(extent, *high - *low);
    }
    const double margin = (order_ > 2 ? 0.5 : 1e-8) * extent +
                          16.0 * std::numeric_limits<double>::epsilon() * largest;
    for (std::size_t c = 0; c < dimension_; ++c) {
      bounds.low[c] -= margin;
      bounds.high[c] += margin;
    }
    return bounds;
  }

 private:
  void to_control_points(double* x) const {
    if (mesh::is_tensor(type_)) {
      std::size_t step = 1;
      for (std::size_t axis = 0; axis < dimension_; ++axis, step *= 3) {
        for (std::size_t i = 0; i < n_nodes_; ++i) {
          if (i / step % 3 == 1) x[i] = 2.0 * x[i] - 0.5 * (x[i - step] + x[i + step]);
        }
      }
      return;
    }
    const mesh::CellTable& table = mesh::table(type_);
    for (std::size_t e = 0; e < static_cast<std::size_t>(table.n_edges); ++e) {
      const double ends = x[static_cast<std::size_t>(table.edges[e][0])] +
                          x[static_cast<std::size_t>(table.edges[e][1])];
      double& middle = x[static_cast<std::size_t>(table.n_vertices) + e];
      middle = 2.0 * middle - 0.5 * ends;
    }
  }

  mesh::CellType type_;
  int order_;
  std::size_t dimension_, n_nodes_;
  std::vector<std::size_t> place_;
  std::vector<double> x_;
};

/// Inverts the maps of cells. `Map`: `Point map(cell, xi, std::span<double> jacobian) const`,
/// jacobian [d][d].
template <class Map>
class CellInverse {
 public:
  /// `map` must outlive this.
  CellInverse(const Map& map, mesh::CellType type, int order)
      : map_(map), type_(type), dimension_(static_cast<std::size_t>(mesh::table(type).dimension)) {
    const mesh::CellTable& table = mesh::table(type);
    Point centre{};
    for (std::size_t v = 0; v < static_cast<std::size_t>(table.n_vertices); ++v) {
      for (std::size_t c = 0; c < 3; ++c) centre[c] += table.vertices[v][c] / table.n_vertices;
    }
    starts_.push_back(centre);
    // An affine map needs no second start.
    if (order == 1 && (mesh::is_simplex(type) || type == mesh::CellType::line)) return;
    for (std::size_t v = 0; v < static_cast<std::size_t>(table.n_vertices); ++v) {
      Point start{};
      for (std::size_t c = 0; c < 3; ++c) start[c] = 0.25 * centre[c] + 0.75 * table.vertices[v][c];
      starts_.push_back(start);
    }
  }

  /// Whether the closed cell contains x; if so, where.
  template <class Cell>
  [[nodiscard]] bool contains(Cell cell, const Point& x, Point& reference) const {
    for (const Point& start : starts_) {
      Point xi = start;
      double tolerance = 0.0;
      if (solve(cell, x, xi, tolerance) && is_inside(xi, tolerance)) {
        reference = xi;
        return true;
      }
    }
    return false;
  }

 private:
  /// Newton with step halving. `tolerance`: what round-off of the coordinates does to xi, plus
  /// 1e-9.
  template <class Cell>
  [[nodiscard]] bool solve(Cell cell, const Point& x, Point& xi, double& tolerance) const {
    std::array<double, 9> jacobian{}, inverse{};
    const std::span<double> j_span(jacobian.data(), dimension_ * dimension_);
    Point residual{};
    double squared = distance(cell, x, xi, residual, j_span);
    double largest = 0.0;
    for (std::size_t c = 0; c < dimension_; ++c) largest = std::max(largest, std::abs(x[c]));
    for (int pass = 0; pass < 60; ++pass) {
      if (invert(jacobian, static_cast<int>(dimension_), inverse) == 0.0) return false;
      Point step{};
      double length = 0.0, round_off = 0.0;
      for (std::size_t i = 0; i < dimension_; ++i) {
        double row = 0.0;
        for (std::size_t j = 0; j < dimension_; ++j) {
          step[i] += inverse[i * dimension_ + j] * residual[j];
          row += std::abs(inverse[i * dimension_ + j]);
        }
        length = std::max(length, std::abs(step[i]));
        round_off =
            std::max(round_off, 8.0 * std::numeric_limits<double>::epsilon() * largest * row);
      }
      tolerance = 1e-9 + round_off;
      if (!(length < 1e6)) return false;
      double damping = 1.0;
      Point trial{}, trial_residual{};
      double trial_squared = 0.0;
      const bool last = length <= 1e-12 + round_off;
      for (int halving = 0; halving < 12; ++halving, damping *= 0.5) {
        for (std::size_t i = 0; i < dimension_; ++i) trial[i] = xi[i] + damping * step[i];
        trial_squared = distance(cell, x, trial, trial_residual, j_span);
        if (last || trial_squared < squared) break;
      }
      if (!last && !(trial_squared < squared)) return false;
      xi = trial;
      residual = trial_residual;
      squared = trial_squared;
      if (last) return true;
    }
    return false;
  }

  template <class Cell>
  double distance(Cell cell, const Point& x, const Point& xi, Point& residual,
                  std::span<double> jacobian) const {
    const Point mapped = map_.map(cell, xi, jacobian);
    double squared = 0.0;
    for (std::size_t c = 0; c < dimension_; ++c) {
      residual[c] = x[c] - mapped[c];
      squared += residual[c] * residual[c];
    }
    return squared;
  }

  [[nodiscard]] bool is_inside(const Point& xi, double tolerance) const {
    double sum = 0.0;
    for (std::size_t c = 0; c < dimension_; ++c) {
      if (xi[c] < -tolerance || xi[c] > 1.0 + tolerance) return false;
      sum += xi[c];
    }
    return !mesh::is_simplex(type_) || sum <= 1.0 + tolerance;
  }

  const Map& map_;
  mesh::CellType type_;
  std::size_t dimension_;
  std::vector<Point> starts_;
};

}  // namespace ritz::fem::detail
