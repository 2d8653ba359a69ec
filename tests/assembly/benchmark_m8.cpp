// Times the path from a box to an assembled system: mesh, distribution, space, pattern, assembly.
//
//   mpiexec -n 2 benchmark_m8 [cells a direction = 100] [cell type = tet] [degree = 1]
//                             [automatic|dense|sum_factorised|closed_form] [varying: 0|1] [order:
//                             1|2]
//
// The default is case M8: the unit cube of 100^3 cells, each six Kuhn tets, P1, f = 1, zero on all
// sides. Each rank keeps its block of the box (slabs). Times are the slowest rank's; assembly is
// the median of seven. "cpu" is processor time, which says more than the clock on a shared machine.
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "mesh_tools.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/device/session.hpp"
#include "ritz/expr/expression.hpp"

using namespace ritz;

namespace {

class Clock {
 public:
  explicit Clock(comm::Communicator communicator) : communicator_(communicator) { restart(); }
  void restart() {
    communicator_.barrier();
    start_ = MPI_Wtime();
    cpu_start_ = std::clock();
  }
  struct Lap {
    double wall, cpu;
    bool operator<(const Lap& other) const { return wall < other.wall; }
  };
  /// Seconds on the slowest rank since the last call.
  Lap lap() {
    const double cpu = static_cast<double>(std::clock() - cpu_start_) / CLOCKS_PER_SEC;
    const double mine = MPI_Wtime() - start_;
    const Lap slowest{communicator_.max(mine), communicator_.max(cpu)};
    restart();
    return slowest;
  }

 private:
  comm::Communicator communicator_;
  double start_ = 0;
  std::clock_t cpu_start_ = 0;
};

void run(int argc, char** argv) {
  const auto argument = [&](int i, const char* otherwise) {
    return std::string(argc > i ? argv[i] : otherwise);
  };
  const auto world = comm::Communicator::world();
  mesh::Box box;
  box.cell_type = mesh::cell_type(argument(2, "tet"));
  const int dim = mesh::table(box.cell_type).dimension;
  const GlobalId n = std::atoll(argument(1, "100").c_str());
  for (std::size_t d = 0; d < 3; ++d) box.cells[d] = static_cast<int>(d) < dim ? n : 1;
  const int degree = std::atoi(argument(3, "1").c_str());
  assembly::Assembler::Options options;
  using Kernel = assembly::Assembler::Options::Kernel;
  const std::string kernel = argument(4, "automatic");
  options.kernel = kernel == "dense"            ? Kernel::dense
                   : kernel == "sum_factorised" ? Kernel::sum_factorised
                   : kernel == "closed_form"    ? Kernel::closed_form
                                                : Kernel::automatic;
  const bool varying = argument(5, "0") == "1", curved = argument(6, "1") == "2";
  if (const char* shift = std::getenv("RITZ_TILE_SHIFT")) options.tile_shift = std::atoi(shift);

  Clock clock(world);
  mesh::Mesh generated = mesh::make_box(world, box);
  if (curved) test::bend(generated, test::gently_bent);
  const Clock::Lap box_time = clock.lap();
  const mesh::Mesh mesh = test::spread(generated, test::Spread::blocks);
  generated = mesh::Mesh(world);
  const Clock::Lap distribute_time = clock.lap();
  const fem::Space space(mesh, degree);
  const Clock::Lap space_time = clock.lap();

  physics::Form form;
  form.dimension = dim;
  form.regions.resize(1);
  form.regions[0].diffusion.resize(1);
  form.regions[0].diffusion[0].value = 1.0;
  form.regions[0].has_source = true;
  form.regions[0].source.value = 1.0;
  if (varying) {
    expr::Symbols symbols;
    symbols.variables = {"x", "y", "z", "t"};
    form.regions[0].diffusion[0].is_constant = false;
    form.regions[0].diffusion[0].program =
        expr::Expression::parse("1 + x*y + z^2", symbols).compile();
  }
  physics::BoundaryForm value;
  value.kind = physics::BoundaryForm::Kind::value;
  for (std::size_t s = 0; s < mesh.set_names.size(); ++s)
    value.sets.push_back(static_cast<std::int16_t>(s));
  form.boundaries = {value};
  clock.restart();
  const assembly::FixedValues fixed = assembly::fixed_values(mesh, space, form);
  const Clock::Lap fixed_time = clock.lap();
  const assembly::Assembler assembler(mesh, space, fixed.constraints, options);
  const Clock::Lap pattern_time = clock.lap();

  const std::size_t n_entries = assembler.pattern().columns.extent(0);
  la::Vector values(Kokkos::view_alloc("values", Kokkos::WithoutInitializing), n_entries);
  la::Vector rhs(Kokkos::view_alloc("rhs", Kokkos::WithoutInitializing),
                 static_cast<std::size_t>(space.n_owned));
  std::vector<Clock::Lap> times;
  Clock::Lap first{};
  for (int pass = 0; pass < 8; ++pass) {
    clock.restart();
    (void)assembler.assemble(form, fixed.constraints, 0.0, values, rhs);
    const Clock::Lap time = clock.lap();
    if (pass == 0) {
      first = time;
    } else {
      times.push_back(time);
    }
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2].wall;
  double cpu = times[0].cpu;
  for (const Clock::Lap& time : times) cpu = std::min(cpu, time.cpu);
  const auto all_entries = world.sum(static_cast<GlobalId>(n_entries));
  const auto bytes = world.sum(static_cast<GlobalId>(assembler.bytes()));
  if (!world.is_root()) return;
  const auto n_cells = static_cast<double>(mesh.n_cells_global);
  std::printf("%s degree %d, %.0f cells, %lld dofs, %lld entries, %d ranks x %d threads\n",
              argument(2, "tet").c_str(), degree, n_cells, space.n_global, all_entries,
              world.size(), device::n_threads());
  const auto print = [](const char* what, const Clock::Lap& lap) {
    std::printf("%-22s %8.3f s  cpu %8.3f s\n", what, lap.wall, lap.cpu);
  };
  print("box", box_time);
  print("distribute", distribute_time);
  print("space", space_time);
  print("prescribed values", fixed_time);
  print("pattern and map", pattern_time);
  print("assembly, new memory", first);
  std::printf("pattern and map hold %.1f bytes a cell\n", static_cast<double>(bytes) / n_cells);
  const double cores = static_cast<double>(world.size()) * device::n_threads();
  std::printf(
      "assembly: median %.4f s, best %.4f s, least cpu %.4f s: %.2f (cpu %.2f) M cells/s a core, "
      "%.1f M entries/s a core\n",
      median, times[0].wall, cpu, n_cells / median / cores * 1e-6, n_cells / cpu / cores * 1e-6,
      static_cast<double>(all_entries) / median / cores * 1e-6);
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
