#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ritz/mesh/hierarchy.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// Two named sets of facets that are to be one: `to` is `from` moved by the translation.
struct PeriodicSets {
  std::int16_t from = -1;  ///< index into Mesh::set_names
  std::int16_t to = -1;
  /// Found from the sets' bounding boxes if not given.
  std::optional<std::array<double, 3>> translation;
  double tolerance = 1e-5;  ///< relative to the size of cells, see join_facets()
};

/// What became of two sets.
struct JoinedSets {
  std::array<double, 3> translation{};
  GlobalId n_facets = 0;  ///< pairs of facets, on all ranks
  double distance = 0;    ///< the largest between nodes that fall on each other, after the move
  std::string problem;    ///< why they cannot be joined, with the place; empty if they are
};

/// Joins the facets of each pair of sets on every mesh of the hierarchy: fills `translations` and
/// `facet_pairs`, clears the facets' `exterior` bits and deals the ghosts out again, so that a
/// rank has the cells that touch its own through the boundary, also through several pairs one after
/// the other (the edges and corners of a torus). Owned cells stay in place and in order; ids stay.
///
/// Nodes fall on each other if they are closer than the pair's tolerance times the size of the
/// facet's cell (its largest vertex distance from the centroid); facets may be numbered and turned
/// at will. The nodes of curved facets are compared too. Facets must be in one pair, and on the
/// boundary.
///
/// Call it once, when the sets of all meshes are known (inherit_sets()). If any result has a
/// problem, the meshes must not be used. Collective; the results are the same on every rank.
[[nodiscard]] std::vector<JoinedSets> join_facets(Hierarchy& hierarchy,
                                                  std::span<const PeriodicSets> sets);

/// For a pair of facets of a cell type: points of the order-k lattice that fall on each other,
/// (point of the first cell, point of the second), as positions in entity order (mesh/lattice.hpp).
/// Local; the result is kept for each kind of pair, so repeated calls are quick.
class FacetMatcher {
 public:
  FacetMatcher(CellType type, int order);
  using Points = std::vector<std::array<int, 2>>;
  [[nodiscard]] const Points& points(const FacetPair& pair);

 private:
  /// [facet]: the points on it with the weights of the facet's vertices, in units of 1/order^d.
  std::vector<std::vector<std::pair<std::array<int, 4>, int>>> on_facet_;
  std::vector<std::pair<std::array<std::int8_t, 6>, Points>> known_;
};

}  // namespace ritz::mesh
