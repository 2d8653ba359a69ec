#include "ritz/assembly/system_assembler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "points_1d.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/text.hpp"
#include "ritz/mesh/geometry.hpp"
#include "system_plan.hpp"

namespace ritz::assembly {

namespace {

using Boundary = physics::SystemForm::Boundary;

[[noreturn]] void internal_error(const std::string& what) {
  throw base::Error(base::ExitCode::internal, "assembly: " + what + "; please report this");
}

/// Element matrices of eight cells up to this size are kept in the second-level cache; larger ones
/// are computed cell by cell.
constexpr std::size_t max_matrix_bytes = 262144;

/// 2k + 1 and what the geometry needs. Terms that are linear with constant coefficients need 2k at
/// most, so this integrates the Jacobian of smooth nonlinear ones to an order in h above that of
/// the space (exactness to 2k - 2 would do: Ciarlet, The Finite Element Method for Elliptic
/// Problems, thm 4.1.6, and Ciarlet and Raviart 1972 for isoparametric cells), and it is what
/// Assembler has on tensor cells (n_points_1d()); simplices of order 2 get one degree more, because
/// |J| and its cofactors raise it.
int general_degree(const mesh::Mesh& mesh, int k) {
  if (mesh::is_tensor(mesh.cell_type)) return 2 * n_points_1d(mesh, k) - 1;
  return 2 * k + mesh.geometry_order;
}

/// Enough for entries that are numbers: exact on straight simplices.
int constant_degree(const mesh::Mesh& mesh, int k, int kinds) {
  if (mesh::is_tensor(mesh.cell_type) || mesh.geometry_order > 1) return general_degree(mesh, k);
  if ((kinds & pair_value_value) != 0) return 2 * k;
  return std::max(
      1, (kinds & (pair_value_gradient | pair_gradient_value)) != 0 ? 2 * k - 1 : 2 * k - 2);
}

/// The nodes as points, with the integrals of their shape functions as weights: on tensor cells
/// the Gauss-Lobatto rule.
fem::Quadrature nodal_rule(const fem::Element& element) {
  const fem::Quadrature exact = fem::quadrature(element.cell_type(), element.degree());
  const auto n = static_cast<std::size_t>(element.n_nodes());
  fem::Quadrature rule{element.nodes(), std::vector<double>(n, 0.0)};
  std::vector<double> values(n);
  for (std::size_t q = 0; q < exact.points.size(); ++q) {
    element.values(exact.points[q], values);
    for (std::size_t i = 0; i < n; ++i) rule.weights[i] += exact.weights[q] * values[i];
  }
  return rule;
}

/// The product of a reference facet's tangents (their length is the facet's measure over that of
/// its own reference cell), turned out of the cell.
std::array<double, 3> reference_normal(const mesh::CellTable& cell, const double* tangents,
                                       int facet) {
  const double* s = tangents;
  const double* t = tangents + 3;
  std::array<double, 3> normal{};
  if (cell.dimension == 1) normal = {1.0, 0.0, 0.0};
  if (cell.dimension == 2) normal = {s[1], -s[0], 0.0};
  if (cell.dimension == 3)
    normal = {s[1] * t[2] - s[2] * t[1], s[2] * t[0] - s[0] * t[2], s[0] * t[1] - s[1] * t[0]};
  const auto& on_facet =
      cell.vertices[static_cast<std::size_t>(cell.facets[static_cast<std::size_t>(facet)][0])];
  double side = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    double middle = 0;
    for (std::size_t v = 0; v < static_cast<std::size_t>(cell.n_vertices); ++v)
      middle += cell.vertices[v][c];
    side += normal[c] * (on_facet[c] - middle / cell.n_vertices);
  }
  for (double& c : normal) c = side > 0 ? c : -c;
  return normal;
}

SystemFacetData list_facets(const SystemAssembler::Plan& plan) {
  const Assembler::Plan& scalar = plan.scalar;
  const mesh::Mesh& mesh = scalar.mesh;
  struct OfTile {
    int tile;
    BoundaryFacet facet;
  };
  std::vector<OfTile> all;
  std::vector<int> tiles, unknowns;
  for (std::size_t b = 0; b < plan.form.boundaries.size(); ++b) {
    const Boundary& boundary = plan.form.boundaries[b];
    unknowns.push_back(boundary.unknown);
    if (boundary.kind != Boundary::Kind::natural) continue;
    for (const mesh::FacetInSet& f : facets_in_sets(mesh, boundary.sets)) {
      tiles.clear();
      const auto dofs = scalar.space.dofs(f.cell);
      for (const int node : scalar.space.element.facet_nodes(f.facet)) {
        const LocalId dof = dofs[static_cast<std::size_t>(node)];
        if (dof < scalar.space.n_owned) tiles.push_back(dof >> scalar.map.shift);
      }
      std::sort(tiles.begin(), tiles.end());
      tiles.erase(std::unique(tiles.begin(), tiles.end()), tiles.end());
      for (const int tile : tiles)
        all.push_back({tile, {f.cell, f.facet, static_cast<std::int32_t>(b)}});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const OfTile& a, const OfTile& b) { return a.tile < b.tile; });
  SystemFacetData data;
  std::vector<std::size_t> offsets(static_cast<std::size_t>(scalar.map.n_tiles) + 1, 0);
  for (const OfTile& one : all) {
    data.list.push_back(one.facet);
    ++offsets[static_cast<std::size_t>(one.tile) + 1];
  }
  for (std::size_t t = 1; t < offsets.size(); ++t) offsets[t] += offsets[t - 1];
  const mesh::CellTable& cell = mesh::table(mesh.cell_type);
  for (int f = 0; f < cell.n_facets; ++f) {
    const auto normal = reference_normal(cell, plan.facet_table->host_tangents.data() + 6 * f, f);
    data.host_normals.insert(data.host_normals.end(), normal.begin(), normal.end());
  }
  data.facets =
      device::to_device("ritz::assembly::system_facets", data.list.data(), data.list.size());
  data.tile_offsets =
      device::to_device("ritz::assembly::facet_offsets", offsets.data(), offsets.size());
  data.normals = device::to_device("ritz::assembly::facet_normals", data.host_normals.data(),
                                   data.host_normals.size());
  data.unknowns =
      device::to_device("ritz::assembly::boundary_unknowns", unknowns.data(), unknowns.size());
  return data;
}

/// m x m blocks for the entries of a scalar pattern.
la::CsrPattern expand(const la::CsrPattern& scalar, int m) {
  using Policy = Kokkos::RangePolicy<device::ExecutionSpace, Kokkos::IndexType<LocalId>>;
  const LocalId n = scalar.n_rows();
  const auto mm = static_cast<std::size_t>(m);
  la::CsrPattern block;
  block.row_offsets = device::View<std::size_t*>(
      Kokkos::view_alloc("ritz::la::row_offsets", Kokkos::WithoutInitializing),
      static_cast<std::size_t>(n) * mm + 1);
  block.columns =
      device::View<LocalId*>(Kokkos::view_alloc("ritz::la::columns", Kokkos::WithoutInitializing),
                             scalar.columns.extent(0) * mm * mm);
  const auto from = scalar;
  const auto to = block;
  Kokkos::parallel_for(
      "ritz::assembly::expand_pattern", Policy(0, n), KOKKOS_LAMBDA(LocalId node) {
        const auto row = static_cast<std::size_t>(node);
        const std::size_t begin = from.row_offsets(row);
        const std::size_t length = from.row_offsets(row + 1) - begin;
        for (std::size_t i = 0; i < mm; ++i) {
          const std::size_t out = begin * mm * mm + i * length * mm;
          to.row_offsets(row * mm + i) = out;
          for (std::size_t s = 0; s < length; ++s) {
            for (std::size_t j = 0; j < mm; ++j)
              to.columns(out + s * mm + j) =
                  from.columns(begin + s) * static_cast<LocalId>(mm) + static_cast<LocalId>(j);
          }
        }
      });
  const auto last = Kokkos::subview(block.row_offsets, static_cast<std::size_t>(n) * mm);
  Kokkos::deep_copy(last, scalar.columns.extent(0) * mm * mm);
  return block;
}

/// A state's array where kernels can read it; empty: null.
device::View<const double*> as_device_state(std::span<const double> host) {
  if constexpr (Kokkos::SpaceAccessibility<device::MemorySpace, Kokkos::HostSpace>::accessible) {
    return device::View<const double*>(host.data(), host.size());
  } else {
    return device::to_device("ritz::assembly::state", host.data(), host.size());
  }
}

/// One call of residual(), jacobian(), ...: the passes over cells and facets, and what they found.
class SystemPass {
 public:
  SystemPass(const SystemAssembler::Plan& plan, const SystemAssembler::State& state, Pass pass)
      : plan_(plan), state_(state), pass_(pass) {
    const Assembler::Plan& scalar = plan.scalar;
    data_.map = scalar.map;
    data_.n_unknowns = plan.m();
    data_.n_geometry_nodes = scalar.mesh.nodes_per_cell();
    data_.scalar = scalar.pattern;
    data_.is_fixed = plan.is_fixed.data();
    data_.touches_fixed = plan.touches_fixed.data();
    data_.cell_dofs = scalar.cell_dofs;
    data_.cell_nodes = scalar.cell_nodes;
    data_.cell_region = scalar.cell_region;
    data_.coordinates = scalar.coordinates;
    const std::array<std::span<const double>, 3> arrays{state.u, state.rate, state.second_rate};
    const auto n =
        static_cast<std::size_t>(scalar.space.n_local()) * static_cast<std::size_t>(plan.m());
    for (std::size_t k = 0; k < 3; ++k) {
      if (arrays[k].empty() && (k > 0 || n == 0)) continue;
      if (arrays[k].size() != n) internal_error("a state does not fit the system");
      held_[k] = as_device_state(arrays[k]);
      data_.state[k] = held_[k].data();
    }
  }

