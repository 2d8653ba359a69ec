#include "ritz/deck/registry.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "document.hpp"
#include "ritz/base/text.hpp"

namespace ritz::deck {

bool Range::contains(double value) const {
  return (lower_open ? value > lower : value >= lower) &&
         (upper_open ? value < upper : value <= upper);
}

namespace {

/// A bound as people write it: "8", "0.5", "1e+09".
std::string bound_text(double value) {
  return fmt::format("{:g}", value);
}

}  // namespace

std::string Range::text() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::string low = bound_text(lower), high = bound_text(upper);
  if (lower == -infinity && upper == infinity) return "";
  if (upper == infinity) return (lower_open ? "> " : ">= ") + low;
  if (lower == -infinity) return (upper_open ? "< " : "<= ") + high;
  if (!lower_open && !upper_open) return low + " to " + high;
  return (lower_open ? "> " : ">= ") + low + " and " + (upper_open ? "< " : "<= ") + high;
}

std::string Key::name() const {
  const std::size_t dot = path.rfind('.');
  std::string last = dot == std::string::npos ? path : path.substr(dot + 1);
  if (last.ends_with("[]")) last.resize(last.size() - 2);
  return last;
}

std::string Key::parent() const {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

namespace {

constexpr Range positive{.lower = 0.0, .lower_open = true};
constexpr Range not_negative{.lower = 0.0};
constexpr Range at_least_one{.lower = 1.0};

/// The coefficients that an equation and a material share, in the form they have in both.
std::vector<Key> coefficient_keys(const std::string& table) {
  const bool material = table == "material[]";
  const std::vector<std::string> kinds{"advection-diffusion-reaction", "coefficient-form"};
  const std::string note = material ? "the equation's" : "";
  const auto unset = [&](const char* value) { return material ? note : std::string(value); };
  const std::string when = material ? "" : "kind";
  const auto values = material ? std::vector<std::string>{} : kinds;
  return {
      {.path = table + ".diffusion",
       .type = Type::tensor,
       .unit = "flux / gradient of u",
       .fallback_note = unset("1"),
       .example = material ? "401.0" : "1.0",
       .help =
           "Diffusion K in -div(K grad(u)), for heat the conductivity: one number or expression, a "
           "list with one entry a dimension (diagonal), or a list of rows (full tensor)."},
      {.path = table + ".advection",
       .type = Type::formulas,
       .unit = "u-flux / u",
       .fallback_note = unset("0"),
       .example = "[1.0, 0.0]",
       .min_items = 1,
       .max_items = 3,
       .when = when,
       .when_values = values,
       .help = "Velocity b in b.grad(u), one component a dimension."},
      {.path = table + ".reaction",
       .type = Type::formula,
       .unit = "source / u",
       .fallback_note = unset("0"),
       .example = "0.0",
       .when = when,
       .when_values = values,
       .help = "Coefficient r in r u on the left-hand side; positive values damp."},
      {.path = table + ".source",
       .type = Type::formula,
       .unit = "amount of u / volume / time",
       .fallback_note = unset("0"),
       .example = "0.0",
       .help = "Right-hand side f, what is produced inside the domain."},
  };
}

std::vector<Key> make_registry() {
  std::vector<Key> keys{
      {.path = "include",
       .type = Type::strings,
       .fallback_note = "none",
       .example = "[\"common.toml\"]",
       .help = "Deck files to read first, relative to the file that includes them. Keys of the "
               "including file win, tables are merged, arrays of tables are appended; a file is "
               "read once."},
      {.path = "deck_version",
       .type = Type::integer,
       .unit = "1",
       .fallback = "1",
       .help = "Version of the deck's language; this program reads version 1."},
      {.path = "title",
       .type = Type::string,
       .fallback = "\"\"",
       .help = "One line about the problem, for logs and files.",
       .may_change_on_restart = true},

      {.path = "parameters",
       .type = Type::table,
       .help = "Named numbers that every expression of the deck may use: [parameters] h_air = "
               "12.0, then coefficient = \"2*h_air\". Change one from the command line with --set "
               "parameters.h_air=25."},
      {.path = "parameters.*",
       .type = Type::real,
       .unit = "any",
       .example = "12.0",
       .help = "A number with a name of letters, digits and _ that is not a word of the "
               "expression language."},

      {.path = "mesh",
       .type = Type::table,
       .required = true,
       .help = "The domain and its cells: generated (a box) or read from a file."},
      {.path = "mesh.kind",
       .type = Type::choice,
       .required = true,
       .example = "\"box\"",
       .choices = {"box", "file"},
       .help = "\"box\" generates an interval, rectangle or brick; \"file\" reads a Gmsh mesh."},
      {.path = "mesh.file",
       .type = Type::path,
       .required = true,
       .example = "\"part.msh\"",
       .when = "kind",
       .when_values = {"file"},
       .help =
           "Gmsh file (.msh 2.2 or 4.1), relative to the deck's folder. Its physical names are the "
           "names of regions and boundaries."},
      {.path = "mesh.cells",
       .type = Type::integers,
       .unit = "1",
       .required = true,
       .example = "[8, 8]",
       .range = {.lower = 1.0, .upper = 1e9},
       .min_items = 1,
       .max_items = 3,
       .when = "kind",
       .when_values = {"box"},
       .help =
           "Cells of the box along x, y and z; as many entries as the problem has dimensions. With "
           "tri each rectangle is cut into 2 cells, with tet each brick into 6."},
      {.path = "mesh.lower",
       .type = Type::reals,
       .unit = "length",
       .fallback_note = "0 in each direction",
       .example = "[0.0, 0.0]",
       .min_items = 1,
       .max_items = 3,
       .when = "kind",
       .when_values = {"box"},
       .help = "Corner of the box with the smallest coordinates."},
      {.path = "mesh.upper",
       .type = Type::reals,
       .unit = "length",
       .fallback_note = "1 in each direction",
       .example = "[1.0, 1.0]",
       .min_items = 1,
       .max_items = 3,
       .when = "kind",
       .when_values = {"box"},
       .help = "Corner of the box with the largest coordinates."},
      {.path = "mesh.cell_type",
       .type = Type::choice,
       .fallback_note = "line, quad or hex by the dimension",
       .example = "\"quad\"",
       .choices = {"line", "tri", "quad", "tet", "hex"},
       .when = "kind",
       .when_values = {"box"},
       .help = "Cells of the box: line in one dimension, tri or quad in two, tet or hex in three."},
      {.path = "mesh.grading",
       .type = Type::reals,
       .unit = "1",
       .fallback_note = "1 in each direction",
       .example = "[1.0, 1.0]",
       .range = positive,
       .min_items = 1,
       .max_items = 3,
       .when = "kind",
       .when_values = {"box"},
       .help =
           "Size of the last cell over the size of the first one in each direction, geometric in "
           "between: above 1 refines towards the lower corner."},
      {.path = "mesh.distortion",
       .type = Type::choice,
       .fallback = "\"none\"",
       .choices = {"none", "smooth", "random", "kershaw"},
       .when = "kind",
       .when_values = {"box"},
       .help = "Moves the vertices of the box, for tests: the inner ones by a smooth bump or at "
               "random (the same for every number of ranks), or all but in x into the layers of "
               "Kershaw's mesh, with cells of very unlike sizes and angles; 2 and 3 dimensions."},
      {.path = "mesh.distortion_amount",
       .type = Type::real,
       .unit = "1",
       .fallback = "0.0",
       .range = {.lower = 0.0, .upper = 1.0, .upper_open = true},
       .when = "kind",
       .when_values = {"box"},
       .help = "How far: 0 not at all; near 1 cells are almost flat. For Kershaw's mesh 1 minus "
               "its parameter epsilon."},
      {.path = "mesh.seed",
       .type = Type::integer,
       .unit = "1",
       .fallback = "1",
       .range = not_negative,
       .when = "kind",
       .when_values = {"box"},
       .help = "Start of the random numbers of distortion = \"random\"."},
      {.path = "mesh.refine",
       .type = Type::integer,
       .unit = "1",
       .fallback = "0",
       .range = {.lower = 0.0, .upper = 10.0},
       .help = "Uniform refinements, done in parallel after partitioning: each makes 2, 4 or 8 "
               "cells of one."},
      {.path = "mesh.sets",
       .type = Type::table,
       .help = "Extra named boundary sets: name = \"condition on x, y, z\". A set holds the outer "
               "facets whose vertices and centre all fulfil the condition."},
      {.path = "mesh.sets.*",
       .type = Type::condition,
       .example = "\"x < 1e-9 and y > 0.02\"",
       .help = "Condition that picks the outer facets of the set of this name."},

      {.path = "partition",
       .type = Type::table,
       .help = "How cells are shared out among the ranks.",
       .may_change_on_restart = true},
      {.path = "partition.method",
       .type = Type::choice,
       .fallback = "\"multijagged\"",
       .choices = {"multijagged", "rcb", "block", "graph", "hypergraph"},
       .help = "Zoltan2 method: multijagged and rcb cut by coordinates, graph and hypergraph by "
               "connections, block by number.",
       .may_change_on_restart = true},
      {.path = "partition.max_imbalance",
       .type = Type::real,
       .unit = "1",
       .fallback = "1.05",
       .range = at_least_one,
       .help =
           "Largest share of a rank over the average; above it another method is tried, and told.",
       .may_change_on_restart = true},

      {.path = "space", .type = Type::table, .help = "The functions the solution is made of."},
      {.path = "space.degree",
       .type = Type::integer,
       .unit = "1",
       .fallback = "1",
       .range = {.lower = 1.0, .upper = 8.0},
       .help = "Polynomial degree of the continuous Lagrange elements: 1 to 8 on line, quad and "
               "hex, 1 to 3 on tri and tet."},

      {.path = "equation",
       .type = Type::table,
       .required = true,
       .help = "The steady equation -div(K grad(u)) + b.grad(u) + r u = f for one unknown u. "
               "Coefficients are numbers or expressions of x, y, z and the parameters."},
      {.path = "equation.kind",
       .type = Type::choice,
       .required = true,
       .example = "\"poisson\"",
       .choices = {"poisson", "advection-diffusion-reaction", "coefficient-form"},
       .later = {"heat", "reaction-diffusion", "helmholtz", "wave", "elasticity"},
       .help =
           "\"poisson\" has diffusion and source only; the other two have all four coefficients."},
  };
  const auto append = [&keys](std::vector<Key> more) {
    std::move(more.begin(), more.end(), std::back_inserter(keys));
  };
  append(coefficient_keys("equation"));
  append({
      {.path = "material[]",
       .type = Type::table_array,
       .help = "Coefficients that differ in one region of the mesh; what is not given is as in "
               "[equation]."},
      {.path = "material[].region",
       .type = Type::name,
       .required = true,
       .example = "\"steel\"",
       .help = "Name of the region: a physical name of the mesh file; a box has one, \"domain\"."},
  });
  append(coefficient_keys("material[]"));
  append({
      {.path = "boundary[]",
       .type = Type::table_array,
       .required = true,
       .help =
           "What happens on a part of the boundary: exactly one of value, flux and robin. Flux and "
           "robin of several tables add up, a value stands alone."},
      {.path = "boundary[].on",
       .type = Type::names,
       .required = true,
       .example = "[\"rest\"]",
       .min_items = 1,
       .help =
           "Names of boundary sets: physical names of the mesh file, of mesh.sets, of a box (left "
           "right bottom top front back), or \"rest\", every outer facet that no other "
           "[[boundary]] "
           "names."},
      {.path = "boundary[].value",
       .type = Type::formula,
       .unit = "u",
       .example = "0.0",
       .help = "u = value (Dirichlet)."},
      {.path = "boundary[].flux",
       .type = Type::formula,
       .unit = "amount of u / area / time",
       .example = "0.0",
       .help = "K grad(u).n = flux, positive into the domain (Neumann); 0 insulates."},
      {.path = "boundary[].robin",
       .type = Type::table,
       .example = "{ coefficient = 12.0, ambient = 293.15 }",
       .help = "K grad(u).n = coefficient * (ambient - u): convection to the surroundings."},
      {.path = "boundary[].robin.coefficient",
       .type = Type::formula,
       .unit = "flux / u",
       .required = true,
       .example = "12.0",
       .help = "Transfer coefficient."},
      {.path = "boundary[].robin.ambient",
       .type = Type::formula,
       .unit = "u",
       .required = true,
       .example = "293.15",
       .help = "Value of u far away."},

      {.path = "solver",
       .type = Type::table,
       .help = "The linear solver. Whatever it does, the true residual decides whether it has "
               "converged.",
       .may_change_on_restart = true},
      {.path = "solver.method",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "cg", "pipelined-cg", "gmres", "fgmres", "bicgstab", "minres", "tfqmr",
                   "gcrodr"},
       .help = "Krylov method; auto picks by the symmetry of the problem and says what it picked. "
               "pipelined-cg is cg that sums over the ranks while it applies operator and "
               "preconditioner: for many ranks.",
       .may_change_on_restart = true},
      {.path = "solver.preconditioner",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "none", "jacobi", "chebyshev", "ilu", "amg", "multigrid", "direct"},
       .help = "auto picks by size and cell type and says what it picked; multigrid coarsens the "
               "elements and the mesh (line, quad and hex cells), amg the matrix; direct "
               "factorises the matrix.",
       .may_change_on_restart = true},
      {.path = "solver.operator",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "assembled", "matrix-free"},
       .help = "How the system's matrix is applied: stored, or computed cell by cell each time "
               "(line, quad and hex cells; ilu, amg and direct need it stored). auto picks and "
               "says what it picked.",
       .may_change_on_restart = true},
      {.path = "solver.engine",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "native", "belos"},
       .help = "Who runs cg: Ritz's own code, with one sum over the ranks an iteration, or Belos. "
               "auto is native; the other methods are Belos'.",
       .may_change_on_restart = true},
      {.path = "solver.tolerance",
       .type = Type::real,
       .unit = "1",
       .fallback = "1e-8",
       .range = {.lower = 0.0, .upper = 1.0, .lower_open = true, .upper_open = true},
       .help = "Norm of the true residual relative to that of the right-hand side.",
       .may_change_on_restart = true},
      {.path = "solver.max_iterations",
       .type = Type::integer,
       .unit = "1",
       .fallback = "500",
       .range = {.lower = 1.0, .upper = 1e9},
       .help = "Iterations after which the solver gives up (exit code 4) or the next fallback is "
               "tried.",
       .may_change_on_restart = true},
      {.path = "solver.restart",
       .type = Type::integer,
       .unit = "1",
       .fallback = "50",
       .range = {.lower = 1.0, .upper = 1e6},
       .help = "Vectors kept by gmres, fgmres and gcrodr before they start anew.",
       .may_change_on_restart = true},
      {.path = "solver.fallback",
       .type = Type::strings,
       .fallback = "[]",
       .help = "What to try, in this order, when the solver fails: \"method+preconditioner\" or "
               "\"direct\". Each use is told and recorded.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid",
       .type = Type::table,
       .help = "Geometric multigrid: preconditioner = \"multigrid\".",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.smoother",
       .type = Type::choice,
       .fallback = "\"chebyshev-4\"",
       .choices = {"chebyshev-4", "chebyshev-1"},
       .help = "Chebyshev polynomials of the fourth or the first kind around the diagonal.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.smoother_degree",
       .type = Type::integer,
       .unit = "1",
       .fallback = "3",
       .range = {.lower = 1.0, .upper = 10.0},
       .help = "Degree of the smoother before and after the coarse correction.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.smoothing_range",
       .type = Type::real,
       .unit = "1",
       .fallback = "15.0",
       .range = {.lower = 1.0, .lower_open = true},
       .help = "Largest over smallest eigenvalue that is smoothed; chebyshev-1 only, chebyshev-4 "
               "needs none.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.coarse",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "amg", "direct"},
       .help = "What solves on the coarsest level; auto picks by its size.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.precision",
       .type = Type::choice,
       .fallback = "\"float\"",
       .choices = {"float", "double"},
       .help = "Numbers of the levels; the solution and its residual are double either way.",
       .may_change_on_restart = true},
      {.path = "solver.multigrid.full_multigrid_start",
       .type = Type::boolean,
       .fallback = "false",
       .help = "Start from the solution of the coarser levels, one after the other, instead of "
               "zero.",
       .may_change_on_restart = true},
      {.path = "solver.trilinos",
       .type = Type::table,
       .help = "Parameters handed to Trilinos as they are; one that is not read there is an error.",
       .may_change_on_restart = true},
  });
  const std::pair<const char*, const char*> lists[] = {
      {"belos", "Parameters of the Krylov method (Belos)."},
      {"amg",
       "Parameters of algebraic multigrid (MueLu), such as \"smoother: type\" = \"RELAXATION\"."},
      {"ilu", "Parameters of the incomplete factorisation (Ifpack2)."},
      {"chebyshev", "Parameters of Chebyshev smoothing (Ifpack2)."},
      {"direct", "Parameters of the direct solver (Amesos2)."}};
  for (const auto& [list, help] : lists) {
    append({{.path = fmt::format("solver.trilinos.{}", list),
             .type = Type::passed,
             .help = help,
             .may_change_on_restart = true}});
  }
  append({
      {.path = "limits",
       .type = Type::table,
       .help = "What the run may use at most.",
       .may_change_on_restart = true},
      {.path = "limits.memory",
       .type = Type::bytes,
       .unit = "bytes",
       .fallback_note = "no limit",
       .example = "\"8 GiB\"",
       .range = positive,
       .help =
           "Memory of one rank; a forecast above it stops the run with exit code 6 before anything "
           "is allocated.",
       .may_change_on_restart = true},
      {.path = "limits.walltime",
       .type = Type::duration,
       .unit = "s",
       .fallback_note = "no limit",
       .example = "\"2 h\"",
       .range = positive,
       .help = "Time after which the run stops by itself.",
       .may_change_on_restart = true},

      {.path = "output",
       .type = Type::table,
       .help = "What is written and where.",
       .may_change_on_restart = true},
      {.path = "output.directory",
       .type = Type::path,
       .fallback = "\"results\"",
       .help = "Folder of the run's files, relative to where ritz is started.",
       .may_change_on_restart = true},
      {.path = "output.fields",
       .type = Type::boolean,
       .fallback = "true",
       .help = "Write the solution to results.vtkhdf.",
       .may_change_on_restart = true},
      {.path = "output.compression",
       .type = Type::integer,
       .unit = "1",
       .fallback = "4",
       .range = {.lower = 0.0, .upper = 9.0},
       .help = "Deflate level: 0 none, 9 smallest and slowest.",
       .may_change_on_restart = true},

      {.path = "probe[]",
       .type = Type::table_array,
       .help = "A point at which the solution is written to a CSV file of the results.",
       .may_change_on_restart = true},
      {.path = "probe[].name",
       .type = Type::string,
       .fallback_note = "probe1, probe2 and so on",
       .example = "\"tip\"",
       .help = "Name of the point.",
       .may_change_on_restart = true},
      {.path = "probe[].at",
       .type = Type::reals,
       .unit = "length",
       .required = true,
       .example = "[0.5, 0.5]",
       .min_items = 1,
       .max_items = 3,
       .help = "Coordinates, one a dimension.",
       .may_change_on_restart = true},

      {.path = "integral[]",
       .type = Type::table_array,
       .help = "An integral over a boundary set or a region, written to a CSV file of the results.",
       .may_change_on_restart = true},
      {.path = "integral[].name",
       .type = Type::string,
       .fallback_note = "integral1, integral2 and so on",
       .example = "\"heat_out\"",
       .help = "Name of the number.",
       .may_change_on_restart = true},
      {.path = "integral[].on",
       .type = Type::name,
       .required = true,
       .example = "\"right\"",
       .help = "Name of a boundary set or of a region.",
       .may_change_on_restart = true},
      {.path = "integral[].kind",
       .type = Type::choice,
       .fallback = "\"value\"",
       .choices = {"value", "flux"},
       .help = "\"value\" integrates `of`; \"flux\" integrates K grad(u).n over a boundary set.",
       .may_change_on_restart = true},
      {.path = "integral[].of",
       .type = Type::formula,
       .fallback = "\"u\"",
       .when = "kind",
       .when_values = {"value"},
       .help = "Expression of x, y, z and u to integrate; 1 gives the measure.",
       .may_change_on_restart = true},

      {.path = "verify",
       .type = Type::table,
       .help =
           "What is known about the solution: a deck that judges itself. A bound that is missed "
           "makes the run fail.",
       .may_change_on_restart = true},
      {.path = "verify.exact",
       .type = Type::formula,
       .unit = "u",
       .fallback_note = "not known",
       .example = "\"sin(pi*x)\"",
       .help = "The exact solution; the errors against it are reported.",
       .may_change_on_restart = true},
      {.path = "verify.max_l2_error",
       .type = Type::real,
       .unit = "u * length^(dimension/2)",
       .fallback_note = "no bound",
       .example = "1e-4",
       .range = positive,
       .help = "Largest allowed L2 norm of the error (absolute).",
       .may_change_on_restart = true},
      {.path = "verify.max_h1_error",
       .type = Type::real,
       .unit = "u * length^(dimension/2 - 1)",
       .fallback_note = "no bound",
       .example = "1e-2",
       .range = positive,
       .help = "Largest allowed L2 norm of the error's gradient (absolute).",
       .may_change_on_restart = true},
      {.path = "verify.probe[]",
       .type = Type::table_array,
       .help = "A probe whose value is known.",
       .may_change_on_restart = true},
      {.path = "verify.probe[].name",
       .type = Type::name,
       .required = true,
       .example = "\"tip\"",
       .help = "Name of a [[probe]].",
       .may_change_on_restart = true},
      {.path = "verify.probe[].expected",
       .type = Type::real,
       .unit = "u",
       .required = true,
       .example = "18.3",
       .help = "Value that is expected there.",
       .may_change_on_restart = true},
      {.path = "verify.probe[].tolerance",
       .type = Type::real,
       .unit = "u",
       .required = true,
       .example = "0.1",
       .range = positive,
       .help = "Largest allowed difference (absolute).",
       .may_change_on_restart = true},
  });
  return keys;
}

}  // namespace

