#pragma once

// Forms and assembled systems for the tests of this room.

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mesh_tools.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/expr/expression.hpp"

namespace ritz::test {

using assembly::Assembler;
using Kernel = Assembler::Options::Kernel;

inline physics::Coefficient number(double value) {
  physics::Coefficient c;
  c.value = value;
  return c;
}

inline physics::Coefficient formula(const std::string& text) {
  expr::Symbols symbols;
  symbols.variables = {"x", "y", "z", "t"};
  physics::Coefficient c;
  c.is_constant = false;
  c.program = expr::Expression::parse(text, symbols).compile();
  return c;
}

/// -div(K grad u) with the scalar K in one region.
inline physics::Form diffusion_form(int dimension, physics::Coefficient k) {
  physics::Form form;
  form.dimension = dimension;
  form.regions.resize(1);
  form.regions[0].diffusion = {std::move(k)};
  return form;
}

inline physics::BoundaryForm boundary(const mesh::Mesh& mesh, physics::BoundaryForm::Kind kind,
                                      const std::vector<std::string>& names) {
  physics::BoundaryForm b;
  b.kind = kind;
  for (const std::string& name : names) {
    const auto at = std::find(mesh.set_names.begin(), mesh.set_names.end(), name);
    if (at == mesh.set_names.end()) ADD_FAILURE() << "no set " << name;
    b.sets.push_back(static_cast<std::int16_t>(at - mesh.set_names.begin()));
  }
  return b;
}

inline fem::Constraints no_constraints(const fem::Space& space) {
  const auto n = static_cast<std::size_t>(space.n_local());
  return {std::vector<std::uint8_t>(n, 0), std::vector<double>(n, 0.0)};
}

/// An assembled system on the host.
struct System {
  System(const mesh::Mesh& mesh, const fem::Space& space_in, const physics::Form& form,
         const fem::Constraints& fixed, const Assembler::Options& options = {}, double time = 0.0)
      : space(space_in) {
    const Assembler assembler(mesh, space, fixed, options);
    const la::CsrPattern& pattern = assembler.pattern();
    la::Vector values("values", pattern.columns.extent(0)),
        rhs("rhs", static_cast<std::size_t>(space.n_owned));
    Kokkos::deep_copy(values, -7.0);  // must be overwritten
    Kokkos::deep_copy(rhs, -7.0);
    result = assembler.assemble(form, fixed, time, values, rhs);
    const auto o = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), pattern.row_offsets);
    const auto c = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), pattern.columns);
    const auto v = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), values);
    const auto r = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), rhs);
    offsets.assign(o.data(), o.data() + o.extent(0));
    columns.assign(c.data(), c.data() + c.extent(0));
    entries.assign(v.data(), v.data() + v.extent(0));
    load.assign(r.data(), r.data() + r.extent(0));
  }
  System(const mesh::Mesh& mesh, const fem::Space& space_in, const physics::Form& form)
      : System(mesh, space_in, form, no_constraints(space_in)) {}

  /// A u - b on the owned rows; u on all local dofs.
  [[nodiscard]] std::vector<double> residual(const std::vector<double>& u) const {
    std::vector<double> r(load.size());
    for (std::size_t i = 0; i < r.size(); ++i) {
      for (std::size_t k = offsets[i]; k < offsets[i + 1]; ++k) {
        r[i] += entries[k] * u[static_cast<std::size_t>(columns[k])];
      }
      r[i] -= load[i];
    }
    return r;
  }
  /// Largest sum of |a_ij| over a row, on all ranks: what round-off is measured by.
  [[nodiscard]] double norm() const {
    double largest = 0;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      double sum = 0;
      for (std::size_t k = offsets[i]; k < offsets[i + 1]; ++k) sum += std::abs(entries[k]);
      largest = std::max(largest, sum);
    }
    return space.communicator.max(largest);
  }
  /// The owned rows by persistent ids.
  [[nodiscard]] std::map<std::pair<GlobalId, GlobalId>, double> by_gid() const {
    std::map<std::pair<GlobalId, GlobalId>, double> all;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      for (std::size_t k = offsets[i]; k < offsets[i + 1]; ++k) {
        all[{space.dof_gid[i], space.dof_gid[static_cast<std::size_t>(columns[k])]}] = entries[k];
      }
    }
    return all;
  }

  const fem::Space& space;
  Assembler::Result result;
  std::vector<std::size_t> offsets;
  std::vector<LocalId> columns;
  std::vector<double> entries, load;
};

/// All ranks' entries on every rank.
inline std::map<std::pair<GlobalId, GlobalId>, double> whole_matrix(const System& system) {
  struct Triplet {
    GlobalId row, column;
    double value;
  };
  std::vector<Triplet> mine;
  for (const auto& [place, value] : system.by_gid())
    mine.push_back({place.first, place.second, value});
  const auto& communicator = system.space.communicator;
  std::vector<Triplet> all = communicator.gather(std::span<const Triplet>(mine));
  communicator.broadcast(all);
  std::map<std::pair<GlobalId, GlobalId>, double> whole;
  for (const Triplet& t : all) whole[{t.row, t.column}] = t.value;
  return whole;
}

/// Nodal values of a function on all local dofs.
template <class Function>
std::vector<double> interpolate(const mesh::Mesh& mesh, const fem::Space& space,
                                const Function& function) {
  const std::vector<double> x = fem::node_coordinates(mesh, space);
  std::vector<double> u(static_cast<std::size_t>(space.n_local()));
  for (std::size_t i = 0; i < u.size(); ++i)
    u[i] = function(Point{x[3 * i], x[3 * i + 1], x[3 * i + 2]});
  return u;
}

/// Owned dofs that lie on no outer facet.
inline std::vector<bool> inner_dofs(const mesh::Mesh& mesh, const fem::Space& space) {
  std::vector<bool> inner(static_cast<std::size_t>(space.n_local()), true);
  for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
    for (int f = 0; f < mesh::table(mesh.cell_type).n_facets; ++f) {
      if ((mesh.exterior[static_cast<std::size_t>(cell)] >> f & 1) == 0) continue;
      for (const int node : space.element.facet_nodes(f)) {
        inner[static_cast<std::size_t>(space.dofs(cell)[static_cast<std::size_t>(node)])] = false;
      }
    }
  }
  inner.resize(static_cast<std::size_t>(space.n_owned));
  return inner;
}

/// Name of the unit box's side at 0 or 1 of an axis.
inline std::string side_name(int dimension, int axis, bool high) {
  if (axis == 0) return high ? "right" : "left";
  if (dimension == 3 && axis == 1) return high ? "back" : "front";
  return high ? "top" : "bottom";
}

inline std::string name_of(mesh::CellType type) {
  return std::string(mesh::table(type).name);
}

inline int highest_degree(mesh::CellType type) {
  return mesh::is_simplex(type) ? 3 : 8;
}

/// Largest of |v| over all ranks.
inline double largest(const comm::Communicator& communicator, const std::vector<double>& v) {
  double m = 0;
  for (const double x : v) m = std::max(m, std::abs(x));
  return communicator.max(m);
}

}  // namespace ritz::test
