#include "gmsh_types.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/mesh/lattice.hpp"

namespace ritz::mesh::gmsh {

namespace {

constexpr CellType other = CellType::point;  // prisms and pyramids

// Gmsh reference manual 4.8, section "MSH file format", and its source's list of type numbers.
constexpr std::array<ElementType, 46> types{{
    {1, "line2", 1, 2, 2, 1, true, CellType::line},
    {2, "tri3", 2, 3, 3, 1, true, CellType::tri},
    {3, "quad4", 2, 4, 4, 1, true, CellType::quad},
    {4, "tet4", 3, 4, 4, 1, true, CellType::tet},
    {5, "hex8", 3, 8, 8, 1, true, CellType::hex},
    {6, "prism6", 3, 6, 6, 1, true, other},
    {7, "pyramid5", 3, 5, 5, 1, true, other},
    {8, "line3", 1, 3, 2, 2, true, CellType::line},
    {9, "tri6", 2, 6, 3, 2, true, CellType::tri},
    {10, "quad9", 2, 9, 4, 2, true, CellType::quad},
    {11, "tet10", 3, 10, 4, 2, true, CellType::tet},
    {12, "hex27", 3, 27, 8, 2, true, CellType::hex},
    {13, "prism18", 3, 18, 6, 2, true, other},
    {14, "pyramid14", 3, 14, 5, 2, true, other},
    {15, "point", 0, 1, 1, 1, true, CellType::point},
    {16, "quad8", 2, 8, 4, 2, false, CellType::quad},
    {17, "hex20", 3, 20, 8, 2, false, CellType::hex},
    {18, "prism15", 3, 15, 6, 2, false, other},
    {19, "pyramid13", 3, 13, 5, 2, false, other},
    {20, "tri9", 2, 9, 3, 3, false, CellType::tri},
    {21, "tri10", 2, 10, 3, 3, true, CellType::tri},
    {22, "tri12", 2, 12, 3, 4, false, CellType::tri},
    {23, "tri15", 2, 15, 3, 4, true, CellType::tri},
    {24, "tri15i", 2, 15, 3, 5, false, CellType::tri},
    {25, "tri21", 2, 21, 3, 5, true, CellType::tri},
    {26, "line4", 1, 4, 2, 3, true, CellType::line},
    {27, "line5", 1, 5, 2, 4, true, CellType::line},
    {28, "line6", 1, 6, 2, 5, true, CellType::line},
    {29, "tet20", 3, 20, 4, 3, true, CellType::tet},
    {30, "tet35", 3, 35, 4, 4, true, CellType::tet},
    {31, "tet56", 3, 56, 4, 5, true, CellType::tet},
    {32, "tet22", 3, 22, 4, 4, false, CellType::tet},
    {33, "tet28", 3, 28, 4, 5, false, CellType::tet},
    {36, "quad16", 2, 16, 4, 3, true, CellType::quad},
    {37, "quad25", 2, 25, 4, 4, true, CellType::quad},
    {38, "quad36", 2, 36, 4, 5, true, CellType::quad},
    {39, "quad12", 2, 12, 4, 3, false, CellType::quad},
    {40, "quad16i", 2, 16, 4, 4, false, CellType::quad},
    {41, "quad20", 2, 20, 4, 5, false, CellType::quad},
    {90, "prism40", 3, 40, 6, 3, true, other},
    {91, "prism75", 3, 75, 6, 4, true, other},
    {92, "hex64", 3, 64, 8, 3, true, CellType::hex},
    {93, "hex125", 3, 125, 8, 4, true, CellType::hex},
    {94, "hex216", 3, 216, 8, 5, true, CellType::hex},
    {99, "hex32", 3, 32, 8, 3, false, CellType::hex},
    {100, "hex44", 3, 44, 8, 4, false, CellType::hex},
}};

using Index = std::array<int, 3>;

/// Lattice points of order 2 (0, 1 or 2 along each axis) in the order of Gmsh's nodes; the corners
/// come first, in the order of the first-order type.
std::vector<Index> gmsh_points(CellType shape) {
  std::vector<Index> points;
  std::vector<std::array<int, 2>> edges;
  switch (shape) {
    case CellType::line:
      points = {{0, 0, 0}, {2, 0, 0}};
      edges = {{0, 1}};
      break;
    case CellType::tri:
      points = {{0, 0, 0}, {2, 0, 0}, {0, 2, 0}};
      edges = {{0, 1}, {1, 2}, {2, 0}};
      break;
    case CellType::quad:
      points = {{0, 0, 0}, {2, 0, 0}, {2, 2, 0}, {0, 2, 0}};
      edges = {{0, 1}, {1, 2}, {2, 3}, {3, 0}};
      break;
    case CellType::tet:
      points = {{0, 0, 0}, {2, 0, 0}, {0, 2, 0}, {0, 0, 2}};
      edges = {{0, 1}, {1, 2}, {2, 0}, {3, 0}, {2, 3}, {1, 3}};
      break;
    case CellType::hex:
      points = {{0, 0, 0}, {2, 0, 0}, {2, 2, 0}, {0, 2, 0},
                {0, 0, 2}, {2, 0, 2}, {2, 2, 2}, {0, 2, 2}};
      edges = {{0, 1}, {0, 3}, {0, 4}, {1, 2}, {1, 5}, {2, 3},
               {2, 6}, {3, 7}, {4, 5}, {4, 7}, {5, 6}, {6, 7}};
      break;
    case CellType::point:
      points = {{0, 0, 0}};
      break;
  }
  for (const auto& [a, b] : edges) {
    const Index p = points[static_cast<std::size_t>(a)], q = points[static_cast<std::size_t>(b)];
    points.push_back({(p[0] + q[0]) / 2, (p[1] + q[1]) / 2, (p[2] + q[2]) / 2});
  }
  if (shape == CellType::quad) points.push_back({1, 1, 0});
  if (shape == CellType::hex) {
    for (const Index& face : {Index{1, 1, 0}, Index{1, 0, 1}, Index{0, 1, 1}, Index{2, 1, 1},
                              Index{1, 2, 1}, Index{1, 1, 2}, Index{1, 1, 1}}) {
      points.push_back(face);
    }
  }
  return points;
}

/// Position in `list` of each of `wanted`.
std::vector<int> positions(const std::vector<Index>& wanted, const std::vector<Index>& list) {
  std::map<Index, int> position;
  for (std::size_t i = 0; i < list.size(); ++i) position[list[i]] = static_cast<int>(i);
  std::vector<int> result;
  for (const Index& index : wanted) {
    const auto found = position.find(index);
    if (found == position.end()) {
      throw base::Error(base::ExitCode::internal, "node tables of Gmsh and Ritz differ");
    }
    result.push_back(found->second);
  }
  return result;
}

}  // namespace

bool ElementType::usable() const {
  return complete && order <= 2 && (shape != CellType::point || dimension == 0);
}

const ElementType* element_type(std::int64_t number) {
  const auto* found =
      std::lower_bound(types.begin(), types.end(), number,
                       [](const ElementType& type, std::int64_t n) { return type.number < n; });
  return found != types.end() && found->number == number ? &*found : nullptr;
}

std::string refusal(const ElementType& type) {
  if (type.shape == CellType::point) {
    return fmt::format(
        "{} cells are not supported (cells must be all tet or all hex): in Gmsh drop `Layers`/"
        "`Recombine` for tets, or set Mesh.SubdivisionAlgorithm = 2 for hexes",
        type.name);
  }
  if (type.order > 2) {
    return fmt::format(
        "{} cells have order {}; orders 1 and 2 are supported: set Mesh.ElementOrder = 2 in Gmsh",
        type.name, type.order);
  }
  return fmt::format(
      "{} cells are serendipity (incomplete second order) elements: set "
      "Mesh.SecondOrderIncomplete = 0 in Gmsh and write the mesh again",
      type.name);
}

std::vector<int> node_order(const ElementType& type) {
  std::vector<Index> ours = lattice_indices(type.shape, type.order);
  for (Index& index : ours) {
    for (int& i : index) i *= 2 / type.order;
  }
  return positions(ours, gmsh_points(type.shape));
}

std::vector<int> mirrored_nodes(CellType type, int order) {
  const std::vector<Index> ours = lattice_indices(type, order);
  std::vector<Index> mirrored = ours;
  for (Index& index : mirrored) {
    if (type == CellType::line) {
      index[0] = order - index[0];
    } else {
      std::swap(index[0], index[1]);
    }
  }
  return positions(mirrored, ours);
}

}  // namespace ritz::mesh::gmsh
