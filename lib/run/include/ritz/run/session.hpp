#pragma once

#include <functional>
#include <memory>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

/// MPI and Kokkos for the life of the object, and the one way out of the program.
class Session {
 public:
  /// Starts MPI, then Kokkos. Throws Error(environment) if the launcher belongs to another MPI, so
  /// that each process believes to be alone ("4 copies of 1 rank").
  Session(int& argc, char**& argv);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const comm::Communicator& communicator() const;

  /// Runs `work` (collective) and turns what it throws into the exit code that every rank returns,
  /// printed once. If only some ranks fail while others go on, the first of them speaks and
  /// the whole job is aborted with its code: nobody waits for a rank that has left.
  int run(const std::function<int()>& work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Text that explains a launch by a foreign MPI, or empty if there is nothing to explain.
/// `size`: what MPI says; the launchers' environment variables say what was asked for. Local.
[[nodiscard]] std::string launch_problem(int size);

}  // namespace ritz::run
