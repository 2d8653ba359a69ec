#include "ritz/base/format.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "ritz/base/fault.hpp"
#include "ritz/base/text.hpp"
#include "ritz/mesh/mesh.hpp"
#include "vertex_classes.hpp"

namespace ritz::mesh {

namespace {

using base::Error;
using base::ExitCode;

/// Scratch memory that nobody reads before it is written: no time is spent on zeros.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::size_t n) : data_(std::make_unique_for_overwrite<T[]>(n)), n_(n) {}
  [[nodiscard]] T& operator[](std::size_t i) { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return data_[i]; }
  [[nodiscard]] T* data() { return data_.get(); }
  [[nodiscard]] std::span<const T> span() const { return {data_.get(), n_}; }
  [[nodiscard]] std::size_t size() const { return n_; }

 private:
  std::unique_ptr<T[]> data_;
  std::size_t n_;
};

/// Stable sort of 64-bit words by their bits [first_bit, last_bit): least significant digit first,
/// 11 bits at a time (the 2048 counters fit the first-level cache).
void radix_sort(Scratch<std::uint64_t>& words, int first_bit, int last_bit) {
  constexpr int digit = 11;
  constexpr std::size_t n_buckets = std::size_t{1} << digit;
  const std::size_t n = words.size();
  if (n < 2) return;
  Scratch<std::uint64_t> other(n);
  std::array<std::size_t, n_buckets> start;
  for (int bit = first_bit; bit < last_bit; bit += digit) {
    const std::uint64_t mask = (std::uint64_t{1} << std::min(digit, last_bit - bit)) - 1;
    start.fill(0);
    for (std::size_t i = 0; i < n; ++i) ++start[(words[i] >> bit) & mask];
    if (start[(words[0] >> bit) & mask] == n) continue;  // all alike in this digit
    std::size_t sum = 0;
    for (std::size_t& one : start) sum += std::exchange(one, sum);
    for (std::size_t i = 0; i < n; ++i) other[start[(words[i] >> bit) & mask]++] = words[i];
    std::swap(words, other);
  }
}

/// Items to be sorted by a key of up to 64 bits: 32 bits of the key above the item's index.
constexpr int index_bits = 32;
constexpr std::uint64_t index_mask = (std::uint64_t{1} << index_bits) - 1;

/// Indices 0..n-1 in the order of `key(i)`, which has `key_bits` significant bits; `less` decides
/// between keys that are equal in their leading 32 bits.
template <class Key, class Less>
Scratch<std::uint64_t> order_by(std::size_t n, int key_bits, const Key& key, const Less& less) {
  const int dropped = std::max(0, key_bits - index_bits);
  Scratch<std::uint64_t> words(n);
  for (std::size_t i = 0; i < n; ++i) words[i] = (key(i) >> dropped) << index_bits | i;
  radix_sort(words, index_bits, index_bits + key_bits - dropped);
  for (std::size_t i = 0; i < n;) {
    std::size_t end = i + 1;
    while (end < n && words[end] >> index_bits == words[i] >> index_bits) ++end;
    if (end - i > 1) {
      std::sort(words.data() + i, words.data() + end, [&](std::uint64_t a, std::uint64_t b) {
        return less(a & index_mask, b & index_mask);
      });
    }
    i = end;
  }
  for (std::size_t i = 0; i < n; ++i) words[i] &= index_mask;
  return words;
}

/// Cells with their nodes, as a rank has them before it packs some of them.
struct CellsView {
  std::size_t dimension;
  std::size_t nodes_per_cell;
  std::span<const GlobalId> node_gid;
  std::span<const double> node_coordinates;
  std::span<const GlobalId> cell_gid;
  std::span<const LocalId> cell_nodes;
  std::span<const std::int16_t> cell_region;
  std::span<const std::uint8_t> exterior;  ///< empty: not sent
  std::span<const FacetInSet> facet_sets;  ///< sorted by cell; a facet's cell may lie past the end
};

/// What arrived: all sources' cells one after the other, in rank order.
struct Parcel {
  std::vector<GlobalId> node_gid;  ///< each source's nodes; one node may come from several
  std::vector<double> node_coordinates;
  std::vector<GlobalId> cell_gid;
  std::vector<LocalId> cell_nodes;  ///< places in node_gid
  std::vector<std::int16_t> cell_region;
  std::vector<std::uint8_t> exterior;
  std::vector<FacetInSet> facet_sets;   ///< cell: place in cell_gid
  std::vector<std::size_t> cells_from;  ///< [rank]
};

void check_local_count(std::size_t n, const char* what) {
  if (n > static_cast<std::size_t>(std::numeric_limits<LocalId>::max())) {
    throw Error(ExitCode::memory,
                fmt::format("{} {} on one rank (at most 2^31 - 1); use more ranks", n, what));
  }
}

/// Sends copies of cells to other ranks: `counts[q]` of `cells` (local indices, one destination
/// after the other) to rank q, with every node once for each destination. Collective.
Parcel ship(const comm::Communicator& communicator, const CellsView& from,
            std::span<const LocalId> cells, const std::vector<std::size_t>& counts) {
  const std::size_t dimension = from.dimension, width = from.nodes_per_cell;
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  const std::size_t n_cells = cells.size();

  std::vector<std::uint8_t> in_a_set(from.cell_gid.size(), 0);
  for (const FacetInSet& one : from.facet_sets) {
    const auto cell = static_cast<std::size_t>(one.cell);
    if (cell < in_a_set.size()) in_a_set[cell] = 1;
  }

  // place[node]: the node's place in the list for the destination at hand, -1 if not in it yet.
  std::vector<LocalId> place(from.node_gid.size(), -1);
  std::vector<LocalId> nodes;  // local indices, one destination's list after the other
  nodes.reserve(std::min(from.node_gid.size() + from.node_gid.size() / 8, n_cells * width));
  std::vector<std::size_t> node_counts(n_ranks, 0), facet_counts(n_ranks, 0), node_refs(n_ranks, 0);
  Scratch<LocalId> cell_nodes(n_cells * width);
  Scratch<GlobalId> cell_gid(n_cells);
  Scratch<std::int16_t> cell_region(n_cells);
  Scratch<std::uint8_t> exterior(from.exterior.empty() ? 0 : n_cells);
  std::vector<FacetInSet> facets;
  std::size_t at = 0;
  for (std::size_t q = 0; q < n_ranks; ++q) {
    const std::size_t first_node = nodes.size(), first_cell = at, first_facet = facets.size();
    LocalId n_nodes = 0;
    for (const std::size_t end = at + counts[q]; at < end; ++at) {
      const auto cell = static_cast<std::size_t>(cells[at]);
      for (std::size_t i = 0; i < width; ++i) {
        const LocalId node = from.cell_nodes[cell * width + i];
        LocalId& where = place[static_cast<std::size_t>(node)];
        if (where < 0) {
          where = n_nodes++;
          nodes.push_back(node);
        }
        cell_nodes[at * width + i] = where;
      }
      cell_gid[at] = from.cell_gid[cell];
      cell_region[at] = from.cell_region[cell];
      if (!from.exterior.empty()) exterior[at] = from.exterior[cell];
      if (in_a_set[cell]) {
        auto facet = std::lower_bound(
            from.facet_sets.begin(), from.facet_sets.end(), cells[at],
            [](const FacetInSet& one, LocalId wanted) { return one.cell < wanted; });
        for (; facet != from.facet_sets.end() && facet->cell == cells[at]; ++facet) {
          facets.push_back({static_cast<LocalId>(at - first_cell), facet->facet, facet->set});
        }
      }
    }
    node_counts[q] = nodes.size() - first_node;
    facet_counts[q] = facets.size() - first_facet;
    node_refs[q] = counts[q] * width;
    for (std::size_t i = first_node; i < nodes.size(); ++i) {
      place[static_cast<std::size_t>(nodes[i])] = -1;
    }
  }
  Scratch<GlobalId> node_gid(nodes.size());
  Scratch<double> coordinates(nodes.size() * dimension);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto node = static_cast<std::size_t>(nodes[i]);
    node_gid[i] = from.node_gid[node];
    for (std::size_t d = 0; d < dimension; ++d) {
      coordinates[i * dimension + d] = from.node_coordinates[node * dimension + d];
    }
  }
  std::vector<std::size_t> coordinate_counts(node_counts);
  for (std::size_t& n : coordinate_counts) n *= dimension;

