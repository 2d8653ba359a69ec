#include "cell_batches.hpp"

#include <algorithm>
#include <limits>

#include "ritz/mesh/lattice.hpp"

namespace ritz::assembly {

namespace {

/// Sizes of the entities of a tensor cell in entity order.
std::vector<int> entity_sizes(int dimension, int degree) {
  const int inside = degree - 1;
  std::vector<int> sizes;
  const auto add = [&](int count, int size) {
    if (size > 0) sizes.insert(sizes.end(), static_cast<std::size_t>(count), size);
  };
  add(1 << dimension, 1);
  if (dimension == 1) add(1, inside);
  if (dimension == 2) {
    add(4, inside);
    add(1, inside * inside);
  }
  if (dimension == 3) {
    add(12, inside);
    add(6, inside * inside);
    add(1, inside * inside * inside);
  }
  return sizes;
}

/// Dofs a group touches should stay in the second-level cache with a few vectors.
constexpr int group_dofs = 8192;

}  // namespace

CellBatches::CellBatches(const mesh::Mesh& mesh, const fem::Space& space,
                         const std::vector<std::uint8_t>& is_fixed, int width_in, int n_workers,
                         const std::vector<LocalId>* some, int n_components_in)
    : width(width_in),
      n_components(n_components_in),
      n_owned(space.n_owned * n_components_in),
      plan(space.communicator, {}) {
  const int degree = space.element.degree();
  const int dim = mesh.dimension();
  const auto c = static_cast<std::size_t>(n_components);
  n_nodes = space.element.n_nodes() * n_components;
  const auto n = static_cast<std::size_t>(n_nodes);
  const auto w = static_cast<std::size_t>(width);
  const std::vector<int> order = mesh::entity_order(mesh.cell_type, degree);
  place.resize(n);
  for (std::size_t t = 0; t < n / c; ++t) {
    for (std::size_t i = 0; i < c; ++i)
      place[static_cast<std::size_t>(order[t]) * c + i] =
          static_cast<std::int16_t>(i * (n / c) + t);
  }
  std::vector<int> sizes = entity_sizes(dim, degree);
  for (int& size : sizes) size *= n_components;
  n_zero = *std::max_element(sizes.begin(), sizes.end());
  for (LocalId dof = 0; dof < n_owned; ++dof) {
    if (is_fixed[static_cast<std::size_t>(dof)] != 0) fixed.push_back(dof);
  }

  // Copies: only of dofs that owned cells touch, in the space's order.
  copy_of.assign(static_cast<std::size_t>(space.n_ghosts) * c, -1);
  const LocalId n_cells = some ? static_cast<LocalId>(some->size()) : mesh.n_cells_owned;
  const auto cell_at = [some](LocalId i) {
    return some ? (*some)[static_cast<std::size_t>(i)] : i;
  };
  // The dofs of a cell; valid until the next call.
  std::vector<LocalId> of_cell(n);
  const auto dofs_of = [&](LocalId cell) -> const std::vector<LocalId>& {
    const auto nodes = space.dofs(cell);
    for (std::size_t i = 0; i < n; ++i) {
      of_cell[i] = nodes[i / c] * n_components + static_cast<LocalId>(i % c);
    }
    return of_cell;
  };
  for (LocalId i = 0; i < n_cells; ++i) {
    for (const LocalId dof : dofs_of(cell_at(i))) {
      if (dof >= n_owned && is_fixed[static_cast<std::size_t>(dof)] == 0)
        copy_of[static_cast<std::size_t>(dof - n_owned)] = 0;
    }
  }
  std::vector<LocalId> ghosts;
  std::vector<int> owners;
  std::vector<GlobalId> ids;
  for (std::size_t g = 0; g < copy_of.size(); ++g) {
    if (copy_of[g] < 0) continue;
    copy_of[g] = n_copies++;
    ghosts.push_back(n_owned + copy_of[g]);
    owners.push_back(space.ghost_owner[g / c]);
    ids.push_back(space.ghost_solver_id[g / c] * n_components + static_cast<GlobalId>(g % c));
  }
  const GlobalId first = space.first * n_components;
  const LocalId owned = n_owned;
  plan = comm::ExchangePlan::from_ghosts(
      space.communicator, ghosts, owners, ids, [first, owned](GlobalId id) {
        return id >= first && id < first + owned ? static_cast<LocalId>(id - first) : LocalId{-1};
      });

  const LocalId zero = n_owned + n_copies;
  const auto source_of = [&](LocalId dof) {
    if (is_fixed[static_cast<std::size_t>(dof)] != 0) return zero;
    return dof < n_owned ? dof : n_owned + copy_of[static_cast<std::size_t>(dof - n_owned)];
  };

  // Consecutive cells share a batch; batches with copies come last in their worker's list.
  const int n_all = static_cast<int>((static_cast<std::size_t>(n_cells) + w - 1) / w);
  const int per_group = std::max(1, group_dofs / (width * n_nodes));
  workers.resize(static_cast<std::size_t>(n_workers));
  std::vector<LocalId> target_of;  // [n_owned] place among a worker's extra entries, lazily
  LocalId own_from = 0;
  for (int t = 0; t < n_workers; ++t) {
    Worker& worker = workers[static_cast<std::size_t>(t)];
    const comm::BlockRange share(n_all, n_workers);
    const int begin = static_cast<int>(share.begin(t)), end = static_cast<int>(share.end(t));
    // Dofs are numbered as cells first touch them: those of earlier workers are below own_from.
    LocalId own_to = own_from;
    std::vector<int> inner, outer;
    for (int b = begin; b < end; ++b) {
      bool copies = false;
      for (LocalId i = b * width; i < std::min(n_cells, (b + 1) * width); ++i) {
        for (const LocalId dof : dofs_of(cell_at(i))) {
          if (dof < n_owned)
            own_to = std::max(own_to, dof + 1);
          else
            copies = copies || is_fixed[static_cast<std::size_t>(dof)] == 0;
        }
      }
      (copies ? outer : inner).push_back(b);
    }
    if (t > 0) target_of.assign(static_cast<std::size_t>(own_from), -1);
    const auto foreign_place = [&](LocalId dof) {
      LocalId& at = target_of[static_cast<std::size_t>(dof)];
      if (at < 0) {
        at = zero + n_zero + static_cast<LocalId>(worker.foreign.size());
        worker.foreign.push_back(dof);
      }
      return at;
    };
    std::vector<LocalId> sources(n), targets(n);
    const auto add_batch = [&](int b) {
      Batch batch;
      const LocalId first_cell = b * width;
      bool foreign = false;
      // Two tries: by entity, and if an entity's dofs do not follow each other, one by one.
      for (const bool by_entity : {true, false}) {
        if (by_entity && n_components > max_in_runs) continue;
        batch.by_entity = by_entity;
        const std::size_t rows = by_entity ? sizes.size() : n;
        batch.source = index.size();
        std::vector<std::int32_t> source(rows * w, zero), target(rows * w, zero);
        bool fits = true;
        for (std::size_t l = 0; l < w && fits; ++l) {
          const LocalId cell = first_cell + static_cast<LocalId>(l);
          if (cell >= n_cells) break;
          const std::vector<LocalId>& dofs = dofs_of(cell_at(cell));
          for (std::size_t i = 0; i < n; ++i) {
            sources[i] = source_of(dofs[i]);
            targets[i] = sources[i] < own_from ? foreign_place(sources[i]) : sources[i];
            foreign = foreign || targets[i] != sources[i];
          }
          if (by_entity) {
            std::size_t at = 0;
            for (std::size_t e = 0; e < rows; ++e) {
              source[e * w + l] = sources[at];
              target[e * w + l] = targets[at];
              for (int i = 1; i < sizes[e] && fits; ++i) {
                const auto j = at + static_cast<std::size_t>(i);
                const int step = sources[at] == zero ? 0 : i;
                fits = sources[j] == sources[at] + step && targets[j] == targets[at] + step;
              }
              at += static_cast<std::size_t>(sizes[e]);
            }
          } else {
            for (std::size_t i = 0; i < n; ++i) {
              source[static_cast<std::size_t>(place[i]) * w + l] = sources[i];
              target[static_cast<std::size_t>(place[i]) * w + l] = targets[i];
            }
          }
        }
        if (!fits) continue;
        index.insert(index.end(), source.begin(), source.end());
        batch.target = batch.source;
        batch.is_own = !foreign && std::all_of(source.begin(), source.end(),
                                               [this](std::int32_t i) { return i < n_owned; });
        if (foreign) {
          batch.target = index.size();
          index.insert(index.end(), target.begin(), target.end());
        }
        break;
      }
      for (std::size_t l = 0; l < w; ++l) {
        const LocalId cell = first_cell + static_cast<LocalId>(l);
        cells.push_back(cell < n_cells ? cell_at(cell) : -1);
      }
      batches.push_back(batch);
    };
    const auto add_groups = [&](const std::vector<int>& list, std::vector<Group>& groups) {
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (i % static_cast<std::size_t>(per_group) == 0) {
          groups.push_back({});
          groups.back().begin = n_batches();
        }
        add_batch(list[i]);
        groups.back().end = n_batches();
      }
    };
    add_groups(inner, worker.inner);
    add_groups(outer, worker.outer);
    own_from = own_to;
  }
  cells.shrink_to_fit();
  index.shrink_to_fit();
  make_ranges(space);
}

