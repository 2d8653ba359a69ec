#include "vtk_cells.hpp"

#include <array>
#include <map>

#include "ritz/base/error.hpp"
#include "ritz/mesh/lattice.hpp"

namespace ritz::store {

using mesh::CellType;

std::uint8_t vtk_type(CellType type, int order) {
  const bool linear = order == 1;
  switch (type) {
    case CellType::point:
      return 1;
    case CellType::line:
      return linear ? 3 : 68;
    case CellType::tri:
      return linear ? 5 : 69;
    case CellType::quad:
      return linear ? 9 : 70;
    case CellType::tet:
      return linear ? 10 : 71;
    case CellType::hex:
      return linear ? 12 : 72;
  }
  return 0;
}

namespace {

using Index = std::array<int, 3>;

/// Points strictly between two lattice points, from the first to the second.
void add_edge(std::vector<Index>& points, Index from, Index to, int order) {
  for (int s = 1; s < order; ++s) {
    Index point;
    for (std::size_t d = 0; d < 3; ++d) point[d] = from[d] + (to[d] - from[d]) / order * s;
    points.push_back(point);
  }
}

std::vector<Index> tensor_points(CellType type, int k) {
  std::vector<Index> points;
  if (type == CellType::line) {
    points = {{0, 0, 0}, {k, 0, 0}};
    add_edge(points, points[0], points[1], k);
    return points;
  }
  // Corners go round the quad; edges always run in the direction of growing i, j, l.
  const std::array<Index, 4> ring{{{0, 0, 0}, {k, 0, 0}, {k, k, 0}, {0, k, 0}}};
  const auto lift = [](Index point, int l) { return Index{point[0], point[1], l}; };
  const auto ring_edges = [&](int l) {
    add_edge(points, lift(ring[0], l), lift(ring[1], l), k);
    add_edge(points, lift(ring[1], l), lift(ring[2], l), k);
    add_edge(points, lift(ring[3], l), lift(ring[2], l), k);
    add_edge(points, lift(ring[0], l), lift(ring[3], l), k);
  };
  if (type == CellType::quad) {
    points.assign(ring.begin(), ring.end());
    ring_edges(0);
    for (int j = 1; j < k; ++j) {
      for (int i = 1; i < k; ++i) points.push_back({i, j, 0});
    }
    return points;
  }
  for (int l : {0, k}) {
    for (const Index& corner : ring) points.push_back(lift(corner, l));
  }
  ring_edges(0);
  ring_edges(k);
  for (const Index& corner : ring) add_edge(points, corner, lift(corner, k), k);
  for (int i : {0, k}) {
    for (int l = 1; l < k; ++l) {
      for (int j = 1; j < k; ++j) points.push_back({i, j, l});
    }
  }
  for (int j : {0, k}) {
    for (int l = 1; l < k; ++l) {
      for (int i = 1; i < k; ++i) points.push_back({i, j, l});
    }
  }
  for (int l : {0, k}) {
    for (int j = 1; j < k; ++j) {
      for (int i = 1; i < k; ++i) points.push_back({i, j, l});
    }
  }
  for (int l = 1; l < k; ++l) {
    for (int j = 1; j < k; ++j) {
      for (int i = 1; i < k; ++i) points.push_back({i, j, l});
    }
  }
  return points;
}

std::vector<Index> simplex_points(CellType type, int k) {
  if (k > 3) {
    throw base::Error(base::ExitCode::internal, "VTK order of simplices is known up to order 3");
  }
  const std::array<Index, 4> corner{{{0, 0, 0}, {k, 0, 0}, {0, k, 0}, {0, 0, k}}};
  const auto middle = [&](std::size_t a, std::size_t b, std::size_t c) {
    Index point;
    for (std::size_t d = 0; d < 3; ++d) point[d] = (corner[a][d] + corner[b][d] + corner[c][d]) / 3;
    return point;
  };
  std::vector<Index> points;
  const bool tet = type == CellType::tet;
  for (std::size_t v = 0; v < (tet ? 4U : 3U); ++v) points.push_back(corner[v]);
  add_edge(points, corner[0], corner[1], k);
  add_edge(points, corner[1], corner[2], k);
  add_edge(points, corner[2], corner[0], k);
  if (tet) {
    for (std::size_t v : {0U, 1U, 2U}) add_edge(points, corner[v], corner[3], k);
  }
  if (k == 3) {
    if (tet) {
      points.push_back(middle(0, 1, 3));
      points.push_back(middle(1, 2, 3));
      points.push_back(middle(2, 0, 3));
      points.push_back(middle(0, 2, 1));
    } else {
      points.push_back(middle(0, 1, 2));
    }
  }
  return points;
}

}  // namespace

std::vector<int> vtk_order(CellType type, int order) {
  std::map<Index, int> position;
  const std::vector<Index> ours = mesh::lattice_indices(type, order);
  for (std::size_t i = 0; i < ours.size(); ++i) position[ours[i]] = static_cast<int>(i);
  const std::vector<Index> theirs =
      mesh::is_simplex(type) ? simplex_points(type, order) : tensor_points(type, order);
  std::vector<int> result;
  result.reserve(theirs.size());
  for (const Index& point : theirs) result.push_back(position.at(point));
  RITZ_EXPECT(result.size() == ours.size(), "VTK and Ritz disagree on the points of a cell");
  return result;
}

}  // namespace ritz::store
