#pragma once

#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"
#include "ritz/store/results.hpp"

namespace ritz::run {

/// What every file says about where it came from: build, libraries, machine, ranks, deck, and every
/// warning and fallback of the run. `initial_from`: of the file that its values at the start are
/// from; empty: of none. Collective; the same on every rank.
[[nodiscard]] store::Provenance provenance(const comm::Communicator& communicator,
                                           const std::string& effective_toml,
                                           const std::vector<std::string>& remarks,
                                           const std::string& initial_from = "");

/// This machine's name. Local.
[[nodiscard]] std::string host_name();

}  // namespace ritz::run
