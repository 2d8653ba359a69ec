#include "ritz/run/forecast.hpp"

#include "ritz/base/format.hpp"

#include <cmath>

#include "ritz/base/text.hpp"
#include "ritz/mesh/cell_type.hpp"

namespace ritz::run {

namespace {

/// Unknowns a cell brings and average entries a row, on a large mesh of degree k.
struct Density {
  double unknowns_per_cell;
  double entries_per_row;
};

Density density(mesh::CellType type, int k) {
  const double d = k;
  switch (type) {
    case mesh::CellType::line:
      return {d, d + 2};
    case mesh::CellType::quad:
      return {d * d, (d + 2) * (d + 2)};
    case mesh::CellType::hex:
      return {d * d * d, std::pow(d + 2, 3)};
    // A vertex has 6 triangles; per vertex there are 3 edges and 2 triangles.
    case mesh::CellType::tri: {
      const double edge = d - 1, inside = (d - 1) * (d - 2) / 2;
      const double n_cell = (d + 1) * (d + 2) / 2;
      const double vertex_row = 1 + 6 + 12 * edge + 6 * inside;
      const double edge_row = 2 * n_cell - (d + 1);
      const double total = 1 + 3 * edge + 2 * inside;
      return {total / 2, (vertex_row + 3 * edge * edge_row + 2 * inside * n_cell) / total};
    }
    // Kuhn-like: per vertex 7 edges, 12 faces, 6 tets; a vertex meets 24 tets, 14 neighbours, 36
    // faces.
    case mesh::CellType::tet: {
      const double edge = d - 1, face = (d - 1) * (d - 2) / 2;
      const double n_cell = (d + 1) * (d + 2) * (d + 3) / 6, n_face = (d + 1) * (d + 2) / 2;
      const double vertex_row = 15 + (14 + 36) * edge + (36 + 24) * face;
      const double edge_row = 36.0 / 7 * (n_cell - n_face) + (d + 1);
      const double face_row = 2 * n_cell - n_face;
      const double total = 1 + 7 * edge + 12 * face;
      return {total / 6, (vertex_row + 7 * edge * edge_row + 12 * face * face_row) / total};
    }
    case mesh::CellType::point:
      break;
  }
  return {1, 1};
}

}  // namespace

Forecast forecast(const deck::Problem& problem, GlobalId n_cells, const std::string& cell_type,
                  int geometry_order, int n_ranks) {
  const mesh::CellType type = mesh::cell_type(cell_type);
  const int dimension = mesh::table(type).dimension;
  const int degree = problem.space.degree;
  const double ranks = n_ranks;
  Forecast result;
  result.n_cells = static_cast<double>(n_cells) * std::pow(2.0, dimension * problem.mesh.refine);
  const Density per = density(type, degree);
  result.n_unknowns = result.n_cells * per.unknowns_per_cell;
  if (mesh::is_tensor(type) && problem.mesh.kind == deck::MeshKind::box) {
    result.n_unknowns = 1;
    for (std::int64_t n : problem.mesh.box.cells) {
      result.n_unknowns *= static_cast<double>(n) * std::pow(2.0, problem.mesh.refine) * degree + 1;
    }
  }
  result.n_entries = result.n_unknowns * per.entries_per_row;

  const double cells = result.n_cells / ranks, unknowns = result.n_unknowns / ranks;
  const double nodes_per_cell = mesh::n_lattice_points(type, geometry_order);
  const double dofs_per_cell = mesh::n_lattice_points(type, degree);
  const double nodes = cells * density(type, geometry_order).unknowns_per_cell;
  // ids, connectivity, region, flags; the copy that is moved between ranks lives at the same time.
  result.mesh_bytes = 2 * (cells * (8 + 4 * nodes_per_cell + 3) + nodes * (8 + 8 * dimension));
  result.space_bytes = cells * 4 * dofs_per_cell + unknowns * 40;
  const double slot_bytes = per.entries_per_row > 120 ? 2 : 1;
  result.matrix_bytes = result.n_entries / ranks * 12 + unknowns * 32 +
                        cells * (slot_bytes * dofs_per_cell * dofs_per_cell + 24);
  const std::string& preconditioner = problem.solver.preconditioner;
  double factor = 1.8;  // algebraic multigrid: hierarchy and its set-up
  if (preconditioner == "none" || preconditioner == "jacobi" || preconditioner == "chebyshev")
    factor = 0;
  if (preconditioner == "ilu") factor = 1.5;
  if (preconditioner == "direct") factor = dimension == 3 ? 40 : 12;
  result.solver_bytes = result.n_entries / ranks * 12 * factor + unknowns * 8 * 10;
  result.base_bytes = 120.0 * 1024 * 1024;
  result.file_bytes = result.n_unknowns * 32 + result.n_cells * (8 * dofs_per_cell + 17);
  return result;
}

std::string text(const Forecast& needs, int n_ranks) {
  return fmt::format(
      "about {} cells, {} unknowns, {} matrix entries\n"
      "memory a rank on {} rank{}: {} (program {}, mesh {}, space {}, matrix {}, solver {})\n"
      "results.vtkhdf: {} before compression",
      base::count_text(std::llround(needs.n_cells)),
      base::count_text(std::llround(needs.n_unknowns)),
      base::count_text(std::llround(needs.n_entries)), n_ranks, n_ranks == 1 ? "" : "s",
      base::bytes_text(needs.rank_bytes()), base::bytes_text(needs.base_bytes),
      base::bytes_text(needs.mesh_bytes), base::bytes_text(needs.space_bytes),
      base::bytes_text(needs.matrix_bytes), base::bytes_text(needs.solver_bytes),
      base::bytes_text(needs.file_bytes));
}

}  // namespace ritz::run
