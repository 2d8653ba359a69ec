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

/// A number or an expression of x, y, z, t and the parameters, with the place it came from. Numbers
/// are kept as their shortest text. Checked and compiled by room expr through room run.
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

/// Coefficients of -div(K grad u) + b . grad u + r u = f. Empty optionals take the preset's default
/// (K = 1, b = 0, r = 0, f = 0) or, in a material, the equation's.
struct Coefficients {
  std::optional<TensorFormula> diffusion;
  std::optional<std::vector<Formula>> advection;  ///< d components
  std::optional<Formula> reaction;
  std::optional<Formula> source;
};

enum class EquationKind { poisson, advection_diffusion_reaction, coefficient_form };
struct EquationOptions {
  EquationKind kind = EquationKind::poisson;
  base::Location where;
  Coefficients coefficients;
};

struct Material {
  Name region;
  Coefficients coefficients;
};

/// One [[boundary]]: exactly one of value, flux, robin.
/// value: u = value. flux: K grad u . n = flux (into the domain). robin: K grad u . n =
/// coefficient * (ambient - u).
struct Boundary {
  enum class Kind { value, flux, robin };
  std::vector<Name>
      on;  ///< named sets; "rest" = every outer facet that no other [[boundary]] names
  base::Location where;
  Kind kind = Kind::flux;
  Formula value_or_flux;
  Formula robin_coefficient, robin_ambient;
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

struct OutputOptions {
  std::string directory = "results";
  bool fields = true;   ///< write results.vtkhdf
  int compression = 4;  ///< deflate level 0..9
};

struct Probe {
  std::string name;
  std::array<double, 3> at{};
  int n_coordinates = 3;  ///< how many the deck gave; the others are 0
  base::Location where;
};

/// Integral over a named boundary set or region: of `of` (an expression of x y z t and u), or, with
/// kind flux, of K grad u . n.
struct Integral {
  std::string name;
  Name on;
  enum class Kind { value, flux } kind = Kind::value;
  Formula of;
};

struct Verify {
  std::optional<Formula> exact;
  std::optional<double> max_l2_error;  ///< absolute
  std::optional<double> max_h1_error;  ///< absolute, semi-norm
  /// A probe must hit a number: name, expected, tolerance (absolute).
  struct ProbeValue {
    Name probe;
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
  std::vector<Parameter> parameters;
  MeshOptions mesh;
  PartitionOptions partition;
  SpaceOptions space;
  EquationOptions equation;
  std::vector<Material> materials;
  std::vector<Boundary> boundaries;
  SolverOptions solver;
  Limits limits;
  OutputOptions output;
  std::vector<Probe> probes;
  std::vector<Integral> integrals;
  Verify verify;

  std::string
      effective_toml;  ///< every value and where it came from; runs again to the same result
};

}  // namespace ritz::deck
