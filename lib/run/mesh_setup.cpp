#include "ritz/run/mesh_setup.hpp"

#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "mesh_map.hpp"
#include "points.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/mesh/box.hpp"
#include "ritz/mesh/gmsh.hpp"
#include "ritz/mesh/periodic.hpp"
#include "ritz/run/form.hpp"
#include "ritz/run/system_form.hpp"

namespace ritz::run {

namespace {

mesh::Box box_of(const deck::BoxMesh& options) {
  mesh::Box box;
  box.cell_type = mesh::cell_type(options.cell_type);
  for (std::size_t d = 0; d < options.cells.size(); ++d) {
    box.cells[d] = options.cells[d];
    box.lower[d] = options.lower[d];
    box.upper[d] = options.upper[d];
    box.grading[d] = options.grading[d];
  }
  box.distortion = options.distortion == deck::Distortion::smooth   ? mesh::Box::Distortion::smooth
                   : options.distortion == deck::Distortion::random ? mesh::Box::Distortion::random
                   : options.distortion == deck::Distortion::kershaw
                       ? mesh::Box::Distortion::kershaw
                       : mesh::Box::Distortion::none;
  box.distortion_amount = options.distortion_amount;
  box.seed = static_cast<std::uint64_t>(options.seed);
  return box;
}

/// How the deck's box is coarsened on so many ranks: by its spacings, its map and the equation's
/// diffusion where that is one number or one for each direction, without the diffusion elsewhere.
std::vector<mesh::Directions> box_steps(const deck::Problem& problem, int n_ranks) {
  const mesh::Box box = box_of(problem.mesh.box);
  const int dimension = static_cast<int>(problem.mesh.box.cells.size());
  base::Diagnostics ignored;  // what is wrong with the formulas is told elsewhere
  const physics::Form form = make_form(problem, dimension, {deck::box_region}, {}, ignored);
  const std::vector<physics::Coefficient>& entries = form.regions.front().diffusion;
  std::array<double, 3> diffusion{1, 1, 1};
  const bool constant =
      std::all_of(entries.begin(), entries.end(), [](const auto& one) { return one.is_constant; });
  if (constant && form.regions.front().diffusion_kind == physics::DiffusionKind::diagonal) {
    for (std::size_t d = 0; d < entries.size() && d < 3; ++d) diffusion[d] = entries[d].value;
  }
  return mesh::box_steps(box, n_ranks, MeshMap(problem, ignored).pulled_back(diffusion));
}

/// Coordinates (3) of the vertices of a facet, and of their mean as the last one.
std::vector<std::array<double, 3>> facet_points(const mesh::Mesh& mesh, LocalId cell, int facet) {
  const mesh::CellTable& table = mesh::table(mesh.cell_type);
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  std::vector<std::array<double, 3>> points;
  std::array<double, 3> mean{};
  for (const std::int8_t vertex : table.facets[static_cast<std::size_t>(facet)]) {
    if (vertex < 0) continue;
    const auto node = static_cast<std::size_t>(
        mesh.cell_nodes[static_cast<std::size_t>(cell) *
                            static_cast<std::size_t>(mesh.nodes_per_cell()) +
                        static_cast<std::size_t>(vertex)]);
    std::array<double, 3> point{};
    for (std::size_t d = 0; d < dimension; ++d) {
      point[d] = mesh.node_coordinates[node * dimension + d];
      mean[d] += point[d];
    }
    points.push_back(point);
  }
  for (double& one : mean) one /= static_cast<double>(points.size());
  points.push_back(mean);
  return points;
}

/// Runs `visit(cell, facet)` for the outer facets of the local cells.
template <class Visit>
void for_each_exterior_facet(const mesh::Mesh& mesh, LocalId n_cells, const Visit& visit) {
  const int n_facets = mesh::table(mesh.cell_type).n_facets;
  for (LocalId cell = 0; cell < n_cells; ++cell) {
    const unsigned bits = mesh.exterior[static_cast<std::size_t>(cell)];
    if (bits == 0) continue;
    for (int facet = 0; facet < n_facets; ++facet) {
      if (bits >> facet & 1U) visit(cell, facet);
    }
  }
}

}  // namespace

MeshNames mesh_names(const comm::Communicator& communicator, const deck::Problem& problem) {
  MeshNames names;
  if (problem.mesh.kind == deck::MeshKind::box) {
    const deck::BoxMesh& box = problem.mesh.box;
    names.dimension = static_cast<int>(box.cells.size());
    names.regions = {deck::box_region};
    names.sets = deck::box_set_names(names.dimension);
    names.cell_type = box.cell_type;
    names.n_cells = 1;
    names.geometry_order = box.order;
    for (std::int64_t n : box.cells) names.n_cells *= n;
    if (box.cell_type == "tri") names.n_cells *= 2;
    if (box.cell_type == "tet") names.n_cells *= 6;
    return names;
  }
  std::string regions, sets;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    const mesh::MeshHeader header = mesh::read_gmsh_header(problem.mesh.file);
    names.dimension = header.dimension;
    for (const std::string& one : header.region_names) regions += one + '\n';
    for (const std::string& one : header.set_names) sets += one + '\n';
    names.n_cells = header.n_cells;
    names.cell_type = std::string(mesh::table(header.cell_type).name);
    names.geometry_order = header.geometry_order;
    names.n_nodes = header.n_nodes;
    const std::string_view facet = mesh::table(mesh::table(header.cell_type).facet_type).name;
    for (const auto& [name, count] : header.element_counts) {
      if (name.starts_with(facet)) names.n_facets += count;
    }
  });
  communicator.broadcast(names.dimension);
  communicator.broadcast(names.n_cells);
  communicator.broadcast(names.cell_type);
  communicator.broadcast(names.geometry_order);
  communicator.broadcast(names.n_nodes);
  communicator.broadcast(names.n_facets);
  communicator.broadcast(regions);
  communicator.broadcast(sets);
  const auto split = [](const std::string& text) {
    std::vector<std::string> parts;
    std::size_t at = 0;
    for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      parts.push_back(text.substr(at, end - at));
    }
    return parts;
  };
  names.regions = split(regions);
  names.sets = split(sets);
  return names;
}

