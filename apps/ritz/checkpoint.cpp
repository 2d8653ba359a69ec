#include "commands.hpp"
#include "ritz/run/checkpoint_tools.hpp"
#include "ritz/run/session.hpp"

namespace ritz::app {

void add_verify(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command =
      app.add_subcommand("verify", "Whether checkpoints are complete and undamaged");
  auto paths = std::make_shared<std::vector<std::string>>();
  command->add_option("path", *paths, "Checkpoints, folders of them, or output directories of runs")
      ->required();
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::verify_checkpoints(session.communicator(), *paths); });
      });
    };
  });
}

void add_info(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command = app.add_subcommand("info", "What a checkpoint holds and where it came from");
  auto file = std::make_shared<std::string>();
  auto deck = std::make_shared<bool>(false);
  command->add_option("file", *file, "Checkpoint (ckpt.000001.h5)")->required();
  command->add_flag("--deck", *deck, "Print the effective deck in it, to run it again");
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run(
            [&] { return run::show_checkpoint(session.communicator(), *file, *deck); });
      });
    };
  });
}

void add_unpack(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* command = app.add_subcommand(
      "unpack", "Write a checkpoint again so that any HDF5 reader opens it, the same numbers");
  auto from = std::make_shared<std::string>();
  auto to = std::make_shared<std::string>();
  auto compression = std::make_shared<std::string>("none");
  command->add_option("file", *from, "Checkpoint (ckpt.000001.h5)")->required();
  command->add_option("out", *to, "New file; nothing is overwritten")->required();
  command->add_option("--compression", *compression, "none or deflate (default none)")
      ->check(CLI::IsMember({"none", "deflate"}));
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] {
          return run::unpack(session.communicator(), *from, *to, *compression == "deflate");
        });
      });
    };
  });
}

}  // namespace ritz::app
