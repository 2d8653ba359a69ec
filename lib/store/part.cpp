#include "ritz/store/part.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>

#include "blocks.hpp"
#include "ritz/base/error.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "vtk_cells.hpp"

namespace ritz::store {

namespace {

using comm::BlockRange;
using comm::Communicator;
using mesh::CellType;
using Point = std::array<double, 3>;

/// Places of keys among all keys of all ranks, which are different and in [0, n_keys), in their
/// order; `n_all`: how many there are. Collective.
std::vector<GlobalId> places_in_order(const Communicator& communicator, GlobalId n_keys,
                                      std::span<const GlobalId> keys, GlobalId& n_all) {
  const BlockRange blocks(n_keys, communicator.size());
  const BlockOrder order = block_order(blocks, communicator.size(), keys);
  std::vector<GlobalId> sent(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) sent[order.place[i]] = keys[i];
  std::vector<std::size_t> counts;
  const std::vector<GlobalId> got = communicator.exchange(
      std::span<const GlobalId>(sent), std::span<const std::size_t>(order.counts), &counts);
  std::vector<GlobalId> sorted = got;
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<GlobalId>(sorted.size());
  const GlobalId before = communicator.exclusive_sum(n);
  n_all = communicator.sum(n);
  std::vector<GlobalId> answers(got.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    answers[i] = before + (std::lower_bound(sorted.begin(), sorted.end(), got[i]) - sorted.begin());
  const std::vector<GlobalId> back = communicator.exchange(std::span<const GlobalId>(answers),
                                                           std::span<const std::size_t>(counts));
  std::vector<GlobalId> result(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) result[i] = back[order.place[i]];
  return result;
}

int order_of(const mesh::Mesh& mesh, const fem::Space& space) {
  return std::max(space.element.degree(), mesh.geometry_order);
}

/// Simplices of lattice points that make up a reference cell of order k: each small cube is cut
/// along its diagonal (Kuhn, IBM J. Res. Dev. 4 (1960) 518) into one simplex for each order in
/// which its axes can be gone along. Triangles and tetrahedra are 1 >= a >= b >= c >= 0 in
/// a = x + y + z, b = y + z, c = z, which whole small simplices fill.
std::vector<std::array<int, 4>> small_simplices(CellType type, int k) {
  const auto d = static_cast<std::size_t>(mesh::table(type).dimension);
  const std::vector<std::array<int, 3>> indices = mesh::lattice_indices(type, k);
  std::map<std::array<int, 3>, int> position;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    std::array<int, 3> at = indices[i];
    if (mesh::is_simplex(type)) {
      if (d == 3) at = {at[0] + at[1] + at[2], at[1] + at[2], at[2]};
      if (d == 2) at = {at[0] + at[1], at[1], 0};
    }
    position[at] = static_cast<int>(i);
  }
  std::vector<std::array<int, 4>> result;
  const int n_z = d == 3 ? k : 1;
  for (int l = 0; l < n_z; ++l) {
    for (int j = 0; j < k; ++j) {
      for (int i = 0; i < k; ++i) {
        std::array<std::size_t, 3> axes{0, 1, 2};
        do {
          std::array<int, 3> at{i, j, l};
          std::array<int, 4> simplex{-1, -1, -1, -1};
          bool inside = true;
          for (std::size_t v = 0; v <= d; ++v) {
            const auto found = position.find(at);
            inside = inside && found != position.end();
            if (!inside) break;
            simplex[v] = found->second;
            if (v < d) ++at[axes[v]];
          }
          if (inside) result.push_back(simplex);
        } while (
            std::next_permutation(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(d)));
      }
    }
  }
  return result;
}

}  // namespace

std::size_t MeshPart::points_per_cell() const {
  return static_cast<std::size_t>(mesh::n_lattice_points(cell_type_, order_));
}

void MeshPart::take(std::span<const Piece> pieces, GlobalId n_keys) {
  const Communicator& communicator = mesh_->communicator;
  const int lattice_order = order_of(*mesh_, *space_);
  // A curved mesh with degree 1 needs points that the space does not have; a periodic one needs all
  // the points that share an unknown.
  std::optional<fem::Space> finer;
  if (lattice_order != space_->element.degree() || mesh_->is_periodic())
    finer.emplace(*mesh_, lattice_order, fem::Pairs::apart);
  const fem::Space& output = finer ? *finer : *space_;
  const auto n_owned = static_cast<std::size_t>(output.n_owned);

  std::vector<bool> is_used(static_cast<std::size_t>(output.n_local()), false);
  std::vector<GlobalId> used, keys;
  communicator.together([&] {
    lattice_ = fem::Element(mesh_->cell_type, lattice_order, true).nodes();
    for (const Piece& piece : pieces) {
      const auto dofs = output.dofs(piece.cell);
      for (const int p : piece.positions)
        is_used[static_cast<std::size_t>(dofs[static_cast<std::size_t>(p)])] = true;
      if (piece.cell < mesh_->n_cells_owned) keys.push_back(piece.key);
    }
    for (std::size_t i = 0; i < n_owned; ++i) {
      if (is_used[i]) used.push_back(output.dof_gid[i]);
    }
  });
  point_ids_ = places_in_order(communicator, output.n_global, used, n_points_);
  std::vector<GlobalId> number(is_used.size(), -1);
  for (std::size_t i = 0, next = 0; i < n_owned; ++i) {
    if (is_used[i]) number[i] = point_ids_[next++];
  }
  output.plan.to_ghosts(std::span(number));
  cell_ids_ = places_in_order(communicator, n_keys, keys, n_cells_);

  communicator.together([&] {
    // An owned point is touched by an owned cell, if not one of the part.
    std::vector<Place> place(n_owned);
    std::vector<bool> has_place(n_owned, false);
    for (LocalId cell = 0; cell < mesh_->n_cells_owned; ++cell) {
      const auto dofs = output.dofs(cell);
      for (std::size_t p = 0; p < dofs.size(); ++p) {
        const auto dof = static_cast<std::size_t>(dofs[p]);
        if (dof >= n_owned || !is_used[dof] || has_place[dof]) continue;
        has_place[dof] = true;
        place[dof] = {cell, static_cast<int>(p), {}};
      }
    }
    for (std::size_t i = 0; i < n_owned; ++i) {
      if (is_used[i]) places_.push_back(place[i]);
    }
    for (const Piece& piece : pieces) {
      if (piece.cell >= mesh_->n_cells_owned) continue;
      cell_rows_.push_back(mesh_->cell_region[static_cast<std::size_t>(piece.cell)]);
      cell_rows_.push_back(communicator.rank());
      const auto dofs = output.dofs(piece.cell);
      for (const int p : piece.positions)
        cell_rows_.push_back(number[static_cast<std::size_t>(dofs[static_cast<std::size_t>(p)])]);
    }
  });
}

MeshPart MeshPart::whole(const mesh::Mesh& mesh, const fem::Space& space) {
  std::vector<std::int16_t> all(mesh.region_names.size());
  std::iota(all.begin(), all.end(), std::int16_t{0});
  return regions(mesh, space, all);
}

MeshPart MeshPart::regions(const mesh::Mesh& mesh, const fem::Space& space,
                           std::span<const std::int16_t> regions) {
  MeshPart part(mesh, space);
  part.cell_type_ = mesh.cell_type;
  part.order_ = order_of(mesh, space);
  const std::vector<int> positions = vtk_order(part.cell_type_, part.order_);
  std::vector<Piece> pieces;
  for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
    const std::int16_t region = mesh.cell_region[static_cast<std::size_t>(cell)];
    if (std::find(regions.begin(), regions.end(), region) == regions.end()) continue;
    pieces.push_back({cell, positions, mesh.cell_gid[static_cast<std::size_t>(cell)]});
  }
  part.take(pieces, mesh.n_cells_global);
  return part;
}

