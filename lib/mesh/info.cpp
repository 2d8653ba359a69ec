#include "ritz/mesh/info.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"

namespace ritz::mesh {

namespace {

constexpr double poor_quality = 0.1;

using Matrix = std::array<std::array<double, 3>, 3>;  // [row][column]

/// Points and weights on a reference cell: the Gauss rule of 4 points in each direction, on
/// simplices through the map of the square or cube that collapses one side (Duffy, SIAM J. Numer.
/// Anal. 19 (1982) 1260). Exact for determinants of degree up to 5 in each variable, those of hexes
/// of order 2.
struct Rule {
  std::vector<std::array<double, 3>> points;
  std::vector<double> weights;
};

Rule rule(CellType type) {
  // Roots of the Legendre polynomial of degree 4 (Abramowitz and Stegun, table 25.4), on [0, 1].
  constexpr std::array<double, 2> root{0.339981043584856264802666, 0.861136311594052575223946};
  constexpr std::array<double, 2> weight{0.652145154862546142626936, 0.347854845137453857373064};
  std::array<double, 4> x{}, w{};
  for (std::size_t i = 0; i < 2; ++i) {
    x[2 * i] = 0.5 * (1.0 - root[i]);
    x[2 * i + 1] = 0.5 * (1.0 + root[i]);
    w[2 * i] = w[2 * i + 1] = 0.5 * weight[i];
  }
  const int dimension = table(type).dimension;
  Rule result;
  for (std::size_t k = 0; k < (dimension > 2 ? 4U : 1U); ++k) {
    for (std::size_t j = 0; j < (dimension > 1 ? 4U : 1U); ++j) {
      for (std::size_t i = 0; i < (dimension > 0 ? 4U : 1U); ++i) {
        std::array<double, 3> p{};
        double area = 1.0;
        const std::array<std::size_t, 3> at{i, j, k};
        for (int d = 0; d < dimension; ++d) {
          p[static_cast<std::size_t>(d)] = x[at[static_cast<std::size_t>(d)]];
          area *= w[at[static_cast<std::size_t>(d)]];
        }
        if (type == CellType::tri) {
          area *= 1.0 - p[1];
          p[0] *= 1.0 - p[1];
        } else if (type == CellType::tet) {
          area *= (1.0 - p[1]) * (1.0 - p[2]) * (1.0 - p[2]);
          p[0] *= (1.0 - p[1]) * (1.0 - p[2]);
          p[1] *= 1.0 - p[2];
        }
        result.points.push_back(p);
        result.weights.push_back(area);
      }
    }
  }
  return result;
}

double determinant(const Matrix& a, int dimension) {
  if (dimension == 1) return a[0][0];
  if (dimension == 2) return a[0][0] * a[1][1] - a[0][1] * a[1][0];
  return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
         a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
         a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
}

/// Reference gradients of the geometry map at points, and Jacobians from a cell's coordinates.
class Map {
 public:
  Map(CellType type, int order, const std::vector<std::array<double, 3>>& points)
      : dimension_(static_cast<std::size_t>(table(type).dimension)),
        n_nodes_(static_cast<std::size_t>(n_lattice_points(type, order))) {
    for (const auto& point : points) {
      gradients_.emplace_back(n_nodes_ * dimension_);
      shape_gradients(type, order, point, gradients_.back());
    }
  }
  [[nodiscard]] std::size_t n_points() const { return gradients_.size(); }
  /// `x`: [n_nodes][dimension].
  [[nodiscard]] Matrix jacobian(std::size_t point, const std::vector<double>& x) const {
    Matrix result{};
    const std::vector<double>& gradients = gradients_[point];
    for (std::size_t n = 0; n < n_nodes_; ++n) {
      for (std::size_t i = 0; i < dimension_; ++i) {
        for (std::size_t j = 0; j < dimension_; ++j) {
          result[i][j] += x[n * dimension_ + i] * gradients[n * dimension_ + j];
        }
      }
    }
    return result;
  }

