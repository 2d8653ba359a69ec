#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "ritz/comm/communicator.hpp"
#include "ritz/la/matrix.hpp"

namespace ritz::test {

/// Model matrices on a lattice of n_x * n_y * n_z nodes, cut into consecutive blocks of nodes:
/// solver id = x + n_x (y + n_y z). Header shared by the tests and benchmarks of la and solve.
struct Lattice {
  std::array<int, 3> n{1, 1, 1};

  [[nodiscard]] GlobalId size() const { return GlobalId{n[0]} * n[1] * n[2]; }
  [[nodiscard]] std::array<int, 3> point(GlobalId id) const {
    return {static_cast<int>(id % n[0]), static_cast<int>(id / n[0] % n[1]),
            static_cast<int>(id / n[0] / n[1])};
  }
  [[nodiscard]] GlobalId id(const std::array<int, 3>& p) const {
    return p[0] + GlobalId{n[0]} * (p[1] + GlobalId{n[1]} * p[2]);
  }
  [[nodiscard]] bool contains(const std::array<int, 3>& p) const {
    for (int d = 0; d < 3; ++d)
      if (p[d] < 0 || p[d] >= n[d]) return false;
    return true;
  }
  [[nodiscard]] bool on_boundary(const std::array<int, 3>& p) const {
    for (int d = 0; d < 3; ++d)
      if (n[d] > 1 && (p[d] == 0 || p[d] == n[d] - 1)) return true;
    return false;
  }
};

using Offset = std::array<int, 3>;
using Entry = std::function<double(const std::array<int, 3>& at, const Offset& offset)>;
using Fixed = std::function<bool(const std::array<int, 3>& at)>;

/// The 7 offsets of the standard stencil, or the 15 of P1 elements on Kuhn's six tets a brick.
inline std::vector<Offset> offsets(bool kuhn) {
  std::vector<Offset> list{{0, 0, 0},  {1, 0, 0}, {-1, 0, 0}, {0, 1, 0},
                           {0, -1, 0}, {0, 0, 1}, {0, 0, -1}};
  if (kuhn) {
    for (const Offset& o : {Offset{1, 1, 0}, Offset{1, 0, 1}, Offset{0, 1, 1}, Offset{1, 1, 1}}) {
      list.push_back(o);
      list.push_back({-o[0], -o[1], -o[2]});
    }
  }
  return list;
}

/// Matrix with the given entries; couplings to nodes outside are left out; fixed nodes have
/// identity rows and appear in no other row. Collective.
inline la::Matrix make_matrix(const comm::Communicator& communicator, const Lattice& lattice,
                              const std::vector<Offset>& stencil, const Entry& entry,
                              const Fixed& fixed) {
  const comm::BlockRange blocks(lattice.size(), communicator.size());
  const GlobalId begin = blocks.begin(communicator.rank()), end = blocks.end(communicator.rank());
  const LocalId n_owned = static_cast<LocalId>(end - begin);

  std::vector<std::size_t> row_offsets{0};
  std::vector<GlobalId> columns;
  std::vector<double> values;
  std::vector<GlobalId> ghosts;
  for (GlobalId row = begin; row < end; ++row) {
    const auto at = lattice.point(row);
    if (fixed(at)) {
      columns.push_back(row);
      values.push_back(1.0);
    } else {
      for (const Offset& o : stencil) {
        const std::array<int, 3> other{at[0] + o[0], at[1] + o[1], at[2] + o[2]};
        if (!lattice.contains(other) || (o != Offset{0, 0, 0} && fixed(other))) continue;
        const GlobalId column = lattice.id(other);
        columns.push_back(column);
        values.push_back(entry(at, o));
        if (column < begin || column >= end) ghosts.push_back(column);
      }
    }
    row_offsets.push_back(columns.size());
  }
  la::Layout layout = la::Layout::from_owned(communicator, n_owned, std::move(ghosts));

  // Local column numbers, sorted in each row.
  std::vector<LocalId> local(columns.size());
  for (std::size_t row = 0; row + 1 < row_offsets.size(); ++row) {
    std::vector<std::pair<LocalId, double>> pairs;
    for (std::size_t k = row_offsets[row]; k < row_offsets[row + 1]; ++k) {
      LocalId number = static_cast<LocalId>(columns[k] - begin);
      if (columns[k] < begin || columns[k] >= end) {
        const auto found =
            std::lower_bound(layout.ghost_ids.begin(), layout.ghost_ids.end(), columns[k]);
        number = n_owned + static_cast<LocalId>(found - layout.ghost_ids.begin());
      }
      pairs.emplace_back(number, values[k]);
    }
    std::sort(pairs.begin(), pairs.end());
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      local[row_offsets[row] + k] = pairs[k].first;
      values[row_offsets[row] + k] = pairs[k].second;
    }
  }
  la::CsrMatrix rows;
  rows.pattern.row_offsets = device::to_device("offsets", row_offsets.data(), row_offsets.size());
  rows.pattern.columns = device::to_device("columns", local.data(), local.size());
  rows.values = device::to_device("values", values.data(), values.size());
  return la::Matrix(std::move(layout), std::move(rows));
}

/// Laplacian scaled so that the off-diagonal entries of the 7-point stencil are -1; with `kuhn`,
/// the pattern of P1 elements on Kuhn tets, whose diagonal couplings are zero on a uniform lattice.
/// The diagonal counts the neighbours, so that a row without fixed neighbours sums to zero.
inline Entry laplacian(const Lattice& lattice) {
  return [lattice](const std::array<int, 3>& at, const Offset& o) {
    if (o == Offset{0, 0, 0}) {
      double n_neighbours = 0;
      for (int d = 0; d < 3; ++d)
        n_neighbours += (at[d] > 0 ? 1 : 0) + (at[d] + 1 < lattice.n[d] ? 1 : 0);
      return n_neighbours == 0 ? 1.0 : n_neighbours;
    }
    return std::abs(o[0]) + std::abs(o[1]) + std::abs(o[2]) == 1 ? -1.0 : 0.0;
  };
}

}  // namespace ritz::test
