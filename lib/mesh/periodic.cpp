#include "ritz/mesh/periodic.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "ritz/base/text.hpp"
#include "ritz/mesh/lattice.hpp"
#include "vertex_classes.hpp"

namespace ritz::mesh {

namespace {

using base::Error;
using base::ExitCode;
using comm::BlockRange;
using comm::Communicator;
using Point = std::array<double, 3>;

constexpr double infinity = std::numeric_limits<double>::infinity();

double distance_between(const Point& a, const Point& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

Point moved(const Point& x, const Point& by) {
  return {x[0] + by[0], x[1] + by[1], x[2] + by[2]};
}

/// Neighbours across the boundary are looked for along this direction: no mesh of bricks has many
/// facets at one place of it.
double place_along(const Point& x) {
  return 0.5257 * x[0] + 0.6880 * x[1] + 0.5002 * x[2];  // of length 1 to four digits
}
constexpr double length_along = 1.0001;  // not less than that direction's length

/// A facet of a set with what matching needs to know of it.
struct Side {
  std::array<GlobalId, 4> vertices{-1, -1, -1, -1};  ///< global ids
  std::array<Point, 4> x{};
  Point middle{};
  double size = 0;  ///< of its cell
  LocalId cell = -1;
  std::int32_t facet = -1;
  std::int32_t rank = 0;
  std::int32_t index = 0;  ///< in the list of its rank
};

/// The facets of `set` of the cells before `n_cells`. Local.
std::vector<Side> sides_of(const Mesh& mesh, std::int16_t set, LocalId n_cells) {
  const CellTable& t = table(mesh.cell_type);
  const auto d = static_cast<std::size_t>(t.dimension);
  const auto width = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n_corners = static_cast<std::size_t>(t.n_vertices);
  const auto n_of_facet = static_cast<std::size_t>(table(t.facet_type).n_vertices);
  std::vector<Side> sides;
  for (const FacetInSet& one : mesh.facet_sets) {
    if (one.set != set || one.cell >= n_cells) continue;
    const LocalId* nodes = mesh.cell_nodes.data() + static_cast<std::size_t>(one.cell) * width;
    const auto at = [&](std::size_t corner) {
      Point x{};
      const auto node = static_cast<std::size_t>(nodes[corner]);
      for (std::size_t c = 0; c < d; ++c) x[c] = mesh.node_coordinates[node * d + c];
      return x;
    };
    Side side;
    Point centroid{};
    for (std::size_t v = 0; v < n_corners; ++v) {
      for (std::size_t c = 0; c < d; ++c) centroid[c] += at(v)[c] / static_cast<double>(n_corners);
    }
    for (std::size_t v = 0; v < n_corners; ++v)
      side.size = std::max(side.size, distance_between(at(v), centroid));
    for (std::size_t i = 0; i < n_of_facet; ++i) {
      const auto corner =
          static_cast<std::size_t>(t.facets[static_cast<std::size_t>(one.facet)][i]);
      side.vertices[i] = mesh.node_gid[static_cast<std::size_t>(nodes[corner])];
      side.x[i] = at(corner);
      for (std::size_t c = 0; c < d; ++c)
        side.middle[c] += side.x[i][c] / static_cast<double>(n_of_facet);
    }
    side.cell = one.cell;
    side.facet = one.facet;
    side.rank = mesh.communicator.rank();
    side.index = static_cast<std::int32_t>(sides.size());
    sides.push_back(side);
  }
  return sides;
}

/// Two sides that fall on each other.
struct Match {
  std::size_t from, to;
  std::array<std::int8_t, 4> vertex{-1, -1, -1, -1};
  double distance = 0;
};

/// Pairs of sides that fall on each other; those that do not are left out. Local.
std::vector<Match> match(const std::vector<Side>& from, const std::vector<Side>& to,
                         const Point& translation, std::size_t n_vertices, double tolerance) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < to.size(); ++i) order.emplace_back(place_along(to[i].middle), i);
  std::sort(order.begin(), order.end());
  std::vector<char> taken(to.size(), 0);
  std::vector<Match> found;
  for (std::size_t f = 0; f < from.size(); ++f) {
    const Side& a = from[f];
    const double near = tolerance * a.size;
    const double place = place_along(moved(a.middle, translation));
    auto candidate = std::lower_bound(order.begin(), order.end(),
                                      std::pair{place - length_along * near, std::size_t{0}});
    for (; candidate != order.end() && candidate->first <= place + length_along * near;
         ++candidate) {
      const Side& b = to[candidate->second];
      if (taken[candidate->second] != 0) continue;
      Match one{f, candidate->second};
      std::array<bool, 4> used{};
      bool all = true;
      for (std::size_t i = 0; i < n_vertices && all; ++i) {
        const Point x = moved(a.x[i], translation);
        std::size_t best = n_vertices;
        for (std::size_t j = 0; j < n_vertices; ++j) {
          if (used[j] || distance_between(x, b.x[j]) > near) continue;
          if (best == n_vertices || distance_between(x, b.x[j]) < distance_between(x, b.x[best]))
            best = j;
        }
        all = best < n_vertices;
        if (!all) break;
        used[best] = true;
        one.vertex[i] = static_cast<std::int8_t>(best);
        one.distance = std::max(one.distance, distance_between(x, b.x[best]));
      }
      if (!all) continue;
      taken[candidate->second] = 1;
      found.push_back(one);
      break;
    }
  }
  return found;
}

/// Two vertices that fall on each other.
struct Tie {
  GlobalId vertex;
  GlobalId other;
};

std::string place_text(const Point& x, int dimension) {
  std::string text = "(";
  for (int c = 0; c < dimension; ++c) {
    if (c > 0) text += ", ";
    text += fmt::format("{:.8g}", x[static_cast<std::size_t>(c)]);
  }
  return text + ")";
}

/// Lower corner and upper corner of the sides on all ranks; false if there are none. Collective.
bool bounding_box(const Communicator& communicator, const std::vector<Side>& sides,
                  std::size_t n_vertices, Point& lower, Point& upper) {
  std::array<double, 6> bounds;
  bounds.fill(infinity);
  for (const Side& side : sides) {
    for (std::size_t i = 0; i < n_vertices; ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        bounds[c] = std::min(bounds[c], side.x[i][c]);
        bounds[3 + c] = std::min(bounds[3 + c], -side.x[i][c]);
      }
    }
  }
  communicator.all_reduce(std::span<double>(bounds), comm::Op::min);
  for (std::size_t c = 0; c < 3; ++c) {
    lower[c] = bounds[c];
    upper[c] = -bounds[3 + c];
  }
  return std::isfinite(bounds[0]);
}