  void want_residual(const la::Vector& r) {
    if (r.extent(0) != plan_.n_rows()) internal_error("a residual does not fit the system");
    data_.residual = r.data();
    data_.want_residual = true;
  }
  void want_jacobian(const la::Vector& values, double rate_shift, double second_shift) {
    if (values.extent(0) != plan_.block_pattern().columns.extent(0))
      internal_error("values do not fit the pattern");
    data_.values = values.data();
    data_.want_jacobian = true;
    data_.shift[1] = rate_shift;
    data_.shift[2] = second_shift;
  }
  void keep_fixed() { data_.keep_fixed = true; }

  SystemAssembler::Result run() {
    const bool lumped = pass_ == Pass::mass_1 || pass_ == Pass::mass_2;
    SystemTerms& cells = plan_.cell_terms[static_cast<std::size_t>(pass_)];
    cells.set_time(state_.time);
    const bool numbers_only = pass_ == Pass::jacobian && plan_.constant_jacobian;
    const SystemTable* table = &*plan_.table;
    if (numbers_only) table = &*plan_.constant_table;
    if (lumped && plan_.lumping_table) table = &*plan_.lumping_table;
    data_.records = plan_.cell_records;
    launch_cells(cells, *table, numbers_only);
    const bool facets = !lumped && !plan_.facets.list.empty();
    if (facets) {
      SystemTerms& terms = plan_.facet_terms[static_cast<std::size_t>(pass_)];
      terms.set_time(state_.time);
      data_.records = plan_.facet_records;
      launch_facets(terms);
    }
    Kokkos::fence();
    SystemAssembler::Result result = find_bad_cell(cells, *table);
    if (facets && result.bad_cell < 0)
      result = find_bad_facet(plan_.facet_terms[static_cast<std::size_t>(pass_)]);
    return result;
  }