void add_predicate_sets(mesh::Mesh& mesh, const deck::Problem& problem) {
  if (problem.mesh.sets.empty()) return;
  base::Diagnostics diagnostics;
  const expr::Symbols names = symbols(problem);
  for (const deck::NamedSet& set : problem.mesh.sets) {
    const auto condition = compile(set.predicate, "mesh.sets." + set.name.text, expr::Type::boolean,
                                   names, diagnostics);
    if (!condition) continue;
    const auto index = static_cast<std::int16_t>(mesh.set_names.size());
    const expr::Program program = condition->compile();
    mesh.set_names.push_back(set.name.text);
    GlobalId n_mine = 0;
    for_each_exterior_facet(mesh, mesh.n_cells(), [&](LocalId cell, int facet) {
      bool inside = true;
      for (const auto& point : facet_points(mesh, cell, facet)) {
        const std::array<double, 4> variables{point[0], point[1], point[2], 0.0};
        double value = 0;
        program.evaluate(variables, std::span(&value, 1));
        inside = inside && value != 0.0;
      }
      if (!inside) return;
      mesh.facet_sets.push_back({cell, static_cast<std::int16_t>(facet), index});
      if (cell < mesh.n_cells_owned) ++n_mine;
    });
    if (mesh.communicator.sum(n_mine) == 0) {
      diagnostics.error(
          set.predicate.where,
          fmt::format("mesh.sets.{} = \"{}\" holds no outer facet: all vertices of a facet "
                      "must satisfy it ('ritz mesh info' tells the bounding box; allow for "
                      "round-off, x < 1e-9 instead of x == 0)",
                      set.name.text, set.predicate.text));
    }
  }
  std::sort(mesh.facet_sets.begin(), mesh.facet_sets.end());
  diagnostics.throw_errors(base::ExitCode::deck);
}