/// The unmatched vertex that lies farthest from all of the other set's, in words. `alone`: sides
/// without a partner, some of all; `others`: all of the other set on this rank; `move`: what brings
/// the first to the second. Collective.
std::string worst_node(const Communicator& communicator, const std::vector<Side>& alone,
                       const std::vector<Side>& others, const Point& move, std::size_t n_vertices,
                       int dimension) {
  constexpr std::size_t at_most = 64;  // a rank: enough to name one
  std::vector<Point> mine;
  for (const Side& side : alone) {
    if (mine.size() >= at_most) break;
    mine.insert(mine.end(), side.x.begin(),
                side.x.begin() + static_cast<std::ptrdiff_t>(n_vertices));
  }
  std::vector<std::vector<Point>> to_all(static_cast<std::size_t>(communicator.size()), mine);
  const std::vector<Point> points = communicator.exchange(to_all);  // the same on every rank
  std::vector<double> nearest(points.size(), infinity);
  for (std::size_t p = 0; p < points.size(); ++p) {
    for (const Side& side : others) {
      for (std::size_t i = 0; i < n_vertices; ++i) {
        nearest[p] = std::min(nearest[p], distance_between(moved(points[p], move), side.x[i]));
      }
    }
  }
  communicator.all_reduce(std::span<double>(nearest), comm::Op::min);
  if (points.empty()) return "";
  const auto worst =
      static_cast<std::size_t>(std::max_element(nearest.begin(), nearest.end()) - nearest.begin());
  return fmt::format("the node at {} is {:.3g} away from the nearest node of the other set",
                     place_text(points[worst], dimension), nearest[worst]);
}