MeshPart MeshPart::facets(const mesh::Mesh& mesh, const fem::Space& space,
                          std::span<const std::int16_t> sets) {
  const mesh::CellTable& table = mesh::table(mesh.cell_type);
  RITZ_EXPECT(table.dimension >= 2, "facets of a mesh of lines are points");
  MeshPart part(mesh, space);
  part.cell_type_ = table.facet_type;
  part.order_ = order_of(mesh, space);
  const fem::Element lattice(mesh.cell_type, part.order_, true);
  const std::vector<int> order = vtk_order(part.cell_type_, part.order_);
  std::vector<std::vector<int>> positions;
  for (int f = 0; f < table.n_facets; ++f) {
    std::vector<int>& own = positions.emplace_back();
    for (const int at : order) own.push_back(lattice.facet_nodes(f)[static_cast<std::size_t>(at)]);
  }
  // A facet inside of the domain may be named by the cells on both sides, and a facet may be in
  // several of the sets: the cell with the lowest id has it.
  struct Side {
    std::vector<GlobalId> vertices;
    GlobalId cell_gid;
    LocalId cell;
    std::int16_t facet;
  };
  std::vector<Side> sides;
  const auto n_nodes = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto n_corners = static_cast<std::size_t>(mesh::table(table.facet_type).n_vertices);
  for (const mesh::FacetInSet& one : mesh.facet_sets) {
    if (std::find(sets.begin(), sets.end(), one.set) == sets.end()) continue;
    Side side{{}, mesh.cell_gid[static_cast<std::size_t>(one.cell)], one.cell, one.facet};
    for (std::size_t v = 0; v < n_corners; ++v) {
      const auto corner =
          static_cast<std::size_t>(table.facets[static_cast<std::size_t>(one.facet)][v]);
      side.vertices.push_back(mesh.node_gid[static_cast<std::size_t>(
          mesh.cell_nodes[static_cast<std::size_t>(one.cell) * n_nodes + corner])]);
    }
    std::sort(side.vertices.begin(), side.vertices.end());
    sides.push_back(std::move(side));
  }
  std::sort(sides.begin(), sides.end(), [](const Side& a, const Side& b) {
    return std::tie(a.vertices, a.cell_gid) < std::tie(b.vertices, b.cell_gid);
  });
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    if (i > 0 && sides[i].vertices == sides[i - 1].vertices) continue;
    pieces.push_back({sides[i].cell, positions[static_cast<std::size_t>(sides[i].facet)],
                      sides[i].cell_gid * table.n_facets + sides[i].facet});
  }
  part.take(pieces, mesh.n_cells_global * table.n_facets);
  return part;
}