 private:
  std::size_t dimension_, n_nodes_;
  std::vector<std::vector<double>> gradients_;
};

/// Coordinates of a cell's nodes, [nodes_per_cell][dimension].
void gather(const Mesh& mesh, LocalId cell, std::vector<double>& x) {
  const auto n = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  x.resize(n * dimension);
  for (std::size_t i = 0; i < n; ++i) {
    const auto node =
        static_cast<std::size_t>(mesh.cell_nodes[static_cast<std::size_t>(cell) * n + i]);
    std::copy_n(mesh.node_coordinates.begin() + static_cast<std::ptrdiff_t>(node * dimension),
                dimension, x.begin() + static_cast<std::ptrdiff_t>(i * dimension));
  }
}

/// Points of a facet's rule on the cell's reference facet and the tangents there.
struct FacetRule {
  std::vector<std::array<double, 3>> points;
  std::array<std::array<double, 3>, 2> tangents{};  // of the facet's reference coordinates
};

FacetRule on_facet(CellType type, int facet, const Rule& facet_rule) {
  const CellTable& cell_table = table(type);
  const auto& corners = cell_table.facets[static_cast<std::size_t>(facet)];
  const auto corner = [&](int i) {
    return cell_table.vertices[static_cast<std::size_t>(corners[static_cast<std::size_t>(i)])];
  };
  FacetRule result;
  const auto origin = corner(0);
  // Second and third vertex are the ends of the axes on lines, triangles and (tensor order) quads.
  for (int a = 0; a < cell_table.dimension - 1; ++a) {
    for (std::size_t d = 0; d < 3; ++d) {
      result.tangents[static_cast<std::size_t>(a)][d] = corner(a + 1)[d] - origin[d];
    }
  }
  for (const auto& point : facet_rule.points) {
    std::array<double, 3> p = origin;
    for (std::size_t d = 0; d < 3; ++d) {
      for (std::size_t a = 0; a < 2; ++a) p[d] += point[a] * result.tangents[a][d];
    }
    result.points.push_back(p);
  }
  return result;
}

/// Areas of facets.
class FacetMeasure {
 public:
  explicit FacetMeasure(const Mesh& mesh)
      : dimension_(mesh.dimension()), rule_(rule(table(mesh.cell_type).facet_type)) {
    for (int f = 0; f < table(mesh.cell_type).n_facets; ++f) {
      facets_.push_back(on_facet(mesh.cell_type, f, rule_));
      maps_.emplace_back(mesh.cell_type, mesh.geometry_order, facets_.back().points);
    }
  }
  [[nodiscard]] double operator()(int facet, const std::vector<double>& x) const {
    if (dimension_ == 1) return 1.0;
    const auto f = static_cast<std::size_t>(facet);
    double area = 0.0;
    for (std::size_t q = 0; q < maps_[f].n_points(); ++q) {
      const Matrix jacobian = maps_[f].jacobian(q, x);
      std::array<std::array<double, 3>, 2> t{};
      for (std::size_t a = 0; a < 2; ++a) {
        for (std::size_t i = 0; i < 3; ++i) {
          for (std::size_t j = 0; j < 3; ++j) t[a][i] += jacobian[i][j] * facets_[f].tangents[a][j];
        }
      }
      double size = 0.0;
      if (dimension_ == 2) {
        size = std::hypot(t[0][0], t[0][1]);
      } else {
        size =
            std::hypot(t[0][1] * t[1][2] - t[0][2] * t[1][1], t[0][2] * t[1][0] - t[0][0] * t[1][2],
                       t[0][0] * t[1][1] - t[0][1] * t[1][0]);
      }
      area += rule_.weights[q] * size;
    }
    return area;
  }