/// Sends items to ranks. Collective.
template <class T>
std::vector<T> send_to(const Communicator& communicator,
                       const std::vector<std::pair<int, T>>& items,
                       std::vector<std::size_t>* counts = nullptr) {
  std::vector<std::vector<T>> messages(static_cast<std::size_t>(communicator.size()));
  for (const auto& [rank, item] : items) messages[static_cast<std::size_t>(rank)].push_back(item);
  return communicator.exchange(messages, counts);
}

/// Which facets of a mesh on all ranks are one, and which vertices.
class Joiner {
 public:
  explicit Joiner(const Mesh& mesh)
      : mesh_(mesh),
        communicator_(mesh.communicator),
        n_vertices_(static_cast<std::size_t>(table(table(mesh.cell_type).facet_type).n_vertices)) {}

  /// Matches the owned facets of two sets. Collective.
  JoinedSets match_sets(const PeriodicSets& sets) {
    tolerance_ = sets.tolerance;
    JoinedSets result;
    const std::vector<Side> from = sides_of(mesh_, sets.from, mesh_.n_cells_owned);
    const std::vector<Side> to = sides_of(mesh_, sets.to, mesh_.n_cells_owned);
    const GlobalId n_from = communicator_.sum(static_cast<GlobalId>(from.size()));
    const GlobalId n_to = communicator_.sum(static_cast<GlobalId>(to.size()));
    const std::string& from_name = mesh_.set_names[static_cast<std::size_t>(sets.from)];
    const std::string& to_name = mesh_.set_names[static_cast<std::size_t>(sets.to)];
    result.problem = inside(from, to);
    if (!result.problem.empty()) return result;
    if (n_from == 0 || n_to == 0) {
      result.problem = fmt::format("the set '{}' has no facets", n_from == 0 ? from_name : to_name);
      return result;
    }
    if (n_from != n_to) {
      result.problem = fmt::format("'{}' has {} facets and '{}' has {}: each needs its partner",
                                   from_name, n_from, to_name, n_to);
      return result;
    }
    Point from_lower, from_upper, to_lower, to_upper;
    bounding_box(communicator_, from, n_vertices_, from_lower, from_upper);
    bounding_box(communicator_, to, n_vertices_, to_lower, to_upper);
    double size = 0, smallest_cell = infinity;
    for (std::size_t c = 0; c < 3; ++c) {
      size = std::max({size, std::abs(from_lower[c]), std::abs(from_upper[c]),
                       std::abs(to_lower[c]), std::abs(to_upper[c])});
    }
    for (const Side& side : from) smallest_cell = std::min(smallest_cell, side.size);
    smallest_cell = communicator_.min(smallest_cell);
    if (sets.translation) {
      result.translation = *sets.translation;
    } else {
      for (std::size_t c = 0; c < 3; ++c) {
        const double low = to_lower[c] - from_lower[c], high = to_upper[c] - from_upper[c];
        result.translation[c] = 0.5 * (low + high);
        if (std::abs(low) <= 1e-14 * size && std::abs(high) <= 1e-14 * size)
          result.translation[c] = 0;
        if (std::abs(low - high) > 2 * tolerance_ * smallest_cell) {
          result.problem = fmt::format(
              "'{}' and '{}' do not differ by a translation: in {} they reach over {:.8g} and "
              "{:.8g}. Sets that are turned against each other cannot be joined, only moved ones",
              from_name, to_name, "xyz"[c], from_upper[c] - from_lower[c],
              to_upper[c] - to_lower[c]);
          return result;
        }
      }
    }
    // Two sides in the same place are the ends of a closed ring; a set is no partner of itself.
    if (distance_between(result.translation, {}) <= tolerance_ * smallest_cell &&
        have_common(from, to)) {
      result.problem =
          fmt::format("'{}' and '{}' lie in the same place: nothing to join", from_name, to_name);
      return result;
    }
    match_at_homes(from, to, from_name, to_name, result);
    return result;
  }

