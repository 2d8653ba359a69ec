#pragma once

// Whether anything holds an elastic body; private to room run.

#include <cstdint>
#include <span>
#include <string>

#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/system_form.hpp"

namespace ritz::run {

/// The rigid-body motions of a body at rest that no prescribed displacement stops, in words; empty
/// if there are none, or if tractions depend on the displacement (springs may hold it).
/// @param is_fixed [space.n_local() * unknowns]
/// Collective.
[[nodiscard]] std::string free_motions(const mesh::Mesh& mesh, const fem::Space& space,
                                       const deck::Problem& problem,
                                       const physics::SystemForm& form,
                                       std::span<const std::uint8_t> is_fixed);

}  // namespace ritz::run
