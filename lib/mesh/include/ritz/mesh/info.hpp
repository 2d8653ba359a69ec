#pragma once

#include <array>
#include <string>
#include <vector>

#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// A distributed mesh in numbers, for `ritz mesh info` and for checks of names. The same on every
/// rank. Lengths are in the mesh's unit L. The measure of a d-dimensional entity is in L^d: a
/// volume in 3-D is L^3, an area L^2; a point (the facet of a line) has measure 1.
struct MeshInfo {
  struct Region {
    std::string name;
    GlobalId n_cells = 0;
    double volume = 0.0;
  };
  struct Set {
    std::string name;
    GlobalId n_exterior = 0;  ///< facets on the domain's boundary
    GlobalId n_interior = 0;  ///< facets between two cells, each counted once
    double area = 0.0;        ///< of both
  };

  int dimension = 0;
  CellType cell_type = CellType::point;
  int geometry_order = 1;
  GlobalId n_cells = 0, n_vertices = 0, n_nodes = 0;
  std::array<double, 3> lower{}, upper{};  ///< bounding box of the nodes
  double volume = 0.0;
  std::vector<Region> regions;  ///< as in Mesh::region_names
  std::vector<Set> sets;        ///< as in Mesh::set_names
  GlobalId n_exterior = 0;      ///< facets on the boundary
  double exterior_area = 0.0;
  GlobalId n_unnamed = 0;  ///< facets on the boundary that are in no set
  double unnamed_area = 0.0;

  /// Mean-ratio shape quality of the cells: 1 for the regular simplex and the square or cube, 0 for
  /// a collapsed one, negative when inverted; the worst over a cell's points. Stretched cells,
  /// wanted or not, have a low one.
  double least_quality = 1.0, mean_quality = 1.0, greatest_quality = 1.0;
  GlobalId worst_cell = 0;                 ///< global id of a cell with the least quality
  std::array<double, 3> worst_centroid{};  ///< mean of its vertices
  GlobalId n_poor = 0;                     ///< cells with quality below 0.1
  GlobalId n_bad = 0;  ///< of these, with a Jacobian determinant that is not positive somewhere
};

/// Collective. `mesh` comes from distribute() (its exterior flags must be known).
/// Volumes and areas are integrals over the isoparametric cells and facets: exact for volumes, by a
/// Gauss rule of 4 points a direction for curved areas.
[[nodiscard]] MeshInfo summarise(const Mesh& mesh);

/// Some lines for a terminal, the last one ending with a newline. Local.
[[nodiscard]] std::string text(const MeshInfo& info);

}  // namespace ritz::mesh
