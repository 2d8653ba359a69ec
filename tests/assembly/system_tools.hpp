#pragma once

// Block systems for the tests of this room.

#include "form_tools.hpp"
#include "ritz/assembly/system_assembler.hpp"

namespace ritz::test {

using assembly::SystemAssembler;
using SystemKernel = SystemAssembler::Options::Kernel;
using Texts = std::vector<std::string>;
using Kind = physics::SystemForm::Boundary::Kind;

inline physics::SystemForm::Region region_of(const Texts& unknowns, int dimension, const Texts& f0,
                                             const Texts& f1) {
  const expr::Symbols symbols{physics::volume_variables(unknowns, dimension), {}};
  physics::SystemForm::Region region;
  for (const auto& text : f0) region.f0.push_back(expr::Expression::parse(text, symbols));
  for (const auto& text : f1) region.f1.push_back(expr::Expression::parse(text, symbols));
  return region;
}

/// f0 [m], f1 [m][dimension] of one region.
inline physics::SystemForm system_form(int dimension, const Texts& unknowns, const Texts& f0,
                                       const Texts& f1) {
  physics::SystemForm form;
  form.dimension = dimension;
  form.unknowns = unknowns;
  form.regions.push_back(region_of(unknowns, dimension, f0, f1));
  return form;
}

inline void add_boundary(physics::SystemForm& form, const mesh::Mesh& mesh, Kind kind,
                         const Texts& sets, int unknown, const std::string& text) {
  const expr::Symbols symbols{
      kind == Kind::value ? physics::place_variables() : physics::boundary_variables(form.unknowns),
      {}};
  const auto scalar = boundary(mesh, physics::BoundaryForm::Kind::value, sets);
  form.boundaries.push_back({kind, scalar.sets, unknown, expr::Expression::parse(text, symbols)});
}

/// Names of all sides of the unit box.
inline Texts all_sides(int dimension) {
  Texts names;
  for (int axis = 0; axis < dimension; ++axis) {
    names.push_back(side_name(dimension, axis, false));
    names.push_back(side_name(dimension, axis, true));
  }
  return names;
}

/// Two regions, mixed cell by cell; by global ids.
inline void cut_in_two(mesh::Mesh& mesh) {
  mesh.region_names = {"one", "other"};
  for (std::size_t c = 0; c < mesh.cell_region.size(); ++c)
    mesh.cell_region[c] =
        static_cast<std::int16_t>(mix(static_cast<std::uint64_t>(mesh.cell_gid[c])) % 2);
}

struct Arrays {
  std::vector<double> u, rate, second;
  double time = 0.3;
  [[nodiscard]] SystemAssembler::State state() const { return {time, u, rate, second}; }
  /// Moved by s v along a path on which u' and u'' move with the shifts.
  [[nodiscard]] Arrays moved(double s, const std::vector<double>& v, double rate_shift,
                             double second_shift) const {
    Arrays a = *this;
    for (std::size_t i = 0; i < v.size(); ++i) {
      a.u[i] += s * v[i];
      a.rate[i] += s * rate_shift * v[i];
      a.second[i] += s * second_shift * v[i];
    }
    return a;
  }
};

/// A number in [-1, 1) for each unknown, by the node's persistent id: the same on every rank.
inline std::vector<double> random_state(const fem::Space& space, int m, std::uint64_t seed) {
  std::vector<double> u;
  for (const GlobalId gid : space.dof_gid) {
    for (int i = 0; i < m; ++i)
      u.push_back(2.0 * unit(static_cast<std::uint64_t>(gid * m + i) + seed * 7919U) - 1.0);
  }
  return u;
}
inline Arrays random_arrays(const fem::Space& space, int m) {
  return {random_state(space, m, 1), random_state(space, m, 2), random_state(space, m, 3)};
}

/// An assembled block system on the host.
struct BlockSystem {
  BlockSystem(const mesh::Mesh& mesh, const fem::Space& space_in, const physics::SystemForm& form,
              const SystemAssembler::Options& options = {})
      : space(space_in), m(form.n_unknowns()), assembler(mesh, space_in, form, options) {
    const la::CsrPattern& pattern = assembler.pattern();
    const auto o = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), pattern.row_offsets);
    const auto c = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), pattern.columns);
    offsets.assign(o.data(), o.data() + o.extent(0));
    columns.assign(c.data(), c.data() + c.extent(0));
    values_ = la::Vector("values", columns.size());
    r_ = la::Vector("r", offsets.size() - 1);
  }

  std::vector<double> residual(const Arrays& a) {
    Kokkos::deep_copy(r_, -7.0);  // must be overwritten
    result = assembler.residual(a.state(), r_);
    return host(r_);
  }
  std::vector<double> jacobian(const Arrays& a, double rate_shift = 0, double second_shift = 0) {
    Kokkos::deep_copy(values_, -7.0);
    result = assembler.jacobian(a.state(), rate_shift, second_shift, values_);
    return host(values_);
  }
  std::pair<std::vector<double>, std::vector<double>> both(const Arrays& a, double rate_shift = 0,
                                                           double second_shift = 0) {
    Kokkos::deep_copy(r_, -7.0);
    Kokkos::deep_copy(values_, -7.0);
    result = assembler.both(a.state(), rate_shift, second_shift, r_, values_);
    return {host(r_), host(values_)};
  }
  std::vector<double> lumped(const Arrays& a, int order) {
    Kokkos::deep_copy(r_, -7.0);
    result = assembler.lumped_mass(a.state(), order, r_);
    return host(r_);
  }
  /// Matrix times a vector of all local unknowns.
  [[nodiscard]] std::vector<double> multiply(const std::vector<double>& entries,
                                             const std::vector<double>& v) const {
    std::vector<double> y(offsets.size() - 1, 0.0);
    for (std::size_t i = 0; i < y.size(); ++i) {
      for (std::size_t k = offsets[i]; k < offsets[i + 1]; ++k)
        y[i] += entries[k] * v[static_cast<std::size_t>(columns[k])];
    }
    return y;
  }
  /// Largest sum of |a_ij| over a row, on all ranks.
  [[nodiscard]] double norm(const std::vector<double>& entries) const {
    double largest = 0;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      double sum = 0;
      for (std::size_t k = offsets[i]; k < offsets[i + 1]; ++k) sum += std::abs(entries[k]);
      largest = std::max(largest, sum);
    }
    return space.communicator.max(largest);
  }
  [[nodiscard]] GlobalId gid(std::size_t local) const {
    const auto mm = static_cast<std::size_t>(m);
    return space.dof_gid[local / mm] * m + static_cast<GlobalId>(local % mm);
  }
  [[nodiscard]] std::map<std::pair<GlobalId, GlobalId>, double> by_gid(
      const std::vector<double>& entries) const {
    std::map<std::pair<GlobalId, GlobalId>, double> all;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      for (std::size_t k = offsets[i]; k < offsets[i + 1]; ++k)
        all[{gid(i), gid(static_cast<std::size_t>(columns[k]))}] = entries[k];
    }
    return all;
  }

  static std::vector<double> host(const la::Vector& v) {
    const auto h = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), v);
    return {h.data(), h.data() + h.extent(0)};
  }

  const fem::Space& space;
  int m;
  SystemAssembler assembler;
  SystemAssembler::Result result;
  std::vector<std::size_t> offsets;
  std::vector<LocalId> columns;

 private:
  la::Vector values_, r_;
};

