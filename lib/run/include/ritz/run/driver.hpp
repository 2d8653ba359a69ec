#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

struct RunRequest {
  std::string deck;                    ///< path of the problem deck
  std::optional<std::string> text;     ///< the deck itself where `deck` is only its name
  std::vector<std::string> remarks;    ///< told first, and stored in every file of the run
  std::vector<std::string> overrides;  ///< --set a.b=value
  bool overwrite = false;              ///< replace the results of an earlier run
  /// Go on from the newest good checkpoint of the output directory (""), or from this file or
  /// folder; from the beginning if there is none yet.
  std::optional<std::string> resume;
};

/// One run of a deck, from its text to the files of results. Collective.
/// Returns the exit code 0, 4 or 5 of a run that came to its end, 75 of one that stopped at a
/// checkpoint; throws base::Error for everything
/// that stops it earlier (docs/exit-codes.md).
int run_deck(const comm::Communicator& communicator, const RunRequest& request);

}  // namespace ritz::run
