#pragma once

// A table that grows with the steps of a run; private to room run.

#include <cstdint>
#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

/// Rows of numbers, the first the number of a step, that grow while the run goes on; only the root
/// writes.
class History {
 public:
  /// `kept`: of the rows that are there those up to this step stay. Collective. Throws Error(io) on
  /// every rank.
  History(const comm::Communicator& communicator, std::string path, const std::string& header,
          std::int64_t kept);
  void add(const std::string& row) { waiting_ += row + "\n"; }
  /// Collective. Throws Error(io) on every rank.
  void flush();

 private:
  const comm::Communicator& communicator_;
  std::string path_, waiting_;
};

}  // namespace ritz::run
