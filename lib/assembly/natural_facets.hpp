#pragma once

#include <array>
#include <string>
#include <vector>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/physics/form.hpp"

namespace ritz::assembly {

/// Throws Error(not_finite) for the coefficient `name` at a point.
[[noreturn]] void throw_bad(const std::string& name, const std::array<double, 3>& at,
                            int dimension);

/// Facets of owned cells with flux or Robin terms, at the quadrature points.
struct NaturalFacets {
  struct Facet {
    LocalId cell;
    int number;
  };
  std::vector<Facet> facets;
  std::vector<double> mass;  ///< [facets][n_points]: weight ds h
  std::vector<double> load;  ///< [facets][n_points]: weight ds (g + h u_ambient)
  int n_points = 0, n_nodes = 0;
  std::vector<double> shapes;  ///< [facet number][n_points][n_nodes]
  std::vector<int> nodes;      ///< [facet number][n_nodes], cell nodes in entity order
};

/// `only_robin`: leaves out the facets without a matrix. Local; throws Error(not_finite).
[[nodiscard]] NaturalFacets natural_facets(const mesh::Mesh& mesh, const fem::Space& space,
                                           const physics::Form& form, double time, bool only_robin);

}  // namespace ritz::assembly