  /// Whether a facet is in both lists, which are ordered by cell and facet. Collective.
  [[nodiscard]] bool have_common(const std::vector<Side>& from, const std::vector<Side>& to) const {
    const auto before = [](const Side& a, const Side& b) {
      return std::pair{a.cell, a.facet} < std::pair{b.cell, b.facet};
    };
    const bool mine = std::any_of(from.begin(), from.end(), [&](const Side& one) {
      return std::binary_search(to.begin(), to.end(), one, before);
    });
    return communicator_.sum<GlobalId>(mine ? 1 : 0) > 0;
  }

  /// Facets in more than one pair, in words. Collective.
  [[nodiscard]] std::string taken_twice(std::span<const PeriodicSets> sets) const {
    std::map<std::pair<LocalId, int>, std::int16_t> first;
    std::string problem;
    const auto look_at = [&](std::int16_t set) {
      for (const Side& side : sides_of(mesh_, set, mesh_.n_cells_owned)) {
        const auto [at, is_new] = first.try_emplace({side.cell, side.facet}, set);
        if (is_new || !problem.empty()) continue;
        problem = fmt::format("the facet at {} is in '{}' and in '{}': a facet has one partner",
                              place_text(side.middle, mesh_.dimension()),
                              mesh_.set_names[static_cast<std::size_t>(at->second)],
                              mesh_.set_names[static_cast<std::size_t>(set)]);
      }
    };
    for (const PeriodicSets& one : sets) {
      look_at(one.from);
      look_at(one.to);
    }
    return of_first_rank(problem);
  }

  /// Looks up which vertices fall on each other, through any number of pairs. Collective.
  VertexClasses classes() {
    const BlockRange homes(mesh_.n_vertices_global, communicator_.size());
    std::vector<std::pair<int, Tie>> sent;
    for (const Tie& tie : ties_) {
      sent.push_back({homes.block_of(tie.vertex), tie});
      sent.push_back({homes.block_of(tie.other), {tie.other, tie.vertex}});
    }
    const std::vector<Tie> here = send_to(communicator_, sent);
    const GlobalId first = homes.begin(communicator_.rank());
    std::vector<GlobalId> label(static_cast<std::size_t>(homes.end(communicator_.rank()) - first));
    for (std::size_t i = 0; i < label.size(); ++i) label[i] = first + static_cast<GlobalId>(i);
    // The lowest id goes round; a class is a few vertices, so a few rounds do.
    for (bool changed = true; communicator_.any(changed);) {
      std::vector<std::pair<int, Tie>> news;
      for (const Tie& tie : here) {
        news.push_back({homes.block_of(tie.other),
                        {tie.other, label[static_cast<std::size_t>(tie.vertex - first)]}});
      }
      changed = false;
      for (const Tie& heard : send_to(communicator_, news)) {
        GlobalId& mine = label[static_cast<std::size_t>(heard.vertex - first)];
        if (heard.other >= mine) continue;
        mine = heard.other;
        changed = true;
      }
    }
    return [communicator = communicator_, homes, first,
            label = std::move(label)](std::span<const GlobalId> vertices) {
      std::vector<std::size_t> counts(static_cast<std::size_t>(communicator.size()), 0), from;
      for (const GlobalId vertex : vertices)
        ++counts[static_cast<std::size_t>(homes.block_of(vertex))];
      std::vector<GlobalId> asked =
          communicator.exchange(vertices, std::span<const std::size_t>(counts), &from);
      for (GlobalId& vertex : asked) vertex = label[static_cast<std::size_t>(vertex - first)];
      return communicator.exchange(std::span<const GlobalId>(asked),
                                   std::span<const std::size_t>(from));
    };
  }

 private:
  [[nodiscard]] std::string of_first_rank(std::string mine) const {
    const int first =
        communicator_.min<std::int32_t>(mine.empty() ? communicator_.size() : communicator_.rank());
    if (first == communicator_.size()) return {};
    communicator_.broadcast(mine, first);
    return mine;
  }

