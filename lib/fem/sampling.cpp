#include "ritz/fem/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>

#include "box_tree.hpp"
#include "cell_search.hpp"
#include "ritz/base/error.hpp"
#include "ritz/mesh/lattice.hpp"

namespace ritz::fem {

namespace {

using comm::Communicator;
using detail::Bounds;
using detail::BoxTree;
using detail::Point;

constexpr GlobalId nowhere = std::numeric_limits<GlobalId>::max();
/// Boxes of each rank that all ranks know.
constexpr std::size_t boxes_a_rank = 32;

/// The maps of cells from their own nodes.
class OwnMap {
 public:
  explicit OwnMap(const CellFunctions& cells)
      : cells_(cells),
        geometry_(cells.cell_type, cells.geometry_order, true),
        n_(static_cast<std::size_t>(geometry_.n_nodes())),
        dimension_(static_cast<std::size_t>(cells.dimension())),
        values_(n_),
        gradients_(n_ * dimension_) {}

  Point map(std::size_t cell, const Point& xi, std::span<double> jacobian = {}) const {
    geometry_.values(xi, values_);
    if (!jacobian.empty()) {
      geometry_.gradients(xi, gradients_);
      std::fill(jacobian.begin(), jacobian.end(), 0.0);
    }
    Point x{};
    const double* nodes = cells_.coordinates.data() + cell * n_ * dimension_;
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t c = 0; c < dimension_; ++c) {
        const double at = nodes[i * dimension_ + c];
        x[c] += values_[i] * at;
        if (jacobian.empty()) continue;
        for (std::size_t a = 0; a < dimension_; ++a)
          jacobian[c * dimension_ + a] += gradients_[i * dimension_ + a] * at;
      }
    }
    return x;
  }

 private:
  const CellFunctions& cells_;
  Element geometry_;
  std::size_t n_, dimension_;
  mutable std::vector<double> values_, gradients_;
};

/// The nearest place of a cell to a point outside of it: on a facet, an edge or at a vertex.
class NearestPlace {
 public:
  NearestPlace(const OwnMap& map, mesh::CellType type)
      : map_(map), dimension_(static_cast<std::size_t>(mesh::table(type).dimension)) {
    const mesh::CellTable& table = mesh::table(type);
    const auto vertex = [&](std::int8_t v) { return table.vertices[static_cast<std::size_t>(v)]; };
    const auto along = [&](std::int8_t from, std::int8_t to) {
      Point way{};
      for (std::size_t c = 0; c < 3; ++c) way[c] = vertex(to)[c] - vertex(from)[c];
      return way;
    };
    if (dimension_ == 3) {
      for (std::size_t f = 0; f < static_cast<std::size_t>(table.n_facets); ++f) {
        const auto& v = table.facets[f];
        sides_.push_back({vertex(v[0]), {along(v[0], v[1]), along(v[0], v[2])}, 2, v[3] < 0});
      }
    }
    if (dimension_ >= 2) {
      for (std::size_t e = 0; e < static_cast<std::size_t>(table.n_edges); ++e) {
        const auto& v = table.edges[e];
        sides_.push_back({vertex(v[0]), {along(v[0], v[1]), Point{}}, 1, true});
      }
    }
    for (int v = 0; v < table.n_vertices; ++v)
      sides_.push_back({vertex(static_cast<std::int8_t>(v)), {}, 0, true});
  }

  /// Square of the distance, and the place in the reference cell.
  double operator()(std::size_t cell, const Point& x, Point& reference) const {
    double least = std::numeric_limits<double>::infinity();
    for (const Side& side : sides_) {
      std::array<double, 2> at{};
      const double squared =
          side.n_axes == 0 ? distance(cell, x, side.origin) : minimise(cell, x, side, at);
      if (!(squared < least)) continue;
      least = squared;
      reference = side.at(at);
    }
    return least;
  }

