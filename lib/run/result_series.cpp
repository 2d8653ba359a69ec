#include "result_series.hpp"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "directory.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"

namespace ritz::run {

namespace {

std::string in(const std::string& directory, const std::string& name) {
  return (std::filesystem::path(directory) / name).string();
}

}  // namespace

ResultSeries::ResultSeries(std::string directory, std::string name, bool single,
                           store::WriteOptions options)
    : directory_(std::move(directory)),
      name_(std::move(name)),
      single_(single),
      options_(std::move(options)) {}

std::string ResultSeries::file_name(std::size_t number) const {
  return fmt::format("{}-{:06}.vtkhdf", name_, number);
}

std::string ResultSeries::path() const {
  return in(directory_, name_ + (single_ ? ".vtkhdf" : ".vtkhdf.series"));
}

store::WriteReport ResultSeries::write(double time, const store::MeshPart& part,
                                       const std::vector<store::ResultField>& fields,
                                       store::Provenance provenance) {
  const comm::Communicator& communicator = part.mesh().communicator;
  store::WriteOptions options = options_;
  store::WriteReport mesh;
  if (!single_) {
    options.mesh_file = name_ + "-mesh.vtkhdf";
    // Also by a run that was resumed: nobody can have looked after the one that is there.
    if (!has_mesh_)
      mesh = store::write_mesh(in(directory_, options.mesh_file), part, provenance,
                               options.compression);
    has_mesh_ = true;
  }
  const std::string name = single_ ? name_ + ".vtkhdf" : file_name(files_.size());
  provenance.emplace_back("time", base::number_text(time));
  store::WriteReport report =
      store::write_results(in(directory_, name), part, fields, provenance, options);
  files_.emplace_back(name, time);
  if (!single_) {
    try {
      write_index(communicator);
    } catch (...) {
      // Of every rank alike. What the index does not name is not there, on a full disk least of
      // all.
      files_.pop_back();
      std::error_code ignored;
      if (communicator.is_root()) std::filesystem::remove(in(directory_, name), ignored);
      throw;
    }
  }
  report.file_bytes += mesh.file_bytes;
  report.raw_bytes += mesh.raw_bytes;
  return report;
}

void ResultSeries::write_index(const comm::Communicator& communicator) const {
  nlohmann::ordered_json index{{"file-series-version", "1.0"},
                               {"files", nlohmann::ordered_json::array()}};
  for (const auto& [file, at] : files_) index["files"].push_back({{"name", file}, {"time", at}});
  // Replaced in one go: a reader sees the old index or the new one.
  write_text(communicator, path() + ".part", index.dump(1) + "\n");
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::error_code failed;
    std::filesystem::rename(path() + ".part", path(), failed);
    if (failed) {
      throw base::Error(base::ExitCode::io, base::Location{path(), 0, 0},
                        "cannot write the index of the results: " + failed.message());
    }
  });
}

std::string ResultSeries::names() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& [file, at] : files_) list.push_back({file, at});
  return list.dump();
}

void ResultSeries::refuse_files(const comm::Communicator& communicator) const {
  communicator.together([&] {
    const std::string first = in(directory_, file_name(0));
    std::error_code failed;
    if (single_ || !communicator.is_root() || !std::filesystem::exists(first, failed)) return;
    throw base::Error(base::ExitCode::io, base::Location{first, 0, 0},
                      "the checkpoint knows nothing of this series, whose files would be replaced: "
                      "move them away or give the output another name");
  });
}

void ResultSeries::resume(const comm::Communicator& communicator, const std::string& names) {
  const nlohmann::ordered_json list = nlohmann::ordered_json::parse(names, nullptr, false);
  files_.clear();
  for (const auto& one : list) files_.emplace_back(one.at(0), one.at(1));
  if (single_) return;
  // First the index, so that it never names a file that is gone.
  write_index(communicator);
  communicator.together([&] {
    if (!communicator.is_root()) return;
    for (std::size_t i = files_.size();; ++i) {
      std::error_code failed;
      if (!std::filesystem::remove(in(directory_, file_name(i)), failed) && !failed) break;
      if (failed) {
        throw base::Error(base::ExitCode::io, base::Location{in(directory_, file_name(i)), 0, 0},
                          "cannot remove a later result: " + failed.message());
      }
    }
  });
}

}  // namespace ritz::run
