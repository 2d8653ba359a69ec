#pragma once

#include <cstddef>

#include "ritz/base/ids.hpp"
#include "ritz/device/kokkos.hpp"

namespace ritz::la {

/// Entries of the owned part of a distributed vector: [n_owned]. Ghosts are not stored.
using Vector = device::View<double*>;

/// Sparsity of the owned rows. Columns are local dof numbers (owned first, then ghosts), sorted in
/// each row; every row holds its diagonal. Rows of prescribed dofs hold only the diagonal, and
/// prescribed dofs appear in no other row.
struct CsrPattern {
  device::View<std::size_t*> row_offsets;  ///< [n_owned + 1]
  device::View<LocalId*> columns;          ///< [row_offsets(n_owned)]

  [[nodiscard]] LocalId n_rows() const {
    return row_offsets.extent(0) == 0 ? 0 : static_cast<LocalId>(row_offsets.extent(0) - 1);
  }
};

/// Values on a fixed pattern; assembling again overwrites `values` in place.
struct CsrMatrix {
  CsrPattern pattern;
  device::View<double*> values;
};

}  // namespace ritz::la
