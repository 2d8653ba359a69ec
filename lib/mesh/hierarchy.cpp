#include "ritz/mesh/hierarchy.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "ritz/base/error.hpp"

namespace ritz::mesh {

namespace {

using base::Error;
using base::ExitCode;

/// Which cell of the coarser mesh a cell comes from: its id, and the vertex at which the child is.
struct Origin {
  GlobalId parent;
  std::uint8_t corner;
};

/// Parents of all local cells. Local; throws Error(internal) if a parent is not on this rank.
Parents find_parents(const Mesh& coarse, const Mesh& fine, Directions halved,
                     const std::function<Origin(GlobalId)>& origin) {
  std::vector<std::pair<GlobalId, LocalId>> known(coarse.cell_gid.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    known[i] = {coarse.cell_gid[i], static_cast<LocalId>(i)};
  }
  std::sort(known.begin(), known.end());
  Parents parents;
  parents.halved = halved;
  parents.cell.resize(fine.cell_gid.size());
  parents.corner.resize(fine.cell_gid.size());
  std::pair<GlobalId, LocalId> last{-1, -1};  // a cell's children mostly follow each other
  for (std::size_t i = 0; i < fine.cell_gid.size(); ++i) {
    const Origin from = origin(fine.cell_gid[i]);
    if (from.parent != last.first) {
      const auto found = std::lower_bound(known.begin(), known.end(), std::pair{from.parent, 0});
      if (found == known.end() || found->first != from.parent) {
        throw Error(ExitCode::internal,
                    "the parent of a cell is on no rank that has the cell; "
                    "please report this");
      }
      last = *found;
    }
    parents.cell[i] = last.second;
    parents.corner[i] = from.corner;
    const bool owned = i < static_cast<std::size_t>(fine.n_cells_owned);
    if (owned && last.second >= coarse.n_cells_owned) {
      throw Error(ExitCode::internal, "an owned cell's parent is not owned; please report this");
    }
  }
  return parents;
}

void add_parents(Hierarchy& hierarchy, Directions halved,
                 const std::function<Origin(GlobalId)>& origin) {
  const std::size_t n = hierarchy.meshes.size();
  hierarchy.meshes.back().communicator.together([&] {
    hierarchy.parents.push_back(
        find_parents(hierarchy.meshes[n - 2], hierarchy.meshes[n - 1], halved, origin));
  });
}

/// Bricks of a box in each direction, and how their ids and places go together.
struct Bricks {
  std::array<GlobalId, 3> n{1, 1, 1};

  explicit Bricks(const Box& box) {
    const auto dimension = static_cast<std::size_t>(table(box.cell_type).dimension);
    for (std::size_t d = 0; d < dimension; ++d) n[d] = box.cells[d] / box.stride[d];
  }
  [[nodiscard]] std::array<GlobalId, 3> place(GlobalId id) const {
    return {id % n[0], id / n[0] % n[1], id / n[0] / n[1]};
  }
  [[nodiscard]] GlobalId id(const std::array<GlobalId, 3>& p) const {
    return p[0] + n[0] * (p[1] + n[1] * p[2]);
  }
};

/// Ranks of the blocks' cells of `raw`, by the rank of the coarsest brick they lie in. Collective.
std::vector<int> inherit_part(const Mesh& raw, const Bricks& bricks, const Bricks& coarsest,
                              const std::vector<int>& coarsest_part) {
  const auto n = static_cast<std::size_t>(raw.n_cells_owned);
  std::vector<GlobalId> ancestor(n), wanted;
  for (std::size_t i = 0; i < n; ++i) {
    auto place = bricks.place(raw.cell_gid[i]);
    for (std::size_t d = 0; d < 3; ++d) place[d] /= bricks.n[d] / coarsest.n[d];
    ancestor[i] = coarsest.id(place);
    if (i == 0 || ancestor[i] != ancestor[i - 1]) wanted.push_back(ancestor[i]);
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());

  // The coarsest mesh's blocks, as make_box() deals them out, know.
  const comm::Communicator& communicator = raw.communicator;
  const comm::BlockRange homes(coarsest.n[0] * coarsest.n[1] * coarsest.n[2], communicator.size());
  std::vector<std::size_t> counts(static_cast<std::size_t>(communicator.size()), 0), asked_counts;
  for (const GlobalId id : wanted) ++counts[static_cast<std::size_t>(homes.block_of(id))];
  const std::vector<GlobalId> asked =
      communicator.exchange(std::span<const GlobalId>(wanted), counts, &asked_counts);
  std::vector<std::int32_t> answers(asked.size());
  const GlobalId first = homes.begin(communicator.rank());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    answers[i] = coarsest_part[static_cast<std::size_t>(asked[i] - first)];
  }
  const std::vector<std::int32_t> ranks =
      communicator.exchange(std::span<const std::int32_t>(answers), asked_counts);

