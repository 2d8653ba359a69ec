#pragma once

#include <span>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::partition {

/// What the Zoltan2 adapters see of a mesh: nothing but numbers.
struct Problem {
  const comm::Communicator& communicator;
  int dimension;
  std::span<const GlobalId> ids;        ///< [n]
  std::span<const double> coordinates;  ///< [dimension][n]: each direction by itself
  std::span<const double> weights;      ///< [n] or empty
  /// Nets of each object: ids [offsets[n]], for graph and hypergraph.
  std::span<const int> net_offsets;  ///< [n + 1] or empty
  std::span<const GlobalId> nets;
  double max_imbalance;
};

/// Zoltan2's answer, [n] ranks; not to be trusted before it was measured. Throws std::exception
/// when the library does. Collective.
std::vector<int> zoltan2(const Problem& problem, deck::PartitionMethod method);

}  // namespace ritz::partition
