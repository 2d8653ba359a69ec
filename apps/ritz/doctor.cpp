#include "ritz/run/doctor.hpp"
#include "commands.hpp"
#include "ritz/run/session.hpp"

namespace ritz::app {

void add_doctor(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Test this machine: MPI, threads, files, direct solver, a small problem");
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::doctor(session.communicator()); });
      });
    };
  });
}

}  // namespace ritz::app
