#include "ritz/run/checkpoint_tools.hpp"

#include <iostream>

#include "checkpoints.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"

namespace ritz::run {

int verify_checkpoints(const comm::Communicator& communicator,
                       const std::vector<std::string>& paths) {
  int n_bad = 0;
  for (const std::string& path : paths) {
    const std::vector<std::string> files = checkpoint_files(communicator, path);
    if (files.empty()) {
      if (communicator.is_root()) std::cout << path << ": no checkpoint\n";
      ++n_bad;
    }
    for (const std::string& file : files) {
      const std::string problem = store::checkpoint_problem(communicator, file);
      if (!problem.empty()) ++n_bad;
      if (communicator.is_root())
        std::cout << file << ": " << (problem.empty() ? "good" : problem) << '\n';
    }
  }
  return n_bad == 0 ? 0 : static_cast<int>(base::ExitCode::io);
}

int show_checkpoint(const comm::Communicator& communicator, const std::string& path, bool deck) {
  const std::string problem = store::checkpoint_problem(communicator, path);
  if (!problem.empty()) throw base::Error(base::ExitCode::io, base::Location{path, 0, 0}, problem);
  const store::Snapshot snapshot = store::read_facts(communicator, path);
  const std::string note = store::writing_note(communicator, path);
  if (!communicator.is_root()) return 0;
  if (deck) {
    std::cout << snapshot.fact("deck");
    return 0;
  }
  const auto line = [](const char* name, const std::string& text) {
    std::cout << fmt::format("{:<14}{}\n", name, text);
  };
  line("checkpoint", fmt::format("{:.0f} of its run, id {}", snapshot.number("checkpoint.number"),
                                 snapshot.fact("id")));
  if (const std::string& parent = snapshot.fact("parent"); !parent.empty()) line("after", parent);
  if (is_steady(snapshot)) {
    line("steady",
         fmt::format("{:.0f} corrections, {:.0f} linear iterations{}", snapshot.number("run.steps"),
                     snapshot.number("run.linear_iterations"),
                     snapshot.number("steady.has_ended") != 0 ? ", come to its end" : ""));
  } else {
    line("time", base::number_text(snapshot.number("scheme.time")));
    line("step", fmt::format("{:.0f}", snapshot.number("run.steps")));
  }
  for (const char* name :
       {"date", "ritz_version", "ritz_commit", "ranks", "hosts", "warnings_and_fallbacks"}) {
    const std::string text = store::read_provenance(path, name);
    if (!text.empty()) line(name, text);
  }
  if (!note.empty()) line("writing", note);
  std::string fields;
  for (const store::Snapshot::Field& field : snapshot.fields)
    fields += (fields.empty() ? "" : ", ") + field.name;
  line("fields", fields);
  return 0;
}

int unpack(const comm::Communicator& communicator, const std::string& from, const std::string& to,
           bool deflate) {
  store::CheckpointWriteOptions options;
  options.codec = deflate ? store::Codec::deflate : store::Codec::none;
  const store::CheckpointReport report = store::unpack_checkpoint(communicator, from, to, options);
  if (communicator.is_root())
    std::cout << fmt::format("{}: {}\n", to, base::bytes_text(report.file_bytes));
  return 0;
}

}  // namespace ritz::run
