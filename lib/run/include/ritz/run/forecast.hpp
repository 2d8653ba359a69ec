#pragma once

#include <string>

#include "ritz/base/ids.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::run {

/// What a run will need, from counts alone: exact for unknowns of box meshes up to the boundary,
/// estimated elsewhere. The constants are estimates too: on 6,000,000 P1 tets and 2 ranks the
/// forecast is 778 MiB a rank and the measured peak 737 MiB.
struct Forecast {
  double n_cells = 0;  ///< after refinement
  double n_unknowns = 0;
  double n_entries = 0;  ///< stored matrix entries
  double mesh_bytes = 0, space_bytes = 0, matrix_bytes = 0, solver_bytes = 0;  ///< a rank, average
  double base_bytes = 0;  ///< the program and its libraries, a rank
  double file_bytes = 0;  ///< results.vtkhdf before compression
  [[nodiscard]] double rank_bytes() const {
    return base_bytes + mesh_bytes + space_bytes + matrix_bytes + solver_bytes;
  }
};

/// `n_cells`: of the mesh before refinement. Local.
[[nodiscard]] Forecast forecast(const deck::Problem& problem, GlobalId n_cells,
                                const std::string& cell_type, int geometry_order, int n_ranks);

/// A few lines for people.
[[nodiscard]] std::string text(const Forecast& forecast, int n_ranks);

}  // namespace ritz::run
