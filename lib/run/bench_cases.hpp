#pragma once

// The cases of `ritz bench`: sizes, domains and decks; private to room run.

#include <string>
#include <vector>

#include "bench_model.hpp"
#include "ritz/base/ids.hpp"

namespace ritz::run {

/// The domain of a case, n^3 hexahedra.
enum class Shape {
  box,       ///< the unit cube
  deformed,  ///< its vertices moved by distortion = "smooth", amount 0.1: trilinear cells
  curved,    ///< the same map for all nodes of cells of order 2
  shell      ///< a sixth of the shell 1 < r < 2, above a side of a cube; cells of order 2
};

/// Fixed facts of a case.
struct Case {
  const char* name;
  const char* what;
  std::vector<int> degrees;
  GlobalId small, medium, large;  ///< unknowns
  Shape shape = Shape::box;

  /// What its operator reads of a cell where the coefficient is a number.
  [[nodiscard]] CellData data() const;
};

[[nodiscard]] const std::vector<Case>& bench_cases();

/// Cells a side with n k + 1 nodes nearest to the cube root of `n_dofs`, of the numbers 2^a, 3 2^a
/// and 5 2^a, which have coarser meshes.
[[nodiscard]] GlobalId cells_for(GlobalId n_dofs, int degree);

struct DeckOptions {
  Shape shape = Shape::box;
  std::string equation = "source = 1";
  std::string solver = {};
  std::string exact = {};
};

/// A Poisson problem with zero on the boundary.
[[nodiscard]] std::string deck_text(GlobalId n, int degree, const DeckOptions& options);

}  // namespace ritz::run
