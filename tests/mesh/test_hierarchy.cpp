#include "ritz/mesh/hierarchy.hpp"

#include <gtest/gtest.h>

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

/// Owned cells are children of owned cells, each owned cell has all its children, vertex `corner`
/// of the child is the same vertex of the parent, and the children's others are the middles.
void check_parents(const Hierarchy& hierarchy, bool middles) {
  ASSERT_EQ(hierarchy.parents.size() + 1, hierarchy.meshes.size());
  for (std::size_t l = 0; l < hierarchy.parents.size(); ++l) {
    const Mesh& coarse = hierarchy.meshes[l];
    const Mesh& fine = hierarchy.meshes[l + 1];
    const Parents& parents = hierarchy.parents[l];
    const int n_vertices = table(coarse.cell_type).n_vertices;
    ASSERT_EQ(parents.cell.size(), fine.cell_gid.size());
    std::map<LocalId, std::set<int>> corners;
    for (LocalId cell = 0; cell < fine.n_cells(); ++cell) {
      const auto i = static_cast<std::size_t>(cell);
      const LocalId parent = parents.cell[i];
      const int corner = parents.corner[i];
      ASSERT_EQ(cell < fine.n_cells_owned, parent < coarse.n_cells_owned);
      if (cell < fine.n_cells_owned) corners[parent].insert(corner);
      const auto here = node(fine, cell, corner), there = node(coarse, parent, corner);
      for (std::size_t d = 0; d < 3; ++d) ASSERT_NEAR(here[d], there[d], 1e-14);
      if (!middles) continue;
      // The vertex opposite to `corner` is the middle of the parent: exact up to a few roundings.
      const auto middle = node(fine, cell, n_vertices - 1 - corner);
      std::array<double, 3> mean{};
      for (int v = 0; v < n_vertices; ++v) {
        for (std::size_t d = 0; d < 3; ++d) mean[d] += node(coarse, parent, v)[d] / n_vertices;
      }
      for (std::size_t d = 0; d < 3; ++d) ASSERT_NEAR(middle[d], mean[d], 1e-14);
    }
    ASSERT_EQ(corners.size(), static_cast<std::size_t>(coarse.n_cells_owned));
    for (const auto& [parent, set] : corners) {
      ASSERT_EQ(set.size(), static_cast<std::size_t>(n_vertices));
    }
  }
}

TEST(BoxHierarchy, FinestIsTheDirectGeneratorsMesh) {
  for (const Box& box : boxes()) {
    const Hierarchy hierarchy = make_box_hierarchy(world(), box, 2, scattered);
    ASSERT_EQ(hierarchy.meshes.size(), 3U);
    for (std::size_t l = 0; l < 3; ++l) {
      Box same = box;
      same.stride = 4 >> l;
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
}

TEST(BoxHierarchy, StopsWhereSharesBecomeUnequal) {
  Box box;
  box.cells = {64, 64, 64};
  EXPECT_EQ(box_levels(box, 1), 5);    // 2^3 cells
  EXPECT_EQ(box_levels(box, 2), 4);    // 4^3, 32 a rank
  EXPECT_EQ(box_levels(box, 4), 4);    // 16 a rank
  EXPECT_EQ(box_levels(box, 3), 3);    // 8^3: 64 / 3 would be uneven
  EXPECT_EQ(box_levels(box, 512), 1);  // 32^3, 64 a rank
  box.cells = {64, 24, 64};
  EXPECT_EQ(box_levels(box, 1), 3);  // 24 = 3 * 8
  box.cells = {65, 64, 64};
  EXPECT_EQ(box_levels(box, 1), 0);
  box.cells = {64, 64, 64};
  box.cell_type = CellType::tet;
  EXPECT_EQ(box_levels(box, 1), 0);
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
  Hierarchy hierarchy = make_box_hierarchy(world(), box, 2, scattered);
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

}  // namespace
}  // namespace ritz::mesh
