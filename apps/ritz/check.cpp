#include "commands.hpp"
#include "ritz/run/driver.hpp"
#include "ritz/run/session.hpp"

namespace ritz::app {

void add_check(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command = app.add_subcommand(
      "check", "Check a deck without solving it: keys, names, expressions, memory");
  auto request = std::make_shared<run::RunRequest>();
  auto ranks = std::make_shared<int>(1);
  command->add_option("deck", request->deck, "Problem deck (TOML)")->required();
  command->add_option("--set", request->overrides, "Set a key, as for run")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  command->add_option("--ranks", *ranks, "Forecast the memory for so many ranks")
      ->check(CLI::Range(1, 1 << 24));
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run(
            [&] { return run::check_deck(session.communicator(), *request, *ranks); });
      });
    };
  });
}

}  // namespace ritz::app
