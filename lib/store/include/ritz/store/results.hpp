#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/store/part.hpp"

namespace ritz::store {

/// A finite element function to write: values of all local dofs with the ghosts up to date.
struct ResultField {
  std::string name;
  std::span<const double> values;  ///< [space.n_local()]
};

/// Where a file came from: name and text of each entry, stored as attributes of /ritz/provenance
/// (texts over 32 KiB as datasets of it).
using Provenance = std::vector<std::pair<std::string, std::string>>;

struct WriteReport {
  double raw_bytes = 0;   ///< of the data before compression, all ranks
  double file_bytes = 0;  ///< of the finished file
};

/// Writes a VTKHDF 1.0 unstructured grid that ParaView opens as it is.
///
/// Points are the shared points of the lattice of order max(degree, geometry order), in the order
/// of their persistent global ids; cells in the order of theirs: the file does not depend on the
/// number of ranks, except for the cell field `partition`. From order 2 on cells are VTK Lagrange
/// cells; their nodes are equispaced, so Gauss-Lobatto functions are evaluated there. Points have
/// three coordinates always. Cell fields: `region` (index into the attribute region_names of
/// /ritz/mesh), `partition` (rank).
///
/// `compression`: deflate level 0..9 after byte shuffling; 0 writes contiguous datasets.
/// The file is written under the name PATH.part and renamed when it has been closed and its size is
/// known, so PATH is never half-written. Collective.
/// Throws Error(io) on every rank if any rank fails.
WriteReport write_results(const std::string& path, const mesh::Mesh& mesh, const fem::Space& space,
                          std::span<const ResultField> fields, const Provenance& provenance,
                          int compression);

struct WriteOptions {
  int compression = 4;  ///< deflate level 0..9 after byte shuffling; 0 writes contiguous datasets
  /// Values of fields are rounded to so few bits that their relative error is at most this (numbers
  /// below the smallest normal one stay as they are); /ritz/provenance tells. Empty: exact.
  std::optional<double> relative_precision;
  /// Name of a file of write_mesh() in the same folder, which has points and cells: this one links
  /// to them. Empty: the file stands alone.
  std::string mesh_file;
};

/// The same of a part of the mesh. `fields` as above. Collective. Throws Error(io) on every rank.
WriteReport write_results(const std::string& path, const MeshPart& part,
                          std::span<const ResultField> fields, const Provenance& provenance,
                          const WriteOptions& options);

/// Points, cells and regions of a part for the files of a series: a VTKHDF file without fields.
/// Collective. Throws Error(io) on every rank.
WriteReport write_mesh(const std::string& path, const MeshPart& part, const Provenance& provenance,
                       int compression);

/// Rounds to the fewest bits with which a relative error of `tolerance` (> 0) is kept: to nearest,
/// ties away from zero. Zeros, numbers that are not finite or not normal, and those that rounding
/// would make infinite stay. Local.
void round_mantissas(std::span<double> values, double tolerance);

/// Text of an entry of /ritz/provenance of a file; throws Error(io) if there is none. Local.
[[nodiscard]] std::string read_provenance(const std::string& path, const std::string& name);

/// To be called before anything else of HDF5: MPI_Finalize closes what it holds; its own handler
/// for the end of a process crashes after a failed write, and the exit code is lost. Local.
void begin_library();

/// How HDF5 locks the files that are read from now on: "best-effort" (at first), "on" or "off"
/// (output.file_locking). The user's HDF5_USE_FILE_LOCKING goes before. Gives what differs from
/// what is asked for, "" if nothing does. Local; call it on every rank.
[[nodiscard]] std::string set_file_locking(const std::string& policy);

/// "HDF5 1.10.8, parallel".
[[nodiscard]] std::string library_version();

}  // namespace ritz::store
