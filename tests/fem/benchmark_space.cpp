// Times of what a run does between mesh and assembly: lattice and space of a cube of n^3 bricks cut
// into Kuhn tets (or hexes), the slowest rank's wall-clock time, best of three.
//   mpiexec -n 2 benchmark_space [n] [tet|hex] [degree]
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/box.hpp"
#include "ritz/mesh/lattice.hpp"

using namespace ritz;

namespace {

void time(const comm::Communicator& world, const char* what, const std::function<void()>& work) {
  double best = 1e300;
  for (int pass = 0; pass < 3; ++pass) {
    world.barrier();
    const double start = MPI_Wtime();
    work();
    best = std::min(best, world.max(MPI_Wtime() - start));
  }
  if (world.is_root()) std::printf("%-28s %8.3f s\n", what, best);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  {
    const auto world = comm::Communicator::world();
    const GlobalId n = argc > 1 ? std::atoll(argv[1]) : 100;
    const int degree = argc > 3 ? std::atoi(argv[3]) : 1;
    mesh::Box box;
    box.cell_type = mesh::cell_type(argc > 2 ? argv[2] : "tet");
    box.cells = {n, n, n};
    const mesh::Mesh part = mesh::make_box(world, box);
    const mesh::Mesh mesh = mesh::distribute(
        part, std::vector<int>(static_cast<std::size_t>(part.n_cells_owned), world.rank()), true);
    if (world.is_root()) {
      std::printf("%lld cells, %d ranks, degree %d\n", mesh.n_cells_global, world.size(), degree);
    }
    GlobalId n_dofs = 0;
    time(world, "Space", [&] { n_dofs = fem::Space(mesh, degree).n_global; });
    time(world, "make_lattice, order 2", [&] { (void)mesh::make_lattice(mesh, 2); });
    const fem::Space space(mesh, degree);
    time(world, "node_coordinates", [&] { (void)fem::node_coordinates(mesh, space); });
    const std::vector<std::array<double, 3>> points(1000, {0.31, 0.52, 0.73});
    time(world, "find_points, 1000 points", [&] { (void)fem::find_points(mesh, points); });
    const std::vector<double> values(static_cast<std::size_t>(space.n_local()), 0.0);
    time(world, "error_norms, no gradient", [&] {
      (void)fem::error_norms(mesh, space, values,
                             [](std::span<const double> x, std::span<double> out) {
                               for (std::size_t i = 0; i < out.size(); ++i) out[i] = x[3 * i];
                             });
    });
    if (n <= 100) time(world, "refine, one level", [&] { (void)mesh::refine(mesh, 1); });
    if (world.is_root()) std::printf("%lld dofs\n", n_dofs);
  }
  MPI_Finalize();
}