void CellBatches::make_ranges(const fem::Space& space) {
  const auto n_blocks = static_cast<std::size_t>((n_owned + block - 1) / block);
  constexpr int never = -1, outside = std::numeric_limits<int>::max();
  std::vector<int> owner(n_blocks, -1), first(n_blocks, never), last(n_blocks, never);
  const auto w = static_cast<std::size_t>(width);
  for (std::size_t t = 0; t < workers.size(); ++t) {
    Worker& worker = workers[t];
    int group = 0;
    for (std::vector<Group>* list : {&worker.inner, &worker.outer}) {
      for (Group& g : *list) {
        for (std::size_t c = static_cast<std::size_t>(g.begin) * w;
             c < static_cast<std::size_t>(g.end) * w; ++c) {
          if (cells[c] < 0) continue;
          for (const LocalId node : space.dofs(cells[c])) {
            const LocalId begin = node * n_components;
            if (begin >= n_owned) continue;
            for (LocalId at = begin / block; at * block < begin + n_components; ++at) {
              const auto b = static_cast<std::size_t>(at);
              if (owner[b] < 0) {
                owner[b] = static_cast<int>(t);
                first[b] = group;
              }
              // Blocks that two workers touch are nobody's while the cells are computed.
              if (owner[b] != static_cast<int>(t)) first[b] = last[b] = outside;
              if (last[b] != outside) last[b] = group;
            }
          }
        }
        ++group;
      }
    }
  }
  const auto set_aside = [&](LocalId dof) {
    const auto b = static_cast<std::size_t>(dof / block);
    if (owner[b] < 0) owner[b] = 0;
    first[b] = last[b] = outside;
  };
  for (const auto& neighbour : plan.neighbours()) {
    for (const LocalId dof : neighbour.send) set_aside(dof);
  }
  for (std::size_t b = 0; b < n_blocks; ++b) {
    if (owner[b] < 0) set_aside(static_cast<LocalId>(b) * block);
  }
  const auto append = [&](std::vector<Range>& to, std::size_t from, std::size_t b) {
    const LocalId begin = static_cast<LocalId>(b) * block;
    const LocalId end = std::min(n_owned, begin + block);
    if (to.size() > from && to.back().second == begin) {
      to.back().second = end;
    } else {
      to.emplace_back(begin, end);
    }
  };
  for (std::size_t t = 0; t < workers.size(); ++t) {
    Worker& worker = workers[t];
    const std::size_t n_inner = worker.inner.size();
    const std::size_t n_groups = n_inner + worker.outer.size();
    std::vector<std::vector<std::size_t>> starting(n_groups), ending(n_groups);
    for (std::size_t b = 0; b < n_blocks; ++b) {
      if (owner[b] != static_cast<int>(t)) continue;
      if (first[b] == outside) {
        append(worker.early, 0, b);
        append(worker.late, 0, b);
      } else {
        starting[static_cast<std::size_t>(first[b])].push_back(b);
        ending[static_cast<std::size_t>(last[b])].push_back(b);
      }
    }
    for (std::size_t g = 0; g < n_groups; ++g) {
      Group& group = g < n_inner ? worker.inner[g] : worker.outer[g - n_inner];
      group.first = ranges.size();
      for (const std::size_t b : starting[g]) append(ranges, group.first, b);
      group.first_end = group.last = ranges.size();
      for (const std::size_t b : ending[g]) append(ranges, group.last, b);
      group.last_end = ranges.size();
    }
  }
}

