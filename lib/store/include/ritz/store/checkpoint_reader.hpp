#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "ritz/comm/communicator.hpp"
#include "ritz/store/checkpoint.hpp"

namespace ritz::store {

/// Reads a checkpoint once: every byte is looked at while it is read for use, and nothing of it is
/// handed out before all of it has turned out to be what was written.
///
///     CheckpointReader reader(communicator, path);           // collective
///     if (reader.problem().empty()) ...reader.facts()...
///     reader.choose({n_global, ids});                        // collective
///     reader.take(0, values);                                // collective, of the first field
///
/// Each rank reads whole chunks of its share of the rows of every field; a thread beside it sums up
/// and decompresses what has been read. HDF5 tells where the chunks are, after what it looks at has
/// been compared with the marker; files whose marker does not list that (of earlier programs) are
/// read twice. Memory: one copy of the fields, given back field by field as they are taken, and at
/// most 32 MiB a rank.
class CheckpointReader {
 public:
  /// Collective. Throws nothing of its own: a file that cannot be read is one with a problem.
  CheckpointReader(const comm::Communicator& communicator, const std::string& path);
  ~CheckpointReader();
  CheckpointReader(const CheckpointReader&) = delete;
  CheckpointReader& operator=(const CheckpointReader&) = delete;

  /// Why the file is no complete, undamaged checkpoint, in the words of checkpoint_problem(); empty
  /// if it is one. The same on every rank.
  [[nodiscard]] const std::string& problem() const;
  /// Facts and numbers, and names and components of the fields, without values.
  [[nodiscard]] const Snapshot& facts() const;

  /// The nodes whose values this rank wants: any rank any of them. Collective. Throws Error(io) on
  /// every rank if the file has another number of nodes.
  void choose(const Rows& nodes);
  /// Values of field `i` at these nodes [node ids][n_components], once: its memory is given back.
  /// Collective.
  void take(std::size_t i, std::span<double> values);
  /// Whether no field has been taken yet. The same on every rank.
  [[nodiscard]] bool is_whole() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ritz::store
