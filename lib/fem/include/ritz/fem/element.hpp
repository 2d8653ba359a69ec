#pragma once

#include <array>
#include <span>
#include <vector>

#include "ritz/mesh/cell_type.hpp"

namespace ritz::fem {

/// Quadrature on a reference cell.
struct Quadrature {
  std::vector<std::array<double, 3>> points;
  std::vector<double> weights;  ///< sum = volume of the reference cell
};

/// Exact for polynomials of this total degree (simplices) or degree in each variable (tensor cells;
/// Gauss-Legendre with ceil((degree+1)/2) points a direction). Throws Error(internal) beyond the
/// tables: degree > 40 for tensor cells, > 20 for simplices.
[[nodiscard]] Quadrature quadrature(mesh::CellType type, int degree);

/// Gauss-Legendre points and weights on [0,1], n >= 1, by Newton on the Legendre recurrence.
void gauss_legendre(int n, std::vector<double>& points, std::vector<double>& weights);
/// Gauss-Lobatto-Legendre points on [0,1], n >= 2.
[[nodiscard]] std::vector<double> gauss_lobatto(int n);

/// Lagrange element of degree k: nodes at the Gauss-Lobatto points on lines, quads, hexes (k
/// = 1..8) and equispaced on triangles and tets (k = 1..3 for spaces; order-4 lattices are allowed
/// for geometry). Nodes are in entity order (mesh/lattice.hpp). A point has one node and no
/// gradient.
class Element {
 public:
  /// `equispaced`: nodes on the equispaced lattice whatever the cell (geometry, output).
  /// Throws Error(deck) for a degree below 1, above 8, or above 4 on triangles and tets.
  Element(mesh::CellType type, int degree, bool equispaced = false);

  [[nodiscard]] mesh::CellType cell_type() const { return type_; }
  [[nodiscard]] int degree() const { return degree_; }
  [[nodiscard]] int n_nodes() const { return static_cast<int>(nodes_.size()); }
  [[nodiscard]] const std::vector<std::array<double, 3>>& nodes() const { return nodes_; }

  /// Values at a reference point: out[n_nodes].
  void values(const std::array<double, 3>& point, std::span<double> out) const;
  /// Reference gradients: out[n_nodes][dimension].
  void gradients(const std::array<double, 3>& point, std::span<double> out) const;
  /// Reference second derivatives: out[n_nodes][dimension (dimension + 1) / 2], the upper triangle
  /// row by row (xx, xy, xz, yy, yz, zz).
  void second_derivatives(const std::array<double, 3>& point, std::span<double> out) const;

  /// Nodes on the closed facet f, as node numbers, in the facet element's own entity order.
  [[nodiscard]] const std::vector<int>& facet_nodes(int facet) const {
    return facet_nodes_[static_cast<std::size_t>(facet)];
  }
  /// The element of a facet: this element's trace. Not the same as Element(facet type, degree) on
  /// triangles, whose edges carry equispaced nodes.
  [[nodiscard]] Element facet_element() const;
  /// 1-D node positions: of the lattice coordinates 0..degree in each direction.
  [[nodiscard]] const std::vector<double>& nodes_1d() const { return nodes_1d_; }

 private:
  mesh::CellType type_;
  int degree_;
  bool equispaced_;
  std::vector<double> nodes_1d_;
  std::vector<std::array<int, 3>> lattice_;  // [n_nodes], place of each node in nodes_1d_
  std::vector<std::array<double, 3>> nodes_;
  std::vector<std::vector<int>> facet_nodes_;
};

/// Reference point of the cell for a point of facet f's own reference coordinates (facet vertices
/// in the order of CellTable::facets).
[[nodiscard]] std::array<double, 3> facet_to_cell(mesh::CellType type, int facet,
                                                  const std::array<double, 3>& point);

}  // namespace ritz::fem