 private:
  struct Side {
    Point origin;
    std::array<Point, 2> axes;
    int n_axes;
    bool is_simplex;
    [[nodiscard]] Point at(const std::array<double, 2>& a) const {
      Point xi = origin;
      for (std::size_t i = 0; i < static_cast<std::size_t>(n_axes); ++i) {
        for (std::size_t c = 0; c < 3; ++c) xi[c] += a[i] * axes[i][c];
      }
      return xi;
    }
    [[nodiscard]] bool contains(const std::array<double, 2>& a) const {
      double sum = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(n_axes); ++i) {
        if (a[i] < 0 || a[i] > 1) return false;
        sum += a[i];
      }
      return !is_simplex || sum <= 1;
    }
  };

  double distance(std::size_t cell, const Point& x, const Point& xi) const {
    const Point at = map_.map(cell, xi);
    double squared = 0;
    for (std::size_t c = 0; c < dimension_; ++c) squared += (x[c] - at[c]) * (x[c] - at[c]);
    return squared;
  }

  /// Infinite if the nearest place of the side, continued beyond its border, is not in it: then it
  /// is on the border, which is looked at on its own.
  double minimise(std::size_t cell, const Point& x, const Side& side,
                  std::array<double, 2>& a) const {
    const auto n = static_cast<std::size_t>(side.n_axes);
    a = {0.5, 0.5};
    if (side.is_simplex && n == 2) a = {1.0 / 3.0, 1.0 / 3.0};
    std::array<double, 9> jacobian{};
    double squared = distance(cell, x, side.at(a));
    for (int pass = 0; pass < 50; ++pass) {
      const Point xi = side.at(a);
      const Point at = map_.map(cell, xi, std::span(jacobian).first(dimension_ * dimension_));
      // J^T J step = J^T residual along the side.
      std::array<Point, 2> tangent{};
      std::array<double, 2> right{};
      double m00 = 0, m01 = 0, m11 = 0;
      for (std::size_t c = 0; c < dimension_; ++c) {
        for (std::size_t i = 0; i < n; ++i) {
          for (std::size_t k = 0; k < dimension_; ++k)
            tangent[i][c] += jacobian[c * dimension_ + k] * side.axes[i][k];
          right[i] += tangent[i][c] * (x[c] - at[c]);
        }
        m00 += tangent[0][c] * tangent[0][c];
        m01 += tangent[0][c] * tangent[1][c];
        m11 += tangent[1][c] * tangent[1][c];
      }
      std::array<double, 2> step{};
      if (n == 1) {
        if (!(m00 > 0)) break;
        step[0] = right[0] / m00;
      } else {
        const double det = m00 * m11 - m01 * m01;
        if (!(det > 0)) break;
        step = {(m11 * right[0] - m01 * right[1]) / det, (m00 * right[1] - m01 * right[0]) / det};
      }
      const double length = std::max(std::abs(step[0]), std::abs(step[1]));
      if (!(length > 1e-12)) break;
      double damping = 1.0;
      bool better = false;
      for (int halving = 0; halving < 20 && !better; ++halving, damping *= 0.5) {
        const std::array<double, 2> trial{a[0] + damping * step[0], a[1] + damping * step[1]};
        const double trial_squared = distance(cell, x, side.at(trial));
        if (!(trial_squared < squared)) continue;
        better = true;
        a = trial;
        squared = trial_squared;
      }
      if (!better || std::abs(a[0]) > 10 || std::abs(a[1]) > 10) break;
    }
    return side.contains(a) ? squared : std::numeric_limits<double>::infinity();
  }

  const OwnMap& map_;
  std::size_t dimension_;
  std::vector<Side> sides_;
};

/// Place on a Morton curve, then the cell's id, so that no two are equal.
struct CurveKey {
  std::uint64_t place;
  GlobalId id;
  friend auto operator<=>(const CurveKey&, const CurveKey&) = default;
};

/// Bits of a whole number of 21 bits with two zeros behind each of them.
std::uint64_t spread(std::uint64_t bits) {
  std::uint64_t result = 0;
  for (unsigned b = 0; b < 21; ++b) result |= ((bits >> b) & 1U) << (3 * b);
  return result;
}

struct Box {
  Bounds bounds;
  double extent = 0;
};