namespace {

/// Whether two conditions on one facet contradict each other: one component prescribed twice, or a
/// natural term where everything is prescribed. Natural terms add up. Symmetry prescribes what
/// depends on the facet: taken to leave room for the others.
bool boundaries_clash(const deck::Boundary& a, const deck::Boundary& b) {
  using Kind = deck::Boundary::Kind;
  const auto prescribed = [](const deck::Boundary& one) {
    std::vector<bool> components;
    if (one.kind == Kind::value) components.push_back(true);
    for (const auto& value : one.displacement) components.push_back(value.has_value());
    return components;
  };
  const std::vector<bool> first = prescribed(a), second = prescribed(b);
  const auto all = [](const std::vector<bool>& components) {
    return !components.empty() &&
           std::find(components.begin(), components.end(), false) == components.end();
  };
  if (all(first) || all(second)) return true;
  for (std::size_t c = 0; c < std::min(first.size(), second.size()); ++c) {
    if (first[c] && second[c]) return true;
  }
  return false;
}

/// Joins the sides of the deck's [[periodic]] tables on every mesh. Collective.
void join_sides(mesh::Hierarchy& meshes, const deck::Problem& problem) {
  if (problem.periodics.empty()) return;
  mesh::inherit_sets(meshes);
  const mesh::Mesh& finest = meshes.finest();
  std::vector<mesh::PeriodicSets> sets;
  for (const deck::Periodic& one : problem.periodics) {
    const auto index = [&](const std::string& name) {
      const auto place = std::find(finest.set_names.begin(), finest.set_names.end(), name);
      if (place == finest.set_names.end()) {
        throw base::Error(base::ExitCode::internal,
                          "a set of [[periodic]] is not in the mesh; please report this");
      }
      return static_cast<std::int16_t>(place - finest.set_names.begin());
    };
    sets.push_back({index(one.from.text), index(one.to.text), one.translation, one.tolerance});
  }
  const std::vector<mesh::JoinedSets> results = mesh::join_facets(meshes, sets);
  base::Diagnostics diagnostics;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const deck::Periodic& one = problem.periodics[i];
    if (!results[i].problem.empty()) {
      diagnostics.error(one.where, fmt::format("periodic[{}]: {}", i, results[i].problem));
    } else if (problem.equation.is_axisymmetric && results[i].translation[0] != 0) {
      diagnostics.error(one.where,
                        fmt::format("periodic[{}] joins sides across the axis of a body of "
                                    "revolution; only sides that differ along y can be joined",
                                    i));
    }
  }
  diagnostics.throw_errors(base::ExitCode::deck);
}

