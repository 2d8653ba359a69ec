#pragma once

// `ritz bench --case M16`: checkpoints against the disk; private to room run.

#include "ritz/comm/communicator.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/run/bench.hpp"

namespace ritz::run {

/// Measures, with files in the current folder, which it removes: how long a checkpoint of two
/// smooth fields takes with each compression while everybody waits, beside plain writes (pwrite,
/// fsync) and reads of as many bytes by the same ranks; by how much a step is longer while a
/// checkpoint is written beside it; and the memory that it takes. Prints a table. `problem`: mesh
/// and degree. Collective. Throws Error(io) on every rank.
void bench_checkpoints(const comm::Communicator& communicator, const deck::Problem& problem,
                       const BenchRequest& request);

}  // namespace ritz::run