/// Box around all geometry nodes of all ranks. Collective.
Box box_of(const Communicator& communicator, const CellFunctions& cells) {
  const auto d = static_cast<std::size_t>(cells.dimension());
  std::array<double, 6> least;  // low and -high, so that one reduction does
  least.fill(std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < cells.coordinates.size(); ++i) {
    least[i % d] = std::min(least[i % d], cells.coordinates[i]);
    least[3 + i % d] = std::min(least[3 + i % d], -cells.coordinates[i]);
  }
  communicator.all_reduce(std::span<double>(least), comm::Op::min);
  Box box;
  for (std::size_t c = 0; c < d; ++c) {
    box.bounds.low[c] = least[c];
    box.bounds.high[c] = -least[3 + c];
    box.extent = std::max(box.extent, box.bounds.high[c] - box.bounds.low[c]);
  }
  return box;
}

std::vector<CurveKey> curve_keys(const CellFunctions& cells, const Box& box) {
  const auto d = static_cast<std::size_t>(cells.dimension());
  const auto n =
      static_cast<std::size_t>(mesh::n_lattice_points(cells.cell_type, cells.geometry_order));
  std::vector<CurveKey> keys(cells.n_cells());
  for (std::size_t cell = 0; cell < keys.size(); ++cell) {
    keys[cell] = {0, cells.ids[cell]};
    for (std::size_t c = 0; c < d; ++c) {
      double centre = 0;
      for (std::size_t i = 0; i < n; ++i) centre += cells.coordinates[(cell * n + i) * d + c];
      const double place =
          box.extent > 0 ? (centre / static_cast<double>(n) - box.bounds.low[c]) / box.extent : 0.0;
      const double scaled = std::clamp(place * 2097152.0, 0.0, 2097151.0);  // 2^21
      keys[cell].place |= spread(static_cast<std::uint64_t>(scaled)) << c;
    }
  }
  return keys;
}

