#include "ritz/mesh/box.hpp"

#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace ritz::mesh {

namespace {

/// How one brick is cut into cells.
struct Cut {
  int n_children = 1;
  int n_vertices = 1;
  int n_facets = 2;
  /// [child][vertex]: corner x + 2y + 4z of the brick.
  std::array<std::array<std::int8_t, 8>, 6> corner{};
  /// [child][facet]: face of the brick (2*axis + side) in which the facet lies, or -1.
  std::array<std::array<std::int8_t, 6>, 6> face{};
};

Cut make_cut(CellType type) {
  const CellTable& t = table(type);
  Cut cut;
  cut.n_vertices = t.n_vertices;
  cut.n_facets = t.n_facets;
  if (is_tensor(type)) {
    for (std::size_t v = 0; v < 8; ++v) cut.corner[0][v] = static_cast<std::int8_t>(v);
  } else if (type == CellType::tri) {
    cut.n_children = 2;
    cut.corner[0] = {0, 1, 3};
    cut.corner[1] = {0, 3, 2};
  } else {
    // Kuhn's (Freudenthal's) simplices: for each order of the axes the path from corner 0 to corner
    // 7 along them. All share the diagonal 0-7 and neighbouring bricks match without mirroring.
    cut.n_children = 6;
    std::array<int, 3> axes{0, 1, 2};
    std::size_t child = 0;
    do {
      const int first = 1 << axes[0];
      const int second = first + (1 << axes[1]);
      // An odd order of the axes gives a negative volume: two vertices are swapped.
      const bool even = (axes[1] - axes[0] + 3) % 3 == 1;
      cut.corner[child] = {0, static_cast<std::int8_t>(even ? first : second),
                           static_cast<std::int8_t>(even ? second : first), 7};
      ++child;
    } while (std::next_permutation(axes.begin(), axes.end()));
  }
  const int facet_vertices = table(t.facet_type).n_vertices;
  for (std::size_t child = 0; child < static_cast<std::size_t>(cut.n_children); ++child) {
    for (std::size_t f = 0; f < static_cast<std::size_t>(t.n_facets); ++f) {
      cut.face[child][f] = -1;
      for (int axis = 0; axis < t.dimension; ++axis) {
        int n_high = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(facet_vertices); ++i) {
          const auto v = static_cast<std::size_t>(t.facets[f][i]);
          n_high += (cut.corner[child][v] >> axis) & 1;
        }
        if (n_high == 0) cut.face[child][f] = static_cast<std::int8_t>(2 * axis);
        if (n_high == facet_vertices) cut.face[child][f] = static_cast<std::int8_t>(2 * axis + 1);
      }
    }
  }
  return cut;
}

/// Positions of the bricks' corners in one direction, as a function of the index alone so that
/// every rank computes the same bits.
class Axis {
 public:
  Axis(GlobalId n, double lower, double upper, double grading)
      : n_(n), lower_(lower), upper_(upper) {
    if (n > 1) rate_ = std::log(grading) / static_cast<double>(n - 1);
    // Below this the geometric series and equal bricks are the same to the last digits.
    if (std::abs(rate_ * static_cast<double>(n)) < 1e-13) rate_ = 0.0;
    if (rate_ != 0.0) total_ = std::expm1(rate_ * static_cast<double>(n));
  }

  [[nodiscard]] GlobalId n() const { return n_; }
  [[nodiscard]] double length() const { return upper_ - lower_; }
  [[nodiscard]] double operator()(GlobalId i) const {
    if (i <= 0) return lower_;
    if (i >= n_) return upper_;
    const double fraction = rate_ == 0.0 ? static_cast<double>(i) / static_cast<double>(n_)
                                         : std::expm1(rate_ * static_cast<double>(i)) / total_;
    return lower_ + length() * fraction;
  }

 private:
  GlobalId n_;
  double lower_, upper_;
  double rate_ = 0.0;
  double total_ = 1.0;
};

/// Counter-based hash (the finaliser of splitmix64, S. Vigna's public-domain generator): the value
/// depends on seed and counter only, never on who asks or in which order.
double random_sign_unit(std::uint64_t seed, std::uint64_t counter) {
  std::uint64_t z = seed * 0xd1342543de82ef95ULL + (counter + 1) * 0x9e3779b97f4a7c15ULL;
  for (int round = 0; round < 2; ++round) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
  }
  return static_cast<double>(z >> 11) * 0x1p-52 - 1.0;
}

/// Which of the two profiles Kershaw's mesh has at 0 <= s <= 1 in x: 0 the one with small cells in
/// the lower half, 1 the one with small cells in the upper half.
double kershaw_weight(double s) {
  // Between two values that are held at both ends up to the second derivative.
  const auto step = [](double t) { return t * t * t * (t * (6.0 * t - 15.0) + 10.0); };
  if (s <= 1.0 / 6.0) return 0.0;
  if (s <= 1.0 / 3.0) return step(6.0 * s - 1.0);
  if (s <= 2.0 / 3.0) return 1.0 - step(3.0 * s - 1.0);
  if (s <= 5.0 / 6.0) return step(6.0 * s - 4.0);
  return 1.0;
}

