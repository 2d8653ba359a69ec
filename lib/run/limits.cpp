#include "limits.hpp"

#include <algorithm>
#include <filesystem>

#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/perf/recorder.hpp"

namespace ritz::run {

namespace {

/// The smallest power-of-two multiple of `n_ranks` that keeps below the limit.
std::string ranks_that_fit(const deck::Problem& problem, const MeshNames& names,
                           const EquationTraits& equations, double limit, int n_ranks) {
  for (int ranks = n_ranks * 2; ranks < (1 << 24); ranks *= 2) {
    if (forecast(problem, names, equations, ranks).rank_bytes() <= limit)
      return std::to_string(ranks);
  }
  return "more";
}

}  // namespace

void check_memory_limit(const deck::Problem& problem, const MeshNames& names,
                        const EquationTraits& equations, const Forecast& needs, int n_ranks) {
  const std::optional<double>& limit = problem.limits.memory_bytes;
  if (!limit || needs.rank_bytes() <= *limit) return;
  throw base::Error(
      base::ExitCode::memory,
      fmt::format("needs about {} a rank, limits.memory allows {}; nothing was started.\n{}\n"
                  "Use about {} ranks, or --set limits.memory=\"{}\"",
                  base::bytes_text(needs.rank_bytes()), base::bytes_text(*limit),
                  text(needs, n_ranks), ranks_that_fit(problem, names, equations, *limit, n_ranks),
                  base::bytes_text(1.1 * needs.rank_bytes())));
}

std::string memory_warning(const Forecast& needs, int n_ranks) {
  const double machine = perf::available_memory();
  const double wanted = needs.rank_bytes() * n_ranks;
  if (machine <= 0 || wanted <= machine) return {};
  return fmt::format(
      "the run needs about {} on {} ranks, this machine has {} free; if all ranks run here it may "
      "be killed",
      base::bytes_text(wanted), n_ranks, base::bytes_text(machine));
}

std::string DiskNeeds::problem() const {
  if (!may_not_fit()) return {};
  const std::string numbers =
      fmt::format("results.vtkhdf has {} before compression, the file system of '{}' has {} free",
                  base::bytes_text(results_bytes), directory, base::bytes_text(free_bytes));
  const char* ways =
      "make room, choose another place (--set output.directory=DIR) or leave the file out (--set "
      "output.fields=false)";
  if (cannot_fit()) return fmt::format("{}: it cannot fit; {}", numbers, ways);
  return fmt::format("{}: it may not fit; {}", numbers, ways);
}

DiskNeeds disk_needs(const comm::Communicator& communicator, const deck::Problem& problem,
                     const Forecast& needs) {
  namespace fs = std::filesystem;
  DiskNeeds disk;
  disk.directory = problem.output.directory;
  disk.results_bytes = needs.file_bytes;
  // Deflate makes at best 1 of 1032 (zlib's technical notes): more than that cannot be promised.
  disk.certain_bytes = problem.output.compression == 0 ? needs.file_bytes : needs.file_bytes / 1032;
  if (communicator.is_root()) {
    // The directory may not exist yet: its nearest ancestor that does is on the same file system.
    std::error_code failed;
    fs::path place = fs::absolute(disk.directory, failed);
    while (!failed && !fs::exists(place, failed) && place.has_relative_path())
      place = place.parent_path();
    const fs::space_info space = fs::space(place, failed);
    if (!failed) disk.free_bytes = static_cast<double>(space.available);
  }
  communicator.broadcast(disk.free_bytes);
  return disk;
}

}  // namespace ritz::run
