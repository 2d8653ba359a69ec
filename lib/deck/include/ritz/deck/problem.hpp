#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ritz/base/error.hpp"

/// A problem deck as typed structs: what the rest of the program sees. Every struct's members are
/// keys of the registry (registry.hpp), in SI or the user's own consistent units.
namespace ritz::deck {

/// A number or an expression of x, y, z, t, the parameters and, where it says so, the unknowns,
/// with the place it came from. Numbers are kept as their shortest text. Checked and compiled by
/// room expr through room run.
struct Formula {
  std::string text;
  base::Location where;  ///< of the first character of the expression (inside the quotes)
};

/// A name that must exist elsewhere (in the mesh), with the place where it was written.
struct Name {
  std::string text;
  base::Location where;
};

enum class MeshKind { box, file };
enum class Distortion { none, smooth, random, kershaw };

struct BoxMesh {
  std::vector<std::int64_t> cells;   ///< one entry a dimension: its length is the dimension
  std::vector<double> lower, upper;  ///< default 0 and 1
  std::string cell_type;             ///< line, tri, quad, tet, hex; default by dimension
  std::vector<double> grading;       ///< last/first brick size, default 1
  Distortion distortion = Distortion::none;
  double distortion_amount = 0.0;
  std::int64_t seed = 1;
  std::vector<Formula> map;  ///< where the point x, y, z of the box goes; empty: it stays
  int order = 1;             ///< of the cells' geometry, 1 or 2; default 2 with a map
};

struct NamedSet {
  Name name;
  Formula predicate;  ///< boolean expression of x, y, z
};

struct MeshOptions {
  MeshKind kind = MeshKind::box;
  std::string file;  ///< as found: relative to the deck's folder, made absolute
  base::Location file_where;
  BoxMesh box;
  int refine = 0;  ///< uniform refinements after partitioning
  std::vector<NamedSet> sets;
};

enum class PartitionMethod { multijagged, rcb, block, graph, hypergraph };
struct PartitionOptions {
  PartitionMethod method = PartitionMethod::multijagged;
  double max_imbalance = 1.05;
};

struct SpaceOptions {
  int degree = 1;
};

/// Diffusion: one formula (scalar), d (diagonal) or d*d (full tensor, row-major).
struct TensorFormula {
  std::vector<Formula> entries;
};

/// One term of cross diffusion: -div(value grad of another unknown).
struct CrossDiffusion {
  Name unknown;   ///< whose gradient
  int index = 0;  ///< the same in EquationOptions::unknowns
  Formula value;  ///< scalar
};

/// Coefficients of the equation of one unknown u,
///   inertia d2u/dt2 + capacity du/dt - div(diffusion grad u + sum_j cross_diffusion_j grad u_j)
///     + advection . grad u + reaction u - wave_number^2 u = source.
/// Empty optionals take the preset's default (diffusion 1, the others 0; what differs from that has
/// been filled in by parse(): capacity and inertia) or, in a material, the equation's. Formulas may
/// use x, y, z, t, the parameters, every unknown and its gradient.
struct Coefficients {
  std::optional<Formula> inertia;                 ///< e, of d2u/dt2
  std::optional<Formula> capacity;                ///< d, of du/dt
  std::optional<TensorFormula> diffusion;         ///< K
  std::vector<CrossDiffusion> cross_diffusion;    ///< several unknowns only; empty = none given
  std::optional<std::vector<Formula>> advection;  ///< b, d components
  std::optional<Formula> reaction;                ///< r
  std::optional<Formula> wave_number;             ///< k of kind helmholtz: r = -k^2
  std::optional<Formula> source;                  ///< f
};

/// Hooke's law of a material with three planes of symmetry, by its engineering constants along its
/// own axes 1, 2, 3: strain_1 = (sigma_1 - nu12 sigma_2 - nu13 sigma_3) / E1 and so on; nu_ij is
/// the strain across j of a pull along i. All constants are numbers or expressions of parameters.
struct Orthotropic {
  std::vector<Formula> youngs_modulus;     ///< E1, E2[, E3]
  std::vector<Formula> poissons_ratio;     ///< nu12[, nu13, nu23]
  std::vector<Formula> shear_modulus;      ///< G12[, G13, G23]
  std::vector<Formula> thermal_expansion;  ///< along 1, 2[, 3]; empty: the material's, all alike
  std::optional<Formula> angle;  ///< plane: from x to axis 1 in degrees, also of x, y; 0 if empty
  std::vector<Formula> axis_1, axis_2;  ///< solid: directions of axes 1 and 2; empty: x and y
  base::Location where;
};

/// Linear elasticity, density d2u/dt2 - div sigma = body_force, with
/// sigma = lambda tr(eps - eps_T) I + 2 mu (eps - eps_T), eps = sym grad u,
/// eps_T = thermal_expansion (temperature - reference_temperature) I,
/// lambda = E nu / ((1 + nu)(1 - 2 nu)), mu = E / (2 (1 + nu)).
/// Empty optionals: none (no inertia, no force, no thermal strain); in a material the equation's.
/// With a thermal_expansion anywhere the equation has temperature and reference_temperature.
struct Elasticity {
  std::optional<Formula> youngs_modulus;           ///< E; always there in the equation
  std::optional<Formula> poissons_ratio;           ///< nu; always there in the equation
  std::optional<Orthotropic> orthotropic;          ///< instead of the two
  std::optional<Formula> density;                  ///< always there in the equation with [time]
  std::optional<std::vector<Formula>> body_force;  ///< per volume, d components
  std::optional<Formula> thermal_expansion;        ///< per degree
  std::optional<Formula> temperature;
  std::optional<Formula> reference_temperature;  ///< at which there is no thermal strain
};

/// What two-dimensional elasticity stands for: no strain, or no stress, out of the plane; or half
/// of a section through the axis of a body of revolution, x its radius and y along the axis.
enum class Plane { strain, stress, axisymmetric };

/// Against oscillations where advection outweighs diffusion in a cell.
enum class Stabilisation { automatic, supg, none };

enum class EquationKind {
  poisson,
  heat,
  advection_diffusion_reaction,
  reaction_diffusion,
  wave,
  helmholtz,
  elasticity,
  thermo_elasticity,
  coefficient_form
};

/// A scalar field that is solved for, with its equation.
struct Unknown {
  std::string name;
  base::Location where;       ///< of its name in equation.unknowns; empty if that is a default
  Coefficients coefficients;  ///< not used by kind elasticity
};

struct EquationOptions {
  EquationKind kind = EquationKind::poisson;
  base::Location where;
  /// In the order of equation.unknowns, never empty. For elasticity the components of the
  /// displacement: ux, uy, uz, as many as a box has dimensions; all three if the mesh is a file
  /// (see unknown_names()).
  std::vector<Unknown> unknowns{{"u", {}, {}}};
  Coefficients coefficients;    ///< with one unknown the same as in unknowns; else empty
  Elasticity elasticity;        ///< of kind elasticity
  Plane plane = Plane::strain;  ///< of kind elasticity in two dimensions
  Stabilisation stabilisation = Stabilisation::automatic;  ///< of unknowns with advection
  base::Location stabilisation_where;                      ///< empty if that is a default
  std::optional<base::Location> plane_where;               ///< where the deck chose it
  /// x is the radius of a body of revolution and y runs along its axis: by plane or, for scalar
  /// unknowns, by equation.coordinates.
  bool is_axisymmetric = false;
  base::Location axisymmetric_where;
};

struct Material {
  Name region;
  int unknown = 0;    ///< whose coefficients these are (not used by kind elasticity)
  Name unknown_name;  ///< as written; empty text = not given (one unknown)
  Coefficients coefficients;
  Elasticity elasticity;  ///< of kind elasticity
  base::Location where;
};

/// One [[boundary]]: exactly one condition, for one unknown or, of kind elasticity, for the vector.
/// value: u = value. flux: (K grad u + sum_j cross_j grad u_j) . n = flux (into the domain).
/// robin: the same = coefficient * (ambient - u).
/// displacement: components of u. traction: sigma n = traction. pressure: sigma n = -pressure n.
/// symmetry: u . n = 0 and no tangential traction (plane boundaries along the axes).
struct Boundary {
  enum class Kind { value, flux, robin, displacement, traction, pressure, symmetry };
  std::vector<Name> on;  ///< named sets; "rest" = every outer facet that no other [[boundary]] of
                         ///< this unknown names
  base::Location where;
  Kind kind = Kind::flux;
  int unknown = 0;    ///< which one (not used by kind elasticity)
  Name unknown_name;  ///< as written; empty text = not given (one unknown)
  Formula value_or_flux;
  Formula robin_coefficient, robin_ambient;
  std::vector<std::optional<Formula>> displacement;  ///< one a dimension; nothing = "free"
  std::vector<Formula> traction;                     ///< force per area, one a dimension
  Formula pressure;                                  ///< force per area against the outward normal
};

/// One [[periodic]]: two boundary sets that are one place, for every unknown.
struct Periodic {
  Name from, to;  ///< named sets; `to` is `from` moved by the translation
  std::optional<std::array<double, 3>> translation;  ///< found from the sets if not given
  int n_translation = 3;    ///< how many components the deck gave; the others are 0
  double tolerance = 1e-5;  ///< of nodes that fall on each other, relative to the size of cells
  base::Location where, translation_where;
};

enum class TimeMethod {
  bdf1,
  bdf2,
  bdf3,
  bdf4,
  sdirk2,
  sdirk3,
  imex2,
  imex3,
  crank_nicolson,
  rk4,
  leapfrog,
  newmark,
  generalised_alpha
};

/// [time]: from start to end in steps of `step`, or of a size that keeps the local error at
/// `tolerance`.
struct TimeOptions {
  double start = 0.0;
  double end = 0.0;                      ///< > start
  double step = 0.0;                     ///< > 0; the first one if there is a tolerance
  TimeMethod method = TimeMethod::bdf2;  ///< fits the equation: of second order only with inertia
  std::optional<double> tolerance;  ///< adaptive steps: local error relative to the solution's size
  std::optional<double> min_step, max_step;  ///< only with a tolerance; min <= step <= max
  /// imex2, imex3: which terms are explicit, of reaction, source and advection.
  std::vector<std::string> explicit_terms{"reaction", "source"};
  double spectral_radius = 0.8;  ///< generalised_alpha: of the highest frequencies
  /// Stop after the first step at which, for every unknown, the L2 norm of the change over the
  /// step, divided by the step, is at most this times the L2 norm of the new value. Per time.
  std::optional<double> steady_tolerance;
  std::optional<Formula> stop_when;    ///< condition of t, max(u) and min(u), unparsed
  base::Location where, method_where;  ///< method_where is empty if the method is a default
};

struct InitialValue {
  Name unknown;
  int index = 0;  ///< the same in EquationOptions::unknowns
  Formula value;
};

/// [initial]: values at the start, for steady problems the first guess; at most one of each an
/// unknown. With [time] every unknown with a time derivative has a value, and with a second one a
/// rate (0 where the deck says nothing). Unknowns that are not named: 0.
///
/// With `from` unknowns that are not named are read from a file of results, or a checkpoint, of
/// another run, whatever its mesh, degree and number of ranks; so are rates, where the file has
/// them.
struct Initial {
  std::vector<InitialValue> values;
  std::vector<InitialValue> rates;  ///< first time derivatives

