#include "ritz/partition/partition.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "methods.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/comm/agreement.hpp"

namespace ritz::partition {

namespace {

using comm::BlockRange;
using comm::Communicator;
using comm::Op;
using deck::PartitionMethod;

// The mesh need not be distributed: ghosts, if any, are not looked at.

std::span<const LocalId> vertices_of(const mesh::Mesh& mesh, LocalId cell) {
  const auto stride = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n = static_cast<std::size_t>(mesh::table(mesh.cell_type).n_vertices);
  return {mesh.cell_nodes.data() + static_cast<std::size_t>(cell) * stride, n};
}

/// A vertex and a rank that will own one of its cells.
struct Touch {
  GlobalId vertex;
  std::int32_t rank;
  std::int32_t unused = 0;
  friend auto operator<=>(const Touch&, const Touch&) = default;
};

/// Two ranks that share a vertex.
struct Meeting {
  std::int32_t rank;
  std::int32_t other;
  friend auto operator<=>(const Meeting&, const Meeting&) = default;
};

/// Sends items to the ranks `home(item)` in one go. Collective.
template <class T, class Home>
std::vector<T> send_home(const Communicator& communicator, const std::vector<T>& items,
                         const Home& home) {
  std::vector<std::size_t> counts(static_cast<std::size_t>(communicator.size()), 0);
  for (const T& item : items) ++counts[static_cast<std::size_t>(home(item))];
  std::vector<std::size_t> next(counts.size(), 0);
  for (std::size_t q = 1; q < counts.size(); ++q) next[q] = next[q - 1] + counts[q - 1];
  std::vector<T> sorted(items.size());
  for (const T& item : items) sorted[next[static_cast<std::size_t>(home(item))]++] = item;
  return communicator.exchange(std::span<const T>(sorted), std::span<const std::size_t>(counts));
}

/// Sorted vertex ids of a facet (padded with -1) and the cell behind it.
struct FacetSide {
  std::array<GlobalId, 4> vertices;
  GlobalId cell;
  std::int32_t sender;
  std::int32_t facet;
};

/// The nets of the owned cells. Facet nets: one a facet between two cells, named by the lower
/// cell's id and facet number. Vertex nets: one a vertex. Collective.
void build_nets(const mesh::Mesh& mesh, bool by_facets, std::vector<int>& offsets,
                std::vector<GlobalId>& nets) {
  const auto& table = mesh::table(mesh.cell_type);
  const LocalId n = mesh.n_cells_owned;
  offsets.assign(1, 0);
  nets.clear();
  if (!by_facets) {
    for (LocalId cell = 0; cell < n; ++cell) {
      for (LocalId v : vertices_of(mesh, cell))
        nets.push_back(mesh.node_gid[static_cast<std::size_t>(v)]);
      offsets.push_back(static_cast<int>(nets.size()));
    }
    return;
  }
  const Communicator& communicator = mesh.communicator;
  std::vector<FacetSide> sides;
  sides.reserve(static_cast<std::size_t>(n) * static_cast<std::size_t>(table.n_facets));
  for (LocalId cell = 0; cell < n; ++cell) {
    const auto vertices = vertices_of(mesh, cell);
    for (int f = 0; f < table.n_facets; ++f) {
      FacetSide side{
          {-1, -1, -1, -1}, mesh.cell_gid[static_cast<std::size_t>(cell)], communicator.rank(), f};
      for (std::size_t i = 0; i < 4; ++i) {
        const int corner = table.facets[static_cast<std::size_t>(f)][i];
        if (corner >= 0) {
          const LocalId v = vertices[static_cast<std::size_t>(corner)];
          side.vertices[i] = mesh.node_gid[static_cast<std::size_t>(v)];
        }
      }
      std::sort(side.vertices.begin(), side.vertices.end());
      sides.push_back(side);
    }
  }
  const BlockRange homes(mesh.n_vertices_global, communicator.size());
  std::vector<FacetSide> here = send_home(communicator, sides, [&](const FacetSide& side) {
    return homes.block_of(side.vertices.back());  // the largest: never padding
  });
  std::sort(here.begin(), here.end(), [](const FacetSide& a, const FacetSide& b) {
    return std::tie(a.vertices, a.cell, a.facet) < std::tie(b.vertices, b.cell, b.facet);
  });
  // Tell both sides of each pair the net's name.
  struct Net {
    GlobalId cell;
    GlobalId name;
    std::int64_t to;
  };
  std::vector<Net> answers;
  for (std::size_t i = 0; i + 1 < here.size(); ++i) {
    if (here[i].vertices != here[i + 1].vertices) continue;
    const GlobalId net_name = here[i].cell * table.n_facets + here[i].facet;
    answers.push_back({here[i].cell, net_name, here[i].sender});
    answers.push_back({here[i + 1].cell, net_name, here[i + 1].sender});
  }
  std::vector<Net> mine =
      send_home(communicator, answers, [](const Net& net) { return static_cast<int>(net.to); });
  std::sort(mine.begin(), mine.end(), [](const Net& a, const Net& b) {
    return std::tie(a.cell, a.name) < std::tie(b.cell, b.name);
  });
  for (LocalId cell = 0; cell < n; ++cell) {
    const GlobalId id = mesh.cell_gid[static_cast<std::size_t>(cell)];
    auto at = std::lower_bound(mine.begin(), mine.end(), id,
                               [](const Net& net, GlobalId wanted) { return net.cell < wanted; });
    for (; at != mine.end() && at->cell == id; ++at) nets.push_back(at->name);
    offsets.push_back(static_cast<int>(nets.size()));
  }
}

/// Equal blocks of global cell ids.
std::vector<int> by_block(const mesh::Mesh& mesh) {
  const BlockRange blocks(mesh.n_cells_global, mesh.communicator.size());
  std::vector<int> part(static_cast<std::size_t>(mesh.n_cells_owned));
  for (std::size_t i = 0; i < part.size(); ++i) part[i] = blocks.block_of(mesh.cell_gid[i]);
  return part;
}

}  // namespace

std::string name(PartitionMethod method) {
  switch (method) {
    case PartitionMethod::multijagged:
      return "multijagged";
    case PartitionMethod::rcb:
      return "rcb";
    case PartitionMethod::block:
      return "block";
    case PartitionMethod::graph:
      return "graph";
    case PartitionMethod::hypergraph:
      return "hypergraph";
  }
  return "unknown";
}

std::string Quality::text() const {
  std::string line = fmt::format(
      "partition {}: cells per rank min {} max {} avg {:.1f}, imbalance {:.3f}, "
      "{} of {} vertices shared, neighbours max {} avg {:.1f}",
      method, base::count_text(cells_min), base::count_text(cells_max), cells_average, imbalance,
      base::count_text(n_shared_vertices), base::count_text(n_vertices), neighbours_max,
      neighbours_average);
  if (n_empty_ranks > 0) line += fmt::format(", {} ranks without cells", n_empty_ranks);
  return line;
}

Quality measure(const mesh::Mesh& mesh, const std::vector<int>& part,
                const std::vector<double>& cell_weights) {
  const Communicator& communicator = mesh.communicator;
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  communicator.together([&] {
    if (part.size() != static_cast<std::size_t>(mesh.n_cells_owned))
      throw base::Error(base::ExitCode::internal, "a partition has not one entry for each cell");
    for (int rank : part)
      if (rank < 0 || rank >= communicator.size())
        throw base::Error(base::ExitCode::internal, "a partition names a rank that does not exist");
  });

  Quality quality;
  std::vector<GlobalId> cells(n_ranks, 0);
  std::vector<double> weights(n_ranks, 0.0);
  for (std::size_t i = 0; i < part.size(); ++i) {
    ++cells[static_cast<std::size_t>(part[i])];
    weights[static_cast<std::size_t>(part[i])] += cell_weights.empty() ? 1.0 : cell_weights[i];
  }
  communicator.all_reduce(std::span(cells), Op::sum);
  communicator.all_reduce(std::span(weights), Op::sum);
  quality.cells_min = *std::min_element(cells.begin(), cells.end());
  quality.cells_max = *std::max_element(cells.begin(), cells.end());
  quality.cells_average = static_cast<double>(mesh.n_cells_global) / static_cast<double>(n_ranks);
  quality.n_empty_ranks = static_cast<int>(std::count(cells.begin(), cells.end(), 0));
  double total = 0;
  for (double w : weights) total += w;
  if (total > 0) {
    quality.imbalance =
        *std::max_element(weights.begin(), weights.end()) / (total / static_cast<double>(n_ranks));
  }
  quality.n_vertices = mesh.n_vertices_global;

  // Which ranks meet at which vertex: most vertices see one rank here, the few others are listed.
  std::vector<std::int32_t> first(static_cast<std::size_t>(mesh.n_vertices), -1);
  std::vector<Touch> touches;
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const int rank = part[static_cast<std::size_t>(cell)];
    for (LocalId v : vertices_of(mesh, cell)) {
      std::int32_t& seen = first[static_cast<std::size_t>(v)];
      if (seen < 0) seen = rank;
      if (seen != rank) touches.push_back({mesh.node_gid[static_cast<std::size_t>(v)], rank});
    }
  }
  for (std::size_t v = 0; v < first.size(); ++v)
    if (first[v] >= 0) touches.push_back({mesh.node_gid[v], first[v]});
  const BlockRange homes(mesh.n_vertices_global, communicator.size());
  std::vector<Touch> here = touches;
  if (communicator.size() > 1) {
    here = send_home(communicator, touches,
                     [&](const Touch& touch) { return homes.block_of(touch.vertex); });
  }
  // Counting by vertex: a table over this rank's block of vertices instead of a sort of everything.
  const GlobalId begin = homes.begin(communicator.rank());
  std::vector<std::int32_t> met(static_cast<std::size_t>(homes.end(communicator.rank()) - begin),
                                -1);
  std::vector<Touch> shared;
  for (const Touch& touch : here) {
    std::int32_t& seen = met[static_cast<std::size_t>(touch.vertex - begin)];
    if (seen < 0) seen = touch.rank;
    if (seen != touch.rank) {
      shared.push_back({touch.vertex, seen});
      shared.push_back(touch);
    }
  }
  std::sort(shared.begin(), shared.end());
  shared.erase(std::unique(shared.begin(), shared.end()), shared.end());
  std::vector<Meeting> pairs;  // ranks that meet at a vertex
  for (std::size_t i = 0; i < shared.size();) {
    std::size_t end = i;
    while (end < shared.size() && shared[end].vertex == shared[i].vertex) ++end;
    ++quality.n_shared_vertices;
    for (std::size_t a = i; a < end; ++a)
      for (std::size_t b = i; b < end; ++b)
        if (a != b) pairs.push_back({shared[a].rank, shared[b].rank});
    if (pairs.size() > 100000) {
      std::sort(pairs.begin(), pairs.end());
      pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    }
    i = end;
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  std::vector<Meeting> mine =
      send_home(communicator, pairs, [](const Meeting& meeting) { return meeting.rank; });
  std::sort(mine.begin(), mine.end());
  mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
  const int n_neighbours = static_cast<int>(mine.size());
  quality.n_shared_vertices = communicator.sum(quality.n_shared_vertices);
  quality.neighbours_max = communicator.max(n_neighbours);
  quality.neighbours_average =
      static_cast<double>(communicator.sum(n_neighbours)) / static_cast<double>(n_ranks);
  return quality;
}

std::vector<int> compute(const mesh::Mesh& mesh, const deck::PartitionOptions& options,
                         Quality* quality, const std::vector<double>& cell_weights) {
  const Communicator& communicator = mesh.communicator;
  const auto n = static_cast<std::size_t>(mesh.n_cells_owned);
  Quality result;
  std::vector<int> part(n, 0);

  communicator.together([&] {
    if (!cell_weights.empty() && cell_weights.size() != n)
      throw base::Error(base::ExitCode::internal, "cell weights: not one for each cell");
  });

  if (communicator.size() == 1) {
    result = measure(mesh, part, cell_weights);
    result.method = name(options.method);
    if (quality) *quality = result;
    return part;
  }
  if (mesh.n_cells_global <= communicator.size()) {
    // One cell a rank is the only sensible answer, and libraries stumble over it.
    part = by_block(mesh);
    result = measure(mesh, part, cell_weights);
    result.method = "block";
    if (options.method != PartitionMethod::block) {
      result.fallbacks.push_back(fmt::format(
          "{}: there are no more cells ({}) than ranks ({}), each rank gets at most one",
          name(options.method), mesh.n_cells_global, communicator.size()));
      base::log::warning("partition: " + result.fallbacks.back());
    }
    if (quality) *quality = result;
    return part;
  }

  // The deck's method first, then the others from cheap to expensive; equal blocks never fail.
  std::vector<PartitionMethod> ladder{options.method};
  for (PartitionMethod method :
       {PartitionMethod::rcb, PartitionMethod::multijagged, PartitionMethod::block})
    if (method != options.method) ladder.push_back(method);

  std::vector<double> coordinates;  // [dimension][n]
  std::vector<std::string> reasons;
  struct Candidate {
    std::vector<int> part;
    Quality quality;
  };
  std::optional<Candidate> best;
  // The heaviest cell may stand on any rank: no method can do better than this.
  double heaviest = 0, total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double w = cell_weights.empty() ? 1.0 : cell_weights[i];
    heaviest = std::max(heaviest, w);
    total += w;
  }
  heaviest = communicator.max(heaviest);
  total = communicator.sum(total);
  const double average = total / communicator.size();
  const double allowed =
      std::max(options.max_imbalance, average > 0 ? 1.0 + heaviest / average : 1.0);

