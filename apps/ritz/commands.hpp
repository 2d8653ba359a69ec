#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace ritz::app {

/// What a subcommand does once the command line is read; returns the exit code. Empty until a
/// subcommand was chosen.
using Action = std::function<int()>;

/// argc and argv as MPI wants them.
struct Arguments {
  int& argc;
  char**& argv;
};

// Each adds its subcommand to the command line; when chosen it sets `action`.
void add_run(CLI::App& app, Arguments arguments, Action& action);
void add_check(CLI::App& app, Arguments arguments, Action& action);
void add_explain(CLI::App& app, Action& action);
void add_eval(CLI::App& app, Action& action);
void add_mesh_info(CLI::App& app, Arguments arguments, Action& action);
void add_bench(CLI::App& app, Arguments arguments, Action& action);
void add_verify(CLI::App& app, Arguments arguments, Action& action);
void add_unpack(CLI::App& app, Arguments arguments, Action& action);
void add_info(CLI::App& app, Arguments arguments, Action& action);
void add_diff(CLI::App& app, Arguments arguments, Action& action);
void add_rerun(CLI::App& app, Arguments arguments, Action& action);
void add_ctl(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Arguments arguments, Action& action);

/// Of options: 0 or more. CLI11's own check lets nan through, which is below nothing.
[[nodiscard]] CLI::Validator zero_or_more();

/// Runs serial work and turns an Error into its exit code, printed on stderr.
int guarded(const Action& work);

}  // namespace ritz::app