 private:
  using Kernel = SystemAssembler::Options::Kernel;

  void launch_cells(const SystemTerms& terms, const SystemTable& table, bool numbers_only) {
    const Kernel wanted = plan_.options.kernel;
    const bool closed_form = numbers_only && plan_.closed_form &&
                             (wanted == Kernel::automatic || wanted == Kernel::closed_form);
    const int dim = plan_.scalar.mesh.dimension();
    if (closed_form) {
      if (dim == 1) return launch_system_simplices<1>(plan_, data_, terms.view());
      if (dim == 2) return launch_system_simplices<2>(plan_, data_, terms.view());
      return launch_system_simplices<3>(plan_, data_, terms.view());
    }
    const std::size_t bytes =
        static_cast<std::size_t>(plan_.m()) * static_cast<std::size_t>(table.shapes.n_nodes) *
        static_cast<std::size_t>(table.shapes.n_padded) * sizeof(kernels::Pack);
    const bool rows = wanted == Kernel::rows_in_lanes ||
                      (wanted != Kernel::cells_in_lanes && bytes > max_matrix_bytes);
    if (dim == 1) return launch_system_cells<1>(plan_, data_, terms.view(), table, rows);
    if (dim == 2) return launch_system_cells<2>(plan_, data_, terms.view(), table, rows);
    return launch_system_cells<3>(plan_, data_, terms.view(), table, rows);
  }

