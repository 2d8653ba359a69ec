// STREAM's triad a = b + s c on one thread a core: triad MIB REPEATS
// MIB: size of each array of each thread. Prints one JSON object, bytes a second at 24 bytes an
// entry.
#include <omp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

int main(int n_arguments, char** arguments) {
  if (n_arguments != 3 || std::atoi(arguments[1]) < 1 || std::atoi(arguments[2]) < 1) {
    std::fprintf(stderr, "usage: triad MIB REPEATS\n");
    return 2;
  }
  const auto per_thread = static_cast<std::size_t>(std::atoi(arguments[1])) * 1024 * 1024 / 8;
  const int repeats = std::atoi(arguments[2]);
  const std::size_t n = per_thread * static_cast<std::size_t>(omp_get_max_threads());
  // Not initialised here: each thread touches first what it will use.
  const std::unique_ptr<double[]> hold_a(new double[n]), hold_b(new double[n]),
      hold_c(new double[n]);
  double *const a = hold_a.get(), *const b = hold_b.get(), *const c = hold_c.get();
#pragma omp parallel for schedule(static)
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = 0;
    b[i] = 1;
    c[i] = 2;
  }
  std::vector<double> seconds;
  for (int r = 0; r < repeats; ++r) {
    const double s = 1 + r, start = omp_get_wtime();
#pragma omp parallel for simd schedule(static)
    for (std::size_t i = 0; i < n; ++i) a[i] = b[i] + s * c[i];
    seconds.push_back(omp_get_wtime() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  const double bytes = 24.0 * static_cast<double>(n);
  std::printf("{\"threads\": %d, \"best\": %.6g, \"median\": %.6g, \"check\": %g}\n",
              omp_get_max_threads(), bytes / seconds.front(), bytes / seconds[seconds.size() / 2],
              a[n / 2]);
  return 0;
}
