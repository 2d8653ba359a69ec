#include <algorithm>
#include <cstring>
#include <numeric>

#include "plan.hpp"
#include "ritz/base/error.hpp"

namespace ritz::assembly {

namespace {

using Host = Kokkos::DefaultHostExecutionSpace;
template <class T>
using HostArray = device::HostView<T*>;

template <class T>
HostArray<T> host_array(const char* label, std::size_t n) {
  return HostArray<T>(Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing), n);
}

template <class T>
device::View<T*> to_device_space(const HostArray<T>& host) {
  return Kokkos::create_mirror_view_and_copy(device::MemorySpace(), host);
}

/// Rows of a tile so that its values stay near the second-level cache, but with so many cells that
/// those on its surface, which several tiles compute, are few. Powers of two: a shift finds the
/// tile.
int automatic_shift(mesh::CellType type, int degree, int block) {
  const int dim = mesh::table(type).dimension;
  const int n = degree;
  // Columns of an average row: (2k+1)^d would be a vertex's; most nodes lie inside of something.
  double row = 1.0;
  for (int d = 0; d < dim; ++d) row *= n + 2.0;
  if (mesh::is_simplex(type)) row = dim == 2 ? 7.0 + 5.0 * n * (n - 1) : 15.0 + 14.0 * n * (n - 1);
  double interior = 1.0;  // dofs per cell
  for (int d = 0; d < dim; ++d) interior *= n;
  if (mesh::is_simplex(type)) interior /= dim == 2 ? 2.0 : 6.0;
  const double by_bytes = 1048576.0 / (8.0 * row * block * block), by_cells = 512.0 * interior;
  const double rows = std::max(by_bytes, by_cells);
  int shift = 8;
  while (shift < max_tile_shift - 2 && (1 << shift) < rows) ++shift;
  return shift;
}

/// Sorts (key, value) pairs by key: least significant digit first, 11 bits a pass, stable.
struct RadixSorter {
  std::vector<std::uint64_t> keys, other_keys;
  std::vector<LocalId> values, other_values;

  void sort() {
    constexpr int bits = 11, n_buckets = 1 << bits;
    const std::size_t n = keys.size();
    if (n < 2) return;
    const auto [low, high] = std::minmax_element(keys.begin(), keys.end());
    const std::uint64_t base = *low;
    std::uint64_t range = *high - base;
    other_keys.resize(n);
    other_values.resize(n);
    for (auto& key : keys) key -= base;
    for (int shift = 0; range != 0; shift += bits, range >>= bits) {
      std::array<std::uint32_t, n_buckets> place{};
      for (const std::uint64_t key : keys) ++place[(key >> shift) & (n_buckets - 1)];
      std::uint32_t sum = 0;
      for (auto& p : place) sum += std::exchange(p, sum);
      for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t to = place[(keys[i] >> shift) & (n_buckets - 1)]++;
        other_keys[to] = keys[i];
        other_values[to] = values[i];
      }
      keys.swap(other_keys);
      values.swap(other_values);
    }
  }
};

/// Where a column stands in the row that is being built.
struct Mark {
  LocalId row = -1;
  LocalId position = 0;
};

/// A row's cell: number in the tile and the entry.
struct Incidence {
  std::uint32_t cell;
  std::uint32_t entry;
};

struct Worker {
  std::vector<LocalId> last_cell;  // of each tile
  RadixSorter sorter;
  std::vector<Mark> marks;  // of each local dof
  std::vector<std::uint32_t> row_begin;
  std::vector<Incidence> incidences;
};

void sort_row(std::vector<LocalId>& columns, std::size_t begin) {
  LocalId* first = columns.data() + begin;
  const std::size_t n = columns.size() - begin;
  if (n > 48) {
    std::sort(first, first + n);
    return;
  }
  for (std::size_t i = 1; i < n; ++i) {
    const LocalId column = first[i];
    std::size_t at = i;
    for (; at > 0 && first[at - 1] > column; --at) first[at] = first[at - 1];
    first[at] = column;
  }
}

