#pragma once

// What lets a run be cut into several: its checkpoints, and the signals, clocks and requests (`ritz
// ctl`) that ask for one or for the end. Private to room run.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoints.hpp"
#include "control.hpp"
#include "progress.hpp"
#include "ritz/perf/recorder.hpp"
#include "stopping.hpp"

namespace ritz::run {

/// The run that is cut; all must outlive the Interruptions.
struct InterruptedRun {
  const comm::Communicator& communicator;
  const deck::Problem& problem;
  const mesh::Mesh& mesh;
  const fem::Space& space;
  int n_components = 1;
  perf::Recorder& recorder;
  Progress& progress;
  const std::vector<std::string>& remarks;  ///< so far, for the provenance of the files
  const Resumption* from = nullptr;         ///< checkpoint to go on from
  std::string initial_from;                 ///< for the provenance, also of a resumed run
};

class Interruptions {
 public:
  /// Collective.
  explicit Interruptions(const InterruptedRun& run);

  /// Whether this run writes checkpoints.
  [[nodiscard]] bool writes() const { return run_.problem.checkpoint.write; }

  [[nodiscard]] const InterruptedRun& run() const { return run_; }

  /// What the run goes on from. Later checkpoints of the same folder are given up. Collective.
  /// Throws Error(mesh) and Error(io) on every rank.
  [[nodiscard]] solve::SavedState load();

  /// The first step comes next. `n_steps`: those of the runs before; `n_counted`: as
  /// between_iterations().
  void begin(double time, std::int64_t n_steps, std::int64_t n_counted = 0);

  /// Seconds until the run has to stop, as this rank sees it. Local.
  /// Also called while a long solve goes on: what is written beside it is taken further.
  [[nodiscard]] double seconds_left();

  struct Wish {
    bool checkpoint = false;
    bool stop = false;
    bool pause = false;
  };
  /// What the deck, the clock of the root, `ritz ctl` and signals to any rank want after a step,
  /// the last of `n_steps`, that took so long. Collective. Throws Error(io) on every rank if a
  /// checkpoint that was written beside the run has failed.
  [[nodiscard]] Wish after_step(double time, std::int64_t n_steps, double step_seconds);

  /// The same between the iterations of a steady solve, `n_done` of all kinds so far and
  /// `n_counted` of those that checkpoint.every_steps counts, also in the runs before.
  [[nodiscard]] Wish between_iterations(std::int64_t n_done, std::int64_t n_counted,
                                        double seconds);

  /// While the run is paused: waits a moment, then what is wanted now by all but the deck, which
  /// counts steps. Collective.
  [[nodiscard]] Wish while_paused();
  /// Tells `ritz ctl`. Local.
  void tell_paused(bool is_paused);

  /// Why a run of so many steps that is stopped here ("at t = 1") cannot go on from a checkpoint;
  /// empty: it can. `unit`: of its progress, "step". Collective.
  [[nodiscard]] std::string why_not_resumable(const std::string& where, std::int64_t n_steps,
                                              const char* unit) const;
  /// Who wants the run to stop. Collective.
  [[nodiscard]] std::string reason() const;

  /// Whether there is one of this run or of the one that it goes on from.
  [[nodiscard]] bool has_any() const { return checkpoints_ && checkpoints_->number() > 0; }
  /// Begins to write `state`: at this time, after so many steps; writes it, where the deck says so.
  /// Collective. Throws Error(io) on every rank; what was there stays.
  void write(const solve::SavedState& state, double time, std::int64_t n_steps);
  /// Everything that was begun is complete. Collective. Throws Error(io) on every rank.
  void finish();
  /// Steps at the last checkpoint.
  [[nodiscard]] std::int64_t n_steps_saved() const { return n_steps_saved_; }
  [[nodiscard]] std::string path() const { return checkpoints_->path(); }  ///< of the last one
  /// How many were written, how long that took and how much of it was hidden behind steps, into log
  /// and performance record.
  void tell() const;

 private:
  [[nodiscard]] std::string limit_name() const;
  [[nodiscard]] bool asked_to_stop() const;
  /// What is wanted beside `by_deck`. Collective.
  [[nodiscard]] Wish agreed(bool by_deck);
  void note_finished();
  /// Checkpoints to be written before the run can end: those under way and one more.
  [[nodiscard]] std::size_t n_before_end() const;
  [[nodiscard]] std::int64_t multiples_reached(double time) const;
  [[nodiscard]] std::int64_t counts_reached(std::int64_t n_counted) const;

  const InterruptedRun run_;
  std::optional<Checkpoints> checkpoints_;
  std::optional<Signals> signals_;
  mutable std::optional<Control> control_;  ///< looked at from inside of solves, too
  Pace pace_;
  std::string why_stopped_;
  double last_checkpoint_at_ = 0;    ///< seconds since the start of the program
  std::int64_t n_steps_before_ = 0;  ///< steps of the runs that this one goes on from
  std::int64_t n_steps_saved_ = 0;
  std::int64_t n_steps_now_ = 0;
  std::int64_t n_multiples_ = 0;  ///< of checkpoint.every (every_steps if steady) that lie behind
  double slowest_ = 0;            ///< seconds between two looks at a steady solve
  std::int64_t n_checkpoints_ = 0;
  double checkpoint_bytes_ = 0, work_seconds_ = 0, waited_seconds_ = 0;
  std::map<std::string, double> times_;  ///< simulated, of those under way
};

/// How many multiples of `every`, counted from `start`, lie behind; one missed by round-off counts.
[[nodiscard]] std::int64_t multiples(double time, double start, double every);

}  // namespace ritz::run
