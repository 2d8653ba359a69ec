// Checks of the cells of a mesh that was just read: duplicates and orientation.
#include <algorithm>
#include <array>
#include <cmath>

#include "gmsh_build.hpp"
#include "gmsh_file.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"

namespace ritz::mesh::gmsh {

void Finding::add(std::int64_t order, std::int64_t element_tag, std::int64_t element_place) {
  ++n;
  if (order >= first) return;
  first = order;
  tag = element_tag;
  place = element_place;
}

namespace {

/// Finaliser of the splitmix64 generator (Steele, Lea, Flood 2014): a bijection that mixes all
/// bits.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

struct CellKey {
  std::uint64_t high,
      low;  // 128 bits of hash: two of 10^10 cells meet by chance once in 10^18 meshes
  std::int64_t index;
  friend auto operator<=>(const CellKey&, const CellKey&) = default;
};

}  // namespace

void check_duplicates(const Mesh& mesh, const ElementList& cells, const Origin& origin) {
  const comm::Communicator& communicator = mesh.communicator;
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  const auto n_vertices = static_cast<std::size_t>(table(mesh.cell_type).n_vertices);
  const auto n_nodes = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n_cells = static_cast<std::size_t>(mesh.n_cells_owned);

  std::vector<CellKey> keys(n_cells);
  std::vector<std::size_t> counts(n_ranks, 0);
  for (std::size_t c = 0; c < n_cells; ++c) {
    // Sums do not depend on the order of the vertices.
    CellKey key{0, 0, cells[c][ElementList::index]};
    for (std::size_t v = 0; v < n_vertices; ++v) {
      const auto node = static_cast<std::size_t>(mesh.cell_nodes[c * n_nodes + v]);
      const auto gid = static_cast<std::uint64_t>(mesh.node_gid[node]);
      key.high += mix(gid + 0x9e3779b97f4a7c15ULL);
      key.low += mix(gid ^ 0xc2b2ae3d27d4eb4fULL);
    }
    keys[c] = key;
    ++counts[key.high % n_ranks];
  }
  if (n_ranks > 1) {
    std::vector<std::size_t> next(n_ranks, 0);
    for (std::size_t q = 1; q < n_ranks; ++q) next[q] = next[q - 1] + counts[q - 1];
    std::vector<CellKey> sorted(n_cells);
    for (const CellKey& key : keys) sorted[next[key.high % n_ranks]++] = key;
    keys = communicator.exchange(std::span<const CellKey>(sorted),
                                 std::span<const std::size_t>(counts));
  }
  std::sort(keys.begin(), keys.end());

  // The later one of each pair; its tag and place are with the rank that has the cell.
  std::vector<std::array<std::int64_t, 2>> pairs;
  for (std::size_t i = 1; i < keys.size(); ++i) {
    if (keys[i].high == keys[i - 1].high && keys[i].low == keys[i - 1].low) {
      pairs.push_back({keys[i].index, keys[i - 1].index});
    }
  }
  const std::int64_t total = communicator.sum(static_cast<std::int64_t>(pairs.size()));
  if (total == 0) return;
  std::array<std::int64_t, 2> first{INT64_MAX, INT64_MAX};
  for (const auto& pair : pairs) first = std::min(first, pair);
  for (const auto& pair : communicator.all_gather(first)) first = std::min(first, pair);
  std::array<std::int64_t, 2> earlier{0, 0};  // tag and place of the earlier cell
  for (std::size_t c = 0; c < n_cells; ++c) {
    if (cells[c][ElementList::index] != first[1]) continue;
    earlier = {cells[c][ElementList::tag], cells[c][ElementList::place]};
  }
  communicator.all_reduce(std::span<std::int64_t>(earlier), comm::Op::max);
  Finding later;
  for (std::size_t c = 0; c < n_cells; ++c) {
    if (cells[c][ElementList::index] != first[0]) continue;
    later.add(0, cells[c][ElementList::tag], cells[c][ElementList::place]);
  }
  refuse(communicator, origin, later, [&](std::int64_t, std::int64_t tag) {
    return fmt::format(
        "{} occur{} twice: element {} has the same corners as element {} at {}; in files of "
        "version "
        "2.2 Gmsh writes a cell once for each of its physical groups: make the groups disjoint",
        total == 1 ? "1 cell" : base::count_text(total) + " cells", total == 1 ? "s" : "", tag,
        earlier[0], place_text(origin.binary, earlier[1]));
  });
}

namespace {

/// Determinants at the points where a cell is judged: the lattice of the cell's own order.
class Judge {
 public:
  explicit Judge(const Mesh& mesh)
      : dimension_(static_cast<std::size_t>(mesh.dimension())),
        n_nodes_(static_cast<std::size_t>(mesh.nodes_per_cell())) {
    for (const auto& index : lattice_indices(mesh.cell_type, mesh.geometry_order)) {
      std::array<double, 3> point{};
      for (std::size_t d = 0; d < 3; ++d)
        point[d] = index[d] / static_cast<double>(mesh.geometry_order);
      std::vector<double> gradients(n_nodes_ * dimension_);
      shape_gradients(mesh.cell_type, mesh.geometry_order, point, gradients);
      gradients_.push_back(std::move(gradients));
      // The Jacobian of a linear simplex is constant.
      if (is_simplex(mesh.cell_type) && mesh.geometry_order == 1) break;
    }
  }

