#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ritz/la/csr.hpp"

namespace ritz::solve {

/// What an object has to remember to go on, in another run, as if nothing had happened. Names and
/// everything but the vectors are the same on every rank.
struct SavedState {
  std::vector<std::pair<std::string, std::string>> texts;
  std::vector<std::pair<std::string, double>> numbers;      ///< exact to the bit
  std::vector<std::pair<std::string, la::Vector>> vectors;  ///< [n_owned]; may share memory

  void add(const std::string& name, const std::string& text) { texts.emplace_back(name, text); }
  void add(const std::string& name, double number) { numbers.emplace_back(name, number); }
  void add(const std::string& name, const la::Vector& vector) {
    vectors.emplace_back(name, vector);
  }

  /// A number of this name says that the solver's options are others now: matrices and
  /// preconditioners are made anew.
  static constexpr const char* solver_changed = "solver.changed";

  /// Throw Error(io) if there is none of this name. Local.
  [[nodiscard]] const std::string& text(const std::string& name) const;
  [[nodiscard]] double number(const std::string& name) const;
  [[nodiscard]] const la::Vector& vector(const std::string& name) const;
  [[nodiscard]] bool has_number(const std::string& name) const;
};

}  // namespace ritz::solve
