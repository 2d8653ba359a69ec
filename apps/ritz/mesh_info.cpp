#include "commands.hpp"
#include "ritz/run/mesh_report.hpp"
#include "ritz/run/session.hpp"

namespace ritz::app {

void add_mesh_info(CLI::App& app, Arguments arguments, Action& action) {
  CLI::App* mesh = app.add_subcommand("mesh", "Look at meshes");
  mesh->require_subcommand(1);
  CLI::App* command =
      mesh->add_subcommand("info", "Cells, named sets with their sizes, quality, bad cells");
  auto file = std::make_shared<std::string>();
  command->add_option("file", *file, "Gmsh mesh (.msh)")->required();
  command->callback([=, &action] {
    action = [=] {
      return guarded([=] {
        run::Session session(arguments.argc, arguments.argv);
        return session.run([&] { return run::report_mesh(session.communicator(), *file); });
      });
    };
  });
}

}  // namespace ritz::app