  void launch_facets(const SystemTerms& terms) {
    const int dim = plan_.scalar.mesh.dimension();
    if (dim == 1) return launch_system_facets<1>(plan_, data_, terms.view());
    if (dim == 2) return launch_system_facets<2>(plan_, data_, terms.view());
    return launch_system_facets<3>(plan_, data_, terms.view());
  }

  /// The record with the lowest global cell id.
  template <class CellOf>
  [[nodiscard]] SystemRecord first_bad(const device::View<SystemRecord*>& on_device,
                                       const CellOf& cell_of) const {
    const auto records = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), on_device);
    SystemRecord first;
    GlobalId lowest = std::numeric_limits<GlobalId>::max();
    for (std::size_t t = 0; t < records.extent(0); ++t) {
      if (records(t).bad_cell < 0) continue;
      const GlobalId gid =
          plan_.scalar.mesh.cell_gid[static_cast<std::size_t>(cell_of(records(t)))];
      if (gid >= lowest) continue;
      lowest = gid;
      first = records(t);
    }
    return first;
  }

  [[nodiscard]] SystemAssembler::Result find_bad_cell(const SystemTerms& terms,
                                                      const SystemTable& table) const {
    SystemAssembler::Result result;
    const SystemRecord bad =
        first_bad(plan_.cell_records, [](const SystemRecord& r) { return r.bad_cell; });
    if (bad.bad_cell < 0) return result;
    const mesh::Mesh& mesh = plan_.scalar.mesh;
    const int region = mesh.cell_region[static_cast<std::size_t>(bad.bad_cell)];
    const auto& reference = table.points[static_cast<std::size_t>(bad.bad_point)];
    result.bad_cell = bad.bad_cell;
    result.bad_value = bad.value;
    result.bad_term = terms.output_name(region, bad.bad_row);
    result.bad_point = mesh::map_to_physical(mesh, bad.bad_cell, reference);
    std::vector<double> values{result.bad_point[0], result.bad_point[1], result.bad_point[2],
                               state_.time};
    const auto dim = static_cast<std::size_t>(mesh.dimension());
    std::vector<double> gradient(dim);
    for (int j = 0; j < plan_.m(); ++j) {
      values.push_back(interpolate(state_.u, bad.bad_cell, reference, j, gradient));
      values.insert(values.end(), gradient.begin(), gradient.end());
      values.push_back(interpolate(state_.rate, bad.bad_cell, reference, j, gradient));
      values.push_back(interpolate(state_.second_rate, bad.bad_cell, reference, j, gradient));
    }
    name_values(physics::volume_variables(plan_.form.unknowns, mesh.dimension()), values, result);
    return result;
  }

  [[nodiscard]] SystemAssembler::Result find_bad_facet(const SystemTerms& terms) const {
    SystemAssembler::Result result;
    const auto& list = plan_.facets.list;
    const SystemRecord bad = first_bad(plan_.facet_records, [&](const SystemRecord& r) {
      return list[static_cast<std::size_t>(r.bad_cell)].cell;
    });
    if (bad.bad_cell < 0) return result;
    const mesh::Mesh& mesh = plan_.scalar.mesh;
    const BoundaryFacet& facet = list[static_cast<std::size_t>(bad.bad_cell)];
    const auto& reference = plan_.facet_table->cell_points[static_cast<std::size_t>(
        facet.facet * plan_.facet_table->n_points + bad.bad_point)];
    const auto dim = static_cast<std::size_t>(mesh.dimension());
    std::vector<double> jacobian(dim * dim), gradient(dim);
    result.bad_cell = facet.cell;
    result.bad_value = bad.value;
    result.bad_term = terms.output_name(facet.boundary, bad.bad_row) + " (" +
                      set_names(plan_.form.boundaries[static_cast<std::size_t>(facet.boundary)]) +
                      ")";
    result.bad_point = mesh::map_to_physical(mesh, facet.cell, reference, jacobian);
    const std::array<double, 3> normal = outward_normal(facet, jacobian);
    std::vector<double> values{result.bad_point[0],
                               result.bad_point[1],
                               result.bad_point[2],
                               state_.time,
                               normal[0],
                               normal[1],
                               normal[2]};
    for (int j = 0; j < plan_.m(); ++j)
      values.push_back(interpolate(state_.u, facet.cell, reference, j, gradient));
    name_values(physics::boundary_variables(plan_.form.unknowns), values, result);
    return result;
  }

  static void name_values(const std::vector<std::string>& names, const std::vector<double>& values,
                          SystemAssembler::Result& result) {
    for (std::size_t v = 0; v < names.size(); ++v)
      result.variables.emplace_back(names[v], values[v]);
  }

  [[nodiscard]] std::string set_names(const Boundary& boundary) const {
    std::string text;
    for (const std::int16_t set : boundary.sets) {
      text +=
          (text.empty() ? "" : ", ") + plan_.scalar.mesh.set_names[static_cast<std::size_t>(set)];
    }
    return text;
  }

  [[nodiscard]] std::array<double, 3> outward_normal(const BoundaryFacet& facet,
                                                     const std::vector<double>& jacobian) const {
    const int dim = plan_.scalar.mesh.dimension();
    double adjugate[9] = {};
    if (dim == 1) (void)kernels::adjugate<1>(jacobian.data(), adjugate);
    if (dim == 2) (void)kernels::adjugate<2>(jacobian.data(), adjugate);
    if (dim == 3) (void)kernels::adjugate<3>(jacobian.data(), adjugate);
    std::array<double, 3> normal{};
    double square = 0;
    for (int d = 0; d < dim; ++d) {
      double& component = normal[static_cast<std::size_t>(d)];
      for (int e = 0; e < dim; ++e) {
        component += adjugate[e * dim + d] *
                     plan_.facets.host_normals[static_cast<std::size_t>(facet.facet * 3 + e)];
      }
      square += component * component;
    }
    for (double& component : normal) component /= std::sqrt(square);
    return normal;
  }

  /// Unknown j of a state (0 if empty) and its gradient at a reference point.
  double interpolate(std::span<const double> values, LocalId cell,
                     const std::array<double, 3>& reference, int j,
                     std::vector<double>& gradient) const {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    if (values.empty()) return 0.0;
    const auto m = static_cast<std::size_t>(plan_.m());
    std::vector<double> component(values.size() / m);
    const fem::Space& space = plan_.scalar.space;
    for (const LocalId dof : space.dofs(cell)) {
      const auto i = static_cast<std::size_t>(dof);
      component[i] = values[i * m + static_cast<std::size_t>(j)];
    }
    return fem::evaluate(plan_.scalar.mesh, space, component, cell, reference, gradient);
  }

  const SystemAssembler::Plan& plan_;
  const SystemAssembler::State& state_;
  Pass pass_;
  SystemData data_;
  std::array<device::View<const double*>, 3> held_;
};

