#include "registry_parts.hpp"

namespace ritz::deck {

std::vector<Key> limit_keys() {
  return {
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
  };
}

std::vector<Key> checkpoint_keys() {
  return {
      {.path = "checkpoint",
       .type = Type::table,
       .help = "When a run stores what it needs to go on (ritz run --resume). Also without this "
               "table: every half hour, when it is told to stop (SIGTERM, SIGUSR2), when it is "
               "asked to (SIGUSR1), before the time of the job is over, and at the end: of a run "
               "in time always, of a steady one if there was one before.",
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
       .help =
           "Steps between checkpoints, counted from time.start. Of a steady problem: "
           "corrections of Newton's method, or iterations of the linear solver (which is looked "
           "at every 8 of them or half a second) if it is linear.",
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
      {.path = "checkpoint.asynchronous",
       .type = Type::boolean,
       .fallback = "true",
       .help = "Compress and write a checkpoint in a thread beside the next steps, which wait only "
               "while the state is copied, and when two are under way. Takes memory for one copy "
               "of the state for each that is under way. false: the run waits for each.",
       .may_change_on_restart = true},
      {.path = "checkpoint.compression",
       .type = Type::choice,
       .fallback = "\"deflate\"",
       .choices = {"none", "deflate", "zstd"},
       .help =
           "How numbers are made shorter, after shuffling; nothing is lost. deflate: every HDF5 "
           "reader opens it. zstd: many times faster; other readers need HDF5's plugin 32015, or "
           "'ritz unpack'. none: fastest to a fast disk.",
       .may_change_on_restart = true},
      {.path = "checkpoint.level",
       .type = Type::integer,
       .unit = "1",
       .fallback_note = "1",
       .example = "3",
       .range = {.lower = -7.0, .upper = 19.0},
       .help = "Level of the compression: deflate 1 to 9, zstd -7 to 19 but 0; the larger the "
               "smaller the file and the longer it takes.",
       .may_change_on_restart = true},
  };
}

namespace {

/// What [output] and each [[output.block]] say of their own files.
std::vector<Key> part_keys(const std::string& table) {
  return {
      {.path = table + ".every",
       .type = Type::real,
       .unit = "time",
       .fallback_note = "not by simulated time; without any of the three only the last time is "
                        "written",
       .example = "0.1",
       .range = positive,
       .help = "Simulated time between results, counted from time.start; these times are hit "
               "exactly.",
       .may_change_on_restart = true},
      {.path = table + ".every_steps",
       .type = Type::integer,
       .unit = "1",
       .fallback_note = "not by steps",
       .example = "10",
       .range = {.lower = 1.0, .upper = 1e9},
       .help = "Steps between results, instead of every.",
       .may_change_on_restart = true},
      {.path = table + ".times",
       .type = Type::reals,
       .unit = "time",
       .fallback_note = "none",
       .example = "[0.1, 0.5, 2.0]",
       .min_items = 1,
       .help = "Times at which there is a result as well; they are hit exactly.",
       .may_change_on_restart = true},
      {.path = table + ".only",
       .type = Type::names,
       .fallback_note = "all fields",
       .example = "[\"u\"]",
       .min_items = 1,
       .help = "Names of the fields that are written: unknowns, stresses, [[output.field]], rates.",
       .may_change_on_restart = true},
      {.path = table + ".relative_precision",
       .type = Type::real,
       .unit = "1",
       .fallback_note = "values are exact",
       .example = "1e-5",
       .range = {.lower = 1e-15, .upper = 0.1},
       .help =
           "Largest relative error of each value of a field in the files, which are smaller for "
           "it: bits of the mantissa that are not needed are rounded away before compression. "
           "Coordinates stay exact, and so do checkpoints.",
       .may_change_on_restart = true},
  };
}

}  // namespace

std::vector<Key> output_keys() {
  std::vector<Key> keys{
      {.path = "output",
       .type = Type::table,
       .help = "What is written and where. [[output]] may stand several times: the first one is "
               "this table, each other one is an [[output.block]].",
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
      {.path = "output.file_locking",
       .type = Type::choice,
       .fallback = "\"best-effort\"",
       .choices = {"best-effort", "on", "off"},
       .help = "Whether HDF5 locks the files that it reads, so that nobody writes them meanwhile. "
               "best-effort: where the file system has locks; on: an error where it has none; off: "
               "never, for network file systems on which locks fail. The environment variable "
               "HDF5_USE_FILE_LOCKING, if it is set, goes before.",
       .may_change_on_restart = true},
      {.path = "output.rates",
       .type = Type::boolean,
       .fallback = "false",
       .help = "With inertia write the first time derivatives as well, as rate_NAME: what another "
               "run needs to start from the file (initial.from).",
       .may_change_on_restart = true},
  };
  for (Key& key : part_keys("output")) keys.push_back(std::move(key));
  const std::vector<Key> further{
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

      {.path = "output.block[]",
       .type = Type::table_array,
       .help =
           "Further files, NAME.vtkhdf or a series of them, of all or a part of the domain with "
           "times of their own.",
       .may_change_on_restart = true},
      {.path = "output.block[].name",
       .type = Type::string,
       .required = true,
       .example = "\"wall\"",
       .help = "Name of the files: letters, digits, _ and -.",
       .may_change_on_restart = true},
      {.path = "output.block[].on",
       .type = Type::names,
       .fallback_note = "the whole domain",
       .example = "[\"left\"]",
       .min_items = 1,
       .help = "Boundary sets, of which the facets are written, or regions, of which the cells. "
               "The files of a run that is resumed stay what they are: another place needs another "
               "name."},
      {.path = "output.block[].slice",
       .type = Type::table,
       .example = "{ point = [0.5, 0, 0], normal = [1, 0, 0] }",
       .help = "A plane of which the cut with the domain is written, in two dimensions a line.",
       .opt_in = true,
       .in_line = true},
      {.path = "output.block[].slice.point",
       .type = Type::reals,
       .unit = "length",
       .required = true,
       .example = "[0.5, 0, 0]",
       .min_items = 2,
       .max_items = 3,
       .help = "A point of the plane."},
      {.path = "output.block[].slice.normal",
       .type = Type::reals,
       .unit = "1",
       .required = true,
       .example = "[1, 0, 0]",
       .min_items = 2,
       .max_items = 3,
       .help = "Direction across the plane, of any length."},
  };
  keys.insert(keys.end(), further.begin(), further.end());
  for (Key& key : part_keys("output.block[]")) keys.push_back(std::move(key));
  return keys;
}
std::vector<Key> result_keys() {
  return {
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
  };
}

}  // namespace ritz::deck
