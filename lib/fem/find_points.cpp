#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "small_matrix.hpp"

namespace ritz::fem {

namespace {

using Point = std::array<double, 3>;

struct Bounds {
  Point low, high;
  [[nodiscard]] bool contain(const Point& p, std::size_t dimension) const {
    for (std::size_t c = 0; c < dimension; ++c) {
      if (p[c] < low[c] || p[c] > high[c]) return false;
    }
    return true;
  }
};

/// Boxes around local cells. Order 1: a cell lies in the convex hull of its vertices. Order 2: in
/// that of its Bezier control points, where the middle one of a line of three nodes a, m, b is
/// 2m - (a + b)/2.
class CellBounds {
 public:
  explicit CellBounds(const mesh::Mesh& mesh)
      : mesh_(mesh), n_nodes_(static_cast<std::size_t>(mesh.nodes_per_cell())) {
    if (mesh.geometry_order == 2 && mesh::is_tensor(mesh.cell_type)) {
      tensor_ = mesh::entity_order(mesh.cell_type, 2);
    }
  }

  [[nodiscard]] Bounds of(LocalId cell) const {
    const auto dimension = static_cast<std::size_t>(mesh_.dimension());
    std::array<std::array<double, 27>, 3> x;  // [component][node]
    const LocalId* nodes = mesh_.cell_nodes.data() + static_cast<std::size_t>(cell) * n_nodes_;
    for (std::size_t i = 0; i < n_nodes_; ++i) {
      const std::size_t from = tensor_.empty() ? i : static_cast<std::size_t>(tensor_[i]);
      const auto node = static_cast<std::size_t>(nodes[from]);
      for (std::size_t c = 0; c < dimension; ++c) {
        x[c][i] = mesh_.node_coordinates[node * dimension + c];
      }
    }
    Bounds bounds{};
    double largest = 0.0, extent = 0.0;
    for (std::size_t c = 0; c < dimension; ++c) {
      if (mesh_.geometry_order == 2) to_control_points(x[c], dimension);
      const auto [low, high] =
          std::minmax_element(x[c].begin(), x[c].begin() + static_cast<std::ptrdiff_t>(n_nodes_));
      bounds.low[c] = *low;
      bounds.high[c] = *high;
      largest = std::max({largest, std::abs(*low), std::abs(*high)});
      extent = std::max(extent, *high - *low);
    }
    const double margin = 1e-8 * extent + 16.0 * std::numeric_limits<double>::epsilon() * largest;
    for (std::size_t c = 0; c < dimension; ++c) {
      bounds.low[c] -= margin;
      bounds.high[c] += margin;
    }
    return bounds;
  }

 private:
  void to_control_points(std::array<double, 27>& x, std::size_t dimension) const {
    if (!tensor_.empty()) {
      std::size_t step = 1;
      for (std::size_t axis = 0; axis < dimension; ++axis, step *= 3) {
        for (std::size_t i = 0; i < n_nodes_; ++i) {
          if (i / step % 3 == 1) x[i] = 2.0 * x[i] - 0.5 * (x[i - step] + x[i + step]);
        }
      }
      return;
    }
    const mesh::CellTable& table = mesh::table(mesh_.cell_type);
    for (std::size_t e = 0; e < static_cast<std::size_t>(table.n_edges); ++e) {
      const double ends = x[static_cast<std::size_t>(table.edges[e][0])] +
                          x[static_cast<std::size_t>(table.edges[e][1])];
      double& middle = x[static_cast<std::size_t>(table.n_vertices) + e];
      middle = 2.0 * middle - 0.5 * ends;
    }
  }

  const mesh::Mesh& mesh_;
  std::size_t n_nodes_;
  std::vector<int> tensor_;
};

/// The points in a grid of bins, so that a cell meets only points near it, however many cells or
/// points there are.
class PointBins {
 public:
  PointBins(std::span<const Point> points, std::size_t dimension) : dimension_(dimension) {
    std::vector<std::size_t> kept;
    low_.fill(std::numeric_limits<double>::max());
    Point high;
    high.fill(std::numeric_limits<double>::lowest());
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!std::all_of(points[i].begin(), points[i].end(),
                       [](double x) { return std::isfinite(x); })) {
        continue;  // in no cell
      }
      kept.push_back(i);
      for (std::size_t c = 0; c < dimension; ++c) {
        low_[c] = std::min(low_[c], points[i][c]);
        high[c] = std::max(high[c], points[i][c]);
      }
    }
    if (kept.empty()) return;
    // About one bin a point, as near to cubes as the extents allow.
    double widest = 0.0;
    for (std::size_t c = 0; c < dimension; ++c) widest = std::max(widest, high[c] - low_[c]);
    int axes = 0;
    double volume = 1.0;
    for (std::size_t c = 0; c < dimension; ++c) {
      if (high[c] - low_[c] > 1e-6 * widest) {
        ++axes;
        volume *= (high[c] - low_[c]) / widest;
      }
    }
    const double size =
        axes == 0 ? 0.0 : widest * std::pow(volume / static_cast<double>(kept.size()), 1.0 / axes);
    for (std::size_t c = 0; c < dimension; ++c) {
      const double extent = high[c] - low_[c];
      if (axes == 0 || !(extent > 1e-6 * widest)) continue;
      n_[c] = static_cast<std::size_t>(std::clamp(std::ceil(extent / size), 1.0, 1e6));
      inverse_[c] = static_cast<double>(n_[c]) / extent;
    }
    start_.assign(n_[0] * n_[1] * n_[2] + 1, 0);
    std::vector<std::size_t> bin(kept.size());
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const Point& p = points[kept[i]];
      bin[i] = (place(p, 2) * n_[1] + place(p, 1)) * n_[0] + place(p, 0);
      ++start_[bin[i] + 1];
    }
    std::partial_sum(start_.begin(), start_.end(), start_.begin());
    std::vector<std::size_t> next(start_.begin(), start_.end() - 1);
    members_.resize(kept.size());
    for (std::size_t i = 0; i < kept.size(); ++i) members_[next[bin[i]]++] = kept[i];
    high_ = high;
  }

  /// body(i) for every point i in a bin that `bounds` touches.
  template <class Body>
  void near(const Bounds& bounds, Body&& body) const {
    if (members_.empty()) return;
    for (std::size_t c = 0; c < dimension_; ++c) {
      if (bounds.high[c] < low_[c] || bounds.low[c] > high_[c]) return;
    }
    for (std::size_t l = place(bounds.low, 2); l <= place(bounds.high, 2); ++l) {
      for (std::size_t j = place(bounds.low, 1); j <= place(bounds.high, 1); ++j) {
        const std::size_t row = (l * n_[1] + j) * n_[0];
        const std::size_t first = start_[row + place(bounds.low, 0)];
        const std::size_t last = start_[row + place(bounds.high, 0) + 1];
        for (std::size_t m = first; m < last; ++m) body(members_[m]);
      }
    }
  }

 private:
  [[nodiscard]] std::size_t place(const Point& p, std::size_t c) const {
    if (n_[c] == 1) return 0;
    const double scaled = (p[c] - low_[c]) * inverse_[c];
    return static_cast<std::size_t>(std::clamp(scaled, 0.0, static_cast<double>(n_[c] - 1)));
  }

  std::size_t dimension_;
  Point low_{}, high_{}, inverse_{};
  std::array<std::size_t, 3> n_{1, 1, 1};
  std::vector<std::size_t> start_, members_;
};