MeshPart MeshPart::slice(const mesh::Mesh& mesh, const fem::Space& space, const Point& point,
                         const Point& normal) {
  const auto d = static_cast<std::size_t>(mesh.dimension());
  RITZ_EXPECT(d >= 2, "a plane cuts a mesh of lines in points");
  const Communicator& communicator = mesh.communicator;
  MeshPart part(mesh, space);
  part.cell_type_ = d == 3 ? CellType::tri : CellType::line;
  part.order_ = 1;
  const int k = order_of(mesh, space);
  const std::vector<Point> lattice = fem::Element(mesh.cell_type, k, true).nodes();
  const std::vector<std::array<int, 4>> simplices = small_simplices(mesh.cell_type, k);
  double length = 0, extent = 0;
  for (std::size_t c = 0; c < d; ++c) length += normal[c] * normal[c];
  length = std::sqrt(length);
  std::vector<double> least(2 * d, std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < mesh.node_coordinates.size(); ++i) {
    least[i % d] = std::min(least[i % d], mesh.node_coordinates[i]);
    least[d + i % d] = std::min(least[d + i % d], -mesh.node_coordinates[i]);
  }
  communicator.all_reduce(std::span<double>(least), comm::Op::min);
  for (std::size_t c = 0; c < d; ++c)
    extent = std::max({extent, std::abs(least[c]), std::abs(least[d + c])});

  struct Cut {
    LocalId cell;
    std::vector<Point> points;               // in the reference cell
    std::vector<std::array<int, 3>> facets;  // numbers into points
  };
  std::vector<Cut> cuts;
  const auto cut_all = [&](double sign) {
    cuts.clear();
    std::vector<double> height(lattice.size());
    for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
      const auto height_at = [&](const Point& xi) {
        const Point x = mesh::map_to_physical(mesh, cell, xi);
        double sum = 0;
        for (std::size_t c = 0; c < d; ++c) sum += normal[c] * (x[c] - point[c]);
        return sign * sum / length;
      };
      double low = 0, high = -std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < lattice.size(); ++i) {
        height[i] = height_at(lattice[i]);
        // What lies in the plane up to round-off lies in it, on the upper side.
        if (std::abs(height[i]) <= 1e-12 * extent) height[i] = 0;
        low = std::min(low, height[i]);
        high = std::max(high, height[i]);
      }
      if (!(low < 0) || high < 0) continue;
      Cut cut{cell, {}, {}};
      std::map<std::pair<int, int>, int> known;
      // Number of the point where the plane crosses the edge from a (below) to b (not below).
      const auto crossing = [&](int a, int b) {
        if (height[static_cast<std::size_t>(b)] == 0) a = b;
        const auto [at, is_new] = known.emplace(std::minmax(a, b), static_cast<int>(known.size()));
        if (!is_new) return at->second;
        const Point& from = lattice[static_cast<std::size_t>(a)];
        const Point& to = lattice[static_cast<std::size_t>(b)];
        const auto between = [&](double s) {
          Point xi{};
          for (std::size_t c = 0; c < 3; ++c) xi[c] = from[c] + s * (to[c] - from[c]);
          return xi;
        };
        double s = 1;
        if (a != b) {
          // Regula falsi, Illinois variant (Dowell and Jarratt, BIT 11 (1971) 168); straight edges
          // take one pass.
          double s0 = 0, s1 = 1;
          double h0 = height[static_cast<std::size_t>(a)], h1 = height[static_cast<std::size_t>(b)];
          for (int pass = 0; pass < 60; ++pass) {
            s = s0 - h0 * (s1 - s0) / (h1 - h0);
            const double h = height_at(between(s));
            if (std::abs(h) <= 1e-15 * extent) break;
            if ((h < 0) == (h0 < 0)) {
              s0 = s;
              h0 = h;
              h1 *= 0.5;
            } else {
              s1 = s;
              h1 = h;
              h0 *= 0.5;
            }
          }
        }
        cut.points.push_back(between(s));
        return at->second;
      };
      const auto add = [&](int a, int b, int c) {
        if (a == b || b == c || a == c) return;  // it is an edge or a point
        cut.facets.push_back({a, b, c});
      };
      for (const std::array<int, 4>& simplex : simplices) {
        std::vector<int> below, above;
        for (std::size_t v = 0; v <= d; ++v) {
          (height[static_cast<std::size_t>(simplex[v])] < 0 ? below : above).push_back(simplex[v]);
        }
        if (below.empty() || above.empty()) continue;
        if (d == 2) {
          const int a = crossing(below[0], above[0]);
          const int b = crossing(below.back(), above.back());
          if (a != b) cut.facets.push_back({a, b, 0});
        } else if (below.size() == 2) {
          const int a = crossing(below[0], above[0]), b = crossing(below[0], above[1]);
          const int c = crossing(below[1], above[1]), e = crossing(below[1], above[0]);
          add(a, b, c);
          add(a, c, e);
        } else if (below.size() == 1) {
          add(crossing(below[0], above[0]), crossing(below[0], above[1]),
              crossing(below[0], above[2]));
        } else {
          add(crossing(below[0], above[0]), crossing(below[1], above[0]),
              crossing(below[2], above[0]));
        }
      }
      if (!cut.facets.empty()) cuts.push_back(std::move(cut));
    }
  };
  communicator.together([&] { cut_all(1.0); });
  // The domain may lie above the plane and touch it.
  if (!communicator.any(!cuts.empty())) communicator.together([&] { cut_all(-1.0); });

  // Numbers go by cells, in the order of their ids.
  std::vector<GlobalId> keys;
  for (const Cut& cut : cuts) keys.push_back(mesh.cell_gid[static_cast<std::size_t>(cut.cell)]);
  GlobalId n_cut = 0;
  const std::vector<GlobalId> place =
      places_in_order(communicator, mesh.n_cells_global, keys, n_cut);
  std::vector<GlobalId> sizes;
  for (const Cut& cut : cuts) {
    sizes.push_back(static_cast<GlobalId>(cut.points.size()));
    sizes.push_back(static_cast<GlobalId>(cut.facets.size()));
  }
  // Sums of the sizes before each cell, by its place.
  std::vector<GlobalId> first = to_blocks<GlobalId>(communicator, n_cut, place, sizes, 2);
  std::array<GlobalId, 2> sums{0, 0};
  for (std::size_t i = 0; i < first.size(); ++i) {
    const GlobalId n = first[i];
    first[i] = sums[i % 2];
    sums[i % 2] += n;
  }
  const std::array<GlobalId, 2> before{communicator.exclusive_sum(sums[0]),
                                       communicator.exclusive_sum(sums[1])};
  for (std::size_t i = 0; i < first.size(); ++i) first[i] += before[i % 2];
  part.n_points_ = communicator.sum(sums[0]);
  part.n_cells_ = communicator.sum(sums[1]);
  const std::vector<GlobalId> begin = from_blocks<GlobalId>(communicator, n_cut, place, first, 2);

  communicator.together([&] {
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const Cut& cut = cuts[i];
      for (std::size_t p = 0; p < cut.points.size(); ++p) {
        part.point_ids_.push_back(begin[2 * i] + static_cast<GlobalId>(p));
        part.places_.push_back({cut.cell, -1, cut.points[p]});
      }
      for (std::size_t f = 0; f < cut.facets.size(); ++f) {
        part.cell_ids_.push_back(begin[2 * i + 1] + static_cast<GlobalId>(f));
        part.cell_rows_.push_back(mesh.cell_region[static_cast<std::size_t>(cut.cell)]);
        part.cell_rows_.push_back(communicator.rank());
        for (std::size_t v = 0; v < d; ++v)
          part.cell_rows_.push_back(begin[2 * i] + cut.facets[f][v]);
      }
    }
  });
  return part;
}

