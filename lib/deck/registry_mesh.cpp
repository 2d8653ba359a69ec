#include "registry_parts.hpp"

namespace ritz::deck {

std::vector<Key> general_keys() {
  return {
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

      {.path = "units",
       .type = Type::table,
       .help =
           "In which units the deck's plain numbers are, and so the results. With this table, "
           "empty or not, values of keys with a dimension may be written with a unit in quotes, "
           "\"210 GPa\" or \"4 mm/s\": it is checked and the value converted. Force, stress and "
           "energy follow: mm, t and s make N and MPa. 'ritz explain KEY' tells a key's "
           "dimension.",
       .opt_in = true},
      {.path = "units.length",
       .type = Type::string,
       .fallback = "\"m\"",
       .help = "Unit of length, such as m, mm or in."},
      {.path = "units.time",
       .type = Type::string,
       .fallback = "\"s\"",
       .help = "Unit of time, such as s, ms or h."},
      {.path = "units.mass",
       .type = Type::string,
       .fallback = "\"kg\"",
       .help = "Unit of mass, such as kg, g or t (1000 kg)."},
      {.path = "units.temperature",
       .type = Type::string,
       .fallback = "\"K\"",
       .help = "Unit of temperature: K, or degC where temperatures count from the melting point of "
               "ice."},
      {.path = "units.unknown",
       .type = Type::string,
       .fallback_note = "not said: values of the unknown are plain numbers",
       .example = "\"mol/m^3\"",
       .help =
           "What the scalar unknowns are in, for kinds that leave it open, so that their values, "
           "sources and fluxes can have units; K with kind \"poisson\" is conduction of heat."},

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
               "expression language. With [units] also a value with a unit, \"210 GPa\", of which "
               "expressions see the number in the deck's units."},
  };
}

std::vector<Key> mesh_keys() {
  return {
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
      {.path = "mesh.map",
       .type = Type::formulas,
       .unit = "length",
       .fallback_note = "none: the box as it is",
       .example = "[\"x*cos(y)\", \"x*sin(y)\"]",
       .min_items = 1,
       .max_items = 3,
       .when = "kind",
       .when_values = {"box"},
       .help =
           "Where the point (x, y, z) of the box goes, one formula a dimension: a bent, curved or "
           "twisted domain. All nodes are moved, those of refined meshes too, so that they lie on "
           "the true surface; sets keep the names of the box's sides. Its determinant must be "
           "positive."},
      {.path = "mesh.order",
       .type = Type::integer,
       .unit = "1",
       .fallback_note = "2 with mesh.map, else 1",
       .example = "2",
       .range = {.lower = 1.0, .upper = 2.0},
       .when = "kind",
       .when_values = {"box"},
       .help =
           "Order of the cells' geometry with mesh.map: 1 straight edges between vertices on the "
           "true surface, 2 parabolas through middles that lie there as well."},
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
  };
}

}  // namespace ritz::deck
