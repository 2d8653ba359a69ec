#include "ritz/run/session.hpp"

#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>

#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/comm/environment.hpp"
#include "ritz/device/session.hpp"
#include "ritz/store/io_probe.hpp"
#include "ritz/store/results.hpp"

namespace ritz::run {

namespace {

int environment_number(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  if (!text || !*text) return otherwise;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  return end && *end == '\0' ? static_cast<int>(value) : otherwise;
}

int local_rank() {
  for (const char* name : {"MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"}) {
    const int rank = environment_number(name, -1);
    if (rank >= 0) return rank;
  }
  return 0;
}

/// Threads of a rank when the user has not said (OMP_NUM_THREADS): its own cores if the launcher
/// has bound it to some, otherwise its share of the node's.
int threads_for(int ranks_here) {
  if (std::getenv("OMP_NUM_THREADS")) return 0;
  cpu_set_t mine;
  CPU_ZERO(&mine);
  const int online = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  const int allowed = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : online;
  return std::max(1, allowed < online ? allowed : online / ranks_here);
}

struct Launcher {
  const char* size;
  const char* rank;
  const char* name;
};
constexpr Launcher launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI's mpirun"},
    {"PMI_SIZE", "PMI_RANK", "an MPICH or PMI launcher"},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "srun"},
};

}  // namespace

std::string launch_problem(int size) {
  if (size != 1) return {};
  for (const Launcher& launcher : launchers) {
    const int asked = environment_number(launcher.size, 1);
    if (asked <= 1) continue;
    return fmt::format(
        "started as {0} copies of 1 rank instead of 1 job of {0} ranks: {1} set {2}={0}, but the "
        "MPI "
        "this program is linked to was not started by it. Use the launcher of the MPI that Ritz "
        "was "
        "built with ('ritz doctor' names it); under Slurm try 'srun --mpi=pmi2' or "
        "'srun --mpi=pmix'.",
        asked, launcher.name, launcher.size);
  }
  return {};
}

struct Session::State {
  State(int& argc, char**& argv) : mpi(argc, argv) {}
  comm::Environment mpi;
  std::unique_ptr<device::Session> kokkos;  // ends before MPI does
};

Session::Session(int& argc, char**& argv) : state_(std::make_unique<State>(argc, argv)) {
  base::log::open(communicator().rank());
  base::set_fault_rank(communicator().rank());
  store::begin_library();
  // Kokkos warns on every rank about unbound threads otherwise.
  setenv("OMP_PROC_BIND", "false", 0);
  const int ranks_here = state_->mpi.ranks_on_node();
  state_->kokkos = std::make_unique<device::Session>(local_rank(), threads_for(ranks_here));
}

Session::~Session() = default;

const comm::Communicator& Session::communicator() const {
  return state_->mpi.world();
}

namespace {

/// How long ranks wait for the launcher to end them.
constexpr std::chrono::seconds patience_with_launcher{30};

/// Whether every HDF5 id has been given back, for the tests. Collective.
void tell_open_ids(const comm::Communicator& communicator) {
  if (!base::has_faults()) return;
  const auto n = communicator.sum<std::int64_t>(store::n_open_ids());
  if (communicator.is_root()) base::log::info(fmt::format("open HDF5 ids: {}", n));
}

/// The end of a command; ends the process where MPI must not be finalised. Collective.
void leave(const comm::Environment& mpi, int code) {
  if (!mpi.world().any(store::hdf5_is_broken())) {
    tell_open_ids(mpi.world());
    return;
  }
  // Everything is told and closed but what HDF5 holds; MPI_Finalize would wake it.
  base::log::flush();
  std::fflush(nullptr);
  mpi.world().barrier();
  if (mpi.world().is_root()) comm::end_job(code);
  std::this_thread::sleep_for(patience_with_launcher);
  std::_Exit(code);
}

}  // namespace

int Session::run(const std::function<int()>& work) {
  using base::ExitCode;
  const int rank = communicator().rank();
  int code = 0;
  std::string text;
  try {
    const std::string problem = launch_problem(communicator().size());
    if (!problem.empty()) {
      // Every copy believes to be rank 0: let the launcher's first one speak.
      for (const Launcher& launcher : launchers) {
        if (environment_number(launcher.rank, 0) > 0)
          return static_cast<int>(ExitCode::environment);
      }
      throw base::Error(ExitCode::environment, problem);
    }
    const int done = work();
    leave(state_->mpi, done);
    return done;
  } catch (const base::Error& error) {
    code = static_cast<int>(error.code());
    text = error.what();
  } catch (const std::bad_alloc&) {
    code = static_cast<int>(ExitCode::memory);
    text = fmt::format("rank {}: out of memory; use more ranks on more nodes, or a smaller problem",
                       rank);
  } catch (const std::exception& error) {
    code = static_cast<int>(ExitCode::internal);
    text = fmt::format("rank {}: {} (a defect of Ritz; please report it)", rank, error.what());
  }

  // Most errors were agreed on and are thrown by every rank: then all meet here within moments, the
  // lowest one speaks and everybody leaves in order. A rank that failed alone meets nobody.
  if (!state_->mpi.meet(std::chrono::seconds(3))) {
    base::log::error(fmt::format("rank {} failed alone: {}", rank, text));
    comm::end_job(code);
  }
  if (rank == 0) base::log::error(text);
  communicator().broadcast(code);
  leave(state_->mpi, code);
  return code;
}

}  // namespace ritz::run
