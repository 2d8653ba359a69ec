#pragma once

// What a run starts from; private to room run.

#include <vector>

#include "evolution.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::run {

/// Nodal values of formulas of x, y, z (and t, the start) into u [n_owned * n_unknowns]; of
/// unknowns without a formula they stay. Throws Error(not_finite) on every rank. Collective.
void interpolate(const EvolutionParts& parts, const std::vector<deck::InitialValue>& values,
                 const la::Vector& u);

/// Values (or rates) from a file into u [n_owned * n_unknowns]; those of other unknowns stay.
/// Local.
void take(const EvolutionParts& parts, const std::vector<StartValues>& values, bool rates,
          const la::Vector& u);

}  // namespace ritz::run
