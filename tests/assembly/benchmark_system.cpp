// Times the numeric phase of block systems: residual, Jacobian, both.
//
//   mpiexec -n 1 benchmark_system [cells a direction = 50] [cell type = tet] [degree = 1]
//       [elasticity|varying|reaction|nonlinear] [automatic|cells|rows|closed_form]
//
// elasticity: constant isotropic elasticity with a prescribed side (M9 with tets of degree 1);
// varying: the same with a Young's modulus that depends on the place; reaction: Gray-Scott;
// nonlinear: (1 + u^2) grad u with exp(u). Each line is the least processor time of several passes
// on the slowest rank, and the median of the clock.
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "mesh_tools.hpp"
#include "ritz/assembly/system_assembler.hpp"
#include "ritz/device/session.hpp"

using namespace ritz;

namespace {

using Texts = std::vector<std::string>;

physics::SystemForm make_form(const std::string& kind, int dim) {
  const Texts axes{"x", "y", "z"};
  const auto d_of = [&](int d, const std::string& u) {
    return "d" + axes[static_cast<std::size_t>(d)] + "(" + u + ")";
  };
  physics::SystemForm form;
  form.dimension = dim;
  Texts f0, f1;
  if (kind == "elasticity" || kind == "varying") {
    const std::string modulus = kind == "varying" ? "(1 + 0.3*sin(x)*y)*" : "";
    std::string divergence;
    for (int d = 0; d < dim; ++d) {
      form.unknowns.push_back("u" + axes[static_cast<std::size_t>(d)]);
      divergence += (d == 0 ? "" : " + ") + d_of(d, form.unknowns.back());
    }
    for (int i = 0; i < dim; ++i) {
      f0.emplace_back("1");
      for (int d = 0; d < dim; ++d) {
        std::string stress = "0.7*(" + d_of(d, form.unknowns[static_cast<std::size_t>(i)]) + " + " +
                             d_of(i, form.unknowns[static_cast<std::size_t>(d)]) + ")";
        if (i == d) stress += " + 1.3*(" + divergence + ")";
        f1.push_back(modulus + "(" + stress + ")");
      }
    }
  } else if (kind == "reaction") {
    form.unknowns = {"u", "v"};
    f0 = {"dt(u) + u*v^2 - 0.04*(1 - u)", "dt(v) - u*v^2 + 0.1*v"};
    for (int d = 0; d < dim; ++d) f1.push_back("2e-5*" + d_of(d, "u"));
    for (int d = 0; d < dim; ++d) f1.push_back("1e-5*" + d_of(d, "v"));
  } else {
    form.unknowns = {"u"};
    f0 = {"exp(u)"};
    for (int d = 0; d < dim; ++d) f1.push_back("(1 + u^2)*" + d_of(d, "u"));
  }
  const expr::Symbols symbols{physics::volume_variables(form.unknowns, dim), {}};
  physics::SystemForm::Region region;
  for (const auto& text : f0) region.f0.push_back(expr::Expression::parse(text, symbols));
  for (const auto& text : f1) region.f1.push_back(expr::Expression::parse(text, symbols));
  form.regions = {region};
  for (int i = 0; i < form.n_unknowns(); ++i) {
    form.boundaries.push_back({physics::SystemForm::Boundary::Kind::value,
                               {0},
                               i,
                               expr::Expression::constant(0.0, physics::place_variables())});
  }
  return form;
}

void run(int argc, char** argv) {
  const auto argument = [&](int i, const char* otherwise) {
    return std::string(argc > i ? argv[i] : otherwise);
  };
  const auto world = comm::Communicator::world();
  mesh::Box box;
  box.cell_type = mesh::cell_type(argument(2, "tet"));
  const int dim = mesh::table(box.cell_type).dimension;
  const GlobalId n = std::atoll(argument(1, "50").c_str());
  for (std::size_t d = 0; d < 3; ++d) box.cells[d] = static_cast<int>(d) < dim ? n : 1;
  const int degree = std::atoi(argument(3, "1").c_str());
  const mesh::Mesh mesh = test::spread(mesh::make_box(world, box), test::Spread::blocks);
  const fem::Space space(mesh, degree);
  const physics::SystemForm form = make_form(argument(4, "elasticity"), dim);
  assembly::SystemAssembler::Options options;
  using Kernel = assembly::SystemAssembler::Options::Kernel;
  const std::string kernel = argument(5, "automatic");
  options.kernel = kernel == "cells"         ? Kernel::cells_in_lanes
                   : kernel == "rows"        ? Kernel::rows_in_lanes
                   : kernel == "closed_form" ? Kernel::closed_form
                                             : Kernel::automatic;
  if (const char* shift = std::getenv("RITZ_TILE_SHIFT")) options.tile_shift = std::atoi(shift);
  const std::clock_t before = std::clock();
  const assembly::SystemAssembler assembler(mesh, space, form, options);
  const double setup = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  const auto m = static_cast<std::size_t>(form.n_unknowns());
  std::vector<double> u(static_cast<std::size_t>(space.n_local()) * m);
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = test::unit(i);
  const assembly::SystemAssembler::State state{0.0, u, u, {}};
  la::Vector values("values", assembler.pattern().columns.extent(0)),
      r("r", static_cast<std::size_t>(space.n_owned) * m);
  if (world.is_root()) {
    std::printf("%s degree %d, %lld cells, %lld unknowns, %s: set-up cpu %.3f s, %.0f B a cell\n",
                argument(2, "tet").c_str(), degree, mesh.n_cells_global,
                space.n_global * static_cast<GlobalId>(m), argument(4, "elasticity").c_str(), setup,
                static_cast<double>(assembler.bytes()) / mesh.n_cells());
  }
  const auto time = [&](const char* what, const std::function<void()>& work) {
    std::vector<double> walls, cpus;
    for (int pass = 0; pass < 8; ++pass) {
      world.barrier();
      const double start = MPI_Wtime();
      const std::clock_t cpu = std::clock();
      work();
      cpus.push_back(world.max(static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC));
      walls.push_back(world.max(MPI_Wtime() - start));
    }
    std::sort(walls.begin(), walls.end());
    std::sort(cpus.begin(), cpus.end());
    const double million = static_cast<double>(mesh.n_cells_global) * 1e-6;
    if (world.is_root()) {
      std::printf("  %-10s %8.4f s, cpu %8.4f s: %6.2f M cells/s a core\n", what,
                  walls[walls.size() / 2], cpus[0], million / cpus[0] / world.size());
    }
  };
  time("residual", [&] { (void)assembler.residual(state, r); });
  time("jacobian", [&] { (void)assembler.jacobian(state, 0.5, 0.0, values); });
  time("both", [&] { (void)assembler.both(state, 0.5, 0.0, r, values); });
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int code = 0;
  {
    device::Session session;
    try {
      run(argc, argv);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      code = 1;
    }
  }
  MPI_Finalize();
  return code;
}
