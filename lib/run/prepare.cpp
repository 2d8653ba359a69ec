#include "prepare.hpp"

#include "matrix_free_jacobian.hpp"
#include "output_fields.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/run/form.hpp"
#include "ritz/run/system_form.hpp"

namespace ritz::run {

Prepared prepare(const comm::Communicator& communicator, const std::string& deck,
                 const std::vector<std::string>& overrides, base::Diagnostics& diagnostics,
                 const std::optional<std::string>& given) {
  Prepared prepared;
  prepared.text = load(communicator, deck, overrides, given);
  communicator.together([&] {
    base::fault_point("check");
    prepared.problem = parse(prepared.text, diagnostics);
  });

  // The names of a mesh file belong to the same report as the deck's own errors; a file that cannot
  // be read is reported after them.
  std::optional<base::Error> unreadable;
  const bool has_mesh = prepared.problem.mesh.kind == deck::MeshKind::box
                            ? !prepared.problem.mesh.box.cells.empty()
                            : !prepared.problem.mesh.file.empty();
  if (has_mesh) {
    try {
      prepared.names = mesh_names(communicator, prepared.problem);
    } catch (const base::Error& error) {
      unreadable = error;  // of every rank alike: the header is read inside together()
    }
  }
  communicator.together([&] {
    if (has_mesh && !unreadable) {
      if (prepared.problem.mesh.kind == deck::MeshKind::file) {
        deck::check_dimension(prepared.problem, prepared.names.dimension, diagnostics);
        deck::check_cells(prepared.problem, prepared.names.cell_type, diagnostics);
        deck::check_names(prepared.problem, prepared.names.regions, prepared.names.sets,
                          diagnostics);
      }
      base::Diagnostics of_system;
      const physics::SystemForm system = make_system(
          prepared.problem, prepared.names.dimension, prepared.names.regions, prepared.names.sets,
          [](std::int16_t) { return 0; }, of_system);  // planes are looked at with the mesh
      if (needs_system(prepared.problem, system)) {
        for (const base::Diagnostic& one : of_system.entries()) diagnostics.add(one);
        prepared.equations.is_system = true;
        for (const deck::Integral& one : prepared.problem.integrals) {
          if (one.kind != deck::Integral::Kind::flux || has_linear_form(prepared.problem, system))
            continue;
          diagnostics.error(
              one.on.where,
              fmt::format("integral '{}' of the flux: only for linear equations of one "
                          "unknown in Cartesian coordinates",
                          one.name));
        }
        prepared.equations.needs_matrix =
            needs_matrix(prepared.problem, system) || is_imex(prepared.problem) ||
            prepared.problem.equation.stabilisation == deck::Stabilisation::supg;
        if (!diagnostics.has_errors())
          prepared.equations.symmetric = physics::system_traits(system).is_symmetric;
      } else {
        const physics::Form form =
            make_form(prepared.problem, prepared.names.dimension, prepared.names.regions,
                      prepared.names.sets, diagnostics);
        if (!diagnostics.has_errors()) prepared.equations.symmetric = form.is_symmetric();
      }
    }
    if (has_mesh && !unreadable) {
      const OutputFields output = make_output_fields(prepared.problem, prepared.names.dimension,
                                                     prepared.names.regions, diagnostics);
      prepared.equations.n_further_fields = static_cast<int>(output.names.size());
    }
    check_formulas(prepared.problem, diagnostics);
    diagnostics.throw_errors(base::ExitCode::deck);
  });
  if (unreadable) throw base::Error(*unreadable);
  return prepared;
}

}  // namespace ritz::run
