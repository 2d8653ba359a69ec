// Time to generate, move and complete a box of Kuhn tets; the partition is x < 0.5, so that half of
// the cells change their rank. mpiexec -n 2 benchmark_mesh [bricks a side, default 100]
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <functional>

#include "ritz/mesh/box.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  {
    using namespace ritz;
    const auto world = comm::Communicator::world();
    mesh::Box box;
    box.cell_type = mesh::CellType::tet;
    const GlobalId n = argc > 1 ? std::atoll(argv[1]) : 100;
    box.cells = {n, n, n};
    const auto timed = [&](const char* what, const std::function<void()>& work) {
      world.barrier();
      const double start = MPI_Wtime();
      work();
      const double seconds = world.max(MPI_Wtime() - start);
      if (world.is_root()) std::printf("%-24s %7.3f s\n", what, seconds);
    };
    for (int round = 0; round < 3; ++round) {
      mesh::Mesh mesh(world), spread(world);
      std::vector<int> part;
      timed("make_box", [&] { mesh = make_box(world, box); });
      timed("centroids, partition", [&] {
        const std::vector<double> x = centroids(mesh);
        part.resize(static_cast<std::size_t>(mesh.n_cells_owned));
        for (std::size_t c = 0; c < part.size(); ++c) {
          part[c] = static_cast<int>(x[3 * c] * world.size());
        }
      });
      timed("distribute", [&] { spread = distribute(mesh, part, true); });
      timed("check_geometry", [&] { check_geometry(spread); });
      timed("distribute, find facets", [&] { spread = distribute(mesh, part, false); });
    }
  }
  MPI_Finalize();
}