class Builder {
 public:
  Builder(Assembler::Plan& plan, const fem::Constraints& fixed)
      : plan_(plan),
        mesh_(plan.mesh),
        dofs_(plan.space.cell_dofs.data()),
        fixed_(fixed.is_fixed.data()),
        n_nodes_(static_cast<std::size_t>(plan.space.element.n_nodes())),
        n_rows_(plan.space.n_owned),
        shift_(plan.options.tile_shift > 0
                   ? plan.options.tile_shift
                   : automatic_shift(mesh_.cell_type, plan.space.element.degree(), plan.block)),
        n_tiles_(static_cast<std::size_t>(
            (static_cast<std::int64_t>(n_rows_) + (1 << shift_) - 1) >> shift_)),
        workers_(static_cast<std::size_t>(token_.size())) {}

  void build() {
    distribute_cells();
    sort_cells_and_list_entries();
    // Each cell of a row brings at most n-1 columns besides the diagonal.
    const std::size_t bound = max_incidence_ * (n_nodes_ - 1) + 1;
    if (bound < no_slot<std::uint8_t>) {
      slots8_ = host_array<std::uint8_t>("ritz::assembly::slots", n_entries_ * n_nodes_);
      find_columns(slots8_.data());
    } else {
      slots16_ = host_array<std::uint16_t>("ritz::assembly::slots", n_entries_ * n_nodes_);
      const std::size_t longest = find_columns(slots16_.data());
      if (longest >= no_slot<std::uint16_t>) {
        throw base::Error(base::ExitCode::memory, "assembly: a matrix row has " +
                                                      std::to_string(longest) +
                                                      " columns; at most 65534 are supported");
      }
      if (longest < no_slot<std::uint8_t>) narrow_slots();
    }
    hand_over();
  }

 private:
  /// Lists of each tile's cells, in no particular order yet.
  void distribute_cells() {
    const auto n_cells = static_cast<std::size_t>(mesh_.n_cells());
    const std::size_t n_chunks = std::clamp<std::size_t>(n_cells / 1024, 1, 64);
    std::vector<std::uint32_t> positions(n_chunks * n_tiles_, 0);
    std::vector<std::uint32_t> entries(n_chunks * n_tiles_, 0);
    const auto chunk_begin = [=](std::size_t chunk) { return n_cells * chunk / n_chunks; };
    for_each("ritz::assembly::count_tile_cells", n_chunks, [&](std::size_t chunk, Worker& worker) {
      worker.last_cell.assign(n_tiles_, -1);
      std::uint32_t* count = positions.data() + chunk * n_tiles_;
      std::uint32_t* entry_count = entries.data() + chunk * n_tiles_;
      for (std::size_t c = chunk_begin(chunk); c < chunk_begin(chunk + 1); ++c) {
        for (std::size_t i = c * n_nodes_; i < (c + 1) * n_nodes_; ++i) {
          const LocalId dof = dofs_[i];
          if (dof >= n_rows_ || fixed_[dof] != 0) continue;
          const auto tile = static_cast<std::size_t>(dof >> shift_);
          ++entry_count[tile];
          if (worker.last_cell[tile] == static_cast<LocalId>(c)) continue;
          worker.last_cell[tile] = static_cast<LocalId>(c);
          ++count[tile];
        }
      }
    });
    cell_offsets_ = host_array<std::size_t>("ritz::assembly::tile_cell_offsets", n_tiles_ + 1);
    entry_offsets_ = host_array<std::size_t>("ritz::assembly::tile_entry_offsets", n_tiles_ + 1);
    std::size_t n_all = 0;
    n_entries_ = 0;
    for (std::size_t tile = 0; tile < n_tiles_; ++tile) {
      cell_offsets_(tile) = n_all;
      entry_offsets_(tile) = n_entries_;
      std::uint32_t in_tile = 0;
      for (std::size_t chunk = 0; chunk < n_chunks; ++chunk) {
        in_tile += std::exchange(positions[chunk * n_tiles_ + tile], in_tile);
        n_entries_ += entries[chunk * n_tiles_ + tile];
      }
      n_all += in_tile;
    }
    cell_offsets_(n_tiles_) = n_all;
    entry_offsets_(n_tiles_) = n_entries_;
    cells_ = host_array<LocalId>("ritz::assembly::tile_cells", n_all);
    for_each("ritz::assembly::list_tile_cells", n_chunks, [&](std::size_t chunk, Worker& worker) {
      worker.last_cell.assign(n_tiles_, -1);
      std::uint32_t* position = positions.data() + chunk * n_tiles_;
      for (std::size_t c = chunk_begin(chunk); c < chunk_begin(chunk + 1); ++c) {
        for (std::size_t i = c * n_nodes_; i < (c + 1) * n_nodes_; ++i) {
          const LocalId dof = dofs_[i];
          if (dof >= n_rows_ || fixed_[dof] != 0) continue;
          const auto tile = static_cast<std::size_t>(dof >> shift_);
          if (worker.last_cell[tile] == static_cast<LocalId>(c)) continue;
          worker.last_cell[tile] = static_cast<LocalId>(c);
          cells_(cell_offsets_(tile) + position[tile]++) = static_cast<LocalId>(c);
        }
      }
    });
  }

