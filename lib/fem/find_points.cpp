#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "cell_search.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"

namespace ritz::fem {

namespace {

using detail::Bounds;
using detail::Point;

/// The map of a cell of a mesh, as CellInverse wants it.
struct MeshMap {
  const mesh::Mesh& mesh;
  [[nodiscard]] Point map(LocalId cell, const Point& xi, std::span<double> jacobian) const {
    return mesh::map_to_physical(mesh, cell, xi, jacobian);
  }
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

}  // namespace

std::vector<FoundPoint> find_points(const mesh::Mesh& mesh,
                                    std::span<const std::array<double, 3>> points) {
  constexpr GlobalId nowhere = std::numeric_limits<GlobalId>::max();
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  std::vector<FoundPoint> found(points.size());
  std::vector<GlobalId> lowest(points.size(), nowhere);
  const PointBins bins(points, dimension);
  const auto n_nodes = static_cast<std::size_t>(mesh.nodes_per_cell());
  detail::NodeHull hull(mesh.cell_type, mesh.geometry_order);
  const MeshMap map{mesh};
  const detail::CellInverse inverse(map, mesh.cell_type, mesh.geometry_order);
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const LocalId* nodes = mesh.cell_nodes.data() + static_cast<std::size_t>(cell) * n_nodes;
    const Bounds bounds = hull.of([&](std::size_t node, std::size_t c) {
      return mesh.node_coordinates[static_cast<std::size_t>(nodes[node]) * dimension + c];
    });
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