Assembler::Options scalar_options(const SystemAssembler::Options& options) {
  Assembler::Options scalar;
  scalar.tile_shift = options.tile_shift;
  return scalar;
}

}  // namespace

SystemTable::SystemTable(const ReferenceTable& table)
    : held(table),
      points(table.points),
      shapes{table.shapes.data(), table.n_points, table.n_nodes, table.n_nodes_padded},
      weights(table.weights.data()),
      geometry_gradients(table.geometry_gradients.data()),
      geometry_values(table.geometry_values.data()),
      seconds(table.seconds.data()),
      geometry_seconds(table.geometry_seconds.data()),
      n_wide(kernels::padded(table.n_nodes)) {
  const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), table.shapes);
  const auto n = static_cast<std::size_t>(table.n_nodes),
             n_padded = static_cast<std::size_t>(table.n_nodes_padded),
             n_rows = host.extent(0) / n_padded;
  std::vector<double> rows(n_rows * static_cast<std::size_t>(n_wide), 0.0);
  for (std::size_t r = 0; r < n_rows; ++r) {
    for (std::size_t i = 0; i < n; ++i)
      rows[r * static_cast<std::size_t>(n_wide) + i] = host(r * n_padded + i);
  }
  wide = device::to_device("ritz::assembly::wide_shapes", rows.data(), rows.size());
}

