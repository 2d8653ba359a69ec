#pragma once

// [output] and its blocks: which files of which part of the domain are written when. Private to
// room run.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "result_series.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/solve/saved_state.hpp"

namespace ritz::run {

/// Values of all fields at the local nodes, by name.
struct NamedFields {
  std::vector<std::string> names;
  std::vector<std::vector<double>> values;  ///< [names][space.n_local()], ghosts up to date
};

class ResultFiles {
 public:
  /// All must outlive it. Collective. Throws Error(deck) on every rank for a plane that does not
  /// meet the mesh, and for boundary sets of a mesh of lines.
  ResultFiles(const deck::Problem& problem, const mesh::Mesh& mesh, const fem::Space& space);

  /// Whether anything is written at all.
  [[nodiscard]] bool any() const { return !parts_.empty(); }
  /// The first time after `now` at which a file is asked for by the clock of the simulation;
  /// infinite: none. Multiples from time.start, never sums.
  [[nodiscard]] double next_time(double now) const;
  /// Whether some file is due at this time, which is that after so many steps, and not there yet.
  [[nodiscard]] bool is_due(double time, std::int64_t n_steps) const;

  /// Writes what is due; at the end (`is_last`) everything that is not there yet. Collective.
  /// Throws Error(io) on every rank.
  void write(double time, std::int64_t n_steps, bool is_last, const NamedFields& fields,
             const store::Provenance& provenance);

  /// The files so far, for a checkpoint.
  void save(solve::SavedState& state) const;
  /// Goes on after them: what lies later is removed. Collective. Throws Error(io) on every rank.
  void resume(const comm::Communicator& communicator, const solve::SavedState& state);

  [[nodiscard]] double file_bytes() const { return file_bytes_; }
  [[nodiscard]] double raw_bytes() const { return raw_bytes_; }
  /// What to open, one a block.
  [[nodiscard]] std::vector<std::string> paths() const;

 private:
  struct One {
    deck::Cadence cadence;
    const std::vector<deck::Name>* only;
    const deck::OutputOptions::Block* block;  ///< nothing: [output] itself
    std::string state_name;
    ResultSeries series;
    std::optional<store::MeshPart>
        part;  ///< the whole mesh is taken anew each time, as it is large
  };
  [[nodiscard]] bool is_due(const One& one, double time, std::int64_t n_steps) const;
  [[nodiscard]] store::MeshPart make_part(const One& one) const;
  [[nodiscard]] std::vector<store::ResultField> chosen(const One& one,
                                                       const NamedFields& fields) const;

  const deck::Problem& problem_;
  const mesh::Mesh& mesh_;
  const fem::Space& space_;
  std::vector<One> parts_;
  double file_bytes_ = 0, raw_bytes_ = 0;
};

}  // namespace ritz::run
