#pragma once

// What `ritz run` and `ritz check` do alike; private to room run.

#include "ritz/deck/problem.hpp"
#include "ritz/physics/form.hpp"
#include "ritz/run/forecast.hpp"
#include "ritz/run/load.hpp"
#include "ritz/run/mesh_setup.hpp"

namespace ritz::run {

/// A deck that has passed every check that does not need the mesh's cells.
struct Prepared {
  DeckText text;
  deck::Problem problem;
  MeshNames names;
  EquationTraits equations;
};

/// Collective. Throws Error(deck) with everything that is wrong in one go, or Error(mesh).
/// `given`: the deck's text where `deck` is only its name.
/// `diagnostics` gets everything that was found, also when this throws: errors of the deck,
/// warnings and notes.
[[nodiscard]] Prepared prepare(const comm::Communicator& communicator, const std::string& deck,
                               const std::vector<std::string>& overrides,
                               base::Diagnostics& diagnostics,
                               const std::optional<std::string>& given = std::nullopt);

}  // namespace ritz::run
