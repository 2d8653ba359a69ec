#pragma once

// The checkpoints of a run: when, where, how many; and what a run is resumed from. Private to room
// run.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/solve/saved_state.hpp"
#include "ritz/store/checkpoint_reader.hpp"
#include "ritz/store/checkpoint_writer.hpp"

namespace ritz::run {

/// What `--resume` found.
struct Resumption {
  std::string path;          ///< of the checkpoint
  store::Snapshot snapshot;  ///< facts and numbers; no values of fields
  /// What the deck says otherwise than the checkpoint's: "key: was in the checkpoint, is now".
  std::vector<std::string> changes;
  /// The fields, read with what is above; they go into the state.
  std::shared_ptr<store::CheckpointReader> reader;
  bool is_own = true;  ///< of this output directory: the run goes on; else a new one starts from it

  /// Whether a key that starts with this has changed.
  [[nodiscard]] bool changed(const std::string& key) const;
};

/// Whether a checkpoint is of a steady problem, not of a run in time.
[[nodiscard]] bool is_steady(const store::Snapshot& snapshot);

/// The checkpoints of a folder, or of that of a run's output directory, newest first; a file is
/// itself. Empty if there are none. Collective.
[[nodiscard]] std::vector<std::string> checkpoint_files(const comm::Communicator& communicator,
                                                        const std::string& path);

/// Whether a marker was written to its last line, "end" with its checksum: one that was cut by a
/// crash or a full disk is that of an unfinished checkpoint, as none is. Unreadable ones count as
/// finished. Local.
[[nodiscard]] bool is_finished_marker(const std::string& marker);

/// The newest checkpoint that is complete and undamaged: of the run in `output_directory`, or, if
/// `wanted` is not empty, that file or the newest in that folder. Those that had to be skipped are
/// warnings in `diagnostics`, with their reasons. Nothing if there is none at all, or only files
/// whose writing was interrupted; throws Error(io) if there are some and none is good, or `wanted`
/// is not good. Collective.
[[nodiscard]] std::optional<Resumption> find_checkpoint(const comm::Communicator& communicator,
                                                        const std::string& output_directory,
                                                        const std::string& wanted,
                                                        base::Diagnostics& diagnostics);

/// Compares the deck with the checkpoint's: throws Error(deck) with every key that must stay as it
/// was and has changed, with both values; the others go to `changes`. Local and the same on every
/// rank.
void compare_decks(Resumption& resumption, const deck::Problem& problem);

/// Sums over the vertices by which a mesh is recognised, up to round-off, on any number of ranks.
/// Collective.
[[nodiscard]] std::vector<double> mesh_fingerprint(const mesh::Mesh& mesh);

/// Writes checkpoints into output_directory/checkpoints: ckpt.000001.h5 and so on.
class Checkpoints {
 public:
  struct Parts {
    const comm::Communicator& communicator;
    const deck::Problem& problem;
    const mesh::Mesh& mesh;
    const fem::Space& space;
    int n_components = 1;
  };
  /// `from`: what the run goes on from. Collective.
  Checkpoints(const Parts& parts, const Resumption* from);

  /// The state of `from` on this space: vectors [n_owned * n_components]. Throws Error(mesh) if the
  /// mesh is another one, Error(io) if the file cannot be read. Collective.
  [[nodiscard]] solve::SavedState load(const Resumption& from) const;

  /// Later ones of the same folder belong to a future that is given up: their markers go, so that
  /// nobody goes on from them. Collective. Throws Error(io) on every rank.
  void give_up_later() const;

  /// Begins to write one, of what `state` holds now. Once it is complete those that are not to be
  /// kept are removed, and, after the first one of a resumed run, those of the future that this run
  /// did not go on from. Waits where two are under way. Collective. Throws Error(io) on every rank,
  /// also for one before; what was there stays.
  void start(const solve::SavedState& state, const store::Provenance& provenance);
  /// Of what start() began: store::CheckpointWriter has the details.
  [[nodiscard]] store::CheckpointWriter& writer() { return *writer_; }
  [[nodiscard]] const store::CheckpointWriter& writer() const { return *writer_; }

  /// Which old one could not be removed, in words, on the root; empty: all of them could, or this
  /// has been told. Local.
  [[nodiscard]] std::string take_not_removed();

  [[nodiscard]] std::int64_t number() const { return number_; }  ///< of the last one; 0: none
  [[nodiscard]] std::string path() const;                        ///< of the last one
  [[nodiscard]] const std::string& id() const { return id_; }    ///< of the last one
  [[nodiscard]] const std::string& parent() const { return parent_; }

 private:
  Parts parts_;
  std::string folder_;
  std::vector<double> fingerprint_;
  std::int64_t number_ = 0;
  std::string id_, parent_, told_not_removed_;
  /// What the thread of the writer has to tell; it may end after this object.
  struct NotRemoved {
    std::mutex mutex;
    std::string problem;
  };
  std::shared_ptr<NotRemoved> not_removed_ = std::make_shared<NotRemoved>();
  std::unique_ptr<store::CheckpointWriter> writer_;
};

}  // namespace ritz::run
