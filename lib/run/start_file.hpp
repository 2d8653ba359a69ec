#pragma once

// [initial] from: values at the start from the files of another run. Private to room run.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoints.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/store/read_results.hpp"

namespace ritz::run {

/// The file that [initial] from leads to, looked at but not read.
struct StartFile {
  std::string path;
  std::optional<double> time;            ///< that it is of; nothing: of a steady problem
  std::optional<Resumption> checkpoint;  ///< if it is one
  store::ResultsFacts facts;             ///< if it is not
  std::string identity;                  ///< size and checksum
  /// One field to read and the unknown that it is for.
  struct Wanted {
    int unknown = 0;
    bool is_rate = false;
    std::string field;  ///< of results; of a checkpoint the unknown there
  };
  std::vector<Wanted> wanted;
  std::vector<std::string> remarks;  ///< what is not in the file and starts from 0

  /// For /ritz/provenance of the files of this run.
  [[nodiscard]] std::string origin() const;
};

/// Finds the file (a series gives that of the time that is asked for, a folder its results or its
/// newest good checkpoint) and checks it against the deck: dimension, names and components of the
/// fields. `dimension`: of this run's mesh. Collective. Throws Error(deck) with everything that is
/// wrong and Error(io) for a file that cannot be read; checkpoints that are skipped and the like go
/// to `diagnostics`.
[[nodiscard]] StartFile find_start_file(const comm::Communicator& communicator,
                                        const deck::Problem& problem, int dimension,
                                        base::Diagnostics& diagnostics);

/// Values at this rank's nodes of one unknown.
struct StartValues {
  int unknown = 0;
  bool is_rate = false;
  std::vector<double> values;  ///< [space.n_owned]
};

/// Evaluates the file's functions at the nodes of `space`; the file's cells are read in shares, and
/// of a checkpoint its mesh is made again from the deck that it holds. Nodes no farther than 1e-8
/// of the size of the file's mesh from it count as inside; what happens to others is told to
/// `remark`. Collective. Throws on every rank: Error(deck) for nodes outside where the deck does
/// not say what to do with them, Error(not_finite) for values that are none, and what reading
/// throws.
[[nodiscard]] std::vector<StartValues> read_start_values(
    const comm::Communicator& communicator, const StartFile& file, const deck::Problem& problem,
    const mesh::Mesh& mesh, const fem::Space& space, perf::Recorder& recorder,
    const std::function<void(const std::string&)>& remark);

}  // namespace ritz::run