SystemAssembler::Plan::Plan(const mesh::Mesh& mesh, const fem::Space& space,
                            const physics::SystemForm& form_in, const Options& options_in)
    : form(form_in),
      options(options_in),
      traits(physics::system_traits(form)),
      scalar(mesh, space, scalar_options(options_in)),
      values(mesh, space, form) {
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells());
  scalar.block = m();
  const auto n_local = static_cast<std::size_t>(space.n_local());
  build_pattern(scalar, {std::vector<std::uint8_t>(n_local, 0), std::vector<double>(n_local, 0.0)});
  scalar.cell_dofs = as_device("ritz::assembly::cell_dofs", space.cell_dofs);
  scalar.cell_nodes = as_device("ritz::assembly::cell_nodes", mesh.cell_nodes);
  scalar.cell_region = as_device("ritz::assembly::cell_region", mesh.cell_region);
  scalar.coordinates = as_device("ritz::assembly::coordinates", mesh.node_coordinates);

  const std::vector<std::uint8_t>& fixed = values.is_fixed();
  is_fixed = device::to_device("ritz::assembly::is_fixed", fixed.data(), fixed.size());
  std::vector<std::uint8_t> touches(n_cells, 0);
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    for (const LocalId dof : space.dofs(static_cast<LocalId>(cell))) {
      for (int i = 0; i < m(); ++i) {
        touches[cell] |= fixed[static_cast<std::size_t>(dof) * static_cast<std::size_t>(m()) +
                               static_cast<std::size_t>(i)];
      }
    }
  }
  touches_fixed = device::to_device("ritz::assembly::touches_fixed", touches.data(), n_cells);

  for (int p = 0; p < n_passes; ++p)
    cell_terms[static_cast<std::size_t>(p)] = SystemTerms(form, static_cast<Pass>(p));
  const SystemTerms& jacobian = cell_terms[static_cast<std::size_t>(Pass::jacobian)];
  constant_jacobian = !jacobian.view().any_program;
  const fem::Element& element = space.element;
  const int k = element.degree();
  const bool simplex = !mesh::is_tensor(mesh.cell_type) || mesh.cell_type == mesh::CellType::line;
  closed_form = constant_jacobian && k == 1 && mesh.geometry_order == 1 && simplex;
  if (options.kernel == Options::Kernel::closed_form && !closed_form)
    internal_error("the wanted element kernel does not fit the element or the form");
  const auto make_table = [&](const fem::Quadrature& rule) {
    return SystemTable(tabulate(mesh, element, rule, form.has_curvature));
  };
  const bool given = options.quadrature_degree >= 0;
  const int degree = given ? options.quadrature_degree : general_degree(mesh, k);
  table = make_table(fem::quadrature(mesh.cell_type, degree));
  const int lower = given ? degree : constant_degree(mesh, k, jacobian.all_kinds());
  constant_table = make_table(fem::quadrature(mesh.cell_type, lower));
  if (mesh::is_tensor(mesh.cell_type)) lumping_table = make_table(nodal_rule(element));

  for (int p = 0; p < 3; ++p)
    facet_terms[static_cast<std::size_t>(p)] =
        SystemTerms::of_boundaries(form, static_cast<Pass>(p));
  // As boundary_terms.cpp has it.
  facet_table.emplace(mesh, element, 2 * k + 1 + 2 * (mesh.geometry_order - 1));
  facets = list_facets(*this);
  const auto records = [&](const char* label) {
    return device::View<SystemRecord*>(
        Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing),
        static_cast<std::size_t>(scalar.map.n_tiles));
  };
  cell_records = records("ritz::assembly::cell_records");
  facet_records = records("ritz::assembly::facet_records");
}

