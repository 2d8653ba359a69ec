#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ritz/assembly/assembler.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/la/csr.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::assembly {

/// One owned row that a tile's cell adds to, in a word: the row in the tile (bits 0..15), the
/// cell's node (bits 16..30), and whether any of the cell's dofs is prescribed (bit 31).
using Entry = std::uint32_t;
inline constexpr int max_tile_shift = 16;
KOKKOS_FORCEINLINE_FUNCTION int entry_row(Entry e) {
  return static_cast<int>(e & 0xffffU);
}
KOKKOS_FORCEINLINE_FUNCTION int entry_node(Entry e) {
  return static_cast<int>((e >> 16U) & 0x7fffU);
}
KOKKOS_FORCEINLINE_FUNCTION bool entry_touches_fixed(Entry e) {
  return (e >> 31U) != 0;
}

/// Marks a column that is prescribed: it is in no row, its value goes to the right-hand side.
template <class Slot>
inline constexpr Slot no_slot = static_cast<Slot>(-1);

/// Rows cut into tiles of 2^shift consecutive ones, and how each tile's cells add to them.
///
///   tile t -> cells[cell_offsets(t) .. cell_offsets(t+1))          sorted by global cell id
///   cell c of tile t -> entries [entry_ends(c-1), entry_ends(c))   relative to entry_offsets(t)
///   entry e -> slots[e*n_nodes + j]: place of the cell's column j in the entry's row
struct TileMap {
  LocalId n_rows = 0;
  int shift = 0;
  int n_tiles = 0;
  int n_nodes = 0;
  device::View<std::size_t*> cell_offsets;  ///< [n_tiles + 1]
  device::View<LocalId*> cells;
  device::View<std::size_t*> entry_offsets;  ///< [n_tiles + 1]
  device::View<std::uint32_t*> entry_ends;   ///< [cells.extent(0)]
  device::View<Entry*> entries;              ///< ascending node in each cell
  device::View<std::uint8_t*> slots8;        ///< one of the two, by the longest row
  device::View<std::uint16_t*> slots16;

  [[nodiscard]] std::size_t bytes() const;
};

/// Shape functions at a set of points of the reference cell, in device memory.
struct ReferenceTable {
  int n_points = 0;  ///< as the quadrature has them
  int n_nodes = 0;   ///< of the element
  int n_nodes_padded = 0;
  int n_geometry_nodes = 0;
  std::vector<std::array<double, 3>> points;  ///< host
  device::View<double*> weights;              ///< [n_points]
  device::View<double*> shapes;               ///< [n_points][dim + 1][n_nodes_padded]
  device::View<double*> geometry_gradients;   ///< [n_points][n_geometry_nodes][dim]
  device::View<double*> geometry_values;      ///< [n_points][n_geometry_nodes]
  // Where asked for; pairs of directions are the upper triangle, row by row.
  device::View<double*> seconds;           ///< [n_points][pairs][n_nodes_padded]
  device::View<double*> geometry_seconds;  ///< [n_points][n_geometry_nodes][pairs]
};

/// Sum factorisation: 1-D tables, and the geometry with the points in lanes.
struct TensorTable {
  int n_points_1d = 0;
  int n_points = 0;
  int n_points_padded = 0;  ///< whole packs; the padding repeats the last point with weight 0
  int n_geometry_nodes = 0;
  std::vector<std::array<double, 3>> points;  ///< host, padded
  device::View<double*> weights;              ///< [n_points_padded]
  device::View<double*> values_1d;            ///< [n_points_1d][degree + 1]
  device::View<double*> slopes_1d;            ///< [n_points_1d][degree + 1]
  device::View<double*> geometry_gradients;   ///< [n_geometry_nodes][dim][n_points_padded]
  device::View<double*> geometry_values;      ///< [n_geometry_nodes][n_points_padded]
};

struct Assembler::Plan {
  Plan(const mesh::Mesh& mesh_in, const fem::Space& space_in, const Options& options_in)
      : mesh(mesh_in), space(space_in), options(options_in) {}

  const mesh::Mesh& mesh;
  const fem::Space& space;
  Options options;
  int block = 1;  ///< unknowns a node: an entry of the pattern stands for block^2 numbers
  la::CsrPattern pattern;
  TileMap map;
  device::View<std::uint8_t*> is_fixed;     ///< [n_owned]
  device::View<const LocalId*> cell_dofs;   ///< the space's, or a copy in device memory
  device::View<const LocalId*> cell_nodes;  ///< the mesh's, or a copy
  device::View<const std::int16_t*> cell_region;
  device::View<const double*> coordinates;    ///< [n_nodes][dim]
  std::vector<LocalId> first_cell_of_region;  ///< local cell, -1 where the rank has none

  // Tables by quadrature degree, made when first needed.
  mutable std::vector<std::pair<int, std::shared_ptr<const ReferenceTable>>> reference_tables;
  mutable std::vector<std::pair<int, std::shared_ptr<const TensorTable>>> tensor_tables;
};

/// Pattern and tile map (pattern.cpp). Local.
void build_pattern(Assembler::Plan& plan, const fem::Constraints& fixed);

/// Shape functions at the points of a rule (tables.cpp), with second derivatives if wanted.
[[nodiscard]] ReferenceTable tabulate(const mesh::Mesh& mesh, const fem::Element& element,
                                      const fem::Quadrature& rule, bool second_derivatives = false);

/// Tables for this quadrature degree (tables.cpp); made once.
const ReferenceTable& reference_table(const Assembler::Plan& plan, int degree);
const TensorTable& tensor_table(const Assembler::Plan& plan, int degree);

/// A host array as a device View: the array itself where the device can read it, else a copy.
template <class T>
device::View<const T*> as_device(const char* label, const std::vector<T>& host) {
  if constexpr (Kokkos::SpaceAccessibility<device::MemorySpace, Kokkos::HostSpace>::accessible) {
    return device::View<const T*>(host.data(), host.size());
  } else {
    return device::to_device(label, host.data(), host.size());
  }
}

}  // namespace ritz::assembly