 private:
  int dimension_;
  Rule rule_;
  std::vector<FacetRule> facets_;
  std::vector<Map> maps_;
};

/// Mean ratio of the map from the ideal cell (Knupp, SIAM J. Sci. Comput. 23 (2001) 193):
/// d det(S)^(2/d) / |S|_F^2 with S = J W^-1, W the map from the reference to the ideal cell.
class Quality {
 public:
  explicit Quality(CellType type) : dimension_(table(type).dimension) {
    // Inverse of the regular simplex with edges e_x, (1/2, sqrt(3)/2), (1/2, sqrt(3)/6, sqrt(2/3)).
    const double s3 = std::sqrt(3.0), s6 = std::sqrt(6.0);
    inverse_ = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    if (type == CellType::tri) inverse_ = {{{1, -1 / s3, 0}, {0, 2 / s3, 0}, {0, 0, 1}}};
    if (type == CellType::tet) {
      inverse_ = {{{1, -1 / s3, -1 / s6}, {0, 2 / s3, -1 / s6}, {0, 0, 3 / s6}}};
    }
  }
  [[nodiscard]] double operator()(const Matrix& jacobian) const {
    Matrix s{};
    double square = 0.0;
    const auto n = static_cast<std::size_t>(dimension_);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < n; ++k) s[i][j] += jacobian[i][k] * inverse_[k][j];
        square += s[i][j] * s[i][j];
      }
    }
    if (square == 0.0) return 0.0;
    const double det = determinant(s, dimension_);
    if (dimension_ == 1) return det > 0.0 ? 1.0 : det < 0.0 ? -1.0 : 0.0;
    const double size = dimension_ == 2 ? std::abs(det) : std::cbrt(det * det);
    return std::copysign(dimension_ * size / square, det);
  }

 private:
  int dimension_;
  Matrix inverse_{};
};

/// Sums and extremes over this rank's cells.
struct Partial {
  std::vector<GlobalId> region_cells, set_exterior, set_sides;
  std::vector<double> region_volume, set_area;
  GlobalId n_exterior = 0, n_unnamed = 0, n_poor = 0, n_bad = 0;
  double exterior_area = 0.0, unnamed_area = 0.0, quality_sum = 0.0;
  double least = std::numeric_limits<double>::max(),
         greatest = std::numeric_limits<double>::lowest();
  LocalId worst = -1;
};

std::vector<std::array<double, 3>> quality_points(const Mesh& mesh) {
  std::vector<std::array<double, 3>> points;
  for (const auto& index : lattice_indices(mesh.cell_type, mesh.geometry_order)) {
    std::array<double, 3> point{};
    for (std::size_t d = 0; d < 3; ++d)
      point[d] = index[d] / static_cast<double>(mesh.geometry_order);
    points.push_back(point);
  }
  return points;
}

void add_cells(const Mesh& mesh, Partial& sums) {
  const Rule cell_rule = rule(mesh.cell_type);
  const Map volume_map(mesh.cell_type, mesh.geometry_order, cell_rule.points);
  const Map quality_map(mesh.cell_type, mesh.geometry_order, quality_points(mesh));
  const Quality quality(mesh.cell_type);
  std::vector<double> x;
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    gather(mesh, cell, x);
    double volume = 0.0;
    for (std::size_t q = 0; q < volume_map.n_points(); ++q) {
      volume += cell_rule.weights[q] * determinant(volume_map.jacobian(q, x), mesh.dimension());
    }
    const auto region = static_cast<std::size_t>(mesh.cell_region[static_cast<std::size_t>(cell)]);
    sums.region_cells[region] += 1;
    sums.region_volume[region] += volume;
    double worst = 1.0;
    for (std::size_t q = 0; q < quality_map.n_points(); ++q) {
      worst = std::min(worst, quality(quality_map.jacobian(q, x)));
    }
    sums.quality_sum += worst;
    if (worst < poor_quality) ++sums.n_poor;
    if (worst <= 0.0) ++sums.n_bad;
    if (worst < sums.least) {
      sums.least = worst;
      sums.worst = cell;
    }
    sums.greatest = std::max(sums.greatest, worst);
  }
}

