#pragma once

// The keys of the deck, table by table, for registry.cpp, which joins them in this order; private
// to room deck.

#include <string>
#include <vector>

#include "ritz/deck/registry.hpp"

namespace ritz::deck {

inline constexpr Range positive{.lower = 0.0, .lower_open = true};
inline constexpr Range not_negative{.lower = 0.0};
inline constexpr Range at_least_one{.lower = 1.0};

/// equation.kind of elastic bodies.
inline const std::vector<std::string> elastic_kinds{"elasticity", "thermo-elasticity"};

std::vector<Key> general_keys();     ///< include, deck_version, title, parameters
std::vector<Key> mesh_keys();        ///< mesh, partition, space
std::vector<Key> equation_keys();    ///< equation, material
std::vector<Key> boundary_keys();    ///< boundary
std::vector<Key> periodic_keys();    ///< periodic
std::vector<Key> time_keys();        ///< time, initial, nonlinear
std::vector<Key> solver_keys();      ///< solver
std::vector<Key> limit_keys();       ///< limits
std::vector<Key> checkpoint_keys();  ///< checkpoint
std::vector<Key> output_keys();      ///< output
std::vector<Key> result_keys();      ///< probe, integral, verify

}  // namespace ritz::deck
