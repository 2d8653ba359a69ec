// Time of partition::compute() on the cube of n^3 bricks of six Kuhn tets.
//
//   mpirun -n 2 benchmark_partition [n] [method]
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "ritz/device/session.hpp"
#include "ritz/mesh/box.hpp"
#include "ritz/partition/partition.hpp"

int main(int argc, char** argv) {
  using namespace ritz;
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    const device::Session session;
    const comm::Communicator world = comm::Communicator::world();
    mesh::Box box;
    box.cell_type = mesh::CellType::tet;
    const GlobalId n = argc > 1 ? std::atoi(argv[1]) : 100;
    box.cells = {n, n, n};
    const mesh::Mesh mesh = mesh::make_box(world, box);
    deck::PartitionOptions options;
    const std::string wanted = argc > 2 ? argv[2] : "multijagged";
    for (auto method : {deck::PartitionMethod::multijagged, deck::PartitionMethod::rcb,
                        deck::PartitionMethod::block, deck::PartitionMethod::graph,
                        deck::PartitionMethod::hypergraph})
      if (partition::name(method) == wanted) options.method = method;
    for (int repeat = 0; repeat < 5; ++repeat) {
      partition::Quality quality;
      world.barrier();
      const double start = MPI_Wtime();
      const std::vector<int> part = partition::compute(mesh, options, &quality);
      const double middle = MPI_Wtime();
      static_cast<void>(partition::measure(mesh, part));
      const double end = MPI_Wtime();
      if (world.is_root())
        std::printf("%s\n  %.3f s, of which counting %.3f s\n", quality.text().c_str(),
                    middle - start, end - middle);
    }
  }
  MPI_Finalize();
  return 0;
}