const std::vector<Key>& registry() {
  static const std::vector<Key> keys = make_registry();
  return keys;
}

const Key* find_key(std::string_view path) {
  static const auto index = [] {
    std::unordered_map<std::string_view, const Key*> map;
    for (const Key& key : registry()) map.emplace(key.path, &key);
    return map;
  }();
  const auto place = index.find(path);
  return place == index.end() ? nullptr : place->second;
}

const std::vector<const Key*>& keys_of(const std::string& path) {
  static const auto index = [] {
    std::map<std::string, std::vector<const Key*>> map;
    for (const Key& key : registry()) map[key.parent()].push_back(&key);
    return map;
  }();
  static const std::vector<const Key*> none;
  const auto place = index.find(path);
  return place == index.end() ? none : place->second;
}

const std::string* reserved_for(std::string_view path) {
  static const std::map<std::string, std::string, std::less<>> names{
      {"time", "time-dependent problems"},
      {"initial", "initial values"},
      {"nonlinear", "nonlinear problems"},
      {"checkpoint", "checkpoints"},
      {"adapt", "adaptive meshes"},
      {"sweep", "campaigns of runs"},
      {"adjoint", "gradients"},
      {"surrogate", "surrogate models"},
      {"perf", "performance logs"},
      {"alert", "alerts"},
      {"cache", "caches"},
      {"registry", "the run registry"},
      {"sites", "runs on several sites"},
      {"profile", "sets of defaults"},
      {"output[]", "several outputs; in this version [output] is one table"},
      {"boundary[].periodic", "periodic boundaries"},
      {"boundary[].traction", "elasticity"},
      {"boundary[].symmetric", "elasticity"},
  };
  const auto place = names.find(path);
  return place == names.end() ? nullptr : &place->second;
}

