#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ritz/expr/expression.hpp"

namespace ritz::physics {

/// Semi-discrete system for scalar unknowns u_1..u_m on one mesh and degree, in weak form: for
/// every test function v and every i
///   int f0_i v + f1_i . grad v dx + sum over natural boundaries of int g_i v ds = 0.
/// -div(K grad u) = f with K grad u . n = q is f0 = -f, f1 = K grad u, g = -q.
struct SystemForm {
  int dimension = 0;
  std::vector<std::string> unknowns;  ///< m names
  /// f0 and f1 have curvature_variables(): kernels that know none refuse such a system.
  bool has_curvature = false;

  struct Region {
    /// [m], of volume_variables(), then curvature_variables() if has_curvature, then, or not,
    /// metric_variables(): the same everywhere.
    std::vector<expr::Expression> f0;
    std::vector<expr::Expression> f1;  ///< [m * dimension], f1[i * dimension + d]
  };
  std::vector<Region> regions;  ///< one for each mesh::Mesh::region_names entry

  /// value: u_unknown = value(x, y, z, t), an expression of place_variables().
  /// natural: g_unknown, of boundary_variables(): place, outward unit normal and all unknowns.
  struct Boundary {
    enum class Kind : std::uint8_t { value, natural };
    Kind kind = Kind::value;
    std::vector<std::int16_t> sets;  ///< indices into mesh::Mesh::set_names
    int unknown = 0;                 ///< whose value, or whose equation
    expr::Expression value;
  };
  /// In deck order; of two values on a dof the later one wins, natural ones add up.
  std::vector<Boundary> boundaries;

  [[nodiscard]] int n_unknowns() const { return static_cast<int>(unknowns.size()); }
};

/// x, y, z, t.
[[nodiscard]] std::vector<std::string> place_variables();
/// x, y, z, t, then for each unknown: u, dx(u)[, dy(u), dz(u)], dt(u), dtt(u).
[[nodiscard]] std::vector<std::string> volume_variables(const std::vector<std::string>& unknowns,
                                                        int dimension);
/// The second derivatives within a cell, d (d + 1) / 2 of each unknown: dxx(u), dxy(u), ...
[[nodiscard]] std::vector<std::string> curvature_variables(const std::vector<std::string>& unknowns,
                                                           int dimension);
/// The cell's size by direction at a point, d (d + 1) / 2 entries of the upper triangle,
/// "metric(xx)", "metric(xy)", ...: G = 4 J^-T S J^-1 with the Jacobian J of the map from the
/// reference cell (edges of length 1 along the axes), S = 1 on lines, quads and hexes, and on
/// simplices 1 on the diagonal and 1/2 beside it, which makes G independent of the order of the
/// vertices. e . G e = 4 for each edge e of a simplex or parallelepiped; b . G b = (2 |b| / h)^2
/// where the cell has length h along b.
[[nodiscard]] std::vector<std::string> metric_variables(int dimension);
/// x, y, z, t, nx, ny, nz, then each unknown.
[[nodiscard]] std::vector<std::string> boundary_variables(const std::vector<std::string>& unknowns);

/// Variables before those of the unknowns.
inline constexpr int n_place_variables = 4;
inline constexpr int n_boundary_place_variables = 7;
/// An unknown's volume variables: value, gradient, first and second rate.
[[nodiscard]] constexpr int variables_per_unknown(int dimension) {
  return dimension + 3;
}

/// Second derivatives of an unknown: the upper triangle.
[[nodiscard]] constexpr int curvatures_per_unknown(int dimension) {
  return dimension * (dimension + 1) / 2;
}

/// Throws Error(internal) if sizes, numbers or the variables of an expression do not fit together.
void check_system(const SystemForm& form);

/// An entry of a region's Jacobian that is not identically zero: d f / d w.
struct JacobianEntry {
  int test = 0;        ///< i: whose equation
  int test_slot = 0;   ///< 0: f0_i; 1 + d: f1_i[d]
  int trial = 0;       ///< j: by which unknown
  int trial_slot = 0;  ///< 0: u_j; 1 + d: its derivative in direction d; dimension + 1: u'; + 2:
                       ///< u''; dimension + 3 + p: its second derivative p
  expr::Expression value;

  /// By u' or u''.
  [[nodiscard]] bool is_of_rate(int dimension) const {
    return trial_slot == dimension + 1 || trial_slot == dimension + 2;
  }
};
/// By symbolic differentiation; sorted by (test, trial, test_slot, trial_slot).
[[nodiscard]] std::vector<JacobianEntry> jacobian_entries(const SystemForm& form,
                                                          const SystemForm::Region& region);

/// d g / d u_j of a natural boundary, those that are not identically zero (trial = j, slots 0).
[[nodiscard]] std::vector<JacobianEntry> jacobian_entries(const SystemForm& form,
                                                          const SystemForm::Boundary& boundary);

/// What can be seen of a system without evaluating it on a mesh.
struct SystemTraits {
  /// f0, f1 and g are affine in the unknowns, their derivatives and rates.
  bool is_linear = true;
  int time_order = 0;                      ///< highest time derivative that occurs: 0, 1 or 2
  bool jacobian_depends_on_state = false;  ///< on an unknown, a derivative or a rate
  bool jacobian_depends_on_time = false;   ///< on t
  bool jacobian_depends_on_place = false;  ///< on x, y, z (or, on boundaries, on the normal)
  /// The Jacobian is symmetric for every shift, where that is plain from the formulas: false means
  /// not known.
  bool is_symmetric = true;
};
[[nodiscard]] SystemTraits system_traits(const SystemForm& form);

}  // namespace ritz::physics