/// Where Kershaw's mesh has what is at 0 <= t <= 1 in y or z.
double kershaw_place(double weight, double epsilon, double t) {
  const double lower = t < 0.5 ? epsilon * t : 1.0 - (2.0 - epsilon) * (1.0 - t);
  const double upper = t < 0.5 ? (2.0 - epsilon) * t : 1.0 - epsilon * (1.0 - t);
  return lower + weight * (upper - lower);
}

[[noreturn]] void refuse(const std::string& message) {
  throw base::Error(base::ExitCode::deck, "box mesh: " + message);
}

void check(const Box& box, int dimension, int n_children) {
  constexpr auto letters = "xyz";
  // 2^62 cells and as many vertices keep every id computation inside 64 bits.
  constexpr double largest = 0x1p62;
  double n_cells = n_children, n_vertices = 1;
  for (std::size_t d = 0; d < static_cast<std::size_t>(dimension); ++d) {
    if (box.cells[d] < 1) {
      refuse(fmt::format("{} cells in {} (must be at least 1)", box.cells[d], letters[d]));
    }
    if (box.stride[d] < 1 || box.cells[d] % box.stride[d] != 0) {
      refuse(
          fmt::format("{} cells in {} in bricks of {}", box.cells[d], letters[d], box.stride[d]));
    }
    if (!std::isfinite(box.lower[d]) || !std::isfinite(box.upper[d]) ||
        !(box.upper[d] > box.lower[d])) {
      refuse(fmt::format("upper end {} in {} (must be above the lower end {})", box.upper[d],
                         letters[d], box.lower[d]));
    }
    if (!std::isfinite(box.grading[d]) || !(box.grading[d] > 0)) {
      refuse(fmt::format("grading {} in {} (must be > 0: last cell's size over the first one's)",
                         box.grading[d], letters[d]));
    }
    n_cells *= static_cast<double>(box.cells[d]);
    n_vertices *= static_cast<double>(box.cells[d]) + 1.0;
  }
  if (n_cells > largest || n_vertices > largest) {
    refuse(fmt::format("about {:.3g} cells (at most 2^62)", n_cells));
  }
  if (!std::isfinite(box.distortion_amount) || box.distortion_amount < 0) {
    refuse(fmt::format("distortion amount {} (must be >= 0)", box.distortion_amount));
  }
  if (box.distortion == Box::Distortion::kershaw &&
      (dimension == 1 || box.distortion_amount >= 1)) {
    refuse(fmt::format("Kershaw's distortion by {} in {} dimension{} (must be below 1 in 2 or 3)",
                       box.distortion_amount, dimension, dimension == 1 ? "" : "s"));
  }
}

/// Vertices of one line in x that this rank has, or one end of it: [first, last] at height (j, k),
/// stored from local index `start` on.
struct Run {
  GlobalId line;  ///< j + (ny + 1) k
  GlobalId first, last;
  std::size_t start;
};

}  // namespace

