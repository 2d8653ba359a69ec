#pragma once

#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

struct DiffRequest {
  std::string first, second;
  /// Largest allowed difference of a field, relative to its largest value in either file.
  double tolerance = 0;
  bool json = false;
};

/// `ritz diff`: what differs between two decks (key by key; a result or a checkpoint stands for its
/// deck beside a deck), two results, two checkpoints, or the results of two output directories
/// (their times, and every field at every time that both have). Fields are compared node by node
/// by persistent id; any number of ranks may have written them. Prints the differences, as text or
/// as JSON. Returns 0 if all is equal within the tolerance, else 4. Collective.
/// Throws Error(io) for what cannot be read, Error(mesh) where the meshes differ, Error(deck) for
/// decks with mistakes and for two sorts of files.
[[nodiscard]] int show_differences(const comm::Communicator& communicator,
                                   const DiffRequest& request);

}  // namespace ritz::run
