#pragma once

#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::store {

struct IoFigures {
  double bytes = 0;          ///< of the numbers, all ranks
  double file_bytes = 0;     ///< of the file
  double write_seconds = 0;  ///< until the file is closed
  double sync_seconds = 0;   ///< until every rank's fsync is over
  double read_seconds = 0;   ///< every rank the numbers of the next one
};

/// Writes about `bytes` bytes of numbers with all ranks into a new file the way results are written
/// (`compression`: deflate level, 0 = contiguous), flushes, and reads them again: each rank those
/// that the next one wrote, so that none finds what it holds itself. Every number is compared. The
/// file stays. Collective. Throws Error(io) on every rank, also if a number differs.
[[nodiscard]] IoFigures probe_io(const comm::Communicator& communicator, const std::string& path,
                                 double bytes, int compression);

/// Whether HDF5 has failed to write in this process: then MPI must not be finalised, because HDF5
/// would try once more and crash. Local.
[[nodiscard]] bool hdf5_is_broken();

/// HDF5 ids that are open in this process: files, groups, datasets, types in files and attributes
/// (HDF5 counts no others for us). Local.
[[nodiscard]] long n_open_ids();

}  // namespace ritz::store
