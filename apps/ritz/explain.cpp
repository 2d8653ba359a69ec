#include <iostream>

#include "commands.hpp"
#include "ritz/deck/registry.hpp"

namespace ritz::app {

void add_explain(CLI::App& app, Action& action) {
  CLI::App* explain = app.add_subcommand("explain", "Explain a key or a table of the deck");
  auto key = std::make_shared<std::string>();
  explain->add_option("key", *key, "Key, such as solver.tolerance")->required();
  explain->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        std::cout << deck::explain(*key) << std::endl;
        return 0;
      });
    };
  });

  CLI::App* schema =
      app.add_subcommand("schema", "Print the deck's JSON Schema, for editors that complete TOML");
  schema->callback([&action] {
    action = [] {
      std::cout << deck::json_schema();
      return 0;
    };
  });

  CLI::App* reference =
      app.add_subcommand("reference", "Print a deck with every key at its default");
  auto markdown = std::make_shared<bool>(false);
  reference->add_flag("--markdown", *markdown, "Print the documentation page instead");
  reference->callback([=, &action] {
    action = [=] {
      std::cout << (*markdown ? deck::reference_markdown() : deck::reference_toml());
      return 0;
    };
  });
}

}  // namespace ritz::app
