#include "directory.hpp"

#include "ritz/base/format.hpp"

#include <array>
#include <filesystem>
#include <fstream>

#include "ritz/base/error.hpp"

namespace ritz::run {

namespace fs = std::filesystem;

namespace {

constexpr std::array ours{"effective.toml",  "results.vtkhdf", "results.vtkhdf.part",
                          "perf.json",       "events.jsonl",   "status.json",
                          "status.json.new", "log.txt",        "probes.csv",
                          "integrals.csv",   "extrema.csv",    "residuals.csv"};

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
    for (const char* name : ours) {
      fs::remove(fs::path(directory) / name, failed);
      if (failed) fail(std::string("cannot remove ") + name, failed);
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
