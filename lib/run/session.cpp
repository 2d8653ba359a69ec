#include "ritz/run/session.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <chrono>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>

#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/device/session.hpp"

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
  explicit State(comm::Communicator world) : communicator(world) {}
  comm::Communicator communicator;
  MPI_Comm way_out = MPI_COMM_NULL;  ///< used for nothing but meeting in run()
  std::unique_ptr<device::Session> kokkos;
};

Session::Session(int& argc, char**& argv) {
  int provided = 0;
  comm::check(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  state_ = std::make_unique<State>(comm::Communicator::world());
  comm::check(MPI_Comm_dup(MPI_COMM_WORLD, &state_->way_out), "MPI_Comm_dup");
  base::log::open(state_->communicator.rank());
  // HDF5 locks files by default, which fails on many network file systems.
  setenv("HDF5_USE_FILE_LOCKING", "BEST_EFFORT", 0);
  // Ranks share a machine's cores; Kokkos warns on every rank about unbound threads otherwise.
  setenv("OMP_PROC_BIND", "false", 0);
  if (state_->communicator.size() > 1) setenv("OMP_NUM_THREADS", "1", 0);
  state_->kokkos = std::make_unique<device::Session>(local_rank());
}

Session::~Session() {
  state_->kokkos.reset();
  MPI_Comm_free(&state_->way_out);
  MPI_Finalize();
}

const comm::Communicator& Session::communicator() const {
  return state_->communicator;
}

int Session::run(const std::function<int()>& work) {
  using base::ExitCode;
  const int rank = state_->communicator.rank();
  int code = 0;
  std::string text;
  try {
    const std::string problem = launch_problem(state_->communicator.size());
    if (!problem.empty()) {
      // Every copy believes to be rank 0: let the launcher's first one speak.
      for (const Launcher& launcher : launchers) {
        if (environment_number(launcher.rank, 0) > 0)
          return static_cast<int>(ExitCode::environment);
      }
      throw base::Error(ExitCode::environment, problem);
    }
    return work();
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
  MPI_Request met = MPI_REQUEST_NULL;
  int all_here = 0;
  if (MPI_Ibarrier(state_->way_out, &met) == MPI_SUCCESS) {
    constexpr auto patience = std::chrono::seconds(3);
    const auto start = std::chrono::steady_clock::now();
    while (!all_here && std::chrono::steady_clock::now() - start < patience) {
      if (MPI_Test(&met, &all_here, MPI_STATUS_IGNORE) != MPI_SUCCESS) break;
      if (!all_here) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  if (!all_here) {
    base::log::error(fmt::format("rank {} failed alone: {}", rank, text));
    MPI_Abort(MPI_COMM_WORLD, code);
  }
  if (rank == 0) base::log::error(text);
  MPI_Bcast(&code, 1, MPI_INT, 0, state_->way_out);
  return code;
}

}  // namespace ritz::run
