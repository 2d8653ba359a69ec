#pragma once

#include <string>

#include "ritz/base/ids.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "ritz/solve/solve.hpp"

namespace ritz::run {

/// What a run will need, from counts alone. Unknowns and entries are exact for box meshes and for
/// meshes in one piece without holes whose file names every outer facet and nothing else; each
/// hole changes them by a few, an outer facet that is not in the file by about one. The bytes are
/// estimates: on 6,000,000 P1 tets and 2 ranks the forecast is 778 MiB a rank and the measured peak
/// 737 MiB.
struct Forecast {
  double n_cells = 0;  ///< after refinement
  double n_unknowns = 0;
  double n_entries = 0;  ///< stored matrix entries
  bool exact = false;    ///< a box mesh
  solve::Pick solver;    ///< what the run will begin with
  double mesh_bytes = 0, space_bytes = 0, matrix_bytes = 0, solver_bytes = 0;  ///< a rank, average
  double base_bytes = 0;  ///< the program and its libraries, a rank
  double file_bytes = 0;  ///< all results before compression; 0 if none are written
  double n_files = 1;     ///< times that results are written at
  [[nodiscard]] double rank_bytes() const {
    return base_bytes + mesh_bytes + space_bytes + matrix_bytes + solver_bytes;
  }
};

/// What is known of the equations before they are assembled.
struct EquationTraits {
  bool symmetric = true;      ///< the (linearised) form
  bool is_system = false;     ///< more than a steady linear equation of one unknown
  bool needs_matrix = false;  ///< its Jacobian is only assembled
  int n_further_fields = 0;   ///< stresses and the like, written beside the unknowns
};

/// `names`: of the mesh before refinement. Local.
[[nodiscard]] Forecast forecast(const deck::Problem& problem, const MeshNames& names,
                                const EquationTraits& equations, int n_ranks);

/// A few lines for people.
[[nodiscard]] std::string text(const Forecast& forecast, int n_ranks);

}  // namespace ritz::run