const Point& MeshPart::reference(const Place& place) const {
  return place.lattice < 0 ? place.reference : lattice_[static_cast<std::size_t>(place.lattice)];
}

std::vector<double> MeshPart::coordinates() const {
  std::vector<double> result;
  result.reserve(3 * places_.size());
  for (const Place& place : places_) {
    const Point x = mesh::map_to_physical(*mesh_, place.cell, reference(place));
    result.insert(result.end(), x.begin(), x.end());
  }
  return result;
}

std::vector<double> MeshPart::values(std::span<const std::span<const double>> functions) const {
  const auto n_nodes = static_cast<std::size_t>(space_->element.n_nodes());
  // The basis at the lattice's points, once.
  std::vector<double> table(lattice_.size() * n_nodes), own(n_nodes);
  for (std::size_t p = 0; p < lattice_.size(); ++p)
    space_->element.values(lattice_[p], std::span(table).subspan(p * n_nodes, n_nodes));
  std::vector<double> result;
  result.reserve(places_.size() * functions.size());
  for (const Place& place : places_) {
    const double* basis = own.data();
    if (place.lattice < 0) {
      space_->element.values(place.reference, own);
    } else {
      basis = table.data() + static_cast<std::size_t>(place.lattice) * n_nodes;
    }
    const auto dofs = space_->dofs(place.cell);
    for (const std::span<const double>& function : functions) {
      double value = 0;
      for (std::size_t i = 0; i < n_nodes; ++i)
        value += basis[i] * function[static_cast<std::size_t>(dofs[i])];
      result.push_back(value);
    }
  }
  return result;
}

}  // namespace ritz::store
