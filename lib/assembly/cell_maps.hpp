#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "cell_sweep.hpp"
#include "ritz/assembly/system_operator.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/kernels/pack.hpp"
#include "ritz/mesh/mesh.hpp"
#include "system_loop.hpp"
#include "tensor_basis.hpp"

namespace ritz::assembly {

/// The maps from the reference cell of up to pack_width tensor cells at a time, for one thread.
class CellMaps {
 public:
  static constexpr int width = kernels::pack_width;

  /// All must outlive the object.
  CellMaps(const mesh::Mesh& mesh, const TensorBasis& basis);

  /// How the map of these cells is had. `cells`: [width] owned cells, -1 in empty lanes (not the
  /// first).
  [[nodiscard]] MapKind look(const LocalId* cells);
  /// The numbers of the map; each kind fits cells for which look() gave it or one before it.
  void compute_map(const LocalId* cells, MapKind kind);
  [[nodiscard]] int n_map_numbers(MapKind kind) const;
  /// [width] lanes of number i.
  [[nodiscard]] const double* map_number(int i) const {
    return map_.data() + static_cast<std::size_t>(i) * width;
  }
  /// Coordinates and regions of these cells.
  void gather(const LocalId* cells);
  /// [width] lanes of coordinate i = node * dimension + direction of the cells last gathered.
  [[nodiscard]] const double* coordinate(int i) const {
    return nodes_.data() + static_cast<std::size_t>(i) * width;
  }
  [[nodiscard]] int n_coordinates() const { return static_cast<int>(nodes_.size()) / width; }
  /// [n_points][geometry nodes].
  [[nodiscard]] const std::vector<double>& shape_values() const { return shape_values_; }

 protected:
  using Pack = kernels::Pack;
  void jacobian_at(int q, Pack* adjugate, Pack& determinant) const;

  const mesh::Mesh& mesh_;
  const TensorBasis& basis_;
  int dim_, n_points_;
  std::size_t n_geometry_;
  std::vector<std::array<double, 3>> points_;           // [n_points], then the centre
  std::vector<double> shape_values_, shape_gradients_;  // of the geometry at points_
  std::vector<double> nodes_;                           // [node][dim][width]
  std::array<int, width> regions_{};

 private:
  std::vector<double> map_;
};

/// Calls work(cells, lane) for the lanes of batch b, CellMaps::width at a time; empty ones at the
/// end get the numbers of the first.
template <class Work>
void each_part(const CellBatches& batches, int b, const Work& work) {
  const LocalId* list = batches.cells.data() + static_cast<std::size_t>(b * batches.width);
  for (int h = 0; h < batches.width; h += CellMaps::width) {
    work(list[h] >= 0 ? list + h : list, h);
  }
}

/// `count` numbers of `number(i)` to the lanes of `out`.
template <class V, class Number>
void put_lanes(V* out, int count, int lane, const Number& number) {
  for (int i = 0; i < count; ++i) {
    const double* from = number(i);
    for (int l = 0; l < CellMaps::width; ++l)
      out[i][lane + l] = static_cast<std::decay_t<decltype(out[0][0])>>(from[l]);
  }
}

/// The region of all cells of batch b, or -1.
[[nodiscard]] inline int one_region(const mesh::Mesh& mesh, const CellBatches& batches, int b) {
  int region = -1;
  for (int l = 0; l < batches.width; ++l) {
    const LocalId cell = batches.cells[static_cast<std::size_t>(b * batches.width + l)];
    if (cell < 0) continue;
    const int here = mesh.cell_region[static_cast<std::size_t>(cell)];
    if (region >= 0 && here != region) return -1;
    region = here;
  }
  return region;
}

/// Cells of a rank by how their map is had.
struct MapCounts {
  LocalId constant = 0, multilinear = 0, stored = 0;
};

/// The maps of all batches of a sweep, into `to` [n_batches], each worker's numbers in its own of
/// `pools`, with what more(worker, batch, CellMaps) adds. Local.
template <class T, class Batch, class More>
MapCounts make_maps(const CellSweep<T>& sweep, const mesh::Mesh& mesh, const TensorBasis& basis,
                    std::vector<Batch>& to, std::vector<Pool<kernels::Lanes<T>>>& pools,
                    const More& more) {
  const CellBatches& batches = sweep.batches;
  to.resize(static_cast<std::size_t>(batches.n_batches()));
  pools.resize(static_cast<std::size_t>(sweep.n_workers()));
  std::vector<MapCounts> counts(pools.size());
  std::vector<CellMaps> tools(pools.size(), CellMaps(mesh, basis));
  sweep.each_group([&](int t, int begin, int end) {
    const auto worker = static_cast<std::size_t>(t);
    CellMaps& tool = tools[worker];
    for (int b = begin; b < end; ++b) {
      Batch& batch = to[static_cast<std::size_t>(b)];
      batch.map = MapKind::constant;
      each_part(batches, b, [&](const LocalId* cells, int) {
        batch.map = std::max(batch.map, tool.look(cells));
      });
      LocalId& count = batch.map == MapKind::constant      ? counts[worker].constant
                       : batch.map == MapKind::multilinear ? counts[worker].multilinear
                                                           : counts[worker].stored;
      for (int l = 0; l < batches.width; ++l)
        count += batches.cells[static_cast<std::size_t>(b * batches.width + l)] >= 0 ? 1 : 0;
      const int n = tool.n_map_numbers(batch.map);
      auto* geometry = pools[worker].take(static_cast<std::size_t>(n));
      each_part(batches, b, [&](const LocalId* cells, int lane) {
        tool.compute_map(cells, batch.map);
        put_lanes(geometry, n, lane, [&](int i) { return tool.map_number(i); });
      });
      batch.geometry = geometry;
      more(worker, b, tool);
    }
  });
  MapCounts all;
  for (const MapCounts& one : counts) {
    all.constant += one.constant;
    all.multilinear += one.multilinear;
    all.stored += one.stored;
  }
  return all;
}

}  // namespace ritz::assembly
