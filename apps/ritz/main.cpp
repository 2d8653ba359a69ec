#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "commands.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/base/version.hpp"

namespace ritz::app {

CLI::Validator zero_or_more() {
  return CLI::NonNegativeNumber & CLI::Validator(
                                      [](std::string& text) {
                                        return std::isnan(std::strtod(text.c_str(), nullptr))
                                                   ? "Value " + text + " is not a number"
                                                   : std::string();
                                      },
                                      "");
}

int guarded(const Action& work) {
  try {
    return work();
  } catch (const base::Error& error) {
    std::cerr << error.what() << std::endl;
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << error.what() << " (a defect of Ritz; please report it)" << std::endl;
    return static_cast<int>(base::ExitCode::internal);
  }
}

}  // namespace ritz::app

int main(int argc, char** argv) {
  using ritz::base::ExitCode;
  CLI::App app{
      "Ritz solves partial differential equations by finite elements, driven by a problem deck.\n"
      "  ritz run deck.toml           or just: ritz deck.toml\n"
      "  mpirun -n 4 ritz run deck.toml",
      "ritz"};
  const ritz::base::Build& build = ritz::base::build();
  app.set_version_flag("--version", "ritz " + build.version + " (" + build.commit +
                                        (build.modified ? ", modified" : "") + "), " +
                                        build.compiler +
                                        (ritz::base::has_faults() ? ", can fail on purpose" : ""));
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);

  ritz::app::Action action;
  ritz::app::add_run(app, {argc, argv}, action);
  ritz::app::add_check(app, {argc, argv}, action);
  ritz::app::add_explain(app, action);
  ritz::app::add_eval(app, action);
  ritz::app::add_mesh_info(app, {argc, argv}, action);
  ritz::app::add_verify(app, {argc, argv}, action);
  ritz::app::add_info(app, {argc, argv}, action);
  ritz::app::add_diff(app, {argc, argv}, action);
  ritz::app::add_rerun(app, {argc, argv}, action);
  ritz::app::add_ctl(app, action);
  ritz::app::add_unpack(app, {argc, argv}, action);
  ritz::app::add_doctor(app, {argc, argv}, action);
  ritz::app::add_bench(app, {argc, argv}, action);

  // `ritz deck.toml` means `ritz run deck.toml`.
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && std::filesystem::path(words[0]).extension() == ".toml") {
    words.insert(words.begin(), "run");
  }
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    // --help and --version end here with 0; a wrong command line is the deck's kind of mistake.
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(ExitCode::deck);
  }
  return action();
}