  std::vector<int> part(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0 && ancestor[i] == ancestor[i - 1]) {
      part[i] = part[i - 1];
      continue;
    }
    const auto found = std::lower_bound(wanted.begin(), wanted.end(), ancestor[i]);
    part[i] = ranks[static_cast<std::size_t>(found - wanted.begin())];
  }
  return part;
}

/// Facet of the parent in which facet f of child `corner` of a tensor cell lies: -1 if inside.
int parent_facet(int facet, std::uint8_t corner, Directions halved) {
  const int direction = facet / 2;
  if ((halved >> direction & 1) == 0) return facet;
  return (corner >> direction & 1) == facet % 2 ? facet : -1;
}

/// Sets of `coarse` from those of `fine`. Collective.
void inherit_sets(Mesh& coarse, const Mesh& fine, const Parents& parents) {
  std::vector<FacetInSet> sets;
  for (const FacetInSet& one : fine.facet_sets) {
    if (one.cell >= fine.n_cells_owned) continue;
    const auto cell = static_cast<std::size_t>(one.cell);
    if (parent_facet(one.facet, parents.corner[cell], parents.halved) < 0) continue;
    sets.push_back({parents.cell[cell], one.facet, one.set});
  }
  std::sort(sets.begin(), sets.end());
  sets.erase(std::unique(sets.begin(), sets.end()), sets.end());

  // Owners tell what their cells have to those who see them as ghosts: (place in the list of cells
  // that goes there, facet, set).
  const auto& neighbours = coarse.cell_plan.neighbours();
  std::vector<std::vector<FacetInSet>> messages(
      static_cast<std::size_t>(coarse.communicator.size()));
  for (const auto& neighbour : neighbours) {
    for (std::size_t i = 0; i < neighbour.send.size(); ++i) {
      const FacetInSet least{neighbour.send[i], -1, -1};
      for (auto one = std::lower_bound(sets.begin(), sets.end(), least);
           one != sets.end() && one->cell == neighbour.send[i]; ++one) {
        messages[static_cast<std::size_t>(neighbour.rank)].push_back(
            {static_cast<LocalId>(i), one->facet, one->set});
      }
    }
  }
  std::vector<std::size_t> counts;
  const std::vector<FacetInSet> arrived = coarse.communicator.exchange(messages, &counts);
  std::size_t at = 0;
  for (const auto& neighbour : neighbours) {  // by rank, as what arrived
    for (std::size_t i = 0; i < counts[static_cast<std::size_t>(neighbour.rank)]; ++i, ++at) {
      FacetInSet one = arrived[at];
      one.cell = neighbour.receive[static_cast<std::size_t>(one.cell)];
      sets.push_back(one);
    }
  }
  std::sort(sets.begin(), sets.end());
  coarse.facet_sets = std::move(sets);
  coarse.set_names = fine.set_names;
}

}  // namespace

Hierarchy single(Mesh mesh) {
  Hierarchy hierarchy;
  hierarchy.meshes.push_back(std::move(mesh));
  return hierarchy;
}

void refine(Hierarchy& hierarchy, int levels) {
  if (!is_tensor(hierarchy.finest().cell_type)) {
    hierarchy = single(refine(hierarchy.finest(), levels));
    return;
  }
  const int n_bits = hierarchy.finest().dimension();
  for (int level = 0; level < levels; ++level) {
    hierarchy.meshes.push_back(refine(hierarchy.finest(), 1));
    add_parents(hierarchy, all_directions(n_bits), [&](GlobalId id) {
      return Origin{id >> n_bits, static_cast<std::uint8_t>(id & ((GlobalId{1} << n_bits) - 1))};
    });
  }
}

