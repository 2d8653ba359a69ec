#include "ritz/run/rerun.hpp"

#include <filesystem>
#include <utility>

#include "mesh_file.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/version.hpp"
#include "ritz/run/driver.hpp"
#include "ritz/run/load.hpp"
#include "ritz/store/checkpoint.hpp"
#include "ritz/store/result_blocks.hpp"

namespace ritz::run {

namespace {

namespace fs = std::filesystem;

/// The deck in a file. Collective. Throws Error(io) on every rank.
std::string deck_of(const comm::Communicator& communicator, const std::string& file) {
  if (fs::path(file).extension() == ".h5") {
    const std::string problem = store::checkpoint_problem(communicator, file);
    if (!problem.empty())
      throw base::Error(base::ExitCode::io, base::Location{file, 0, 0}, problem);
    return store::read_facts(communicator, file).fact("deck");
  }
  const std::string deck = store::read_result_contents(communicator, file).deck;
  if (deck.empty()) {
    throw base::Error(base::ExitCode::io, base::Location{file, 0, 0}, "there is no deck in it");
  }
  return deck;
}

/// Where the mesh file is now: at its recorded place, or beside the results. On every rank;
/// collective. Throws Error(mesh) on every rank.
std::string find_mesh(const comm::Communicator& communicator, const std::string& recorded,
                      const std::string& file) {
  std::string found;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::error_code failed;
    const fs::path folder = fs::absolute(file, failed).parent_path();
    const fs::path name = fs::path(recorded).filename();
    for (const fs::path& place : {fs::path(recorded), folder / name, folder.parent_path() / name}) {
      if (!fs::is_regular_file(place, failed)) continue;
      found = place.string();
      return;
    }
    throw base::Error(base::ExitCode::mesh, base::Location{file, 0, 0},
                      fmt::format("its mesh file {} is not there any more, nor is one of this name "
                                  "beside the results; name it with --set mesh.file=PATH",
                                  recorded));
  });
  communicator.broadcast(found);
  return found;
}

}  // namespace

int rerun(const comm::Communicator& communicator, const RerunRequest& request) {
  if (fs::path(request.file).extension() == ".toml") {
    throw base::Error(base::ExitCode::deck, base::Location{request.file, 0, 0},
                      "this is a deck: ritz run " + request.file);
  }
  RunRequest run;
  run.deck = request.file;
  run.text = deck_of(communicator, request.file);
  run.overwrite = request.overwrite;

  DeckText text;
  text.file = request.file;
  text.files = {{request.file, *run.text}};
  text.overrides = request.overrides;
  base::Diagnostics diagnostics;
  const deck::Problem problem = parse(text, diagnostics);
  // What is wrong with the deck is told by the run.
  if (!diagnostics.has_errors() && problem.mesh.kind == deck::MeshKind::file) {
    const std::string mesh = find_mesh(communicator, problem.mesh.file, request.file);
    if (mesh != problem.mesh.file) {
      run.overrides.push_back("mesh.file=" + mesh);
      run.remarks.push_back(fmt::format("rerun: the mesh file {} is gone; {} is used instead",
                                        problem.mesh.file, mesh));
    }
    const auto was = noted_mesh_file(*run.text);
    const FileChecksum is = file_checksum(communicator, mesh);
    if (!was) {
      run.remarks.push_back(
          "rerun: the file does not say which mesh file it was made with; it may have changed");
    } else if (*was != is) {
      run.remarks.push_back(fmt::format(
          "rerun: the mesh file {} has changed ({} bytes with the CRC-32C {:08x} then, {} and "
          "{:08x} now)",
          mesh, was->n_bytes, was->crc, is.n_bytes, is.crc));
    }
  }
  run.overrides.insert(run.overrides.end(), request.overrides.begin(), request.overrides.end());
  if (!request.directory.empty()) run.overrides.push_back("output.directory=" + request.directory);

  std::string version, commit;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    version = store::read_provenance(request.file, "ritz_version");
    commit = store::read_provenance(request.file, "ritz_commit");
  });
  communicator.broadcast(version);
  communicator.broadcast(commit);
  const base::Build& build = base::build();
  const std::string own = build.commit + (build.modified ? " (modified)" : "");
  if (version != build.version || commit != own) {
    run.remarks.push_back(fmt::format("rerun: {} was made by ritz {} ({}), this is {} ({})",
                                      request.file, version, commit, build.version, own));
  }
  return run_deck(communicator, run);
}

}  // namespace ritz::run
