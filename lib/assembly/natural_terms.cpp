#include "natural_terms.hpp"

#include <algorithm>
#include <cmath>

#include "ritz/kernels/coefficient_form.hpp"
#include "ritz/mesh/geometry.hpp"

namespace ritz::assembly {

NaturalTerms::NaturalTerms(const mesh::Mesh& mesh, const fem::Space& space,
                           const physics::SystemForm& form, Pass pass)
    : mesh_(mesh),
      space_(space),
      m_(form.n_unknowns()),
      terms_(SystemTerms::of_boundaries(form, pass)) {
  for (std::size_t b = 0; b < form.boundaries.size(); ++b) {
    if (!has_terms(form, static_cast<int>(b))) continue;
    for (const mesh::FacetInSet& f : facets_in_sets(mesh, form.boundaries[b].sets)) {
      if (f.cell < mesh.n_cells_owned)
        list_.push_back({f.cell, f.facet, static_cast<std::int32_t>(b)});
    }
  }
  if (list_.empty()) return;
  table_.emplace(mesh, space.element,
                 2 * space.element.degree() + 1 + 2 * (mesh.geometry_order - 1));
  const mesh::CellTable& cell = mesh::table(mesh.cell_type);
  for (int f = 0; f < cell.n_facets; ++f) normals_.push_back(normal(cell, f));
  const TermsView& view = terms_.view();
  const auto n = static_cast<std::size_t>(n_points());
  variables_.assign(static_cast<std::size_t>(view.n_rows) * n, 0.0);
  measure_.resize(n);
  outputs_.resize(static_cast<std::size_t>(view.n_outputs) * n);
  registers_.resize(static_cast<std::size_t>(view.n_registers) *
                    static_cast<std::size_t>(view.block));
}

bool NaturalTerms::has_terms(const physics::SystemForm& form, int boundary) const {
  const physics::SystemForm::Boundary& one = form.boundaries[static_cast<std::size_t>(boundary)];
  if (one.kind != physics::SystemForm::Boundary::Kind::natural) return false;
  const TermsView& view = terms_.view();
  if (view.has_residual) return !one.value.is_constant() || one.value.constant_value() != 0.0;
  for (int s = 0; s < view.n_slots; ++s) {
    const JacobianSlot slot = view.jacobian(static_cast<std::size_t>(boundary * view.n_slots + s));
    if (slot.row[0] >= 0 || slot.constant[0] != 0.0) return true;
  }
  return false;
}

/// Outward normal of a facet of the unit cell: along the axis in which its vertices agree.
std::array<double, 3> NaturalTerms::normal(const mesh::CellTable& cell, int facet) {
  std::array<double, 3> result{};
  const auto& vertices = cell.facets[static_cast<std::size_t>(facet)];
  for (std::size_t d = 0; d < static_cast<std::size_t>(cell.dimension); ++d) {
    const double x = cell.vertices[static_cast<std::size_t>(vertices[0])][d];
    bool agree = true;
    for (int i = 1; i < 1 << (cell.dimension - 1); ++i) {
      agree =
          agree &&
          cell.vertices[static_cast<std::size_t>(vertices[static_cast<std::size_t>(i)])][d] == x;
    }
    if (agree) result[d] = x > 0.5 ? 1.0 : -1.0;
  }
  return result;
}

/// Rows x, y, z, nx, ny, nz, and weight * ds, with n ds = adj(J)^T N.
void NaturalTerms::place_points(std::size_t f) {
  const BoundaryFacet& facet = list_[f];
  const int dim = mesh_.dimension(), n_points = table_->n_points;
  const auto n = static_cast<std::size_t>(n_points);
  const int n_geometry = mesh_.nodes_per_cell();
  const LocalId* nodes = mesh_.cell_nodes.data() + static_cast<std::size_t>(facet.cell) *
                                                       static_cast<std::size_t>(n_geometry);
  const std::array<double, 3>& reference = normals_[static_cast<std::size_t>(facet.facet)];
  for (int q = 0; q < n_points; ++q) {
    const double* gradient =
        table_->geometry_gradients.data() + (facet.facet * n_points + q) * n_geometry * dim;
    const double* shape =
        table_->geometry_values.data() + (facet.facet * n_points + q) * n_geometry;
    double j[9] = {}, place[3] = {}, adjugate[9] = {}, normal[3] = {}, square = 0;
    for (int a = 0; a < n_geometry; ++a) {
      const double* x = mesh_.node_coordinates.data() +
                        static_cast<std::size_t>(nodes[a]) * static_cast<std::size_t>(dim);
      for (int d = 0; d < dim; ++d) {
        place[d] += shape[a] * x[d];
        for (int e = 0; e < dim; ++e) j[d * dim + e] += x[d] * gradient[a * dim + e];
      }
    }
    if (dim == 1) (void)kernels::adjugate<1>(j, adjugate);
    if (dim == 2) (void)kernels::adjugate<2>(j, adjugate);
    if (dim == 3) (void)kernels::adjugate<3>(j, adjugate);
    for (int d = 0; d < dim; ++d) {
      for (int e = 0; e < dim; ++e)
        normal[d] += adjugate[e * dim + d] * reference[static_cast<std::size_t>(e)];
      square += normal[d] * normal[d];
    }
    const double length = std::sqrt(square);
    const auto at = static_cast<std::size_t>(q);
    measure_[at] = table_->weights(at) * length;
    for (int d = 0; d < 3; ++d) {
      variables_[static_cast<std::size_t>(d) * n + at] = place[d];
      variables_[static_cast<std::size_t>(3 + d) * n + at] = normal[d] / length;
    }
  }
}

void NaturalTerms::interpolate(std::size_t f, const SystemAssembler::State& state) {
  const auto n = static_cast<std::size_t>(n_points()), nodes = static_cast<std::size_t>(n_nodes());
  const auto dofs = space_.dofs(list_[f].cell);
  const double* shape = shapes(f);
  for (int j = 0; j < m_; ++j) {
    if (terms_.view().unknown_reads(static_cast<std::size_t>(j)) == 0) continue;
    for (std::size_t q = 0; q < n; ++q) {
      double sum = 0;
      for (std::size_t a = 0; a < nodes; ++a) {
        const LocalId dof = dofs[static_cast<std::size_t>(node(f, static_cast<int>(a)))];
        sum += state.u[static_cast<std::size_t>(dof * m_ + j)] * shape[q * nodes + a];
      }
      variables_[static_cast<std::size_t>(6 + j) * n + q] = sum;
    }
  }
}

void NaturalTerms::run_program(std::size_t f) {
  const expr::ProgramView program =
      terms_.view().programs(static_cast<std::size_t>(list_[f].boundary));
  const int count = n_points();
  for (int begin = 0; program.n_outputs > 0 && begin < count; begin += program.block) {
    program.evaluate_block(variables_.data() + begin, count, std::min(program.block, count - begin),
                           registers_.data(), program.block, outputs_.data() + begin, count);
  }
}

void NaturalTerms::note_bad(std::size_t f, double time, SystemAssembler::Result& bad) const {
  const BoundaryFacet& facet = list_[f];
  const int n_outputs = terms_.view().programs(static_cast<std::size_t>(facet.boundary)).n_outputs;
  const auto n = static_cast<std::size_t>(n_points());
  for (int r = 0; r < n_outputs; ++r) {
    for (std::size_t q = 0; q < n; ++q) {
      const double value = outputs_[static_cast<std::size_t>(r) * n + q];
      if (!is_bad(value)) continue;
      bad.bad_cell = facet.cell;
      bad.bad_point = mesh::map_to_physical(
          mesh_, facet.cell, table_->cell_points[static_cast<std::size_t>(facet.facet) * n + q]);
      bad.bad_term = terms_.output_name(facet.boundary, r);
      bad.bad_value = value;
      bad.variables.emplace_back("t", time);
      return;
    }
  }
}

}  // namespace ritz::assembly