/// Everything that can make a Jacobian wrong: cross diffusion, gradients in the reaction, rates of
/// both orders with factors that depend on the state, place and time.
inline physics::SystemForm nasty_form(const mesh::Mesh& mesh, int n_regions = 1) {
  const int dim = mesh.dimension();
  const Texts unknowns{"u", "v"};
  const Texts axes{"x", "y", "z"};
  Texts f1;
  for (int d = 0; d < dim; ++d) {
    const auto& x = axes[static_cast<std::size_t>(d)];
    f1.push_back("(1 + u^2 + 0.3*sin(v))*d" + x + "(u) + 0.4*u*d" + x + "(v) + 0.1*dt(u)*v");
  }
  for (int d = 0; d < dim; ++d) {
    const auto& x = axes[static_cast<std::size_t>(d)];
    f1.push_back("exp(0.2*u)*d" + x + "(v) - 0.3*v*d" + x + "(u) + x*u*v" + (d == 0 ? " + t" : ""));
  }
  std::string slope = "dx(u)^2";
  if (dim > 1) slope += " + dy(u)*dy(v)";
  if (dim > 2) slope += " + dz(v)^2*u";
  physics::SystemForm form =
      system_form(dim, unknowns,
                  {"(2 + cos(u*v))*dt(u) + 0.3*dtt(v)*u + " + slope + " - u*v^2 + x - exp(-t)",
                   "dt(v)*(1 + u^2) + dtt(v) + dtt(u)*dt(u) + v*dx(u) + u^3 + y*v"},
                  f1);
  if (n_regions == 2) {
    Texts linear;
    for (int d = 0; d < 2 * dim; ++d)
      linear.push_back("2.5*d" + axes[static_cast<std::size_t>(d % dim)] +
                       (d < dim ? "(u)" : "(v)"));
    form.regions.push_back(region_of(unknowns, dim, {"3*dt(u) + v", "sin(u)*v - 1"}, linear));
  }
  add_boundary(form, mesh, Kind::natural, {"right"}, 0, "u^4 - 0.1*v*u + nx*x + 0.2*y*ny");
  add_boundary(form, mesh, Kind::natural, {"right", "left"}, 1, "sin(u)*v + t*(1 + y)");
  return form;
}

}  // namespace ritz::test
