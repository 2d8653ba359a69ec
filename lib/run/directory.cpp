#include "directory.hpp"

#include "checkpoints.hpp"
#include "control.hpp"
#include "ritz/base/format.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "ritz/base/error.hpp"

namespace ritz::run {

namespace fs = std::filesystem;

namespace {

constexpr std::array ours{"effective.toml",   "perf.json",   "events.jsonl",  "status.json",
                          "status.json.new",  "log.txt",     "control.json",  "probes.csv",
                          "integrals.csv",    "extrema.csv", "residuals.csv", "history.csv",
                          "history.csv.part", "newton.csv"};

/// Names of the outputs of the run whose files lie here: "results" and, from the effective deck
/// that it left, those of its blocks.
std::vector<std::string> output_names(const std::string& directory) {
  std::vector<std::string> names{"results"};
  std::ifstream deck(fs::path(directory) / "effective.toml");
  constexpr std::string_view key = "name = \"";
  bool in_block = false;
  for (std::string line; std::getline(deck, line);) {
    if (line.starts_with("[")) {
      in_block = line == "[[output.block]]";
    } else if (in_block && line.starts_with(key)) {
      names.push_back(line.substr(key.size(), line.find('"', key.size()) - key.size()));
    }
  }
  return names;
}

/// NAME.vtkhdf, NAME-000012.vtkhdf, NAME-mesh.vtkhdf and NAME.vtkhdf.series, or what is left of
/// writing them.
bool is_result(std::string_view file, std::string_view name) {
  constexpr std::string_view part = ".part";
  if (file.ends_with(part)) file.remove_suffix(part.size());
  if (!file.starts_with(name)) return false;
  file.remove_prefix(name.size());
  if (file == ".vtkhdf" || file == ".vtkhdf.series" || file == "-mesh.vtkhdf") return true;
  constexpr std::string_view end = ".vtkhdf";
  if (!file.starts_with("-") || !file.ends_with(end) || file.size() < end.size() + 7) return false;
  const std::string_view digits = file.substr(1, file.size() - 1 - end.size());
  return digits.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

void prepare_directory(const comm::Communicator& communicator, const std::string& directory,
                       Existing existing) {
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
    if (empty || existing == Existing::keep) return;
    if (existing == Existing::refuse) {
      throw base::Error(
          base::ExitCode::io, base::Location{directory, 0, 0},
          "the output directory is not empty; nothing was touched. Add --resume to go on from its "
          "last checkpoint, --overwrite to replace an earlier run's files, or --set "
          "output.directory=DIR");
    }
    std::vector<std::string> old(ours.begin(), ours.end());
    const auto collect = [&](const std::string& folder, const auto& is_ours) {
      fs::directory_iterator entry(fs::path(directory) / folder, failed);
      for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
        const std::string name = entry->path().filename().string();
        if (is_ours(name)) old.push_back((fs::path(folder) / name).string());
      }
      if (failed) fail("cannot read the output directory", failed);
    };
    const std::vector<std::string> names = output_names(directory);
    collect(".", [](const std::string& file) { return is_control_file(file); });
    collect(".", [&](const std::string& file) {
      return std::any_of(names.begin(), names.end(),
                         [&](const std::string& name) { return is_result(file, name); });
    });
    if (existing == Existing::replace_unfinished) {
      std::ifstream status(fs::path(directory) / "status.json");
      const std::string text{std::istreambuf_iterator<char>(status), {}};
      if (text.find("\"phase\":\"done\"") != std::string::npos) {
        throw base::Error(
            base::ExitCode::io, base::Location{directory, 0, 0},
            "--resume: the output directory holds a finished run without a "
            "checkpoint; nothing was touched. Add --overwrite instead to start again");
      }
    }
    if (fs::is_directory(fs::path(directory) / "checkpoints", failed)) {
      const std::size_t n_before = old.size();
      // Markers before the files they stand for.
      collect("checkpoints", [](const std::string& name) { return name.ends_with(".complete"); });
      const bool any_finished =
          std::any_of(old.begin() + static_cast<std::ptrdiff_t>(n_before), old.end(),
                      [&](const std::string& name) {
                        return is_finished_marker((fs::path(directory) / name).string());
                      });
      if (existing == Existing::replace_unfinished && any_finished) {
        throw base::Error(
            base::ExitCode::io, base::Location{directory, 0, 0},
            "--resume: the output directory holds checkpoints that could not be read; "
            "nothing was touched");
      }
      collect("checkpoints", [](const std::string& name) {
        return name.starts_with("ckpt.") && name.ends_with(".h5");
      });
    }
    for (const std::string& name : old) {
      fs::remove(fs::path(directory) / name, failed);
      if (failed) fail("cannot remove " + name, failed);
    }
    // Only if nothing else is in it.
    fs::remove(fs::path(directory) / "checkpoints", failed);
  });
}

void write_text(const comm::Communicator& communicator, const std::string& path,
                const std::string& text) {
  communicator.together([&] {
    if (!communicator.is_root()) return;
    errno = 0;
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out) {
      throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                        fmt::format("cannot write this file ({}); check free space, quota and "
                                    "permissions",
                                    std::strerror(errno)));
    }
  });
}

}  // namespace ritz::run
