#include "ritz/run/ctl.hpp"
#include "commands.hpp"

namespace ritz::app {

void add_ctl(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("ctl", "Ask a run in time to stop, pause, go on or write a checkpoint");
  auto request = std::make_shared<run::CtlRequest>();
  command->add_option("directory", request->directory, "Output directory of the run")->required();
  command->add_option("action", request->action, "stop, checkpoint, pause, resume or status")
      ->required()
      ->check(CLI::IsMember({"stop", "checkpoint", "pause", "resume", "status"}));
  command->add_option("--wait", request->patience, "Seconds to wait for the answer")
      ->check(zero_or_more())
      ->capture_default_str();
  command->callback([=, &action] {
    action = [=] { return guarded([=] { return run::control_run(*request); }); };
  });
}

}  // namespace ritz::app
