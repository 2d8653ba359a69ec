#pragma once

#include <string>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::partition {

/// What a partition is worth, by our own count (never the library's).
struct Quality {
  std::string method;                  ///< the method whose partition was taken
  std::vector<std::string> fallbacks;  ///< why other methods were not; empty: the deck's was taken
  GlobalId cells_min = 0, cells_max = 0;
  double cells_average = 0;
  double imbalance = 1;  ///< largest rank's weight (cells, or cell weights) / average
  int n_empty_ranks = 0;
  GlobalId n_shared_vertices = 0;  ///< vertices whose cells lie on more than one rank
  GlobalId n_vertices = 0;
  int neighbours_max = 0;  ///< ranks that share a vertex with a rank: the most, and the average
  double neighbours_average = 0;

  /// One line for the log.
  [[nodiscard]] std::string text() const;
};

/// The rank that each owned cell should go to: [n_cells_owned]. Collective.
///
/// multijagged, rcb: by centroids. block: by global cell id. graph: least number of cut facets.
/// hypergraph: least number of ranks that share each vertex, the volume of communication. The last
/// two are Zoltan's PHG and take much longer. `cell_weights`: [n_cells_owned] or empty, cost of a
/// cell (block ignores it).
///
/// Another method is taken, with a warning and an entry in `Quality::fallbacks`, when the wanted
/// one fails, leaves a rank without cells although there are enough, or is less balanced than
/// `options.max_imbalance` allows (a partition within one cell of the best possible always passes).
/// More ranks than cells: one cell each, the other ranks get none. The same mesh on the same number
/// of ranks gives the same partition.
[[nodiscard]] std::vector<int> compute(const mesh::Mesh& mesh,
                                       const deck::PartitionOptions& options,
                                       Quality* quality = nullptr,
                                       const std::vector<double>& cell_weights = {});

/// Counts what `part` [n_cells_owned] would give. Collective.
[[nodiscard]] Quality measure(const mesh::Mesh& mesh, const std::vector<int>& part,
                              const std::vector<double>& cell_weights = {});

/// "multijagged", "rcb", ...
[[nodiscard]] std::string name(deck::PartitionMethod method);

}  // namespace ritz::partition
