#pragma once

// The small entries of a checkpoint; private to room store.

#include <string>

#include "hdf5.hpp"
#include "marker.hpp"
#include "ritz/store/checkpoint.hpp"

namespace ritz::store {

/// The marker on every rank; throws Error(io) on every rank if it is not good. Collective.
[[nodiscard]] Marker agreed_marker(const comm::Communicator& communicator, const std::string& path);

/// Compares size and checksum of the whole file with the marker, each rank reading its share: what
/// is wrong, in words. Collective. Throws Error(io) on every rank.
[[nodiscard]] std::string whole_problem(const comm::Communicator& communicator,
                                        const std::string& path, const Marker& marker);
[[nodiscard]] std::string size_problem(std::uint64_t n_bytes, const Marker& marker);
constexpr const char* damaged =
    "its checksum is not the one it was written with: it has been damaged or changed";

/// Facts, numbers, and names of fields without values; compared with the marker's checksums. Local.
/// Throws Error(io).
[[nodiscard]] Snapshot read_small(const std::string& path, const Marker& marker);

/// The root's snapshot, without values, on every rank. Collective.
void share(const comm::Communicator& communicator, Snapshot& snapshot);

}  // namespace ritz::store
