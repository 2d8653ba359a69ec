#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "ritz/mesh/box.hpp"
#include "ritz/partition/partition.hpp"

namespace {

using namespace ritz;
using deck::PartitionMethod;

comm::Communicator world() {
  return comm::Communicator::world();
}

const std::vector<PartitionMethod> all_methods{PartitionMethod::multijagged, PartitionMethod::rcb,
                                               PartitionMethod::block, PartitionMethod::graph,
                                               PartitionMethod::hypergraph};

mesh::Mesh box(mesh::CellType type, std::array<GlobalId, 3> cells, double amount = 0,
               double grading = 1) {
  mesh::Box box;
  box.cell_type = type;
  box.cells = cells;
  if (amount > 0) {
    box.distortion = mesh::Box::Distortion::random;
    box.distortion_amount = amount;
  }
  box.grading = {grading, 1, grading};
  return mesh::make_box(world(), box);
}

/// One cell as everybody sees it.
struct Cell {
  GlobalId gid;
  std::int64_t part;
  double weight;
  std::array<GlobalId, 8> vertices;
};

/// All cells of the mesh on every rank.
std::vector<Cell> everything(const mesh::Mesh& mesh, const std::vector<int>& part,
                             const std::vector<double>& weights = {}) {
  const auto n_vertices = static_cast<std::size_t>(mesh::table(mesh.cell_type).n_vertices);
  const auto stride = static_cast<std::size_t>(mesh.nodes_per_cell());
  std::vector<Cell> mine;
  for (std::size_t c = 0; c < static_cast<std::size_t>(mesh.n_cells_owned); ++c) {
    Cell cell{mesh.cell_gid[c], part[c], weights.empty() ? 1.0 : weights[c], {}};
    cell.vertices.fill(-1);
    for (std::size_t v = 0; v < n_vertices; ++v)
      cell.vertices[v] = mesh.node_gid[static_cast<std::size_t>(mesh.cell_nodes[c * stride + v])];
    mine.push_back(cell);
  }
  std::vector<Cell> all = world().gather(std::span<const Cell>(mine));
  world().broadcast(all);
  return all;
}

/// The quality figures counted the slow way from the whole mesh.
void expect_same_as_brute_force(const mesh::Mesh& mesh, const std::vector<int>& part,
                                const partition::Quality& quality,
                                const std::vector<double>& weights = {}) {
  const std::vector<Cell> cells = everything(mesh, part, weights);
  ASSERT_EQ(static_cast<GlobalId>(cells.size()), mesh.n_cells_global);
  const int n_ranks = world().size();
  std::vector<GlobalId> count(static_cast<std::size_t>(n_ranks), 0);
  std::vector<double> load(static_cast<std::size_t>(n_ranks), 0);
  std::set<GlobalId> seen;
  std::map<GlobalId, std::set<std::int64_t>> ranks_of;
  double total = 0;
  for (const Cell& cell : cells) {
    ASSERT_TRUE(seen.insert(cell.gid).second) << "cell " << cell.gid << " twice";
    ASSERT_GE(cell.part, 0);
    ASSERT_LT(cell.part, n_ranks);
    ++count[static_cast<std::size_t>(cell.part)];
    load[static_cast<std::size_t>(cell.part)] += cell.weight;
    total += cell.weight;
    for (GlobalId v : cell.vertices)
      if (v >= 0) ranks_of[v].insert(cell.part);
  }
  std::set<std::pair<std::int64_t, std::int64_t>> pairs;
  GlobalId n_shared = 0;
  for (const auto& [vertex, ranks] : ranks_of) {
    if (ranks.size() > 1) ++n_shared;
    for (std::int64_t a : ranks)
      for (std::int64_t b : ranks)
        if (a != b) pairs.insert({a, b});
  }
  std::vector<int> neighbours(static_cast<std::size_t>(n_ranks), 0);
  for (const auto& [a, b] : pairs) ++neighbours[static_cast<std::size_t>(a)];
  EXPECT_EQ(quality.cells_min, *std::min_element(count.begin(), count.end()));
  EXPECT_EQ(quality.cells_max, *std::max_element(count.begin(), count.end()));
  EXPECT_EQ(quality.n_empty_ranks, std::count(count.begin(), count.end(), 0));
  // Sums of at most 10^4 small multiples of 1/8: exact.
  EXPECT_DOUBLE_EQ(quality.imbalance,
                   *std::max_element(load.begin(), load.end()) / (total / n_ranks));
  EXPECT_EQ(quality.n_shared_vertices, n_shared);
  EXPECT_EQ(quality.n_vertices, static_cast<GlobalId>(ranks_of.size()));
  EXPECT_EQ(quality.neighbours_max, *std::max_element(neighbours.begin(), neighbours.end()));
  EXPECT_DOUBLE_EQ(quality.neighbours_average, static_cast<double>(pairs.size()) / n_ranks);
}

TEST(Partition, EveryMethodCoversEveryMeshAndIsBalanced) {
  for (const auto& [type, cells] : std::vector<std::pair<mesh::CellType, std::array<GlobalId, 3>>>{
           {mesh::CellType::line, {97, 1, 1}},
           {mesh::CellType::tri, {11, 9, 1}},
           {mesh::CellType::quad, {16, 13, 1}},
           {mesh::CellType::tet, {6, 5, 4}},
           {mesh::CellType::hex, {8, 7, 5}}}) {
    const mesh::Mesh mesh = box(type, cells, 0.3, 20);
    for (PartitionMethod method : all_methods) {
      SCOPED_TRACE(std::string(mesh::table(type).name) + " " + partition::name(method));
      partition::Quality quality;
      const deck::PartitionOptions options{method, 1.08};
      const std::vector<int> part = partition::compute(mesh, options, &quality);
      expect_same_as_brute_force(mesh, part, quality);
      EXPECT_EQ(quality.n_empty_ranks, 0);
      // One cell more than the average is always allowed.
      EXPECT_LE(quality.imbalance, std::max(1.08, 1 + 1 / quality.cells_average));
      EXPECT_EQ(quality.method, partition::name(method)) << "fell back to another method";
      EXPECT_TRUE(quality.fallbacks.empty());
      EXPECT_EQ(part, partition::compute(mesh, options)) << "not the same a second time";
    }
  }
}

TEST(Partition, TheGraphMethodsCutLessThanARandomPartition) {
  const mesh::Mesh mesh = box(mesh::CellType::quad, {24, 24, 1});
  std::vector<int> scattered;
  for (GlobalId gid : std::span(mesh.cell_gid).first(std::size_t(mesh.n_cells_owned)))
    scattered.push_back(static_cast<int>(gid * 7919 % 1009 % world().size()));
  const partition::Quality worst = partition::measure(mesh, scattered);
  for (PartitionMethod method :
       {PartitionMethod::graph, PartitionMethod::hypergraph, PartitionMethod::multijagged}) {
    partition::Quality quality;
    static_cast<void>(partition::compute(mesh, {method, 1.05}, &quality));
    if (world().size() == 1) {
      EXPECT_EQ(quality.n_shared_vertices, 0);
    } else {
      // A cut of a 24 x 24 grid into p strips shares 25 (p - 1) vertices; twice that is generous.
      EXPECT_LE(quality.n_shared_vertices, 50 * (world().size() - 1)) << partition::name(method);
      EXPECT_GT(worst.n_shared_vertices, 4 * quality.n_shared_vertices);
    }
  }
}

TEST(Partition, MoreRanksThanCellsWorks) {
  for (GlobalId n : {1, 2, 3}) {
    const mesh::Mesh mesh = box(mesh::CellType::quad, {n, 1, 1});
    for (PartitionMethod method : all_methods) {
      partition::Quality quality;
      const std::vector<int> part = partition::compute(mesh, {method, 1.05}, &quality);
      expect_same_as_brute_force(mesh, part, quality);
      if (n <= world().size()) {
        EXPECT_EQ(quality.cells_max, 1);
        EXPECT_EQ(quality.n_empty_ranks, world().size() - n);
      }
      const bool told =
          world().size() > 1 && n <= world().size() && method != PartitionMethod::block;
      EXPECT_EQ(quality.fallbacks.size(), told ? 1u : 0u);
    }
  }
}

TEST(Partition, CellsThatAllStartOnOneRank) {
  const mesh::Mesh source = box(mesh::CellType::tri, {10, 10, 1}, 0.2);
  const mesh::Mesh mesh = mesh::distribute(
      source, std::vector<int>(std::size_t(source.n_cells_owned), world().size() - 1), true);
  for (PartitionMethod method : all_methods) {
    SCOPED_TRACE(partition::name(method));
    partition::Quality quality;
    const std::vector<int> part = partition::compute(mesh, {method, 1.05}, &quality);
    expect_same_as_brute_force(mesh, part, quality);
    EXPECT_EQ(quality.n_empty_ranks, 0);
    EXPECT_LE(quality.imbalance, std::max(1.05, 1 + 1 / quality.cells_average));
  }
}

TEST(Partition, WeightsAreBalancedInsteadOfCounts) {
  const mesh::Mesh mesh = box(mesh::CellType::quad, {40, 25, 1});
  // The left quarter costs nine times as much.
  std::vector<double> weights;
  const std::vector<double> centroids = mesh::centroids(mesh);
  for (std::size_t c = 0; c < std::size_t(mesh.n_cells_owned); ++c)
    weights.push_back(centroids[2 * c] < 0.25 ? 9.0 : 1.0);
  for (PartitionMethod method : {PartitionMethod::multijagged, PartitionMethod::rcb,
                                 PartitionMethod::graph, PartitionMethod::hypergraph}) {
    SCOPED_TRACE(partition::name(method));
    partition::Quality quality;
    const std::vector<int> part = partition::compute(mesh, {method, 1.1}, &quality, weights);
    expect_same_as_brute_force(mesh, part, quality, weights);
    EXPECT_LE(quality.imbalance, 1.1);
    EXPECT_EQ(quality.method, partition::name(method));
    if (world().size() > 1) {
      EXPECT_GT(quality.cells_max, 1.2 * quality.cells_average);
    }
  }
}

// Cells that all lie at the same place cannot be told apart by a geometric method.
TEST(Partition, FallsOverLoudlyWhenTheMethodCannotBalance) {
  mesh::Mesh mesh = box(mesh::CellType::quad, {20, 10, 1});
  for (double& c : mesh.node_coordinates) c = 0.5;
  partition::Quality quality;
  const std::vector<int> part =
      partition::compute(mesh, {PartitionMethod::multijagged, 1.02}, &quality);
  expect_same_as_brute_force(mesh, part, quality);
  EXPECT_EQ(quality.n_empty_ranks, 0);
  EXPECT_LE(quality.imbalance, std::max(1.02, 1 + 1 / quality.cells_average));
  if (quality.method != "multijagged") {
    ASSERT_FALSE(quality.fallbacks.empty());
    EXPECT_NE(quality.fallbacks.front().find("multijagged"), std::string::npos);
  }
}

TEST(Partition, AnImbalanceThatBlocksCannotAvoidIsReported) {
  if (world().size() == 1) {
    const mesh::Mesh mesh = box(mesh::CellType::line, {5, 1, 1});
    partition::Quality quality;
    const std::vector<int> part = partition::compute(mesh, {}, &quality);
    EXPECT_EQ(part, std::vector<int>(5, 0));
    EXPECT_EQ(quality.imbalance, 1.0);
    return;
  }
  // Weights that grow along x: equal blocks of cells are far from balanced, so block must give way.
  const mesh::Mesh mesh = box(mesh::CellType::line, {200, 1, 1});
  std::vector<double> weights;
  for (std::size_t c = 0; c < std::size_t(mesh.n_cells_owned); ++c)
    weights.push_back(1.0 + static_cast<double>(mesh.cell_gid[c]));
  partition::Quality quality;
  const std::vector<int> part =
      partition::compute(mesh, {PartitionMethod::block, 1.05}, &quality, weights);
  EXPECT_NE(quality.method, "block");
  ASSERT_EQ(quality.fallbacks.size(), 1u);
  EXPECT_NE(quality.fallbacks[0].find("block: imbalance"), std::string::npos)
      << quality.fallbacks[0];
  EXPECT_LE(quality.imbalance, 1.05);
  expect_same_as_brute_force(mesh, part, quality, weights);
}

TEST(Partition, MeasureRefusesRanksThatDoNotExist) {
  const mesh::Mesh mesh = box(mesh::CellType::line, {7, 1, 1});
  std::vector<int> part(std::size_t(mesh.n_cells_owned), 0);
  if (!part.empty()) part.back() = world().size();
  EXPECT_THROW(static_cast<void>(partition::measure(mesh, part)), base::Error);
}

}  // namespace
