#pragma once

// Result files of a run; private to room run.

#include <string>
#include <utility>
#include <vector>

#include "ritz/comm/communicator.hpp"
#include "ritz/store/results.hpp"

namespace ritz::run {

/// A file of each time asked for, NAME-000000.vtkhdf and so on, NAME-mesh.vtkhdf with the points
/// and cells of all of them, and NAME.vtkhdf.series, the index that ParaView opens as one data set;
/// or NAME.vtkhdf alone for a single time. The index names a file only when that is complete, so a
/// reader of a running job never meets half a file.
class ResultSeries {
 public:
  /// `single`: one time only. `options.mesh_file` is not used.
  ResultSeries(std::string directory, std::string name, bool single, store::WriteOptions options);

  /// Collective. Throws Error(io) on every rank.
  store::WriteReport write(double time, const store::MeshPart& part,
                           const std::vector<store::ResultField>& fields,
                           store::Provenance provenance);
  /// The files so far with their times, for a checkpoint.
  [[nodiscard]] std::string names() const;
  /// Throws Error(io) on every rank if files of a series of this name are there: those of a run
  /// that the one to be resumed did not go on with. Collective.
  void refuse_files(const comm::Communicator& communicator) const;
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
  [[nodiscard]] std::string file_name(std::size_t number) const;
  void write_index(const comm::Communicator& communicator) const;

  std::string directory_, name_;
  bool single_;
  store::WriteOptions options_;
  bool has_mesh_ = false;                              ///< written by this run
  std::vector<std::pair<std::string, double>> files_;  ///< name and time
};

}  // namespace ritz::run
