#pragma once

// Problems, vectors and a plain conjugate gradient method for the tests of this room.

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "form_tools.hpp"
#include "ritz/assembly/cell_operator.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/multigrid/multigrid.hpp"

namespace ritz::test {

using multigrid::Multigrid;
using multigrid::Options;

inline const comm::Communicator& world() {
  static const auto communicator = comm::Communicator::world();  // not before MPI_Init
  return communicator;
}

/// A box's hierarchy with every rank its share of the coarsest mesh's blocks.
inline mesh::Hierarchy box_hierarchy(const mesh::Box& box,
                                     const std::vector<mesh::Directions>& steps) {
  return mesh::make_box_hierarchy(world(), box, steps, [](const mesh::Mesh& raw) {
    return std::vector<int>(static_cast<std::size_t>(raw.n_cells_owned), raw.communicator.rank());
  });
}

/// All directions halved so many times.
inline mesh::Hierarchy box_hierarchy(const mesh::Box& box, int levels) {
  return box_hierarchy(box, std::vector<mesh::Directions>(static_cast<std::size_t>(levels), 7));
}

inline mesh::Box cube(mesh::CellType type, GlobalId n) {
  mesh::Box box;
  box.cell_type = type;
  box.cells = {n, n, n};
  return box;
}

/// -div(K grad u) = 1.
inline physics::Form poisson(int dimension, physics::Coefficient k) {
  physics::Form form = diffusion_form(dimension, std::move(k));
  form.regions[0].has_source = true;
  form.regions[0].source = number(1.0);
  return form;
}

inline void add_boundary(physics::Form& form, const mesh::Mesh& mesh,
                         physics::BoundaryForm::Kind kind, const std::vector<std::string>& names) {
  physics::BoundaryForm b = boundary(mesh, kind, names);
  b.value = number(0.0);
  b.coefficient = number(1.0);
  b.ambient = number(0.0);
  form.boundaries.push_back(b);
}

inline std::vector<std::string> box_sides(int dimension) {
  std::vector<std::string> names{"left", "right"};
  if (dimension > 1) names.insert(names.end(), {"bottom", "top"});
  if (dimension > 2) names.insert(names.end(), {"front", "back"});
  return names;
}

/// The equation on the finest mesh: operator in double and right-hand side.
struct Equation {
  Equation(const mesh::Mesh& mesh, int degree, const physics::Form& form)
      : space(mesh, degree),
        fixed(assembly::fixed_values(mesh, space, form).constraints),
        op(mesh, space, fixed, form),
        rhs(la::make_vector("rhs", space.n_owned)) {
    assembly::cell_load(mesh, space, fixed, form, 0.0, rhs);
  }
  fem::Space space;
  fem::Constraints fixed;
  assembly::CellOperator<double> op;
  la::Vector rhs;
};

/// Vector of noise that depends on persistent ids only.
inline la::Vector noise(const fem::Space& space, std::uint64_t seed) {
  const la::Vector v = la::make_vector("noise", space.n_owned);
  for (std::size_t i = 0; i < v.extent(0); ++i) {
    v(i) = 2 * unit(static_cast<std::uint64_t>(space.dof_gid[i]) + seed * 1000003) - 1;
  }
  return v;
}

struct Solved {
  int n_iterations = 0;
  double residual = 0;  ///< |b - A x| / |b|, computed anew
  la::Vector x;
};

/// Preconditioned conjugate gradients with the flexible beta, from x = 0 (or `start`) to
/// |b - A x| <= tolerance |b|, at most 60 iterations. `mean_free`: solves up to a constant.
inline Solved solve(const Equation& equation, const la::Preconditioner& preconditioner,
                    double tolerance, bool mean_free = false, const la::Vector& start = {}) {
  const auto& communicator = equation.space.communicator;
  const LocalId n = equation.space.n_owned;
  const auto make = [&](const char* name) { return la::make_vector(name, n); };
  Solved result;
  result.x = make("x");
  const la::Vector r = make("r"), z = make("z"), p = make("p"), q = make("q"), old = make("old");
  const auto apply = [&](const la::Vector& in, const la::Vector& out) {
    equation.op.apply(in, out);
  };
  if (start.extent(0) > 0) la::copy(start, result.x);
  apply(result.x, q);
  la::copy(equation.rhs, r);
  la::axpby(-1.0, q, 1.0, r);
  const double norm_b = la::norm2(communicator, equation.rhs);
  double rho = 0;
  while (la::norm2(communicator, r) > tolerance * norm_b && result.n_iterations < 60) {
    preconditioner.apply(r, z);
    if (mean_free) {
      la::shift(z, -la::sum(communicator, z) / static_cast<double>(equation.space.n_global));
    }
    const double next = la::dot(communicator, r, z);
    const double beta =
        result.n_iterations == 0 ? 0.0 : (next - la::dot(communicator, old, z)) / rho;
    rho = next;
    la::axpby(1.0, z, beta, p);
    apply(p, q);
    const double alpha = rho / la::dot(communicator, p, q);
    la::copy(r, old);
    la::axpby(alpha, p, 1.0, result.x);
    la::axpby(-alpha, q, 1.0, r);
    ++result.n_iterations;
  }
  apply(result.x, q);
  la::copy(equation.rhs, r);
  la::axpby(-1.0, q, 1.0, r);
  result.residual = la::norm2(communicator, r) / norm_b;
  return result;
}

}  // namespace ritz::test
