#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ritz/comm/communicator.hpp"
#include "ritz/store/checkpoint.hpp"

namespace ritz::store {

/// What a checkpoint is made of, the fields where they are.
struct State {
  struct Field {
    std::string name;
    int n_components = 1;
    /// This rank's rows [node ids][n_components], called once on each rank and looked at until the
    /// next field's call. Must not communicate.
    std::function<std::span<const double>()> rows;
  };
  std::vector<std::pair<std::string, std::string>> facts;
  std::vector<std::pair<std::string, double>> numbers;
  std::vector<Field> fields;
  /// The ranks that had the cells [cell ids]; empty: they are those that write.
  std::vector<std::int32_t> cell_ranks;
};

/// Writes checkpoints as write_checkpoint() does, beside the computation.
///
///     writer.start(path, state, provenance, options);   // copies the state: collective
///     ... steps, with writer.advance() now and then ...
///     writer.finish();                                   // collective
///
/// start() brings the state into blocks of whole chunks, all ranks together, and returns: what the
/// checkpoint holds is fixed then. A thread of each rank compresses, writes, flushes and reads
/// again; it calls neither MPI nor HDF5. In between the ranks tell each other sizes, places and
/// success by messages that the main thread looks after in advance(), without ever waiting for
/// another rank. The root makes the file's metadata in memory; every rank writes its own chunks.
/// At most two checkpoints are under way: a third start() waits for the first.
/// Memory: for each that is under way one copy of the fields.
class CheckpointWriter {
 public:
  /// Rows of nodes and cells as in write_checkpoint(); the spans must stay. Collective.
  CheckpointWriter(const comm::Communicator& communicator, const Rows& nodes, const Rows& cells);
  /// Completes what is under way, but waits for other ranks no longer than some seconds: after an
  /// error they may have left.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// Collective. Throws Error(io) on every rank, also for a checkpoint before this one.
  void start(const std::string& path, const State& state, const Provenance& provenance,
             const CheckpointWriteOptions& options);

  /// Takes what is under way further where that needs no waiting. Local; throws Error(environment)
  /// only.
  void advance();

  /// How many are under way. Local.
  [[nodiscard]] std::size_t n_under_way() const;
  /// Whether this rank knows of one that has failed: finish() will tell. Others may not know yet.
  /// Local.
  [[nodiscard]] bool has_failed() const;

  /// Waits until nothing is under way. Collective. Throws Error(io) on every rank if one has
  /// failed; the others are complete.
  void finish();

  /// Those that were completed since the last call. Local: one may be known here before elsewhere.
  [[nodiscard]] std::vector<CheckpointReport> take_reports();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ritz::store
