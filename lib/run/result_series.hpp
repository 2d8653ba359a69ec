#pragma once

// Result files of a run in time; private to room run.

#include <string>
#include <utility>
#include <vector>

#include "ritz/comm/communicator.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/store/results.hpp"

namespace ritz::run {

/// A file of each time asked for, results-000000.vtkhdf and so on, and results.vtkhdf.series, the
/// index that ParaView opens as one data set; or results.vtkhdf alone for a single time. The index
/// names a file only when that is complete, so a reader of a running job never meets half a file.
class ResultSeries {
 public:
  /// `single`: one time only.
  ResultSeries(std::string directory, bool single, int compression);

  /// Collective. Throws Error(io) on every rank.
  store::WriteReport write(double time, const mesh::Mesh& mesh, const fem::Space& space,
                           const std::vector<std::string>& names,
                           const std::vector<std::vector<double>>& fields,
                           store::Provenance provenance);
  /// The files so far with their times, for a checkpoint.
  [[nodiscard]] std::string names() const;
  /// Goes on after those files: what lies later is removed, so that no time appears twice.
  /// Collective. Throws Error(io) on every rank.
  void resume(const comm::Communicator& communicator, const std::string& names);
  /// Whether the last file is of this time.
  [[nodiscard]] bool ends_with(double time) const {
    return !files_.empty() && files_.back().second == time;
  }
  /// What to open.
  [[nodiscard]] std::string path() const;

 private:
  void write_index(const comm::Communicator& communicator) const;

  std::string directory_;
  bool single_;
  int compression_;
  std::vector<std::pair<std::string, double>> files_;  ///< name and time
};

}  // namespace ritz::run
