#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::deck {

/// A deck's text and the name to call it by in messages; mesh.file and include are found relative
/// to this name's folder.
struct Source {
  std::string file;
  std::string text;
};

/// One --set: "solver.tolerance=1e-10", "boundary[0].value=3", "material[base].diffusion=401",
/// "limits.memory=8 GiB". The value is TOML; where the key takes text the quotes may be left out.
/// Elements of arrays of tables are named by number (from 0) or by the name they carry (boundary: a
/// name in `on`; material: `region`; probe, integral: `name`). Relative paths mean what they would
/// mean in the deck.
struct Override {
  std::string text;
};

/// Gives the text of an included file, or nothing if it cannot be read.
using FileReader = std::function<std::optional<std::string>(const std::string& path)>;

/// Reads and checks a deck. Local, serial, touches no file but through `read_include`.
///
/// Everything that is wrong is reported, not only the first; a TOML syntax error stops its own file
/// only. After 200 errors the rest is counted and not told one by one. The Problem holds whatever
/// was right, and the defaults elsewhere; it is to be used only if there are no errors. Formulas
/// are not parsed here (room expr), names in a mesh file are not known here: see check_names(),
/// check_dimension() and check_cells(), which have been applied already when mesh.kind = "box".
///
/// Included files come first, in order, then the file that includes them: later keys win, tables
/// are merged, [[arrays of tables]] are appended. A file that is included twice is read once.
///
/// Problem::effective_toml is the whole resolved deck with the origin of each line; parsing it
/// gives the same Problem (places aside) and the same effective deck (origins aside).
/// @throws nothing of its own: what the deck is to blame for goes into `diagnostics`.
[[nodiscard]] Problem parse(const Source& deck, std::span<const Override> overrides,
                            const FileReader& read_include, base::Diagnostics& diagnostics);

/// Reads the file at `path`: for parse()'s read_include. Local.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path);

/// Whether anything of an unknown flows: without that there is nothing to say at the boundary.
[[nodiscard]] bool has_flux(const Problem& problem, int unknown);

/// Names of the unknowns on a mesh of `dimension` dimensions: those of the equation, for elasticity
/// as many displacements as dimensions, of thermo-elasticity behind the temperature.
[[nodiscard]] std::vector<std::string> unknown_names(const Problem& problem, int dimension);

/// The unknown of thermo-elasticity beside the displacements, before them.
inline constexpr const char* temperature_name = "T";

/// What output.stress writes, as far as the dimension has it: sxx syy szz sxy syz sxz von_mises.
[[nodiscard]] const std::vector<std::string>& stress_names();

/// Whether there are displacements: kind elasticity or thermo-elasticity.
[[nodiscard]] bool is_elastic(const Problem& problem);

/// Whether one [[boundary]] or [[material]] is about a scalar unknown: of thermo-elasticity those
/// of the temperature.
[[nodiscard]] bool is_scalar(const Problem& problem, const Name& unknown_name);

/// Order of the equation of an unknown in time, whether or not there is a [time]: 2 with inertia
/// (elasticity), 1 with capacity, else 0; 0 written as a number in the equation and in every
/// material is none.
[[nodiscard]] int order_in_time(const Problem& problem, int unknown);

/// Checks the names of a deck against those of its mesh: materials, boundaries and integrals name
/// existing ones (else: nearest spelling and the full list); mesh.sets do not hide one; every set
/// has a [[boundary]] of every unknown unless "rest" is used or a boundary is on a set of mesh.sets
/// (then only the mesh can tell). Local.
/// @param regions names of the regions of cells
/// @param sets names of the sets of outer facets, without mesh.sets
void check_names(const Problem& problem, const std::vector<std::string>& regions,
                 const std::vector<std::string>& sets, base::Diagnostics& diagnostics);

/// Checks what depends on the dimension of the mesh (1, 2 or 3): lengths of diffusion, advection,
/// probes, forces and displacements, the unknowns of elasticity, equation.plane. Local.
void check_dimension(const Problem& problem, int dimension, base::Diagnostics& diagnostics);

/// Checks that operator, preconditioner and fallbacks of the solver work on cells of this type
/// ("line", "tri", "quad", "tet", "hex"; others pass). Local.
void check_cells(const Problem& problem, const std::string& cell_type,
                 base::Diagnostics& diagnostics);

/// The names of a box mesh's boundary sets by dimension: left right (bottom top (front back)).
[[nodiscard]] std::vector<std::string> box_set_names(int dimension);

/// The one region of a box mesh.
inline constexpr const char* box_region = "domain";

/// The word for "every outer facet that no other [[boundary]] names".
inline constexpr const char* rest_name = "rest";

/// Where byte `offset` of a formula stands in its file: for the errors of room expr. Counts line
/// breaks and UTF-8; exact unless the TOML string holds escapes such as \n before the place.
[[nodiscard]] base::Location location_in(const Formula& formula, std::size_t offset);

}  // namespace ritz::deck
