// Set-up and solve of the Poisson matrix of P1 elements on n^3 bricks of six Kuhn tets with one
// right-hand side, as `ritz` does it: medians over repetitions.
//
//   mpirun -n 2 benchmark_amg [--n 100] [--repeat 5] [--method cg] [--preconditioner amg]
//                             [--tolerance 1e-8] [--uniform] ["amg:smoother: type=CHEBYSHEV" ...]
//
// Without --uniform the lattice is sheared, so that all 15 entries of a row count.
#include <mpi.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "../la/stencil.hpp"
#include "ritz/device/session.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/solve/solve.hpp"

namespace {

using namespace ritz;

/// Seconds of processor time of this process: what counts on a machine that others use as well.
double cpu() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

/// Entries of the P1 stiffness matrix on Kuhn tets for the metric G (constant): the coupling along
/// an edge class is a fixed combination of G's entries. In each of the six tets with the path of
/// directions (a, b, c), gradients of the four barycentric functions are -e_a, e_a - e_b, e_b -
/// e_c, e_c, and each tet has volume 1/6.
test::Entry kuhn_laplacian(const double metric[3][3]) {
  // value[dx+1][dy+1][dz+1]
  std::vector<double> table(27, 0.0);
  const int paths[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& path : paths) {
    int corner[4][3] = {};
    double gradient[4][3] = {};
    for (int i = 0; i < 3; ++i) {
      for (int d = 0; d < 3; ++d) corner[i + 1][d] = corner[i][d];
      corner[i + 1][path[i]] += 1;
      gradient[i][path[i]] -= 1;
      gradient[i + 1][path[i]] += 1;
    }
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) {
        double k = 0;
        for (int a = 0; a < 3; ++a)
          for (int b = 0; b < 3; ++b) k += gradient[i][a] * metric[a][b] * gradient[j][b] / 6;
        const int dx = corner[j][0] - corner[i][0], dy = corner[j][1] - corner[i][1],
                  dz = corner[j][2] - corner[i][2];
        table[static_cast<std::size_t>((dx + 1) * 9 + (dy + 1) * 3 + dz + 1)] += k;
      }
  }
  return [table](const std::array<int, 3>&, const test::Offset& o) {
    return table[static_cast<std::size_t>((o[0] + 1) * 9 + (o[1] + 1) * 3 + o[2] + 1)];
  };
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  int code = 0;
  {
    const device::Session session;
    const comm::Communicator world = comm::Communicator::world();
    int n = 100, repeat = 5;
    bool uniform = false;
    deck::SolverOptions options;
    options.method = "cg";
    options.preconditioner = "amg";
    options.tolerance = 1e-8;
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      const char* next = i + 1 < argc ? argv[i + 1] : "";
      if (word == "--n")
        n = std::atoi(next), ++i;
      else if (word == "--repeat")
        repeat = std::atoi(next), ++i;
      else if (word == "--method")
        options.method = next, ++i;
      else if (word == "--preconditioner")
        options.preconditioner = next, ++i;
      else if (word == "--tolerance")
        options.tolerance = std::atof(next), ++i;
      else if (word == "--uniform")
        uniform = true;
      else {
        // list:path/name=value
        deck::SolverOptions::Passed one;
        const std::size_t colon = word.find(':'), equal = word.rfind('=');
        one.list = word.substr(0, colon);
        std::string path = word.substr(colon + 1, equal - colon - 1);
        for (std::size_t slash; (slash = path.find('/')) != std::string::npos;) {
          one.path.push_back(path.substr(0, slash));
          path = path.substr(slash + 1);
        }
        one.path.push_back(path);
        one.value = word.substr(equal + 1);
        using Type = deck::SolverOptions::Passed::Type;
        char* end = nullptr;
        static_cast<void>(std::strtol(one.value.c_str(), &end, 10));
        if (one.value == "true" || one.value == "false")
          one.type = Type::boolean;
        else if (*end == 0)
          one.type = Type::integer;
        else {
          static_cast<void>(std::strtod(one.value.c_str(), &end));
          one.type = *end == 0 ? Type::real : Type::string;
        }
        options.trilinos.push_back(one);
      }
    }
    const double sheared[3][3] = {{1.0, 0.15, 0.1}, {0.15, 1.1, 0.12}, {0.1, 0.12, 0.9}};
    const double unit[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    const test::Lattice lattice{{n + 1, n + 1, n + 1}};
    const auto matrix = test::make_matrix(world, lattice, test::offsets(true),
                                          kuhn_laplacian(uniform ? unit : sheared),
                                          [&](const auto& at) { return lattice.on_boundary(at); });
    const la::Vector rhs = la::make_vector("rhs", matrix.layout().n_owned);
    const double h = 1.0 / n;
    for (LocalId i = 0; i < matrix.layout().n_owned; ++i) {
      const auto at = lattice.point(matrix.layout().first + i);
      if (!lattice.on_boundary(at)) rhs(static_cast<std::size_t>(i)) = h * h * h;
    }
    const la::Vector x = la::make_vector("x", matrix.layout().n_owned);
    la::System system;
    system.op = &matrix;
    system.rhs = rhs;
    solve::Context context;
    context.cell_type = "tet";
    std::vector<double> setup, iterate, total, processor;
    solve::Report report;
    try {
      for (int r = 0; r < repeat; ++r) {
        la::fill(x, 0.0);
        world.barrier();
        const double start = MPI_Wtime(), cpu_start = cpu();
        report = solve::solve(system, x, options, context);
        world.barrier();
        total.push_back(MPI_Wtime() - start);
        processor.push_back(cpu() - cpu_start);
        setup.push_back(report.last().setup_seconds);
        iterate.push_back(report.last().solve_seconds);
      }
      if (world.is_root()) {
        std::printf(
            "%lld unknowns, %lld entries, %d ranks: %s, %d iterations, true residual %.2e, levels "
            "%d, "
            "complexity %.3f\nmedian of %d: set-up %.3f s, solve %.3f s, total %.3f s (least "
            "%.3f s), processor time %.3f s\n",
            matrix.layout().n_global, matrix.n_entries(), world.size(),
            solve::name(report.status).c_str(), report.last().iterations, report.true_residual,
            report.last().amg_levels, report.last().amg_complexity, repeat, median(setup),
            median(iterate), median(total), *std::min_element(total.begin(), total.end()),
            median(processor));
      }
      code = report.converged() ? 0 : 1;
    } catch (const std::exception& error) {
      if (world.is_root()) std::fprintf(stderr, "%s\n", error.what());
      code = 2;
    }
  }
  MPI_Finalize();
  return code;
}
