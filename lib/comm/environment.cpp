#include "ritz/comm/environment.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace ritz::comm {

namespace {

MPI_Comm start(int& argc, char**& argv) {
  int provided = 0;
#ifdef OPEN_MPI
  // OpenMPI's own file layer (ompio in 4.1) hangs when a collective write fails on one rank, on a
  // full disk for instance; ROMIO, which comes with it, reports the error on all. A choice that the
  // user has made stays.
  setenv("OMPI_MCA_io", "^ompio", 0);
#endif
  check(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  return MPI_COMM_WORLD;
}

}  // namespace

Environment::Environment(int& argc, char**& argv) : world_(start(argc, argv)) {
  check(MPI_Comm_dup(MPI_COMM_WORLD, &meeting_), "MPI_Comm_dup");
}

Environment::~Environment() {
  // Nothing useful can be done about a failure here: the process is leaving.
  MPI_Comm_free(&meeting_);
  MPI_Finalize();
}

int Environment::ranks_on_node() const {
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node),
        "MPI_Comm_split_type");
  int size = 1;
  check(MPI_Comm_size(node, &size), "MPI_Comm_size");
  check(MPI_Comm_free(&node), "MPI_Comm_free");
  return size;
}

bool Environment::meet(std::chrono::milliseconds patience) const {
  MPI_Request request = MPI_REQUEST_NULL;
  if (MPI_Ibarrier(meeting_, &request) != MPI_SUCCESS) return false;
  const auto start_time = std::chrono::steady_clock::now();
  int all_here = 0;
  while (std::chrono::steady_clock::now() - start_time < patience) {
    if (MPI_Test(&request, &all_here, MPI_STATUS_IGNORE) != MPI_SUCCESS) return false;
    if (all_here) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

void end_job(int code) {
  // Hydra drops what is still in the pipes of a job that aborts: of 12 messages written right
  // before it, 4 were lost.
  std::fflush(nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

std::string library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  std::string line(text.data());
  line = line.substr(0, line.find('\n'));
  for (char& c : line) c = c == '\t' ? ' ' : c;
  return line;
}

}  // namespace ritz::comm