  void sort_cells_and_list_entries() {
    entry_ends_ = host_array<std::uint32_t>("ritz::assembly::entry_ends", cells_.extent(0));
    entries_ = host_array<Entry>("ritz::assembly::entries", n_entries_);
    std::vector<std::size_t> max_incidence(n_tiles_, 0);
    for_each("ritz::assembly::list_entries", n_tiles_, [&](std::size_t tile, Worker& worker) {
      const std::size_t begin = cell_offsets_(tile), end = cell_offsets_(tile + 1);
      worker.sorter.keys.resize(end - begin);
      worker.sorter.values.assign(cells_.data() + begin, cells_.data() + end);
      for (std::size_t k = 0; k < end - begin; ++k) {
        worker.sorter.keys[k] = static_cast<std::uint64_t>(
            mesh_.cell_gid[static_cast<std::size_t>(worker.sorter.values[k])]);
      }
      worker.sorter.sort();
      std::copy(worker.sorter.values.begin(), worker.sorter.values.end(), cells_.data() + begin);

      const LocalId first_row = static_cast<LocalId>(tile << shift_);
      const LocalId last_row =
          std::min<LocalId>(n_rows_, static_cast<LocalId>((tile + 1) << shift_));
      worker.row_begin.assign(static_cast<std::size_t>(last_row - first_row), 0);
      Entry* entry = entries_.data() + entry_offsets_(tile);
      std::uint32_t n = 0;
      for (std::size_t k = begin; k < end; ++k) {
        const LocalId* dofs = dofs_ + static_cast<std::size_t>(cells_(k)) * n_nodes_;
        const std::uint32_t before = n;
        bool touches_fixed = false;
        for (std::size_t i = 0; i < n_nodes_; ++i) {
          const LocalId dof = dofs[i];
          if (fixed_[dof] != 0) {
            touches_fixed = true;
          } else if (dof >= first_row && dof < last_row) {
            const auto row = static_cast<std::uint32_t>(dof - first_row);
            entry[n++] = row | static_cast<Entry>(i) << 16U;
            ++worker.row_begin[row];
          }
        }
        if (touches_fixed) {
          for (std::uint32_t e = before; e < n; ++e) entry[e] |= 1U << 31U;
        }
        entry_ends_(k) = n;
      }
      for (const std::uint32_t count : worker.row_begin) {
        max_incidence[tile] = std::max<std::size_t>(max_incidence[tile], count);
      }
    });
    max_incidence_ =
        max_incidence.empty() ? 0 : *std::max_element(max_incidence.begin(), max_incidence.end());
  }

  /// Columns of every row and the slots. Returns the longest row's length.
  template <class Slot>
  std::size_t find_columns(Slot* slots) {
    row_offsets_ =
        host_array<std::size_t>("ritz::la::row_offsets", static_cast<std::size_t>(n_rows_) + 1);
    std::vector<std::vector<LocalId>> tile_columns(n_tiles_);
    std::vector<std::size_t> longest(n_tiles_, 0);
    const auto n_local = static_cast<std::size_t>(plan_.space.n_local());
    for_each("ritz::assembly::find_columns", n_tiles_, [&](std::size_t tile, Worker& worker) {
      if (worker.marks.size() != n_local) worker.marks.assign(n_local, Mark{});
      longest[tile] = find_tile_columns(tile, worker, slots, tile_columns[tile]);
    });
    std::size_t sum = 0;
    row_offsets_(0) = 0;
    for (std::size_t row = 0; row < static_cast<std::size_t>(n_rows_); ++row) {
      sum += row_offsets_(row + 1);
      row_offsets_(row + 1) = sum;
    }
    columns_ = host_array<LocalId>("ritz::la::columns", sum);
    for_each("ritz::assembly::copy_columns", n_tiles_, [&](std::size_t tile, Worker&) {
      auto& columns = tile_columns[tile];
      std::copy(columns.begin(), columns.end(), columns_.data() + row_offsets_(tile << shift_));
      columns = {};
    });
    return longest.empty() ? 0 : *std::max_element(longest.begin(), longest.end());
  }

