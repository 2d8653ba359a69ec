#include "ritz/run/doctor.hpp"
#include "commands.hpp"
#include "ritz/run/session.hpp"

namespace ritz::app {

void add_doctor(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Test this machine: MPI, threads, files, direct solver, a small problem");
  CLI::App* io = command->add_subcommand(
      "io", "Test a folder: shared, space, locks, compressed and plain files, speed");
  auto request = std::make_shared<run::IoVisit>();
  io->add_option("directory", request->directory, "Folder that results are to go to")->required();
  auto bytes = std::make_shared<std::uint64_t>(static_cast<std::uint64_t>(request->bytes));
  io->add_option("--size", *bytes, "Of each file, all ranks together: 256M, 4G")
      ->transform(CLI::AsSizeValue(false));
  io->add_flag("--json", request->json, "Print JSON");
  io->callback([=, &action] {
    request->bytes = static_cast<double>(*bytes);
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::doctor_io(session.communicator(), *request); });
      });
    };
  });
  command->callback([=, &action] {
    if (io->parsed()) return;
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::doctor(session.communicator()); });
      });
    };
  });
}

}  // namespace ritz::app