void CellBatches::add_late(const std::vector<LocalId>& dofs) {
  // The ranges are few enough to be cut again: take the blocks out of the groups' last ranges.
  std::vector<LocalId> blocks;
  for (const LocalId dof : dofs) {
    if (dof < n_owned) blocks.push_back(dof / block);
  }
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  if (blocks.empty()) return;
  std::vector<Range> cut;
  for (Worker& worker : workers) {
    for (std::vector<Group>* list : {&worker.inner, &worker.outer}) {
      for (Group& group : *list) {
        const std::size_t first = cut.size();
        cut.insert(cut.end(), ranges.begin() + static_cast<std::ptrdiff_t>(group.first),
                   ranges.begin() + static_cast<std::ptrdiff_t>(group.first_end));
        const std::size_t last = cut.size();
        for (std::size_t r = group.last; r < group.last_end; ++r) {
          LocalId from = ranges[r].first;
          const LocalId to = ranges[r].second;
          auto b = std::lower_bound(blocks.begin(), blocks.end(), from / block);
          for (; b != blocks.end() && *b * block < to; ++b) {
            const LocalId begin = *b * block, end = std::min(n_owned, begin + block);
            if (begin > from) cut.emplace_back(from, begin);
            worker.late.emplace_back(begin, end);
            from = end;
          }
          if (from < to) cut.emplace_back(from, to);
        }
        group.first = first;
        group.first_end = group.last = last;
        group.last_end = cut.size();
      }
    }
  }
  ranges = std::move(cut);
}

std::size_t CellBatches::bytes() const {
  return cells.size() * sizeof(LocalId) + index.size() * sizeof(std::int32_t) +
         batches.size() * sizeof(Batch) + ranges.size() * sizeof(Range) +
         fixed.size() * sizeof(LocalId) + copy_of.size() * sizeof(LocalId);
}

}  // namespace ritz::assembly