  /// Facets that have cells on both sides, in words. Collective.
  [[nodiscard]] std::string inside(const std::vector<Side>& from,
                                   const std::vector<Side>& to) const {
    std::string problem;
    for (const std::vector<Side>* list : {&from, &to}) {
      for (const Side& side : *list) {
        if ((mesh_.exterior[static_cast<std::size_t>(side.cell)] >> side.facet & 1) != 0) continue;
        if (problem.empty()) {
          problem = fmt::format("the facet at {} lies inside the mesh, not on its boundary",
                                place_text(side.middle, mesh_.dimension()));
        }
      }
    }
    return of_first_rank(problem);
  }

  void match_at_homes(const std::vector<Side>& from, const std::vector<Side>& to,
                      const std::string& from_name, const std::string& to_name,
                      JoinedSets& result) {
    // Facets meet on the rank that has their part of the way along the direction; those near the
    // border of two parts are looked for on both.
    std::array<double, 2> range{infinity, infinity};  // lowest, -highest
    for (const Side& side : to) {
      range[0] = std::min(range[0], place_along(side.middle));
      range[1] = std::min(range[1], -place_along(side.middle));
    }
    communicator_.all_reduce(std::span<double>(range), comm::Op::min);
    const double width = -range[1] - range[0];
    const auto home = [&](double place) {
      const double part = width > 0 ? (place - range[0]) / width * communicator_.size() : 0;
      return static_cast<int>(
          std::clamp(std::floor(part), 0.0, static_cast<double>(communicator_.size() - 1)));
    };
    std::vector<std::pair<int, Side>> from_sent, to_sent;
    for (const Side& side : to) to_sent.push_back({home(place_along(side.middle)), side});
    for (const Side& side : from) {
      const double place = place_along(moved(side.middle, result.translation));
      const double near = length_along * tolerance_ * side.size;
      for (int q = home(place - near); q <= home(place + near); ++q) from_sent.push_back({q, side});
    }
    const std::vector<Side> from_here = send_to(communicator_, from_sent);
    const std::vector<Side> to_here = send_to(communicator_, to_sent);
    const std::vector<Match> matches =
        match(from_here, to_here, result.translation, n_vertices_, tolerance_);

    std::vector<std::pair<int, std::int32_t>> found_from, found_to;  // told to the owners
    for (const Match& one : matches) {
      const Side& a = from_here[one.from];
      const Side& b = to_here[one.to];
      result.distance = std::max(result.distance, one.distance);
      for (std::size_t i = 0; i < n_vertices_; ++i) {
        ties_.push_back({a.vertices[i], b.vertices[static_cast<std::size_t>(one.vertex[i])]});
      }
      found_from.push_back({a.rank, a.index});
      found_to.push_back({b.rank, b.index});
    }
    result.distance = communicator_.max(result.distance);
    result.n_facets = communicator_.sum(static_cast<GlobalId>(matches.size()));
    const auto without_partner = [&](const std::vector<Side>& sides,
                                     const std::vector<std::pair<int, std::int32_t>>& found) {
      std::vector<char> has(sides.size(), 0);
      for (const std::int32_t i : send_to(communicator_, found))
        has[static_cast<std::size_t>(i)] = 1;
      std::vector<Side> alone;
      for (std::size_t i = 0; i < sides.size(); ++i) {
        if (has[i] == 0) alone.push_back(sides[i]);
      }
      return alone;
    };
    const std::vector<Side> from_alone = without_partner(from, found_from);
    const std::vector<Side> to_alone = without_partner(to, found_to);
    const GlobalId n_alone = communicator_.sum(static_cast<GlobalId>(from_alone.size()));
    if (n_alone == 0) return;
    Point back;
    for (std::size_t c = 0; c < 3; ++c) back[c] = -result.translation[c];
    const int d = mesh_.dimension();
    const std::string forth =
        worst_node(communicator_, from_alone, to, result.translation, n_vertices_, d);
    const std::string here = worst_node(communicator_, to_alone, from, back, n_vertices_, d);
    result.problem = fmt::format(
        "{} of {} facets of '{}', moved by {}, fall on none of '{}' within {:g} of their cells' "
        "sizes. On '{}' {}; on '{}' {}. Where the distances are small the nodes match and the "
        "facets between them do not",
        n_alone, communicator_.sum(static_cast<GlobalId>(from.size())), from_name,
        place_text(result.translation, d), to_name, tolerance_, from_name, forth, to_name, here);
  }

