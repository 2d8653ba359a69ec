// Boundary elements of a file as facets of cells.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "gmsh_build.hpp"
#include "gmsh_file.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"

namespace ritz::mesh::gmsh {

namespace {

using Key = std::array<GlobalId, 4>;  // sorted vertices, -1 pads in front

struct KeyHash {
  std::size_t operator()(const Key& key) const {
    std::uint64_t hash = 0;
    for (GlobalId id : key) {
      hash = (hash ^ static_cast<std::uint64_t>(id)) * 0x9e3779b97f4a7c15ULL;
      hash ^= hash >> 32;
    }
    return static_cast<std::size_t>(hash);
  }
};

/// A facet element on its way.
struct Facet {
  Key vertices;
  std::int64_t least_tag;  // of the vertices; its home is the facet's home
  std::int64_t tag, place;
  std::int32_t group;
};

Key sorted_key(const std::array<GlobalId, 4>& ids, int n) {
  Key key{-1, -1, -1, -1};
  for (std::size_t i = 0; i < std::min<std::size_t>(4, static_cast<std::size_t>(n)); ++i)
    key[3 - i] = ids[i];
  std::sort(key.begin(), key.end());
  return key;
}

/// Exchange of items whose destinations are known one by one, with the way back.
struct Route {
  std::vector<std::size_t> order;   // items by destination
  std::vector<std::size_t> counts;  // by destination

  Route(const std::vector<int>& destinations, int n_ranks)
      : order(destinations.size()), counts(static_cast<std::size_t>(n_ranks), 0) {
    for (int q : destinations) ++counts[static_cast<std::size_t>(q)];
    std::vector<std::size_t> next(counts.size(), 0);
    for (std::size_t q = 1; q < next.size(); ++q) next[q] = next[q - 1] + counts[q - 1];
    for (std::size_t i = 0; i < destinations.size(); ++i) {
      order[next[static_cast<std::size_t>(destinations[i])]++] = i;
    }
  }
};

template <class T>
std::vector<T> send(const comm::Communicator& communicator, const Route& route,
                    const std::vector<T>& items, std::vector<std::size_t>* from = nullptr) {
  std::vector<T> sorted;
  sorted.reserve(items.size());
  for (std::size_t i : route.order) sorted.push_back(items[i]);
  return communicator.exchange(std::span<const T>(sorted),
                               std::span<const std::size_t>(route.counts), from);
}

/// Adds the facets among `wanted` that local cells have to mesh.facet_sets; says for each of the
/// wanted ones whether a cell has it.
std::vector<std::uint8_t> match_local(Mesh& mesh, const std::vector<Facet>& wanted,
                                      const Layout& layout) {
  // Several boundary elements may lie on one facet (one for each physical group in version 2.2).
  std::unordered_multimap<Key, std::size_t, KeyHash> by_vertices;
  std::vector<GlobalId> least;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    by_vertices.emplace(wanted[i].vertices, i);
    least.push_back(*std::find_if(wanted[i].vertices.begin(), wanted[i].vertices.end(),
                                  [](GlobalId id) { return id >= 0; }));
  }
  std::sort(least.begin(), least.end());
  std::vector<std::uint8_t> is_least(static_cast<std::size_t>(mesh.n_vertices), 0);
  for (std::size_t v = 0; v < is_least.size(); ++v) {
    is_least[v] = std::binary_search(least.begin(), least.end(), mesh.node_gid[v]) ? 1 : 0;
  }

  std::vector<std::uint8_t> found(wanted.size(), 0);
  const CellTable& cell_table = table(mesh.cell_type);
  const int n_corners = table(cell_table.facet_type).n_vertices;
  const auto n_nodes = static_cast<std::size_t>(mesh.nodes_per_cell());
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const LocalId* nodes = mesh.cell_nodes.data() + static_cast<std::size_t>(cell) * n_nodes;
    for (int f = 0; f < cell_table.n_facets; ++f) {
      std::array<GlobalId, 4> ids{};
      bool candidate = false;
      for (int v = 0; v < n_corners; ++v) {
        const auto vertex = static_cast<std::size_t>(
            nodes[cell_table.facets[static_cast<std::size_t>(f)][static_cast<std::size_t>(v)]]);
        ids[static_cast<std::size_t>(v)] = mesh.node_gid[vertex];
        candidate = candidate || is_least[vertex] != 0;
      }
      if (!candidate) continue;
      const auto [begin, end] = by_vertices.equal_range(sorted_key(ids, n_corners));
      for (auto match = begin; match != end; ++match) {
        found[match->second] = 1;
        for (int set : layout.group_sets[static_cast<std::size_t>(wanted[match->second].group)]) {
          mesh.facet_sets.push_back(
              {cell, static_cast<std::int16_t>(f), static_cast<std::int16_t>(set)});
        }
      }
    }
  }
  std::sort(mesh.facet_sets.begin(), mesh.facet_sets.end());
  mesh.facet_sets.erase(std::unique(mesh.facet_sets.begin(), mesh.facet_sets.end()),
                        mesh.facet_sets.end());
  return found;
}

}  // namespace

