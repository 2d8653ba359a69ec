#include "ritz/run/check.hpp"
#include "commands.hpp"
#include "ritz/run/session.hpp"

namespace ritz::app {

void add_check(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command = app.add_subcommand(
      "check", "Check a deck without solving it: keys, names, expressions, memory, disk");
  auto request = std::make_shared<run::CheckRequest>();
  command->add_option("deck", request->deck, "Problem deck (TOML)")->required();
  command->add_option("--set", request->overrides, "Set a key, as for run")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  command->add_option("--ranks", request->n_ranks, "Forecast the memory for so many ranks")
      ->check(CLI::Range(1, 1 << 24));
  command->add_option("--json", request->json, "Write the report to this file, - for the terminal");
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::check_deck(session.communicator(), *request); });
      });
    };
  });
}

}  // namespace ritz::app