  const Mesh& mesh_;
  Communicator communicator_;
  double tolerance_ = 0;    ///< of the sets at hand
  std::size_t n_vertices_;  ///< of a facet
  std::vector<Tie> ties_;
};

/// Pairs among the local cells, with the translation's number. Local.
void find_pairs(Mesh& mesh, std::span<const PeriodicSets> sets) {
  const auto n_vertices =
      static_cast<std::size_t>(table(table(mesh.cell_type).facet_type).n_vertices);
  for (std::size_t s = 0; s < sets.size(); ++s) {
    const std::vector<Side> from = sides_of(mesh, sets[s].from, mesh.n_cells());
    const std::vector<Side> to = sides_of(mesh, sets[s].to, mesh.n_cells());
    for (const Match& one : match(from, to, mesh.translations[s], n_vertices, sets[s].tolerance)) {
      const Side& a = from[one.from];
      const Side& b = to[one.to];
      mesh.facet_pairs.push_back(
          {{a.cell, b.cell},
           {static_cast<std::int8_t>(a.facet), static_cast<std::int8_t>(b.facet)},
           static_cast<std::int16_t>(s),
           one.vertex});
    }
  }
  std::sort(mesh.facet_pairs.begin(), mesh.facet_pairs.end());
}

/// The nodes of curved facets that are too far from their partners, in words. Collective.
void compare_nodes(const Mesh& mesh, std::span<const PeriodicSets> sets,
                   std::vector<JoinedSets>& results) {
  if (mesh.geometry_order == 1) return;
  FacetMatcher matcher(mesh.cell_type, mesh.geometry_order);
  const auto d = static_cast<std::size_t>(mesh.dimension());
  const auto width = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto at = [&](LocalId cell, int node) {
    Point x{};
    const auto n = static_cast<std::size_t>(
        mesh.cell_nodes[static_cast<std::size_t>(cell) * width + static_cast<std::size_t>(node)]);
    for (std::size_t c = 0; c < d; ++c) x[c] = mesh.node_coordinates[n * d + c];
    return x;
  };
  struct Worst {
    double excess = 0;  // over what is allowed, in units of it
    double distance = 0;
    Point at{};
  };
  std::vector<Worst> worst(results.size());
  for (const FacetPair& pair : mesh.facet_pairs) {
    if (pair.cell[0] >= mesh.n_cells_owned) continue;
    const auto s = static_cast<std::size_t>(pair.translation);
    double size = 0;
    for (int v = 1; v < table(mesh.cell_type).n_vertices; ++v)
      size = std::max(size, 0.5 * distance_between(at(pair.cell[0], 0), at(pair.cell[0], v)));
    for (const auto& [mine, other] : matcher.points(pair)) {
      const Point x = at(pair.cell[0], mine);
      const double distance =
          distance_between(moved(x, mesh.translations[s]), at(pair.cell[1], other));
      results[s].distance = std::max(results[s].distance, distance);
      const double excess = distance / (sets[s].tolerance * size);
      if (excess > 1 && excess > worst[s].excess) worst[s] = {excess, distance, x};
    }
  }
  for (std::size_t s = 0; s < results.size(); ++s) {
    results[s].distance = mesh.communicator.max(results[s].distance);
    const double largest = mesh.communicator.max(worst[s].excess);
    if (largest == 0) continue;
    const bool mine = worst[s].excess == largest;
    const int who = mesh.communicator.min<std::int32_t>(mine ? mesh.communicator.rank()
                                                             : mesh.communicator.size());
    mesh.communicator.broadcast(worst[s].at, who);
    mesh.communicator.broadcast(worst[s].distance, who);
    results[s].problem = fmt::format(
        "the corners of the facets match and their curved sides do not: the node at {} is {:.3g} "
        "away from its partner",
        place_text(worst[s].at, mesh.dimension()), worst[s].distance);
  }
}

