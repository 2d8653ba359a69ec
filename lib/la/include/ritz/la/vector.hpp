#pragma once

#include <optional>
#include <string>

#include "ritz/comm/communicator.hpp"
#include "ritz/la/csr.hpp"

namespace ritz::la {

// Sums are taken over fixed blocks of 1024 entries in a fixed order, so that the result has the
// same bits for every number of threads; it depends on the number of ranks only through round-off.
// All vectors of a call have the same length.

/// A labelled vector of `n` zeros. Local.
[[nodiscard]] Vector make_vector(const char* label, LocalId n);

/// x . y over all ranks. Collective.
[[nodiscard]] double dot(const comm::Communicator& communicator, const Vector& x, const Vector& y);

/// Euclidean norm over all ranks, safe against overflow only as far as squares of entries are.
/// Collective.
[[nodiscard]] double norm2(const comm::Communicator& communicator, const Vector& x);

/// Largest absolute entry over all ranks; NaN if there is one. Collective.
[[nodiscard]] double norm_max(const comm::Communicator& communicator, const Vector& x);

/// Sum of the entries over all ranks. Collective.
[[nodiscard]] double sum(const comm::Communicator& communicator, const Vector& x);

/// y = a x + b y. Local. With b = 0, y need not hold numbers.
void axpby(double a, const Vector& x, double b, const Vector& y);

/// Adds `shift` to every entry. Local.
void shift(const Vector& x, double shift);

/// Sets every entry. Local.
void fill(const Vector& x, double value);

/// y = x. Local.
void copy(const Vector& x, const Vector& y);

/// Index of the first entry of this rank that is NaN or infinite, -1 if there is none. Local.
[[nodiscard]] LocalId first_not_finite(const Vector& x);

}  // namespace ritz::la