  struct Extremes {
    double least, greatest;  ///< of the determinants of the Jacobian with columns of unit length
  };

  [[nodiscard]] Extremes operator()(const Mesh& mesh, std::size_t cell) const {
    Extremes result{2.0, -2.0};
    for (const std::vector<double>& gradients : gradients_) {
      std::array<std::array<double, 3>, 3> column{};
      for (std::size_t n = 0; n < n_nodes_; ++n) {
        const auto node = static_cast<std::size_t>(mesh.cell_nodes[cell * n_nodes_ + n]);
        for (std::size_t j = 0; j < dimension_; ++j) {
          for (std::size_t i = 0; i < dimension_; ++i) {
            column[j][i] +=
                mesh.node_coordinates[node * dimension_ + i] * gradients[n * dimension_ + j];
          }
        }
      }
      const double value = unit_determinant(column);
      result.least = std::min(result.least, value);
      result.greatest = std::max(result.greatest, value);
    }
    return result;
  }

 private:
  [[nodiscard]] double unit_determinant(std::array<std::array<double, 3>, 3>& column) const {
    for (std::size_t j = 0; j < dimension_; ++j) {
      double largest = 0.0;
      for (double x : column[j]) largest = std::max(largest, std::abs(x));
      if (largest == 0.0) return 0.0;
      double square = 0.0;
      for (double& x : column[j]) {
        x /= largest;
        square += x * x;
      }
      for (double& x : column[j]) x /= std::sqrt(square);
    }
    const auto& [a, b, c] = column;
    if (dimension_ == 1) return a[0];
    if (dimension_ == 2) return a[0] * b[1] - a[1] * b[0];
    return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) +
           a[2] * (b[0] * c[1] - b[1] * c[0]);
  }

  std::size_t dimension_, n_nodes_;
  std::vector<std::vector<double>> gradients_;  // [point][node][dimension]
};

}  // namespace

void orient(Mesh& mesh, const ElementList& cells, const Origin& origin) {
  // Rounding leaves about 1e-16 of a determinant of unit columns that vanishes.
  constexpr double zero = 1e-13;
  const Judge judge(mesh);
  const comm::Communicator& communicator = mesh.communicator;
  Finding flat, folded, negative;
  for (std::size_t c = 0; c < static_cast<std::size_t>(mesh.n_cells_owned); ++c) {
    const auto [least, greatest] = judge(mesh, c);
    if (least > zero) continue;
    Finding& what = greatest < -zero ? negative : least < -zero && greatest > zero ? folded : flat;
    what.add(cells[c][ElementList::index], cells[c][ElementList::tag],
             cells[c][ElementList::place]);
  }
  const auto n_text = [&](std::int64_t n) {
    return fmt::format("{} of {} cells {}", base::count_text(n),
                       base::count_text(mesh.n_cells_global), n == 1 ? "is" : "are");
  };
  const char* remedy =
      "repair the geometry or mesh it anew (Mesh.Optimize, Mesh.HighOrderOptimize)";
  refuse(communicator, origin, flat, [&](std::int64_t n, std::int64_t tag) {
    return fmt::format(
        "{} degenerate (zero volume or a zero Jacobian), the first is element {}; {}", n_text(n),
        tag, remedy);
  });
  refuse(communicator, origin, folded, [&](std::int64_t n, std::int64_t tag) {
    return fmt::format(
        "{} folded (the Jacobian changes its sign in them), the first is element {}; {}", n_text(n),
        tag, remedy);
  });
  if (communicator.sum(negative.n) == mesh.n_cells_global) {
    const std::vector<int> from = mirrored_nodes(mesh.cell_type, mesh.geometry_order);
    std::vector<LocalId> old(from.size());
    for (std::size_t c = 0; c < static_cast<std::size_t>(mesh.n_cells_owned); ++c) {
      LocalId* nodes = mesh.cell_nodes.data() + c * from.size();
      std::copy_n(nodes, from.size(), old.begin());
      for (std::size_t i = 0; i < from.size(); ++i)
        nodes[i] = old[static_cast<std::size_t>(from[i])];
    }
    if (communicator.is_root()) {
      base::log::warning(
          fmt::format("{}: all {} cells are oriented negatively (reversed normals); "
                      "they were turned round",
                      origin.path, base::count_text(mesh.n_cells_global)));
    }
    return;
  }
  refuse(communicator, origin, negative, [&](std::int64_t n, std::int64_t tag) {
    return fmt::format(
        "{} inverted (negative Jacobian) and the others are not, the first is element {}: turn "
        "the {} with reversed orientation (`ReverseMesh {} {{tag}};` in Gmsh), or repair the mesh",
        n_text(n), tag,
        mesh.dimension() == 3   ? "volumes"
        : mesh.dimension() == 2 ? "surfaces"
                                : "curves",
        mesh.dimension() == 3   ? "Volume"
        : mesh.dimension() == 2 ? "Surface"
                                : "Curve");
  });
}

}  // namespace ritz::mesh::gmsh