/// The conditions of one unknown (all, where the equation is for a vector).
void resolve_boundaries_of(mesh::Mesh& mesh, const deck::Problem& problem, int unknown,
                           base::Diagnostics& diagnostics) {
  const int n_facets = mesh::table(mesh.cell_type).n_facets;
  // boundary_of[set]: the [[boundary]] tables that name it.
  std::vector<std::vector<int>> boundaries_of(mesh.set_names.size());
  int rest_boundary = -1;
  for (std::size_t b = 0; b < problem.boundaries.size(); ++b) {
    if (problem.boundaries[b].unknown != unknown) continue;
    for (const deck::Name& name : problem.boundaries[b].on) {
      if (name.text == deck::rest_name) rest_boundary = static_cast<int>(b);
      for (std::size_t s = 0; s < mesh.set_names.size(); ++s) {
        if (mesh.set_names[s] == name.text) boundaries_of[s].push_back(static_cast<int>(b));
      }
    }
  }

  // The first two boundaries of every local outer facet, -1 where there is none.
  const std::size_t n =
      static_cast<std::size_t>(mesh.n_cells()) * static_cast<std::size_t>(n_facets);
  std::vector<std::array<int, 2>> conditions(n, {-1, -1});
  const auto slot = [&](LocalId cell, int facet) -> std::array<int, 2>& {
    return conditions[static_cast<std::size_t>(cell) * static_cast<std::size_t>(n_facets) +
                      static_cast<std::size_t>(facet)];
  };
  for (const mesh::FacetInSet& entry : mesh.facet_sets) {
    for (int boundary : boundaries_of[static_cast<std::size_t>(entry.set)]) {
      auto& pair = slot(entry.cell, entry.facet);
      if (pair[0] < 0 || pair[0] == boundary)
        pair[0] = boundary;
      else if (pair[1] < 0)
        pair[1] = boundary;
    }
  }

  if (rest_boundary >= 0) {
    const auto index = static_cast<std::int16_t>(mesh.set_names.size());
    mesh.set_names.emplace_back(rest_set_name(problem, unknown));
    for_each_exterior_facet(mesh, mesh.n_cells(), [&](LocalId cell, int facet) {
      auto& pair = slot(cell, facet);
      if (pair[0] >= 0) return;
      pair[0] = rest_boundary;
      mesh.facet_sets.push_back({cell, static_cast<std::int16_t>(facet), index});
    });
    std::sort(mesh.facet_sets.begin(), mesh.facet_sets.end());
  }

  struct Finding {
    GlobalId count = 0;
    std::array<double, 3> at{};
    int set = -1;
  };
  // Joined facets are no boundary.
  std::map<int, Finding> joined;
  for (const mesh::FacetPair& pair : mesh.facet_pairs) {
    for (std::size_t side = 0; side < 2; ++side) {
      if (pair.cell[side] >= mesh.n_cells_owned) continue;
      const int boundary = slot(pair.cell[side], pair.facet[side])[0];
      if (boundary < 0) continue;
      Finding& finding = joined[boundary];
      if (finding.count++ == 0)
        finding.at = facet_points(mesh, pair.cell[side], pair.facet[side]).back();
    }
  }

  // What is wrong, counted over owned cells; the place told is the one on the lowest rank.
  Finding bare;
  std::map<std::pair<int, int>, Finding> clashes;
  for_each_exterior_facet(mesh, mesh.n_cells_owned, [&](LocalId cell, int facet) {
    const auto& pair = slot(cell, facet);
    if (pair[0] < 0) {
      if (bare.count++ == 0) bare.at = facet_points(mesh, cell, facet).back();
    } else if (pair[1] >= 0) {
      if (!boundaries_clash(problem.boundaries[static_cast<std::size_t>(pair[0])],
                            problem.boundaries[static_cast<std::size_t>(pair[1])])) {
        return;
      }
      Finding& finding = clashes[{std::min(pair[0], pair[1]), std::max(pair[0], pair[1])}];
      if (finding.count++ == 0) finding.at = facet_points(mesh, cell, facet).back();
    }
  });

  const comm::Communicator& communicator = mesh.communicator;
  const auto agree = [&](Finding finding) {
    const GlobalId total = communicator.sum(finding.count);
    const int first = communicator.min<std::int32_t>(finding.count > 0 ? communicator.rank()
                                                                       : communicator.size());
    if (total > 0) communicator.broadcast(finding.at, first);
    finding.count = total;
    return finding;
  };
  for (std::size_t b = 0; b < problem.boundaries.size() && mesh.is_periodic(); ++b) {
    const auto found = joined.find(static_cast<int>(b));
    const Finding finding = agree(found == joined.end() ? Finding{} : found->second);
    if (finding.count == 0) continue;
    diagnostics.error(
        problem.boundaries[b].where,
        fmt::format("boundary[{}] holds {} facet{} that [[periodic]] joins to others, "
                    "one at {}: there is no boundary for a condition",
                    b, finding.count, finding.count == 1 ? "" : "s",
                    point_text(finding.at, mesh.dimension())));
  }
  bare = agree(bare);
  if (bare.count > 0 && deck::has_flux(problem, unknown)) {
    const bool thermal = problem.equation.kind == deck::EquationKind::thermo_elasticity;
    const bool is_elastic = deck::is_elastic(problem) && !(thermal && unknown == 0);
    const bool several = !is_elastic && problem.equation.unknowns.size() > 1;
    const std::string& name = problem.equation.unknowns[static_cast<std::size_t>(unknown)].name;
    std::vector<std::string> without;
    for (std::size_t s = 0; s < boundaries_of.size(); ++s) {
      if (boundaries_of[s].empty()) without.push_back(mesh.set_names[s]);
    }
    diagnostics.error(
        {problem.effective_toml.empty() ? "" : problem.equation.where.file, 0, 0},
        fmt::format(
            "{} outer facet{} without a condition{}, one at {}. Sets of the mesh that no "
            "[[boundary]] names: {}. Give them one; for {} rest: [[boundary]] on = [\"rest\"], {}",
            bare.count, bare.count == 1 ? " is" : "s are", several ? " for " + name : std::string(),
            point_text(bare.at, mesh.dimension()), base::list(without),
            is_elastic ? "a free" : "an insulated",
            is_elastic ? std::string("traction = [0, ..]")
                       : (several ? "unknown = \"" + name + "\", flux = 0" : "flux = 0")));
  }
  for (std::size_t a = 0; a < problem.boundaries.size(); ++a) {
    for (std::size_t b = a + 1; b < problem.boundaries.size(); ++b) {
      const auto found = clashes.find({static_cast<int>(a), static_cast<int>(b)});
      const Finding finding = agree(found == clashes.end() ? Finding{} : found->second);
      if (finding.count == 0) continue;
      const auto names = [&](std::size_t which) {
        std::vector<std::string> list;
        for (const deck::Name& name : problem.boundaries[which].on) list.push_back(name.text);
        return base::list(list);
      };
      diagnostics.error(
          problem.boundaries[b].where,
          fmt::format("the [[boundary]] on {} and the one on {} ({}) share {} facet{}, one at {}, "
                      "and at least one prescribes the value: a facet has one condition. Make the "
                      "sets disjoint",
                      names(b), names(a), problem.boundaries[a].where.text(), finding.count,
                      finding.count == 1 ? "" : "s", point_text(finding.at, mesh.dimension())));
    }
  }
}

}  // namespace

