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

std::string Key::decider() const {
  return when.find('.') == std::string::npos ? parent() + "." + when : when;
}

namespace {

constexpr Range positive{.lower = 0.0, .lower_open = true};
constexpr Range not_negative{.lower = 0.0};
constexpr Range at_least_one{.lower = 1.0};

const std::vector<std::string> scalar_kinds{"poisson",
                                            "heat",
                                            "advection-diffusion-reaction",
                                            "reaction-diffusion",
                                            "wave",
                                            "helmholtz",
                                            "coefficient-form"};

const std::vector<std::string> elastic_kinds{"elasticity", "thermo-elasticity"};

/// `kinds` and, in the tables where the temperature of a body stands, thermo-elasticity.
std::vector<std::string> with_temperature(std::vector<std::string> kinds,
                                          const std::string& table) {
  if (table != "equation") kinds.emplace_back("thermo-elasticity");
  return kinds;
}

/// The coefficients of one unknown, in the form they have in the tables where they may stand:
/// "equation", "equation.*" and "material[]".
std::vector<Key> coefficient_keys(const std::string& table) {
  const bool material = table == "material[]";
  const auto unset = [&](const char* value) {
    return std::string(material ? "the equation's" : value);
  };
  const std::string when = table == "equation" ? "kind" : "equation.kind";
  const std::vector<std::string> first_order{"heat", "advection-diffusion-reaction",
                                             "reaction-diffusion", "wave", "coefficient-form"};
  std::vector<Key> keys{
      {.path = table + ".diffusion",
       .type = Type::tensor,
       .unit = "flux / gradient of u",
       .fallback_note = unset("1"),
       .example = material ? "401.0" : "1.0",
       .when = when,
       .when_values = with_temperature(scalar_kinds, table),
       .help = "Diffusion K in -div(K grad(u)), for heat the conductivity, for waves the square of "
               "their speed: one number or expression, a list with one entry a dimension "
               "(diagonal), or a list of rows (full tensor)."},
      {.path = table + ".advection",
       .type = Type::formulas,
       .unit = "u-flux / u",
       .fallback_note = unset("0"),
       .example = "[1.0, 0.0]",
       .min_items = 1,
       .max_items = 3,
       .when = when,
       .when_values = {"advection-diffusion-reaction", "coefficient-form"},
       .help = "Velocity b in b.grad(u), one component a dimension."},
      {.path = table + ".reaction",
       .type = Type::formula,
       .unit = "source / u",
       .fallback_note = unset("0"),
       .example = "0.0",
       .when = when,
       .when_values = with_temperature(
           {"advection-diffusion-reaction", "reaction-diffusion", "wave", "coefficient-form"},
           table),
       .help = "Coefficient r in r u on the left-hand side; positive values damp."},
      {.path = table + ".wave_number",
       .type = Type::formula,
       .unit = "1 / length",
       .fallback_note = material ? "the equation's" : "",
       .required = !material,
       .example = "10.0",
       .when = when,
       .when_values = {"helmholtz"},
       .help = "Wave number k in -div(K grad(u)) - k^2 u = f: 2 pi over the wavelength."},
      {.path = table + ".source",
       .type = Type::formula,
       .unit = "amount of u / volume / time",
       .fallback_note = unset("0"),
       .example = "0.0",
       .when = when,
       .when_values = with_temperature(scalar_kinds, table),
       .help = "Right-hand side f, what is produced inside the domain."},
      {.path = table + ".capacity",
       .type = Type::formula,
       .unit = "amount of u / volume / u",
       .fallback_note =
           unset("1 with [time] for heat, reaction-diffusion, advection-diffusion-reaction and the "
                 "temperature of thermo-elasticity, else 0"),
       .example = "1.0",
       .range = not_negative,
       .when = when,
       .when_values = with_temperature(first_order, table),
       .help = "Coefficient d of du/dt, for heat density times specific heat; for waves the "
               "damping."},
      {.path = table + ".inertia",
       .type = Type::formula,
       .unit = "amount of u / volume / u * time",
       .fallback_note = unset("1 for waves, else 0"),
       .example = material ? "2.0" : "1.0",
       .range = not_negative,
       .when = when,
       .when_values = {"wave", "coefficient-form"},
       .help = "Coefficient e of the second time derivative of u."},
  };
  for (Key& key : keys) key.per_unknown = true;
  if (table == "equation") return keys;
  keys.push_back(
      {.path = table + ".cross_diffusion",
       .type = Type::table,
       .example = "{ v = 0.1 }",
       .when = when,
       .when_values = {"advection-diffusion-reaction", "reaction-diffusion", "coefficient-form"},
       .help = "Diffusion by the gradients of other unknowns: the coefficients K_v in "
               "-div(K_v grad(v)), by the name of v.",
       .opt_in = true,
       .in_line = true,
       .per_unknown = true});
  keys.push_back({.path = table + ".cross_diffusion.*",
                  .type = Type::formula,
                  .unit = "flux of this unknown / gradient of the other",
                  .example = "0.1",
                  .help = "The coefficient of the other unknown of this name.",
                  .unknown_names = true});
  return keys;
}

/// What elasticity takes instead, in an equation or a material.
std::vector<Key> elastic_keys(const std::string& table) {
  const bool material = table == "material[]";
  const std::string when = material ? "equation.kind" : "kind";
  const std::vector<std::string>& values = elastic_kinds;
  const auto unset = [&](const char* value) {
    return std::string(material ? "the equation's" : value);
  };
  return {
      {.path = table + ".youngs_modulus",
       .type = Type::formula,
       .unit = "force / area",
       .fallback_note = unset("needed unless orthotropic is given"),
       .example = "210e9",
       .range = positive,
       .when = when,
       .when_values = values,
       .help = "Young's modulus E: stress over strain of a bar that is pulled."},
      {.path = table + ".poissons_ratio",
       .type = Type::formula,
       .unit = "1",
       .fallback_note = unset("needed unless orthotropic is given"),
       .example = "0.3",
       .range = {.lower = -1.0, .upper = 0.5, .lower_open = true, .upper_open = true},
       .when = when,
       .when_values = values,
       .help = "Poisson's ratio nu: how much narrower a bar gets when it is pulled, over how much "
               "longer."},
      {.path = table + ".orthotropic",
       .type = Type::table,
       .example =
           "{ youngs_modulus = [140e9, 10e9], poissons_ratio = 0.3, shear_modulus = 5e9, angle "
           "= 30 }",
       .when = when,
       .when_values = values,
       .help =
           "A material with three planes of symmetry, such as wood or a lamina of fibres, by its "
           "constants along its own axes 1, 2 and 3, instead of youngs_modulus and "
           "poissons_ratio. In two dimensions axis 3 is out of the plane.",
       .opt_in = true,
       .in_line = true},
      {.path = table + ".orthotropic.youngs_modulus",
       .type = Type::formulas,
       .unit = "force / area",
       .required = true,
       .example = "[140e9, 10e9, 10e9]",
       .min_items = 2,
       .max_items = 3,
       .help =
           "E1, E2, E3; plane stress needs the first two. Numbers or expressions of parameters."},
      {.path = table + ".orthotropic.poissons_ratio",
       .type = Type::formulas,
       .unit = "1",
       .required = true,
       .example = "[0.3, 0.3, 0.4]",
       .min_items = 1,
       .max_items = 3,
       .help =
           "nu12, nu13, nu23; plane stress needs the first. nu12 is how much narrower along 2 the "
           "material gets when it is pulled along 1, over how much longer; nu21 = nu12 E2/E1."},
      {.path = table + ".orthotropic.shear_modulus",
       .type = Type::formulas,
       .unit = "force / area",
       .required = true,
       .example = "[5e9, 5e9, 3.5e9]",
       .min_items = 1,
       .max_items = 3,
       .help = "G12, G13, G23; two dimensions need the first."},
      {.path = table + ".orthotropic.thermal_expansion",
       .type = Type::formulas,
       .unit = "1 / temperature",
       .fallback_note = "thermal_expansion along every axis",
       .example = "[-0.5e-6, 27e-6, 27e-6]",
       .min_items = 2,
       .max_items = 3,
       .help = "Coefficients of linear thermal expansion along the axes."},
      {.path = table + ".orthotropic.angle",
       .type = Type::formula,
       .unit = "degree",
       .fallback_note = "0",
       .example = "30.0",
       .help =
           "Two dimensions: angle from x to axis 1, counter-clockwise; it may depend on x and y, "
           "as in \"atan2(y, x)*180/pi\"."},
      {.path = table + ".orthotropic.axis_1",
       .type = Type::formulas,
       .unit = "1",
       .fallback_note = "along x",
       .example = "[1.0, 1.0, 0.0]",
       .min_items = 3,
       .max_items = 3,
       .help = "Three dimensions: direction of axis 1, of any length."},
      {.path = table + ".orthotropic.axis_2",
       .type = Type::formulas,
       .unit = "1",
       .fallback_note = "along y",
       .example = "[-1.0, 1.0, 0.0]",
       .min_items = 3,
       .max_items = 3,
       .help = "Three dimensions: direction of axis 2, at a right angle to axis 1."},
      {.path = table + ".density",
       .type = Type::formula,
       .unit = "mass / volume",
       .fallback_note = unset("none; needed with [time]"),
       .example = "7850.0",
       .range = positive,
       .when = when,
       .when_values = {"elasticity"},
       .help = "Mass density: inertia of elastic waves and vibrations. Weight is a body_force."},
      {.path = table + ".body_force",
       .type = Type::formulas,
       .unit = "force / volume",
       .fallback_note = unset("none"),
       .example = "[0.0, -77e3]",
       .min_items = 1,
       .max_items = 3,
       .when = when,
       .when_values = values,
       .help = "Force on the volume, such as weight, one component a dimension."},
      {.path = table + ".thermal_expansion",
       .type = Type::formula,
       .unit = "1 / temperature",
       .fallback_note = unset("none"),
       .example = "12e-6",
       .when = when,
       .when_values = values,
       .help = "Coefficient of linear thermal expansion; needs temperature and "
               "reference_temperature."},
      {.path = table + ".temperature",
       .type = Type::formula,
       .unit = "temperature",
       .fallback_note = unset("none"),
       .example = "\"293.15 + 50*x\"",
       .when = when,
       .when_values = {"elasticity"},
       .help =
           "Temperature of the body, for the thermal strain; kind \"thermo-elasticity\" solves for "
           "it."},
      {.path = table + ".reference_temperature",
       .type = Type::formula,
       .unit = "temperature",
       .fallback_note = unset("none"),
       .example = "293.15",
       .when = when,
       .when_values = values,
       .help = "Temperature at which there is no thermal strain."},
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
       .help =
           "What is solved, for each unknown u: inertia d2u/dt2 + capacity du/dt - div(diffusion "
           "grad(u) + cross_diffusion grad(v)) + advection.grad(u) + reaction u = source. "
           "Coefficients are numbers or expressions of x, y, z, t, the parameters, the unknowns "
           "and their gradients. With several unknowns each has its own table [equation.NAME]."},
      {.path = "equation.kind",
       .type = Type::choice,
       .required = true,
       .example = "\"poisson\"",
       .choices = {"poisson", "heat", "advection-diffusion-reaction", "reaction-diffusion", "wave",
                   "helmholtz", "elasticity", "thermo-elasticity", "coefficient-form"},
       .choice_help =
           {"(K grad(u), grad(w)) = (f, w) + <q, w>.",
            "(d du/dt, w) + (K grad(u), grad(w)) = (f, w) + <q, w>.",
            "(d du/dt + b.grad(u) + r u, w) + (K grad(u) + X grad(v), grad(w)) = (f, w) + <q, w>; "
            "steady without [time].",
            "(d du/dt + r u, w) + (K grad(u) + X grad(v), grad(w)) = (f, w) + <q, w>; steady "
            "without [time].",
            "(e d2u/dt2 + d du/dt + r u, w) + (K grad(u), grad(w)) = (f, w) + <q, w>.",
            "(K grad(u), grad(w)) - (k^2 u, w) = (f, w) + <q, w>.",
            "(density d2u/dt2, w) + (sigma, grad(w)) = (body_force, w) + <traction - pressure n, "
            "w>: "
            "small strains, sigma by Hooke's law from the strain less the thermal one.",
            "heat for the temperature T, with its own [equation.T] and [[boundary]] unknown = "
            "\"T\", "
            "and elasticity with that temperature: slow, without density, and nothing that the "
            "body does heats it.",
            "(e d2u/dt2 + d du/dt + b.grad(u) + r u, w) + (K grad(u) + X grad(v), grad(w)) = (f, "
            "w) "
            "+ <q, w>: everything, and of the time derivatives only what is given."},
       .help =
           "Which terms the equation has. The kinds as weak forms, for every test function w: (a, "
           "b) is the integral of a b over the domain, <a, b> over its boundary; K is diffusion, X "
           "cross_diffusion, b advection, r reaction, f source, d capacity, e inertia, k "
           "wave_number, and q the flux or coefficient*(ambient - u) of the boundary, positive "
           "into "
           "the domain."},
      {.path = "equation.unknowns",
       .type = Type::names,
       .fallback = "[\"u\"]",
       .min_items = 1,
       .max_items = 16,
       .when = "kind",
       .when_values = scalar_kinds,
       .help =
           "Names of the fields that are solved for; expressions use them by these names. The "
           "unknowns of elasticity are the displacements ux, uy and uz; thermo-elasticity has the "
           "temperature T as well."},
  };
  const auto append = [&keys](std::vector<Key> more) {
    std::move(more.begin(), more.end(), std::back_inserter(keys));
  };
  append(coefficient_keys("equation"));
  append(elastic_keys("equation"));
  append({
      {.path = "equation.stabilisation",
       .type = Type::choice,
       .fallback = "\"auto\"",
       .choices = {"auto", "supg", "none"},
       .choice_help =
           {"SUPG where the cell Peclet number |b| h / (2 k K) is above 1 somewhere, with the size "
            "h "
            "of the cell along b and the degree k; the log says the largest one and what was done.",
            "streamline upwinding (Brooks and Hughes): diffusion along the velocity, in proportion "
            "to the residual of the equation; for degree 1.",
            "Galerkin's method as it is: the solution oscillates where layers are not resolved."},
       .when = "kind",
       .when_values = {"advection-diffusion-reaction", "coefficient-form"},
       .help = "What is done against oscillations where advection outweighs diffusion."},
      {.path = "equation.plane",
       .type = Type::choice,
       .fallback_note = "strain in two dimensions",
       .example = "\"strain\"",
       .choices = {"strain", "stress", "axisymmetric"},
       .when = "kind",
       .when_values = elastic_kinds,
       .help = "What a two-dimensional body stands for: \"strain\" a long one that cannot move out "
               "of the plane, \"stress\" a thin plate that may, \"axisymmetric\" half of a section "
               "of a body of revolution: x is the radius, y runs along the axis, ux and uy go that "
               "way, szz is the hoop stress. The axis, x = 0, takes symmetry = true. Integrals are "
               "over the whole body, 2 pi included; errors against verify.exact are over the "
               "section."},
      {.path = "equation.coordinates",
       .type = Type::choice,
       .fallback = "\"cartesian\"",
       .choices = {"cartesian", "axisymmetric"},
       .when = "kind",
       .when_values = scalar_kinds,
       .help =
           "\"axisymmetric\" in one or two dimensions: x is the radius of a body of revolution, y "
           "runs along its axis, where nothing is prescribed (flux = 0). Integrals are over the "
           "whole body, 2 pi included (in one dimension of unit length); errors against "
           "verify.exact are over the section."},
      {.path = "equation.*",
       .type = Type::table,
       .help = "Coefficients of the equation of the unknown of this name, when equation.unknowns "
               "names several; of thermo-elasticity [equation.T], the heat.",
       .unknown_names = true},
  });
  append(coefficient_keys("equation.*"));
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
      {.path = "material[].unknown",
       .type = Type::name,
       .fallback_note = "the only one",
       .example = "\"u\"",
       .when = "equation.kind",
       .when_values = with_temperature(scalar_kinds, "material[]"),
       .help =
           "Name of the unknown whose coefficients these are; needed when there are several. Of "
           "thermo-elasticity \"T\", or nothing for the elastic body."},
  });
  append(coefficient_keys("material[]"));
  append(elastic_keys("material[]"));
  append({
      {.path = "boundary[]",
       .type = Type::table_array,
       .required = true,
       .help = "What happens on a part of the boundary, for one unknown: exactly one of value, "
               "flux and "
               "robin; for elasticity one of displacement, traction, pressure and symmetry. Flux, "
               "robin, traction and pressure of several tables add up, a value stands alone. Each "
               "unknown needs a condition everywhere."},
      {.path = "boundary[].on",
       .type = Type::names,
       .required = true,
       .example = "[\"rest\"]",
       .min_items = 1,
       .help =
           "Names of boundary sets: physical names of the mesh file, of mesh.sets, of a box (left "
           "right bottom top front back), or \"rest\", every outer facet that no other "
           "[[boundary]] of the same unknown names."},
      {.path = "boundary[].unknown",
       .type = Type::name,
       .example = "\"u\"",
       .when = "equation.kind",
       .when_values = with_temperature(scalar_kinds, "boundary[]"),
       .help =
           "Name of the unknown this is for; needed when there are several. Of thermo-elasticity "
           "\"T\", or nothing for the displacement."},
      {.path = "boundary[].value",
       .type = Type::formula,
       .unit = "u",
       .example = "0.0",
       .help = "u = value (Dirichlet)."},
      {.path = "boundary[].flux",
       .type = Type::formula,
       .unit = "amount of u / area / time",
       .example = "0.0",
       .help = "K grad(u).n = flux, positive into the domain (Neumann); 0 insulates. It may depend "
               "on the unknowns, as in \"-sigma*(u^4 - 293^4)\"; terms of cross_diffusion are part "
               "of it."},
      {.path = "boundary[].robin",
       .type = Type::table,
       .example = "{ coefficient = 12.0, ambient = 293.15 }",
       .help = "K grad(u).n = coefficient * (ambient - u): convection to the surroundings.",
       .opt_in = true,
       .in_line = true},
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
      {.path = "boundary[].displacement",
       .type = Type::formulas,
       .unit = "length",
       .example = "[0.0, \"free\"]",
       .min_items = 1,
       .max_items = 3,
       .when = "equation.kind",
       .when_values = elastic_kinds,
       .help = "Displacement, one component a dimension: a number, an expression or \"free\"."},
      {.path = "boundary[].traction",
       .type = Type::formulas,
       .unit = "force / area",
       .example = "[0.0, -1e6]",
       .min_items = 1,
       .max_items = 3,
       .when = "equation.kind",
       .when_values = elastic_kinds,
       .help = "Force on the surface, sigma n = traction, one component a dimension; all 0 leaves "
               "it free."},
      {.path = "boundary[].pressure",
       .type = Type::formula,
       .unit = "force / area",
       .example = "1e6",
       .when = "equation.kind",
       .when_values = elastic_kinds,
       .help = "Pressure on the surface, sigma n = -pressure n: positive values push inwards."},
      {.path = "boundary[].symmetry",
       .type = Type::boolean,
       .example = "true",
       .when = "equation.kind",
       .when_values = elastic_kinds,
       .help = "true: a plane of symmetry, no displacement along the normal and no force across "
               "it; for plane boundaries along the axes."},

      {.path = "time",
       .type = Type::table,
       .help = "Makes the problem depend on time t: from start to end in steps. Without this table "
               "the steady problem is solved.",
       .opt_in = true},
      {.path = "time.start",
       .type = Type::real,
       .unit = "time",
       .fallback = "0.0",
       .help = "Time of the initial values."},
      {.path = "time.end",
       .type = Type::real,
       .unit = "time",
       .required = true,
       .example = "1.0",
       .help = "Time at which the run ends; it is hit exactly.",
       .may_change_on_restart = true},
      {.path = "time.step",
       .type = Type::real,
       .unit = "time",
       .required = true,
       .example = "0.01",
       .range = positive,
       .help = "Length of the steps; with a tolerance only of the first one.",
       .may_change_on_restart = true},
      {.path = "time.method",
       .type = Type::choice,
       .fallback_note = "bdf2; newmark for equations with inertia",
       .example = "\"bdf2\"",
       .choices = {"bdf1", "bdf2", "bdf3", "bdf4", "sdirk2", "sdirk3", "imex2", "imex3",
                   "crank-nicolson", "rk4", "leapfrog", "newmark", "generalised-alpha"},
       .choice_help =
           {"implicit Euler, order 1, damps strongly; without inertia.",
            "two earlier steps, order 2, for stiff problems; without inertia.",
            "three earlier steps, order 3, for stiff problems that do not oscillate; without "
            "inertia.",
            "four earlier steps, order 4, the same with a smaller range of stability.",
            "two implicit stages a step, order 2, for stiff problems; without inertia.",
            "three implicit stages a step, order 3, for stiff problems; without inertia.",
            "stiff diffusion with explicit reactions, order 2: the terms that `explicit` names are "
            "explicit, by default reaction and source, and diffusion, cross_diffusion, advection "
            "and all boundary terms implicit, so that linear ones take one linear solve in each of "
            "the two stages and no Newton; capacity must be a constant of time and unknowns; "
            "without inertia.",
            "the same with four stages, order 3.",
            "order 2, damps nothing, not even what is wrong; without inertia.",
            "explicit, order 4, needs small steps; without inertia.",
            "explicit, order 2, needs small steps; with inertia.",
            "average acceleration, order 2, keeps the energy; with inertia.",
            "order 2, damps high frequencies as spectral_radius says; with inertia."},
       .help = "How time advances: methods for equations without inertia and for those with it."},
      {.path = "time.tolerance",
       .type = Type::real,
       .unit = "1",
       .fallback_note = "none, all steps have the same length",
       .example = "1e-4",
       .range = {.lower = 0.0, .upper = 1.0, .lower_open = true, .upper_open = true},
       .help = "Lets the program choose the steps: the error that one step adds, relative to the "
               "solution's size. For bdf, sdirk and imex methods.",
       .may_change_on_restart = true},
      {.path = "time.min_step",
       .type = Type::real,
       .unit = "time",
       .fallback_note = "no bound",
       .example = "1e-6",
       .range = positive,
       .help =
           "Smallest step that may be chosen; needs a tolerance. A run that wants a smaller one "
           "stops.",
       .may_change_on_restart = true},
      {.path = "time.max_step",
       .type = Type::real,
       .unit = "time",
       .fallback_note = "no bound",
       .example = "0.1",
       .range = positive,
       .help = "Largest step that may be chosen; needs a tolerance.",
       .may_change_on_restart = true},
      {.path = "time.explicit",
       .type = Type::strings,
       .fallback = "[\"reaction\", \"source\"]",
       .min_items = 1,
       .max_items = 3,
       .when = "method",
       .when_values = {"imex2", "imex3"},
       .help =
           "Which terms imex methods treat explicitly, of \"reaction\", \"source\" and "
           "\"advection\", in the equations that have a time derivative. Steps must resolve "
           "them: explicit advection needs steps of less than a cell's size over the velocity."},
      {.path = "time.spectral_radius",
       .type = Type::real,
       .unit = "1",
       .fallback = "0.8",
       .range = {.lower = 0.0, .upper = 1.0},
       .when = "method",
       .when_values = {"generalised-alpha"},
       .help = "What is left of the highest frequencies after a step: 1 keeps them, 0 removes them "
               "in one."},
      {.path = "time.steady_tolerance",
       .type = Type::real,
       .unit = "1 / time",
       .fallback_note = "none, the run goes on to its end",
       .example = "1e-6",
       .range = positive,
       .help = "Ends the run when nothing changes any more: after the first step at which for "
               "every unknown norm(new - old) / step <= steady_tolerance * norm(new), with the L2 "
               "norm over the domain. For equations without inertia.",
       .may_change_on_restart = true},
      {.path = "time.stop_when",
       .type = Type::condition,
       .fallback_note = "none, the run goes on to its end",
       .example = "\"max(u) > 10\"",
       .help = "Condition of max(u), min(u) (over the domain, of any unknown) and t that ends the "
               "run after the first step at which it holds.",
       .may_change_on_restart = true},

      {.path = "initial",
       .type = Type::table,
       .help = "The unknowns at time.start, by their names; needed for each unknown with a time "
               "derivative. In a steady problem where the iteration starts, 0 if not given."},
      {.path = "initial.rate",
       .type = Type::table,
       .help = "First time derivatives at time.start of unknowns with inertia, by their names; 0, "
               "at rest, where not given."},
      {.path = "initial.rate.*",
       .type = Type::formula,
       .unit = "u / time",
       .example = "0.0",
       .help = "Time derivative of the unknown of this name: a number or an expression of x, y, z.",
       .unknown_names = true},
      {.path = "initial.*",
       .type = Type::formula,
       .unit = "u",
       .example = "\"sin(pi*x)\"",
       .help = "Value of the unknown of this name: a number or an expression of x, y, z.",
       .unknown_names = true},

      {.path = "nonlinear",
       .type = Type::table,
       .help = "The iteration for equations whose coefficients or boundary conditions depend on "
               "the unknowns; linear problems do not use it.",
       .may_change_on_restart = true},
      {.path = "nonlinear.method",
       .type = Type::choice,
       .fallback = "\"newton\"",
       .choices = {"newton", "picard"},
       .help = "\"newton\" uses exact derivatives and converges fast near the solution; \"picard\" "
               "puts the last values into the coefficients, into sources and into fluxes: it "
               "converges linearly, often from further away, its matrices are symmetric where the "
               "equation is, and a linear problem takes one iteration.",
       .may_change_on_restart = true},
      {.path = "nonlinear.tolerance",
       .type = Type::real,
       .unit = "1",
       .fallback = "1e-8",
       .range = {.lower = 0.0, .upper = 1.0, .lower_open = true, .upper_open = true},
       .help = "Norm of the residual relative to that of the first one.",
       .may_change_on_restart = true},
      {.path = "nonlinear.absolute_tolerance",
       .type = Type::real,
       .unit = "residual",
       .fallback_note = "none",
       .example = "1e-12",
       .range = positive,
       .help = "Norm of the residual that is small enough whatever the first one was.",
       .may_change_on_restart = true},
      {.path = "nonlinear.max_iterations",
       .type = Type::integer,
       .unit = "1",
       .fallback = "25",
       .range = {.lower = 1.0, .upper = 1e6},
       .help = "Iterations after which it has failed; Picard's method may need more.",
       .may_change_on_restart = true},
      {.path = "nonlinear.line_search",
       .type = Type::boolean,
       .fallback = "true",
       .help = "Shorten Newton's steps until the residual gets smaller; not used by \"picard\".",
       .may_change_on_restart = true},
      {.path = "nonlinear.forcing",
       .type = Type::choice,
       .fallback = "\"eisenstat-walker\"",
       .choices = {"eisenstat-walker", "fixed"},
       .help = "How exactly the linear systems are solved: as exactly as the step is worth "
               "(Eisenstat and Walker), or always to solver.tolerance.",
       .may_change_on_restart = true},

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

      {.path = "checkpoint",
       .type = Type::table,
       .help = "When a run in time stores what it needs to go on (ritz run --resume). Also without "
               "this table: every half hour, at the end, when it is told to stop (SIGTERM, "
               "SIGUSR2), when it is asked to (SIGUSR1), and before the time of the job is over.",
       .may_change_on_restart = true,
       .opt_in = true},
      {.path = "checkpoint.write",
       .type = Type::boolean,
       .fallback = "true",
       .help = "Write checkpoints at all.",
       .may_change_on_restart = true},
      {.path = "checkpoint.every_steps",
       .type = Type::integer,
       .unit = "1",
       .fallback_note = "not by steps",
       .example = "100",
       .range = {.lower = 1.0, .upper = 1e9},
       .help = "Steps between checkpoints, counted from time.start.",
       .may_change_on_restart = true},
      {.path = "checkpoint.every",
       .type = Type::real,
       .unit = "time",
       .fallback_note = "not by simulated time",
       .example = "0.5",
       .range = positive,
       .help = "Simulated time between checkpoints, counted from time.start: one after the first "
               "step that reaches each multiple. Steps are not cut for it.",
       .may_change_on_restart = true},
      {.path = "checkpoint.every_walltime",
       .type = Type::duration,
       .unit = "s",
       .fallback = "\"30 min\"",
       .range = positive,
       .help = "Time by the clock between checkpoints.",
       .may_change_on_restart = true},
      {.path = "checkpoint.keep",
       .type = Type::integer,
       .unit = "1",
       .fallback = "2",
       .range = {.lower = 1.0, .upper = 1e6},
       .help = "How many of the newest checkpoints are kept.",
       .may_change_on_restart = true},
      {.path = "checkpoint.keep_every",
       .type = Type::integer,
       .unit = "1",
       .fallback_note = "only the newest are kept",
       .example = "10",
       .range = {.lower = 1.0, .upper = 1e9},
       .help = "Every so many checkpoints one is kept for good.",
       .may_change_on_restart = true},
      {.path = "checkpoint.compression",
       .type = Type::integer,
       .unit = "1",
       .fallback = "1",
       .range = {.lower = 0.0, .upper = 9.0},
       .help = "Deflate level of checkpoints: 0 none, 9 smallest and slowest. Nothing is lost "
               "either way.",
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
      {.path = "output.stress",
       .type = Type::boolean,
       .fallback = "true",
       .when = "equation.kind",
       .when_values = elastic_kinds,
       .help = "Beside the displacements write the stresses, sxx, syy, sxy and so on, and "
               "von_mises: into the files, at probes and as extremes. Their values at the nodes "
               "are means over the cells around, within one region; at the border of two regions "
               "a file has those of the region that comes first in the mesh, a probe those of "
               "its own.",
       .may_change_on_restart = true},
      {.path = "output.compression",
       .type = Type::integer,
       .unit = "1",
       .fallback = "4",
       .range = {.lower = 0.0, .upper = 9.0},
       .help = "Deflate level: 0 none, 9 smallest and slowest.",
       .may_change_on_restart = true},
      {.path = "output.every",
       .type = Type::real,
       .unit = "time",
       .fallback_note = "only the last time is written",
       .example = "0.1",
       .range = positive,
       .help = "Simulated time between results, counted from time.start; these times are hit "
               "exactly.",
       .may_change_on_restart = true},
      {.path = "output.every_steps",
       .type = Type::integer,
       .unit = "1",
       .fallback_note = "only the last time is written",
       .example = "10",
       .range = {.lower = 1.0, .upper = 1e9},
       .help = "Steps between results, instead of output.every.",
       .may_change_on_restart = true},

      {.path = "output.field[]",
       .type = Type::table_array,
       .help = "A further field for the files, probes and extremes, such as a flux; its values at "
               "the nodes are means over the cells around, as those of stresses.",
       .may_change_on_restart = true},
      {.path = "output.field[].name",
       .type = Type::string,
       .required = true,
       .example = "\"flux_x\"",
       .help = "Name of the field: letters, digits and _.",
       .may_change_on_restart = true},
      {.path = "output.field[].value",
       .type = Type::formula,
       .required = true,
       .example = "\"-401*dx(u)\"",
       .help = "Expression of x, y, z, t, the unknowns and their gradients.",
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
       .help = "\"value\" integrates `of`; \"flux\" integrates K grad(u).n of the first unknown u "
               "over a boundary set.",
       .may_change_on_restart = true},
      {.path = "integral[].of",
       .type = Type::formula,
       .fallback_note = "the first unknown",
       .example = "\"u\"",
       .when = "kind",
       .when_values = {"value"},
       .help = "Expression of x, y, z, t and the unknowns to integrate; 1 gives the measure.",
       .may_change_on_restart = true},

      {.path = "verify",
       .type = Type::table,
       .help =
           "What is known about the solution: a deck that judges itself. A bound that is missed "
           "makes the run fail.",
       .may_change_on_restart = true},
      {.path = "verify.unknown",
       .type = Type::name,
       .fallback_note = "the first one",
       .example = "\"u\"",
       .help = "Name of the unknown that is known.",
       .may_change_on_restart = true},
      {.path = "verify.exact",
       .type = Type::formula,
       .unit = "u",
       .fallback_note = "not known",
       .example = "\"sin(pi*x)\"",
       .help = "The exact solution, with [time] at the time at which the run ended; the errors "
               "against it are reported.",
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
      {.path = "verify.probe[].of",
       .type = Type::name,
       .fallback_note = "verify.unknown",
       .example = "\"u\"",
       .help = "Name of the unknown or field whose value is known: also a stress such as "
               "\"syy\" or a name of [[output.field]].",
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

const std::vector<std::string>& reserved_unknown_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const std::string& word : reserved_parameter_names()) {
      if (word != "u") all.push_back(word);
    }
    for (const char* word : {"grad", "dx", "dy", "dz", "dt"}) all.emplace_back(word);
    for (const char* table : {"equation", "equation.*", "initial"}) {
      for (const Key* key : keys_of(table)) {
        if (key->name() != "*") all.push_back(key->name());
      }
    }
    return all;
  }();
  return names;
}

std::string when_text(const Key& key) {
  if (key.when.empty()) return "";
  const auto told = [](const std::vector<std::string>& words) {
    std::vector<std::string> list;
    for (const std::string& word : words) list.push_back(quoted(word));
    return base::list(list, "or");
  };
  std::vector<std::string> others;
  for (const std::string& choice : find_key(key.decider())->choices) {
    if (std::find(key.when_values.begin(), key.when_values.end(), choice) == key.when_values.end())
      others.push_back(choice);
  }
  if (others.size() <= 2 && key.when_values.size() > 2) {
    return fmt::format("any {} but {}", key.when, told(others));
  }
  return fmt::format("{} = {}", key.when, told(key.when_values));
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
      return range.empty() ? "number or expression (string)"
                           : "number " + range + ", or expression (string)";
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