  for (PartitionMethod method : ladder) {
    std::string failure;
    if (method == PartitionMethod::block) {
      part = by_block(mesh);
    } else {
      const bool by_nets =
          method == PartitionMethod::graph || method == PartitionMethod::hypergraph;
      if (!by_nets && coordinates.empty()) {
        const std::vector<double> centroids = mesh::centroids(mesh);
        const auto dimension = static_cast<std::size_t>(mesh.dimension());
        coordinates.resize(centroids.size());
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t d = 0; d < dimension; ++d)
            coordinates[d * n + i] = centroids[i * dimension + d];
      }
      std::vector<int> net_offsets;
      std::vector<GlobalId> nets;
      if (by_nets) build_nets(mesh, method == PartitionMethod::graph, net_offsets, nets);
      const Problem problem{communicator, mesh.dimension(),     std::span(mesh.cell_gid).first(n),
                            coordinates,  cell_weights,         net_offsets,
                            nets,         options.max_imbalance};
      try {
        base::fault_point("partition");
        part = zoltan2(problem, method);
        if (part.size() != n) failure = "Zoltan2 returned no partition";
        for (int rank : part)
          if (rank < 0 || rank >= communicator.size()) failure = "Zoltan2 named a rank of its own";
      } catch (const std::bad_alloc&) {
        throw;  // another method would need the memory as well
      } catch (const std::exception& error) {
        failure = std::string("Zoltan2 failed: ") + error.what();
      }
    }
    failure = comm::agreed_failure(communicator, failure, base::ExitCode::internal);
    if (failure.empty()) {
      Quality measured = measure(mesh, part, cell_weights);
      measured.method = name(method);
      if (measured.n_empty_ranks > 0) {
        failure = fmt::format("leaves {} of {} ranks without cells", measured.n_empty_ranks,
                              communicator.size());
      } else if (measured.imbalance > allowed) {
        failure = fmt::format("imbalance {:.3f} is above max_imbalance = {}", measured.imbalance,
                              options.max_imbalance);
      }
      const bool better =
          !best || std::pair(measured.n_empty_ranks, measured.imbalance) <
                       std::pair(best->quality.n_empty_ranks, best->quality.imbalance);
      if (failure.empty() || better) best = Candidate{part, measured};
    }
    if (failure.empty()) break;
    reasons.push_back(name(method) + ": " + failure);
    base::log::warning("partition: " + reasons.back());
  }
  if (!best) {
    throw base::Error(base::ExitCode::internal, "no partitioner worked: " + base::list(reasons));
  }
  result = best->quality;
  if (result.method != name(options.method) || !reasons.empty()) {
    result.fallbacks = reasons;
    base::log::warning(fmt::format("partition: '{}' is used instead of '{}'", result.method,
                                   name(options.method)));
  }
  if (quality) *quality = result;
  return best->part;
}

}  // namespace ritz::partition
