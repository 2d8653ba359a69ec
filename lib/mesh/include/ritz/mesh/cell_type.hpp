#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace ritz::mesh {

/// Reference cells. Lines, quads and hexes are [0,1]^d with vertices in tensor order (vertex number
/// x + 2y + 4z); triangles and tets are the unit simplices with vertices 0, e_x, e_y(, e_z).
enum class CellType : std::uint8_t { point, line, tri, quad, tet, hex };

/// Numbering of a reference cell's entities, all as vertex numbers. Facets are the entities of
/// dimension d-1. Edges of 2-D cells are listed in facet order.
///
/// quad: facets x=0, x=1, y=0, y=1       hex: facets x=0, x=1, y=0, y=1, z=0, z=1, each in tensor
/// tri, tet: facet i is opposite vertex i     order of its own two coordinates
/// hex edges: four along x, four along y, four along z, each four in tensor order
/// tet edges: (0,1) (0,2) (0,3) (1,2) (1,3) (2,3)
struct CellTable {
  std::string_view name;
  int dimension;
  int n_vertices;
  int n_edges;  ///< entities of dimension 1 (a line has one: itself)
  int n_faces;  ///< entities of dimension 2 (a quad has one: itself)
  int n_facets;
  CellType facet_type;
  std::array<std::array<std::int8_t, 2>, 12> edges;
  std::array<std::array<std::int8_t, 4>, 6> faces;   ///< -1 pads triangles
  std::array<std::array<std::int8_t, 4>, 6> facets;  ///< -1 pads
  std::array<std::array<double, 3>, 8> vertices;     ///< reference coordinates
};

[[nodiscard]] const CellTable& table(CellType type);

/// The cell type with this name ("hex"); throws Error(internal) for another word.
[[nodiscard]] CellType cell_type(std::string_view name);

[[nodiscard]] constexpr bool is_simplex(CellType type) {
  return type == CellType::tri || type == CellType::tet;
}
[[nodiscard]] constexpr bool is_tensor(CellType type) {
  return type == CellType::line || type == CellType::quad || type == CellType::hex;
}

/// Number of points of the order-k lattice on the closed cell: the nodes of Lagrange degree k.
[[nodiscard]] int n_lattice_points(CellType type, int order);

/// Number of lattice points strictly inside an entity of this type.
[[nodiscard]] int n_interior_points(CellType type, int order);

}  // namespace ritz::mesh