void add_facets(const Mesh& mesh, Partial& sums) {
  const FacetMeasure measure(mesh);
  const int n_facets = table(mesh.cell_type).n_facets;
  std::vector<double> x;
  auto in_set = mesh.facet_sets.begin();
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const std::uint8_t exterior = mesh.exterior[static_cast<std::size_t>(cell)];
    while (in_set != mesh.facet_sets.end() && in_set->cell < cell) ++in_set;
    const bool listed = in_set != mesh.facet_sets.end() && in_set->cell == cell;
    if (exterior == 0 && !listed) continue;
    gather(mesh, cell, x);
    for (int f = 0; f < n_facets; ++f) {
      const bool outside = (exterior >> f & 1) != 0;
      const bool named =
          in_set != mesh.facet_sets.end() && in_set->cell == cell && in_set->facet == f;
      if (!outside && !named) continue;
      const double area = measure(f, x);
      for (; in_set != mesh.facet_sets.end() && in_set->cell == cell && in_set->facet == f;
           ++in_set) {
        const auto set = static_cast<std::size_t>(in_set->set);
        // A facet between two cells is listed from both sides.
        (outside ? sums.set_exterior : sums.set_sides)[set] += 1;
        sums.set_area[set] += outside ? area : 0.5 * area;
      }
      if (!outside) continue;
      sums.n_exterior += 1;
      sums.exterior_area += area;
      if (named) continue;
      sums.n_unnamed += 1;
      sums.unnamed_area += area;
    }
  }
}

}  // namespace

MeshInfo summarise(const Mesh& mesh) {
  const comm::Communicator& communicator = mesh.communicator;
  Partial sums;
  sums.region_cells.assign(mesh.region_names.size(), 0);
  sums.region_volume.assign(mesh.region_names.size(), 0.0);
  sums.set_exterior.assign(mesh.set_names.size(), 0);
  sums.set_sides.assign(mesh.set_names.size(), 0);
  sums.set_area.assign(mesh.set_names.size(), 0.0);
  add_cells(mesh, sums);
  add_facets(mesh, sums);

  MeshInfo info;
  info.dimension = mesh.dimension();
  info.cell_type = mesh.cell_type;
  info.geometry_order = mesh.geometry_order;
  info.n_cells = mesh.n_cells_global;
  info.n_vertices = mesh.n_vertices_global;
  info.n_nodes = mesh.n_nodes_global;

  std::array<double, 6> box;  // lower and negative upper corner
  box.fill(std::numeric_limits<double>::max());
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  for (std::size_t n = 0; n < mesh.node_gid.size(); ++n) {
    for (std::size_t d = 0; d < dimension; ++d) {
      const double x = mesh.node_coordinates[n * dimension + d];
      box[d] = std::min(box[d], x);
      box[3 + d] = std::min(box[3 + d], -x);
    }
  }
  communicator.all_reduce(std::span<double>(box), comm::Op::min);
  for (std::size_t d = 0; d < dimension; ++d) {
    info.lower[d] = box[d];
    info.upper[d] = -box[3 + d];
  }

  communicator.all_reduce(std::span<GlobalId>(sums.region_cells), comm::Op::sum);
  communicator.all_reduce(std::span<double>(sums.region_volume), comm::Op::sum);
  communicator.all_reduce(std::span<GlobalId>(sums.set_exterior), comm::Op::sum);
  communicator.all_reduce(std::span<GlobalId>(sums.set_sides), comm::Op::sum);
  communicator.all_reduce(std::span<double>(sums.set_area), comm::Op::sum);
  for (std::size_t r = 0; r < mesh.region_names.size(); ++r) {
    info.regions.push_back({mesh.region_names[r], sums.region_cells[r], sums.region_volume[r]});
    info.volume += sums.region_volume[r];
  }
  for (std::size_t s = 0; s < mesh.set_names.size(); ++s) {
    info.sets.push_back(
        {mesh.set_names[s], sums.set_exterior[s], (sums.set_sides[s] + 1) / 2, sums.set_area[s]});
  }
  info.n_exterior = communicator.sum(sums.n_exterior);
  info.exterior_area = communicator.sum(sums.exterior_area);
  info.n_unnamed = communicator.sum(sums.n_unnamed);
  info.unnamed_area = communicator.sum(sums.unnamed_area);
  info.n_poor = communicator.sum(sums.n_poor);
  info.n_bad = communicator.sum(sums.n_bad);
  info.mean_quality =
      communicator.sum(sums.quality_sum) / static_cast<double>(std::max<GlobalId>(1, info.n_cells));
  info.least_quality = communicator.min(sums.least);
  info.greatest_quality = communicator.max(sums.greatest);

  // The worst cell with the lowest id.
  GlobalId worst = std::numeric_limits<GlobalId>::max();
  if (sums.worst >= 0 && sums.least == info.least_quality) {
    worst = mesh.cell_gid[static_cast<std::size_t>(sums.worst)];
  }
  info.worst_cell = communicator.min(worst);
  if (worst == info.worst_cell && sums.worst >= 0) {
    std::vector<double> x;
    gather(mesh, sums.worst, x);
    const int n_vertices = table(mesh.cell_type).n_vertices;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n_vertices); ++i) {
      for (std::size_t d = 0; d < dimension; ++d) {
        info.worst_centroid[d] += x[i * dimension + d] / n_vertices;
      }
    }
  }
  communicator.all_reduce(std::span<double>(info.worst_centroid), comm::Op::sum);
  return info;
}

