#pragma once

#include <vector>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/form.hpp"

namespace ritz::assembly {

/// y = A x of the owned cells `cells` (ascending) alone, no dof prescribed; x, y [n_owned]. Dofs of
/// other ranks' cells count. Collective.
void apply_some_cells(const mesh::Mesh& mesh, const fem::Space& space, const physics::Form& form,
                      double time, const std::vector<LocalId>& cells, const double* x, double* y);

}  // namespace ritz::assembly