/// Inverts the geometry map of one cell.
class CellInverse {
 public:
  explicit CellInverse(const mesh::Mesh& mesh)
      : mesh_(mesh), dimension_(static_cast<std::size_t>(mesh.dimension())) {
    const mesh::CellTable& table = mesh::table(mesh.cell_type);
    Point centre{};
    for (std::size_t v = 0; v < static_cast<std::size_t>(table.n_vertices); ++v) {
      for (std::size_t c = 0; c < 3; ++c) centre[c] += table.vertices[v][c] / table.n_vertices;
    }
    starts_.push_back(centre);
    // An affine map needs no second start.
    if (mesh.geometry_order == 1 &&
        (mesh::is_simplex(mesh.cell_type) || mesh.cell_type == mesh::CellType::line)) {
      return;
    }
    for (std::size_t v = 0; v < static_cast<std::size_t>(table.n_vertices); ++v) {
      Point start{};
      for (std::size_t c = 0; c < 3; ++c) start[c] = 0.25 * centre[c] + 0.75 * table.vertices[v][c];
      starts_.push_back(start);
    }
  }

  /// Whether the closed cell contains x; if so, where.
  [[nodiscard]] bool contains(LocalId cell, const Point& x, Point& reference) const {
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
  [[nodiscard]] bool solve(LocalId cell, const Point& x, Point& xi, double& tolerance) const {
    std::array<double, 9> jacobian{}, inverse{};
    const std::span<double> j_span(jacobian.data(), dimension_ * dimension_);
    Point residual{};
    double squared = distance(cell, x, xi, residual, j_span);
    double largest = 0.0;
    for (std::size_t c = 0; c < dimension_; ++c) largest = std::max(largest, std::abs(x[c]));
    for (int pass = 0; pass < 60; ++pass) {
      if (detail::invert(jacobian, static_cast<int>(dimension_), inverse) == 0.0) return false;
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

  double distance(LocalId cell, const Point& x, const Point& xi, Point& residual,
                  std::span<double> jacobian) const {
    const Point mapped = mesh::map_to_physical(mesh_, cell, xi, jacobian);
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
    return !mesh::is_simplex(mesh_.cell_type) || sum <= 1.0 + tolerance;
  }

  const mesh::Mesh& mesh_;
  std::size_t dimension_;
  std::vector<Point> starts_;
};

}  // namespace

std::vector<FoundPoint> find_points(const mesh::Mesh& mesh,
                                    std::span<const std::array<double, 3>> points) {
  constexpr GlobalId nowhere = std::numeric_limits<GlobalId>::max();
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  std::vector<FoundPoint> found(points.size());
  std::vector<GlobalId> lowest(points.size(), nowhere);
  const PointBins bins(points, dimension);
  const CellBounds cell_bounds(mesh);
  const CellInverse inverse(mesh);
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const Bounds bounds = cell_bounds.of(cell);
    const GlobalId gid = mesh.cell_gid[static_cast<std::size_t>(cell)];
    bins.near(bounds, [&](std::size_t i) {
      if (gid > lowest[i] || !bounds.contain(points[i], dimension)) return;
      std::array<double, 3> reference{};
      if (!inverse.contains(cell, points[i], reference)) return;
      lowest[i] = gid;
      found[i] = {cell, reference};
    });
  }
  const std::vector<GlobalId> mine = lowest;
  mesh.communicator.all_reduce(std::span<GlobalId>(lowest), comm::Op::min);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (mine[i] == nowhere || mine[i] != lowest[i]) found[i] = FoundPoint{};
  }
  return found;
}

}  // namespace ritz::fem
