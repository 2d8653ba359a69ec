#pragma once

// What a run needs against what there is; private to room run.

#include <string>

#include "ritz/comm/communicator.hpp"
#include "ritz/run/forecast.hpp"

namespace ritz::run {

/// Throws Error(memory) with the numbers and what to do if a rank needs more than limits.memory.
/// Local and the same on every rank.
void check_memory_limit(const deck::Problem& problem, const MeshNames& names,
                        const EquationTraits& equations, const Forecast& needs, int n_ranks);

/// Warning if all ranks together need more than this machine has free; empty if not. For a run
/// that has started: other nodes may carry some of the ranks. Local.
[[nodiscard]] std::string memory_warning(const Forecast& needs, int n_ranks);

/// Results against the free space of the file system they go to.
struct DiskNeeds {
  std::string directory;     ///< the output directory
  double results_bytes = 0;  ///< before compression
  double certain_bytes = 0;  ///< the least that can come out of compression
  double free_bytes = -1;    ///< for this user; -1 if the system does not tell
  [[nodiscard]] bool may_not_fit() const { return free_bytes >= 0 && results_bytes > free_bytes; }
  [[nodiscard]] bool cannot_fit() const { return free_bytes >= 0 && certain_bytes > free_bytes; }
  /// Numbers and what to do; empty when everything fits.
  [[nodiscard]] std::string problem() const;
};

/// Asked by the root rank, known to all. Collective.
[[nodiscard]] DiskNeeds disk_needs(const comm::Communicator& communicator,
                                   const deck::Problem& problem, const Forecast& needs);

}  // namespace ritz::run