  template <class Slot>
  std::size_t find_tile_columns(std::size_t tile, Worker& worker, Slot* slots,
                                std::vector<LocalId>& columns) {
    const LocalId first_row = static_cast<LocalId>(tile << shift_);
    const LocalId last_row = std::min<LocalId>(n_rows_, static_cast<LocalId>((tile + 1) << shift_));
    const auto n_here = static_cast<std::size_t>(last_row - first_row);
    const LocalId* cells = cells_.data() + cell_offsets_(tile);
    const std::uint32_t* ends = entry_ends_.data() + cell_offsets_(tile);
    const std::size_t n_cells = cell_offsets_(tile + 1) - cell_offsets_(tile);
    const Entry* entries = entries_.data() + entry_offsets_(tile);
    slots += entry_offsets_(tile) * n_nodes_;

    // Row -> its cells, in the order of the cells.
    auto& begin = worker.row_begin;
    begin.assign(n_here + 2, 0);
    const std::uint32_t n_entries = n_cells == 0 ? 0 : ends[n_cells - 1];
    for (std::uint32_t e = 0; e < n_entries; ++e)
      ++begin[static_cast<std::size_t>(entry_row(entries[e])) + 2];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    worker.incidences.resize(n_entries);
    for (std::size_t k = 0, e = 0; k < n_cells; ++k) {
      for (; e < ends[k]; ++e) {
        worker.incidences[begin[static_cast<std::size_t>(entry_row(entries[e])) + 1]++] = {
            static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(e)};
      }
    }

    columns.reserve(n_entries * 2);
    std::size_t longest = 0;
    for (std::size_t r = 0; r < n_here; ++r) {
      const LocalId row = first_row + static_cast<LocalId>(r);
      const Incidence* mine = worker.incidences.data() + begin[r];
      const std::size_t n_mine = begin[r + 1] - begin[r];
      const std::size_t row_begin = columns.size();
      if (fixed_[row] != 0 || n_mine == 0) {
        columns.push_back(row);
        row_offsets_(static_cast<std::size_t>(row) + 1) = 1;
        longest = std::max<std::size_t>(longest, 1);
        continue;
      }
      // Nodes inside of the same entity have the same cells and so the same columns.
      const Incidence* before = r > 0 ? worker.incidences.data() + begin[r - 1] : nullptr;
      const bool same =
          r > 0 && fixed_[row - 1] == 0 && begin[r] - begin[r - 1] == n_mine &&
          std::equal(mine, mine + n_mine, before,
                     [](const Incidence& a, const Incidence& b) { return a.cell == b.cell; });
      if (same) {
        const std::size_t length = row_offsets_(static_cast<std::size_t>(row));
        columns.resize(row_begin + length);
        std::copy_n(columns.data() + row_begin - length, length, columns.data() + row_begin);
        for (std::size_t m = 0; m < n_mine; ++m) {
          std::memcpy(slots + mine[m].entry * n_nodes_, slots + before[m].entry * n_nodes_,
                      n_nodes_ * sizeof(Slot));
        }
        row_offsets_(static_cast<std::size_t>(row) + 1) = length;
        continue;
      }
      Mark* marks = worker.marks.data();
      for (std::size_t m = 0; m < n_mine; ++m) {
        const LocalId* dofs = dofs_ + static_cast<std::size_t>(cells[mine[m].cell]) * n_nodes_;
        for (std::size_t j = 0; j < n_nodes_; ++j) {
          const LocalId column = dofs[j];
          if (marks[column].row == row || fixed_[column] != 0) continue;
          marks[column].row = row;
          columns.push_back(column);
        }
      }
      sort_row(columns, row_begin);
      const std::size_t length = columns.size() - row_begin;
      for (std::size_t s = 0; s < length; ++s) {
        marks[columns[row_begin + s]].position = static_cast<LocalId>(s);
      }
      for (std::size_t m = 0; m < n_mine; ++m) {
        const LocalId* dofs = dofs_ + static_cast<std::size_t>(cells[mine[m].cell]) * n_nodes_;
        Slot* out = slots + mine[m].entry * n_nodes_;
        for (std::size_t j = 0; j < n_nodes_; ++j) {
          out[j] =
              fixed_[dofs[j]] != 0 ? no_slot<Slot> : static_cast<Slot>(marks[dofs[j]].position);
        }
      }
      row_offsets_(static_cast<std::size_t>(row) + 1) = length;
      longest = std::max(longest, length);
    }
    return longest;
  }

