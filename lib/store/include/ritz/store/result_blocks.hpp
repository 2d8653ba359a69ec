#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"

namespace ritz::store {

/// What a result file holds.
struct ResultContents {
  GlobalId n_points = 0, n_cells = 0, n_connectivity = 0;
  std::vector<std::string> fields;  ///< of the points, in the file's order
  std::optional<double> time;       ///< of a run in time
  std::string deck;                 ///< the effective deck; empty if the file has none
};

/// The root looks, every rank gets the same. Collective. Throws Error(io) on every rank if the file
/// cannot be read or is no result of Ritz.
[[nodiscard]] ResultContents read_result_contents(const comm::Communicator& communicator,
                                                  const std::string& path);

/// This rank's block (BlockRange) of rows by persistent id: points [n][3], a field [n], the types
/// of cells and their connectivity. Any number of ranks may have written the file. Collective.
/// Throw Error(io) on every rank, also when the file has another number of them than `contents`
/// says.
[[nodiscard]] std::vector<double> read_result_points(const comm::Communicator& communicator,
                                                     const std::string& path,
                                                     const ResultContents& contents);
[[nodiscard]] std::vector<double> read_result_field(const comm::Communicator& communicator,
                                                    const std::string& path,
                                                    const ResultContents& contents,
                                                    const std::string& field);
[[nodiscard]] std::vector<std::int64_t> read_result_types(const comm::Communicator& communicator,
                                                          const std::string& path,
                                                          const ResultContents& contents);
[[nodiscard]] std::vector<std::int64_t> read_result_connectivity(
    const comm::Communicator& communicator, const std::string& path,
    const ResultContents& contents);

/// Number of nodes of the fields of a good checkpoint. Collective. Throws Error(io) on every rank.
[[nodiscard]] GlobalId read_checkpoint_nodes(const comm::Communicator& communicator,
                                             const std::string& path, const std::string& field);

}  // namespace ritz::store
