#pragma once

// Where a file came from; private to room store.

#include "ritz/store/results.hpp"
#include "writer.hpp"

namespace ritz::store {

/// Writes the root's entries into /ritz/provenance. Collective. Throws Error(io) on every rank.
void write_provenance(Writer& writer, const comm::Communicator& communicator,
                      Provenance provenance);

}  // namespace ritz::store
