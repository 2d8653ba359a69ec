#include "directory.hpp"

#include "ritz/base/format.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "ritz/base/error.hpp"

namespace ritz::run {

namespace fs = std::filesystem;

namespace {

constexpr std::array ours{
    "effective.toml", "results.vtkhdf", "results.vtkhdf.part",   "perf.json",
    "events.jsonl",   "status.json",    "status.json.new",       "log.txt",
    "probes.csv",     "integrals.csv",  "extrema.csv",           "residuals.csv",
    "history.csv",    "newton.csv",     "results.vtkhdf.series", "results.vtkhdf.series.part"};

/// "results-000012.vtkhdf", or what is left of writing it.
bool is_result_of_a_time(const std::string& name) {
  constexpr std::string_view start = "results-", end = ".vtkhdf", part = ".part";
  std::string_view rest = name;
  if (rest.ends_with(part)) rest.remove_suffix(part.size());
  if (!rest.starts_with(start) || !rest.ends_with(end)) return false;
  rest.remove_prefix(start.size());
  if (rest.size() < end.size() + 6) return false;
  rest.remove_suffix(end.size());
  return rest.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

void prepare_directory(const comm::Communicator& communicator, const std::string& directory,
                       bool overwrite) {
  communicator.together([&] {
    if (!communicator.is_root()) return;
    const auto fail = [&](const std::string& what, const std::error_code& why) {
      throw base::Error(base::ExitCode::io, base::Location{directory, 0, 0},
                        fmt::format("{} ({}); choose another with --set output.directory=DIR", what,
                                    why.message()));
    };
    std::error_code failed;
    if (fs::exists(directory, failed) && !fs::is_directory(directory, failed)) {
      fail("output.directory is a file", std::make_error_code(std::errc::not_a_directory));
    }
    fs::create_directories(directory, failed);
    if (failed) fail("cannot create the output directory", failed);
    const bool empty = fs::is_empty(directory, failed);
    if (failed) fail("cannot read the output directory", failed);
    if (empty) return;
    if (!overwrite) {
      throw base::Error(
          base::ExitCode::io, base::Location{directory, 0, 0},
          "the output directory is not empty; nothing was touched. Add --overwrite to "
          "replace an earlier run's files, or --set output.directory=DIR");
    }
    std::vector<std::string> old(ours.begin(), ours.end());
    for (const fs::directory_entry& entry : fs::directory_iterator(directory, failed)) {
      const std::string name = entry.path().filename().string();
      if (is_result_of_a_time(name)) old.push_back(name);
    }
    if (failed) fail("cannot read the output directory", failed);
    for (const std::string& name : old) {
      fs::remove(fs::path(directory) / name, failed);
      if (failed) fail("cannot remove " + name, failed);
    }
  });
}

void write_text(const comm::Communicator& communicator, const std::string& path,
                const std::string& text) {
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out) {
      throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                        "cannot write this file; check free space, quota and permissions");
    }
  });
}

}  // namespace ritz::run