/// Rows of `width` numbers in another order.
template <class T>
std::vector<T> in_order(const std::vector<T>& rows, std::size_t width,
                        const std::vector<std::size_t>& order) {
  std::vector<T> result(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(order[i] * width), width,
                result.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  return result;
}

/// Sorts the cells of this rank along the curve; their keys in the new order.
std::vector<CurveKey> sort_cells(CellFunctions& cells, const Box& box) {
  const std::vector<CurveKey> keys = curve_keys(cells, box);
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  const std::size_t n = std::max<std::size_t>(1, cells.n_cells());
  cells.ids = in_order(cells.ids, 1, order);
  cells.coordinates = in_order(cells.coordinates, cells.coordinates.size() / n, order);
  cells.values = in_order(cells.values, cells.values.size() / n, order);
  return in_order(keys, 1, order);
}

/// Brings the cells into the order of the curve, over all ranks. Collective.
void distribute_along_curve(const Communicator& communicator, CellFunctions& cells,
                            const Box& box) {
  std::vector<CurveKey> keys, samples;
  communicator.together([&] {
    keys = sort_cells(cells, box);
    constexpr std::size_t n_samples = 64;
    for (std::size_t s = 0; s < n_samples && !keys.empty(); ++s)
      samples.push_back(keys[(2 * s + 1) * keys.size() / (2 * n_samples)]);
  });
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  if (n_ranks == 1) return;
  // Ranks that had cells count alike; blocks of a file have nearly the same number.
  std::vector<CurveKey> cuts = communicator.gather(std::span<const CurveKey>(samples));
  if (communicator.is_root()) {
    std::sort(cuts.begin(), cuts.end());
    std::vector<CurveKey> chosen;
    for (std::size_t r = 1; r < n_ranks; ++r) chosen.push_back(cuts[r * cuts.size() / n_ranks]);
    cuts = std::move(chosen);
  }
  communicator.broadcast(cuts);
  std::vector<std::size_t> counts(n_ranks, 0);
  for (const CurveKey& key : keys)
    ++counts[static_cast<std::size_t>(std::upper_bound(cuts.begin(), cuts.end(), key) -
                                      cuts.begin())];
  const auto moved = [&](auto& rows, std::size_t width) {
    using Row = typename std::remove_reference_t<decltype(rows)>::value_type;
    std::vector<std::size_t> n = counts;
    for (std::size_t& one : n) one *= width;
    rows = communicator.exchange(std::span<const Row>(rows), std::span<const std::size_t>(n));
  };
  const auto n_geometry =
      static_cast<std::size_t>(mesh::n_lattice_points(cells.cell_type, cells.geometry_order));
  moved(cells.ids, 1);
  moved(cells.coordinates, n_geometry * static_cast<std::size_t>(cells.dimension()));
  moved(cells.values, static_cast<std::size_t>(cells.n_functions * cells.element.n_nodes()));
  communicator.together([&] { sort_cells(cells, box); });
}

/// Answers for points among the cells of this rank.
class LocalSearch {
 public:
  explicit LocalSearch(const CellFunctions& cells)
      : cells_(cells),
        dimension_(static_cast<std::size_t>(cells.dimension())),
        map_(cells),
        inverse_(map_, cells.cell_type, cells.geometry_order),
        nearest_(map_, cells.cell_type),
        tree_(boxes(cells), dimension_),
        shapes_(static_cast<std::size_t>(cells.element.n_nodes())) {}

  [[nodiscard]] const BoxTree& tree() const { return tree_; }

  /// Id of the cell, or `nowhere`; `out` [n_functions].
  GlobalId inside(const Point& x, std::span<double> out) const {
    GlobalId id = nowhere;
    std::size_t cell = 0;
    Point reference{};
    tree_.within(x, 0.0, [&](std::size_t candidate) {
      Point xi{};
      if (cells_.ids[candidate] > id || !inverse_.contains(candidate, x, xi)) return;
      id = cells_.ids[candidate];
      cell = candidate;
      reference = xi;
    });
    if (id != nowhere) evaluate(cell, reference, out);
    return id;
  }

  struct Nearest {
    double squared = std::numeric_limits<double>::infinity();
    GlobalId id = nowhere;
    friend auto operator<=>(const Nearest&, const Nearest&) = default;
  };
  Nearest nearest(const Point& x, std::span<double> out) const {
    Nearest best;
    std::size_t cell = 0;
    Point reference{};
    tree_.nearest(x, best.squared, [&](std::size_t candidate, double bound) {
      Point xi{};
      const Nearest one{nearest_(candidate, x, xi), cells_.ids[candidate]};
      if (!(one < best)) return bound;
      best = one;
      cell = candidate;
      reference = xi;
      return best.squared;
    });
    if (best.id != nowhere) evaluate(cell, reference, out);
    return best;
  }

 private:
  static std::vector<Bounds> boxes(const CellFunctions& cells) {
    detail::NodeHull hull(cells.cell_type, cells.geometry_order);
    const auto d = static_cast<std::size_t>(cells.dimension());
    const auto n =
        static_cast<std::size_t>(mesh::n_lattice_points(cells.cell_type, cells.geometry_order));
    std::vector<Bounds> result(cells.n_cells());
    for (std::size_t cell = 0; cell < result.size(); ++cell) {
      result[cell] = hull.of([&](std::size_t node, std::size_t c) {
        return cells.coordinates[(cell * n + node) * d + c];
      });
    }
    return result;
  }

  void evaluate(std::size_t cell, const Point& reference, std::span<double> out) const {
    cells_.element.values(reference, shapes_);
    const double* values = cells_.values.data() + cell * out.size() * shapes_.size();
    for (std::size_t f = 0; f < out.size(); ++f) {
      out[f] = 0;
      for (std::size_t i = 0; i < shapes_.size(); ++i)
        out[f] += shapes_[i] * values[f * shapes_.size() + i];
    }
  }

  const CellFunctions& cells_;
  std::size_t dimension_;
  OwnMap map_;
  detail::CellInverse<OwnMap> inverse_;
  NearestPlace nearest_;
  BoxTree tree_;
  mutable std::vector<double> shapes_;
};

/// Points on their way to other ranks, and which they are.
struct Questions {
  explicit Questions(const Communicator& communicator)
      : points(static_cast<std::size_t>(communicator.size())),
        whose(static_cast<std::size_t>(communicator.size())) {}
  void ask(int rank, std::size_t point, const Point& x) {
    points[static_cast<std::size_t>(rank)].push_back(x);
    whose[static_cast<std::size_t>(rank)].push_back(point);
  }
  std::vector<std::vector<Point>> points;
  std::vector<std::vector<std::size_t>> whose;
};

/// Asks, has `answer(point, values)` make an Answer on the ranks that are asked, and hands each to
/// `take(point, answer, values)` on the rank that asked. Collective.
template <class Answer, class Make, class Take>
void ask_all(const Communicator& communicator, const Questions& questions, std::size_t width,
             const Make& make, const Take& take) {
  std::vector<std::size_t> counts;
  const std::vector<Point> asked = communicator.exchange(questions.points, &counts);
  std::vector<Answer> answers(asked.size());
  std::vector<double> rows(asked.size() * width);
  communicator.together([&] {
    for (std::size_t i = 0; i < asked.size(); ++i)
      answers[i] = make(asked[i], std::span(rows).subspan(i * width, width));
  });
  const std::vector<Answer> got =
      communicator.exchange(std::span<const Answer>(answers), std::span<const std::size_t>(counts));
  for (std::size_t& n : counts) n *= width;
  const std::vector<double> values =
      communicator.exchange(std::span<const double>(rows), std::span<const std::size_t>(counts));
  std::size_t next = 0;
  for (const std::vector<std::size_t>& list : questions.whose) {
    for (const std::size_t point : list) {
      take(point, got[next], std::span(values).subspan(next * width, width));
      ++next;
    }
  }
}

}  // namespace