void resolve_boundaries(mesh::Mesh& mesh, const deck::Problem& problem) {
  base::fault_point("boundary_sets");
  base::Diagnostics diagnostics;
  // The displacement has one set of conditions, in thermo-elasticity the second.
  const bool thermal = problem.equation.kind == deck::EquationKind::thermo_elasticity;
  const int n = thermal                     ? 2
                : deck::is_elastic(problem) ? 1
                                            : static_cast<int>(problem.equation.unknowns.size());
  for (int unknown = 0; unknown < n; ++unknown) {
    resolve_boundaries_of(mesh, problem, unknown, diagnostics);
  }
  diagnostics.throw_errors(base::ExitCode::deck);
}

int plane_axis(const mesh::Mesh& mesh, std::int16_t set) {
  // Least and negative largest coordinates.
  std::array<double, 6> bounds;
  bounds.fill(std::numeric_limits<double>::infinity());
  for (const mesh::FacetInSet& entry : mesh.facet_sets) {
    if (entry.set != set || entry.cell >= mesh.n_cells_owned) continue;
    for (const auto& point : facet_points(mesh, entry.cell, entry.facet)) {
      for (std::size_t d = 0; d < 3; ++d) {
        bounds[2 * d] = std::min(bounds[2 * d], point[d]);
        bounds[2 * d + 1] = std::min(bounds[2 * d + 1], -point[d]);
      }
    }
  }
  mesh.communicator.all_reduce(std::span<double>(bounds), comm::Op::min);
  double size = 0;
  std::array<double, 3> extent{};
  for (std::size_t d = 0; d < 3; ++d) {
    extent[d] = -bounds[2 * d + 1] - bounds[2 * d];
    size = std::max(size, extent[d]);
  }
  if (!std::isfinite(size)) return -1;
  for (int d = 0; d < mesh.dimension(); ++d) {
    if (extent[static_cast<std::size_t>(d)] <= 1e-9 * size) return d;
  }
  return -1;
}

mesh::Hierarchy make_meshes(const comm::Communicator& communicator, const deck::Problem& problem,
                            bool with_coarser, perf::Recorder& recorder,
                            partition::Quality& quality) {
  const bool is_box = problem.mesh.kind == deck::MeshKind::box;
  base::Diagnostics diagnostics;
  const MeshMap map(problem, diagnostics);
  diagnostics.throw_errors(base::ExitCode::deck);
  mesh::Hierarchy meshes = [&] {
    if (is_box && with_coarser) {
      const perf::Stage stage(recorder, "generate");
      const mesh::Box box = box_of(problem.mesh.box);
      return mesh::make_box_hierarchy(communicator, box, box_steps(problem, communicator.size()),
                                      [&](const mesh::Mesh& coarsest) {
                                        return partition::compute(coarsest, problem.partition,
                                                                  &quality);
                                      });
    }
    mesh::Mesh raw = [&] {
      const perf::Stage stage(recorder, is_box ? "generate" : "read");
      return is_box ? mesh::make_box(communicator, box_of(problem.mesh.box))
                    : mesh::read_gmsh(communicator, problem.mesh.file);
    }();
    const std::vector<int> part = [&] {
      const perf::Stage stage(recorder, "partition");
      return partition::compute(raw, problem.partition, &quality);
    }();
    const perf::Stage stage(recorder, "distribute");
    return mesh::single(mesh::distribute(raw, part, is_box));
  }();
  if (problem.mesh.refine > 0) {
    const perf::Stage stage(recorder, "refine");
    mesh::check_geometry(meshes.finest());  // names the bad cells of the file, not their children
    if (with_coarser)
      mesh::refine(meshes, problem.mesh.refine);
    else
      meshes = mesh::single(mesh::refine(meshes.finest(), problem.mesh.refine));
  }
  if (!map.is_identity()) {
    const perf::Stage stage(recorder, "map");
    for (mesh::Mesh& one : meshes.meshes) map.apply(one);
  }
  const perf::Stage stage(recorder, "check");
  map.check(meshes);
  add_predicate_sets(meshes.finest(), problem);
  join_sides(meshes, problem);
  resolve_boundaries(meshes.finest(), problem);
  if (meshes.meshes.size() > 1) mesh::inherit_sets(meshes);
  return meshes;
}

int n_coarser_meshes(const deck::Problem& problem, const std::string& cell_type, int n_ranks) {
  if (cell_type == "tri" || cell_type == "tet") return 0;
  const bool is_box = problem.mesh.kind == deck::MeshKind::box;
  return problem.mesh.refine + (is_box ? static_cast<int>(box_steps(problem, n_ranks).size()) : 0);
}

mesh::Mesh make_mesh(const comm::Communicator& communicator, const deck::Problem& problem,
                     perf::Recorder& recorder, partition::Quality& quality) {
  return std::move(make_meshes(communicator, problem, false, recorder, quality).finest());
}

}  // namespace ritz::run
