#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/comm/exchange_plan.hpp"
#include "ritz/mesh/cell_type.hpp"

namespace ritz::mesh {

/// A facet of a local cell that belongs to a named set.
struct FacetInSet {
  LocalId cell;
  std::int16_t facet;  ///< local facet number in the cell
  std::int16_t set;    ///< index into Mesh::set_names
  friend auto operator<=>(const FacetInSet&, const FacetInSet&) = default;
};

/// Two facets on the domain's boundary that are one: every point of the first, moved by a constant
/// vector, lies on the second. See mesh/periodic.hpp.
struct FacetPair {
  std::array<LocalId, 2> cell;
  std::array<std::int8_t, 2> facet;  ///< local facet number in the cell
  std::int16_t translation;          ///< index into Mesh::translations
  /// [i]: place among the second facet's vertices of what vertex i of the first falls on.
  std::array<std::int8_t, 4> vertex;
  friend auto operator<=>(const FacetPair&, const FacetPair&) = default;
};

/// One rank's part of a mesh of one cell type, in 1, 2 or 3 dimensions (cells have the dimension of
/// the space).
///
/// Cells: the owned ones first, then (after `distribute()`) one layer of ghosts: every cell of
/// another rank that shares a vertex with an owned cell. Owned cells are in Morton order of their
/// centroids; ghosts by owner, then by global id.
///
/// Periodic meshes (mesh/periodic.hpp) keep their nodes apart: `facet_pairs` says which facets are
/// one. Cells of another rank that touch an owned cell through such a pair are ghosts too, and the
/// facets of pairs are not exterior.
///
/// Nodes: vertices first, then the other geometry nodes (order 2 only). Every node of a local cell
/// is local. Global ids do not depend on the number of ranks: vertices have 0..n_vertices_global-1,
/// the other nodes n_vertices_global..n_nodes_global-1, cells 0..n_cells_global-1.
///
/// Orientation: the Jacobian of the map from the reference cell is positive in every owned cell
/// (checked by `check_geometry()`).
struct Mesh {
  explicit Mesh(comm::Communicator comm) : communicator(comm), cell_plan(comm, {}) {}

  comm::Communicator communicator;
  CellType cell_type = CellType::hex;
  int geometry_order = 1;  ///< 1 or 2: degree of the map from the reference cell

  LocalId n_cells_owned = 0;
  GlobalId n_cells_global = 0;
  std::vector<GlobalId> cell_gid;   ///< [n_cells]
  std::vector<int> ghost_owner;     ///< [n_cells - n_cells_owned]
  std::vector<LocalId> cell_nodes;  ///< [n_cells][nodes_per_cell()], entity order (see Lattice)
  std::vector<std::int16_t> cell_region;  ///< [n_cells], index into region_names
  std::vector<std::uint8_t> exterior;  ///< [n_cells], bit f: facet f lies on the domain's boundary

  LocalId n_vertices = 0;
  GlobalId n_vertices_global = 0;
  GlobalId n_nodes_global = 0;
  std::vector<GlobalId> node_gid;        ///< [n_nodes]
  std::vector<double> node_coordinates;  ///< [n_nodes][dimension()]

  std::vector<std::string> region_names;  ///< the same on every rank
  std::vector<std::string> set_names;     ///< the same on every rank
  std::vector<FacetInSet> facet_sets;     ///< owned and ghost cells; sorted, unique

  std::vector<std::array<double, 3>> translations;  ///< the same on every rank; empty: not periodic
  std::vector<FacetPair> facet_pairs;               ///< pairs of which both cells are local; sorted

  comm::ExchangePlan cell_plan;  ///< owned cells to ghost cells; empty before distribute()
  bool has_ghosts = false;

  [[nodiscard]] bool is_periodic() const { return !translations.empty(); }
  [[nodiscard]] int dimension() const { return table(cell_type).dimension; }
  [[nodiscard]] int nodes_per_cell() const { return n_lattice_points(cell_type, geometry_order); }
  [[nodiscard]] LocalId n_cells() const { return static_cast<LocalId>(cell_gid.size()); }
  [[nodiscard]] LocalId n_nodes() const { return static_cast<LocalId>(node_gid.size()); }
};

/// Moves each owned cell to the rank `part[cell]` (size n_cells_owned), sorts, and adds the ghost
/// layer, the `exterior` flags (found by matching facets unless `exterior_known`) and `cell_plan`.
/// Any ghosts that `mesh` has are dropped first. Collective. Works with empty ranks.
/// Throws Error(mesh) if a facet is shared by more than two cells, Error(internal) on a periodic
/// mesh.
[[nodiscard]] Mesh distribute(const Mesh& mesh, const std::vector<int>& part, bool exterior_known);

/// Each cell split into 2^d, `levels` times, without moving cells between ranks; the same mesh for
/// every number of ranks. Regions, sets, exterior flags and geometry order are inherited; new nodes
/// lie on the parent's isoparametric map. Collective; `mesh` must have ghosts, the result has.
/// Throws Error(internal) on a periodic mesh: facets are joined last.
[[nodiscard]] Mesh refine(const Mesh& mesh, int levels);

/// Throws Error(mesh) naming the number of cells, the worst one's global id and centroid, if a
/// Jacobian determinant is not positive at the vertices and quadrature points. Collective.
void check_geometry(const Mesh& mesh);

/// Centroids of the owned cells: [n_cells_owned][dimension]. Local.
[[nodiscard]] std::vector<double> centroids(const Mesh& mesh);

}  // namespace ritz::mesh