  Parcel in;
  std::vector<std::size_t> nodes_from, facets_from;
  const std::span<const std::size_t> by_cell(counts);
  in.node_gid = communicator.exchange(node_gid.span(), node_counts, &nodes_from);
  in.node_coordinates = communicator.exchange(coordinates.span(), coordinate_counts);
  in.cell_gid = communicator.exchange(cell_gid.span(), by_cell, &in.cells_from);
  in.cell_nodes = communicator.exchange(cell_nodes.span(), node_refs);
  in.cell_region = communicator.exchange(cell_region.span(), by_cell);
  // Whether flags travel is the same on every rank only if asked by the caller's argument; a rank
  // without cells has an empty span in both cases, and sends nothing in both.
  in.exterior = communicator.exchange(
      exterior.span(), from.exterior.empty() ? std::vector<std::size_t>(n_ranks, 0) : counts);
  in.facet_sets =
      communicator.exchange(std::span<const FacetInSet>(facets), facet_counts, &facets_from);

  communicator.together([&] {
    check_local_count(in.cell_gid.size(), "cells");
    check_local_count(in.node_gid.size(), "nodes");
  });
  std::size_t cell = 0, node = 0, facet = 0;
  for (std::size_t q = 0; q < n_ranks; ++q) {
    if (node > 0) {
      const std::size_t end = (cell + in.cells_from[q]) * width;
      for (std::size_t i = cell * width; i < end; ++i)
        in.cell_nodes[i] += static_cast<LocalId>(node);
    }
    for (std::size_t i = 0; i < facets_from[q]; ++i) {
      in.facet_sets[facet++].cell += static_cast<LocalId>(cell);
    }
    cell += in.cells_from[q];
    node += nodes_from[q];
  }
  return in;
}

