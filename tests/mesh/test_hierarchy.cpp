#include "ritz/mesh/hierarchy.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <set>

#include "mesh_tools.hpp"

namespace ritz::mesh {
namespace {

const comm::Communicator& world() {
  static const auto communicator = comm::Communicator::world();  // not before MPI_Init
  return communicator;
}

std::vector<int> scattered(const Mesh& raw) {
  std::vector<int> part;
  for (const GlobalId id : raw.cell_gid) {
    part.push_back(static_cast<int>(test::mix(static_cast<std::uint64_t>(id)) %
                                    static_cast<unsigned>(world().size())));
  }
  return part;
}

std::vector<Box> boxes() {
  std::vector<Box> list;
  for (const CellType type : {CellType::line, CellType::quad, CellType::hex}) {
    Box box;
    box.cell_type = type;
    box.cells = {8, 4, 12};
    box.lower = {-1, 0, 2};
    box.upper = {1, 0.5, 5};
    list.push_back(box);
    box.grading = {8, 0.25, 1};
    list.push_back(box);
    box.distortion = Box::Distortion::smooth;
    box.distortion_amount = 0.1;
    list.push_back(box);
    box.distortion = Box::Distortion::random;
    box.distortion_amount = 0.5;
    list.push_back(box);
    if (type == CellType::line) continue;
    box.distortion = Box::Distortion::kershaw;
    list.push_back(box);
  }
  return list;
}

std::array<double, 3> node(const Mesh& mesh, LocalId cell, int v) {
  const auto d = static_cast<std::size_t>(mesh.dimension());
  const auto at =
      static_cast<std::size_t>(mesh.cell_nodes[static_cast<std::size_t>(cell) *
                                                   static_cast<std::size_t>(mesh.nodes_per_cell()) +
                                               static_cast<std::size_t>(v)]);
  std::array<double, 3> x{};
  for (std::size_t c = 0; c < d; ++c) x[c] = mesh.node_coordinates[at * d + c];
  return x;
}

GlobalId vertex_gid(const Mesh& mesh, LocalId cell, int v) {
  return mesh.node_gid[static_cast<std::size_t>(
      mesh.cell_nodes[static_cast<std::size_t>(cell) *
                          static_cast<std::size_t>(mesh.nodes_per_cell()) +
                      static_cast<std::size_t>(v)])];
}

/// Owned cells are children of owned cells, each owned cell has all its children, vertices of the
/// child that agree with `corner` in the halved directions are the parent's, and those that differ
/// in all of them are the middles.
void check_parents(const Hierarchy& hierarchy, bool middles) {
  ASSERT_EQ(hierarchy.parents.size() + 1, hierarchy.meshes.size());
  for (std::size_t l = 0; l < hierarchy.parents.size(); ++l) {
    const Mesh& coarse = hierarchy.meshes[l];
    const Mesh& fine = hierarchy.meshes[l + 1];
    const Parents& parents = hierarchy.parents[l];
    const int n_vertices = table(coarse.cell_type).n_vertices;
    const int halved = parents.halved & all_directions(coarse.dimension());
    ASSERT_EQ(coarse.n_cells_global << std::popcount(static_cast<unsigned>(halved)),
              fine.n_cells_global);
    ASSERT_EQ(parents.cell.size(), fine.cell_gid.size());
    std::map<LocalId, std::set<int>> corners;
    for (LocalId cell = 0; cell < fine.n_cells(); ++cell) {
      const auto i = static_cast<std::size_t>(cell);
      const LocalId parent = parents.cell[i];
      const int corner = parents.corner[i];
      ASSERT_EQ(cell < fine.n_cells_owned, parent < coarse.n_cells_owned);
      if (cell < fine.n_cells_owned) corners[parent].insert(corner);
      ASSERT_EQ(corner & ~halved, 0);
      for (int v = 0; v < n_vertices; ++v) {
        const auto here = node(fine, cell, v);
        if ((v & halved) == corner) {
          const auto there = node(coarse, parent, v);
          for (std::size_t d = 0; d < 3; ++d) ASSERT_NEAR(here[d], there[d], 1e-14);
        }
        if (!middles || (v & halved) != (corner ^ halved)) continue;
        // The mean of the parent's vertices that agree in the directions left: exact up to a few
        // roundings.
        std::array<double, 3> mean{};
        const double n_agreeing = std::exp2(std::popcount(static_cast<unsigned>(halved)));
        for (int w = 0; w < n_vertices; ++w) {
          if (((v ^ w) & ~halved) != 0) continue;
          for (std::size_t d = 0; d < 3; ++d) mean[d] += node(coarse, parent, w)[d] / n_agreeing;
        }
        for (std::size_t d = 0; d < 3; ++d) ASSERT_NEAR(here[d], mean[d], 1e-14);
      }
    }
    ASSERT_EQ(corners.size(), static_cast<std::size_t>(coarse.n_cells_owned));
    for (const auto& [parent, set] : corners) {
      ASSERT_EQ(set.size(), std::size_t{1} << std::popcount(static_cast<unsigned>(halved)));
    }
  }
}

/// Every mesh of the hierarchy is the one that make_box() makes on one rank.
void check_box(const Box& box, const std::vector<Directions>& steps) {
  const Hierarchy hierarchy = make_box_hierarchy(world(), box, steps, scattered);
  ASSERT_EQ(hierarchy.meshes.size(), steps.size() + 1);
  for (std::size_t l = 0; l <= steps.size(); ++l) {
    Box same = box;
    for (std::size_t step = 0; step + l < steps.size(); ++step) {
      for (std::size_t d = 0; d < 3; ++d) same.stride[d] *= 1 + (steps[step] >> d & 1);
    }
    if (l > 0) {
      ASSERT_EQ(hierarchy.parents[l - 1].halved, steps[steps.size() - l]);
    }
    const Mesh whole = make_box(comm::Communicator::self(), same);
    const Mesh& mesh = hierarchy.meshes[l];
    ASSERT_EQ(mesh.n_cells_global, whole.n_cells_global);
    ASSERT_EQ(world().sum<GlobalId>(mesh.n_cells_owned), whole.n_cells_global);
    for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
      const auto other = static_cast<LocalId>(mesh.cell_gid[static_cast<std::size_t>(cell)]);
      for (int v = 0; v < mesh.nodes_per_cell(); ++v) {
        ASSERT_EQ(vertex_gid(mesh, cell, v), vertex_gid(whole, other, v));
        ASSERT_EQ(node(mesh, cell, v), node(whole, other, v));  // the same bits
      }
      ASSERT_EQ(mesh.exterior[static_cast<std::size_t>(cell)],
                whole.exterior[static_cast<std::size_t>(other)]);
    }
    ASSERT_EQ(mesh.set_names, whole.set_names);
  }
  const bool straight = box.distortion == Box::Distortion::none && box.grading[0] == 1.0;
  check_parents(hierarchy, straight);
}

TEST(BoxHierarchy, FinestIsTheDirectGeneratorsMesh) {
  for (const Box& box : boxes()) {
    const int dimension = table(box.cell_type).dimension;
    // Bits of directions that the box does not have say nothing.
    std::vector<std::vector<Directions>> ways{{7, 7}};
    if (dimension == 2) ways.push_back({2, 1, 2});
    if (dimension == 3) ways.push_back({4, 6, 1});
    for (const std::vector<Directions>& steps : ways) check_box(box, steps);
  }
}

TEST(BoxSteps, StopWhereSharesBecomeUnequal) {
  Box box;
  box.cells = {64, 64, 64};
  const auto n_steps = [&](int n_ranks) { return box_steps(box, n_ranks).size(); };
  EXPECT_EQ(n_steps(1), 5U);    // 2^3 cells
  EXPECT_EQ(n_steps(2), 4U);    // 4^3, 32 a rank
  EXPECT_EQ(n_steps(4), 4U);    // 16 a rank
  EXPECT_EQ(n_steps(3), 3U);    // 8^3: 64 / 3 would be uneven
  EXPECT_EQ(n_steps(512), 1U);  // 32^3, 64 a rank
  EXPECT_EQ(box_steps(box, 1), std::vector<Directions>(5, 7));
  box.cells = {64, 24, 64};
  box.upper[1] = 0.375;
  EXPECT_EQ(n_steps(1), 3U);  // 24 = 3 * 8
  box.cells = {65, 64, 64};
  box.upper[1] = 1;
  EXPECT_EQ(n_steps(1), 0U);
  box.cells = {64, 64, 64};
  box.cell_type = CellType::tet;
  EXPECT_EQ(n_steps(1), 0U);
  box.cell_type = CellType::quad;
  EXPECT_EQ(box_steps(box, 1), std::vector<Directions>(4, 3));  // 4^2
}

TEST(BoxSteps, StrongCouplingsFirst) {
  using Steps = std::vector<Directions>;
  Box box;
  box.cells = {16, 16, 16};
  box.upper = {100, 10, 1};
  // Couplings 1 : 100 : 10^4. z three times: 156. y and z: 25 : 39, z has one cell. y twice: 1.6.
  const Steps expected{4, 4, 4, 6, 2, 2};
  EXPECT_EQ(box_steps(box, 1), expected);
  EXPECT_EQ(box_steps(box, 4), expected);                 // 32 cells: 8 a rank
  EXPECT_EQ(box_steps(box, 32), expected);                // 1 a rank
  EXPECT_EQ(box_steps(box, 3), expected);                 // 10 or 11 a rank
  EXPECT_EQ(box_steps(box, 33), Steps({4, 4, 4, 6, 2}));  // not 32 on 33
  EXPECT_EQ(box_steps(box, 21), Steps({4, 4, 4, 6}));     // not 64: 4 on one, 3.05 in the mean
  box.upper = {1, 1, 1};
  EXPECT_EQ(box_steps(box, 1, {1, 100, 1e4}), expected);
  EXPECT_EQ(box_steps(box, 1, {2, 2, 2}), Steps({7, 7, 7}));
  for (const double odd : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(box_steps(box, 1, {1, odd, 1}), Steps({7, 7, 7}));
  }
  box.upper = {2, 1, 1};                           // one halving gives cubes
  EXPECT_EQ(box_steps(box, 1), Steps({6, 7, 7}));  // to 4 * 2 * 2 cells
  box.upper = {1.5, 1, 1};                         // 2.25: near enough
  EXPECT_EQ(box_steps(box, 1), Steps({7, 7, 7}));
  box.cells = {16, 16, 15};
  box.upper = {100, 10, 1};  // z cannot be halved; y can, until it is like x
  EXPECT_EQ(box_steps(box, 1), Steps({2, 2, 2}));
}

TEST(RefinedHierarchy, KeepsTheMeshesBetween) {
  for (const CellType type : {CellType::line, CellType::quad, CellType::hex}) {
    for (const bool curved : {false, true}) {
      const Mesh mesh = test::make_mesh(
          world(), {.type = type, .how = test::Spread::scattered, .curved = curved});
      Hierarchy hierarchy = single(mesh);
      refine(hierarchy, 2);
      ASSERT_EQ(hierarchy.meshes.size(), 3U);
      check_parents(hierarchy, !curved);
      const Mesh direct = refine(mesh, 2);
      EXPECT_EQ(hierarchy.finest().cell_gid, direct.cell_gid);
      EXPECT_EQ(hierarchy.finest().cell_nodes, direct.cell_nodes);
      EXPECT_EQ(hierarchy.finest().node_gid, direct.node_gid);
      EXPECT_EQ(hierarchy.finest().node_coordinates, direct.node_coordinates);
    }
  }
  Hierarchy tets = single(test::make_mesh(world(), {.type = CellType::tet}));
  refine(tets, 1);
  EXPECT_EQ(tets.meshes.size(), 1U);
}

/// Sets of the mesh's cells, owned and ghost, by persistent ids.
std::set<std::array<GlobalId, 3>> sets_by_id(const Mesh& mesh, bool owned_only) {
  std::set<std::array<GlobalId, 3>> all;
  for (const FacetInSet& one : mesh.facet_sets) {
    if (owned_only && one.cell >= mesh.n_cells_owned) continue;
    all.insert({mesh.cell_gid[static_cast<std::size_t>(one.cell)], one.facet, one.set});
  }
  return all;
}

TEST(InheritSets, GivesBackWhatRefinementPassedOn) {
  for (const CellType type : {CellType::line, CellType::quad, CellType::hex}) {
    Hierarchy hierarchy =
        single(test::make_mesh(world(), {.type = type, .how = test::Spread::scattered}));
    const auto before = sets_by_id(hierarchy.finest(), false);
    refine(hierarchy, 2);
    hierarchy.meshes[0].facet_sets.clear();
    hierarchy.meshes[1].facet_sets.clear();
    inherit_sets(hierarchy);
    EXPECT_EQ(sets_by_id(hierarchy.meshes[0], false), before);
  }
}

TEST(InheritSets, ASetOfOneSmallFacetStaysASet) {
  Box box;
  box.cells = {8, 8, 8};
  Hierarchy hierarchy = make_box_hierarchy(world(), box, {7, 7}, scattered);
  Mesh& fine = hierarchy.finest();
  fine.set_names.push_back("spot");
  const auto spot = static_cast<std::int16_t>(fine.set_names.size() - 1);
  const GlobalId at = 5 + 8 * 3;  // z = 0: facet 4
  for (LocalId cell = 0; cell < fine.n_cells(); ++cell) {
    if (fine.cell_gid[static_cast<std::size_t>(cell)] == at) {
      fine.facet_sets.push_back({cell, 4, spot});
    }
  }
  std::sort(fine.facet_sets.begin(), fine.facet_sets.end());
  inherit_sets(hierarchy);
  for (std::size_t l = 0; l < 3; ++l) {
    const Mesh& mesh = hierarchy.meshes[l];
    ASSERT_EQ(mesh.set_names.back(), "spot");
    const GlobalId wanted = l == 2 ? at : l == 1 ? 2 + 4 * 1 : 1;
    GlobalId n = 0;
    for (const auto& one : sets_by_id(mesh, true)) {
      if (one[2] != spot) continue;
      ++n;
      EXPECT_EQ(one[0], wanted);
      EXPECT_EQ(one[1], 4);
    }
    EXPECT_EQ(world().sum(n), 1);
    // Every rank that sees the cell sees the set.
    for (LocalId cell = 0; cell < mesh.n_cells(); ++cell) {
      const GlobalId id = mesh.cell_gid[static_cast<std::size_t>(cell)];
      EXPECT_EQ(sets_by_id(mesh, false).count({id, 4, spot}), id == wanted ? 1U : 0U);
    }
  }
}

TEST(InheritSets, ThroughPartialHalving) {
  Box box;
  box.cells = {8, 8, 8};
  Hierarchy hierarchy = make_box_hierarchy(world(), box, {4, 6}, scattered);
  Mesh& fine = hierarchy.finest();
  fine.set_names.push_back("spot");
  const auto spot = static_cast<std::int16_t>(fine.set_names.size() - 1);
  // At (7, 5, 3), x = 1: facet 1; and inside, z = 2/8 below (1, 1, 2), which is between children
  // of one parent after the second halving, not after the first.
  const std::array<std::pair<GlobalId, int>, 2> at{{{7 + 5 * 8 + 3 * 64, 1}, {1 + 8 + 2 * 64, 4}}};
  for (LocalId cell = 0; cell < fine.n_cells(); ++cell) {
    for (const auto& [id, facet] : at) {
      if (fine.cell_gid[static_cast<std::size_t>(cell)] != id) continue;
      fine.facet_sets.push_back({cell, static_cast<std::int16_t>(facet), spot});
    }
  }
  std::sort(fine.facet_sets.begin(), fine.facet_sets.end());
  inherit_sets(hierarchy);
  const std::array<std::vector<std::pair<GlobalId, int>>, 3> expected{
      {{{7 + 2 * 8, 1}}, {{7 + 5 * 8 + 64, 1}, {1 + 8 + 64, 4}}, {at[0], at[1]}}};
  for (std::size_t l = 0; l < 3; ++l) {
    std::set<std::pair<GlobalId, int>> wanted(expected[l].begin(), expected[l].end());
    const Mesh& mesh = hierarchy.meshes[l];
    GlobalId n = 0;
    for (const auto& one : sets_by_id(mesh, true)) {
      if (one[2] != spot) continue;
      ++n;
      EXPECT_EQ(wanted.count({one[0], static_cast<int>(one[1])}), 1U) << one[0] << ", " << one[1];
    }
    EXPECT_EQ(world().sum(n), static_cast<GlobalId>(wanted.size())) << "mesh " << l;
  }
}

}  // namespace
}  // namespace ritz::mesh
