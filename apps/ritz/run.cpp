#include "commands.hpp"
#include "ritz/run/driver.hpp"
#include "ritz/run/session.hpp"

namespace ritz::app {

void add_run(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command =
      app.add_subcommand("run", "Solve the problem of a deck and write its results");
  auto request = std::make_shared<run::RunRequest>();
  command->add_option("deck", request->deck, "Problem deck (TOML)")->required();
  command
      ->add_option("--set", request->overrides,
                   "Set a key: --set solver.tolerance=1e-10 (may be repeated)")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  CLI::Option* overwrite =
      command->add_flag("--overwrite", request->overwrite,
                        "Replace the files of an earlier run in the output directory");
  auto resumes = std::make_shared<bool>(false);
  CLI::Option* resume = command->add_flag(
      "--resume", *resumes, "Go on from the newest good checkpoint of the output directory");
  command->add_option("--from", request->resume,
                      "Go on from this checkpoint, or the newest good one of this folder");
  resume->excludes(overwrite);
  command->callback([=, &action] {
    if (*resumes && !request->resume) request->resume = std::string();
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::run_deck(session.communicator(), *request); });
      });
    };
  });
}

}  // namespace ritz::app