/// Spreads the low 21 bits so that dimension - 1 zeros follow each.
template <std::size_t dimension>
std::uint64_t spread(std::uint64_t x) {
  if constexpr (dimension == 2) {
    x = (x | x << 16) & 0x0000ffff0000ffffULL;
    x = (x | x << 8) & 0x00ff00ff00ff00ffULL;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0fULL;
    x = (x | x << 2) & 0x3333333333333333ULL;
    x = (x | x << 1) & 0x5555555555555555ULL;
  } else if constexpr (dimension == 3) {
    x = (x | x << 32) & 0x001f00000000ffffULL;
    x = (x | x << 16) & 0x001f0000ff0000ffULL;
    x = (x | x << 8) & 0x100f00f00f00f00fULL;
    x = (x | x << 4) & 0x10c30c30c30c30c3ULL;
    x = (x | x << 2) & 0x1249249249249249ULL;
  }
  return x;
}

/// Places of the cells' centroids on the Morton curve; 21 bits a direction over the longest side of
/// the global bounding box. Collective.
template <std::size_t dimension, std::size_t n_corners>
Scratch<std::uint64_t> morton_keys(const comm::Communicator& communicator, const Parcel& in,
                                   std::size_t width) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::array<double, 2 * dimension> bounds;  // lower, -upper: one reduction
  bounds.fill(infinity);
  for (std::size_t i = 0; i < in.node_gid.size(); ++i) {
    for (std::size_t d = 0; d < dimension; ++d) {
      const double x = in.node_coordinates[i * dimension + d];
      bounds[d] = std::min(bounds[d], x);
      bounds[dimension + d] = std::min(bounds[dimension + d], -x);
    }
  }
  communicator.all_reduce(std::span<double>(bounds), comm::Op::min);
  double longest = 0.0;
  for (std::size_t d = 0; d < dimension; ++d) {
    longest = std::max(longest, -bounds[dimension + d] - bounds[d]);
  }
  constexpr double n_steps = 0x1p21;
  const double scale = longest > 0.0 && longest < infinity ? n_steps / longest : 0.0;
  const double weight = scale / static_cast<double>(n_corners);

  const std::size_t n_cells = in.cell_gid.size();
  Scratch<std::uint64_t> keys(n_cells);
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    std::array<double, dimension> sum{};
    for (std::size_t v = 0; v < n_corners; ++v) {
      const double* x = in.node_coordinates.data() +
                        static_cast<std::size_t>(in.cell_nodes[cell * width + v]) * dimension;
      for (std::size_t d = 0; d < dimension; ++d) sum[d] += x[d];
    }
    std::uint64_t key = 0;
    for (std::size_t d = 0; d < dimension; ++d) {
      const double step = sum[d] * weight - bounds[d] * scale;
      const double inside = step > 0.0 ? std::min(step, n_steps - 1.0) : 0.0;  // NaN: 0
      key |= spread<dimension>(static_cast<std::uint64_t>(static_cast<std::int64_t>(inside))) << d;
    }
    keys[cell] = key;
  }
  return keys;
}

Scratch<std::uint64_t> as_they_come(std::size_t n) {
  Scratch<std::uint64_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  return order;
}

/// The cells' order along the Morton curve, ties by global id. Collective.
Scratch<std::uint64_t> morton_order(const comm::Communicator& communicator, CellType type,
                                    const Parcel& in, std::size_t width) {
  const auto keys = [&] {
    switch (type) {
      case CellType::line:
        return morton_keys<1, 2>(communicator, in, width);
      case CellType::tri:
        return morton_keys<2, 3>(communicator, in, width);
      case CellType::quad:
        return morton_keys<2, 4>(communicator, in, width);
      case CellType::tet:
        return morton_keys<3, 4>(communicator, in, width);
      default:
        return morton_keys<3, 8>(communicator, in, width);
    }
  }();
  return order_by(
      keys.size(), 21 * table(type).dimension, [&](std::size_t i) { return keys[i]; },
      [&](std::size_t a, std::size_t b) {
        return keys[a] != keys[b] ? keys[a] < keys[b] : in.cell_gid[a] < in.cell_gid[b];
      });
}