CellFunctions cell_functions(const mesh::Mesh& mesh, const Space& space,
                             std::span<const std::vector<double>> fields) {
  CellFunctions cells;
  cells.cell_type = mesh.cell_type;
  cells.geometry_order = mesh.geometry_order;
  cells.element = space.element;
  cells.n_functions = static_cast<int>(fields.size());
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells_owned);
  const auto d = static_cast<std::size_t>(mesh.dimension());
  const auto n_geometry = static_cast<std::size_t>(mesh.nodes_per_cell());
  cells.ids.assign(mesh.cell_gid.begin(), mesh.cell_gid.begin() + mesh.n_cells_owned);
  cells.coordinates.reserve(n_cells * n_geometry * d);
  cells.values.reserve(n_cells * fields.size() * static_cast<std::size_t>(space.element.n_nodes()));
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    for (std::size_t i = 0; i < n_geometry; ++i) {
      const auto node = static_cast<std::size_t>(mesh.cell_nodes[cell * n_geometry + i]);
      for (std::size_t c = 0; c < d; ++c)
        cells.coordinates.push_back(mesh.node_coordinates[node * d + c]);
    }
    for (const std::vector<double>& field : fields) {
      for (const LocalId dof : space.dofs(static_cast<LocalId>(cell)))
        cells.values.push_back(field[static_cast<std::size_t>(dof)]);
    }
  }
  return cells;
}

void lower_geometry_order(const Communicator& communicator, CellFunctions& cells) {
  const auto d = static_cast<std::size_t>(cells.dimension());
  const Element full(cells.cell_type, cells.geometry_order, true);
  const auto n_full = static_cast<std::size_t>(full.n_nodes());
  for (int order = 1; order < std::min(3, cells.geometry_order); ++order) {
    const Element low(cells.cell_type, order, true);
    const auto n_low = static_cast<std::size_t>(low.n_nodes());
    // From the nodes to those of the lower order, and back again.
    std::vector<double> down(n_low * n_full), up(n_full * n_low);
    for (std::size_t i = 0; i < n_low; ++i)
      full.values(low.nodes()[i], std::span(down).subspan(i * n_full, n_full));
    for (std::size_t i = 0; i < n_full; ++i)
      low.values(full.nodes()[i], std::span(up).subspan(i * n_low, n_low));
    std::vector<double> coordinates(cells.n_cells() * n_low * d, 0.0);
    bool same = true;
    for (std::size_t cell = 0; cell < cells.n_cells() && same; ++cell) {
      const double* from = cells.coordinates.data() + cell * n_full * d;
      double* to = coordinates.data() + cell * n_low * d;
      double largest = 0, extent = 0;
      for (std::size_t c = 0; c < d; ++c) {
        double least = from[c], most = from[c];
        for (std::size_t j = 0; j < n_full; ++j) {
          least = std::min(least, from[j * d + c]);
          most = std::max(most, from[j * d + c]);
        }
        extent = std::max(extent, most - least);
        largest = std::max({largest, std::abs(least), std::abs(most)});
      }
      for (std::size_t i = 0; i < n_low; ++i) {
        for (std::size_t j = 0; j < n_full; ++j) {
          for (std::size_t c = 0; c < d; ++c)
            to[i * d + c] += down[i * n_full + j] * from[j * d + c];
        }
      }
      // Coordinates are known to a few units in the last place.
      const double tolerance =
          1e-13 * extent + 16 * std::numeric_limits<double>::epsilon() * largest;
      for (std::size_t i = 0; i < n_full && same; ++i) {
        for (std::size_t c = 0; c < d; ++c) {
          double back = 0;
          for (std::size_t j = 0; j < n_low; ++j) back += up[i * n_low + j] * to[j * d + c];
          same = same && std::abs(back - from[i * d + c]) <= tolerance;
        }
      }
    }
    if (!communicator.all(same)) continue;
    cells.geometry_order = order;
    cells.coordinates = std::move(coordinates);
    return;
  }
}