/// The parents of a mesh's cells, told to its new ghosts, with places in the new coarser mesh.
/// Collective.
void renew_parents(Parents& parents, const Mesh& fine, const std::vector<GlobalId>& parent_gid,
                   const Mesh& coarse) {
  std::vector<GlobalId> gid(parent_gid);
  gid.resize(fine.cell_gid.size());
  parents.corner.resize(fine.cell_gid.size());
  fine.cell_plan.to_ghosts(std::span<GlobalId>(gid));
  fine.cell_plan.to_ghosts(std::span<std::uint8_t>(parents.corner));
  std::vector<std::pair<GlobalId, LocalId>> known;
  for (std::size_t i = 0; i < coarse.cell_gid.size(); ++i)
    known.emplace_back(coarse.cell_gid[i], static_cast<LocalId>(i));
  std::sort(known.begin(), known.end());
  parents.cell.resize(gid.size());
  fine.communicator.together([&] {
    for (std::size_t i = 0; i < gid.size(); ++i) {
      const auto found = std::lower_bound(known.begin(), known.end(), std::pair{gid[i], 0});
      if (found == known.end() || found->first != gid[i]) {
        throw Error(ExitCode::internal,
                    "the parent of a cell across joined facets is not here; please report this");
      }
      parents.cell[i] = found->second;
    }
  });
}

/// One mesh with its sets joined. Collective; fills `results` on the way.
Mesh join(const Mesh& mesh, std::span<const PeriodicSets> sets, std::vector<JoinedSets>& results) {
  const Communicator& communicator = mesh.communicator;
  Joiner joiner(mesh);
  results.clear();
  for (const PeriodicSets& one : sets) results.push_back(joiner.match_sets(one));
  const auto has_problem = [&] {
    return std::any_of(results.begin(), results.end(),
                       [](const JoinedSets& one) { return !one.problem.empty(); });
  };
  if (!has_problem()) results.back().problem = joiner.taken_twice(sets);
  if (has_problem()) return mesh;

  const std::vector<int> stay(static_cast<std::size_t>(mesh.n_cells_owned), communicator.rank());
  Mesh joined = distribute_classes(mesh, stay, true, joiner.classes());
  for (const JoinedSets& one : results) joined.translations.push_back(one.translation);
  communicator.together([&] {
    find_pairs(joined, sets);
    if (!std::equal(mesh.cell_gid.begin(), mesh.cell_gid.begin() + mesh.n_cells_owned,
                    joined.cell_gid.begin())) {
      throw Error(ExitCode::internal, "cells moved when facets were joined; please report this");
    }
  });
  for (const FacetPair& pair : joined.facet_pairs) {
    for (std::size_t side = 0; side < 2; ++side) {
      std::uint8_t& bits = joined.exterior[static_cast<std::size_t>(pair.cell[side])];
      bits = static_cast<std::uint8_t>(bits & ~(1U << pair.facet[side]));
    }
  }
  joined.cell_plan.to_ghosts(std::span<std::uint8_t>(joined.exterior));
  GlobalId n_mine = 0, n_expected = 0;
  for (const FacetPair& pair : joined.facet_pairs) n_mine += pair.cell[0] < joined.n_cells_owned;
  for (const JoinedSets& one : results) n_expected += one.n_facets;
  if (communicator.sum(n_mine) != n_expected) {
    throw Error(ExitCode::internal,
                fmt::format("{} pairs of facets of {} are on a rank with both of their cells; "
                            "please report this",
                            communicator.sum(n_mine), n_expected));
  }
  compare_nodes(joined, sets, results);
  return joined;
}

}  // namespace

