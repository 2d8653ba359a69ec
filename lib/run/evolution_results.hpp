#pragma once

// What a run leaves in its folder beside checkpoints and logs; private to room run.

#include <optional>
#include <vector>

#include "evolution.hpp"
#include "result_files.hpp"

namespace ritz::run {

/// Result files at the times asked for, and at the end the tables and the deck's own judgement.
/// Values are those of each unknown at all local nodes: [m][n_local].
class EvolutionResults {
 public:
  /// Collective. Throws as ResultFiles.
  explicit EvolutionResults(const EvolutionParts& parts);

  [[nodiscard]] ResultFiles& files() { return files_; }
  [[nodiscard]] const ResultFiles& files() const { return files_; }
  /// Whether files hold rates, which write() and finish() then need.
  [[nodiscard]] bool wants_rates() const;
  /// The files that are due at this time, which is that after so many steps. `rates`: of each
  /// unknown as the values, where wanted. Collective. Throws Error(io) on every rank.
  void write(double time, std::int64_t n_steps, const std::vector<std::vector<double>>& values,
             const std::vector<std::vector<double>>& rates);
  /// Extremes, probes, integrals, the last file; and [verify] if the run was good, which goes to
  /// `outcome`. Collective. Throws Error(io) on every rank.
  void finish(double time, std::int64_t n_steps, const std::vector<std::vector<double>>& values,
              const std::vector<std::vector<double>>& rates, bool good, EvolutionOutcome& outcome);

 private:
  /// Stresses and the like of a solution, which is told if it is not finite.
  [[nodiscard]] RecoveredFields recover(const std::vector<std::vector<double>>& fields,
                                        double time);

  const EvolutionParts& parts_;
  void write(double time, std::int64_t n_steps, bool is_last,
             const std::vector<std::vector<double>>& values,
             const std::vector<std::vector<double>>& rates);

  ResultFiles files_;
  bool not_finite_is_told_ = false;
};

}  // namespace ritz::run
