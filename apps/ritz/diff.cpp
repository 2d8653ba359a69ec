#include "commands.hpp"
#include "ritz/run/difference.hpp"
#include "ritz/run/rerun.hpp"
#include "ritz/run/session.hpp"

namespace ritz::app {

void add_diff(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command = app.add_subcommand(
      "diff", "What differs between two decks, results, checkpoints or output directories");
  auto request = std::make_shared<run::DiffRequest>();
  command->add_option("first", request->first, "Deck, result, checkpoint or output directory")
      ->required();
  command->add_option("second", request->second, "The one to compare it with")->required();
  command
      ->add_option("--tolerance", request->tolerance,
                   "Largest allowed difference of a field, relative to its largest value")
      ->check(zero_or_more());
  command->add_flag("--json", request->json, "Print JSON");
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::show_differences(session.communicator(), *request); });
      });
    };
  });
}

void add_rerun(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command =
      app.add_subcommand("rerun", "Run the deck that is stored in a result or a checkpoint");
  auto request = std::make_shared<run::RerunRequest>();
  command->add_option("file", request->file, "Result (.vtkhdf) or checkpoint (.h5)")->required();
  command->add_option("-o,--output", request->directory,
                      "Output directory of the new run (else that of the deck)");
  command
      ->add_option("--set", request->overrides,
                   "Set a key: --set solver.tolerance=1e-10 (may be repeated)")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  command->add_flag("--overwrite", request->overwrite,
                    "Replace the files of an earlier run in the output directory");
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::rerun(session.communicator(), *request); });
      });
    };
  });
}

}  // namespace ritz::app