  /// What to do with nodes outside of the file's mesh: nothing but an error, the value at the
  /// nearest place of it, or a number.
  enum class Outside { error, nearest, number };
  /// The name of an unknown in the file.
  struct FieldName {
    Name unknown;
    int index = 0;  ///< the same in EquationOptions::unknowns
    Name field;
  };
  std::string from;  ///< as found: relative to the deck's folder, made absolute; empty: none
  base::Location from_where;
  std::optional<double> time;  ///< of a series; empty: the last one
  base::Location time_where;
  Outside outside = Outside::error;
  double outside_value = 0;
  std::vector<FieldName> fields;
};

/// [nonlinear]: used where a formula depends on an unknown.
struct NonlinearOptions {
  enum class Method { newton, picard };
  enum class Forcing { eisenstat_walker, fixed };
  Method method = Method::newton;
  double tolerance = 1e-8;                   ///< on the residual's norm, relative to the first one
  std::optional<double> absolute_tolerance;  ///< on the residual's norm: enough as well
  int max_iterations = 25;
  bool line_search = true;                      ///< newton only
  Forcing forcing = Forcing::eisenstat_walker;  ///< newton: how exact linear solves are
  base::Location method_where;
};

struct SolverOptions {
  std::string method = "auto";  ///< auto cg pipelined-cg gmres fgmres bicgstab minres tfqmr gcrodr
  std::string preconditioner = "auto";  ///< auto none jacobi chebyshev ilu amg multigrid direct
  std::string operator_kind = "auto";   ///< solver.operator: auto assembled matrix-free
  std::string engine = "auto";          ///< who runs cg: auto native belos
  double tolerance = 1e-8;              ///< on the true residual, relative to the right-hand side
  int max_iterations = 500;
  int restart = 50;                   ///< gmres, fgmres, gcrodr
  std::vector<std::string> fallback;  ///< "gmres+ilu", "direct", ... tried in this order
  std::vector<base::Location> fallback_where;
  /// Trilinos parameters passed through as they are: ("belos" | "amg" | "ilu" | "chebyshev" |
  /// "direct") + key path -> value. Unread keys are errors (found by room solve after set-up).
  struct Passed {
    std::string list;               ///< which list
    std::vector<std::string> path;  ///< sublists..., name
    std::string value;              ///< text of the value
    enum class Type { boolean, integer, real, string } type = Type::string;
    base::Location where;
  };
  std::vector<Passed> trilinos;
  /// [solver.multigrid]: preconditioner = "multigrid".
  struct Multigrid {
    std::string smoother = "chebyshev-4";  ///< chebyshev-4 chebyshev-1: which kind
    int smoother_degree = 3;
    double smoothing_range = 15.0;      ///< first kind only
    std::string coarse = "auto";        ///< auto amg direct
    std::string precision = "float";    ///< of the levels: float double
    bool full_multigrid_start = false;  ///< start from the coarsest level's solution
  };
  Multigrid multigrid;
  base::Location method_where, preconditioner_where, operator_where;
};

struct Limits {
  std::optional<double> memory_bytes;  ///< per rank
  std::optional<double> walltime_seconds;
};

/// [checkpoint]: what a run in time stores to go on from.
struct CheckpointOptions {
  bool write = true;
  std::optional<std::int64_t> every_steps;
  std::optional<double> every;   ///< simulated time
  double every_walltime = 1800;  ///< seconds
  std::int64_t keep = 2;
  std::optional<std::int64_t> keep_every;
  bool asynchronous = true;
  enum class Compression { none, deflate, zstd } compression = Compression::deflate;
  int level = 1;  ///< deflate 1..9, zstd -7..19 but 0
};

/// When a run in time writes results: every so much simulated time or every so many steps, not
/// both, and at these times; none of them: only the last time. Only with [time].
struct Cadence {
  std::optional<double> every;
  std::optional<std::int64_t> every_steps;
  std::vector<double> times;  ///< ascending
  [[nodiscard]] bool is_last_only() const { return !every && !every_steps && times.empty(); }
};

struct OutputOptions : Cadence {
  std::string directory = "results";
  bool fields = true;                        ///< write results.vtkhdf
  int compression = 4;                       ///< deflate level 0..9
  std::string file_locking = "best-effort";  ///< best-effort on off
  bool stress = false;  ///< stresses and von Mises' stress beside the displacements
  /// A further field: an expression of x y z t, the unknowns and their gradients.
  struct Field {
    Name name;
    Formula value;
  };
  std::vector<Field> further;
  bool rates = false;  ///< with inertia also the first time derivatives, rate_NAME
  /// Largest allowed relative error of a value in the files; empty: values are exact.
  std::optional<double> relative_precision;
  std::vector<Name> only;  ///< names of the fields that are written; empty: all
  /// A further series of files, NAME.vtkhdf and so on, of a part of the domain.
  struct Block : Cadence {
    Name name;
    std::vector<Name> on;  ///< boundary sets, or regions; empty: everything
    /// A cut by a plane through `point`; `normal` need not be of length 1.
    struct Slice {
      std::vector<double> point, normal;
      base::Location where;
    };
    std::optional<Slice> slice;
    std::vector<Name> only;
    std::optional<double> relative_precision;
    base::Location where;
  };
  std::vector<Block> blocks;
};

struct Probe {
  std::string name;
  std::array<double, 3> at{};
  int n_coordinates = 3;  ///< how many the deck gave; the others are 0
  base::Location where;
};

/// Integral over a named boundary set or region: of `of` (an expression of x y z t and every
/// unknown), or, with kind flux, of K grad u . n of the first unknown.
struct Integral {
  std::string name;
  Name on;
  enum class Kind { value, flux } kind = Kind::value;
  Formula of;
};

struct Verify {
  int unknown = 0;                     ///< whose solution is known (also that of the probes)
  Name unknown_name;                   ///< as written; empty text = not given, the first one
  std::optional<Formula> exact;        ///< with [time]: at the end time
  std::optional<double> max_l2_error;  ///< absolute
  std::optional<double> max_h1_error;  ///< absolute, semi-norm
  /// A probe must hit a number: name, expected, tolerance (absolute).
  struct ProbeValue {
    Name probe;
    Name of;  ///< unknown or field; empty text = Verify::unknown
    double expected = 0;
    double tolerance = 0;
  };
  std::vector<ProbeValue> probes;
};

/// Value of a named number of [parameters].
struct Parameter {
  std::string name;
  double value = 0;
  base::Location where;
};

struct Problem {
  std::string title;
  std::string units;  ///< of every number, "mm, t, s, K"; empty if the deck states none
  std::vector<Parameter> parameters;
  MeshOptions mesh;
  PartitionOptions partition;
  SpaceOptions space;
  EquationOptions equation;
  std::vector<Material> materials;
  std::vector<Boundary> boundaries;
  std::vector<Periodic> periodics;
  std::optional<TimeOptions> time;  ///< nothing: a steady problem
  Initial initial;
  NonlinearOptions nonlinear;
  SolverOptions solver;
  Limits limits;
  CheckpointOptions checkpoint;  ///< with [time]
  OutputOptions output;
  std::vector<Probe> probes;
  std::vector<Integral> integrals;
  Verify verify;

  std::string
      effective_toml;  ///< every value and where it came from; runs again to the same result
};

}  // namespace ritz::deck