/// A vertex that this rank's cells touch, and another rank whose cells touch it too.
struct Share {
  GlobalId vertex;
  std::int64_t rank;
};

/// All pairs (vertex of mine, other rank that has it), by vertex, then by rank. `vertices`: global
/// ids, increasing. Each vertex has a home rank by its id alone, which hears of all who have it.
/// Collective.
std::vector<Share> find_shares(const comm::Communicator& communicator, GlobalId n_vertices_global,
                               std::span<const GlobalId> vertices) {
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  if (n_ranks == 1) return {};
  const comm::BlockRange homes(n_vertices_global, communicator.size());
  std::vector<std::size_t> counts(n_ranks, 0);
  const GlobalId* begin = vertices.data();
  const GlobalId* const end = begin + vertices.size();
  for (std::size_t q = 0; q < n_ranks; ++q) {
    const GlobalId* next = std::lower_bound(begin, end, homes.end(static_cast<int>(q)));
    counts[q] = static_cast<std::size_t>(next - begin);
    begin = next;
  }
  std::vector<std::size_t> from;
  const std::vector<GlobalId> told = communicator.exchange(vertices, counts, &from);

  const GlobalId first = homes.begin(communicator.rank());
  const auto n_home = static_cast<std::size_t>(homes.end(communicator.rank()) - first);
  std::vector<LocalId> n_of(n_home, 0);
  for (const GlobalId vertex : told) ++n_of[static_cast<std::size_t>(vertex - first)];
  // Ranks of the shared vertices, one vertex after the other; end_of grows while they are filled
  // in.
  std::vector<std::size_t> end_of(n_home, 0);
  std::size_t total = 0;
  for (std::size_t i = 0; i < n_home; ++i) {
    end_of[i] = total;
    if (n_of[i] > 1) total += static_cast<std::size_t>(n_of[i]);
  }
  std::vector<int> ranks(total);
  std::vector<std::size_t> reply_counts(n_ranks, 0);
  std::size_t n_replies = 0;
  {
    std::size_t at = 0;
    for (std::size_t q = 0; q < n_ranks; ++q) {
      for (const std::size_t stop = at + from[q]; at < stop; ++at) {
        const auto i = static_cast<std::size_t>(told[at] - first);
        if (n_of[i] < 2) continue;
        ranks[end_of[i]++] = static_cast<int>(q);
        reply_counts[q] += static_cast<std::size_t>(n_of[i] - 1);
      }
      n_replies += reply_counts[q];
    }
  }
  std::vector<Share> replies;
  replies.reserve(n_replies);
  std::size_t at = 0;
  for (std::size_t q = 0; q < n_ranks; ++q) {
    for (const std::size_t stop = at + from[q]; at < stop; ++at) {
      const auto i = static_cast<std::size_t>(told[at] - first);
      if (n_of[i] < 2) continue;
      for (std::size_t r = end_of[i] - static_cast<std::size_t>(n_of[i]); r < end_of[i]; ++r) {
        if (ranks[r] != static_cast<int>(q)) replies.push_back({told[at], ranks[r]});
      }
    }
  }
  return communicator.exchange(std::span<const Share>(replies), reply_counts);
}

/// For each rank the owned cells that touch a vertex it has too, by global id of the cell. `place`:
/// of each local vertex in `vertices`; empty if it is the vertex itself.
std::vector<std::vector<LocalId>> cells_for_neighbours(
    std::size_t n_ranks, std::span<const Share> shares, std::span<const GlobalId> vertices,
    std::span<const GlobalId> cell_gid, std::span<const LocalId> cell_nodes,
    std::span<const LocalId> place, std::size_t width, std::size_t n_corners) {
  std::vector<std::vector<LocalId>> send(n_ranks);
  if (shares.empty()) return send;
  // first_share[v]: where the shares of local vertex v begin, -1 if nobody else has it.
  std::vector<LocalId> first_share(vertices.size(), -1);
  std::size_t v = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (i > 0 && shares[i].vertex == shares[i - 1].vertex) continue;
    while (vertices[v] < shares[i].vertex) ++v;
    first_share[v] = static_cast<LocalId>(i);
  }
  std::vector<LocalId> last_cell(n_ranks, -1);
  const auto n_cells = static_cast<LocalId>(cell_gid.size());
  for (LocalId cell = 0; cell < n_cells; ++cell) {
    const LocalId* corners = cell_nodes.data() + static_cast<std::size_t>(cell) * width;
    for (std::size_t c = 0; c < n_corners; ++c) {
      const auto corner = static_cast<std::size_t>(corners[c]);
      const auto vertex = place.empty() ? corner : static_cast<std::size_t>(place[corner]);
      const LocalId start = first_share[vertex];
      if (start < 0) continue;
      const auto first = static_cast<std::size_t>(start);
      for (std::size_t i = first; i < shares.size() && shares[i].vertex == shares[first].vertex;
           ++i) {
        const auto q = static_cast<std::size_t>(shares[i].rank);
        if (last_cell[q] == cell) continue;
        last_cell[q] = cell;
        send[q].push_back(cell);
      }
    }
  }
  for (std::vector<LocalId>& cells : send) {
    std::sort(cells.begin(), cells.end(), [&](LocalId a, LocalId b) {
      return cell_gid[static_cast<std::size_t>(a)] < cell_gid[static_cast<std::size_t>(b)];
    });
  }
  return send;
}