Samples sample(const Communicator& communicator, CellFunctions cells,
               std::span<const std::array<double, 3>> points) {
  if (communicator.sum(static_cast<std::int64_t>(cells.n_cells())) == 0)
    throw base::Error(base::ExitCode::mesh, "there is no cell to take values from");
  const Box box = box_of(communicator, cells);
  distribute_along_curve(communicator, cells, box);
  const auto d = static_cast<std::size_t>(cells.dimension());
  const auto width = static_cast<std::size_t>(cells.n_functions);

  std::optional<LocalSearch> search;
  std::vector<Bounds> mine;
  communicator.together([&] {
    search.emplace(cells);
    if (cells.n_cells() > 0) mine = search->tree().top(boxes_a_rank);
  });
  std::vector<Bounds> all = communicator.gather(std::span<const Bounds>(mine));
  communicator.broadcast(all);
  std::vector<int> owner;
  const std::vector<std::size_t> n_boxes = communicator.all_gather(mine.size());
  for (std::size_t r = 0; r < n_boxes.size(); ++r)
    owner.insert(owner.end(), n_boxes[r], static_cast<int>(r));
  const BoxTree ranks(std::move(all), d);

  Samples samples;
  samples.extent = box.extent;
  samples.values.assign(points.size() * width, 0.0);
  samples.distance.assign(points.size(), 0.0);
  std::vector<GlobalId> ids(points.size(), nowhere);
  {
    Questions questions(communicator);
    for (std::size_t i = 0; i < points.size(); ++i) {
      int last = -1;  // boxes come by rank
      ranks.within(points[i], 0.0, [&](std::size_t b) {
        if (owner[b] != last) questions.ask(owner[b], i, points[i]);
        last = owner[b];
      });
    }
    ask_all<GlobalId>(
        communicator, questions, width,
        [&](const Point& x, std::span<double> out) { return search->inside(x, out); },
        [&](std::size_t i, GlobalId id, std::span<const double> values) {
          if (id >= ids[i]) return;
          ids[i] = id;
          std::copy(values.begin(), values.end(),
                    samples.values.begin() + static_cast<std::ptrdiff_t>(i * width));
        });
  }
  const bool all_inside = std::find(ids.begin(), ids.end(), nowhere) == ids.end();
  if (communicator.all(all_inside)) return samples;

  std::vector<LocalSearch::Nearest> best(points.size());
  Questions questions(communicator);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (ids[i] != nowhere) continue;
    // A box has a cell in it, so nothing is nearer than its far corner.
    const double bound = ranks.nearest(
        points[i], std::numeric_limits<double>::infinity(), [&](std::size_t b, double so_far) {
          return std::min(so_far,
                          detail::farthest_squared(ranks.top(owner.size())[b], points[i], d));
        });
    int last = -1;
    ranks.within(points[i], bound, [&](std::size_t b) {
      if (owner[b] != last) questions.ask(owner[b], i, points[i]);
      last = owner[b];
    });
  }
  ask_all<LocalSearch::Nearest>(
      communicator, questions, width,
      [&](const Point& x, std::span<double> out) { return search->nearest(x, out); },
      [&](std::size_t i, const LocalSearch::Nearest& one, std::span<const double> values) {
        if (!(one < best[i])) return;
        best[i] = one;
        samples.distance[i] = std::sqrt(one.squared);
        std::copy(values.begin(), values.end(),
                  samples.values.begin() + static_cast<std::ptrdiff_t>(i * width));
      });
  return samples;
}

}  // namespace ritz::fem
