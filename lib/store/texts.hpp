#pragma once

// Texts in HDF5 files; private to room store.

#include <string>

#include "hdf5.hpp"

namespace ritz::store {

/// HDF5 has no texts of length zero: one zero byte stands for them.
[[nodiscard]] std::string padded(const std::string& text);

/// A type for exactly this text, ASCII or UTF-8. Local. Throws Error(io).
[[nodiscard]] Handle text_type(const std::string& text, const std::string& path);

}  // namespace ritz::store
