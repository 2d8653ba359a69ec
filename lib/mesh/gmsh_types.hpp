#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ritz/mesh/cell_type.hpp"

namespace ritz::mesh::gmsh {

/// What is known of one of Gmsh's element types (its reference manual, "MSH file format").
struct ElementType {
  int number;             ///< Gmsh's number of the type
  std::string_view name;  ///< as the manual names it, with the number of nodes: "tet10"
  int dimension;
  int n_nodes;
  int n_corners;
  int order;
  bool complete;   ///< has every node of its order
  CellType shape;  ///< point stands for prism and pyramid, too

  /// Whether Ritz can use it for cells.
  [[nodiscard]] bool usable() const;
};

/// The type with this number, or nullptr when it is unknown.
[[nodiscard]] const ElementType* element_type(std::int64_t number);

/// Why a type that is not usable is refused, and what to do instead.
[[nodiscard]] std::string refusal(const ElementType& type);

/// For a usable type: order[i] is Gmsh's position of our node i (entity order, lattice.hpp).
[[nodiscard]] std::vector<int> node_order(const ElementType& type);

/// Our positions (entity order) of a cell's nodes after its first two axes change places (the axis
/// of a line turns round): the renumbering that changes the sign of the Jacobian.
[[nodiscard]] std::vector<int> mirrored_nodes(CellType type, int order);

}  // namespace ritz::mesh::gmsh
