#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/store/results.hpp"

namespace ritz::store {

/// Rows of a field that this rank has, by their persistent ids in [0, n_global).
struct Rows {
  GlobalId n_global = 0;
  std::span<const GlobalId> ids;
};

/// Everything a run needs to go on from one moment. Facts, numbers, names and sizes are the same on
/// every rank.
struct Snapshot {
  /// Numbers of each owned node, components of a node together.
  struct Field {
    std::string name;
    int n_components = 1;
    std::vector<double> values;  ///< [node ids][n_components]
  };
  std::vector<std::pair<std::string, std::string>> facts;  ///< name and text
  std::vector<std::pair<std::string, double>> numbers;     ///< exact to the bit
  std::vector<Field> fields;

  /// The text of a fact, or of a number; Error(io) if there is none of this name.
  [[nodiscard]] const std::string& fact(const std::string& name) const;
  [[nodiscard]] double number(const std::string& name) const;
};

/// How numbers are made shorter in a file, after shuffling; nothing is lost.
enum class Codec { none, deflate, zstd };

/// How a checkpoint is written.
struct CheckpointWriteOptions {
  Codec codec = Codec::deflate;
  int level = 1;              ///< deflate: 1 to 9; zstd: -7 to 19 but 0
  bool asynchronous = false;  ///< whether the run goes on meanwhile: for the note in the marker
  /// Called on the root once the checkpoint is complete, in a thread beside the main one: it must
  /// call neither MPI nor HDF5. May throw Error(io).
  std::function<void()> when_complete;
  /// Called at the start of each stage that is done beside the main thread ("encode", "write",
  /// "complete"), on the ranks that do it; for tests. May sleep and may throw.
  std::function<void(const std::string& stage)> hook;
};

struct CheckpointReport {
  std::string path;
  double raw_bytes = 0;   ///< of the fields before compression, all ranks
  double file_bytes = 0;  ///< of the finished file
  // Seconds, of the slowest rank for each:
  double copy_seconds = 0;    ///< the state into the blocks of the file, all ranks together
  double encode_seconds = 0;  ///< compression and checksums
  double write_seconds = 0;   ///< until everything is on the disk
  double verify_seconds = 0;  ///< to read it again
  double wait_seconds = 0;    ///< this rank's main thread beside copy_seconds; not hidden either
  double whole_seconds = 0;   ///< this rank's, from the start to the end

  /// Of the work, without waiting for the next look at it.
  [[nodiscard]] double work_seconds() const {
    return copy_seconds + encode_seconds + write_seconds + verify_seconds;
  }
};

/// Name of the file whose presence makes a checkpoint complete: PATH without ".h5", ".complete".
[[nodiscard]] std::string marker_path(const std::string& path);

/// Writes a checkpoint so that a crash at any instant leaves every earlier one as it is, and this
/// one either complete or recognisably not: data; flush and fsync of file and folder; reading it
/// again and comparing with what was meant; then the marker, a text with the file's size and the
/// CRC-32C of the whole file and of each dataset, fsynced as well. A complete file is never
/// changed or renamed; one that is there under this name goes first, its marker before it.
///
/// Fields are stored by node id, so a file written by any number of ranks is read by any other;
/// `cells` are the mesh's owned cells, whose rank is stored. Returns when all is done; for writing
/// beside the computation see CheckpointWriter. Collective. Throws Error(io) on every rank if any
/// rank fails or the file does not read back as it was written; then there is no marker.
CheckpointReport write_checkpoint(const std::string& path, const comm::Communicator& communicator,
                                  const Rows& nodes, const Rows& cells, const Snapshot& snapshot,
                                  const Provenance& provenance,
                                  const CheckpointWriteOptions& options);

/// What the marker of a good checkpoint says of the time that writing took; may be empty.
/// Collective. Throws Error(io) on every rank.
[[nodiscard]] std::string writing_note(const comm::Communicator& communicator,
                                       const std::string& path);

/// Why the file is no complete, undamaged checkpoint, in words; empty if it is one. Looks at every
/// byte before HDF5 sees any. The same on every rank; collective. Throws nothing of its own: a file
/// that cannot be read is one with a problem.
[[nodiscard]] std::string checkpoint_problem(const comm::Communicator& communicator,
                                             const std::string& path);

/// Facts and numbers of a good checkpoint, and names and components of its fields, without their
/// values. Collective. Throws Error(io) on every rank.
[[nodiscard]] Snapshot read_facts(const comm::Communicator& communicator, const std::string& path);

/// The whole, fields for these nodes (any number of ranks, any owners); checksums are compared once
/// more. Collective. Throws Error(io) on every rank, also when the file has another number of
/// nodes.
[[nodiscard]] Snapshot read_checkpoint(const comm::Communicator& communicator,
                                       const std::string& path, const Rows& nodes);

/// Writes a good checkpoint again, complete with its marker, in another way: the same numbers to
/// the bit, facts and provenance. Each rank takes a share of it. Collective. Throws Error(io) on
/// every rank, also if `to` or its marker is there already: nothing is overwritten.
CheckpointReport unpack_checkpoint(const comm::Communicator& communicator, const std::string& from,
                                   const std::string& to, const CheckpointWriteOptions& options);

/// The ranks that had these cells. Collective. Throws Error(io) as read_checkpoint().
[[nodiscard]] std::vector<std::int32_t> read_cell_ranks(const comm::Communicator& communicator,
                                                        const std::string& path, const Rows& cells);

}  // namespace ritz::store