const std::vector<std::string>& reserved_parameter_names() {
  // The words of room expr, which stands after this room; tests/deck holds the two lists equal.
  static const std::vector<std::string> names{
      "x",    "y",    "z",   "t",     "u",     "pi",   "e",     "true",  "false", "and",
      "or",   "not",  "if",  "abs",   "acos",  "asin", "atan",  "atan2", "ceil",  "cos",
      "cosh", "erf",  "exp", "floor", "hypot", "log",  "log10", "max",   "min",   "mod",
      "pow",  "sign", "sin", "sinh",  "sqrt",  "tan",  "tanh"};
  return names;
}

std::string type_text(const Key& key) {
  const std::string range = key.range.text();
  const auto with_range = [&](std::string text) {
    return range.empty() ? text : text + " " + range;
  };
  const auto items = [&](const char* singular, const char* plural) {
    std::string count;
    if (key.min_items > 0 && key.max_items > 0) {
      count = fmt::format("{} to {} ", key.min_items, key.max_items);
    } else if (key.min_items > 0) {
      count = fmt::format("at least {} ", key.min_items);
    }
    return fmt::format("list of {}{}", count,
                       key.min_items == 1 && key.max_items == 0 ? singular : plural);
  };
  switch (key.type) {
    case Type::table:
      return "table";
    case Type::table_array:
      return "array of tables";
    case Type::boolean:
      return "true or false";
    case Type::integer:
      return with_range("integer");
    case Type::real:
      return with_range("number");
    case Type::string:
      return "string";
    case Type::path:
      return "path (string)";
    case Type::choice: {
      std::vector<std::string> choices;
      for (const std::string& choice : key.choices) choices.push_back(quoted(choice));
      return "one of " + base::list(choices, "or");
    }
    case Type::name:
      return "name (string)";
    case Type::names:
      return items("name", "names") + ", or one name";
    case Type::strings:
      return items("string", "strings") + ", or one string";
    case Type::integers:
      return with_range(items("integer", "integers"));
    case Type::reals:
      return with_range(items("number", "numbers"));
    case Type::formula:
      return "number or expression (string)";
    case Type::condition:
      return "condition (string)";
    case Type::formulas:
      return items("number or expression", "numbers or expressions");
    case Type::tensor:
      return "number or expression, a list of them (diagonal), or a list of rows (tensor)";
    case Type::bytes:
      return "text such as \"8 GiB\" or a number of bytes";
    case Type::duration:
      return "text such as \"2 h\" or \"2:30:00\", or a number of seconds";
    case Type::passed:
      return "table of Trilinos parameters";
  }
  return "";
}

}  // namespace ritz::deck