  void narrow_slots() {
    const std::size_t n = slots16_.extent(0);
    slots8_ = host_array<std::uint8_t>("ritz::assembly::slots", n);
    const auto from = slots16_;
    const auto to = slots8_;
    Kokkos::parallel_for(
        "ritz::assembly::narrow_slots", Kokkos::RangePolicy<Host>(0, n),
        KOKKOS_LAMBDA(std::size_t i) { to(i) = static_cast<std::uint8_t>(from(i)); });
    slots16_ = {};
  }

  void hand_over() {
    plan_.pattern.row_offsets = to_device_space(row_offsets_);
    plan_.pattern.columns = to_device_space(columns_);
    TileMap& map = plan_.map;
    map.n_rows = n_rows_;
    map.shift = shift_;
    map.n_tiles = static_cast<int>(n_tiles_);
    map.n_nodes = static_cast<int>(n_nodes_);
    map.cell_offsets = to_device_space(cell_offsets_);
    map.cells = to_device_space(cells_);
    map.entry_offsets = to_device_space(entry_offsets_);
    map.entry_ends = to_device_space(entry_ends_);
    map.entries = to_device_space(entries_);
    map.slots8 = to_device_space(slots8_);
    map.slots16 = to_device_space(slots16_);
  }

  /// Runs work(i, worker) for i in [0, n) on the host's threads, a worker's scratch for each.
  template <class Work>
  void for_each(const char* label, std::size_t n, const Work& work) {
    using Policy = Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Dynamic>,
                                       Kokkos::IndexType<std::size_t>>;
    const auto token = token_;
    Worker* workers = workers_.data();
    Kokkos::parallel_for(label, Policy(0, n, Kokkos::ChunkSize(1)), [=](std::size_t i) {
      const auto id = token.acquire();
      work(i, workers[id]);
      token.release(id);
    });
  }

  Assembler::Plan& plan_;
  const mesh::Mesh& mesh_;
  const LocalId* dofs_;
  const std::uint8_t* fixed_;
  std::size_t n_nodes_;
  LocalId n_rows_;
  int shift_;
  std::size_t n_tiles_;
  Kokkos::Experimental::UniqueToken<Host> token_;
  std::vector<Worker> workers_;

  HostArray<std::size_t> cell_offsets_, entry_offsets_, row_offsets_;
  HostArray<LocalId> cells_, columns_;
  HostArray<std::uint32_t> entry_ends_;
  HostArray<Entry> entries_;
  HostArray<std::uint8_t> slots8_;
  HostArray<std::uint16_t> slots16_;
  std::size_t n_entries_ = 0;
  std::size_t max_incidence_ = 0;
};

}  // namespace

std::size_t TileMap::bytes() const {
  return cell_offsets.span() * sizeof(std::size_t) + cells.span() * sizeof(LocalId) +
         entry_offsets.span() * sizeof(std::size_t) + entry_ends.span() * sizeof(std::uint32_t) +
         entries.span() * sizeof(Entry) + slots8.span() + slots16.span() * sizeof(std::uint16_t);
}

void build_pattern(Assembler::Plan& plan, const fem::Constraints& fixed) {
  Builder(plan, fixed).build();
}

}  // namespace ritz::assembly