std::vector<Directions> box_steps(const Box& box, int n_ranks,
                                  const std::array<double, 3>& diffusion) {
  std::vector<Directions> steps;
  if (!is_tensor(box.cell_type)) return steps;
  const int dimension = table(box.cell_type).dimension;
  std::array<GlobalId, 3> n{1, 1, 1};
  std::array<double, 3> coupling{};
  bool known = true;
  for (std::size_t d = 0; d < static_cast<std::size_t>(dimension); ++d) {
    n[d] = box.cells[d];
    const double spacing = (box.upper[d] - box.lower[d]) / static_cast<double>(n[d]);
    coupling[d] = diffusion[d] / (spacing * spacing);
    known = known && std::isfinite(coupling[d]) && coupling[d] > 0;
  }
  // Cells of the box halved in these directions; 0 if that cannot be.
  const auto n_halved = [&](Directions directions) -> GlobalId {
    GlobalId n_cells = 1;
    for (std::size_t d = 0; d < 3; ++d) {
      const bool halves = (directions >> d & 1) != 0;
      if (halves && n[d] % 2 != 0) return 0;
      n_cells *= halves ? n[d] / 2 : n[d];
    }
    return n_cells;
  };
  const auto halve = [&](Directions directions) {
    for (std::size_t d = 0; d < 3; ++d) {
      if ((directions >> d & 1) == 0) continue;
      n[d] /= 2;
      coupling[d] /= 4;
    }
    steps.push_back(directions);
  };

  while (known) {
    const double weakest = *std::min_element(coupling.begin(), coupling.begin() + dimension);
    double strongest = 0;
    for (std::size_t d = 0; d < static_cast<std::size_t>(dimension); ++d) {
      if (n[d] % 2 == 0) strongest = std::max(strongest, coupling[d]);
    }
    // The factor beyond is for the round-off of spacings that are powers of two apart.
    if (!(strongest > most_unlike * weakest * (1 + 1e-9))) break;
    Directions directions = 0;
    for (std::size_t d = 0; d < static_cast<std::size_t>(dimension); ++d) {
      if (n[d] % 2 == 0 && coupling[d] > 0.5 * strongest) directions |= Directions(1) << d;
    }
    const GlobalId n_cells = n_halved(directions);
    const GlobalId largest_share = (n_cells + n_ranks - 1) / n_ranks;
    if (n_cells < n_ranks || 4 * largest_share * n_ranks > 5 * n_cells) break;
    halve(directions);
  }
  const Directions all = all_directions(dimension);
  for (;;) {
    const GlobalId n_cells = n_halved(all);
    const GlobalId least = n_ranks == 1 ? 8 : n_cells % n_ranks == 0 ? 16 : 64;
    if (n_cells < least * n_ranks) break;
    halve(all);
  }
  return steps;
}

Hierarchy make_box_hierarchy(const comm::Communicator& communicator, const Box& box,
                             const std::vector<Directions>& steps,
                             const std::function<std::vector<int>(const Mesh&)>& partition) {
  Hierarchy hierarchy;
  Box coarse = box;
  const auto scale = [&coarse](Directions directions, bool up) {
    for (std::size_t d = 0; d < 3; ++d) {
      if ((directions >> d & 1) == 0) continue;
      coarse.stride[d] = up ? 2 * coarse.stride[d] : coarse.stride[d] / 2;
    }
  };
  for (const Directions directions : steps) scale(directions, true);
  const Bricks coarsest(coarse);
  std::vector<int> coarsest_part;
  {
    const Mesh raw = make_box(communicator, coarse);
    coarsest_part = partition(raw);
    hierarchy.meshes.push_back(distribute(raw, coarsest_part, true));
  }
  for (std::size_t step = steps.size(); step-- > 0;) {
    const Bricks parents(coarse);
    scale(steps[step], false);
    const Bricks bricks(coarse);
    const Mesh raw = make_box(communicator, coarse);
    hierarchy.meshes.push_back(
        distribute(raw, inherit_part(raw, bricks, coarsest, coarsest_part), true));
    add_parents(hierarchy, steps[step], [&](GlobalId id) {
      auto place = bricks.place(id);
      std::uint8_t corner = 0;
      for (std::size_t d = 0; d < 3; ++d) {
        if ((steps[step] >> d & 1) == 0) continue;
        corner = static_cast<std::uint8_t>(corner | (place[d] & 1) << d);
        place[d] /= 2;
      }
      return Origin{parents.id(place), corner};
    });
  }
  return hierarchy;
}

void inherit_sets(Hierarchy& hierarchy) {
  for (std::size_t l = hierarchy.parents.size(); l-- > 0;) {
    inherit_sets(hierarchy.meshes[l], hierarchy.meshes[l + 1], hierarchy.parents[l]);
  }
}

}  // namespace ritz::mesh
