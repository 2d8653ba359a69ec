#include "cell_maps.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ritz/kernels/coefficient_form.hpp"
#include "ritz/mesh/geometry.hpp"

namespace ritz::assembly {

using kernels::Pack;

CellMaps::CellMaps(const mesh::Mesh& mesh, const TensorBasis& basis)
    : mesh_(mesh),
      basis_(basis),
      dim_(mesh.dimension()),
      n_points_(kernels::power(basis.m, dim_)),
      n_geometry_(static_cast<std::size_t>(mesh.nodes_per_cell())) {
  for (int q = 0; q < n_points_; ++q) {
    std::array<double, 3> point{};
    for (int d = 0, rest = q; d < dim_; ++d, rest /= basis.m) {
      point[static_cast<std::size_t>(d)] = basis.points[static_cast<std::size_t>(rest % basis.m)];
    }
    points_.push_back(point);
  }
  points_.push_back({0.5, dim_ > 1 ? 0.5 : 0.0, dim_ > 2 ? 0.5 : 0.0});
  const auto d = static_cast<std::size_t>(dim_);
  shape_values_.resize(points_.size() * n_geometry_);
  shape_gradients_.resize(points_.size() * n_geometry_ * d);
  for (std::size_t q = 0; q < points_.size(); ++q) {
    mesh::shape_values(mesh.cell_type, mesh.geometry_order, points_[q],
                       {shape_values_.data() + q * n_geometry_, n_geometry_});
    mesh::shape_gradients(mesh.cell_type, mesh.geometry_order, points_[q],
                          {shape_gradients_.data() + q * n_geometry_ * d, n_geometry_ * d});
  }
  nodes_.resize(n_geometry_ * d * width);
}

void CellMaps::gather(const LocalId* cells) {
  for (int l = 0; l < width; ++l) {
    const LocalId cell = cells[l] < 0 ? cells[0] : cells[l];
    regions_[static_cast<std::size_t>(l)] = mesh_.cell_region[static_cast<std::size_t>(cell)];
    const LocalId* nodes = mesh_.cell_nodes.data() + static_cast<std::size_t>(cell) * n_geometry_;
    for (std::size_t a = 0; a < n_geometry_; ++a) {
      const double* x = mesh_.node_coordinates.data() +
                        static_cast<std::size_t>(nodes[a]) * static_cast<std::size_t>(dim_);
      for (int d = 0; d < dim_; ++d) {
        nodes_[(a * static_cast<std::size_t>(dim_) + static_cast<std::size_t>(d)) * width +
               static_cast<std::size_t>(l)] = x[d];
      }
    }
  }
}

MapKind CellMaps::look(const LocalId* cells) {
  if (mesh_.geometry_order != 1) return MapKind::stored;
  if (dim_ == 1) return MapKind::constant;
  gather(cells);
  const auto node = [&](int v, int d, int l) {
    return nodes_[static_cast<std::size_t>((v * dim_ + d) * width + l)];
  };
  for (int l = 0; l < width; ++l) {
    // To within round-off of coordinates that are far from the origin compared with the size.
    double size = 0, gap = 0;
    for (int v = 1; v < 1 << dim_; ++v) {
      for (int d = 0; d < dim_; ++d) {
        double x = node(0, d, l);
        for (int s = 0; s < dim_; ++s) {
          if ((v >> s & 1) != 0) x += node(1 << s, d, l) - node(0, d, l);
        }
        gap = std::max(gap, std::abs(x - node(v, d, l)));
        size = std::max(size, std::abs(node(v, d, l) - node(0, d, l)));
      }
    }
    if (!(gap <= 1e-12 * size)) return MapKind::multilinear;
  }
  return MapKind::constant;
}

int CellMaps::n_map_numbers(MapKind kind) const {
  if (kind == MapKind::multilinear) return dim_ * ((1 << dim_) - 1) + 2;
  return (dim_ * dim_ + 1) * (kind == MapKind::stored ? n_points_ : 1);
}

void CellMaps::jacobian_at(int q, Pack* adjugate, Pack& determinant) const {
  const double* gradient = shape_gradients_.data() + static_cast<std::size_t>(q) * n_geometry_ *
                                                         static_cast<std::size_t>(dim_);
  Pack j[9];
  for (int i = 0; i < dim_ * dim_; ++i) j[i] = Pack(0.0);
  for (std::size_t a = 0; a < n_geometry_; ++a) {
    for (int d = 0; d < dim_; ++d) {
      Pack x;
      std::memcpy(&x,
                  nodes_.data() +
                      (a * static_cast<std::size_t>(dim_) + static_cast<std::size_t>(d)) * width,
                  sizeof x);
      for (int e = 0; e < dim_; ++e) {
        j[d * dim_ + e] +=
            x * Pack(gradient[a * static_cast<std::size_t>(dim_) + static_cast<std::size_t>(e)]);
      }
    }
  }
  determinant = dim_ == 1   ? kernels::adjugate<1>(j, adjugate)
                : dim_ == 2 ? kernels::adjugate<2>(j, adjugate)
                            : kernels::adjugate<3>(j, adjugate);
}

void CellMaps::compute_map(const LocalId* cells, MapKind kind) {
  gather(cells);
  map_.resize(static_cast<std::size_t>(n_map_numbers(kind)) * width);
  if (kind == MapKind::multilinear) {
    for (int l = 0; l < width; ++l) {
      const auto node = [&](int v, int d) {
        return nodes_[static_cast<std::size_t>((v * dim_ + d) * width + l)] -
               nodes_[static_cast<std::size_t>(d * width + l)];
      };
      double size = 0;
      for (int v = 1; v < 1 << dim_; ++v) {
        for (int d = 0; d < dim_; ++d) size = std::max(size, std::abs(node(v, d)));
      }
      // Directions of e_x, e_y, ...: first one each, then pairs, then all.
      const std::array<int, 7> directions =
          dim_ == 2 ? std::array<int, 7>{1, 2, 3} : std::array<int, 7>{1, 2, 4, 3, 5, 6, 7};
      const int n_edges = (1 << dim_) - 1;
      for (int i = 0; i < n_edges; ++i) {
        const int set = directions[static_cast<std::size_t>(i)];
        double mean = 1 / size;
        for (int s = 0; s < dim_; ++s) mean *= (set >> s & 1) != 0 ? 1.0 : 0.5;
        for (int d = 0; d < dim_; ++d) {
          double sum = 0;
          for (int v = 0; v < 1 << dim_; ++v) {
            const bool minus = (__builtin_popcount(static_cast<unsigned>(set & ~v)) & 1) != 0;
            sum += minus ? -node(v, d) : node(v, d);
          }
          map_[static_cast<std::size_t>((i * dim_ + d) * width + l)] = mean * sum;
        }
      }
      map_[static_cast<std::size_t>(n_edges * dim_ * width + l)] = size;
      map_[static_cast<std::size_t>((n_edges * dim_ + 1) * width + l)] = dim_ == 2 ? 1.0 : size;
    }
    return;
  }
  double* to = map_.data();
  const int n_sets = kind == MapKind::stored ? n_points_ : 1;
  for (int q = 0; q < n_sets; ++q) {
    Pack adjugate[9], determinant;
    jacobian_at(kind == MapKind::stored ? q : n_points_, adjugate, determinant);
    double root[width], inverse[width];
    for (int l = 0; l < width; ++l) {
      root[l] = std::sqrt(std::abs(reinterpret_cast<const double*>(&determinant)[l]));
      inverse[l] = 1 / root[l];
    }
    for (int i = 0; i < dim_ * dim_; ++i, to += width) {
      for (int l = 0; l < width; ++l) {
        to[l] = reinterpret_cast<const double*>(adjugate + i)[l] * inverse[l];
      }
    }
    for (int l = 0; l < width; ++l) to[l] = root[l];
    to += width;
  }
}

}  // namespace ritz::assembly
