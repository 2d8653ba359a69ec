#pragma once

// Systems of equations, nonlinear and in time; private to room run.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoints.hpp"
#include "output_fields.hpp"
#include "progress.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/hierarchy.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/physics/form.hpp"
#include "ritz/physics/system_form.hpp"
#include "ritz/run/system_form.hpp"
#include "start_file.hpp"

namespace ritz::run {

/// What a solution of a SystemForm needs; all must outlive the call.
struct EvolutionParts {
  const comm::Communicator& communicator;
  const deck::Problem& problem;
  const mesh::Hierarchy& meshes;
  const mesh::Mesh& mesh;  ///< the finest
  const fem::Space& space;
  const physics::SystemForm& form;
  /// The same without its terms in time as a scalar linear form, where it is one.
  std::optional<physics::Form> linear_form;
  /// Of imex methods: what is implicit and what explicit.
  std::optional<SplitSystem> split;
  bool stabilised = false;  ///< the form has terms of SUPG
  perf::Recorder& recorder;
  Progress& progress;
  std::function<void(const std::string&)> remark;
  const std::vector<std::string>& remarks;  ///< so far, for the provenance of the files
  const OutputFields& output;               ///< stresses and the like
  const Resumption* from = nullptr;         ///< checkpoint to go on from
  const StartFile* start_file = nullptr;    ///< of another run, that values at the start are from
  std::string initial_from;                 ///< the same for the provenance, also of a resumed run

  /// A file of the output directory.
  [[nodiscard]] std::string path(const std::string& name) const {
    return problem.output.directory + "/" + name;
  }
};

struct EvolutionOutcome {
  int code = 0;         ///< exit code; 75: stopped at a checkpoint
  std::string status;   ///< "converged", ...
  int iterations = 0;   ///< linear, of all
  double residual = 0;  ///< ||F|| at the end relative to the first one (steady)
  std::optional<fem::Norms> norms;
  bool verified = true;
  std::vector<std::string> results;  ///< paths of what to open
};

/// Steady problems by Newton's method, others by the deck's time integrator, from the initial
/// values (or a checkpoint) to the files. A run that fails on its way writes what it has reached;
/// one that is stopped leaves a checkpoint. Collective.
[[nodiscard]] EvolutionOutcome evolve(const EvolutionParts& parts);

}  // namespace ritz::run
