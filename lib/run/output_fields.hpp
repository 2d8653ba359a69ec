#pragma once

// Fields made of a solution: stresses and what the deck's [[output.field]] tables ask for; private
// to room run.

#include <optional>
#include <string>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/expr/expression.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/run/outputs.hpp"

namespace ritz::run {

/// Expressions of the place, t, the unknowns and their gradients, one for each region.
struct OutputFields {
  std::vector<std::string> unknowns;  ///< [m]
  /// What is recovered, and von_mises behind the stresses if they are there.
  std::vector<std::string> names;
  int n_stresses = 0;  ///< the first so many names are stresses; von_mises follows them
  /// [regions][names without von_mises], of physics::volume_variables().
  std::vector<std::vector<expr::Expression>> regions;
};

/// What the deck asks for; what is wrong goes to `diagnostics`, at its place, and with it the names
/// in `only` and of probes that belong to no unknown, rate or field. The law of elasticity
/// itself is taken for checked. Local and the same on every rank.
[[nodiscard]] OutputFields make_output_fields(const deck::Problem& problem, int dimension,
                                              const std::vector<std::string>& region_names,
                                              base::Diagnostics& diagnostics);

/// Values at the nodes (ghosts up to date) and at the deck's probes.
struct RecoveredFields {
  std::vector<std::vector<double>> values;  ///< [names][space.n_local()]
  std::vector<std::vector<double>> probes;  ///< [names][probes], on every rank
  std::optional<std::string> not_finite;    ///< name of the first field that is not, somewhere
};

/// Derivatives of finite elements jump between cells and are best inside of them: each cell's
/// values at the Gauss points are fitted by a polynomial of one degree less than the elements'
/// (Hinton and Campbell, Int. J. Numer. Methods Eng. 8, 1974, 461: local least squares; at the
/// Barlow points of quads and hexes this is the extrapolation of their superconvergent values), and
/// a node has the mean of what its cells say, weighted by their volumes: those of one region only,
/// as coefficients, and with them stresses, may jump between regions. Of a node between regions the
/// one with the lowest number in mesh::Mesh::region_names is written; probes take the nodes' values
/// of the region of the cell that they lie in. von_mises is of the recovered stresses. Cells are
/// summed in the order of their global ids, so that no rank count shows in the sums.
///
/// @param fields values of the unknowns at all local nodes: [m][space.n_local()]
/// Collective.
[[nodiscard]] RecoveredFields recover_fields(const mesh::Mesh& mesh, const fem::Space& space,
                                             const OutputFields& wanted,
                                             const std::vector<std::vector<double>>& fields,
                                             const deck::Problem& problem, double time);

/// Extremes and probes of each field, as those of unknowns. Collective.
[[nodiscard]] std::vector<NamedResults> results_of(const mesh::Mesh& mesh, const fem::Space& space,
                                                   const OutputFields& wanted,
                                                   const RecoveredFields& recovered,
                                                   const deck::Problem& problem);

}  // namespace ritz::run