void match_facets(Mesh& mesh, const std::vector<ElementList>& elements,
                  const std::vector<const ElementType*>& types, const NodeHomes& homes,
                  const Layout& layout, const Origin& origin) {
  const comm::Communicator& communicator = mesh.communicator;
  const auto in_set = [&](const std::int64_t* element) {
    return !layout.group_sets[static_cast<std::size_t>(element[ElementList::group])].empty();
  };
  const auto each = [&](const auto& visit) {
    for (std::size_t t = 0; t < elements.size(); ++t) {
      for (std::size_t i = 0; i < elements[t].size(); ++i) {
        if (in_set(elements[t][i])) visit(elements[t][i], *types[t]);
      }
    }
  };

  // Global ids of the corners.
  const TagList tags = TagList::collect([&](const auto& use) {
    each([&](const std::int64_t* element, const ElementType& type) {
      for (int v = 0; v < type.n_nodes; ++v)
        use(element[ElementList::nodes + static_cast<std::size_t>(v)], TagList::corner);
    });
  });
  const std::vector<NodeAnswer> answers = homes.look_up(tags);
  std::vector<Facet> facets;
  std::vector<int> destinations;
  Finding dangling, unmatched;
  std::int64_t dangling_node = 0;
  each([&](const std::int64_t* element, const ElementType& type) {
    const std::int64_t place = element[ElementList::place], tag = element[ElementList::tag];
    std::array<GlobalId, 4> ids{};
    std::int64_t least_tag = INT64_MAX;
    bool all_used = true;
    for (int v = 0; v < type.n_nodes; ++v) {
      const std::int64_t node = element[ElementList::nodes + static_cast<std::size_t>(v)];
      const GlobalId gid = answers[tags.position(node)].gid;
      if (gid == NodeAnswer::missing) {
        if (place < dangling.first) dangling_node = node;
        dangling.add(place, tag, place);
        return;
      }
      if (v >= type.n_corners) continue;
      ids[static_cast<std::size_t>(v)] = gid;
      least_tag = std::min(least_tag, node);
      all_used = all_used && gid >= 0 && gid < homes.n_vertices();
    }
    if (!all_used) {
      unmatched.add(place, tag, place);
      return;
    }
    facets.push_back({sorted_key(ids, type.n_corners), least_tag, tag, place,
                      static_cast<std::int32_t>(element[ElementList::group])});
    destinations.push_back(homes.home(least_tag));
  });
  refuse(communicator, origin, dangling, [&](std::int64_t, std::int64_t tag) {
    return fmt::format("element {} has node {}, which is not among the $Nodes", tag, dangling_node);
  });

  // To the home of the least vertex, which knows who has cells there; from there to those ranks.
  facets = send(communicator, Route(destinations, communicator.size()), facets);
  std::vector<Facet> copies;
  std::vector<std::size_t> original;
  destinations.clear();
  std::vector<int> ranks;
  for (std::size_t i = 0; i < facets.size(); ++i) {
    homes.ranks_with_corner(facets[i].least_tag, ranks);
    for (int q : ranks) {
      copies.push_back(facets[i]);
      original.push_back(i);
      destinations.push_back(q);
    }
  }
  const Route route(destinations, communicator.size());
  std::vector<std::size_t> from;
  const std::vector<Facet> wanted = send(communicator, route, copies, &from);
  const std::vector<std::uint8_t> found = match_local(mesh, wanted, layout);

  // Back the same way: each facet must have been found somewhere.
  const std::vector<std::uint8_t> replies = communicator.exchange(
      std::span<const std::uint8_t>(found), std::span<const std::size_t>(from));
  std::vector<std::uint8_t> matched(facets.size(), 0);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i] != 0) matched[original[route.order[i]]] = 1;
  }
  for (std::size_t i = 0; i < facets.size(); ++i) {
    if (matched[i] == 0) unmatched.add(facets[i].place, facets[i].tag, facets[i].place);
  }
  refuse(communicator, origin, unmatched, [&](std::int64_t n, std::int64_t tag) {
    return fmt::format(
        "{} boundary element{} of physical groups {} no facet of any cell, the first is element "
        "{}: "
        "the boundary was not meshed together with the cells (in Gmsh: Coherence, "
        "BooleanFragments)",
        base::count_text(n), n == 1 ? "" : "s", n == 1 ? "is" : "are", tag);
  });
}

}  // namespace ritz::mesh::gmsh
