#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::store {

/// What a result file shows of a mesh: all of it, regions, facets of boundary sets or a cut by a
/// plane. Made once, written many times. Numbers of points and cells do not depend on the number of
/// ranks. `mesh` and `space` must outlive it.
///
/// Points of all but cuts are those of the lattice of order max(degree, geometry order) that the
/// part touches, in the order of their persistent ids; cells in the order of those of the mesh.
class MeshPart {
 public:
  /// Collective. Throws Error(memory) as fem::Space.
  static MeshPart whole(const mesh::Mesh& mesh, const fem::Space& space);
  /// Cells of these regions (indices into region_names). Collective.
  static MeshPart regions(const mesh::Mesh& mesh, const fem::Space& space,
                          std::span<const std::int16_t> regions);
  /// Facets of these sets (indices into set_names), each once; in 2 or 3 dimensions. Collective.
  static MeshPart facets(const mesh::Mesh& mesh, const fem::Space& space,
                         std::span<const std::int16_t> sets);
  /// The cut by the plane through `point` across `normal`, in 3 dimensions as triangles, in 2 as
  /// lines, of order 1. Each cell is split along the lattice's points into simplices and each of
  /// them is cut: the points of the cut lie in the plane to round-off (Newton along the edges of
  /// the simplices, so on curved cells too), and the functions are evaluated there without error;
  /// between them the file is linear, an error of order (h/k)^2, k the order of the lattice. Facets
  /// of the mesh that lie in the plane appear once. Points are not shared between cells.
  /// Collective.
  static MeshPart slice(const mesh::Mesh& mesh, const fem::Space& space,
                        const std::array<double, 3>& point, const std::array<double, 3>& normal);

  [[nodiscard]] GlobalId n_points() const { return n_points_; }  ///< on all ranks
  [[nodiscard]] GlobalId n_cells() const { return n_cells_; }    ///< on all ranks
  [[nodiscard]] mesh::CellType cell_type() const { return cell_type_; }
  [[nodiscard]] int order() const { return order_; }
  [[nodiscard]] const mesh::Mesh& mesh() const { return *mesh_; }
  [[nodiscard]] LocalId n_local() const { return space_->n_local(); }  ///< values of a function

  /// This rank's points: their numbers in the file.
  [[nodiscard]] std::span<const GlobalId> point_ids() const { return point_ids_; }
  /// Coordinates of this rank's points: [points][3]. Local.
  [[nodiscard]] std::vector<double> coordinates() const;
  /// Values of functions, each [space.n_local()] with ghosts up to date: [points][functions].
  /// Local.
  [[nodiscard]] std::vector<double> values(
      std::span<const std::span<const double>> functions) const;
  /// This rank's cells: their numbers in the file, and [cells][2 + points of a cell]: region, rank,
  /// points by their numbers in VTK's order.
  [[nodiscard]] std::span<const GlobalId> cell_ids() const { return cell_ids_; }
  [[nodiscard]] std::span<const GlobalId> cell_rows() const { return cell_rows_; }
  [[nodiscard]] std::size_t points_per_cell() const;

 private:
  MeshPart(const mesh::Mesh& mesh, const fem::Space& space) : mesh_(&mesh), space_(&space) {}
  /// Where a point is evaluated: in an owned cell, at a point of the lattice or at `reference`.
  struct Place {
    LocalId cell = 0;
    int lattice = -1;
    std::array<double, 3> reference{};
  };
  /// Takes the lattice's points of some (cell, positions of its points) of owned and ghost cells;
  /// `keys`: by which the cells are ordered, in [0, n_keys).
  struct Piece {
    LocalId cell;
    std::span<const int> positions;  ///< in VTK's order
    GlobalId key;
  };
  void take(std::span<const Piece> pieces, GlobalId n_keys);
  [[nodiscard]] const std::array<double, 3>& reference(const Place& place) const;

  const mesh::Mesh* mesh_;
  const fem::Space* space_;
  mesh::CellType cell_type_ = mesh::CellType::hex;
  int order_ = 1;
  GlobalId n_points_ = 0, n_cells_ = 0;
  std::vector<std::array<double, 3>> lattice_;  ///< reference points of a cell's lattice
  std::vector<GlobalId> point_ids_;
  std::vector<Place> places_;  ///< of this rank's points
  std::vector<GlobalId> cell_ids_, cell_rows_;
};

}  // namespace ritz::store
