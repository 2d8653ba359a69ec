#include "ritz/run/doctor.hpp"

#include <unistd.h>
#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "provenance.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/base/version.hpp"
#include "ritz/comm/environment.hpp"
#include "ritz/device/session.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/box.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/solve/solve.hpp"
#include "ritz/store/results.hpp"

namespace ritz::run {

namespace {

/// One line of the report; `failed` counts towards the exit code.
class Visit {
 public:
  explicit Visit(const comm::Communicator& communicator) : communicator_(communicator) {}
  void good(const std::string& topic, const std::string& text) const { tell("ok", topic, text); }
  void note(const std::string& topic, const std::string& text) const { tell("note", topic, text); }
  void bad(const std::string& topic, const std::string& text) {
    ++n_failed_;
    tell("FAILED", topic, text);
  }
  [[nodiscard]] int n_failed() const { return n_failed_; }

 private:
  void tell(const char* verdict, const std::string& topic, const std::string& text) const {
    if (communicator_.is_root())
      base::log::info(fmt::format("{:<7} {:<10} {}", verdict, topic, text));
  }
  const comm::Communicator& communicator_;
  int n_failed_ = 0;
};

/// Median time of an allreduce of one number, in microseconds, and whether ranks share cores.
void visit_mpi(const comm::Communicator& communicator, Visit& visit) {
  visit.good("mpi", fmt::format("{}, {} rank{}", comm::library_version(), communicator.size(),
                                communicator.size() == 1 ? "" : "s"));
  if (communicator.size() == 1) {
    visit.note("mpi", "started with one rank; 'mpirun -n 2 ritz doctor' tests more");
    return;
  }
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    communicator.barrier();
    const auto start = std::chrono::steady_clock::now();
    static_cast<void>(communicator.sum(1.0));
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::nth_element(times.begin(), times.begin() + 10, times.end());
  const double median = communicator.max(times[10]);
  std::array<char, 64> mine{};
  host_name().copy(mine.data(), mine.size() - 1);
  std::map<std::string, int> ranks_on;
  for (const auto& name : communicator.all_gather(mine)) ++ranks_on[name.data()];
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int ranks_here = ranks_on[host_name()];
  visit.good("allreduce", fmt::format("{:.1f} microseconds (median of {})", median, times.size()));
  if (ranks_here > cores) {
    visit.note(
        "cores",
        fmt::format(
            "{} ranks share {} cores; this MPI may wait by spinning. If runs are slow, preload "
            "lib/libritz_yield.so of the build folder (LD_PRELOAD), or use fewer ranks",
            ranks_here, cores));
  }
}

void visit_files(const comm::Communicator& communicator, Visit& visit) {
  // All ranks write a compressed file, more ranks than cells included: finds broken MPI-IO drivers.
  std::string folder;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::string pattern = (std::filesystem::temp_directory_path() / "ritz-doctor-XXXXXX").string();
    if (!mkdtemp(pattern.data())) {
      throw base::Error(base::ExitCode::io, "cannot create a folder in " +
                                                std::filesystem::temp_directory_path().string() +
                                                "; set TMPDIR to one that can be written");
    }
    folder = pattern;
  });
  communicator.broadcast(folder);
  mesh::Box box;
  box.cell_type = mesh::CellType::line;
  box.cells = {1, 1, 1};
  const mesh::Mesh raw = mesh::make_box(communicator, box);
  const mesh::Mesh mesh =
      mesh::distribute(raw, std::vector<int>(static_cast<std::size_t>(raw.n_cells_owned), 0), true);
  const fem::Space space(mesh, 1);
  const std::vector<double> values(static_cast<std::size_t>(space.n_local()), 1.0);
  const store::ResultField field{"one", values};
  try {
    static_cast<void>(store::write_results(folder + "/test.vtkhdf", mesh, space,
                                           std::span(&field, 1), {{"test", "doctor"}}, 4));
    communicator.together([&] {
      if (communicator.is_root() &&
          store::read_provenance(folder + "/test.vtkhdf", "test") != "doctor") {
        throw base::Error(base::ExitCode::io,
                          "a file reads back differently from what was written");
      }
    });
    visit.good("files", store::library_version() + ", compressed collective write and read");
  } catch (const base::Error& error) {
    visit.bad("files", std::string(error.what()) +
                           "; HDF5 or the MPI-IO driver of this MPI does not work here");
  }
  if (communicator.is_root()) {
    std::error_code ignored;  // a left-over temporary folder is no finding
    std::filesystem::remove_all(folder, ignored);
  }
}

}  // namespace

int doctor(const comm::Communicator& communicator) {
  Visit visit(communicator);
  const base::Build& build = base::build();
  visit.good("build", fmt::format("ritz {} ({}{}), {}, {}", build.version, build.commit,
                                  build.modified ? ", modified" : "", build.compiler, build.flags));
  if (base::has_faults())
    visit.note("faults", "this is the program of the tests: RITZ_FAULT makes it fail on purpose");
  visit_mpi(communicator, visit);
  visit.good("device", device::description());
  const double free = perf::available_memory();
  if (free > 0) visit.good("memory", base::bytes_text(free) + " free on this machine");
  visit_files(communicator, visit);
  const std::string direct = solve::self_test_direct(communicator);
  if (direct.empty())
    visit.good("direct", "KLU2 solves a small system on these ranks");
  else
    visit.note("direct", direct + " (runs use another coarse solver and say so)");
  return visit.n_failed() == 0 ? 0 : static_cast<int>(base::ExitCode::environment);
}

}  // namespace ritz::run