const la::CsrPattern& SystemAssembler::Plan::block_pattern() const {
  if (pattern.row_offsets.extent(0) == 0) pattern = expand(scalar.pattern, m());
  return pattern;
}

SystemAssembler::SystemAssembler(const mesh::Mesh& mesh, const fem::Space& space,
                                 const physics::SystemForm& form)
    : SystemAssembler(mesh, space, form, Options{}) {}

SystemAssembler::SystemAssembler(const mesh::Mesh& mesh, const fem::Space& space,
                                 const physics::SystemForm& form, const Options& options) {
  space.communicator.together([&] {
    if (!mesh.has_ghosts) internal_error("the mesh has no ghost cells");
    if (options.tile_shift < 0 || options.tile_shift > max_tile_shift)
      internal_error("tile_shift out of range");
    if (form.dimension != mesh.dimension())
      internal_error("the system and the mesh differ in dimension");
    if (form.regions.size() != mesh.region_names.size())
      internal_error("the system has " + std::to_string(form.regions.size()) +
                     " regions, the mesh " + std::to_string(mesh.region_names.size()));
    physics::check_system(form);
    if (static_cast<std::int64_t>(space.n_local()) * form.n_unknowns() >
        std::numeric_limits<LocalId>::max()) {
      throw base::Error(base::ExitCode::memory,
                        "assembly: " + std::to_string(space.n_local()) + " nodes with " +
                            std::to_string(form.n_unknowns()) +
                            " unknowns on one rank are more than local numbers reach: use more "
                            "ranks");
    }
  });
  plan_ = std::make_unique<Plan>(mesh, space, form, options);
}

SystemAssembler::~SystemAssembler() = default;
SystemAssembler::SystemAssembler(SystemAssembler&&) noexcept = default;
SystemAssembler& SystemAssembler::operator=(SystemAssembler&&) noexcept = default;

int SystemAssembler::n_unknowns() const {
  return plan_->m();
}

la::Layout SystemAssembler::layout() const {
  const fem::Space& space = plan_->scalar.space;
  const int m = plan_->m();
  la::Layout layout{space.communicator,
                    static_cast<LocalId>(space.n_owned * m),
                    space.first * m,
                    space.n_global * m,
                    {},
                    {}};
  for (std::size_t g = 0; g < space.ghost_solver_id.size(); ++g) {
    for (int i = 0; i < m; ++i) {
      layout.ghost_ids.push_back(space.ghost_solver_id[g] * m + i);
      layout.ghost_owners.push_back(space.ghost_owner[g]);
    }
  }
  return layout;
}

