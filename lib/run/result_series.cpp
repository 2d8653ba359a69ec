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

std::string name_of(std::size_t number) {
  return fmt::format("results-{:06}.vtkhdf", number);
}

}  // namespace

ResultSeries::ResultSeries(std::string directory, bool single, int compression)
    : directory_(std::move(directory)), single_(single), compression_(compression) {}

std::string ResultSeries::path() const {
  return in(directory_, single_ ? "results.vtkhdf" : "results.vtkhdf.series");
}

store::WriteReport ResultSeries::write(double time, const mesh::Mesh& mesh, const fem::Space& space,
                                       const std::vector<std::string>& names,
                                       const std::vector<std::vector<double>>& fields,
                                       store::Provenance provenance) {
  const std::string name = single_ ? "results.vtkhdf" : name_of(files_.size());
  std::vector<store::ResultField> all;
  for (std::size_t i = 0; i < names.size(); ++i) all.push_back({names[i], fields[i]});
  provenance.emplace_back("time", base::number_text(time));
  const store::WriteReport report =
      store::write_results(in(directory_, name), mesh, space, all, provenance, compression_);
  files_.emplace_back(name, time);
  if (single_) return report;
  write_index(mesh.communicator);
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
      if (!std::filesystem::remove(in(directory_, name_of(i)), failed) && !failed) break;
      if (failed) {
        throw base::Error(base::ExitCode::io, base::Location{in(directory_, name_of(i)), 0, 0},
                          "cannot remove a later result: " + failed.message());
      }
    }
  });
}

}  // namespace ritz::run