Mesh make_box(const comm::Communicator& communicator, const Box& box) {
  base::fault_point("box");
  if (box.cell_type == CellType::point) refuse("a box of points");
  Mesh mesh(communicator);
  mesh.cell_type = box.cell_type;
  mesh.geometry_order = 1;
  const int dimension = mesh.dimension();
  const auto dim = static_cast<std::size_t>(dimension);
  const Cut cut = make_cut(box.cell_type);
  check(box, dimension, cut.n_children);

  const auto axis = [&](std::size_t d) {
    return d < dim ? Axis(box.cells[d], box.lower[d], box.upper[d], box.grading[d])
                   : Axis(1, 0.0, 1.0, 1.0);
  };
  const std::array<Axis, 3> axes{axis(0), axis(1), axis(2)};
  const auto bricks = [&](std::size_t d) { return d < dim ? axes[d].n() / box.stride[d] : 1; };
  const std::array<GlobalId, 3> n{bricks(0), bricks(1), bricks(2)};
  // Where corner i is in direction d: a vertex of the box whose bricks are not merged.
  const auto position = [&](std::size_t d, GlobalId i) {
    return axes[d](d < dim ? i * box.stride[d] : i);
  };
  // Corners in each direction; a direction that the box does not have has one.
  const std::array<GlobalId, 3> m{n[0] + 1, dim > 1 ? n[1] + 1 : 1, dim > 2 ? n[2] + 1 : 1};
  const GlobalId n_children = cut.n_children;

  mesh.n_cells_global = n[0] * n[1] * n[2] * n_children;
  mesh.n_vertices_global = m[0] * m[1] * m[2];
  mesh.n_nodes_global = mesh.n_vertices_global;
  mesh.region_names = {"domain"};
  // Set of each side, 2*axis + (0 low, 1 high).
  std::array<std::int16_t, 6> set_of_side{0, 1, 2, 3, 0, 0};
  if (dimension == 1) mesh.set_names = {"left", "right"};
  if (dimension == 2) mesh.set_names = {"left", "right", "bottom", "top"};
  if (dimension == 3) {
    mesh.set_names = {"left", "right", "bottom", "top", "front", "back"};
    set_of_side = {0, 1, 4, 5, 2, 3};
  }

  const comm::BlockRange blocks(mesh.n_cells_global, communicator.size());
  const GlobalId cell_begin = blocks.begin(communicator.rank());
  const GlobalId cell_end = blocks.end(communicator.rank());
  // A brick brings at most its own eight corners, so vertices are then counted in 31 bits too.
  constexpr GlobalId most = std::numeric_limits<LocalId>::max() / 8;
  if (blocks.end(0) > most) {
    throw base::Error(base::ExitCode::memory,
                      fmt::format("box mesh: {} cells on one rank (at most {}); use more ranks",
                                  blocks.end(0), most));
  }
  const auto n_cells = static_cast<std::size_t>(cell_end - cell_begin);
  mesh.n_cells_owned = static_cast<LocalId>(n_cells);
  if (n_cells == 0) return mesh;

  // ---- vertices: for each line of bricks the four lines of corners around it ----
  const GlobalId brick_begin = cell_begin / n_children;
  const GlobalId brick_end = (cell_end - 1) / n_children + 1;
  const GlobalId line_begin = brick_begin / n[0];
  const GlobalId line_end = (brick_end - 1) / n[0] + 1;
  const int n_lines = 1 << (dimension - 1);
  const auto x_range = [&](GlobalId line) {
    const GlobalId first = std::max(brick_begin, line * n[0]) - line * n[0];
    const GlobalId last = std::min(brick_end, (line + 1) * n[0]) - line * n[0];
    return std::pair{first, last};  // corners first..last
  };
  const auto corner_line = [&](GlobalId brick_line, int which) {
    return brick_line % n[1] + (which & 1) + m[1] * (brick_line / n[1] + (which >> 1));
  };
  std::vector<Run> found;
  found.reserve(static_cast<std::size_t>((line_end - line_begin) * n_lines));
  for (GlobalId line = line_begin; line < line_end; ++line) {
    const auto [first, last] = x_range(line);
    for (int i = 0; i < n_lines; ++i) found.push_back({corner_line(line, i), first, last, 0});
  }
  std::sort(found.begin(), found.end(), [](const Run& a, const Run& b) {
    return a.line != b.line ? a.line < b.line : a.first < b.first;
  });
  std::vector<Run> runs;
  for (const Run& run : found) {
    if (!runs.empty() && runs.back().line == run.line && run.first <= runs.back().last) {
      runs.back().last = std::max(runs.back().last, run.last);
    } else {
      runs.push_back(run);
    }
  }
  std::size_t n_vertices = 0;
  GlobalId x_first = n[0], x_last = 0;
  for (Run& run : runs) {
    run.start = n_vertices;
    n_vertices += static_cast<std::size_t>(run.last - run.first + 1);
    x_first = std::min(x_first, run.first);
    x_last = std::max(x_last, run.last);
  }
  mesh.n_vertices = static_cast<LocalId>(n_vertices);
  mesh.node_gid.resize(n_vertices);
  mesh.node_coordinates.resize(n_vertices * dim);

  std::vector<double> x_of(static_cast<std::size_t>(x_last - x_first + 1));
  for (std::size_t i = 0; i < x_of.size(); ++i) {
    x_of[i] = position(0, x_first + static_cast<GlobalId>(i));
  }
  const bool distorted = box.distortion != Box::Distortion::none && box.distortion_amount > 0;
  for (const Run& run : runs) {
    const std::array<GlobalId, 2> row{run.line % m[1], run.line / m[1]};
    const std::array<double, 2> yz{position(1, row[0]), position(2, row[1])};
    const GlobalId gid0 = run.line * m[0];
    std::size_t at = run.start;
    for (GlobalId i = run.first; i <= run.last; ++i, ++at) {
      mesh.node_gid[at] = gid0 + i;
      double* x = mesh.node_coordinates.data() + at * dim;
      x[0] = x_of[static_cast<std::size_t>(i - x_first)];
      for (std::size_t d = 1; d < dim; ++d) x[d] = yz[d - 1];
      if (!distorted) continue;

      const std::array<GlobalId, 3> index{i, row[0], row[1]};
      if (box.distortion == Box::Distortion::kershaw) {
        const double weight = kershaw_weight((x[0] - box.lower[0]) / axes[0].length());
        for (std::size_t d = 1; d < dim; ++d) {
          if (index[d] == 0 || index[d] == n[d]) continue;
          const double t = (x[d] - box.lower[d]) / axes[d].length();
          x[d] = box.lower[d] +
                 axes[d].length() * kershaw_place(weight, 1.0 - box.distortion_amount, t);
        }
        continue;
      }
      bool inner = true;
      for (std::size_t d = 0; d < dim; ++d) inner = inner && index[d] > 0 && index[d] < n[d];
      if (!inner) continue;
      if (box.distortion == Box::Distortion::smooth) {
        double bump = box.distortion_amount;
        for (std::size_t d = 0; d < dim; ++d) {
          bump *= std::sin(std::numbers::pi * (x[d] - box.lower[d]) / axes[d].length());
        }
        for (std::size_t d = 0; d < dim; ++d) x[d] += bump * axes[d].length();
      } else {
        GlobalId id = 0;  // of the vertex in the box
        for (std::size_t d = dim; d-- > 0;) id = id * (axes[d].n() + 1) + index[d] * box.stride[d];
        for (std::size_t d = 0; d < dim; ++d) {
          const GlobalId at_d = index[d] * box.stride[d];
          const double size = std::min(x[d] - axes[d](at_d - 1), axes[d](at_d + 1) - x[d]);
          const auto counter = 3 * static_cast<std::uint64_t>(id) + d;
          x[d] += 0.5 * box.distortion_amount * size * random_sign_unit(box.seed, counter);
        }
      }
    }
  }

  // ---- cells ----
  const auto n_corners = static_cast<std::size_t>(cut.n_vertices);
  mesh.cell_gid.resize(n_cells);
  mesh.cell_nodes.resize(n_cells * n_corners);
  mesh.cell_region.assign(n_cells, 0);
  mesh.exterior.assign(n_cells, 0);
  for (std::size_t c = 0; c < n_cells; ++c)
    mesh.cell_gid[c] = cell_begin + static_cast<GlobalId>(c);

  const auto child_begin = static_cast<std::size_t>(cell_begin % n_children);
  std::size_t cell = 0;
  GlobalId brick = brick_begin;
  for (GlobalId line = line_begin; line < line_end; ++line) {
    const auto [first, last] = x_range(line);
    // Local index of corner (i, which) is offset[which] + i.
    std::array<std::int64_t, 4> offset{};
    for (int i = 0; i < n_lines; ++i) {
      const Run wanted{corner_line(line, i), first, last, 0};
      const auto run = std::prev(
          std::upper_bound(runs.begin(), runs.end(), wanted, [](const Run& a, const Run& b) {
            return a.line != b.line ? a.line < b.line : a.first < b.first;
          }));
      offset[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(run->start) - run->first;
    }
    std::uint8_t sides_of_line = 0;
    const GlobalId j = line % n[1], k = line / n[1];
    if (dim > 1 && j == 0) sides_of_line |= 1 << 2;
    if (dim > 1 && j == n[1] - 1) sides_of_line |= 1 << 3;
    if (dim > 2 && k == 0) sides_of_line |= 1 << 4;
    if (dim > 2 && k == n[2] - 1) sides_of_line |= 1 << 5;
    for (GlobalId i = first; i < last; ++i, ++brick) {
      std::array<LocalId, 8> corner;
      for (std::size_t v = 0; v < 8; ++v) {
        corner[v] = static_cast<LocalId>(offset[v >> 1] + i + static_cast<GlobalId>(v & 1));
      }
      std::uint8_t sides = sides_of_line;
      if (i == 0) sides |= 1 << 0;
      if (i == n[0] - 1) sides |= 1 << 1;
      const std::size_t child_first = brick == brick_begin ? child_begin : 0;
      const auto child_last =
          static_cast<std::size_t>(std::min<GlobalId>(n_children, cell_end - brick * n_children));
      for (std::size_t child = child_first; child < child_last; ++child, ++cell) {
        for (std::size_t v = 0; v < n_corners; ++v) {
          mesh.cell_nodes[cell * n_corners + v] =
              corner[static_cast<std::size_t>(cut.corner[child][v])];
        }
        if (sides == 0) continue;
        for (std::size_t f = 0; f < static_cast<std::size_t>(cut.n_facets); ++f) {
          const int face = cut.face[child][f];
          if (face < 0 || !((sides >> face) & 1)) continue;
          mesh.exterior[cell] |= static_cast<std::uint8_t>(1U << f);
          mesh.facet_sets.push_back({static_cast<LocalId>(cell), static_cast<std::int16_t>(f),
                                     set_of_side[static_cast<std::size_t>(face)]});
        }
      }
    }
  }
  return mesh;
}

}  // namespace ritz::mesh