[[noreturn]] void refuse_facet(const Mesh& mesh, std::span<LocalId> corners,
                               std::vector<GlobalId> cells) {
  // By global ids, so that the words do not depend on the number of ranks.
  std::sort(corners.begin(), corners.end(), [&](LocalId a, LocalId b) {
    return mesh.node_gid[static_cast<std::size_t>(a)] < mesh.node_gid[static_cast<std::size_t>(b)];
  });
  std::sort(cells.begin(), cells.end());
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  std::string places, numbers;
  for (const LocalId corner : corners) {
    places += " (";
    for (std::size_t d = 0; d < dimension; ++d) {
      if (d > 0) places += ", ";
      places += base::number_text(
          mesh.node_coordinates[static_cast<std::size_t>(corner) * dimension + d]);
    }
    places += ')';
  }
  for (const GlobalId cell : cells) {
    if (!numbers.empty()) numbers += ", ";
    numbers += std::to_string(cell);
  }
  throw Error(
      ExitCode::mesh,
      fmt::format("{} cells (numbers {}, from 0) share the facet with the vertices{}; at most "
                  "two can: look for duplicate or overlapping cells",
                  cells.size(), numbers, places));
}

/// Sets mesh.exterior of the owned cells: facets that no other local cell has. Every cell that
/// could share a facet with an owned one is local. Local; throws Error(mesh) if three cells share a
/// facet.
void match_facets(Mesh& mesh) {
  const CellTable& t = table(mesh.cell_type);
  const auto width = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n_facets = static_cast<std::size_t>(t.n_facets);
  const auto n_corners = static_cast<std::size_t>(table(t.facet_type).n_vertices);
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells());
  const auto n_owned = static_cast<std::size_t>(mesh.n_cells_owned);

  // Facets are gathered at their lowest vertex; there, few are left to compare.
  const auto corners_of = [&](std::size_t cell, std::size_t facet) {
    std::array<LocalId, 4> corners;
    corners.fill(std::numeric_limits<LocalId>::max());
    for (std::size_t i = 0; i < n_corners; ++i) {
      corners[i] = mesh.cell_nodes[cell * width + static_cast<std::size_t>(t.facets[facet][i])];
    }
    return corners;
  };
  std::vector<std::size_t> start(static_cast<std::size_t>(mesh.n_vertices) + 1, 0);
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    for (std::size_t f = 0; f < n_facets; ++f) {
      const auto corners = corners_of(cell, f);
      ++start[static_cast<std::size_t>(*std::min_element(corners.begin(), corners.end())) + 1];
    }
  }
  std::partial_sum(start.begin(), start.end(), start.begin());
  Scratch<std::uint64_t> facets(n_cells * n_facets);
  {
    std::vector<std::size_t> next(start.begin(), start.end() - 1);
    for (std::size_t cell = 0; cell < n_cells; ++cell) {
      for (std::size_t f = 0; f < n_facets; ++f) {
        const auto corners = corners_of(cell, f);
        const auto lowest = *std::min_element(corners.begin(), corners.end());
        facets[next[static_cast<std::size_t>(lowest)]++] = cell * n_facets + f;
      }
    }
  }
  struct Entry {
    std::array<LocalId, 4> corners;
    std::uint64_t facet;
  };
  std::vector<Entry> here;
  mesh.exterior.assign(n_cells, 0);
  for (std::size_t v = 0; v + 1 < start.size(); ++v) {
    here.clear();
    for (std::size_t i = start[v]; i < start[v + 1]; ++i) {
      auto corners = corners_of(facets[i] / n_facets, facets[i] % n_facets);
      std::sort(corners.begin(), corners.end());
      here.push_back({corners, facets[i]});
    }
    std::sort(here.begin(), here.end(), [](const Entry& a, const Entry& b) {
      return a.corners != b.corners ? a.corners < b.corners : a.facet < b.facet;
    });
    for (std::size_t i = 0; i < here.size();) {
      std::size_t end = i + 1;
      while (end < here.size() && here[end].corners == here[i].corners) ++end;
      if (end - i > 2) {
        std::vector<GlobalId> cells;
        for (std::size_t k = i; k < end; ++k) {
          cells.push_back(mesh.cell_gid[here[k].facet / n_facets]);
        }
        refuse_facet(mesh, std::span(here[i].corners).first(n_corners), std::move(cells));
      }
      const std::size_t cell = here[i].facet / n_facets;
      if (end - i == 1 && cell < n_owned) {
        mesh.exterior[cell] |= static_cast<std::uint8_t>(1U << (here[i].facet % n_facets));
      }
      i = end;
    }
  }
}

