#include "ritz/run/bench.hpp"
#include "commands.hpp"
#include "ritz/run/session.hpp"

namespace ritz::app {

void add_bench(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command = app.add_subcommand(
      "bench",
      "Measure operators and solvers against the memory and the arithmetic of this machine");
  auto request = std::make_shared<run::BenchRequest>();
  command
      ->add_option("--case", request->cases,
                   "M1,M2,M3,M4,M5,M6,M9,M11,M12,M13,M16,M17,M18 (default M1)")
      ->delimiter(',');
  command->add_option("--degree", request->degrees, "Degrees, 1,2,4 (default: the case's own)")
      ->delimiter(',');
  command->add_option("--size", request->size, "small, medium, large or a number of unknowns");
  command->add_option("--repeat", request->repeat, "Measurements for the median (default 5)");
  command->add_option("--json", request->json, "File for the results");
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::bench(session.communicator(), *request); });
      });
    };
  });
}

}  // namespace ritz::app
