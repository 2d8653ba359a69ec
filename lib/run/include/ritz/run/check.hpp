#pragma once

#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

struct CheckRequest {
  std::string deck;                    ///< path of the problem deck
  std::vector<std::string> overrides;  ///< --set a.b=value
  int n_ranks = 1;                     ///< the memory forecast is for so many
  std::string json;                    ///< file for the report, "-" for stdout; empty: none
};

/// `ritz check`: everything that can be said without a mesh's cells: keys, names, expressions,
/// unknowns, memory on `n_ranks` ranks and space for the results. Prints to the log, or with json =
/// "-" nothing but the JSON report to stdout. Collective. Throws base::Error as a run would, after
/// the report was written.
///
/// The report: {"ritz_check": 1, "deck", "ranks", "exit_code", "diagnostics": [{"severity", "file",
/// "line", "col", "message", "hint"}], "forecast": {"cells", "unknowns", "matrix_entries", "exact",
/// "bytes_a_rank", "bytes": {...}, "solver": {"method", "preconditioner", "reason"}} or null,
/// "disk": {"directory", "results_bytes", "free_bytes"} or null}. What is not known is null.
int check_deck(const comm::Communicator& communicator, const CheckRequest& request);

}  // namespace ritz::run
