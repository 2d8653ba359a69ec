#pragma once

// What a run leaves in its folder beside checkpoints and logs; private to room run.

#include <optional>
#include <vector>

#include "evolution.hpp"
#include "result_series.hpp"

namespace ritz::run {

/// Result files at the times asked for, and at the end the tables and the deck's own judgement.
/// Values are those of each unknown at all local nodes: [m][n_local].
class EvolutionResults {
 public:
  explicit EvolutionResults(const EvolutionParts& parts);

  /// One file, at the end; else a series.
  [[nodiscard]] bool is_single() const;
  /// The file of this time, if files are wanted and it is not there yet. Collective. Throws
  /// Error(io) on every rank.
  void write(double time, const std::vector<std::vector<double>>& values);
  /// Extremes, probes, integrals, the last file; and [verify] if the run was good, which goes to
  /// `outcome`. Collective. Throws Error(io) on every rank.
  void finish(double time, const std::vector<std::vector<double>>& values, bool good,
              EvolutionOutcome& outcome);
  [[nodiscard]] ResultSeries& series() { return series_; }
  [[nodiscard]] const ResultSeries& series() const { return series_; }

 private:
  /// Stresses and the like of a solution, which is told if it is not finite.
  [[nodiscard]] RecoveredFields recover(const std::vector<std::vector<double>>& fields,
                                        double time);

  const EvolutionParts& parts_;
  ResultSeries series_;
  std::optional<double> written_;  ///< time of the last file
  bool not_finite_is_told_ = false;
  double file_bytes_ = 0, raw_bytes_ = 0;
};

}  // namespace ritz::run
