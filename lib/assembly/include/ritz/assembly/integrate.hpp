#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/form.hpp"

namespace ritz::assembly {

/// What to integrate: a number, or a program of x, y, z, t, u in this order (t may be a uniform,
/// and so may the last ones that do not occur).
using Integrand = physics::Coefficient;

/// The sum of all ranks' values, the same bits for every number of ranks and order of the values:
/// each value is cut into three pieces on grids that are so coarse that sums of pieces are exact
/// (Demmel and Nguyen, IEEE Trans. Comput. 64(7), 2015, 2060, sec. 4). Collective. A value that is
/// NaN or infinite makes the result NaN.
[[nodiscard]] double reproducible_sum(const comm::Communicator& communicator,
                                      std::span<const double> values);

/// Integral over the cells of the named regions (indices into mesh::Mesh::region_names; none given:
/// all). `u`: [space.n_local()] with ghosts up to date. Quadrature of degree 2k+4. Collective.
[[nodiscard]] double integrate_regions(const mesh::Mesh& mesh, const fem::Space& space,
                                       std::span<const double> u,
                                       const std::vector<std::int16_t>& regions,
                                       const Integrand& integrand, double time = 0.0);

/// Integral over the facets of the named sets (indices into mesh::Mesh::set_names), each facet
/// once. Collective.
[[nodiscard]] double integrate_sets(const mesh::Mesh& mesh, const fem::Space& space,
                                    std::span<const double> u,
                                    const std::vector<std::int16_t>& sets,
                                    const Integrand& integrand, double time = 0.0);

/// int K grad u . n over the sets' facets, n pointing out of the cell: what flows in by diffusion.
/// On facets inside of the domain the cell with the lower global id gives K, grad u and n.
/// Collective.
[[nodiscard]] double integrate_flux(const mesh::Mesh& mesh, const fem::Space& space,
                                    std::span<const double> u,
                                    const std::vector<std::int16_t>& sets,
                                    const physics::Form& form, double time = 0.0);

}  // namespace ritz::assembly
