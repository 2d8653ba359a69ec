#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/exchange_plan.hpp"
#include "ritz/fem/element.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::fem {

/// What a space makes of a mesh's pairs of facets (mesh::FacetPair): the points that fall on each
/// other are one unknown, or each is its own (what a file of points needs).
enum class Pairs { joined, apart };

/// Continuous Lagrange space of one scalar unknown: who owns which degrees of freedom and how cells
/// refer to them.
///
/// Local dofs: owned ones 0..n_owned-1 in the order in which the owned cells first touch them, then
/// ghosts by owner rank and solver id. `solver id` = first + local index: contiguous on each rank,
/// what matrices use. `dof_gid`: persistent id that does not depend on the number of ranks (the
/// lattice's), what files use: 0..n_global-1. Of points that are joined the lowest id counts, and
/// the ids above move down.
/// A dof is owned by the lowest rank that owns a cell touching it.
struct Space {
  /// Collective. Throws Error(internal) if the mesh lacks its ghosts, Error(deck) on a degree that
  /// the cells do not have. Degree 1 takes the mesh's vertices and sorts nothing.
  Space(const mesh::Mesh& mesh, int degree, Pairs pairs = Pairs::joined);

  Element element;
  comm::Communicator communicator;
  LocalId n_owned = 0;
  LocalId n_ghosts = 0;
  GlobalId n_global = 0;
  GlobalId first = 0;                     ///< solver id of local dof 0
  std::vector<LocalId> cell_dofs;         ///< [n_cells (owned and ghost)][element.n_nodes()]
  std::vector<GlobalId> dof_gid;          ///< [n_owned + n_ghosts]
  std::vector<GlobalId> ghost_solver_id;  ///< [n_ghosts]
  std::vector<int> ghost_owner;           ///< [n_ghosts]
  comm::ExchangePlan plan;                ///< owned dofs to ghost dofs
  /// [n_local][3] where joined points are several: the place of the one with the lowest id, the
  /// same on every rank. Empty if nothing is joined.
  std::vector<double> places;

  [[nodiscard]] LocalId n_local() const { return n_owned + n_ghosts; }
  [[nodiscard]] std::span<const LocalId> dofs(LocalId cell) const {
    const auto n = static_cast<std::size_t>(element.n_nodes());
    return {cell_dofs.data() + static_cast<std::size_t>(cell) * n, n};
  }
};

/// Physical coordinates of all local dofs' nodes on the geometry map: [n_local][3], unused
/// components 0; of joined points that of the lowest id. Local; owner and ghosts agree to
/// round-off.
[[nodiscard]] std::vector<double> node_coordinates(const mesh::Mesh& mesh, const Space& space);

/// A point in an owned cell: the cell and the reference coordinates.
struct FoundPoint {
  LocalId cell = -1;
  std::array<double, 3> reference{};
};

/// For each point (the same list on every rank; unused components ignored), the cell with the
/// lowest global id of all cells that contain it, on the rank that owns that cell; `cell` stays -1
/// on the others. So a point on a shared face has the same cell for every number of ranks. Points
/// outside every cell (or not finite): -1 on all ranks.
///
/// A cell contains a point if its reference coordinates lie in the reference cell widened by 1e-9
/// plus what the round-off of the coordinates amounts to. Newton on the geometry map inside
/// bounding-box candidates. Collective.
[[nodiscard]] std::vector<FoundPoint> find_points(const mesh::Mesh& mesh,
                                                  std::span<const std::array<double, 3>> points);

/// Value (and gradient, optional, [dimension]) of the finite element function at a reference point.
/// `values`: [n_local] with ghosts up to date. Local.
double evaluate(const mesh::Mesh& mesh, const Space& space, std::span<const double> values,
                LocalId cell, const std::array<double, 3>& reference,
                std::span<double> gradient = {});

/// Dofs whose value is prescribed.
struct Constraints {
  std::vector<std::uint8_t> is_fixed;  ///< [n_local]
  std::vector<double> value;           ///< [n_local], 0 where free
};

struct Norms {
  double l2 = 0;             ///< ||u_h - u||_{L2}
  double h1_semi = 0;        ///< ||grad(u_h - u)||_{L2}; NaN if no exact gradient was given
  double exact_l2 = 0;       ///< ||u||_{L2}, for relative errors
  double exact_h1_semi = 0;  ///< ||grad u||_{L2}; NaN if no exact gradient was given
  double max_nodal = 0;      ///< max |u_h - u| over the dofs' nodes; NaN if one of them is
};

/// Scalar function of a batch of points: points [n][3], out [n].
using PointFunction = std::function<void(std::span<const double> points, std::span<double> out)>;

/// Errors against an exact solution, by quadrature of degree 2k+4. `values`: [n_local] with ghosts
/// up to date. `gradient`: one function for each direction, or empty. The functions must not
/// communicate; what they throw is thrown on every rank. Collective; the sums do not depend on the
/// partition beyond round-off (they are compensated, so hardly at all).
[[nodiscard]] Norms error_norms(const mesh::Mesh& mesh, const Space& space,
                                std::span<const double> values, const PointFunction& exact,
                                std::span<const PointFunction> gradient = {});

}  // namespace ritz::fem
