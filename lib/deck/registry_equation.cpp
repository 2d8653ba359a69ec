#include "registry_parts.hpp"

namespace ritz::deck {

namespace {

const std::vector<std::string> scalar_kinds{"poisson",
                                            "heat",
                                            "advection-diffusion-reaction",
                                            "reaction-diffusion",
                                            "wave",
                                            "helmholtz",
                                            "coefficient-form"};

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

}  // namespace

std::vector<Key> equation_keys() {
  std::vector<Key> keys{
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
            "to the residual of the equation.",
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
  return keys;
}

std::vector<Key> boundary_keys() {
  return {
      {.path = "boundary[]",
       .type = Type::table_array,
       .required = true,
       .required_note = "unless [[periodic]] joins the whole boundary",
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
  };
}

std::vector<Key> periodic_keys() {
  return {
      {.path = "periodic[]",
       .type = Type::table_array,
       .help = "Two parts of the boundary that are one place: what leaves through one comes in "
               "through the other, for every unknown. One table for each pair of sides; several "
               "join edges and corners as well. No [[boundary]] may name these sets."},
      {.path = "periodic[].from",
       .type = Type::name,
       .required = true,
       .example = "\"left\"",
       .help = "Boundary set: a physical name of the mesh file, of mesh.sets or of a box."},
      {.path = "periodic[].to",
       .type = Type::name,
       .required = true,
       .example = "\"right\"",
       .help =
           "The set that falls on the first when that is moved. Its facets must match: as many, "
           "with nodes in the same places after the move, numbered and turned at will."},
      {.path = "periodic[].translation",
       .type = Type::reals,
       .unit = "length",
       .fallback_note = "found from the two sets",
       .example = "[1.0, 0.0]",
       .min_items = 1,
       .max_items = 3,
       .help = "The move from the first set to the second, one number for each dimension."},
      {.path = "periodic[].tolerance",
       .type = Type::real,
       .unit = "1",
       .fallback = "1e-5",
       .range = {.lower = 0.0, .upper = 0.1, .lower_open = true},
       .help =
           "How far apart nodes that fall on each other may lie, as a part of the size of their "
           "cell."},
  };
}

}  // namespace ritz::deck
