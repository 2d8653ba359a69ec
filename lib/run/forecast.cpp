#include "ritz/run/forecast.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/mesh/cell_type.hpp"
#include "ritz/run/matrix_free.hpp"

namespace ritz::run {

namespace {

using mesh::CellType;

/// Numbers of the entities of a mesh. `edges` and `faces` are those between vertices and cells:
/// none on a line, no faces in the plane.
struct Entities {
  CellType type = CellType::point;
  double vertices = 0, edges = 0, faces = 0, cells = 0;
  double outer_facets = 0;
};

/// Each facet has two cells, an outer one has one; in space Euler's formula for a body without
/// holes, V - E + F - C = 1, gives the edges.
Entities entities(CellType type, double vertices, double cells, double outer_facets) {
  const mesh::CellTable& table = mesh::table(type);
  Entities result{type, vertices, 0, 0, cells, outer_facets};
  const double facets = (table.n_facets * cells + outer_facets) / 2;
  if (table.dimension == 2) result.edges = facets;
  if (table.dimension == 3) {
    result.faces = facets;
    result.edges = vertices + facets - cells - 1;
  }
  return result;
}

/// Points of the order-k lattice: the unknowns of degree k, the nodes of order k.
double lattice_points(const Entities& mesh, int k) {
  return mesh.vertices + mesh.edges * mesh::n_interior_points(CellType::line, k) +
         (mesh.faces > 0
              ? mesh.faces * mesh::n_interior_points(mesh::table(mesh.type).facet_type, k)
              : 0.0) +
         mesh.cells * mesh::n_interior_points(mesh.type, k);
}

/// Pairs of unknowns of degree k that share a cell: the stored entries.
///
/// Counted by inclusion and exclusion. A pair lies in the closure of some smallest entity and in
/// that of everything around it. The signed number, sum of (-1)^dimension over the entities around
/// one, is (-1)^d inside (an open ball) and 0 on the boundary (half a ball), where the same sum
/// over the boundary's own entities gives (-1)^(d-1). So with n the number of unknowns on an entity
/// of its closure: (-1)^d sum (-1)^dim n^2 over all, and the same once more over the boundary.
double matrix_entries(const Entities& mesh, int k) {
  const mesh::CellTable& table = mesh::table(mesh.type);
  const auto square = [k](CellType type) {
    const double n = mesh::n_lattice_points(type, k);
    return n * n;
  };
  const double cells = mesh.cells * square(mesh.type), edge = square(CellType::line);
  if (table.dimension == 1) return cells - mesh.vertices + 2;
  if (table.dimension == 2) {
    const double outer = mesh.outer_facets;  // a closed polygon: as many corners
    return cells - mesh.edges * edge + mesh.vertices + outer * edge - outer;
  }
  const double face = square(table.facet_type), outer_faces = mesh.outer_facets;
  const double outer_edges = outer_faces * mesh::table(table.facet_type).n_edges / 2;
  const double outer_vertices = outer_edges - outer_faces + 2;  // a sphere
  return cells - mesh.faces * face + mesh.edges * edge - mesh.vertices + outer_faces * face -
         outer_edges * edge + outer_vertices;
}

/// The outer facets of a cube of so many cells: what a file without facets is taken to have.
double facets_of_a_cube(CellType type, double cells) {
  switch (type) {
    case CellType::tri:
      return 4 * std::sqrt(cells / 2);
    case CellType::quad:
      return 4 * std::sqrt(cells);
    case CellType::tet:
      return 12 * std::pow(cells / 6, 2.0 / 3);
    case CellType::hex:
      return 6 * std::pow(cells, 2.0 / 3);
    case CellType::line:
    case CellType::point:
      break;
  }
  return 2;
}

/// The mesh of the deck before refinement.
Entities coarse_mesh(const deck::Problem& problem, const MeshNames& names) {
  const CellType type = mesh::cell_type(names.cell_type);
  const auto cells = static_cast<double>(names.n_cells);
  if (problem.mesh.kind == deck::MeshKind::box) {
    double vertices = 1, bricks = 1;
    for (std::int64_t n : problem.mesh.box.cells) {
      vertices *= static_cast<double>(n) + 1;
      bricks *= static_cast<double>(n);
    }
    double outer = 0;
    for (std::int64_t n : problem.mesh.box.cells) outer += 2 * bricks / static_cast<double>(n);
    return entities(type, vertices, cells, type == CellType::tet ? 2 * outer : outer);
  }
  const double outer = std::max(static_cast<double>(names.n_facets), facets_of_a_cube(type, cells));
  auto vertices = static_cast<double>(names.n_nodes);
  if (names.geometry_order == 2) {
    // The nodes are the order-2 lattice, which grows linearly with the vertices.
    const double at_zero = lattice_points(entities(type, 0, cells, outer), 2);
    const double at_one = lattice_points(entities(type, 1, cells, outer), 2);
    vertices = (vertices - at_zero) / (at_one - at_zero);
  }
  return entities(type, vertices, cells, outer);
}

/// Diffusion and reaction are written as numbers.
bool has_numbers_only(const deck::Problem& problem) {
  const auto is_number = [](const deck::Formula& formula) {
    double value = 0;
    const char* end = formula.text.data() + formula.text.size();
    const auto [stop, error] = std::from_chars(formula.text.data(), end, value);
    return error == std::errc() && stop == end;
  };
  const auto simple = [&](const deck::Coefficients& c) {
    return (!c.diffusion ||
            std::all_of(c.diffusion->entries.begin(), c.diffusion->entries.end(), is_number)) &&
           (!c.reaction || is_number(*c.reaction));
  };
  return simple(problem.equation.coefficients) &&
         std::all_of(problem.materials.begin(), problem.materials.end(),
                     [&](const deck::Material& m) { return simple(m.coefficients); });
}

}  // namespace

Forecast forecast(const deck::Problem& problem, const MeshNames& names,
                  const EquationTraits& equations, int n_ranks) {
  const CellType type = mesh::cell_type(names.cell_type);
  const int dimension = mesh::table(type).dimension;
  const int degree = problem.space.degree;
  const double ranks = n_ranks;
  Entities mesh = coarse_mesh(problem, names);
  for (int i = 0; i < problem.mesh.refine; ++i) {
    // Uniform refinement puts a vertex on every point of the order-2 lattice.
    mesh = entities(type, lattice_points(mesh, 2), mesh.cells * std::pow(2.0, dimension),
                    mesh.outer_facets * std::pow(2.0, dimension - 1));
  }
  Forecast result;
  result.exact = problem.mesh.kind == deck::MeshKind::box;
  result.n_cells = mesh.cells;
  // Blocks of all unknowns of a node with all of another.
  const auto components = static_cast<double>(deck::unknown_names(problem, dimension).size());
  result.n_unknowns = lattice_points(mesh, degree) * components;
  result.n_entries = matrix_entries(mesh, degree) * components * components;

  solve::Context context;
  context.cell_type = names.cell_type;
  context.degree = degree;
  context.dimension = dimension;
  context.indefinite = problem.equation.kind == deck::EquationKind::helmholtz;
  const OperatorFacts facts{names.cell_type, degree, std::llround(result.n_unknowns),
                            equations.symmetric,
                            n_coarser_meshes(problem, names.cell_type, n_ranks) > 0};
  const bool matrix_free =
      !equations.needs_matrix && choose_operator(problem.solver, facts).matrix_free;
  result.solver = solve::pick(problem.solver, equations.symmetric, std::llround(result.n_unknowns),
                              context, matrix_free);

  const double cells = result.n_cells / ranks, unknowns = result.n_unknowns / ranks;
  const double nodes_per_cell = mesh::n_lattice_points(type, names.geometry_order);
  const double dofs_per_cell = mesh::n_lattice_points(type, degree);
  const double nodes = lattice_points(mesh, names.geometry_order) / ranks;
  // ids, connectivity, region, flags; the copy that is moved between ranks lives at the same time.
  result.mesh_bytes = 2 * (cells * (8 + 4 * nodes_per_cell + 3) + nodes * (8 + 8 * dimension));
  result.space_bytes = cells * 4 * dofs_per_cell + unknowns * 40;
  const double slot_bytes = result.n_entries > 120 * result.n_unknowns ? 2 : 1;
  result.matrix_bytes = result.n_entries / ranks * 12 + unknowns * 32 +
                        cells * (slot_bytes * dofs_per_cell * dofs_per_cell + 24);
  if (problem.equation.kind == deck::EquationKind::thermo_elasticity) {
    // Heat and body are solved one after the other, each with a copy of its block.
    const double body = components - 1;
    result.matrix_bytes +=
        result.n_entries / ranks * 12 * (1 + body * body) / (components * components);
  }
  const std::string& preconditioner = result.solver.preconditioner;
  double factor = 1.8;  // algebraic multigrid: hierarchy and its set-up
  if (preconditioner == "none" || preconditioner == "jacobi" || preconditioner == "chebyshev")
    factor = 0;
  if (preconditioner == "ilu") factor = 1.5;
  if (preconditioner == "direct") factor = dimension == 3 ? 40 : 12;
  result.solver_bytes = result.n_entries / ranks * 12 * factor + unknowns * 8 * 10;
  if (matrix_free) {
    // Indices of entities; a few numbers of boxes along the axes, the edges of cells of first
    // order, or the symmetric tensor at the quadrature points; the same in single precision for
    // multigrid, whose levels add a seventh.
    const bool constant = has_numbers_only(problem);
    const bool boxes = constant && problem.mesh.kind == deck::MeshKind::box &&
                       problem.mesh.box.distortion == deck::Distortion::none &&
                       problem.mesh.box.map.empty();
    const bool edges =
        constant && equations.symmetric && names.geometry_order == 1 && degree > 1 && dimension > 1;
    const double points = std::pow(degree + 1, dimension);
    const double tensor = boxes   ? 8.0
                          : edges ? dimension * (std::exp2(dimension) - 1) + 2
                                  : points * dimension * (dimension + 1) / 2;
    const double maps = equations.is_system  // rows and places of the nodes, for the residual
                            ? result.n_entries / (components * components) / ranks * 4 +
                                  cells * (slot_bytes * dofs_per_cell * dofs_per_cell + 24)
                            : 0.0;
    const bool cycle = preconditioner == "multigrid";
    const double single = problem.solver.multigrid.precision == "float" ? 4 : 8;
    result.n_entries = 0;
    result.matrix_bytes = cells * (8 * tensor + 4 * std::pow(3, dimension)) + unknowns * 24 + maps;
    result.solver_bytes =
        unknowns * 8 * 10 + (cycle ? 8.0 / 7 *
                                         (cells * (single * tensor + 4 * std::pow(3, dimension)) +
                                          unknowns * 7 * single)
                                   : 0.0);
  }
  result.base_bytes = 120.0 * 1024 * 1024;
  if (problem.output.fields) {
    // Points with three coordinates and values; connectivity, offset, type, region and rank of a
    // cell.
    const int order = std::max(degree, names.geometry_order);
    if (problem.time && problem.output.every) {
      const double length = problem.time->end - problem.time->start;
      result.n_files = std::ceil(length / *problem.output.every - 1e-9) + 1;
    } else if (problem.time && problem.output.every_steps) {
      const double steps = (problem.time->end - problem.time->start) / problem.time->step;
      result.n_files =
          std::ceil(steps / static_cast<double>(*problem.output.every_steps) - 1e-9) + 1;
    }
    if (problem.time) result.n_files += static_cast<double>(problem.output.times.size());
    // The mesh once, in every file the fields and the ranks of the cells.
    const double points = lattice_points(mesh, order);
    result.file_bytes =
        points * 24 + result.n_cells * (8.0 * mesh::n_lattice_points(type, order) + 13) +
        result.n_files *
            (points * 8 * (components + equations.n_further_fields) + result.n_cells * 4);
  }
  return result;
}

std::string text(const Forecast& needs, int n_ranks) {
  return fmt::format(
      "{} cells, {}{} unknowns, {}{}\n"
      "solver: {}+{}{}\n"
      "memory a rank on {} rank{}: about {} (program {}, mesh {}, space {}, matrix {}, solver {})\n"
      "results: {}",
      base::count_text(std::llround(needs.n_cells)), needs.exact ? "" : "about ",
      base::count_text(std::llround(needs.n_unknowns)),
      needs.n_entries > 0 ? base::count_text(std::llround(needs.n_entries)) + " matrix entries"
                          : "no stored matrix",
      needs.exact ? "" : " (from the numbers of nodes, cells and facets in the mesh file)",
      needs.solver.method, needs.solver.preconditioner,
      needs.solver.reason.empty() ? "" : " (auto: " + needs.solver.reason + ")", n_ranks,
      n_ranks == 1 ? "" : "s", base::bytes_text(needs.rank_bytes()),
      base::bytes_text(needs.base_bytes), base::bytes_text(needs.mesh_bytes),
      base::bytes_text(needs.space_bytes), base::bytes_text(needs.matrix_bytes),
      base::bytes_text(needs.solver_bytes),
      needs.file_bytes > 0
          ? base::bytes_text(needs.file_bytes) + " before compression" +
                (needs.n_files > 1 ? fmt::format(" in {:.0f} files", needs.n_files) : "")
          : "not written");
}

}  // namespace ritz::run