const la::CsrPattern& SystemAssembler::pattern() const {
  return plan_->block_pattern();
}

const std::vector<std::uint8_t>& SystemAssembler::is_fixed() const {
  return plan_->values.is_fixed();
}

const physics::SystemTraits& SystemAssembler::traits() const {
  return plan_->traits;
}

SystemAssembler::Fixed SystemAssembler::fixed_values(double time, std::span<double> u) const {
  return plan_->values.write(time, u);
}

SystemAssembler::Result SystemAssembler::residual(const State& state, const la::Vector& r) const {
  SystemPass pass(*plan_, state, Pass::residual);
  pass.want_residual(r);
  return pass.run();
}

SystemAssembler::Result SystemAssembler::jacobian(const State& state, double rate_shift,
                                                  double second_shift,
                                                  const la::Vector& values) const {
  if (plan_->options.residual_only) internal_error("a Jacobian of residuals only");
  SystemPass pass(*plan_, state, Pass::jacobian);
  pass.want_jacobian(values, rate_shift, second_shift);
  return pass.run();
}

SystemAssembler::Result SystemAssembler::both(const State& state, double rate_shift,
                                              double second_shift, const la::Vector& r,
                                              const la::Vector& values) const {
  if (plan_->options.residual_only) internal_error("a Jacobian of residuals only");
  if (plan_->constant_jacobian) {
    // Cheaper by itself: fewer points, or none.
    Result result = residual(state, r);
    Result other = jacobian(state, rate_shift, second_shift, values);
    return result.bad_cell >= 0 ? result : other;
  }
  SystemPass pass(*plan_, state, Pass::both);
  pass.want_residual(r);
  pass.want_jacobian(values, rate_shift, second_shift);
  return pass.run();
}

SystemAssembler::Result SystemAssembler::lumped_mass(const State& state, int order,
                                                     const la::Vector& d) const {
  if (order != 1 && order != 2) internal_error("a lumped mass of order " + std::to_string(order));
  SystemPass pass(*plan_, state, order == 1 ? Pass::mass_1 : Pass::mass_2);
  pass.want_residual(d);
  pass.keep_fixed();
  return pass.run();
}

int SystemAssembler::quadrature_degree() const {
  return plan_->options.quadrature_degree >= 0
             ? plan_->options.quadrature_degree
             : general_degree(plan_->scalar.mesh, plan_->scalar.space.element.degree());
}

bool SystemAssembler::has_constant_jacobian() const {
  return plan_->constant_jacobian;
}

std::size_t SystemAssembler::bytes() const {
  const auto pattern_bytes = [](const la::CsrPattern& p) {
    return p.row_offsets.span() * sizeof(std::size_t) + p.columns.span() * sizeof(LocalId);
  };
  return pattern_bytes(plan_->pattern) + pattern_bytes(plan_->scalar.pattern) +
         plan_->scalar.map.bytes() + plan_->is_fixed.span() + plan_->touches_fixed.span() +
         plan_->scratch.span() * sizeof(double) +
         plan_->values.is_fixed().size() * (2 + sizeof(double));
}

std::string SystemAssembler::Result::text() const {
  if (bad_cell < 0) return {};
  // The sign of a NaN says nothing.
  const auto number = [](double value) {
    return std::isnan(value) ? std::string("nan") : base::number_text(value);
  };
  std::string text = bad_term + " is " + number(bad_value) + " at (" + number(bad_point[0]) + ", " +
                     number(bad_point[1]) + ", " + number(bad_point[2]) + ")";
  std::string list;
  for (const auto& [name, value] : variables) {
    if (name == "x" || name == "y" || name == "z") continue;
    list += (list.empty() ? ", where " : ", ") + name + " = " + number(value);
  }
  return text + list;
}

}  // namespace ritz::assembly
