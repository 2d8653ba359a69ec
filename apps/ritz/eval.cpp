#include "commands.hpp"
#include "ritz/run/evaluate.hpp"

namespace ritz::app {

void add_eval(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("eval", "Evaluate an expression of the deck's language");
  auto request = std::make_shared<run::EvaluateRequest>();
  command->add_option("expression", request->expression, "For example \"sin(pi*x)*exp(-t)\"")
      ->required();
  auto* at = command->add_option("--at", request->at, "Point x,y,z (missing ones are 0)");
  auto* line = command->add_option("--line", request->line,
                                   "a:b:n, n points from a to b, each x,y,z: 0,0:1,0:11");
  at->excludes(line);
  command->add_option("--time", request->time, "Value of t");
  command->add_option("--set", request->parameters, "Parameter name=value (may be repeated)")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  command->callback(
      [=, &action] { action = [=] { return guarded([=] { return run::evaluate(*request); }); }; });
}

}  // namespace ritz::app