std::vector<JoinedSets> join_facets(Hierarchy& hierarchy, std::span<const PeriodicSets> sets) {
  std::vector<JoinedSets> results;
  if (sets.empty()) return results;
  std::vector<std::vector<GlobalId>> parent_gid;  // of the owned cells, while the meshes are old
  for (std::size_t l = 0; l < hierarchy.parents.size(); ++l) {
    Parents& parents = hierarchy.parents[l];
    const auto n = static_cast<std::size_t>(hierarchy.meshes[l + 1].n_cells_owned);
    std::vector<GlobalId>& gid = parent_gid.emplace_back();
    for (std::size_t i = 0; i < n; ++i)
      gid.push_back(hierarchy.meshes[l].cell_gid[static_cast<std::size_t>(parents.cell[i])]);
    parents.corner.resize(n);
  }
  // The finest first: what is wrong is told of the mesh that the user knows.
  std::vector<PeriodicSets> known(sets.begin(), sets.end());
  for (std::size_t l = hierarchy.meshes.size(); l-- > 0;) {
    std::vector<JoinedSets> here;
    hierarchy.meshes[l] = join(hierarchy.meshes[l], known, here);
    const bool is_finest = l + 1 == hierarchy.meshes.size();
    for (std::size_t s = 0; s < here.size(); ++s) {
      if (!is_finest && !here[s].problem.empty()) {
        results[s].problem = fmt::format(
            "on the coarser mesh of {} cells that multigrid uses: {}. Use sets that hold whole "
            "facets of it, or another preconditioner",
            hierarchy.meshes[l].n_cells_global, here[s].problem);
      }
    }
    if (is_finest) {
      results = here;
      for (std::size_t s = 0; s < known.size(); ++s) known[s].translation = here[s].translation;
    }
    const bool failed = std::any_of(results.begin(), results.end(),
                                    [](const JoinedSets& one) { return !one.problem.empty(); });
    if (failed) return results;
    if (!is_finest) {
      renew_parents(hierarchy.parents[l], hierarchy.meshes[l + 1], parent_gid[l],
                    hierarchy.meshes[l]);
    }
  }
  return results;
}

FacetMatcher::FacetMatcher(CellType type, int order) {
  const CellTable& t = table(type);
  const std::vector<std::array<int, 3>> points = lattice_indices(type, order);
  const auto weight = [&](const std::array<int, 3>& p, std::size_t v) {
    if (is_simplex(type)) {
      return v == 0 ? order - p[0] - p[1] - p[2] : p[v - 1];
    }
    int product = 1;
    for (std::size_t c = 0; c < static_cast<std::size_t>(t.dimension); ++c) {
      const bool high = t.vertices[v][c] > 0.5;
      product *= high ? p[c] : order - p[c];
    }
    return product;
  };
  for (std::size_t f = 0; f < static_cast<std::size_t>(t.n_facets); ++f) {
    auto& list = on_facet_.emplace_back();
    for (std::size_t p = 0; p < points.size(); ++p) {
      std::array<int, 4> weights{};
      int inside = 0;
      for (std::size_t v = 0; v < static_cast<std::size_t>(t.n_vertices); ++v) {
        const auto place = std::find(t.facets[f].begin(), t.facets[f].end(), v);
        const int w = weight(points[p], v);
        if (place == t.facets[f].end())
          inside += w;
        else
          weights[static_cast<std::size_t>(place - t.facets[f].begin())] = w;
      }
      if (inside == 0) list.emplace_back(weights, static_cast<int>(p));
    }
    std::sort(list.begin(), list.end());
  }
}

const FacetMatcher::Points& FacetMatcher::points(const FacetPair& pair) {
  const std::array<std::int8_t, 6> key{pair.facet[0],  pair.facet[1],  pair.vertex[0],
                                       pair.vertex[1], pair.vertex[2], pair.vertex[3]};
  for (const auto& [known, points] : known_) {
    if (known == key) return points;
  }
  const auto& first = on_facet_[static_cast<std::size_t>(pair.facet[0])];
  const auto& second = on_facet_[static_cast<std::size_t>(pair.facet[1])];
  Points result;
  for (const auto& [weights, point] : first) {
    std::array<int, 4> wanted{};
    for (std::size_t i = 0; i < 4; ++i) {
      if (pair.vertex[i] >= 0) wanted[static_cast<std::size_t>(pair.vertex[i])] = weights[i];
    }
    const auto found = std::lower_bound(second.begin(), second.end(), std::pair{wanted, -1});
    RITZ_EXPECT(found != second.end() && found->first == wanted,
                "joined facets have different lattices");
    result.push_back({point, found->second});
  }
  known_.emplace_back(key, std::move(result));
  return known_.back().second;
}

}  // namespace ritz::mesh