namespace {

const char* measure_word(int dimension) {
  switch (dimension) {
    case 1:
      return "length";
    case 2:
      return "area";
    case 3:
      return "volume";
    default:
      return "number";
  }
}

}  // namespace

std::string text(const MeshInfo& info) {
  const auto count = [](GlobalId n) { return base::count_text(n); };
  const auto dimension = static_cast<std::size_t>(info.dimension);
  const char* volume = measure_word(info.dimension);
  const char* area = measure_word(info.dimension - 1);
  std::string result =
      fmt::format("{} {} cells of order {} in {}-D, {} vertices, {} nodes\n", count(info.n_cells),
                  table(info.cell_type).name, info.geometry_order, info.dimension,
                  count(info.n_vertices), count(info.n_nodes));
  std::string lower, upper;
  for (std::size_t d = 0; d < dimension; ++d) {
    lower += fmt::format("{}{:.6g}", d == 0 ? "" : ", ", info.lower[d]);
    upper += fmt::format("{}{:.6g}", d == 0 ? "" : ", ", info.upper[d]);
  }
  result +=
      fmt::format("bounding box ({}) to ({}), {} {:.6g}\n", lower, upper, volume, info.volume);

  std::size_t width = 8;
  for (const auto& region : info.regions) width = std::max(width, region.name.size());
  for (const auto& set : info.sets) width = std::max(width, set.name.size());
  result += "regions\n";
  for (const auto& region : info.regions) {
    result += fmt::format("  {:<{}}  {:>13} cells   {} {:.6g}{}\n", region.name, width,
                          count(region.n_cells), volume, region.volume,
                          region.n_cells == 0 ? "   EMPTY" : "");
  }
  result += info.sets.empty() ? "no named sets\n" : "named sets\n";
  for (const auto& set : info.sets) {
    result += fmt::format("  {:<{}}  {:>13} facets  {} {:.6g}{}{}\n", set.name, width,
                          count(set.n_exterior + set.n_interior), area, set.area,
                          set.n_interior > 0
                              ? fmt::format("   {} inside the domain", count(set.n_interior))
                              : std::string(),
                          set.n_exterior + set.n_interior == 0 ? "   EMPTY" : "");
  }
  result += fmt::format("boundary  {} facets, {} {:.6g}; in no named set: {} facets, {} {:.6g}\n",
                        count(info.n_exterior), area, info.exterior_area, count(info.n_unnamed),
                        area, info.unnamed_area);
  std::string centroid;
  for (std::size_t d = 0; d < dimension; ++d) {
    centroid += fmt::format("{}{:.6g}", d == 0 ? "" : ", ", info.worst_centroid[d]);
  }
  result += fmt::format(
      "quality (mean ratio)  min {:.3g} (cell {} at {}), mean {:.3g}, max {:.3g}\n",
      info.least_quality, info.worst_cell, centroid, info.mean_quality, info.greatest_quality);
  result +=
      fmt::format("cells with quality below {}: {}; with a Jacobian that is not positive: {}\n",
                  poor_quality, count(info.n_poor), count(info.n_bad));
  return result;
}

}  // namespace ritz::mesh