/// A mesh with the sizes and names of another and nothing in it.
Mesh same_kind(const Mesh& mesh) {
  Mesh result(mesh.communicator);
  result.cell_type = mesh.cell_type;
  result.geometry_order = mesh.geometry_order;
  result.n_cells_global = mesh.n_cells_global;
  result.n_vertices_global = mesh.n_vertices_global;
  result.n_nodes_global = mesh.n_nodes_global;
  result.region_names = mesh.region_names;
  result.set_names = mesh.set_names;
  return result;
}

}  // namespace

Mesh distribute(const Mesh& mesh, const std::vector<int>& part, bool exterior_known) {
  return distribute_classes(mesh, part, exterior_known, {});
}

Mesh distribute_classes(const Mesh& mesh, const std::vector<int>& part, bool exterior_known,
                        const VertexClasses& classes) {
  if (mesh.is_periodic()) {
    throw Error(ExitCode::internal,
                "a periodic mesh is not dealt out again: join its facets last; please report this");
  }
  const comm::Communicator& communicator = mesh.communicator;
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  const auto width = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n_corners = static_cast<std::size_t>(table(mesh.cell_type).n_vertices);
  const auto n_before = static_cast<std::size_t>(mesh.n_cells_owned);
  communicator.together([&] {
    if (part.size() != n_before) {
      throw Error(ExitCode::internal,
                  fmt::format("partition of {} cells for {} owned cells", part.size(), n_before));
    }
    for (const int q : part) {
      if (q < 0 || q >= communicator.size()) {
        throw Error(ExitCode::internal, fmt::format("cell assigned to rank {} of {}", q, n_ranks));
      }
    }
  });

  base::fault_point("distribute");
  // ---- owned cells to their new ranks ----
  std::vector<std::size_t> counts(n_ranks, 0);
  for (const int q : part) ++counts[static_cast<std::size_t>(q)];
  Parcel in;
  {
    std::vector<std::size_t> next(n_ranks, 0);
    std::exclusive_scan(counts.begin(), counts.end(), next.begin(), std::size_t{0});
    Scratch<LocalId> cells(n_before);
    for (std::size_t cell = 0; cell < n_before; ++cell) {
      cells[next[static_cast<std::size_t>(part[cell])]++] = static_cast<LocalId>(cell);
    }
    const auto owned = [&](const auto& values, std::size_t per_cell) {
      return std::span(values).first(n_before * per_cell);
    };
    CellsView view{dimension,
                   width,
                   mesh.node_gid,
                   mesh.node_coordinates,
                   owned(mesh.cell_gid, 1),
                   owned(mesh.cell_nodes, width),
                   owned(mesh.cell_region, 1),
                   {},
                   mesh.facet_sets};
    if (exterior_known) view.exterior = owned(mesh.exterior, 1);
    in = ship(communicator, view, cells.span(), counts);
  }
  Mesh result = same_kind(mesh);
  const std::size_t n_owned = in.cell_gid.size();
  result.n_cells_owned = static_cast<LocalId>(n_owned);

  // ---- each node once, by global id: vertices come first by their ids ----
  std::vector<GlobalId> unique_gid;
  std::vector<LocalId> unique_place;  // a place of the node in the parcel
  std::vector<LocalId> unique_of(in.node_gid.size());
  {
    const std::size_t n = in.node_gid.size();
    const Scratch<std::uint64_t> order = order_by(
        n, std::bit_width(static_cast<std::uint64_t>(mesh.n_nodes_global)),
        [&](std::size_t i) { return static_cast<std::uint64_t>(in.node_gid[i]); },
        [&](std::size_t a, std::size_t b) {
          return in.node_gid[a] != in.node_gid[b] ? in.node_gid[a] < in.node_gid[b] : a < b;
        });
    unique_gid.reserve(n);
    unique_place.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto place = static_cast<std::size_t>(order[i]);
      if (unique_gid.empty() || unique_gid.back() != in.node_gid[place]) {
        unique_gid.push_back(in.node_gid[place]);
        unique_place.push_back(static_cast<LocalId>(place));
      }
      unique_of[place] = static_cast<LocalId>(unique_gid.size() - 1);
    }
  }
  const std::size_t n_unique = unique_gid.size();
  const auto n_unique_vertices = static_cast<std::size_t>(
      std::lower_bound(unique_gid.begin(), unique_gid.end(), mesh.n_vertices_global) -
      unique_gid.begin());
  std::vector<double> unique_coordinates(n_unique * dimension);
  for (std::size_t i = 0; i < n_unique; ++i) {
    const auto place = static_cast<std::size_t>(unique_place[i]);
    for (std::size_t d = 0; d < dimension; ++d) {
      unique_coordinates[i * dimension + d] = in.node_coordinates[place * dimension + d];
    }
  }

  // ---- owned cells in Morton order; cell_nodes holds unique nodes until the end ----
  {
    // Where facets are joined cells stay in order: those of a mapped box are in the box's.
    const Scratch<std::uint64_t> order =
        classes ? as_they_come(n_owned) : morton_order(communicator, mesh.cell_type, in, width);
    // Room for ghosts: pages that stay unused cost nothing, moving everything later would.
    const std::size_t room = n_owned + n_owned / 8;
    result.cell_gid.reserve(room);
    result.cell_nodes.reserve(room * width);
    result.cell_region.reserve(room);
    result.cell_gid.resize(n_owned);
    result.cell_nodes.resize(n_owned * width);
    result.cell_region.resize(n_owned);
    if (exterior_known) {
      result.exterior.reserve(room);
      result.exterior.resize(n_owned);
    }
    for (std::size_t cell = 0; cell < n_owned; ++cell) {
      const auto from = static_cast<std::size_t>(order[cell]);
      result.cell_gid[cell] = in.cell_gid[from];
      result.cell_region[cell] = in.cell_region[from];
      if (exterior_known) result.exterior[cell] = in.exterior[from];
      for (std::size_t i = 0; i < width; ++i) {
        result.cell_nodes[cell * width + i] =
            unique_of[static_cast<std::size_t>(in.cell_nodes[from * width + i])];
      }
    }
    if (!in.facet_sets.empty()) {
      std::vector<LocalId> now(n_owned);
      for (std::size_t cell = 0; cell < n_owned; ++cell) {
        now[static_cast<std::size_t>(order[cell])] = static_cast<LocalId>(cell);
      }
      result.facet_sets = std::move(in.facet_sets);
      for (FacetInSet& one : result.facet_sets) one.cell = now[static_cast<std::size_t>(one.cell)];
      std::sort(result.facet_sets.begin(), result.facet_sets.end());
    }
    in = {};
  }

  // ---- ghosts ----
  std::vector<std::vector<LocalId>> send;
  Parcel ghosts;
  {
    const std::span<const GlobalId> vertices(unique_gid.data(), n_unique_vertices);
    std::vector<GlobalId> meeting;  // where cells meet: the vertices or their classes
    std::vector<LocalId> place;     // of the vertices among them
    if (classes) {
      const std::vector<GlobalId> class_of = classes(vertices);
      meeting = class_of;
      std::sort(meeting.begin(), meeting.end());
      meeting.erase(std::unique(meeting.begin(), meeting.end()), meeting.end());
      for (const GlobalId one : class_of) {
        place.push_back(static_cast<LocalId>(std::lower_bound(meeting.begin(), meeting.end(), one) -
                                             meeting.begin()));
      }
    }
    const std::span<const GlobalId> shared =
        classes ? std::span<const GlobalId>(meeting) : vertices;
    const std::vector<Share> shares = find_shares(communicator, mesh.n_vertices_global, shared);
    send = cells_for_neighbours(n_ranks, shares, shared, result.cell_gid, result.cell_nodes, place,
                                width, n_corners);
    std::vector<LocalId> cells;
    for (std::size_t q = 0; q < n_ranks; ++q) {
      counts[q] = send[q].size();
      cells.insert(cells.end(), send[q].begin(), send[q].end());
    }
    ghosts = ship(communicator,
                  {dimension, width, unique_gid, unique_coordinates, result.cell_gid,
                   result.cell_nodes, result.cell_region, result.exterior, result.facet_sets},
                  cells, counts);
  }
  const std::size_t n_ghosts = ghosts.cell_gid.size();
  communicator.together([&] { check_local_count(n_owned + n_ghosts, "cells"); });
  {
    // Nodes that only ghosts have follow the unique ones, by global id too.
    std::vector<LocalId> place_of(ghosts.node_gid.size(), -1);
    std::vector<std::pair<GlobalId, LocalId>> added;
    for (std::size_t i = 0; i < place_of.size(); ++i) {
      const auto end = unique_gid.begin() + static_cast<std::ptrdiff_t>(n_unique);
      const auto found = std::lower_bound(unique_gid.begin(), end, ghosts.node_gid[i]);
      if (found != end && *found == ghosts.node_gid[i]) {
        place_of[i] = static_cast<LocalId>(found - unique_gid.begin());
      } else {
        added.emplace_back(ghosts.node_gid[i], static_cast<LocalId>(i));
      }
    }
    std::sort(added.begin(), added.end());
    for (const auto& [gid, i] : added) {
      const auto from = static_cast<std::size_t>(i);
      if (unique_gid.size() == n_unique || unique_gid.back() != gid) {
        unique_gid.push_back(gid);
        const double* x = ghosts.node_coordinates.data() + from * dimension;
        unique_coordinates.insert(unique_coordinates.end(), x, x + dimension);
      }
      place_of[from] = static_cast<LocalId>(unique_gid.size() - 1);
    }
    for (LocalId& node : ghosts.cell_nodes) node = place_of[static_cast<std::size_t>(node)];
  }
  const auto append = [](auto& to, const auto& more) {
    to.insert(to.end(), more.begin(), more.end());
  };
  append(result.cell_gid, ghosts.cell_gid);
  append(result.cell_nodes, ghosts.cell_nodes);
  append(result.cell_region, ghosts.cell_region);
  append(result.exterior, ghosts.exterior);
  for (FacetInSet& one : ghosts.facet_sets) one.cell += result.n_cells_owned;
  append(result.facet_sets, ghosts.facet_sets);
  std::sort(result.facet_sets.begin(), result.facet_sets.end());
  result.facet_sets.erase(std::unique(result.facet_sets.begin(), result.facet_sets.end()),
                          result.facet_sets.end());

  std::vector<comm::ExchangePlan::Neighbour> neighbours;
  LocalId next_ghost = result.n_cells_owned;
  for (std::size_t q = 0; q < n_ranks; ++q) {
    // A shared vertex has a cell on both sides: whoever sends also receives.
    if (send[q].empty()) continue;
    comm::ExchangePlan::Neighbour neighbour{static_cast<int>(q), std::move(send[q]), {}};
    neighbour.receive.resize(ghosts.cells_from[q]);
    std::iota(neighbour.receive.begin(), neighbour.receive.end(), next_ghost);
    next_ghost += static_cast<LocalId>(ghosts.cells_from[q]);
    result.ghost_owner.insert(result.ghost_owner.end(), ghosts.cells_from[q], static_cast<int>(q));
    neighbours.push_back(std::move(neighbour));
  }
  result.cell_plan = comm::ExchangePlan(communicator, std::move(neighbours));
  result.has_ghosts = true;

  // ---- local nodes in the order in which the cells touch them, vertices first ----
  {
    const std::size_t n_nodes = unique_gid.size(), n_cells = result.cell_gid.size();
    std::vector<LocalId> number(n_nodes, -1);
    Scratch<LocalId> unique_of_node(n_nodes);
    LocalId n_numbered = 0;
    const auto touch = [&](std::size_t first, std::size_t last) {
      for (std::size_t cell = 0; cell < n_cells; ++cell) {
        for (std::size_t i = first; i < last; ++i) {
          LocalId& node = result.cell_nodes[cell * width + i];
          LocalId& now = number[static_cast<std::size_t>(node)];
          if (now < 0) {
            unique_of_node[static_cast<std::size_t>(n_numbered)] = node;
            now = n_numbered++;
          }
          node = now;
        }
      }
    };
    touch(0, n_corners);
    result.n_vertices = n_numbered;
    if (width > n_corners) touch(n_corners, width);
    result.node_gid.resize(n_nodes);
    result.node_coordinates.resize(n_nodes * dimension);
    for (std::size_t i = 0; i < n_nodes; ++i) {
      const auto from = static_cast<std::size_t>(unique_of_node[i]);
      result.node_gid[i] = unique_gid[from];
      for (std::size_t d = 0; d < dimension; ++d) {
        result.node_coordinates[i * dimension + d] = unique_coordinates[from * dimension + d];
      }
    }
  }

  if (!exterior_known) {
    communicator.together([&] { match_facets(result); });
    result.cell_plan.to_ghosts(std::span<std::uint8_t>(result.exterior));
  }
  return result;
}

}  // namespace ritz::mesh
